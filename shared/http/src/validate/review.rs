//! Review: the field of an upload, and the bodies of decisions.

use cutline_core::domain::decision::{DraftRevision, RejectReason, ReviewNote};
use cutline_core::domain::job::ReviewDecision;
use cutline_core::domain::json::{Document, REPEATED};
use cutline_core::domain::review::{InvalidReviewRule, ReviewRule};
use serde_json::Value;

use super::form::{Checked, Form, invalid_text, whole};
use crate::field::{FieldValue, Fields};
use crate::field_errors::FieldErrors;

const REVIEW: &str = "review";
pub(crate) const REVISION: &str = "revision";
/// The message for a request about a held job that names no revision.
pub(crate) const REVISION_REQUIRED: &str = "This field is required: the revision of the draft that you looked at.";
const REASON: &str = "reason";
const NOTE: &str = "note";

/// Validates the fields of an approval.
///
/// # Errors
/// Every error of every field.
pub(crate) fn approval(fields: Fields) -> Result<(DraftRevision, ReviewDecision), FieldErrors> {
    let mut form = Form::new(fields);
    let revision = form.revision();
    form.finish(|| Ok((revision?, ReviewDecision::Approve)))
}

/// Validates the fields of a rejection.
///
/// # Errors
/// Every error of every field.
pub(crate) fn rejection(fields: Fields) -> Result<(DraftRevision, ReviewDecision), FieldErrors> {
    let mut form = Form::new(fields);
    let revision = form.revision();
    let reason = form.reason();
    let note = form.note();
    form.finish(|| Ok((revision?, ReviewDecision::Reject { reason: reason?, note: note? })))
}

impl Form {
    /// The rule: a word, or an object or its JSON as text, since a form has only texts.
    pub(super) fn review(&mut self) -> Checked<Option<ReviewRule>> {
        let value = match self.take(REVIEW) {
            None | Some(FieldValue::Empty) => return Ok(None),
            Some(FieldValue::Object(value)) => value,
            Some(FieldValue::Text(text)) if text.starts_with('{') => self.rule_text(&text)?,
            Some(FieldValue::Text(text)) => Value::String(text),
            Some(FieldValue::InvalidUtf8 | FieldValue::TooLong) => return Err(self.reject(REVIEW, invalid_text())),
            Some(FieldValue::File(_) | FieldValue::Scalar(_) | FieldValue::Array(_)) => return Err(self.reject_rule()),
        };
        ReviewRule::read(&value).map(Some).map_err(|_| self.reject_rule())
    }

    fn rule_text(&mut self, text: &str) -> Checked<Value> {
        let Ok(Document { value, repeated }) = Document::parse(text.as_bytes()) else {
            return Err(self.reject_rule());
        };
        for path in &repeated {
            self.reject(format!("{REVIEW}.{path}"), REPEATED);
        }
        Ok(value)
    }

    fn reject_rule(&mut self) -> super::form::Rejected {
        self.reject(REVIEW, format!("This value {InvalidReviewRule}."))
    }

    fn revision(&mut self) -> Checked<DraftRevision> {
        self.revision_if_given()?.ok_or_else(|| self.reject(REVISION, REVISION_REQUIRED))
    }

    pub(super) fn revision_if_given(&mut self) -> Checked<Option<DraftRevision>> {
        let number = match self.take(REVISION) {
            None | Some(FieldValue::Empty) => return Ok(None),
            Some(FieldValue::Text(text) | FieldValue::Scalar(text)) => whole::<u32>(&text),
            Some(_) => None,
        };
        match number.filter(|number| *number > 0) {
            Some(number) => Ok(Some(DraftRevision::new(number))),
            None => Err(self.reject(REVISION, "This value must be a positive whole number.")),
        }
    }

    fn reason(&mut self) -> Checked<RejectReason> {
        match self.choice(REASON, RejectReason::ALL.map(RejectReason::as_str))? {
            Some(reason) => Ok(reason),
            None => {
                let names = RejectReason::ALL.map(RejectReason::as_str).join(", ");
                Err(self.reject(REASON, format!("This field is required: one of {names}.")))
            }
        }
    }

