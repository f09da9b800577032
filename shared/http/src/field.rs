//! One field of a request, before validation, and the limits on its size.

use bytes::Bytes;
use cutline_core::domain::limits::MAX_PARAMS_BYTES;

use crate::field_errors::FieldErrors;

/// The largest JSON body, and the most that a multipart body may hold in addition to its files, in bytes.
pub(crate) const MAX_FIELDS_BYTES: usize = 256_000;

/// The largest text field of a multipart body, in bytes: the size limit of an inline parameter set.
pub(crate) const MAX_TEXT_BYTES: usize = MAX_PARAMS_BYTES;

/// The field that holds a file.
pub(crate) const FILE: &str = "file";

/// The field that holds the key of a direct upload.
pub(crate) const FILE_KEY: &str = "file_key";

/// The field that holds a mask.
pub(crate) const MASK: &str = "mask";

/// The field that holds the key of a mask that was uploaded directly.
pub(crate) const MASK_KEY: &str = "mask_key";

/// The fields that are bytes in a form.
pub(crate) const FILES: [&str; 2] = [FILE, MASK];

/// The fields of a request, and the errors that were found while they were read.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) list: Vec<Field>,
    /// The name of the uploaded file, as its part tells it.
    pub(crate) file_name: Option<String>,
    pub(crate) errors: FieldErrors,
}

impl From<Vec<Field>> for Fields {
    fn from(list: Vec<Field>) -> Self {
        Self { list, ..Self::default() }
    }
}

/// A named value, as the caller sent it.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: FieldValue,
}

/// The value of a field, the same for JSON and multipart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldValue {
    /// JSON null, an empty text, or a form's unused file input.
    Empty,
    /// A text that is not empty.
    Text(String),
    /// The bytes of a part named in [`FILES`].
    File(Bytes),
    /// A JSON number or boolean, as written. Text fields reject it. Numeric and boolean fields accept it; in a
    /// form they arrive as text.
    Scalar(String),
    /// A JSON object.
    Object(serde_json::Value),
    /// A JSON array.
    Array(serde_json::Value),
    /// A part that is not UTF-8.
    InvalidUtf8,
    /// A part that is longer than [`MAX_TEXT_BYTES`].
    TooLong,
}

impl FieldValue {
    /// A text, or [`FieldValue::Empty`].
    pub(crate) fn text(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl From<serde_json::Value> for FieldValue {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Empty,
            serde_json::Value::String(text) => Self::text(text),
            object @ serde_json::Value::Object(_) => Self::Object(object),
            serde_json::Value::Bool(value) => Self::Scalar(value.to_string()),
            serde_json::Value::Number(value) => Self::Scalar(value.to_string()),
            list @ serde_json::Value::Array(_) => Self::Array(list),
        }
    }
}
