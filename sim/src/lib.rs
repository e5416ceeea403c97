//! A model Genesys Cloud: sans-IO for simulation, on real sockets as an emulator.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cloud;
mod dice;
pub mod ladder;
mod names;
pub mod program;
pub mod scenario;
pub mod serve;
pub mod service;
pub mod tool;
pub mod world;

pub use program::Simulated;
pub use scenario::{Scenario, check};
