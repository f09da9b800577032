//! `cutline jobs list`.

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use cutline_core::domain::correlation::ExternalId;
use cutline_core::domain::decision::Verdict;
use cutline_core::domain::job::{JobSummary, ListedStatus};
use cutline_core::ports::PortError;
use cutline_core::usecases::{JobFilter, JobList};
use cutline_core::{Confidence, Mode, OwnerId};
use cutline_http::JobEntry;
use jiff::Timestamp;

use super::wiring::use_cases;
use crate::output::{print, without_controls};
use crate::stores::PlaceArgs;

/// Arguments of `jobs list`.
#[derive(Debug, Args)]
#[command(after_help = "\
A job must meet all conditions. The table shows times in UTC.

Examples:
  cutline jobs list                                     the newest 50 jobs of the owner `default`
  cutline jobs list --owner shop-1 --status failed      an owner's failed jobs
  cutline jobs list --confidence-below 0.5              cuts that a person should check
  cutline jobs list --json --limit 100000 > jobs.jsonl  for other programs")]
pub(crate) struct ListArgs {
    /// Owner of the jobs.
    #[arg(long, default_value = "default")]
    owner: OwnerId,

    /// Jobs that have not ended, or that have.
    #[arg(long)]
    state: Option<State>,

    /// Jobs with this status. A running job is listed as queued.
    #[arg(long, value_parser = status_parser())]
    status: Option<ListedStatus>,

    /// Jobs that were held for review, and about which this was decided.
    #[arg(long, value_parser = verdict_parser())]
    review: Option<Verdict>,

    /// Jobs of this mode.
    #[arg(long, value_parser = mode_parser())]
    mode: Option<Mode>,

    /// Jobs with exactly this external id.
    #[arg(long, value_name = "ID")]
    external_id: Option<ExternalId>,

    /// Jobs with a confidence below this number, 0 to 1.
    #[arg(long, value_name = "X", value_parser = parse_confidence)]
    confidence_below: Option<Confidence>,

    /// Jobs created after this time, such as 2026-11-29T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    created_after: Option<Timestamp>,

    /// Jobs created before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    created_before: Option<Timestamp>,

    /// The most jobs to list.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Print one JSON object a line, as in the API's list, instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: PlaceArgs,
}

/// The value of `--state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Not ended.
    Pending,
    /// Ended, successfully or not.
    Done,
}

fn status_parser() -> impl TypedValueParser<Value = ListedStatus> {
    PossibleValuesParser::new(ListedStatus::ALL.map(ListedStatus::as_str)).try_map(|text| text.parse::<ListedStatus>())
}

fn verdict_parser() -> impl TypedValueParser<Value = Verdict> {
    PossibleValuesParser::new(Verdict::ALL.map(Verdict::as_str)).try_map(|text| text.parse::<Verdict>())
}

fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::as_str)).try_map(|text| text.parse::<Mode>())
}

fn parse_confidence(text: &str) -> Result<Confidence, &'static str> {
    let number = text.parse::<f64>().ok().and_then(|number| Confidence::try_from(number).ok());
    number.ok_or("must be a number from 0 to 1")
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "must be a time such as 2026-11-29T12:00:00Z (RFC 3339)")
}

impl ListArgs {
    fn filter(&self) -> JobFilter {
        JobFilter {
            has_ended: self.state.map(|state| state == State::Done),
            status: self.status,
            mode: self.mode,
            external_id: self.external_id.clone(),
            decided: self.review,
            confidence_below: self.confidence_below,
            created_after: self.created_after,
            created_before: self.created_before,
        }
    }
}

/// Runs the command.
pub(super) async fn run(args: &ListArgs) -> anyhow::Result<()> {
    let list = use_cases(args.place.place()?.records().await?).job_list();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let (jobs, is_cut) = collect(&list, &args.owner, &args.filter(), limit).await.context("cannot list the jobs")?;
    if jobs.is_empty() {
        eprintln!("No jobs of owner {} match.", args.owner);
        return Ok(());
    }
    print(&if args.json { json_lines(jobs)? } else { table(&jobs) })?;
    if is_cut {
        eprintln!("Stopped at --limit {limit}; more jobs may match.");
    }
    Ok(())
}

