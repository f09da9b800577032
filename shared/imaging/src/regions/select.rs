//! From hints to the pixels that they mean.
//!
//! Hints apply in their order. Each selects a region, and a later one paints over an earlier one. Its region contains no
//! point of an earlier hint of the other kind.
//!
//! The page that corrects cuts follows the same rules (`desk/correct/choose.js`), so that it shows what a click will do. Its
//! tests and the ones here read the same fixture.

#[cfg(test)]
mod fixture;

use super::geodesic;
use super::tree::{NodeId, RegionTree};

/// A region larger than this share of everything that a hint could change is no answer to it.
const MAX_SHARE: f32 = 0.9;
/// A hint on what is right already means a region of which at most this share is wrong: it confirms, and changes nothing
/// else.
const CONFIRMED: f32 = 0.02;
/// How far a hint reaches that no region answers and that has no radius, as a share of the longer side.
const DEFAULT_REACH: f32 = 0.05;
/// These four were chosen on photographs of ECSSD, with a robot that clicks in the middle of the largest wrong region.
///
/// How much a point far from the middle of a region speaks against it. People and robots click in the middle.
const CENTRALITY: f32 = 1.0;
/// How much area that is right already speaks against a region.
const PURITY: f32 = 1.0;
/// How much a larger change speaks for a region: who corrects little clicks again, who corrects too much has to repair.
const SIZE: f32 = 0.5;
/// Edges below this strength are texture, so that a region does not win for being plain.
const WEAKEST: f32 = 0.05;

/// What becomes of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is subject.
    Keep,
    /// It is background.
    Remove,
}

/// A click, or a stroke. Coordinates and radius are in pixels of the tree; points are inside of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// What becomes of the region.
    pub decision: Decision,
    /// The corners of a line, or a single point.
    pub points: Vec<(f32, f32)>,
    /// The size of the region: that of a disc with this radius. `None` leaves it to the edges.
    pub radius: Option<f32>,
}

/// A picture with its tree.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The tree.
    pub tree: &'a RegionTree,
    /// The colors of the tree's pixels: interleaved RGB.
    pub colors: &'a [u8],
}

/// What hints decide, pixel by pixel of the tree. `matte` is the networks' answer at that size, from 0 to 1.
pub fn select(ground: Ground<'_>, matte: &[f32], strokes: &[Stroke]) -> Vec<Option<Decision>> {
    let mut selection = Selection {
        ground,
        is_subject: matte.iter().map(|value| *value > 0.5).collect(),
        decisions: vec![None; matte.len()],
    };
    for (index, stroke) in strokes.iter().enumerate() {
        selection.apply(stroke, &strokes[..index]);
    }
    selection.decisions
}

/// The state between two hints.
struct Selection<'a> {
    ground: Ground<'a>,
    is_subject: Vec<bool>,
    decisions: Vec<Option<Decision>>,
}

/// The meaning of one hint.
struct Meaning {
    /// Regions. One may contain another one.
    nodes: Vec<NodeId>,
    /// Where no region is small enough, single pixels.
    pixels: Vec<usize>,
}

