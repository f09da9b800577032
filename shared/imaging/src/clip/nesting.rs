//! Gives the outlines of a shape directions by which their winding numbers add up to the even-odd rule: outlines within an
//! even number of others run one way, those within an odd number the other way.
//!
//! In a pixel that several edges share, only the mean of the winding numbers is known. With these directions it is the covered
//! share even there, as long as outlines do not cross. Which of two equal outlines lies within the other makes no difference.

use crate::path::Point;

type Side = [Point; 2];

/// A point within an outline.
struct Probe {
    at: Point,
    outline: usize,
}

/// The nesting of the outlines of a shape.
pub(super) struct Nesting {
    /// By height, from the top. Outlines without height have none.
    probes: Vec<Probe>,
    /// The position of each outline among all, from the largest area.
    ranks: Vec<usize>,
    /// The signed area of each outline.
    areas: Vec<f64>,
}

impl Nesting {
    /// Looks at each side a few times.
    pub(super) fn of(outlines: &[Vec<Side>]) -> Self {
        let areas: Vec<f64> = outlines.iter().map(|sides| signed_area(sides)).collect();
        let mut by_area: Vec<usize> = (0..outlines.len()).collect();
        // The sort is stable, so of equal outlines the later one lies within the earlier one.
        by_area.sort_by(|a, b| areas[*b].abs().total_cmp(&areas[*a].abs()));
        let mut ranks = vec![0; outlines.len()];
        for (rank, outline) in by_area.into_iter().enumerate() {
            ranks[outline] = rank;
        }
        let probe = |(outline, sides): (usize, &Vec<Side>)| inner_point(sides).map(|at| Probe { at, outline });
        let mut probes: Vec<Probe> = outlines.iter().enumerate().filter_map(probe).collect();
        probes.sort_by(|a, b| a.at.y.total_cmp(&b.at.y));
        Self { probes, ranks, areas }
    }

    /// How often [`Self::orient`] compares a point with a side.
    pub(super) fn work(&self, outlines: &[Vec<Side>]) -> u64 {
        outlines.iter().flatten().map(|side| self.beside(side).len() as u64).sum()
    }

    /// Turns the sides of outlines around that run the wrong way.
    pub(super) fn orient(&self, outlines: &mut [Vec<Side>]) {
        let mut is_inner = vec![false; outlines.len()];
        for (outer, sides) in outlines.iter().enumerate() {
            for side in sides {
                for Probe { at, outline } in self.beside(side) {
                    is_inner[*outline] ^= self.ranks[*outline] > self.ranks[outer] && column(side, at.y) < at.x;
                }
            }
        }
        for ((sides, area), is_inner) in outlines.iter_mut().zip(&self.areas).zip(is_inner) {
            if (*area < 0.0) != is_inner {
                for [from, to] in sides {
                    std::mem::swap(from, to);
                }
            }
        }
    }

    /// The points between the heights of the ends of a side.
    fn beside(&self, [from, to]: &Side) -> &[Probe] {
        let first_from = |y: f64| self.probes.partition_point(|probe| probe.at.y < y);
        &self.probes[first_from(from.y.min(to.y))..first_from(from.y.max(to.y))]
    }
}

/// Where a side that is not horizontal is at a height between those of its ends.
fn column([from, to]: &Side, y: f64) -> f64 {
    from.x + (y - from.y) / (to.y - from.y) * (to.x - from.x)
}

fn signed_area(sides: &[Side]) -> f64 {
    // Around the first point, which keeps the products small.
    let Some([origin, _]) = sides.first() else { return 0.0 };
    let cross = |[from, to]: &Side| (from.x - origin.x) * (to.y - origin.y) - (to.x - origin.x) * (from.y - origin.y);
    sides.iter().map(cross).sum::<f64>() / 2.0
}

/// A point within an outline: at the middle of its highest side, in the middle of the widest part that is inside.
fn inner_point(sides: &[Side]) -> Option<Point> {
    let height = |[from, to]: &&Side| (from.y - to.y).abs();
    let [from, to] = sides.iter().max_by(|a, b| height(a).total_cmp(&height(b)))?;
    let y = f64::midpoint(from.y, to.y);
    let crosses = |[from, to]: &&Side| from.y.min(to.y) <= y && y < from.y.max(to.y);
    let mut columns: Vec<f64> = sides.iter().filter(crosses).map(|side| column(side, y)).collect();
    columns.sort_by(f64::total_cmp);
    let widths = columns.as_chunks::<2>().0.iter();
    let [left, right] = widths.max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some(Point { x: f64::midpoint(*left, *right), y })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(center: f64, radius: f64) -> Vec<Side> {
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        let corner = |at: usize| {
            let (x, y) = corners[at % 4];
            Point { x: center + radius * x, y: center + radius * y }
        };
        (0..4).map(|at| [corner(at), corner(at + 1)]).collect()
    }

    /// Whether each outline runs as the first one does, once they have their directions.
    fn directions(mut outlines: Vec<Vec<Side>>) -> Vec<bool> {
        Nesting::of(&outlines).orient(&mut outlines);
        let areas: Vec<f64> = outlines.iter().map(|sides| signed_area(sides)).collect();
        areas.iter().map(|area| area.is_sign_positive() == areas[0].is_sign_positive()).collect()
    }

    fn reversed(sides: Vec<Side>) -> Vec<Side> {
        sides.into_iter().rev().map(|[from, to]| [to, from]).collect()
    }

    #[test]
    fn nested_outlines_run_in_turns() {
        for turned in 0..8 {
            let nested = [9.0, 6.0, 3.0].into_iter().enumerate().map(|(at, radius)| {
                if turned >> at & 1 == 1 { reversed(square(10.0, radius)) } else { square(10.0, radius) }
            });
            let nested: Vec<_> = nested.collect();
            assert_eq!(directions(nested.clone()), [true, false, true], "{turned}");
            // The middle one first.
            let others = vec![nested[1].clone(), nested[0].clone(), nested[2].clone()];
            assert_eq!(directions(others), [true, false, false], "{turned}");
        }
    }

    #[test]
    fn equal_outlines_run_in_turns_and_neighbors_alike() {
        assert_eq!(directions(vec![square(5.5, 2.0); 3]), [true, false, true]);
        assert_eq!(directions(vec![square(5.0, 2.0), reversed(square(9.0, 2.0))]), [true, true]);
    }

    #[test]
    fn outlines_without_an_area_are_harmless() {
        let line = vec![[Point { x: 1.0, y: 3.0 }, Point { x: 4.0, y: 3.0 }]];
        let outlines = vec![square(3.0, 2.0), line, Vec::new(), vec![[Point::default(); 2]]];
        let nesting = Nesting::of(&outlines);
        assert_eq!(nesting.probes.len(), 1);
        assert!(nesting.work(&outlines) <= 2);
        nesting.orient(&mut outlines.clone());
    }
}
