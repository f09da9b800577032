//! Cutline's ports on AWS: records in DynamoDB, sources and outputs in S3, messages in SQS.
//!
//! [`Aws`] stands for the account and makes the adapters. The public API exposes no SDK type, and the adapters know
//! no rule of a job: each method is one call or one transaction, and the port's documentation defines it.
//!
//! | type | ports | service |
//! |---|---|---|
//! | [`DynamoTable`] | `Jobs`, `Identities`, `Keys`, `ParamSets` | DynamoDB |
//! | [`S3Bucket`] | `Blobs`, `DropFiles` | S3 |
//! | [`S3Links`] | `Links` | S3, signed with a session of an IAM role from STS |
//! | [`SqsQueue`] | `Queue`, `Deliveries`, `Quarantine` | SQS; its age from CloudWatch |
//!
//! The Lambda functions share two more modules: [`config`] reads their environment variables, [`lambda`] parses
//! their events.
//!
//! Lambda freezes a process between invocations. So nothing here runs in the background: the call that needs
//! something that ages, such as a session, also renews it.

mod client;
pub mod config;
mod dynamo;
mod error;
pub mod lambda;
mod links;
mod s3;
mod sdk;
mod sqs;

pub use client::Aws;
pub use dynamo::DynamoTable;
pub use links::S3Links;
pub use s3::S3Bucket;
pub use sqs::SqsQueue;
