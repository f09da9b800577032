//! The cost of drawing a document, computed from its unfolded tree before anything is drawn: the work, in units of about
//! a nanosecond, and the bytes that are held at once.
//!
//! Walks the tree as `resvg` 0.49 does, since that alone determines how large layers and patterns become, how many edges
//! an outline has and how often each is visited. The units were measured with it; `cost/tests.rs` compares them with the
//! time that drawing takes.

mod budget;
mod filter;
mod outline;
mod paint;
mod stroke;
mod surface;

use cutline_core::domain::kind::ImageKind;
use resvg::tiny_skia::{Path as Outlined, Rect, Transform};
use resvg::usvg::filter::{Filter, Kind};
use resvg::usvg::{self, BlendMode, ClipPath, Group, Image, Mask, Node, Paint, Path, Pattern, Tree};

use self::budget::{Budget, Exceeded, Part};
use self::filter::work_per_pixel;
use self::outline::Outline;
use self::paint::{COLOR, PaintWork};
use self::surface::Surface;
use super::refusal::SIMPLIFY;
use crate::decode::limits::Limits;
use crate::error::Error;

/// Work per pixel of a layer, for clearing it and for drawing it onto what is below.
const LAYER_WORK: f64 = 18.0;
/// The same of a layer with a blend mode.
const BLENDED_LAYER_WORK: f64 = 24.0;
/// The same of a layer that is turned.
const TURNED_LAYER_WORK: f64 = 60.0;
/// Work per pixel of a filter's layer, for the conversions of its colors.
const FILTER_WORK: f64 = 20.0;
/// Work per pixel of a layer for a clipping path.
const CLIP_WORK: f64 = 14.0;
/// Work per pixel of a layer for a mask.
const MASK_WORK: f64 = 24.0;
/// Pixels held for a mask or a clipping path, per pixel of its layer.
const MASK_PIXELS: f64 = 1.5;
/// Images that a filter holds in addition to the one of each primitive: a primitive's inputs.
const FILTER_INPUT_IMAGES: f64 = 2.0;
/// Work per pixel of a bitmap for decoding it, and per pixel that it covers.
const BITMAP_WORK: (f64, f64) = (20.0, 110.0);
/// Work per point of a path that is filled, for transforming and cutting it.
const POINT_WORK: f64 = 60.0;
/// Layers reach this many canvas sizes beyond each side of the canvas, and no further.
const BEYOND_CANVAS: f32 = 2.0;
const BYTES_PER_PIXEL: f64 = 4.0;

/// Refuses a tree that would take too long or too much memory to draw on a canvas of a given size in pixels. The tree
/// itself takes `tree_bytes`.
pub(super) fn check(tree: &Tree, size: (u32, u32), tree_bytes: u64, limits: &Limits) -> Result<(), Error> {
    let feature = match count(tree, size, tree_bytes, limits) {
        Ok(_) => return Ok(()),
        Err(Exceeded::Work(part)) => format!("a drawing that takes too long, mostly for {}", part.name()),
        Err(Exceeded::Memory(part)) => format!("a drawing that takes too much memory for {}", part.name()),
        Err(Exceeded::Coordinates) => "coordinates that are too large".to_owned(),
    };
    Err(Error::unsupported(ImageKind::Svg, feature, SIMPLIFY))
}

/// Counts the cost of drawing a tree.
fn count(tree: &Tree, (width, height): (u32, u32), tree_bytes: u64, limits: &Limits) -> Result<Budget, Exceeded> {
    let (columns, rows) = (width as f32, height as f32);
    let pixels = f64::from(width) * f64::from(height);
    let mut budget = Budget::new(pixels, limits);
    let end = 1.0 + BEYOND_CANVAS;
    let bounds = Rect::from_ltrb(-BEYOND_CANVAS * columns, -BEYOND_CANVAS * rows, end * columns, end * rows);
    let area = Rect::from_xywh(0.0, 0.0, columns, rows);
    let (Some(bounds), Some(area)) = (bounds, area) else { return Err(Exceeded::Coordinates) };
    let transform = Transform::from_scale(columns / tree.size().width(), rows / tree.size().height());
    budget.spend(Part::Layers, pixels)?;
    budget.hold(Part::Elements, tree_bytes as f64 + BYTES_PER_PIXEL * pixels, |budget| {
        budget.draw_children(tree.root(), Surface { transform, area, bounds })
    })?;
    Ok(budget)
}

