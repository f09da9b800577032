//! Which objects are the subject, for `keep`.

use std::collections::VecDeque;

use cutline_core::domain::subject::Point;

use super::frame::Frame;
use super::guided::{Guided, SUBJECT};
use crate::error::Error;
use crate::matte::CoarseMatte;

/// An object below this share of the largest one is a part of another, such as a strand of hair.
const MIN_SHARE: f64 = 0.01;
/// A pixel of the matte below this is not part of an object's soft edge.
const FAINT: f32 = 0.02;
/// How far beside an object a point still means it, as a share of the matte's side.
const BESIDE: f64 = 0.015;

/// A connected part of the subject.
#[derive(Debug, Clone, Copy, Default)]
struct Object {
    area: f64,
    x: f64,
    y: f64,
    columns: [u32; 2],
    rows: [u32; 2],
}

/// The objects of a matte.
struct Objects {
    /// The object of every pixel that has one. Soft edges belong to the object that they touch.
    labels: Vec<Option<usize>>,
    list: Vec<Object>,
    side: u32,
}

/// Keeps the main object: the largest, with a preference for the middle of the picture.
pub(super) fn keep_main(matte: &mut CoarseMatte) {
    let objects = Objects::of(matte);
    let middle = f64::from(objects.side) / 2.0;
    let weight = |object: &Object| {
        let off = (object.x / object.area - middle).hypot(object.y / object.area - middle) / middle;
        object.area * (-off * off).exp()
    };
    let weights: Vec<f64> = objects.list.iter().map(weight).collect();
    let main = (0..weights.len()).max_by(|one, other| weights[*one].total_cmp(&weights[*other]));
    objects.keep(matte, |object| Some(object) == main);
}

/// Keeps the objects at these points. A point on nothing becomes a warning.
///
/// # Errors
/// [`Error::NoObjectAt`] if no point is on an object.
pub(super) fn keep_at(guided: &mut Guided, frame: &Frame, points: &[Point]) -> Result<(), Error> {
    let objects = Objects::of(&guided.matte);
    let (mut kept, mut misses) = (Vec::new(), Vec::new());
    for point in points {
        let at = point.px(frame.photo_size());
        let place = format!("{} {}", at.0.round(), at.1.round());
        match frame.share(at).and_then(|share| objects.nearest(share)) {
            Some((object, distance)) if distance <= BESIDE => kept.push(object),
            nearest => misses.push(match nearest {
                Some((object, _)) => format!("{place}; the nearest object is at {}", objects.place(object, frame)),
                None => format!("{place}; it is outside of the photograph or its roi"),
            }),
        }
    }
    if kept.is_empty() {
        return Err(Error::NoObjectAt { place: misses.into_iter().next().unwrap_or_default() });
    }
    guided.warnings.extend(misses.into_iter().map(|miss| format!("The keep point has no object at {miss}.")));
    objects.keep(&mut guided.matte, |object| kept.contains(&object));
    Ok(())
}

/// Where the object nearest to a point is, given from 0 to 1 along both sides; `None` if the matte has none.
pub(super) fn nearest_box(matte: &CoarseMatte, frame: &Frame, share: (f64, f64)) -> Option<String> {
    let objects = Objects::of(matte);
    let (object, _) = objects.nearest(share)?;
    Some(objects.place(object, frame))
}

impl Objects {
    fn of(matte: &CoarseMatte) -> Self {
        let side = matte.side();
        let values = matte.values();
        let mut objects = Self { labels: vec![None; values.len()], list: Vec::new(), side };
        for start in 0..values.len() {
            if values[start] > SUBJECT && objects.labels[start].is_none() {
                objects.flood(values, start);
            }
        }
        objects.join_small_ones();
        objects.add_soft_edges(values);
        objects
    }

    /// Labels the object with this pixel.
    fn flood(&mut self, values: &[f32], start: usize) {
        let label = self.list.len();
        let (x, y) = (start as u32 % self.side, start as u32 / self.side);
        let mut object = Object { columns: [x, x], rows: [y, y], ..Object::default() };
        let mut stack = vec![start];
        self.labels[start] = Some(label);
        while let Some(at) = stack.pop() {
            let (x, y) = (at as u32 % self.side, at as u32 / self.side);
            object.area += 1.0;
            object.x += f64::from(x);
            object.y += f64::from(y);
            object.columns = [object.columns[0].min(x), object.columns[1].max(x)];
            object.rows = [object.rows[0].min(y), object.rows[1].max(y)];
            for next in around(at, self.side as usize, values.len()) {
                if values[next] > SUBJECT && self.labels[next].is_none() {
                    self.labels[next] = Some(label);
                    stack.push(next);
                }
            }
        }
        self.list.push(object);
    }

    /// Takes the label from objects that are too small to be one, so that they follow the object that is nearest.
    fn join_small_ones(&mut self) {
        let largest = self.list.iter().map(|object| object.area).fold(0.0, f64::max);
        let mut next = 0;
        let numbers: Vec<Option<usize>> = self
            .list
            .iter()
            .map(|object| {
                let is_object = object.area >= MIN_SHARE * largest;
                next += usize::from(is_object);
                is_object.then(|| next - 1)
            })
            .collect();
        for label in &mut self.labels {
            *label = label.and_then(|label| numbers[label]);
        }
        self.list.retain(|object| object.area >= MIN_SHARE * largest);
    }

