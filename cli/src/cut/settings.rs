//! The settings of the results: the fields of an upload, with the same rules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use cutline_core::domain::crop::{Crop, CropChoice, CropMargin, MarginWithoutCrop};
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::id_pattern::IdPattern;
use cutline_core::domain::output_name::OutputName;
use cutline_core::domain::params::{InvalidParams, presets};
use cutline_core::domain::rendering::{
    Dpi, ExistingClippingPath, Flatness, Inset, KeepMetadata, PathName, PathOptions, Quality,
};
use cutline_core::domain::subject::{Holes, Keep, MaskSource, Roi, SubjectSettings};
use cutline_core::{Channels, Mode, OutputFormat, ParamSet, Rendering};

use super::names::ResultNames;
use super::original::OriginalTarget;
use super::plan::is_standard_stream;
use super::{files, subject};
use crate::choices;

/// The options that decide which pictures are made and how they are written.
#[derive(Debug, clap::Args)]
pub(super) struct SettingsArgs {
    /// Which picture to make: `background` is the subject with soft edges on transparency; `clipping` is the subject
    /// cut along a path, with hard edges.
    #[arg(long, default_value = Mode::Background.as_str(), value_name = "MODE", value_parser = choices::mode_parser())]
    mode: Mode,

    #[arg(long, value_name = "FILE|NAME", conflicts_with = "mode", help = choices::params_help())]
    params: Option<String>,

    #[arg(long, value_name = "FORMAT", value_parser = choices::format_parser(), help = choices::format_help())]
    format: Option<OutputFormat>,

