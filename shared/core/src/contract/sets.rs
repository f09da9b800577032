//! The contract of [`ParamSets`].

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::params::{ParamSet, Revision, SetName};
use crate::ports::{Ids, SystemIds};
use crate::ports::{ParamSets, Precondition, StoredSet, WriteError};

fn name(text: &str) -> SetName {
    text.parse().expect("a name")
}

fn stored(text: &str, set: ParamSet) -> StoredSet {
    StoredSet { name: name(text), revision: SystemIds.revision(), updated_at: samples::now(), set }
}

async fn names(sets: &dyn ParamSets, owner: &OwnerId) -> Vec<(SetName, Revision)> {
    let listed = sets.list(owner).await.expect("list").into_iter();
    listed.map(|(name, revision, _)| (name, revision)).collect()
}

/// Checks a store of parameter sets.
pub async fn sets(sets: &dyn ParamSets) {
    let (owner, other) = (samples::owner(), samples::owner());
    let shop = name("Test-Api");
    assert_eq!(sets.get(&owner, &shop).await.expect("get"), None, "a set that was never stored");
    assert_eq!(names(sets, &owner).await, [], "an owner without sets");

    let first = stored("Test-Api", samples::set());
    assert!(!sets.put(&owner, &first, &Precondition::Any).await.expect("put"), "no previous set");
    assert_eq!(sets.get(&owner, &shop).await.expect("get").as_ref(), Some(&first));
    let listed = sets.list(&owner).await.expect("list");
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

    preconditions(sets, &owner).await;
    many_at_once(sets, &owner).await;
    large(sets, &owner).await;
}

/// A change is made if and only if the stored set meets its precondition.
async fn preconditions(sets: &dyn ParamSets, owner: &OwnerId) {
    let set = name("conditions");
    let conflicts = |result: Result<bool, WriteError>| matches!(result, Err(WriteError::Conflict));
    let one = stored("conditions", ParamSet::empty());
    let stale = Precondition::OneOf(vec![SystemIds.revision()]);
    for precondition in [&Precondition::Present, &stale, &Precondition::OneOf(Vec::new())] {
        assert!(conflicts(sets.put(owner, &one, precondition).await), "{precondition:?} of a missing set");
        assert!(conflicts(sets.delete(owner, &set, precondition).await), "{precondition:?} of a missing set");
    }
    assert_eq!(sets.get(owner, &set).await.expect("get"), None, "nothing was changed");
    assert!(!sets.delete(owner, &set, &Precondition::Any).await.expect("delete"), "a missing set");
    assert!(!sets.delete(owner, &set, &Precondition::Absent).await.expect("delete"), "a missing set");

    sets.put(owner, &one, &Precondition::Absent).await.expect("put");
    let two = stored("conditions", samples::set());
    for precondition in [&Precondition::Absent, &stale, &Precondition::OneOf(Vec::new())] {
        assert!(conflicts(sets.put(owner, &two, precondition).await), "{precondition:?}");
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
