//! Reading the JSON of `keep` and `hints`, with every fault by its path.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::coordinate::{Coordinate, InvalidCoordinate, Point};
use super::hints::{Hint, HintKind, Hints};
use super::keep::Keep;
use crate::domain::limits::{MAX_HINT_POINTS, MAX_HINTS, MAX_KEEP_POINTS, thousands};

/// The most faults that are reported.
const MAX_FAULTS: usize = 50;

/// A fault of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFault {
    /// The path within the value: `[2].points[0]`. Empty for the value itself.
    pub path: String,
    /// What the value must be, as a sentence.
    pub message: String,
}

/// The value is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct InvalidSubject(
    /// Its faults, at least one and at most 50.
    pub Vec<SubjectFault>,
);

impl fmt::Display for SubjectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl Keep {
    /// Reads `"all"`, `"main"`, or a list of points. An empty list is the same as none.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(value: &Value) -> Result<Option<Self>, InvalidSubject> {
        let mut faults = Faults::default();
        let keep = match value {
            Value::String(name) => name.parse().ok().map(Self::Choice),
            Value::Array(points) if points.is_empty() => return Ok(None),
            Value::Array(points) if points.len() > MAX_KEEP_POINTS => {
                faults.add("", format!("This list must have at most {MAX_KEEP_POINTS} points, one for each object."));
                None
            }
            Value::Array(points) => {
                let points = points.iter().enumerate();
                points
                    .map(|(at, point)| faults.point(&format!("[{at}]"), point))
                    .collect::<Option<_>>()
                    .map(Self::Points)
            }
            _ => None,
        };
        if keep.is_none() && faults.0.is_empty() {
            faults
                .add("", "This value must be all, main, or a list of points such as [[120, 80], [\"50%\", \"20%\"]].");
        }
        faults.finish(keep)
    }
}

impl Hints {
    /// Reads a list of hints. An empty list is the same as none.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(value: &Value) -> Result<Option<Self>, InvalidSubject> {
        let mut faults = Faults::default();
        let Value::Array(list) = value else {
            faults.add("", EXPECTED);
            return faults.finish(None);
        };
        let points = list.iter().filter_map(|hint| hint.get("points")?.as_array()).map(Vec::len).sum::<usize>();
        if list.len() > MAX_HINTS || points > MAX_HINT_POINTS {
            let max = thousands(MAX_HINT_POINTS as u64);
            faults.add("", format!("This list must have at most {MAX_HINTS} hints with {max} points together."));
            return faults.finish(None);
        }
        let read = list.iter().enumerate().map(|(at, hint)| faults.hint(&format!("[{at}]"), hint));
        let hints: Vec<Option<Hint>> = read.collect();
        let hints: Option<Vec<Hint>> = hints.into_iter().collect();
        faults.contradictions(hints.as_deref().unwrap_or_default());
        faults.finish(hints.filter(|hints| !hints.is_empty()).map(Self))
    }
}

const EXPECTED: &str = "This value must be a list of hints such as \
                        [{\"kind\": \"remove\", \"points\": [[120, 80]], \"radius\": 40}].";

#[derive(Default)]
struct Faults(Vec<SubjectFault>);

impl Faults {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(SubjectFault { path: path.into(), message: message.into() });
        }
    }

    fn finish<T>(self, value: Option<T>) -> Result<Option<T>, InvalidSubject> {
        if self.0.is_empty() { Ok(value) } else { Err(InvalidSubject(self.0)) }
    }

    fn hint(&mut self, path: &str, value: &Value) -> Option<Hint> {
        let Value::Object(members) = value else {
            self.add(path, "This value must be an object with kind and points.");
            return None;
        };
        let kind = self.kind(path, members);
        let points = self.points(path, members);
        let radius = match members.get("radius") {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.radius(path, value).map(Some),
        };
        let known = ["kind", "points", "radius"];
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let short: String = name.chars().take(64).collect();
            self.add(format!("{path}.{short}"), format!("There is no such member. Known here: {}.", known.join(", ")));
        }
        Some(Hint { kind: kind?, points: points?, radius: radius? })
    }

    fn kind(&mut self, path: &str, members: &Map<String, Value>) -> Option<HintKind> {
        let name = members.get("kind").and_then(Value::as_str);
        let kind = HintKind::ALL.into_iter().find(|kind| Some(kind.as_str()) == name);
        if kind.is_none() {
            self.add(format!("{path}.kind"), "This value must be keep or remove.");
        }
        kind
    }

    fn points(&mut self, path: &str, members: &Map<String, Value>) -> Option<Vec<Point>> {
        let path = format!("{path}.points");
        match members.get("points") {
            Some(Value::Array(points)) if !points.is_empty() => {
                let points = points.iter().enumerate();
                let points: Vec<_> = points.map(|(at, point)| self.point(&format!("{path}[{at}]"), point)).collect();
                points.into_iter().collect()
            }
            _ => {
                self.add(path, "This value must be a list of at least one point, such as [[120, 80]].");
                None
            }
        }
    }

    fn point(&mut self, path: &str, value: &Value) -> Option<Point> {
        let pair = value.as_array().and_then(|pair| <&[Value; 2]>::try_from(pair.as_slice()).ok());
        let Some([x, y]) = pair else {
            self.add(path, "This value must be a point [x, y] of the upright photograph.");
            return None;
        };
        let x = self.coordinate(path, x);
        let y = self.coordinate(path, y);
        Some(Point { x: x?, y: y? })
    }

    fn radius(&mut self, path: &str, value: &Value) -> Option<Coordinate> {
        let radius = coordinate(value).ok().filter(|radius| radius.px(1) > 0.0);
        if radius.is_none() {
            self.add(format!("{path}.radius"), "This value must be pixels above 0, or a percentage such as \"5%\".");
        }
        radius
    }

    fn coordinate(&mut self, path: &str, value: &Value) -> Option<Coordinate> {
        coordinate(value).map_err(|error| self.add(path, format!("A coordinate {error}."))).ok()
    }

    /// Reports every point that both kinds of hint have.
    fn contradictions(&mut self, hints: &[Hint]) {
        let mut seen: HashMap<String, (HintKind, usize)> = HashMap::new();
        for (index, hint) in hints.iter().enumerate() {
            for (at, point) in hint.points.iter().enumerate() {
                let key = format!("{} {}", point.x, point.y);
                let (kind, first) = *seen.entry(key).or_insert((hint.kind, index));
                if kind != hint.kind {
                    let message = format!(
                        "This point is also in hints[{first}], which has the other kind; leave one of them out."
                    );
                    self.add(format!("[{index}].points[{at}]"), message);
                }
            }
        }
    }
}

