//! The alpha that a source came with, as evidence of what its subject is.
//!
//! A source whose surroundings are transparent was cut out before. Its opaque pixels are the subject, whatever their
//! color, their shape and the number of parts. Rounded corners and small transparent marks are no such evidence.

use image::GrayImage;

/// The least transparent fraction of a cut-out's pixels.
const MIN_TRANSPARENT: f64 = 0.05;
/// The least transparent fraction of a cut-out's outermost pixels.
const MIN_TRANSPARENT_BORDER: f64 = 0.25;

/// Whether a picture with this alpha was cut out before.
pub(crate) fn is_cut_out(alpha: &GrayImage) -> bool {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let transparent = |values: &mut dyn Iterator<Item = &u8>| values.filter(|alpha| **alpha == 0).count() as f64;
    if transparent(&mut alpha.iter()) < MIN_TRANSPARENT * (width * height) as f64 {
        return false;
    }
    let rows = alpha.as_raw().chunks_exact(width);
    let sides = rows.clone().skip(1).take(height.saturating_sub(2)).flat_map(|row| [&row[0], &row[width - 1]]);
    let ends = rows.clone().next().into_iter().chain(rows.last().filter(|_| height > 1)).flatten();
    let border: Vec<&u8> = sides.chain(ends).collect();
    transparent(&mut border.iter().copied()) >= MIN_TRANSPARENT_BORDER * border.len() as f64
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    fn alpha(is_opaque: impl Fn(i32, i32) -> bool) -> GrayImage {
        GrayImage::from_fn(100, 100, |x, y| Luma([if is_opaque(x as i32, y as i32) { 255 } else { 0 }]))
    }

    #[test]
    fn a_transparent_surrounding_makes_a_cut_out() {
        let disc = |x: i32, y: i32| (x - 50).pow(2) + (y - 50).pow(2) < 900;
        assert!(is_cut_out(&alpha(disc)));
        assert!(is_cut_out(&alpha(|x, y| disc(x, y) || (x > 90 && y < 10))));
        // Cropped at the bottom and on one side.
        assert!(is_cut_out(&alpha(|x, y| y > 40 && x > 20)));
        assert!(is_cut_out(&alpha(|_, _| false)));
    }

    #[test]
    fn corners_and_marks_make_none() {
        let rounded = |x: i32, y: i32| {
            let (across, down) = ((x - 50).abs().max(35) - 35, (y - 50).abs().max(35) - 35);
            across.pow(2) + down.pow(2) <= 225
        };
        assert!(!is_cut_out(&alpha(rounded)));
        assert!(!is_cut_out(&alpha(|_, _| true)));
        // A hole within, and a missing strip at the bottom.
        assert!(!is_cut_out(&alpha(|x, y| (x - 50).abs() > 20 || (y - 50).abs() > 20)));
        assert!(!is_cut_out(&alpha(|_, y| y < 96)));
    }

    #[test]
    fn pictures_of_one_row_have_no_sides() {
        assert!(is_cut_out(&GrayImage::from_fn(9, 1, |x, _| Luma([if x < 4 { 0 } else { 255 }]))));
        assert!(!is_cut_out(&GrayImage::from_pixel(1, 1, Luma([255]))));
        assert!(is_cut_out(&GrayImage::new(1, 1)));
    }
}
