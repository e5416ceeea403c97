//! The whole row of changes, in each direction.

use std::borrow::Cow;
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
    pub(crate) fn incoming<'t>(
        &self,
        call: &CallId,
        kind: SdpKind,
        text: &'t str,
        arrival: Arrival,
    ) -> Result<Cow<'t, str>, Error> {
        if self.handlers.is_empty() && stands(kind, text, arrival) {
            return Ok(Cow::Borrowed(text));
        }
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
        Ok(Cow::Owned(whole.text()))
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

/// True if none of our own edits can change a description of the far side's: most come so, and the engine
/// reads them anyway.
fn stands(kind: SdpKind, text: &str, arrival: Arrival) -> bool {
    let is_answer = match kind {
        SdpKind::Answer | SdpKind::Pranswer => true,
        SdpKind::Offer => false,
    };
    if arrival.held || (arrival.rebuilt && !is_answer) {
        return false;
    }
    let (text, mut is_bundled) = (text.as_bytes(), false);
    for end in memchr::memchr_iter(b'\n', text) {
        let Some(attribute) = text[end + 1..].strip_prefix(b"a=") else { continue };
        if attribute.starts_with(b"crypto") || (is_answer && leaves_role_open(attribute)) {
            return false;
        }
        is_bundled |= attribute.starts_with(b"group:BUNDLE ");
    }
    is_bundled
}

/// True for the attribute of a role that is not decided (RFC 4145 section 4).
fn leaves_role_open(attribute: &[u8]) -> bool {
    attribute.strip_prefix(b"setup").is_some_and(|rest| {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.windows(7).any(|word| word == b"actpass")
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w5_7_what_stands_as_it_came_is_what_the_whole_row_makes_of_it() {
        // A handler that changes nothing is in the way of every short cut.
        let idle = |_: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>| {};
        let (short, long) = (
            Pipeline::default(),
            Pipeline { handlers: vec![Arc::new(idle)], ..Pipeline::default() },
        );
        let call = CallId::from("call");
        let mut stood = 0;
        for n in 0..64_u32 {
            let on = |bit: u32, text: &'static str| if n & bit > 0 { text } else { "" };
            let (group, session) =
                (on(1, "a=group:BUNDLE 0\r\n"), on(2, "a=fingerprint:sha-1 AA\r\n"));
            let (crypto, print) = (on(4, "a=crypto:1 x\r\n"), on(8, "a=fingerprint:sha-1 BB\r\n"));
            let role = ["a=setup:actpass\r\n", "a=setup:active\r\n"][(n >> 4 & 1) as usize];
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{group}{session}\
                 m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{role}{print}{crypto}a=sendrecv\r\n"
            );
            for kind in [SdpKind::Offer, SdpKind::Answer, SdpKind::Pranswer] {
                let arrival = Arrival { caller: n & 32 > 0, held: n & 3 == 3, rebuilt: n & 5 == 5 };
                let [short, long] =
                    [&short, &long].map(|row| row.incoming(&call, kind, &text, arrival).unwrap());
                let [short_read, long_read] = [&short, &long].map(|text| read(text).unwrap());
                assert_eq!(short_read, long_read, "{kind:?} {arrival:?} {text}");
                stood += usize::from(short == text);
            }
        }
        assert!((8..150).contains(&stood), "some stand, and some do not: {stood}");
    }
}
