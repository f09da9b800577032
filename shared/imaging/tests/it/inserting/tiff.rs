//! TIFF and BigTIFF, in both byte orders.

use super::*;

/// A form of TIFF.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    big_endian: bool,
    /// Whether offsets have 64 bits.
    big: bool,
}

pub(super) const FORMS: [Form; 4] = [
    Form { big_endian: false, big: false },
    Form { big_endian: true, big: false },
    Form { big_endian: false, big: true },
    Form { big_endian: true, big: true },
];

/// A tag with its type, and its values as bytes.
type Tag = (u16, u16, Vec<u8>);

impl Form {
    fn number(self, value: u64, length: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - length..].to_vec()
        } else {
            value.to_le_bytes()[..length].to_vec()
        }
    }

    fn read(self, bytes: &[u8], at: usize, length: usize) -> usize {
        let push = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        let bytes = &bytes[at..at + length];
        if self.big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
    }

    /// Bytes of an offset, an entry, and a count of entries.
    fn sizes(self) -> (usize, usize, usize) {
        if self.big { (8, 20, 8) } else { (4, 12, 2) }
    }

    /// Where the header states the first offset.
    fn pointer(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// A file with a page for each list of tags: all pixels first, then each directory with its values in front.
    pub(super) fn file(self, pages: &[Vec<Tag>]) -> Vec<u8> {
        let (word, ..) = self.sizes();
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big { 43 } else { 42 }, 2));
        if self.big {
            file.extend([self.number(8, 2), vec![0; 2]].concat());
        }
        let mut pointer = file.len();
        file.extend(vec![0; word]);
        for tags in pages {
            let mut entries = self.number(tags.len() as u64, self.sizes().2);
            for (tag, kind, values) in tags {
                let size = match kind {
                    3 => 2,
                    4 => 4,
                    _ => 1,
                };
                entries.extend([self.number((*tag).into(), 2), self.number((*kind).into(), 2)].concat());
                entries.extend(self.number((values.len() / size) as u64, word));
                if values.len() <= word {
                    entries.extend([values.as_slice(), &vec![0; word - values.len()]].concat());
                } else {
                    file.resize(file.len().next_multiple_of(2), 0);
                    entries.extend(self.number(file.len() as u64, word));
                    file.extend(values);
                }
            }
            file.resize(file.len().next_multiple_of(2), 0);
            let start = self.number(file.len() as u64, word);
            file[pointer..pointer + word].copy_from_slice(&start);
            file.extend(entries);
            pointer = file.len();
            file.extend(vec![0; word]);
        }
        file
    }

    /// A gray picture of 4 x 3 pixels with more tags, in ascending order together with its own.
    pub(super) fn page(self, more: &[Tag]) -> Vec<Tag> {
        let short = |value: u64| self.number(value, 2);
        // The pixels are the header: it is as good as any other place.
        let mut tags: Vec<Tag> = vec![
            (256, 3, short(4)),
            (257, 3, short(3)),
            (258, 3, short(8)),
            (259, 3, short(1)),
            (262, 3, short(1)),
            (273, 4, self.number(0, 4)),
            (277, 3, short(1)),
            (278, 3, short(3)),
            (279, 4, self.number(12, 4)),
        ];
        tags.extend(more.iter().cloned());
        tags.sort_by_key(|(tag, ..)| *tag);
        tags
    }

    /// The directory of a page: where it starts, its entries, and the offset that follows.
    fn directory(self, file: &[u8], page: usize) -> (usize, Vec<Vec<u8>>, usize) {
        let (word, entry, count) = self.sizes();
        let mut at = self.read(file, self.pointer(), word);
        for _ in 0..page {
            at = self.read(file, at + count + self.read(file, at, count) * entry, word);
        }
        let entries = self.read(file, at, count);
        let end = at + count + entries * entry;
        let entries = file[at + count..end].chunks(entry).map(<[u8]>::to_vec).collect();
        (at, entries, self.read(file, end, word))
    }

    fn tags(self, entries: &[Vec<u8>]) -> Vec<usize> {
        entries.iter().map(|entry| self.read(entry, 0, 2)).collect()
    }

    /// The resources of a page.
    fn resources(self, file: &[u8], page: usize) -> Vec<u8> {
        let (word, ..) = self.sizes();
        let (_, entries, _) = self.directory(file, page);
        let entry = entries.iter().find(|entry| self.read(entry, 0, 2) == 34_377).expect("has resources");
        let [count, offset] = [4, 4 + word].map(|at| self.read(entry, at, word));
        file[offset..offset + count].to_vec()
    }
}

/// Checks that nothing of the old file changed but the offset at `pointer`.
fn assert_only_pointer_changed(form: Form, old: &[u8], new: &[u8], pointer: usize) {
    let end = pointer + form.sizes().0;
    assert!(new.len() > old.len());
    assert_eq!((&new[..pointer], &new[end..old.len()]), (&old[..pointer], &old[end..]));
    assert_ne!(new[pointer..end], old[pointer..end]);
}

#[test]
fn only_the_offset_of_the_directory_changes() {
    for form in FORMS {
        let source_data = (37_724, 7, b"Adobe Photoshop Document Data Block\0".to_vec());
        let exif = (34_665, 4, form.number(8, 4));
        let old = form.file(&[form.page(&[exif, source_data])]);
        let (new, warnings) = inserted(&old, &triangle(4, 3), &keep("Ours"));
        assert_only_pointer_changed(form, &old, &new, form.pointer());
        let ((_, before, next_before), (start, after, next)) = (form.directory(&old, 0), form.directory(&new, 0));
        assert!(start % 2 == 0 && next == next_before, "{form:?}");
        assert!(form.tags(&after).is_sorted_by(|a, b| a < b), "{:?}", form.tags(&after));
        let kept: Vec<Vec<u8>> = after.into_iter().filter(|entry| form.read(entry, 0, 2) != 34_377).collect();
        assert_eq!(kept, before, "entries are copied as they are");
        assert_eq!((ids(&blocks(&form.resources(&new, 0))), warnings), (vec![2000, 2999], Vec::new()));
    }
}

