//! From the fields of a request to a [`Submission`], or to every fault that they have. Knows nothing of
//! HTTP, and of JSON and multipart only what [`Value`] tells.
//!
//! The rules where the contract is silent: an empty value is as good as none; a field that is not known is
//! ignored, since clients written for other versions may send it; a field that comes twice is a fault,
//! since either could have been meant.

mod rendering;

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::params::{InvalidParams, MAX_BYTES, ParamSet, SetName};
use cutline_core::usecases::{Submission, SubmittedSet, SubmittedSource};
use cutline_core::{DeliveryMode, Mode, OutputFormat, OwnerId, SourceUrl};

use crate::error::{FieldErrors, PARAMS};
use crate::fields::{FILE, Field, MAX_TEXT_BYTES, Value};
use crate::size;

/// The fault of a field that comes more than once.
pub(crate) const SENT_TWICE: &str = "This field was sent more than once.";

const SET_NAME: &str =
    "This value must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, the first a letter or a digit.";
const NO_SUCH_CHOICE: &str = "The value you selected is not a valid choice.";
const MODES: &str = "Available in this version: background, clipping, params.";
const DELIVERY_MODES: &str = "Available in this version: url, final_url.";
const FORMATS: &str = "Available in this version: png, jpg, jpeg, psd, tiff, webp.";

/// The kinds of picture that are read, in words.
pub(crate) const KINDS: &str = "a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture";

/// Judges the fields, all of them.
///
/// # Errors
/// Every fault of every field.
pub(crate) fn submission(owner: OwnerId, fields: Vec<Field>) -> Result<Submission, FieldErrors> {
    let mut form = Form { fields, faults: FieldErrors::default() };
    let source = form.source();
    let mode = form.mode();
    let delivery = form.delivery_mode();
    let format = form.output_format();
    let rendering = form.rendering();
    match (source, mode, delivery, format, rendering) {
        (Some(source), Some((mode, set)), Some(delivery), Some(format), Some(rendering)) if form.faults.is_empty() => {
            Ok(Submission { owner, mode, delivery, format, rendering, set, source })
        }
        _ => Err(form.faults),
    }
}

/// Judges a parameter set that is to be stored, and its name.
///
/// # Errors
/// Every fault of both.
pub(crate) fn set(name: &str, document: serde_json::Value) -> Result<(SetName, ParamSet), FieldErrors> {
    let mut faults = FieldErrors::default();
    let name = name.parse::<SetName>();
    if name.is_err() {
        faults.add("name", SET_NAME);
    }
    match (ParamSet::read(document), name) {
        (Ok(set), Ok(name)) => return Ok((name, set)),
        (Ok(_), Err(_)) => {}
        (Err(fault), _) => faults.add_params(fault),
    }
    Err(faults)
}

/// The fields that are still to be judged, and the faults so far.
struct Form {
    fields: Vec<Field>,
    faults: FieldErrors,
}

/// What was sent in a field that holds a text.
enum Sent {
    Nothing,
    Text(String),
    /// No text; the fault is noted.
    Faulty,
}

/// What was sent as a parameter set.
enum Params {
    Nothing,
    /// A set's name.
    Name(String),
    /// A set as the text of its document.
    Text(String),
    /// A set as an object of the body.
    Object(serde_json::Value),
    /// Neither a text nor an object; the fault is noted.
    Faulty,
}

impl Form {
    fn source(&mut self) -> Option<SubmittedSource> {
        let file = self.take(FILE);
        let url = self.take("file_url");
        match (&file, &url) {
            (None, None) => self.faults.add(FILE, "You must provide either file_url or file"),
            (Some(_), Some(_)) => self.faults.add(FILE, "You must provide either file_url or file, not both"),
            (Some(_), None) | (None, Some(_)) => {}
        }
        let file = file.and_then(|value| self.file(value));
        let url = url.and_then(|value| self.file_url(value));
        file.or(url)
    }

    fn file(&mut self, value: Value) -> Option<SubmittedSource> {
        let fault = match value {
            Value::File(bytes) => match ImageKind::sniff(&bytes) {
                Some(_) => return Some(SubmittedSource::Bytes(bytes)),
                None if bytes.is_empty() => format!("The file is empty. Send {KINDS}."),
                None => format!("The file is not a picture of a known kind. Send {KINDS}."),
            },
            _ => "Send the file's bytes as a part of multipart/form-data, or its address as file_url.".to_owned(),
        };
        self.faults.add(FILE, fault);
        None
    }

