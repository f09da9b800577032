//! Children that speak the protocol, but not honestly: as if their code had been taken over.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use cutline_core::FailureCode;

pub(crate) const SUBCOMMAND: &str = "hostile";

const READY: u8 = 16;
const NEEDS: u8 = 18;
const ALIVE: u8 = 20;
const DONE: u8 = 21;

/// The behavior of each child, and the code of its picture.
pub(crate) const KINDS: [(&str, FailureCode); 8] = [
    ("asks for all memory", FailureCode::WorkerCrashed),
    ("announces an enormous body", FailureCode::WorkerCrashed),
    ("announces a long head", FailureCode::WorkerCrashed),
    ("makes no picture", FailureCode::WorkerCrashed),
    ("answers before the start", FailureCode::WorkerCrashed),
    ("sends noise", FailureCode::WorkerCrashed),
    ("is alive and nothing else", FailureCode::TooSlow),
    ("ends", FailureCode::WorkerCrashed),
];

fn send(kind: u8, head: &str, body: u64) {
    let mut frame = vec![kind];
    frame.extend((head.len() as u32).to_le_bytes());
    frame.extend(body.to_le_bytes());
    frame.extend(head.as_bytes());
    let mut output = std::io::stdout();
    // An error means that the parent has enough.
    if output.write_all(&frame).and_then(|()| output.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Waits for a part of the parent's next frame.
fn receive() {
    let mut bytes = [0; 4096];
    if std::io::stdin().read(&mut bytes).unwrap_or(0) == 0 {
        std::process::exit(0);
    }
}

pub(crate) fn run_child() -> ExitCode {
    let kind = std::env::args().nth(2).unwrap_or_default();
    send(READY, r#"{"version":"hostile","unconfined":null}"#, 0);
    receive();
    let done =
        r#"{"pictures":[],"assets":[],"final_picture":"background","confidence":1.0,"warnings":{},"ignored":[]}"#;
    let needs = || {
        send(NEEDS, r#"{"bytes":1000000}"#, 0);
        receive();
    };
    match kind.as_str() {
        "asks for all memory" => send(NEEDS, r#"{"bytes":70368744177664}"#, 0),
        "announces an enormous body" => {
            needs();
            send(DONE, done, 1 << 45);
        }
        "announces a long head" => {
            needs();
            let mut output = std::io::stdout();
            let frame = [&[DONE][..], &u32::MAX.to_le_bytes(), &0_u64.to_le_bytes()].concat();
            drop(output.write_all(&frame).and_then(|()| output.flush()));
        }
        "makes no picture" => {
            needs();
            send(DONE, done, 0);
        }
        "answers before the start" => send(DONE, done, 0),
        "sends noise" => {
            let mut output = std::io::stdout();
            drop(output.write_all(&[0xA5; 4096]).and_then(|()| output.flush()));
        }
        "is alive and nothing else" => loop {
            send(ALIVE, "null", 0);
            sleep(Duration::from_millis(200));
        },
        _ => return ExitCode::SUCCESS,
    }
    sleep(Duration::from_secs(600));
    ExitCode::SUCCESS
}
