//! From JSON to a parameter set, or to every fault in it.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::document::{ParamSet, VERSION};
use super::layout::{
    Align, AlignBy, Background, BackgroundPicture, Canvas, Horizontal, ImageFit, TRANSPARENT, Vertical,
};
use super::members::{Cursor, InvalidParams, MAX_FAULTS, Members, ParamFault, choice};
use super::output::{FillRange, OutputSettings, Promise, VariationOutput, VariationOutputs};
use super::read_framing::{check_scale, crop_margin, framed};
use super::shadow::{ShadowGround, ShadowTop, ShadowWall};
use super::values::{Length, Measure};
use crate::domain::crop::{Crop, CropChoice};
use crate::domain::fidelity::{ColorSpace, Depth};
use crate::domain::format::OutputFormat;
use crate::domain::json::{Document, REPEATED};
use crate::domain::keep_metadata::KeepMetadata;
use crate::domain::limits::MAX_PARAMS_BYTES;
use crate::domain::rendering::{Dpi, Quality};
use crate::domain::request::SourceUrl;
use crate::domain::requested_format::RequestedFormat;
use crate::domain::review::ReviewRule;
use crate::domain::subject::{Holes, InvalidRoi, KeepChoice, MaskSource, Roi};
use crate::domain::variation::Variation;

impl ParamSet {
    /// Reads a document, or a JSON value.
    ///
    /// # Errors
    /// [`InvalidParams`] with every fault of the document, including members that occur more than once.
    pub fn read(document: impl Into<Document>) -> Result<Self, InvalidParams> {
        let Document { value, repeated } = document.into();
        let mut faults = Vec::new();
        let mut cursor = Cursor::root(&mut faults);
        for path in repeated {
            cursor.inner(&path).fault(REPEATED);
        }
        match set(cursor, value) {
            Some(set) if faults.is_empty() => Ok(set),
            _ => Err(InvalidParams(faults)),
        }
    }

    /// Reads a document from its text.
    ///
    /// # Errors
    /// [`InvalidParams`] with every fault of the document, or only that it is not JSON or exceeds
    /// [`MAX_PARAMS_BYTES`].
    pub fn parse(text: &str) -> Result<Self, InvalidParams> {
        let whole = |message: String| InvalidParams(vec![ParamFault { path: String::new(), message }]);
        if text.len() > MAX_PARAMS_BYTES {
            return Err(whole(format!("A parameter set may have at most {} KB.", MAX_PARAMS_BYTES / 1000)));
        }
        match Document::parse(text.as_bytes()) {
            Ok(document) => Self::read(document),
            Err(error) => {
                Err(whole(format!("This is not valid JSON: see line {}, column {}.", error.line(), error.column())))
            }
        }
    }
}

impl<'de> Deserialize<'de> for ParamSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn set(cursor: Cursor<'_>, value: Value) -> Option<ParamSet> {
    let mut members = Members::of(cursor, value)?;
    if let Some((mut cursor, version)) = members.take("version")
        && version.as_u64() != Some(u64::from(VERSION))
    {
        cursor.fault(format!("This value must be {VERSION}, the version that this document describes."));
    }
    let set = ParamSet {
        version: VERSION,
        canvas: canvas(&mut members),
        background: members.take("background").and_then(|(cursor, value)| background(cursor, value)),
        margin: members.text("margin"),
        fill: members.text("fill"),
        scale: members.number("scale"),
        baseline: members.text("baseline"),
        align: align(&mut members),
        enlargement: members.number("enlargement"),
        shadow_top: shadow_top(&mut members),
        shadow_wall: shadow_wall(&mut members),
        shadow_ground: shadow_ground(&mut members),
        preserve_shadow: members.switch("preserve_shadow").unwrap_or_default(),
        framed: framed(&mut members),
        variations: variations(&mut members),
        final_picture: members.choice("final", &variation_names()),
        output: output(&mut members),
        id_pattern: parsed(&mut members, "id_pattern"),
        output_name: parsed(&mut members, "output_name"),
        review: review(&mut members),
        previews: members.switch("previews"),
        roi: roi(&mut members),
        keep: members.choice("keep", &KeepChoice::ALL.map(|choice| (choice.as_str(), choice))),
        holes: members.choice("holes", &Holes::ALL.map(|choice| (choice.as_str(), choice))),
        mask_source: members.choice("mask_source", &MaskSource::OF_PICTURE.map(|source| (source.as_str(), source))),
        crop: members.choice("crop", &CropChoice::ALL.map(|choice| (choice.as_str(), choice))),
        crop_margin: crop_margin(&mut members, "crop_margin"),
        keep_metadata: members.choice("keep_metadata", &KeepMetadata::ALL.map(|choice| (choice.as_str(), choice))),
        promise: promise(&mut members),
    };
    check_together(&set, &mut members.cursor);
    members.end();
    Some(set)
}

