//! The worst files so far, in a folder.

use std::fs;
use std::path::PathBuf;

use cutline_core::domain::kind::ImageKind;

/// Files kept.
const LENGTH: usize = 10;

/// One of the worst files.
pub(super) struct Entry {
    /// Its time in ratio to a harmless file's.
    pub(super) ratio: f64,
    pub(super) bytes: usize,
    pub(super) outcome: String,
}

impl Entry {
    /// Whether two files are most likely one file and a mutation of it.
    fn resembles(&self, other: &Self) -> bool {
        self.outcome == other.outcome && self.bytes.abs_diff(other.bytes) * 10 <= self.bytes.max(other.bytes)
    }
}

pub(super) struct Table {
    folder: PathBuf,
    extension: &'static str,
    /// By ratio, the worst first, each with its file.
    entries: Vec<(Entry, PathBuf)>,
    count: usize,
}

impl Table {
    pub(super) fn new(folder: PathBuf, kind: ImageKind) -> Self {
        let extension = kind.info().extensions[0];
        Self { folder, extension, entries: Vec::new(), count: 0 }
    }

    /// Whether a file of this ratio is among the worst.
    pub(super) fn would_keep(&self, ratio: f64) -> bool {
        self.entries.len() < LENGTH || self.entries.last().is_some_and(|(last, _)| ratio > last.ratio)
    }

    /// Adds a file if it is among the worst, in place of one that it resembles.
    pub(super) fn add(&mut self, entry: Entry, file: &[u8]) {
        if let Some(at) = self.entries.iter().position(|(other, _)| other.resembles(&entry)) {
            if self.entries[at].0.ratio >= entry.ratio {
                return;
            }
            self.remove(at);
        }
        if !self.would_keep(entry.ratio) {
            return;
        }
        self.count += 1;
        let path = self.folder.join(format!("{}-{}.{}", std::process::id(), self.count, self.extension));
        fs::write(&path, file).expect("writes to the folder of the worst files");
        let at = self.entries.partition_point(|(other, _)| other.ratio >= entry.ratio);
        self.entries.insert(at, (entry, path));
        if self.entries.len() > LENGTH {
            self.remove(LENGTH);
        }
    }

    fn remove(&mut self, at: usize) {
        let (_, path) = self.entries.remove(at);
        // The file may have been moved away by hand.
        let _ = fs::remove_file(path);
    }
}
