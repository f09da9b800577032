//! Which part of a photograph a framed picture shows: geometry alone.

use cutline_core::domain::crop::CropMargin;
use cutline_core::domain::limits::{MAX_CANVAS_SIDE, MAX_PIXELS};
use cutline_core::domain::subject::PixelBox;

use super::subject::{CroppedSides, SubjectBox};

/// Shapes of two whole numbers up to this are kept to the pixel; others are rounded.
const MAX_EXACT_TERM: u32 = 100;

/// How a photograph is to be framed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameOptions {
    /// The room around the subject. A side where the photograph crops the subject has none.
    pub margin: CropMargin,
    /// Width to height, both at least 1. `None` leaves the shape to the subject and its margin.
    pub shape: Option<(u32, u32)>,
    /// Whether the frame may reach beyond the photograph, because something fills it there. It never does at a side where
    /// the photograph crops the subject.
    pub fills: bool,
}

/// The part of a photograph that a framed picture shows, in its pixels. It holds the subject's box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The first column. Negative if the frame begins left of the photograph.
    pub left: i64,
    /// The first row. Negative if the frame begins above the photograph.
    pub top: i64,
    /// The number of columns, at least 1.
    pub width: u32,
    /// The number of rows, at least 1.
    pub height: u32,
    /// Whether it was moved into the photograph, so that the subject is not where the margin asks for.
    pub moved: bool,
    /// Whether there was too little room for the margin.
    pub reduced: bool,
    /// Whether it has the shape that was asked for.
    pub keeps_shape: bool,
}

impl Frame {
    /// The part of the photograph that it shows, and where that part begins in the frame. `photo` is the width and height
    /// of the photograph that the frame was made for.
    pub fn shown(&self, photo: (u32, u32)) -> (PixelBox, (u32, u32)) {
        let along = |start: i64, length: u32, side: u32| {
            let (first, end) = (start.max(0), (start + i64::from(length)).min(side.into()));
            (first as u32, (end - first) as u32, (first - start) as u32)
        };
        let (left, width, x) = along(self.left, self.width, photo.0);
        let (top, height, y) = along(self.top, self.height, photo.1);
        (PixelBox { left, top, width, height }, (x, y))
    }
}

/// Frames a subject: its box and margin, grown to the shape. The added room is divided evenly, but none is added at a side
/// where the photograph crops the subject.
///
/// A frame that leaves the photograph is moved into it. If it is too large for that, it becomes smaller in its shape; if
/// the subject would not fit then, it shows as much as there is, in another shape. A frame that may reach beyond the
/// photograph has at most 50 megapixels and 10,000 pixels a side, if the subject allows that.
pub fn frame(subject: &SubjectBox, photo: (u32, u32), options: &FrameOptions) -> Frame {
    let SubjectBox { x, y, width, height, cropped, .. } = *subject;
    let CroppedSides { left, top, right, bottom } = cropped;
    let unless = |cropped: bool, margin: u32| if cropped { 0 } else { margin };
    let [above, after, below, before] = options.margin.px(PixelBox { left: x, top: y, width, height });
    let margins = ((unless(left, before), unless(right, after)), (unless(top, above), unless(bottom, below)));
    let across = Axis { start: x, length: width, side: photo.0, margins: margins.0, cropped: (left, right) };
    let down = Axis { start: y, length: height, side: photo.1, margins: margins.1, cropped: (top, bottom) };

    let plain = (across.wanted(), down.wanted());
    let wanted = options.shape.map_or(plain, |shape| grown(reduced_terms(shape), plain));
    let room = rooms(&across, &down, wanted, options.fills);
    let holds = |(wide, high): (u32, u32)| wide >= width && high >= height;
    let most = (wanted.0.min(room.0), wanted.1.min(room.1));
    let (size, keeps_shape) = match options.shape {
        _ if most == wanted => (wanted, true),
        None => (most, true),
        Some(shape) => match within(reduced_terms(shape), most).into_iter().find(|size| holds(*size)) {
            Some(size) => (size, true),
            None => (most, false),
        },
    };
    let (left, moved_across) = across.put(wanted.0, size.0, options.fills);
    let (top, moved_down) = down.put(wanted.1, size.1, options.fills);
    let moved = moved_across || moved_down;
    Frame { left, top, width: size.0, height: size.1, moved, reduced: size != wanted, keeps_shape }
}

/// One axis of a frame: where the subject's box is in the photograph, and the room around it.
struct Axis {
    start: u32,
    length: u32,
    /// The photograph's.
    side: u32,
    /// Before and after the box.
    margins: (u32, u32),
    /// Whether the photograph crops the subject at the start, and at the end.
    cropped: (bool, bool),
}

impl Axis {
    /// The length of the box and its margin.
    fn wanted(&self) -> u32 {
        self.margins.0 + self.length + self.margins.1
    }

    /// The largest length; `None` without a limit.
    fn room(&self, fills: bool) -> Option<u32> {
        // A subject that is cropped at one side grows towards the other.
        (!fills || self.cropped == (true, true)).then_some(self.side)
    }

