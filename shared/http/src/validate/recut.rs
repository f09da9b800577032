//! The body of a recut: which draft was seen, and what the new cut changes.

use cutline_core::domain::kind::ImageKind;
use cutline_core::usecases::RecutRequest;

use super::form::Form;
use crate::field::Fields;
use crate::field_errors::FieldErrors;

/// Validates the fields of a recut, whose mask is of none of these kinds.
///
/// # Errors
/// Every error of every field.
pub(crate) fn recut(fields: Fields, undecodable: &'static [ImageKind]) -> Result<RecutRequest, FieldErrors> {
    let mut form = Form::new(fields).refusing(undecodable);
    let revision = form.revision_if_given();
    let mask = form.mask_file();
    let changes = form.subject_changes(&mask);
    form.finish(|| Ok(RecutRequest { revision: revision?, changes: changes?, mask: mask? }))
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::decision::DraftRevision;
    use cutline_core::domain::rendering::Inset;
    use cutline_core::domain::subject::{HintsChange, Holes, MaskSource, SubjectChanges};
    use cutline_core::usecases::SubmittedMask;
    use serde_json::{Value, json};

    use super::super::test_support::field;
    use super::*;

    fn read(body: Value) -> Result<RecutRequest, Value> {
        let members = body.as_object().expect("an object").clone();
        let fields: Vec<_> = members.into_iter().map(|(name, value)| field(&name, value.into())).collect();
        recut(fields.into(), &[]).map_err(|faults| serde_json::to_value(faults).expect("serializes"))
    }

    #[test]
    fn reads_what_is_given() {
        let request = read(json!({"revision": 3, "holes": "open"})).expect("valid");
        assert_eq!(request.revision, Some(DraftRevision::new(3)));
        assert_eq!((request.changes.holes, request.changes.hints), (Some(Holes::Open), None));
        let request = read(json!({"mask_source": "alpha"})).expect("valid");
        assert_eq!((request.changes.mask_source, request.mask), (Some(MaskSource::Alpha), None));
        for inset in [json!(1.5), json!("1.5")] {
            let request = read(json!({"revision": 1, "path_inset": inset})).expect("valid");
            assert_eq!(request.changes.path_inset.map(Inset::get), Some(1.5));
        }
        let hints = json!([{"kind": "remove", "points": [[1.0, 2.0]]}]);
        for given in [hints.clone(), json!(hints.to_string())] {
            let request = read(json!({ "hints": given })).expect("valid");
            let Some(HintsChange::Replace(hints)) = request.changes.hints else { panic!("{request:?}") };
            assert_eq!((hints.as_slice().len(), request.revision), (1, None));
        }
    }

    #[test]
    fn a_mask_alone_is_a_change() {
        let request = read(json!({"revision": 1, "mask_url": "https://example.com/m.png"})).expect("valid");
        assert_eq!(request.changes, SubjectChanges { mask_source: Some(MaskSource::File), ..Default::default() });
        assert!(matches!(request.mask, Some(SubmittedMask::Url(_))), "{request:?}");
        // A mask that the job has already.
        let request = read(json!({"revision": 1, "mask_source": "file"})).expect("valid");
        assert_eq!((request.changes.mask_source, request.mask), (Some(MaskSource::File), None));
        let both = json!({"mask_url": "https://example.com/m.png", "mask_source": "auto"});
        let other = "A mask was sent, which needs mask_source=file. Leave one of them out.";
        assert_eq!(read(both), Err(json!({ "mask_source": [other] })));
    }

    #[test]
    fn an_empty_list_of_hints_removes_them() {
        for given in [json!([]), json!("[]"), json!(" [ ] ")] {
            let request = read(json!({ "hints": given })).expect("valid");
            assert_eq!(request.changes.hints, Some(HintsChange::Remove));
        }
    }

    #[test]
    fn names_every_fault() {
        let nothing = json!({"hints": ["Give at least one of roi, keep, hints, holes, mask_source, path_inset and a mask: what the new cut changes."]});
        for empty in [json!({}), json!({"revision": 1}), json!({"hints": null, "keep": [], "roi": ""})] {
            assert_eq!(read(empty), Err(nothing.clone()));
        }
        let faults = json!({
            "revision": ["This value must be a positive whole number."],
            "mask_url": ["This value must be an http or https URL."],
            "hints[0].kind": ["This value must be keep or remove."],
            "path_inset": ["This value must be a number from 0 to 2."],
        });
        let hints = json!([{"kind": "add", "points": [[1, 2]]}]);
        let body = json!({"revision": 0, "mask_url": "ftp://example.com/m.png", "hints": hints, "path_inset": 3});
        assert_eq!(read(body), Err(faults));
    }
}
