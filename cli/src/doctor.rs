//! `cutline doctor`: what is wrong with a deployment on AWS, and what to do about it.

#[cfg(feature = "aws")]
mod checks;

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Look for faults of a deployment on AWS: too much concurrency, short retention of photos, missing triggers, alarms
/// that nobody gets, models of another version, keys without an owner, old messages.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the stack and changes nothing. Region and credentials are found as by the AWS CLI, and need the
rights to read CloudFormation, Lambda, CloudWatch, SNS, SQS and the table. Exits with 1 if something is
wrong. Needs a program built with `--features aws`.

A table has no index of keys, so this reads all of it. For a million jobs that costs about ten cents and
takes some minutes; --skip-keys leaves it out.")]
pub(crate) struct DoctorArgs {
    /// The name of the stack.
    #[arg(long, value_name = "STACK", value_parser = NonEmptyStringValueParser::new())]
    aws: String,

    /// Do not look for keys without an owner.
    #[arg(long)]
    skip_keys: bool,

    /// Accept queues of jobs without a trigger: workers outside Lambda take their messages.
    #[arg(long)]
    workers: bool,
}

#[cfg(feature = "aws")]
pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(examine(args))
}

#[cfg(not(feature = "aws"))]
pub(crate) fn run(_args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this program was built without the AWS backend; build it with `--features aws` (--aws)")
}

#[cfg(feature = "aws")]
async fn examine(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let aws = cutline_aws::Aws::from_env().await;
    let stack = &args.aws;
    let facts = cutline_aws::inspect::inspect(&aws, stack).await;
    let facts = facts.map_err(|error| {
        anyhow::anyhow!("cannot read the stack {stack}: {error}; check its name, the region and your rights")
    })?;
    let mut findings = checks::of_stack(&facts, args.workers);
    if !args.skip_keys {
        findings.extend(checks::of_keys(&aws.table(&facts.table).directory().await?));
    }
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("nothing is wrong with {stack}");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
