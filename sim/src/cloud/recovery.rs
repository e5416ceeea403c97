//! What befalls media in the middle of a call, as the control API orders it (wire notes 3.8, 6.6,
//! 6.14). Each answers whether it could be done.

use super::World;
use super::calls::Calls;
use super::session::{Phase, Session};
use super::signal::Signaling;
use super::streams::Streams;

impl Calls {
    fn session_of(&mut self, call: &str) -> Option<&mut Session> {
        self.sessions.get_mut(&self.calls.get(call)?.session)
    }

    /// Proposes again.
    pub(super) fn repropose(&mut self, call: &str, streams: &Streams, world: &mut World) -> bool {
        let session = self.session_of(call);
        let Some(session) = session.filter(|s| matches!(s.phase, Phase::Proposed { .. })) else {
            return false;
        };
        session.propose(streams, world);
        true
    }

    /// Speaks to the user's newest connection from now on.
    pub(super) fn rebind(&mut self, call: &str, streams: &Streams) -> bool {
        let Some(session) = self.session_of(call) else { return false };
        match streams.resources(&session.user).pop() {
            Some((_, jid)) if session.client.is_some() => {
                session.client = Some(jid);
                true
            }
            Some(_) | None => false,
        }
    }

    /// A new offer on the connection that is there.
    pub(super) fn renegotiate(&mut self, call: &str, streams: &Streams, world: &mut World) -> bool {
        self.session_of(call).is_some_and(|session| session.renegotiate(streams, world))
    }

    /// A new connection: under the name of the old one, or under its own.
    pub(super) fn reinvite(&mut self, call: &str, renamed: bool, world: &mut World) -> bool {
        let new = world.rng.uuid();
        let Some(session) = self.session_of(call) else { return false };
        if !renamed {
            return session.reinvite(world);
        }
        let Some(successor) = session.successor(new.clone(), world) else { return false };
        for rider in &successor.riders {
            if let Some(call) = self.calls.get_mut(rider) {
                call.session.clone_from(&new);
            }
        }
        self.sessions.insert(new, successor);
        true
    }

    /// The far end's media is gone, and nobody says so.
    pub(super) fn kill_media(&mut self, call: &str, world: &mut World) -> bool {
        let session = self.session_of(call);
        let Some(session) = session.filter(|s| s.plan.signaling == Signaling::Sdp) else {
            return false;
        };
        session.kill_media(world);
        true
    }

    /// New ICE credentials at both ends.
    pub(super) fn restart_ice(&mut self, call: &str, streams: &Streams, world: &mut World) -> bool {
        self.session_of(call).is_some_and(|session| session.restart_ice(streams, world))
    }
}
