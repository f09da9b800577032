//! Why an entry failed, if the command itself found it.

/// A code of the command. The list of failures has it next to the codes of jobs and of refused requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The file cannot be read, or is gone.
    Unreadable,
    TooLarge,
    UnsupportedFile,
    /// The template for the names of the results gives no valid name.
    OutputName,
    /// Another result has the name.
    NameTaken,
    /// The result has a name that the output folder cannot use.
    InvalidName,
    CannotWrite,
    /// The links of the results do not serve them.
    DownloadRefused,
    /// The job is done and has no links.
    NoResults,
    /// The job was deleted.
    Deleted,
    /// The job failed, and the API gives no reason.
    Unknown,
    /// Whether there is a job cannot be found out any more.
    UnknownOutcome,
}

impl Code {
    /// All codes, in the order of the documentation.
    #[cfg(test)]
    const ALL: [Self; 12] = [
        Self::Unreadable,
        Self::TooLarge,
        Self::UnsupportedFile,
        Self::OutputName,
        Self::UnknownOutcome,
        Self::Deleted,
        Self::Unknown,
        Self::NoResults,
        Self::DownloadRefused,
        Self::InvalidName,
        Self::NameTaken,
        Self::CannotWrite,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::UnsupportedFile => "unsupported_file",
            Self::OutputName => "output_name",
            Self::NameTaken => "name_taken",
            Self::InvalidName => "invalid_name",
            Self::CannotWrite => "cannot_write",
            Self::DownloadRefused => "download_refused",
            Self::NoResults => "no_results",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/command-line.md");

    #[test]
    fn the_documentation_lists_every_code() {
        let (_, section) = PAGE.split_once("\n### Why a picture of a batch fails\n").expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let listed: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .filter(|code| *code != "http_NNN")
            .collect();
        assert_eq!(listed, Code::ALL.map(Code::as_str));
    }
}
