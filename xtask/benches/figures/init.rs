//! The start-up times of the functions, from the start of the process to its first request for an event, with and without
//! their files in the page cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cutline_deployment::{Function, sample};
use serde_json::{Value, json};

use crate::Setup;
use crate::deployment::{Deployment, init_duration};
use crate::report::{Report, Target, quantile};

/// The number of measured starts. The median is reported.
const WARM: usize = 9;
const COLD: usize = 5;

struct Start {
    name: &'static str,
    function: Function,
    /// In milliseconds, with a warm page cache.
    target: Option<f64>,
    /// Any event that the function answers: the emulator starts it at the first one.
    event: Value,
    /// The files that it reads at start.
    files: Vec<PathBuf>,
}

pub(crate) async fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.begin("init: start-up times of the functions");
    println!(
        "Under AWS's Lambda emulator with all of this machine's processors, by the emulator's own figure: from the start of\n\
         the process to its first request for an event. Warm: the median of {WARM} starts. Cold: of {COLD}, each after dropping\n\
         the program and the models from this system's page cache (a hypervisor's may still hold them)."
    );
    let deployment = Deployment::start(setup).await?;
    let binary = |name: &str| setup.program_path(name);
    let no_records = || json!({ "Records": [] });
    let mut process_files = vec![binary("cutline-process")];
    for entry in std::fs::read_dir(&setup.models).context("cannot list the models")? {
        process_files.push(entry?.path());
    }
    let starts = [
        Start {
            name: "upload",
            function: Function::Upload,
            target: Some(50.0),
            event: sample("upload-invalid.json")?,
            files: vec![binary("cutline-upload")],
        },
        Start {
            name: "status",
            function: Function::Status,
            target: Some(50.0),
            event: sample("status-no-id.json")?,
            files: vec![binary("cutline-status")],
        },
        Start {
            name: "intake",
            function: Function::Intake,
            target: Some(50.0),
            event: no_records(),
            files: vec![binary("cutline-intake")],
        },
        Start {
            name: "sweep",
            function: Function::Sweep,
            target: None,
            event: no_records(),
            files: vec![binary("cutline-sweep")],
        },
        Start {
            name: "process, with both models",
            function: Function::Process,
            target: Some(2500.0),
            event: no_records(),
            files: process_files,
        },
    ];
    for function in &starts {
        let name = function.name;
        start(&deployment, function).await.with_context(|| format!("starting {name}"))?;
        let warm = median(&deployment, function, WARM, || Ok(())).await?;
        match function.target {
            Some(target) => report.judge(format!("init, {name}, warm"), warm, "ms", 0, Target::Under(target)),
            None => report.tell(format!("init, {name}, warm"), format!("{warm:.0} ms")),
        }
        let measured = match median(&deployment, function, COLD, || drop_from_cache(&function.files)).await {
            Ok(cold) => format!("{cold:.0} ms"),
            Err(error) => format!("not measured: {error:#}"),
        };
        report.tell(format!("init, {name}, cold"), measured);
    }
    Ok(())
}

/// The median of `starts` starts, in milliseconds.
async fn median(
    deployment: &Deployment,
    function: &Start,
    starts: usize,
    before: impl Fn() -> Result<()>,
) -> Result<f64> {
    let mut times = Vec::with_capacity(starts);
    for _ in 0..starts {
        before()?;
        times.push(start(deployment, function).await?);
    }
    times.sort_unstable();
    let median = quantile(&times, 0.5).context("no starts")?;
    Ok(median.as_secs_f64() * 1000.0)
}

async fn start(deployment: &Deployment, function: &Start) -> Result<Duration> {
    let running = deployment.function(function.function)?;
    running.invoke(&function.event).await?;
    init_duration(&running.log())
}

/// Drops files from the page cache, which needs no privilege, and checks that they are gone.
fn drop_from_cache(files: &[PathBuf]) -> Result<()> {
    for file in files {
        // Dirty pages would not be dropped.
        std::fs::File::open(file).and_then(|file| file.sync_all()).context("cannot write a file back")?;
        let mut input = std::ffi::OsString::from("if=");
        input.push(file);
        let status = Command::new("dd").arg(input).args(["iflag=nocache", "count=0", "status=none"]).status();
        ensure!(status.context("cannot run dd")?.success(), "dd cannot drop {}", file.display());
        ensure!(cached_pages(file)? == 0, "{} stays in the page cache", file.display());
    }
    Ok(())
}

fn cached_pages(file: &Path) -> Result<u64> {
    let output = Command::new("fincore").args(["--noheadings", "--output", "PAGES"]).arg(file).output();
    let output = output.context("cannot run fincore")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("unexpected output of fincore: {text:?}"))
}
