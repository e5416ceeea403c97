//! Reports: what happened on the wire and how good a call was.

mod mos;
mod quality;
mod trace;

pub use mos::mos;
pub use quality::{CallQuality, QualityMeter};
pub use trace::{Channel, Direction, TraceRecord};
