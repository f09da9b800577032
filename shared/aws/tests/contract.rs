//! The ports' contract, and further guarantees of the AWS adapters, against an AWS emulator at
//! `CUTLINE_TEST_AWS_ENDPOINT`. `cargo xtask test` starts one.

#[path = "contract/account.rs"]
mod account;
mod common;
#[path = "contract/releases.rs"]
mod releases;

use std::sync::Arc;
use std::time::Duration;

use account::{Account, REGION};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use common::Browser;
use cutline_aws::config::QueueUrls;
use cutline_aws::{Aws, Directory};
use cutline_core::contract::{self, DropSite, QueueUnderTest, SetLimit, samples};
use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, Sequencer};
use cutline_core::domain::identity::IdentifiedJob;
use cutline_core::domain::job::JobStage;
use cutline_core::domain::keys::{CreditChange, KeyRecord, KeyScope, Owner, OwnerChange, Secret};
use cutline_core::ports::{
    Blobs, CreateError, Deliveries, DropFiles, DropLook, Identities, JobFiles, JobQuery, Jobs, Keys, ParamSets,
    PortError, Precondition, Quarantine, Queue, Receipt, StoredSet,
};
use cutline_core::{FailureCode, Fault, Ids, Policy, StorageKey, SystemClock, SystemIds};
use futures::future::join_all;

#[tokio::test]
async fn jobs() {
    let table = Account::new().await.table().await;
    contract::jobs(&table, &table).await;
}

#[tokio::test]
async fn job_lists() {
    contract::job_lists(&Account::new().await.table().await).await;
}

