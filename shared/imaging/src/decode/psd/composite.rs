//! Composing the layers of a document that has no merged image.
//!
//! Layers are read row by row, so that only the canvas, and one more for each open group, are held. Samples blend as
//! stored: inks are stored inverted, so that multiplying them darkens too.

use super::channel::{ChannelRows, ChannelSizes, Rect};
use super::header::Header;
use super::kind::KIND;
use super::tree::{Blend, Node};
use crate::decode::color::Sample;
use crate::decode::limits::{Limits, PixelBudget};
use crate::error::Error;

/// All layers together may have this many times the pixels of the largest image.
const PIXELS_FACTOR: u64 = 10;
const ALPHA: i16 = -1;
const MASK: i16 = -2;

/// Colors and alpha of the whole document, straight, pixel by pixel.
pub(super) struct Canvas<T> {
    pub(super) samples: Vec<T>,
    /// Samples of a pixel: colors and alpha.
    pub(super) stride: usize,
    columns: usize,
}

/// Composes layers into canvases.
pub(super) struct Composer<'a> {
    header: &'a Header,
    /// Samples of a color.
    colors: usize,
    limits: &'a Limits,
    budget: PixelBudget,
}

/// How a layer is laid over a canvas.
#[derive(Clone, Copy)]
struct Over {
    blend: Blend,
    opacity: f32,
}

impl<'a> Composer<'a> {
    pub(super) fn new(header: &'a Header, colors: usize, limits: &'a Limits) -> Self {
        let budget = PixelBudget::new(limits.max_pixels.saturating_mul(PIXELS_FACTOR));
        Self { header, colors, limits, budget }
    }