    /// Channels to write: colors and alpha, or alpha alone as a gray picture.
    #[arg(long, default_value = Channels::Rgba.as_str(), value_name = "CHANNELS",
          value_parser = choices::channels_parser())]
    channels: Channels,

    #[arg(long, value_name = "N", help = choices::quality_help())]
    quality: Option<Quality>,

    /// Keep the colors of a webp without loss.
    #[arg(long)]
    lossless: bool,

    #[arg(long, value_name = "N", help = choices::dpi_help())]
    dpi: Option<Dpi>,

    #[arg(long, value_name = "NAME", help = choices::path_name_help())]
    path_name: Option<PathName>,

    /// With --mode clipping: how far a printing device may deviate from the path's curves, in its own pixels, 0.2 to
    /// 100. [default: the device decides]
    #[arg(long, value_name = "PIXELS")]
    path_flatness: Option<Flatness>,

    /// With --mode clipping: how far the path lies inside the outline, in pixels of the picture, 0 to 2. [default: 0]
    #[arg(long, value_name = "PIXELS")]
    path_inset: Option<Inset>,

    /// What the pictures show: `none` is the whole photo, `subject` the subject and its margin. Pictures on which a
    /// parameter set places the subject stay as they are. [default: the parameter set's, otherwise none]
    #[arg(long, value_name = "CROP", value_parser = choices::crop_parser())]
    crop: Option<CropChoice>,

    /// With --crop subject: the room around the subject, as far as the photo reaches. One length, two (upper and lower
    /// side, others) or four (upper, right, lower, left): pixels such as 30px, or percentages of the subject's height or
    /// width such as 5%. [default: 0]
    #[arg(long, value_name = "LENGTHS")]
    crop_margin: Option<CropMargin>,

    /// How much of the photo's metadata the results keep: `credit` is creator, copyright, credit line and IPTC's digital
    /// source type; `all` is everything that still fits, also location and serial numbers. [default: the parameter set's,
    /// otherwise credit]
    #[arg(long, value_name = "METADATA", value_parser = choices::keep_metadata_parser())]
    keep_metadata: Option<KeepMetadata>,

    /// Bits of a channel in png, tiff and psd; keep is 16 if the photo has more than 8. [default: the parameter set's,
    /// otherwise 8]
    #[arg(long, value_name = "BITS", value_parser = choices::depth_parser())]
    depth: Option<Depth>,

    /// Color space: converted to sRGB, or kept, with the photo's own profile. [default: the parameter set's, otherwise srgb]
    #[arg(long, value_name = "SPACE", value_parser = choices::color_parser())]
    color: Option<ColorSpace>,

    /// Write the clipping path into a copy of each photo, `<stem>-path.<ext>` next to it. No pixel changes.
    #[arg(long, conflicts_with_all = NOT_WITH_ORIGINAL)]
    path_only: bool,

    /// Write the clipping path into the photos themselves. No pixel changes.
    #[arg(long, conflicts_with_all = NOT_WITH_ORIGINAL, conflicts_with = "path_only")]
    in_place: bool,

    /// With --path-only and --in-place: whether a clipping path that the photo brings along stays.
    #[arg(long, value_name = "CHOICE", default_value = ExistingClippingPath::Keep.as_str(),
          value_parser = choices::existing_parser())]
    existing_clipping_path: ExistingClippingPath,

    /// The part of the photo that counts: outside is background. In pixels of the upright photo, or percentages.
    #[arg(long, value_name = "X1 Y1 X2 Y2")]
    roi: Option<Roi>,

    #[arg(long, value_name = "OBJECTS", value_parser = subject::keep, help = subject::KEEP_HELP)]
    keep: Option<Keep>,

    #[arg(long, value_name = "FILE", help = subject::hints_help())]
    hints: Option<PathBuf>,

    /// What becomes of regions that the subject encloses: `auto` leaves them to the networks, `open` makes those with the
    /// backdrop's color background, `keep` makes all of them subject. [default: the parameter set's, otherwise auto]
    #[arg(long, value_name = "HOLES", value_parser = choices::holes_parser())]
    holes: Option<Holes>,

    /// What the photo is cut by: `auto` lets the networks choose the subject, `alpha` keeps all that is opaque in the photo,
    /// `path` cuts along its clipping path, or else its first named path. [default: the parameter set's, otherwise auto]
    #[arg(long, value_name = "SOURCE", value_parser = choices::mask_source_parser())]
    mask_source: Option<MaskSource>,

    /// Cut one photo by a picture of its size: white is kept, black is cut away. Of a picture with transparency only that
    /// counts.
    #[arg(long, value_name = "FILE", conflicts_with = "mask_source")]
    mask: Option<PathBuf>,

    /// The clean plate of all photos: the same scene without the subject, taken from the same place with the same focal
    /// length and exposure. What differs from it is subject, such as glass, white on white and thin wires. Its size is that
    /// of the photos.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mask", "mask_source"])]
    backdrop: Option<PathBuf>,

    /// Read ids from the photos' names, without extension: a regular expression that matches a whole name, with the groups
    /// `(?<sku>…)` for {external_id}, `(?<shot>…)` for {metadata.shot}, or both. [default: the parameter set's]
    #[arg(long, value_name = "REGEX")]
    id_pattern: Option<IdPattern>,

    /// Names of the results, with {source_name}, {external_id}, {metadata.shot}, {variation} and {revision}, which is 1.
    /// Without {variation}, several results of a photo end with `_<variation>`. [default: the parameter set's]
    #[arg(long, value_name = "TEMPLATE")]
    output_name: Option<OutputName>,

    /// With a clipping path: also write it as SVG, next to each result. It belongs to the whole photo, also with --crop.
    #[arg(long, conflicts_with = "params")]
    svg: bool,
}

/// Settings of new files, which mean nothing for the photos themselves.
const NOT_WITH_ORIGINAL: [&str; 14] = [
    "mode",
    "params",
    "format",
    "channels",
    "quality",
    "lossless",
    "dpi",
    "crop",
    "crop_margin",
    "keep_metadata",
    "depth",
    "color",
    "id_pattern",
    "output_name",
];

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CutRequest {
    pub(super) mode: Mode,
    pub(super) format: Option<OutputFormat>,
    pub(super) rendering: Rendering,
    pub(super) set: Option<ParamSet>,
    /// How the cut is steered.
    pub(super) subject: SubjectSettings,
    /// The file of the mask, if the photo is cut by one.
    pub(super) mask: Option<Bytes>,
    /// The file of the clean plate, if there is one.
    pub(super) plate: Option<Bytes>,
    /// Whether to write the path as SVG.
    pub(super) svg: bool,
    /// Where the photos themselves go, with the path inserted. `None` makes new files.
    pub(super) original: Option<OriginalTarget>,
    /// How results are named; `None` names them after their photos.
    pub(super) names: Option<ResultNames>,
}

