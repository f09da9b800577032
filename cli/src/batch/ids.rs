//! Ids that a pattern reads from the names of pictures. The API does not know the name of an uploaded file, so they are
//! read here.

use cutline_core::domain::id_pattern::FilledIds;
use cutline_core::domain::output_name::SourceName;

use super::context::JobOptions;
use super::entry::{Entry, Place};

/// The entry with what the run's pattern reads from its name, and why something is missing. The manifest takes precedence.
pub(super) fn filled(options: &JobOptions, mut entry: Entry) -> (Entry, Option<String>) {
    let Some(pattern) = &options.id_pattern else { return (entry, None) };
    let name = match &entry.place {
        Place::File(path) => SourceName::of_path(&path.file_name().unwrap_or_default().to_string_lossy()),
        Place::Url(url) => SourceName::of_url(url.as_url()),
        Place::Object(object) => SourceName::of_path(&object.key),
    };
    let (external_id, metadata) = (entry.label.external_id.take(), entry.metadata.take());
    let FilledIds { external_id, metadata, warning } = pattern.fill(name.as_ref(), external_id, metadata);
    entry.label.external_id = external_id;
    entry.metadata = metadata;
    (entry, warning)
}

#[cfg(test)]
mod tests {
    use cutline_core::Mode;
    use cutline_core::domain::correlation::Metadata;
    use serde_json::json;

    use super::super::context::Pictures;
    use super::super::entry::{EntryId, Label, ObjectPath};
    use super::*;

    fn entry(place: Place, external_id: &str) -> Entry {
        let label = Label { name: "a".to_owned(), external_id: external_id.parse().ok(), target: "a".into() };
        Entry { id: EntryId::of(b"a"), place, label, output_name: None, metadata: None }
    }

    fn options(id_pattern: &str) -> JobOptions {
        let pictures = Pictures::Mode(Mode::Background);
        JobOptions { pictures, format: None, output_name: None, id_pattern: id_pattern.parse().ok() }
    }

    #[test]
    fn reads_ids_from_files_urls_and_objects() {
        let options = options("(?<sku>[0-9]+)_(?<shot>[a-z]+)");
        let url = "https://example.com/x/7_top.png?sig=1".parse().expect("a URL");
        let object = ObjectPath { bucket: "b".to_owned(), key: "x/7_top.tif".to_owned() };
        for place in [Place::File("x/7_top.jpg".into()), Place::Url(url), Place::Object(object)] {
            let (filled, warning) = filled(&options, entry(place, ""));
            assert_eq!((filled.label.external_id, warning), ("7".parse().ok(), None));
            assert_eq!(filled.metadata, Metadata::read(json!({"shot": "top"})).expect("valid"));
        }
        let (of_manifest, _) = filled(&options, entry(Place::File("7_top.jpg".into()), "own"));
        assert_eq!(of_manifest.label.external_id, "own".parse().ok());
        let (unmatched, warning) = filled(&options, entry(Place::File("cup.jpg".into()), ""));
        assert_eq!((unmatched.label.external_id, unmatched.metadata), (None, None));
        assert!(warning.is_some_and(|warning| warning.contains("does not match")));
        let none = JobOptions { id_pattern: None, ..options };
        assert_eq!(filled(&none, unmatched_entry()), (unmatched_entry(), None));
    }

    fn unmatched_entry() -> Entry {
        entry(Place::File("cup.jpg".into()), "")
    }
}
