//! What AWS charges for a picture: list prices of us-east-1, without free tiers, and what a job calls.
//!
//! Not in it: data that leaves AWS ($ 0.09 a GB, which a client pays for that downloads to the internet),
//! logs, and the polling of an idle queue and schedule (about $ 0.40 a month).

/// US dollars a GB-second, x86.
const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
/// US dollars a GB and month, S3 Standard.
const S3_GB_MONTH: f64 = 0.023;
/// What the template keeps pictures for, in days.
const KEPT_DAYS: f64 = 7.0;
/// How often a client asks before it is answered with `done`.
const POLLS: f64 = 4.0;
/// What an upload or a status takes of a function of 512 MB, in seconds. Assumed.
const REQUEST_SECONDS: f64 = 0.02;

/// Service and unit, units a picture, US dollars a million units.
type Line = (&'static str, f64, f64);

/// What a job with a `file_url` calls but for its puts. An uploaded file brings no other calls.
const CALLS: [Line; 7] = [
    // The upload, the process function, and the polls.
    ("Lambda: invocations", 2.0 + POLLS, 0.20),
    ("Lambda: GB-s of upload and status", (1.0 + POLLS) * 0.5 * REQUEST_SECONDS, LAMBDA_GB_SECOND * 1e6),
    ("API Gateway (HTTP API): requests", 1.0 + POLLS, 1.00),
    // Made, claimed, two steps, progress once, ended (two units: the record of a job that is done may have more
    // than a kilobyte); and in the index of due jobs put, moved once (two units), taken out.
    ("DynamoDB: write units", 7.0 + 4.0, 0.625),
    // Key and owner at the upload, the job when it is claimed, key and job at each poll. All consistent.
    ("DynamoDB: read units", 3.0 + 2.0 * POLLS, 0.125),
    // Sent, received, deleted.
    ("SQS: requests", 3.0, 0.40),
    // Whether the source is there already, and the client's download.
    ("S3: gets", 2.0, 0.40),
];

/// US dollars a million puts.
const S3_PUT: f64 = 5.00;

/// What a picture costs, in US dollars.
pub(crate) struct Cost {
    /// The process function's.
    pub(crate) gb_seconds: f64,
    /// The process function's.
    pub(crate) compute: f64,
    /// All calls.
    calls: Vec<Line>,
    /// The photo and what is made of it, for as long as they are kept.
    storage: f64,
}

/// Of a picture that the process function, with so many MB, works on for so many seconds, and of which so many objects
/// of so many GB are stored, the source among them.
pub(crate) fn of_a_picture(memory: u32, seconds: f64, objects: f64, stored: f64) -> Cost {
    let gb_seconds = f64::from(memory) / 1024.0 * seconds;
    Cost {
        gb_seconds,
        compute: gb_seconds * LAMBDA_GB_SECOND,
        calls: CALLS.into_iter().chain([("S3: puts", objects, S3_PUT)]).collect(),
        storage: stored * S3_GB_MONTH * KEPT_DAYS / 30.0,
    }
}

impl Cost {
    /// All of it.
    pub(crate) fn total(&self) -> f64 {
        self.compute + self.calls.iter().map(|(_, units, million)| units * million / 1e6).sum::<f64>() + self.storage
    }

    /// Prints it line by line, for 1000 pictures.
    pub(crate) fn print(&self) {
        println!("    {:<36} {:>10} {:>14} {:>12}", "1000 pictures", "units", "$ a million", "$");
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
