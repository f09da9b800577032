//! One matte from two: where the network that sees detail is sure, its answer; where it is not, that of the
//! network that sees the whole.

use crate::error::Error;
use crate::resample;
use crate::segment::Matte;

/// From this value on a fused matte is taken to be sure of the subject.
const SURE: f32 = 0.8;
/// The least share of the picture that has to be surely subject: a spot of 23 x 23 in 1024 x 1024.
///
/// On photographs of things the share was 2.5 % and more. On blank, noisy, shaded and vignetted pictures
/// of every gray it was 0, and no value was above 0.2.
const LEAST_SUBJECT: f32 = 0.0005;
/// Below this value a fused matte takes a pixel for background rather than for subject.
const BACKGROUND: f32 = 0.5;

/// Fuses by confidence: `c = |2d - 1|`, `c * d + (1 - c) * w`, with `d` of `detail` and `w` of `whole`. The
/// result has the side of `detail`.
///
/// # Errors
/// [`Error::Resample`].
pub fn fuse(mut detail: Matte, whole: &Matte) -> Result<Matte, Error> {
    let whole = resample::rescale(whole, detail.side())?;
    detail.zip(&whole, |detail, whole| {
        let confidence = (2.0 * detail - 1.0).abs();
        confidence * detail + (1.0 - confidence) * whole
    });
    Ok(detail)
}

/// Stretches a matte to the full range by its own least and largest value, if there is a subject in it.
/// Stretched before that question is asked, the faint noise of an empty picture would become one. Where
/// nothing is background, the least value is the least sure part of the subject and not to be made 0, so the
/// matte is stretched at its upper end alone.
///
/// # Errors
/// [`Error::NoSubject`].
pub fn stretch(mut matte: Matte) -> Result<Matte, Error> {
    let values = matte.values();
    let sure = values.iter().filter(|value| **value >= SURE).count();
    if (sure as f32) < LEAST_SUBJECT * values.len() as f32 {
        return Err(Error::NoSubject);
    }
    let (least, largest) =
        values.iter().fold((1.0_f32, 0.0_f32), |(least, largest), value| (least.min(*value), largest.max(*value)));
    let least = if least < BACKGROUND { least } else { 0.0 };
    // There is a range: something is sure of the subject, and what is taken for 0 is below that.
    matte.map(|value| (value - least) / (largest - least));
    Ok(matte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matte(side: u32, value: impl Fn(u32) -> f32) -> Matte {
        Matte::new(side, (0..side * side).map(value).collect()).expect("has that many values")
    }

    #[test]
    fn where_one_is_sure_it_decides_and_where_it_is_not_the_other_does() {
        let detail = Matte::new(2, vec![1.0, 0.0, 0.5, 0.75]).expect("four values");
        let whole = Matte::new(2, vec![0.0, 1.0, 0.9, 0.25]).expect("four values");
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
    fn faint_answers_are_no_subject_and_a_small_sure_one_is() {
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
    fn a_picture_that_is_all_subject_stays_so() {
        let all = stretch(matte(10, |_| 1.0)).expect("has a subject");
        assert!(all.values().iter().all(|value| *value == 1.0));
        let nearly = stretch(matte(10, |at| 0.9 + 0.1 * at as f32 / 99.0)).expect("has a subject");
        assert!(nearly.values()[0] > 0.89, "{}", nearly.values()[0]);
        assert!(nearly.values()[99] > 0.999, "{}", nearly.values()[99]);
    }
}
