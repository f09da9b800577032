//! The contract of [`Keys`].

use futures::future::join_all;

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::keys::{CreditChange, KeyRecord, KeyScope, Owner, OwnerChange, RateLimitChange, Secret};
use crate::domain::outcome::Confidence;
use crate::domain::review::ReviewRule;
use crate::ports::{ChangeOwnerError, Keys};

/// Checks a store of keys and owners.
pub async fn keys(keys: &dyn Keys) {
    let owner = samples::owner();
    let secret = Secret::generate().expect("randomness");
    let hash = secret.hash();
    let known = async |id: &OwnerId| keys.is_known(id).await.expect("is known");
    assert_eq!(keys.find(&hash).await.expect("find"), None, "a key that was never stored");
    assert!(!known(&owner).await, "an unknown owner");

    let label = "Büro „West“ 'quoted'".to_owned();
    let (created_at, scope) = (samples::now(), KeyScope::Full);
    let key = KeyRecord { hash, owner: owner.clone(), label, scope, created_at, revoked_at: None };
    keys.insert(&key).await.expect("insert");
    assert_eq!(keys.find(&hash).await.expect("find").as_ref(), Some(&key));
    assert!(known(&owner).await, "known by a key");

    let revoked_at = samples::now();
    assert!(keys.revoke(&hash, revoked_at).await.expect("revoke"));
    assert!(!keys.revoke(&hash, samples::now()).await.expect("revoke"), "a key is revoked once");
    let revoked = KeyRecord { revoked_at: Some(revoked_at), ..key.clone() };
    assert_eq!(keys.find(&hash).await.expect("find").as_ref(), Some(&revoked));
    keys.insert(&key).await.expect("insert");
    assert_eq!(keys.find(&hash).await.expect("find"), Some(revoked), "a revoked key stays revoked");

    let unknown = Secret::generate().expect("randomness").hash();
    assert!(!keys.revoke(&unknown, revoked_at).await.expect("revoke"), "a missing key");
    assert_eq!(keys.find(&unknown).await.expect("find"), None, "revoking stores nothing");

    assert_eq!(keys.owner(&owner).await.expect("owner"), Owner::unlimited(owner.clone()), "the defaults");
    let limits = [(Some(7), None), (Some(0), Some(u32::MAX)), (None, Some(1)), (Some(u64::from(u32::MAX) + 1), None)];
    for (credits, requests_per_minute) in limits {
        let settings = Owner { credits, requests_per_minute, ..Owner::unlimited(owner.clone()) };
        samples::put_owner(keys, &settings).await;
        assert_eq!(keys.owner(&owner).await.expect("owner"), settings);
    }
    let below = Confidence::try_from(0.35).map_or(ReviewRule::Always, ReviewRule::Below);
    for review in [ReviewRule::Always, below, ReviewRule::Off] {
        let change = OwnerChange { review: Some(review), ..OwnerChange::default() };
        keys.change_owner(&owner, change).await.expect("change");
        assert_eq!(keys.owner(&owner).await.expect("owner").review, review);
    }
    let counted = Owner { credits: Some(3), requests_per_minute: Some(60), ..Owner::unlimited(owner.clone()) };
    samples::put_owner(keys, &counted).await;
    let second = KeyRecord { hash: Secret::generate().expect("randomness").hash(), ..key };
    keys.insert(&second).await.expect("insert");
    for scope in KeyScope::ALL {
        let scoped = KeyRecord { hash: Secret::generate().expect("randomness").hash(), scope, ..second.clone() };
        keys.insert(&scoped).await.expect("insert");
        assert_eq!(keys.find(&scoped.hash).await.expect("find"), Some(scoped));
    }
    assert_eq!(keys.owner(&owner).await.expect("owner"), counted, "another key changes no settings");
    assert!(known(&owner).await);

    changes_of_owners(keys).await;

    let other = Owner::unlimited(samples::owner());
    assert!(!known(&other.id).await);
    samples::put_owner(keys, &other).await;
    assert!(known(&other.id).await, "known by the settings");
}

async fn changes_of_owners(keys: &dyn Keys) {
    let id = samples::owner();
    let credits = |credits| OwnerChange { credits: Some(credits), ..OwnerChange::default() };
    let limit = |limit| OwnerChange { requests_per_minute: Some(limit), ..OwnerChange::default() };
    let settings = async || {
        let owner = keys.owner(&id).await.expect("owner");
        (owner.credits, owner.requests_per_minute)
    };
    let change = async |change| keys.change_owner(&id, change).await.expect("change owner");
    let refuse = async |change| {
        let refused = keys.change_owner(&id, change).await;
        assert!(matches!(refused, Err(ChangeOwnerError::Credits)), "{change:?}: {refused:?}");
    };
    for uncounted in [CreditChange::Add(1), CreditChange::Subtract(0)] {
        refuse(credits(uncounted)).await;
    }
    assert!(!keys.is_known(&id).await.expect("is known"), "a refused change stores nothing");
    change(limit(RateLimitChange::Set(60))).await;
    assert_eq!(settings().await, (None, Some(60)), "an owner without settings");
    refuse(credits(CreditChange::Add(1))).await;
    change(credits(CreditChange::Set(5))).await;
    change(credits(CreditChange::Add(3))).await;
    assert_eq!(settings().await, (Some(8), Some(60)), "the limit stays");
    let both = OwnerChange { credits: Some(CreditChange::Subtract(9)), ..limit(RateLimitChange::Unlimited) };
    refuse(both).await;
    assert_eq!(settings().await, (Some(8), Some(60)), "all or nothing");
    change(OwnerChange { credits: Some(CreditChange::Subtract(8)), ..both }).await;
    assert_eq!(settings().await, (Some(0), None));

    let one_more = credits(CreditChange::Add(1));
    let added = join_all((0..20).map(|_| keys.change_owner(&id, one_more))).await;
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    assert_eq!(settings().await, (Some(20), None), "concurrent changes");
    change(credits(CreditChange::Unlimited)).await;
    change(OwnerChange::default()).await;
    assert_eq!(settings().await, (None, None));
}
