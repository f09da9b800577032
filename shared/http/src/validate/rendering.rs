//! The fields that say how the files are written. All are optional. A number or a switch is a JSON number
//! or boolean, or its text: a form has no other.
//!
//! A setting that the format has no use for (the quality of a PNG) changes nothing and is no fault, so that
//! a client may send the same settings with every format.

use cutline_core::domain::rendering::{OutOfRange, PathName, PathOptions};
use cutline_core::{Channels, Rendering};

use super::{Form, Sent};
use crate::fields::Value;

const CHANNELS: &str = "Available in this version: rgba, alpha.";

impl Form {
    /// All of them, or `None` where one has a fault.
    pub(super) fn rendering(&mut self) -> Option<Rendering> {
        let channels = self.channels();
        let quality = self.setting("quality", str::parse);
        let lossless = self.setting("lossless", switch);
        let dpi = self.setting("dpi", str::parse);
        let name = self.path_name();
        let flatness = self.setting("path_flatness", str::parse);
        let inset = self.setting("path_inset", str::parse);
        Some(Rendering {
            channels: channels?,
            quality: quality?,
            lossless: lossless?,
            dpi: dpi?,
            path: PathOptions {
                name: name?.unwrap_or_default(),
                flatness: flatness?.unwrap_or_default(),
                inset: inset?.unwrap_or_default(),
            },
        })
    }

    fn channels(&mut self) -> Option<Channels> {
        match self.text("channels") {
            Sent::Faulty => None,
            Sent::Nothing => Some(Channels::default()),
            Sent::Text(text) => match text.parse() {
                Ok(channels) => Some(channels),
                Err(_) => self.no_such_choice("channels", CHANNELS),
            },
        }
    }

    fn path_name(&mut self) -> Option<Option<PathName>> {
        let text = match self.text("path_name") {
            Sent::Faulty => return None,
            Sent::Nothing => return Some(None),
            Sent::Text(text) => text,
        };
        match text.try_into() {
            Ok(name) => Some(Some(name)),
            Err(OutOfRange(what)) => {
                self.faults.add("path_name", format!("This value must be {what}."));
                None
            }
        }
    }

    /// A setting that is no text: what was sent, `Some(None)` where nothing was, or `None` with the fault
    /// noted. Whatever is wrong with it, the caller is told what it must be.
    fn setting<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Result<T, OutOfRange>) -> Option<Option<T>> {
        let text = match self.take(name) {
            None => return Some(None),
            Some(Value::Text(text) | Value::Scalar(text)) => text,
            // No setting reads this.
            Some(_) => String::new(),
        };
        match read(&text) {
            Ok(value) => Some(Some(value)),
            Err(OutOfRange(what)) => {
                self.faults.add(name, format!("This value must be {what}."));
                None
            }
        }
    }
}

fn switch(text: &str) -> Result<bool, OutOfRange> {
    text.parse().map_err(|_| OutOfRange("true or false"))
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::job::JobSpec;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::tests::{faults, field, good, owner, text};
    use super::super::{Field, submission};
    use super::*;

    fn rendering(fields: Vec<Field>) -> Rendering {
        submission(owner(), [good(), fields].concat()).expect("valid").rendering
    }

    /// What is left of a rendering as JSON where it is not the default.
    fn stored(fields: Vec<Field>) -> Json {
        serde_json::to_value(rendering(fields)).expect("serialises")
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(rendering(Vec::new()), Rendering::default());
        let names = ["channels", "quality", "lossless", "dpi", "path_name", "path_flatness", "path_inset"];
        assert_eq!(rendering(names.map(|name| field(name, Value::Empty)).into()), Rendering::default());
    }

    #[test]
    fn a_setting_is_taken_as_a_text_and_as_what_it_is() {
        let named =
            [("quality", "80"), ("lossless", "true"), ("dpi", "72"), ("path_flatness", "0.5"), ("path_inset", "1.5")];
        let texts = named.map(|(name, value)| text(name, value));
        let scalars = named.map(|(name, value)| field(name, Value::Scalar(value.to_owned())));
        for settings in [texts, scalars] {
            let fields = [Vec::from(settings), vec![text("channels", "alpha"), text("path_name", "Pfad 1")]].concat();
            let expected = json!({
                "channels": "alpha", "quality": 80, "lossless": true, "dpi": 72,
                "path": {"name": "Pfad 1", "flatness": 0.5, "inset": 1.5},
            });
            assert_eq!(stored(fields), expected);
        }
        assert_eq!(stored(vec![field("quality", Value::Scalar("80.0".to_owned()))])["quality"], 80);
        assert_eq!(stored(vec![text("lossless", "false")])["lossless"], false);
    }

    #[test]
    fn every_fault_names_what_the_value_must_be() {
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
                for sent in [Value::Text((*value).to_owned()), Value::Scalar((*value).to_owned())] {
                    assert_eq!(faults([good(), vec![field(name, sent)]].concat()), json!({ name: [fault] }), "{value}");
                }
            }
            for sent in [Value::Object(json!({})), Value::Other, Value::NotText, Value::TooLong] {
                assert_eq!(faults([good(), vec![field(name, sent)]].concat()), json!({ name: [fault] }));
            }
        }
        let name = "This value must be 1 to 63 characters, none of which is a control character.";
        for value in ["a\nb".to_owned(), "x".repeat(64)] {
            assert_eq!(faults([good(), vec![text("path_name", &value)]].concat()), json!({ "path_name": [name] }));
        }
        let string =
            json!({ "path_name": ["This value must be a string."], "channels": ["This value must be a string."] });
        let scalars = ["path_name", "channels"].map(|name| field(name, Value::Scalar("7".to_owned())));
        assert_eq!(faults([good(), scalars.into()].concat()), string);
        let choice = json!({ "channels": ["The value you selected is not a valid choice.", CHANNELS] });
        assert_eq!(faults([good(), vec![text("channels", "cmyk")]].concat()), choice);
    }

    proptest! {
        /// A record that could be written and not read again would be pending for ever.
        #[test]
        fn what_is_valid_can_be_stored_and_read_again(
            quality in "[0-9.e]{0,4}",
            dpi in "[0-9.]{0,5}",
            flatness in prop_oneof![any::<f32>().prop_map(|value| value.to_string()), "[0-9.]{0,5}", "0\\.[2-9]{1,9}"],
            inset in prop_oneof![any::<f32>().prop_map(|value| value.to_string()), "[01]\\.[0-9]{1,9}", "-0"],
            name in ".{0,64}",
        ) {
            let sent =
                [("quality", quality), ("dpi", dpi), ("path_flatness", flatness), ("path_inset", inset), ("path_name", name)];
            let fields = sent.map(|(name, value)| field(name, Value::text(value)));
            if let Ok(valid) = submission(owner(), [good(), fields.into()].concat()) {
                let spec = JobSpec {
                    mode: valid.mode,
                    delivery: valid.delivery,
                    format: valid.format,
                    rendering: valid.rendering,
                    set: None,
                    source: cutline_core::domain::job::Source::Stored,
                };
                let stored = serde_json::to_string(&spec).expect("serialises");
                prop_assert_eq!(serde_json::from_str::<JobSpec>(&stored).expect("is read again"), spec);
            }
        }
    }
}
