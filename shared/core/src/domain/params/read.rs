//! From JSON to a set, or to every fault that it has, each with the path of where it is.
//!
//! Serde stops at the first fault. Whoever writes a set by hand is better served by all of them at once, so what has
//! members is read here, and serde's part is the values.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    Align, AlignBy, Background, BackgroundPicture, Canvas, Fill, FillRange, Horizontal, ImageFit, OutputSettings,
    ParamSet, Promise, ShadowGround, ShadowTop, ShadowWall, TRANSPARENT, VERSION, VariationOutput, VariationOutputs,
    Vertical,
};
use crate::domain::outcome::Variation;
use crate::domain::rendering::OutOfRange;
use crate::domain::request::{OutputFormat, SourceUrl};

/// What is wrong in a parameter set, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamFault {
    /// The way to the value: `shadow_top.blur`, `variations[2]`. Empty where it is the document itself.
    pub path: String,
    /// What the value must be, as a sentence.
    pub message: String,
}

impl fmt::Display for ParamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// The text is no parameter set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct InvalidParams(
    /// Every fault, at least one, in the document's order as far as there is one; of very many the first.
    pub Vec<ParamFault>,
);

/// The most faults that are told.
const MOST_FAULTS: usize = 50;

/// Where a value stands, and the faults so far.
struct Place<'a> {
    path: String,
    faults: &'a mut Vec<ParamFault>,
}

impl Place<'_> {
    fn fault(&mut self, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(ParamFault { path: self.path.clone(), message: message.into() });
        }
    }

    fn inner(&mut self, step: &str) -> Place<'_> {
        let joint = if self.path.is_empty() || step.starts_with('[') { "" } else { "." };
        Place { path: format!("{}{joint}{step}", self.path), faults: self.faults }
    }
}

/// The members of an object that are still to be read.
struct Members<'a> {
    place: Place<'a>,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// Takes a value for an object. Anything else is a fault.
    fn of(mut place: Place<'a>, value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self { place, members, known: Vec::new() }),
            _ => {
                place.fault("This value must be an object.");
                None
            }
        }
    }

    /// Takes a member out. One that is null is as good as none.
    fn take(&mut self, name: &'static str) -> Option<(Place<'_>, Value)> {
        self.known.push(name);
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        Some((self.place.inner(name), value))
    }

    fn object(&mut self, name: &'static str) -> Option<Members<'_>> {
        let (place, value) = self.take(name)?;
        Members::of(place, value)
    }

    /// A value that stands in JSON as a text.
    fn text<T: std::str::FromStr<Err = OutOfRange>>(&mut self, name: &'static str) -> Option<T> {
        let (mut place, value) = self.take(name)?;
        // No value is read from an empty text, so what is no text is told what it must be.
        match value.as_str().unwrap_or_default().parse() {
            Ok(value) => Some(value),
            Err(OutOfRange(what)) => {
                place.fault(format!("This value must be {what}."));
                None
            }
        }
    }

    /// A value that stands in JSON as a number.
    fn number<T: TryFrom<f64, Error = OutOfRange>>(&mut self, name: &'static str) -> Option<T> {
        let (mut place, value) = self.take(name)?;
        match value.as_f64().unwrap_or(f64::NAN).try_into() {
            Ok(value) => Some(value),
            Err(OutOfRange(what)) => {
                place.fault(format!("This value must be {what}."));
                None
            }
        }
    }

    /// A whole number.
    fn whole(&mut self, name: &'static str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let (mut place, value) = self.take(name)?;
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0 && *number <= 4e9);
        let whole = number.map(|number| number as u32).filter(|whole| range.contains(whole));
        if whole.is_none() {
            place.fault(format!("This value must be a whole number from {} to {}.", range.start(), range.end()));
        }
        whole
    }

    fn switch(&mut self, name: &'static str) -> Option<bool> {
        let (mut place, value) = self.take(name)?;
        let read = value.as_bool();
        if read.is_none() {
            place.fault("This value must be true or false.");
        }
        read
    }

    fn flag(&mut self, name: &'static str) -> bool {
        self.switch(name).unwrap_or_default()
    }

    fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let (place, value) = self.take(name)?;
        choice(place, &value, choices)
    }

    /// Whatever is left has no meaning: a misspelt name would otherwise pass for a setting.
    fn end(mut self) {
        let known = self.known.join(", ");
        for name in std::mem::take(&mut self.members).into_iter().map(|(name, _)| name) {
            let short: String = name.chars().take(64).collect();
            self.place.inner(&short).fault(format!("There is no such setting. Known here: {known}."));
        }
    }
}

fn choice<T: Copy>(mut place: Place<'_>, value: &Value, choices: &[(&str, T)]) -> Option<T> {
    let found = choices.iter().find(|(name, _)| value.as_str() == Some(name));
    if found.is_none() {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        place.fault(format!("This value must be one of: {}.", names.join(", ")));
    }
    found.map(|(_, value)| *value)
}

