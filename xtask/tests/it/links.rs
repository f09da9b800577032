//! Links between the project's documents lead to existing files and headings, and no document is left out of the index.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::metadata::root;

/// Folders without documents of ours: built files, packages of tools, Git.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];

/// Every Markdown file of the project, by its path from the workspace's root.
fn documents() -> Vec<String> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
            if kind.is_dir() && !SKIPPED.iter().any(|&name| entry.file_name() == name) {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
                let relative = path.strip_prefix(&root).expect("below the root");
                found.push(relative.to_str().expect("a name in UTF-8").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// The targets of all links to other places in the project.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The fragments of all headings, as GitHub derives them: a repeated heading gets a number.
fn fragments(text: &str) -> Vec<String> {
    let kept = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    let mut seen = BTreeMap::<String, usize>::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(|&c| kept(c)).map(|c| if c == ' ' { '-' } else { c }).collect::<String>())
        .map(|heading| {
            let earlier = seen.entry(heading.clone()).or_default();
            *earlier += 1;
            if *earlier == 1 { heading } else { format!("{heading}-{}", *earlier - 1) }
        })
        .collect()
}

/// The file that a link of `document` leads to, and the fragment in it.
fn target<'l>(document: &str, link: &'l str) -> (PathBuf, &'l str) {
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let document = root().join(document);
    let target = if file.is_empty() { document } else { document.parent().unwrap_or(Path::new("")).join(file) };
    (target, fragment)
}

#[test]
fn links_lead_to_existing_files_and_headings() {
    let (mut files, mut headings) = (0, 0);
    for document in documents() {
        for link in links(&read(&document)) {
            let (target, fragment) = target(&document, &link);
            assert!(target.exists(), "{document} links to {link}, which does not exist");
            files += 1;
            if !fragment.is_empty() {
                let text = fs::read_to_string(&target).expect("a document");
                assert!(
                    fragments(&text).iter().any(|heading| heading == fragment),
                    "{document} links to {link}, which has no such heading"
                );
                headings += 1;
            }
        }
    }
    assert!(files > 150 && headings > 80, "only {files} links found, {headings} of them to headings");
}

#[test]
fn the_index_links_every_page_of_the_documentation() {
    const INDEX: &str = "docs/README.md";
    let listed: Vec<_> = links(&read(INDEX)).iter().map(|link| target(INDEX, link).0).collect();
    let pages: Vec<_> = documents().into_iter().filter(|page| page.starts_with("docs/") && page != INDEX).collect();
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        assert!(listed.contains(&root().join(&page)), "{INDEX} does not link {page}; add a row to its table");
    }
}

#[test]
fn finds_links_and_headings_outside_of_code() {
    let text = "# One `two`\n```sh\n# three\n[x](no.md)\n```\n## A\n[y](#a) [z](b.md) [w](https://c)\n## A\n";
    assert_eq!(links(text), ["#a", "b.md"]);
    assert_eq!(fragments(text), ["one-two", "a", "a-1"]);
}
