//! Reports: what happened on the wire and how good a call was.

mod mos;
mod quality;
mod timeline;
mod trace;

pub use mos::mos;
pub use quality::{CallQuality, QualityMeter};
pub use timeline::CallTimeline;
pub use trace::{Channel, Direction, TraceRecord};
