//! Where something stands on the ground, as far as its outline tells.
//!
//! Of each column, the lowest pixel of the subject is looked at. What touches the ground is near the line that is
//! stretched below them (their convex hull), or is a foot: lower than all beside it. Feet that are further
//! away are higher in the picture, so both may be a little above the lowest one. Between them, the
//! ground is covered: that is the footprint.

use image::{GrayImage, Luma};

/// How high above the lowest pixel something may touch the ground, as a share of the shorter side of the subject's
/// box.
const HIGHEST: f64 = 0.2;
/// How near the line below them a column has to end, as a share of the subject's height.
const NEAR: f64 = 0.012;
/// The half width of a foot at least, as a share of the subject's width.
const FOOT: f64 = 0.03;
/// How much lower a foot is than what is within three times that to either side of it, as a share of the height.
const RISE: f64 = 0.05;
/// How much lower than a foot something beside it may be, as a share of the height.
const ROUGH: f64 = 0.006;

/// A place: column and row.
type Place = (f64, f64);

/// Where a subject stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stand {
    /// The places where it touches the ground, from left to right, at most one in each column.
    pub(super) touching: Vec<Place>,
    /// The line behind them and the line before them, from left to right.
    behind: Vec<Place>,
    before: Vec<Place>,
}

impl Stand {
    /// That of the subject, unless it is not on the canvas: it is not known where something stands that the lower
    /// edge cuts off.
    pub(super) fn new(alpha: &GrayImage) -> Option<Self> {
        let width = alpha.width() as usize;
        let mut bottoms: Vec<Option<usize>> = vec![None; width];
        let mut upper = None;
        for (y, row) in alpha.as_raw().chunks_exact(width).enumerate().rev() {
            let mut any = false;
            for (bottom, alpha) in bottoms.iter_mut().zip(row) {
                if *alpha >= 128 {
                    any = true;
                    bottom.get_or_insert(y);
                }
            }
            if any {
                upper = Some(y);
            }
        }
        let (upper, lowest) = (upper?, bottoms.iter().flatten().max().copied()?);
        if lowest + 1 == alpha.height() as usize {
            return None;
        }
        let (left, right) = (bottoms.iter().position(Option::is_some)?, bottoms.iter().rposition(Option::is_some)?);
        let size = ((right + 1 - left) as f64, (lowest + 1 - upper) as f64);
        let highest = lowest as f64 - HIGHEST * size.0.min(size.1);
        let places = bottoms.iter().enumerate().filter_map(|(x, y)| y.map(|y| (x as f64, y as f64)));
        let low: Vec<Place> = places.filter(|place| place.1 >= highest).collect();
        let line = hull(&low, 1.0);
        let touches =
            |place: &&Place| on(&line, place.0) - place.1 <= NEAR * size.1 || is_foot(&bottoms, **place, size);
        let touching: Vec<Place> = low.iter().filter(touches).copied().collect();
        let (behind, before) = (hull(&touching, -1.0), hull(&touching, 1.0));
        Some(Self { touching, behind, before })
    }

    /// How wide it is.
    pub(super) fn width(&self) -> f64 {
        match (self.touching.first(), self.touching.last()) {
            (Some(first), Some(last)) => last.0 - first.0 + 1.0,
            _ => 0.0,
        }
    }

    /// The highest and the lowest place where it touches the ground.
    pub(super) fn rows(&self) -> (f64, f64) {
        let rows = self.touching.iter().map(|place| place.1);
        rows.fold((f64::INFINITY, 0.0), |(highest, lowest), y| (y.min(highest), y.max(lowest)))
    }

    /// The ground that it covers, so much deeper behind and before, on a canvas whose first row is this one.
    pub(super) fn footprint(&self, (width, height): (u32, u32), first: u32, deeper: f64) -> GrayImage {
        let mut print = GrayImage::new(width, height);
        let (from, to) = (self.touching[0].0 as u32, self.touching[self.touching.len() - 1].0 as u32);
        for x in from..=to {
            let rows = (on(&self.behind, f64::from(x)) - deeper, on(&self.before, f64::from(x)) + 1.0 + deeper);
            fill_column(&mut print, x, first, rows);
        }
        print
    }

    /// Where it touches the ground, from so much above to so much below.
    pub(super) fn contact(&self, (width, height): (u32, u32), first: u32, above: f64, below: f64) -> GrayImage {
        let mut contact = GrayImage::new(width, height);
        for (x, y) in &self.touching {
            fill_column(&mut contact, *x as u32, first, (y - above, y + 1.0 + below));
        }
        contact
    }
}

