//! A simulation of Cutline on AWS: the real use cases on the stores in memory, behind the rules of Lambda and SQS, in
//! simulated time. `cargo xtask sim` runs it at full size (`command.rs`); the tests here at a small one.
//!
//! Files are dropped at once, and every minute comes a live upload, a live `file_url`, a live `file_key`, and a bulk upload
//! of another owner. At the end, [`rules::Rule`] lists what must hold. A seed repeats a simulation, event by event.
//!
//! Real: the use cases, the state machine, the policy, and the contents of the stores. Simulated: the time that a request
//! takes, faults of requests and processes, queues (`sqs`), functions and triggers (`lambda`), the lag of indexes
//! (`records`), and the pictures. Not simulated: throttles of DynamoDB and S3, the API's gateway, and expiry by TTL.

mod clock;
mod delays;
mod functions;
mod lambda;
mod ledger;
mod load;
mod network;
mod options;
mod outside;
mod ports;
mod queue_rules;
mod random;
mod records;
mod report;
mod rules;
mod scenarios;
mod settings;
mod simulation;
mod sqs;
mod units;
mod world;
