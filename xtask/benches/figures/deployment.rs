//! The functions as deployed: release binaries under AWS's Lambda emulator, configured by the template, against the AWS
//! emulator. The code that runs them is shared with the tests of the deployed functions.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cutline_aws::DynamoTable;
use cutline_core::Mode;
use cutline_core::domain::job::JobState;
use cutline_core::domain::outcome::StoredPicture;
use cutline_core::ports::Jobs;

use crate::Setup;
use crate::gateway::{accepted_in, upload_in};
use crate::lambda::Lambda;
use crate::origin::Origin;
use crate::sqs::Queue;
use crate::stack::Stack;

/// The stack and a client of its API.
pub(crate) struct Deployment {
    // Fields drop in order: the function must end before the stack.
    upload: Lambda,
    /// May fetch from loopback addresses.
    intake: Lambda,
    origin: Origin,
    jobs: Queue,
    intake_queue: Queue,
    table: DynamoTable,
    stack: Stack,
    models: String,
    logs: PathBuf,
}

/// Measurements of one job.
pub(crate) struct Processed {
    /// The function's duration, as the emulator reports it.
    pub(crate) duration: Duration,
    /// The size of the photo, in bytes.
    pub(crate) source_bytes: usize,
    /// The size of all outputs, in bytes.
    pub(crate) output_bytes: usize,
    /// The number of outputs.
    pub(crate) outputs: usize,
}

impl Deployment {
    pub(crate) async fn start(setup: &Setup) -> Result<Self> {
        let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("figures-logs");
        std::fs::create_dir_all(&logs).context("cannot create a folder for logs")?;
        let stack = Stack::deploy(&logs).await?;
        let table = stack.table_with_sample_key().await?;
        let process = stack.functions.get("ProcessFunction").context("the template has no ProcessFunction")?;
        let jobs = Queue::new(&stack, &stack.outputs.jobs_queue_url, &process.credentials);
        let fetcher = stack.functions.get("IntakeFunction").context("the template has no IntakeFunction")?;
        let intake_queue = Queue::new(&stack, &stack.outputs.intake_queue_url, &fetcher.credentials);
        let local = ("CUTLINE_ALLOW_PRIVATE_SOURCES", "true");
        let models = setup.models.to_str().context("the models' folder is not UTF-8")?.to_owned();
        Ok(Self {
            upload: Lambda::start(&stack, "UploadFunction", "cutline-upload", &[], &logs.join("upload.log"))?,
            intake: Lambda::start(&stack, "IntakeFunction", "cutline-intake", &[local], &logs.join("intake.log"))?,
            origin: Origin::start(Vec::new()).await?,
            jobs,
            intake_queue,
            table,
            stack,
            models,
            logs,
        })
    }

    /// A new execution environment of a function, by its names in the template and in the workspace.
    pub(crate) fn function(&self, logical: &str, binary: &str) -> Result<Lambda> {
        let changes = [("CUTLINE_MODELS_DIR", self.models.as_str())];
        Lambda::start(&self.stack, logical, binary, &changes, &self.logs.join(format!("{binary}.log")))
    }

    /// A new execution environment of the process function. `memory`, in MB, replaces the template's.
    pub(crate) fn process(&self, memory: Option<u32>) -> Result<Lambda> {
        let memory = memory.map(|memory| memory.to_string());
        let mut changes = vec![("CUTLINE_MODELS_DIR", self.models.as_str())];
        changes.extend(memory.as_deref().map(|memory| ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)));
        Lambda::start(&self.stack, "ProcessFunction", "cutline-process", &changes, &self.logs.join("process.log"))
    }

    /// The memory that the template gives the process function, in MB.
    pub(crate) fn process_memory(&self) -> u32 {
        self.stack.functions["ProcessFunction"].memory
    }

    /// Cuts out a photo in this environment of the process function: uploads its URL, delivers the messages of both stages,
    /// and checks that the job is done.
    pub(crate) async fn cut_out(&self, process: &Lambda, photo: Vec<u8>, mode: Mode) -> Result<Processed> {
        let source_bytes = photo.len();
        self.origin.replace(photo);
        let id = accepted_in(mode, &self.upload, &upload_in(&self.origin.url(), mode)?).await?;
        let fetch = self.intake_queue.receive_one().await?;
        let reported = self.intake_queue.deliver(&[fetch], &self.intake).await?;
        ensure!(reported.is_empty(), "the intake message of job {id} was not acknowledged");
        let message = self.jobs.receive_one().await?;
        let reported = self.jobs.deliver(&[message], process).await?;
        ensure!(reported.is_empty(), "the message of job {id} was not acknowledged");
        let job = self.table.get(id.parse().context("invalid job id")?).await?.context("the job has no record")?;
        let JobState::Done { outcome, .. } = &job.state else {
            anyhow::bail!("the job is not done; see {}: {job:?}", self.logs.display());
        };
        let pictures = outcome.pictures.values().map(|output: &StoredPicture| output.bytes).sum::<u64>();
        let output_bytes = pictures + outcome.assets.values().map(|asset| asset.bytes).sum::<u64>();
        Ok(Processed {
            duration: last_duration(&process.log())?,
            source_bytes,
            output_bytes: usize::try_from(output_bytes)?,
            outputs: outcome.pictures.len() + outcome.assets.len(),
        })
    }
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
