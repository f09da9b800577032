use cutline_core::contract::samples;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Deliveries as _, Identities as _, Jobs as _, Queue as _};
use cutline_core::testing::{ManualClock, MemoryBlobs, MemoryUploads};
use cutline_core::usecases::{Env, Sweep, UploadStores};
use cutline_core::{Ids as _, Job, JobState, SystemIds};

use super::*;
use crate::files::LocalFiles;
use crate::identities::LocalIdentities;
use crate::jobs::LocalJobs;
use crate::purge::Purge;
use crate::queue::QueueSettings;
use crate::report_queue::LocalReportQueue;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A server's stores, with a clock that can be set.
struct World {
    clock: Arc<ManualClock>,
    started: Instant,
    jobs: LocalJobs,
    queues: Queues,
    database: Database,
    keeper: ClockKeeper,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open(&folder.path().join("test.db")).expect("a database");
        let clock = Arc::new(ManualClock::new());
        let queues = Queues::new(database.clone(), clock.clone(), QueueSettings::default());
        let keeper = ClockKeeper::new(database.clone(), queues.clone(), clock.clone(), Policy::default());
        let jobs = LocalJobs::new(database.clone());
        let started = keeper.watch.try_lock().expect("nobody looks at the clock").last.monotonic;
        Self { clock, started, jobs, queues, database, keeper, folder }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Accepts a job, as it is accepted at the clock's time.
    async fn accept(&self) -> Job {
        let (id, policy) = (SystemIds.job(), Policy::default());
        let job = Job::new(id, samples::owner(), samples::spec(), self.now(), &policy);
        self.jobs.create(&job).await.expect("create");
        self.queues.jobs.send(&Message { job_id: id }, samples::destination(), Duration::ZERO).await.expect("send");
        job
    }

    async fn job(&self, job: &Job) -> Job {
        self.jobs.get(job.id).await.expect("get").expect("is there")
    }

    async fn can_be_claimed(&self, job: &Job) -> bool {
        self.job(job).await.claim(SystemIds.lease(), self.now(), &Policy::default()).is_ok()
    }

    /// A worker claims the job.
    async fn claim(&self, job: &Job) -> Job {
        let next = self.job(job).await.claim(SystemIds.lease(), self.now(), &Policy::default()).expect("claims");
        self.jobs.replace(&next).await.expect("replace");
        next.job
    }

    async fn finish(&self, running: Job) -> Job {
        let JobState::Running { lease, .. } = running.state else { panic!("{running:?}") };
        let outcome = samples::outcome(running.id, lease.token);
        let done = running.finish(lease.token, outcome, self.now(), &Policy::default()).expect("finishes");
        self.jobs.replace(&done).await.expect("replace");
        done.job
    }

    async fn receive(&self) -> usize {
        self.queues.jobs.receive(10, Duration::ZERO).await.expect("receive").len()
    }

    async fn swept(&self) -> cutline_core::usecases::SweepReport {
        let env = Env { clock: self.clock.clone(), ..Env::system(Policy::default()) };
        let (jobs, queue) = (Arc::new(self.jobs.clone()), self.queues.jobs.clone());
        let quarantine = self.queues.quarantine.clone();
        let files = Arc::new(MemoryBlobs::new());
        let uploads = Arc::new(MemoryUploads::new(self.clock.clone(), files.clone()));
        let uploads = UploadStores { records: uploads.clone(), objects: uploads };
        let reports = Arc::new(LocalReportQueue::new(self.database.clone(), self.clock.clone()));
        Sweep { jobs, uploads, files, queue, reports, quarantine, env }.run().await.expect("a sweep")
    }

    async fn purged(&self) -> usize {
        let files = LocalFiles::open(&self.folder.path().join("files")).expect("the files");
        let purge = Purge::new(self.database.clone(), files, Policy::default().retention);
        purge.expired(self.now()).await.expect("a purge").jobs
    }

    /// Looks at the clock this long after the start.
    async fn settled(&self, after: Duration) -> Option<ClockJump> {
        self.keeper.settle_at(self.started + after).await.expect("a look")
    }
}

#[tokio::test]
async fn a_running_clock_and_small_steps_are_no_jump() {
    let world = World::new();
    let job = world.accept().await;
    world.clock.advance(DAY);
    assert_eq!(world.settled(DAY).await, None);
    world.clock.advance(MINUTE + Duration::from_secs(30));
    assert_eq!(world.settled(DAY + MINUTE).await, None);
    assert_eq!(world.job(&job).await, job);
}

#[tokio::test]
async fn nothing_waits_after_the_clock_was_set_back() {
    for by in [3 * 60 * MINUTE, 50 * YEAR] {
        let world = World::new();
        let right = world.now();
        world.clock.advance(by);
        let (queued, running, deferred) = (world.accept().await, world.accept().await, world.accept().await);
        let running = world.claim(&running).await;
        let received = world.queues.jobs.receive(3, Duration::ZERO).await.expect("receive");
        world.queues.jobs.defer(&received[0].receipt, Duration::from_secs(30)).await.expect("defer");
        assert_eq!(world.settled(Duration::ZERO).await, Some(ClockJump::Ahead(by)));

        world.clock.set(right);
        assert_eq!(world.settled(Duration::ZERO).await, Some(ClockJump::Back(by)));
        assert_eq!(world.settled(Duration::ZERO).await, None, "noticed once");
        for job in [&queued, &deferred] {
            assert!(world.can_be_claimed(job).await, "{by:?}");
        }
        let JobState::Running { lease, .. } = world.job(&running).await.state else { panic!("it runs") };
        assert_eq!(lease.until, right + Policy::default().lease);
        assert_eq!(world.receive().await, 1, "the deferred message is visible at once");
        world.clock.advance(15 * MINUTE);
        assert_eq!(world.receive().await, 3, "those in flight are visible within 15 minutes");
    }
}

