//! The mask that a photo brings along: whether a file of its kind can have one.

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::subject::{MaskSource, SubjectSettings};
use cutline_core::usecases::SubmittedSource;

use super::form::{Checked, Form};
use super::subject::MASK_SOURCE;

impl Form {
    /// Records an error if the photo is of a kind that cannot have the mask which `mask_source` names. A file that is
    /// fetched or copied later, and what is in a file, is checked when it is decoded.
    pub(super) fn check_mask_source(&mut self, subject: &Checked<SubjectSettings>, source: &Checked<SubmittedSource>) {
        let (Ok(subject), Ok(SubmittedSource::Bytes(bytes))) = (subject, source) else { return };
        let Some(kind) = ImageKind::sniff(bytes) else { return };
        let (name, info) = (kind.name(), kind.info());
        match subject.mask_source {
            Some(MaskSource::Alpha) if !info.has_alpha => {
                let message =
                    format!("A {name} has no transparency. Send another kind of file, or another mask_source.");
                self.reject(MASK_SOURCE, message);
            }
            Some(MaskSource::Path) if !info.takes_path => {
                let kinds = ImageKind::listed_with_path("or");
                let message = format!("A {name} holds no path. Send a {kinds}, or another mask_source.");
                self.reject(MASK_SOURCE, message);
            }
            Some(MaskSource::Auto | MaskSource::Alpha | MaskSource::Path) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::submission;
    use super::super::test_support::{PNG, errors, file, owner, text};
    use super::*;
    use crate::field::Field;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 and so on";

    fn fields(photo: Field, mask_source: &str) -> Vec<Field> {
        vec![photo, text("mask_source", mask_source)]
    }

    fn refused(photo: &'static [u8], mask_source: &str) -> Value {
        errors(fields(file(photo), mask_source))
    }

    #[test]
    fn a_kind_without_transparency_or_paths_is_refused_at_once() {
        let alpha = "A JPEG has no transparency. Send another kind of file, or another mask_source.";
        assert_eq!(refused(JPEG, "alpha"), json!({ "mask_source": [alpha] }));
        let path = "A PNG holds no path. Send a JPEG, TIFF or PSD, or another mask_source.";
        assert_eq!(refused(PNG, "path"), json!({ "mask_source": [path] }));
    }

    #[test]
    fn what_may_be_there_is_accepted() {
        let url = || text("file_url", "https://example.com/cup.jpg");
        let cases =
            [(file(JPEG), "path"), (file(PNG), "alpha"), (file(JPEG), "auto"), (url(), "alpha"), (url(), "path")];
        for (photo, mask_source) in cases {
            let read = submission(owner(), fields(photo, mask_source)).expect("valid");
            assert_eq!(read.subject.mask_source.map(MaskSource::as_str), Some(mask_source));
        }
    }
}