/// A query returns at most 1 MB per page.
#[tokio::test]
async fn lists_more_jobs_than_fit_in_one_page() {
    let (table, owner) = (Account::new().await.table().await, samples::owner());
    let failure = Fault::fail(FailureCode::NoSubject, "x".repeat(100_000)).failure().clone();
    let mut created = Vec::new();
    for _ in 0..15 {
        let job = samples::job(&owner, false);
        created.insert(0, job.id);
        table.create(&job).await.expect("create");
        let failed = job.expire(failure.clone(), samples::now(), &Policy::default()).expect("expire");
        table.replace(&failed).await.expect("replace");
    }
    let list = async |before, limit| {
        let query = JobQuery { before, external_id: None, limit };
        let page = Jobs::list(&table, &owner, &query).await.expect("list");
        (page.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(list(None, 1_000).await, (created.clone(), None));
    assert_eq!(list(Some(created[1]), 12).await, (created[2..14].to_vec(), Some(created[13])));
}

#[tokio::test]
async fn owner_webhooks() {
    let table = Account::new().await.table().await;
    contract::owner_webhooks(&table, &table).await;
}

#[tokio::test]
async fn report_queue() {
    let visibility = Duration::from_secs(2);
    let (queue, _) = Account::new().await.queues(visibility, 100).await;
    contract::report_queue(&queue, &queue, visibility).await;
}

#[tokio::test]
async fn keys() {
    contract::keys(&Account::new().await.table().await).await;
}

/// An operator's list of keys and owners, among other items.
#[tokio::test]
async fn the_directory_has_every_key_and_owner() {
    let table = Account::new().await.table().await;
    assert_eq!(table.directory().await.expect("directory"), Directory::default());
    let (mut keys, mut owners) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let owner = samples::owner();
        table.create(&samples::job(&owner, false)).await.expect("create");
        let hash = Secret::generate().expect("random").hash();
        let (label, scope, created_at) = (format!("key {n}"), KeyScope::Read, samples::now());
        let key = KeyRecord { hash, owner: owner.clone(), label, scope, created_at, revoked_at: None };
        table.insert(&key).await.expect("insert");
        let change = OwnerChange { credits: Some(CreditChange::Set(n)), ..OwnerChange::default() };
        table.change_owner(&owner, change).await.expect("change owner");
        keys.push(key);
        owners.push(Owner { credits: Some(n), ..Owner::unlimited(owner) });
    }
    let mut found = table.directory().await.expect("directory");
    found.keys.sort_by_key(|key| key.hash.to_string());
    found.owners.sort_by(|one, next| one.id.cmp(&next.id));
    keys.sort_by_key(|key| key.hash.to_string());
    owners.sort_by(|one, next| one.id.cmp(&next.id));
    assert_eq!(found, Directory { keys, owners });
}

#[tokio::test]
async fn uploads() {
    let table = Account::new().await.table().await;
    contract::uploads(&table, SetLimit::OneMoreForEachRequest).await;
    contract::upload_uses(&table).await;
}

#[tokio::test]
async fn rate_counters() {
    contract::rate_counters(&Account::new().await.table().await).await;
}

#[tokio::test]
async fn usage() {
    let table = Account::new().await.table().await;
    contract::usage(&table, &table).await;
}

#[tokio::test]
async fn audit() {
    let table = Account::new().await.table().await;
    contract::audit(&table, &table, &table).await;
}

#[tokio::test]
async fn sets() {
    contract::sets(&Account::new().await.table().await, SetLimit::OneMoreForEachRequest).await;
}

/// A query returns at most 1 MB per page, counted before the projection.
#[tokio::test]
async fn lists_more_sets_than_fit_in_one_page() {
    let (table, owner) = (Account::new().await.table().await, samples::owner());
    let stored = |name: String, set| StoredSet {
        name: name.parse().expect("a name"),
        revision: SystemIds.revision(),
        updated_at: samples::now(),
        set,
    };
    let count = 300;
    for index in 0..count {
        let set = stored(format!("set-{index:03}"), samples::long_set());
        table.put(&owner, &set, &Precondition::Absent).await.expect("put");
    }
    // The owner's own item is in the same partition, but is not a set.
    samples::put_owner(&table, &Owner { credits: Some(1), ..Owner::unlimited(owner.clone()) }).await;
    let listed = ParamSets::list(&table, &owner, None, 1_000).await.expect("list");
    assert_eq!(listed.len(), count);
    assert!(listed.is_sorted_by(|(one, ..), (next, ..)| one < next));
    let part = ParamSets::list(&table, &owner, Some(&listed[20].0), 250).await.expect("list");
    assert_eq!(part, listed[20..270], "a part that is longer than a page");
}

#[tokio::test]
async fn identities() {
    let table = Account::new().await.table().await;
    contract::identities(&table, &table, &table).await;
}

#[tokio::test]
async fn equal_requests() {
    let table = Arc::new(Account::new().await.table().await);
    contract::equal_requests(table.clone(), table.clone(), table).await;
}

/// Earlier releases stored a drop with its `ttl` only.
#[tokio::test]
async fn an_identity_of_an_earlier_release_counts_until_its_ttl() {
    let account = Account::new().await;
    let table = account.table().await;
    let job = samples::dropped_job(&samples::owner(), false);
    let identity = samples::identity(&job);
    let known = SystemIds.job();
    let client = aws_sdk_dynamodb::Client::new(&account.sdk().await);
    let put = async |ttl: i64| {
        client
            .put_item()
            .table_name(&account.name)
            .item("pk", AttributeValue::S(format!("drop#{}", identity.key.digest)))
            .item("sk", AttributeValue::S("drop".to_owned()))
            .item("job_id", AttributeValue::S(known.to_string()))
            .item("ttl", AttributeValue::N(ttl.to_string()))
            .send()
            .await
            .expect("put item")
    };
    put(job.created_at.as_second() + 60).await;
    let found = Identities::find(&table, &identity.key, job.created_at).await.expect("find");
    assert_eq!(found, Some(IdentifiedJob { job: known, fingerprint: None }));
    let refused = table.create_job(&job, &identity).await;
    assert!(matches!(refused, Err(CreateError::Exists)), "{refused:?}");

    put(job.created_at.as_second() - 60).await;
    assert_eq!(Identities::find(&table, &identity.key, job.created_at).await.expect("find"), None);
    table.create_job(&job, &identity).await.expect("the expired identity is overwritten");
    let found = Identities::find(&table, &identity.key, job.created_at).await.expect("find");
    assert_eq!(found.map(|found| found.job), Some(job.id));
}

/// A client that drops files and reads results.
struct Site {
    client: aws_sdk_s3::Client,
    bucket: String,
}

#[async_trait]
impl DropSite for Site {
    /// moto ignores `x-amz-copy-source-if-match`.
    fn refuses_replaced_copies(&self) -> bool {
        false
    }

    async fn put(&self, path: &DropPath, bytes: Bytes) -> DroppedObject {
        let request = self.client.put_object().bucket(&self.bucket).key(path.as_str()).body(bytes.into());
        let etag = request.send().await.expect("put object").e_tag.map(|etag| etag.trim_matches('"').to_owned());
        let sequencer = Sequencer::of_number(1);
        let origin = DropOrigin { path: path.clone(), bucket: self.bucket.clone(), version: None, sequencer };
        DroppedObject { origin, etag }
    }
    async fn remove(&self, path: &DropPath) {
        self.client.delete_object().bucket(&self.bucket).key(path.as_str()).send().await.expect("delete object");
    }
    async fn result(&self, key: &str) -> Option<Bytes> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await.ok()?;
        Some(answer.body.collect().await.expect("a body").into_bytes())
    }
}

