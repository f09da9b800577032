//! Watching a folder for drops.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use cutline_core::contract::{self, DropSite, samples};
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, Sequencer};
use cutline_core::domain::identity::{IdentifiedJob, Identity, IdentityKey, IdentityKind};
use cutline_core::domain::job::ReportStatus;
use cutline_core::domain::keys::Owner;
use cutline_core::ports::{CreateError, DropFiles as _, DropLook, Identities, Jobs as _, PortError};
use cutline_core::testing::MemorySets;
use cutline_core::usecases::{DropIngest, Env, ParamSetLibrary, Sweep, UploadStores};
use cutline_core::{Job, JobState, Policy, StorageKey};
use cutline_local::{DropFolder, DropWatcher, LocalIdentities, LocalReportQueue, OpenError};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use crate::world::World;

const PICTURE: &[u8] = b"\xFF\xD8\xFF a red shoe";
/// How often to look for something that should happen, with pauses of 50 ms: for two minutes.
const LOOKS: usize = 2_400;

/// A watched folder. Its drops become jobs that nobody works on.
struct Folder {
    world: World,
    root: PathBuf,
}

impl Folder {
    async fn new() -> Self {
        let world = World::new();
        let shop = Owner::unlimited("shop".parse().expect("a name"));
        samples::put_owner(&world.keys(), &shop).await;
        let root = world.path().join("watched");
        fs::create_dir_all(root.join("drops/shop/ebay")).expect("folders");
        Self { world, root }
    }

    /// Opens the folder once the previous server has released it.
    async fn open(&self) -> DropFolder {
        for _ in 0..LOOKS {
            match DropFolder::open(&self.root, self.world.files()) {
                Err(OpenError::InUse(_)) => seconds(0.05).await,
                opened => return opened.expect("the folder"),
            }
        }
        panic!("the folder is still in use");
    }

    fn ingest(&self, folder: &DropFolder) -> DropIngest {
        let env = Env::system(Policy::default());
        DropIngest {
            storage_cap: None,
            identities: Arc::new(self.world.identities()),
            files: Arc::new(folder.clone()),
            jobs: Arc::new(self.world.jobs()),
            blobs: Arc::new(self.world.files()),
            queue: self.world.queues(Default::default()).jobs,
            keys: Arc::new(self.world.keys()),
            sets: ParamSetLibrary { store: Arc::new(MemorySets::new()), env: env.clone() },
            audit: Arc::new(self.world.audit()),
            env,
        }
    }

    /// Starts a watcher that runs until it is aborted.
    async fn watched(&self) -> JoinHandle<()> {
        let folder = self.open().await;
        let ingest = self.ingest(&folder);
        tokio::spawn(DropWatcher::new(folder, ingest, self.world.identities()).run())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join("drops/shop/ebay").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, bytes).expect("a file");
    }

    async fn jobs(&self) -> Vec<Job> {
        let jobs = self.world.jobs();
        let mut found = Vec::new();
        for id in jobs.due(jiff::Timestamp::MAX, 1000).await.expect("due") {
            found.push(jobs.get(id).await.expect("get").expect("is there"));
        }
        found
    }

    /// Waits for `count` jobs and returns the names of their files.
    async fn wait_for_jobs(&self, count: usize) -> BTreeSet<String> {
        for _ in 0..LOOKS {
            if self.jobs().await.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let jobs = self.jobs().await;
        let name = |job: Job| job.drop.expect("was dropped").path.to_string();
        let names: Vec<_> = jobs.into_iter().map(name).collect();
        assert_eq!(names.len(), count, "{names:?}");
        names.iter().map(|name| name.trim_start_matches("drops/shop/ebay/").to_owned()).collect()
    }
}

