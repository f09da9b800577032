//! A deployment on emulators that both releases work on. Servers without workers act in the role of a server, which may sign
//! links, and this release's sweep in its own. All others act as the admin: the roles are tested elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use cutline_aws::{Aws, DynamoTable};
use cutline_deployment::{Bucket, Credentials as AwsCredentials, Function, Lambda, Queue, Stack, Tools, sample};
use tokio::time::sleep;

use crate::dynamo_json::{Item, from_json};
use crate::releases::Release;
use crate::server::{Place, Server, log};

/// Longer than a worker waits for a message.
const LONGEST_RECEIVE: Duration = Duration::from_secs(21);

/// The owner of all jobs.
pub(crate) const OWNER: &str = "shop";

/// A running deployment.
pub(crate) struct Site {
    pub(crate) stack: Stack,
    /// The table, as records of this release.
    pub(crate) table: DynamoTable,
    pub(crate) bucket: Bucket,
    logs: PathBuf,
    client: aws_sdk_dynamodb::Client,
}

impl Site {
    /// Deploys the template of this release. Its resources include those of the previous one.
    pub(crate) async fn deploy(logs: &Path) -> Result<Self> {
        let stack = Stack::deploy(Tools::from_env()?, logs).await?;
        let (id, secret) = (&stack.admin.aws_access_key_id, &stack.admin.aws_secret_access_key);
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&stack.endpoint)
            .region(Region::new(stack.region.clone()))
            .credentials_provider(Credentials::new(id, secret, None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let table = Aws::at(&stack.endpoint, &stack.region, id, secret).await.table(&stack.outputs.table_name);
        let bucket = Bucket::new(&stack, &stack.admin);
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        Ok(Self { stack, table, bucket, logs: logs.to_owned(), client })
    }

    /// The path of a log.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        log(&self.logs, name)
    }

    /// A queue, by its URL.
    pub(crate) fn queue(&self, url: &str) -> Queue {
        Queue::new(&self.stack, url, &self.stack.admin)
    }

    /// The queue of jobs that both releases have.
    pub(crate) fn jobs(&self) -> Queue {
        self.queue(&self.stack.outputs.jobs_queue_url)
    }

    /// The environment of a server.
    fn environment(&self, credentials: &AwsCredentials) -> Result<BTreeMap<String, String>> {
        let mut environment = BTreeMap::new();
        for function in [Function::Upload, Function::Status] {
            environment.extend(self.stack.function(function)?.environment.clone());
        }
        environment.extend(self.access(credentials));
        Ok(environment)
    }

    /// The address of the emulator, and credentials.
    fn access<'a>(&'a self, credentials: &'a AwsCredentials) -> impl Iterator<Item = (String, String)> + 'a {
        let place = [("AWS_REGION", self.stack.region.as_str()), ("AWS_ENDPOINT_URL", self.stack.endpoint.as_str())];
        place.into_iter().chain(credentials.variables()).map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// A server next to the functions, whose variables `changes` replace.
    pub(crate) async fn server_with(
        &self,
        release: &Release,
        workers: u16,
        key: &str,
        (name, changes): (&str, &[(&str, &str)]),
    ) -> Result<Server> {
        let credentials = if workers == 0 { &self.stack.server } else { &self.stack.admin };
        let mut environment = self.environment(credentials)?;
        environment.extend(changes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let arguments = ["--backend", "aws"].map(str::to_owned).to_vec();
        Server::start(release, workers, &Place { arguments, environment }, key, &self.log(name)).await
    }

    /// A server next to the functions, with this log.
    pub(crate) async fn server(&self, release: &Release, workers: u16, key: &str, name: &str) -> Result<Server> {
        self.server_with(release, workers, key, (name, &[])).await
    }

    /// The sweep function of this release.
    pub(crate) fn sweep(&self, name: &str) -> Result<Lambda> {
        Lambda::start(&self.stack, Function::Sweep, &[], &self.log(name))
    }

    /// The sweep function of the previous release.
    pub(crate) fn previous_sweep(&self, release: &Release, name: &str) -> Result<Lambda> {
        let settings = self.stack.function(Function::Sweep)?;
        let mut environment = settings.environment.clone();
        environment.extend(self.access(&self.stack.admin));
        let queue = self.stack.outputs.jobs_queue_url.rsplit('/').next().context("the queue's URL has no name")?;
        for (name, value) in [
            // It asked for the queue's age by name.
            ("CUTLINE_QUEUE_NAME", queue.to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory.to_string()),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", settings.timeout.to_string()),
        ] {
            environment.insert(name.to_owned(), value);
        }
        let program = release.program(&Function::Sweep.program());
        Lambda::start_program(&self.stack, &program, &environment, &self.log(name))
    }

    /// Creates a key with the commands that a release prints, and returns its secret.
    pub(crate) async fn create_key(&self, release: &Release, owner: &str, credits: Option<u64>) -> Result<String> {
        let table = &self.stack.outputs.table_name;
        let mut command = Command::new(release.program("cutline"));
        command.args(["keys", "create", "--owner", owner, "--label", "recorded", "--for-aws", table]);
        command.args(credits.into_iter().flat_map(|credits| ["--credits".to_owned(), credits.to_string()]));
        let output = command.output().context("cannot run cutline keys create")?;
        let text = String::from_utf8(output.stdout).context("the instructions are not UTF-8")?;
        ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let secret = text.split_whitespace().find(|word| word.starts_with("ck_")).context("no secret")?;
        let items = text.lines().filter_map(|line| line.split_once(" --item "));
        for (_, item) in items.filter(|(command, _)| command.contains(" put-item ")) {
            // One word of a shell, in which no quote stands.
            let item = serde_json::from_str(item.trim().trim_matches('\'')).context("an item is JSON")?;
            self.put(from_json(&item)?).await?;
        }
        Ok(secret.to_owned())
    }

    async fn put(&self, item: Item) -> Result<()> {
        let request = self.client.put_item().table_name(&self.stack.outputs.table_name).set_item(Some(item));
        request.send().await.map(drop).context("cannot put an item")
    }

    /// All items of the table.
    pub(crate) async fn items(&self) -> Result<Vec<Item>> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let request = self.client.scan().table_name(&self.stack.outputs.table_name).consistent_read(true);
            let page = request.set_exclusive_start_key(start).send().await.context("cannot scan the table")?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Drops a file.
    pub(crate) async fn drop_file(&self, path: &str, bytes: &'static [u8]) -> Result<()> {
        self.bucket.put(&format!("drops/{OWNER}/{path}"), bytes).await
    }

    /// Moves the events of dropped files to the queue that the previous release has S3 send them to. Returns whether
    /// there were some.
    pub(crate) async fn forward_drops(&self) -> Result<bool> {
        let (intake, jobs) = (self.queue(&self.stack.outputs.intake_bulk_queue_url), self.jobs());
        for _ in 0..100 {
            let messages = intake.receive().await?;
            if !messages.is_empty() {
                for message in &messages {
                    jobs.send(message.body.as_deref().context("a message has a body")?).await?;
                    intake.delete(message).await?;
                }
                return Ok(true);
            }
            // The emulator may send an event a little after the object is stored.
            sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }

    /// Waits for the end of the receives of a worker that has ended: the emulator goes on with them, and what they get is
    /// hidden from others.
    pub(crate) async fn outlast_receives(&self) {
        sleep(LONGEST_RECEIVE).await;
    }

    /// Runs a sweep.
    pub(crate) async fn run(&self, sweep: &Lambda) -> Result<()> {
        sweep.invoke(&sample("sweep-schedule.json")?).await.map(drop)
    }
}