impl SettingsArgs {
    /// Checks the settings, and reads the parameter set.
    ///
    /// # Errors
    /// If the parameter set or the file of hints is missing or invalid, the mask or the clean plate cannot be read, a path is requested in a
    /// mode without one, a margin without a crop, or a name without what it needs.
    pub(super) fn into_request(self) -> anyhow::Result<CutRequest> {
        let set = self.params.as_deref().map(read_set).transpose()?;
        let original = self.original();
        let mode = match (&set, original) {
            (Some(_), _) => Mode::Params,
            (None, Some(_)) => Mode::Clipping,
            (None, None) => self.mode,
        };
        anyhow::ensure!(!self.svg || mode == Mode::Clipping, "--svg writes the clipping path; add --mode clipping");
        let path = PathOptions {
            name: self.path_name.unwrap_or_default(),
            flatness: self.path_flatness.unwrap_or_default(),
            inset: self.path_inset.unwrap_or_default(),
            existing: self.existing_clipping_path,
        };
        // Without the flag the parameter set decides.
        let lossless = self.lossless.then_some(true);
        let hints = self.hints.as_deref().map(subject::read_hints).transpose()?.flatten();
        let mask = self.mask.as_deref().map(|path| read_picture(path, "mask")).transpose()?;
        let plate = self.backdrop.as_deref().map(|path| read_picture(path, "backdrop")).transpose()?;
        let Self { format, channels, quality, dpi, keep_metadata, svg, roi, keep, holes, mask_source, .. } = self;
        let mask_source = if mask.is_some() { Some(MaskSource::File) } else { mask_source };
        let crop = Crop::new(self.crop, self.crop_margin)
            .map_err(|MarginWithoutCrop| anyhow::anyhow!("--crop-margin needs a crop; add --crop subject"))?;
        let (depth, color) = (self.depth, self.color);
        let rendering = Rendering { channels, quality, lossless, dpi, path, crop, keep_metadata, depth, color };
        let subject = SubjectSettings { roi, keep, hints, holes, mask_source };
        let names = ResultNames::of(self.output_name, self.id_pattern, set.as_ref())?;
        Ok(CutRequest { mode, format, rendering, set, subject, mask, plate, svg, original, names })
    }

    fn original(&self) -> Option<OriginalTarget> {
        match (self.path_only, self.in_place) {
            (true, _) => Some(OriginalTarget::NextToPhoto),
            (false, true) => Some(OriginalTarget::InPlace),
            (false, false) => None,
        }
    }
}

/// Reads the picture of an option.
fn read_picture(path: &Path, option: &str) -> anyhow::Result<Bytes> {
    anyhow::ensure!(!is_standard_stream(path), "--{option} takes a file, and not standard input");
    files::read(path).map(Bytes::from).with_context(|| format!("cannot use the {option} {}", path.display()))
}

