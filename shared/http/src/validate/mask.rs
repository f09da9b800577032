//! The mask: what `mask_source` names, and the file that comes as `mask`, `mask_url` or `mask_key`.

use cutline_core::SourceUrl;
use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::picture_size::{mask_refusal, stored_size};
use cutline_core::domain::subject::{MaskSource, SubjectSettings};
use cutline_core::domain::upload::UploadKey;
use cutline_core::usecases::{SubmittedMask, SubmittedSource};

use super::form::{Checked, Form};
use crate::field::{FieldValue, MASK, MASK_KEY};

pub(super) const MASK_SOURCE: &str = "mask_source";
const MASK_URL: &str = "mask_url";

/// A mask that comes as a file, if one does.
pub(super) type MaskFile = Option<SubmittedMask>;

impl Form {
    /// The mask that comes as a file.
    pub(super) fn mask_file(&mut self) -> Checked<MaskFile> {
        let (bytes, url, key) = (self.take(MASK), self.take(MASK_URL), self.take(MASK_KEY));
        match (bytes, url, key) {
            (None, None, None) => Ok(None),
            (Some(bytes), None, None) => self.mask_bytes(bytes).map(Some),
            (None, Some(url), None) => self.mask_url(url).map(Some),
            (None, None, Some(key)) => self.mask_key(key).map(Some),
            _ => Err(self.reject(MASK, "You must provide only one of mask, mask_url and mask_key")),
        }
    }

    /// The `mask_source` of a request with this file: a mask without a source is the source.
    pub(super) fn mask_source_with(
        &mut self,
        source: Option<MaskSource>,
        file: &Checked<MaskFile>,
    ) -> Checked<Option<MaskSource>> {
        match (source, file) {
            (None | Some(MaskSource::File), Ok(Some(_))) => Ok(Some(MaskSource::File)),
            (Some(MaskSource::Auto | MaskSource::Alpha | MaskSource::Path), Ok(Some(_))) => {
                let message = "A mask was sent, which needs mask_source=file. Leave one of them out.";
                Err(self.reject(MASK_SOURCE, message))
            }
            (source, Ok(None) | Err(_)) => Ok(source),
        }
    }

