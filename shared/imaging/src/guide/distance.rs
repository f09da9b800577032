//! Distances to a set of pixels.
//!
//! Source: G. Borgefors, "Distance Transformations in Digital Images", 1986: steps of 3 across sides and 4 across
//! corners, which is at most 6 % off the Euclidean distance.

/// Units in a pixel.
pub(crate) const UNITS: u32 = 3;
const ACROSS_CORNERS: u32 = 4;

/// The distance of every pixel to the closest of the set, in [`UNITS`]; larger than any if the set is empty.
pub(crate) fn distance_to(width: usize, set: impl Iterator<Item = bool>) -> Vec<u32> {
    let far = u32::MAX / 2;
    let mut distance: Vec<u32> = set.map(|is_in| if is_in { 0 } else { far }).collect();
    let length = distance.len();
    let mut relax = |at: usize, is_backward: bool| {
        let x = at % width;
        let row = if is_backward { Some(at + width).filter(|at| *at < length) } else { at.checked_sub(width) };
        let side = if is_backward { (x + 1 < width).then_some(at + 1) } else { (x > 0).then(|| at - 1) };
        let corners = row.into_iter().flat_map(|row| [(x > 0).then(|| row - 1), (x + 1 < width).then_some(row + 1)]);
        let corners = corners.flatten().map(|from| (from, ACROSS_CORNERS));
        let nearest = side.into_iter().chain(row).map(|from| (from, UNITS)).chain(corners);
        let nearest = nearest.map(|(from, step)| distance[from] + step).min();
        distance[at] = distance[at].min(nearest.unwrap_or(far)).min(far);
    };
    (0..length).for_each(|at| relax(at, false));
    (0..length).rev().for_each(|at| relax(at, true));
    distance
}

/// The set without its parts that are narrower than `2 * radius` pixels.
pub(crate) fn opened(width: usize, set: &[bool], radius: u32) -> Vec<bool> {
    let depth = distance_to(width, set.iter().map(|is_in| !is_in));
    let reach = distance_to(width, depth.iter().map(|depth| *depth > radius * UNITS));
    set.iter().zip(reach).map(|(is_in, reach)| *is_in && reach <= radius * UNITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_along_rows_columns_and_diagonals() {
        let distance = distance_to(7, (0..49).map(|at| at == 24));
        assert_eq!((distance[24], distance[27], distance[3], distance[0]), (0, 9, 9, 12));
        assert!(distance_to(3, [false; 9].into_iter()).iter().all(|distance| *distance > 1000));
    }

    #[test]
    fn opening_removes_lines_and_keeps_squares() {
        let (width, within) = (40, |at: usize, from: usize, to: usize| (from..to).contains(&(at % 40)));
        let set: Vec<bool> = (0..40 * 40).map(|at| within(at, 5, 20) || within(at, 30, 33)).collect();
        let opened = opened(width, &set, 3);
        let expected: Vec<bool> = (0..40 * 40).map(|at| within(at, 5, 20)).collect();
        assert_eq!(opened, expected);
    }
}
