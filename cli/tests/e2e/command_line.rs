//! Commands of the program, on a data folder.

use std::process::Output;

use crate::server::{Data, cutline};

#[track_caller]
pub(crate) fn run(data: &Data, arguments: &[&str]) -> Output {
    cutline(&data.path()).args(arguments).output().expect("the program runs")
}

/// The output of a command that succeeds.
#[track_caller]
pub(crate) fn stdout_of(data: &Data, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The output of a command that succeeds and prints nothing on standard error.
#[track_caller]
pub(crate) fn only_stdout_of(data: &Data, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The error of a command that fails with exit code 1 and prints nothing else.
#[track_caller]
pub(crate) fn error_of(data: &Data, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}
