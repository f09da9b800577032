//! Cutline's ports on AWS: records in DynamoDB, sources and outputs in S3, messages in SQS.
//!
//! [`Aws`] represents the account and creates the adapters. The public API exposes no SDK type, and the adapters know
//! no rules of jobs: each method is one call or one transaction, as the port's documentation defines it.
//!
//! | type | ports | service |
//! |---|---|---|
//! | [`DynamoTable`] | `Jobs`, `Identities`, `Keys`, `ParamSets`, `RateCounters`, `OwnerWebhooks`, `Uploads`, `Usage`, `Audit` | DynamoDB |
//! | [`S3Bucket`] | `Blobs`, `JobFiles`, `DropFiles`, `UploadObjects` | S3 |
//! | [`S3Links`] | `Links` | S3, signed with a session of an IAM role from STS |
//! | [`S3UploadLinks`] | `UploadLinks` | S3, signed with a session of another role |
//! | [`SqsLanes`] | `Queue` | SQS; its age from CloudWatch |
//! | [`SqsLaneDeliveries`] | `Deliveries` | SQS |
//! | [`SqsQueue`] | `ReportQueue`, `Deliveries`, `Quarantine` | SQS |
//!
//! The Lambda functions share two more modules: [`config`] reads their environment variables, [`lambda`] parses
//! their events. [`parse_message`] parses the bodies of SQS messages, including those that S3 sends.
//!
//! With the feature `doctor`, `inspect` reads facts about a deployed stack.
//!
//! Lambda freezes a process between invocations. So nothing here runs in the background: something that expires, such
//! as a session, is renewed by the call that needs it.
//!
//! # Example
//!
//! An S3 event becomes a request for work, with its keys decoded:
//!
//! ```
//! use cutline_aws::parse_message;
//! use cutline_core::domain::work_request::WorkRequest;
//!
//! let event = r#"{"Records": [{
//!     "eventName": "ObjectCreated:Put",
//!     "eventTime": "2026-01-02T03:04:05.678Z",
//!     "s3": {
//!         "bucket": {"name": "photos"},
//!         "object": {"key": "drops/shop/ebay/red+shoe.jpg", "sequencer": "0055AED6DCD90281E5"}
//!     }
//! }]}"#;
//! let WorkRequest::Drops(notice) = parse_message(event) else { panic!("not a drop") };
//! assert_eq!(notice.objects[0].origin.path.as_str(), "drops/shop/ebay/red shoe.jpg");
//! ```

mod client;
pub mod config;
mod dynamo;
mod error;
#[cfg(feature = "doctor")]
pub mod inspect;
pub mod lambda;
mod links;
mod message;
mod role_session;
mod s3;
mod sdk;
mod sqs;
mod upload_links;

pub use client::Aws;
pub use dynamo::{Directory, DynamoTable};
pub use links::S3Links;
pub use message::parse_message;
pub use s3::{ListedObject, ObjectPage, S3Bucket};
pub use sqs::{SqsLaneDeliveries, SqsLanes, SqsQueue};
pub use upload_links::S3UploadLinks;
