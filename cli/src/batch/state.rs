//! How far a run is: the state file, read at the start and appended to from then on.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cutline_core::{Ids as _, JobId, SystemIds};

use super::claims::Claims;
use super::entry::{EntryId, Label};
use super::events::{Event, FORMAT, Failed, Header, Sending, Step};
use super::journal::Journal;

/// How far an entry is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Progress {
    /// Its request may have reached the API.
    Sending(Box<Sending>),
    /// Its job exists.
    Accepted(Box<OpenJob>),
    /// Its results are saved.
    Done,
    /// It failed in this attempt.
    Failed { attempt: u32 },
    /// It is to be sent again.
    Again { attempt: u32, label: Box<Label> },
}

/// A job whose results are not saved yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OpenJob {
    pub(super) entry: EntryId,
    pub(super) attempt: u32,
    pub(super) label: Label,
    pub(super) job: JobId,
}

/// A state file that was read.
pub(super) struct State {
    pub(super) run: String,
    pub(super) entries: HashMap<EntryId, Progress>,
    /// The names that results have.
    pub(super) claims: Claims,
    pub(super) path: PathBuf,
    file: File,
}

impl State {
    /// Reads the state of the run with these options, or begins one. Another process that uses the file is an error.
    ///
    /// # Errors
    /// If the file cannot be read or written, is not a state file, or belongs to a run with other options.
    pub(super) fn open(path: &Path, options: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let cannot_open = || format!("cannot open the state file {}", path.display());
        let mut create = File::options();
        create.read(true).write(true).create(true).truncate(false);
        // Requests in it may hold signed URLs.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut create, 0o600);
        let file = create.open(path).with_context(cannot_open)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("state file in use: {}; wait until the other run has ended", path.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot_open),
        }
        let mut state = Self {
            run: String::new(),
            entries: HashMap::new(),
            claims: Claims::default(),
            path: path.to_owned(),
            file,
        };
        match state.read().with_context(|| format!("cannot read the state file {}", path.display()))? {
            Some(header) => {
                refuse_other_options(path, &header.options, &options)?;
                state.run = header.run;
            }
            None => state.begin(options).with_context(|| format!("cannot write the state file {}", path.display()))?,
        }
        Ok(state)
    }

    /// Continues the file. No other writer is left.
    pub(super) fn journal(&mut self) -> anyhow::Result<Journal> {
        Ok(Journal::new(self.file.try_clone().context("cannot write the state file")?))
    }

    /// Reads the file again, after its journal has ended.
    pub(super) fn reread(&mut self) -> anyhow::Result<()> {
        (self.entries, self.claims) = (HashMap::new(), Claims::default());
        self.read().with_context(|| format!("cannot read the state file {}", self.path.display()))?;
        Ok(())
    }

    /// Calls `each` with the last failure of every entry that has failed and was not sent again.
    pub(super) fn failures(&self, mut each: impl FnMut(EntryId, &Failed) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut lines = Lines::new(&self.path)?;
        lines.header()?;
        while let Some(Event { entry, step }) = lines.event()? {
            let Step::Failed(failed) = step else { continue };
            if self.entries.get(&entry) == Some(&(Progress::Failed { attempt: failed.attempt })) {
                each(entry, &failed)?;
            }
        }
        Ok(())
    }

    /// Reads all events, and leaves the file at its end. `None` for an empty file.
    fn read(&mut self) -> anyhow::Result<Option<Header>> {
        let mut lines = Lines::new(&self.path)?;
        let header = lines.header()?;
        while let Some(event) = lines.event()? {
            self.apply(event);
        }
        if header.is_none() {
            refuse_foreign_file(&self.path)?;
        }
        // A process that was killed, or a disk that was full, may leave a line without its end.
        self.file.set_len(lines.whole)?;
        self.file.seek(SeekFrom::Start(lines.whole))?;
        Ok(header)
    }

    fn begin(&mut self, options: BTreeMap<String, String>) -> anyhow::Result<()> {
        // Never repeats, as a job's id never does.
        self.run = SystemIds.job().to_string();
        let header = Header { cutline_batch: FORMAT, run: self.run.clone(), options };
        let mut line = serde_json::to_vec(&header)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_all()?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    /// What an event changes. The same for events that are read and for those that are appended.
    pub(super) fn apply(&mut self, event: Event) {
        let Event { entry, step } = event;
        let next = match step {
            Step::Sending(sending) => Progress::Sending(Box::new(sending)),
            Step::Accepted { job } => match self.entries.remove(&entry) {
                Some(Progress::Sending(sending)) => {
                    let Sending { attempt, label, .. } = *sending;
                    Progress::Accepted(Box::new(OpenJob { entry, attempt, label, job }))
                }
                Some(other) => other,
                None => return,
            },
            Step::Saving { files } => {
                files.iter().for_each(|file| self.claims.take(entry, &file.0));
                return;
            }
            Step::Done { .. } => Progress::Done,
            Step::Failed(Failed { attempt, .. }) => Progress::Failed { attempt },
            Step::Again { attempt, label } => Progress::Again { attempt, label: Box::new(label) },
        };
        self.entries.insert(entry, next);
    }
}