    fn file_url(&mut self, value: Value) -> Option<SubmittedSource> {
        let Sent::Text(text) = self.read_text("file_url", value) else { return None };
        match text.parse::<SourceUrl>() {
            Ok(url) => Some(SubmittedSource::Url(url)),
            Err(fault) => {
                self.faults.add("file_url", format!("This value {fault}."));
                None
            }
        }
    }

    /// The mode and, since one hangs on the other, the parameter set.
    fn mode(&mut self) -> Option<(Mode, Option<SubmittedSet>)> {
        let params = self.params();
        let mode = match self.text("mode") {
            Sent::Faulty => return None,
            Sent::Nothing => Mode::default(),
            Sent::Text(text) => match text.parse() {
                Ok(mode) => mode,
                Err(_) => return self.no_such_choice("mode", MODES),
            },
        };
        match (mode, params) {
            (Mode::Background | Mode::Clipping, _) => Some((mode, None)),
            (Mode::Params, Params::Nothing) => {
                self.faults.add(PARAMS, "You must provide params with mode=params");
                None
            }
            (Mode::Params, Params::Faulty) => None,
            (Mode::Params, Params::Name(name)) => Some((mode, Some(SubmittedSet::Named(name)))),
            (Mode::Params, Params::Text(text)) => Some((mode, Some(self.inline(ParamSet::parse(&text))?))),
            (Mode::Params, Params::Object(object)) => Some((mode, Some(self.inline(read(object))?))),
        }
    }

    /// What `params` holds. Its type is judged in every mode; what it says, in mode params alone.
    fn params(&mut self) -> Params {
        let fault = match self.take(PARAMS) {
            None => return Params::Nothing,
            Some(Value::Text(text)) if text.trim_start().starts_with('{') => return Params::Text(text),
            Some(Value::Text(name)) => return Params::Name(name),
            Some(Value::Object(object)) => return Params::Object(object),
            Some(Value::NotText | Value::TooLong) => too_long_or_not_text(),
            Some(Value::File(_) | Value::Scalar(_) | Value::Other | Value::Empty) => {
                "This value must be a string or an object.".to_owned()
            }
        };
        self.faults.add(PARAMS, fault);
        Params::Faulty
    }

    /// A parameter set that came with the request.
    fn inline(&mut self, set: Result<ParamSet, InvalidParams>) -> Option<SubmittedSet> {
        match set {
            Ok(set) => Some(SubmittedSet::Inline(Box::new(set))),
            Err(faults) => {
                self.faults.add_params(faults);
                None
            }
        }
    }

    fn delivery_mode(&mut self) -> Option<DeliveryMode> {
        match self.text("delivery_mode") {
            Sent::Faulty => None,
            Sent::Nothing => Some(DeliveryMode::default()),
            Sent::Text(text) => match text.parse() {
                Ok(delivery) => Some(delivery),
                Err(_) => self.no_such_choice("delivery_mode", DELIVERY_MODES),
            },
        }
    }

    /// The format that is asked for, `Some(None)` where none is.
    fn output_format(&mut self) -> Option<Option<OutputFormat>> {
        match self.text("output_format") {
            Sent::Faulty => None,
            Sent::Nothing => Some(None),
            Sent::Text(text) => match text.parse() {
                Ok(format) => Some(Some(format)),
                Err(_) => self.no_such_choice("output_format", FORMATS),
            },
        }
    }

    fn no_such_choice<T>(&mut self, field: &'static str, choices: &str) -> Option<T> {
        self.faults.add(field, NO_SUCH_CHOICE);
        self.faults.add(field, choices);
        None
    }

    /// Takes a field out, the first one of its name. A second one is noted as a fault.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        let mut of_that_name = self.fields.extract_if(.., |field| field.name == name);
        let first = of_that_name.next();
        if of_that_name.next().is_some() {
            drop(of_that_name);
            self.faults.add(name, SENT_TWICE);
        }
        first.map(|field| field.value).filter(|value| *value != Value::Empty)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Sent {
        match self.take(name) {
            None => Sent::Nothing,
            Some(value) => self.read_text(name, value),
        }
    }

