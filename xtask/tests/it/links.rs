//! Links between the project's documents lead to existing files and headings.

use std::fs;
use std::path::Path;

use crate::metadata::root;

const DOCUMENTS: [&str; 7] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "examples/LICENSES.md",
    "fuzz/README.md",
];

/// The targets of all links to other places in the project.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

/// The fragments of all headings, as GitHub derives them.
fn fragments(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(|&c| kept(c)).map(|c| if c == ' ' { '-' } else { c }).collect())
        .collect()
}

#[test]
fn links_lead_to_existing_files_and_headings() {
    let mut checked = 0;
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
        for link in links(&text) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap_or(Path::new("")).join(file) };
            assert!(target.exists(), "{document} links to {link}, which does not exist");
            if !fragment.is_empty() {
                let target = fs::read_to_string(&target).expect("a document");
                assert!(
                    fragments(&target).iter().any(|heading| heading == fragment),
                    "{document} links to {link}, which has no such heading"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} links found");
}
