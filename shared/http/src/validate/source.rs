//! The photograph: `file`, `file_url` or `file_key`.

use cutline_core::SourceUrl;
use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::upload::UploadKey;
use cutline_core::usecases::SubmittedSource;

use super::form::{Checked, Form};
use crate::field::{FILE, FILE_KEY, FieldValue};
use crate::kinds;

const FILE_URL: &str = "file_url";

impl Form {
    pub(super) fn source(&mut self) -> Checked<SubmittedSource> {
        let file = self.take(FILE);
        let url = self.take(FILE_URL);
        match self.take(FILE_KEY) {
            None => self.file_or_url(file, url),
            Some(key) if file.is_none() && url.is_none() => self.file_key(key),
            Some(key) => {
                let rejected = self.reject(FILE_KEY, "You must provide only one of file, file_url and file_key");
                // All values may have errors of their own.
                let _ = (self.file_key(key), self.file_or_url(file, url));
                Err(rejected)
            }
        }
    }

    /// The messages about these two are the original's.
    fn file_or_url(&mut self, file: Option<FieldValue>, url: Option<FieldValue>) -> Checked<SubmittedSource> {
        match (file, url) {
            (None, None) => Err(self.reject(FILE, "You must provide either file_url or file")),
            (Some(file), None) => self.file(file),
            (None, Some(url)) => self.file_url(url),
            (Some(file), Some(url)) => {
                let rejected = self.reject(FILE, "You must provide either file_url or file, not both");
                // Both values may have errors of their own.
                let _ = (self.file(file), self.file_url(url));
                Err(rejected)
            }
        }
    }

    fn file(&mut self, value: FieldValue) -> Checked<SubmittedSource> {
        let message = match value {
            FieldValue::File(bytes) => match ImageKind::sniff(&bytes) {
                Some(kind) if self.undecodable.contains(&kind) => kind.undecodable(),
                Some(_) => return Ok(SubmittedSource::Bytes(bytes)),
                None if bytes.is_empty() => format!("The file is empty. Send {}.", kinds::supported_picture()),
                None => kinds::refusal(ForeignKind::sniff(&bytes)),
            },
            _ => "Send the file's bytes as a part of multipart/form-data, or its address as file_url.".to_owned(),
        };
        Err(self.reject(FILE, message))
    }

    fn file_key(&mut self, value: FieldValue) -> Checked<SubmittedSource> {
        let text = self.check_text(FILE_KEY, value)?;
        match text.parse::<UploadKey>() {
            Ok(key) => Ok(SubmittedSource::Upload(key)),
            Err(_) => Err(self.reject(FILE_KEY, "This value must be a file_key that POST /api/v1/uploads returned.")),
        }
    }