#[tokio::test]
async fn drop_files() {
    let account = Account::new().await;
    let files = account.bucket().await;
    let config = aws_sdk_s3::config::Builder::from(&account.sdk().await).force_path_style(true);
    let site = Site { client: aws_sdk_s3::Client::from_conf(config.build()), bucket: account.name.clone() };
    contract::drop_files(&files, &files, &site).await;
}

/// In a bucket with versions, a drop is read in the version that its event names.
#[tokio::test]
async fn reads_the_dropped_version_even_if_it_was_replaced() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let account = Account::new().await;
    let files = account.bucket().await;
    let config = aws_sdk_s3::config::Builder::from(&account.sdk().await).force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = client.put_bucket_versioning().bucket(&account.name).versioning_configuration(versions);
    request.send().await.expect("versioning");
    let path = DropPath::try_from("drops/shop/ebay/a.jpg".to_owned()).expect("a path");
    let put = async |content: &'static [u8]| {
        let request = client.put_object().bucket(&account.name).key(path.as_str());
        let answer = request.body(Bytes::from_static(content).into()).send().await.expect("put object");
        let (bucket, sequencer) = (account.name.clone(), Sequencer::of_number(1));
        let origin = DropOrigin { path: path.clone(), bucket, version: answer.version_id, sequencer };
        DroppedObject { origin, etag: answer.e_tag }
    };
    let (first, second) = (put(b"first").await, put(b"second").await);
    assert!(first.origin.version.is_some() && first.origin.identity() != second.origin.identity());
    for (object, content) in [(&first, &b"first"[..]), (&second, b"second")] {
        let job = SystemIds.job();
        let found = DropLook::Found { bytes: content.len() as u64, head: Bytes::from_static(content) };
        assert_eq!(files.look(object).await.expect("look"), found);
        assert!(files.copy_to(object, &StorageKey::Source { job }).await.expect("copy"));
        let copy = files.get(&StorageKey::Source { job }).await.expect("get");
        assert_eq!(copy.as_deref(), Some(content));
    }
    let mut never = first.clone();
    never.origin.version = Some("00000000-0000-4000-8000-000000000000".to_owned());
    assert_eq!(files.look(&never).await.expect("look"), DropLook::Gone);
    let source = StorageKey::Source { job: SystemIds.job() };
    assert!(!files.copy_to(&never, &source).await.expect("copy"));
    let mut elsewhere = first;
    elsewhere.origin.bucket = "another-bucket".to_owned();
    assert!(matches!(files.look(&elsewhere).await, Err(PortError::Fail(_))));
    assert!(matches!(files.copy_to(&elsewhere, &source).await, Err(PortError::Fail(_))));
}

#[tokio::test]
async fn blobs() {
    contract::blobs(&Account::new().await.bucket().await).await;
}

#[tokio::test]
async fn job_files() {
    let bucket = Account::new().await.bucket().await;
    contract::job_files(&bucket, &bucket).await;
}