#[test]
fn a_watched_folder_has_one_server_at_a_time() {
    let world = World::new();
    let root = world.path().join("watched");
    let folder = DropFolder::open(&root, world.files()).expect("the folder");
    let half = root.join("results/.tmp/half");
    fs::write(&half, b"half of a pict").expect("a file");
    let error = DropFolder::open(&root, world.files()).expect_err("a second server");
    assert!(matches!(&error, OpenError::InUse(path) if path == folder.path()), "{error}");
    assert!(error.to_string().contains("another cutline server"), "{error}");
    assert!(half.exists(), "the first server may be writing it");
    let kept = folder.clone();
    drop(folder);
    DropFolder::open(&root, world.files()).expect_err("a clone still holds the lock");
    drop(kept);
    drop(DropFolder::open(&root, world.files()).expect("the folder is free again"));
    assert!(!half.exists());

    // A lock file that is a symbolic link is refused.
    let (lock, outside) = (root.join("results/.lock"), world.path().join("outside"));
    fs::write(&outside, b"a text").expect("a file");
    fs::remove_file(&lock).expect("is removed");
    std::os::unix::fs::symlink(&outside, &lock).expect("a link");
    let error = DropFolder::open(&root, world.files()).expect_err("a link").to_string();
    assert!(error.contains("results/.lock"), "{error}");
    assert_eq!(fs::read(&outside).expect("the file"), b"a text");
}