impl Selection<'_> {
    fn apply(&mut self, stroke: &Stroke, earlier: &[Stroke]) {
        let Meaning { nodes, pixels } = self.meaning(stroke, earlier);
        self.paint_nodes(&nodes, stroke.decision);
        for at in pixels {
            self.paint(at, stroke.decision);
        }
    }

    /// The regions and pixels that a hint means after the earlier ones.
    fn meaning(&self, stroke: &Stroke, earlier: &[Stroke]) -> Meaning {
        let tree = self.ground.tree;
        let (width, height) = tree.dimensions();
        let line = pixels_of(stroke, tree);
        let others = earlier.iter().filter(|other| other.decision != stroke.decision);
        let rivals: Vec<usize> = others.flat_map(|other| pixels_of(other, tree)).collect();
        let sums = Sums::new(tree, &self.is_subject, stroke.decision);
        let bounds = Bounds::new(tree, &rivals);

        let mut leaves: Vec<NodeId> = line.iter().map(|at| tree.leaf_of(*at)).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let mut nodes = Vec::new();
        let mut unanswered = Vec::new();
        for leaf in leaves {
            let is_wrong = line.iter().any(|at| tree.leaf_of(*at) == leaf && self.changes(*at, stroke.decision));
            let is_open = |node: &NodeId| !bounds.forbids(*node, tree);
            let chain: Vec<NodeId> = match is_wrong {
                true => tree.ancestors(leaf).take_while(|node| is_open(node) && sums.is_answer(*node, tree)).collect(),
                false => tree.ancestors(leaf).take_while(|node| is_open(node) && sums.is_right(*node, tree)).collect(),
            };
            match self.choose(&chain, &sums, stroke, &line) {
                Some(node) => nodes.push(node),
                None if is_wrong => unanswered.push(leaf),
                // The point is right already, and stays so.
                None => {}
            }
        }
        let seeds: Vec<usize> = line.into_iter().filter(|at| unanswered.contains(&tree.leaf_of(*at))).collect();
        if seeds.is_empty() {
            return Meaning { nodes, pixels: Vec::new() };
        }
        let reach = stroke.radius.unwrap_or(DEFAULT_REACH * width.max(height) as f32);
        let pixels = geodesic::within_reach(self.ground.colors, width as usize, (&seeds, &rivals), reach);
        Meaning { nodes, pixels }
    }

    fn changes(&self, at: usize, decision: Decision) -> bool {
        self.is_subject[at] != (decision == Decision::Keep)
    }

    /// The node that a hint means, of a leaf and its ancestors.
    fn choose(&self, chain: &[NodeId], sums: &Sums, stroke: &Stroke, line: &[usize]) -> Option<NodeId> {
        let tree = self.ground.tree;
        let size = |radius: f32| std::f32::consts::PI * radius * radius;
        let by_area = |wanted: f32| {
            let off = |node: NodeId| (tree.area(node) as f32 / wanted.max(1.0)).ln().abs();
            chain.iter().copied().min_by(|one, other| off(*one).total_cmp(&off(*other)))
        };
        match (stroke.radius, stroke.points.as_slice()) {
            (Some(radius), _) => by_area(size(radius)),
            (None, [_]) => {
                let at = *line.first()?;
                let width = tree.dimensions().0 as usize;
                let point = ((at % width) as f32, (at / width) as f32);
                let score = |node: NodeId| sums.score(node, tree, point);
                chain.iter().copied().max_by(|one, other| score(*one).total_cmp(&score(*other)))
            }
            // A stroke is as long as what it crosses is wide.
            (None, _) => {
                let longest = size(length_of(&stroke.points) / 2.0);
                let fits = chain.iter().copied().take_while(|node| tree.area(*node) as f32 <= longest);
                fits.last().or(chain.first().copied())
            }
        }
    }

    fn paint_nodes(&mut self, nodes: &[NodeId], decision: Decision) {
        let mut chosen = vec![false; self.ground.tree.leaves()];
        for node in nodes {
            chosen[self.ground.tree.span(*node)].fill(true);
        }
        let positions: Vec<usize> = self.ground.tree.positions().collect();
        for (at, position) in positions.into_iter().enumerate() {
            if chosen[position] {
                self.paint(at, decision);
            }
        }
    }

    fn paint(&mut self, at: usize, decision: Decision) {
        self.decisions[at] = Some(decision);
        self.is_subject[at] = decision == Decision::Keep;
    }
}

/// The points that a node must not contain, as sorted positions of leaves.
struct Bounds(Vec<usize>);

impl Bounds {
    fn new(tree: &RegionTree, rivals: &[usize]) -> Self {
        let mut positions: Vec<usize> = rivals.iter().map(|at| tree.span(tree.leaf_of(*at)).start).collect();
        positions.sort_unstable();
        positions.dedup();
        Self(positions)
    }

    fn forbids(&self, node: NodeId, tree: &RegionTree) -> bool {
        let span = tree.span(node);
        let first = self.0.partition_point(|position| *position < span.start);
        self.0.get(first).is_some_and(|position| *position < span.end)
    }
}

/// Sums over what a hint would change in the first leaves, in the order of their positions.
struct Sums(Vec<Wrong>);

/// The pixels that a hint would change: their number, and the sums of their coordinates.
#[derive(Debug, Clone, Copy, Default)]
struct Wrong {
    count: f64,
    x: f64,
    y: f64,
}

