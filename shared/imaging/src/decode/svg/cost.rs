//! What drawing an SVG may take, told from its unfolded tree before anything is drawn: how many pixels are touched how
//! often, and how many canvases are held at once.

use cutline_core::kind::ImageKind;
use resvg::usvg::filter::Kind;
use resvg::usvg::{Group, Node, Paint, Path, Tree};

use super::super::{Limits, unsupported};
use crate::error::Error;

/// The most pixels that may be touched, each time counted. A pixel takes some nanoseconds.
const MAX_WORK: f64 = 1.2e10;
/// The most nodes that are drawn, patterns' each time that they are.
const MAX_VISITS: u64 = 2_000_000;
/// What a node takes beside its pixels, in pixels.
const NODE: f64 = 200.0;
/// What a dash takes, in pixels.
const DASH: f64 = 100.0;
/// The canvases that a layer takes at most: itself, and one for its mask or clipping path.
const LAYER: u64 = 2;

struct Bill {
    canvas: f64,
    scale: f64,
    work: f64,
    visits: u64,
    /// Canvases held at once, and the most of them.
    held: u64,
    most: u64,
}

/// Refuses a tree whose drawing on a canvas of this size would take too long or too much memory.
pub(super) fn check(tree: &Tree, (width, height): (u32, u32), limits: &Limits) -> Result<(), Error> {
    let canvas = f64::from(width) * f64::from(height);
    let scale = f64::from(width) / f64::from(tree.size().width());
    let mut bill = Bill { canvas, scale, work: canvas, visits: 0, held: 2, most: 2 };
    let refused = |reason| Err(unsupported(ImageKind::Svg, "simplify it, or export it as a PNG", reason));
    if bill.group(tree.root()).is_none() {
        return refused("drawing it would take too long");
    }
    if bill.most as f64 * canvas * 4.0 > limits.max_alloc as f64 {
        return refused("too many layers lie on one another");
    }
    Ok(())
}

impl Bill {
    /// Adds work; none once it is too much.
    fn add(&mut self, pixels: f64) -> Option<()> {
        self.visits += 1;
        // What is no number is too much.
        self.work += if pixels.is_finite() { pixels.max(0.0) + NODE } else { f64::INFINITY };
        (self.work <= MAX_WORK && self.visits <= MAX_VISITS).then_some(())
    }

    fn hold(&mut self, canvases: u64) {
        self.held += canvases;
        self.most = self.most.max(self.held);
    }

    fn group(&mut self, group: &Group) -> Option<()> {
        let layer = group.should_isolate();
        let mut canvases = if layer { LAYER } else { 0 };
        self.add(if layer { 3.0 * self.canvas } else { 0.0 })?;
        let (across, down) = group.abs_transform().get_scale();
        let scale = f64::from(across.max(down)) * self.scale;
        for filter in group.filters() {
            // Each primitive makes a picture, kept to its end, and may take two further ones for its inputs.
            canvases += filter.primitives().len() as u64 + 4;
            for primitive in filter.primitives() {
                self.add(weight(primitive.kind(), scale).min(4.0 * self.canvas) * self.canvas)?;
                if let Kind::Image(image) = primitive.kind() {
                    self.group(image.root())?;
                }
            }
        }
        self.hold(canvases);
        if let Some(clip) = group.clip_path() {
            self.group(clip.root())?;
            let mut next = clip.clip_path();
            while let Some(clip) = next {
                self.add(2.0 * self.canvas)?;
                self.group(clip.root())?;
                next = clip.clip_path();
            }
        }
        let mut next = group.mask();
        while let Some(mask) = next {
            self.add(4.0 * self.canvas)?;
            self.hold(LAYER);
            canvases += LAYER;
            self.group(mask.root())?;
            next = mask.mask();
        }
        for child in group.children() {
            match child {
                Node::Group(group) => self.group(group)?,
                Node::Path(path) => self.path(path)?,
                Node::Image(image) => {
                    // Decoded anew each time.
                    let bytes = match image.kind() {
                        resvg::usvg::ImageKind::PNG(png) => png.len() as f64,
                        _ => 0.0,
                    };
                    let size = image.size();
                    self.add(self.canvas * 3.0 + bytes + f64::from(size.width()) * f64::from(size.height()))?;
                }
                Node::Text(_) => {}
            }
        }
        self.held -= canvases;
        Some(())
    }

    fn path(&mut self, path: &Path) -> Option<()> {
        let points = path.data().points().len() as f64;
        let bounds = path.abs_stroke_bounding_box();
        let pixels = f64::from(bounds.width()) * f64::from(bounds.height()) * self.scale * self.scale;
        self.add(pixels.min(self.canvas) + 20.0 * points)?;
        if let Some(fill) = path.fill() {
            self.paint(fill.paint())?;
        }
        if let Some(stroke) = path.stroke() {
            self.add(pixels.min(self.canvas) + 50.0 * points)?;
            self.paint(stroke.paint())?;
            if let Some(dashes) = stroke.dasharray() {
                let points = path.data().points();
                let length: f64 = points.windows(2).map(|ends| f64::from(ends[0].distance(ends[1]))).sum();
                let period: f64 = dashes.iter().map(|dash| f64::from(*dash)).sum();
                self.add(DASH * dashes.len() as f64 * length / period.max(f64::MIN_POSITIVE))?;
            }
        }
        Some(())
    }

    /// A pattern is drawn anew for each that is filled with it.
    fn paint(&mut self, paint: &Paint) -> Option<()> {
        let Paint::Pattern(pattern) = paint else { return Some(()) };
        self.add(2.0 * self.canvas)?;
        self.hold(1);
        self.group(pattern.root())?;
        self.held -= 1;
        Some(())
    }
}

/// How often a primitive touches each pixel, or what comes to as much. A radius grows with the drawing.
fn weight(kind: &Kind, scale: f64) -> f64 {
    match kind {
        Kind::Morphology(morphology) => {
            let side = |radius: f32| f64::from(radius) * scale * 2.0 + 1.0;
            4.0 * side(morphology.radius_x().get()) * side(morphology.radius_y().get())
        }
        Kind::ConvolveMatrix(convolution) => {
            4.0 * f64::from(convolution.matrix().columns()) * f64::from(convolution.matrix().rows())
        }
        Kind::Turbulence(turbulence) => 40.0 * f64::from(turbulence.num_octaves().max(1)),
        Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => 40.0,
        Kind::GaussianBlur(_) | Kind::DropShadow(_) => 30.0,
        Kind::Merge(merge) => 2.0 + merge.inputs().len() as f64,
        _ => 6.0,
    }
}
