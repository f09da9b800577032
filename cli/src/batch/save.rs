//! Files in the output folder. A result appears in full or not at all, and replaces nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use url::Url;

use super::calls::Fault;
use super::code::Code;
use super::context::Context;
use super::entry::{bytes_of, is_plain, printable};
use super::output::Output;

/// A result that has no name yet.
pub(super) struct Downloaded {
    file: NamedTempFile,
    pub(super) bytes: u64,
    /// The name that the server gives the file. Any text.
    name: Option<String>,
}

/// Why a result was not saved.
#[derive(Debug)]
pub(super) enum SaveError {
    /// Nothing else is affected.
    Entry {
        code: Code,
        message: String,
    },
    Call(Fault),
    /// No other result could be saved either.
    Fatal(anyhow::Error),
}

/// Whether a disk takes no further file.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem)
}

fn cannot_write(path: &Path, error: io::Error) -> SaveError {
    let shown = printable(bytes_of(path));
    if is_full(&error) {
        let text = format!("cannot write {shown}; free space on the disk, then run the command again to resume");
        return SaveError::Fatal(anyhow::Error::new(error).context(text));
    }
    SaveError::Entry { code: Code::CannotWrite, message: format!("cannot write {shown}: {error}") }
}

impl Downloaded {
    /// The name that the server gives the file, if it is that of a single file.
    pub(super) fn given_name(&self) -> Result<&str, SaveError> {
        let name = self.name.as_deref().unwrap_or_default();
        let is_safe = !name.starts_with('.') && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
        if is_safe && !name.is_empty() {
            return Ok(name);
        }
        let message = format!("the server names the result `{}`; give another output_name", printable(name.as_bytes()));
        Err(SaveError::Entry { code: Code::InvalidName, message })
    }
}

/// Downloads a file into the folder of unfinished downloads.
pub(super) async fn download(context: &Context, output: &Output, link: &Url) -> Result<Downloaded, SaveError> {
    let folder = &output.unfinished;
    let written = context.calls.file(async || {
        let mut download = context.client.download(link).await?;
        let begun = begin(folder).map_err(|error| cannot_write(folder, error));
        let mut file = match begun {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        let mut bytes = 0;
        while let Some(piece) = download.next().await? {
            if let Err(error) = file.write_all(&piece) {
                return Ok(Err(cannot_write(folder, error)));
            }
            bytes += piece.len() as u64;
        }
        Ok(Ok(Downloaded { file, bytes, name: download.name() }))
    });
    written.await.map_err(SaveError::Call)?
}

fn begin(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Gives a result its name. A file of this name that an earlier start saved, `was_saved`, is fine if it has the same
/// content; any other is an error.
pub(super) fn persist(output: &Output, path: &Path, downloaded: Downloaded, was_saved: bool) -> Result<(), SaveError> {
    if !is_plain(path) {
        let message = format!("{} is no name in the output folder; rename the picture", printable(bytes_of(path)));
        return Err(SaveError::Entry { code: Code::InvalidName, message });
    }
    let target = output.folder.join(path);
    let write = || -> io::Result<Option<NamedTempFile>> {
        fs::create_dir_all(target.parent().unwrap_or(&output.folder))?;
        downloaded.file.as_file().sync_all()?;
        match downloaded.file.persist_noclobber(&target) {
            Ok(_) => Ok(None),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(Some(error.file)),
            Err(error) => Err(error.error),
        }
    };
    let Some(refused) = write().map_err(|error| cannot_write(path, error))? else { return Ok(()) };
    if was_saved && is_same(&target, refused.path()).unwrap_or(false) {
        return Ok(());
    }
    let message = format!("{} exists already; remove it, or choose another --output", printable(bytes_of(path)));
    Err(SaveError::Entry { code: Code::NameTaken, message })
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut first, mut second) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = one.read(&mut first)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut second[..read])?;
        if first[..read] != second[..read] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downloaded(output: &Output, text: &str, name: Option<&str>) -> Downloaded {
        let mut file = begin(&output.unfinished).expect("is created");
        file.write_all(text.as_bytes()).expect("is written");
        Downloaded { file, bytes: text.len() as u64, name: name.map(str::to_owned) }
    }

    #[test]
    fn a_result_replaces_nothing_but_may_be_there_from_an_earlier_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Output::open(folder.path(), "run").expect("opens");
        let path = Path::new("a/b.png");
        let save = |text, was_saved| persist(&output, path, downloaded(&output, text, None), was_saved);
        save("one", false).expect("is saved");
        for (text, was_saved) in [("one", false), ("two", true), ("twos", true)] {
            let error = save(text, was_saved).expect_err("exists");
            assert!(matches!(error, SaveError::Entry { code: Code::NameTaken, .. }), "{error:?}");
        }
        save("one", true).expect("is the same");
        assert_eq!(fs::read_to_string(folder.path().join(path)).expect("exists"), "one");
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 1, "nothing unfinished stays");
    }

    #[test]
    fn a_result_outside_the_output_folder_is_not_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Output::open(&folder.path().join("out"), "run").expect("opens");
        let outside = folder.path().join("a.png");
        for path in [Path::new("../a.png"), Path::new("b/../../a.png"), Path::new("./a.png"), &outside] {
            let error = persist(&output, path, downloaded(&output, "one", None), false).expect_err("is refused");
            assert!(matches!(error, SaveError::Entry { code: Code::InvalidName, .. }), "{error:?}");
        }
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 1);
        assert_eq!(fs::read_dir(folder.path().join("out")).expect("reads").count(), 0);
    }

    #[test]
    fn a_name_from_the_server_is_one_file_in_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Output::open(folder.path(), "run").expect("opens");
        for (name, is_safe) in [
            (Some("red cup.png"), true),
            (Some("<b>.png"), true),
            (Some("../a.png"), false),
            (Some("a/b.png"), false),
            (Some("a\\b.png"), false),
            (Some("a\n.png"), false),
            (Some(".."), false),
            (Some(".hidden"), false),
            (Some(""), false),
            (None, false),
        ] {
            let downloaded = downloaded(&output, "x", name);
            assert_eq!(downloaded.given_name().is_ok(), is_safe, "{name:?}");
        }
    }

    #[test]
    fn a_full_disk_ends_the_run_and_other_faults_the_entry() {
        let path = Path::new("a.png");
        let error = cannot_write(path, ErrorKind::StorageFull.into());
        assert!(matches!(&error, SaveError::Fatal(error) if error.to_string().contains("free space")), "{error:?}");
        let error = cannot_write(path, ErrorKind::PermissionDenied.into());
        assert!(matches!(error, SaveError::Entry { code: Code::CannotWrite, .. }), "{error:?}");
    }
}
