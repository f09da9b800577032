//! The contract of [`ParamSets`].

use std::future::Future;

use futures::stream::{self, StreamExt as _};

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::limits::MAX_PARAM_SETS;
use crate::domain::params::{ParamSet, Revision, SetName};
use crate::ports::{Ids, SystemIds};
use crate::ports::{ParamSets, Precondition, PutSetError, StoredSet, WriteError};

fn name(text: &str) -> SetName {
    text.parse().expect("a name")
}

fn stored(text: &str, set: ParamSet) -> StoredSet {
    StoredSet { name: name(text), revision: SystemIds.revision(), updated_at: samples::now(), set }
}

async fn names(sets: &dyn ParamSets, owner: &OwnerId) -> Vec<(SetName, Revision)> {
    let listed = sets.list(owner, None, 10 * MAX_PARAM_SETS).await.expect("list").into_iter();
    listed.map(|(name, revision, _)| (name, revision)).collect()
}

/// A part of the list, as text.
async fn part(sets: &dyn ParamSets, owner: &OwnerId, from: Option<&str>, limit: usize) -> Vec<String> {
    let from = from.map(name);
    let listed = sets.list(owner, from.as_ref(), limit).await.expect("list").into_iter();
    listed.map(|(name, ..)| name.to_string()).collect()
}

/// How well a store keeps to the limit when several requests store new sets at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetLimit {
    /// It never exceeds the limit.
    Exact,
    /// It may exceed the limit by one for each request.
    OneMoreForEachRequest,
}

/// Checks a store of parameter sets.
pub async fn sets(sets: &dyn ParamSets, limit: SetLimit) {
    let (owner, other) = (samples::owner(), samples::owner());
    let shop = name("Test-Api");
    assert_eq!(sets.get(&owner, &shop).await.expect("get"), None, "a set that was never stored");
    assert_eq!(names(sets, &owner).await, [], "an owner without sets");

    let first = stored("Test-Api", samples::set());
    assert!(!sets.put(&owner, &first, &Precondition::Any).await.expect("put"), "no previous set");
    assert_eq!(sets.get(&owner, &shop).await.expect("get").as_ref(), Some(&first));
    let listed = sets.list(&owner, None, 10).await.expect("list");
    assert_eq!(listed, [(shop.clone(), first.revision, first.updated_at)]);
    assert_eq!(sets.get(&other, &shop).await.expect("get"), None, "another owner's set");
    assert_eq!(names(sets, &other).await, []);
    let in_other_case = sets.get(&owner, &name("test-api")).await.expect("get");
    assert_eq!(in_other_case, None, "names differ by case");

    let second = stored("Test-Api", ParamSet::empty());
    assert!(sets.put(&owner, &second, &Precondition::Present).await.expect("put"), "a previous set");
    assert_eq!(sets.get(&owner, &shop).await.expect("get").as_ref(), Some(&second));

    // The list is in the order of the names' bytes.
    for other in ["b", "_", "B", "9"].iter().filter_map(|text| text.parse::<SetName>().ok()) {
        let set = StoredSet { name: other, ..stored("x", ParamSet::empty()) };
        assert!(!sets.put(&owner, &set, &Precondition::Absent).await.expect("put"));
    }
    let listed: Vec<_> = names(sets, &owner).await.into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(listed, ["9", "B", "Test-Api", "b"]);
    assert_eq!(part(sets, &owner, None, 2).await, ["9", "B"], "at most `limit` sets");
    assert_eq!(part(sets, &owner, Some("B"), 2).await, ["B", "Test-Api"], "from the named set on");
    assert_eq!(part(sets, &owner, Some("C"), 9).await, ["Test-Api", "b"], "or from the next one after that name");
    assert_eq!(part(sets, &owner, Some("b"), 9).await, ["b"]);
    assert_eq!(part(sets, &owner, Some("b0"), 9).await, [""; 0], "after the last one");

    preconditions(sets, &owner).await;
    many_at_once(sets, &owner).await;
    large(sets, &owner).await;
    limited(sets, &other, limit).await;
}

/// A change is made if and only if the stored set meets its precondition.
async fn preconditions(sets: &dyn ParamSets, owner: &OwnerId) {
    let set = name("conditions");
    let conflicts = |result: Result<bool, WriteError>| matches!(result, Err(WriteError::Conflict));
    let put_conflicts = |result: Result<bool, PutSetError>| matches!(result, Err(PutSetError::Conflict));
    let one = stored("conditions", ParamSet::empty());
    let stale = Precondition::OneOf(vec![SystemIds.revision()]);
    for precondition in [&Precondition::Present, &stale, &Precondition::OneOf(Vec::new())] {
        assert!(put_conflicts(sets.put(owner, &one, precondition).await), "{precondition:?} of a missing set");
        assert!(conflicts(sets.delete(owner, &set, precondition).await), "{precondition:?} of a missing set");
    }
    assert_eq!(sets.get(owner, &set).await.expect("get"), None, "nothing was changed");
    assert!(!sets.delete(owner, &set, &Precondition::Any).await.expect("delete"), "a missing set");
    assert!(!sets.delete(owner, &set, &Precondition::Absent).await.expect("delete"), "a missing set");

    sets.put(owner, &one, &Precondition::Absent).await.expect("put");
    let two = stored("conditions", samples::set());
    for precondition in [&Precondition::Absent, &stale, &Precondition::OneOf(Vec::new())] {
        assert!(put_conflicts(sets.put(owner, &two, precondition).await), "{precondition:?}");
        assert!(conflicts(sets.delete(owner, &set, precondition).await), "{precondition:?}");
    }
    assert_eq!(sets.get(owner, &set).await.expect("get").as_ref(), Some(&one), "nothing was changed");
    let current = Precondition::OneOf(vec![SystemIds.revision(), one.revision]);
    assert!(sets.put(owner, &two, &current).await.expect("put"));
    assert!(conflicts(sets.delete(owner, &set, &current).await), "a newer revision is stored");
    assert!(sets.delete(owner, &set, &Precondition::OneOf(vec![two.revision])).await.expect("delete"));
    assert_eq!(sets.get(owner, &set).await.expect("get"), None);
}

