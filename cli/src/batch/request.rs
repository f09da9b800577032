//! The request for one entry's job.

use cutline_core::domain::lane::Lane;
use cutline_core::domain::output_name::{OutputName, Placeholder, SourceName};
use cutline_core::{DeliveryMode, Mode};
use serde_json::{Map, Value};

use super::context::{JobOptions, Pictures};
use super::entry::{Entry, NO_NAME, Place};

/// Where the API finds a picture.
pub(super) enum Located {
    FileKey(String),
    Url(Value),
}

/// The fields that are the same in every request of a run.
const COMMON: [&str; 5] = ["mode", "params", "output_format", "delivery_mode", "lane"];

/// Whether a field, or the one that a path such as `params.margin` begins with, is the same in every request.
pub(super) fn is_common(field: &str) -> bool {
    COMMON.contains(&field.split('.').next().unwrap_or(field))
}

/// The body of the request.
///
/// # Errors
/// If the name of its results is invalid.
pub(super) fn body(options: &JobOptions, entry: &Entry, located: Located) -> Result<Value, String> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    match located {
        Located::FileKey(key) => set("file_key", Some(key.into())),
        Located::Url(url) => set("file_url", Some(url)),
    }
    let (mode, delivery, params) = match &options.pictures {
        Pictures::Set(name) => (Mode::Params, DeliveryMode::Url, Some(name.as_str())),
        Pictures::Mode(mode) => (*mode, DeliveryMode::FinalUrl, None),
    };
    set("mode", Some(mode.as_str().into()));
    set("params", params.map(Value::from));
    set("delivery_mode", Some(delivery.as_str().into()));
    set("output_format", options.format.map(|format| format.extension().into()));
    set("lane", Some(Lane::Bulk.as_str().into()));
    set("external_id", entry.label.external_id.as_ref().map(|id| id.as_str().into()));
    set("metadata", entry.metadata.as_ref().and_then(|metadata| serde_json::to_value(metadata).ok()));
    set("output_name", output_name(options, entry)?.map(|name| name.as_str().into()));
    Ok(body.into())
}

/// The template for the names of an entry's results. The API does not know the name of an uploaded file, so
/// `{source_name}` is replaced here.
///
/// # Errors
/// If the result is no valid template, or needs a member of the metadata that the entry lacks.
pub(super) fn output_name(options: &JobOptions, entry: &Entry) -> Result<Option<OutputName>, String> {
    let Some(template) = entry.output_name.as_ref().or(options.output_name.as_ref()) else { return Ok(None) };
    if let Some(key) = template.missing_key(entry.metadata.as_ref()) {
        return Err(format!("the name `{template}` needs metadata.{key}; add it, or give another output_name"));
    }
    let Place::File(path) = &entry.place else { return Ok(Some(template.clone())) };
    if !template.needs_source_name() {
        return Ok(Some(template.clone()));
    }
    let name = SourceName::of_path(&path.file_name().unwrap_or_default().to_string_lossy());
    let name = name.as_ref().map_or(NO_NAME, SourceName::as_str).replace(['{', '}'], "_");
    let placeholder = format!("{{{}}}", Placeholder::SourceName.as_str());
    let filled = template.as_str().replace(&placeholder, &name);
    filled.parse().map(Some).map_err(|error| format!("the name `{filled}` {error}; give another output_name"))
}

#[cfg(test)]
mod tests {
    use cutline_core::OutputFormat;
    use cutline_core::domain::correlation::Metadata;
    use serde_json::json;

    use super::super::entry::{EntryId, Label};
    use super::*;

    fn entry(place: Place) -> Entry {
        let label = Label { name: "a".to_owned(), external_id: "4711".parse().ok(), target: "a".into() };
        Entry { id: EntryId::of(b"a"), place, label, output_name: None, metadata: None }
    }

    fn options(pictures: Pictures, output_name: &str) -> JobOptions {
        JobOptions {
            pictures,
            format: Some(OutputFormat::Webp),
            output_name: output_name.parse().ok(),
            id_pattern: None,
        }
    }

    #[test]
    fn a_request_names_the_picture_its_set_and_the_bulk_lane() {
        let pictures = Pictures::Set("amazon-main".parse().expect("a name"));
        let sent =
            body(&options(pictures, ""), &entry(Place::File("a/b.jpg".into())), Located::FileKey("k".to_owned()));
        assert_eq!(
            sent,
            Ok(json!({"file_key": "k", "mode": "params", "params": "amazon-main", "delivery_mode": "url",
                      "output_format": "webp", "lane": "bulk", "external_id": "4711"}))
        );
        let url: cutline_core::SourceUrl = "https://example.com/x.jpg".parse().expect("a URL");
        let located = Located::Url(json!("https://example.com/x.jpg"));
        let sent = body(&options(Pictures::Mode(Mode::Clipping), "{source_name}"), &entry(Place::Url(url)), located);
        let sent = sent.expect("valid");
        assert_eq!((&sent["mode"], &sent["delivery_mode"]), (&json!("clipping"), &json!("final_url")));
        assert_eq!(sent["output_name"], "{source_name}", "the API knows the name in a URL");
        assert!(is_common("params.margin") && is_common("lane") && !is_common("file_url"));
    }

    #[test]
    fn the_name_of_a_file_is_filled_in() {
        let options = options(Pictures::Mode(Mode::Background), "{source_name}-{variation}");
        let name = |path: &str| output_name(&options, &entry(Place::File(path.into())));
        assert_eq!(
            name("x/red {1}.jpg").map(|name| name.map(String::from)),
            Ok(Some("red _1_-{variation}".to_owned()))
        );
        assert!(name(&format!("{}.jpg", "ä".repeat(50))).is_ok());
        let long = OutputName::try_from(format!("{}{{source_name}}", "x".repeat(100))).expect("valid");
        let long = Entry { output_name: Some(long), ..entry(Place::File(format!("{}.jpg", "y".repeat(60)).into())) };
        let error = output_name(&options, &long).expect_err("is too long");
        assert!(error.contains("must be 1 to 128 characters; give another output_name"), "{error}");
        let colored = Entry { output_name: "{metadata.color}".parse().ok(), ..entry(Place::File("b.jpg".into())) };
        let error = output_name(&options, &colored).expect_err("is missing");
        assert_eq!(error, "the name `{metadata.color}` needs metadata.color; add it, or give another output_name");
        let metadata = Metadata::read(json!({"color": "red"})).expect("valid");
        assert!(output_name(&options, &Entry { metadata, ..colored }).is_ok());
    }
}
