//! Parallel work whose results are consumed in order, without holding all of them in memory.

use rayon::prelude::*;

use crate::error::Cause;

/// Calls `make` for 0 to `count - 1` on all threads, in waves of eight calls per thread, and `consume` with the results
/// in order. Stops at the first error.
pub(super) fn in_waves<T: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T, Cause> + Sync,
    mut consume: impl FnMut(T) -> Result<(), Cause>,
) -> Result<(), Cause> {
    let wave = rayon::current_num_threads() * 8;
    for start in (0..count).step_by(wave) {
        let results: Vec<_> = (start..count.min(start + wave)).into_par_iter().map(&make).collect();
        for result in results {
            consume(result?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumes_in_order_up_to_the_first_failure() {
        let mut consumed = Vec::new();
        in_waves(
            1000,
            |number| Ok(number * 2),
            |number| {
                consumed.push(number);
                Ok(())
            },
        )
        .expect("nothing fails");
        assert_eq!(consumed, (0..1000).map(|number| number * 2).collect::<Vec<_>>());
        let mut last = None;
        let failed = in_waves(
            1000,
            |number| if number == 500 { Err("no".into()) } else { Ok(number) },
            |number| {
                last = Some(number);
                Ok(())
            },
        );
        assert!(failed.is_err() && last == Some(499), "{last:?}");
    }
}
