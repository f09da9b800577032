//! The four functions as they would be deployed: the release binaries, each under AWS's own Lambda Runtime
//! Interface Emulator, with the environment, the memory and the role that template.yaml gives it, against
//! an emulator of DynamoDB, S3, SQS, STS and CloudWatch in which that same template was deployed.
//!
//! What differs from a real deployment: the endpoint of AWS, the folder of the models (there is no layer),
//! and that this program stands for what starts functions: API Gateway, the queues' event source mappings
//! and the schedule. Time is not waited for: [`clock`] moves a job's times into the past instead.
//!
//! Run by `cargo xtask test`, which builds the functions and brings the emulators. It has a `main` of its
//! own because all scenarios share one deployment, which has to end with them.

mod clock;
mod dropping;
mod gateway;
mod lambda;
mod origin;
mod picture;
mod samples;
mod scenarios;
mod server;
mod sqs;
mod stack;
mod world;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use world::World;

/// A scenario: what it shows, and how. It fails by an error or by a panic.
type Scenario = (&'static str, for<'w> fn(&'w World) -> LocalBoxFuture<'w, anyhow::Result<()>>);

macro_rules! scenarios {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((stringify!($name), |world| $module::$name(world).boxed_local())),*]
    };
}

const SCENARIOS: [Scenario; 22] = scenarios![
    samples::every_sample_event_is_answered,
    scenarios::a_photo_that_was_uploaded_comes_back_cut_out,
    scenarios::a_photo_behind_a_url_comes_back_cut_out,
    scenarios::without_a_mode_a_photo_comes_back_cut_along_its_path,
    scenarios::parameter_sets_are_changed_by_one_function_and_read_by_the_other,
    scenarios::a_private_address_is_refused_as_deployed,
    scenarios::a_source_that_answers_404_fails_the_job_at_once,
    scenarios::a_message_delivered_twice_at_once_is_worked_on_once,
    scenarios::a_poison_message_spoils_no_other_and_ends_in_the_parking_queue,
    scenarios::a_killed_worker_costs_an_attempt_and_nothing_else,
    scenarios::a_worker_that_wakes_too_late_changes_nothing,
    scenarios::a_lost_message_is_sent_again_by_the_sweep,
    scenarios::a_backlog_is_not_taken_for_a_lost_message,
    scenarios::a_message_that_cannot_be_sent_leaves_no_job,
    scenarios::a_dead_letter_with_spent_attempts_ends_its_job,
    scenarios::a_dead_letter_with_attempts_left_is_queued_again,
    dropping::a_dropped_file_comes_back_beside_its_manifest,
    dropping::a_dropped_file_is_told_of_twice_and_is_one_job,
    dropping::a_file_for_nobody_has_a_manifest_that_says_so,
    dropping::what_was_not_reported_is_when_the_sweep_comes,
    server::a_server_beside_the_functions_takes_in_what_is_too_large_for_the_gateway,
    scenarios::a_role_may_do_its_own_work_and_no_other,
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(&wanted))
}

/// Runs the scenarios whose names contain one of `wanted`, or all, and reports them as cargo's own test
/// harness would.
async fn run(wanted: &[String]) -> ExitCode {
    let world = match World::start().await {
        Ok(world) => world,
        Err(error) => {
            eprintln!("the deployment could not be made: {error:#}");
            println!("test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
            return ExitCode::FAILURE;
        }
    };
    world.stack.print();
    let (mut passed, mut failed, mut left_out) = (0, 0, 0);
    println!("\nrunning {} scenarios", SCENARIOS.len());
    for (name, scenario) in SCENARIOS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            left_out += 1;
            continue;
        }
        let started = Instant::now();
        let outcome = AssertUnwindSafe(scenario(&world)).catch_unwind().await;
        let problem = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("panicked, as said above".to_owned()),
        };
        let took = started.elapsed().as_secs_f32();
        match problem {
            None => {
                passed += 1;
                println!("test {name} ... ok ({took:.1} s)");
            }
            Some(problem) => {
                failed += 1;
                println!("test {name} ... FAILED ({took:.1} s): {problem}");
            }
        }
        // What a failed scenario left in the queues would only fail the next.
        if let Err(error) = world.clear_queues().await {
            eprintln!("the queues could not be emptied: {error:#}");
        }
    }
    if failed > 0 {
        world.print_logs();
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {left_out} filtered out");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
