//! The contract of [`StorageUsage`].

use futures::future::join_all;

use super::samples;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::ids::OwnerId;
use crate::domain::job::{Job, JobState, Transition};
use crate::domain::policy::Policy;
use crate::ports::{CreateError, Identities, Ids, Jobs, StorageUsage, SystemIds, WriteError};

/// The stores of one backend.
struct Stores<'a> {
    usage: &'a dyn StorageUsage,
    jobs: &'a dyn Jobs,
    identities: &'a dyn Identities,
}

/// Checks a count of stored bytes, whose jobs are in `jobs` and `identities`.
pub async fn storage_usage(usage: &dyn StorageUsage, jobs: &dyn Jobs, identities: &dyn Identities) {
    let stores = Stores { usage, jobs, identities };
    stores.jobs_count_with_their_source().await;
    stores.results_count_once_they_are_delivered().await;
    stores.a_job_that_fails_keeps_its_source().await;
    stores.a_deleted_job_counts_until_its_files_are_deleted().await;
    stores.refused_writes_count_nothing().await;
    stores.concurrent_jobs_are_all_counted().await;
}

impl Stores<'_> {
    async fn used(&self, owner: &OwnerId) -> u64 {
        self.usage.stored_bytes(owner).await.expect("stored bytes")
    }

    /// Stores a transition, and returns the job after it.
    async fn replace(&self, transition: Transition) -> Job {
        self.jobs.replace(&transition).await.expect("replace");
        transition.job
    }

    async fn jobs_count_with_their_source(&self) {
        let (owner, other) = (samples::owner(), samples::owner());
        assert_eq!(self.used(&owner).await, 0, "an owner without jobs");
        let uploaded = samples::job(&owner, false).with_source_bytes(1_000);
        self.jobs.create(&uploaded).await.expect("create");
        assert_eq!(self.jobs.get(uploaded.id).await.expect("get"), Some(uploaded), "the number is part of the job");
        assert_eq!(self.used(&owner).await, 1_000);

        let dropped = samples::dropped_job(&owner, false).with_source_bytes(500);
        self.identities.create_job(&dropped, &samples::identity(&dropped)).await.expect("create");
        assert_eq!(self.used(&owner).await, 1_500);

        let fetched = samples::job(&owner, false);
        self.jobs.create(&fetched).await.expect("create");
        assert_eq!(self.used(&owner).await, 1_500, "nothing is fetched yet");
        let (now, token, policy) = (samples::now(), SystemIds.lease(), Policy::default());
        let running = self.replace(fetched.claim(token, now, &policy).expect("claim")).await;
        let running = running.with_source_bytes(70);
        let running = self.replace(running.renew(token, now, &policy).expect("renew")).await;
        assert_eq!(self.used(&owner).await, 1_570, "the next write counts what was fetched");
        self.replace(running.renew(token, now, &policy).expect("renew")).await;
        assert_eq!(self.used(&owner).await, 1_570, "once");
        assert_eq!(self.used(&other).await, 0, "another owner");
    }

    async fn results_count_once_they_are_delivered(&self) {
        let owner = samples::owner();
        let job = samples::job(&owner, false).with_source_bytes(1_000);
        self.jobs.create(&job).await.expect("create");
        let (now, token, policy) = (samples::now(), SystemIds.lease(), Policy::default());
        let running = self.replace(job.claim(token, now, &policy).expect("claim")).await;
        assert_eq!(self.used(&owner).await, 1_000);
        let outcome = samples::outcome(running.id, token);
        let pictures: u64 = outcome.pictures.values().map(|picture| picture.bytes).sum();
        let assets: u64 = outcome.assets.values().map(|asset| asset.bytes).sum();
        assert!(pictures > 0 && assets > 0);
        let done = self.replace(running.finish(token, outcome, now, &policy).expect("finish")).await;
        assert!(matches!(done.state, JobState::Done { .. }));
        assert_eq!(self.used(&owner).await, 1_000 + pictures + assets);
    }

    async fn a_job_that_fails_keeps_its_source(&self) {
        let owner = samples::owner();
        let (now, policy) = (samples::now(), Policy::default());
        let failed = samples::job(&owner, false).with_source_bytes(10);
        self.jobs.create(&failed).await.expect("create");
        let failure = Failure { code: FailureCode::NoSubject, message: String::new(), retryable: false };
        self.replace(failed.expire(failure, now, &policy).expect("expire")).await;
        let withdrawn = samples::job(&owner, false).with_source_bytes(5);
        self.jobs.create(&withdrawn).await.expect("create");
        self.replace(withdrawn.withdraw(now, &policy).expect("withdraw")).await;
        assert_eq!(self.used(&owner).await, 15, "until the records are deleted with their files");
    }

    async fn a_deleted_job_counts_until_its_files_are_deleted(&self) {
        let owner = samples::owner();
        let job = samples::job(&owner, false).with_source_bytes(1_000);
        self.jobs.create(&job).await.expect("create");
        let (now, token, policy) = (samples::now(), SystemIds.lease(), Policy::default());
        let running = self.replace(job.claim(token, now, &policy).expect("claim")).await;
        let outcome = samples::outcome(running.id, token);
        let done = self.replace(running.finish(token, outcome, now, &policy).expect("finish")).await;
        let used = self.used(&owner).await;
        let deleted = self.replace(done.delete(now, &policy).expect("delete")).await;
        assert_eq!(self.used(&owner).await, used);
        self.replace(deleted.files_deleted(Vec::new(), now).expect("delete the files")).await;
        assert_eq!(self.used(&owner).await, 0);
    }

    async fn refused_writes_count_nothing(&self) {
        let owner = samples::owner();
        let job = samples::job(&owner, false).with_source_bytes(10);
        self.jobs.create(&job).await.expect("create");
        assert!(matches!(self.jobs.create(&job).await, Err(CreateError::Exists)));
        let unpaid = samples::job(&owner, true).with_source_bytes(20);
        assert!(matches!(self.jobs.create(&unpaid).await, Err(CreateError::InsufficientCredits)));
        let dropped = samples::dropped_job(&owner, false).with_source_bytes(30);
        let identity = samples::identity(&dropped);
        self.identities.create_job(&dropped, &identity).await.expect("create");
        let again = samples::dropped_job(&owner, false).with_source_bytes(40);
        assert!(matches!(self.identities.create_job(&again, &identity).await, Err(CreateError::Exists)));
        assert_eq!(self.used(&owner).await, 40);

        let (now, policy) = (samples::now(), Policy::default());
        let claims = [SystemIds.lease(), SystemIds.lease()]
            .map(|token| job.clone().with_source_bytes(50).claim(token, now, &policy).expect("claim"));
        self.jobs.replace(&claims[0]).await.expect("replace");
        assert!(matches!(self.jobs.replace(&claims[1]).await, Err(WriteError::Conflict)));
        assert_eq!(self.used(&owner).await, 80);
    }

    async fn concurrent_jobs_are_all_counted(&self) {
        let owner = samples::owner();
        let jobs: Vec<_> = (1..=40).map(|bytes| samples::job(&owner, false).with_source_bytes(bytes)).collect();
        let created = join_all(jobs.iter().map(|job| self.jobs.create(job))).await;
        assert!(created.iter().all(Result::is_ok), "{created:?}");
        assert_eq!(self.used(&owner).await, (1..=40).sum::<u64>());
    }
}