/// S3 lists and deletes at most 1,000 objects at once.
#[tokio::test]
async fn deletes_more_results_than_fit_in_one_request() {
    let account = Account::new().await;
    let bucket = account.bucket().await;
    let config = aws_sdk_s3::config::Builder::from(&account.sdk().await).force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let (job, other) = (SystemIds.job(), SystemIds.job());
    let keys = (0..1_100).map(|index| format!("jobs/{job}/{index}")).chain([format!("jobs/{other}/0")]);
    for key in keys {
        client.put_object().bucket(&account.name).key(key).send().await.expect("put object");
    }
    JobFiles::delete(&bucket, job).await.expect("delete");
    let left = client.list_objects_v2().bucket(&account.name).send().await.expect("list").contents;
    let left: Vec<_> = left.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
    assert_eq!(left, [format!("jobs/{other}/0")]);
}

#[tokio::test]
async fn links() {
    let account = Account::new().await;
    let bucket = account.bucket().await;
    let links = account.aws.links(&account.name, "arn:aws:iam::123456789012:role/delivery", Arc::new(SystemClock));
    contract::links(&links, &bucket, &Browser::new()).await;
}

#[tokio::test]
async fn queue() {
    let (visibility, max_receives) = (Duration::from_secs(2), 3);
    let (lanes, dead_letters) = Account::new().await.lanes(visibility, max_receives).await;
    contract::queue(QueueUnderTest {
        queue: &lanes,
        deliveries: &lanes.deliveries(JobStage::Make),
        intake: &lanes.deliveries(JobStage::Intake),
        dead_letters: &dead_letters,
        visibility,
        max_receives,
        exclusive: false,
    })
    .await;
}

#[tokio::test]
async fn one_of_many_concurrent_workers_claims_the_job() {
    let account = Account::new().await;
    let table = account.table().await;
    let job = samples::job(&samples::owner(), false);
    table.create(&job).await.expect("create");
    let workers = (0..32).map(|_| async {
        // Each has its own connections, like the functions.
        let table = Aws::at(&account.endpoint, REGION, "test", "test").await.table(&account.name);
        let token = SystemIds.lease();
        let claim = job.clone().claim(token, samples::now(), &Policy::default()).expect("claim");
        table.replace(&claim).await.is_ok().then_some(claim.job)
    });
    let winners: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(Jobs::get(&table, job.id).await.expect("get").as_ref(), winners.first());
}

#[tokio::test]
async fn concurrent_uploads_spend_every_credit_once() {
    let table = Account::new().await.table().await;
    let owner = Owner { credits: Some(5), ..Owner::unlimited(samples::owner()) };
    samples::put_owner(&table, &owner).await;
    let jobs: Vec<_> = (0..20).map(|_| samples::job(&owner.id, true)).collect();
    let results = join_all(jobs.iter().map(|job| table.create(job))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5, "{results:?}");
    let refused = |result: &&Result<(), CreateError>| matches!(result, Err(CreateError::InsufficientCredits));
    assert_eq!(results.iter().filter(refused).count(), 15, "{results:?}");
    assert_eq!(table.owner(&owner.id).await.expect("owner").credits, Some(0));
}

/// The item that `cutline keys create --for-aws` tells an operator to put: only strings, and no unset attributes.
#[tokio::test]
async fn finds_and_revokes_a_key_that_was_put_by_hand() {
    let account = Account::new().await;
    let table = account.table().await;
    let hash = cutline_core::domain::keys::Secret::from_caller("by hand").hash();
    let text = |value: &str| AttributeValue::S(value.to_owned());
    aws_sdk_dynamodb::Client::new(&account.sdk().await)
        .put_item()
        .table_name(&account.name)
        .item("pk", text(&format!("key#{hash}")))
        .item("sk", text("key"))
        .item("hash", text(&hash.to_string()))
        .item("owner", text("default"))
        .item("label", text("first key"))
        .item("created_at", text("2026-01-01T00:00:00Z"))
        .send()
        .await
        .expect("put item");
    let key = Keys::find(&table, &hash).await.expect("find").expect("a key");
    assert_eq!((key.owner.as_str(), key.label.as_str(), key.revoked_at), ("default", "first key", None));
    assert!(table.revoke(&hash, samples::now()).await.expect("revoke"));
    assert!(Keys::find(&table, &hash).await.expect("find").expect("a key").revoked_at.is_some());
}