impl Budget {
    /// Holds pixels while `draw` runs.
    fn hold_pixels(
        &mut self,
        part: Part,
        pixels: f64,
        draw: impl FnOnce(&mut Self) -> Result<(), Exceeded>,
    ) -> Result<(), Exceeded> {
        self.hold(part, BYTES_PER_PIXEL * pixels, draw)
    }

    fn draw_children(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        for child in group.children() {
            match child {
                Node::Group(group) => self.draw_group(group, surface.transformed(group.transform()))?,
                Node::Path(path) if path.is_visible() => self.draw_path(path, surface)?,
                Node::Image(image) if image.is_visible() => self.draw_image(image, surface)?,
                Node::Path(_) | Node::Image(_) | Node::Text(_) => {}
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
        let rect = image.size().to_rect(0.0, 0.0).ok_or(Exceeded::Coordinates)?;
        let covered = surface.covered(rect)?;
        self.spend_node(Part::Images)?;
        self.spend(Part::Images, BITMAP_WORK.0 * pixels + BITMAP_WORK.1 * covered + bytes)?;
        self.hold_pixels(Part::Images, pixels, |_| Ok(()))
    }

    fn draw_group(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        self.spend_node(Part::Elements)?;
        if !group.should_isolate() {
            return self.draw_children(group, surface);
        }
        let Some((layer, is_turned)) = surface.layer(group) else { return Ok(()) };
        let pixels = layer.pixels();
        let work = match group.blend_mode() {
            _ if is_turned => TURNED_LAYER_WORK,
            BlendMode::Normal => LAYER_WORK,
            _ => BLENDED_LAYER_WORK,
        };
        self.spend(Part::Layers, work * pixels)?;
        self.hold_pixels(Part::Layers, pixels, |budget| {
            budget.draw_children(group, layer)?;
            for filter in group.filters() {
                let images = filter.primitives().len() as f64 + FILTER_INPUT_IMAGES;
                budget.spend(Part::Filters, FILTER_WORK * pixels)?;
                budget.hold_pixels(Part::Filters, images * pixels, |budget| budget.apply_filter(filter, layer))?;
            }
            group.clip_path().map_or(Ok(()), |clip| budget.apply_clip_path(clip, layer))?;
            group.mask().map_or(Ok(()), |mask| budget.apply_mask(mask, layer))
        })
    }

    fn apply_filter(&mut self, filter: &Filter, layer: Surface) -> Result<(), Exceeded> {
        let (scale_x, scale_y) = layer.transform.get_scale();
        let pixels = layer.pixels();
        for primitive in filter.primitives() {
            // A window is at most as large as the layer.
            let work = work_per_pixel(primitive.kind(), f64::from(scale_x.max(scale_y))).min(2.0 * pixels + 1000.0);
            self.spend_node(Part::Filters)?;
            self.spend(Part::Filters, work * pixels)?;
            if let Kind::Image(image) = primitive.kind() {
                let surface = Surface { transform: Transform::from_scale(scale_x, scale_y), ..layer }.at_origin()?;
                self.draw_children(image.root(), surface)?;
            }
        }
        Ok(())
    }

    fn apply_mask(&mut self, mask: &Mask, layer: Surface) -> Result<(), Exceeded> {
        // The mask's region is filled.
        layer.placed(mask.rect().to_rect())?;
        let pixels = layer.pixels();
        self.spend_node(Part::Layers)?;
        self.spend(Part::Layers, MASK_WORK * pixels)?;
        self.hold_pixels(Part::Layers, MASK_PIXELS * pixels, |budget| {
            budget.draw_children(mask.root(), layer)?;
            mask.mask().map_or(Ok(()), |mask| budget.apply_mask(mask, layer))
        })
    }

    fn apply_clip_path(&mut self, clip: &ClipPath, layer: Surface) -> Result<(), Exceeded> {
        let pixels = layer.pixels();
        self.spend_node(Part::Layers)?;
        self.spend(Part::Layers, CLIP_WORK * pixels)?;
        self.hold_pixels(Part::Layers, MASK_PIXELS * pixels, |budget| {
            budget.draw_clip_children(clip.root(), layer.transformed(clip.transform()))?;
            clip.clip_path().map_or(Ok(()), |clip| budget.apply_clip_path(clip, layer))
        })
    }

    /// Draws the contents of a clipping path. A group in it with a clipping path of its own takes a layer as large as
    /// the whole.
    fn draw_clip_children(&mut self, group: &Group, surface: Surface) -> Result<(), Exceeded> {
        for child in group.children() {
            match child {
                Node::Path(path) if path.is_visible() => self.fill(path, surface)?,
                Node::Group(group) => {
                    let surface = surface.transformed(group.transform());
                    self.spend_node(Part::Layers)?;
                    match group.clip_path() {
                        None => self.draw_clip_children(group, surface)?,
                        Some(clip) => {
                            self.spend(Part::Layers, LAYER_WORK * surface.pixels())?;
                            self.hold_pixels(Part::Layers, surface.pixels(), |budget| {
                                budget.draw_clip_children(group, surface)?;
                                budget.apply_clip_path(clip, surface)
                            })?;
                        }
                    }
                }
                Node::Path(_) | Node::Image(_) | Node::Text(_) => {}
            }
        }
        Ok(())
    }

    fn draw_path(&mut self, path: &Path, surface: Surface) -> Result<(), Exceeded> {
        self.fill(path, surface)?;
        if let Some(stroke) = path.stroke() {
            self.spend_node(Part::Elements)?;
            self.draw_paint(stroke.paint(), surface)?;
            self.draw_stroke(path, stroke, surface)?;
        }
        Ok(())
    }

    fn fill(&mut self, path: &Path, surface: Surface) -> Result<(), Exceeded> {
        self.spend_node(Part::Elements)?;
        let Some(fill) = path.fill() else { return Ok(()) };
        self.draw_paint(fill.paint(), surface)?;
        let paint = PaintWork::of(fill.paint(), fill.opacity().get());
        self.fill_outline(path.data(), Part::Outlines, f64::INFINITY, (paint, surface))
    }

    /// Counts an outline that is filled. It covers at most `max_pixels`.
    fn fill_outline(
        &mut self,
        outline: &Outlined,
        part: Part,
        max_pixels: f64,
        (paint, surface): (PaintWork, Surface),
    ) -> Result<(), Exceeded> {
        let Some(placed) = surface.place(outline)? else { return Ok(()) };
        let (_, tiles) = surface.tiles();
        self.spend(part, POINT_WORK * tiles * placed.points().len() as f64)?;
        let mut outline = Outline::count(&placed, &surface);
        self.spend(part, outline.work() + COLOR.per_run * outline.runs)?;
        outline.count_neighbors(&placed, &surface);
        self.spend(part, outline.neighbor_work())?;
        let pixels = outline.pixels.min(max_pixels);
        let by_paint = paint.per_pixel * pixels + (paint.per_run - COLOR.per_run) * outline.runs;
        self.spend(paint.part, paint.per_shape + by_paint)?;
        self.hold(part, outline.bytes(), |_| Ok(()))
    }

    /// Draws what a paint consists of: a pattern, again for each shape that is painted with it, on a canvas of its own.
    fn draw_paint(&mut self, paint: &Paint, surface: Surface) -> Result<(), Exceeded> {
        match paint {
            Paint::Pattern(pattern) => self.draw_pattern(pattern, surface),
            Paint::Color(_) | Paint::LinearGradient(_) | Paint::RadialGradient(_) => Ok(()),
        }
    }

    fn draw_pattern(&mut self, pattern: &Pattern, surface: Surface) -> Result<(), Exceeded> {
        let (scale_x, scale_y) = surface.transform.pre_concat(pattern.transform()).get_scale();
        let side = |length: f32, scale: f32| (length * scale).round();
        let (width, height) = (side(pattern.rect().width(), scale_x), side(pattern.rect().height(), scale_y));
        self.spend_node(Part::Patterns)?;
        let pixels = f64::from(width) * f64::from(height);
        self.spend(Part::Patterns, pixels)?;
        if width < 1.0 || height < 1.0 {
            return Ok(());
        }
        let area = Rect::from_xywh(0.0, 0.0, width, height).ok_or(Exceeded::Coordinates)?;
        let surface = Surface { transform: Transform::from_scale(scale_x, scale_y), area, ..surface };
        self.hold_pixels(Part::Patterns, pixels, |budget| budget.draw_children(pattern.root(), surface))
    }
}

#[cfg(test)]
mod tests;
