//! What [`Drops`] and [`DropFiles`] promise.

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use uuid::Uuid;

use super::samples;
use crate::domain::drops::{DropPath, DroppedObject, MANIFEST, MAX_BYTES};
use crate::domain::job::Job;
use crate::domain::keys::Owner;
use crate::ports::{CreateError, DropContent, DropFiles, Drops, Jobs, Keys, ManifestTag};

/// Checks a store of drops, whose jobs are in `jobs` and whose owners in `keys`.
pub async fn drops(drops: &dyn Drops, jobs: &dyn Jobs, keys: &dyn Keys) {
    let job = samples::dropped_job(&samples::owner(), false);
    let id = samples::drop_id(&job);
    assert_eq!(drops.find(&id).await.expect("find"), None, "a drop that was never made");
    drops.create(&job, &id).await.expect("create");
    assert_eq!(drops.find(&id).await.expect("find"), Some(job.id));
    assert_eq!(jobs.get(job.id).await.expect("get").as_ref(), Some(&job), "its job is there as it is");

    let again = Job { id: samples::dropped_job(&job.owner, false).id, ..job.clone() };
    assert!(matches!(drops.create(&again, &id).await, Err(CreateError::Exists)), "a drop becomes one job");
    assert_eq!(jobs.get(again.id).await.expect("get"), None, "and no second one is left behind");
    let other = samples::dropped_job(&job.owner, false);
    let taken = Job { id: job.id, ..other.clone() };
    let id_of_other = samples::drop_id(&other);
    assert!(matches!(drops.create(&taken, &id_of_other).await, Err(CreateError::Exists)), "a second job of that id");
    assert_eq!(drops.find(&id_of_other).await.expect("find"), None);
    assert_eq!(jobs.get(job.id).await.expect("get"), Some(job));

    let owner = Owner { id: samples::owner(), credits: Some(1) };
    keys.put_owner(&owner).await.expect("put owner");
    let credits = async || keys.owner(&owner.id).await.expect("owner").credits;
    let paid = samples::dropped_job(&owner.id, true);
    let paid_id = samples::drop_id(&paid);
    drops.create(&paid, &paid_id).await.expect("create");
    assert_eq!(credits().await, Some(0));
    let twice = Job { id: samples::dropped_job(&owner.id, true).id, ..paid.clone() };
    assert!(
        matches!(drops.create(&twice, &paid_id).await, Err(CreateError::Exists)),
        "before there is talk of credits"
    );
    let unpaid = samples::dropped_job(&owner.id, true);
    let unpaid_id = samples::drop_id(&unpaid);
    assert!(matches!(drops.create(&unpaid, &unpaid_id).await, Err(CreateError::InsufficientCredits)));
    assert_eq!(drops.find(&unpaid_id).await.expect("find"), None, "a drop that could not be paid for is not known");
    assert_eq!(jobs.get(unpaid.id).await.expect("get"), None);
    assert_eq!(credits().await, Some(0));

    let rich = Owner { id: samples::owner(), credits: Some(8) };
    keys.put_owner(&rich).await.expect("put owner");
    let first = samples::dropped_job(&rich.id, true);
    let id = samples::drop_id(&first);
    let same: Vec<_> = (0..4).map(|_| Job { id: samples::job(&rich.id, true).id, ..first.clone() }).collect();
    let made = join_all(same.iter().map(|job| drops.create(job, &id))).await;
    let known = drops.find(&id).await.expect("find");
    for (job, made) in same.iter().zip(&made) {
        let stored = jobs.get(job.id).await.expect("get").is_some();
        assert_eq!(stored, known == Some(job.id), "of several at once one is made: {made:?}");
    }
    let left = if known.is_some() { 7 } else { 8 };
    assert_eq!(keys.owner(&rich.id).await.expect("owner").credits, Some(left), "and one is paid: {made:?}");
    a_reported_job_gives_back_once(drops, jobs, keys).await;
}

/// A failed job gives its credit back, and what is noted of it later gives back nothing.
async fn a_reported_job_gives_back_once(drops: &dyn Drops, jobs: &dyn Jobs, keys: &dyn Keys) {
    use crate::domain::failure::{Failure, FailureCode};
    use crate::domain::policy::Policy;

    let policy = Policy::default();
    let owner = Owner { id: samples::owner(), credits: Some(1) };
    keys.put_owner(&owner).await.expect("put owner");
    let job = samples::dropped_job(&owner.id, true);
    drops.create(&job, &samples::drop_id(&job)).await.expect("create");
    let failure = Failure { code: FailureCode::NoSubject, message: String::new(), retryable: false };
    let failed = job.expire(failure, samples::now(), &policy).expect("expire");
    let due = async |job: &Job| jobs.due(job.due_at().expect("due"), 100_000).await.expect("due").contains(&job.id);
    jobs.replace(&failed).await.expect("replace");
    assert_eq!(jobs.get(failed.id).await.expect("get").as_ref(), Some(&failed));
    assert!(due(&failed).await, "what was not reported is due");
    let reminded = failed.remind(&policy).expect("remind");
    jobs.replace(&reminded).await.expect("replace");
    assert!(due(&reminded).await, "and later again");
    let later = reminded.due_at().expect("due");
    let reported = reminded.report().expect("report");
    jobs.replace(&reported).await.expect("replace");
    assert_eq!(jobs.get(reported.id).await.expect("get").as_ref(), Some(&reported));
    assert!(!jobs.due(later, 100_000).await.expect("due").contains(&reported.id), "until it is reported");
    assert_eq!(keys.owner(&owner.id).await.expect("owner").credits, Some(1), "one credit came back");
}

