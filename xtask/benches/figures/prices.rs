//! AWS's charge for a picture, by part: list prices of us-east-1 without free tiers, and the calls of a job, counted in the
//! use cases and adapters. Each part is counted as if all of it were used.
//!
//! A write costs a unit for each kilobyte of the item, and twice that in a transaction. It also writes to each index whose
//! entry it changes: a unit for an entry that is added, changed or removed, two for one that moves.
//!
//! Not included is what a deployment costs each month without a picture: custom metrics ($ 0.30 each, however many values
//! they get, so metrics cost a picture only their lines in the log), alarms, the dashboard, and the polling of idle queues.
//! Nor is the transfer of files out of AWS ($ 0.09 a GB), and pages of lists, each of which shows many pictures.

use Unit::{GbMonth, GbSecond, Get, Invocation, LogKb, Message, Put, Read, Request, Trace, Write};

/// The template's default retention of results and of sources, and how long a direct upload is kept, in months.
const RESULT_MONTHS: f64 = 7.0 / 30.0;
const SOURCE_MONTHS: f64 = 21.0 / 30.0;
const UPLOAD_MONTHS: f64 = 6.0 / 30.0;
/// Status requests of a client until `done`.
const POLLS: f64 = 4.0;
/// Memory of the functions upload, status and intake, and of sweep, in GB.
const SMALL: f64 = 0.5;
const SWEEP: f64 = 1.0;
/// Assumed durations, in seconds: of a request to upload or status; of the sweep function for a webhook or a manifest.
const REQUEST_SECONDS: f64 = 0.02;
const REPORT_SECONDS: f64 = 0.2;
/// Sweeps a month, and the pictures among which they are shared.
const SWEEPS: f64 = 43_800.0 / 100_000.0;
/// Assumed duration of a sweep that finds nothing to do, in seconds.
const SWEEP_SECONDS: f64 = 0.15;

/// Something that is paid for.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// Of a function.
    Invocation,
    GbSecond,
    /// To the HTTP API.
    Request,
    /// Of DynamoDB.
    Write,
    Read,
    /// A request to SQS, with the surcharge for fair queues.
    Message,
    /// Of S3. A copy is a put.
    Get,
    Put,
    GbMonth,
    /// Written to the log and kept for a month.
    LogKb,
    /// X-Ray records five percent of the requests above one a second.
    Trace,
}

impl Unit {
    /// The name, and US dollars per million.
    const fn info(self) -> (&'static str, f64) {
        match self {
            Invocation => ("invocations", 0.20),
            GbSecond => ("GB-s", 16.666_7),
            Request => ("requests", 1.00),
            Write => ("write units", 0.625),
            Read => ("read units", 0.125),
            Message => ("queue requests", 0.50),
            Get => ("gets", 0.40),
            Put => ("puts", 5.00),
            GbMonth => ("GB-months", 23_000.0),
            LogKb => ("KB of log", 0.53),
            Trace => ("traces", 5.00),
        }
    }
}

/// How a photo reaches the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the request.
    Request,
    /// Behind a URL.
    Url,
    /// By a direct upload.
    Upload,
    /// As a dropped file.
    Drop,
}

/// The measured use of resources of a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// GB-seconds of the process function.
    pub(crate) gb_seconds: f64,
    /// Seconds of the intake function.
    pub(crate) intake_seconds: f64,
    /// The number of pictures.
    pub(crate) pictures: f64,
    /// The number of pictures and assets.
    pub(crate) outputs: f64,
    /// The size of the photo in GB.
    pub(crate) source_gb: f64,
    /// The size of all outputs in GB.
    pub(crate) output_gb: f64,
}

/// The units of one part.
struct Part {
    name: &'static str,
    units: Vec<(Unit, f64)>,
}

impl Part {
    fn usd(&self) -> f64 {
        self.units.iter().map(|(unit, count)| unit.info().1 * count / 1e6).sum()
    }
}

