//! WebM files (<https://www.webmproject.org/docs/container/>), which are Matroska (RFC 9559) with Opus and VP8
//! in them; with H.264 they are Matroska by name, too.

mod ids;
mod reader;
mod track;
mod writer;

pub use self::reader::{Block, WebmReader};
pub use self::track::WebmTrack;
pub use self::writer::WebmWriter;

/// The most tracks of a file that are written or read.
const MAX_TRACKS: usize = 64;