#[tokio::test]
async fn a_start_repairs_what_was_stored_while_the_clock_was_wrong() {
    let world = World::new();
    let right = world.now();
    world.clock.advance(YEAR);
    let queued = world.accept().await;
    let done = world.accept().await;
    let done = world.claim(&done).await;
    let done = world.finish(done).await;
    world.receive().await;
    world.clock.set(right);
    assert_eq!(world.keeper.repair_at_start().await.expect("repaired"), 4, "two jobs and two messages");
    assert_eq!(world.job(&done).await.expires_at, Some(right + Policy::default().retention));
    assert!(world.can_be_claimed(&queued).await);
    assert_eq!(world.keeper.repair_at_start().await.expect("nothing to do"), 0);

    // What the rules allow stays, even if the retention was shortened since.
    let policy = Policy::with_retention_days(1);
    let keeper = ClockKeeper::new(world.database.clone(), world.queues.clone(), world.clock.clone(), policy);
    assert_eq!(keeper.repair_at_start().await.expect("nothing to do"), 0);
}

#[tokio::test]
async fn a_repair_that_fails_at_the_start_is_made_later() {
    let world = World::new();
    let right = world.now();
    world.clock.advance(YEAR);
    let queued = world.accept().await;
    world.clock.set(right);
    let other = rusqlite::Connection::open(world.folder.path().join("test.db")).expect("opens");
    let fail = "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    other.execute_batch(fail).expect("is added");
    world.keeper.repair_at_start().await.expect_err("nothing can be written");
    world.keeper.settle_at(world.started).await.expect_err("it is tried again");
    assert_eq!(world.job(&queued).await, queued);
    other.execute_batch("DROP TRIGGER full").expect("is removed");
    assert_eq!(world.settled(Duration::ZERO).await, None, "the clock itself did not jump since");
    assert!(world.can_be_claimed(&queued).await);
    assert_ne!(world.job(&queued).await, queued);
}

#[tokio::test]
async fn a_jump_of_years_ahead_and_back_fails_and_removes_nothing() {
    let world = World::new();
    let right = world.now();
    let (queued, done) = (world.accept().await, world.accept().await);
    let done = world.claim(&done).await;
    let done = world.finish(done).await;
    let running = world.accept().await;
    let running = world.claim(&running).await;
    let origin = samples::dropped_job(&samples::owner(), false).drop.expect("a drop");
    let dropped = Job::new(SystemIds.job(), samples::owner(), samples::spec(), right, &Policy::default());
    let dropped = dropped.for_drop(origin);
    let identity = samples::identity(&dropped);
    let identities = LocalIdentities::new(world.database.clone());
    identities.create_job(&dropped, &identity).await.expect("create");

    world.clock.advance(50 * YEAR);
    // Accepted before the jump is noticed.
    let late = world.accept().await;
    assert_eq!(world.settled(Duration::ZERO).await, Some(ClockJump::Ahead(50 * YEAR)));
    let report = world.swept().await;
    assert_eq!((report.failed, report.requeued), (0, 0), "{report:?}");
    assert_eq!(world.purged().await, 0);
    assert!(identities.find(&identity.key, world.now()).await.expect("find").is_some());
    for job in [&queued, &late] {
        assert!(world.can_be_claimed(job).await);
    }

    world.clock.set(right + MINUTE);
    assert_eq!(world.settled(MINUTE).await, Some(ClockJump::Back(50 * YEAR)));
    let forgotten = world.now() + DAY * 36;
    assert_eq!(identities.find(&identity.key, forgotten).await.expect("find"), None, "after its lifetime");
    let report = world.swept().await;
    assert_eq!((report.failed, report.requeued), (0, 0), "{report:?}");
    assert_eq!(world.purged().await, 0);
    let JobState::Running { lease, .. } = running.state else { panic!("{running:?}") };
    let stored = world.job(&running).await;
    assert!(stored.renew(lease.token, world.now(), &Policy::default()).is_ok(), "its worker still holds it");
    assert!(world.job(&done).await.expires_at.is_some_and(|at| at <= right + MINUTE + Policy::default().retention));
    assert!(world.can_be_claimed(&queued).await);

    // From here on, time passes as usual.
    world.clock.advance(5 * DAY);
    assert_eq!(world.settled(MINUTE + 5 * DAY).await, None);
    assert!(world.swept().await.failed >= 2, "queued for four days");
    world.clock.advance(3 * DAY);
    assert_eq!(world.settled(MINUTE + 8 * DAY).await, None);
    assert_eq!(world.purged().await, 1);
}