/// The cost of a picture.
pub(crate) struct Cost(Vec<Part>);

impl Cost {
    /// Of a photo in a request, with nothing else.
    pub(crate) fn base(usage: &Usage) -> Self {
        Self(vec![process(usage), record(usage), client(), storage(usage)])
    }

    /// With everything that the source and the parameter set need, and with all other parts.
    pub(crate) fn of(source: Source, has_set: bool, usage: &Usage) -> Self {
        let mut parts = vec![process(usage), record(usage), storage(usage)];
        if source != Source::Drop {
            parts.extend([client(), keys()]);
        }
        match source {
            Source::Request => {}
            Source::Url => parts.push(intake(usage, 1.0)),
            Source::Upload => parts.extend([intake(usage, 0.0), upload(usage)]),
            Source::Drop => parts.extend([dropped(usage), manifest(usage)]),
        }
        if has_set {
            // It is looked up, and copied into the record: each of six writes has a kilobyte more.
            parts.push(part("parameter set", &[(Read, 1.0), (Write, 6.0)]));
        }
        parts.extend([lists(), webhook(), log(), metrics(), sweep()]);
        Self(parts)
    }

    /// The total, in US dollars.
    pub(crate) fn total(&self) -> f64 {
        self.0.iter().map(Part::usd).sum()
    }

    /// Prints the parts for 1000 pictures, each with its units for one.
    pub(crate) fn print(&self) {
        println!("    {:<18} {:>9}  a picture", "1000 pictures", "$");
        for part in &self.0 {
            let units = part.units.iter().map(|(unit, count)| format!("{count:.3} {}", unit.info().0));
            println!("    {:<18} {:>9.5}  {}", part.name, part.usd() * 1000.0, units.collect::<Vec<_>>().join(", "));
        }
    }
}

fn part(name: &'static str, units: &[(Unit, f64)]) -> Part {
    Part { name, units: units.to_vec() }
}

fn process(usage: &Usage) -> Part {
    part("process", &[(Invocation, 1.0), (GbSecond, usage.gb_seconds)])
}

/// Record, queue and files of a job whose photo was in the request.
fn record(usage: &Usage) -> Part {
    // The record: created, claimed, two steps, progress once, ended (two units, as it exceeds one kilobyte then). The index
    // of due jobs: added, moved, removed.
    let writes = 7.0 + 4.0;
    // The owner, and the job at the claim.
    let reads = 2.0;
    // The message is sent, received, deleted. The photo and the outputs are put; the photo and the picture are read.
    part("record", &[(Write, writes), (Read, reads), (Message, 3.0), (Put, 1.0 + usage.outputs), (Get, 2.0)])
}

/// The upload and the polls. Each reads the key, and a poll the job.
fn client() -> Part {
    let requests = 1.0 + POLLS;
    let seconds = (GbSecond, requests * SMALL * REQUEST_SECONDS);
    part("client", &[(Request, requests), (Invocation, requests), seconds, (Read, requests + POLLS)])
}

fn storage(usage: &Usage) -> Part {
    part("storage", &[(GbMonth, usage.source_gb * SOURCE_MONTHS + usage.output_gb * RESULT_MONTHS)])
}

/// The stage of intake, with `gets` to look whether the photo is stored.
fn intake(usage: &Usage, gets: f64) -> Part {
    // Claimed and fetched; the maker's first step is saved. The index of due jobs: moved twice more.
    let writes = 1.0 + 4.0;
    let seconds = (GbSecond, SMALL * usage.intake_seconds);
    part("intake", &[(Invocation, 1.0), seconds, (Write, writes), (Read, 1.0), (Message, 3.0), (Get, gets)])
}

