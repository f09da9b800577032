//! The CSV file of failures: written at the end of a run, and read by `--retry`.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::entry::EntryId;
use super::events::{Event, Failed, Step};
use super::state::{Progress, State};

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    file: String,
    external_id: String,
    job_id: String,
    code: String,
    message: String,
    /// Which attempt failed. A line about an earlier one is not sent again.
    attempt: u32,
    /// Names the entry for `--retry`.
    entry: EntryId,
}

/// Writes the entries that have failed and were not sent again. Returns their number; without any, the file is removed.
pub(super) fn write(state: &State, path: &Path) -> anyhow::Result<u64> {
    let cannot_write = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).with_context(cannot_write)?;
    let (mut writer, mut count) = (csv::Writer::from_writer(file), 0);
    state.failures(|entry, failed| {
        count += 1;
        let Failed { attempt, label, job, code, message } = failed.clone();
        let external_id = label.external_id.map(String::from).unwrap_or_default();
        let job_id = job.map(|job| job.to_string()).unwrap_or_default();
        Ok(writer.serialize(Line { file: label.name, external_id, job_id, code, message, attempt, entry })?)
    })?;
    if count == 0 {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(cannot_write),
            _ => Ok(0),
        };
    }
    let mut file = writer.into_inner().map_err(|error| error.into_error()).with_context(cannot_write)?;
    file.flush().and_then(|()| file.as_file().sync_all()).with_context(cannot_write)?;
    file.persist(path).with_context(cannot_write)?;
    Ok(count)
}

/// Has the failed entries of a file sent again, as new jobs. Those that were sent again already are left alone, so an
/// interrupted command can be repeated. Returns how many are sent again.
pub(super) async fn retry(context: &Context, state: &mut State, path: &Path) -> anyhow::Result<u64> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut count, mut line) = (0, csv::StringRecord::new());
    let header = reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    while reader.read_record(&mut line).with_context(|| not_failures(path))? {
        let at = line.position().map_or(0, csv::Position::line);
        let line: Line =
            line.deserialize(Some(&header)).with_context(|| format!("{}: line {at}", not_failures(path)))?;
        let known = state.entries.get(&line.entry);
        ensure!(
            known.is_some(),
            "line {at} of {} is not about this run: `{}`; name the run's own state file with --state",
            path.display(),
            line.file
        );
        if known != Some(&(Progress::Failed { attempt: line.attempt })) {
            continue;
        }
        let external_id = (!line.external_id.is_empty()).then(|| line.external_id.parse()).transpose();
        let external_id = external_id.with_context(|| format!("{}: line {at}", not_failures(path)))?;
        let label = super::entry::Label { name: line.file, external_id, target: Default::default() };
        let step = Step::Again { attempt: line.attempt + 1, label };
        context.note(line.entry, step.clone()).await?;
        state.apply(Event { entry: line.entry, step });
        count += 1;
    }
    Ok(count)
}

fn not_failures(path: &Path) -> String {
    format!("not a file of failures: {}; give the one that the run wrote", path.display())
}
