//! Manifests: CSV files that list pictures, read line by line.

use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};
use cutline_core::SourceUrl;
use cutline_core::domain::correlation::Metadata;
use cutline_core::domain::output_name::SourceName;
use serde_json::{Map, Value};

use super::entry::{Entry, EntryId, Label, NO_NAME, ObjectPath, Place, printable, target_of_key, target_of_path};

/// The prefix of the columns that become members of `metadata`.
const METADATA: &str = "metadata.";

/// The columns that name the picture. Each line fills one of them.
const PLACES: [&str; 3] = ["file", "url", "s3"];

/// A column of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    File,
    Url,
    Object,
    ExternalId,
    OutputName,
    Metadata(String),
}

/// A manifest that is being read.
pub(super) struct Manifest {
    reader: Reader<File>,
    columns: Vec<Column>,
    /// The folder of relative paths: the manifest's own.
    folder: PathBuf,
    record: ByteRecord,
    count: u64,
}

/// A fault in a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineFault {
    pub(super) line: u64,
    pub(super) message: String,
}

impl Manifest {
    /// Opens a manifest and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read, or a column is unknown, missing or repeated.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot_read = || format!("cannot read the manifest {}", path.display());
        let file = File::open(path).with_context(cannot_read)?;
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
        let header = reader.byte_headers().with_context(cannot_read)?.clone();
        let columns = columns(&header).with_context(|| format!("invalid manifest: {}, line 1", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { reader, columns, folder, record: ByteRecord::new(), count: 0 })
    }

    /// The next line, with its entry or what is wrong with it. `None` after the last line.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Result<(u64, Entry), LineFault>>> {
        if !self.reader.read_byte_record(&mut self.record).context("cannot read the manifest")? {
            return Ok(None);
        }
        self.count += 1;
        let line = self.record.position().map_or(0, csv::Position::line);
        Ok(Some(self.entry().map(|entry| (line, entry)).map_err(|message| LineFault { line, message })))
    }

    fn entry(&self) -> Result<Entry, String> {
        let (found, expected) = (self.record.len(), self.columns.len());
        if found != expected {
            return Err(format!("{found} values, and the header names {expected} columns; quote values with commas"));
        }
        let (mut located, mut external_id, mut output_name, mut metadata) = (None, None, None, Map::new());
        let filled = self.columns.iter().zip(&self.record).filter(|(_, value)| !value.is_empty());
        for (column, value) in filled {
            match column {
                Column::File | Column::Url | Column::Object => {
                    if located.replace(self.located(column, value)?).is_some() {
                        return Err(format!("more than one picture; fill one of {}", PLACES.join(", ")));
                    }
                }
                Column::ExternalId => external_id = Some(parsed(column, value)?),
                Column::OutputName => output_name = Some(parsed(column, value)?),
                Column::Metadata(member) => drop(metadata.insert(member.clone(), text(column, value)?.into())),
            }
        }
        let Located { place, name, target } =
            located.ok_or_else(|| format!("no picture; fill one of {}", PLACES.join(", ")))?;
        let metadata =
            Metadata::read(Value::Object(metadata)).map_err(|error| format!("metadata: the values {error}"))?;
        // A picture may be listed more than once, so its place in the list names it.
        let id = EntryId::of(&self.count.to_be_bytes());
        Ok(Entry { id, place, label: Label { name, external_id, target }, output_name, metadata })
    }

    /// Reads a value of one of the [`PLACES`].
    fn located(&self, column: &Column, value: &[u8]) -> Result<Located, String> {
        match column {
            Column::Url => {
                let url: SourceUrl = parsed(column, value)?;
                let file = SourceName::of_url(url.as_url());
                let target = PathBuf::from(file.as_ref().map_or(NO_NAME, SourceName::as_str));
                Ok(Located { name: url.to_string(), place: Place::Url(url), target })
            }
            Column::Object => {
                let object = ObjectPath::read(text(column, value)?).filter(|object| !object.key.is_empty());
                let object = object.ok_or("s3: not an object; write s3://bucket/key")?;
                let (target, name) = (target_of_key(&object.key), printable(object.to_string().as_bytes()));
                Ok(Located { place: Place::Object(object), name, target })
            }
            _ => {
                let path = Path::new(OsStr::from_bytes(value));
                let place = Place::File(self.folder.join(path));
                Ok(Located { place, name: printable(value), target: target_of_path(path) })
            }
        }
    }
}

/// A picture, its name in reports, and where its results go.
struct Located {
    place: Place,
    name: String,
    target: PathBuf,
}

fn text<'a>(column: &Column, value: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(value).map_err(|_| format!("{column}: not UTF-8; save the file as UTF-8"))
}

fn parsed<T: FromStr<Err: Display>>(column: &Column, value: &[u8]) -> Result<T, String> {
    text(column, value)?.parse().map_err(|error| format!("{column}: the value {error}"))
}

impl Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Url => f.write_str("url"),
            Self::Object => f.write_str("s3"),
            Self::ExternalId => f.write_str("external_id"),
            Self::OutputName => f.write_str("output_name"),
            Self::Metadata(member) => write!(f, "{METADATA}{member}"),
        }
    }
}

