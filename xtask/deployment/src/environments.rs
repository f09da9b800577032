//! The functions' execution environments. Each handles one event at a time, so others wait for it.

use std::path::Path;

use anyhow::Result;
use cutline_deployment::{Function, Lambda, Stack};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::state::Process;

/// One execution environment of a function.
pub(crate) struct Environment {
    lambda: Mutex<Lambda>,
}

impl Environment {
    fn start(stack: &Stack, function: Function, changes: &[(&str, &str)], log: &Path) -> Result<Self> {
        Ok(Self { lambda: Mutex::new(Lambda::start(stack, function, changes, log)?) })
    }

    /// Waits until the environment is free.
    pub(crate) async fn free(&self) -> MutexGuard<'_, Lambda> {
        self.lambda.lock().await
    }

    pub(crate) async fn invoke(&self, event: &Value) -> Result<Value> {
        self.free().await.invoke(event).await
    }
}

/// All environments. Making pictures has one for each lane, so that a bulk job does not delay a live one.
pub(crate) struct Environments {
    pub(crate) upload: Environment,
    pub(crate) status: Environment,
    pub(crate) process: Environment,
    pub(crate) process_bulk: Environment,
    pub(crate) intake: Environment,
    pub(crate) intake_bulk: Environment,
    pub(crate) sweep: Environment,
}

impl Environments {
    /// Starts all functions. Their logs go into `folder`.
    pub(crate) fn start(stack: &Stack, folder: &Path, allow_private_sources: bool) -> Result<Self> {
        let start = |function: Function, name: &str| {
            let changes: &[(&str, &str)] = match function {
                Function::Intake if allow_private_sources => &[("CUTLINE_ALLOW_PRIVATE_SOURCES", "true")],
                _ => &[],
            };
            Environment::start(stack, function, changes, &folder.join(format!("{name}.log")))
        };
        Ok(Self {
            upload: start(Function::Upload, "upload")?,
            status: start(Function::Status, "status")?,
            process: start(Function::Process, "process")?,
            process_bulk: start(Function::Process, "process-bulk")?,
            intake: start(Function::Intake, "intake")?,
            intake_bulk: start(Function::Intake, "intake-bulk")?,
            sweep: start(Function::Sweep, "sweep")?,
        })
    }

    /// An environment of this function.
    pub(crate) fn of(&self, function: Function) -> &Environment {
        match function {
            Function::Upload => &self.upload,
            Function::Status => &self.status,
            Function::Process => &self.process,
            Function::Intake => &self.intake,
            Function::Sweep => &self.sweep,
        }
    }

    /// The emulators' processes.
    pub(crate) async fn processes(&self) -> Vec<Process> {
        let live = [&self.upload, &self.status, &self.process, &self.intake, &self.sweep];
        let mut found = Vec::new();
        for environment in live.into_iter().chain([&self.process_bulk, &self.intake_bulk]) {
            found.extend(Process::running(environment.free().await.emulator.id()));
        }
        found
    }
}