/// Of several changes based on one revision, one is made.
async fn many_at_once(sets: &dyn ParamSets, owner: &OwnerId) {
    let base = stored("race", ParamSet::empty());
    sets.put(owner, &base, &Precondition::Absent).await.expect("put");
    let next: Vec<_> = (0..6).map(|_| stored("race", samples::set())).collect();
    let precondition = Precondition::OneOf(vec![base.revision]);
    let made = futures::future::join_all(next.iter().map(|set| sets.put(owner, set, &precondition))).await;
    let won: Vec<_> = next.iter().zip(&made).filter(|(_, made)| made.is_ok()).map(|(set, _)| set).collect();
    assert_eq!(won.len(), 1, "{made:?}");
    assert_eq!(sets.get(owner, &base.name).await.expect("get").as_ref(), won.first().copied());
}

/// Sets of the largest allowed size are stored, and long lists of them are complete.
async fn large(sets: &dyn ParamSets, owner: &OwnerId) {
    let long = samples::long_set();
    for index in 0..30 {
        let set = stored(&format!("long-{index:02}"), long.clone());
        sets.put(owner, &set, &Precondition::Any).await.expect("put");
    }
    let last = sets.get(owner, &name("long-29")).await.expect("get").expect("a set");
    assert_eq!(last.set, long);
    let listed = names(sets, owner).await;
    assert_eq!(listed.iter().filter(|(name, _)| name.as_str().starts_with("long-")).count(), 30);
}

/// Requests of one owner that run at the same time.
const CONCURRENCY: usize = 8;

/// Runs several changes at a time, and collects their results.
async fn all<T>(changes: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(changes).buffer_unordered(CONCURRENCY).collect().await
}

/// An owner without sets stores as many as allowed, and no more.
async fn limited(sets: &dyn ParamSets, owner: &OwnerId, limit: SetLimit) {
    let numbered: Vec<_> = (0..MAX_PARAM_SETS).map(|n| stored(&format!("set-{n:04}"), ParamSet::empty())).collect();
    let (most, last) = numbered.split_at(MAX_PARAM_SETS - 1);
    let made = all(most.iter().map(|set| sets.put(owner, set, &Precondition::Any))).await;
    assert!(made.iter().all(|made| matches!(made, Ok(false))), "{made:?}");
    assert_eq!(names(sets, owner).await.len(), MAX_PARAM_SETS - 1);

    // One place is left, and several requests want it.
    let rivals: Vec<_> = (0..CONCURRENCY).map(|n| stored(&format!("rival-{n}"), ParamSet::empty())).collect();
    let made = all(rivals.iter().map(|set| sets.put(owner, set, &Precondition::Absent))).await;
    let stored_now = names(sets, owner).await.len();
    let won = made.iter().filter(|made| made.is_ok()).count();
    assert_eq!(stored_now, MAX_PARAM_SETS - 1 + won, "{made:?}");
    let allowed = if limit == SetLimit::Exact { 1..=1 } else { 1..=CONCURRENCY };
    assert!(allowed.contains(&won), "{won} of {CONCURRENCY} requests got the last place: {made:?}");
    let refused = |made: &Result<bool, PutSetError>| matches!(made, Ok(false) | Err(PutSetError::TooMany));
    assert!(made.iter().all(refused), "{made:?}");

    let one_more = &last[0];
    for precondition in [Precondition::Any, Precondition::Absent] {
        let made = sets.put(owner, one_more, &precondition).await;
        assert!(matches!(made, Err(PutSetError::TooMany)), "{precondition:?}: {made:?}");
    }
    let made = sets.put(owner, one_more, &Precondition::Present).await;
    assert!(matches!(made, Err(PutSetError::Conflict)), "the precondition comes first: {made:?}");
    assert_eq!(sets.get(owner, &one_more.name).await.expect("get"), None, "nothing was changed");
    assert_eq!(names(sets, owner).await.len(), stored_now);

    let replaced = StoredSet { set: samples::set(), revision: SystemIds.revision(), ..most[0].clone() };
    for precondition in [Precondition::Any, Precondition::OneOf(vec![replaced.revision])] {
        let made = sets.put(owner, &replaced, &precondition).await;
        assert!(matches!(made, Ok(true)), "replacing always works: {made:?}");
    }
    let taken = sets.put(owner, &replaced, &Precondition::Absent).await;
    assert!(matches!(taken, Err(PutSetError::Conflict)), "{taken:?}");

    let surplus = stored_now - MAX_PARAM_SETS;
    for set in &most[..=surplus] {
        assert!(sets.delete(owner, &set.name, &Precondition::Any).await.expect("delete"));
    }
    assert!(!sets.put(owner, one_more, &Precondition::Absent).await.expect("put"), "deleting frees a place");
    let made = sets.put(owner, &most[0], &Precondition::Any).await;
    assert!(matches!(made, Err(PutSetError::TooMany)), "and only one: {made:?}");
    assert!(!sets.put(&samples::owner(), one_more, &Precondition::Any).await.expect("put"), "other owners are free");
}
