//! The command line of a child.

use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Stdio;

/// The subcommand that turns a program into an image worker.
pub const SUBCOMMAND: &str = "image-worker";

/// The arguments of an image worker. Its environment is empty.
#[derive(Debug, Clone, clap::Args)]
pub struct ChildArgs {
    /// Folder of the models.
    #[arg(long)]
    pub models: PathBuf,
    /// Threads of the pipeline.
    #[arg(long)]
    pub threads: NonZeroUsize,
    /// Filter of the log.
    #[arg(long = "worker-log", default_value = "warn")]
    pub log: String,
}

impl ChildArgs {
    /// The arguments of this process, if it was started as an image worker. Invalid ones end the process.
    pub fn of_this_process() -> Option<Self> {
        let mut args = std::env::args_os().skip(1).peekable();
        (args.peek()? == SUBCOMMAND).then(|| <ChildProgram as clap::Parser>::parse_from(args).args)
    }
}

/// A program that is nothing but an image worker.
#[derive(Debug, clap::Parser)]
struct ChildProgram {
    #[command(flatten)]
    args: ChildArgs,
}

/// How to start a child.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    program: PathBuf,
    args: Vec<OsString>,
}

impl WorkerCommand {
    /// This program again, as an image worker.
    ///
    /// # Errors
    /// If the models' folder has no absolute path, or the program cannot be found.
    pub fn this_program(args: &ChildArgs) -> io::Result<Self> {
        let models = std::path::absolute(&args.models)?;
        let threads = args.threads.to_string();
        let args: [&OsStr; 7] = [
            SUBCOMMAND.as_ref(),
            "--models".as_ref(),
            models.as_ref(),
            "--threads".as_ref(),
            threads.as_ref(),
            "--worker-log".as_ref(),
            args.log.as_ref(),
        ];
        Ok(Self::new(this_program()?, args))
    }

    /// A program with these arguments.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { program: program.into(), args: args.into_iter().map(Into::into).collect() }
    }

    /// The command: pipes for its input, output and log, no environment, and a process group of its own, so that Ctrl-C
    /// reaches the parent alone.
    pub(crate) fn build(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0).arg0("cutline");
        command
    }
}

/// The file of this program. The name in `/proc` keeps its meaning when the file is replaced by an upgrade.
fn this_program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
