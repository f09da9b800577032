//! Where nodes are drawn.

use resvg::tiny_skia::{Path, Rect, Transform};
use resvg::usvg::Group;

use super::budget::Exceeded;

/// Largest coordinate in pixels. Beyond about a billion, the drawing library's integers overflow and it panics, at times
/// within a destructor, which ends the whole process.
const MAX_COORDINATE: f32 = (1 << 29) as f32;
/// Surfaces with a longer side are drawn in tiles, and each path once per tile.
const TILE_SIDE: f64 = 8191.0;

/// The surface that nodes are drawn on: the canvas, a layer or a pattern.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surface {
    /// From the node's coordinates to pixels.
    pub(super) transform: Transform,
    /// The part of the plane that the surface shows, in pixels.
    pub(super) area: Rect,
    /// The rectangle to which layers are clipped.
    pub(super) bounds: Rect,
}

impl Surface {
    pub(super) fn transformed(self, transform: Transform) -> Self {
        Self { transform: self.transform.pre_concat(transform), ..self }
    }

    pub(super) fn pixels(&self) -> f64 {
        pixels(self.area)
    }

    /// A surface of the same size whose area begins at the origin.
    pub(super) fn at_origin(self) -> Result<Self, Exceeded> {
        let area = Rect::from_xywh(0.0, 0.0, self.area.width(), self.area.height()).ok_or(Exceeded::Coordinates)?;
        Ok(Self { area, ..self })
    }

    /// The tiles in which the surface is drawn: in a row, and in all.
    pub(super) fn tiles(&self) -> (f64, f64) {
        let tiles = |side: f32| (f64::from(side) / TILE_SIDE).ceil().max(1.0);
        let in_row = tiles(self.area.width());
        (in_row, in_row * tiles(self.area.height()))
    }

    /// A rectangle in pixels.
    pub(super) fn placed(&self, rect: Rect) -> Result<Rect, Exceeded> {
        let placed = rect.transform(self.transform).ok_or(Exceeded::Coordinates)?;
        let sides = [placed.left(), placed.top(), placed.right(), placed.bottom()];
        if sides.iter().all(|side| side.abs() <= MAX_COORDINATE) { Ok(placed) } else { Err(Exceeded::Coordinates) }
    }

    /// The pixels that a rectangle covers.
    pub(super) fn covered(&self, rect: Rect) -> Result<f64, Exceeded> {
        Ok(self.shown(self.placed(rect)?))
    }

    /// The pixels of a placed rectangle that the surface shows.
    pub(super) fn shown(&self, placed: Rect) -> f64 {
        let side = |start: f32, end: f32, min: f32, max: f32| {
            f64::from((end + 1.0).min(max) - (start - 1.0).max(min)).max(0.0)
        };
        let width = side(placed.left(), placed.right(), self.area.left(), self.area.right());
        width * side(placed.top(), placed.bottom(), self.area.top(), self.area.bottom())
    }

    /// A path in pixels; `None` if nothing of it is drawn.
    pub(super) fn place(&self, path: &Path) -> Result<Option<Path>, Exceeded> {
        let placed = self.placed(path.bounds())?;
        if self.shown(placed) == 0.0 {
            return Ok(None);
        }
        path.clone().transform(self.transform).map(Some).ok_or(Exceeded::Coordinates)
    }

    /// The layer of an isolated group, and whether it is drawn turned; `None` if the group is not drawn.
    pub(super) fn layer(&self, group: &Group) -> Option<(Self, bool)> {
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
        // The drawing library adds a margin for anti-aliasing.
        let area = Rect::from_ltrb(
            (rect.left() - 3.0).max(bounds.left()),
            (rect.top() - 3.0).max(bounds.top()),
            (rect.right() + 3.0).min(bounds.right()),
            (rect.bottom() + 3.0).min(bounds.bottom()),
        )?;
        let is_shown = area.width() > 0.0 && area.height() > 0.0;
        is_shown.then_some((Self { transform, area, bounds }, turn.has_skew()))
    }
}

/// The pixels of a rectangle.
pub(super) fn pixels(rect: Rect) -> f64 {
    f64::from(rect.width()) * f64::from(rect.height())
}
