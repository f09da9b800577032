//! The contract of [`Identities`].

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::samples;
use crate::domain::digest::Digest;
use crate::domain::identity::{IdentifiedJob, Identity, IdentityKey};
use crate::domain::ids::OwnerId;
use crate::domain::job::Job;
use crate::domain::keys::Owner;
use crate::domain::time::after;
use crate::ports::{CreateError, Identities, Jobs, Keys};

/// The stores of one backend.
struct Stores<'a> {
    identities: &'a dyn Identities,
    jobs: &'a dyn Jobs,
    keys: &'a dyn Keys,
}

/// Checks a store of identities, whose jobs are in `jobs` and whose owners are in `keys`.
pub async fn identities(identities: &dyn Identities, jobs: &dyn Jobs, keys: &dyn Keys) {
    let stores = Stores { identities, jobs, keys };
    stores.an_identity_becomes_one_job().await;
    stores.a_taken_job_id_stores_no_identity().await;
    stores.an_expired_identity_counts_as_absent().await;
    stores.the_job_the_identity_and_the_debit_are_one_change().await;
    stores.one_of_many_writers_wins().await;
}

impl Stores<'_> {
    async fn find(&self, key: &IdentityKey) -> Option<IdentifiedJob> {
        self.find_at(key, samples::now()).await
    }

    async fn find_at(&self, key: &IdentityKey, now: Timestamp) -> Option<IdentifiedJob> {
        self.identities.find(key, now).await.expect("find")
    }

    async fn stored(&self, job: &Job) -> Option<Job> {
        self.jobs.get(job.id).await.expect("get")
    }

    async fn owner_with_credits(&self, credits: u64) -> OwnerId {
        let owner = Owner { credits: Some(credits), ..Owner::unlimited(samples::owner()) };
        samples::put_owner(self.keys, &owner).await;
        owner.id
    }

    async fn credits(&self, owner: &OwnerId) -> Option<u64> {
        self.keys.owner(owner).await.expect("owner").credits
    }

    async fn an_identity_becomes_one_job(&self) {
        let job = samples::dropped_job(&samples::owner(), false);
        for fingerprint in [None, Some(Digest::of(b"a request"))] {
            let job = samples::dropped_job(&job.owner, false);
            let identity = Identity { fingerprint, ..samples::identity(&job) };
            assert_eq!(self.find(&identity.key).await, None, "an identity that was never stored");
            self.identities.create_job(&job, &identity).await.expect("create");
            let known = Some(IdentifiedJob { job: job.id, fingerprint });
            assert_eq!(self.find(&identity.key).await, known);
            assert_eq!(self.stored(&job).await.as_ref(), Some(&job), "the job is stored unchanged");

            let second = samples::dropped_job(&job.owner, false);
            let taken = self.identities.create_job(&second, &identity).await;
            assert!(matches!(taken, Err(CreateError::Exists)), "{taken:?}");
            assert_eq!(self.stored(&second).await, None, "no second job is left behind");
            assert_eq!(self.find(&identity.key).await, known, "the loser finds the winner's job");
        }
    }

    async fn a_taken_job_id_stores_no_identity(&self) {
        let job = samples::dropped_job(&samples::owner(), false);
        self.jobs.create(&job).await.expect("create");
        let other = samples::dropped_job(&job.owner, false);
        let identity = samples::identity(&other);
        let taken = self.identities.create_job(&Job { id: job.id, ..other }, &identity).await;
        assert!(matches!(taken, Err(CreateError::Exists)), "{taken:?}");
        assert_eq!(self.find(&identity.key).await, None);
        assert_eq!(self.stored(&job).await, Some(job));
    }

    async fn an_expired_identity_counts_as_absent(&self) {
        let first = samples::dropped_job(&samples::owner(), false);
        let identity = samples::identity(&first);
        self.identities.create_job(&first, &identity).await.expect("create");
        let minute = Duration::from_secs(60);
        let (before, expired) = (identity.expires_at - minute, after(identity.expires_at, minute));
        assert!(self.find_at(&identity.key, before).await.is_some());
        assert_eq!(self.find_at(&identity.key, expired).await, None, "though it may still be stored");

        let early = Job { created_at: before, ..samples::dropped_job(&first.owner, false) };
        let renewed = Identity::new(identity.key, None, expired);
        assert!(matches!(self.identities.create_job(&early, &renewed).await, Err(CreateError::Exists)));
        let second = Job { created_at: expired, ..samples::dropped_job(&first.owner, false) };
        self.identities.create_job(&second, &renewed).await.expect("an expired identity is overwritten");
        let known = self.find_at(&identity.key, expired).await.map(|known| known.job);
        assert_eq!(known, Some(second.id));
        assert_eq!(self.stored(&first).await, Some(first), "its first job stays");
    }

    async fn the_job_the_identity_and_the_debit_are_one_change(&self) {
        let owner = self.owner_with_credits(1).await;
        let paid = samples::dropped_job(&owner, true);
        let identity = samples::identity(&paid);
        self.identities.create_job(&paid, &identity).await.expect("create");
        assert_eq!(self.credits(&owner).await, Some(0));
        let again = samples::dropped_job(&owner, true);
        let taken = self.identities.create_job(&again, &identity).await;
        assert!(matches!(taken, Err(CreateError::Exists)), "a known identity comes before the credits: {taken:?}");

        let unpaid = samples::dropped_job(&owner, true);
        let identity = samples::identity(&unpaid);
        let refused = self.identities.create_job(&unpaid, &identity).await;
        assert!(matches!(refused, Err(CreateError::InsufficientCredits)), "{refused:?}");
        assert_eq!(self.find(&identity.key).await, None, "an identity without a job is not stored");
        assert_eq!(self.stored(&unpaid).await, None);
        assert_eq!(self.credits(&owner).await, Some(0));
    }

    async fn one_of_many_writers_wins(&self) {
        let owner = self.owner_with_credits(8).await;
        let jobs: Vec<_> = (0..4).map(|_| samples::dropped_job(&owner, true)).collect();
        let identity = samples::identity(&jobs[0]);
        let created = join_all(jobs.iter().map(|job| self.identities.create_job(job, &identity))).await;
        assert_eq!(created.iter().filter(|result| result.is_ok()).count(), 1, "one of several wins: {created:?}");
        let known = self.find(&identity.key).await.expect("the winner's identity").job;
        for (job, result) in jobs.iter().zip(&created) {
            assert_eq!(result.is_ok(), known == job.id, "the identity is the winner's: {created:?}");
            assert_eq!(self.stored(job).await.is_some(), known == job.id, "and so is the only record: {created:?}");
        }
        assert_eq!(self.credits(&owner).await, Some(7), "and one is debited: {created:?}");
    }
}
