//! Lists of jobs: conditions, pages, and what a page looks at.

use cutline_core::contract::samples;
use cutline_core::domain::job::{JobSummary, ListedStatus, Transition};
use cutline_core::ports::Jobs;
use cutline_core::usecases::{JobFilter, JobListing};
use cutline_core::{Clock as _, Confidence, Failure, FailureCode, Job, JobId, JobState, LeaseToken, Mode, Policy};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::world::World;

/// The id of a job that is created at this time.
fn id_at(time: Timestamp, number: u64) -> JobId {
    let millis = u64::try_from(time.as_millisecond()).expect("after 1970");
    JobId::new(Uuid::from_u64_pair(millis << 16 | 0x7000, 1 << 63 | number))
}

/// Stores `count` jobs, one a second until now. Returns them, the newest first.
async fn stored(world: &World, count: u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for number in 0..count {
        let created_at = world.clock.now() - SignedDuration::from_secs(i64::try_from(number).expect("few"));
        let id = id_at(created_at, number);
        let job = Job::new(id, world.owner.clone(), samples::spec(), created_at, &Policy::default());
        world.store.create(&job).await.expect("create");
        jobs.push(job);
    }
    jobs
}

async fn list(world: &World, filter: &JobFilter, before: Option<JobId>, limit: usize) -> JobListing {
    world.job_list().run(&world.owner, filter, before, limit).await.expect("a list")
}

/// The ids of all pages, and the number of pages.
async fn all_pages(world: &World, filter: &JobFilter, limit: usize) -> (Vec<JobId>, usize) {
    let (mut ids, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let JobListing { jobs, next } = list(world, filter, before, limit).await;
        assert!(jobs.len() <= limit);
        ids.extend(jobs.into_iter().map(|job| job.id));
        (before, pages) = (next, pages + 1);
        if before.is_none() {
            return (ids, pages);
        }
    }
}

fn ids<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<JobId> {
    jobs.into_iter().map(|job| job.id).collect()
}

async fn end(world: &World, job: &Job, confidence: Option<f32>) -> Job {
    let (policy, now) = (Policy::default(), world.clock.now());
    let token = LeaseToken::new(Uuid::now_v7());
    let running = job.clone().claim(token, now, &policy).expect("claim").job;
    let ended = match confidence {
        Some(share) => {
            let outcome = samples::outcome(job.id, token);
            let confidence = Some(Confidence::nearest(share));
            running.finish(token, cutline_core::domain::outcome::Outcome { confidence, ..outcome }, now, &policy)
        }
        None => {
            let failure = Failure { code: FailureCode::NoSubject, message: "none".to_owned(), retryable: false };
            running.give_up(token, cutline_core::Fault::Fail(failure), now, &policy)
        }
    };
    let ended = Job { version: job.version + 1, ..ended.expect("ends").job };
    world.store.replace(&Transition::without_effects(ended.clone())).await.expect("replace");
    ended
}

#[tokio::test]
async fn every_page_size_shows_every_job_once_and_no_empty_last_page() {
    let world = World::new(None).await;
    assert_eq!(list(&world, &JobFilter::default(), None, 10).await, JobListing::default());
    let jobs = stored(&world, 12).await;
    for (limit, pages) in [(1, 12), (5, 3), (6, 2), (12, 1), (100, 1)] {
        assert_eq!(all_pages(&world, &JobFilter::default(), limit).await, (ids(&jobs), pages), "{limit}");
    }
}

#[tokio::test]
async fn every_condition_counts() {
    let world = World::new(None).await;
    let mut jobs = stored(&world, 6).await;
    jobs[1] = end(&world, &jobs[1], Some(0.9)).await;
    jobs[3] = end(&world, &jobs[3], Some(0.4)).await;
    jobs[4] = end(&world, &jobs[4], None).await;
    let at = |number: usize| Some(jobs[number].created_at);
    let cases = [
        (JobFilter { has_ended: Some(true), ..Default::default() }, vec![1, 3, 4]),
        (JobFilter { has_ended: Some(false), ..Default::default() }, vec![0, 2, 5]),
        (JobFilter { status: Some(ListedStatus::Failed), ..Default::default() }, vec![4]),
        (JobFilter { status: Some(ListedStatus::Queued), ..Default::default() }, vec![0, 2, 5]),
        (JobFilter { mode: Some(Mode::Background), ..Default::default() }, vec![0, 1, 2, 3, 4, 5]),
        (JobFilter { mode: Some(Mode::Clipping), ..Default::default() }, vec![]),
        (JobFilter { confidence_below: Confidence::try_from(0.9).ok(), ..Default::default() }, vec![3]),
        (JobFilter { external_id: jobs[0].spec.external_id.clone(), ..Default::default() }, vec![0, 1, 2, 3, 4, 5]),
        (JobFilter { external_id: "other".parse().ok(), ..Default::default() }, vec![]),
        (JobFilter { created_after: at(2), created_before: at(0), ..Default::default() }, vec![1]),
        (JobFilter { created_before: at(3), has_ended: Some(true), ..Default::default() }, vec![4]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|number: usize| jobs[number].id).collect();
        for limit in [1, 2, 100] {
            assert_eq!(all_pages(&world, &filter, limit).await.0, expected, "{filter:?}");
        }
    }
    let shown = list(&world, &JobFilter::default(), None, 10).await.jobs;
    assert_eq!(shown, jobs.iter().filter_map(JobSummary::of).collect::<Vec<_>>());
    assert_eq!((shown[3].confidence, shown[3].ended_at), (Some(Confidence::nearest(0.4)), Some(world.clock.now())));
    let JobState::Failed { failure, .. } = &jobs[4].state else { panic!("{:?}", jobs[4]) };
    assert_eq!(shown[4].failure.as_ref(), Some(failure));
}

#[tokio::test]
async fn a_page_looks_at_a_thousand_jobs() {
    let world = World::new(None).await;
    let jobs = stored(&world, 2_100).await;
    let last = end(&world, &jobs[2_099], None).await;
    let failed = JobFilter { status: Some(ListedStatus::Failed), ..Default::default() };
    let (mut before, mut looked_at) = (None, Vec::new());
    for _ in 0..2 {
        let JobListing { jobs: shown, next } = list(&world, &failed, before, 10).await;
        assert_eq!(shown, []);
        looked_at.push(next.expect("a next page"));
        before = next;
    }
    assert_eq!(looked_at, [jobs[999].id, jobs[1_999].id]);
    let rest = list(&world, &failed, before, 10).await;
    assert_eq!((rest.jobs.len(), rest.jobs[0].id, rest.next), (1, last.id, None));
    // Older jobs cannot match, so they are not looked at.
    let recent = JobFilter { created_after: Some(jobs[3].created_at), ..Default::default() };
    assert_eq!(all_pages(&world, &recent, 100).await, (ids(&jobs[..3]), 1));
}

#[tokio::test]
async fn expired_jobs_are_not_shown() {
    let world = World::new(None).await;
    let jobs = stored(&world, 3).await;
    end(&world, &jobs[1], None).await;
    world.clock.advance(Policy::default().retention);
    assert_eq!(all_pages(&world, &JobFilter::default(), 2).await.0, [jobs[0].id, jobs[2].id]);
}