/// Reads the parameter set from a file, or finds the built-in one. A file wins over a built-in set of its name.
fn read_set(params: &str) -> anyhow::Result<ParamSet> {
    let path = Path::new(params);
    if path.is_file() {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {params}"))?;
        return ParamSet::parse(&text).map_err(|InvalidParams(faults)| {
            let faults: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            anyhow::anyhow!("invalid parameter set: {params}{}", faults.concat())
        });
    }
    presets::find(params).cloned().with_context(|| {
        let names = choices::preset_names();
        format!("no such parameter set: {params}; give a file or one of the built-in sets {names}")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn parse(arguments: &[&str]) -> Result<SettingsArgs, clap::Error> {
        Line::try_parse_from([&["cut"], arguments].concat()).map(|line| line.settings)
    }

    fn request(arguments: &[&str]) -> anyhow::Result<CutRequest> {
        parse(arguments).expect("parses").into_request()
    }

    #[test]
    fn defaults_to_a_soft_cut_out_as_png() {
        let CutRequest { mode, format, rendering, set, subject, mask, plate, svg, original, names } =
            request(&[]).expect("is valid");
        assert_eq!((mode, format, set, svg, original), (Mode::Background, None, None, false, None));
        assert_eq!(names, None);
        assert_eq!((mask, plate), (None, None));
        assert_eq!((rendering, subject), (Rendering::default(), Default::default()));
    }

    #[test]
    fn passes_every_setting_on() {
        let all = "--mode clipping --format tiff --channels alpha --quality 80 --lossless --dpi 72 --path-name Pfad \
                   --path-flatness 0.5 --path-inset 1.5 --crop subject --crop-margin 5% --keep-metadata all --depth 16 \
                   --color keep --svg";
        let all: Vec<_> = all.split_whitespace().collect();
        let CutRequest { mode, format, rendering, svg, .. } = request(&all).expect("is valid");
        assert_eq!((mode, format, svg), (Mode::Clipping, Some(OutputFormat::Tiff), true));
        let expected = serde_json::json!({
            "channels": "alpha", "quality": 80, "lossless": true, "dpi": 72,
            "path": {"name": "Pfad", "flatness": 0.5, "inset": 1.5}, "crop": {"subject": {"margin": "5%"}},
            "keep_metadata": "all", "depth": "16", "color": "keep",
        });
        assert_eq!(serde_json::to_value(rendering).expect("serializes"), expected);
    }

    #[test]
    fn passes_on_what_the_photo_is_cut_by() {
        let cut_by = |source| SubjectSettings { mask_source: Some(source), ..SubjectSettings::default() };
        for source in MaskSource::OF_PICTURE {
            let request = request(&["--mask-source", source.as_str()]).expect("is valid");
            assert_eq!((request.subject, request.mask), (cut_by(source), None));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mask.png");
        let arguments = ["--mask", file.to_str().expect("text")];
        let error = format!("{:#}", request(&arguments).expect_err("is missing"));
        assert!(error.starts_with("cannot use the mask ") && error.contains("cannot read the file"), "{error}");
        fs::write(&file, "white").expect("is written");
        let with_mask = request(&arguments).expect("is valid");
        assert_eq!((with_mask.subject, with_mask.mask), (cut_by(MaskSource::File), Some("white".into())));
        assert!(parse(&[&arguments[..], &["--mask-source", "alpha"]].concat()).is_err(), "one or the other");
        assert!(request(&["--mask", "-"]).is_err());
    }

    #[test]
    fn reads_the_clean_plate() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("empty.jpg");
        let arguments = ["--backdrop", file.to_str().expect("text")];
        let error = format!("{:#}", request(&arguments).expect_err("is missing"));
        assert!(error.starts_with("cannot use the backdrop ") && error.contains("cannot read the file"), "{error}");
        fs::write(&file, "a table").expect("is written");
        let with_plate = request(&arguments).expect("is valid");
        assert_eq!((with_plate.plate, with_plate.subject), (Some("a table".into()), SubjectSettings::default()));
        assert!(request(&[&arguments[..], &["--path-only"]].concat()).expect("is valid").plate.is_some());
        for other in [["--mask", "m.png"], ["--mask-source", "path"]] {
            assert!(parse(&[&arguments[..], &other].concat()).is_err(), "no network runs with {other:?}");
        }
        assert!(request(&["--backdrop", "-"]).is_err());
    }

    #[test]
    fn accepts_every_spelling_of_a_format() {
        for spelling in ["png", "jpg", "jpeg", "psd", "tiff", "webp"] {
            let format = request(&["--format", spelling]).expect("is valid").format;
            assert_eq!(format, Some(spelling.parse().expect("is a format")));
        }
        for spelling in OutputFormat::spellings() {
            assert!(parse(&["--format", spelling]).is_ok(), "{spelling}");
        }
    }

    #[test]
    fn rejects_unknown_choices_with_the_possible_values() {
        for (flag, value, choices) in [
            ("--format", "gif", "[possible values: png, jpg, psd, tiff, webp]"),
            ("--mode", "params", "[possible values: background, clipping]"),
            ("--channels", "rgb", "[possible values: rgba, alpha]"),
            ("--crop", "tight", "[possible values: none, subject]"),
            ("--keep-metadata", "exif", "[possible values: credit, all, none]"),
            ("--depth", "12", "[possible values: 8, 16, keep]"),
            ("--color", "cmyk", "[possible values: srgb, keep]"),
            ("--mask-source", "matte", "[possible values: auto, alpha, path]"),
        ] {
            let error = parse(&[flag, value]).expect_err("is rejected").to_string();
            assert!(error.contains(choices), "{error}");
        }
    }

    #[test]
    fn rejects_values_out_of_range_with_the_range() {
        let cases = [
            ("--quality", "101", "1 to 100"),
            ("--quality", "high", "1 to 100"),
            ("--dpi", "0", "1 to 9999"),
            ("--path-flatness", "0.1", "0.2 to 100"),
            ("--path-inset", "NaN", "0 to 2"),
            ("--path-name", "", "1 to 63 characters"),
            ("--crop-margin", "1 2 3", "one, two or four lengths"),
            ("--id-pattern", "[0-9]+", "must have a group (?<sku>…)"),
            ("--id-pattern", "(?<sku>", "unclosed group"),
            ("--output-name", "{sku}", "{metadata.KEY}"),
            ("--crop-margin", "101%", "from 0% to 100%"),
        ];
        for (flag, value, range) in cases {
            let error = parse(&[flag, value]).expect_err("is rejected").to_string();
            assert!(error.contains(flag) && error.contains(range), "{error}");
        }
    }

    #[test]
    fn reads_a_parameter_set_from_a_file_or_the_built_in_ones() {
        let built_in = request(&["--params", "wall"]).expect("is valid");
        assert_eq!((built_in.mode, built_in.set.as_ref()), (Mode::Params, presets::find("wall")));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("set.json");
        let path = file.to_str().expect("is text");
        fs::write(&file, r#"{"margin": "8%"}"#).expect("is written");
        assert!(request(&["--params", path]).expect("is valid").set.is_some());
        fs::write(&file, r#"{"margin": 8, "fill": "x"}"#).expect("is written");
        let error = request(&["--params", path]).expect_err("is rejected").to_string();
        assert!(error.contains("\n  margin: This value must be") && error.contains("\n  fill: "), "{error}");
        let error = request(&["--params", "walls"]).expect_err("is rejected").to_string();
        assert!(error.contains("no such parameter set: walls") && error.contains("transparent, wall"), "{error}");
        for other in [&["--mode", "clipping"][..], &["--svg"]] {
            assert!(parse(&[&["--params", "wall"], other].concat()).is_err());
        }
    }

    #[test]
    fn the_original_is_cut_along_a_path_and_excludes_settings_of_new_files() {
        for (flag, target) in [("--path-only", OriginalTarget::NextToPhoto), ("--in-place", OriginalTarget::InPlace)] {
            let request = request(&[flag, "--svg", "--existing-clipping-path", "replace"]).expect("is valid");
            assert_eq!((request.original, request.mode, request.svg), (Some(target), Mode::Clipping, true));
            assert_eq!(request.rendering.path.existing, ExistingClippingPath::Replace);
            for other in [
                "--mode=clipping",
                "--params=wall",
                "--format=psd",
                "--channels=rgba",
                "--quality=80",
                "--crop=subject",
                "--keep-metadata=all",
                "--depth=16",
                "--color=keep",
            ] {
                assert!(parse(&[flag, other]).is_err(), "{flag} {other}");
            }
            assert!(parse(&[flag, "--lossless"]).is_err() && parse(&[flag, "--dpi", "72"]).is_err());
        }
        assert!(parse(&["--path-only", "--in-place"]).is_err());
        let error = parse(&["--existing-clipping-path", "drop"]).expect_err("is rejected").to_string();
        assert!(error.contains("[possible values: keep, replace]"), "{error}");
    }

    #[test]
    fn a_margin_needs_a_crop() {
        for arguments in [&["--crop-margin", "5%"][..], &["--crop", "none", "--crop-margin", "0"]] {
            let error = request(arguments).expect_err("is rejected").to_string();
            assert_eq!(error, "--crop-margin needs a crop; add --crop subject");
        }
        let four = request(&["--crop", "subject", "--crop-margin", "10px 5% 0 5%"]).expect("is valid");
        let margin = four.rendering.crop.and_then(Crop::margin).map(|margin| margin.to_string());
        assert_eq!(margin.as_deref(), Some("10 5% 0 5%"));
        assert_eq!(request(&["--crop", "none"]).expect("is valid").rendering.crop, Some(Crop::Whole));
    }

    #[test]
    fn rejects_svg_in_a_mode_without_a_path() {
        let error = request(&["--svg"]).expect_err("is rejected");
        assert!(error.to_string().contains("--mode clipping"), "{error}");
    }
}