/// Up to `limit` jobs, from as many pages as they take, and whether there may be more.
async fn collect(
    list: &JobList,
    owner: &OwnerId,
    filter: &JobFilter,
    limit: usize,
) -> Result<(Vec<JobSummary>, bool), PortError> {
    let (mut jobs, mut before) = (Vec::new(), None);
    loop {
        let page = list.run(owner, filter, before, limit - jobs.len()).await?;
        jobs.extend(page.jobs);
        before = page.next;
        if before.is_none() || jobs.len() >= limit {
            return Ok((jobs, before.is_some()));
        }
    }
}

const HEADER: [&str; 8] = ["job id", "status", "mode", "created", "ended", "confidence", "external id", "error code"];

/// The jobs as a table for a person.
fn table(jobs: &[JobSummary]) -> String {
    let rows: Vec<_> = [HEADER.map(str::to_owned)].into_iter().chain(jobs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; HEADER.len()] = std::array::from_fn(width);
    let line = |row: &[String; HEADER.len()]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(job: &JobSummary) -> [String; HEADER.len()] {
    let missing = || "-".to_owned();
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    [
        job.id.to_string(),
        job.status.as_str().to_owned(),
        job.mode.as_str().to_owned(),
        time(job.id.time()),
        job.ended_at.map_or_else(missing, time),
        job.confidence.map_or_else(missing, |confidence| confidence.get().to_string()),
        // The caller's text: escape what could rewrite the terminal, such as characters that reverse its direction.
        job.external_id.as_ref().map_or_else(missing, |id| id.as_str().escape_debug().to_string()),
        job.failure.as_ref().map_or_else(missing, |failure| failure.code.as_str().to_owned()),
    ]
}

/// One JSON object a line.
fn json_lines(jobs: Vec<JobSummary>) -> serde_json::Result<String> {
    let line = |job| Ok(format!("{}\n", without_controls(&serde_json::to_string(&JobEntry::new(job))?)));
    jobs.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cutline_core::ports::Jobs as _;
    use cutline_core::usecases::Env;
    use cutline_core::{Clock as _, FailureCode, Fault, Ids as _, Job, Policy, SystemClock, SystemIds};
    use cutline_local::{DataDir, Database, LocalJobs};
    use futures::future::try_join_all;

    use super::*;
    use crate::jobs::JobsCommand;
    use crate::jobs::tests::{parse, spec};

    const PAGE: &str = include_str!("../../../docs/command-line.md");

    fn parse_list(arguments: &[&str]) -> Result<ListArgs, String> {
        match parse(&[&["list"], arguments].concat())? {
            JobsCommand::List(args) => Ok(args),
            other => panic!("not `list`: {other:?}"),
        }
    }

    #[test]
    fn reads_every_condition() {
        let args = parse_list(&[]).expect("no condition");
        assert_eq!((args.filter(), args.owner.as_str(), args.limit), (JobFilter::default(), "default", 50));
        let args = parse_list(&[
            "--state=done",
            "--status=failed",
            "--mode=params",
            "--external-id=a b/c",
            "--review=rejected",
            "--confidence-below=0.5",
            "--created-after=2026-11-29T12:00:00Z",
            "--created-before=2026-11-29T12:00:00+01:00",
            "--owner=shop-1",
            "--limit=7",
        ])
        .expect("valid");
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let filter = JobFilter {
            has_ended: Some(true),
            status: Some(ListedStatus::Failed),
            mode: Some(Mode::Params),
            external_id: "a b/c".parse().ok(),
            decided: Some(Verdict::Rejected),
            confidence_below: Confidence::try_from(0.5).ok(),
            created_after: time("2026-11-29T12:00:00Z"),
            created_before: time("2026-11-29T11:00:00Z"),
        };
        assert_eq!((args.filter(), args.owner.as_str(), args.limit), (filter, "shop-1", 7));
        assert_eq!(parse_list(&["--state=pending"]).expect("valid").filter().has_ended, Some(false));
    }

    #[test]
    fn an_invalid_condition_names_the_remedy() {
        for (argument, remedy) in [
            ("--state=queued", "pending, done"),
            ("--status=running", "queued, pending_review, done, failed"),
            ("--mode=cutout", "background, clipping, params"),
            ("--confidence-below=NaN", "a number from 0 to 1"),
            ("--created-after=yesterday", "2026-11-29T12:00:00Z"),
            ("--external-id=", "1 to 128 characters"),
            ("--limit=0", "1.."),
        ] {
            let error = parse_list(&[argument]).expect_err(argument);
            assert!(error.contains(remedy), "{error}");
        }
    }

    fn summary(id: &str) -> JobSummary {
        JobSummary {
            id: id.parse().expect("an id"),
            status: ListedStatus::Queued,
            mode: Mode::Clipping,
            created_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            expires_at: None,
            set: None,
            external_id: None,
            metadata: None,
            output_name: None,
            retry_of: None,
            recut_of: None,
            decided: None,
            confidence: None,
            empty_draft: false,
            failure: None,
        }
    }

    /// The jobs of the documentation's example.
    fn samples() -> [JobSummary; 3] {
        let time = |text: &str| text.parse().ok();
        let fault = Fault::fail(FailureCode::NoSubject, "nothing stands out from the background");
        let done = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a";
        [
            JobSummary {
                external_id: "4711".parse().ok(),
                mode: Mode::Background,
                retry_of: done.parse().ok(),
                ..summary("019cdc5b-08d7-7a41-9f0e-2b7f10e4d5c6")
            },
            JobSummary {
                status: ListedStatus::Failed,
                ended_at: time("2026-03-11T10:01:14.753Z"),
                failure: Some(fault.failure().clone()),
                ..summary("019cdc57-e0a0-7c0e-8e2b-0f6d1f1c2a3b")
            },
            JobSummary {
                status: ListedStatus::Done,
                mode: Mode::Background,
                ended_at: time("2026-03-11T09:57:11.024Z"),
                external_id: "4711".parse().ok(),
                confidence: Confidence::try_from(0.93).ok(),
                ..summary(done)
            },
        ]
    }

    #[test]
    fn the_documentation_shows_the_table() {
        let table = table(&samples());
        assert!(PAGE.contains(&table), "docs/command-line.md must show this table:\n{table}");
    }

    #[test]
    fn a_table_holds_no_control_characters() {
        let id = "a\u{202e}b".parse().ok();
        let table = table(&[JobSummary { external_id: id, ..samples()[0].clone() }]);
        assert!(table.contains("a\\u{202e}b"), "{table}");
        assert!(table.lines().all(|line| !line.contains(char::is_control) && !line.ends_with(' ')), "{table:?}");
    }

    #[test]
    fn json_lines_have_the_members_of_the_api() {
        let lines = json_lines(samples().into()).expect("serializes");
        let expected = [
            r#"{"job_id":"019cdc5b-08d7-7a41-9f0e-2b7f10e4d5c6","status":"queued","state":"pending","mode":"background","external_id":"4711","retry_of":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a","created_at":"2026-03-11T10:04:39.511Z"}"#,
            r#"{"job_id":"019cdc57-e0a0-7c0e-8e2b-0f6d1f1c2a3b","status":"failed","state":"done","mode":"clipping","created_at":"2026-03-11T10:01:12.608Z","ended_at":"2026-03-11T10:01:14.753Z","error":{"code":"no_subject","message":"nothing stands out from the background","retryable":false}}"#,
            r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a","status":"done","state":"done","mode":"background","external_id":"4711","created_at":"2026-03-11T09:57:08.339Z","ended_at":"2026-03-11T09:57:11.024Z","confidence":0.93}"#,
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn follows_pages_up_to_the_limit() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = DataDir::open(&parent.path().join("data")).expect("a data folder");
        let jobs = LocalJobs::new(Database::open(&folder.database()).expect("a database"));
        let (owner, policy) = ("shop".parse::<OwnerId>().expect("an owner"), Policy::default());
        let new = |mode| Job::new(SystemIds.job(), owner.clone(), spec(mode), SystemClock.now(), &policy);
        let made: Vec<_> = (0..1_005).map(|n| new(if n < 2 { Mode::Background } else { Mode::Clipping })).collect();
        try_join_all(made.iter().map(|job| jobs.create(job))).await.expect("stored");
        let mut newest: Vec<_> = made.iter().map(|job| job.id).collect();
        newest.sort_by(|a, b| b.cmp(a));
        let list = JobList { jobs: Arc::new(jobs), env: Env::system(policy) };
        let found = async |filter: &JobFilter, limit| {
            let (jobs, is_cut) = collect(&list, &owner, filter, limit).await.expect("listed");
            (jobs.into_iter().map(|job| job.id).collect::<Vec<_>>(), is_cut)
        };
        assert_eq!(found(&JobFilter::default(), 3).await, (newest[..3].to_vec(), true));
        assert_eq!(found(&JobFilter::default(), 1_005).await, (newest, false));
        // Behind more jobs than one page looks at.
        let background = JobFilter { mode: Some(Mode::Background), ..JobFilter::default() };
        let (oldest, is_cut) = found(&background, 50).await;
        assert_eq!((oldest.len(), is_cut), (2, false));
    }
}
