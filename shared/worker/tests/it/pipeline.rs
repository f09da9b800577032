//! The pipeline of the child: it does what the source says.

use std::fs;
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::attention::{Attention, AttentionReason};
use cutline_core::domain::fidelity::PixelCheck;
use cutline_core::domain::subject::PixelBox;
use cutline_core::ports::{EncodedPicture, EvidenceUse, Pipeline, PipelineInput, PipelineOutput, Progress, Stage};
use cutline_core::{Confidence, FailureCode, Fault, Variation, Warnings};
use cutline_worker::{ChildArgs, child};

pub(crate) const VERSION: &str = "scripted";
/// The memory that a run says it needs, in bytes.
pub(crate) const NEEDED: u64 = 64 << 20;

/// A place to look at.
pub(crate) fn attention(reason: AttentionReason) -> Attention {
    Attention { reason, message: "look here".to_owned(), place: CROP_BOX }
}
/// The check of a picture that says it was checked.
pub(crate) const PIXEL_CHECK: PixelCheck = PixelCheck { pixels: 5, largest_difference: 6 };

/// The box of a picture that says it is cropped.
pub(crate) const CROP_BOX: PixelBox = PixelBox { left: 1, top: 2, width: 3, height: 4 };

struct ScriptedPipeline;

pub(crate) fn run_child() -> ExitCode {
    let arg = |index| std::env::args().nth(index).unwrap_or_default();
    let args = ChildArgs { models: arg(2).into(), threads: NonZeroUsize::MIN, log: "warn".to_owned() };
    child::run(&args, |args| match args.models.to_str() {
        Some("broken") => Err("cannot load model: broken"),
        _ => Ok(ScriptedPipeline),
    })
}

impl Pipeline for ScriptedPipeline {
    fn run(&self, input: &PipelineInput, progress: &Progress<'_>) -> Result<PipelineOutput, Fault> {
        progress(Stage::Background, 50);
        let script = String::from_utf8_lossy(&input.source[..input.source.len().min(100)]).into_owned();
        let (word, number) = script.split_once(' ').unwrap_or((&script, "0"));
        let number: u64 = number.trim().parse().unwrap_or_default();
        let answer = match word {
            "panic" => panic!("as requested"),
            "abort" => std::process::abort(),
            "fault" => return Err(Fault::fail(FailureCode::NoSubject, "nothing there")),
            "loop" => loop {
                std::hint::black_box(());
            },
            "sleep" => {
                thread::sleep(Duration::from_millis(number));
                Bytes::from_static(b"slept")
            }
            "allocate" => {
                Bytes::from((0..number).map(|index| vec![1_u8; 1 << 20][0] ^ index as u8).collect::<Vec<_>>())
            }
            "hoard" => Bytes::from(vec![1_u8; (number << 20) as usize]),
            "inputs" => {
                let backdrop = input.backdrop.clone().unwrap_or_default();
                let evidence = match &input.evidence {
                    EvidenceUse::Drop => Bytes::from_static(b"drop"),
                    EvidenceUse::Keep => Bytes::from_static(b"keep"),
                    EvidenceUse::Reuse(bytes) => bytes.clone(),
                };
                let mask = input.mask.clone().unwrap_or_default();
                let plate = input.plate.clone().unwrap_or_default();
                Bytes::from([backdrop, mask, plate, evidence].join(&b'|'))
            }
            "log" => {
                for line in 0..number {
                    tracing::warn!(line, "a line of the log");
                }
                println!("printed by a library");
                Bytes::from_static(b"logged")
            }
            "rights" => Bytes::from(rights().join("\n")),
            "threads" => {
                let threads: Vec<_> = (0..8).map(|at| thread::spawn(move || vec![at as u8; 1 << 20].len())).collect();
                let lengths: usize = threads.into_iter().map(|thread| thread.join().expect("ends")).sum();
                Bytes::from(lengths.to_string())
            }
            _ => input.source.clone(),
        };
        let format = input.file(Variation::Background).0.encoded().expect("a new file").into();
        Ok(PipelineOutput {
            pictures: vec![EncodedPicture {
                variation: Variation::Background,
                format,
                bytes: answer,
                width: 1,
                height: 1,
            }],
            final_picture: Variation::Background,
            assets: Vec::new(),
            confidence: Confidence::nearest(0.5),
            crop_box: (input.source == "cropped").then_some(CROP_BOX),
            attention: match input.source.as_ref() {
                b"doubts 2" | b"doubts 11" => vec![attention(AttentionReason::LowContrast); number as usize],
                b"empty" => vec![attention(AttentionReason::NoSubject)],
                _ => Vec::new(),
            },
            pixel_check: (input.source == "checked").then_some(PIXEL_CHECK),
            warnings: Warnings::new(),
            ignored: Vec::new(),
        })
    }

    fn memory_needed(&self, input: &PipelineInput) -> u64 {
        if input.source == "header" {
            loop {
                std::hint::black_box(());
            }
        }
        NEEDED
    }

    fn version(&self) -> &str {
        VERSION
    }
}

/// The rights that this process still has: its variables, and what succeeds that should not.
fn rights() -> Vec<String> {
    let mut rights: Vec<String> = std::env::vars().map(|(name, _)| format!("variable {name}")).collect();
    let mut attempt = |what: &str, is_possible: bool| {
        if is_possible {
            rights.push(what.to_owned());
        }
    };
    attempt("read a file", fs::read("/etc/hostname").is_ok());
    attempt("write a file", fs::write("/tmp/cutline-worker-test", "x").is_ok());
    attempt(
        "remove a file",
        fs::remove_file("/proc/self/none").is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound),
    );
    attempt("list a folder", fs::read_dir("/").is_ok());
    attempt("open a socket", UdpSocket::bind("127.0.0.1:0").is_ok());
    attempt("start a process", Command::new("/bin/true").status().is_ok());
    attempt("raise a limit", rlimit::setrlimit(rlimit::Resource::AS, u64::MAX, u64::MAX).is_ok());
    let parent = rustix::process::getppid();
    attempt("signal its parent", parent.is_some_and(|parent| rustix::process::test_kill_process(parent).is_ok()));
    rights
}
