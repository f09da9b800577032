//! The template, deployed to the AWS emulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use cutline_aws::{Aws, DynamoTable};
use cutline_core::domain::keys::{KeyRecord, Secret};
use cutline_core::ports::Keys;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::functions::Function;
use crate::tools::{Tools, root};

/// The key in the sample events.
pub const SAMPLE_KEY: &str = "ck_sample";

/// The owner of that key.
pub const SAMPLE_OWNER: &str = "shop";

/// The report of `xtask/py/aws.py --deploy`; see there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// `http://HOST:PORT` of the emulator.
    pub endpoint: String,
    /// The region it plays.
    pub region: String,
    /// The stack's outputs.
    pub outputs: Outputs,
    /// By logical id.
    pub functions: BTreeMap<String, FunctionSettings>,
    /// Credentials with all permissions.
    pub admin: Credentials,
    /// A session of the role of a server next to the functions.
    pub server: Credentials,
    /// A session of the role of a worker outside Lambda.
    pub worker: Credentials,
    /// Resources that the emulator cannot create, each with the reason.
    left_out: BTreeMap<String, String>,
}

/// The stack's outputs that this program uses, as template.yaml describes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "template.yaml describes each output")]
pub struct Outputs {
    pub table_name: String,
    pub bucket_name: String,
    pub jobs_queue_url: String,
    pub bulk_queue_url: String,
    pub intake_queue_url: String,
    pub intake_bulk_queue_url: String,
    pub dead_letter_queue_url: String,
    pub parking_queue_url: String,
    pub reports_queue_url: String,
}

/// A function's settings in the template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionSettings {
    /// The variables that the template sets.
    pub environment: BTreeMap<String, String>,
    /// In MB.
    pub memory: u32,
    /// In seconds.
    pub timeout: u32,
    /// A session of the function's role.
    pub credentials: Credentials,
}

impl FunctionSettings {
    /// The environment that Lambda gives the function, with the emulator's endpoint.
    pub(crate) fn as_on_lambda(&self, stack: &Report) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &self.memory.to_string());
        set("AWS_LAMBDA_FUNCTION_TIMEOUT", &self.timeout.to_string());
        set("AWS_REGION", &stack.region);
        set("AWS_ENDPOINT_URL", &stack.endpoint);
        for (name, value) in self.credentials.variables() {
            set(name, value);
        }
        environment
    }
}

/// Credentials, named like the environment variables of AWS's SDKs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "AWS documents the variables")]
pub struct Credentials {
    pub aws_access_key_id: String,
    pub aws_secret_access_key: String,
    pub aws_session_token: Option<String>,
}

impl Credentials {
    /// Their environment variables.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.aws_session_token.as_deref().map(|token| ("AWS_SESSION_TOKEN", token));
        let keys = [
            ("AWS_ACCESS_KEY_ID", self.aws_access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", self.aws_secret_access_key.as_str()),
        ];
        keys.into_iter().chain(token)
    }
}

/// A running emulator. It ends when its standard input closes, at the latest with this process.
#[derive(Debug)]
pub struct Stack {
    /// The programs that it uses.
    pub tools: Tools,
    report: Report,
    _emulator: Child,
}

impl Report {
    /// The settings of a function.
    ///
    /// # Errors
    /// If the template has no such function.
    pub fn function(&self, function: Function) -> Result<&FunctionSettings> {
        let id = function.logical_id();
        self.functions.get(id).with_context(|| format!("the template has no {id}"))
    }
}

impl std::ops::Deref for Stack {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

impl Stack {
    /// Starts the emulator on a free port and deploys the template.
    ///
    /// # Errors
    /// If the emulator cannot be started, or does not accept the template.
    pub async fn deploy(tools: Tools, logs: &Path) -> Result<Self> {
        Self::deploy_at("127.0.0.1:0", None, tools, logs).await
    }

    /// Like [`Stack::deploy`], at an address of this machine. The bucket admits the web pages of `api`, an origin such
    /// as `http://127.0.0.1:8788`.
    ///
    /// # Errors
    /// If the emulator cannot be started there, or does not accept the template.
    pub async fn deploy_at(address: &str, api: Option<&str>, tools: Tools, logs: &Path) -> Result<Self> {
        let root = root();
        let mut emulator = Command::new(&tools.python)
            .arg(root.join("xtask/py/aws.py"))
            .args(["--listen", address, "--deploy"])
            .arg(root.join("template.yaml"))
            .args(api.into_iter().flat_map(|origin| ["--api", origin]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(logs.join("aws.log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the AWS emulator")?;
        let stdout = emulator.stdout.take().context("the AWS emulator has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.unwrap_or_default();
        let report = serde_json::from_str(&line).with_context(|| {
            let log = std::fs::read_to_string(logs.join("aws.log")).unwrap_or_default();
            format!("cannot deploy the template:\n{log}")
        })?;
        Ok(Self { tools, report, _emulator: emulator })
    }

    /// What the emulator created.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The table, accessed as the admin, with the key of the sample events stored in it.
    ///
    /// # Errors
    /// If the key cannot be stored.
    pub async fn table_with_sample_key(&self) -> Result<DynamoTable> {
        let Credentials { aws_access_key_id: id, aws_secret_access_key: secret, .. } = &self.admin;
        let table = Aws::at(&self.endpoint, &self.region, id, secret).await.table(&self.outputs.table_name);
        let key = KeyRecord {
            hash: Secret::from_caller(SAMPLE_KEY).hash(),
            owner: SAMPLE_OWNER.parse()?,
            label: "sample".to_owned(),
            scope: Default::default(),
            created_at: Timestamp::now(),
            revoked_at: None,
        };
        table.insert(&key).await.context("cannot store the sample key")?;
        Ok(table)
    }

    /// Prints which resources are not tested.
    pub fn print(&self) {
        println!("deployed template.yaml to the emulator, without:");
        for (name, why) in &self.left_out {
            println!("  {name}: {why}");
        }
    }
}