    /// Gives every pixel that is not background the object that it is nearest to, through such pixels.
    fn add_soft_edges(&mut self, values: &[f32]) {
        let mut queue: VecDeque<usize> = (0..values.len()).filter(|at| self.labels[*at].is_some()).collect();
        while let Some(at) = queue.pop_front() {
            for next in around(at, self.side as usize, values.len()) {
                if values[next] > FAINT && self.labels[next].is_none() {
                    self.labels[next] = self.labels[at];
                    queue.push_back(next);
                }
            }
        }
    }

    /// Clears all but the objects that `is_kept` chooses. If that is all of them, nothing changes.
    fn keep(&self, matte: &mut CoarseMatte, is_kept: impl Fn(usize) -> bool) {
        if (0..self.list.len()).all(&is_kept) {
            return;
        }
        matte.edit(|at, value| if self.labels[at].is_some_and(&is_kept) { value } else { 0.0 });
    }

    /// The object nearest to a point, and its distance as a share of the side.
    fn nearest(&self, (x, y): (f64, f64)) -> Option<(usize, f64)> {
        let side = self.side as usize;
        let (x, y) = (x * side as f64, y * side as f64);
        let labeled = self.labels.iter().enumerate().filter_map(|(at, label)| Some((at, (*label)?)));
        let off = |at: usize| ((at % side) as f64 + 0.5 - x).hypot((at / side) as f64 + 0.5 - y);
        let nearest = labeled.map(|(at, label)| (label, off(at))).min_by(|one, other| one.1.total_cmp(&other.1));
        nearest.map(|(label, distance)| (label, distance / side as f64))
    }

    /// The box of an object in the photograph.
    fn place(&self, object: usize, frame: &Frame) -> String {
        let Object { columns, rows, .. } = self.list[object];
        frame.photo_box((columns, rows), self.side).to_string()
    }
}

/// The pixels across the sides and corners of `at`.
fn around(at: usize, side: usize, length: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % side, at / side);
    let columns = x.saturating_sub(1)..=(x + 1).min(side - 1);
    let rows = y.saturating_sub(1)..=(y + 1).min(length / side - 1);
    rows.flat_map(move |y| columns.clone().map(move |x| y * side + x)).filter(move |next| *next != at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 100;

    /// A large object on the left, and a smaller one on the right with a soft edge and a loose hair.
    fn two_objects() -> CoarseMatte {
        let values = (0..SIDE * SIDE).map(|at| {
            let (x, y) = (at % SIDE, at / SIDE);
            let within = |columns: std::ops::Range<usize>| columns.contains(&x) && (30..70).contains(&y);
            match () {
                () if within(10..50) || within(70..85) => 1.0,
                () if within(85..87) => 0.3,
                () if x == 87 && y == 50 => 0.8,
                () => 0.0,
            }
        });
        CoarseMatte::new(SIDE as u32, values.collect()).expect("a square")
    }

    fn kept_at(points: &[(f64, f64)]) -> Result<(Guided, [f32; 4]), Error> {
        let coordinate = |value: f64| cutline_core::domain::subject::Coordinate::of_pixels(value).expect("inside");
        let points: Vec<Point> = points.iter().map(|(x, y)| Point { x: coordinate(*x), y: coordinate(*y) }).collect();
        let frame = Frame::new((200, 100), None).expect("whole");
        let mut guided = Guided { matte: two_objects(), warnings: Vec::new() };
        keep_at(&mut guided, &frame, &points)?;
        let seen = [20, 75, 86, 87].map(|x| guided.matte.values()[50 * SIDE + x]);
        Ok((guided, seen))
    }

    #[test]
    fn the_main_object_is_the_largest() {
        let mut matte = two_objects();
        keep_main(&mut matte);
        assert_eq!(matte.values().iter().sum::<f32>(), 40.0 * 40.0);
    }

    #[test]
    fn an_object_comes_with_its_soft_edge_and_loose_parts() {
        let (guided, seen) = kept_at(&[(155.0, 50.0)]).expect("is on an object");
        assert_eq!((seen, guided.warnings.len()), ([0.0, 1.0, 0.3, 0.8], 0));
        let (all, _) = kept_at(&[(155.0, 50.0), (40.0, 40.0)]).expect("are on objects");
        assert_eq!(all.matte, two_objects());
    }

    #[test]
    fn a_point_on_nothing_names_the_nearest_object() {
        let (guided, _) = kept_at(&[(155.0, 50.0), (40.0, 5.0)]).expect("one is on an object");
        let warning = "The keep point has no object at 40 5; the nearest object is at 20 30 100 70.";
        assert_eq!(guided.warnings, [warning]);
        let (guided, _) = kept_at(&[(155.0, 50.0), (900.0, 5.0)]).expect("one is on an object");
        let warning = "The keep point has no object at 900 5; it is outside of the photograph or its roi.";
        assert_eq!(guided.warnings, [warning]);
        let error = kept_at(&[(2.0, 2.0)]).expect_err("is on nothing").to_string();
        assert!(error.contains("no object at 2 2; the nearest object is at 20 30 100 70"), "{error}");
    }
}
