//! Data sets of IPTC's Information Interchange Model: the credit, and those of the source if they are kept.

use super::metadata::{FileMetadata, cut};
use crate::source_metadata::DataSet;

/// The escape sequence of data set 1:90 that means UTF-8.
const UTF_8: &[u8] = b"\x1B%G";
/// The longest data whose length fits into two bytes.
const MAX_SHORT: usize = 0x7FFF;

impl FileMetadata {
    /// The data sets; `None` without any.
    pub(super) fn iptc(&self) -> Option<Vec<u8>> {
        let kept = self.all.as_ref().map_or(&[][..], |all| &all.iptc);
        let mut sets = kept.to_vec();
        if kept.is_empty() {
            if !self.has_credit() {
                return None;
            }
            // The version of the model: 4.
            let own = [(1, 90, UTF_8), (2, 0, &[0, 4])];
            sets.extend(own.map(|(record, number, data)| DataSet { record, number, bytes: data.to_vec() }));
        }
        let is_utf8 = sets.iter().any(|set| (set.record, set.number, set.bytes.as_slice()) == (1, 90, UTF_8));
        for (number, text, max_bytes) in [(80, &self.artist, 32), (110, &self.credit, 32), (116, &self.copyright, 128)]
        {
            let is_there = sets.iter().any(|set| (set.record, set.number) == (2, number));
            // The encoding of a record that does not name one is unknown.
            if let Some(text) = text.as_deref().filter(|text| !is_there && (is_utf8 || text.is_ascii())) {
                sets.push(DataSet { record: 2, number, bytes: cut(text, max_bytes).as_bytes().to_vec() });
            }
        }
        sets.sort_by_key(|set| set.record);
        Some(sets.iter().flat_map(encoded).collect())
    }
}

fn encoded(set: &DataSet) -> Vec<u8> {
    let length = set.bytes.len();
    let mut data = vec![0x1C, set.record, set.number];
    if length <= MAX_SHORT {
        data.extend((length as u16).to_be_bytes());
    } else {
        // An extended length, of four bytes.
        data.extend([0x80, 4]);
        data.extend((length as u32).to_be_bytes());
    }
    data.extend(&set.bytes);
    data
}
