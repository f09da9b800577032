//! Inference on the CPU for one family of networks, U²-Net's, faster and in less memory than a runtime for all.
//!
//! ```no_run
//! # fn main() -> Result<(), cutline_engine::Error> {
//! use std::num::NonZeroUsize;
//! use cutline_engine::{Engine, Network, Threads};
//!
//! let network = Network::read_onnx("u2netp.onnx".as_ref(), "1959")?;
//! let engine = Engine::new(network, Threads::new(NonZeroUsize::MIN)?)?;
//! let matte = engine.run(&vec![0.0; 3 * 320 * 320])?;
//! assert_eq!(matte.len(), 320 * 320);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Network`] comes of an ONNX file, or of one that was prepared from it ([`Network::prepare`]), which is mapped into
//! memory rather than read. An [`Engine`] is a network with its plan: what is worked out where, by which instructions
//! ([`Isa`]), on which [`Threads`].
//!
//! It knows tensors, nothing of pictures or jobs. See `network.rs` for what it takes, `kernels.rs` for how maps lie in
//! memory, and `kernels/winograd.rs` for what makes it fast.

mod engine;
mod error;
mod kernels;
mod network;
mod onnx;
mod plan;
mod prepared;
mod run;
mod simd;
#[cfg(test)]
mod tests;
mod wire;

pub use engine::{Engine, Layers, Threads};
pub use error::Error;
pub use network::{Network, Shape};
pub use simd::Isa;