fn refuse_other_options(
    path: &Path,
    known: &BTreeMap<String, String>,
    given: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let names = known.keys().chain(given.keys().filter(|name| !known.contains_key(*name)));
    let mut differences = String::new();
    for name in names.filter(|name| known.get(*name) != given.get(*name)) {
        let [now, before] = [given, known].map(|options| options.get(name).map_or("not set", String::as_str));
        differences += &format!("\n  {name}: {now}, in the state file {before}");
    }
    ensure!(
        differences.is_empty(),
        "other options than in the state file {}; repeat the earlier options to resume that run, or name another file \
         with --state to begin a new one:{differences}",
        path.display()
    );
    Ok(())
}

/// A file without a whole line is one that a killed process began. Any other one is not ours to overwrite.
fn refuse_foreign_file(path: &Path) -> anyhow::Result<()> {
    let mut begun = Vec::new();
    File::open(path)?.take(HEADER_START.len() as u64).read_to_end(&mut begun)?;
    ensure!(HEADER_START.starts_with(&begun), NOT_A_STATE_FILE);
    Ok(())
}

/// How every state file begins.
const HEADER_START: &[u8] = br#"{"cutline_batch":"#;

const NOT_A_STATE_FILE: &str = "not a state file of `cutline batch`; name another file with --state";

/// The lines of a state file.
struct Lines {
    reader: BufReader<File>,
    /// The line last read, for messages.
    number: u64,
    /// The length of all whole lines so far, in bytes.
    whole: u64,
}

