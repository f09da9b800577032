//! The functions of the template.

use anyhow::{Context, Result};

/// A function of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Requests that change something.
    Upload,
    /// Requests that read something.
    Status,
    /// Makes pictures.
    Process,
    /// Fetches and copies photos.
    Intake,
    /// Repairs jobs, and delivers reports.
    Sweep,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 5] = [Self::Upload, Self::Status, Self::Process, Self::Intake, Self::Sweep];

    /// Its short name: that of its folder, and the beginning of the names of its sample events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Status => "status",
            Self::Process => "process",
            Self::Intake => "intake",
            Self::Sweep => "sweep",
        }
    }

    /// Its logical id in the template.
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::Upload => "UploadFunction",
            Self::Status => "StatusFunction",
            Self::Process => "ProcessFunction",
            Self::Intake => "IntakeFunction",
            Self::Sweep => "SweepFunction",
        }
    }

    /// The name of its program.
    pub fn program(self) -> String {
        format!("cutline-{}", self.name())
    }

    /// The function with this short name or logical id.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| [function.name(), function.logical_id()].contains(&name))
    }

    /// The function of a sample event, whose file's name begins with the function's, such as `status-job.json`.
    ///
    /// # Errors
    /// If the name begins with no function's name.
    pub fn of_event(file_name: &str) -> Result<Self> {
        let name = file_name.split(['-', '.']).next().and_then(Self::named);
        name.with_context(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown function: {file_name}; begin the file's name with one of {names}")
        })
    }
}
