//! The mode, and the parameter set that `mode=params` requires.

use cutline_core::Mode;
use cutline_core::domain::limits::MAX_PARAMS_BYTES;
use cutline_core::domain::params::{InvalidParams, ParamSet};
use cutline_core::usecases::SubmittedSet;

use super::form::{Checked, Form, invalid_text};
use crate::field::FieldValue;
use crate::field_errors::PARAMS;

/// The value of `params`.
enum ParamsField {
    Missing,
    /// A set's name.
    Name(String),
    /// A set's document as text.
    Text(String),
    /// A set's document as a JSON object.
    Object(serde_json::Value),
}

impl Form {
    /// The mode and its parameter set. Only `mode=params` looks into the set; every mode checks its type.
    pub(super) fn mode(&mut self) -> Checked<(Mode, Option<SubmittedSet>)> {
        let params = self.params();
        let mode = self.choice("mode", Mode::ALL.map(Mode::as_str))?.unwrap_or_default();
        let set = match mode {
            Mode::Background | Mode::Clipping => None,
            Mode::Params => Some(self.set(params?)?),
        };
        Ok((mode, set))
    }

    fn params(&mut self) -> Checked<ParamsField> {
        match self.take(PARAMS) {
            None | Some(FieldValue::Empty) => Ok(ParamsField::Missing),
            Some(FieldValue::Text(text)) if text.trim_start().starts_with('{') => Ok(ParamsField::Text(text)),
            Some(FieldValue::Text(name)) => Ok(ParamsField::Name(name)),
            Some(FieldValue::Object(object)) => Ok(ParamsField::Object(object)),
            Some(FieldValue::InvalidUtf8 | FieldValue::TooLong) => Err(self.reject(PARAMS, invalid_text())),
            Some(FieldValue::File(_) | FieldValue::Scalar(_) | FieldValue::Array(_)) => {
                Err(self.reject(PARAMS, "This value must be a string or an object."))
            }
        }
    }

    fn set(&mut self, params: ParamsField) -> Checked<SubmittedSet> {
        let set = match params {
            ParamsField::Missing => return Err(self.reject(PARAMS, "You must provide params with mode=params")),
            ParamsField::Name(name) => return Ok(SubmittedSet::Named(name)),
            ParamsField::Text(text) => ParamSet::parse(&text),
            ParamsField::Object(object) => read_object(object),
        };
        match set {
            Ok(set) => Ok(SubmittedSet::Inline(Box::new(set))),
            Err(invalid) => Err(self.reject_params(invalid)),
        }
    }
}

/// Reads a document under the same size limit as one sent as text.
fn read_object(object: serde_json::Value) -> Result<ParamSet, InvalidParams> {
    // The limit of a body is a few times this one, so serializing the document again is cheap.
    let text = object.to_string();
    if text.len() > MAX_PARAMS_BYTES { ParamSet::parse(&text) } else { ParamSet::read(object) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::*;

    /// A request with `mode=params` and this value.
    fn with_params(value: FieldValue) -> Vec<crate::field::Field> {
        vec![text("file_url", "https://example.com/cup.jpg"), text("mode", "params"), field("params", value)]
    }

    fn set_of(fields: Vec<crate::field::Field>) -> Option<SubmittedSet> {
        submission(owner(), fields).expect("valid").set
    }

    #[test]
    fn accepts_a_set_by_name_as_an_object_and_as_text() {
        for name in ["amazon-main", "Test-Api", "no name at all", "[1]", "\"x\""] {
            let named = set_of(with_params(FieldValue::Text(name.to_owned())));
            assert_eq!(named, Some(SubmittedSet::Named(name.to_owned())));
        }
        let document = json!({ "canvas": {"width": 300, "height": 200}, "margin": "10%", "preserve_shadow": true });
        let inline = Some(SubmittedSet::Inline(Box::new(ParamSet::read(document.clone()).expect("valid"))));
        assert_eq!(set_of(with_params(FieldValue::Object(document.clone()))), inline);
        assert_eq!(set_of(with_params(FieldValue::Text(document.to_string()))), inline);
        assert_eq!(set_of(with_params(FieldValue::Text(format!("\r\n {document:#} \n")))), inline);
        let empty = Some(SubmittedSet::Inline(Box::new(ParamSet::empty())));
        assert_eq!(set_of(with_params(FieldValue::Object(json!({})))), empty);
    }

    #[test]
    fn other_modes_check_only_the_type_of_params() {
        let invalid = FieldValue::Object(json!({ "margin": 7 }));
        for mode in ["background", "clipping"] {
            let texts = ["{", "no such set"].map(|text| FieldValue::Text(text.to_owned()));
            for value in texts.into_iter().chain([invalid.clone()]) {
                let url = text("file_url", "https://example.com/cup.jpg");
                assert_eq!(set_of(vec![url, text("mode", mode), field("params", value)]), None);
            }
        }
        let wrong_type = json!({ "params": ["This value must be a string or an object."] });
        for value in [FieldValue::Scalar("7".to_owned()), FieldValue::Array(json!([1])), FieldValue::File(Bytes::new())]
        {
            assert_eq!(errors([valid_fields(), vec![field("params", value.clone())]].concat()), wrong_type);
            assert_eq!(errors(with_params(value)), wrong_type);
        }
    }

    #[test]
    fn mode_params_requires_a_set() {
        let missing = json!({ "params": ["You must provide params with mode=params"] });
        let url = || text("file_url", "https://example.com/cup.jpg");
        assert_eq!(errors(vec![url(), text("mode", "params")]), missing);
        assert_eq!(errors(vec![url(), text("mode", "params"), field("params", FieldValue::Empty)]), missing);
    }

    #[test]
    fn reports_the_errors_of_a_set_by_path_together_with_all_others() {
        let set = json!({ "shadow_top": {"blur": "thick"}, "variations": ["compose", "cut"], "color": "red" });
        let length = set.to_string().len();
        for value in [FieldValue::Object(set.clone()), FieldValue::Text(set.to_string())] {
            let errors = errors([with_params(value), vec![text("quality", "0")]].concat());
            let fields: Vec<_> = errors.as_object().expect("errors").keys().map(String::as_str).collect();
            assert_eq!(fields, ["params.color", "params.shadow_top.blur", "params.variations[1]", "quality"]);
        }
        let not_json = errors(with_params(FieldValue::Text(set.to_string()[..length - 1].to_owned())));
        let expected = format!("This is not valid JSON: see line 1, column {}.", length - 1);
        assert_eq!(not_json, json!({ "params": [expected] }));

        let long = FieldValue::Object(json!({ "background": "x".repeat(64_000) }));
        assert_eq!(errors(with_params(long)), json!({ "params": ["A parameter set may have at most 64 KB."] }));
    }
}
