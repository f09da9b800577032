//! The functions as deployed: release binaries under AWS's Lambda Runtime Interface Emulator, with the environment,
//! memory and role that template.yaml gives each, against an emulator of DynamoDB, S3, SQS, STS and CloudWatch in which
//! the same template was deployed.
//!
//! Three things differ from a real deployment: the endpoint of AWS, the folder of the models (there is no layer), and
//! that this program takes the place of API Gateway, the queues' event source mappings and the schedule. The deployment
//! itself is that of `cargo xtask lambda`: the crate `cutline-deployment`. [`clock`]
//! moves a job's times into the past, so that no scenario waits.
//!
//! `cargo xtask test deployed` builds the functions and starts the emulators. All scenarios share one deployment, so they
//! run one after another, and this program has its own `main`. A scenario is selected by a part of its name:
//! `cargo xtask test deployed -- killed_worker`.

mod batch;
mod checks;
mod clock;
mod commands;
mod delivery;
mod doctor;
mod drops;
mod job_routes;
mod jobs;
mod lambda_command;
mod origin;
mod pages;
mod photo;
mod recuts;
mod roles;
mod sam_local;
mod samples;
mod server;
mod sso;
mod uploads;
mod webhooks;
mod workers;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use world::World;

/// A test against the deployment. It fails by an error or a panic.
struct Scenario {
    name: &'static str,
    run: for<'w> fn(&'w World) -> LocalBoxFuture<'w, anyhow::Result<()>>,
}

macro_rules! scenarios {
    ($($module:ident::$name:ident),* $(,)?) => {
        vec![$(Scenario {
            name: concat!(stringify!($module), "::", stringify!($name)),
            run: |world| $module::$name(world).boxed_local(),
        }),*]
    };
}

fn scenarios() -> Vec<Scenario> {
    scenarios![
        samples::every_sample_event_has_the_expected_answer,
        sam_local::sample_events_have_the_same_answers_in_sams_local_environment,
        jobs::an_uploaded_photo_is_cut_out,
        jobs::a_finished_job_is_a_metric_in_the_log,
        jobs::a_photo_behind_a_url_is_cut_out,
        jobs::the_default_mode_cuts_along_a_path,
        jobs::upload_changes_parameter_sets_and_status_reads_them,
        jobs::a_private_address_is_refused,
        jobs::a_source_that_answers_404_fails_the_job_at_once,
        job_routes::a_job_is_listed_repeated_and_deleted,
        job_routes::a_deleted_job_is_not_processed,
        recuts::a_held_job_is_corrected_and_approved,
        recuts::a_job_is_cut_by_uploaded_masks_and_deleted_with_them,
        recuts::a_retouched_file_is_the_mask_of_the_next_revision,
        delivery::a_message_delivered_twice_at_once_is_processed_once,
        delivery::a_poison_message_affects_no_other_and_ends_in_quarantine,
        delivery::a_killed_worker_costs_one_attempt,
        delivery::a_worker_that_wakes_too_late_changes_nothing,
        delivery::the_sweep_resends_a_lost_message,
        delivery::a_backlog_is_not_mistaken_for_a_lost_message,
        delivery::a_failed_send_leaves_no_job,
        delivery::a_dead_letter_without_attempts_left_fails_its_job,
        delivery::a_dead_letter_with_attempts_left_is_queued_again,
        drops::a_dropped_file_comes_back_with_a_manifest,
        drops::a_drop_event_delivered_twice_is_one_job,
        drops::a_refused_drop_has_a_manifest_with_the_reason,
        drops::the_sweep_has_a_missing_report_written,
        webhooks::the_sweep_sends_webhooks_to_public_addresses_only,
        server::a_server_accepts_uploads_too_large_for_the_gateway,
        server::a_server_shows_the_pages_of_its_deployment,
        uploads::a_directly_uploaded_photo_is_cut_out,
        uploads::a_deleted_upload_fails_its_job,
        uploads::an_upload_that_is_no_picture_is_refused,
        roles::roles_permit_their_own_work_only,
        roles::only_the_sweep_deletes_files,
        sso::an_sso_profile_gives_region_and_credentials,
        commands::jobs_are_listed_shown_repeated_and_deleted,
        commands::owners_and_keys_are_changed,
        doctor::the_doctor_finds_what_is_wrong_with_a_stack,
        lambda_command::a_developer_uploads_invokes_drops_and_ends_the_deployment,
        lambda_command::down_ends_what_a_killed_deployment_left,
        pages::a_browser_gets_the_pages_and_may_use_the_bucket,
        batch::a_folder_and_objects_in_s3_are_cut_out,
        // Last: the emulator goes on with the receives of ended workers, and would take messages of other scenarios.
        workers::a_killed_and_an_added_worker_lose_nothing,
    ]
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let deployment = if arguments.list { None } else { Some(Arc::new(Deployment::start())) };
    let trials = scenarios().into_iter().map(|Scenario { name, run }| {
        let deployment = deployment.clone();
        Trial::test(name, move || match deployment.as_deref() {
            Some(deployment) => deployment.run(run),
            None => Err("this run only lists scenarios".into()),
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed()
        && let Some(Ok(world)) = deployment.as_deref().map(|deployment| &deployment.world)
    {
        world.print_logs();
    }
    conclusion.exit_code()
}

/// The deployment that all scenarios share.
struct Deployment {
    // Before the runtime: a world's processes end within it.
    world: Result<World, String>,
    runtime: Runtime,
}

impl Deployment {
    /// Deploys. After a failure, every scenario fails with its reason.
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let world = runtime.block_on(World::start()).map_err(|error| format!("the deployment failed: {error:#}"));
        if let Ok(world) = &world {
            world.stack.print();
        }
        Self { world, runtime }
    }

    fn run(&self, scenario: for<'w> fn(&'w World) -> LocalBoxFuture<'w, anyhow::Result<()>>) -> Result<(), Failed> {
        let world = self.world.as_ref().map_err(Failed::from)?;
        let outcome = self.runtime.block_on(async {
            // Messages that a failed scenario left would make this one fail too.
            world.clear_queues().await?;
            scenario(world).await
        });
        outcome.map_err(|error| format!("{error:#}").into())
    }
}
