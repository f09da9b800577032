//! Cutline's ports on AWS: jobs, keys, owners and parameter sets in DynamoDB, sources and outputs in S3, messages in SQS.
//!
//! It begins with [`Aws`], which stands for the account and makes the adapters. No type of the SDK is in
//! what this crate offers, and no rule of a job is in what it does: a method of an adapter is one call, or
//! one transaction, and the port's documentation says what it means.
//!
//! | type | port | on |
//! |---|---|---|
//! | [`DynamoTable`] | `Jobs`, `Drops`, `Keys`, `ParamSets` | DynamoDB |
//! | [`S3Bucket`] | `Blobs`, `DropFiles` | S3 |
//! | [`S3Links`] | `Links` | S3, signed by a session of a role from STS |
//! | [`SqsQueue`] | `Queue`, `Deliveries`, `Quarantine` | SQS; its age from CloudWatch |
//!
//! What the Lambda functions have in common is here too: [`config`] reads their environment, and [`lambda`]
//! takes their events apart.
//!
//! On Lambda a process stands still between two invocations. So nothing here runs in the background, and
//! what grows old, such as a session, is looked at by the call that needs it.

mod client;
pub mod config;
mod dynamo;
mod error;
pub mod lambda;
mod links;
mod s3;
mod sqs;

pub use client::Aws;
pub use dynamo::DynamoTable;
pub use links::S3Links;
pub use s3::S3Bucket;
pub use sqs::SqsQueue;