    fn file_url(&mut self, value: FieldValue) -> Checked<SubmittedSource> {
        let text = self.check_text(FILE_URL, value)?;
        match text.parse::<SourceUrl>() {
            Ok(url) => Ok(SubmittedSource::Url(url)),
            Err(error) => Err(self.reject(FILE_URL, format!("This value {error}."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::super::test_support::{PNG, errors, field, file, owner, text};
    use super::super::{Reach, submission, submission_within};
    use super::*;
    use crate::field::MASK;
    use crate::webhook_url::WebhookReach;

    #[test]
    fn requires_exactly_one_source() {
        let both = vec![file(PNG), text("file_url", "https://example.com/"), text("mode", "background")];
        assert_eq!(errors(both), json!({ "file": ["You must provide either file_url or file, not both"] }));
        let neither = vec![text("mode", "background")];
        assert_eq!(errors(neither), json!({ "file": ["You must provide either file_url or file"] }));
        let empty =
            vec![field(FILE, FieldValue::Empty), field("file_url", FieldValue::Empty), text("mode", "background")];
        assert_eq!(errors(empty), json!({ "file": ["You must provide either file_url or file"] }));
    }

    #[test]
    fn a_file_key_excludes_the_others() {
        let key = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
        let file_key = || text("file_key", key);
        let read = submission(owner(), vec![file_key(), field(FILE, FieldValue::Empty)]).expect("valid");
        assert!(matches!(read.source, SubmittedSource::Upload(found) if found.to_string() == key));
        let one = "You must provide only one of file, file_url and file_key";
        let url = || text("file_url", "https://example.com/");
        for others in [vec![file(PNG)], vec![url()]] {
            let fields = [vec![file_key()], others].concat();
            assert_eq!(errors(fields), json!({ "file_key": [one] }));
        }
        let all = errors(vec![file_key(), file(PNG), url()]);
        assert_eq!(all, json!({ "file_key": [one], "file": ["You must provide either file_url or file, not both"] }));
        let malformed = "This value must be a file_key that POST /api/v1/uploads returned.";
        for bad in ["x", "../../etc/passwd", &format!("uploads/{key}"), &key.to_uppercase(), &format!("{key}\0")] {
            assert_eq!(errors(vec![text("file_key", bad)]), json!({ "file_key": [malformed] }), "{bad:?}");
        }
        let twice = errors(vec![file_key(), file_key()]);
        assert_eq!(twice, json!({ "file_key": ["This field was sent more than once."] }));
        for value in [FieldValue::Array(json!([1])), FieldValue::Scalar("7".to_owned()), FieldValue::Object(json!({}))]
        {
            let errors = errors(vec![field("file_key", value)]);
            assert_eq!(errors, json!({ "file_key": ["This value must be a string."] }));
        }
    }

    #[test]
    fn judges_a_file_by_its_content() {
        let kinds: [&[u8]; 9] = [
            b"\xFF\xD8\xFF\xE0",
            PNG,
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"GIF89a",
            b"\0\0\0\x20ftypavif",
            // By default, whether it can be decoded is the worker's business.
            b"\0\0\0\x18ftypheic",
            b"II*\0....",
            b"8BPS\0\x01....",
            b"<svg/>",
        ];
        for bytes in kinds {
            assert!(submission(owner(), vec![file(bytes)]).is_ok(), "{bytes:?}");
        }
        let reach = Reach { webhooks: WebhookReach::Public, undecodable: &[ImageKind::Heic] };
        for name in [FILE, MASK] {
            let heic = field(name, FieldValue::File(Bytes::from_static(b"\0\0\0\x18ftypheic")));
            let fields = if name == FILE { vec![heic] } else { vec![file(PNG), heic] };
            let refused = submission_within(owner(), fields, reach).expect_err("is refused");
            let message = "unsupported image format: HEIC, in this build of Cutline: convert it to JPEG, set the camera to \
                           Most Compatible, or build with --features heic";
            assert_eq!(serde_json::to_value(refused).expect("serializes"), json!({ name: [message] }));
        }
        assert!(submission_within(owner(), vec![file(PNG)], reach).is_ok(), "of another kind");
        let send = "Send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture.";
        let unknown = format!("The file is not a picture of a known kind. {send}");
        let jpeg_xl = "JPEG XL is not supported: convert it to JPEG or PNG.";
        let cases: [(&[u8], &str); 3] =
            [(b"", &format!("The file is empty. {send}")), (b"a text named .jpg", &unknown), (b"\xFF\x0A", jpeg_xl)];
        for (bytes, message) in cases {
            assert_eq!(errors(vec![file(bytes), text("mode", "background")]), json!({ "file": [message] }));
        }
        let not_bytes = [
            FieldValue::Text("aGk=".to_owned()),
            FieldValue::Scalar("1".to_owned()),
            FieldValue::Object(json!({})),
            FieldValue::Array(json!([1])),
        ];
        for value in not_bytes {
            let message = "Send the file's bytes as a part of multipart/form-data, or its address as file_url.";
            assert_eq!(errors(vec![field(FILE, value), text("mode", "background")]), json!({ "file": [message] }));
        }
    }

    #[test]
    fn requires_file_url_to_be_an_http_url() {
        let text_value = |text: &str| FieldValue::Text(text.to_owned());
        let cases = [
            (text_value("cup.jpg"), "This value must be an absolute http or https URL."),
            (text_value("ftp://example.com/"), "This value must be an http or https URL."),
            (text_value("http://a:b@example.com/"), "This value must not contain a user name or password."),
            (text_value(&format!("http://e/{}", "a".repeat(5000))), "This value must be at most 4096 bytes long."),
            (FieldValue::Array(json!([1])), "This value must be a string."),
            (FieldValue::Scalar("7".to_owned()), "This value must be a string."),
            (FieldValue::Object(json!({})), "This value must be a string."),
            (FieldValue::InvalidUtf8, "This value must be UTF-8 text of at most 64 KB."),
            (FieldValue::TooLong, "This value must be UTF-8 text of at most 64 KB."),
        ];
        for (value, message) in cases {
            let fields = vec![field("file_url", value), text("mode", "background")];
            assert_eq!(errors(fields), json!({ "file_url": [message] }));
        }
    }
}
