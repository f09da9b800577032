//! HEIC by libheif: from a file to the samples of its primary image.
//!
//! libheif crops and turns it. Not here: sizes, limits, profiles and metadata, which `cutline-imaging` reads from the
//! container before it asks for a decoder. See the README for the license of libheif.

use std::fmt;

use cutline_imaging::decode::{HeicDecoder, HeicFault, HeicPixels};
use libheif_rs::{ColorSpace, HeifContext, HeifError, HeifErrorCode, LibHeif, RgbChroma};

/// A picture of 64 x 64 gray pixels. Decoding it loads all that the library loads on first use.
const SMALLEST: &[u8] = include_bytes!("gray.heic");

/// Why libheif is of no use on this machine.
#[derive(Debug, thiserror::Error)]
#[error("libheif cannot decode HEIC: {0}; install its decoder libde265")]
pub struct UnusableLibrary(String);

/// libheif, started.
pub struct Libheif {
    library: LibHeif,
}

impl Libheif {
    /// Starts libheif: loads its plugins, and decodes a small picture. Later calls open no file, so that they work in an
    /// image worker that has given up its rights.
    ///
    /// # Errors
    /// [`UnusableLibrary`] if libheif has no decoder for HEVC.
    pub fn start() -> Result<Self, UnusableLibrary> {
        let library = LibHeif::new_checked().map_err(|error| UnusableLibrary(error.to_string()))?;
        let started = Self { library };
        started.decode(SMALLEST, &mut |_| {}).map_err(|fault| UnusableLibrary(fault.to_string()))?;
        Ok(started)
    }

    /// The version of libheif, such as `1.15.1`.
    pub fn version(&self) -> String {
        self.library.version().map(|number| number.to_string()).join(".")
    }
}

impl fmt::Debug for Libheif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Libheif").field(&self.version()).finish()
    }
}

impl HeicDecoder for Libheif {
    fn decode(&self, file: &[u8], read: &mut dyn FnMut(&HeicPixels<'_>)) -> Result<(), HeicFault> {
        let mut context = HeifContext::read_from_bytes(file).map_err(fault)?;
        // On this thread: a worker's threads are counted.
        context.set_max_decoding_threads(0);
        let handle = context.primary_image_handle().map_err(fault)?;
        let has_alpha = handle.has_alpha_channel();
        let is_deep = handle.luma_bits_per_pixel() > 8;
        let chroma = match (is_deep, has_alpha) {
            (false, false) => RgbChroma::Rgb,
            (false, true) => RgbChroma::Rgba,
            (true, false) => RgbChroma::HdrRgbLe,
            (true, true) => RgbChroma::HdrRgbaLe,
        };
        // Without options: libheif-rs frees them before they are used, up to 0.22 at least. By default, libheif crops and turns.
        let image = self.library.decode(&handle, ColorSpace::Rgb(chroma), None).map_err(fault)?;
        let planes = image.planes();
        let plane = planes.interleaved.ok_or_else(|| HeicFault::Damaged("libheif returned no pixels".into()))?;
        read(&HeicPixels {
            size: (plane.width, plane.height),
            depth: u32::from(plane.bits_per_pixel),
            has_alpha,
            stride: plane.stride,
            data: plane.data,
        });
        Ok(())
    }
}

fn fault(error: HeifError) -> HeicFault {
    match error.code {
        HeifErrorCode::UnsupportedFeature | HeifErrorCode::UnsupportedFileType => HeicFault::Unsupported(error.into()),
        HeifErrorCode::MemoryAllocationError => HeicFault::TooMuchMemory,
        _ => HeicFault::Damaged(error.into()),
    }
}
