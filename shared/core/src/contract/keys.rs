//! The contract of [`Keys`].

use super::samples;
use crate::domain::ids::OwnerId;
use crate::domain::keys::{KeyRecord, Owner, Secret};
use crate::ports::Keys;

/// Checks a store of keys and owners.
pub async fn keys(keys: &dyn Keys) {
    let owner = samples::owner();
    let secret = Secret::generate().expect("randomness");
    let hash = secret.hash();
    let known = async |id: &OwnerId| keys.is_known(id).await.expect("is known");
    assert_eq!(keys.find(&hash).await.expect("find"), None, "a key that was never stored");
    assert!(!known(&owner).await, "an unknown owner");

    let label = "Büro „West“ 'quoted'".to_owned();
    let key = KeyRecord { hash, owner: owner.clone(), label, created_at: samples::now(), revoked_at: None };
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
        let settings = Owner { id: owner.clone(), credits, requests_per_minute };
        keys.put_owner(&settings).await.expect("put owner");
        assert_eq!(keys.owner(&owner).await.expect("owner"), settings);
    }
    let counted = Owner { credits: Some(3), requests_per_minute: Some(60), ..Owner::unlimited(owner.clone()) };
    keys.put_owner(&counted).await.expect("put owner");
    let second = KeyRecord { hash: Secret::generate().expect("randomness").hash(), ..key };
    keys.insert(&second).await.expect("insert");
    assert_eq!(keys.owner(&owner).await.expect("owner"), counted, "another key changes no settings");
    assert!(known(&owner).await);

    let other = Owner::unlimited(samples::owner());
    assert!(!known(&other.id).await);
    keys.put_owner(&other).await.expect("put owner");
    assert!(known(&other.id).await, "known by the settings");
}
