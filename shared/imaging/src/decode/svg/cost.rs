//! What drawing an SVG may take, told from its unfolded tree before anything is drawn: how many pixels are touched how
//! often, and how many are held at once. The tree is walked as `resvg` 0.49 walks it, since how large a layer or a
//! pattern becomes is told by that alone.

use cutline_core::domain::kind::ImageKind;
use resvg::tiny_skia::{Rect, Transform};
use resvg::usvg::filter::Kind;
use resvg::usvg::{ClipPath, Group, Node, Paint, Path, Tree};

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
/// Pixels of a layer's mask or clipping path, for each of the layer's own.
const MASK: f64 = 1.5;
/// What is drawn beyond the canvas reaches so many canvases to each side, and no further.
const BEYOND: f32 = 2.0;
/// Bytes of a pixel.
const PIXEL: f64 = 4.0;

/// What something is drawn on, and how.
#[derive(Debug, Clone, Copy)]
struct Place {
    transform: Transform,
    /// Pixels of the canvas or the layer.
    pixels: f64,
    /// What layers are cut to.
    bounds: Rect,
}

impl Place {
    fn with(self, transform: Transform) -> Self {
        Self { transform: self.transform.pre_concat(transform), ..self }
    }

    /// The pixels that a rectangle covers, as far as there are any.
    fn covered(&self, rect: Rect) -> f64 {
        let pixels = |rect: Rect| f64::from(rect.width()) * f64::from(rect.height());
        rect.transform(self.transform).map_or(self.pixels, |rect| pixels(rect).min(self.pixels))
    }

    /// The layer that a group is drawn on. None if it is not drawn.
    fn layer(&self, group: &Group) -> Option<Self> {
        // Of a turned group with filters, the layer is as the group is without the turn.
        let Transform { sx, kx, ky, sy, .. } = self.transform;
        let (across, down) = (sx.hypot(ky), kx.hypot(sy));
        let rest = match group.filters() {
            [] => Transform::identity(),
            _ => Transform::from_row(sx / across, ky / across, kx / down, sy / down, 0.0, 0.0),
        };
        let inverse = rest.invert()?;
        let bounds = self.bounds.transform(inverse)?;
        let transform = inverse.pre_concat(self.transform);
        let rect = group.layer_bounding_box().to_rect().transform(transform)?;
        let side = |from: f32, to: f32, least: f32, most: f32| {
            f64::from((to + 3.0).min(most)) - f64::from((from - 3.0).max(least))
        };
        let width = side(rect.left(), rect.right(), bounds.left(), bounds.right());
        let height = side(rect.top(), rect.bottom(), bounds.top(), bounds.bottom());
        (width > 0.0 && height > 0.0).then_some(Self { transform, pixels: width * height, bounds })
    }
}

struct Bill {
    work: f64,
    visits: u64,
    /// Pixels held at once, and the most of them that may be.
    held: f64,
    limit: f64,
}

