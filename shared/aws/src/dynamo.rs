//! Jobs, identities, keys, owners and parameter sets in one DynamoDB table.
//!
//! | item | `pk` | `sk` | extra attributes |
//! |---|---|---|---|
//! | job | `job#<id>` | `job` | `due`, `due_at` while it is pending or owes a report; `ttl` once it has ended |
//! | identity | `<kind>#<SHA-256, hex>` | `<kind>` | `expires_at` (milliseconds since 1970), `ttl` |
//! | key | `key#<SHA-256, hex>` | `key` | |
//! | owner | `owner#<id>` | `owner` | |
//! | parameter set | `owner#<id>` | `set#<name>` | |
//!
//! A record's fields are attributes of the same names, as serde writes them; null fields are left out. The sparse
//! index `due` has the partition key `due` (`due#0` to `due#7`, from the job's id) and the sort key `due_at`
//! (milliseconds since 1970). `ttl` is in seconds since 1970, as DynamoDB requires.

mod identities;
mod item;
mod jobs;
mod keys;
mod sets;
mod table;
mod transaction;

pub use table::DynamoTable;
pub(crate) use transaction::RetryConflicts;
