//! The load: files that are dropped at once, and requests every minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::drops::DropPath;
use cutline_core::domain::job::Route;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::upload::UploadRequest;
use cutline_core::domain::work_request::DropNotice;
use cutline_core::testing::MemoryQueue;
use cutline_core::usecases::{Submission, SubmittedSource};
use cutline_core::{Clock as _, DeliveryMode, JobId, Mode, OwnerId};
use tokio::time::sleep;

use crate::ledger::Kind;
use crate::outside::PHOTO;
use crate::sqs::Body;
use crate::world::World;

/// How long a client waits before it repeats a request that failed.
const CLIENT_WAIT: Duration = Duration::from_secs(2);

/// The path of a dropped file.
pub(crate) fn drop_path(number: u64) -> DropPath {
    DropPath::try_from(format!("drops/archive/amazon-main/{number:07}.png")).expect("a path")
}

/// Drops files; S3 sends a message about each.
pub(crate) fn drop_files(world: &World, count: u64) {
    for number in 0..count {
        let object = world.drop_files.put(drop_path(number), PHOTO);
        let notice = DropNotice { at: world.clock.now(), objects: vec![object] };
        let queue = world.queues.lanes.queue(Route::DROPS);
        queue.send(Body::new(MemoryQueue::drop_body(&notice)), None, Duration::ZERO);
    }
}

/// Sends a request of each kind every minute, until `stop`. Returns the jobs of the answers.
pub(crate) async fn send_requests(world: Arc<World>, stop: Arc<AtomicBool>) -> Vec<JobId> {
    let mut clients = Vec::new();
    for number in 0_u64.. {
        for kind in [Kind::Upload, Kind::Url, Kind::Key, Kind::Bulk] {
            sleep(Duration::from_secs(15)).await;
            clients.push(tokio::spawn(request(world.clone(), kind, number)));
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let mut accepted = Vec::new();
    for client in clients {
        accepted.push(client.await.expect("a client does not panic"));
    }
    accepted
}

/// Sends one request until it is answered.
async fn request(world: Arc<World>, kind: Kind, number: u64) -> JobId {
    loop {
        // The API's functions need a place in the account too.
        let Ok(place) = world.account.try_acquire() else {
            sleep(CLIENT_WAIT).await;
            continue;
        };
        let answer = try_request(&world, kind, number).await;
        drop(place);
        match answer {
            Some(job) => return job,
            None => sleep(CLIENT_WAIT).await,
        }
    }
}

/// The job of the answer; `None` if the API answered with an error, which a client may repeat.
async fn try_request(world: &World, kind: Kind, number: u64) -> Option<JobId> {
    let (owner, lane) = match kind {
        Kind::Bulk => (&world.owners.other, Lane::Bulk),
        _ => (&world.owners.shop, Lane::Live),
    };
    let source = match kind {
        Kind::Url => SubmittedSource::Url(format!("https://example.com/{number}.png").parse().ok()?),
        Kind::Key => {
            let request = UploadRequest {
                content_type: String::from("image/png").try_into().ok()?,
                size: PHOTO.len() as u64,
                sha256: None,
            };
            let granted = world.direct_upload.run(owner, request).await.ok()?;
            world.upload_objects.put(granted.upload.key, Bytes::from_static(PHOTO));
            SubmittedSource::Upload(granted.upload.key)
        }
        Kind::Upload | Kind::Bulk | Kind::Drop => SubmittedSource::Bytes(Bytes::from_static(PHOTO)),
    };
    // A request with a new key is another request.
    let idempotency_key = match kind {
        Kind::Key => None,
        _ => Some(format!("{}-{number}", kind.name().replace([' ', ','], "-")).parse().ok()?),
    };
    let submission = Submission { lane, idempotency_key, ..submission(owner, source) };
    world.submit.run(submission).await.ok().map(|accepted| accepted.id)
}

/// A request for a live job.
pub(crate) fn submission(owner: &OwnerId, source: SubmittedSource) -> Submission {
    Submission {
        owner: owner.clone(),
        settings: None,
        mode: Mode::Clipping,
        delivery: DeliveryMode::Url,
        format: None,
        rendering: Default::default(),
        set: None,
        source,
        subject: Default::default(),
        mask: None,
        lane: Lane::Live,
        external_id: None,
        metadata: None,
        webhook_url: None,
        review: None,
        previews: None,
        output_name: None,
        source_name: None,
        idempotency_key: None,
    }
}