    fn read_text(&mut self, name: &'static str, value: Value) -> Sent {
        let fault = match value {
            Value::Text(text) => return Sent::Text(text),
            Value::NotText | Value::TooLong => too_long_or_not_text(),
            Value::Empty | Value::File(_) | Value::Scalar(_) | Value::Object(_) | Value::Other => {
                "This value must be a string.".to_owned()
            }
        };
        self.faults.add(name, fault);
        Sent::Faulty
    }
}

/// Reads the document that an object is, under the limit of one that comes as a text.
fn read(object: serde_json::Value) -> Result<ParamSet, InvalidParams> {
    // The body was read and its limit is a few times this one, so it may as well be written once more.
    let text = object.to_string();
    if text.len() > MAX_BYTES { ParamSet::parse(&text) } else { ParamSet::read(object) }
}

fn too_long_or_not_text() -> String {
    format!("This value must be text in UTF-8, at most {} of it.", size::in_words(MAX_TEXT_BYTES))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cutline_core::Rendering;
    use serde_json::{Value as Json, json};

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1A\nrest";

    pub(super) fn owner() -> OwnerId {
        "shop".parse().expect("an owner")
    }

    pub(super) fn text(name: &str, text: &str) -> Field {
        Field { name: name.to_owned(), value: Value::Text(text.to_owned()) }
    }

    pub(super) fn field(name: &str, value: Value) -> Field {
        Field { name: name.to_owned(), value }
    }

    fn object(value: Json) -> Value {
        Value::Object(value)
    }

    fn file(bytes: &'static [u8]) -> Field {
        field(FILE, Value::File(Bytes::from_static(bytes)))
    }

    /// A request without a fault.
    pub(super) fn good() -> Vec<Field> {
        vec![text("file_url", "https://example.com/cup.jpg"), text("mode", "background")]
    }

    pub(super) fn faults(fields: Vec<Field>) -> Json {
        let faults = submission(owner(), fields).expect_err("faults");
        serde_json::to_value(faults).expect("serialises")
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let url = text("file_url", "https://example.com/cup.jpg");
        let submission = submission(owner(), vec![url]).expect("valid");
        assert_eq!(submission.owner, owner());
        assert_eq!((submission.mode, submission.delivery), (Mode::Clipping, DeliveryMode::Url));
        assert_eq!((submission.format, submission.rendering, submission.set), (None, Rendering::default(), None));
        let SubmittedSource::Url(url) = submission.source else { panic!("a URL") };
        assert_eq!(url.to_string(), "https://example.com/cup.jpg");
    }

    #[test]
    fn every_value_that_is_available_is_taken() {
        let formats = [
            ("png", OutputFormat::Png),
            ("jpg", OutputFormat::Jpeg),
            ("jpeg", OutputFormat::Jpeg),
            ("psd", OutputFormat::Psd),
            ("tiff", OutputFormat::Tiff),
            ("webp", OutputFormat::Webp),
        ];
        for (value, format) in formats {
            let mut fields = good();
            fields.extend([text("output_format", value), text("delivery_mode", "final_url")]);
            let submission = submission(owner(), fields).expect(value);
            assert_eq!((submission.format, submission.delivery), (Some(format), DeliveryMode::FinalUrl));
        }
        for (value, mode) in [("background", Mode::Background), ("clipping", Mode::Clipping)] {
            let url = text("file_url", "https://example.com/cup.jpg");
            assert_eq!(submission(owner(), vec![url, text("mode", value)]).expect(value).mode, mode);
        }
        let of_file = submission(owner(), vec![file(PNG), text("mode", "background")]).expect("valid");
        assert!(matches!(of_file.source, SubmittedSource::Bytes(bytes) if bytes == PNG));
    }

    #[test]
    fn empty_and_unknown_fields_change_nothing() {
        let mut fields = good();
        fields.extend(["file", "delivery_mode", "output_format"].map(|name| field(name, Value::Empty)));
        fields.extend([text("color", "red"), text("color", "blue"), text("params", "amazon-main")]);
        assert!(submission(owner(), fields).is_ok());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let fields = vec![
            text("mode", "cutout"),
            text("delivery_mode", "post"),
            text("output_format", "bmp"),
            field("params", Value::Other),
            text("quality", "best"),
        ];
        let choice = "The value you selected is not a valid choice.";
        let expected = json!({
            "file": ["You must provide either file_url or file"],
            "mode": [choice, "Available in this version: background, clipping, params."],
            "delivery_mode": [choice, "Available in this version: url, final_url."],
            "output_format": [choice, "Available in this version: png, jpg, jpeg, psd, tiff, webp."],
            "params": ["This value must be a string or an object."],
            "quality": ["This value must be a whole number from 1 to 100."],
        });
        assert_eq!(faults(fields), expected);
    }

    /// A request of mode params with this.
    fn with_params(value: Value) -> Vec<Field> {
        vec![text("file_url", "https://example.com/cup.jpg"), text("mode", "params"), field("params", value)]
    }

    fn set_of(fields: Vec<Field>) -> Option<SubmittedSet> {
        let submission = submission(owner(), fields).expect("valid");
        submission.set
    }

    #[test]
    fn a_parameter_set_is_named_or_sent_as_an_object_or_as_its_text() {
        for name in ["amazon-main", "Test-Api", "no name at all", "[1]", "\"x\""] {
            let named = set_of(with_params(Value::Text(name.to_owned())));
            assert_eq!(named, Some(SubmittedSet::Named(name.to_owned())));
        }
        let document = json!({ "canvas": {"width": 300, "height": 200}, "margin": "10%", "preserve_shadow": true });
        let inline = Some(SubmittedSet::Inline(Box::new(ParamSet::read(document.clone()).expect("valid"))));
        assert_eq!(set_of(with_params(object(document.clone()))), inline);
        assert_eq!(set_of(with_params(Value::Text(document.to_string()))), inline);
        assert_eq!(set_of(with_params(Value::Text(format!("\r\n {document:#} \n")))), inline);
        assert_eq!(set_of(with_params(object(json!({})))), Some(SubmittedSet::Inline(Box::new(ParamSet::empty()))));
    }

    #[test]
    fn other_modes_judge_no_more_of_params_than_its_type() {
        let faulty = object(json!({ "margin": 7 }));
        for mode in ["background", "clipping"] {
            for value in [Value::Text("{".to_owned()), Value::Text("no such set".to_owned()), faulty.clone()] {
                let url = text("file_url", "https://example.com/cup.jpg");
                assert_eq!(set_of(vec![url, text("mode", mode), field("params", value)]), None);
            }
        }
        let must = json!({ "params": ["This value must be a string or an object."] });
        for value in [Value::Scalar("7".to_owned()), Value::Other, Value::File(Bytes::new())] {
            assert_eq!(faults([good(), vec![field("params", value.clone())]].concat()), must);
            assert_eq!(faults(with_params(value)), must);
        }
    }

    #[test]
    fn mode_params_asks_for_a_set() {
        let missing = json!({ "params": ["You must provide params with mode=params"] });
        let url = || text("file_url", "https://example.com/cup.jpg");
        assert_eq!(faults(vec![url(), text("mode", "params")]), missing);
        assert_eq!(faults(vec![url(), text("mode", "params"), field("params", Value::Empty)]), missing);
    }

    #[test]
    fn the_faults_of_a_set_are_told_by_their_paths_beside_all_others() {
        let set = json!({ "shadow_top": {"blur": "thick"}, "variations": ["compose", "cut"], "color": "red" });
        let length = set.to_string().len();
        for value in [object(set.clone()), Value::Text(set.to_string())] {
            let found = faults([with_params(value), vec![text("quality", "0")]].concat());
            let fields: Vec<_> = found.as_object().expect("faults").keys().map(String::as_str).collect();
            assert_eq!(fields, ["params.color", "params.shadow_top.blur", "params.variations[1]", "quality"]);
        }
        let not_json = faults(with_params(Value::Text(set.to_string()[..length - 1].to_owned())));
        let expected = format!("This is not valid JSON: see line 1, column {}.", length - 1);
        assert_eq!(not_json, json!({ "params": [expected] }));

        let long = object(json!({ "background": "x".repeat(64_000) }));
        assert_eq!(faults(with_params(long)), json!({ "params": ["A parameter set may have at most 64 KB."] }));
    }

    #[test]
    fn a_set_that_is_stored_is_judged_with_its_name() {
        let (name, read) = super::set("Test-Api", json!({ "margin": "7%" })).expect("valid");
        assert_eq!((name.as_str(), read.margin.is_some()), ("Test-Api", true));
        let faults = |name: &str, document| serde_json::to_value(super::set(name, document).expect_err("faults")).ok();
        for name in ["", "-a", "a.b", "caf\u{e9}", &"x".repeat(65)] {
            assert_eq!(faults(name, json!({})), Some(json!({ "name": [SET_NAME] })), "{name}");
        }
        let both = faults("a b", json!([])).expect("serialises");
        assert_eq!(both.as_object().expect("faults").keys().collect::<Vec<_>>(), ["name", "params"]);
    }

    #[test]
    fn one_source_and_only_one() {
        let both = vec![file(PNG), text("file_url", "https://example.com/"), text("mode", "background")];
        assert_eq!(faults(both), json!({ "file": ["You must provide either file_url or file, not both"] }));
        let neither = vec![text("mode", "background")];
        assert_eq!(faults(neither), json!({ "file": ["You must provide either file_url or file"] }));
        let empty = vec![field(FILE, Value::Empty), field("file_url", Value::Empty), text("mode", "background")];
        assert_eq!(faults(empty), json!({ "file": ["You must provide either file_url or file"] }));
    }

    #[test]
    fn a_file_is_judged_by_its_content() {
        let kinds: [&[u8]; 8] = [
            b"\xFF\xD8\xFF\xE0",
            PNG,
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"GIF89a",
            b"\0\0\0\x20ftypavif",
            b"II*\0....",
            b"8BPS\0\x01....",
            b"<svg/>",
        ];
        for bytes in kinds {
            assert!(submission(owner(), vec![file(bytes)]).is_ok(), "{bytes:?}");
        }
        let send = "Send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture.";
        let unknown = format!("The file is not a picture of a known kind. {send}");
        let cases: [(&[u8], &str); 3] = [
            (b"", &format!("The file is empty. {send}")),
            (b"a text named .jpg", &unknown),
            (b"\0\0\0\x18ftypheic", &unknown),
        ];
        for (bytes, fault) in cases {
            assert_eq!(faults(vec![file(bytes), text("mode", "background")]), json!({ "file": [fault] }));
        }
        for value in [Value::Text("aGk=".to_owned()), Value::Scalar("1".to_owned()), object(json!({})), Value::Other] {
            let fault = "Send the file's bytes as a part of multipart/form-data, or its address as file_url.";
            assert_eq!(faults(vec![field(FILE, value), text("mode", "background")]), json!({ "file": [fault] }));
        }
    }

    #[test]
    fn a_url_is_http_and_a_string() {
        let cases = [
            (Value::Text("cup.jpg".to_owned()), "This value must be an absolute http or https URL."),
            (Value::Text("ftp://example.com/".to_owned()), "This value must be an http or https URL."),
            (Value::Text("http://a:b@example.com/".to_owned()), "This value must not contain a user name or password."),
            (Value::Text(format!("http://e/{}", "a".repeat(5000))), "This value must be at most 4096 bytes long."),
            (Value::Other, "This value must be a string."),
            (Value::Scalar("7".to_owned()), "This value must be a string."),
            (object(json!({})), "This value must be a string."),
            (Value::NotText, "This value must be text in UTF-8, at most 64 KB of it."),
            (Value::TooLong, "This value must be text in UTF-8, at most 64 KB of it."),
        ];
        for (value, fault) in cases {
            assert_eq!(
                faults(vec![field("file_url", value), text("mode", "background")]),
                json!({ "file_url": [fault] })
            );
        }
    }

    #[test]
    fn a_field_that_comes_twice_is_a_fault_whatever_it_says() {
        for twice in [text("mode", "background"), field("mode", Value::Empty)] {
            let mut fields = good();
            fields.push(twice);
            assert_eq!(faults(fields), json!({ "mode": ["This field was sent more than once."] }));
        }
    }
}