fn coordinate(value: &Value) -> Result<Coordinate, InvalidCoordinate> {
    match value {
        Value::Number(number) => Coordinate::of_pixels(number.as_f64().ok_or(InvalidCoordinate)?),
        Value::String(text) => text.parse(),
        _ => Err(InvalidCoordinate),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults<T: fmt::Debug>(read: Result<Option<T>, InvalidSubject>) -> Vec<String> {
        read.expect_err("is invalid").0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_all_forms() {
        for (value, expected) in [(json!("all"), Keep::ALL), (json!("main"), Keep::MAIN)] {
            assert_eq!(Keep::read(&value), Ok(Some(expected)));
        }
        let points = Keep::read(&json!([[1, "2%"], ["3", 4.5]]));
        assert!(matches!(&points, Ok(Some(Keep::Points(points))) if points.len() == 2), "{points:?}");
        assert_eq!(Keep::read(&json!([])), Ok(None));
        assert_eq!(Hints::read(&json!([])), Ok(None));
        let hints = Hints::read(&json!([
            {"kind": "keep", "points": [[1, 2]]},
            {"kind": "remove", "points": [[5, 6], ["7%", 8]], "radius": "5%"},
        ]));
        let hints = hints.expect("is valid").expect("has hints");
        assert_eq!(hints.as_slice().iter().map(|hint| hint.points.len()).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn names_every_fault_by_its_path() {
        let hints = Hints::read(&json!([
            {"kind": "add", "points": []},
            7,
            {"kind": "keep", "points": [[1], [2, -3], [4, "x"]], "radius": 0, "size": 5},
        ]));
        assert_eq!(
            faults(hints),
            [
                "[0].kind: This value must be keep or remove.",
                "[0].points: This value must be a list of at least one point, such as [[120, 80]].",
                "[1]: This value must be an object with kind and points.",
                "[2].points[0]: This value must be a point [x, y] of the upright photograph.",
                "[2].points[1]: A coordinate must be pixels from 0 to 65,535, or a percentage such as \"12%\".",
                "[2].points[2]: A coordinate must be pixels from 0 to 65,535, or a percentage such as \"12%\".",
                "[2].radius: This value must be pixels above 0, or a percentage such as \"5%\".",
                "[2].size: There is no such member. Known here: kind, points, radius.",
            ]
        );
        assert_eq!(faults(Hints::read(&json!({"kind": "keep"}))), [EXPECTED]);
        for bad in [json!("some"), json!(5), json!({"x": 1})] {
            let message = "This value must be all, main, or a list of points such as [[120, 80], [\"50%\", \"20%\"]].";
            assert_eq!(faults(Keep::read(&bad)), [message], "{bad}");
        }
        let point = "[1]: This value must be a point [x, y] of the upright photograph.";
        assert_eq!(faults(Keep::read(&json!([[1, 2], 3]))), [point]);
    }

    #[test]
    fn refuses_ten_thousand_points() {
        let points = vec![json!([1, 2]); 10_000];
        let message = "This list must have at most 100 hints with 2,000 points together.";
        let stroke = json!([{"kind": "keep", "points": points}]);
        assert_eq!(faults(Hints::read(&stroke)), [message]);
        let clicks = Value::Array(vec![json!({"kind": "keep", "points": [[1, 2]]}); 101]);
        assert_eq!(faults(Hints::read(&clicks)), [message]);
        let message = "This list must have at most 50 points, one for each object.";
        assert_eq!(faults(Keep::read(&Value::Array(points))), [message]);
    }

    #[test]
    fn refuses_hints_that_contradict_each_other() {
        let hints = json!([
            {"kind": "keep", "points": [[1, 2], [3, 4]]},
            {"kind": "remove", "points": [[9, 9], [3.0, "4"]]},
            {"kind": "keep", "points": [[3, 4]]},
        ]);
        let message = "[1].points[1]: This point is also in hints[0], which has the other kind; leave one of them out.";
        assert_eq!(faults(Hints::read(&hints)), [message]);
    }
}
