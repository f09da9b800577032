//! The places of a cut that a person should look at.

use std::ops::Range;

use cutline_core::domain::attention::AttentionReason;

use super::outline::Outline;
use super::survey::{SUBJECT, Survey, extent};
use crate::guide::opened;

/// The smallest region that counts, as a share of the subject.
pub(crate) const MIN_SHARE: f64 = 0.005;
/// How far apart the networks are where they disagree.
pub(crate) const APART: f32 = 0.5;
/// Values in this range are neither subject nor background.
const UNSURE: Range<f32> = 0.2..0.8;
/// The shortest stretch of the outline that is mentioned, as a share of it.
const MIN_STRETCH: f64 = 0.03;
/// The shortest contact with the frame that is mentioned, as a share of that side.
const MIN_CONTACT: f64 = 0.02;

/// A place of a survey that a person should look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) reason: AttentionReason,
    pub(crate) message: String,
    /// How bad the cut may be because of this, from 0 to 1: the share of the subject that may be wrong.
    pub(crate) severity: f64,
    /// Its first and last column.
    pub(crate) columns: [usize; 2],
    /// Its first and last row.
    pub(crate) rows: [usize; 2],
}

/// Where objects of the cut went, and what the networks were not sure of. `joint` is the networks' joint answer before
/// anybody steered it; objects that are only there were dropped. Regions with a `settled` pixel are left out.
pub(crate) fn regions(survey: &Survey, joint: Option<&[f32]>, settled: &[bool]) -> Vec<Finding> {
    let is_subject = survey.subject();
    let area = survey.area();
    let min_area = ((MIN_SHARE * area as f64).ceil() as usize).max(4);
    let thickness = (survey.ring() / 2).max(1);
    let mut findings = Vec::new();
    let mut add = |set: &[bool], reason, weight: f64, message: &dyn Fn(String, bool) -> String| {
        for part in survey.parts(&opened(survey.width, set, thickness), min_area) {
            if part.pixels.iter().any(|at| settled[*at]) {
                continue;
            }
            let kept = part.pixels.iter().filter(|at| is_subject[**at]).count();
            let share = part.area() as f64 / area as f64;
            let (columns, rows) = part.extent(survey.width);
            let message = message(percent(share), 2 * kept > part.area());
            findings.push(Finding { reason, message, severity: (weight * share).min(1.0), columns, rows });
        }
    };
    if let Some(joint) = joint {
        let dropped: Vec<bool> = joint.iter().zip(&is_subject).map(|(joint, kept)| *joint > SUBJECT && !kept).collect();
        let message = |share, _| format!("An object of {share} of the subject's size was dropped.");
        add(&dropped, AttentionReason::DroppedObject, 1.0, &message);
    }
    let apart: Vec<bool> = match &survey.whole {
        Some(whole) => survey.detail.iter().zip(whole).map(|(one, other)| (one - other).abs() > APART).collect(),
        None => vec![false; survey.cut.len()],
    };
    add(&apart, AttentionReason::NetworksDisagree, 1.0, &|share, is_kept| {
        let verb = if is_kept { "keeps" } else { "leaves out" };
        format!("The networks disagree about a region of {share} of the subject's size, which the cut {verb}.")
    });
    let unsure: Vec<bool> =
        survey.cut.iter().zip(&apart).map(|(value, apart)| UNSURE.contains(value) && !apart).collect();
    add(&unsure, AttentionReason::UnsureArea, 0.7, &|share, _| {
        format!("The networks are unsure of a region of {share} of the subject's size.")
    });
    findings.extend(second_objects(survey, min_area, settled));
    findings
}

/// The objects of the cut but the largest.
fn second_objects(survey: &Survey, min_area: usize, settled: &[bool]) -> Vec<Finding> {
    let mut objects = survey.parts(&survey.subject(), min_area);
    objects.sort_by_key(|object| std::cmp::Reverse(object.area()));
    let Some(main) = objects.first().map(|object| object.area() as f64) else { return Vec::new() };
    let others = objects[1..].iter().filter(|object| !object.pixels.iter().any(|at| settled[*at]));
    others
        .map(|object| {
            let share = object.area() as f64 / main;
            let (columns, rows) = object.extent(survey.width);
            let message = format!("The cut holds another object, of {} of the main one's size.", percent(share));
            Finding { reason: AttentionReason::SecondObject, message, severity: 0.3 * share, columns, rows }
        })
        .collect()
}

