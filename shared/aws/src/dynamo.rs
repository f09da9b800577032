//! Jobs, identities, keys, owners, parameter sets, counters and the audit log in one DynamoDB table.
//!
//! | item | `pk` | `sk` | extra attributes |
//! |---|---|---|---|
//! | job | `job#<id>` | `job` | the keys of its indexes and `summary`, see below; `ttl` once it has ended |
//! | identity | `<kind>#<SHA-256, hex>` | `<kind>` | `expires_at` (milliseconds since 1970), `ttl` |
//! | key | `key#<SHA-256, hex>` | `key` | |
//! | owner | `owner#<id>` | `owner` | |
//! | webhook secrets | `hook#<owner>` | `hook` | |
//! | counter of requests | `rate#<owner>#<start of the window, seconds since 1970>` | `rate` | `requests`, `ttl` |
//! | direct upload | `upload#<owner>#<key>` | `upload` | `ttl` |
//! | mark of an open upload | `uploads#<owner>` | `<expiry, milliseconds since 1970, 15 digits>#<key>` | `ttl` |
//! | counts of an owner's jobs that ended in a month | `usage#<owner>#<YYYY-MM>` | `usage` | `done`, `failed`, `cancelled`, `ttl` |
//! | entry of the audit log | `audit#<owner>`, and again under `job#<id>` if it is about a job | `audit#<id>` | `ttl` |
//! | parameter set | `owner#<id>` | `set#<name>` | |
//!
//! A record's fields are attributes of the same names, as serde writes them; null fields are left out. `ttl` is in
//! seconds since 1970, as DynamoDB requires.
//!
//! Jobs have three sparse indexes:
//!
//! | index and partition key | value | sort key | holds |
//! |---|---|---|---|
//! | `due` | `due#0` to `due#7`, from the job's id | `due_at` | jobs that have not ended, which the sweep has to look at |
//! | `due` | `report#0` to `report#7` | `due_at` | jobs that have ended and owe a report |
//! | `due` | `deletion#0` to `deletion#7` | `due_at` | deleted jobs whose files the sweep has to delete |
//! | `by_owner` | `jobs#<owner>` | `id` | all jobs but those that were withdrawn or deleted |
//! | `by_external_id` | `external#<owner>#<external id>` | `id` | those of them with an external id |
//!
//! `due_at` is in milliseconds since 1970. The last two indexes project `summary`, the job's
//! [`JobSummary`](cutline_core::domain::job::JobSummary). It changes only when the job ends, so a step writes to no index.
//! A job that an earlier release wrote last has none of their attributes and is not listed. `id` is a key of both, so it
//! must be a string in every item of the table that has one.

mod audit;
mod directory;
mod identities;
mod item;
mod job_item;
mod jobs;
mod keys;
mod rate_counters;
mod sets;
mod table;
mod transaction;
mod uploads;
mod usage;
mod webhooks;

pub use directory::Directory;
pub use table::DynamoTable;
pub(crate) use transaction::RetryConflicts;
