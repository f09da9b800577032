//! Requests of a backend to `cutline serve`: uploads with idempotency keys, and lists of very many jobs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cutline_core::domain::job::{JobSpec, JobSummary, Source};
use cutline_core::{Clock as _, DeliveryMode, Ids as _, Job, Mode, Policy, SystemClock, SystemIds};

use crate::Setup;
use crate::client::Connection;
use crate::load::{Load, Pace, Photo};
use crate::machine::Scratch;
use crate::pictures::Pictures;
use crate::report::{Report, Target, quantile};
use crate::serve::Server;

const CLIENTS: u32 = 50;
/// Pairs of loads without and with keys. Every second pair is in reverse order: the server has more files each time.
const PAIRS: usize = 6;
/// The size of the photo that is sent as a file. It is small: every one of them is stored.
const PHOTO_SIZE: (u32, u32) = (96, 64);
/// The jobs of one owner.
const JOBS: u32 = 1_000_000;
/// Requests of each kind of list.
const REQUESTS: u32 = 300;

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("serve, idempotency keys");
    println!(
        "{CLIENTS} clients in a closed loop, workers paused, without and with an idempotency key in turns, {PAIRS} pairs"
    );
    // Only a request with a file looks for its key before anything is stored.
    let file = Pictures::read()?.jpeg(0, PHOTO_SIZE.0, PHOTO_SIZE.1)?;
    for (kind, photo) in
        [("a file_url", Photo::Url("https://example.com/cup.jpg".to_owned())), ("a file", Photo::File(file))]
    {
        idempotency_keys(setup, report, kind, &photo).await?;
    }
    report.begin("serve, lists of jobs");
    println!("{JOBS} jobs of one owner, one client, {REQUESTS} requests of each kind");
    lists(setup, report).await
}

async fn idempotency_keys(setup: &Setup, report: &mut Report, kind: &str, photo: &Photo) -> Result<()> {
    let scratch = Scratch::new("keys")?;
    let server = Server::start(setup, scratch.path(), false).await?;
    let duration = Duration::from_secs((setup.seconds / 12).max(2));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        for with_keys in [pair % 2 == 1, pair % 2 == 0] {
            let load = Load {
                server: server.address,
                key: server.key.clone(),
                photo: photo.clone(),
                clients: CLIENTS,
                duration,
                pace: Pace::ClosedLoop,
                with_keys,
            };
            let clients = load.run().await?;
            ensure!(clients.unexpected.is_empty(), "unexpected answers: {:?}", clients.unexpected);
            let micros = quantile(&clients.uploads, 0.99).context("no upload was accepted")?;
            let p99 = if with_keys { &mut with } else { &mut without };
            p99.push(f64::from(micros) / 1000.0);
        }
    }
    without.sort_unstable_by(f64::total_cmp);
    with.sort_unstable_by(f64::total_cmp);
    let middle = |sorted: &[f64]| (sorted[PAIRS / 2 - 1] + sorted[PAIRS / 2]) / 2.0;
    let (without, with) = (middle(&without), middle(&with));
    let name = |what: &str| format!("/upload of {kind}, p99 {what}");
    report.tell(name("without, with a key (medians)"), format!("{without:.1} ms, {with:.1} ms"));
    report.judge(name("with a key, ratio"), with / without, "", 2, Target::AtMost(1.3));
    Ok(())
}

async fn lists(setup: &Setup, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new("lists")?;
    let server = Server::start(setup, scratch.path(), false).await?;
    let newest = fill(&server)?;
    let middle = format!("created_before={}", newest - Duration::from_millis(u64::from(JOBS / 2)));
    let kinds = [
        ("the first page of 100", "limit=100".to_owned()),
        ("100 from the middle", format!("limit=100&{middle}")),
        ("1,000 looked at, none shown", "status=failed".to_owned()),
        ("by external id", "external_id=order-777777".to_owned()),
    ];
    let mut connection = Connection::open(server.address).await.context("cannot connect")?;
    for (what, query) in kinds {
        let request = format!(
            "GET /api/v1/jobs?{query} HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\n\r\n",
            server.address, server.key
        );
        let mut micros = Vec::new();
        for _ in 0..REQUESTS {
            let begun = Instant::now();
            let answer = connection.send(request.as_bytes()).await.context("no answer")?;
            micros.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
            ensure!(answer.status == 200, "{what}: {}", String::from_utf8_lossy(answer.body));
            let jobs: serde_json::Value = serde_json::from_slice(answer.body).context("not JSON")?;
            let shown = jobs["jobs"].as_array().map_or(0, Vec::len);
            let expected = match query.as_str() {
                "status=failed" => 0,
                "external_id=order-777777" => 1,
                _ => 100,
            };
            ensure!(shown == expected, "{what}: {shown} jobs instead of {expected}");
        }
        micros.sort_unstable();
        let p99 = quantile(&micros, 0.99).context("no request")?;
        report.judge(format!("{what}: p99"), f64::from(p99) / 1000.0, "ms", 2, Target::Under(20.0));
    }
    Ok(())
}

/// Stores the jobs, one a millisecond, and returns the time of the newest.
fn fill(server: &Server<'_>) -> Result<jiff::Timestamp> {
    let now = SystemClock.now();
    let spec = JobSpec {
        mode: Mode::Clipping,
        delivery: DeliveryMode::Url,
        format: None,
        rendering: Default::default(),
        set: None,
        source: Source::Url("https://example.com/photos/cup.jpg".parse()?),
        subject: Default::default(),
        mask: None,
        external_id: "order-number".parse().ok(),
        metadata: None,
        review: Default::default(),
        previews: false,
        output_name: None,
        source_name: None,
        warnings: Default::default(),
    };
    let job = Job::new(SystemIds.job(), "default".parse()?, spec, now, &Policy::default());
    let (document, summary) = (serde_json::to_string(&job)?, serde_json::to_string(&JobSummary::of(&job))?);
    let mut connection = rusqlite::Connection::open(server.folder().join("cutline.db"))?;
    let owner: String = connection.query_row("SELECT owner FROM keys", [], |row| row.get(0))?;
    let transaction = connection.transaction()?;
    // Not due, so the sweep leaves them alone.
    let insert = "INSERT INTO jobs (id, owner, version, state, summary, external_id, document)
                  VALUES (?1, ?2, 1, 'queued', replace(replace(?3, ?5, ?1), 'order-number', ?6), ?6, replace(?4, ?5, ?1))";
    let mut statement = transaction.prepare(insert)?;
    let first = now.as_millisecond() - i64::from(JOBS);
    for number in 0..JOBS {
        let millis = u64::try_from(first + i64::from(number))?;
        let id = uuid::Uuid::from_u64_pair(millis << 16 | 0x7000, 1 << 63 | u64::from(number)).to_string();
        let external_id = format!("order-{number}");
        statement.execute((&id, &owner, &summary, &document, job.id.to_string(), external_id))?;
    }
    drop(statement);
    transaction.commit()?;
    Ok(now)
}
