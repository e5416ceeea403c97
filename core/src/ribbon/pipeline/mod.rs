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
pub(crate) use edits::{
    add_candidates, force_directions, limit_bandwidth, open_roles, remove_bundling, remove_crypto,
    remove_trickle, restore_bundling, settle_roles,
};
pub use handler::{SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep};
pub(crate) use origin::{Origin, id_of};
pub(crate) use row::{Arrival, Pipeline};