/// Checks the values that depend on each other.
fn check_together(set: &ParamSet, cursor: &mut Cursor<'_>) {
    if set.margin.is_some_and(|margin| leaves_no_room(margin, set.canvas)) {
        cursor.inner("margin").fault("This value must leave room for the subject: less than 50% of the short side.");
    }
    check_scale(set, cursor);
    if let Err(error) = Crop::new(set.crop, set.crop_margin)
        && cursor.inner("crop").is_clean_here()
    {
        cursor.inner("crop_margin").fault(format!("This value {error}."));
    }
    if let (Some(variations), Some(last)) = (&set.variations, set.final_picture)
        && !variations.contains(&last)
    {
        cursor.inner("final").fault("This value must be one of the variations.");
    }
    if cursor.is_clean() && set.planned().made.is_empty() {
        cursor.inner("variations").fault("None of these variations has its settings, so nothing would be made.");
    }
}

fn leaves_no_room(margin: Length, canvas: Option<Canvas>) -> bool {
    match (margin.measure(), canvas) {
        (Measure::Percent(percent), _) => percent >= 50.0,
        (Measure::Px(px), Some(Canvas::Size { width, height })) => 2.0 * px >= f64::from(width.min(height)),
        (Measure::Px(_), Some(Canvas::Aspect { .. }) | None) => false,
    }
}

