//! Sums over square windows, in a time that does not depend on their size.

/// The mean of `values`, `width` in a row, over the window of `2 * radius + 1` a side around each. At the
/// border the window is what of it lies within the picture.
pub(super) fn mean(values: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let height = values.len() / width;
    let mut rows = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        slide(width, radius, |at| f64::from(from[at]), |at, mean| to[at] = mean);
    }
    // Down the columns, all of a row at once: that is how the memory lies.
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

/// Moves a window along one line.
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
        fn it_is_the_mean_of_the_window(
            (width, values) in (1_usize..12, 1_usize..12)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(-1.0_f32..1.0, w * h))),
            radius in 0_usize..15,
        ) {
            let height = values.len() / width;
            let means = mean(&values, width, radius);
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