#[test]
fn resources_of_the_file_are_merged() {
    for form in FORMS {
        for kind in [1, 7] {
            let old = form.file(&[form.page(&[(34_377, kind, varied_resources()), (34_675, 7, vec![1; 9])])]);
            let (new, _) = inserted(&old, &triangle(4, 3), &keep("Ours"));
            assert_only_pointer_changed(form, &old, &new, form.pointer());
            assert!(form.resources(&new, 0).starts_with(&varied_resources()));
            let (_, entries, _) = form.directory(&new, 0);
            let of_resources: Vec<_> = entries.iter().filter(|entry| form.read(entry, 0, 2) == 34_377).collect();
            assert_eq!(of_resources.len(), 1);
            assert_eq!(form.read(of_resources[0], 2, 2), usize::from(kind), "the type stays");
        }
    }
}

#[test]
fn a_later_run_replaces_the_directory_of_the_first() {
    for form in FORMS {
        let old = form.file(&[form.page(&[])]);
        let (first, _) = inserted(&old, &long_path(30), &keep("Ours"));
        let (second, _) = inserted(&first, &long_path(10), &keep("Ours"));
        assert_eq!(first.len() - second.len(), 20 * RECORD);
        assert_eq!(form.directory(&first, 0).0, form.directory(&second, 0).0);
        assert_eq!(second, inserted(&old, &long_path(10), &keep("Ours")).0, "as if it were the first");
        // Not if something follows it.
        let longer = [first.as_slice(), b"more"].concat();
        let (third, _) = inserted(&longer, &long_path(10), &keep("Ours"));
        assert_only_pointer_changed(form, &longer, &third, form.pointer());
    }
}

#[test]
fn the_page_that_was_cut_gets_the_path() {
    for form in FORMS {
        let pages = [form.page(&[]), form.page(&[(34_377, 1, varied_resources())]), form.page(&[])];
        let old = form.file(&pages);
        let (start, entries, _) = form.directory(&old, 0);
        let (word, entry, count) = form.sizes();
        let (new, warnings) = inserted_into_page(&old, &triangle(4, 3), &keep("Ours"), 1);
        assert_only_pointer_changed(form, &old, &new, start + count + entries.len() * entry);
        assert_eq!(form.directory(&new, 2).1, form.directory(&old, 2).1, "the chain goes on");
        assert!(form.resources(&new, 1).len() > varied_resources().len() && word > 0);
        assert!(warnings.len() == 1 && warnings[0].starts_with("Page 2 of the file was cut"), "{warnings:?}");
        assert!(planned(&old, &triangle(4, 3), &keep("Ours"), 3).is_err(), "there is no fourth page");
    }
}

#[test]
fn directories_in_a_loop_are_damaged() {
    for form in FORMS {
        let mut file = form.file(&[form.page(&[]), form.page(&[])]);
        let (start, entries, _) = form.directory(&file, 1);
        let (word, entry, count) = form.sizes();
        let next = start + count + entries.len() * entry;
        // The second page leads to the first.
        let first = form.read(&file, form.pointer(), word);
        file[next..next + word].copy_from_slice(&form.number(first as u64, word));
        inserted(&file, &triangle(4, 3), &keep("Ours"));
        inserted_into_page(&file, &triangle(4, 3), &keep("Ours"), 1);
        for page in [2, 5, usize::MAX] {
            let error = planned(&file, &triangle(4, 3), &keep("Ours"), page).expect_err("loops");
            assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
        }
    }
}

#[test]
fn offsets_and_lengths_that_lie_are_damaged() {
    for form in FORMS {
        let (word, _, count) = form.sizes();
        let old = form.file(&[form.page(&[(34_377, 1, varied_resources())])]);
        let (start, entries, _) = form.directory(&old, 0);
        let most = u64::MAX >> (64 - 8 * word);
        let changed = |at: usize, number: u64, length: usize| {
            let mut file = old.clone();
            file[at..at + length].copy_from_slice(&form.number(number, length));
            planned(&file, &triangle(4, 3), &keep("Ours"), 0)
        };
        let place = entries.iter().position(|entry| form.read(entry, 0, 2) == 34_377).expect("has resources");
        let entry = start + count + place * entries[0].len();
        for offset in [old.len() as u64, most, most - 7] {
            assert!(changed(form.pointer(), offset, word).is_err(), "the directory at {offset}");
            assert!(changed(entry + 4 + word, offset, word).is_err(), "the resources at {offset}");
            assert!(changed(entry + 4, offset, word).is_err(), "resources of {offset} bytes");
        }
        assert!(changed(start, u64::from(u16::MAX), count).is_err(), "more entries than the file has");
        for length in 0..old.len() {
            assert!(planned(&old[..length], &triangle(4, 3), &keep("Ours"), 0).is_err(), "{length}");
        }
    }
}

#[test]
fn content_credentials_no_longer_verify() {
    let form = FORMS[0];
    let old = form.file(&[form.page(&[(0xCD41, 7, b"\0\0\0\x40jumb\0\0\0\x1Ejumdc2pa".to_vec())])]);
    let (_, warnings) = inserted(&old, &triangle(4, 3), &keep("Ours"));
    assert!(warnings.len() == 1 && warnings[0].contains("C2PA"), "{warnings:?}");
}
