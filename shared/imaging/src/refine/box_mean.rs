//! Means over square windows, by running sums: the time does not depend on the window.

/// For each of `values`, in rows of `width`, the mean over the window of `2 * radius + 1` a side around it. At the border,
/// the window is cut off.
pub(crate) fn box_mean(values: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let height = values.len() / width;
    let mut rows = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        slide(width, radius, |at| f64::from(from[at]), |at, mean| to[at] = mean);
    }
    // All columns at once, row by row, in the order of memory.
    let mut sums = vec![0.0_f64; width];
    let mut means = vec![0.0; values.len()];
    let add = |sums: &mut [f64], y: usize, sign: f64| {
        for (sum, value) in sums.iter_mut().zip(&rows[y * width..(y + 1) * width]) {
            *sum += sign * f64::from(*value);
        }
    };
    for y in 0..radius.min(height) {
        add(&mut sums, y, 1.0);
    }
    for y in 0..height {
        if y + radius < height {
            add(&mut sums, y + radius, 1.0);
        }
        if y > radius {
            add(&mut sums, y - radius - 1, -1.0);
        }
        let count = (y + radius).min(height - 1) - y.saturating_sub(radius) + 1;
        let share = 1.0 / count as f64;
        for (mean, sum) in means[y * width..(y + 1) * width].iter_mut().zip(&sums) {
            *mean = (sum * share) as f32;
        }
    }
    means
}

/// Calls `put` with the mean of the window around each position of a line.
fn slide(length: usize, radius: usize, value: impl Fn(usize) -> f64, mut put: impl FnMut(usize, f32)) {
    let mut sum: f64 = (0..radius.min(length)).map(&value).sum();
    for at in 0..length {
        if at + radius < length {
            sum += value(at + radius);
        }
        if at > radius {
            sum -= value(at - radius - 1);
        }
        let count = (at + radius).min(length - 1) - at.saturating_sub(radius) + 1;
        put(at, (sum / count as f64) as f32);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn matches_the_mean_of_each_window(
            (width, values) in (1_usize..12, 1_usize..12)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(-1.0_f32..1.0, w * h))),
            radius in 0_usize..15,
        ) {
            let height = values.len() / width;
            let means = box_mean(&values, width, radius);
            for y in 0..height {
                for x in 0..width {
                    let (mut sum, mut count) = (0.0_f64, 0);
                    for row in y.saturating_sub(radius)..=(y + radius).min(height - 1) {
                        for column in x.saturating_sub(radius)..=(x + radius).min(width - 1) {
                            sum += f64::from(values[row * width + column]);
                            count += 1;
                        }
                    }
                    prop_assert!((f64::from(means[y * width + x]) - sum / f64::from(count)).abs() < 1e-5);
                }
            }
        }
    }
}
