//! `cutline batch`: sends many pictures to a server or a deployment as bulk jobs, and collects their results.
//!
//! It uses the HTTP API alone. A state file notes every step before the next one, so a run can be killed at any instant
//! and resumed: no picture gets a second job, and none is forgotten.

mod calls;
mod claims;
mod code;
mod collect;
mod context;
mod dry_run;
mod entry;
mod events;
mod failures;
mod ids;
mod journal;
mod manifest;
mod objects;
mod options;
mod output;
mod progress;
mod request;
mod run;
mod save;
mod send;
mod source;
mod state;
mod survey;
mod totals;
mod watch;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use cutline_core::domain::limits::thousands;
use cutline_http::{ApiClient, CallError, INVALID_ANSWER};
use serde_json::Value;

use crate::output::print;
use crate::stop::{self, INTERRUPTED, StopSignal};
use calls::{Calls, Fault};
use context::{Context, JobOptions, Pictures};
use output::Output;
use progress::ProgressLine;
use run::{Run, RunEnd};
use source::Source;
use state::State;
use survey::{Survey, survey};

pub(crate) use options::BatchArgs;

/// Runs the command. The exit code is a failure unless every picture has its results.
pub(crate) fn run(args: BatchArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let source = Source::read(args.source(), args.filter().clone(), args.output().map(Path::to_owned))?;
        if args.is_dry_run() {
            let survey = survey(&source, &args.job(), args.output().is_some()).await?;
            return print(&dry_run::report(survey, args.assumptions())?).map(|()| ExitCode::SUCCESS);
        }
        send_all(&args, &source).await
    })
}

async fn send_all(args: &BatchArgs, source: &Source) -> anyhow::Result<ExitCode> {
    let stop = stop::on_signals()?;
    let (client, calls) = (args.client()?, Calls::new(args.rate()));
    // First, since the pattern of the set may read what the names of results need.
    let set = check_api(&client, &calls, &args.job()).await?;
    let job = with_pattern_of(set, args.job())?;
    let found = survey(source, &job, args.output().is_some()).await?;
    if let Some(output) = args.output() {
        fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
    }
    let mut state = State::open(&args.state_file()?, args.identity(source)?)?;
    let end = resume(args, source, (&mut state, found), (job, client, calls, &stop)).await?;
    state.reread()?;
    conclude(&state, found, end)
}

/// Checks what would fail for every picture. Returns the parameter set of the run, if it has one.
async fn check_api(client: &ApiClient, calls: &Calls, job: &JobOptions) -> anyhow::Result<Option<Value>> {
    let explained = |fault: Fault| match fault {
        Fault::Refused { message, .. } | Fault::Fatal(message) => anyhow::anyhow!(message),
        Fault::Unanswered(message) => anyhow::anyhow!("the API does not answer: {message}; check --url (CUTLINE_URL)"),
        Fault::Stopped => anyhow::anyhow!("stopped"),
    };
    // During a run, what is not the API's answer may be one of a proxy that restarts. At the start, the address is wrong.
    let check = async || match client.check().await {
        Err(CallError::Temporary { code, message, .. }) if code == INVALID_ANSWER => Ok(Err(message)),
        other => other.map(Ok),
    };
    let is_answered = calls.api(check).await.map_err(explained)?;
    is_answered.map_err(|message| anyhow::anyhow!("no API at this address: {message}; check --url (CUTLINE_URL)"))?;
    let Pictures::Set(name) = &job.pictures else { return Ok(None) };
    let set = calls.api(async || client.find_set(name).await).await.map_err(explained)?;
    anyhow::ensure!(
        set.is_some(),
        "no such parameter set: {name}; store it with PUT /api/v1/params/{name}, or name another one"
    );
    Ok(set)
}

/// The options with the pattern of the parameter set, unless they have one.
fn with_pattern_of(set: Option<Value>, job: JobOptions) -> anyhow::Result<JobOptions> {
    let of_set = set.as_ref().and_then(|set| set.get("id_pattern")).and_then(Value::as_str);
    let (None, Some(text)) = (&job.id_pattern, of_set) else { return Ok(job) };
    let id_pattern = text.parse().with_context(|| format!("the parameter set's id_pattern is unknown here: {text}"))?;
    Ok(JobOptions { id_pattern: Some(id_pattern), ..job })
}

async fn resume(
    args: &BatchArgs,
    source: &Source,
    (state, found): (&mut State, Survey),
    (job, client, calls, stop): (JobOptions, ApiClient, Calls, &StopSignal),
) -> anyhow::Result<RunEnd> {
    let context = Context {
        client,
        calls,
        journal: state.journal()?,
        claims: RefCell::new(std::mem::take(&mut state.claims)),
        run: state.run.clone(),
        job,
        output: args.output().map(|folder| Output::open(folder, &state.run)).transpose()?,
    };
    if let Some(path) = args.retry() {
        let count = failures::retry(&context, state, path).await?;
        eprintln!("{} are sent again", thousands(count));
    }
    let entries = source.entries().await?;
    let run = Run::new(&context, stop, state, args.max_open(), ProgressLine::new(found.count));
    Ok(run.finish(entries).await)
}

/// Prints the report, and writes the file of failures.
fn conclude(state: &State, found: Survey, end: RunEnd) -> anyhow::Result<ExitCode> {
    let RunEnd { totals, open, fatal, is_stopped } = end;
    let path = failures_file(&state.path);
    let failed = failures::write(state, &path)?;
    eprintln!("{}", totals.sentence());
    if failed > 0 {
        eprintln!("{} failures are listed in {}; send them again with --retry", thousands(failed), path.display());
    }
    let left = found.count.saturating_sub(totals.settled()).max(open as u64);
    if left > 0 {
        eprintln!(
            "{} are left; run the same command again to resume: it goes on from {}",
            thousands(left),
            state.path.display()
        );
    }
    if totals.held > 0 {
        eprintln!("held pictures are collected by the same command, once a person has decided");
    }
    if let Some(error) = fatal {
        return Err(error);
    }
    Ok(match (is_stopped && left > 0, failed + left + totals.held) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

/// Next to the state file. Of its name, only a final `.jsonl` is replaced: `2026.10` and `2026.11` are two runs.
fn failures_file(state: &Path) -> PathBuf {
    let is_json_lines = state.extension().is_some_and(|extension| extension == "jsonl");
    let name = if is_json_lines { state.file_stem() } else { state.file_name() };
    let mut name = name.unwrap_or_default().to_owned();
    name.push(".failures.csv");
    state.with_file_name(name)
}
