//! TIFF: the page gets a new directory at the end of the file, a copy of its old one with the resources in tag 34377. The
//! only old value that changes is the offset that leads to it. The old directory stays, without a reader.
//!
//! A later run recognizes a directory that Cutline appended by a mark behind it, and replaces that one, so that a file does
//! not grow with every run.

use cutline_core::domain::image_resources::OUTSIDE_OF_TIFF;
use cutline_core::domain::kind::ImageKind;

use super::insertion::{Inserted, Insertion};
use super::patch::{Edit, Patch};
use super::{c2pa, resources};
use crate::decode::ifd::{Ifd, PHOTOSHOP};
use crate::error::Error;

const KIND: ImageKind = ImageKind::Tiff;

/// The tag of a C2PA manifest.
const C2PA: u16 = 0xCD41;
/// BYTE.
const BYTES: u16 = 1;
/// The mark behind an appended directory. The resources follow it, up to the end of the file.
const MARK: &[u8; 8] = b"Cutline\0";
/// Directories begin at multiples of this, though the formats ask for an even offset only.
const ALIGNMENT: usize = 8;

pub(super) fn insert(file: &[u8], insertion: &Insertion<'_>) -> Result<Inserted, Error> {
    let damaged = || Error::damaged(KIND, "its directory cannot be read");
    let first = Ifd::first(file).ok_or_else(damaged)?;
    let (directory, pointer) = first.page(insertion.page).ok_or_else(damaged)?;
    let old = match entry_of(&directory, PHOTOSHOP) {
        Some(_) => directory.bytes(PHOTOSHOP).ok_or_else(|| Error::damaged(KIND, OUTSIDE_OF_TIFF))?,
        None => &[],
    };
    let resources::Edited { resources, mut warnings } = resources::edit(KIND, old, insertion)?;
    let mut edits = Vec::new();
    if resources != old {
        let own = own_directory(&directory, file);
        let end = own.unwrap_or(file.len());
        let start = end.next_multiple_of(ALIGNMENT);
        let appended = appended_directory(&directory, start, &resources).ok_or_else(damaged)?;
        check_length((start + appended.len()) as u64, directory.word())?;
        let padding = vec![0; start - end];
        edits.push(Edit { range: end..file.len(), bytes: [padding, appended].concat() });
        if own.is_none() {
            let offset = directory.encoded(start as u64, directory.word());
            edits.push(Edit { range: pointer..pointer + directory.word(), bytes: offset });
        }
    }
    if insertion.page > 0 {
        warnings.push(format!(
            "Page {} of the file was cut and got the path. Layout programs show the first page.",
            insertion.page + 1
        ));
    }
    if [first, directory].iter().any(|ifd| ifd.bytes(C2PA).is_some_and(c2pa::is_manifest)) {
        warnings.push(c2pa::WARNING.to_owned());
    }
    Ok(Inserted { patch: Patch::new(edits), warnings })
}

/// The first entry of a tag.
fn entry_of<'a>(directory: &Ifd<'a>, tag: u16) -> Option<&'a [u8]> {
    let entries = directory.raw_entries()?;
    let has_tag = |entry: &&[u8]| directory.tag_and_type(entry).is_some_and(|(of_entry, _)| of_entry == tag);
    entries.bytes.chunks_exact(entries.size).find(has_tag)
}

/// Where a directory begins, if Cutline appended it and nothing follows.
fn own_directory(directory: &Ifd<'_>, file: &[u8]) -> Option<usize> {
    let start = directory.start().filter(|start| start % ALIGNMENT == 0)?;
    let mark = directory.end()? + directory.word();
    let resources = directory.value_range(PHOTOSHOP)?;
    let is_own =
        file.get(mark..mark + MARK.len()) == Some(MARK.as_slice()) && resources == (mark + MARK.len()..file.len());
    is_own.then_some(start)
}

/// The directory as it is appended at `start`: entries in ascending order, the offset of the next directory, the mark,
/// and the resources. `None` if the old one cannot be read.
fn appended_directory(directory: &Ifd<'_>, start: usize, resources: &[u8]) -> Option<Vec<u8>> {
    let old = directory.raw_entries()?;
    let end = directory.end()?;
    let next = directory.file().get(end..end + directory.word())?;
    let type_of_old =
        entry_of(directory, PHOTOSHOP).and_then(|entry| directory.tag_and_type(entry)).map(|(_, kind)| kind);
    let value_type = type_of_old.filter(|kind| Ifd::is_bytes(*kind)).unwrap_or(BYTES);
    let mut entries: Vec<&[u8]> = old.bytes.chunks_exact(old.size).collect();
    entries.retain(|entry| directory.tag_and_type(entry).is_none_or(|(tag, _)| tag != PHOTOSHOP));
    let count = entries.len() + 1;
    let value = start + directory.encoded_entry_count(0).len() + count * old.size + next.len() + MARK.len();
    let entry = [
        directory.encoded(PHOTOSHOP.into(), 2),
        directory.encoded(value_type.into(), 2),
        directory.encoded(resources.len() as u64, directory.word()),
        directory.encoded(value as u64, directory.word()),
    ]
    .concat();
    entries.push(&entry);
    entries.sort_by_key(|entry| directory.tag_and_type(entry));
    let mut bytes = Vec::with_capacity(value - start + resources.len());
    bytes.extend(directory.encoded_entry_count(count as u64));
    entries.iter().for_each(|entry| bytes.extend(*entry));
    bytes.extend(next);
    bytes.extend(MARK);
    bytes.extend(resources);
    Some(bytes)
}

/// Checks that offsets of this many bytes can reach the end of the file.
fn check_length(length: u64, word: usize) -> Result<(), Error> {
    if word > 4 || u32::try_from(length).is_ok() {
        return Ok(());
    }
    Err(Error::unsupported(KIND, "with the path it would exceed 4 GB", "save it as a BigTIFF"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_that_would_exceed_four_gigabytes_unless_it_is_a_big_tiff() {
        let most = u64::from(u32::MAX);
        assert!(check_length(most, 4).is_ok() && check_length(most + 1, 8).is_ok());
        let error = check_length(most + 1, 4).expect_err("is refused").to_string();
        assert!(error.contains("4 GB") && error.contains("BigTIFF"), "{error}");
    }
}