    /// Composes nodes from bottom to top, on transparency.
    pub(super) fn compose<T: Sample>(&self, nodes: &[Node<'_>]) -> Result<Canvas<T>, Error> {
        let mut canvas = self.canvas(1)?;
        self.draw(&mut canvas, nodes, 1)?;
        Ok(canvas)
    }

    /// A transparent canvas, of which `count` are held together.
    fn canvas<T: Sample>(&self, count: u64) -> Result<Canvas<T>, Error> {
        let (width, height) = self.header.size;
        let stride = self.colors + 1;
        let samples = width as usize * height as usize * stride;
        self.limits.check_alloc((samples * size_of::<T>()) as u64 * count)?;
        Ok(Canvas { samples: vec![T::default(); samples], stride, columns: width as usize })
    }

    /// Draws nodes on a canvas, the last of `depth`.
    fn draw<T: Sample>(&self, canvas: &mut Canvas<T>, nodes: &[Node<'_>], depth: u64) -> Result<(), Error> {
        for node in nodes {
            match &node.children {
                None => self.draw_layer(canvas, node)?,
                Some(children) => self.draw_group(canvas, node, children, depth)?,
            }
        }
        Ok(())
    }

    fn draw_group<T: Sample>(
        &self,
        canvas: &mut Canvas<T>,
        node: &Node<'_>,
        children: &[Node<'_>],
        depth: u64,
    ) -> Result<(), Error> {
        let mut mask = self.mask(node)?;
        if node.blend == Blend::PassThrough && node.opacity == 1.0 && mask.is_none() {
            return self.draw(canvas, children, depth);
        }
        let mut group = self.canvas(depth + 1)?;
        if node.blend == Blend::PassThrough {
            group.samples.copy_from_slice(&canvas.samples);
        }
        self.draw(&mut group, children, depth + 1)?;
        let mut shares = vec![0.0; canvas.columns];
        for (y, (below, above)) in canvas.rows().zip(group.rows()).enumerate() {
            read_mask_row(mask.as_mut(), y as i32, &mut shares)?;
            let pixels = below.chunks_exact_mut(self.colors + 1).zip(above.chunks_exact(self.colors + 1));
            for ((below, above), share) in pixels.zip(&shares) {
                let over = Over { blend: node.blend, opacity: node.opacity * share };
                if node.blend == Blend::PassThrough {
                    fade(below, above, over.opacity)
                } else {
                    lay_over(below, above, over)
                }
            }
        }
        Ok(())
    }

    fn draw_layer<T: Sample>(&self, canvas: &mut Canvas<T>, node: &Node<'_>) -> Result<(), Error> {
        let record = &node.record;
        let visible = record.rect.on_canvas(self.header.size);
        if visible.pixels() == 0 {
            return Ok(());
        }
        if !self.budget.spend(record.rect.pixels()) {
            return Err(Error::unsupported(KIND, "too many large layers", "merge some of them"));
        }
        let rows = |id| match record.channel(id) {
            Some(data) => ChannelRows::new(data, record.rect, self.sizes()).map(Some),
            None => Ok(None),
        };
        let mut colors = Vec::new();
        for id in 0..self.colors {
            let missing = || Error::damaged(KIND, "a layer lacks a color");
            colors.push(rows(id as i16)?.ok_or_else(missing)?);
        }
        let (mut alpha, mut mask) = (rows(ALPHA)?, self.mask(node)?);
        let columns = visible.left as usize..visible.right as usize;
        let skipped = (i64::from(visible.left) - i64::from(record.rect.left)) as usize;
        let mut layer = vec![T::default(); columns.len() * canvas.stride];
        let mut shares = vec![0.0; canvas.columns];
        for y in visible.top..visible.bottom {
            read_mask_row(mask.as_mut(), y, &mut shares)?;
            for (channel, rows) in colors.iter_mut().map(Some).chain([alpha.as_mut()]).enumerate() {
                read_samples(rows, y, skipped, layer.iter_mut().skip(channel).step_by(self.colors + 1))?;
            }
            let row = &mut canvas.samples[y as usize * canvas.columns * canvas.stride..];
            let below = row[columns.start * canvas.stride..].chunks_exact_mut(canvas.stride);
            let above = layer.chunks_exact(canvas.stride);
            for ((below, above), share) in below.zip(above).zip(&shares[columns.clone()]) {
                lay_over(below, above, Over { blend: node.blend, opacity: node.opacity * share });
            }
        }
        Ok(())
    }

    /// The mask of a node, and its value outside of its rectangle.
    fn mask<'b>(&self, node: &Node<'b>) -> Result<Option<MaskRows<'b>>, Error> {
        let Some((mask, data)) = node.record.enabled_mask().zip(node.record.channel(MASK)) else { return Ok(None) };
        if !self.budget.spend(mask.rect.pixels()) {
            return Err(Error::unsupported(KIND, "too many large layers", "merge some of them"));
        }
        let sizes = self.sizes();
        let rows = ChannelRows::new(data, mask.rect, sizes)?;
        Ok(Some(MaskRows { rows, outside: f32::from(mask.outside) / 255.0, sample_size: sizes.sample }))
    }

    fn sizes(&self) -> ChannelSizes {
        let sample = if self.header.depth == 16 { 2 } else { 1 };
        ChannelSizes { sample, row_length: if self.header.is_large { 4 } else { 2 } }
    }
}

impl<T> Canvas<T> {
    fn rows(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.samples.chunks_exact_mut(self.columns * self.stride)
    }
}

struct MaskRows<'a> {
    rows: ChannelRows<'a>,
    outside: f32,
    sample_size: usize,
}

/// Reads the shares of row `y` of the canvas that a mask leaves visible, from 0 to 1.
fn read_mask_row(mask: Option<&mut MaskRows<'_>>, y: i32, shares: &mut [f32]) -> Result<(), Error> {
    let Some(mask) = mask else {
        shares.fill(1.0);
        return Ok(());
    };
    shares.fill(mask.outside);
    let Rect { left, .. } = mask.rows.rect();
    let size = mask.sample_size;
    let Some(row) = mask.rows.row(y)? else { return Ok(()) };
    // The highest byte of a sample is exact enough for a mask of 16 bits; the row begins at `left`.
    let (skipped, start) = ((-i64::from(left)).max(0) as usize, left.max(0) as usize);
    let values = row.chunks_exact(size).skip(skipped);
    for (share, value) in shares.iter_mut().skip(start).zip(values) {
        *share = number(value) as f32 / max(size);
    }
    Ok(())
}

