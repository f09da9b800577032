//! The announcement of a direct upload: `content_type`, `size`, `sha256`.

use cutline_core::domain::digest::Digest;
use cutline_core::domain::limits::{MAX_SOURCE_BYTES, thousands};
use cutline_core::domain::upload::{UploadRequest, UploadType};

use super::form::{Checked, Form, whole};
use crate::field::{FieldValue, Fields};
use crate::field_errors::FieldErrors;

const CONTENT_TYPE: &str = "content_type";
const SIZE: &str = "size";
const SHA256: &str = "sha256";

/// Validates the fields of a request for an upload.
///
/// # Errors
/// Every error of every field.
pub(crate) fn upload_request(fields: impl Into<Fields>) -> Result<UploadRequest, FieldErrors> {
    let mut form = Form::new(fields.into());
    let content_type = form.content_type();
    let size = form.size();
    let sha256 = form.sha256();
    form.finish(|| Ok(UploadRequest { content_type: content_type?, size: size?, sha256: sha256? }))
}

impl Form {
    fn content_type(&mut self) -> Checked<UploadType> {
        match self.text(CONTENT_TYPE)?.map(|text| text.parse::<UploadType>()) {
            Some(Ok(content_type)) => Ok(content_type),
            Some(Err(error)) => Err(self.reject(CONTENT_TYPE, format!("This value {error}."))),
            None => {
                Err(self.reject(CONTENT_TYPE, "This field is required: the file's media type, such as image/jpeg."))
            }
        }
    }

    fn size(&mut self) -> Checked<u64> {
        let size = match self.take(SIZE) {
            None => return Err(self.reject(SIZE, "This field is required: the file's size in bytes.")),
            Some(FieldValue::Text(text) | FieldValue::Scalar(text)) => whole::<u64>(&text),
            Some(_) => None,
        };
        size.filter(|size| (1..=MAX_SOURCE_BYTES).contains(size)).ok_or_else(|| {
            let max = thousands(MAX_SOURCE_BYTES);
            self.reject(SIZE, format!("This value must be the file's size in bytes, a whole number from 1 to {max}."))
        })
    }

    fn sha256(&mut self) -> Checked<Option<Digest>> {
        let Some(text) = self.text(SHA256)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| self.reject(SHA256, "This value must be the file's SHA-256 as 64 hexadecimal digits."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::test_support::field;
    use super::*;

    const DIGEST: &str = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(body: &Value) -> Result<UploadRequest, Value> {
        let members = body.as_object().expect("an object").clone();
        let fields: Vec<_> = members.into_iter().map(|(name, value)| field(&name, value.into())).collect();
        upload_request(fields).map_err(|errors| serde_json::to_value(errors).expect("serializes"))
    }

    #[test]
    fn reads_an_announcement() {
        let plain = read(&json!({"content_type": "image/jpeg", "size": 50_000_000, "more": [1]})).expect("valid");
        assert_eq!((plain.content_type.as_str(), plain.size, plain.sha256), ("image/jpeg", 50_000_000, None));
        let digest = read(&json!({"content_type": "image/png", "size": 3, "sha256": DIGEST})).expect("valid");
        assert_eq!(digest.sha256, Some(Digest::of(b"abc")));
    }

    #[test]
    fn names_every_invalid_field_and_its_remedy() {
        let content_type = "This field is required: the file's media type, such as image/jpeg.";
        let size = "This field is required: the file's size in bytes.";
        let missing = json!({"content_type": [content_type], "size": [size]});
        assert_eq!(read(&json!({})), Err(missing.clone()));
        assert_eq!(read(&json!({"content_type": "", "size": null, "sha256": ""})), Err(missing));

        let size = "This value must be the file's size in bytes, a whole number from 1 to 50,000,000.";
        let sizes = [
            json!(0),
            json!(-1),
            json!(50_000_001),
            json!(1e18),
            json!(1_000_000_000_000_000_000_u64),
            json!(1.5),
            json!("many"),
            json!(true),
            json!([1]),
            json!({"bytes": 1}),
        ];
        for value in sizes {
            let errors = read(&json!({"content_type": "image/png", "size": value}));
            assert_eq!(errors, Err(json!({ "size": [size] })), "{value}");
        }
        let content_type = "This value must be the file's media type without parameters, such as image/jpeg or \
                            application/octet-stream.";
        for value in ["jpeg", "text/html", "image/jpeg; charset=utf-8", "image/\u{e9}", "image/a\r\nX: y", "../x"] {
            let errors = read(&json!({"content_type": value, "size": 1}));
            assert_eq!(errors, Err(json!({ "content_type": [content_type] })), "{value:?}");
        }
        let errors = read(&json!({"content_type": ["image/png"], "size": 1}));
        assert_eq!(errors, Err(json!({ "content_type": ["This value must be a string."] })));
        let sha256 = "This value must be the file's SHA-256 as 64 hexadecimal digits.";
        for value in
            [&DIGEST[1..], &format!("{DIGEST}0"), &"g".repeat(64), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="]
        {
            let errors = read(&json!({"content_type": "image/png", "size": 1, "sha256": value}));
            assert_eq!(errors, Err(json!({ "sha256": [sha256] })), "{value}");
        }
        let errors = read(&json!({"content_type": "image/png", "size": 1, "sha256": 5}));
        assert_eq!(errors, Err(json!({ "sha256": ["This value must be a string."] })));
    }
}
