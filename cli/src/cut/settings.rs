//! What a user may set about the results. The same as the fields of an upload, by the same rules.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use cutline_core::domain::params::{InvalidParams, presets};
use cutline_core::domain::rendering::{Dpi, Flatness, Inset, PathName, PathOptions, Quality};
use cutline_core::{Channels, Mode, OutputFormat, ParamSet, Rendering};

/// How the results are made and written.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// What is made: `background` is the subject with soft edges on transparency; `clipping` is the subject cut
    /// along a path, with hard edges.
    #[arg(long, default_value = "background", value_name = "MODE")]
    mode: ModeArg,

    /// Make the pictures of a parameter set: the file that holds one as JSON, or the name of a built-in one
    /// (amazon-main, ebay, flat-lay, google-merchant, transparent, wall).
    #[arg(long, value_name = "FILE|NAME", conflicts_with = "mode")]
    params: Option<String>,

    /// The format of the results. A jpg has no transparency: there the subject lies on white.
    /// [default: the parameter set's, else png]
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatArg>,

    /// What of the results is written: colors and alpha, or alpha alone as a gray picture.
    #[arg(long, default_value = "rgba", value_name = "CHANNELS")]
    channels: ChannelsArg,

    /// Quality of a jpg or a webp, 1 to 100. [default: the format's own]
    #[arg(long, value_name = "N")]
    quality: Option<Quality>,

    /// Keep the colors of a webp without loss.
    #[arg(long)]
    lossless: bool,

    /// Dots per inch, 1 to 9999. [default: those of the source, else 300]
    #[arg(long, value_name = "N")]
    dpi: Option<Dpi>,

    /// With mode clipping: the path's name in a psd, tiff or jpg. [default: Cutline Path]
    #[arg(long, value_name = "NAME")]
    path_name: Option<PathName>,

    /// With mode clipping: how far a printing device may depart from the path's curves, in its own pixels, 0.2
    /// to 100. [default: left to the device]
    #[arg(long, value_name = "PIXELS")]
    path_flatness: Option<Flatness>,

    /// With mode clipping: how far the path lies inside of the outline, in pixels of the picture, 0 to 2.
    /// [default: 0]
    #[arg(long, value_name = "PIXELS")]
    path_inset: Option<Inset>,

    /// With mode clipping: write the path as SVG too, beside each result.
    #[arg(long, conflicts_with = "params")]
    svg: bool,
}

/// What the user asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) mode: Mode,
    pub(super) format: Option<OutputFormat>,
    pub(super) rendering: Rendering,
    pub(super) set: Option<ParamSet>,
    /// Whether the path is wanted as SVG.
    pub(super) svg: bool,
}

impl Settings {
    /// What is asked for.
    ///
    /// # Errors
    /// If the path is wanted and none is made, or there is no such parameter set.
    pub(super) fn read(self) -> anyhow::Result<Wish> {
        let Self { mode, params, format, channels, quality, lossless, dpi, path_name, path_flatness, path_inset, svg } =
            self;
        let set = params.as_deref().map(set_of).transpose()?;
        let mode = if set.is_some() { Mode::Params } else { mode.into() };
        anyhow::ensure!(!svg || mode == Mode::Clipping, "--svg writes the clipping path; it needs --mode clipping");
        let path = PathOptions {
            name: path_name.unwrap_or_default(),
            flatness: path_flatness.unwrap_or_default(),
            inset: path_inset.unwrap_or_default(),
        };
        // The switch can only turn it on: without it nothing is said, and the parameter set decides.
        let lossless = lossless.then_some(true);
        let rendering = Rendering { channels: channels.into(), quality, lossless, dpi, path };
        Ok(Wish { mode, format: format.map(Into::into), rendering, set, svg })
    }
}

/// The parameter set in a file, or the built-in one of that name. A file goes first: whoever has one of that name
/// means it.
fn set_of(params: &str) -> anyhow::Result<ParamSet> {
    let path = Path::new(params);
    if path.is_file() {
        let text = fs::read_to_string(path).with_context(|| format!("{params} cannot be read"))?;
        return ParamSet::parse(&text).map_err(|InvalidParams(faults)| {
            let faults: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            anyhow::anyhow!("{params} is no parameter set:{}", faults.concat())
        });
    }
    presets::find(params).cloned().with_context(|| {
        let names: Vec<_> = presets::all().iter().map(|(name, _)| name.as_str()).collect();
        format!("there is no file {params}, and no built-in parameter set of that name ({})", names.join(", "))
    })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    Background,
    Clipping,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Background => Self::Background,
            ModeArg::Clipping => Self::Clipping,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Png,
    #[value(alias = "jpeg")]
    Jpg,
    Psd,
    Tiff,
    Webp,
}

