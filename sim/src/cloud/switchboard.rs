//! All parts of the cloud, side by side.

use super::calls::Calls;
use super::far_waits::FarWaits;
use super::rooms::Rooms;
use super::signaling::Signaling;
use super::streams::Streams;
use super::world::World;

/// All parts of the cloud, side by side.
pub(super) struct Switchboard {
    pub(super) world: World,
    pub(super) streams: Streams,
    pub(super) calls: Calls,
    pub(super) rooms: Rooms,
    /// The signaling that calls of the agent's are proposed with; Jingle by default.
    pub(super) outbound_signaling: Option<Signaling>,
    /// True if far ends of calls of the agent's are played outside.
    pub(super) outbound_far: bool,
    pub(super) far_waits: FarWaits,
}