/// The stretches of the outline along which subject and background look alike.
pub(crate) fn low_contrast(survey: &Survey, outline: &Outline) -> Vec<Finding> {
    let length = outline.pixels.len();
    // Stretches with small gaps are one.
    let mut near = vec![false; survey.cut.len()];
    let mut is_low = vec![false; survey.cut.len()];
    for at in outline.low() {
        is_low[at] = true;
        near[at] = true;
        for next in survey.around(at) {
            near[next] = true;
            survey.around(next).for_each(|next| near[next] = true);
        }
    }
    let stretches = survey.parts(&near, 1).into_iter().filter_map(|part| {
        let low: Vec<usize> = part.pixels.into_iter().filter(|at| is_low[*at]).collect();
        let share = low.len() as f64 / length as f64;
        let (columns, rows) = extent(&low, survey.width);
        (share >= MIN_STRETCH).then(|| Finding {
            reason: AttentionReason::LowContrast,
            message: format!("Low contrast along {} of the outline.", percent(share)),
            severity: 0.3 * share,
            columns,
            rows,
        })
    });
    stretches.collect()
}

/// Where the subject reaches the frame. `frame` names it in messages.
pub(crate) fn contacts(survey: &Survey, frame: &str) -> Vec<Finding> {
    let (width, height) = (survey.width, survey.height);
    let depth = |side: usize| (survey.ring() as usize).min(side - 1);
    let (across, down) = (depth(width), depth(height));
    let (last_column, last_row) = (width - 1, height - 1);
    let mut findings = Vec::new();
    let mut add = |name: &str, length: usize, at: &dyn Fn(usize) -> usize, depth: [usize; 2], is_row: bool| {
        let touching: Vec<bool> = (0..length).map(|along| survey.cut[at(along)] > SUBJECT).collect();
        for run in runs(&touching) {
            let share = run.len() as f64 / length as f64;
            if share < MIN_CONTACT {
                continue;
            }
            let along = [run.start, run.end - 1];
            let (columns, rows) = if is_row { (along, depth) } else { (depth, along) };
            let message =
                format!("The subject touches the {name} of the {frame} along {} of that side.", percent(share));
            let severity = 0.1 * share;
            findings.push(Finding { reason: AttentionReason::TouchesFrame, message, severity, columns, rows });
        }
    };
    add("top", width, &|x| x, [0, down], true);
    add("bottom", width, &|x| last_row * width + x, [last_row - down, last_row], true);
    add("left", height, &|y| y * width, [0, across], false);
    add("right", height, &|y| y * width + last_column, [last_column - across, last_column], false);
    findings
}

