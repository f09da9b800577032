//! Samples of subsampled components at the size of the image, with the same results as libjpeg: interpolated between two
//! samples where there is one for two pixels, and repeated otherwise.

/// The rows of samples that a row of pixels is made of: the one that covers it, and for two pixels per sample the one on
/// the nearer side.
pub(super) fn source_rows(y: usize, expansion: usize, height: usize) -> (usize, usize) {
    let near = (y / expansion).min(height - 1);
    let far = match (expansion, y % 2) {
        (2, 0) => near.saturating_sub(1),
        (2, _) => (near + 1).min(height - 1),
        _ => near,
    };
    (near, far)
}

/// Writes a row of pixels.
pub(super) fn expand(near: &[u8], far: &[u8], y: usize, expansion: (usize, usize), row: &mut [u8]) {
    match expansion {
        (1, 1) => row.copy_from_slice(&near[..row.len()]),
        (1, 2) => between_rows(near, far, y, row),
        // Three columns or more have neighbors to interpolate with.
        (2, 1) if near.len() > 2 => between_columns(near, row),
        (2, 2) if near.len() > 2 => between_both(near, far, row),
        (across, _) => {
            for (pixels, sample) in row.chunks_mut(across).zip(near) {
                pixels.fill(*sample);
            }
        }
    }
}

fn between_rows(near: &[u8], far: &[u8], y: usize, row: &mut [u8]) {
    // Rounds down and up in turns.
    let bias = if y.is_multiple_of(2) { 1 } else { 2 };
    for ((pixel, near), far) in row.iter_mut().zip(near).zip(far) {
        *pixel = ((3 * u16::from(*near) + u16::from(*far) + bias) >> 2) as u8;
    }
}

fn between_columns(samples: &[u8], row: &mut [u8]) {
    let last = samples.len() - 1;
    let mix = |near: u8, far: u8, bias: u16| (3 * u16::from(near) + u16::from(far) + bias) >> 2;
    row[0] = samples[0];
    let inner = row[1..].as_chunks_mut::<2>().0;
    for (pixels, (left, right)) in inner.iter_mut().zip(samples.iter().zip(&samples[1..])) {
        *pixels = (mix(*left, *right, 2) | mix(*right, *left, 1) << 8).to_le_bytes();
    }
    if row.len() == 2 * last + 2 {
        row[2 * last + 1] = samples[last];
    }
}

fn between_both(near: &[u8], far: &[u8], row: &mut [u8]) {
    let column = |near: u8, far: u8| 3 * u16::from(near) + u16::from(far);
    let (first, last) = (column(near[0], far[0]), near.len() - 1);
    row[0] = ((4 * first + 8) >> 4) as u8;
    let inner = row[1..].as_chunks_mut::<2>().0;
    let (lefts, rights) = (near.iter().zip(far), near[1..].iter().zip(&far[1..]));
    for (pixels, (left, right)) in inner.iter_mut().zip(lefts.zip(rights)) {
        let (left, right) = (column(*left.0, *left.1), column(*right.0, *right.1));
        // Both pixels at once, which processors write faster.
        let (first, second) = ((3 * left + right + 7) >> 4, (3 * right + left + 8) >> 4);
        *pixels = (first | second << 8).to_le_bytes();
    }
    if row.len() == 2 * last + 2 {
        row[2 * last + 1] = ((4 * column(near[last], far[last]) + 7) >> 4) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_keep_their_samples() {
        for width in [5, 6] {
            let mut row = vec![0; width];
            expand(&[10, 50, 90], &[10, 50, 90], 0, (2, 1), &mut row);
            assert_eq!(row, [10, 20, 40, 60, 80, 90][..width]);
            expand(&[10, 50, 90], &[10, 50, 90], 0, (2, 2), &mut row);
            assert_eq!(row, [10, 20, 40, 60, 80, 90][..width]);
        }
    }

    #[test]
    fn rows_have_their_nearer_neighbor() {
        assert_eq!([0, 1, 2, 3].map(|y| source_rows(y, 2, 2)), [(0, 0), (0, 1), (1, 0), (1, 1)]);
        assert_eq!([0, 3, 4, 9].map(|y| source_rows(y, 4, 2)), [(0, 0), (0, 0), (1, 1), (1, 1)]);
        let mut row = [0; 2];
        expand(&[10, 20], &[20, 11], 1, (1, 2), &mut row);
        assert_eq!(row, [13, 18]);
    }

    #[test]
    fn narrow_components_are_repeated() {
        let mut row = [0; 3];
        expand(&[10, 50], &[0, 0], 0, (2, 2), &mut row);
        assert_eq!(row, [10, 10, 50]);
        let mut row = [0; 7];
        expand(&[10, 50], &[0, 0], 0, (4, 1), &mut row);
        assert_eq!(row, [10, 10, 10, 10, 50, 50, 50]);
    }
}
