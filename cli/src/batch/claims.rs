//! Which entry owns which file below the output folder.

use std::collections::HashMap;
use std::path::Path;

use super::entry::{EntryId, bytes_of};

/// The names of results. Names are compared without case, as many file systems do.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<EntryId, EntryId>);

impl Claims {
    /// Whether another entry has this name.
    pub(super) fn is_foreign(&self, entry: EntryId, file: &Path) -> bool {
        self.0.get(&folded(file)).is_some_and(|owner| *owner != entry)
    }

    /// Whether this entry had this name in an earlier start.
    pub(super) fn is_own(&self, entry: EntryId, file: &Path) -> bool {
        self.0.get(&folded(file)) == Some(&entry)
    }

    /// Gives the name to an entry.
    pub(super) fn take(&mut self, entry: EntryId, file: &Path) {
        self.0.insert(folded(file), entry);
    }
}

/// A short name for a path of any length.
pub(super) fn folded(file: &Path) -> EntryId {
    match file.to_str() {
        Some(text) => EntryId::of(text.to_lowercase().as_bytes()),
        None => EntryId::of(bytes_of(file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_owner_whatever_its_case() {
        let (one, two) = (EntryId::of(b"1"), EntryId::of(b"2"));
        let mut claims = Claims::default();
        assert!(!claims.is_foreign(one, Path::new("a/B.png")));
        claims.take(one, Path::new("a/B.png"));
        assert!(claims.is_own(one, Path::new("A/b.png")) && claims.is_foreign(two, Path::new("a/b.PNG")));
        assert!(!claims.is_own(one, Path::new("a/c.png")) && !claims.is_foreign(one, Path::new("a/b.png")));
    }
}
