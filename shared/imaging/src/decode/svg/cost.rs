//! The cost of drawing a document, computed from its unfolded tree before anything is drawn: the pixels that are
//! touched, each as often as it is touched, and the pixels that are held at once.
//!
//! Walks the tree as `resvg` 0.49 does, since that alone determines how large layers and patterns become.

use cutline_core::domain::kind::ImageKind;
use resvg::tiny_skia::{Rect, Transform};
use resvg::usvg::filter::{Filter, Kind};
use resvg::usvg::{self, ClipPath, Group, Image, Mask, Node, Paint, Path, Pattern, Stroke, Tree};

use super::refusal::SIMPLIFY;
use crate::decode::limits::Limits;
use crate::error::Error;

/// Most pixels touched. A pixel counts each time. A pixel takes a few nanoseconds.
const MAX_WORK: f64 = 1.2e10;
/// Most nodes drawn, those of patterns each time that the pattern is drawn.
const MAX_NODES: u64 = 2_000_000;
/// Work per node in addition to its pixels, in pixels.
const NODE_WORK: f64 = 200.0;
/// Work per point of a filled path, in pixels.
const FILL_POINT_WORK: f64 = 20.0;
/// Work per point of a stroked path, in pixels.
const STROKE_POINT_WORK: f64 = 50.0;
/// Work per dash, in pixels.
const DASH_WORK: f64 = 100.0;
/// Pixels held for a mask or a clipping path, per pixel of its layer.
const MASK_PIXELS: f64 = 1.5;
/// Images that a filter holds in addition to the one of each primitive, among them a primitive's inputs.
const FILTER_INPUT_IMAGES: f64 = 4.0;
/// Layers reach this many canvas sizes beyond each side of the canvas, and no further.
const BEYOND_CANVAS: f32 = 2.0;
const BYTES_PER_PIXEL: f64 = 4.0;

/// The surface that nodes are drawn on: the canvas, a layer or a pattern.
#[derive(Debug, Clone, Copy)]
struct Surface {
    /// From the node's coordinates to pixels.
    transform: Transform,
    pixels: f64,
    /// The rectangle to which layers are clipped.
    bounds: Rect,
}

impl Surface {
    fn transformed(self, transform: Transform) -> Self {
        Self { transform: self.transform.pre_concat(transform), ..self }
    }

    /// The pixels that a rectangle covers. If it cannot be transformed, all of them.
    fn covered(&self, rect: Rect) -> f64 {
        let pixels = |rect: Rect| f64::from(rect.width()) * f64::from(rect.height());
        rect.transform(self.transform).map_or(self.pixels, |rect| pixels(rect).min(self.pixels))
    }

    /// The layer of an isolated group; `None` if the group is not drawn.
    fn layer(&self, group: &Group) -> Option<Self> {
        // A group with filters has a layer that is not turned with the group.
        let Transform { sx, kx, ky, sy, .. } = self.transform;
        let (scale_x, scale_y) = (sx.hypot(ky), kx.hypot(sy));
        let turn = match group.filters() {
            [] => Transform::identity(),
            _ => Transform::from_row(sx / scale_x, ky / scale_x, kx / scale_y, sy / scale_y, 0.0, 0.0),
        };
        let inverse = turn.invert()?;
        let bounds = self.bounds.transform(inverse)?;
        let transform = inverse.pre_concat(self.transform);
        let rect = group.layer_bounding_box().to_rect().transform(transform)?;
        // `resvg` adds a margin for anti-aliasing.
        let side = |start: f32, end: f32, min: f32, max: f32| {
            f64::from((end + 3.0).min(max)) - f64::from((start - 3.0).max(min))
        };
        let width = side(rect.left(), rect.right(), bounds.left(), bounds.right());
        let height = side(rect.top(), rect.bottom(), bounds.top(), bounds.bottom());
        (width > 0.0 && height > 0.0).then_some(Self { transform, pixels: width * height, bounds })
    }
}

/// Which part of the budget is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exceeded {
    Work,
    Memory,
}

/// The cost of drawing so far, and its limits.
struct Budget {
    /// Pixels touched.
    work: f64,
    nodes: u64,
    /// Pixels held at this point of the drawing.
    held: f64,
    max_held: f64,
}

