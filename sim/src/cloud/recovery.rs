//! What befalls media in the middle of a call, as the control API orders it (wire notes 3.8, 6.6,
//! 6.14). Each answers whether it could be done.

use offhook::jingle::Transport;
use serde_json::json;

use super::calls::Calls;
use super::session::{Phase, Session};
use super::signal::{Signaling, with_credentials};
use super::streams::Streams;
use super::{Output, World};

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

impl Session {
    /// Asks for new ICE credentials at both ends (wire notes 6.6). False when it cannot be.
    fn restart_ice(&mut self, streams: &Streams, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && self.plan.signaling == Signaling::Jingle;
        let (true, Some(signal), Some(far)) = (possible, self.signal(), &mut self.far) else {
            return false;
        };
        match far.engine.restart_ice(world.now) {
            Ok(offer) => {
                signal.restart(&offer, streams, world);
                self.offer = offer;
                self.restarting = true;
                self.listen(world);
                true
            }
            Err(error) => {
                world.log(format!("no restart: {error}"));
                false
            }
        }
    }

    /// The client's side of it; our candidates follow anew.
    pub(super) fn ice_restarted(
        &mut self,
        transport: &Transport,
        streams: &Streams,
        world: &mut World,
    ) {
        let (true, Some(ufrag), Some(pwd)) = (self.restarting, &transport.ufrag, &transport.pwd)
        else {
            return;
        };
        let Some(far) = &mut self.far else { return };
        self.restarting = false;
        let answer = with_credentials(&self.answer, ufrag, pwd);
        if let Err(error) = far.engine.accept_answer(world.now, &answer) {
            return world.log(format!("a restart that cannot be used: {error}"));
        }
        self.answer = answer;
        let words = far.drain(world.now);
        self.untold = std::mem::take(&mut far.candidates);
        self.act(words, world);
        self.trickle(streams, world);
        for line in std::mem::take(&mut self.early) {
            self.remote_candidate(line, world);
        }
        self.happened("ice-restarted", json!({}), world);
    }

    /// The same offer again: a renegotiation on the connection that it has (wire notes 6.14).
    fn renegotiate(&self, streams: &Streams, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && self.plan.signaling == Signaling::Sdp;
        match self.signal().filter(|_| possible) {
            Some(signal) => {
                signal.offer(&self.offer, &[], false, streams, world);
                true
            }
            None => false,
        }
    }

    /// A new connection under the same name (wire notes 6.14).
    fn reinvite(&mut self, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && self.plan.signaling == Signaling::Sdp;
        if possible {
            self.kill_media(world);
            self.reinvite = true;
            self.make_media(world);
        }
        possible
    }

    /// A session that takes this one's place, with its calls.
    fn successor(&mut self, id: String, world: &mut World) -> Option<Self> {
        if self.phase != Phase::Active || self.plan.signaling != Signaling::Sdp {
            return None;
        }
        let (user, conversation) = (self.user.clone(), self.conversation.clone());
        let plan = self.plan.clone();
        let mut new = Self::new(id, user, conversation, self.peer.clone(), plan, world.now);
        new.client.clone_from(&self.client);
        new.shared = std::mem::take(&mut self.shared);
        new.riders = std::mem::take(&mut self.riders);
        new.on_air = self.on_air.take();
        new.told = self.told.take();
        new.replaces = Some(self.id.clone());
        new.reinvite = true;
        new.make_media(world);
        self.phase = Phase::Replaced;
        Some(new)
    }

    /// Our media is gone without a word.
    fn kill_media(&mut self, world: &mut World) {
        if let Some(far) = self.far.take() {
            self.last_media = far.body();
            self.last_media["connectionState"] = json!("closed");
            world.push(Output::CloseUdp { id: far.udp });
        }
    }
}
