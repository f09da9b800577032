//! The metadata of the source that a file leaves out, in sentences for its user.

use cutline_core::OutputFormat;
use cutline_core::domain::choice::sentence_list;

use super::exif::ExifColors;
use super::jpeg_limits as jpeg;
use super::metadata::FileMetadata;
use crate::error::Cause;

impl FileMetadata {
    /// Sentences about the metadata of the source that a file in this format and of these colors leaves out.
    pub(super) fn left_out(&self, format: OutputFormat, colors: ExifColors) -> Result<Vec<String>, Cause> {
        let has_iptc = self.all.as_ref().is_some_and(|all| !all.iptc.is_empty());
        match format {
            OutputFormat::Jpeg => {
                let exif = self.exif_within((1, 1), colors, jpeg::MAX_EXIF)?.left_out;
                let xmp = self.xmp_within(jpeg::MAX_XMP).left_out;
                let sentences = [("Exif", exif), ("XMP", xmp)].into_iter().filter(|(_, names)| !names.is_empty());
                Ok(sentences.map(|(kind, names)| too_long(kind, &names)).collect())
            }
            OutputFormat::Png | OutputFormat::Webp if has_iptc => Ok(vec![format!(
                "The IPTC metadata of the source were not kept: {} holds none. Choose jpg, tiff or psd to keep them.",
                if format == OutputFormat::Png { "a PNG" } else { "a WebP" }
            )]),
            OutputFormat::Png | OutputFormat::Webp | OutputFormat::Tiff | OutputFormat::Psd => Ok(Vec::new()),
        }
    }
}

/// The sentence about metadata of a JPEG that are too long. Of many names the first ones are listed.
fn too_long(kind: &str, names: &[String]) -> String {
    const MAX_NAMES: usize = 5;
    let more = names.len().saturating_sub(MAX_NAMES);
    let more = (more > 0).then(|| format!("{more} more"));
    let listed = names.iter().take(MAX_NAMES).map(String::as_str).chain(more.as_deref());
    format!(
        "A part of the source's {kind} metadata was not kept, since a JPEG holds 64 KB of them: {}. Choose another format \
         to keep it.",
        sentence_list(listed, "and")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_listed_in_part() {
        let names: Vec<_> = (0..8).map(|at| format!("the tag {at}")).collect();
        assert!(too_long("Exif", &names).contains("the tag 4 and 3 more."), "{}", too_long("Exif", &names));
    }
}
