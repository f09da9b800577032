//! Equal requests at the same time, on the stores of one backend.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::keys::Owner;
use crate::domain::lane::Lane;
use crate::domain::policy::Policy;
use crate::domain::request::{DeliveryMode, Mode};
use crate::ports::{Identities, Jobs, Keys};
use crate::testing::{MemoryBlobs, MemoryQueue, MemorySets};
use crate::usecases::{Env, ParamSetLibrary, Submission, Submit, SubmittedSource};

/// Checks that equal requests with one idempotency key become one job, which all of them are answered with. Identities and
/// owners belong to the same backend as `jobs`.
pub async fn equal_requests(identities: Arc<dyn Identities>, jobs: Arc<dyn Jobs>, keys: Arc<dyn Keys>) {
    let env = Env::system(Policy::default());
    let submit = Submit {
        jobs,
        identities,
        keys,
        sets: ParamSetLibrary { store: Arc::new(MemorySets::new()), env: env.clone() },
        blobs: Arc::new(MemoryBlobs::new()),
        uploads: None,
        queue: Arc::new(MemoryQueue::new(env.clock.clone(), Duration::from_secs(60), 3, None)),
        storage_cap: None,
        env,
    };
    // A request with a file looks for its identity first; one with a URL does not.
    let url = "https://example.com/cup.jpg".parse().expect("a URL");
    for source in [SubmittedSource::Bytes(Bytes::from_static(b"photo")), SubmittedSource::Url(url)] {
        for senders in [2, 4] {
            one_job(&submit, &source, senders).await;
        }
    }
}

async fn one_job(submit: &Submit, source: &SubmittedSource, senders: u64) {
    let owner = Owner { credits: Some(senders), ..Owner::unlimited(samples::owner()) };
    samples::put_owner(submit.keys.as_ref(), &owner).await;
    let requests = (0..senders).map(|_| submit.run(request(&owner.id, source.clone())));
    let answers: Vec<_> =
        join_all(requests).await.into_iter().map(|answer| answer.expect("every request is accepted")).collect();
    assert!(answers.iter().all(|answer| answer.id == answers[0].id), "one job: {answers:?}");
    let firsts = answers.iter().filter(|answer| !answer.is_replay).count();
    assert_eq!(firsts, 1, "one request made it: {answers:?}");
    assert!(submit.jobs.get(answers[0].id).await.expect("get").is_some());
    let left = submit.keys.owner(&owner.id).await.expect("owner").credits;
    assert_eq!(left, Some(senders - 1), "no other job was paid for: {answers:?}");
}

fn request(owner: &OwnerId, source: SubmittedSource) -> Submission {
    Submission {
        owner: owner.clone(),
        settings: None,
        mode: Mode::Background,
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
        idempotency_key: "order-4711".parse().ok(),
    }
}
