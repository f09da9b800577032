//! Small divided pictures, strokes on them, and what each stroke means. The page that corrects cuts has to give the same
//! answers: `desk/tests/correct-units.test.js` reads the same file.

use std::fs;
use std::path::Path;

use cutline_core::domain::subject::HintKind;
use serde::{Deserialize, Serialize};

use super::{Decision, Ground, Meaning, Selection, Stroke};
use crate::regions::merge::Merge;
use crate::regions::tree::RegionTree;

/// Set to 1, it makes the test write the file.
const UPDATE: &str = "CUTLINE_UPDATE";

/// A divided picture.
#[derive(Debug, Deserialize)]
struct Picture {
    /// The leaf of each pixel, as a digit, row by row.
    labels: Vec<String>,
    /// Two nodes, and the strength of the edge between them.
    merges: Vec<(u32, u32, f32)>,
    /// The brightness of each pixel, as a hexadecimal digit, row by row. `None` is black.
    grays: Option<Vec<String>>,
    scenes: Vec<Scene>,
}

/// Strokes on a picture, one after another.
#[derive(Debug, Deserialize)]
struct Scene {
    what: String,
    /// The leaves that are subject before the first stroke.
    subject: Vec<u32>,
    /// Pixels that are not as their leaf is.
    #[serde(default)]
    flipped: Vec<usize>,
    strokes: Vec<Answer>,
}

/// A stroke in pixels of the picture, and the nodes and pixels that it means, sorted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    kind: HintKind,
    points: Vec<(f32, f32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    radius: Option<f32>,
    nodes: Vec<u32>,
    pixels: Vec<usize>,
}

impl Picture {
    fn tree(&self) -> RegionTree {
        let labels = digits(&self.labels, 10).map(u16::from).collect();
        let merge = |&(one, other, height): &(u32, u32, f32)| Merge { nodes: [one, other], height };
        RegionTree::new(self.labels[0].len() as u32, labels, self.merges.iter().map(merge).collect())
    }

    fn colors(&self) -> Vec<u8> {
        match &self.grays {
            Some(rows) => digits(rows, 16).flat_map(|gray| [17 * gray; 3]).collect(),
            None => digits(&self.labels, 10).flat_map(|_| [0; 3]).collect(),
        }
    }
}

/// The digits of all rows.
fn digits(rows: &[String], radix: u32) -> impl Iterator<Item = u8> {
    rows.iter().flat_map(|row| row.chars()).map(move |digit| digit.to_digit(radix).expect("a digit") as u8)
}

impl Answer {
    fn stroke(&self) -> Stroke {
        let decision = match self.kind {
            HintKind::Keep => Decision::Keep,
            HintKind::Remove => Decision::Remove,
        };
        Stroke { decision, points: self.points.clone(), radius: self.radius }
    }
}

/// The strokes of a scene with what they mean by the rules.
fn answers(ground: Ground<'_>, scene: &Scene) -> Vec<Answer> {
    let labels = ground.tree.labels.iter().map(|label| u32::from(*label));
    let is_subject: Vec<bool> =
        labels.enumerate().map(|(at, label)| scene.subject.contains(&label) != scene.flipped.contains(&at)).collect();
    let mut selection = Selection { ground, decisions: vec![None; is_subject.len()], is_subject };
    let strokes: Vec<Stroke> = scene.strokes.iter().map(Answer::stroke).collect();
    let mut answers = Vec::new();
    for (index, stroke) in strokes.iter().enumerate() {
        let earlier = &strokes[..index];
        let Meaning { nodes, mut pixels } = selection.meaning(stroke, earlier);
        selection.apply(stroke, earlier);
        let mut nodes: Vec<u32> = nodes.into_iter().map(|node| node.0).collect();
        nodes.sort_unstable();
        nodes.dedup();
        pixels.sort_unstable();
        answers.push(Answer { nodes, pixels, ..scene.strokes[index].clone() });
    }
    answers
}

#[test]
fn hints_mean_what_the_page_shows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/regions/select/fixture.json");
    let text = fs::read_to_string(&path).expect("the file");
    let mut pictures: Vec<Picture> = serde_json::from_str(&text).expect("pictures");
    let is_update = std::env::var_os(UPDATE).is_some_and(|value| value == "1");
    let (mut regions, mut distances) = (0, 0);
    for picture in &mut pictures {
        let (tree, colors) = (picture.tree(), picture.colors());
        for scene in &mut picture.scenes {
            let answers = answers(Ground { tree: &tree, colors: &colors }, scene);
            if !is_update {
                let remedy =
                    format!("run `{UPDATE}=1 cargo test -p cutline-imaging fixture`, then the tests of the pages");
                assert_eq!(scene.strokes, answers, "{}: fixture.json is out of date; {remedy}", scene.what);
            }
            regions += answers.iter().filter(|answer| !answer.nodes.is_empty()).count();
            distances += answers.iter().filter(|answer| !answer.pixels.is_empty()).count();
            scene.strokes = answers;
        }
    }
    assert!(regions >= 30 && distances >= 10, "{regions} strokes mean regions, and {distances} pixels");
    if is_update {
        fs::write(&path, written(&pictures)).expect("writes the file");
    }
}

/// The file, with a line for each row, merge and stroke.
fn written(pictures: &[Picture]) -> String {
    let scene = |scene: &Scene| {
        let mut members = vec![member("what", json(&scene.what)), member("subject", json(&scene.subject))];
        if !scene.flipped.is_empty() {
            members.push(member("flipped", json(&scene.flipped)));
        }
        members.push(member("strokes", lines(4, &scene.strokes)));
        block(['{', '}'], 3, &members)
    };
    let picture = |picture: &Picture| {
        let mut members =
            vec![member("labels", lines(2, &picture.labels)), member("merges", lines(2, &picture.merges))];
        members.extend(picture.grays.iter().map(|rows| member("grays", lines(2, rows))));
        let scenes: Vec<String> = picture.scenes.iter().map(scene).collect();
        members.push(member("scenes", block(['[', ']'], 2, &scenes)));
        block(['{', '}'], 1, &members)
    };
    let pictures: Vec<String> = pictures.iter().map(picture).collect();
    block(['[', ']'], 0, &pictures) + "\n"
}

fn member(name: &str, value: String) -> String {
    format!("\"{name}\": {value}")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("serializes")
}

fn lines(depth: usize, values: &[impl Serialize]) -> String {
    let values: Vec<String> = values.iter().map(json).collect();
    block(['[', ']'], depth, &values)
}

/// Items in brackets, each on a line of its own; `depth` counts the blocks around.
fn block([open, close]: [char; 2], depth: usize, items: &[String]) -> String {
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let indent = "  ".repeat(depth);
    let items: Vec<String> = items.iter().map(|item| format!("{indent}  {item}")).collect();
    format!("{open}\n{}\n{indent}{close}", items.join(",\n"))
}