fn variation_names() -> [(&'static str, Variation); Variation::ALL.len()] {
    Variation::ALL.map(|variation| (variation.as_str(), variation))
}

fn canvas(members: &mut Members<'_>) -> Option<Canvas> {
    let mut members = members.object("canvas")?;
    let side = 1..=Canvas::MAX_SIDE;
    let (width, height) = (members.whole("width", side.clone()), members.whole("height", side));
    let aspect = members.text("aspect");
    let canvas = match (width, height, aspect) {
        (Some(width), Some(height), None) => {
            if u64::from(width) * u64::from(height) > Canvas::MAX_PIXELS {
                members
                    .cursor
                    .fault(format!("A canvas may have at most {} megapixels.", Canvas::MAX_PIXELS / 1_000_000));
            }
            Some(Canvas::Size { width, height })
        }
        (None, None, Some(aspect)) => Some(Canvas::Aspect { aspect }),
        _ => {
            // A side with a fault of its own has been reported.
            if members.cursor.is_clean_here() {
                members.cursor.fault("A canvas has either width and height, or aspect.");
            }
            None
        }
    };
    members.end();
    canvas
}

fn background(mut cursor: Cursor<'_>, value: Value) -> Option<Background> {
    let Some(text) = value.as_str() else { return background_object(Members::of(cursor, value)?) };
    if text == TRANSPARENT {
        return Some(Background::Transparent);
    }
    match text.parse() {
        Ok(color) => Some(Background::Color { color }),
        Err(_) => {
            cursor.fault("This value must be \"transparent\", a color such as \"#f5f5f5\", or an object.");
            None
        }
    }
}

fn background_object(mut members: Members<'_>) -> Option<Background> {
    let color = members.text("color");
    let image_url = members.take("image_url").and_then(|(mut cursor, value)| {
        let read = value.as_str().unwrap_or_default().parse::<SourceUrl>();
        read.map_err(|fault| cursor.fault(format!("This value {fault}."))).ok()
    });
    let fit = members.choice("fit", &ImageFit::NAMES);
    let background = match (image_url, color) {
        (Some(image_url), color) => {
            Some(Background::Picture(BackgroundPicture { image_url, fit: fit.unwrap_or_default(), color }))
        }
        (None, Some(color)) => {
            if fit.is_some() {
                members.cursor.inner("fit").fault("This setting is for an image_url.");
            }
            Some(Background::Color { color })
        }
        (None, None) => {
            if members.cursor.is_clean_here() {
                members.cursor.fault("A background has a color or an image_url.");
            }
            None
        }
    };
    members.end();
    background
}

fn align(members: &mut Members<'_>) -> Align {
    let Some(mut members) = members.object("align") else { return Align::default() };
    let align = Align {
        x: members.choice("x", &Horizontal::NAMES).unwrap_or_default(),
        y: members.choice("y", &Vertical::NAMES).unwrap_or_default(),
        by: members.choice("by", &AlignBy::NAMES).unwrap_or_default(),
    };
    members.end();
    align
}

fn shadow_top(members: &mut Members<'_>) -> Option<ShadowTop> {
    let mut members = members.object("shadow_top")?;
    let usual = ShadowTop::default();
    let shadow = ShadowTop {
        opacity: members.number("opacity").unwrap_or(usual.opacity),
        blur: members.text("blur").unwrap_or(usual.blur),
        spread: members.text("spread").unwrap_or(usual.spread),
        color: members.text("color").unwrap_or(usual.color),
    };
    members.end();
    Some(shadow)
}

fn shadow_wall(members: &mut Members<'_>) -> Option<ShadowWall> {
    let mut members = members.object("shadow_wall")?;
    let usual = ShadowWall::default();
    let shadow = ShadowWall {
        opacity: members.number("opacity").unwrap_or(usual.opacity),
        blur: members.text("blur").unwrap_or(usual.blur),
        spread: members.text("spread").unwrap_or(usual.spread),
        dx: members.text("dx").unwrap_or(usual.dx),
        dy: members.text("dy").unwrap_or(usual.dy),
        fade: members.number("fade").unwrap_or(usual.fade),
        color: members.text("color").unwrap_or(usual.color),
    };
    members.end();
    Some(shadow)
}

fn shadow_ground(members: &mut Members<'_>) -> Option<ShadowGround> {
    let mut members = members.object("shadow_ground")?;
    let usual = ShadowGround::default();
    let shadow = ShadowGround {
        opacity: members.number("opacity").unwrap_or(usual.opacity),
        blur: members.text("blur").unwrap_or(usual.blur),
        color: members.text("color").unwrap_or(usual.color),
    };
    members.end();
    Some(shadow)
}

fn variations(members: &mut Members<'_>) -> Option<Vec<Variation>> {
    let (mut cursor, value) = members.take("variations")?;
    let Value::Array(names) = value else {
        cursor.fault("This value must be a list of names.");
        return None;
    };
    if names.is_empty() {
        cursor.fault("This list must hold at least one name; leave it out for all variations.");
    }
    let mut variations = Vec::new();
    for (index, name) in names.iter().enumerate().take(MAX_FAULTS) {
        let step = format!("[{index}]");
        match choice(cursor.inner(&step), name, &variation_names()) {
            Some(variation) if variations.contains(&variation) => {
                cursor.inner(&step).fault("This variation is in the list twice.");
            }
            Some(variation) => variations.push(variation),
            None => {}
        }
    }
    Some(variations)
}

fn output(members: &mut Members<'_>) -> OutputSettings {
    let Some(mut members) = members.object("output") else { return OutputSettings::default() };
    let usual = variation_output(&mut members);
    let mut per_variation = VariationOutputs::new();
    if let Some(mut members) = members.object("per_variation") {
        for (name, variation) in variation_names() {
            if let Some(mut members) = members.object(name) {
                per_variation.insert(variation, variation_output(&mut members));
                members.end();
            }
        }
        members.end();
    }
    let depth = depth(&mut members);
    let color = members.choice("color", &ColorSpace::ALL.map(|space| (space.as_str(), space)));
    members.end();
    OutputSettings { usual, per_variation, depth, color }
}

/// The depth, as text or as a number.
fn depth(members: &mut Members<'_>) -> Option<Depth> {
    let (cursor, value) = members.take("depth")?;
    let text = if value.is_number() { Value::String(value.to_string()) } else { value };
    choice(cursor, &text, &Depth::ALL.map(|depth| (depth.as_str(), depth)))
}

fn variation_output(members: &mut Members<'_>) -> VariationOutput {
    let format = format(members);
    let quality = members.whole("quality", Quality::MIN.into()..=Quality::MAX.into());
    let lossless = members.switch("lossless");
    let dpi = members.whole("dpi", Dpi::MIN.into()..=Dpi::MAX.into());
    VariationOutput {
        format,
        quality: quality.and_then(|quality| u8::try_from(quality).ok()?.try_into().ok()),
        lossless,
        dpi: dpi.and_then(|dpi| u16::try_from(dpi).ok()?.try_into().ok()),
    }
}

/// A text whose fault says what it must be.
fn parsed<T: FromStr<Err: Display>>(members: &mut Members<'_>, name: &'static str) -> Option<T> {
    let (mut cursor, value) = members.take(name)?;
    let Some(text) = value.as_str() else {
        cursor.fault("This value must be a string.");
        return None;
    };
    text.parse().map_err(|fault| cursor.fault(format!("This value {fault}."))).ok()
}

fn roi(members: &mut Members<'_>) -> Option<Roi> {
    let (mut cursor, value) = members.take("roi")?;
    let read = value.as_str().map_or(Err(InvalidRoi::Form), str::parse);
    read.map_err(|fault| cursor.fault(format!("This value {fault}."))).ok()
}

fn review(members: &mut Members<'_>) -> Option<ReviewRule> {
    let (mut cursor, value) = members.take("review")?;
    ReviewRule::read(&value).map_err(|fault| cursor.fault(format!("This value {fault}."))).ok()
}

fn format(members: &mut Members<'_>) -> Option<OutputFormat> {
    let (mut cursor, value) = members.take("format")?;
    if value.as_str().and_then(|text| text.parse().ok()) == Some(RequestedFormat::Original) {
        cursor.fault("A set makes new files. Send output_format=original with mode=clipping instead.");
        return None;
    }
    choice(cursor, &value, &format_names())
}

fn format_names() -> Vec<(&'static str, OutputFormat)> {
    let names = |format: OutputFormat| format.info().spellings.iter().map(move |spelling| (*spelling, format));
    OutputFormat::ALL.into_iter().flat_map(names).collect()
}

fn promise(members: &mut Members<'_>) -> Option<Promise> {
    let mut members = members.object("promise")?;
    let background = members.switch("background").unwrap_or_default();
    let fill = members.object("fill").map(fill_range);
    let max_bytes = members.whole("max_bytes", 1..=Promise::MAX_BYTES);
    members.end();
    Some(Promise { background, fill, max_bytes })
}

fn fill_range(mut members: Members<'_>) -> FillRange {
    let range = FillRange { min: members.text("min"), max: members.text("max") };
    if let (Some(min), Some(max)) = (range.min, range.max)
        && min > max
    {
        members.cursor.fault("The min must not be above the max.");
    }
    members.end();
    range
}
