//! The child's log: it goes to standard error, and the parent logs it again as its own.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;
use tracing::Span;
use tracing_subscriber::EnvFilter;

/// The longest line that is logged, in bytes. The rest is the next line.
const MAX_LINE: u64 = 8192;
/// The most that a child may log for one picture, in bytes. The rest is dropped.
const MAX_LOGGED: u64 = 256 << 10;
/// How long to wait for the last lines of a dead child. Another process may hold the pipe open.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Logs the events that pass `filter`, one a line: the level, then the rest. The parent adds the time.
pub(crate) fn start_in_child(filter: &str) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .without_time()
        .with_ansi(false)
        .with_writer(io::stderr)
        .finish();
    // Fails only if a logger is set already, by a test for example.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The log of a child.
pub(crate) struct ChildLog {
    state: Arc<LogState>,
    task: JoinHandle<()>,
}

struct LogState {
    pid: u32,
    /// Whether the child reported a failed allocation.
    is_out_of_memory: AtomicBool,
    /// The span of the current job.
    span: Mutex<Span>,
    /// The bytes logged for it.
    logged: AtomicU64,
}

impl ChildLog {
    /// Logs what a child writes.
    pub(crate) fn forward(pid: u32, stderr: ChildStderr) -> Self {
        let (is_out_of_memory, span) = (AtomicBool::new(false), Mutex::new(Span::none()));
        let state = Arc::new(LogState { pid, is_out_of_memory, span, logged: AtomicU64::new(0) });
        let task = tokio::spawn(forward(Arc::clone(&state), stderr));
        Self { state, task }
    }

    /// Attributes the following lines to this span, and forgets the previous job.
    pub(crate) fn set_span(&self, span: Span) {
        self.state.is_out_of_memory.store(false, Ordering::Relaxed);
        self.state.logged.store(0, Ordering::Relaxed);
        *self.state.span.lock().unwrap_or_else(PoisonError::into_inner) = span;
    }

    /// Logs the last lines of a dead child, and returns whether it ended because an allocation failed.
    pub(crate) async fn ends_out_of_memory(&mut self) -> bool {
        if tokio::time::timeout(LAST_LINES, &mut self.task).await.is_err() {
            tracing::debug!(worker = self.state.pid, "the log of a dead image worker is still open");
        }
        self.state.is_out_of_memory.load(Ordering::Relaxed)
    }
}

async fn forward(state: Arc<LogState>, stderr: ChildStderr) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut stderr).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => state.log(&String::from_utf8_lossy(&line)),
        }
    }
}

impl LogState {
    fn log(&self, line: &str) {
        let line: String = line.trim().chars().filter(|character| !character.is_control()).collect();
        if line.is_empty() {
            return;
        }
        // The words of the standard library, before it aborts.
        if line.starts_with("memory allocation of") {
            self.is_out_of_memory.store(true, Ordering::Relaxed);
        }
        let logged = self.logged.fetch_add(line.len() as u64, Ordering::Relaxed);
        if logged > MAX_LOGGED {
            return;
        }
        if logged + line.len() as u64 > MAX_LOGGED {
            tracing::warn!(worker = self.pid, bytes = logged, "image worker logs too much; the rest is dropped");
            return;
        }
        let (level, rest) = line.split_once(' ').unwrap_or_default();
        let rest = rest.trim_start();
        let worker = self.pid;
        self.span.lock().unwrap_or_else(PoisonError::into_inner).in_scope(|| match level {
            "ERROR" => tracing::error!(worker, "{rest}"),
            "WARN" => tracing::warn!(worker, "{rest}"),
            "INFO" => tracing::info!(worker, "{rest}"),
            "DEBUG" => tracing::debug!(worker, "{rest}"),
            "TRACE" => tracing::trace!(worker, "{rest}"),
            _ => tracing::warn!(worker, "{line}"),
        });
    }
}
