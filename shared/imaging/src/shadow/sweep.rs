//! The backdrop of a studio: a surface whose brightness changes smoothly, and whether a photograph has one.
//!
//! The logarithm of the light is fitted by a polynomial of two variables, so that a shadow, which multiplies, is a
//! step down from it. The fit is robust: it is made again and again with weights that fall with how far a place was
//! off the last time, first gently and then strictly (graduated non-convexity: A. Blake and A. Zisserman, "Visual
//! Reconstruction", 1987; the weights are those of Geman and McClure). It begins near the bright ones, since a shadow
//! is darker than the backdrop. What a polynomial cannot follow, such as the bend between floor and wall, is put
//! right from what is around, without the places that are off by more than a shadow's penumbra.

use super::NoSweep;
use super::light::Light;
use super::plane::Plane;

/// The most nodes of the fit along the longer side.
const MOST: usize = 160;
/// The degree of the polynomial, and the number of its terms.
const DEGREE: usize = 4;
const TERMS: usize = (DEGREE + 1) * (DEGREE + 2) / 2;
/// The scales of the weights, in log light: from the first to the last by this factor each time.
const SCALES: (f64, f64, f64) = (0.4, 0.015, 0.75);
/// What is added to light before its logarithm is taken.
const FLOOR: f32 = 0.002;
/// Beyond this share of the longer side a place is far from the subject, where its shadow seldom reaches.
const FAR: f64 = 0.06;
/// The least share of the photograph that has to be far background.
const LEAST_FAR: f64 = 0.08;
/// How far the light may be off the polynomial, in log light, to be explained by it: 6 %.
const EXPLAINED: f64 = 0.06;
/// The least share of the far background that has to be explained.
const LEAST_EXPLAINED: f64 = 0.75;
/// The most that light may vary within a node, as a share of it; the median of the far background. Noise of a
/// photograph is up to 3 %.
const MOST_TEXTURE: f32 = 0.06;
/// The least light of the backdrop; the median of the far background. On a darker one no shadow is seen.
const LEAST_LIGHT: f64 = 0.02;
/// What is darker than the polynomial by much more than this, in log light, may be a shadow.
const DARKER: f64 = 0.015;
/// How far the places around reach that put the polynomial right, as a share of the longer side.
const AROUND: f64 = 0.05;

/// A fitted backdrop, in the logarithm of light.
#[derive(Debug)]
pub(super) struct Sweep {
    polynomial: [f64; TERMS],
    size: (usize, usize),
    /// What is to be added to the polynomial, in nodes of so many cells.
    pub(super) correction: Plane,
    pub(super) node: usize,
    /// How far the light of the far background is off the backdrop, in the median: as a share of it.
    pub(super) scatter: f32,
}

/// What is known of a node.
#[derive(Clone, Copy)]
struct Node {
    terms: [f64; TERMS],
    light: f64,
    texture: f32,
    far: bool,
    at: usize,
}

impl Sweep {
    /// That of a photograph.
    ///
    /// # Errors
    /// [`NoSweep`] if there is none.
    pub(super) fn new(light: &Light) -> Result<Self, NoSweep> {
        let size = (light.light.width, light.light.height);
        let longer = size.0.max(size.1);
        let node = longer.div_ceil(MOST);
        let (across, down) = (size.0.div_ceil(node), size.1.div_ceil(node));
        let nodes = nodes(light, node, across, down);
        let far: Vec<&Node> = nodes.iter().filter(|node| node.far).collect();
        if (far.len() as f64) < LEAST_FAR * (across * down) as f64 || far.len() < 2 * TERMS {
            return Err(NoSweep::because("too little of the background is seen around the subject"));
        }
        if median(far.iter().map(|node| node.light)) < LEAST_LIGHT.ln() {
            return Err(NoSweep::because("the background is too dark for a shadow to be seen on it"));
        }
        if median(far.iter().map(|node| f64::from(node.texture))) > f64::from(MOST_TEXTURE) {
            return Err(NoSweep::because("the background is textured"));
        }
        let polynomial = fit(&nodes).ok_or_else(|| NoSweep::because("the background's brightness is not smooth"))?;
        let explained = far.iter().filter(|node| node.off(&polynomial).abs() <= EXPLAINED).count();
        if (explained as f64) < LEAST_EXPLAINED * far.len() as f64 {
            return Err(NoSweep::because("the background's brightness is not that of one smooth surface"));
        }
        let correction = correction(&nodes, &polynomial, across, down);
        let off = far.iter().map(|node| (node.off(&polynomial) - f64::from(correction.values[node.at])).abs());
        let scatter = median(off) as f32;
        Ok(Self { polynomial, size, correction, node, scatter })
    }

    /// The backdrop's light in a row of cells, where `row` holds the correction.
    pub(super) fn light(&self, y: usize, row: &mut [f32]) {
        for (x, value) in row.iter_mut().enumerate() {
            let terms = terms((x as f64, y as f64), self.size);
            let sum: f64 = terms.iter().zip(&self.polynomial).map(|(term, factor)| term * factor).sum();
            *value = ((sum as f32 + *value).exp() - FLOOR).clamp(FLOOR, 1.0);
        }
    }
}

impl Node {
    /// By how much it is brighter than the polynomial, in log light.
    fn off(&self, polynomial: &[f64; TERMS]) -> f64 {
        self.light - self.terms.iter().zip(polynomial).map(|(term, factor)| term * factor).sum::<f64>()
    }
}