    /// Where a frame of `length` begins that should have had `wanted` pixels, and whether it was moved.
    fn put(&self, wanted: u32, length: u32, fills: bool) -> (i64, bool) {
        let added = i64::from(wanted) - i64::from(self.wanted());
        let before = i64::from(self.margins.0)
            + match self.cropped {
                (true, false) => 0,
                (false, true) => added,
                (true, true) | (false, false) => added / 2,
            };
        let (room, wanted_room) =
            (i64::from(length) - i64::from(self.length), i64::from(wanted) - i64::from(self.length));
        // The rest of the room is divided in the same proportion.
        let before = if room == wanted_room { before } else { before * room / wanted_room.max(1) };
        let place = i64::from(self.start) - before;
        let last = i64::from(self.side) - i64::from(length);
        let mut inside = place;
        if !fills || self.cropped.1 {
            inside = inside.min(last);
        }
        if !fills || self.cropped.0 {
            inside = inside.max(0);
        }
        (inside, inside != place)
    }
}

/// The largest width and height of a frame that should have the size `wanted`.
fn rooms(across: &Axis, down: &Axis, wanted: (u32, u32), fills: bool) -> (u32, u32) {
    let (mut wide, mut high) = (across.room(fills).unwrap_or(wanted.0), down.room(fills).unwrap_or(wanted.1));
    if fills {
        let (width, height) = (f64::from(wide.min(wanted.0)), f64::from(high.min(wanted.1)));
        let side = f64::from(MAX_CANVAS_SIDE) / width.max(height);
        let shrink = side.min((MAX_PIXELS as f64 / (width * height)).sqrt());
        if shrink < 1.0 {
            wide = ((width * shrink) as u32).max(across.length);
            high = ((height * shrink) as u32).max(down.length);
            let left_for = |other: u32| u32::try_from(MAX_PIXELS / u64::from(other.max(1))).unwrap_or(u32::MAX);
            high = high.min(left_for(wide).max(down.length));
            wide = wide.min(left_for(high).max(across.length));
        }
    }
    (wide, high)
}

/// The shape in its lowest terms.
fn reduced_terms((width, height): (u32, u32)) -> (u32, u32) {
    let (mut divisor, mut rest) = (width.max(1), height.max(1));
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (width.max(1) / divisor, height.max(1) / divisor)
}

fn is_exact((across, down): (u32, u32)) -> bool {
    across.max(down) <= MAX_EXACT_TERM
}

