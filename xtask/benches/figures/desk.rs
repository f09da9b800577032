//! The web pages in a browser: how long a person waits for a cut, and what a robot has to do to put doubtful cuts right on the
//! review page. `desk/tests/figures.js` measures.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::Setup;
use crate::report::{Report, Target, quantile};

/// What the script prints.
#[derive(Debug, Deserialize)]
struct Measured {
    /// From the drop of a photograph of 2 megapixels to its cut on the stage, in milliseconds.
    drop: Vec<f64>,
    /// What became of the most doubtful photographs whose cut was wrong. `None` without a set.
    sessions: Option<Vec<Session>>,
}

#[derive(Debug, Deserialize)]
struct Session {
    name: String,
    confidence: f64,
    /// Before the first click, and after each.
    ious: Vec<f64>,
    /// 10 if the cut was not right by then.
    clicks: u32,
    seconds: f64,
}

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("desk: the pages in a browser");
    let measured = measure(setup)?;
    let mut drop = measured.drop;
    drop.sort_by(f64::total_cmp);
    let median = quantile(&drop, 0.5).context("nothing was dropped")?;
    report.judge("desk: drop to cut, 2 MP, median", median / 1000.0, "s", 2, Target::AtMost(1.2));
    report.tell("desk: drop to cut, 2 MP, slowest", format!("{:.2} s", drop.last().unwrap_or(&median) / 1000.0));
    let Some(sessions) = measured.sessions else {
        report.tell("desk: actions to put a cut right", "not measured: no set; use --eval or CUTLINE_EVAL");
        return Ok(());
    };
    ensure!(!sessions.is_empty(), "the robot had nothing to do");
    for Session { name, confidence, ious, .. } in &sessions {
        println!("      {name}, confidence {confidence:.2}: {ious:.3?}");
    }
    let count = sessions.len() as f64;
    let clicks = sessions.iter().map(|session| f64::from(session.clicks)).sum::<f64>() / count;
    report.judge(format!("desk: clicks to put a cut right, {count} photos"), clicks, "", 1, Target::AtMost(4.0));
    // Correct and approve are a key each.
    report.tell("desk: the same with all keys", format!("{:.1}", clicks + 2.0));
    let mut seconds: Vec<_> = sessions.iter().map(|session| session.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    report
        .tell("desk: time to put a cut right, median", format!("{:.1} s", quantile(&seconds, 0.5).unwrap_or_default()));
    Ok(())
}

fn measure(setup: &Setup) -> Result<Measured> {
    let node = setup.node.as_ref().context("no Node.js; run `cargo xtask bench desk`")?;
    let mut command = Command::new(node);
    command.arg("desk/tests/figures.js").current_dir(cutline_deployment::root());
    // What the script needs besides comes from `cargo xtask bench`.
    command.env("CUTLINE_TEST_PROGRAM", setup.program_path("cutline")).env("CUTLINE_MODELS_DIR", &setup.models);
    match &setup.eval {
        Some(eval) => command.env("CUTLINE_EVAL", eval),
        None => command.env_remove("CUTLINE_EVAL"),
    };
    let output = command.stderr(Stdio::inherit()).output().context("cannot run Node.js")?;
    ensure!(output.status.success(), "desk/tests/figures.js failed");
    serde_json::from_slice(&output.stdout).context("cannot read the answer of desk/tests/figures.js")
}
