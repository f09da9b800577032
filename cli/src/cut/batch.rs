//! Working on many photos at once, with a progress bar.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::layout::PhotoPlan;
use super::outcome::CutOutcome;

/// Calls `work` for every photo, for `jobs` at a time. The outcomes are in the order of the photos. A panic counts as a
/// failure of its photo and does not affect the others.
pub(super) fn run_all(
    photos: &[PhotoPlan],
    jobs: usize,
    work: impl Fn(&PhotoPlan) -> anyhow::Result<CutOutcome> + Sync,
) -> Vec<anyhow::Result<CutOutcome>> {
    let bar = progress_bar(photos.len());
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((index, photo)) = take_next(&next, photos) {
                    bar.set_message(photo.source.file_name().unwrap_or_default().to_string_lossy().into_owned());
                    let outcome = catch_unwind(AssertUnwindSafe(|| work(photo)))
                        .unwrap_or_else(|_| Err(anyhow::anyhow!("bug in Cutline: a panic; please report it")));
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn take_next<'a>(next: &AtomicUsize, photos: &'a [PhotoPlan]) -> Option<(usize, &'a PhotoPlan)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, photos.get(index)?))
}

fn progress_bar(count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left  {wide_msg}");
    let bar = ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_panics_stop_no_other_photo_and_keep_their_order() {
        let photo =
            |at: usize| PhotoPlan { source: at.to_string().into(), pictures: Vec::new(), svg: None, warning: None };
        let photos: Vec<_> = (0..20).map(photo).collect();
        let calls = AtomicUsize::new(0);
        let outcomes = run_all(&photos, 4, |photo| {
            calls.fetch_add(1, Ordering::SeqCst);
            match photo.source.to_str() {
                Some("3") => panic!("a bug"),
                Some("1" | "17") => anyhow::bail!("no"),
                _ => Ok(CutOutcome::Skipped),
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), 20);
        let failed: Vec<_> = (0..20).filter(|at| outcomes[*at].is_err()).collect();
        assert_eq!(failed, [1, 3, 17]);
        assert!(outcomes[3].as_ref().is_err_and(|reason| reason.to_string().contains("report")));
    }
}
