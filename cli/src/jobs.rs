//! `cutline jobs`: looking at jobs, repeating, correcting and deleting them.
//!
//! The commands run the API's use cases directly on the stores, for any owner and without a key. They open a data folder,
//! also while a server has it open, or a deployment's table. They print storage keys where the API returns links: only a
//! server can sign a link.

mod find;
mod list;
mod recut;
mod rerun;
mod show;
mod wiring;

use anyhow::{Context, anyhow, ensure};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use cutline_core::Job;
use cutline_core::domain::audit::Actor;
use cutline_core::usecases::{Delete, Retry, RetryError};

use self::find::{JobArgs, find, not_found};
use self::wiring::use_cases;
use crate::output::print;
use crate::stores::{PlaceArgs, QueueArgs, RetryStores};
use list::ListArgs;
use recut::RecutArgs;

/// List, show, repeat, correct and delete jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List an owner's jobs, newest first.
    List(ListArgs),
    /// Print a job's record as JSON.
    Show(ShowArgs),
    /// Repeat an ended job as a new one, and print the new job's id.
    Retry(RetryArgs),
    /// Correct the cut of a job, and print the id of the job that is held for review then.
    Recut(RecutArgs),
    /// Delete a job and its files. A pending job is cancelled. This cannot be undone.
    Delete(DeleteArgs),
}

/// Arguments of `jobs show`.
#[derive(Debug, Args)]
#[command(after_help = "\
`files` names the stored files of a job by their keys: below `folder` in a data folder, or in the
deployment's bucket.

Examples:
  cutline jobs show 019cdc54-2673-dc32-b9e5-6e1d36cc9e8a
  cutline jobs show 019cdc54-2673-dc32-b9e5-6e1d36cc9e8a --aws TABLE")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    job: JobArgs,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Arguments of `jobs retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
The new job has the old one's request and a copy of its photo. It costs a credit like an upload. The
server's --max-stored-bytes-per-owner does not apply.

The job waits in the queue: a running server takes it within a minute, another one at its next start.
Run the command as the user who runs the server, so that the server can read the copy.

Examples:
  cutline jobs retry ID
  cutline jobs retry ID --aws TABLE --bucket BUCKET --queue-url URL --bulk-queue-url URL \\
    --intake-queue-url URL --intake-bulk-queue-url URL")]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    job: JobArgs,

    #[command(flatten)]
    place: PlaceArgs,

    /// With --aws: the deployment's bucket, `BucketName` of the stack's outputs.
    #[arg(long, requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    bucket: Option<String>,

    #[command(flatten)]
    queues: QueueArgs,
}

/// Arguments of `jobs delete`.
#[derive(Debug, Args)]
#[command(after_help = "\
The job is gone at once, and a pending one gives its credit back. A running server, or the
deployment's sweep function, deletes its files within two minutes.")]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    job: JobArgs,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the command.
pub(crate) fn run(command: JobsCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            JobsCommand::List(args) => list::run(&args).await,
            JobsCommand::Show(args) => show(&args).await,
            JobsCommand::Retry(args) => retry(&args).await,
            JobsCommand::Recut(args) => recut::run(&args).await,
            JobsCommand::Delete(args) => delete(&args).await,
        }
    })
}

async fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let place = args.place.place()?;
    let use_cases = use_cases(place.records().await?);
    let job = find(&use_cases, &args.job).await?;
    print(&show::render(&job, place.files().as_deref())?)
}

async fn retry(args: &RetryArgs) -> anyhow::Result<()> {
    let place = args.place.place()?;
    let RetryStores { records, blobs, queue } = place.retry_stores(args.bucket.as_deref(), &args.queues).await?;
    let use_cases = use_cases(records);
    let job = find(&use_cases, &args.job).await?;
    let retry = Retry { actor: Actor::CommandLine, ..use_cases.retry(blobs, queue) };
    let new = retry.run(&job.owner, None, job.id, None).await;
    let new = new.map_err(|error| explain(error, &job))?;
    print(&format!("{}\n", new.id))
}

async fn delete(args: &DeleteArgs) -> anyhow::Result<()> {
    let use_cases = use_cases(args.place.place()?.records().await?);
    let job = find(&use_cases, &args.job).await?;
    let deletion = Delete { actor: Actor::CommandLine, ..use_cases.delete() };
    let is_deleted = deletion.run(&job.owner, job.id).await.context("cannot delete the job")?;
    // Another caller may have deleted it since it was found.
    ensure!(is_deleted, not_found(job.id));
    Ok(())
}

