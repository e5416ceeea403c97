//! The whole row of changes, in each direction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::edits::{
    Bandwidth, add_candidates, force_directions, limit_bandwidth, open_roles, remove_bundling,
    remove_crypto, remove_trickle, restore_bundling, settle_roles,
};
use super::handler::{SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep};
use super::origin::Origin;
use crate::media::MediaError;
use crate::ribbon::collect::Collected;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::sdp::{Description, Direction};

/// The row of a call: its handlers are those that were set when it began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipeline {
    pub(crate) handlers: Vec<Arc<dyn SdpHandler>>,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) remove_bundling: bool,
}

/// The facts that must be known of a description of the far side's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// True if this side made the call.
    pub(crate) caller: bool,
    /// True if this side holds it: then nothing shall flow.
    pub(crate) held: bool,
    /// True if it is for a new connection.
    pub(crate) rebuilt: bool,
}

impl Pipeline {
    /// A description of ours, from the engine to the wire.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`] where a handler panics or leaves no description,
    /// [`CallCode::InvalidOffer`] where the engine's cannot be read.
    pub(crate) fn outgoing(
        &self,
        call: &CallId,
        kind: SdpKind,
        text: &str,
        candidates: &[Collected],
        origin: &mut Origin,
    ) -> Result<String, Error> {
        let context = |step| SdpContext::new(call, kind, step, SdpEndpoint::Local);
        let mut whole = read(text)?;
        self.handle(&mut whole, &context(SdpStep::Set))?;
        remove_trickle(&mut whole);
        add_candidates(&mut whole, candidates);
        if self.remove_bundling {
            remove_bundling(&mut whole);
        }
        self.handle(&mut whole, &context(SdpStep::Send))?;
        limit_bandwidth(&mut whole, self.bandwidth);
        origin.stamp(&mut whole);
        Ok(whole.text())
    }

    /// A description of the far side's, from the wire to the engine.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`] where a handler panics or leaves no description,
    /// [`CallCode::InvalidOffer`] where the far side's cannot be read.
    pub(crate) fn incoming(
        &self,
        call: &CallId,
        kind: SdpKind,
        text: &str,
        arrival: Arrival,
    ) -> Result<String, Error> {
        let context = SdpContext::new(call, kind, SdpStep::Set, SdpEndpoint::Remote);
        let mut whole = read(text)?;
        self.handle(&mut whole, &context)?;
        match kind {
            SdpKind::Answer | SdpKind::Pranswer => settle_roles(&mut whole, arrival.caller),
            SdpKind::Offer if arrival.rebuilt => open_roles(&mut whole),
            SdpKind::Offer => {}
        }
        if arrival.held {
            force_directions(&mut whole, Direction::Inactive);
        }
        restore_bundling(&mut whole);
        Ok(whole.text())
    }

    /// Lets all handlers change a description, and leaves no keys in the clear.
    fn handle(&self, sdp: &mut Description<'_>, context: &SdpContext<'_>) -> Result<(), Error> {
        if !self.handlers.is_empty() {
            let original = sdp.clone();
            for handler in &self.handlers {
                let change = || handler.handle(sdp, context, &original);
                if catch_unwind(AssertUnwindSafe(change)).is_err() {
                    return Err(Error::new(CallCode::InvalidParam, "an SDP handler panicked"));
                }
                check(sdp)?;
            }
        }
        remove_crypto(sdp);
        Ok(())
    }
}

/// Finds a description that is not written as it stands here: a line that is two, too much of everything.
fn check(sdp: &Description<'_>) -> Result<(), Error> {
    let written = sdp.to_string();
    match Description::read(&written) {
        Ok(again) if again == *sdp => Ok(()),
        Ok(_) | Err(_) => {
            Err(Error::new(CallCode::InvalidParam, "an SDP handler left no description"))
        }
    }
}

fn read(text: &str) -> Result<Description<'_>, Error> {
    Description::read(text).map_err(|error| {
        let error = MediaError::from(error);
        Error::new(CallCode::InvalidOffer, error.to_string()).caused_by(error)
    })
}
