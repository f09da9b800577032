//! The tables of `docs/` against the descriptor tables in core. A table that lacks a row, has an outdated cell or an extra
//! row fails, and the message contains the correct rows.

use std::fs;

use cutline_core::domain::asset::AssetKind;
use cutline_core::domain::attention::AttentionReason;
use cutline_core::domain::failure::{CodeInfo, DropRefusalCode, FailureCode, Retryable};
use cutline_core::domain::format::{FormatInfo, MaxSize, OutputFormat};
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::limits::{self, MAX_SIDE, Unit};
use cutline_core::domain::params::presets;
use cutline_core::domain::variation::{Ground, Variation};

use crate::metadata::root;

type Row = Vec<String>;

/// Checks the table of `page` whose header begins with `header`. Compares as many columns as `expected` has; the others
/// are prose.
#[track_caller]
fn check_table(page: &str, header: &str, expected: &[Row]) {
    let text = fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (title, actual) = table(page, &text, header);
    let shown = |rows: &[Row]| rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect::<String>();
    let compared: Vec<Row> = actual.iter().map(|row| row.iter().take(expected[0].len()).cloned().collect()).collect();
    assert!(
        compared == expected,
        "{page}: the table `{title}` must have these rows:\n{}but has:\n{}",
        shown(expected),
        shown(&compared)
    );
}

/// The header and the rows of the one table in `page` whose header begins with `header`.
#[track_caller]
fn table<'t>(page: &str, text: &'t str, header: &str) -> (&'t str, Vec<Row>) {
    let starts: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.starts_with(header)).map(|(number, _)| number).collect();
    let [start] = starts[..] else { panic!("{page} has {} tables that begin with `{header}`", starts.len()) };
    let mut lines = text.lines().skip(start);
    let title = lines.next().unwrap_or_default();
    // The line after the header separates it from the rows.
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    (title, rows.map(cells).collect())
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn codes<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn code_row(info: CodeInfo) -> Row {
    let retryable = match info.retryable {
        Retryable::Yes => "yes",
        Retryable::No => "no",
        Retryable::Sometimes(when) => when,
    };
    vec![code(info.code), info.cause.to_owned(), retryable.to_owned(), info.remedy.to_owned()]
}

#[test]
fn lists_the_codes_of_failed_jobs() {
    check_table("docs/errors.md", "| code | cause |", &FailureCode::ALL.map(|failure| code_row(failure.info())));
    let charged: Vec<_> = FailureCode::ALL.into_iter().filter(|failure| failure.info().charged).collect();
    let reviewed = [FailureCode::Rejected, FailureCode::ReviewExpired];
    assert_eq!(charged, reviewed, "docs/errors.md says that no other failed job costs a credit");
}

#[test]
fn lists_the_codes_of_refused_drops() {
    let rows = DropRefusalCode::ALL.map(|refusal| code_row(refusal.info()));
    check_table("docs/drops.md", "| code of a refused drop |", &rows);
}

#[test]
fn lists_the_output_formats() {
    let row = |format: OutputFormat| {
        let info = format.info();
        let FormatInfo { label, spellings, extension, content_type, .. } = *info;
        vec![
            label.to_owned(),
            codes(spellings.iter().copied()),
            format!("`.{extension}`"),
            code(content_type),
            largest_side(info.max_size),
            yes_or_no(info.has_alpha),
            yes_or_no(info.carries_path),
            yes_or_no(info.takes_quality),
        ]
    };
    check_table("docs/files.md", "| output |", &OutputFormat::ALL.map(row));
}

/// The largest side of a format, or "any" if it can hold every picture that Cutline accepts.
fn largest_side(max: MaxSize) -> String {
    let longest = (MAX_SIDE, u32::try_from(limits::MAX_PIXELS).expect("fits") / MAX_SIDE);
    if max.holds(longest.0, longest.1) {
        return "any".to_owned();
    }
    let pixels = limits::Limit { subject: "side", max: u64::from(max.side()), unit: Unit::PixelsPerSide };
    pixels.to_string()
}

#[test]
fn lists_the_kinds_of_sources() {
    let row = |kind: ImageKind| {
        let extensions = kind.info().extensions.iter().map(|extension| format!("`.{extension}`"));
        vec![kind.name().to_owned(), extensions.collect::<Vec<_>>().join(", ")]
    };
    check_table("docs/files.md", "| source | usual", &ImageKind::ALL.map(row));
}

#[test]
fn lists_the_variations() {
    let row = |variation: Variation| {
        let canvas = match variation.info().ground {
            Ground::Photo => "the photo's",
            Ground::Canvas => "the set's",
            Ground::Frame => "a part of the photo",
        };
        vec![code(variation.as_str()), canvas.to_owned()]
    };
    check_table("docs/api.md", "| variation |", &Variation::ALL.map(row));
}

#[test]
fn lists_the_reasons_for_attention() {
    let row = |reason: AttentionReason| vec![code(reason.as_str()), reason.info().meaning.to_owned()];
    check_table("docs/api.md", "| reason | meaning |", &AttentionReason::ALL.map(row));
}

#[test]
fn lists_the_assets() {
    let row = |asset: AssetKind| vec![code(asset.as_str()), code(asset.file_name()), code(asset.content_type())];
    check_table("docs/api.md", "| asset |", &AssetKind::listed().map(row).collect::<Vec<_>>());
}

#[test]
fn lists_the_limits() {
    let row = |limit: limits::Limit| {
        let unit = if limit.unit == Unit::PixelsPerSide { " a side" } else { "" };
        vec![limit.subject.to_owned(), format!("{limit}{unit}")]
    };
    check_table("docs/limits.md", "| of | at most |", &limits::ALL.map(row));
}

#[test]
fn lists_the_built_in_parameter_sets() {
    let rows: Vec<Row> = presets::all().iter().map(|(name, _)| vec![code(name.as_str())]).collect();
    check_table("docs/parameter-sets.md", "| set | makes |", &rows);
}

#[test]
fn reads_the_rows_of_one_table() {
    let text = "| asset | file |\n|---|---|\n| `a` | `a.svg` |\n\n| other |\n|---|\n| x |\n";
    let (title, rows) = table("a page", text, "| asset |");
    assert_eq!(title, "| asset | file |");
    assert_eq!(rows, [["`a`", "`a.svg`"]]);
}