/// The ranges of a line that are set.
fn runs(line: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in (0..line.len()).filter(|at| line[*at]) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// A share as text: whole percents, or one decimal below 3 %.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 3.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 100;

    fn matte(value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..SIDE * SIDE).map(|at| value(at % SIDE, at / SIDE)).collect()
    }

    fn within(x: usize, y: usize, columns: Range<usize>, rows: Range<usize>) -> bool {
        columns.contains(&x) && rows.contains(&y)
    }

    fn square(x: usize, y: usize) -> f32 {
        if within(x, y, 20..60, 20..60) { 1.0 } else { 0.0 }
    }

    fn survey(detail: Vec<f32>, whole: Vec<f32>, cut: Vec<f32>) -> Survey {
        Survey { width: SIDE, height: SIDE, colors: vec![90; 3 * SIDE * SIDE], detail, whole: Some(whole), cut }
    }

    fn none() -> Vec<bool> {
        vec![false; SIDE * SIDE]
    }

    fn found(findings: &[Finding]) -> Vec<(AttentionReason, [usize; 2], [usize; 2])> {
        findings.iter().map(|finding| (finding.reason, finding.columns, finding.rows)).collect()
    }

    #[test]
    fn a_cut_on_which_both_networks_agree_has_no_findings() {
        let plain = survey(matte(square), matte(square), matte(square));
        assert_eq!(regions(&plain, Some(&matte(square)), &none()), []);
        assert_eq!(contacts(&plain, "frame"), []);
    }

    #[test]
    fn names_what_the_networks_disagree_about_and_what_became_of_it() {
        let sign = |x, y| within(x, y, 70..90, 70..80);
        let with_sign = |x, y| if sign(x, y) { 1.0 } else { square(x, y) };
        let box_of_sign = ([70, 89], [70, 79]);
        for (cut, verb) in [(matte(with_sign), "keeps"), (matte(square), "leaves out")] {
            let findings = regions(&survey(matte(with_sign), matte(square), cut), None, &none());
            let disagreement = (AttentionReason::NetworksDisagree, box_of_sign.0, box_of_sign.1);
            assert_eq!(found(&findings)[0], disagreement);
            assert!(findings[0].message.ends_with(&format!("which the cut {verb}.")), "{}", findings[0].message);
        }
        let mut settled = none();
        settled[75 * SIDE + 80] = true;
        assert_eq!(regions(&survey(matte(with_sign), matte(square), matte(square)), None, &settled), []);
    }

    #[test]
    fn names_dropped_and_second_objects_and_unsure_areas() {
        let second = |x, y| if within(x, y, 70..80, 20..60) { 1.0 } else { square(x, y) };
        let both = matte(second);
        let dropped = regions(&survey(both.clone(), both.clone(), matte(square)), Some(&both), &none());
        assert_eq!(found(&dropped), [(AttentionReason::DroppedObject, [70, 79], [20, 59])]);
        assert_eq!(dropped[0].message, "An object of 25 % of the subject's size was dropped.");
        let kept = regions(&survey(both.clone(), both.clone(), both.clone()), Some(&both), &none());
        assert_eq!(found(&kept), [(AttentionReason::SecondObject, [70, 79], [20, 59])]);
        let gray = matte(|x, y| if within(x, y, 60..80, 20..60) { 0.4 } else { square(x, y) });
        let unsure = regions(&survey(gray.clone(), gray.clone(), gray), None, &none());
        assert_eq!(found(&unsure), [(AttentionReason::UnsureArea, [60, 79], [20, 59])]);
        // Corners are rounded.
        assert!((dropped[0].severity - 0.25).abs() < 0.01 && (unsure[0].severity - 0.35).abs() < 0.01);
    }

    #[test]
    fn a_thin_rim_is_no_region() {
        let wider = matte(|x, y| if within(x, y, 20..61, 20..60) { 1.0 } else { 0.0 });
        assert_eq!(regions(&survey(wider, matte(square), matte(square)), None, &none()), []);
    }

    #[test]
    fn names_each_side_that_the_subject_touches() {
        let cut = matte(|x, y| if within(x, y, 40..100, 50..100) { 1.0 } else { 0.0 });
        let findings = contacts(&survey(cut.clone(), cut.clone(), cut), "frame");
        let expected =
            [(AttentionReason::TouchesFrame, [40, 99], [98, 99]), (AttentionReason::TouchesFrame, [98, 99], [50, 99])];
        assert_eq!(found(&findings), expected);
        assert_eq!(findings[0].message, "The subject touches the bottom of the frame along 60 % of that side.");
    }

    #[test]
    fn low_contrast_is_one_finding_a_stretch() {
        let plain = survey(matte(square), matte(square), matte(square));
        let all = low_contrast(&plain, &Outline::of(&plain));
        assert_eq!(found(&all), [(AttentionReason::LowContrast, [20, 59], [20, 59])]);
        assert_eq!(all[0].message, "Low contrast along 100 % of the outline.");
        let colors =
            (0..SIDE * SIDE).flat_map(|at| if square(at % SIDE, at / SIDE) > 0.5 { [200; 3] } else { [20; 3] });
        let clear = Survey { colors: colors.collect(), ..plain };
        assert_eq!(low_contrast(&clear, &Outline::of(&clear)), []);
    }
}
