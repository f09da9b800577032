//! One function under AWS's Lambda Runtime Interface Emulator.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::functions::Function;
use crate::ports::free_address;
use crate::stack::Stack;
use crate::tools::program;

/// The longest time until the emulator opens its port. Generous, for a busy machine.
const START: Duration = Duration::from_secs(120);

/// A running execution environment. It handles one event at a time, as Lambda's do.
#[derive(Debug)]
pub struct Lambda {
    /// The emulator's process.
    pub emulator: Child,
    invoke_url: String,
    client: reqwest::Client,
    log: PathBuf,
}

impl Lambda {
    /// Starts a function with its settings in the template, and with `changes` to its environment.
    ///
    /// # Errors
    /// If the function is not built, or the emulator cannot be started.
    pub fn start(stack: &Stack, function: Function, changes: &[(&str, &str)], log: &Path) -> Result<Self> {
        let settings = stack.function(function)?;
        let mut environment = settings.as_on_lambda(stack);
        let models = stack.tools.models.to_str().context("the models' folder is not UTF-8")?;
        if let Some(folder) = environment.get_mut("CUTLINE_MODELS_DIR") {
            // There is no layer.
            models.clone_into(folder);
        }
        environment.extend(changes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Self::start_in(stack, function, &environment, log)
    }

    /// Starts a function with exactly this environment.
    ///
    /// # Errors
    /// If the function is not built, or the emulator cannot be started.
    pub fn start_in(
        stack: &Stack,
        function: Function,
        environment: &BTreeMap<String, String>,
        log: &Path,
    ) -> Result<Self> {
        Self::start_program(stack, &program(&function.program())?, environment, log)
    }

    /// Starts this program, such as a function of another release, with exactly this environment.
    ///
    /// # Errors
    /// If the emulator cannot be started.
    pub fn start_program(
        stack: &Stack,
        program: &Path,
        environment: &BTreeMap<String, String>,
        log: &Path,
    ) -> Result<Self> {
        let (invoke, runtime) = (free_address()?.to_string(), free_address()?.to_string());
        let output = File::create(log)?;
        let mut command = Command::new(&stack.tools.lambda_emulator);
        command
            .args(["--runtime-interface-emulator-address", &invoke, "--runtime-api-address", &runtime])
            .arg(program)
            .env_clear()
            .envs(environment)
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
    ///
    /// # Errors
    /// If the function reports an error, dies, or does not answer in time.
    pub async fn invoke(&self, event: &Value) -> Result<Value> {
        let body = serde_json::to_vec(event)?;
        let begun = Instant::now();
        let response = loop {
            match self.client.post(&self.invoke_url).body(body.clone()).send().await {
                Ok(response) => break response,
                // The emulator opens its port some time after it starts.
                Err(error) if error.is_connect() && begun.elapsed() < START => {
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
    ///
    /// # Errors
    /// If the function has no process.
    pub fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Resumes the function's process.
    ///
    /// # Errors
    /// If the function has no process.
    pub fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Kills the function's process, as a lack of memory would.
    ///
    /// # Errors
    /// If the function has no process.
    pub fn kill(&self) -> Result<()> {
        self.signal("-KILL")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let process = self.function_process().context("the function has no process")?;
        let status = Command::new("kill").args([signal, &process.to_string()]).status().context("cannot run kill")?;
        ensure!(status.success(), "kill {signal} {process} failed");
        Ok(())
    }

    /// The function's own process: the emulator's child.
    pub fn function_process(&self) -> Option<u32> {
        children(self.emulator.id()).first().copied()
    }

    /// The function's log.
    pub fn log(&self) -> String {
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

/// The children of a process. None if it has ended.
pub fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}
