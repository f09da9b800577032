//! How the caller steers the cut: `roi`, `keep`, `hints`, `holes` and `mask_source`, and `path_inset` for a recut. A list is JSON, or its text, since a
//! form has only texts.

use cutline_core::domain::json::{Document, REPEATED};
use cutline_core::domain::subject::{
    Hints, HintsChange, Holes, InvalidSubject, Keep, MaskSource, Roi, SubjectChanges, SubjectFault, SubjectSettings,
};
use serde_json::Value;

use super::form::{Checked, Form, Rejected, invalid_text};
use super::mask::{MASK_SOURCE, MaskFile};
use crate::field::FieldValue;

const ROI: &str = "roi";
const KEEP: &str = "keep";
const HINTS: &str = "hints";
const HOLES: &str = "holes";

const NO_CHANGE: &str =
    "Give at least one of roi, keep, hints, holes, mask_source, path_inset and a mask: what the new cut changes.";

impl Form {
    /// The settings of a request whose mask comes as this file, if one does.
    pub(super) fn subject(&mut self, mask: &Checked<MaskFile>) -> Checked<SubjectSettings> {
        // Every field is checked before the first error returns.
        let roi = self.roi();
        let keep = self.list(KEEP, Keep::read);
        let hints = self.list(HINTS, Hints::read);
        let holes = self.choice(HOLES, Holes::ALL.map(Holes::as_str));
        let mask_source = self.choice(MASK_SOURCE, MaskSource::ALL.map(MaskSource::as_str));
        let mask_source = mask_source.and_then(|source| self.mask_source_with(source, mask));
        Ok(SubjectSettings { roi: roi?, keep: keep?, hints: hints?, holes: holes?, mask_source: mask_source? })
    }

    /// The changes of a recut whose mask comes as this file, if one does. An empty list of hints removes the earlier ones.
    pub(super) fn subject_changes(&mut self, mask: &Checked<MaskFile>) -> Checked<SubjectChanges> {
        let clears_hints = self.is_empty_list(HINTS);
        let path_inset = self.path_inset();
        let SubjectSettings { roi, keep, hints, holes, mask_source } = self.subject(mask)?;
        let path_inset = path_inset?;
        let removed = clears_hints.then_some(HintsChange::Remove);
        let hints = hints.map(HintsChange::Replace).or(removed);
        // The use case knows the mask's content.
        let changes = SubjectChanges { roi, keep, hints, holes, mask_source, path_inset, mask: None };
        if changes.is_empty() && mask.is_ok() {
            return Err(self.reject(HINTS, NO_CHANGE));
        }
        Ok(changes)
    }

    /// Whether a field is a list without elements, or its text.
    fn is_empty_list(&self, field: &str) -> bool {
        match self.peek(field) {
            Some(FieldValue::Array(value)) => value.as_array().is_some_and(Vec::is_empty),
            Some(FieldValue::Text(text)) => serde_json::from_str::<[(); 0]>(text).is_ok(),
            _ => false,
        }
    }

