//! The deployment that all scenarios share.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use cutline_aws::DynamoTable;
use cutline_deployment::{Function, Lambda, Queue, Stack, Tools, root};

use crate::origin::Origin;
use crate::photo;

pub(crate) struct World {
    // Fields drop in order: the functions must end before the stack.
    pub(crate) upload: Lambda,
    pub(crate) status: Lambda,
    pub(crate) sweep: Lambda,
    /// Configured exactly as in the template.
    pub(crate) process: Lambda,
    /// Another execution environment of the same function.
    pub(crate) process_too: Lambda,
    /// Configured exactly as in the template.
    pub(crate) intake: Lambda,
    /// Another execution environment of the same function, which may fetch from loopback addresses.
    pub(crate) intake_too: Lambda,
    pub(crate) origin: Origin,
    /// The table, accessed as the admin.
    pub(crate) table: DynamoTable,
    /// The live queue, accessed as the process function.
    pub(crate) jobs: Queue,
    /// The bulk queue, accessed as the process function.
    pub(crate) bulk: Queue,
    /// The live intake queue, accessed as the intake function.
    pub(crate) intake_live: Queue,
    /// The bulk intake queue, accessed as the intake function.
    pub(crate) intake_bulk: Queue,
    /// The dead-letter queue, accessed as the sweep function.
    pub(crate) dead_letters: Queue,
    /// The reports queue, accessed as the sweep function.
    pub(crate) reports: Queue,
    /// The quarantine queue, accessed as the admin.
    pub(crate) quarantine: Queue,
    pub(crate) stack: Stack,
    logs: PathBuf,
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let logs = root().join("target/tools/deployed");
        std::fs::create_dir_all(&logs)?;
        // The HTTP client needs a TLS provider even for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let stack = Stack::deploy(Tools::from_env()?, &logs).await?;
        let table = stack.table_with_sample_key().await?;

        let start =
            |function, changes: &[(&str, &str)], log: &str| Lambda::start(&stack, function, changes, &logs.join(log));
        let polled_by = |url: &str, function| -> Result<Queue> {
            Ok(Queue::new(&stack, url, &stack.function(function)?.credentials))
        };
        let local = ("CUTLINE_ALLOW_PRIVATE_SOURCES", "true");
        let world = Self {
            upload: start(Function::Upload, &[], "upload.log")?,
            status: start(Function::Status, &[], "status.log")?,
            sweep: start(Function::Sweep, &[], "sweep.log")?,
            process: start(Function::Process, &[], "process.log")?,
            process_too: start(Function::Process, &[], "process-too.log")?,
            intake: start(Function::Intake, &[], "intake.log")?,
            intake_too: start(Function::Intake, &[local], "intake-too.log")?,
            origin: Origin::start(photo::PHOTO).await?,
            jobs: polled_by(&stack.outputs.jobs_queue_url, Function::Process)?,
            bulk: polled_by(&stack.outputs.bulk_queue_url, Function::Process)?,
            intake_live: polled_by(&stack.outputs.intake_queue_url, Function::Intake)?,
            intake_bulk: polled_by(&stack.outputs.intake_bulk_queue_url, Function::Intake)?,
            dead_letters: polled_by(&stack.outputs.dead_letter_queue_url, Function::Sweep)?,
            reports: polled_by(&stack.outputs.reports_queue_url, Function::Sweep)?,
            quarantine: Queue::new(&stack, &stack.outputs.parking_queue_url, &stack.admin),
            table,
            logs,
            stack,
        };
        // S3 sends a test message when the notification is configured.
        world.clear_queues().await?;
        Ok(world)
    }

    /// Another execution environment of the process function, for a scenario to kill.
    pub(crate) fn another_worker(&self) -> Result<Lambda> {
        Lambda::start(&self.stack, Function::Process, &[], &self.logs.join("process-killed.log"))
    }

    /// An upload function whose queue does not exist.
    pub(crate) fn upload_without_queue(&self) -> Result<Lambda> {
        let gone = ("CUTLINE_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/gone");
        let log = self.logs.join("upload-without-queue.log");
        Lambda::start(&self.stack, Function::Upload, &[gone], &log)
    }

    /// Sets the metric of the age of the jobs queue's oldest message, one minute ago: CloudWatch is about that late. The
    /// sweep reads the last five minutes, so the value holds for four.
    pub(crate) async fn jobs_queue_age(&self, age: Duration) -> Result<()> {
        let admin = &self.stack.admin;
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(aws_sdk_cloudwatch::config::BehaviorVersion::latest())
            .endpoint_url(&self.stack.endpoint)
            .region(aws_sdk_cloudwatch::config::Region::new(self.stack.region.clone()))
            .credentials_provider(aws_sdk_cloudwatch::config::Credentials::new(
                &admin.aws_access_key_id,
                &admin.aws_secret_access_key,
                None,
                None,
                "test",
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let url = &self.stack.outputs.jobs_queue_url;
        let queue = url.rsplit('/').next().context("the queue's URL has no name")?;
        let datum = MetricDatum::builder()
            .metric_name("ApproximateAgeOfOldestMessage")
            .dimensions(Dimension::builder().name("QueueName").value(queue).build())
            .timestamp((SystemTime::now() - Duration::from_secs(60)).into())
            .value(age.as_secs_f64())
            .build();
        let client = aws_sdk_cloudwatch::Client::from_conf(config);
        client.put_metric_data().namespace("AWS/SQS").metric_data(datum).send().await.context("cannot set a metric")?;
        Ok(())
    }

    /// Lets an intake function fetch what the only live job at intake needs.
    pub(crate) async fn fetch_one(&self, intake: &Lambda) -> Result<()> {
        let message = self.intake_live.receive_one().await?;
        let reported = self.intake_live.deliver(&[message], intake).await?;
        anyhow::ensure!(reported.is_empty(), "{reported:?}");
        Ok(())
    }

    /// Empties all queues.
    pub(crate) async fn clear_queues(&self) -> Result<()> {
        let outputs = &self.stack.outputs;
        let lanes = [&outputs.jobs_queue_url, &outputs.bulk_queue_url];
        let intake = [&outputs.intake_queue_url, &outputs.intake_bulk_queue_url];
        let failed = [&outputs.dead_letter_queue_url, &outputs.parking_queue_url];
        for url in [lanes, intake, failed].concat().into_iter().chain([&outputs.reports_queue_url]) {
            Queue::new(&self.stack, url, &self.stack.admin).purge().await?;
        }
        Ok(())
    }

    /// The execution environment of a function.
    pub(crate) fn function(&self, function: Function) -> &Lambda {
        match function {
            Function::Upload => &self.upload,
            Function::Status => &self.status,
            Function::Process => &self.process,
            Function::Intake => &self.intake,
            Function::Sweep => &self.sweep,
        }
    }

    /// The path of a log of this run.
    pub(crate) fn log_path(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    /// Prints the end of each function's log.
    pub(crate) fn print_logs(&self) {
        let makers = [("process", &self.process), ("process_too", &self.process_too)];
        let fetchers = [("intake", &self.intake), ("intake_too", &self.intake_too)];
        let others = [("upload", &self.upload), ("status", &self.status), ("sweep", &self.sweep)];
        for (name, function) in others.into_iter().chain(makers).chain(fetchers) {
            println!("\n---- end of the log of {name}\n{}", tail(&function.log(), 40));
        }
        println!("all logs are in {}", self.logs.display());
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
