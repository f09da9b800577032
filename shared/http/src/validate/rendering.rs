//! The settings of the written files. All are optional. A number or boolean is a JSON scalar or text, since a
//! form has only texts.
//!
//! A setting that the format does not use (the quality of a PNG) is not an error, so that a client can send the
//! same settings with every format.

use cutline_core::domain::rendering::{ExistingClippingPath, Inset, KeepMetadata, OutOfRange, PathName, PathOptions};
use cutline_core::{Channels, Rendering};

use super::form::{Checked, Form};

impl Form {
    pub(super) fn rendering(&mut self) -> Checked<Rendering> {
        // Every field is checked before the first error returns.
        let channels = self.choice("channels", Channels::ALL.map(Channels::as_str));
        let quality = self.setting("quality", str::parse);
        let lossless = self.setting("lossless", parse_bool);
        let dpi = self.setting("dpi", str::parse);
        let name = self.path_name();
        let flatness = self.setting("path_flatness", str::parse);
        let inset = self.path_inset();
        let existing =
            self.choice("existing_clipping_path", ExistingClippingPath::ALL.map(ExistingClippingPath::as_str));
        let crop = self.crop();
        let keep_metadata = self.choice("keep_metadata", KeepMetadata::ALL.map(KeepMetadata::as_str));
        let depth = self.depth();
        let color = self.color();
        Ok(Rendering {
            channels: channels?.unwrap_or_default(),
            quality: quality?,
            lossless: lossless?,
            dpi: dpi?,
            path: PathOptions {
                name: name?.unwrap_or_default(),
                flatness: flatness?.unwrap_or_default(),
                inset: inset?.unwrap_or_default(),
                existing: existing?.unwrap_or_default(),
            },
            crop: crop?,
            keep_metadata: keep_metadata?,
            depth: depth?,
            color: color?,
        })
    }

    pub(super) fn path_inset(&mut self) -> Checked<Option<Inset>> {
        self.setting("path_inset", str::parse)
    }

    fn path_name(&mut self) -> Checked<Option<PathName>> {
        const FIELD: &str = "path_name";
        let Some(text) = self.text(FIELD)? else { return Ok(None) };
        PathName::try_from(text).map(Some).map_err(|error| self.reject_out_of_range(FIELD, error))
    }
}