impl Sums {
    fn new(tree: &RegionTree, is_subject: &[bool], decision: Decision) -> Self {
        let width = tree.dimensions().0 as usize;
        let mut sums = vec![Wrong::default(); tree.leaves() + 1];
        for (at, position) in tree.positions().enumerate() {
            if is_subject[at] != (decision == Decision::Keep) {
                let sum = &mut sums[position + 1];
                sum.count += 1.0;
                sum.x += (at % width) as f64;
                sum.y += (at / width) as f64;
            }
        }
        for at in 1..sums.len() {
            let before = sums[at - 1];
            sums[at].count += before.count;
            sums[at].x += before.x;
            sums[at].y += before.y;
        }
        Self(sums)
    }

    fn of(&self, node: NodeId, tree: &RegionTree) -> Wrong {
        let span = tree.span(node);
        let (before, after) = (self.0[span.start], self.0[span.end]);
        Wrong { count: after.count - before.count, x: after.x - before.x, y: after.y - before.y }
    }

    /// Whether a node leaves enough as it is.
    fn is_answer(&self, node: NodeId, tree: &RegionTree) -> bool {
        let all = self.0.last().map_or(0.0, |all| all.count);
        self.of(node, tree).count <= f64::from(MAX_SHARE) * all
    }

    /// Whether nearly all of a node is right already.
    fn is_right(&self, node: NodeId, tree: &RegionTree) -> bool {
        self.of(node, tree).count <= f64::from(CONFIRMED) * f64::from(tree.area(node))
    }

    /// How much speaks for a node: strong edges around it and weak ones within, the point in the middle of what changes,
    /// and little that is right already.
    fn score(&self, node: NodeId, tree: &RegionTree, point: (f32, f32)) -> f32 {
        let around = tree.height_of(tree.parent(node).unwrap_or(node));
        let persistence = ((around + WEAKEST) / (tree.height_of(node) + WEAKEST)).ln();
        let wrong = self.of(node, tree);
        if wrong.count < 1.0 {
            return persistence - PURITY - CENTRALITY;
        }
        let off = f64::from(point.0) - wrong.x / wrong.count;
        let off = off.hypot(f64::from(point.1) - wrong.y / wrong.count) as f32;
        let radius = (wrong.count as f32 / std::f32::consts::PI).sqrt();
        let purity = wrong.count as f32 / tree.area(node) as f32;
        let all = self.0.last().map_or(wrong.count, |all| all.count);
        let size = (wrong.count / all).ln() as f32;
        persistence + SIZE * size - CENTRALITY * (off / radius) - PURITY * (1.0 - purity)
    }
}

/// The pixels that a hint touches.
fn pixels_of(stroke: &Stroke, tree: &RegionTree) -> Vec<usize> {
    let (width, height) = tree.dimensions();
    let index = |(x, y): (f32, f32)| {
        let (x, y) = ((x as u32).min(width - 1), (y as u32).min(height - 1));
        (y * width + x) as usize
    };
    let mut pixels: Vec<usize> = stroke.points.first().map(|point| index(*point)).into_iter().collect();
    for pair in stroke.points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0);
        pixels.extend((1..=steps as u32).map(|step| {
            let share = step as f32 / steps;
            index((from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)))
        }));
    }
    pixels.dedup();
    pixels
}

