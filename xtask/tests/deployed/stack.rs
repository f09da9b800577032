//! The template, deployed in the emulator of AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use cutline_aws::{Aws, DynamoTable};
use cutline_core::domain::keys::{KeyRecord, Secret};
use cutline_core::ports::Keys;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The key in the sample events.
pub(crate) const SAMPLE_KEY: &str = "ck_sample";

/// What `xtask/py/aws.py --deploy` reports; see there.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) outputs: Outputs,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) admin: Credentials,
    /// A session of the role of a server beside the functions.
    pub(crate) server: Credentials,
    left_out: BTreeMap<String, String>,
}

/// The stack's outputs that the test goes by.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Outputs {
    pub(crate) table_name: String,
    pub(crate) bucket_name: String,
    pub(crate) jobs_queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    pub(crate) parking_queue_url: String,
}

/// A function as the template has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) environment: BTreeMap<String, String>,
    /// MB.
    pub(crate) memory: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    /// A session of its own role.
    pub(crate) credentials: Credentials,
}

/// Credentials, in the variables that AWS's SDKs read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Credentials {
    pub(crate) aws_access_key_id: String,
    pub(crate) aws_secret_access_key: String,
    pub(crate) aws_session_token: Option<String>,
}

/// The running emulator. It ends when its standard input closes, so with this process at the latest.
pub(crate) struct Stack {
    report: Report,
    _emulator: Child,
}

impl std::ops::Deref for Stack {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

impl Stack {
    /// Starts the emulator and deploys the template in it.
    pub(crate) async fn deploy(logs: &Path) -> Result<Self> {
        let root = root();
        let mut emulator = Command::new(given("CUTLINE_TEST_PYTHON")?)
            .arg(root.join("xtask/py/aws.py"))
            .arg("--deploy")
            .arg(root.join("template.yaml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(logs.join("aws.log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("starting the emulator of AWS")?;
        let stdout = emulator.stdout.take().context("the emulator has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.unwrap_or_default();
        let report = serde_json::from_str(&line).with_context(|| {
            let log = std::fs::read_to_string(logs.join("aws.log")).unwrap_or_default();
            format!("the template could not be deployed in the emulator:\n{log}")
        })?;
        Ok(Self { report, _emulator: emulator })
    }

    /// The records, seen by one who may do everything, the key of the sample events among them.
    pub(crate) async fn table_with_sample_key(&self) -> Result<DynamoTable> {
        let Credentials { aws_access_key_id: id, aws_secret_access_key: secret, .. } = &self.admin;
        let table = Aws::at(&self.endpoint, &self.region, id, secret).await.table(&self.outputs.table_name);
        let key = KeyRecord {
            hash: Secret::from_caller(SAMPLE_KEY).hash(),
            owner: "shop".parse()?,
            label: "sample".to_owned(),
            created_at: Timestamp::now(),
            revoked_at: None,
        };
        table.insert(&key).await.context("storing the sample key")?;
        Ok(table)
    }

    /// Says what the emulator has no model of, so that nobody takes it for tested.
    pub(crate) fn print(&self) {
        println!("deployed in the emulator from template.yaml, without these:");
        for (name, why) in &self.left_out {
            println!("  {name}: {why}");
        }
    }
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A path that `cargo xtask test` gives to this program.
pub(crate) fn given(variable: &str) -> Result<PathBuf> {
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).with_context(|| format!("{variable} is not set: run `cargo xtask test deployed`"))
}
