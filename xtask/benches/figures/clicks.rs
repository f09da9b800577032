//! How much a person has to do: clicks on the largest wrong region until a cut is right, on an external [set] of photographs
//! with known masks.
//!
//! A robot clicks in the middle of the largest wrong region, at most ten times. It counts the clicks to an IoU of 0.90 and
//! of 0.95; a photograph that is not right by then counts as ten. Pixels within two of the true outline do not count.

mod case;
mod grabcut;
mod robot;
mod rules;

use anyhow::Result;
use cutline_imaging::Matting;

use crate::Setup;
use crate::report::{Report, Target};
use crate::set;
use case::Case;
use robot::{Robot, Session};
use rules::{GOALS, MAX_CLICKS};

/// By how much the IoU may fall after a click that counts as harmless: the outline of a whole photograph moves by less than
/// a pixel.
const HARMLESS: f64 = 0.0005;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("clicks: what a person has to do");
    let Some(folder) = &setup.eval else {
        report.tell("clicks", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    let threads = std::thread::available_parallelism()?;
    let matting = Matting::load(&setup.models, threads)?;
    let rows = set::rows(folder)?;
    let mut cases = Vec::new();
    for row in rows.iter().filter(|row| !row.is_alpha) {
        cases.push(Case::read(folder, row, &matting)?);
    }
    report.tell("clicks, photographs", cases.len().to_string());
    let mut alone = Vec::new();
    for (robot, target) in [(Robot::Alone, Some(3.5)), (Robot::Scale, Some(2.5)), (Robot::Perfect, None)] {
        let sessions = cases.iter().map(|case| robot.click(case)).collect::<Result<Vec<_>>>()?;
        tell(report, robot.name(), target, &sessions);
        if robot == Robot::Alone {
            alone = sessions;
        }
    }
    for (case, session) in cases.iter().zip(&alone) {
        println!("      {}: {:?}", case.name, session.ious);
    }
    let clicked: Vec<_> = alone.iter().filter(|session| session.ious.len() > 1).collect();
    let better = clicked.iter().filter(|session| session.ious[1] >= session.ious[0] - HARMLESS).count();
    let share = 100.0 * better as f64 / clicked.len().max(1) as f64;
    report.judge("clicks: photographs that the first click makes no worse", share, "%", 1, Target::AtLeast(95.0));
    match &setup.clicks_python {
        Some(python) => tell(report, "by GrabCut with sure seeds", None, &grabcut::sessions(python, &cases)?),
        None => report.tell("clicks, by GrabCut with sure seeds", "not measured: no Python with OpenCV"),
    }
    Ok(())
}

fn tell(report: &mut Report, name: &str, target: Option<f64>, sessions: &[Session]) {
    for goal in GOALS {
        let clicks: usize = sessions.iter().map(|session| session.clicks_to(goal)).sum();
        let mean = clicks as f64 / sessions.len() as f64;
        let what = format!("clicks to an IoU of {goal:.2}, {name}");
        match target.filter(|_| goal == GOALS[0]) {
            Some(target) => report.judge(what, mean, "", 2, Target::AtMost(target)),
            None => report.tell(what, format!("{mean:.2}")),
        }
    }
}

/// The IoU that a session begins with counts as no click.
impl Session {
    fn clicks_to(&self, goal: f64) -> usize {
        self.ious.iter().position(|iou| *iou >= goal).unwrap_or(MAX_CLICKS)
    }
}