fn length_of(points: &[(f32, f32)]) -> f32 {
    points.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).sum()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::super::samples::sign;
    use super::*;
    use crate::resample;

    /// How many pixels of the letter, of the sign around it, and of the wall are decided, as shares of each.
    fn decided(strokes: &[Stroke], decision: Decision) -> [f32; 3] {
        let picture = sign();
        let tree = RegionTree::build(&picture, &[]).expect("builds");
        let colors = resample::shrink(&picture, 120, 80).expect("resizes");
        // The networks take the sign with its letter for the subject.
        let within = |at: usize, columns: Range<usize>, rows: Range<usize>| {
            columns.contains(&(at % 120)) && rows.contains(&(at / 120))
        };
        let is_sign = |at: usize| within(at, 36..84, 16..56);
        let is_letter = |at: usize| within(at, 46..58, 26..46);
        let matte: Vec<f32> = (0..120 * 80).map(|at| if is_sign(at) { 1.0 } else { 0.0 }).collect();
        let chosen = select(Ground { tree: &tree, colors: &colors }, &matte, strokes);
        let part = |at: usize| if is_letter(at) { 0 } else { 2 - usize::from(is_sign(at)) };
        let mut counts = [[0.0_f32; 2]; 3];
        for (at, chosen) in chosen.iter().enumerate() {
            counts[part(at)][0] += 1.0;
            counts[part(at)][1] += f32::from(u8::from(*chosen == Some(decision)));
        }
        counts.map(|[all, decided]| decided / all)
    }

    fn click(decision: Decision, x: f32, y: f32) -> Stroke {
        Stroke { decision, points: vec![(x, y)], radius: None }
    }

    #[test]
    fn a_click_means_a_region_and_not_a_disc() {
        let [letter, sign, wall] = decided(&[click(Decision::Remove, 52.0, 36.0)], Decision::Remove);
        assert!(letter > 0.9 && sign < 0.1 && wall == 0.0, "{letter} {sign} {wall}");
    }

    #[test]
    fn the_radius_chooses_the_scale() {
        let with = |radius| Stroke { radius: Some(radius), ..click(Decision::Keep, 52.0, 36.0) };
        let [letter, sign, wall] = decided(&[with(8.0)], Decision::Keep);
        assert!(letter > 0.9 && sign < 0.1 && wall == 0.0, "{letter} {sign} {wall}");
        let [letter, sign, wall] = decided(&[with(25.0)], Decision::Keep);
        assert!(letter > 0.9 && sign > 0.9 && wall < 0.1, "{letter} {sign} {wall}");
    }

    #[test]
    fn earlier_hints_of_the_other_kind_bound_a_region() {
        let keep = click(Decision::Keep, 52.0, 36.0);
        let remove = Stroke { radius: Some(40.0), ..click(Decision::Remove, 70.0, 50.0) };
        let [letter, sign, wall] = decided(&[keep, remove], Decision::Remove);
        assert!(letter < 0.1 && sign > 0.5 && wall < 0.5, "{letter} {sign} {wall}");
    }

    #[test]
    fn a_hint_on_what_is_right_changes_nothing_else() {
        for decision in [Decision::Remove, Decision::Keep] {
            let at = if decision == Decision::Keep { (52.0, 36.0) } else { (10.0, 70.0) };
            let other = if decision == Decision::Keep { Decision::Remove } else { Decision::Keep };
            let shares = decided(&[click(decision, at.0, at.1)], decision);
            let [letter, sign, wall] = shares;
            let wrong = if decision == Decision::Keep { wall } else { letter.max(sign) };
            assert!(wrong < 0.1, "{decision:?}: {shares:?}");
            assert_eq!(decided(&[click(decision, at.0, at.1)], other), [0.0; 3]);
        }
    }

    #[test]
    fn a_stroke_covers_what_it_crosses() {
        let stroke = Stroke { decision: Decision::Remove, points: vec![(40.0, 20.0), (52.0, 36.0)], radius: None };
        let [letter, sign, wall] = decided(&[stroke], Decision::Remove);
        assert!(letter > 0.9 && wall < 0.1, "{letter} {sign} {wall}");
    }

    #[test]
    fn a_region_that_nothing_divides_is_cut_by_distance() {
        let plain = vec![90; 3 * 100 * 100];
        let tree = RegionTree::new(100, vec![0; 100 * 100], Vec::new());
        let chosen = |points: &[(Decision, f32)]| {
            let strokes: Vec<Stroke> = points.iter().map(|(decision, x)| click(*decision, *x, 50.0)).collect();
            let ground = Ground { tree: &tree, colors: &plain };
            select(ground, &vec![1.0; 100 * 100], &strokes)
        };
        let removed = |chosen: &[Option<Decision>]| chosen.iter().filter(|one| **one == Some(Decision::Remove)).count();
        let alone = removed(&chosen(&[(Decision::Remove, 50.0)]));
        // A diamond with a reach of 5 pixels.
        assert_eq!(alone, 61);
        let bounded = chosen(&[(Decision::Keep, 54.0), (Decision::Remove, 50.0)]);
        assert!(removed(&bounded) < alone && bounded[50 * 100 + 54] == Some(Decision::Keep), "{}", removed(&bounded));
    }
}
