//! The surroundings of a call.

use std::sync::Arc;

use crate::machine::Rng;
use crate::media::Peers;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::pipeline::SdpHandler;

/// Everything around the calls that they need.
pub(super) struct Desk<'a> {
    pub(super) out: &'a mut Outbox,
    pub(super) peers: &'a mut Peers,
    pub(super) rng: &'a mut Rng,
    /// True while the notification socket is open.
    pub(super) socket_up: bool,
    /// The handlers of descriptions that were set when the call began.
    pub(super) handlers: Vec<Arc<dyn SdpHandler>>,
}