/// Why the job was not repeated, and what to do.
fn explain(error: RetryError, job: &Job) -> anyhow::Error {
    let Job { id, owner, .. } = job;
    match error {
        RetryError::InsufficientCredits => {
            anyhow!(
                "no credits left: owner {owner}; add some with `cutline owners set {owner} --credits +N` (for a deployment, with `--aws TABLE`)"
            )
        }
        RetryError::Rerun(error) => rerun::explain(error, *id, "cannot repeat the job"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use cutline_core::domain::job::{JobSpec, Source};
    use cutline_core::usecases::Env;
    use cutline_core::{Clock as _, DeliveryMode, Ids as _, JobId, Mode, Policy, SystemClock, SystemIds};
    use cutline_local::{DataDir, Database, LocalJobs};

    use super::*;
    use crate::cli::{Cli, Command};

    pub(super) fn parse(arguments: &[&str]) -> Result<JobsCommand, String> {
        let cli =
            Cli::try_parse_from(["cutline", "jobs"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        let Command::Jobs(command) = cli.command else { panic!("not `jobs`: {arguments:?}") };
        Ok(command)
    }

    pub(super) fn spec(mode: Mode) -> JobSpec {
        JobSpec {
            mode,
            delivery: DeliveryMode::Url,
            format: None,
            rendering: Default::default(),
            set: None,
            source: Source::Stored,
            subject: Default::default(),
            mask: None,
            external_id: None,
            metadata: None,
            review: Default::default(),
            previews: false,
            output_name: None,
            source_name: None,
            warnings: Default::default(),
        }
    }

    const ID: &str = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a";

    #[test]
    fn a_job_is_named_by_a_uuid() {
        for command in ["show", "retry", "recut", "delete"] {
            parse(&[command, ID, "--owner", "shop-1"]).expect(command);
            let error = parse(&[command, "4711"]).expect_err(command);
            assert!(error.contains("not a UUID"), "{error}");
        }
        let error = parse(&["retry", ID, "--bucket", "b"]).expect_err("without --aws");
        assert!(error.contains("--aws"), "{error}");
    }

    #[tokio::test]
    async fn a_retry_on_aws_names_the_missing_flag() {
        let all = ["--bucket", "b", "--queue-url", "q", "--bulk-queue-url", "q", "--intake-queue-url", "q"];
        let missing = ["--bucket", "--queue-url", "--bulk-queue-url", "--intake-queue-url", "--intake-bulk-queue-url"];
        for (given, missing) in missing.into_iter().enumerate().map(|(count, missing)| (&all[..2 * count], missing)) {
            let arguments = [&["retry", ID, "--aws", "table"], given].concat();
            let JobsCommand::Retry(args) = parse(&arguments).expect("valid") else { panic!("not `retry`") };
            let error = retry(&args).await.expect_err("incomplete").to_string();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[tokio::test]
    async fn finds_a_job_of_any_owner_or_of_the_named_one() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = DataDir::open(&parent.path().join("data")).expect("a data folder");
        let jobs = LocalJobs::new(Database::open(&folder.database()).expect("a database"));
        let (owner, env) = ("shop-1".parse().expect("an owner"), Env::system(Policy::default()));
        let job = Job::new(SystemIds.job(), owner, spec(Mode::Background), SystemClock.now(), &env.policy);
        cutline_core::ports::Jobs::create(&jobs, &job).await.expect("stored");

        let path = folder.path().to_str().expect("text").to_owned();
        let found = async |owner: &[&str], id: JobId| {
            let id = id.to_string();
            let arguments = [&["show", &id, "--data", &path], owner].concat();
            let JobsCommand::Show(args) = parse(&arguments).expect("valid") else { panic!("not `show`") };
            let records = args.place.place().expect("a folder").records().await.expect("records");
            find(&use_cases(records), &args.job).await.map(|job| job.id).map_err(|error| error.to_string())
        };
        assert_eq!(found(&[], job.id).await, Ok(job.id));
        assert_eq!(found(&["--owner", "shop-1"], job.id).await, Ok(job.id));
        let error = found(&["--owner", "shop-2"], job.id).await.expect_err("another owner's");
        assert!(error.starts_with(&format!("no job has the id `{}`; ", job.id)), "{error}");
        assert!(found(&[], SystemIds.job()).await.is_err());
    }
}