    /// Records an error if the photo is of a kind that cannot have the mask which `mask_source` names, or if a mask that is
    /// asked for is missing or has another size. A file that is fetched or copied later, and what is in a file, is checked
    /// when it is decoded.
    pub(super) fn check_mask(
        &mut self,
        subject: &Checked<SubjectSettings>,
        file: &Checked<MaskFile>,
        source: &Checked<SubmittedSource>,
    ) {
        if let (Ok(SubjectSettings { mask_source: Some(MaskSource::File), .. }), Ok(None)) = (subject, file) {
            self.reject(MASK, "You must provide mask, mask_url or mask_key with mask_source=file");
        }
        let Ok(SubmittedSource::Bytes(photo)) = source else { return };
        if let Ok(Some(SubmittedMask::Bytes(mask))) = file {
            self.check_mask_size(mask, photo);
        }
        let (Ok(subject), Some(kind)) = (subject, ImageKind::sniff(photo)) else { return };
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
            Some(MaskSource::Auto | MaskSource::Alpha | MaskSource::Path | MaskSource::File) | None => {}
        }
    }

    /// Records an error if the two differ in size, whichever way they are turned.
    fn check_mask_size(&mut self, mask: &[u8], photo: &[u8]) {
        if let Some(message) = stored_size(photo).and_then(|photo| mask_refusal(mask, photo)) {
            self.reject(MASK, message);
        }
    }

    fn mask_bytes(&mut self, value: FieldValue) -> Checked<SubmittedMask> {
        const SEND: &str = "Send a PNG, or another picture of pixels";
        let message = match value {
            FieldValue::File(bytes) => match ImageKind::sniff(&bytes) {
                Some(ImageKind::Svg) => format!("A drawing is no mask. {SEND}."),
                Some(kind) if self.undecodable.contains(&kind) => kind.undecodable(),
                Some(_) => return Ok(SubmittedMask::Bytes(bytes)),
                None if bytes.is_empty() => format!("The mask is empty. {SEND}."),
                None => match ForeignKind::sniff(&bytes) {
                    Some(ForeignKind { name, .. }) => format!("{name} is not supported. {SEND}."),
                    None => format!("The mask is not a picture of a known kind. {SEND}."),
                },
            },
            _ => "Send the mask's bytes as a part of multipart/form-data, or its address as mask_url.".to_owned(),
        };
        Err(self.reject(MASK, message))
    }

    fn mask_url(&mut self, value: FieldValue) -> Checked<SubmittedMask> {
        let text = self.check_text(MASK_URL, value)?;
        match text.parse::<SourceUrl>() {
            Ok(url) => Ok(SubmittedMask::Url(url)),
            Err(error) => Err(self.reject(MASK_URL, format!("This value {error}."))),
        }
    }

    fn mask_key(&mut self, value: FieldValue) -> Checked<SubmittedMask> {
        let text = self.check_text(MASK_KEY, value)?;
        match text.parse::<UploadKey>() {
            Ok(key) => Ok(SubmittedMask::Upload(key)),
            Err(_) => Err(self.reject(MASK_KEY, "This value must be a file_key that POST /api/v1/uploads returned.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::super::submission;
    use super::super::test_support::{PNG, errors, field, file, owner, text};
    use super::*;
    use crate::field::Field;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 and so on";

    fn fields(photo: Field, mask_source: &str) -> Vec<Field> {
        vec![photo, text("mask_source", mask_source)]
    }

    fn refused(photo: &'static [u8], mask_source: &str) -> Value {
        errors(fields(file(photo), mask_source))
    }

    fn url() -> Field {
        text("file_url", "https://example.com/cup.jpg")
    }

    fn mask(bytes: impl Into<Bytes>) -> Field {
        field(MASK, FieldValue::File(bytes.into()))
    }

    /// The first bytes of a PNG of this size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".as_slice(), &size].concat()
    }

    /// A TIFF of one page, without its pixels.
    fn tiff(width: u16, height: u16) -> Vec<u8> {
        let side = |tag: u8, side: u16| [&[tag, 1, 3, 0, 1, 0, 0, 0], &side.to_le_bytes()[..], &[0, 0]].concat();
        [b"II*\0\x08\0\0\0\x02\0", side(0, width).as_slice(), &side(1, height), &[0; 4]].concat()
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
        let cases =
            [(file(JPEG), "path"), (file(PNG), "alpha"), (file(JPEG), "auto"), (url(), "alpha"), (url(), "path")];
        for (photo, mask_source) in cases {
            let read = submission(owner(), fields(photo, mask_source)).expect("valid");
            assert_eq!(read.subject.mask_source.map(MaskSource::as_str), Some(mask_source));
            assert_eq!(read.mask, None);
        }
    }

    #[test]
    fn a_mask_comes_as_bytes_by_url_or_by_key_and_needs_no_source() {
        let key = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
        let cases = [
            (mask(PNG), SubmittedMask::Bytes(PNG.into())),
            (
                text("mask_url", "https://example.com/m.png"),
                SubmittedMask::Url("https://example.com/m.png".parse().expect("a URL")),
            ),
            (text("mask_key", key), SubmittedMask::Upload(key.parse().expect("a key"))),
        ];
        for (field, expected) in cases {
            for source in [None, Some(text("mask_source", "file"))] {
                let sent = [vec![url(), field.clone()], source.into_iter().collect()].concat();
                let read = submission(owner(), sent).expect("valid");
                assert_eq!((read.subject.mask_source, read.mask.as_ref()), (Some(MaskSource::File), Some(&expected)));
            }
        }
        let unused = vec![url(), field(MASK, FieldValue::Empty)];
        assert_eq!(submission(owner(), unused).expect("valid").mask, None);
    }

    #[test]
    fn names_what_is_missing_or_too_much() {
        let missing = "You must provide mask, mask_url or mask_key with mask_source=file";
        assert_eq!(errors(fields(url(), "file")), json!({ "mask": [missing] }));
        let one = "You must provide only one of mask, mask_url and mask_key";
        let two = vec![url(), mask(PNG), text("mask_url", "https://example.com/m.png")];
        assert_eq!(errors(two), json!({ "mask": [one] }));
        let other = "A mask was sent, which needs mask_source=file. Leave one of them out.";
        let contrary = vec![url(), mask(PNG), text("mask_source", "auto")];
        assert_eq!(errors(contrary), json!({ "mask_source": [other] }));
        let twice = vec![url(), mask(PNG), mask(PNG)];
        assert_eq!(errors(twice), json!({ "mask": ["This field was sent more than once."] }));
    }

    #[test]
    fn judges_a_mask_by_its_content() {
        let send = "Send a PNG, or another picture of pixels.";
        let cases: [(&[u8], String); 4] = [
            (b"<svg/>", format!("A drawing is no mask. {send}")),
            (b"", format!("The mask is empty. {send}")),
            (b"a text named .png", format!("The mask is not a picture of a known kind. {send}")),
            (b"\xFF\x0A", format!("JPEG XL is not supported. {send}")),
        ];
        for (bytes, message) in cases {
            let part = field(MASK, FieldValue::File(Bytes::from_static(bytes)));
            // A part without bytes is an unused input only if it has no file name.
            assert_eq!(errors(vec![url(), part]), json!({ "mask": [message] }));
        }
        let message = "Send the mask's bytes as a part of multipart/form-data, or its address as mask_url.";
        assert_eq!(errors(vec![url(), text("mask", "aGk=")]), json!({ "mask": [message] }));
        let message = "This value must be an http or https URL.";
        assert_eq!(errors(vec![url(), text("mask_url", "ftp://example.com/")]), json!({ "mask_url": [message] }));
        let message = "This value must be a file_key that POST /api/v1/uploads returned.";
        assert_eq!(errors(vec![url(), text("mask_key", "x")]), json!({ "mask_key": [message] }));
    }

    #[test]
    fn a_mask_of_another_size_is_refused_with_both_sizes() {
        let photo = |bytes: Vec<u8>| field("file", FieldValue::File(bytes.into()));
        // As the job would fail, where the sizes are not known at once.
        let message =
            "mask of another size: it has 400 x 300 pixels, and the image 4000 x 3000; scale it to the image's size";
        for small in [png(400, 300), tiff(400, 300)] {
            assert_eq!(errors(vec![photo(png(4000, 3000)), mask(small)]), json!({ "mask": [message] }));
        }
        assert_eq!(errors(vec![photo(tiff(4000, 3000)), mask(png(400, 300))]), json!({ "mask": [message] }));
        // The photo may be stored turned.
        for size in [(4000, 3000), (3000, 4000)] {
            assert!(submission(owner(), vec![photo(png(4000, 3000)), mask(png(size.0, size.1))]).is_ok(), "{size:?}");
        }
        assert!(submission(owner(), vec![file(b"II*\0...."), mask(png(400, 300))]).is_ok(), "of unknown size");
    }
}
