//! The caller's own names for a job and its files: `external_id`, `metadata` and `output_name`.

use cutline_core::domain::correlation::{ExternalId, InvalidMetadata, Metadata};
use cutline_core::domain::json::{Document, REPEATED};
use cutline_core::domain::output_name::OutputName;

use super::form::{Checked, Form, invalid_text};
use crate::field::FieldValue;

const EXTERNAL_ID: &str = "external_id";
const METADATA: &str = "metadata";
pub(crate) const OUTPUT_NAME: &str = "output_name";

/// The error of `output_name` if it needs a member of the metadata that the request lacks.
pub(crate) fn missing_metadata(key: &str, is_of_set: bool) -> String {
    match is_of_set {
        false => format!("This value needs metadata.{key}: send metadata with it."),
        true => format!("That of the parameter set needs metadata.{key}: send metadata with it, or an output_name."),
    }
}

impl Form {
    pub(super) fn external_id(&mut self) -> Checked<Option<ExternalId>> {
        let Some(text) = self.text(EXTERNAL_ID)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.reject(EXTERNAL_ID, format!("This value {error}.")))
    }

    pub(super) fn output_name(&mut self) -> Checked<Option<OutputName>> {
        let Some(text) = self.text(OUTPUT_NAME)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.reject(OUTPUT_NAME, format!("This value {error}.")))
    }

    /// The metadata: an object, or its JSON as text, since a form has only texts.
    pub(super) fn metadata(&mut self) -> Checked<Option<Metadata>> {
        let value = match self.take(METADATA) {
            None | Some(FieldValue::Empty) => return Ok(None),
            Some(FieldValue::Object(value)) => value,
            Some(FieldValue::Text(text)) => self.metadata_text(&text)?,
            Some(FieldValue::InvalidUtf8 | FieldValue::TooLong) => return Err(self.reject(METADATA, invalid_text())),
            Some(FieldValue::File(_) | FieldValue::Scalar(_) | FieldValue::Array(_)) => {
                return Err(self.reject_metadata(&InvalidMetadata::NotAnObject));
            }
        };
        Metadata::read(value).map_err(|invalid| self.reject_metadata(&invalid))
    }

    fn metadata_text(&mut self, text: &str) -> Checked<serde_json::Value> {
        let Ok(Document { value, repeated }) = Document::parse(text.as_bytes()) else {
            return Err(self.reject_metadata(&InvalidMetadata::NotAnObject));
        };
        for path in &repeated {
            self.reject(format!("{METADATA}.{path}"), REPEATED);
        }
        Ok(value)
    }

    fn reject_metadata(&mut self, invalid: &InvalidMetadata) -> super::form::Rejected {
        match invalid {
            InvalidMetadata::NotAString { member } => {
                self.reject(format!("{METADATA}.{member}"), format!("This value {invalid}."))
            }
            InvalidMetadata::NotAnObject
            | InvalidMetadata::EmptyName
            | InvalidMetadata::TooMany
            | InvalidMetadata::TooLong => self.reject(METADATA, format!("This value {invalid}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::*;

    fn with(name: &str, value: FieldValue) -> Vec<crate::field::Field> {
        [valid_fields(), vec![field(name, value)]].concat()
    }

    #[test]
    fn takes_both_from_json_and_from_a_form() {
        let metadata = json!({"sku": "4711", "größe": ""});
        for value in [FieldValue::Object(metadata.clone()), FieldValue::Text(metadata.to_string())] {
            let fields = [with(METADATA, value), vec![text(EXTERNAL_ID, "Bestellung 4711/ü")]].concat();
            let submission = submission(owner(), fields).expect("valid");
            assert_eq!(serde_json::to_value(&submission.metadata).expect("serializes"), metadata);
            assert_eq!(submission.external_id, "Bestellung 4711/ü".parse().ok());
        }
        let nothing = submission(owner(), with(METADATA, FieldValue::Object(json!({})))).expect("valid");
        assert_eq!((nothing.metadata, nothing.external_id), (None, None));
    }

    #[test]
    fn an_error_names_the_field_and_the_remedy() {
        let metadata = |value: Value| errors(with(METADATA, FieldValue::from(value)));
        let object = json!({ "metadata": ["This value must be an object of strings."] });
        for value in [json!("a"), json!([]), json!(7), json!("[]"), json!("{")] {
            assert_eq!(metadata(value), object);
        }
        let string = json!({ "metadata.a": ["This value must be a string."] });
        for value in [json!({"a": {"b": "c"}}), json!({"a": 1}), json!({"a": null}), json!(r#"{"a": []}"#)] {
            assert_eq!(metadata(value), string);
        }
        let name = json!({ "metadata": ["This value must have a name for every member."] });
        assert_eq!(metadata(json!({ "": "a" })), name);
        let members = |count: usize| Value::Object((0..count).map(|n| (n.to_string(), json!("x"))).collect());
        assert_eq!(metadata(members(21)), json!({ "metadata": ["This value must have at most 20 members."] }));
        let long = json!({ "a": "x".repeat(3_000) });
        assert_eq!(metadata(long), json!({ "metadata": ["This value must have at most 2,000 bytes as JSON."] }));
        let twice = json!({ "metadata.a": [REPEATED] });
        assert_eq!(metadata(json!(r#"{"a": "1", "a": "2"}"#)), twice);

        let external_id = |value: Value| errors(with(EXTERNAL_ID, FieldValue::from(value)));
        let range = "This value must be 1 to 128 characters without control characters.";
        for value in [json!("x".repeat(129)), json!("a\nb"), json!("\u{0}")] {
            assert_eq!(external_id(value), json!({ "external_id": [range] }));
        }
        assert_eq!(external_id(json!(4711)), json!({ "external_id": ["This value must be a string."] }));

        let output_name = |value: Value| errors(with(OUTPUT_NAME, FieldValue::from(value)));
        let known = "{external_id}, {job_id}, {variation}, {source_name}, {revision}, {metadata.KEY}";
        for (value, message) in [
            (json!("x".repeat(129)), "This value must be 1 to 128 characters."),
            (json!("../cup"), "This value must not contain / \\ : * ? \" < > | or control characters."),
            (json!(".cup"), "This value must not begin or end with a dot or a space."),
            (json!("nul.{job_id}"), "This value must not be a name that Windows reserves, such as CON or COM1."),
            (json!("{owner}"), &format!("This value must have no other braces than the placeholders {known}.")),
            (json!({"a": "b"}), "This value must be a string."),
        ] {
            assert_eq!(output_name(value.clone()), json!({ "output_name": [message] }), "{value}");
        }
    }
}
