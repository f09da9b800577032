//! Applies decisions about regions to a matte.
//!
//! A region's border and the matte's outline are rarely the same. So what is left of a removed object, a rim a few pixels
//! wide, goes with it, and the crack between the subject and an added object is closed. Parts that were thin before,
//! such as hair, stay.

use std::ops::Range;

use super::distance::{UNITS, distance_to, opened};
use super::guided::{Decisions, SUBJECT};
use crate::matte::CoarseMatte;
use crate::regions::select::Decision;

/// Half the width of a rim, in pixels of a matte with [`SIDE`].
const RIM: u32 = 3;
/// How far from a region its rim reaches, in the same pixels.
const REACH: u32 = 9;
/// The side of a matte for which the lengths hold.
const SIDE: u32 = 1024;

/// Applies `decisions`, one for each pixel of `matte`.
pub(super) fn settle(matte: &mut CoarseMatte, mut decisions: Decisions) {
    let side = matte.side();
    let scaled = |length: u32| (length * side).div_ceil(SIDE);
    let (rim, reach) = (scaled(RIM), scaled(REACH));
    let Some(window) = Window::around(&decisions, side as usize, 3 * reach as usize) else { return };
    let before: Vec<bool> = window.pixels(side as usize).map(|at| matte.values()[at] > SUBJECT).collect();
    for decision in [Decision::Remove, Decision::Keep] {
        let decided: Vec<Option<Decision>> = window.pixels(side as usize).map(|at| decisions[at]).collect();
        let rims = rims(window.width(), &before, &decided, (decision, rim, reach));
        for (at, _) in window.pixels(side as usize).zip(rims).filter(|(_, is_rim)| *is_rim) {
            decisions[at] = Some(decision);
        }
    }
    let weights = softened(&decisions, side as usize, &window);
    let positions = window.pixels(side as usize).zip(weights);
    let mut values = matte.values().to_vec();
    for (at, [keep, remove]) in positions {
        values[at] = values[at] * (1.0 - keep - remove).max(0.0) + keep;
    }
    matte.edit(|at, _| values[at]);
}

/// The pixels that are nearer to what changes than to what stays.
fn rims(
    width: usize,
    before: &[bool],
    decided: &[Option<Decision>],
    (decision, rim, reach): (Decision, u32, u32),
) -> Vec<bool> {
    let is_kind = decision == Decision::Remove;
    let changes = |at: usize| decided[at] == Some(decision) && before[at] == is_kind;
    if !(0..before.len()).any(changes) {
        return vec![false; before.len()];
    }
    let of_kind = |at: usize| match decided[at] {
        None => before[at] == is_kind,
        Some(decided) => (decided == Decision::Keep) == is_kind,
    };
    let old: Vec<bool> = before.iter().map(|before| *before == is_kind).collect();
    let left: Vec<bool> = (0..before.len()).map(of_kind).collect();
    let (old_core, core) = (opened(width, &old, rim), opened(width, &left, rim));
    let to_change = distance_to(width, (0..before.len()).map(changes));
    // The corners of what changes are thin too.
    let was_thin = |at: usize| old[at] && !old_core[at] && to_change[at] > 2 * rim * UNITS;
    let to_rest = distance_to(width, (0..before.len()).map(|at| left[at] && (core[at] || was_thin(at))));
    let is_rim = |at: usize| decided[at].is_none() && to_change[at] <= reach * UNITS && to_change[at] < to_rest[at];
    (0..before.len()).map(is_rim).collect()
}

/// How far each pixel of the window is decided, for either decision: a region's border is a few pixels wide, like that of
/// a network's matte.
fn softened(decisions: &Decisions, side: usize, window: &Window) -> Vec<[f32; 2]> {
    let at = |x: usize, y: usize| decisions[y * side + x];
    let weights = window.pixels(side).map(|center| {
        let (x, y) = (center % side, center / side);
        let mut sums = [0.0, 0.0];
        for (dy, down) in [0.25, 0.5, 0.25].into_iter().enumerate() {
            for (dx, across) in [0.25, 0.5, 0.25].into_iter().enumerate() {
                let x = (x + dx).saturating_sub(1).min(side - 1);
                let y = (y + dy).saturating_sub(1).min(side - 1);
                match at(x, y) {
                    Some(Decision::Keep) => sums[0] += down * across,
                    Some(Decision::Remove) => sums[1] += down * across,
                    None => {}
                }
            }
        }
        sums
    });
    weights.collect()
}

/// The part of a matte around its decisions.
struct Window {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Window {
    fn around(decisions: &Decisions, side: usize, margin: usize) -> Option<Self> {
        let mut bounds: Option<[usize; 4]> = None;
        for (at, _) in decisions.iter().enumerate().filter(|(_, decision)| decision.is_some()) {
            let (x, y) = (at % side, at / side);
            let [left, right, top, bottom] = bounds.unwrap_or([x, x, y, y]);
            bounds = Some([left.min(x), right.max(x), top.min(y), bottom.max(y)]);
        }
        let [left, right, top, bottom] = bounds?;
        let range = |from: usize, to: usize| from.saturating_sub(margin)..(to + margin + 1).min(side);
        Some(Self { columns: range(left, right), rows: range(top, bottom) })
    }

    fn width(&self) -> usize {
        self.columns.len()
    }

    /// The pixels' places in a matte of this side, row by row.
    fn pixels(&self, side: usize) -> impl Iterator<Item = usize> + '_ {
        self.rows.clone().flat_map(move |y| self.columns.clone().map(move |x| y * side + x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 256;

    fn matte(is_subject: impl Fn(usize, usize) -> bool) -> CoarseMatte {
        let values = (0..SIDE * SIDE).map(|at| if is_subject(at % SIDE, at / SIDE) { 1.0 } else { 0.0 });
        CoarseMatte::new(SIDE as u32, values.collect()).expect("a square")
    }

    fn decide(decision: Decision, is_decided: impl Fn(usize, usize) -> bool) -> Decisions {
        (0..SIDE * SIDE).map(|at| is_decided(at % SIDE, at / SIDE).then_some(decision)).collect()
    }

    fn within(x: usize, y: usize, columns: Range<usize>, rows: Range<usize>) -> bool {
        columns.contains(&x) && rows.contains(&y)
    }

    #[test]
    fn no_decision_changes_nothing() {
        let before = matte(|x, _| x > 99);
        let mut after = before.clone();
        settle(&mut after, vec![None; SIDE * SIDE]);
        assert_eq!(after, before);
    }

    #[test]
    fn the_rim_of_a_removed_object_goes_and_a_hair_next_to_it_stays() {
        let hair = |x, y| within(x, y, 150..151, 60..200);
        let mut settled = matte(|x, y| within(x, y, 60..120, 60..120) || hair(x, y));
        settle(&mut settled, decide(Decision::Remove, |x, y| within(x, y, 61..119, 61..119)));
        let left: f32 = settled.values().iter().sum();
        assert!((left - 140.0).abs() < 1.0, "{left}");
    }

    #[test]
    fn the_crack_to_an_added_object_closes() {
        let mut settled = matte(|x, y| within(x, y, 40..100, 40..200));
        settle(&mut settled, decide(Decision::Keep, |x, y| within(x, y, 101..160, 40..200)));
        assert!((90..150).all(|x| settled.values()[120 * SIDE + x] > 0.99));
        assert_eq!(settled.values()[120 * SIDE + 170], 0.0);
    }
}
