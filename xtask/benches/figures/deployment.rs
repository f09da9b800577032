//! The functions as deployed: release binaries under AWS's Lambda emulator, configured by the template, against the AWS
//! emulator. The code that runs them is shared with the tests of the deployed functions.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cutline_aws::DynamoTable;
use cutline_core::domain::job::JobState;
use cutline_core::domain::outcome::StoredPicture;
use cutline_core::ports::Jobs;
use cutline_core::{JobId, Mode};
use cutline_deployment::{
    Bucket, Function, Lambda, Queue, SAMPLE_OWNER, Stack, Tools, accepted_in, upload_in, upload_with,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Setup;
use crate::origin::Origin;

/// A built-in parameter set.
const SET: &str = "amazon-main";

/// How a photo becomes a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// By a request with its URL, in this mode. Mode `params` uses [`SET`].
    Url(Mode),
    /// By a file that is dropped for [`SET`].
    Drop,
}

/// The stack and a client of its API.
pub(crate) struct Deployment {
    // Fields drop in order: the function must end before the stack.
    upload: Lambda,
    /// May fetch from loopback addresses.
    intake: Lambda,
    origin: Origin,
    bucket: Bucket,
    jobs: Queue,
    bulk: Queue,
    intake_queue: Queue,
    intake_bulk: Queue,
    table: DynamoTable,
    stack: Stack,
    logs: PathBuf,
}

/// Measurements of one job.
pub(crate) struct Processed {
    /// The duration of the process function, as the emulator reports it.
    pub(crate) duration: Duration,
    /// The duration of the intake function.
    pub(crate) intake: Duration,
    /// The size of the photo, in bytes.
    pub(crate) source_bytes: usize,
    /// The size of all outputs, in bytes.
    pub(crate) output_bytes: usize,
    /// The number of outputs.
    pub(crate) outputs: usize,
    /// The number of pictures among them.
    pub(crate) pictures: usize,
}

impl Deployment {
    pub(crate) async fn start(setup: &Setup) -> Result<Self> {
        let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("figures-logs");
        std::fs::create_dir_all(&logs).context("cannot create a folder for logs")?;
        let tools = Tools { models: setup.models.clone(), ..Tools::from_env()? };
        let stack = Stack::deploy(tools, &logs).await?;
        let table = stack.table_with_sample_key().await?;
        let process = stack.function(Function::Process)?;
        let jobs = Queue::new(&stack, &stack.outputs.jobs_queue_url, &process.credentials);
        let fetcher = stack.function(Function::Intake)?;
        let bulk = Queue::new(&stack, &stack.outputs.bulk_queue_url, &process.credentials);
        let intake_queue = Queue::new(&stack, &stack.outputs.intake_queue_url, &fetcher.credentials);
        let intake_bulk = Queue::new(&stack, &stack.outputs.intake_bulk_queue_url, &fetcher.credentials);
        // S3 sends a test message when the notification is configured.
        Queue::new(&stack, &stack.outputs.intake_bulk_queue_url, &stack.admin).purge().await?;
        let local = ("CUTLINE_ALLOW_PRIVATE_SOURCES", "true");
        Ok(Self {
            upload: Lambda::start(&stack, Function::Upload, &[], &logs.join("upload.log"))?,
            intake: Lambda::start(&stack, Function::Intake, &[local], &logs.join("intake.log"))?,
            origin: Origin::start(Vec::new()).await?,
            bucket: Bucket::new(&stack, &stack.admin),
            jobs,
            bulk,
            intake_queue,
            intake_bulk,
            table,
            stack,
            logs,
        })
    }

    /// A new execution environment of a function.
    pub(crate) fn function(&self, function: Function) -> Result<Lambda> {
        Lambda::start(&self.stack, function, &[], &self.logs.join(format!("{}.log", function.program())))
    }

