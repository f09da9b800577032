//! Runs neural networks of the U²-Net family on the CPU, faster and in less memory than a general runtime.
//!
//! The crate knows tensors, not pictures or jobs. It is not a general ONNX runtime: [`Network::from_onnx`] refuses an
//! operator that the family does not use with [`Error::Unsupported`], and the caller may try another runtime.
//!
//! # Example
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use cutline_engine::{Engine, Network, Threads};
//!
//! # fn main() -> Result<(), cutline_engine::Error> {
//! // A network of a few layers that this crate's tests use: 3 x 34 x 34 values in, one plane of alpha out.
//! let onnx = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small.onnx"));
//! let network = Network::from_onnx(onnx, "matte")?;
//! let engine = Engine::new(network, Threads::new(NonZeroUsize::MIN)?)?;
//!
//! let input = vec![0.5; engine.network().input().values()];
//! let matte = engine.run(&input)?;
//! assert_eq!(matte.len(), 34 * 34);
//! assert!(matte.iter().all(|alpha| (0.0..=1.0).contains(alpha)));
//! # Ok(())
//! # }
//! ```
//!
//! # Tensors
//!
//! Inputs and outputs are `f32`, channel by channel, each channel row by row ("NCHW" with batch size 1). Their ranges are
//! the network's own; the shipped networks take normalized RGB and return alpha from 0 to 1. Inside, maps of many
//! channels are blocks of sixteen channels ("NCHW16c"), so that a vector holds a pixel; see `kernels.rs`. Weights may
//! have half precision, but all arithmetic is in single precision.
//!
//! # From a file to a run
//!
//! 1. A [`Network`] is read from an ONNX file (`onnx.rs`), or mapped from a prepared file ([`Network::load_mmap`]).
//!    Operators are fused and weights packed once, while an ONNX file is read; a prepared file needs no such work.
//! 2. An [`Engine`] plans it (`plan.rs`): which kernel computes each layer, how threads share it, and where each map lies
//!    in one piece of memory.
//! 3. [`Engine::run`] performs the plan's steps (`run.rs`), each on all [`Threads`]. Most of the time goes to 3 × 3
//!    convolutions, which Winograd's method computes with a quarter of the multiplications (`kernels/winograd.rs`).
//!
//! # Dispatch and inlining
//!
//! Kernels are written once, generic over the vector instructions (`simd.rs`). Each is compiled for every [`Isa`], and
//! `Isa::run` picks one at run time: it calls a function with `#[target_feature]`, into which the whole kernel is inlined.
//! Inlining is what gives a kernel its instructions. A function, or a closure, that is not inlined is compiled for the
//! baseline processor, and its vector operations become calls; the result is right, but takes twice the time or more.
//! Hence the rules in `kernels/`: a function that computes with vectors is `#[inline(always)]`, and loops use no
//! closures.
//!
//! Results depend on the instruction set in the last bits, since only some processors round `a * b + c` once. They do not
//! depend on the number of threads.
//!
//! # Safety
//!
//! The vector instructions (`simd/`) and [`Network::load_mmap`] are the only unsafe code. A graph is checked before it is
//! planned, so a damaged or hostile file ends in an error.

mod engine;
mod error;
mod graph;
mod kernels;
mod method;
mod network;
mod onnx;
mod plan;
mod prepared;
mod run;
mod shape;
mod simd;
mod step;
#[cfg(test)]
mod tests;
mod threads;
mod timing;
mod weights;

pub use engine::Engine;
pub use error::Error;
pub use network::Network;
pub use shape::Shape;
pub use simd::Isa;
pub use threads::Threads;
pub use timing::LayerTime;
