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

/// The pages where links lead to this server.
fn desk() -> Desk {
    Desk::new(&WebPages::default())
}

/// The same where they lead to a bucket.
fn desk_of_bucket() -> Desk {
    let link = url::Url::parse("https://photos.s3.eu-central-1.amazonaws.com/jobs/1/a.png?X-Amz-Signature=0");
    Desk::new(&WebPages { store: Some(link.expect("a URL").origin()) })
}

fn all_pages(desk: &Desk) -> Vec<&Served> {
    (0..PAGES.len()).map(|index| desk.page(index)).collect()
}

/// A page as it is served, and the names of the files that it loads.
fn loaded(page: &Served) -> (&str, Vec<&str>) {
    let html = str::from_utf8(&page.plain).expect("text");
    let prefix = format!("\"desk/{}/", FILES.version);
    let names = html.match_indices(&prefix).filter_map(|(at, found)| html[at + found.len()..].split('"').next());
    (html, names.collect())
}

#[test]
fn pages_name_their_files_relative_to_themselves() {
    for (page, Page { folder, .. }) in all_pages(&desk()).into_iter().zip(PAGES) {
        let (html, names) = loaded(page);
        for name in &names {
            assert!(FILES.get(&FILES.version, name).is_some(), "{name}");
        }
        let modules = files::ALL.iter().filter(|(name, _)| name.ends_with(".js"));
        for (name, _) in modules.filter(|(name, _)| name.starts_with("lib/") || name.starts_with(folder)) {
            assert!(names.contains(name), "{name} is not loaded with the page");
        }
        assert!(!html.contains('{'), "a placeholder is left");
    }
    assert_eq!(FILES.version.len(), 16);
}

/// The policy allows neither inline scripts and styles nor other servers, and no parsing of HTML.
#[test]
fn pages_and_scripts_keep_the_policy() {
    for page in all_pages(&desk()) {
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
    for page in all_pages(&desk()) {
        let (_, names) = loaded(page);
        let files: BTreeSet<_> = names.into_iter().collect();
        let sizes = files.into_iter().filter_map(|name| FILES.get(&FILES.version, name)).chain([page]);
        let bytes: usize = sizes.map(|file| file.gzip().expect("compressed").len()).sum();
        assert!(bytes < 100_000, "{bytes}");
    }
}

#[test]
fn compresses_for_browsers_that_take_it() {
    let mut request = HeaderMap::new();
    let desk = desk();
    let page = desk.page(0);
    let plain = page.answer(&request, REVALIDATED, &desk.policy);
    assert_eq!(plain.headers().get(CONTENT_ENCODING), None);
    for (value, expected) in [("br, gzip", true), ("gzip", true), ("identity", false), ("gzip;q=0", false), ("", false)]
    {
        request.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
        let answer = page.answer(&request, REVALIDATED, &desk.policy);
        assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), expected, "{value}");
        assert_eq!(answer.headers()[VARY], "accept-encoding");
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(&page.gzip().expect("compressed")[..]).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, page.plain);
}

/// The sources of a directive.
fn sources<'a>(policy: &'a HeaderValue, directive: &str) -> Vec<&'a str> {
    let policy = policy.to_str().expect("text");
    let mut found = policy.split("; ").filter_map(|rule| rule.split_once(' '));
    let (_, sources) = found.find(|(name, _)| *name == directive).expect("the directive");
    sources.split(' ').collect()
}

#[test]
fn pictures_and_uploads_may_use_the_store_and_code_may_not() {
    let (own, bucket) = (desk().policy, desk_of_bucket().policy);
    let store = "https://photos.s3.eu-central-1.amazonaws.com";
    assert_eq!(sources(&own, "img-src"), ["'self'", "blob:"]);
    assert_eq!(sources(&bucket, "img-src"), ["'self'", "blob:", store]);
    assert_eq!(sources(&own, "connect-src"), ["'self'"]);
    assert_eq!(sources(&bucket, "connect-src"), ["'self'", store]);
    for directive in ["script-src", "style-src"] {
        assert_eq!(sources(&bucket, directive), ["'self'"], "{directive}");
    }
    // Everything else is the same.
    let without_store = bucket.to_str().expect("text").replace(&format!(" {store}"), "");
    assert_eq!(own.to_str().expect("text"), without_store);
}

/// The scripts follow links to the store that the page names, and to no other.
#[test]
fn pages_name_the_store_of_their_links() {
    let named = |store: &str| format!("<meta name=\"cutline-store\" content=\"{store}\">");
    let (own, bucket) = (desk(), desk_of_bucket());
    for (own, of_bucket) in all_pages(&own).into_iter().zip(all_pages(&bucket)) {
        let (html, _) = loaded(own);
        assert!(html.contains(&named("")), "{html}");
        let (html, _) = loaded(of_bucket);
        assert!(html.contains(&named("https://photos.s3.eu-central-1.amazonaws.com")), "{html}");
    }
}