/// Reads a set.
pub(super) fn set(value: Value) -> Result<ParamSet, InvalidParams> {
    let mut faults = Vec::new();
    let set = members(Place { path: String::new(), faults: &mut faults }, value);
    match set {
        Some(set) if faults.is_empty() => Ok(set),
        _ => Err(InvalidParams(faults)),
    }
}

fn members(place: Place<'_>, value: Value) -> Option<ParamSet> {
    let mut of = Members::of(place, value)?;
    if let Some((mut place, version)) = of.take("version")
        && version.as_u64() != Some(u64::from(VERSION))
    {
        place.fault(format!("This value must be {VERSION}, the version that this document describes."));
    }
    let set = ParamSet {
        version: VERSION,
        canvas: canvas(&mut of),
        background: of.take("background").and_then(|(place, value)| background(place, value)),
        margin: of.text("margin"),
        fill: of.text("fill"),
        align: align(&mut of),
        enlargement: of.number("enlargement"),
        shadow_top: shadow_top(&mut of),
        shadow_wall: shadow_wall(&mut of),
        shadow_ground: shadow_ground(&mut of),
        preserve_shadow: of.flag("preserve_shadow"),
        variations: variations(&mut of),
        final_picture: of.choice("final", &NAMES),
        output: output(&mut of),
        promise: promise(&mut of),
    };
    let leaves_nothing = |margin: super::Length| match (margin.share_or_px(), set.canvas) {
        (Ok(share), _) => share >= 0.5,
        (Err(px), Some(Canvas::Size { width, height })) => 2.0 * px >= f64::from(width.min(height)),
        (Err(_), _) => false,
    };
    if set.margin.is_some_and(leaves_nothing) {
        of.place.inner("margin").fault("This value must leave room for the subject: less than 50% of the short side.");
    }
    if let (Some(wanted), Some(last)) = (&set.variations, set.final_picture)
        && !wanted.contains(&last)
    {
        of.place.inner("final").fault("This value must be one of the variations.");
    }
    if of.place.faults.is_empty() && set.wanted().made.is_empty() {
        of.place.inner("variations").fault("None of these variations has its settings, so nothing would be made.");
    }
    of.end();
    Some(set)
}

/// The variations by their names.
const NAMES: [(&str, Variation); Variation::ALL.len()] = {
    let mut names = [("", Variation::Background); Variation::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = (Variation::ALL[index].as_str(), Variation::ALL[index]);
        index += 1;
    }
    names
};

fn canvas(of: &mut Members<'_>) -> Option<Canvas> {
    let mut of = of.object("canvas")?;
    let side = 1..=Canvas::MAX_SIDE;
    let (width, height) = (of.whole("width", side.clone()), of.whole("height", side));
    let aspect = of.text("aspect");
    let canvas = match (width, height, aspect) {
        (Some(width), Some(height), None) => {
            if u64::from(width) * u64::from(height) > Canvas::MAX_PIXELS {
                of.place.fault(format!("A canvas may have at most {} megapixels.", Canvas::MAX_PIXELS / 1_000_000));
            }
            Some(Canvas::Size { width, height })
        }
        (None, None, Some(aspect)) => Some(Canvas::Aspect { aspect }),
        _ => {
            // A side that has a fault of its own was told of already.
            if of.place.faults.iter().all(|fault| !fault.path.starts_with(&of.place.path)) {
                of.place.fault("A canvas has either width and height, or aspect.");
            }
            None
        }
    };
    of.end();
    canvas
}

fn background(mut place: Place<'_>, value: Value) -> Option<Background> {
    if let Some(text) = value.as_str() {
        return match text.parse() {
            _ if text == TRANSPARENT => Some(Background::Transparent),
            Ok(color) => Some(Background::Color { color }),
            Err(OutOfRange(_)) => {
                place.fault("This value must be \"transparent\", a color such as \"#f5f5f5\", or an object.");
                None
            }
        };
    }
    let mut of = Members::of(place, value)?;
    let color = of.text("color");
    let image_url = of.take("image_url").and_then(|(mut place, value)| {
        let read = value.as_str().unwrap_or_default().parse::<SourceUrl>();
        read.map_err(|fault| place.fault(format!("This value {fault}."))).ok()
    });
    let fits = [("cover", ImageFit::Cover), ("contain", ImageFit::Contain), ("tile", ImageFit::Tile)];
    let fit = of.choice("fit", &fits);
    let background = match (image_url, color) {
        (Some(image_url), color) => {
            Some(Background::Picture(BackgroundPicture { image_url, fit: fit.unwrap_or_default(), color }))
        }
        (None, Some(color)) => {
            if fit.is_some() {
                of.place.inner("fit").fault("This setting is for an image_url.");
            }
            Some(Background::Color { color })
        }
        (None, None) => {
            if of.place.faults.iter().all(|fault| !fault.path.starts_with(&of.place.path)) {
                of.place.fault("A background has a color or an image_url.");
            }
            None
        }
    };
    of.end();
    background
}