impl From<FormatArg> for OutputFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Png => Self::Png,
            FormatArg::Jpg => Self::Jpeg,
            FormatArg::Psd => Self::Psd,
            FormatArg::Tiff => Self::Tiff,
            FormatArg::Webp => Self::Webp,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChannelsArg {
    Rgba,
    Alpha,
}

impl From<ChannelsArg> for Channels {
    fn from(channels: ChannelsArg) -> Self {
        match channels {
            ChannelsArg::Rgba => Self::Rgba,
            ChannelsArg::Alpha => Self::Alpha,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn parsed(arguments: &[&str]) -> Result<Settings, clap::Error> {
        Line::try_parse_from([&["cut"], arguments].concat()).map(|line| line.settings)
    }

    #[test]
    fn the_default_is_a_soft_cut_out_as_png() {
        let Wish { mode, format, rendering, set, svg } = parsed(&[]).expect("parses").read().expect("is good");
        assert_eq!((mode, format, set, svg), (Mode::Background, None, None, false));
        assert_eq!(rendering, Rendering::default());
    }

    #[test]
    fn every_setting_arrives() {
        let all = "--mode clipping --format tiff --channels alpha --quality 80 --lossless --dpi 72 --path-name Pfad \
                   --path-flatness 0.5 --path-inset 1.5 --svg";
        let all: Vec<_> = all.split_whitespace().collect();
        let Wish { mode, format, rendering, svg, .. } = parsed(&all).expect("parses").read().expect("is good");
        assert_eq!((mode, format, svg), (Mode::Clipping, Some(OutputFormat::Tiff), true));
        let expected = serde_json::json!({
            "channels": "alpha", "quality": 80, "lossless": true, "dpi": 72,
            "path": {"name": "Pfad", "flatness": 0.5, "inset": 1.5},
        });
        assert_eq!(serde_json::to_value(rendering).expect("serialises"), expected);
    }

    #[test]
    fn all_six_spellings_of_a_format_are_taken() {
        for format in ["png", "jpg", "jpeg", "psd", "tiff", "webp"] {
            let read = parsed(&["--format", format]).expect("parses").read().expect("is good").format;
            assert_eq!(read, format.parse().ok());
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_what_it_must_be() {
        let cases = [
            ("--quality", "101", "1 to 100"),
            ("--quality", "high", "1 to 100"),
            ("--dpi", "0", "1 to 9999"),
            ("--path-flatness", "0.1", "0.2 to 100"),
            ("--path-inset", "NaN", "0 to 2"),
            ("--path-name", "", "1 to 63 characters"),
        ];
        for (flag, value, must_be) in cases {
            let error = parsed(&[flag, value]).expect_err("is refused").to_string();
            assert!(error.contains(flag) && error.contains(must_be), "{error}");
        }
    }

    #[test]
    fn a_parameter_set_is_a_file_or_built_in() {
        let built_in = parsed(&["--params", "wall"]).expect("parses").read().expect("is good");
        assert_eq!((built_in.mode, built_in.set.as_ref()), (Mode::Params, presets::find("wall")));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("set.json");
        let named = file.to_str().expect("is text");
        fs::write(&file, r#"{"margin": "8%"}"#).expect("is written");
        assert!(parsed(&["--params", named]).expect("parses").read().expect("is good").set.is_some());
        fs::write(&file, r#"{"margin": 8, "fill": "x"}"#).expect("is written");
        let error = parsed(&["--params", named]).expect("parses").read().expect_err("is refused").to_string();
        assert!(error.contains("\n  margin: This value must be") && error.contains("\n  fill: "), "{error}");
        let error = parsed(&["--params", "walls"]).expect("parses").read().expect_err("is refused").to_string();
        assert!(error.contains("no file walls") && error.contains("transparent, wall"), "{error}");
        for other in [&["--mode", "clipping"][..], &["--svg"]] {
            assert!(parsed(&[&["--params", "wall"], other].concat()).is_err());
        }
    }

    #[test]
    fn no_path_can_be_written_where_none_is_made() {
        let error = parsed(&["--svg"]).expect("parses").read().expect_err("is refused");
        assert!(error.to_string().contains("--mode clipping"), "{error}");
    }
}
