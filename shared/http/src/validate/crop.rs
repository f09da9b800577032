//! What the pictures show of the photo: `crop` and `crop_margin`.

use cutline_core::domain::crop::{Crop, CropChoice, CropMargin, MarginWithoutCrop};
use cutline_core::domain::rendering::OutOfRange;

use super::form::{Checked, Form};

const CROP: &str = "crop";
const CROP_MARGIN: &str = "crop_margin";

impl Form {
    pub(super) fn crop(&mut self) -> Checked<Option<Crop>> {
        // Both fields are checked before the first error returns.
        let choice: Checked<Option<CropChoice>> = self.choice(CROP, CropChoice::ALL.map(CropChoice::as_str));
        let margin =
            self.setting(CROP_MARGIN, |text| text.parse::<CropMargin>().map_err(|_| OutOfRange(CropMargin::EXPECTED)));
        Crop::new(choice?, margin?).map_err(|MarginWithoutCrop| {
            let message = "A margin needs a crop. Send crop=subject with it, or leave crop_margin out.";
            self.reject(CROP_MARGIN, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::submission;
    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::*;
    use crate::field::{Field, FieldValue};

    fn with(fields: Vec<Field>) -> Vec<Field> {
        [valid_fields(), fields].concat()
    }

    fn crop(fields: Vec<Field>) -> Option<Crop> {
        submission(owner(), with(fields)).expect("valid").rendering.crop
    }

    fn subject(margin: &str) -> Option<Crop> {
        Some(Crop::Subject { margin: margin.parse().expect("a margin") })
    }

    #[test]
    fn a_crop_comes_with_or_without_a_margin() {
        assert_eq!(crop(Vec::new()), None);
        assert_eq!(crop(vec![text(CROP, "none")]), Some(Crop::Whole));
        assert_eq!(crop(vec![text(CROP, "subject")]), subject("0"));
        assert_eq!(crop(vec![text(CROP, "subject"), field(CROP_MARGIN, FieldValue::Empty)]), subject("0"));
        for (sent, expected) in [
            (json!(30), "30px"),
            (json!(2.5), "2.5"),
            (json!("30"), "30px"),
            (json!("5%"), "5%"),
            (json!("10px 5%"), "10 5% 10 5%"),
            (json!("10 5% 0px 7.5%"), "10 5% 0 7.5%"),
        ] {
            let margin = field(CROP_MARGIN, FieldValue::from(sent.clone()));
            assert_eq!(crop(vec![text(CROP, "subject"), margin]), subject(expected), "{sent}");
        }
    }

    #[test]
    fn every_error_names_its_field_and_the_remedy() {
        let of = |choice: &str, margin: Value| {
            errors(with(vec![text(CROP, choice), field(CROP_MARGIN, FieldValue::from(margin))]))
        };
        let margin = "This value must be one, two or four lengths: pixels from 0 to 65535 or percentages from 0% to 100%, \
                      such as \"30px\", \"5%\" or \"10px 5% 0 5%\".";
        let bad = [
            json!(-1),
            json!("-5%"),
            json!("NaN"),
            json!("inf"),
            json!(65_536),
            json!("101%"),
            json!("1 2 3"),
            json!("1 2 3 4 5"),
            json!("5em"),
            json!(" "),
            json!(true),
            json!([5]),
            json!({"top": 5}),
        ];
        for value in bad {
            assert_eq!(of("subject", value.clone()), json!({ CROP_MARGIN: [margin] }), "{value}");
        }
        let choice = ["The value you selected is not a valid choice.", "Available in this version: none, subject."];
        assert_eq!(of("tight", json!("wide")), json!({ CROP: choice, CROP_MARGIN: [margin] }));
        let alone = "A margin needs a crop. Send crop=subject with it, or leave crop_margin out.";
        assert_eq!(of("none", json!("5%")), json!({ CROP_MARGIN: [alone] }));
        assert_eq!(errors(with(vec![text(CROP_MARGIN, "0")])), json!({ CROP_MARGIN: [alone] }));
    }
}
