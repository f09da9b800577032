//! Command-line values and help texts, derived from the tables of `cutline-core`.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use cutline_core::domain::choice::{InvalidChoice, sentence_list};
use cutline_core::domain::crop::CropChoice;
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::format::FormatInfo;
use cutline_core::domain::params::presets;
use cutline_core::domain::rendering::{Dpi, ExistingClippingPath, KeepMetadata, Quality};
use cutline_core::domain::subject::{Holes, MaskSource};
use cutline_core::{Channels, Mode, OutputFormat};

/// Output formats, in every spelling.
pub(crate) fn format_parser() -> impl TypedValueParser<Value = OutputFormat> {
    parser(OutputFormat::ALL.into_iter().map(|format| {
        let spellings = format.info().spellings;
        PossibleValue::new(format.extension()).aliases(spellings.iter().copied())
    }))
}

/// Modes other than `params`, which the option `--params` selects.
pub(crate) fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    parser(Mode::ALL.into_iter().filter(|mode| *mode != Mode::Params).map(|mode| PossibleValue::new(mode.as_str())))
}

/// The channels of the pictures.
pub(crate) fn channels_parser() -> impl TypedValueParser<Value = Channels> {
    parser(Channels::ALL.into_iter().map(|channels| PossibleValue::new(channels.as_str())))
}

/// What happens to the clipping path of a photo.
pub(crate) fn existing_parser() -> impl TypedValueParser<Value = ExistingClippingPath> {
    parser(ExistingClippingPath::ALL.into_iter().map(|existing| PossibleValue::new(existing.as_str())))
}

/// What the pictures show of the photo.
pub(crate) fn crop_parser() -> impl TypedValueParser<Value = CropChoice> {
    parser(CropChoice::ALL.into_iter().map(|crop| PossibleValue::new(crop.as_str())))
}

/// How much of the photo's metadata is kept.
pub(crate) fn keep_metadata_parser() -> impl TypedValueParser<Value = KeepMetadata> {
    parser(KeepMetadata::ALL.into_iter().map(|kept| PossibleValue::new(kept.as_str())))
}

/// Bits of a channel.
pub(crate) fn depth_parser() -> impl TypedValueParser<Value = Depth> {
    parser(Depth::ALL.into_iter().map(|depth| PossibleValue::new(depth.as_str())))
}

/// The color space of new files.
pub(crate) fn color_parser() -> impl TypedValueParser<Value = ColorSpace> {
    parser(ColorSpace::ALL.into_iter().map(|space| PossibleValue::new(space.as_str())))
}

/// What becomes of enclosed regions.
pub(crate) fn holes_parser() -> impl TypedValueParser<Value = Holes> {
    parser(Holes::ALL.into_iter().map(|holes| PossibleValue::new(holes.as_str())))
}

/// The sources of a mask for a photo that comes without a mask file.
pub(crate) fn mask_source_parser() -> impl TypedValueParser<Value = MaskSource> {
    parser(MaskSource::OF_PICTURE.into_iter().map(|source| PossibleValue::new(source.as_str())))
}

/// The sources of a mask for the photo of a job, which may have a mask file.
pub(crate) fn mask_source_of_job_parser() -> impl TypedValueParser<Value = MaskSource> {
    parser(MaskSource::ALL.into_iter().map(|source| PossibleValue::new(source.as_str())))
}

fn parser<T>(values: impl Iterator<Item = PossibleValue>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = InvalidChoice> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(values).try_map(|text| text.parse())
}

/// The names of the built-in parameter sets, as a list.
pub(crate) fn preset_names() -> String {
    let names: Vec<_> = presets::all().iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

pub(crate) fn params_help() -> String {
    format!("Make the pictures of a parameter set: a JSON file, or the name of a built-in set ({})", preset_names())
}

pub(crate) fn format_help() -> String {
    let opaque = formats_with(|info| !info.has_alpha);
    format!(
        "Format of the results. {opaque} has no transparency and shows the subject on white. [default: the parameter \
         set's, otherwise {}]",
        OutputFormat::default().extension()
    )
}

pub(crate) fn quality_help() -> String {
    let (min, max) = (Quality::MIN, Quality::MAX);
    let lossy = formats_with(|info| info.takes_quality);
    format!("Quality of {lossy}, {min} to {max}. [default: the format's own]")
}

pub(crate) fn dpi_help() -> String {
    let (min, max) = (Dpi::MIN, Dpi::MAX);
    format!("Dots per inch, {min} to {max}. [default: the source's, otherwise 300]")
}

pub(crate) fn path_name_help() -> String {
    let carriers = formats_with(|info| info.carries_path);
    format!("Name of the clipping path in {carriers}. [default: Cutline Path]")
}

/// The formats with a property, as a list in a sentence.
fn formats_with(has: impl Fn(&FormatInfo) -> bool) -> String {
    sentence_list(OutputFormat::ALL.into_iter().filter(|format| has(format.info())).map(OutputFormat::extension), "or")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_texts_name_the_formats_they_apply_to() {
        assert!(quality_help().starts_with("Quality of jpg or webp, 1 to 100."), "{}", quality_help());
        assert!(format_help().contains(" jpg has no transparency"), "{}", format_help());
        assert!(path_name_help().contains("jpg, psd or tiff"), "{}", path_name_help());
        assert!(params_help().contains("amazon-main"), "{}", params_help());
    }
}
