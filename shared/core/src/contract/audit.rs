//! The contract of [`Audit`].

use std::cmp::Reverse;

use super::samples;
use crate::domain::audit::{Actor, AuditEntry, AuditEvent, AuditId};
use crate::domain::ids::{JobId, OwnerId};
use crate::domain::job::Effect;
use crate::domain::keys::{CreditChange, OwnerChange, Secret};
use crate::domain::policy::Policy;
use crate::ports::{Audit, Ids as _, Jobs, Keys, SystemIds, WriteError};

fn entry(owner: &OwnerId, event: AuditEvent) -> AuditEntry {
    AuditEntry::new(SystemIds.audit(), samples::now(), owner.clone(), Actor::CommandLine, event)
}

/// Checks an audit log, whose jobs are in `jobs` and whose owners are in `keys`.
pub async fn audit(audit: &dyn Audit, jobs: &dyn Jobs, keys: &dyn Keys) {
    lists_entries_newest_first(audit).await;
    a_transition_and_its_entry_are_one_change(audit, jobs, keys).await;
}

async fn lists_entries_newest_first(audit: &dyn Audit) {
    let (owner, other) = (samples::owner(), samples::owner());
    let (job, new, other_job) = (SystemIds.job(), SystemIds.job(), SystemIds.job());
    let list =
        async |owner: &OwnerId, before: Option<AuditId>, limit| audit.list(owner, before, limit).await.expect("list");
    let of_job = async |job: JobId, limit| audit.of_job(job, limit).await.expect("of job");
    assert_eq!((list(&owner, None, 10).await, of_job(job, 10).await), (vec![], vec![]), "nothing was stored");

    let hash = Secret::generate().expect("random").hash();
    let change = OwnerChange { credits: Some(CreditChange::Add(5)), ..OwnerChange::default() };
    let mut entries = vec![
        entry(&owner, AuditEvent::key_revoked(&hash)),
        entry(&owner, AuditEvent::owner_changed(&change)),
        entry(&owner, AuditEvent::job_retried(job, new)),
        entry(&owner, AuditEvent::job_recut(other_job, 1)),
        entry(&owner, AuditEvent::job_recut_as(other_job, new)),
        entry(&owner, AuditEvent::job_deleted(job, "done")),
    ];
    entries[5].actor = Actor::of_key(&hash);
    let foreign = entry(&other, AuditEvent::job_deleted(new, "queued"));
    for stored in entries.iter().chain([&foreign]) {
        for _ in 0..2 {
            audit.append(stored).await.expect("append");
        }
    }
    entries.sort_by_key(|entry| Reverse(entry.id));
    assert_eq!(list(&owner, None, 10).await, entries, "each once, unchanged");
    assert_eq!(list(&owner, None, 2).await, entries[..2]);
    assert_eq!(list(&owner, Some(entries[1].id), 10).await, entries[2..]);
    assert_eq!(list(&owner, Some(entries[5].id), 10).await, vec![]);
    assert_eq!(list(&other, None, 10).await, std::slice::from_ref(&foreign));

    let about_job: Vec<_> = entries.iter().filter(|entry| entry.job == Some(job)).cloned().collect();
    assert_eq!(about_job.len(), 2);
    assert_eq!(of_job(job, 10).await, about_job);
    assert_eq!(of_job(job, 1).await, about_job[..1]);
    assert_eq!(of_job(new, 10).await, [foreign]);
}

async fn a_transition_and_its_entry_are_one_change(audit: &dyn Audit, jobs: &dyn Jobs, keys: &dyn Keys) {
    let policy = Policy::default();
    let owner = samples::owner();
    let change = OwnerChange { credits: Some(CreditChange::Set(2)), ..OwnerChange::default() };
    keys.change_owner(&owner, change).await.expect("change owner");
    for charged in [true, false] {
        let job = samples::job(&owner, charged);
        jobs.create(&job).await.expect("create");
        let deleted = |job: crate::Job| {
            let event = AuditEvent::job_deleted(job.id, job.state.name());
            let mut deleted = job.delete(samples::now(), &policy).expect("deletes");
            deleted.effects.push(Effect::Audit(Box::new(entry(&owner, event))));
            deleted
        };
        let renewed = job.clone().look_later(samples::now(), &policy).expect("waits");
        jobs.replace(&renewed).await.expect("replace");
        let late = jobs.replace(&deleted(job.clone())).await;
        assert!(matches!(late, Err(WriteError::Conflict)), "{late:?}");
        assert_eq!(audit.of_job(job.id, 10).await.expect("of job"), [], "a transition that was not stored");

        let transition = deleted(renewed.job);
        jobs.replace(&transition).await.expect("replace");
        let stored = audit.of_job(job.id, 10).await.expect("of job");
        assert!(matches!(&transition.effects[..], [.., Effect::Audit(entry)] if stored == [(**entry).clone()]));
        assert_eq!(audit.list(&owner, None, 1).await.expect("list"), stored);
        assert_eq!(jobs.get(job.id).await.expect("get"), Some(transition.job));
    }
    assert_eq!(keys.owner(&owner).await.expect("owner").credits, Some(2), "refunded with the transition");
}
