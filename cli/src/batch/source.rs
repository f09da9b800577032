//! Where a run's pictures come from: a folder, a manifest, or a prefix in S3. Entries are read one after another, so a
//! manifest of any length takes no memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cutline_core::domain::kind::ImageKind;

use super::entry::{
    Entry, EntryId, Label, ObjectPath, Place, S3_SCHEME, bytes_of, printable, target_of_key, target_of_path,
};
use super::manifest::{LineFault, Manifest};
use super::objects::{Bucket, ListedObject, ObjectPage};
use crate::folders::{FilterArgs, has_picture_extension, pictures_in, refuse_as_output};

/// What the command names.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Folder { folder: PathBuf, filter: FilterArgs, output: Option<PathBuf> },
    Manifest(PathBuf),
    Prefix { prefix: ObjectPath, filter: FilterArgs },
}

impl Source {
    /// Reads the argument. Results in the output folder are no pictures to send.
    ///
    /// # Errors
    /// If nothing has this name.
    pub(super) fn read(text: &Path, filter: FilterArgs, output: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(address) = text.to_str().filter(|text| text.starts_with(S3_SCHEME)) {
            let prefix = ObjectPath::read(address).context("invalid address: write s3://bucket/prefix")?;
            return Ok(Self::Prefix { prefix, filter });
        }
        let metadata = std::fs::metadata(text).with_context(|| format!("cannot read {}", text.display()))?;
        if metadata.is_dir() {
            return Ok(Self::Folder { folder: text.to_owned(), filter, output });
        }
        let is_csv = text.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        ensure!(
            is_csv,
            "neither a folder nor a manifest: {}; name a folder, a .csv file or {S3_SCHEME}bucket/prefix",
            text.display()
        );
        ensure!(
            filter.is_empty(),
            "--include and --exclude select files of a folder or objects; leave lines out of the manifest"
        );
        Ok(Self::Manifest(text.to_owned()))
    }

    /// Begins to read the entries.
    ///
    /// # Errors
    /// If the source cannot be read, has no pictures at all, or would get results.
    pub(super) async fn entries(&self) -> anyhow::Result<Entries> {
        Ok(match self {
            Self::Folder { folder, filter, output } => {
                let output = output.as_deref();
                // Here and not once at the start: the output folder may be created later, under another path to this one.
                output.map_or(Ok(()), |output| refuse_as_output(folder, output))?;
                let pictures = pictures_in(folder, output.unwrap_or(Path::new("")), filter);
                let pictures = pictures.with_context(|| format!("cannot read {}", folder.display()))?;
                if pictures.is_empty() {
                    bail!("no pictures in {}; supported are {}", folder.display(), ImageKind::listed("and"));
                }
                output.map_or(Ok(()), |output| refuse_results_in_source(folder, output, &pictures))?;
                Entries::Folder { folder: folder.clone(), pictures: pictures.into_iter() }
            }
            Self::Manifest(path) => Entries::Manifest(Box::new(Manifest::open(path)?)),
            Self::Prefix { prefix, filter } => Entries::Prefix(Box::new(PrefixEntries {
                bucket: Bucket::open(&prefix.bucket).await?,
                prefix: prefix.clone(),
                filter: filter.clone(),
                page: Vec::new().into_iter(),
                next: NextPage::First,
            })),
        })
    }
}

/// Refuses a source below the output folder if results would go into it: those of `new.jpg` in `photos/new` go to
/// `photos/new` if the output folder is `photos`.
fn refuse_results_in_source(source: &Path, output: &Path, pictures: &[PathBuf]) -> anyhow::Result<()> {
    // A missing folder has no source below it.
    let (Ok(absolute), Ok(output)) = (fs::canonicalize(source), fs::canonicalize(output)) else { return Ok(()) };
    let Ok(below) = absolute.strip_prefix(&output) else { return Ok(()) };
    if let Some(picture) = pictures.iter().find(|picture| target_of_path(picture).starts_with(below)) {
        bail!(
            "the results of {} would go into the source folder {}; choose another output folder",
            printable(bytes_of(picture)),
            source.display()
        );
    }
    Ok(())
}

/// The entries of a source, one after another.
pub(super) enum Entries {
    Folder { folder: PathBuf, pictures: std::vec::IntoIter<PathBuf> },
    Manifest(Box<Manifest>),
    Prefix(Box<PrefixEntries>),
}

/// An entry that was found.
pub(super) struct FoundEntry {
    pub(super) entry: Entry,
    /// Its size, if that is known without reading it.
    pub(super) bytes: Option<u64>,
    /// Its line in a manifest.
    pub(super) line: Option<u64>,
}

impl Entries {
    /// The next entry, or what is wrong with it; `None` after the last one.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Result<FoundEntry, LineFault>>> {
        match self {
            Self::Folder { folder, pictures } => Ok(pictures.next().map(|below| Ok(of_file(folder, &below)))),
            Self::Manifest(manifest) => {
                Ok(manifest.next()?.map(|read| read.map(|(line, entry)| found(entry, Some(line)))))
            }
            Self::Prefix(entries) => Ok(entries.next().await?.map(Ok)),
        }
    }
}

fn of_file(folder: &Path, below: &Path) -> FoundEntry {
    let label = Label { name: printable(bytes_of(below)), external_id: None, target: target_of_path(below) };
    let place = Place::File(folder.join(below));
    found(Entry { id: EntryId::of(bytes_of(below)), place, label, output_name: None, metadata: None }, None)
}

fn found(entry: Entry, line: Option<u64>) -> FoundEntry {
    let bytes = match &entry.place {
        Place::File(path) => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
        Place::Url(_) | Place::Object(_) => None,
    };
    FoundEntry { entry, bytes, line }
}