/// What stands beside a [`DropFiles`]: who drops files, and who takes results.
#[async_trait]
pub trait DropSite: Send + Sync {
    /// Drops a file, and says what is told of it.
    async fn put(&self, path: &DropPath, bytes: Bytes) -> DroppedObject;
    /// Removes a dropped file.
    async fn remove(&self, path: &DropPath);
    /// The content of a result, by its key.
    async fn result(&self, key: &str) -> Option<Bytes>;
}

/// Checks a place for drops.
pub async fn drop_files(files: &dyn DropFiles, site: &dyn DropSite) {
    let own = Uuid::now_v7().simple().to_string();
    let path =
        |name: &str| -> DropPath { DropPath::try_from(format!("drops/{own}/amazon-main/{name}")).expect("a path") };
    let read = async |object: &DroppedObject| files.read(object).await.expect("read");
    let png = "image/png";

    for name in ["a.jpg", "Schuhe/größe 42/rot+1 & 2%.jpg", "…/'quoted' \"x\".png", "no-ending"] {
        let path = path(name);
        let bytes = Bytes::from(format!("content of {name}"));
        let object = site.put(&path, bytes.clone()).await;
        assert_eq!(read(&object).await, DropContent::Bytes(bytes), "{name}");
        for content in ["first", "", "second"] {
            files.put_result(&path, "compose.png", png, Bytes::from(content)).await.expect("put result");
            let stored = site.result(&path.result("compose.png")).await;
            assert_eq!(stored, Some(Bytes::from(content)), "{name}: what was put last");
        }
    }
    assert_eq!(read(&site.put(&path("empty"), Bytes::new()).await).await, DropContent::Bytes(Bytes::new()));

    let gone = site.put(&path("gone.jpg"), Bytes::from_static(b"soon gone")).await;
    site.remove(&path("gone.jpg")).await;
    assert_eq!(read(&gone).await, DropContent::Gone);
    let over = site.put(&path("over.jpg"), Bytes::from_static(b"the first")).await;
    let newer = site.put(&path("over.jpg"), Bytes::from_static(b"the second, another length")).await;
    assert_eq!(read(&over).await, DropContent::Gone, "it is not taken for the other");
    assert_eq!(read(&newer).await, DropContent::Bytes(Bytes::from_static(b"the second, another length")));
    let large = site.put(&path("large.tif"), Bytes::from(vec![7; MAX_BYTES as usize + 1])).await;
    assert_eq!(read(&large).await, DropContent::TooLarge { bytes: MAX_BYTES + 1 });

    manifests(files, site, &path("Schuhe/manifest ä.jpg")).await;
}

async fn manifests(files: &dyn DropFiles, site: &dyn DropSite, path: &DropPath) {
    let stored = async || files.manifest(path).await.expect("manifest");
    let put = async |text: &str, before: Option<&ManifestTag>| {
        files.put_manifest(path, Bytes::from(text.to_owned()), before).await.expect("put manifest")
    };
    assert_eq!(stored().await, None);
    let no_tag = ManifestTag("\"00000000000000000000000000000000\"".to_owned());
    assert!(!put("a", Some(&no_tag)).await, "there is none to replace");
    assert!(put("a", None).await);
    let first = stored().await.expect("there is one");
    assert_eq!(first.bytes, "a");
    assert_eq!(site.result(&path.result(MANIFEST)).await, Some(first.bytes.clone()), "it lies where it belongs");
    assert!(!put("b", None).await, "there is one");
    assert!(!put("b", Some(&no_tag)).await, "it is another");
    assert!(put("b", Some(&first.tag)).await);
    assert!(!put("c", Some(&first.tag)).await, "it is another by now");
    let second = stored().await.expect("there is one");
    assert_eq!(second.bytes, "b");

    let texts: Vec<_> = (0..6).map(|writer| format!("by writer {writer}")).collect();
    let made = join_all(texts.iter().map(|text| put(text, Some(&second.tag)))).await;
    let winners: Vec<_> = texts.iter().zip(&made).filter(|(_, made)| **made).map(|(text, _)| text.clone()).collect();
    assert_eq!(winners.len(), 1, "of several at once one is stored: {made:?}");
    assert_eq!(stored().await.expect("there is one").bytes, winners[0]);
}
