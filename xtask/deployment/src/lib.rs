//! The template deployed on this machine: its resources in an emulator of AWS (moto, `xtask/py/aws.py`), and release builds of
//! the functions under AWS's Lambda Runtime Interface Emulator, each with the environment, memory and role that the template
//! gives it.
//!
//! The tests of the deployed functions, some figures and `cargo xtask lambda` use it. It needs programs that `cargo xtask`
//! installs: see [`Tools`].

mod bucket;
mod functions;
mod lambda;
mod ports;
mod queue;
mod requests;
mod samples;
mod stack;
mod tools;

pub use aws_sdk_sqs::types::Message;
pub use bucket::Bucket;
pub use functions::Function;
pub use lambda::{Lambda, children};
pub use ports::free_address;
pub use queue::{Queue, id, reported};
pub use requests::{Answer, accepted, accepted_in, poll, request, status, until, upload_in, upload_of, upload_with};
pub use samples::{EXPECTED, Expected, sample};
pub use stack::{Credentials, FunctionSettings, Outputs, Report, SAMPLE_KEY, SAMPLE_OWNER, Stack};
pub use tools::{Tools, program, root};