/// The pictures below a prefix.
pub(super) struct PrefixEntries {
    bucket: Bucket,
    prefix: ObjectPath,
    filter: FilterArgs,
    page: std::vec::IntoIter<ListedObject>,
    next: NextPage,
}

enum NextPage {
    First,
    From(String),
    End,
}

impl PrefixEntries {
    async fn next(&mut self) -> anyhow::Result<Option<FoundEntry>> {
        loop {
            for object in self.page.by_ref() {
                let below = object.key.strip_prefix(&self.prefix.key).unwrap_or(&object.key);
                let below = Path::new(below.trim_start_matches('/'));
                if has_picture_extension(below) && self.filter.takes(below) {
                    return Ok(Some(of_object(&self.prefix, object)));
                }
            }
            let from = match &self.next {
                NextPage::First => None,
                NextPage::From(token) => Some(token.clone()),
                NextPage::End => return Ok(None),
            };
            // If this call is dropped, the next one reads the same page.
            let ObjectPage { objects, next } = self.bucket.objects(&self.prefix.key, from).await?;
            self.page = objects.into_iter();
            self.next = next.map_or(NextPage::End, NextPage::From);
        }
    }
}

fn of_object(prefix: &ObjectPath, object: ListedObject) -> FoundEntry {
    let below = object.key.strip_prefix(&prefix.key).unwrap_or(&object.key).trim_start_matches('/');
    let target = target_of_key(below);
    let path = ObjectPath { bucket: prefix.bucket.clone(), key: object.key };
    let label = Label { name: printable(path.to_string().as_bytes()), external_id: None, target };
    let id = EntryId::of(path.key.as_bytes());
    let entry = Entry { id, place: Place::Object(path), label, output_name: None, metadata: None };
    FoundEntry { entry, bytes: Some(object.bytes), line: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(source: &Source) -> anyhow::Result<Vec<(String, String, Option<u64>)>> {
        let mut entries = source.entries().await?;
        let mut names = Vec::new();
        while let Some(found) = entries.next().await? {
            let FoundEntry { entry, bytes, .. } = found.map_err(|fault| anyhow::anyhow!(fault.message))?;
            names.push((entry.label.name, entry.label.target.display().to_string(), bytes));
        }
        Ok(names)
    }

    fn read(path: &Path) -> anyhow::Result<Source> {
        Source::read(path, FilterArgs::default(), Some(path.join("out")))
    }

    #[tokio::test]
    async fn a_folder_has_the_same_entries_at_every_start() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["b.jpg", "a/ä\n.png", "out/b.png", "notes.txt"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "12").expect("is written");
        }
        let source = read(folder.path()).expect("a folder");
        let expected =
            [("a/ä%0A.png".to_owned(), "a/ä\n".to_owned(), Some(2)), ("b.jpg".to_owned(), "b".to_owned(), Some(2))];
        assert_eq!(names(&source).await.expect("reads"), expected);
        let mut first = source.entries().await.expect("reads");
        let Ok(Some(Ok(found))) = first.next().await else { panic!("an entry") };
        assert_eq!(found.entry.id, EntryId::of("a/ä\n.png".as_bytes()));
    }

    #[tokio::test]
    async fn a_source_that_would_get_results_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for file in ["in/a.jpg", "in/in/b.jpg", "named/named.jpg", "plain/a.jpg"] {
            fs::create_dir_all(path(file).parent().expect("a parent")).expect("a folder");
            fs::write(path(file), "12").expect("is written");
        }
        let refusal = async |source: &str, output: &str| {
            let source = Source::read(&path(source), FilterArgs::default(), Some(path(output))).expect("a folder");
            source.entries().await.err().map(|error| error.to_string())
        };
        let both = "is both a source and the output folder; choose another output folder";
        for (source, output) in [("in", "in"), ("in", "in/"), ("in/", "in/in/.."), ("in/in/..", "in")] {
            let error = refusal(source, output).await;
            assert!(error.as_ref().is_some_and(|error| error.ends_with(both)), "{source} to {output}: {error:?}");
        }
        // An output folder may be missing at the first look, and exist at the second one.
        assert_eq!(refusal("in", "in/new/..").await, None);
        fs::create_dir_all(path("in/new/..")).expect("is created");
        assert!(refusal("in", "in/new/..").await.is_some_and(|error| error.ends_with(both)));
        for source in ["in", "named"] {
            let error = refusal(source, "").await;
            assert!(error.as_ref().is_some_and(|error| error.contains("would go into the source")), "{error:?}");
        }
        assert_eq!(refusal("plain", "").await, None, "its results go next to it");
        assert_eq!(refusal("plain", "in").await, None);
    }

    #[tokio::test]
    async fn what_is_no_source_is_refused_with_what_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("list.txt");
        fs::write(&text, "a.jpg").expect("is written");
        let refusal = |path: &Path| format!("{:#}", read(path).expect_err("is refused"));
        assert!(refusal(&text).contains("name a folder, a .csv file or s3://bucket/prefix"));
        assert!(refusal(&folder.path().join("missing")).contains("cannot read "));
        assert!(refusal(Path::new("s3://")).contains("write s3://bucket/prefix"));
        let error = names(&read(folder.path()).expect("a folder")).await.expect_err("is empty");
        assert!(error.to_string().contains("no pictures in"), "{error}");
        let error = names(&read(Path::new("s3://photos/a")).expect("a prefix")).await;
        #[cfg(not(feature = "aws"))]
        assert!(format!("{:#}", error.expect_err("is refused")).contains("--features aws"));
        #[cfg(feature = "aws")]
        drop(error);
    }
}
