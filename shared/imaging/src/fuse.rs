//! One coarse matte from two: the detail network's answer where it is sure, and the other network's elsewhere.

use crate::error::Error;
use crate::matte::CoarseMatte;
use crate::resample;

/// The lowest value of a fused matte that surely is subject.
const SURE: f32 = 0.8;
/// The smallest fraction of the picture that must surely be subject: a spot of 23 x 23 in 1024 x 1024.
///
/// On photographs of things the fraction was 2.5% or more. On blank, noisy, shaded and vignetted pictures of every gray
/// it was 0, and no value exceeded 0.2.
const MIN_SUBJECT: f32 = 0.0005;
/// A value of a fused matte below this is background rather than subject.
const BACKGROUND: f32 = 0.5;

/// Fuses two mattes by the confidence `c = |2d - 1|` of the first: `c * d + (1 - c) * w`, where `d` is `detail` and `w` is
/// `whole`. The result has the side of `detail`.
///
/// # Errors
/// [`Error::Resample`].
pub fn fuse(mut detail: CoarseMatte, whole: &CoarseMatte) -> Result<CoarseMatte, Error> {
    let whole = resample::rescale(whole, detail.side())?;
    detail.zip(&whole, |detail, whole| {
        let confidence = (2.0 * detail - 1.0).abs();
        confidence * detail + (1.0 - confidence) * whole
    });
    Ok(detail)
}

/// Stretches a matte to the full range from 0 to 1, if it shows a subject. That is checked first: stretched, the faint
/// noise of an empty picture would become a subject. If nothing is background, the smallest value is the least sure
/// part of the subject and must not become 0, so only the upper end is stretched.
///
/// # Errors
/// [`Error::NoSubject`].
pub fn stretch(mut matte: CoarseMatte) -> Result<CoarseMatte, Error> {
    let values = matte.values();
    let sure = values.iter().filter(|value| **value >= SURE).count();
    if (sure as f32) < MIN_SUBJECT * values.len() as f32 {
        return Err(Error::NoSubject);
    }
    let (min, max) = values.iter().fold((1.0_f32, 0.0_f32), |(min, max), value| (min.min(*value), max.max(*value)));
    let min = if min < BACKGROUND { min } else { 0.0 };
    // The range is not empty: `max` is at least `SURE`, and `min` is below that.
    matte.map(|value| (value - min) / (max - min));
    Ok(matte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matte(side: u32, value: impl Fn(u32) -> f32) -> CoarseMatte {
        CoarseMatte::new(side, (0..side * side).map(value).collect()).expect("has that many values")
    }

    #[test]
    fn the_detail_decides_where_it_is_sure_and_the_other_elsewhere() {
        let detail = CoarseMatte::new(2, vec![1.0, 0.0, 0.5, 0.75]).expect("four values");
        let whole = CoarseMatte::new(2, vec![0.0, 1.0, 0.9, 0.25]).expect("four values");
        let fused = fuse(detail, &whole).expect("fuses");
        for (value, expected) in fused.values().iter().zip([1.0, 0.0, 0.9, 0.5]) {
            assert!((value - expected).abs() < 1e-6, "{value} where {expected} was expected");
        }
    }

    #[test]
    fn the_result_has_the_side_of_the_detail() {
        let fused = fuse(matte(9, |_| 0.5), &matte(4, |_| 0.7)).expect("fuses");
        assert_eq!(fused.side(), 9);
        assert!(fused.values().iter().all(|value| (value - 0.7).abs() < 1e-3));
    }

    #[test]
    fn rejects_faint_mattes_and_accepts_a_small_sure_subject() {
        let faint = matte(100, |at| 0.3 * (at % 2) as f32);
        assert!(matches!(stretch(faint), Err(Error::NoSubject)));
        let specks = matte(100, |at| if at < 4 { 1.0 } else { 0.0 });
        assert!(matches!(stretch(specks), Err(Error::NoSubject)));
        let small = matte(100, |at| if at < 10 { 0.9 } else { 0.1 });
        let stretched = stretch(small).expect("has a subject");
        assert_eq!(stretched.values()[0], 1.0);
        assert_eq!(stretched.values()[50], 0.0);
    }

    #[test]
    fn a_matte_that_is_all_subject_stays_so() {
        let all = stretch(matte(10, |_| 1.0)).expect("has a subject");
        assert!(all.values().iter().all(|value| *value == 1.0));
        let nearly = stretch(matte(10, |at| 0.9 + 0.1 * at as f32 / 99.0)).expect("has a subject");
        assert!(nearly.values()[0] > 0.89, "{}", nearly.values()[0]);
        assert!(nearly.values()[99] > 0.999, "{}", nearly.values()[99]);
    }
}