fn columns(header: &ByteRecord) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for name in header {
        let shown = printable(name);
        let column = match shown.trim_start_matches('\u{feff}') {
            "file" => Column::File,
            "url" => Column::Url,
            "s3" => Column::Object,
            "external_id" => Column::ExternalId,
            "output_name" => Column::OutputName,
            other => match other.strip_prefix(METADATA).filter(|member| !member.is_empty()) {
                Some(member) => Column::Metadata(member.to_owned()),
                None => anyhow::bail!(
                    "unknown column `{other}`; the columns are {}, external_id, output_name and {METADATA}NAME",
                    PLACES.join(", ")
                ),
            },
        };
        ensure!(!columns.contains(&column), "the column {column} is there more than once; keep one");
        columns.push(column);
    }
    let has_place = columns.iter().any(|column| matches!(column, Column::File | Column::Url | Column::Object));
    ensure!(has_place, "no column names the pictures; add one of {}", PLACES.join(", "));
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: impl AsRef<[u8]>) -> anyhow::Result<Vec<Result<Entry, LineFault>>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("m.csv");
        fs::write(&path, text)?;
        let mut manifest = Manifest::open(&path)?;
        let mut lines = Vec::new();
        while let Some(line) = manifest.next()? {
            lines.push(line.map(|(_, entry)| entry));
        }
        Ok(lines)
    }

    #[test]
    fn reads_files_urls_and_objects_with_what_belongs_to_them() {
        let text = "\u{feff}external_id,file,url,s3,output_name,metadata.sku\r\n\
                    4711,a/b.jpg,,,{external_id},\"1,\"\"2\"\"\n3\"\r\n,,https://example.com/x/cup.png?sig=1,,,\r\n,,,s3://photos/shoes/red.tif,,7\r\n";
        let lines = read(text).expect("reads");
        let entries: Vec<_> = lines.into_iter().map(|line| line.expect("valid")).collect();
        let [file, url, object] = &entries[..] else { panic!("{entries:?}") };
        assert!(matches!(&file.place, Place::File(path) if path.ends_with("a/b.jpg") && path.is_absolute()));
        assert_eq!((file.label.name.as_str(), file.label.target.as_path()), ("a/b.jpg", Path::new("a/b")));
        assert_eq!(file.label.external_id, "4711".parse().ok());
        let metadata = serde_json::to_value(&file.metadata).expect("serializes");
        assert_eq!(metadata, serde_json::json!({"sku": "1,\"2\"\n3"}));
        assert_eq!(
            (url.label.name.as_str(), url.label.target.as_path()),
            ("https://example.com/x/cup.png?…", Path::new("cup"))
        );
        assert_eq!(object.label.target, Path::new("shoes/red"));
        assert_eq!((&url.output_name, &url.metadata, &url.label.external_id), (&None, &None, &None));
        assert!(file.id != url.id && url.id != object.id);
    }

    #[test]
    fn every_fault_names_its_line() {
        let text: &[u8] = b"file,url,external_id,output_name,metadata.a\n\
            a.jpg,,,,\n,,,,\na.jpg,https://example.com/a,,,\na.jpg\n,ftp://example.com/a,,,\na.jpg,,\"x\ny\",,\na.jpg,,,a/b,\na.jpg,,\xff,,\n";
        let faults: Vec<_> = read(text).expect("reads").into_iter().filter_map(Result::err).collect();
        let found: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        let expected = [
            (3, "no picture; fill one of"),
            (4, "more than one picture"),
            (5, "1 values, and the header names 5 columns"),
            (6, "url: the value must be an http or https URL"),
            (7, "external_id: the value must be 1 to 128 characters"),
            (9, "output_name: the value must not contain /"),
            (10, "external_id: not UTF-8"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((line, message), (expected_line, part)) in found.iter().zip(expected) {
            assert!(*line == expected_line && message.starts_with(part), "{line}: {message}");
        }
    }

    #[test]
    fn a_header_names_known_columns_once() {
        for (header, part) in [
            ("", "no column names the pictures"),
            ("external_id\n", "no column names the pictures"),
            ("file,name\n", "unknown column `name`; the columns are file, url, s3"),
            ("file,metadata.\n", "unknown column `metadata.`"),
            ("file,file\n", "the column file is there more than once"),
        ] {
            let error = format!("{:#}", read(header).expect_err(header));
            assert!(error.contains(part) && error.contains("line 1"), "{header}: {error}");
        }
    }

    #[test]
    fn file_names_may_have_any_bytes() {
        let lines = read(b"file\n\"a\nb\xff.jpg\"\n").expect("reads");
        let [Ok(entry)] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(entry.label.name, "a%0Ab%FF.jpg");
        let Place::File(path) = &entry.place else { panic!("{entry:?}") };
        assert!(path.file_name().is_some_and(|name| name.as_encoded_bytes() == b"a\nb\xff.jpg"));
    }
}
