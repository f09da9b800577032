//! All keys and owners of a data folder or a deployment.

use std::collections::BTreeMap;

use cutline_core::domain::keys::{KeyRecord, Owner};
use cutline_local::ListedOwner;

/// All keys and owners, in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Every key, including revoked ones, oldest first.
    pub(crate) keys: Vec<KeyRecord>,
    /// Every owner with settings or a key, by name.
    pub(crate) owners: Vec<ListedOwner>,
}

impl Directory {
    /// The directory of these keys and settings, which are in no order.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "a data folder has its own queries"))]
    pub(super) fn new(mut keys: Vec<KeyRecord>, owners: Vec<Owner>) -> Self {
        keys.sort_by_key(|key| (key.created_at, key.hash.to_string()));
        let listed = |owner: Owner| (owner.id.clone(), ListedOwner { owner, keys: 0 });
        let mut by_name: BTreeMap<_, _> = owners.into_iter().map(listed).collect();
        for key in &keys {
            let (id, unknown) = listed(Owner::unlimited(key.owner.clone()));
            by_name.entry(id).or_insert(unknown).keys += u64::from(key.revoked_at.is_none());
        }
        Self { keys, owners: by_name.into_values().collect() }
    }
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use cutline_core::domain::keys::{KeyScope, Secret};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn counts_the_valid_keys_of_every_owner() {
        let key = |owner: &str, second, is_revoked: bool| KeyRecord {
            hash: Secret::generate().expect("random").hash(),
            owner: owner.parse().expect("an owner"),
            label: String::new(),
            scope: KeyScope::Full,
            created_at: Timestamp::from_second(second).expect("a time"),
            revoked_at: is_revoked.then_some(Timestamp::MAX),
        };
        let keys = [key("shop", 3, false), key("shop", 1, true), key("new", 2, false), key("shop", 4, false)];
        let owner = |name: &str| Owner::unlimited(name.parse().expect("an owner"));
        let rich = Owner { credits: Some(7), ..owner("shop") };
        let directory = Directory::new(keys.to_vec(), vec![rich.clone(), owner("a")]);
        assert_eq!(directory.keys, [1, 2, 0, 3].map(|index: usize| keys[index].clone()), "oldest first");
        let expected = [(owner("a"), 0), (owner("new"), 1), (rich, 2)].map(|(owner, keys)| ListedOwner { owner, keys });
        assert_eq!(directory.owners, expected);
    }
}