/// Refuses a tree that would take too long or too much memory to draw on a canvas of a given size in pixels.
pub(super) fn check(tree: &Tree, (width, height): (u32, u32), limits: &Limits) -> Result<(), Error> {
    let (columns, rows) = (width as f32, height as f32);
    let pixels = f64::from(width) * f64::from(height);
    let max_held = limits.max_alloc as f64 / BYTES_PER_PIXEL;
    // The canvas, and the result.
    let mut budget = Budget { work: pixels, nodes: 0, held: 2.0 * pixels, max_held };
    let end = 1.0 + BEYOND_CANVAS;
    let bounds = Rect::from_ltrb(-BEYOND_CANVAS * columns, -BEYOND_CANVAS * rows, end * columns, end * rows);
    let transform = Transform::from_scale(columns / tree.size().width(), rows / tree.size().height());
    let canvas = bounds.map(|bounds| Surface { transform, pixels, bounds }).ok_or(Exceeded::Work);
    let feature = match canvas.and_then(|canvas| budget.draw_children(tree.root(), canvas)) {
        Ok(()) => return Ok(()),
        Err(Exceeded::Work) => "a drawing that takes too long",
        Err(Exceeded::Memory) => "layers and patterns that are too large",
    };
    Err(Error::unsupported(ImageKind::Svg, feature, SIMPLIFY))
}

impl Budget {
    /// Spends work for a node. Work that is not finite is too much.
    fn spend(&mut self, pixels: f64) -> Result<(), Exceeded> {
        self.nodes += 1;
        self.work += if pixels.is_finite() { pixels.max(0.0) + NODE_WORK } else { f64::INFINITY };
        if self.work <= MAX_WORK && self.nodes <= MAX_NODES { Ok(()) } else { Err(Exceeded::Work) }
    }

    /// Holds memory while `draw` runs. An amount that is not a number is too much.
    fn hold(&mut self, pixels: f64, draw: impl FnOnce(&mut Self) -> Result<(), Exceeded>) -> Result<(), Exceeded> {
        self.held += pixels;
        if self.held <= self.max_held {
            draw(self)?;
            self.held -= pixels;
            Ok(())
        } else {
            Err(Exceeded::Memory)
        }
    }

    fn draw_children(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        for child in group.children() {
            match child {
                Node::Group(group) => self.draw_group(group, surface.transformed(group.transform()))?,
                Node::Path(path) => self.draw_path(path, surface)?,
                Node::Image(image) => self.draw_image(image, surface)?,
                Node::Text(_) => {}
            }
        }
        Ok(())
    }

    /// An image is decoded each time that it is drawn.
    fn draw_image(&mut self, image: &Image, surface: Surface) -> Result<(), Exceeded> {
        let bytes = match image.kind() {
            usvg::ImageKind::PNG(png) => png.len() as f64,
            _ => 0.0,
        };
        let pixels = f64::from(image.size().width()) * f64::from(image.size().height());
        self.spend(surface.pixels * 3.0 + bytes + pixels)?;
        self.hold(pixels, |_| Ok(()))
    }

    fn draw_group(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        if !group.should_isolate() {
            self.spend(0.0)?;
            return self.draw_children(group, surface);
        }
        let Some(layer) = surface.layer(group) else { return Ok(()) };
        self.spend(3.0 * layer.pixels)?;
        self.hold(layer.pixels, |budget| {
            budget.draw_children(group, layer)?;
            for filter in group.filters() {
                let images = filter.primitives().len() as f64 + FILTER_INPUT_IMAGES;
                budget.hold(images * layer.pixels, |budget| budget.apply_filter(filter, layer))?;
            }
            group.clip_path().map_or(Ok(()), |clip| budget.apply_clip_path(clip, layer))?;
            group.mask().map_or(Ok(()), |mask| budget.apply_mask(mask, layer))
        })
    }

    fn apply_filter(&mut self, filter: &Filter, layer: Surface) -> Result<(), Exceeded> {
        let (scale_x, scale_y) = layer.transform.get_scale();
        for primitive in filter.primitives() {
            let touches = touches_per_pixel(primitive.kind(), f64::from(scale_x.max(scale_y)));
            self.spend(touches.min(4.0 * layer.pixels) * layer.pixels)?;
            if let Kind::Image(image) = primitive.kind() {
                let surface = Surface { transform: Transform::from_scale(scale_x, scale_y), ..layer };
                self.draw_children(image.root(), surface)?;
            }
        }
        Ok(())
    }

