//! The template, deployed to the AWS emulator.

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

/// The report of `xtask/py/aws.py --deploy`; see there.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) outputs: Outputs,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) admin: Credentials,
    /// A session of the role of a server next to the functions.
    pub(crate) server: Credentials,
    /// Resources that the emulator cannot create, each with the reason.
    left_out: BTreeMap<String, String>,
}

/// The stack's outputs that the test uses.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Outputs {
    pub(crate) table_name: String,
    pub(crate) bucket_name: String,
    pub(crate) jobs_queue_url: String,
    pub(crate) bulk_queue_url: String,
    pub(crate) intake_queue_url: String,
    pub(crate) intake_bulk_queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    pub(crate) parking_queue_url: String,
    pub(crate) reports_queue_url: String,
}

/// A function's settings in the template.
#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) environment: BTreeMap<String, String>,
    /// In MB.
    pub(crate) memory: u32,
    /// In seconds.
    pub(crate) timeout: u32,
    /// A session of the function's role.
    pub(crate) credentials: Credentials,
}

/// Credentials, named like the environment variables of AWS's SDKs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Credentials {
    pub(crate) aws_access_key_id: String,
    pub(crate) aws_secret_access_key: String,
    pub(crate) aws_session_token: Option<String>,
}

/// A running emulator. It ends when its standard input closes, at the latest with this process.
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
    /// Starts the emulator and deploys the template.
    pub(crate) async fn deploy(logs: &Path) -> Result<Self> {
        let root = root();
        let mut emulator = Command::new(path_variable("CUTLINE_TEST_PYTHON")?)
            .arg(root.join("xtask/py/aws.py"))
            .arg("--deploy")
            .arg(root.join("template.yaml"))
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
        Ok(Self { report, _emulator: emulator })
    }

    /// The table, accessed as the admin, with the key of the sample events stored in it.
    pub(crate) async fn table_with_sample_key(&self) -> Result<DynamoTable> {
        let Credentials { aws_access_key_id: id, aws_secret_access_key: secret, .. } = &self.admin;
        let table = Aws::at(&self.endpoint, &self.region, id, secret).await.table(&self.outputs.table_name);
        let key = KeyRecord {
            hash: Secret::from_caller(SAMPLE_KEY).hash(),
            owner: "shop".parse()?,
            label: "sample".to_owned(),
            scope: Default::default(),
            created_at: Timestamp::now(),
            revoked_at: None,
        };
        table.insert(&key).await.context("cannot store the sample key")?;
        Ok(table)
    }

    /// Prints which resources are not tested.
    pub(crate) fn print(&self) {
        println!("deployed template.yaml to the emulator, without:");
        for (name, why) in &self.left_out {
            println!("  {name}: {why}");
        }
    }
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A path from an environment variable that `cargo xtask test` sets.
pub(crate) fn path_variable(variable: &str) -> Result<PathBuf> {
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).with_context(|| format!("{variable} is not set: run `cargo xtask test deployed`"))
}