/// A direct upload: granted, sent, found by the request that names it.
fn upload(usage: &Usage) -> Part {
    // The key, the owner and the open uploads; later the upload. Two items are put, one is changed, one deleted.
    let (reads, writes) = (3.0 + 1.0, 4.0);
    let request = [(Request, 1.0), (Invocation, 1.0), (GbSecond, SMALL * REQUEST_SECONDS)];
    let stores = [(Read, reads), (Write, writes), (Put, 1.0), (Get, 1.0), (GbMonth, usage.source_gb * UPLOAD_MONTHS)];
    Part { name: "upload", units: request.into_iter().chain(stores).collect() }
}

/// Taking in a dropped file.
fn dropped(usage: &Usage) -> Part {
    // The event is sent, received and deleted, and the length of the lane read.
    let messages = 4.0;
    // Its identity, and whether the owner is known.
    let reads = 2.0;
    // The identity, in a transaction with the record.
    let writes = 2.0 + 1.0;
    // The file is put, and its head read. Its copy is the photo of the job.
    let files = [(Put, 1.0), (Get, 1.0), (GbMonth, usage.source_gb * SOURCE_MONTHS)];
    let calls = [(Message, messages), (Read, reads), (Write, writes)];
    let function = [(Invocation, 1.0), (GbSecond, SMALL * usage.intake_seconds)];
    Part { name: "drop", units: function.into_iter().chain(calls).chain(files).collect() }
}

/// Writing the results of a dropped file. The job's record is read and written (two units), and the index of due jobs changed:
/// moved rather than removed, then removed.
fn manifest(usage: &Usage) -> Part {
    let files = usage.pictures + 1.0;
    let function = [(Invocation, 1.0), (GbSecond, SWEEP * REPORT_SECONDS), (Message, 3.0), (Read, 1.0), (Write, 4.0)];
    let results = [(Get, files), (Put, files), (GbMonth, usage.output_gb * RESULT_MONTHS)];
    Part { name: "manifest", units: function.into_iter().chain(results).collect() }
}

/// `Idempotency-Key`, a rate limit and credits: the identity and the owner's item are written in a transaction with the
/// record, and a counter without one. The identity is looked up first, and the credits are read again.
fn keys() -> Part {
    part("key, rate, credit", &[(Write, 2.0 + 2.0 + 1.0 + 1.0), (Read, 2.0)])
}

/// The indexes of lists, by owner and by external id: added and changed. The owner's count of ended jobs.
fn lists() -> Part {
    part("lists, usage", &[(Write, 4.0 + 1.0)])
}

/// The record with its URL exceeds one kilobyte in four writes more; then the send is claimed and noted (two units each). The
/// index of due jobs: moved at the end rather than removed, moved by the claim, removed. The job and the secrets are read.
fn webhook() -> Part {
    let function = [(Invocation, 1.0), (GbSecond, SWEEP * REPORT_SECONDS)];
    let calls = [(Message, 3.0), (Write, 4.0 + 4.0 + 4.0), (Read, 2.0)];
    Part { name: "webhook", units: function.into_iter().chain(calls).collect() }
}

/// For each request about 1.3 KB: the function's line, Lambda's own, the API's. The others have 1 KB each, and `job finished`
/// one more. All of them are traced in one of twenty pictures.
fn log() -> Part {
    let invocations = 1.0 + POLLS + 3.0;
    part("log, traces", &[(LogKb, 10.0), (Trace, invocations / 20.0)])
}

/// Nine lines in the log for a job: its end, two waits, three steps, size, confidence, webhook.
fn metrics() -> Part {
    part("metrics", &[(LogKb, 9.0 * 0.28)])
}

/// The picture's share of the sweeps: each looks into 24 partitions of an index.
fn sweep() -> Part {
    let reads = 24.0 * 0.5;
    let seconds = (GbSecond, SWEEPS * SWEEP * SWEEP_SECONDS);
    part("sweep", &[(Invocation, SWEEPS), seconds, (Read, SWEEPS * reads), (LogKb, SWEEPS)])
}