    fn roi(&mut self) -> Checked<Option<Roi>> {
        let Some(text) = self.text(ROI)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.reject(ROI, format!("This value {error}.")))
    }

    /// A value that JSON holds as a list, if not as a name.
    fn list<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&Value) -> Result<Option<T>, InvalidSubject>,
    ) -> Checked<Option<T>> {
        let value = match self.take(field) {
            None | Some(FieldValue::Empty) => return Ok(None),
            Some(FieldValue::InvalidUtf8 | FieldValue::TooLong) => return Err(self.reject(field, invalid_text())),
            Some(FieldValue::Text(text)) => self.list_text(field, text)?,
            Some(FieldValue::Array(value) | FieldValue::Object(value)) => value,
            Some(FieldValue::File(_) | FieldValue::Scalar(_)) => Value::Null,
        };
        read(&value).map_err(|InvalidSubject(faults)| {
            for SubjectFault { path, message } in faults {
                self.reject(format!("{field}{path}"), message);
            }
            Rejected
        })
    }

    /// The JSON of a text, or the text itself if it is a name.
    fn list_text(&mut self, field: &'static str, text: String) -> Checked<Value> {
        if !text.trim_start().starts_with(['[', '{']) {
            return Ok(Value::String(text));
        }
        let Ok(Document { value, repeated }) = Document::parse(text.as_bytes()) else {
            return Err(self.reject(field, "This value must be valid JSON."));
        };
        for path in &repeated {
            let separator = if path.starts_with('[') { "" } else { "." };
            self.reject(format!("{field}{separator}{path}"), REPEATED);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, valid_fields};
    use super::*;

    fn with(name: &str, value: FieldValue) -> Vec<crate::field::Field> {
        [valid_fields(), vec![field(name, value)]].concat()
    }

    fn subject(name: &str, value: FieldValue) -> Value {
        let submission = submission(owner(), with(name, value)).expect("valid");
        serde_json::to_value(submission.subject).expect("serializes")
    }

    #[test]
    fn lists_come_as_json_and_as_its_text() {
        let hints = json!([{"kind": "remove", "points": [[1.0, "2%"]], "radius": 30.0}, {"kind": "keep", "points": [[5.0, 6.0]]}]);
        let points = json!([[1.0, 2.0], ["50%", 4.0]]);
        for (name, value) in [(HINTS, hints), (KEEP, points)] {
            let expected = json!({ name: value });
            assert_eq!(subject(name, FieldValue::from(value.clone())), expected);
            assert_eq!(subject(name, FieldValue::Text(format!(" {value}"))), expected);
            assert_eq!(subject(name, FieldValue::from(json!([]))), json!({}), "an empty list counts as missing");
        }
        assert_eq!(subject(KEEP, FieldValue::Text("main".to_owned())), json!({"keep": "main"}));
        assert_eq!(subject(HOLES, FieldValue::Text("open".to_owned())), json!({"holes": "open"}));
        assert_eq!(subject(ROI, FieldValue::Text("0 0 50% 12.5".to_owned())), json!({"roi": "0 0 50% 12.5"}));
        assert_eq!(subject(MASK_SOURCE, FieldValue::Text("path".to_owned())), json!({"mask_source": "path"}));
    }

    #[test]
    fn an_error_names_the_place_and_the_remedy() {
        let of = |name: &str, value: Value| errors(with(name, FieldValue::from(value)));
        let form = "This value must be a box: \"x1 y1 x2 y2\", in pixels of the upright photograph or percentages such \
                    as \"12%\".";
        let empty = "This value must be a box with an area: x2 must be larger than x1, and y2 larger than y1.";
        assert_eq!(of(ROI, json!("1 2 3")), json!({ "roi": [form] }));
        for inverted in ["9 9 1 20", "50% 0 10% 100%", "5 5 5 5"] {
            assert_eq!(of(ROI, json!(inverted)), json!({ "roi": [empty] }), "{inverted}");
        }
        let keep = "This value must be all, main, or a list of points such as [[120, 80], [\"50%\", \"20%\"]].";
        for value in [json!("some"), json!(7), json!({"x": 1})] {
            assert_eq!(of(KEEP, value), json!({ "keep": [keep] }));
        }
        let point = "This value must be a point [x, y] of the upright photograph.";
        assert_eq!(of(KEEP, json!([[1, 2], [3]])), json!({ "keep[1]": [point] }));
        let kind = json!({ "hints[0].kind": ["This value must be keep or remove."] });
        assert_eq!(of(HINTS, json!([{"kind": "add", "points": [[1, 2]]}])), kind);
        assert_eq!(of(HINTS, json!("[{")), json!({ "hints": ["This value must be valid JSON."] }));
        let twice = json!({ "hints[0].kind": [REPEATED] });
        assert_eq!(of(HINTS, json!(r#"[{"kind": "keep", "kind": "keep", "points": [[1, 2]]}]"#)), twice);
        let twice = json!({ "keep.x": [REPEATED], "keep": [keep] });
        assert_eq!(of(KEEP, json!(r#"{"x": 1, "x": 2}"#)), twice);
        let many = json!([{"kind": "keep", "points": vec![[1, 2]; 10_000]}]);
        let message = "This list must have at most 100 hints with 2,000 points together.";
        assert_eq!(of(HINTS, many), json!({ "hints": [message] }));
        let both = json!([{"kind": "keep", "points": [[1, 2]]}, {"kind": "remove", "points": [[1, 2]]}]);
        let message = "This point is also in hints[0], which has the other kind; leave one of them out.";
        assert_eq!(of(HINTS, both), json!({ "hints[1].points[0]": [message] }));
        let holes = json!({ "holes": ["The value you selected is not a valid choice.", "Available in this version: auto, open, keep."] });
        assert_eq!(of(HOLES, json!("shut")), holes);
        let source = json!({ "mask_source": ["The value you selected is not a valid choice.", "Available in this version: auto, alpha, path, file."] });
        assert_eq!(of(MASK_SOURCE, json!("matte")), source);
    }
}
