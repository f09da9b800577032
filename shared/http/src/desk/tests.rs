use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cutline_core::{Mode, OutputFormat};
use flate2::read::GzDecoder;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../desk")
}

/// The files below a folder, by their paths from `desk/`.
fn found(folder: &Path, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            names.extend(found(&entry.path(), &format!("{name}/")));
        } else {
            names.push(name);
        }
    }
    names
}

#[test]
fn every_file_is_embedded() {
    let is_served = |name: &String| {
        !["index.html", "review.html", "package.json", "tsconfig.json"].contains(&name.as_str())
            && !["tests/", "parts/"].iter().any(|folder| name.starts_with(folder))
    };
    let on_disk: BTreeSet<_> = found(&folder(), "").into_iter().filter(is_served).collect();
    let embedded: BTreeSet<_> = files::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(embedded, on_disk, "list the files of desk/ in files.rs");
}

#[test]
fn modules_are_short_and_import_files_that_exist() {
    let mut imports = 0;
    for (name, content) in files::ALL.iter().filter(|(name, _)| name.ends_with(".js")) {
        assert!(content.lines().count() <= 300, "{name} has more than 300 lines");
        let base = format!("desk:///{name}").parse::<url::Url>().expect("a URL");
        for imported in content.lines().filter_map(|line| line.strip_prefix("import ")?.split('"').nth(1)) {
            let url = base.join(imported).expect("a path");
            let path = url.path().trim_start_matches('/');
            assert!(files::ALL.iter().any(|(known, _)| *known == path), "{name} imports {imported}");
            assert!(imported.starts_with('.'), "{name} imports {imported}, which the browser cannot find");
            imports += 1;
        }
    }
    assert!(imports > 20, "{imports}");
}

#[test]
fn every_part_is_listed() {
    let listed = files::PARTS.map(|(place, _)| format!("parts/{}.html", place.trim_matches(['{', '}'])));
    let on_disk = found(&folder(), "").into_iter().filter(|name| name.starts_with("parts/"));
    assert_eq!(on_disk.collect::<BTreeSet<_>>(), listed.into());
}

/// A page as it is served, and the names of the files that it loads.
fn loaded(page: &Served) -> (&str, Vec<&str>) {
    let html = str::from_utf8(&page.plain).expect("text");
    let prefix = format!("\"desk/{}/", DESK.version);
    let names = html.match_indices(&prefix).filter_map(|(at, found)| html[at + found.len()..].split('"').next());
    (html, names.collect())
}

#[test]
fn pages_name_their_files_relative_to_themselves() {
    for (page, Page { folder, .. }) in DESK.pages.iter().zip(PAGES) {
        let (html, names) = loaded(page);
        for name in &names {
            assert!(DESK.file(&DESK.version, name).is_some(), "{name}");
        }
        let modules = files::ALL.iter().filter(|(name, _)| name.ends_with(".js"));
        for (name, _) in modules.filter(|(name, _)| name.starts_with("lib/") || name.starts_with(folder)) {
            assert!(names.contains(name), "{name} is not loaded with the page");
        }
        assert!(!html.contains('{'), "a placeholder is left");
    }
    assert_eq!(DESK.version.len(), 16);
}

/// The policy allows neither inline scripts and styles nor other servers, and no parsing of HTML.
#[test]
fn pages_and_scripts_keep_the_policy() {
    for page in &DESK.pages {
        let (html, _) = loaded(page);
        for forbidden in ["<style", "style=", "http:", "https:", " onclick", "<script>"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
    for (name, content) in files::ALL.iter().filter(|(name, _)| name.ends_with(".js")) {
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "cssText"]
        {
            assert!(!content.contains(forbidden), "{name}: {forbidden}");
        }
    }
    for (name, content) in files::ALL.iter().filter(|(name, _)| name.ends_with(".css")) {
        assert!(!content.contains("url(") && !content.contains("@import"), "{name}");
    }
}

/// The API takes every mode and format that the page offers.
#[test]
fn pickers_offer_what_the_api_takes() {
    let values = |start: &str, end: &str, before: &str| {
        let (_, rest) = files::TRY_PAGE.split_once(start).expect("the picker");
        let (picker, _) = rest.split_once(end).expect("its end");
        picker.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let modes = values("data-text=\"mode\"", "</fieldset>", "name=\"mode\" value=\"");
    assert_eq!(modes, Mode::ALL.map(|mode| mode.as_str().to_owned()));
    let formats = values("id=\"format\"", "</select>", "option value=\"");
    assert_eq!(formats.first().map(String::as_str), Some(""), "the default of the API or the set");
    for format in &formats[1..] {
        assert!(format.parse::<OutputFormat>().is_ok(), "{format}");
    }
    assert!(formats.len() > 5, "{formats:?}");
}

#[test]
fn the_first_paint_needs_less_than_100_kilobytes() {
    for page in &DESK.pages {
        let (_, names) = loaded(page);
        let files: BTreeSet<_> = names.into_iter().collect();
        let sizes = files.into_iter().filter_map(|name| DESK.file(&DESK.version, name)).chain([page]);
        let bytes: usize = sizes.map(|file| file.gzip.as_ref().expect("compressed").len()).sum();
        assert!(bytes < 100_000, "{bytes}");
    }
}

#[test]
fn compresses_for_browsers_that_take_it() {
    let mut request = HeaderMap::new();
    let plain = DESK.pages[0].answer(&request, REVALIDATED);
    assert_eq!(plain.headers().get(CONTENT_ENCODING), None);
    for (value, expected) in [("br, gzip", true), ("gzip", true), ("identity", false), ("gzip;q=0", false), ("", false)]
    {
        request.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
        let answer = DESK.pages[0].answer(&request, REVALIDATED);
        assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), expected, "{value}");
        assert_eq!(answer.headers()[VARY], "accept-encoding");
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(&DESK.pages[0].gzip.as_ref().expect("compressed")[..]).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, DESK.pages[0].plain);
}