    fn apply_mask(&mut self, mask: &Mask, layer: Surface) -> Result<(), Exceeded> {
        self.spend(4.0 * layer.pixels)?;
        self.hold(MASK_PIXELS * layer.pixels, |budget| {
            budget.draw_children(mask.root(), layer)?;
            mask.mask().map_or(Ok(()), |mask| budget.apply_mask(mask, layer))
        })
    }

    fn apply_clip_path(&mut self, clip: &ClipPath, layer: Surface) -> Result<(), Exceeded> {
        self.spend(3.0 * layer.pixels)?;
        self.hold(MASK_PIXELS * layer.pixels, |budget| {
            budget.draw_clip_children(clip.root(), layer.transformed(clip.transform()))?;
            clip.clip_path().map_or(Ok(()), |clip| budget.apply_clip_path(clip, layer))
        })
    }

    /// Draws the contents of a clipping path. A group in it with a clipping path of its own takes a layer as large as
    /// the whole.
    fn draw_clip_children(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        for child in group.children() {
            match child {
                Node::Path(path) => self.draw_path(path, surface)?,
                Node::Group(group) => {
                    let surface = surface.transformed(group.transform());
                    self.spend(0.0)?;
                    match group.clip_path() {
                        None => self.draw_clip_children(group, surface)?,
                        Some(clip) => self.hold(surface.pixels, |budget| {
                            budget.draw_clip_children(group, surface)?;
                            budget.apply_clip_path(clip, surface)
                        })?,
                    }
                }
                Node::Image(_) | Node::Text(_) => {}
            }
        }
        Ok(())
    }

    fn draw_path(&mut self, path: &Path, surface: Surface) -> Result<(), Exceeded> {
        let points = path.data().points().len() as f64;
        let pixels = surface.covered(path.stroke_bounding_box());
        self.spend(pixels + FILL_POINT_WORK * points)?;
        if let Some(fill) = path.fill() {
            self.apply_paint(fill.paint(), surface)?;
        }
        if let Some(stroke) = path.stroke() {
            self.spend(pixels + STROKE_POINT_WORK * points)?;
            self.apply_paint(stroke.paint(), surface)?;
            self.dash(path, stroke)?;
        }
        Ok(())
    }

    fn dash(&mut self, path: &Path, stroke: &Stroke) -> Result<(), Exceeded> {
        let Some(dashes) = stroke.dasharray() else { return Ok(()) };
        let points = path.data().points();
        let length: f64 = points.windows(2).map(|ends| f64::from(ends[0].distance(ends[1]))).sum();
        let period: f64 = dashes.iter().map(|dash| f64::from(*dash)).sum();
        self.spend(DASH_WORK * dashes.len() as f64 * length / period.max(f64::MIN_POSITIVE))
    }

    fn apply_paint(&mut self, paint: &Paint, surface: Surface) -> Result<(), Exceeded> {
        match paint {
            Paint::Pattern(pattern) => self.draw_pattern(pattern, surface),
            _ => Ok(()),
        }
    }

    /// A pattern is drawn on a canvas of its own, again for each shape that is filled with it.
    fn draw_pattern(&mut self, pattern: &Pattern, surface: Surface) -> Result<(), Exceeded> {
        let (scale_x, scale_y) = surface.transform.pre_concat(pattern.transform()).get_scale();
        let side = |length: f32, scale: f32| f64::from(length * scale).round();
        let pixels = side(pattern.rect().width(), scale_x) * side(pattern.rect().height(), scale_y);
        self.spend(2.0 * (pixels + surface.pixels))?;
        let surface = Surface { transform: Transform::from_scale(scale_x, scale_y), pixels, ..surface };
        self.hold(pixels, |budget| budget.draw_children(pattern.root(), surface))
    }
}

/// How often a filter primitive touches each pixel, or an equivalent. Radii grow with the drawing's scale.
fn touches_per_pixel(kind: &Kind, scale: f64) -> f64 {
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
