//! A first look at all entries, before anything is sent: how many there are, and whether any is invalid.

use std::collections::HashMap;

use anyhow::bail;
use cutline_core::domain::limits::thousands;

use super::claims::folded;
use super::context::JobOptions;
use super::entry::{Entry, EntryId, Place};
use super::source::{FoundEntry, Source};
use super::{ids, request};

/// The most faults that are listed.
const MAX_LISTED: usize = 100;

/// What the source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Survey {
    pub(super) count: u64,
    /// The size of the files whose size is known.
    pub(super) bytes: u64,
    /// The number of files whose size is not known.
    pub(super) unsized_count: u64,
    /// The number of requests that send all: one for each job, and one for each direct upload.
    pub(super) requests: u64,
}

/// Reads all entries. Memory grows by 24 bytes an entry, for the names of the results.
///
/// # Errors
/// If the source cannot be read, entries are invalid, or, with `is_saving`, two have results of one name.
pub(super) async fn survey(source: &Source, options: &JobOptions, is_saving: bool) -> anyhow::Result<Survey> {
    let mut entries = source.entries().await?;
    let (mut survey, mut faults) = (Survey::default(), Faults::default());
    let mut unmatched = Unmatched::default();
    let mut taken: HashMap<EntryId, u64> = HashMap::new();
    while let Some(found) = entries.next().await? {
        survey.count += 1;
        let FoundEntry { entry, bytes, line } = match found {
            Ok(found) => found,
            Err(fault) => {
                faults.add(format!("line {}: {}", fault.line, fault.message));
                continue;
            }
        };
        match bytes {
            Some(bytes) => survey.bytes += bytes,
            None => survey.unsized_count += 1,
        }
        survey.requests += match &entry.place {
            Place::File(_) => 2,
            Place::Url(_) | Place::Object(_) => 1,
        };
        let (entry, warning) = ids::filled(options, entry);
        if warning.is_some() {
            unmatched.add(&entry);
        }
        let fault = match request::output_name(options, &entry) {
            // The server fills in the name, so equal ones are found when they are saved.
            Ok(Some(_)) => None,
            Ok(None) if is_saving => {
                let number = line.unwrap_or(survey.count);
                taken.insert(folded(&entry.label.target), number).map(|first| {
                    let other = if line.is_some() { format!("line {first}") } else { format!("picture {first}") };
                    format!("its results have the name of those of {other}; rename it, or give it an output_name")
                })
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if let Some(fault) = fault {
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            faults.add(format!("{line}{}: {fault}", entry.label.name));
        }
    }
    if survey.count == 0 {
        bail!("no pictures: the source is empty; check its name, and --include and --exclude");
    }
    faults.check()?;
    if let Some(sentence) = unmatched.sentence() {
        eprintln!("{sentence}");
    }
    Ok(survey)
}

/// Entries from whose names the pattern does not read all.
#[derive(Default)]
struct Unmatched {
    count: u64,
    /// The first of them.
    first: Option<String>,
}

impl Unmatched {
    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.first.get_or_insert_with(|| entry.label.name.clone());
    }

    fn sentence(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(match self.count {
            1 => format!("the name {first} gives no ids by the pattern; this picture is sent without ids from it"),
            count => format!(
                "{} names give no ids by the pattern, such as {first}; these pictures are sent without ids from it",
                thousands(count)
            ),
        })
    }
}

/// Faults of entries, of which the first are listed.
#[derive(Default)]
struct Faults {
    listed: Vec<String>,
    count: usize,
}

impl Faults {
    fn add(&mut self, fault: String) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(fault);
        }
    }

    fn check(self) -> anyhow::Result<()> {
        let more = self.count - self.listed.len();
        match self.count {
            0 => Ok(()),
            count => {
                let listed: String = self.listed.iter().map(|fault| format!("\n  {fault}")).collect();
                let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
                bail!("{count} invalid, nothing was sent; correct them and run the command again:{listed}{more}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use cutline_core::Mode;

    use super::super::context::Pictures;
    use super::*;
    use crate::folders::FilterArgs;

    async fn of(path: &Path, is_saving: bool) -> anyhow::Result<Survey> {
        let options = JobOptions {
            pictures: Pictures::Mode(Mode::Background),
            format: None,
            output_name: None,
            id_pattern: None,
        };
        let source = Source::read(path, FilterArgs::default(), Some(path.join("out")))?;
        survey(&source, &options, is_saving).await
    }

    #[tokio::test]
    async fn counts_what_is_there_and_refuses_one_name_for_two() {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [("a.jpg", "1"), ("b.jpg", "22")] {
            fs::write(folder.path().join(file), text).expect("is written");
        }
        let expected = Survey { count: 2, bytes: 3, unsized_count: 0, requests: 4 };
        assert_eq!(of(folder.path(), true).await.expect("is valid"), expected);
        let manifest = folder.path().join("m.csv");
        fs::write(&manifest, "file,url\na.jpg,\n,https://example.com/b.jpg\n").expect("is written");
        let expected = Survey { count: 2, bytes: 1, unsized_count: 1, requests: 3 };
        assert_eq!(of(&manifest, true).await.expect("is valid"), expected);
        fs::write(folder.path().join("A.png"), "333").expect("is written");
        assert_eq!(of(folder.path(), false).await.expect("saves nothing").count, 3);
        let error = of(folder.path(), true).await.expect_err("is refused").to_string();
        assert!(error.contains("1 invalid") && error.contains("a.jpg: its results have the name of"), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_does_not_match_is_sent_and_one_without_its_parts_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["7_top.jpg", "cup.jpg"] {
            fs::write(folder.path().join(file), "1").expect("is written");
        }
        let source = Source::read(folder.path(), FilterArgs::default(), None).expect("a folder");
        let pictures = Pictures::Mode(Mode::Background);
        let id_pattern = "(?<sku>[0-9]+)_(?<shot>.+)".parse().ok();
        let options = JobOptions { pictures, format: None, output_name: "{external_id}".parse().ok(), id_pattern };
        assert_eq!(survey(&source, &options, true).await.expect("is valid").count, 2);
        let options = JobOptions { output_name: "{metadata.shot}".parse().ok(), ..options };
        let error = survey(&source, &options, true).await.expect_err("is refused").to_string();
        assert!(error.contains("1 invalid") && error.contains("cup.jpg: the name `{metadata.shot}` needs"), "{error}");
        let unmatched = Unmatched { count: 1_200, first: Some("cup.jpg".to_owned()) };
        assert!(unmatched.sentence().is_some_and(|sentence| sentence.starts_with("1,200 names give no ids")));
        assert_eq!(Unmatched::default().sentence(), None);
    }

    #[tokio::test]
    async fn lists_every_fault_of_a_manifest_by_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.csv");
        fs::write(&path, "file,url,output_name\na.jpg,,\n,x,\n,,\nb.jpg,,a/b\n").expect("is written");
        let error = of(&path, true).await.expect_err("is refused").to_string();
        assert!(error.starts_with("3 invalid, nothing was sent"), "{error}");
        for line in [3, 4, 5] {
            assert!(error.contains(&format!("\n  line {line}: ")), "{error}");
        }
        fs::write(&path, format!("url\n{}", "x\n".repeat(150))).expect("is written");
        let error = of(&path, true).await.expect_err("is refused").to_string();
        assert!(error.lines().count() == 102 && error.ends_with("and 50 more"), "{error}");
        fs::write(&path, "file\n").expect("is written");
        assert!(of(&path, true).await.expect_err("is empty").to_string().contains("no pictures"));
    }
}
