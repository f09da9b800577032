//! All keys and owners of a table, for an operator at the command line.
//!
//! No index has them: functions find a key by its hash and an owner by its name. So this reads the whole table, with the
//! operator's own credentials; the roles of the functions may not scan.

use cutline_core::domain::keys::{KeyRecord, Owner};
use cutline_core::ports::PortError;
use futures::future::try_join_all;

use super::item::{Item, PrimaryKey, decode, string};
use super::table::DynamoTable;
use crate::error::{AwsError, fault};

/// The parts of the table that are read at the same time.
const SEGMENTS: i32 = 8;

/// The keys and the settings of owners in a table, in no order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    /// Every key, including revoked ones.
    pub keys: Vec<KeyRecord>,
    /// Every owner with settings.
    pub owners: Vec<Owner>,
}

impl DynamoTable {
    /// Reads every item of the table, and keeps the keys and owners. A million jobs cost about four hundred thousand read
    /// units.
    ///
    /// # Errors
    /// [`PortError`] on a fault of the store.
    pub async fn directory(&self) -> Result<Directory, PortError> {
        let segments = try_join_all((0..SEGMENTS).map(|segment| self.directory_of(segment))).await?;
        Ok(segments.into_iter().fold(Directory::default(), |mut all, segment| {
            all.keys.extend(segment.keys);
            all.owners.extend(segment.owners);
            all
        }))
    }

    async fn directory_of(&self, segment: i32) -> Result<Directory, PortError> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(SEGMENTS)
            .filter_expression("sk = :key OR sk = :owner")
            .expression_attribute_values(":key", string("key"))
            .expression_attribute_values(":owner", string("owner"))
            .into_paginator()
            .items()
            .send();
        let mut directory = Directory::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| fault("dynamodb:Scan", error))?;
            let key = key_of(&item)?;
            match key.is_owner() {
                true => directory.owners.push(decode(&key, item)?),
                false => directory.keys.push(decode(&key, item)?),
            }
        }
        Ok(directory)
    }
}

/// The primary key of an item, for messages.
fn key_of(item: &Item) -> Result<PrimaryKey, PortError> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let missing = || AwsError::Record { key: "?".to_owned(), detail: "an item without a key".to_owned() };
    text("pk").zip(text("sk")).map(|(pk, sk)| PrimaryKey::read(pk, sk)).ok_or_else(|| missing().into())
}
