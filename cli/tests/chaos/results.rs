//! Checks of a job's end and of its pictures.

use std::time::Instant;

use cutline_core::domain::failure::{DropRefusalCode, FailureCode};
use cutline_core::domain::kind::ImageKind;
use cutline_imaging::decode;
use serde_json::Value;

use crate::invariants::Invariant;
use crate::ledger::{Entry, Expectation};
use crate::world::{CANVAS, World};

/// The attempts of a job.
const MAX_ATTEMPTS: u32 = 3;
/// The codes of a job whose attempts were all interrupted by faults.
const INTERRUPTED: [&str; 3] = ["interrupted", "storage_unavailable", "worker_crashed"];

/// `done`, or the code of the failure.
pub(crate) fn outcome(status: &Value) -> String {
    match status["status"].as_str() {
        Some("failed") => status["error"]["code"].as_str().unwrap_or("no code").to_owned(),
        other => other.unwrap_or("no status").to_owned(),
    }
}

/// Checks how a job ended.
pub(crate) fn check_end(world: &World, id: &str, entry: &Entry, status: &Value) {
    let outcome = outcome(status);
    let what = || format!("{id} ({}) ended as {outcome}: {}", entry.label, status["error"]["message"]);
    let is_documented = outcome == "done" || is_documented(&outcome);
    world.violations.check(Invariant::DocumentedCodes, is_documented, what);
    let lost = world.faults.attempts_lost(entry.sent, Instant::now());
    let is_expected = is_expected(&outcome, &entry.expectation, lost);
    let invariant = if entry.is_good() { Invariant::GoodPicturesDone } else { Invariant::DocumentedCodes };
    world.violations.check(invariant, is_expected, what);
    if let (Expectation::Done { .. }, "done") = (&entry.expectation, &*outcome) {
        let has_pictures = status["final_urls"].as_object().is_some_and(|links| !links.is_empty());
        world.violations.check(Invariant::WholeResults, has_pictures, || format!("{id} is done without pictures"));
    }
}

/// Whether a job or a drop may end like this, after faults took up to `lost` attempts.
pub(crate) fn is_expected(outcome: &str, expectation: &Expectation, lost: u32) -> bool {
    let may_be_interrupted = match expectation {
        Expectation::Done { .. } => lost >= MAX_ATTEMPTS,
        // Its own failures take attempts too. A hostile picture may also end its own worker.
        Expectation::Fails(_) => lost > 0,
        Expectation::Any => true,
    };
    if INTERRUPTED.contains(&outcome) {
        return may_be_interrupted;
    }
    match expectation {
        Expectation::Done { .. } => outcome == "done",
        Expectation::Fails(codes) => codes.contains(&outcome),
        Expectation::Any => outcome == "done" || is_documented(outcome),
    }
}

/// Whether this is a code of the documentation other than `internal`, which is always a fault of the program.
fn is_documented(code: &str) -> bool {
    let refusals = DropRefusalCode::ALL.map(DropRefusalCode::as_str);
    FailureCode::ALL.map(FailureCode::as_str).iter().chain(&refusals).any(|known| *known == code) && code != "internal"
}

/// Checks that a picture is whole, and of the size that the source and the parameter set give it.
pub(crate) fn check_picture(world: &World, entry: &Entry, name: &str, bytes: &[u8]) {
    let expected = match entry.expectation {
        _ if name == "compose" => Some(CANVAS),
        Expectation::Done { width, height } => Some((width, height)),
        Expectation::Any | Expectation::Fails(_) => None,
    };
    if let Err(problem) = check_file(bytes, expected) {
        world.violations.add(Invariant::WholeResults, format!("{name} of {}: {problem}", entry.label));
    }
}

/// Checks that a file is a whole picture of this size, if one is known.
pub(crate) fn check_file(bytes: &[u8], expected: Option<(u32, u32)>) -> Result<(), String> {
    let kind = ImageKind::sniff(bytes).ok_or("not a picture")?;
    if kind == ImageKind::Svg {
        return check_path(bytes, expected);
    }
    let size = decode::dimensions(bytes).map_err(|error| format!("{}: {error}", kind.name()))?;
    if expected.is_some_and(|expected| expected != size) {
        return Err(format!("{size:?} pixels instead of {expected:?}"));
    }
    if matches!(kind, ImageKind::Png | ImageKind::Jpeg | ImageKind::Webp) {
        image::load_from_memory(bytes).map_err(|error| format!("damaged {}: {error}", kind.name()))?;
    }
    Ok(())
}

/// Checks that a clipping path is whole and on a canvas of the picture's size.
fn check_path(bytes: &[u8], expected: Option<(u32, u32)>) -> Result<(), String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("damaged SVG: {error}"))?;
    let view = expected.map(|(width, height)| format!(r#"viewBox="0 0 {width} {height}""#)).unwrap_or_default();
    let is_whole = text.contains("<path") && text.trim_end().ends_with("</svg>") && text.contains(&view);
    if is_whole { Ok(()) } else { Err(format!("not a whole SVG with {view}: {text:.300}")) }
}
