//! Reports: what happened on the wire and how good a call was.

mod exchange;
mod limited;
mod mos;
mod quality;
mod redact;
mod timeline;
mod trace;

pub(crate) use limited::Limited;
pub use mos::mos;
pub use quality::{CallQuality, QualityMeter};
pub(crate) use redact::{Redactor, hidden_number, shortened};
pub use timeline::CallTimeline;
pub use trace::{Channel, TraceDirection, TraceRecord};