/// Refuses a tree whose drawing on a canvas of this size would take too long or too much memory.
pub(super) fn check(tree: &Tree, (width, height): (u32, u32), limits: &Limits) -> Result<(), Error> {
    let (across, down) = (width as f32, height as f32);
    let pixels = f64::from(width) * f64::from(height);
    let limit = limits.max_alloc as f64 / PIXEL;
    // The canvas, and what is made of it.
    let mut bill = Bill { work: pixels, visits: 0, held: 2.0 * pixels, limit };
    let far = 1.0 + BEYOND;
    let bounds = Rect::from_ltrb(-BEYOND * across, -BEYOND * down, far * across, far * down);
    let transform = Transform::from_scale(across / tree.size().width(), down / tree.size().height());
    let place = bounds.map(|bounds| Place { transform, pixels, bounds });
    let reason = match place.ok_or(TooMuch::Work).and_then(|place| bill.children(tree.root(), place)) {
        Ok(()) => return Ok(()),
        Err(TooMuch::Work) => "drawing it would take too long",
        Err(TooMuch::Memory) => "its layers and patterns are too large",
    };
    Err(unsupported(ImageKind::Svg, "simplify it, or export it as a PNG", reason))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TooMuch {
    Work,
    Memory,
}

impl Bill {
    /// Adds work.
    fn add(&mut self, pixels: f64) -> Result<(), TooMuch> {
        self.visits += 1;
        // What is no number is too much.
        self.work += if pixels.is_finite() { pixels.max(0.0) + NODE } else { f64::INFINITY };
        if self.work <= MAX_WORK && self.visits <= MAX_VISITS { Ok(()) } else { Err(TooMuch::Work) }
    }

    /// Does what takes so many more pixels until it is done.
    fn holding(&mut self, pixels: f64, work: impl FnOnce(&mut Self) -> Result<(), TooMuch>) -> Result<(), TooMuch> {
        self.held += pixels;
        // What is no number is too much.
        if self.held <= self.limit {
            work(self)?;
            self.held -= pixels;
            Ok(())
        } else {
            Err(TooMuch::Memory)
        }
    }

    fn children(&mut self, group: &Group, place: Place) -> Result<(), TooMuch> {
        for child in group.children() {
            match child {
                Node::Group(group) => self.group(group, place.with(group.transform()))?,
                Node::Path(path) => self.path(path, place)?,
                Node::Image(image) => {
                    // Decoded anew each time.
                    let bytes = match image.kind() {
                        resvg::usvg::ImageKind::PNG(png) => png.len() as f64,
                        _ => 0.0,
                    };
                    let pixels = f64::from(image.size().width()) * f64::from(image.size().height());
                    self.add(place.pixels * 3.0 + bytes + pixels)?;
                    self.holding(pixels, |_| Ok(()))?;
                }
                Node::Text(_) => {}
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, place: Place) -> Result<(), TooMuch> {
        if !group.should_isolate() {
            self.add(0.0)?;
            return self.children(group, place);
        }
        let Some(layer) = place.layer(group) else { return Ok(()) };
        self.add(3.0 * layer.pixels)?;
        self.holding(layer.pixels, |bill| {
            bill.children(group, layer)?;
            for filter in group.filters() {
                // Each primitive makes a picture, kept to its end, and may take two further ones for its inputs.
                let pictures = filter.primitives().len() as f64 + 4.0;
                bill.holding(pictures * layer.pixels, |bill| bill.filter(filter, layer))?;
            }
            group.clip_path().map_or(Ok(()), |clip| bill.clip(clip, layer))?;
            bill.mask(group.mask(), layer)
        })
    }

    fn filter(&mut self, filter: &resvg::usvg::filter::Filter, layer: Place) -> Result<(), TooMuch> {
        let (across, down) = layer.transform.get_scale();
        for primitive in filter.primitives() {
            let touches = weight(primitive.kind(), f64::from(across.max(down)));
            self.add(touches.min(4.0 * layer.pixels) * layer.pixels)?;
            if let Kind::Image(image) = primitive.kind() {
                self.children(image.root(), Place { transform: Transform::from_scale(across, down), ..layer })?;
            }
        }
        Ok(())
    }

    fn mask(&mut self, mask: Option<&resvg::usvg::Mask>, layer: Place) -> Result<(), TooMuch> {
        let Some(mask) = mask else { return Ok(()) };
        self.add(4.0 * layer.pixels)?;
        self.holding(MASK * layer.pixels, |bill| {
            bill.children(mask.root(), layer)?;
            bill.mask(mask.mask(), layer)
        })
    }

    fn clip(&mut self, clip: &ClipPath, layer: Place) -> Result<(), TooMuch> {
        self.add(3.0 * layer.pixels)?;
        self.holding(MASK * layer.pixels, |bill| {
            bill.clipped(clip.root(), layer.with(clip.transform()))?;
            clip.clip_path().map_or(Ok(()), |clip| bill.clip(clip, layer))
        })
    }

    /// What a clipping path is made of: each part with a clipping path of its own takes a layer as large as the whole.
    fn clipped(&mut self, group: &Group, place: Place) -> Result<(), TooMuch> {
        for child in group.children() {
            match child {
                Node::Path(path) => self.path(path, place)?,
                Node::Group(group) => {
                    let place = place.with(group.transform());
                    self.add(0.0)?;
                    match group.clip_path() {
                        None => self.clipped(group, place)?,
                        Some(clip) => self.holding(place.pixels, |bill| {
                            bill.clipped(group, place)?;
                            bill.clip(clip, place)
                        })?,
                    }
                }
                Node::Image(_) | Node::Text(_) => {}
            }
        }
        Ok(())
    }

    fn path(&mut self, path: &Path, place: Place) -> Result<(), TooMuch> {
        let points = path.data().points().len() as f64;
        let pixels = place.covered(path.stroke_bounding_box());
        self.add(pixels + 20.0 * points)?;
        if let Some(fill) = path.fill() {
            self.paint(fill.paint(), place)?;
        }
        if let Some(stroke) = path.stroke() {
            self.add(pixels + 50.0 * points)?;
            self.paint(stroke.paint(), place)?;
            if let Some(dashes) = stroke.dasharray() {
                let points = path.data().points();
                let length: f64 = points.windows(2).map(|ends| f64::from(ends[0].distance(ends[1]))).sum();
                let period: f64 = dashes.iter().map(|dash| f64::from(*dash)).sum();
                self.add(DASH * dashes.len() as f64 * length / period.max(f64::MIN_POSITIVE))?;
            }
        }
        Ok(())
    }

    /// A pattern is drawn anew for each that is filled with it, on a canvas of its own.
    fn paint(&mut self, paint: &Paint, place: Place) -> Result<(), TooMuch> {
        let Paint::Pattern(pattern) = paint else { return Ok(()) };
        let (across, down) = place.transform.pre_concat(pattern.transform()).get_scale();
        let side = |length: f32, scale: f32| f64::from(length * scale).round();
        let pixels = side(pattern.rect().width(), across) * side(pattern.rect().height(), down);
        self.add(2.0 * (pixels + place.pixels))?;
        let place = Place { transform: Transform::from_scale(across, down), pixels, ..place };
        self.holding(pixels, |bill| bill.children(pattern.root(), place))
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