    /// A new execution environment of the process function. `memory`, in MB, replaces the template's.
    pub(crate) fn process(&self, memory: Option<u32>) -> Result<Lambda> {
        let memory = memory.map(|memory| memory.to_string());
        let changes: Vec<_> =
            memory.as_deref().map(|memory| ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)).into_iter().collect();
        Lambda::start(&self.stack, Function::Process, &changes, &self.logs.join("process.log"))
    }

    /// The memory that the template gives the process function, in MB.
    pub(crate) fn process_memory(&self) -> u32 {
        self.stack.functions["ProcessFunction"].memory
    }

    /// Cuts out a photo in this environment of the process function: orders it, delivers the messages of both stages, and
    /// checks that the job is done.
    pub(crate) async fn cut_out(&self, process: &Lambda, photo: Vec<u8>, order: Order) -> Result<Processed> {
        let source_bytes = photo.len();
        let (intake, making) = match order {
            Order::Url(mode) => {
                self.origin.replace(photo);
                accepted_in(mode, &self.upload, &upload(&self.origin.url(), mode)?).await?;
                (&self.intake_queue, &self.jobs)
            }
            Order::Drop => {
                let name = Timestamp::now().as_microsecond();
                self.bucket.put(&format!("drops/{SAMPLE_OWNER}/{SET}/{name}.jpg"), photo).await?;
                (&self.intake_bulk, &self.bulk)
            }
        };
        let announced = intake.receive_one().await?;
        let reported = intake.deliver(&[announced], &self.intake).await?;
        ensure!(reported.is_empty(), "the intake message was not acknowledged; see {}", self.logs.display());
        let message = making.receive_one().await?;
        let body: Value = serde_json::from_str(message.body.as_deref().context("a message without a body")?)?;
        let id: JobId =
            body["job_id"].as_str().context("a message without a job id")?.parse().context("invalid job id")?;
        let reported = making.deliver(&[message], process).await?;
        ensure!(reported.is_empty(), "the message of job {id} was not acknowledged");
        let job = self.table.get(id).await?.context("the job has no record")?;
        let JobState::Done { outcome, .. } = &job.state else {
            anyhow::bail!("the job is not done; see {}: {job:?}", self.logs.display());
        };
        let pictures = outcome.pictures.values().map(|output: &StoredPicture| output.bytes).sum::<u64>();
        let output_bytes = pictures + outcome.assets.values().map(|asset| asset.bytes).sum::<u64>();
        Ok(Processed {
            duration: last_duration(&process.log())?,
            intake: last_duration(&self.intake.log())?,
            source_bytes,
            output_bytes: usize::try_from(output_bytes)?,
            outputs: outcome.pictures.len() + outcome.assets.len(),
            pictures: outcome.pictures.len(),
        })
    }
}

/// The event of an upload of the photo behind `url`.
fn upload(url: &str, mode: Mode) -> Result<Value> {
    if mode != Mode::Params {
        return upload_in(url, mode);
    }
    upload_with(&json!({ "file_url": url, "mode": mode.as_str(), "params": SET }))
}

/// The duration of the last invocation of a running function, from the emulator's log.
fn last_duration(log: &str) -> Result<Duration> {
    let number = log.rsplit_once("INVOKE RTDONE(").and_then(|(_, line)| {
        let (_, number) = line.split_once("duration: ")?;
        number.split_once("ms)")?.0.parse::<f64>().ok()
    });
    Ok(Duration::from_secs_f64(number.context("the emulator reported no duration")? / 1000.0))
}

/// The start-up time from the emulator's log: from the start of the process to its first request for an event. The
/// `Init Duration` in the emulator's closing line measures something else: the time to request the start.
pub(crate) fn init_duration(log: &str) -> Result<Duration> {
    let number =
        log.split_once("INIT REPORT(durationMs: ").and_then(|(_, line)| line.split_once(')')?.0.parse::<f64>().ok());
    Ok(Duration::from_secs_f64(number.context("the emulator reported no start-up time")? / 1000.0))
}