async fn seconds(seconds: f32) {
    tokio::time::sleep(Duration::from_secs_f32(seconds)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_files_at_start_and_as_they_arrive() {
    let folder = Folder::new().await;
    folder.write("before.jpg", PICTURE);
    folder.write("Schuhe/größe 42/rot 1.jpg", PICTURE);
    let server = folder.watched().await;
    folder.wait_for_jobs(2).await;
    folder.write("after.jpg", PICTURE);
    folder.write("new folder/in it.jpg", PICTURE);
    fs::create_dir_all(folder.root.join("aside/deep")).expect("folders");
    fs::write(folder.root.join("aside/deep/moved.jpg"), PICTURE).expect("a file");
    fs::rename(folder.root.join("aside"), folder.path("moved in")).expect("is moved");
    let names = ["after.jpg", "before.jpg", "moved in/deep/moved.jpg", "new folder/in it.jpg"];
    let names: BTreeSet<_> = names.iter().chain(&["Schuhe/größe 42/rot 1.jpg"]).map(ToString::to_string).collect();
    assert_eq!(folder.wait_for_jobs(5).await, names);

    // After a restart, known files are not processed again. A file that changed meanwhile is a new, newer drop.
    server.abort();
    let before = folder.jobs().await;
    folder.write("before.jpg", b"\xFF\xD8\xFF a shoe that is blue");
    let server = folder.watched().await;
    folder.wait_for_jobs(6).await;
    seconds(2.0).await;
    folder.wait_for_jobs(6).await;
    let after = folder.jobs().await;
    let new = after.iter().find(|job| before.iter().all(|old| old.id != job.id)).expect("a new job");
    let origin = |job: &Job| job.drop.clone().expect("was dropped");
    assert_eq!(origin(new).path.as_str(), "drops/shop/ebay/before.jpg");
    assert!(before.iter().all(|old| origin(new).sequencer.is_newer_than(&origin(old).sequencer)));
    server.abort();
}

/// Checks that new files are found soon, and not only by the scan of every minute.
async fn finds_soon(folder: &Folder, name: &str) {
    let (begun, before) = (Instant::now(), folder.jobs().await.len());
    folder.write(name, PICTURE);
    folder.wait_for_jobs(before + 1).await;
    // The last scan was a few seconds ago.
    assert!(begun.elapsed() < Duration::from_secs(45), "found by a scan alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_removed_and_created_again_is_watched_again() {
    let folder = Folder::new().await;
    let server = folder.watched().await;
    finds_soon(&folder, "first.jpg").await;
    // The set's folder, the owner's, and the folder of all drops; at once, and after the loss was noticed.
    let rounds = [("drops/shop/ebay", 0.0), ("drops/shop", 0.0), ("drops", 0.0), ("drops", 7.0)];
    for (round, (level, pause)) in rounds.into_iter().enumerate() {
        fs::remove_dir_all(folder.root.join(level)).expect("is removed");
        seconds(pause).await;
        // Dropped before anyone watches again.
        finds_soon(&folder, &format!("{round} at once.jpg")).await;
        seconds(6.0).await;
        finds_soon(&folder, &format!("{round} later.jpg")).await;
    }
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_folder_is_watched_again_once_it_is_back() {
    let folder = Folder::new().await;
    let server = folder.watched().await;
    finds_soon(&folder, "first.jpg").await;
    let aside = folder.world.path().join("aside");
    fs::rename(&folder.root, &aside).expect("is renamed");
    seconds(6.0).await;
    fs::write(aside.join("drops/shop/ebay/meanwhile.jpg"), PICTURE).expect("a file");
    seconds(1.0).await;
    fs::rename(&aside, &folder.root).expect("is renamed back");
    folder.wait_for_jobs(2).await;
    finds_soon(&folder, "after.jpg").await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_results_are_created_again() {
    let folder = Folder::new().await;
    let files = folder.open().await;
    let path = DropPath::try_from("drops/shop/ebay/a.jpg".to_owned()).expect("a path");
    fs::remove_dir_all(folder.root.join("results")).expect("is removed");
    files.put_result(&path, "compose.jpg", "image/jpeg", Bytes::from_static(b"x")).await.expect("put");
    assert_eq!(fs::read(folder.root.join("results/shop/ebay/a.jpg/compose.jpg")).expect("a file"), b"x");
}

/// A file in the place of a folder of results: nothing can be written there, not even by root.
fn block_results(folder: &Folder) -> PathBuf {
    let blocker = folder.root.join("results/shop");
    fs::create_dir_all(folder.root.join("results")).expect("a folder");
    fs::write(&blocker, b"in the way").expect("a file");
    blocker
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_whose_results_cannot_be_written_is_given_up_and_keeps_its_results() {
    let folder = Folder::new().await;
    folder.write("shoe.jpg", PICTURE);
    let server = folder.watched().await;
    folder.wait_for_jobs(1).await;
    server.abort();
    let blocker = block_results(&folder);
    let opened = folder.open().await;
    let (ingest, jobs, policy) = (folder.ingest(&opened), folder.world.jobs(), Policy::default());
    let job = folder.jobs().await.remove(0);
    let token = cutline_core::Ids::lease(&cutline_core::SystemIds);
    let running = job.claim(token, samples::now(), &policy).expect("claims");
    jobs.replace(&running).await.expect("replace");
    let outcome = samples::outcome(running.job.id, token);
    let key = outcome.pictures[&outcome.final_picture].key;
    let bytes = Bytes::from_static(b"a picture");
    cutline_core::ports::Blobs::put(&folder.world.files(), &key, bytes.clone()).await.expect("put");
    let done = running.job.finish(token, outcome, samples::now(), &policy).expect("finishes");
    jobs.replace(&done).await.expect("replace");
    let error = ingest.report(&done.job).await.expect_err("cannot be written");
    assert!(matches!(error, PortError::Fail(_)) && error.to_string().contains("results/shop"), "{error}");

    let clock = Arc::new(cutline_core::testing::ManualClock::new());
    let env = Env { clock: clock.clone(), ..Env::system(policy) };
    let queues = folder.world.queues(Default::default());
    let uploads = Arc::new(crate::uploading::uploads(&folder.world));
    let sweep = Sweep {
        jobs: Arc::new(folder.world.jobs()),
        uploads: UploadStores { records: uploads.clone(), objects: uploads },
        files: Arc::new(folder.world.files()),
        queue: queues.jobs.clone(),
        reports: Arc::new(LocalReportQueue::new(folder.world.database.clone(), clock.clone())),
        quarantine: queues.quarantine.clone(),
        env,
    };
    let mut attempts = 0;
    for hour in 0..7 * 24 {
        clock.set(samples::now() + SignedDuration::from_hours(hour));
        let report = sweep.run().await.expect("a sweep");
        attempts += report.reminded;
        if report.given_up > 0 {
            assert!((84..=85).contains(&hour), "half of the retention: {hour}");
            break;
        }
        let job = jobs.get(done.job.id).await.expect("get").expect("the job");
        assert!(job.owed_manifest().is_some() && ingest.report(&job).await.is_err());
    }
    assert!((5..20).contains(&attempts), "{attempts} attempts");
    let job = jobs.get(done.job.id).await.expect("get").expect("the job");
    assert_eq!(job.reports[0].status, ReportStatus::GivenUp);
    assert!(job.due_at().is_none() && matches!(job.state, JobState::Done { .. }), "{job:?}");
    let kept = cutline_core::ports::Blobs::get(&folder.world.files(), &key).await.expect("get");
    assert_eq!(kept, Some(bytes), "the API still serves it");
    ingest.report(&job).await.expect("nothing is owed");
    assert!(blocker.is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_until_a_file_is_complete() {
    for _ in 0..20 {
        if waits_while_it_grows().await {
            return;
        }
    }
    panic!("the machine was too slow 20 times");
}

/// A file counts as complete after a second without a change.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Checks that a file is processed once it no longer grows. Returns false if the machine was so slow that the file looked
/// complete before.
async fn waits_while_it_grows() -> bool {
    use std::io::Write as _;
    let folder = Folder::new().await;
    let created = Instant::now();
    let mut file = fs::File::create(folder.path("slow.jpg")).expect("a file");
    let server = folder.watched().await;
    seconds(1.5).await;
    let mut is_processed = !folder.jobs().await.is_empty();
    // An empty file has ten times as long.
    let mut is_slow = created.elapsed() >= 10 * SETTLE_TIME;
    let mut changed = Instant::now();
    file.write_all(PICTURE).expect("is written");
    for _ in 0..8 {
        assert!(!is_processed || is_slow, "processed while empty or growing");
        if is_slow {
            server.abort();
            return false;
        }
        seconds(0.4).await;
        is_processed = !folder.jobs().await.is_empty();
        let before = std::mem::replace(&mut changed, Instant::now());
        file.write_all(b" and more").expect("is written");
        // From before the last change until after this one.
        is_slow = before.elapsed() >= SETTLE_TIME;
    }
    assert!(!is_processed || is_slow, "processed while growing");
    drop(file);
    if is_slow {
        server.abort();
        return false;
    }
    folder.wait_for_jobs(1).await;
    let job = folder.jobs().await.remove(0);
    let key = cutline_core::StorageKey::Source { job: job.id };
    let source = cutline_core::ports::Blobs::get(&folder.world.files(), &key).await.expect("get").expect("a source");
    assert_eq!(source.len(), PICTURE.len() + 8 * " and more".len(), "the source is incomplete");
    assert!(matches!(job.state, JobState::Queued { .. }));
    server.abort();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn ignores_hidden_and_unfinished_files_and_links() {
    let folder = Folder::new().await;
    let outside = folder.world.path().join("outside");
    fs::create_dir_all(outside.join("shop/ebay")).expect("folders");
    fs::write(outside.join("secret.jpg"), PICTURE).expect("a file");
    std::os::unix::fs::symlink(outside.join("secret.jpg"), folder.path("link.jpg")).expect("a link");
    std::os::unix::fs::symlink(&outside, folder.path("link")).expect("a link");
    for name in [".hidden.jpg", "~lock.jpg", "a.jpg.part", "b.crdownload", "c.tmp", ".folder/d.jpg"] {
        folder.write(name, PICTURE);
    }
    fs::write(folder.root.join("drops/lost.jpg"), PICTURE).expect("a file");
    let server = folder.watched().await;
    folder.write("taken.jpg", PICTURE);
    fs::rename(folder.path("b.crdownload"), folder.path("b.jpg")).expect("is renamed");
    folder.wait_for_jobs(2).await;
    seconds(1.5).await;
    assert_eq!(folder.wait_for_jobs(2).await, BTreeSet::from(["b.jpg".to_owned(), "taken.jpg".to_owned()]));
    server.abort();

    // Nor does the folder read or write through a link that it is asked for.
    let files = folder.open().await;
    for key in ["drops/shop/ebay/link.jpg", "drops/shop/ebay/link/secret.jpg"] {
        let path = DropPath::try_from(key.to_owned()).expect("a path");
        let origin =
            DropOrigin { path, bucket: "folder".to_owned(), version: None, sequencer: Sequencer::of_number(1) };
        let object = DroppedObject { origin, etag: None };
        assert_eq!(files.look(&object).await.expect("look"), DropLook::Gone, "{key}");
        let job = cutline_core::Ids::job(&cutline_core::SystemIds);
        assert!(!files.copy_to(&object, &StorageKey::Source { job }).await.expect("copy"), "{key}");
    }
    std::os::unix::fs::symlink(&outside, folder.root.join("results/shop")).expect("a link");
    let path = DropPath::try_from("drops/shop/ebay/a.jpg".to_owned()).expect("a path");
    assert!(files.put_result(&path, "compose.jpg", "image/jpeg", Bytes::from_static(b"x")).await.is_err());
    assert_eq!(fs::read_dir(outside.join("shop/ebay")).expect("the folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_a_picture_gets_a_failure_manifest() {
    let folder = Folder::new().await;
    let server = folder.watched().await;
    folder.write("notes.txt", b"just a text");
    let manifest = folder.root.join("results/shop/ebay/notes.txt/manifest.json");
    for _ in 0..LOOKS {
        if manifest.exists() {
            break;
        }
        seconds(0.05).await;
    }
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.contains("unsupported_source") && text.contains("drops/shop/ebay/notes.txt"), "{text}");
    assert!(folder.jobs().await.is_empty());
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn sequencers_increase_even_if_the_clock_is_set_back() {
    let folder = Folder::new().await;
    let later = Sequencer::of_number(u64::MAX - 1000);
    let manifest = |name: &str| folder.root.join("results/shop/ebay").join(name).join("manifest.json");
    let stored = format!(r#"{{"status": "failed", "sequencer": "{}"}}"#, String::from(later.clone()));
    for name in ["shoe.jpg", "notes.txt"] {
        fs::create_dir_all(manifest(name).parent().expect("a folder")).expect("folders");
        fs::write(manifest(name), &stored).expect("a file");
    }
    folder.write("notes.txt", b"just a text");
    folder.write("shoe.jpg", PICTURE);
    let server = folder.watched().await;
    folder.wait_for_jobs(1).await;
    // The manifest is still the earlier one.
    let first = folder.jobs().await.remove(0);
    folder.write("shoe.jpg", b"\xFF\xD8\xFF a shoe that is blue");
    folder.wait_for_jobs(2).await;
    let second = folder.jobs().await.into_iter().find(|job| job.id != first.id).expect("a second job");
    let sequencer = |job: Job| job.drop.expect("was dropped").sequencer;
    let (first, second) = (sequencer(first), sequencer(second));
    assert!(first.is_newer_than(&later) && second.is_newer_than(&first), "{first:?} {second:?}");
    let text = fs::read_to_string(manifest("notes.txt")).expect("a manifest");
    assert!(text.contains("unsupported_source"), "{text}");
    server.abort();
}

/// Panics at the second lookup.
struct PanickingIdentities {
    identities: LocalIdentities,
    /// When each was.
    lookups: Mutex<Vec<Instant>>,
}

impl PanickingIdentities {
    fn lookups(&self) -> Vec<Instant> {
        self.lookups.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Identities for PanickingIdentities {
    async fn find(&self, key: &IdentityKey, now: Timestamp) -> Result<Option<IdentifiedJob>, PortError> {
        self.lookups.lock().expect("not poisoned").push(Instant::now());
        assert_ne!(self.lookups().len(), 2, "a deliberate panic");
        self.identities.find(key, now).await
    }
    async fn create_job(&self, job: &Job, identity: &Identity) -> Result<(), CreateError> {
        self.identities.create_job(job, identity).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn continues_with_every_file_after_a_panic() {
    let folder = Folder::new().await;
    let opened = folder.open().await;
    let panicking = Arc::new(PanickingIdentities { identities: folder.world.identities(), lookups: Mutex::default() });
    let ingest = DropIngest { identities: panicking.clone(), ..folder.ingest(&opened) };
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        folder.write(name, PICTURE);
    }
    let server = tokio::spawn(DropWatcher::new(opened, ingest, folder.world.identities()).run());
    while panicking.lookups().len() < 2 {
        seconds(0.05).await;
    }
    folder.write("later.jpg", PICTURE);
    folder.wait_for_jobs(4).await;
    let lookups = panicking.lookups();
    assert_eq!(lookups.len(), 5, "four files, one of them twice");
    assert!(lookups[2].duration_since(lookups[1]) > Duration::from_secs(4), "it pauses after the panic: {lookups:?}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_is_remembered_while_its_file_exists() {
    let world = World::new();
    let identities = world.identities();
    let jobs = [samples::dropped_job(&samples::owner(), false), samples::dropped_job(&samples::owner(), false)];
    let [present, removed] = jobs.each_ref().map(|job| samples::identity(job).key);
    for job in &jobs {
        identities.create_job(job, &samples::identity(job)).await.expect("create");
    }
    let in_days = |days: i64| samples::now() + SignedDuration::from_hours(24 * days);
    let forget = async |at| identities.forget(IdentityKind::Drop, at).await.expect("forget");
    assert_eq!(forget(in_days(34)).await, 0);
    identities.keep(&[present], in_days(34)).await.expect("keep");
    assert_eq!(forget(in_days(36)).await, 1);
    assert!(identities.find(&present, in_days(36)).await.expect("find").is_some_and(|known| known.job == jobs[0].id));
    assert_eq!(identities.find(&removed, samples::now()).await.expect("find"), None);
    assert_eq!(forget(in_days(70)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_processed_again_after_a_long_stop() {
    let folder = Folder::new().await;
    folder.write("old.jpg", PICTURE);
    let server = folder.watched().await;
    folder.wait_for_jobs(1).await;
    server.abort();
    let connection = rusqlite::Connection::open(folder.world.folder.database()).expect("the database");
    assert_eq!(connection.execute("UPDATE identities SET expires_at = 1", []).expect("an old identity"), 1);
    let server = folder.watched().await;
    folder.write("new.jpg", PICTURE);
    folder.wait_for_jobs(2).await;
    seconds(1.5).await;
    assert_eq!(folder.wait_for_jobs(2).await, BTreeSet::from(["new.jpg".to_owned(), "old.jpg".to_owned()]));
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn retouched_files_are_found_soon_and_when_their_folder_is_back() {
    let folder = Folder::new().await;
    let report = |name: &str| folder.root.join(format!("results/shop/_retouch/{name}/manifest.json"));
    let wait = async |name: &str| {
        let begun = Instant::now();
        fs::create_dir_all(folder.root.join("retouch/shop")).expect("folders");
        fs::write(folder.root.join("retouch/shop").join(name), b"layers").expect("a file");
        for _ in 0..LOOKS {
            if report(name).exists() {
                break;
            }
            seconds(0.05).await;
        }
        let manifest = fs::read(report(name)).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
        assert_eq!(manifest["error"]["code"], "unknown_job", "{manifest}");
        assert!(begun.elapsed() < Duration::from_secs(45), "found by a scan alone");
    };
    let server = folder.watched().await;
    wait("cup.psd").await;
    // Nobody needs the folder; without it, drops are found too.
    fs::remove_dir_all(folder.root.join("retouch")).expect("is removed");
    seconds(6.0).await;
    finds_soon(&folder, "a.jpg").await;
    wait("plate.psd").await;
    server.abort();
}

/// A client that drops files and reads results.
struct Site(PathBuf);

#[async_trait]
impl DropSite for Site {
    async fn put(&self, path: &DropPath, bytes: Bytes) -> DroppedObject {
        use std::os::unix::fs::MetadataExt as _;
        let file = self.0.join(path.as_str());
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(&file, &bytes).expect("a file");
        let metadata = fs::metadata(&file).expect("a file");
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let version = Some(format!("{modified}-{}", metadata.len()));
        let (path, sequencer) = (path.clone(), Sequencer::of_number(1));
        DroppedObject { origin: DropOrigin { path, bucket: "folder".to_owned(), version, sequencer }, etag: None }
    }
    async fn remove(&self, path: &DropPath) {
        fs::remove_file(self.0.join(path.as_str())).expect("is removed");
    }
    async fn result(&self, key: &str) -> Option<Bytes> {
        fs::read(self.0.join(key)).ok().map(Bytes::from)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_files() {
    let world = World::new();
    let root = world.path().join("watched");
    let files = world.files();
    contract::drop_files(&DropFolder::open(&root, files.clone()).expect("the folder"), &files, &Site(root)).await;
}
