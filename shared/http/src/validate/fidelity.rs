//! How faithful the files are to the photo: `depth` and `color`.

use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::inks::InksNotHeld;

use super::form::{Checked, Form};
use crate::field::FieldValue;

const DEPTH: &str = "depth";
pub(crate) const COLOR: &str = "color";

/// The message about a CMYK photo whose inks a picture of the request does not hold.
pub(crate) fn inks_not_held(refusal: InksNotHeld) -> String {
    let remedy = refusal.remedy().replacen("send", "Send", 1);
    format!("The photo is CMYK, and {refusal}. {remedy}.")
}

impl Form {
    /// The depth: a name, or in JSON also a number.
    pub(super) fn depth(&mut self) -> Checked<Option<Depth>> {
        let text = match self.take(DEPTH) {
            None => return Ok(None),
            Some(FieldValue::Scalar(text)) => text,
            Some(value) => self.check_text(DEPTH, value)?,
        };
        self.chosen(DEPTH, &text, Depth::ALL.map(Depth::as_str)).map(Some)
    }

    pub(super) fn color(&mut self) -> Checked<Option<ColorSpace>> {
        self.choice(COLOR, ColorSpace::ALL.map(ColorSpace::as_str))
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::{OutputFormat, Variation};
    use serde_json::{Value, json};

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::*;

    fn with(name: &str, value: Value) -> Vec<crate::field::Field> {
        [valid_fields(), vec![field(name, FieldValue::from(value))]].concat()
    }

    #[test]
    fn a_depth_is_a_name_or_a_number() {
        for (sent, depth) in [
            (json!("8"), Depth::Eight),
            (json!(8), Depth::Eight),
            (json!("16"), Depth::Sixteen),
            (json!(16), Depth::Sixteen),
            (json!("keep"), Depth::Keep),
        ] {
            let rendering = submission(owner(), with(DEPTH, sent.clone())).expect("valid").rendering;
            assert_eq!((rendering.depth, rendering.color), (Some(depth), None), "{sent}");
        }
        let keep = submission(owner(), [valid_fields(), vec![text(COLOR, "keep")]].concat()).expect("valid");
        assert_eq!((keep.rendering.depth, keep.rendering.color), (None, Some(ColorSpace::Keep)));
        let none = submission(owner(), with(DEPTH, json!(null))).expect("valid").rendering;
        assert_eq!((none.depth, none.color), (None, None));
    }

    #[test]
    fn a_photo_whose_inks_are_not_held_gets_the_remedy() {
        assert_eq!(
            inks_not_held(InksNotHeld::Format(OutputFormat::Webp)),
            "The photo is CMYK, and WebP files hold no inks. Send output_format=psd or tiff, or color=srgb."
        );
        assert_eq!(
            inks_not_held(InksNotHeld::Variation(Variation::Compose)),
            "The photo is CMYK, and the variation compose is made in RGB. Send a set with no variation but background or \
             clipping, or color=srgb."
        );
    }

    #[test]
    fn every_error_names_its_field_and_the_choices() {
        let choice = "The value you selected is not a valid choice.";
        for bad in [json!(12), json!("32"), json!(8.5), json!(true)] {
            let expected = json!({ DEPTH: [choice, "Available in this version: 8, 16, keep."] });
            assert_eq!(errors(with(DEPTH, bad.clone())), expected, "{bad}");
        }
        assert_eq!(errors(with(DEPTH, json!([8]))), json!({ DEPTH: ["This value must be a string."] }));
        let expected = json!({ COLOR: [choice, "Available in this version: srgb, keep."] });
        assert_eq!(errors(with(COLOR, json!("cmyk"))), expected);
        assert_eq!(errors(with(COLOR, json!(7))), json!({ COLOR: ["This value must be a string."] }));
    }
}