fn align(of: &mut Members<'_>) -> Align {
    let Some(mut of) = of.object("align") else { return Align::default() };
    let horizontal = [("left", Horizontal::Left), ("center", Horizontal::Center), ("right", Horizontal::Right)];
    let vertical = [("top", Vertical::Top), ("center", Vertical::Center), ("bottom", Vertical::Bottom)];
    let by = [("box", AlignBy::Box), ("mass", AlignBy::Mass)];
    let align = Align {
        x: of.choice("x", &horizontal).unwrap_or_default(),
        y: of.choice("y", &vertical).unwrap_or_default(),
        by: of.choice("by", &by).unwrap_or_default(),
    };
    of.end();
    align
}

fn shadow_top(of: &mut Members<'_>) -> Option<ShadowTop> {
    let mut of = of.object("shadow_top")?;
    let usual = ShadowTop::default();
    let shadow = ShadowTop {
        opacity: of.number("opacity").unwrap_or(usual.opacity),
        blur: of.text("blur").unwrap_or(usual.blur),
        spread: of.text("spread").unwrap_or(usual.spread),
        color: of.text("color").unwrap_or(usual.color),
    };
    of.end();
    Some(shadow)
}

fn shadow_wall(of: &mut Members<'_>) -> Option<ShadowWall> {
    let mut of = of.object("shadow_wall")?;
    let usual = ShadowWall::default();
    let shadow = ShadowWall {
        opacity: of.number("opacity").unwrap_or(usual.opacity),
        blur: of.text("blur").unwrap_or(usual.blur),
        spread: of.text("spread").unwrap_or(usual.spread),
        dx: of.text("dx").unwrap_or(usual.dx),
        dy: of.text("dy").unwrap_or(usual.dy),
        fade: of.number("fade").unwrap_or(usual.fade),
        color: of.text("color").unwrap_or(usual.color),
    };
    of.end();
    Some(shadow)
}

fn shadow_ground(of: &mut Members<'_>) -> Option<ShadowGround> {
    let mut of = of.object("shadow_ground")?;
    let usual = ShadowGround::default();
    let shadow = ShadowGround {
        opacity: of.number("opacity").unwrap_or(usual.opacity),
        blur: of.text("blur").unwrap_or(usual.blur),
        color: of.text("color").unwrap_or(usual.color),
    };
    of.end();
    Some(shadow)
}

fn variations(of: &mut Members<'_>) -> Option<Vec<Variation>> {
    let (mut place, value) = of.take("variations")?;
    let Value::Array(names) = value else {
        place.fault("This value must be a list of names.");
        return None;
    };
    if names.is_empty() {
        place.fault("This list must hold at least one name; leave it out for all variations.");
    }
    let mut wanted = Vec::new();
    for (index, name) in names.iter().enumerate().take(MOST_FAULTS) {
        let mut place = place.inner(&format!("[{index}]"));
        match choice(Place { path: place.path.clone(), faults: place.faults }, name, &NAMES) {
            Some(variation) if wanted.contains(&variation) => place.fault("This variation is in the list twice."),
            Some(variation) => wanted.push(variation),
            None => {}
        }
    }
    Some(wanted)
}

fn output(of: &mut Members<'_>) -> OutputSettings {
    let Some(mut of) = of.object("output") else { return OutputSettings::default() };
    let usual = output_of(&mut of);
    let mut per_variation = VariationOutputs::new();
    if let Some(mut of) = of.object("per_variation") {
        for (name, variation) in NAMES {
            if let Some(mut of) = of.object(name) {
                per_variation.insert(variation, output_of(&mut of));
                of.end();
            }
        }
        of.end();
    }
    of.end();
    OutputSettings { usual, per_variation }
}

fn output_of(of: &mut Members<'_>) -> VariationOutput {
    let formats = OutputFormat::NAMES.map(|name| (name, name.parse().unwrap_or_default()));
    let format = of.choice("format", &formats);
    let quality = of.whole("quality", 1..=100).and_then(|quality| u8::try_from(quality).ok()?.try_into().ok());
    let lossless = of.switch("lossless");
    let dpi = of.whole("dpi", 1..=9_999).and_then(|dpi| u16::try_from(dpi).ok()?.try_into().ok());
    VariationOutput { format, quality, lossless, dpi }
}

fn promise(of: &mut Members<'_>) -> Option<Promise> {
    let mut of = of.object("promise")?;
    let background = of.flag("background");
    let fill = of.object("fill").map(|mut of| {
        let range = FillRange { min: of.text::<Fill>("min"), max: of.text::<Fill>("max") };
        if let (Some(min), Some(max)) = (range.min, range.max)
            && min > max
        {
            of.place.fault("The min must not be above the max.");
        }
        of.end();
        range
    });
    let max_bytes = of.whole("max_bytes", 1..=4_000_000_000);
    of.end();
    Some(Promise { background, fill, max_bytes })
}
