//! The fields that `output_format=original` depends on: a path in the customer's own file.

use cutline_core::domain::crop::Crop;
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::image_resources;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::rendering::KeepMetadata;
use cutline_core::usecases::{SubmittedSet, SubmittedSource};
use cutline_core::{Channels, Mode, Rendering, RequestedFormat};

use super::form::{Checked, Form};
use crate::field::FILE;

impl Form {
    /// Records an error for each field that does not go together with `output_format=original`. A file that is fetched or
    /// copied later is checked when it is decoded.
    pub(super) fn check_original(
        &mut self,
        format: &Checked<Option<RequestedFormat>>,
        mode: &Checked<(Mode, Option<SubmittedSet>)>,
        source: &Checked<SubmittedSource>,
        rendering: &Checked<Rendering>,
    ) {
        if !matches!(format, Ok(Some(RequestedFormat::Original))) {
            return;
        }
        if let Ok((Mode::Background | Mode::Params, _)) = mode {
            let message = "The original gets a clipping path, which only mode=clipping makes. Send that mode, or choose \
                           another output_format.";
            self.reject("output_format", message);
        }
        if matches!(rendering, Ok(Rendering { channels: Channels::Alpha, .. })) {
            self.reject(
                "channels",
                "The original keeps its colors. Leave channels out, or choose another output_format.",
            );
        }
        if matches!(rendering, Ok(Rendering { crop: Some(Crop::Subject { .. }), .. })) {
            self.reject("crop", "The original keeps every pixel. Leave crop out, or choose another output_format.");
        }
        if let Ok(Rendering { keep_metadata: Some(KeepMetadata::Credit | KeepMetadata::None), .. }) = rendering {
            let message = "The original keeps all of its metadata. Send all, leave keep_metadata out, or choose another \
                           output_format.";
            self.reject("keep_metadata", message);
        }
        if matches!(rendering, Ok(Rendering { depth: Some(Depth::Eight | Depth::Sixteen), .. })) {
            let message = "The original keeps its depth. Send keep, leave depth out, or choose another output_format.";
            self.reject("depth", message);
        }
        if matches!(rendering, Ok(Rendering { color: Some(ColorSpace::Srgb), .. })) {
            let message = "The original keeps its colors. Send keep, leave color out, or choose another output_format.";
            self.reject("color", message);
        }
        let Ok(SubmittedSource::Bytes(bytes)) = source else { return };
        if let Some(message) = image_resources::refusal(bytes) {
            self.reject(FILE, message);
        }
        if let Some(kind) = ImageKind::sniff(bytes).filter(|kind| !kind.info().takes_path) {
            let (name, kinds) = (kind.name(), ImageKind::listed_with_path("or"));
            self.reject(
                "output_format",
                format!("A {name} holds no clipping path. Send a {kinds}, or choose another output_format."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::submission;
    use super::super::test_support::{PNG, errors, file, owner, text};
    use super::*;
    use crate::field::Field;

    fn original(more: Vec<Field>) -> Vec<Field> {
        [vec![text("output_format", "original")], more].concat()
    }

    fn url() -> Field {
        text("file_url", "https://example.com/cup.jpg")
    }

    #[test]
    fn accepts_a_photo_that_takes_a_path_and_what_is_not_known_yet() {
        let jpeg = file(b"\xFF\xD8\xFF\xE0 and so on");
        for fields in [vec![jpeg], vec![url()], vec![url(), text("mode", "clipping"), text("quality", "80")]] {
            let format = submission(owner(), original(fields)).expect("valid").format;
            assert_eq!(format, Some(RequestedFormat::Original));
        }
    }

    #[test]
    fn needs_mode_clipping() {
        let set = vec![url(), text("mode", "params"), text("params", "amazon-main")];
        for fields in [vec![url(), text("mode", "background")], set] {
            let message = "The original gets a clipping path, which only mode=clipping makes. Send that mode, or choose \
                           another output_format.";
            assert_eq!(errors(original(fields)), json!({ "output_format": [message] }));
        }
    }

    #[test]
    fn names_each_field_that_does_not_fit() {
        let png = "A PNG holds no clipping path. Send a JPEG, TIFF or PSD, or choose another output_format.";
        assert_eq!(errors(original(vec![file(PNG)])), json!({ "output_format": [png] }));
        let alpha = "The original keeps its colors. Leave channels out, or choose another output_format.";
        assert_eq!(errors(original(vec![url(), text("channels", "alpha")])), json!({ "channels": [alpha] }));
        let crop = "The original keeps every pixel. Leave crop out, or choose another output_format.";
        assert_eq!(errors(original(vec![url(), text("crop", "subject")])), json!({ "crop": [crop] }));
        assert!(submission(owner(), original(vec![url(), text("crop", "none")])).is_ok());
        let metadata = "The original keeps all of its metadata. Send all, leave keep_metadata out, or choose another output_format.";
        for kept in ["credit", "none"] {
            let fields = original(vec![url(), text("keep_metadata", kept)]);
            assert_eq!(errors(fields), json!({ "keep_metadata": [metadata] }));
        }
        assert!(submission(owner(), original(vec![url(), text("keep_metadata", "all")])).is_ok());
        let depth = "The original keeps its depth. Send keep, leave depth out, or choose another output_format.";
        for sent in ["8", "16"] {
            assert_eq!(errors(original(vec![url(), text("depth", sent)])), json!({ "depth": [depth] }));
        }
        let color = "The original keeps its colors. Send keep, leave color out, or choose another output_format.";
        assert_eq!(errors(original(vec![url(), text("color", "srgb")])), json!({ "color": [color] }));
        assert!(submission(owner(), original(vec![url(), text("depth", "keep"), text("color", "keep")])).is_ok());
        let other = vec![
            file(PNG),
            text("channels", "alpha"),
            text("crop", "subject"),
            text("keep_metadata", "none"),
            text("output_format", "tiff"),
        ];
        assert!(submission(owner(), other).is_ok(), "another format makes a new file");
    }

    #[test]
    fn a_file_whose_resources_contradict_themselves_is_refused_for_a_path_alone() {
        // A PSD without a palette: its only resource states five bytes, and has four.
        let lies = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\x08\0\x03\0\0\0\0\0\0\0\x10\
                     8BIM\x04\x0C\0\0\0\0\0\x05data layers";
        let message = "damaged PSD: Photoshop's resource 1036 is longer than its section; export it again";
        assert_eq!(errors(original(vec![file(lies)])), json!({ "file": [message] }));
        assert!(submission(owner(), vec![file(lies)]).is_ok(), "another format makes a new file");
        let mut right = lies.to_vec();
        right[45] = 4;
        assert_eq!(&right[42..50], b"\0\0\0\x04data");
        let right = crate::field::FieldValue::File(right.into());
        assert!(submission(owner(), original(vec![super::super::test_support::field(FILE, right)])).is_ok());
    }

    #[test]
    fn an_existing_clipping_path_is_kept_unless_asked_otherwise() {
        use cutline_core::domain::rendering::ExistingClippingPath;
        let existing = |fields| submission(owner(), original(fields)).expect("valid").rendering.path.existing;
        assert_eq!(existing(vec![url()]), ExistingClippingPath::Keep);
        for value in ExistingClippingPath::ALL {
            assert_eq!(existing(vec![url(), text("existing_clipping_path", value.as_str())]), value);
        }
        let choice = json!({ "existing_clipping_path": [
            "The value you selected is not a valid choice.", "Available in this version: keep, replace.",
        ] });
        assert_eq!(errors(original(vec![url(), text("existing_clipping_path", "drop")])), choice);
    }
}
