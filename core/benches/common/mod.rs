//! Common parts of the benchmarks: a logged-in client without media, and the traffic of a call.
#![allow(dead_code, reason = "each benchmark uses a part")]
#![allow(clippy::disallowed_methods, reason = "a benchmark may read the clock")]

mod agent;
pub(crate) mod baseline;
mod media;
pub(crate) mod ribbon;
pub(crate) mod traffic;

#[allow(unused_imports, reason = "each benchmark uses a part")]
pub(crate) use agent::{Agent, Script};
