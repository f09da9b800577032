//! AWS's charge for a picture: list prices of us-east-1 without free tiers, and the calls of a job.
//!
//! Not included: data transfer out of AWS ($ 0.09 a GB for downloads to the internet), logs, and the polling of an idle
//! queue and schedule (about $ 0.40 a month).

/// US dollars per GB-second, x86.
const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
/// US dollars per GB and month, S3 Standard.
const S3_GB_MONTH: f64 = 0.023;
/// The template's default retention, in days.
const RETENTION_DAYS: f64 = 7.0;
/// Status requests of a client until `done`.
const POLLS: f64 = 4.0;
/// Assumed duration of an upload or status request on a function of 512 MB, in seconds.
const REQUEST_SECONDS: f64 = 0.02;

/// Service and unit, units per picture, US dollars per million units.
type Line = (&'static str, f64, f64);

/// The calls of a job with a `file_url`, without puts. An uploaded file needs no others.
const CALLS: [Line; 7] = [
    // The upload, the process function, and the polls.
    ("Lambda: invocations", 2.0 + POLLS, 0.20),
    ("Lambda: GB-s of upload and status", (1.0 + POLLS) * 0.5 * REQUEST_SECONDS, LAMBDA_GB_SECOND * 1e6),
    ("API Gateway (HTTP API): requests", 1.0 + POLLS, 1.00),
    // Created, claimed, two steps, progress once, ended (two units: the record of a done job may exceed one kilobyte);
    // in the index of due jobs: added, moved once (two units), removed.
    ("DynamoDB: write units", 7.0 + 4.0, 0.625),
    // Key and owner at the upload, the job at the claim, key and job at each poll. All consistent.
    ("DynamoDB: read units", 3.0 + 2.0 * POLLS, 0.125),
    // Sent, received, deleted.
    ("SQS: requests", 3.0, 0.40),
    // The check for an already fetched source, and the client's download.
    ("S3: gets", 2.0, 0.40),
];

/// US dollars per million puts.
const S3_PUT: f64 = 5.00;

/// The cost of a picture, in US dollars.
pub(crate) struct Cost {
    /// Of the process function.
    pub(crate) gb_seconds: f64,
    /// Of the process function.
    pub(crate) compute: f64,
    /// All calls, without the compute time of the process function.
    calls: Vec<Line>,
    /// Of the photo and its outputs, for the retention time.
    storage: f64,
}

/// The cost of a picture: the process function's `memory` in MB and time in `seconds`, the number of stored `objects` with
/// the source, and their total size `stored` in GB.
pub(crate) fn of_a_picture(memory: u32, seconds: f64, objects: f64, stored: f64) -> Cost {
    let gb_seconds = f64::from(memory) / 1024.0 * seconds;
    Cost {
        gb_seconds,
        compute: gb_seconds * LAMBDA_GB_SECOND,
        calls: CALLS.into_iter().chain([("S3: puts", objects, S3_PUT)]).collect(),
        storage: stored * S3_GB_MONTH * RETENTION_DAYS / 30.0,
    }
}

impl Cost {
    /// The total.
    pub(crate) fn total(&self) -> f64 {
        self.compute + self.calls.iter().map(|(_, units, million)| units * million / 1e6).sum::<f64>() + self.storage
    }

    /// Prints the lines for 1000 pictures.
    pub(crate) fn print(&self) {
        println!("    {:<36} {:>10} {:>14} {:>12}", "1000 pictures", "units", "$ per million", "$");
        println!(
            "    {:<36} {:>10.0} {:>14.4} {:>12.5}",
            "Lambda: GB-s of process",
            self.gb_seconds * 1000.0,
            LAMBDA_GB_SECOND * 1e6,
            self.compute * 1000.0
        );
        for (name, units, million) in &self.calls {
            println!("    {name:<36} {:>10.0} {million:>14.4} {:>12.5}", units * 1000.0, units * million / 1000.0);
        }
        println!("    {:<36} {:>10} {:>14} {:>12.5}", "S3: storage for 7 days", "", "", self.storage * 1000.0);
    }
}