#[tokio::test]
async fn keeps_a_quarantined_message_unchanged() {
    let (_, quarantine) = Account::new().await.queues(Duration::from_secs(2), 3).await;
    let body = "not a message: <&>\n\"ümlaut\"";
    quarantine.park(body).await.expect("park");
    let parked = quarantine.receive(1, Duration::from_secs(5)).await.expect("receive");
    assert_eq!(parked[0].body, body);
}

#[tokio::test]
async fn a_missing_resource_is_a_permanent_fault() {
    let account = Account::new().await;
    let table = account.aws.table("cutline-no-such-table");
    let job = samples::job(&samples::owner(), true);
    assert!(matches!(Jobs::get(&table, job.id).await, Err(PortError::Fail(_))));
    assert!(matches!(table.create(&job).await, Err(CreateError::Port(PortError::Fail(_)))));
    assert!(matches!(table.due(samples::now(), 1).await, Err(PortError::Fail(_))));
    assert!(matches!(ParamSets::list(&table, &job.owner, None, 10).await, Err(PortError::Fail(_))));
    let query = JobQuery { before: None, external_id: None, limit: 10 };
    assert!(matches!(Jobs::list(&table, &job.owner, &query).await, Err(PortError::Fail(_))));
    let key = StorageKey::Source { job: job.id };
    let bucket = account.aws.bucket("cutline-no-such-bucket");
    assert!(matches!(bucket.get(&key).await, Err(PortError::Fail(_))));
    assert!(matches!(bucket.put_new(&key, "x".into()).await, Err(PortError::Fail(_))));
    assert!(matches!(bucket.copy(&key, &key).await, Err(PortError::Fail(_))));
    assert!(matches!(JobFiles::delete(&bucket, job.id).await, Err(PortError::Fail(_))));
    let url = format!("{}/123456789012/cutline-no-such-queue", account.endpoint);
    let (bulk_queue_url, intake_queue_url, intake_bulk_queue_url) = (url.clone(), url.clone(), url.clone());
    let urls = QueueUrls { queue_url: url.clone(), bulk_queue_url, intake_queue_url, intake_bulk_queue_url };
    let (lanes, queue) = (account.aws.lanes(&urls), account.aws.queue(url));
    let message = cutline_core::domain::message::Message { job_id: job.id };
    assert!(matches!(lanes.send(&message, samples::destination(), Duration::ZERO).await, Err(PortError::Fail(_))));
    assert!(matches!(queue.delete(&Receipt("any".to_owned())).await, Err(PortError::Fail(_))));
}

#[tokio::test]
async fn accepts_a_receipt_of_a_deleted_message() {
    let (queue, _) = Account::new().await.queues(Duration::from_secs(2), 3).await;
    let receipt = Receipt("no such receipt".to_owned());
    queue.delete(&receipt).await.expect("delete");
    queue.defer(&receipt, Duration::from_secs(1)).await.expect("defer");
}

#[tokio::test]
async fn caps_delays_and_deferrals_at_the_limits_of_sqs() {
    let (lanes, _) = Account::new().await.lanes(Duration::from_secs(2), 3).await;
    let queue = lanes.queue(samples::destination().route);
    let message = cutline_core::domain::message::Message { job_id: samples::job(&samples::owner(), false).id };
    lanes.send(&message, samples::destination(), Duration::from_secs(100_000)).await.expect("send");
    lanes.send(&message, samples::destination(), Duration::ZERO).await.expect("send");
    let got = queue.receive(10, Duration::from_secs(2)).await.expect("receive");
    assert_eq!(got.len(), 1, "the other is delayed");
    queue.defer(&got[0].receipt, Duration::from_secs(1_000_000)).await.expect("defer");
}
