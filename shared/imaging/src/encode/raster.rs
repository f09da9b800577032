//! The pixels of a cut-out, row by row, as encoders consume them.

use cutline_core::Channels;

use crate::file_colors::BitDepth;
use crate::planes::PlanarRgba;
use crate::sample::ColorSample;

/// The order of the bytes of a 16-bit sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    BigEndian,
    LittleEndian,
}

impl ByteOrder {
    pub(super) fn bytes(self, sample: u16) -> [u8; 2] {
        match self {
            Self::BigEndian => sample.to_be_bytes(),
            Self::LittleEndian => sample.to_le_bytes(),
        }
    }

    pub(super) fn sample(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::BigEndian => u16::from_be_bytes(bytes),
            Self::LittleEndian => u16::from_le_bytes(bytes),
        }
    }
}

/// Rows of interleaved samples, assembled on demand. Interleaving the whole picture would take another four samples a
/// pixel.
#[derive(Clone, Copy)]
pub(super) struct Raster<'a, T: ColorSample> {
    cutout: &'a PlanarRgba<T>,
    channels: Channels,
    depth: BitDepth,
    order: ByteOrder,
}

impl<'a, T: ColorSample> Raster<'a, T> {
    pub(super) fn new(cutout: &'a PlanarRgba<T>, channels: Channels, depth: BitDepth, order: ByteOrder) -> Self {
        Self { cutout, channels, depth, order }
    }

    /// Width and height in pixels.
    pub(super) fn dimensions(&self) -> (u32, u32) {
        self.cutout.dimensions()
    }

    /// Whether the samples are RGBA or CMYKA; otherwise they are alpha alone.
    pub(super) fn is_color(&self) -> bool {
        self.channels == Channels::Rgba
    }

    /// Whether the samples are CMYKA: inks, of which 0 is none.
    pub(super) fn has_inks(&self) -> bool {
        self.is_color() && self.cutout.black().is_some()
    }

    /// Samples a pixel: 5, 4 or 1.
    pub(super) fn samples(&self) -> usize {
        match self.channels {
            Channels::Rgba if self.has_inks() => 5,
            Channels::Rgba => 4,
            Channels::Alpha => 1,
        }
    }

    /// Bits a sample.
    pub(super) fn depth(&self) -> BitDepth {
        self.depth
    }

    /// Bytes a pixel.
    pub(super) fn pixel(&self) -> usize {
        self.samples() * self.depth.bytes()
    }

    /// Bytes a row.
    pub(super) fn stride(&self) -> usize {
        self.cutout.dimensions().0 as usize * self.pixel()
    }

    /// Writes row `y`, which must exist, into `row` of [`Self::stride`] bytes.
    pub(super) fn copy_row(&self, y: usize, row: &mut [u8]) {
        let width = self.cutout.dimensions().0 as usize;
        let alpha = &self.cutout.alpha().as_raw()[y * width..][..width];
        let color = &self.cutout.color().as_raw()[y * width * 3..][..width * 3];
        if let Some(black) = self.cutout.black().filter(|_| self.is_color()) {
            return self.copy_inks(color, (&black.as_raw()[y * width..][..width], alpha), row);
        }
        match (self.channels, self.depth) {
            (Channels::Alpha, BitDepth::Eight) => row.copy_from_slice(alpha),
            (Channels::Alpha, BitDepth::Sixteen) => {
                for (to, alpha) in row.as_chunks_mut::<2>().0.iter_mut().zip(alpha) {
                    *to = self.order.bytes(alpha.to_u16());
                }
            }
            (Channels::Rgba, BitDepth::Eight) => {
                for ((to, rgb), alpha) in row.chunks_exact_mut(4).zip(color.chunks_exact(3)).zip(alpha) {
                    // Fully transparent pixels are black: their colors would reveal what was cut away.
                    let visible = if *alpha == 0 { 0 } else { u8::MAX };
                    let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(|sample| sample.to_u8() & visible);
                    to.copy_from_slice(&[red, green, blue, *alpha]);
                }
            }
            (Channels::Rgba, BitDepth::Sixteen) => {
                for ((to, rgb), alpha) in row.chunks_exact_mut(8).zip(color.chunks_exact(3)).zip(alpha) {
                    let visible = if *alpha == 0 { 0 } else { u16::MAX };
                    let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(|sample| sample.to_u16() & visible);
                    let samples = [red, green, blue, alpha.to_u16()].map(|sample| self.order.bytes(sample));
                    to.copy_from_slice(samples.as_flattened());
                }
            }
        }
    }
}

impl<T: ColorSample> Raster<'_, T> {
    /// Writes a row of inks and alpha. Fully transparent pixels are bare paper.
    fn copy_inks(&self, color: &[T], (black, alpha): (&[u16], &[u8]), row: &mut [u8]) {
        let pixels = color.as_chunks::<3>().0.iter().zip(black).zip(alpha);
        for (to, ((color, black), alpha)) in row.chunks_exact_mut(self.pixel()).zip(pixels) {
            let [cyan, magenta, yellow] = color.map(ColorSample::to_u16);
            let light = if *alpha == 0 { [u16::MAX; 4] } else { [cyan, magenta, yellow, *black] };
            let [cyan, magenta, yellow, black] = light.map(|light| u16::MAX - light);
            let samples = [cyan, magenta, yellow, black, alpha.to_u16()];
            match self.depth {
                BitDepth::Eight => to.copy_from_slice(&samples.map(ColorSample::to_u8)),
                BitDepth::Sixteen => {
                    to.copy_from_slice(samples.map(|sample| self.order.bytes(sample)).as_flattened());
                }
            }
        }
    }
}

/// `value` over white, the color behind the subject in pictures without alpha. Rounded.
pub(super) fn on_white<T: ColorSample>(value: T, alpha: u8) -> T {
    let (value, alpha) = (value.to_u32(), u32::from(alpha));
    T::from_u32((value * alpha + <T as ColorSample>::MAX * (255 - alpha) + 127) / 255)
}