    fn note(&mut self) -> Checked<Option<ReviewNote>> {
        let Some(text) = self.text(NOTE)? else { return Ok(None) };
        ReviewNote::try_from(text).map(Some).map_err(|_| {
            let max = ReviewNote::MAX_CHARS;
            let rule = "without control characters, except line breaks";
            self.reject(NOTE, format!("This value must be 1 to {max} characters {rule}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, valid_fields};
    use super::*;

    fn rule(value: FieldValue) -> Vec<crate::field::Field> {
        [valid_fields(), vec![field(REVIEW, value)]].concat()
    }

    #[test]
    fn takes_a_rule_from_json_and_from_a_form() {
        let below = ReviewRule::read(&json!({"below": 0.5})).expect("a rule");
        for (value, expected) in [
            (FieldValue::Empty, None),
            (FieldValue::from(json!("off")), Some(ReviewRule::Off)),
            (FieldValue::from(json!("always")), Some(ReviewRule::Always)),
            (FieldValue::from(json!({"below": 0.5})), Some(below)),
            (FieldValue::Text(r#"{"below": 0.5}"#.to_owned()), Some(below)),
        ] {
            assert_eq!(submission(owner(), rule(value)).expect("valid").review, expected);
        }
        let message = r#"This value must be "off", "always", or {"below": a number from 0 to 1}."#;
        for bad in
            [json!("on"), json!({"below": 2}), json!({"above": 0.5}), json!(true), json!(0.5), json!([]), json!("{")]
        {
            assert_eq!(errors(rule(FieldValue::from(bad.clone()))), json!({ "review": [message] }), "{bad}");
        }
        let twice = FieldValue::Text(r#"{"below": 0.1, "below": 0.2}"#.to_owned());
        assert_eq!(errors(rule(twice)), json!({ "review.below": [REPEATED] }));
    }

    fn fields(body: Value) -> Fields {
        let members = body.as_object().expect("an object").clone();
        let fields: Vec<_> = members.into_iter().map(|(name, value)| field(&name, value.into())).collect();
        fields.into()
    }

    #[test]
    fn a_decision_names_the_revision_and_a_rejection_its_reason() {
        for three in [json!(3), json!(3.0), json!("3")] {
            let read = approval(fields(json!({ "revision": three })));
            assert_eq!(read, Ok((DraftRevision::new(3), ReviewDecision::Approve)));
        }
        let note = ReviewNote::try_from("the handle is gone".to_owned()).ok();
        let decision = ReviewDecision::Reject { reason: RejectReason::Subject, note };
        let body = json!({"revision": 1, "reason": "subject", "note": "the handle is gone"});
        assert_eq!(rejection(fields(body)), Ok((DraftRevision::FIRST, decision)));

        let faults = |result: Result<_, FieldErrors>| {
            let _: &Result<(DraftRevision, ReviewDecision), _> = &result;
            serde_json::to_value(result.expect_err("invalid")).expect("serializes")
        };
        let required = "This field is required: the revision of the draft that you looked at.";
        let reason = "This field is required: one of subject, edge, color, dust, reshoot, other.";
        assert_eq!(faults(approval(fields(json!({})))), json!({ "revision": [required] }));
        assert_eq!(faults(rejection(fields(json!({})))), json!({ "revision": [required], "reason": [reason] }));
        for bad in [json!(0), json!(-1), json!(1.5), json!("one"), json!([1])] {
            let positive = json!({ "revision": ["This value must be a positive whole number."] });
            assert_eq!(faults(approval(fields(json!({ "revision": bad })))), positive);
        }
        let choice = "The value you selected is not a valid choice.";
        let long = "This value must be 1 to 500 characters without control characters, except line breaks.";
        let body = json!({"revision": 1, "reason": "ugly", "note": "x".repeat(501)});
        let known = "Available in this version: subject, edge, color, dust, reshoot, other.";
        assert_eq!(faults(rejection(fields(body))), json!({ "reason": [choice, known], "note": [long] }));
    }
}
