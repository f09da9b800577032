//! The parts of a run that all its threads share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::disk::Disk;
use crate::fault::FaultLog;
use crate::hosts::Host;
use crate::http::Request;
use crate::invariants::Violations;
use crate::ledger::Ledger;
use crate::pictures::Catalog;
use crate::receiver::Receiver;
use crate::server::{Server, Settings};

/// The parameter set of the run, and the size of its canvas.
pub(crate) const SET: &str = "chaos";
pub(crate) const CANVAS: (u32, u32) = (300, 200);

/// An owner with limited credits.
pub(crate) struct Owner {
    pub(crate) name: &'static str,
    pub(crate) key: String,
    pub(crate) granted: u64,
}

/// A run.
pub(crate) struct World {
    // Before the disk: it must end before the disk is unmounted.
    pub(crate) server: Server,
    pub(crate) disk: Disk,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) host: Host,
    /// Gets the webhooks of the first owner.
    pub(crate) receiver: Receiver,
    pub(crate) ledger: Ledger,
    pub(crate) faults: FaultLog,
    pub(crate) violations: Violations,
    /// An owner with more credits than it can spend, and one that soon has none.
    pub(crate) owners: [Owner; 2],
    /// When clients and faults stop.
    pub(crate) deadline: Instant,
    /// When a job that has not ended counts as lost.
    pub(crate) give_up: Instant,
    /// Whether every possible kind of fault had its turn, which may take longer on a slow machine.
    pub(crate) had_every_fault: AtomicBool,
    /// The clients that still wait for a job.
    clients: AtomicUsize,
    /// The most memory that the server and its workers had, in bytes.
    pub(crate) peak_memory: AtomicU64,
    /// The image workers that were seen at once, at most.
    pub(crate) image_workers: AtomicUsize,
}

impl World {
    /// Starts a server on an empty disk in `folder`, with two owners and a parameter set.
    pub(crate) fn create(folder: &Path, models: &Path, duration: Duration, patience: Duration) -> Result<Self> {
        let catalog = Arc::new(Catalog::load()?);
        let disk = Disk::create(&folder.join("disk"))?;
        let server = Server::new(Settings {
            data: disk.path().join("data"),
            watched: disk.path().join("watched"),
            models: models.to_owned(),
            log: folder.join("server.log"),
        })?;
        server.start()?;
        let owner = |name, granted| anyhow::Ok(Owner { name, granted, key: server.create_key(name, granted)? });
        let owners = [owner("rich", 1_000_000)?, owner("poor", 2)?];
        for Owner { key, .. } in &owners {
            put_set(&server, key)?;
        }
        let receiver = Receiver::start()?;
        server.set_webhook(owners[0].name, &receiver.url)?;
        let deadline = Instant::now() + duration;
        Ok(Self {
            host: Host::start(Arc::clone(&catalog))?,
            receiver,
            server,
            disk,
            catalog,
            owners,
            deadline,
            give_up: deadline + patience,
            ledger: Ledger::default(),
            faults: FaultLog::default(),
            violations: Violations::default(),
            had_every_fault: AtomicBool::new(false),
            clients: AtomicUsize::new(0),
            peak_memory: AtomicU64::new(0),
            image_workers: AtomicUsize::new(0),
        })
    }

    /// The time until clients and faults stop, if every fault had its turn by then.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.time_left().is_zero() && self.had_every_fault.load(Ordering::Relaxed)
    }

    /// Counts a client for as long as it runs.
    pub(crate) fn as_client(&self, client: impl FnOnce()) {
        self.clients.fetch_add(1, Ordering::SeqCst);
        client();
        self.clients.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn has_clients(&self) -> bool {
        self.clients.load(Ordering::SeqCst) > 0
    }
}

/// The variations of the run's set: one on the canvas, one of the source's size.
fn put_set(server: &Server, key: &str) -> Result<()> {
    let (width, height) = CANVAS;
    let set: Value = json!({
        "canvas": {"width": width, "height": height}, "background": "#ff0000", "margin": "10%",
        "variations": ["compose", "background"],
    });
    let response = Request::new("PUT", server.url(&format!("/api/v1/params/{SET}"))).key(key).json(&set).send();
    ensure!(response.status == 201, "cannot store a parameter set: {}", response.json());
    Ok(())
}