/// Covers a column between two rows, with parts of pixels at both ends.
fn fill_column(picture: &mut GrayImage, x: u32, first: u32, (from, to): (f64, f64)) {
    let (from, to) = (from - f64::from(first), to - f64::from(first));
    for y in from.max(0.0) as u32..(to.ceil().max(0.0) as u32).min(picture.height()) {
        let covered = (to.min(f64::from(y) + 1.0) - from.max(f64::from(y))).clamp(0.0, 1.0);
        picture.put_pixel(x, y, Luma([(255.0 * covered).round() as u8]));
    }
}

/// Whether all beside a place is higher, close by a little and further away by much.
fn is_foot(bottoms: &[Option<usize>], place: Place, size: (f64, f64)) -> bool {
    let half = (FOOT * size.0).max(2.0) as usize;
    let at = place.0 as usize;
    let above = |x: usize| bottoms[x].map_or(f64::INFINITY, |y| place.1 - y as f64);
    let end = bottoms.len();
    let mut close = at.saturating_sub(half)..(at + half + 1).min(end);
    if !close.all(|x| above(x) >= -ROUGH * size.1) {
        return false;
    }
    let rises = |mut columns: std::ops::Range<usize>| columns.any(|x| above(x) > RISE * size.1);
    // Beyond the canvas it may go on.
    rises(at.saturating_sub(3 * half)..at) && rises(at + 1..(at + 3 * half + 1).min(end))
}

/// The part of the convex hull of places in the order of their columns that is below them (`side` 1) or above (-1).
fn hull(places: &[Place], side: f64) -> Vec<Place> {
    let mut hull: Vec<Place> = Vec::new();
    for place in places {
        while let [.., a, b] = hull[..] {
            if side * ((b.0 - a.0) * (place.1 - a.1) - (b.1 - a.1) * (place.0 - a.0)) < 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(*place);
    }
    hull
}

/// The row of a line in a column. The line has at least one place.
fn on(line: &[Place], x: f64) -> f64 {
    let next = line.partition_point(|place| place.0 <= x).clamp(1, line.len().max(2) - 1);
    match line.get(next) {
        None => line[0].1,
        Some(b) => {
            let a = line[next - 1];
            a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seat with four legs, seen a little from above: the two behind end higher.
    fn chair() -> GrayImage {
        GrayImage::from_fn(200, 200, |x, y| {
            let leg = |from: u32, to: u32| (from..from + 6).contains(&x) && (80..to).contains(&y);
            let seat = (40..160).contains(&x) && (20..90).contains(&y);
            Luma([if seat || leg(40, 180) || leg(60, 165) || leg(135, 164) || leg(154, 178) { 255 } else { 0 }])
        })
    }

    #[test]
    fn a_chair_stands_on_its_four_legs() {
        let stand = Stand::new(&chair()).expect("stands");
        let legs = [40..46, 60..66, 135..141, 154..160];
        for leg in &legs {
            assert!(stand.touching.iter().any(|place| leg.contains(&(place.0 as u32))), "{leg:?}");
        }
        assert!(stand.touching.iter().all(|place| legs.iter().any(|leg| leg.contains(&(place.0 as u32)))));
        let print = stand.footprint((200, 200), 0, 0.0);
        assert_eq!(print.get_pixel(100, 172).0[0], 255);
        assert_eq!((print.get_pixel(100, 150).0[0], print.get_pixel(30, 178).0[0]), (0, 0));
    }

    #[test]
    fn a_bottle_stands_on_its_base_and_not_on_its_shoulders() {
        let alpha = GrayImage::from_fn(100, 200, |x, y| {
            let half = if y < 60 { 10 } else { 30 };
            Luma([if (10..180).contains(&y) && x.abs_diff(50) <= half { 255 } else { 0 }])
        });
        let stand = Stand::new(&alpha).expect("stands");
        assert_eq!((stand.width(), stand.rows()), (61.0, (179.0, 179.0)));
    }

    #[test]
    fn what_is_cut_off_below_does_not_stand_in_the_picture() {
        assert_eq!(Stand::new(&GrayImage::from_pixel(9, 9, Luma([255]))), None);
        assert_eq!(Stand::new(&GrayImage::new(9, 9)), None);
        let point = GrayImage::from_fn(9, 9, |x, y| Luma([if (x, y) == (4, 3) { 255 } else { 0 }]));
        assert_eq!(Stand::new(&point).map(|stand| stand.touching), Some(vec![(4.0, 3.0)]));
    }
}