/// The powers of a place, where each side of the picture goes from -1 to 1.
fn terms(at: (f64, f64), size: (usize, usize)) -> [f64; TERMS] {
    let place = |at: f64, side: usize| (2.0 * at + 1.0) / side as f64 - 1.0;
    let (x, y) = (place(at.0, size.0), place(at.1, size.1));
    let (mut of_x, mut of_y) = ([1.0; DEGREE + 1], [1.0; DEGREE + 1]);
    for power in 1..=DEGREE {
        (of_x[power], of_y[power]) = (of_x[power - 1] * x, of_y[power - 1] * y);
    }
    let mut terms = [0.0; TERMS];
    let powers = (0..=DEGREE).flat_map(|degree| (0..=degree).map(move |down| (degree - down, down)));
    for (term, (across, down)) in terms.iter_mut().zip(powers) {
        *term = of_x[across] * of_y[down];
    }
    terms
}

/// Those of the picture that are clear of the subject.
fn nodes(light: &Light, node: usize, across: usize, down: usize) -> Vec<Node> {
    let (width, height) = (light.light.width, light.light.height);
    let mut nodes = Vec::new();
    let mut covered = Plane::new(across, down);
    for at in 0..across * down {
        let (left, top) = (at % across * node, at / across * node);
        let (right, bottom) = ((left + node).min(width), (top + node).min(height));
        let (mut count, mut sum, mut squares) = (0.0_f32, 0.0, 0.0);
        for y in top..bottom {
            for x in left..right {
                if light.clear[y * width + x] {
                    let value = light.light.row(y)[x];
                    (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
                }
            }
        }
        if 2.0 * count < ((right - left) * (bottom - top)) as f32 {
            covered.values[at] = 1.0;
            continue;
        }
        let mean = sum / count;
        let middle = ((left + right - 1) as f64 / 2.0, (top + bottom - 1) as f64 / 2.0);
        nodes.push(Node {
            terms: terms(middle, (width, height)),
            light: f64::from(mean + FLOOR).ln(),
            texture: (squares / count - mean * mean).max(0.0).sqrt() / (mean + FLOOR),
            far: false,
            at,
        });
    }
    let edge: Vec<bool> = covered.values.iter().map(|covered| *covered > 0.0).collect();
    let near = super::distance::widened(&covered, &edge, (FAR * across.max(down) as f64) as f32);
    for node in &mut nodes {
        node.far = near.values[node.at] == 0.0;
    }
    nodes
}

/// The polynomial of the backdrop.
fn fit(nodes: &[Node]) -> Option<[f64; TERMS]> {
    let mut polynomial = solve(nodes, |_| 1.0)?;
    // Towards the bright ones first: above the fit a node counts ten times as much as below it.
    for _ in 0..4 {
        let last = polynomial;
        polynomial = solve(nodes, |node| if node.off(&last) > 0.0 { 1.0 } else { 0.1 })?;
    }
    let (mut scale, least, factor) = SCALES;
    while scale > least {
        let last = polynomial;
        polynomial = solve(nodes, |node| {
            let off = node.off(&last) / scale;
            // Shadows are darker than the backdrop, and a little of what is brighter is noise.
            let off = if off > 0.0 { off / 2.0 } else { off };
            (1.0 + off * off).powi(-2)
        })?;
        scale *= factor;
    }
    Some(polynomial)
}

/// Weighted least squares, by Cholesky's decomposition.
fn solve(nodes: &[Node], weight: impl Fn(&Node) -> f64) -> Option<[f64; TERMS]> {
    let (mut matrix, mut right) = ([[0.0; TERMS]; TERMS], [0.0; TERMS]);
    let mut all = 0.0;
    for node in nodes {
        let weight = weight(node);
        all += weight;
        for (row, (term, right)) in node.terms.iter().zip(&mut right).enumerate() {
            *right += weight * term * node.light;
            for (column, other) in node.terms[..=row].iter().enumerate() {
                matrix[row][column] += weight * term * other;
            }
        }
    }
    // A little less of the higher powers, where nothing tells them.
    for (term, row) in matrix.iter_mut().enumerate().skip(1) {
        row[term] += if term < 6 { 1e-5 } else { 1e-4 } * all;
    }
    for row in 0..TERMS {
        for column in 0..=row {
            let before: f64 = (0..column).map(|at| matrix[row][at] * matrix[column][at]).sum();
            let rest = matrix[row][column] - before;
            matrix[row][column] = if row == column { rest.sqrt() } else { rest / matrix[column][column] };
        }
        if matrix[row][row].is_nan() || matrix[row][row] == 0.0 {
            return None;
        }
        let before: f64 = (0..row).map(|at| matrix[row][at] * right[at]).sum();
        right[row] = (right[row] - before) / matrix[row][row];
    }
    for row in (0..TERMS).rev() {
        let after: f64 = (row + 1..TERMS).map(|at| matrix[at][row] * right[at]).sum();
        right[row] = (right[row] - after) / matrix[row][row];
    }
    Some(right)
}

/// What the polynomial is to be put right by, from the nodes that are near it.
fn correction(nodes: &[Node], polynomial: &[f64; TERMS], across: usize, down: usize) -> Plane {
    let (mut sums, mut weights) = (Plane::new(across, down), Plane::new(across, down));
    for node in nodes {
        let off = node.off(polynomial);
        let scale = if off > 0.0 { EXPLAINED } else { DARKER };
        let weight = (1.0 + (off / scale).powi(2)).powi(-2);
        let weight = if off < -2.0 * DARKER { 0.0 } else { weight };
        sums.values[node.at] = (weight * off) as f32;
        weights.values[node.at] = weight as f32;
    }
    let sigma = AROUND * across.max(down) as f64;
    let (mut sums, weights) = (sums.blurred(sigma), weights.blurred(sigma));
    for (sum, weight) in sums.values.iter_mut().zip(&weights.values) {
        // Where hardly anything is near it, the polynomial stays.
        *sum /= weight + 0.02;
    }
    sums
}

/// The middle one of at least one value.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
