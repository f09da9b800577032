//! The contract of [`Jobs::list`].

use std::time::Duration;

use futures::future::join_all;

use super::samples;
use crate::domain::failure::{FailureCode, Fault};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::{Job, JobSpec, JobSummary, Transition};
use crate::domain::policy::Policy;
use crate::ports::{Ids, JobPage, JobQuery, Jobs, SystemIds};

/// How often to look whether a list has caught up with the records, and how long to wait in between.
const LOOKS: usize = 600;
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Checks the lists of a store of jobs.
pub async fn job_lists(jobs: &dyn Jobs) {
    pages_hold_every_job_once(jobs).await;
    an_external_id_leads_to_its_jobs(jobs).await;
    a_list_follows_the_records(jobs).await;
    one_owner_never_sees_anothers_jobs(jobs).await;
}

/// All pages of a list, with `limit` jobs looked at for each.
async fn pages(jobs: &dyn Jobs, owner: &OwnerId, first: JobQuery) -> Vec<JobSummary> {
    let (mut query, mut found) = (first, Vec::new());
    loop {
        let JobPage { jobs: page, next } = jobs.list(owner, &query).await.expect("list");
        assert!(page.len() <= query.limit, "{page:?}");
        found.extend(page);
        match next {
            Some(next) => assert!(query.before.replace(next).is_none_or(|before| next < before), "pages go backward"),
            None => return found,
        }
    }
}

/// Waits until the list holds these jobs.
async fn expect_list(jobs: &dyn Jobs, owner: &OwnerId, query: &JobQuery, expected: &[&Job]) {
    let expected: Vec<_> = expected.iter().filter_map(|job| JobSummary::of(job)).collect();
    let mut found = Vec::new();
    for _ in 0..LOOKS {
        found = pages(jobs, owner, query.clone()).await;
        if found == expected {
            return;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    assert_eq!(found, expected, "{query:?}");
}

fn all(limit: usize) -> JobQuery {
    JobQuery { before: None, external_id: None, limit }
}

/// Stores some jobs of an owner. Returns them, the newest first.
async fn create(jobs: &dyn Jobs, owner: &OwnerId, count: usize) -> Vec<Job> {
    let mut created: Vec<_> = (0..count).map(|_| samples::job(owner, false)).collect();
    created.reverse();
    for job in join_all(created.iter().map(|job| jobs.create(job))).await {
        job.expect("create");
    }
    created
}

async fn pages_hold_every_job_once(jobs: &dyn Jobs) {
    let owner = samples::owner();
    assert_eq!(pages(jobs, &owner, all(3)).await, []);
    let created = create(jobs, &owner, 7).await;
    let expected: Vec<_> = created.iter().collect();
    for limit in [1, 3, 7, 1_000] {
        expect_list(jobs, &owner, &all(limit), &expected).await;
    }
    let before = JobQuery { before: Some(created[4].id), ..all(1_000) };
    expect_list(jobs, &owner, &before, &expected[5..]).await;
    let nothing = JobQuery { before: Some(JobId::new(uuid::Uuid::nil())), ..all(1_000) };
    expect_list(jobs, &owner, &nothing, &[]).await;
}

async fn an_external_id_leads_to_its_jobs(jobs: &dyn Jobs) {
    let owner = samples::owner();
    // One is the beginning of the other.
    let ids = ["4711", "4711#1", "é\u{1f600} \"%_\\", "4711", ""].map(|id| id.parse().ok());
    let mut created = Vec::new();
    for external_id in &ids {
        let job = samples::job(&owner, false);
        let spec = JobSpec { external_id: external_id.clone(), ..job.spec.clone() };
        let job = Job { spec, ..job };
        jobs.create(&job).await.expect("create");
        created.insert(0, job);
    }
    expect_list(jobs, &owner, &all(10), &created.iter().collect::<Vec<_>>()).await;
    for external_id in ids.into_iter().flatten() {
        let expected: Vec<_> =
            created.iter().filter(|job| job.spec.external_id.as_ref() == Some(&external_id)).collect();
        for limit in [1, 10] {
            let query = JobQuery { external_id: Some(external_id.clone()), ..all(limit) };
            expect_list(jobs, &owner, &query, &expected).await;
        }
    }
    let unknown = JobQuery { external_id: "471".parse().ok(), ..all(10) };
    expect_list(jobs, &owner, &unknown, &[]).await;
    let another = JobQuery { external_id: "4711".parse().ok(), ..all(10) };
    expect_list(jobs, &samples::owner(), &another, &[]).await;
}

/// Stores a transition, and returns the job after it.
async fn replace(jobs: &dyn Jobs, transition: Transition) -> Job {
    jobs.replace(&transition).await.expect("replace");
    transition.job
}

async fn a_list_follows_the_records(jobs: &dyn Jobs) {
    let (owner, policy) = (samples::owner(), Policy::default());
    let [pending, done, failed, withdrawn, deleted] = &create(jobs, &owner, 5).await[..] else { unreachable!() };
    let (now, token) = (samples::now(), SystemIds.lease());
    let running = replace(jobs, done.clone().claim(token, now, &policy).expect("claim")).await;
    let outcome = samples::outcome(running.id, token);
    let done = replace(jobs, running.finish(token, outcome, now, &policy).expect("finish")).await;
    let fault = Fault::fail(FailureCode::NoSubject, "„none“");
    let failed = failed.clone().expire(fault.failure().clone(), now, &policy).expect("expire");
    let failed = replace(jobs, failed).await;
    replace(jobs, withdrawn.clone().withdraw(now, &policy).expect("withdraw")).await;
    let running = replace(jobs, deleted.clone().claim(token, now, &policy).expect("claim")).await;
    replace(jobs, running.delete(now, &policy).expect("delete")).await;
    expect_list(jobs, &owner, &all(10), &[pending, &done, &failed]).await;
    for limit in [1, 2] {
        expect_list(jobs, &owner, &all(limit), &[pending, &done, &failed]).await;
    }
    let external_id = pending.spec.external_id.clone();
    assert!(external_id.is_some());
    expect_list(jobs, &owner, &JobQuery { external_id, ..all(10) }, &[pending, &done, &failed]).await;
}

async fn one_owner_never_sees_anothers_jobs(jobs: &dyn Jobs) {
    let (owner, other) = (samples::owner(), samples::owner());
    let created = create(jobs, &owner, 2).await;
    expect_list(jobs, &owner, &all(10), &created.iter().collect::<Vec<_>>()).await;
    expect_list(jobs, &other, &all(10), &[]).await;
}
