//! Tests of whole requests and of stored sets; the topics have their own.

use cutline_core::usecases::SubmittedSource;
use cutline_core::{DeliveryMode, Mode, OutputFormat, Rendering};
use serde_json::json;

use super::test_support::{PNG, errors, field, file, owner, text, valid_fields};
use super::*;
use crate::field::FieldValue;

#[test]
fn applies_the_defaults_of_the_contract() {
    let url = text("file_url", "https://example.com/cup.jpg");
    let submission = submission(owner(), vec![url]).expect("valid");
    assert_eq!(submission.owner, owner());
    assert_eq!((submission.mode, submission.delivery), (Mode::Clipping, DeliveryMode::Url));
    assert_eq!((submission.format, submission.rendering, submission.set), (None, Rendering::default(), None));
    let SubmittedSource::Url(url) = submission.source else { panic!("a URL") };
    assert_eq!(url.to_string(), "https://example.com/cup.jpg");
}

#[test]
fn accepts_every_choice() {
    let formats = [
        ("png", OutputFormat::Png),
        ("jpg", OutputFormat::Jpeg),
        ("jpeg", OutputFormat::Jpeg),
        ("psd", OutputFormat::Psd),
        ("tiff", OutputFormat::Tiff),
        ("webp", OutputFormat::Webp),
    ];
    for (value, format) in formats {
        let mut fields = valid_fields();
        fields.extend([text("output_format", value), text("delivery_mode", "final_url")]);
        let submission = submission(owner(), fields).expect(value);
        assert_eq!((submission.format, submission.delivery), (Some(format.into()), DeliveryMode::FinalUrl));
    }
    for (value, mode) in [("background", Mode::Background), ("clipping", Mode::Clipping)] {
        let url = text("file_url", "https://example.com/cup.jpg");
        assert_eq!(submission(owner(), vec![url, text("mode", value)]).expect(value).mode, mode);
    }
    for (value, lane) in
        [(Some("live"), Lane::Live), (Some("bulk"), Lane::Bulk), (Some(""), Lane::Live), (None, Lane::Live)]
    {
        let fields = [
            valid_fields(),
            value.map(|value| field("lane", FieldValue::text(value.to_owned()))).into_iter().collect(),
        ];
        assert_eq!(submission(owner(), fields.concat()).expect("valid").lane, lane, "{value:?}");
    }
    let with_file = submission(owner(), vec![file(PNG), text("mode", "background")]).expect("valid");
    assert!(matches!(with_file.source, SubmittedSource::Bytes(bytes) if bytes == PNG));
}

#[test]
fn ignores_empty_and_unknown_fields() {
    let mut fields = valid_fields();
    fields.extend(["file", "delivery_mode", "output_format"].map(|name| field(name, FieldValue::Empty)));
    fields.extend([text("tint", "red"), text("tint", "blue"), text("params", "amazon-main")]);
    assert!(submission(owner(), fields).is_ok());
}

#[test]
fn reports_all_errors_at_once() {
    let fields = vec![
        text("mode", "cutout"),
        text("delivery_mode", "post"),
        text("lane", "LIVE"),
        text("output_format", "bmp"),
        field("params", FieldValue::Array(json!([1]))),
        text("quality", "best"),
    ];
    let choice = "The value you selected is not a valid choice.";
    let formats: Vec<_> = RequestedFormat::spellings().collect();
    let expected = json!({
        "file": ["You must provide either file_url or file"],
        "mode": [choice, "Available in this version: background, clipping, params."],
        "delivery_mode": [choice, "Available in this version: url, final_url."],
        "lane": [choice, "Available in this version: live, bulk."],
        "output_format": [choice, format!("Available in this version: {}.", formats.join(", "))],
        "params": ["This value must be a string or an object."],
        "quality": ["This value must be a whole number from 1 to 100."],
    });
    assert_eq!(errors(fields), expected);
}

#[test]
fn rejects_a_field_that_occurs_twice() {
    for twice in [text("mode", "background"), field("mode", FieldValue::Empty)] {
        let mut fields = valid_fields();
        fields.push(twice);
        assert_eq!(errors(fields), json!({ "mode": ["This field was sent more than once."] }));
    }
}

#[test]
fn validates_a_stored_set_together_with_its_name() {
    let (name, set) = super::set("Test-Api", json!({ "margin": "7%" })).expect("valid");
    assert_eq!((name.as_str(), set.margin.is_some()), ("Test-Api", true));
    let errors = |name: &str, document| serde_json::to_value(super::set(name, document).expect_err("errors")).ok();
    for name in ["", "-a", "a.b", "caf\u{e9}", &"x".repeat(65)] {
        assert_eq!(errors(name, json!({})), Some(json!({ "name": [INVALID_SET_NAME] })), "{name}");
    }
    let both = errors("a b", json!([])).expect("serializes");
    assert_eq!(both.as_object().expect("errors").keys().collect::<Vec<_>>(), ["name", "params"]);
}
