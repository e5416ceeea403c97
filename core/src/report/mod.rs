//! Reports: what happened on the wire and how good a call was.

mod mos;
mod trace;

pub use mos::mos;
pub use trace::{Channel, Direction, TraceRecord};
