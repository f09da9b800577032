//! What a user may set about the results. The same as the fields of an upload, by the same rules.

use clap::ValueEnum;
use cutline_core::rendering::{Dpi, Flatness, Inset, PathName, PathOptions, Quality};
use cutline_core::{Channels, Mode, OutputFormat, Rendering};

/// How the results are made and written.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// What is made: `background` is the subject with soft edges on transparency; `clipping` is the subject cut
    /// along a path, with hard edges.
    #[arg(long, default_value = "background", value_name = "MODE")]
    mode: ModeArg,

    /// The format of the results. A jpg has no transparency: there the subject lies on white.
    #[arg(long, default_value = "png", value_name = "FORMAT")]
    format: FormatArg,

    /// What of the results is written: colours and alpha, or alpha alone as a grey picture.
    #[arg(long, default_value = "rgba", value_name = "CHANNELS")]
    channels: ChannelsArg,

    /// Quality of a jpg or a webp, 1 to 100. [default: the format's own]
    #[arg(long, value_name = "N")]
    quality: Option<Quality>,

    /// Keep the colours of a webp without loss.
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
    #[arg(long)]
    svg: bool,
}

impl Settings {
    /// Mode, format, the rest of what the pipeline is told, and whether the path is wanted as SVG.
    ///
    /// # Errors
    /// If the path is wanted and none is made.
    pub(super) fn read(self) -> anyhow::Result<(Mode, OutputFormat, Rendering, bool)> {
        let Self { mode, format, channels, quality, lossless, dpi, path_name, path_flatness, path_inset, svg } = self;
        let mode = mode.into();
        anyhow::ensure!(!svg || mode == Mode::Clipping, "--svg writes the clipping path; it needs --mode clipping");
        let path = PathOptions {
            name: path_name.unwrap_or_default(),
            flatness: path_flatness.unwrap_or_default(),
            inset: path_inset.unwrap_or_default(),
        };
        let channels = channels.into();
        Ok((mode, format.into(), Rendering { channels, quality, lossless, dpi, path }, svg))
    }
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
        let (mode, format, rendering, svg) = parsed(&[]).expect("parses").read().expect("is good");
        assert_eq!((mode, format, svg), (Mode::Background, OutputFormat::Png, false));
        assert_eq!(rendering, Rendering::default());
    }

    #[test]
    fn every_setting_arrives() {
        let all = "--mode clipping --format tiff --channels alpha --quality 80 --lossless --dpi 72 --path-name Pfad \
                   --path-flatness 0.5 --path-inset 1.5 --svg";
        let all: Vec<_> = all.split_whitespace().collect();
        let (mode, format, rendering, svg) = parsed(&all).expect("parses").read().expect("is good");
        assert_eq!((mode, format, svg), (Mode::Clipping, OutputFormat::Tiff, true));
        let expected = serde_json::json!({
            "channels": "alpha", "quality": 80, "lossless": true, "dpi": 72,
            "path": {"name": "Pfad", "flatness": 0.5, "inset": 1.5},
        });
        assert_eq!(serde_json::to_value(rendering).expect("serialises"), expected);
    }

    #[test]
    fn all_six_spellings_of_a_format_are_taken() {
        for format in ["png", "jpg", "jpeg", "psd", "tiff", "webp"] {
            let (_, read, ..) = parsed(&["--format", format]).expect("parses").read().expect("is good");
            assert_eq!(Ok(read), format.parse());
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
    fn no_path_can_be_written_where_none_is_made() {
        let error = parsed(&["--svg"]).expect("parses").read().expect_err("is refused");
        assert!(error.to_string().contains("--mode clipping"), "{error}");
    }
}