pub(super) fn parse_bool(text: &str) -> Result<bool, OutOfRange> {
    text.parse().map_err(|_| OutOfRange("true or false"))
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::job::JobSpec;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::*;
    use crate::field::{Field, FieldValue};

    fn rendering(fields: Vec<Field>) -> Rendering {
        submission(owner(), [valid_fields(), fields].concat()).expect("valid").rendering
    }

    /// A rendering as stored, without members that have the default.
    fn stored(fields: Vec<Field>) -> Json {
        serde_json::to_value(rendering(fields)).expect("serializes")
    }

    #[test]
    fn missing_settings_are_the_defaults() {
        assert_eq!(rendering(Vec::new()), Rendering::default());
        let names = [
            "channels",
            "quality",
            "lossless",
            "dpi",
            "path_name",
            "path_flatness",
            "path_inset",
            "crop",
            "crop_margin",
            "keep_metadata",
            "depth",
            "color",
        ];
        assert_eq!(rendering(names.map(|name| field(name, FieldValue::Empty)).into()), Rendering::default());
    }

    #[test]
    fn accepts_settings_as_text_and_as_scalars() {
        let named =
            [("quality", "80"), ("lossless", "true"), ("dpi", "72"), ("path_flatness", "0.5"), ("path_inset", "1.5")];
        let texts = named.map(|(name, value)| text(name, value));
        let scalars = named.map(|(name, value)| field(name, FieldValue::Scalar(value.to_owned())));
        for settings in [texts, scalars] {
            let fields = [Vec::from(settings), vec![text("channels", "alpha"), text("path_name", "Pfad 1")]].concat();
            let expected = json!({
                "channels": "alpha", "quality": 80, "lossless": true, "dpi": 72,
                "path": {"name": "Pfad 1", "flatness": 0.5, "inset": 1.5},
            });
            assert_eq!(stored(fields), expected);
        }
        assert_eq!(stored(vec![field("quality", FieldValue::Scalar("80.0".to_owned()))])["quality"], 80);
        assert_eq!(stored(vec![text("lossless", "false")])["lossless"], false);
    }

    #[test]
    fn keeps_the_metadata_that_is_asked_for() {
        for value in KeepMetadata::ALL {
            assert_eq!(rendering(vec![text("keep_metadata", value.as_str())]).keep_metadata, Some(value));
        }
        let choice = json!({ "keep_metadata": [
            "The value you selected is not a valid choice.", "Available in this version: credit, all, none.",
        ] });
        assert_eq!(errors([valid_fields(), vec![text("keep_metadata", "exif")]].concat()), choice);
    }

    #[test]
    fn every_error_says_what_the_value_must_be() {
        let quality = "This value must be a whole number from 1 to 100.";
        let dpi = "This value must be a whole number from 1 to 9999.";
        let flatness = "This value must be a number from 0.2 to 100.";
        let inset = "This value must be a number from 0 to 2.";
        let lossless = "This value must be true or false.";
        let cases: [(&str, &[&str], &str); 5] = [
            ("quality", &["0", "101", "356", "-1", "80.5", "best", "true", "1e999", "NaN", " 80"], quality),
            ("dpi", &["0", "10000", "65537", "-72", "72.5", "high"], dpi),
            ("path_flatness", &["0.1", "100.1", "0", "-1", "inf", "nan", "smooth"], flatness),
            ("path_inset", &["-0.1", "2.1", "inf", "nan", "far"], inset),
            ("lossless", &["1", "0", "yes", "True", "on"], lossless),
        ];
        for (name, values, fault) in cases {
            for value in values {
                for sent in [FieldValue::Text((*value).to_owned()), FieldValue::Scalar((*value).to_owned())] {
                    assert_eq!(
                        errors([valid_fields(), vec![field(name, sent)]].concat()),
                        json!({ name: [fault] }),
                        "{value}"
                    );
                }
            }
            for sent in [
                FieldValue::Object(json!({})),
                FieldValue::Array(json!([1])),
                FieldValue::InvalidUtf8,
                FieldValue::TooLong,
            ] {
                assert_eq!(errors([valid_fields(), vec![field(name, sent)]].concat()), json!({ name: [fault] }));
            }
        }
        let name = "This value must be 1 to 63 characters, none of which is a control character.";
        for value in ["a\nb".to_owned(), "x".repeat(64)] {
            assert_eq!(
                errors([valid_fields(), vec![text("path_name", &value)]].concat()),
                json!({ "path_name": [name] })
            );
        }
        let string =
            json!({ "path_name": ["This value must be a string."], "channels": ["This value must be a string."] });
        let scalars = ["path_name", "channels"].map(|name| field(name, FieldValue::Scalar("7".to_owned())));
        assert_eq!(errors([valid_fields(), scalars.into()].concat()), string);
        let choice = json!({ "channels": ["The value you selected is not a valid choice.", "Available in this version: rgba, alpha."] });
        assert_eq!(errors([valid_fields(), vec![text("channels", "cmyk")]].concat()), choice);
    }

    proptest! {
        /// A record that can be written but not read back would stay pending forever.
        #[test]
        fn stores_and_reads_back_every_valid_setting(
            quality in "[0-9.e]{0,4}",
            dpi in "[0-9.]{0,5}",
            flatness in prop_oneof![any::<f32>().prop_map(|value| value.to_string()), "[0-9.]{0,5}", "0\\.[2-9]{1,9}"],
            inset in prop_oneof![any::<f32>().prop_map(|value| value.to_string()), "[01]\\.[0-9]{1,9}", "-0"],
            name in ".{0,64}",
            margin in "([0-9.]{1,5}(px|%)? ?){0,5}",
        ) {
            let sent = [
                ("quality", quality), ("dpi", dpi), ("path_flatness", flatness), ("path_inset", inset), ("path_name", name),
                ("crop", "subject".to_owned()), ("crop_margin", margin),
            ];
            let fields = sent.map(|(name, value)| field(name, FieldValue::text(value)));
            if let Ok(valid) = submission(owner(), [valid_fields(), fields.into()].concat()) {
                let spec = JobSpec {
                    mode: valid.mode,
                    delivery: valid.delivery,
                    format: valid.format,
                    rendering: valid.rendering,
                    set: None,
                    source: cutline_core::domain::job::Source::Stored,
                    subject: Default::default(),
                    mask: None,
                    external_id: None,
                    metadata: None,
                output_name: None,
                review: Default::default(),
                previews: false,
                source_name: None,
                warnings: Default::default(),
                };
                let stored = serde_json::to_string(&spec).expect("serializes");
                prop_assert_eq!(serde_json::from_str::<JobSpec>(&stored).expect("reads back"), spec);
            }
        }
    }
}
