//! Work on many pieces at once whose results are taken in order, without holding them all.

use rayon::prelude::*;

use crate::error::Cause;

/// Makes the pieces 0 to `count` on all threads and hands them on in order. Only some of them are held at once.
pub(super) fn in_waves<T: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T, Cause> + Sync,
    mut take: impl FnMut(T) -> Result<(), Cause>,
) -> Result<(), Cause> {
    let wave = rayon::current_num_threads() * 8;
    for start in (0..count).step_by(wave) {
        let made: Vec<_> = (start..count.min(start + wave)).into_par_iter().map(&make).collect();
        for piece in made {
            take(piece?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pieces_come_in_order_up_to_the_first_that_fails() {
        let mut taken = Vec::new();
        in_waves(
            1000,
            |piece| Ok(piece * 2),
            |piece| {
                taken.push(piece);
                Ok(())
            },
        )
        .expect("nothing fails");
        assert_eq!(taken, (0..1000).map(|piece| piece * 2).collect::<Vec<_>>());
        let mut last = None;
        let failed = in_waves(
            1000,
            |piece| if piece == 500 { Err("no".into()) } else { Ok(piece) },
            |piece| {
                last = Some(piece);
                Ok(())
            },
        );
        assert!(failed.is_err() && last == Some(499), "{last:?}");
    }
}