/// The smallest size of a shape that is at least as large as another size.
fn grown(shape: (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    if is_exact(shape) {
        let times = width.div_ceil(shape.0).max(height.div_ceil(shape.1));
        return (times * shape.0, times * shape.1);
    }
    let ratio = f64::from(shape.0) / f64::from(shape.1);
    let (wide, high) = (f64::from(width), f64::from(height));
    if wide >= high * ratio {
        (width, ((wide / ratio).round() as u32).max(height))
    } else {
        (((high * ratio).round() as u32).max(width), height)
    }
}

/// The largest sizes of a shape within another size: to the pixel, if there is one, and rounded.
fn within(shape: (u32, u32), (width, height): (u32, u32)) -> Vec<(u32, u32)> {
    let ratio = f64::from(shape.0) / f64::from(shape.1);
    let rounded = if f64::from(width) <= f64::from(height) * ratio {
        (width, ((f64::from(width) / ratio).round() as u32).clamp(1, height))
    } else {
        (((f64::from(height) * ratio).round() as u32).clamp(1, width), height)
    };
    let times = if is_exact(shape) { (width / shape.0).min(height / shape.1) } else { 0 };
    let exact = (times > 0).then_some((times * shape.0, times * shape.1));
    exact.into_iter().chain([rounded]).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    const PHOTO: (u32, u32) = (1000, 800);

    fn subject(x: u32, y: u32, width: u32, height: u32) -> SubjectBox {
        SubjectBox { x, y, width, height, mass: (0.0, 0.0), cropped: CroppedSides::default() }
    }

    fn options(margin: &str, shape: Option<(u32, u32)>, fills: bool) -> FrameOptions {
        FrameOptions { margin: margin.parse().expect("a margin"), shape, fills }
    }

    fn place(frame: Frame) -> [i64; 4] {
        [frame.left, frame.top, frame.width.into(), frame.height.into()]
    }

    #[test]
    fn margins_are_kept_to_the_pixel_and_the_shape_adds_even_room() {
        let box_ = subject(300, 200, 400, 200);
        let plain = frame(&box_, PHOTO, &options("10px 20px 30px 40px", None, false));
        assert_eq!(place(plain), [260, 190, 460, 240]);
        assert!(!plain.moved && !plain.reduced && plain.keeps_shape);
        assert_eq!(place(frame(&box_, PHOTO, &options("10%", None, false))), [260, 180, 480, 240]);
        assert_eq!(place(frame(&box_, PHOTO, &options("0", Some((1, 1)), false))), [300, 100, 400, 400]);
        let tall = frame(&box_, PHOTO, &options("50px", Some((8, 10)), false));
        assert_eq!((place(tall), tall.moved), ([250, 0, 500, 625], true), "would begin 12 rows above the photograph");
    }

    #[test]
    fn a_frame_that_leaves_the_photograph_is_moved_before_it_is_reduced() {
        let near = subject(10, 300, 200, 200);
        let moved = frame(&near, PHOTO, &options("50px", None, false));
        assert_eq!((place(moved), moved.moved, moved.reduced), ([0, 250, 300, 300], true, false));
        let reduced = frame(&near, PHOTO, &options("0 900px", Some((5, 4)), false));
        assert_eq!((place(reduced), reduced.reduced, reduced.keeps_shape), ([0, 0, 1000, 800], true, true));
        let filled = frame(&near, PHOTO, &options("50px", None, true));
        assert_eq!((place(filled), filled.moved, filled.reduced), ([-40, 250, 300, 300], false, false));
        let (part, at) = filled.shown(PHOTO);
        assert_eq!((part, at), (PixelBox { left: 0, top: 250, width: 260, height: 300 }, (40, 0)));
    }

    #[test]
    fn the_subject_is_never_cut_for_the_shape() {
        let wide = subject(0, 300, 1000, 100);
        let other = frame(&wide, PHOTO, &options("0", Some((1, 2)), false));
        assert_eq!((place(other), other.keeps_shape), ([0, 0, 1000, 800], false));
    }

    #[test]
    fn a_frame_ends_where_the_photograph_crops_the_subject() {
        let cropped = CroppedSides { bottom: true, ..CroppedSides::default() };
        let cut = SubjectBox { cropped, ..subject(400, 500, 200, 300) };
        for fills in [false, true] {
            let frame = frame(&cut, PHOTO, &options("100px", Some((1, 1)), fills));
            assert_eq!((place(frame), frame.moved), ([300, 400, 400, 400], false), "{fills}");
        }
        let both = CroppedSides { top: true, bottom: true, ..CroppedSides::default() };
        let through = SubjectBox { cropped: both, ..subject(0, 0, 900, 800) };
        let filled = frame(&through, PHOTO, &options("0 100px", Some((1, 1)), true));
        assert_eq!((place(filled), filled.keeps_shape), ([-100, 0, 1100, 800], false));
    }

    #[test]
    fn white_is_not_added_without_end() {
        let filled = frame(&subject(300, 300, 200, 200), PHOTO, &options("65535px", Some((1, 1)), true));
        assert!(
            filled.reduced && filled.keeps_shape && u64::from(filled.width) * u64::from(filled.height) <= MAX_PIXELS
        );
        let across = frame(&subject(0, 300, 1000, 10), PHOTO, &options("0", Some((1, 20)), true));
        assert!(across.width >= 1000 && across.height <= MAX_CANVAS_SIDE, "{across:?}");
    }

    /// Every frame holds the subject; one that cannot be filled lies within the photograph; the shape is exact.
    #[test]
    fn frames_hold_the_subject() {
        let mut runner = TestRunner::new(ProptestConfig::with_cases(2000));
        let (kept, moved, reduced) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let cases = (
            (0_u32..900, 0_u32..700, 1_u32..=1000, 1_u32..=800),
            prop::sample::select(vec!["0", "5%", "40px", "100%", "10px 90% 3px 500px"]),
            prop::option::of((1_u32..=20, 1_u32..=20)),
            any::<(bool, bool, bool)>(),
        );
        let result = runner.run(&cases, |((x, y, width, height), margin, shape, (fills, at_left, at_bottom))| {
            let (width, height) = (width.min(PHOTO.0 - x), height.min(PHOTO.1 - y));
            let (x, width) = if at_left { (0, x + width) } else { (x, width) };
            let height = if at_bottom { PHOTO.1 - y } else { height };
            let cropped = CroppedSides { left: at_left, bottom: at_bottom, ..CroppedSides::default() };
            let subject = SubjectBox { cropped, ..subject(x, y, width, height) };
            let made = frame(&subject, PHOTO, &options(margin, shape, fills));
            let [left, top, wide, high] = place(made);
            prop_assert!(left <= x.into() && top <= y.into(), "{:?}", made);
            prop_assert!(left + wide >= i64::from(x + width) && top + high >= i64::from(y + height), "{:?}", made);
            if !fills {
                prop_assert!(left >= 0 && top >= 0 && left + wide <= 1000 && top + high <= 800, "{:?}", made);
            }
            prop_assert!(!at_left || left == 0, "{:?}", made);
            prop_assert!(!at_bottom || top + high == 800, "{:?}", made);
            if let (Some((across, down)), true, true) = (shape, made.keeps_shape, wide.min(high) >= 20) {
                prop_assert!(
                    (wide * i64::from(down)).abs_diff(high * i64::from(across)) <= u64::from(across.max(down))
                );
                kept.set(kept.get() + 1);
            }
            moved.set(moved.get() + u32::from(made.moved));
            reduced.set(reduced.get() + u32::from(made.reduced));
            Ok(())
        });
        result.expect("every frame holds its subject");
        let counts = [kept.get(), moved.get(), reduced.get()];
        assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    }
}
