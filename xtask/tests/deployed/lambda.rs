//! One function under AWS's Lambda Runtime Interface Emulator.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::stack::{Stack, path_variable};

/// A running execution environment. It handles one event at a time, as Lambda's do.
pub(crate) struct Lambda {
    pub(crate) emulator: Child,
    invoke_url: String,
    client: reqwest::Client,
    log: PathBuf,
}

impl Lambda {
    /// Starts a binary with the settings of the template's function `logical`, and with `changes` to its environment.
    pub(crate) fn start(
        stack: &Stack,
        logical: &str,
        binary: &str,
        changes: &[(&str, &str)],
        log: &Path,
    ) -> Result<Self> {
        let function = stack.functions.get(logical).with_context(|| format!("the template has no {logical}"))?;
        let program = release_folder()?.join(binary);
        ensure!(program.exists(), "{} is not built: run `cargo xtask test deployed`", program.display());
        let (invoke, runtime) = (free_address()?, free_address()?);
        let output = File::create(log)?;
        let mut command = Command::new(path_variable("CUTLINE_TEST_LAMBDA_EMULATOR")?);
        command
            .args(["--runtime-interface-emulator-address", &invoke, "--runtime-api-address", &runtime])
            .arg(program)
            .env_clear()
            .envs(&function.environment)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string())
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", function.timeout.to_string())
            .env("AWS_REGION", &stack.region)
            .env("AWS_ENDPOINT_URL", &stack.endpoint)
            .env("AWS_ACCESS_KEY_ID", &function.credentials.aws_access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &function.credentials.aws_secret_access_key)
            .envs(function.credentials.aws_session_token.iter().map(|token| ("AWS_SESSION_TOKEN", token)))
            .envs(changes.iter().copied())
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output);
        let emulator = command.spawn().context("cannot start the Lambda emulator")?;
        let invoke_url = format!("http://{invoke}/2015-03-31/functions/function/invocations");
        // Longer than any function's timeout, so that a hang fails the test.
        let client = reqwest::Client::builder().timeout(Duration::from_secs(150)).build()?;
        Ok(Self { emulator, invoke_url, client, log: log.to_owned() })
    }

    /// Invokes the function. Fails if the function reports an error or dies.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<Value> {
        let body = serde_json::to_vec(event)?;
        let mut tries = 0;
        let response = loop {
            match self.client.post(&self.invoke_url).body(body.clone()).send().await {
                Ok(response) => break response,
                // The emulator opens its port some time after it starts.
                Err(error) if error.is_connect() && tries < 100 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error).context("cannot invoke a function"),
            }
        };
        let bytes = response.bytes().await.context("cannot read a function's answer")?;
        let answer: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("the function's answer is not JSON: {}", String::from_utf8_lossy(&bytes)))?;
        if let Some(kind) = answer.get("errorType") {
            bail!("the function failed, {kind}: {}", answer["errorMessage"]);
        }
        Ok(answer)
    }

    /// Suspends the function's process, as Lambda freezes an execution environment.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Resumes the function's process.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Kills the function's process, as a lack of memory would.
    pub(crate) fn kill(&self) -> Result<()> {
        self.signal("-KILL")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let process = self.function_process().context("the function has no process")?;
        let status = Command::new("kill").args([signal, &process.to_string()]).status().context("cannot run kill")?;
        ensure!(status.success(), "kill {signal} {process} failed");
        Ok(())
    }

    /// The function's own process: the emulator's child.
    pub(crate) fn function_process(&self) -> Option<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.emulator.id())).ok()?;
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
            .find_map(|children| children.split_whitespace().next()?.parse().ok())
    }

    /// The function's log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        // The function's process would outlive the emulator.
        let _ = self.kill();
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// The folder of the workspace's programs. The running program is in `deps` below it.
pub(crate) fn release_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().and_then(Path::parent).context("this program is not in a target folder")?.to_owned())
}

/// A free loopback address.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
