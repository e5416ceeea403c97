//! Session descriptions on their way between the wire and the engine (w5.7): what the application changes,
//! and then what must be so.

mod change;
mod codecs;
mod edits;
mod handler;
mod origin;
mod row;

pub(crate) use change::{RemoteChange, RemoteUpdate, compare, is_flowing};
pub use codecs::{CodecKeeper, CodecRemover, CodecSelector};
pub use edits::Bandwidth;
#[cfg(test)]
pub(crate) use edits::remove_trickle;
pub use handler::{SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep};
pub(crate) use origin::Origin;
#[cfg(test)]
pub(crate) use origin::id_of;
pub(crate) use row::{Arrival, Pipeline};