/// Reads the samples of one channel in row `y`, without the first ones. A channel that is missing is opaque alpha.
fn read_samples<'t, T: Sample>(
    rows: Option<&mut ChannelRows<'_>>,
    y: i32,
    skipped: usize,
    samples: impl Iterator<Item = &'t mut T>,
) -> Result<(), Error> {
    let Some(rows) = rows else {
        samples.for_each(|sample| *sample = T::from_u32(T::MAX));
        return Ok(());
    };
    let Some(row) = rows.row(y)? else { return Ok(()) };
    for (sample, value) in samples.zip(row.chunks_exact(size_of::<T>()).skip(skipped)) {
        *sample = T::from_u32(number(value));
    }
    Ok(())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn max(size: usize) -> f32 {
    if size == 1 { 255.0 } else { 65_535.0 }
}

/// Lays a pixel over another (PDF 2.0, section 11.3.6).
fn lay_over<T: Sample>(below: &mut [T], above: &[T], over: Over) {
    let unit = |sample: T| sample.to_u32() as f32 / T::MAX as f32;
    let colors = above.len() - 1;
    let alpha_above = unit(above[colors]) * over.opacity;
    if alpha_above == 0.0 {
        return;
    }
    let alpha_below = unit(below[colors]);
    let alpha = alpha_above + alpha_below * (1.0 - alpha_above);
    for (below, above) in below[..colors].iter_mut().zip(above) {
        let (under, source) = (unit(*below), unit(*above));
        let blended = if over.blend == Blend::Multiply { under * source } else { source };
        let color = (1.0 - alpha_above) * alpha_below * under
            + alpha_above * ((1.0 - alpha_below) * source + alpha_below * blended);
        *below = to_sample(color / alpha);
    }
    below[colors] = to_sample(alpha);
}

/// Fades from one pixel to another.
fn fade<T: Sample>(from: &mut [T], to: &[T], share: f32) {
    let unit = |sample: T| sample.to_u32() as f32 / T::MAX as f32;
    let colors = to.len() - 1;
    let (alpha_from, alpha_to) = (unit(from[colors]) * (1.0 - share), unit(to[colors]) * share);
    let alpha = alpha_from + alpha_to;
    if alpha > 0.0 {
        for (from, to) in from[..colors].iter_mut().zip(to) {
            *from = to_sample((unit(*from) * alpha_from + unit(*to) * alpha_to) / alpha);
        }
    }
    from[colors] = to_sample(alpha);
}

fn to_sample<T: Sample>(value: f32) -> T {
    // A cast from a float saturates.
    T::from_u32((value * T::MAX as f32 + 0.5) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blends_as_the_standard_says() {
        let over = |blend, opacity| Over { blend, opacity };
        let mut pixel = [100_u8, 255];
        lay_over(&mut pixel, &[200, 255], over(Blend::Normal, 0.5));
        assert_eq!(pixel, [150, 255]);
        let mut pixel = [128_u8, 255];
        lay_over(&mut pixel, &[128, 255], over(Blend::Multiply, 1.0));
        assert_eq!(pixel, [64, 255]);
        // Over nothing, multiplying changes nothing.
        let mut pixel = [0_u8, 0];
        lay_over(&mut pixel, &[77, 128], over(Blend::Multiply, 1.0));
        assert_eq!(pixel, [77, 128]);
        let mut pixel = [9_u16, 8];
        lay_over(&mut pixel, &[77, 0], over(Blend::Normal, 1.0));
        assert_eq!(pixel, [9, 8]);
    }

    #[test]
    fn fades_between_straight_colors() {
        let mut pixel = [100_u8, 0];
        fade(&mut pixel, &[200, 255], 0.5);
        assert_eq!(pixel, [200, 128]);
        let mut pixel = [100_u8, 255];
        fade(&mut pixel, &[200, 255], 0.5);
        assert_eq!(pixel, [150, 255]);
    }
}