impl Lines {
    fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Self { reader: BufReader::new(File::open(path)?), number: 0, whole: 0 })
    }

    /// The next line without its end. A last line without an end was never acknowledged, and does not count.
    fn line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        self.number += 1;
        self.whole += read as u64;
        Ok(Some(line))
    }

    fn header(&mut self) -> anyhow::Result<Option<Header>> {
        let Some(line) = self.line()? else { return Ok(None) };
        let header: Header = serde_json::from_slice(&line).context(NOT_A_STATE_FILE)?;
        ensure!(
            header.cutline_batch == FORMAT,
            "form {} of the state file is not supported; resume the run with the version of Cutline that began it",
            header.cutline_batch
        );
        Ok(Some(header))
    }

    fn event(&mut self) -> anyhow::Result<Option<Event>> {
        let Some(line) = self.line()? else { return Ok(None) };
        let event = serde_json::from_slice(&line);
        event.map(Some).with_context(|| {
            format!(
                "line {} is damaged; restore the file from a backup, or name another file with --state",
                self.number
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::super::events::SavedPath;
    use super::*;

    fn options(set: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("--set".to_owned(), set.to_owned())])
    }

    fn label() -> Label {
        Label { name: "a.jpg".to_owned(), external_id: None, target: "a".into() }
    }

    fn sending(attempt: u32) -> Step {
        let (at, body) = (jiff::Timestamp::UNIX_EPOCH, json!({"a": 1}));
        Step::Sending(Sending { attempt, at, label: label(), body, link_ends: Some(at) })
    }

    fn job() -> JobId {
        "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("an id")
    }

    fn failed(attempt: u32) -> Step {
        let (code, message) = ("no_subject".to_owned(), format!("attempt {attempt}"));
        Step::Failed(Failed { attempt, label: label(), job: Some(job()), code, message })
    }

    /// Opens the state, appends these steps of one entry, and closes it.
    async fn append(path: &Path, entry: EntryId, steps: Vec<Step>) {
        let mut state = State::open(path, options("a")).expect("opens");
        let journal = state.journal().expect("a journal");
        for step in steps {
            journal.append(&Event { entry, step }).await.expect("is written");
        }
    }

    #[tokio::test]
    async fn a_run_stands_where_its_last_whole_line_left_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.jsonl");
        let entry = EntryId::of(b"a.jpg");
        let files = vec![SavedPath("x/a.png".into())];
        append(&path, entry, vec![sending(1), Step::Accepted { job: job() }, Step::Saving { files }]).await;
        append(&path, EntryId::of(b"b"), vec![sending(1)]).await;
        append(&path, EntryId::of(b"c"), vec![failed(1)]).await;
        let whole = fs::read(&path).expect("reads");

        // Killed at any byte of the file: the state is that of the whole lines before it.
        for length in (0..=whole.len()).rev() {
            fs::write(&path, &whole[..length]).expect("is written");
            let state = State::open(&path, options("a")).expect("opens");
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(state.entries.len(), [0, 0, 1, 1, 1, 2, 3][lines], "{length} bytes");
            drop(state);
            let kept = fs::read(&path).expect("reads");
            assert!(kept.ends_with(b"\n"), "no part of a line stays");
        }
        fs::write(&path, &whole).expect("is written");
        let state = State::open(&path, options("a")).expect("opens");
        assert!(
            matches!(&state.entries[&entry], Progress::Accepted(open) if open.job == job() && open.label == label())
        );
        assert!(state.claims.is_own(entry, Path::new("x/A.png")));
        assert!(matches!(&state.entries[&EntryId::of(b"b")], Progress::Sending(sending) if sending.attempt == 1));
        assert_eq!(state.entries[&EntryId::of(b"c")], Progress::Failed { attempt: 1 });
    }

    #[tokio::test]
    async fn lists_the_last_failure_of_entries_that_were_not_sent_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.jsonl");
        let again = || Step::Again { attempt: 2, label: label() };
        append(&path, EntryId::of(b"a"), vec![failed(1), again(), failed(2)]).await;
        append(&path, EntryId::of(b"b"), vec![failed(1), again(), Step::Done { bytes: 1 }]).await;
        append(&path, EntryId::of(b"c"), vec![failed(1), again()]).await;
        let state = State::open(&path, options("a")).expect("opens");
        let mut listed = Vec::new();
        let collect = |entry, failed: &Failed| {
            listed.push((entry, failed.message.clone()));
            Ok(())
        };
        state.failures(collect).expect("reads");
        assert_eq!(listed, [(EntryId::of(b"a"), "attempt 2".to_owned())]);
    }

    #[test]
    fn another_run_or_file_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.jsonl");
        let refusal = |options| format!("{:#}", State::open(&path, options).err().expect("is refused"));
        let first = State::open(&path, options("a")).expect("opens");
        assert!(refusal(options("a")).contains("state file in use"));
        drop(first);
        let error = refusal(options("b"));
        assert!(
            error.contains("--set: b, in the state file a") && error.contains("another file with --state"),
            "{error}"
        );
        assert!(refusal(BTreeMap::new()).contains("--set: not set, in the state file a"));
        for foreign in [&b"\xff\xd8\xff a photo"[..], b"a photo\n with lines\n", b"{}\n"] {
            fs::write(&path, foreign).expect("is written");
            assert!(refusal(options("a")).contains("not a state file"));
            assert_eq!(fs::read(&path).expect("reads"), foreign, "is left alone");
        }
        fs::write(&path, "{\"cutline_batch\":1,\"run\":\"x\",\"options\":{\"--set\":\"a\"}}\n{\n").expect("is written");
        assert!(refusal(options("a")).contains("line 2 is damaged"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::remove_file(&path).expect("is removed");
            State::open(&path, options("a")).expect("opens");
            assert_eq!(fs::metadata(&path).expect("exists").permissions().mode() & 0o077, 0, "private");
        }
    }
}
