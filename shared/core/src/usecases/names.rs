//! The names of a job and its files: those of the request, or else of its parameter set, or those that the set's
//! pattern reads from the name of the photograph.

use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::id_pattern::FilledIds;
use crate::domain::job::JobParamSet;
use crate::domain::outcome::{NAMES, Warnings};
use crate::domain::output_name::{OutputName, SourceName};

/// The names that a request gives.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestedNames {
    pub(super) external_id: Option<ExternalId>,
    pub(super) metadata: Option<Metadata>,
    pub(super) output_name: Option<OutputName>,
    /// The name of the photograph's file.
    pub(super) source_name: Option<SourceName>,
}

/// The names of a job.
#[derive(Debug, Clone)]
pub(super) struct JobNames {
    pub(super) external_id: Option<ExternalId>,
    pub(super) metadata: Option<Metadata>,
    pub(super) output_name: Option<OutputName>,
    /// The name of the photograph's file, if `output_name` needs it.
    pub(super) source_name: Option<SourceName>,
    /// Why something is missing.
    pub(super) warnings: Warnings,
    /// Whether `output_name` is the set's.
    is_of_set: bool,
}

/// `output_name` needs a member of the metadata that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingMember {
    pub(super) key: String,
    /// Whether the template is that of the parameter set.
    pub(super) is_of_set: bool,
}

impl RequestedNames {
    /// Moves the settings about names out of the set.
    pub(super) fn with_set(self, set: Option<&mut JobParamSet>) -> JobNames {
        let Self { external_id, metadata, output_name, source_name } = self;
        let (pattern, of_set) = set.map_or((None, None), |set| (set.take_id_pattern(), set.take_output_name()));
        let filled = match pattern {
            Some(pattern) => pattern.fill(source_name.as_ref(), external_id, metadata),
            None => FilledIds { external_id, metadata, warning: None },
        };
        let FilledIds { external_id, metadata, warning } = filled;
        let is_of_set = output_name.is_none();
        let output_name = output_name.or(of_set);
        let source_name = source_name.filter(|_| output_name.as_ref().is_some_and(OutputName::needs_source_name));
        let mut names =
            JobNames { external_id, metadata, output_name, source_name, warnings: Warnings::new(), is_of_set };
        names.warn(warning);
        names
    }
}

impl JobNames {
    /// Checks that `output_name` can be filled in.
    ///
    /// # Errors
    /// [`MissingMember`] with the first member that is missing.
    pub(super) fn check(&self) -> Result<(), MissingMember> {
        match self.missing_member() {
            Some(key) => Err(MissingMember { key: key.to_owned(), is_of_set: self.is_of_set }),
            None => Ok(()),
        }
    }

    /// The names of a job that is made in any case: a member that is missing is a warning, and the files get the job's id
    /// in its place.
    pub(super) fn with_missing_members(mut self) -> Self {
        let warning = self
            .missing_member()
            .map(|key| format!("There is no metadata.{key} for output_name: the job's id stands in its place."));
        self.warn(warning);
        self
    }

    fn missing_member(&self) -> Option<&str> {
        self.output_name.as_ref()?.missing_key(self.metadata.as_ref())
    }

    fn warn(&mut self, warning: Option<String>) {
        if let Some(warning) = warning {
            self.warnings.entry(NAMES.to_owned()).or_default().push(warning);
        }
    }
}
