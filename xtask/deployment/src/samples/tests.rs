use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::functions::Function;

#[test]
fn every_event_has_an_expected_answer() {
    let files: BTreeSet<String> = fs::read_dir(root().join("events"))
        .expect("the folder of the events")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| !["README.md", "env.json"].contains(&name.as_str()))
        .collect();
    assert_eq!(
        files,
        EXPECTED.map(|(name, _)| name.to_owned()).into(),
        "the files in events/ and the expected answers"
    );
}

/// The row of an event in events/README.md, up to its last column, which is prose.
fn row(name: &str, expected: Expected) -> String {
    let function = Function::of_event(name).expect("a function").logical_id();
    let answer = match expected {
        Http(status, None) => format!("{status}"),
        Http(status, Some(error)) => format!("{status} `{error}`"),
        Batch([]) => "no failed message".to_owned(),
        Batch(indexes) => {
            let event = sample(name).expect("the event");
            let ids = indexes.iter().map(|index| event["Records"][index]["messageId"].as_str().expect("an id"));
            format!("failed: {}", ids.map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "))
        }
    };
    format!("| `sam local invoke {function} -e events/{name} --env-vars events/env.json` | {answer} |")
}

#[test]
fn the_readme_lists_every_event_with_its_command_and_answer() {
    let readme = fs::read_to_string(root().join("events/README.md")).expect("events/README.md");
    let listed: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `sam local invoke ")).collect();
    let expected = EXPECTED.map(|(name, expected)| row(name, expected));
    let is_listed = |row: &String| listed.iter().any(|line| line.starts_with(row.as_str()));
    assert!(
        listed.len() == expected.len() && expected.iter().all(is_listed),
        "events/README.md must have these rows, each with a further column:\n{}",
        expected.join("\n")
    );
}
