//! Offers again on a session that is there: a restart of ICE, a renegotiation, a connection or a far
//! end that takes another's place.

use offhook::genesys::wire::{Dialect, Payload};
use offhook::jingle::{Reason, Transport};
use offhook::media::LocalCandidate;
use serde_json::json;

use super::super::signal::{first_mid, with_credentials, with_mid};
use super::reinvite::{Due, Reinvite};
use super::{Phase, Session, Signaling, Step, Streams, World};

impl Session {
    /// Asks for new ICE credentials at both ends (wire notes 6.6). False when it cannot be.
    pub(in crate::cloud) fn restart_ice(&mut self, streams: &Streams, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && self.plan.signaling == Signaling::Jingle;
        let (true, Some(signal), Some(far)) = (possible, self.signal(), &mut self.far) else {
            return false;
        };
        match far.engine.restart_ice(world.base.now) {
            Ok(offer) => {
                signal.restart(&offer, streams, world);
                self.offer = offer;
                self.restarting = true;
                self.listen(world);
                true
            }
            Err(error) => {
                world.base.log(format!("no restart: {error}"));
                false
            }
        }
    }

    /// The client's side of it; our candidates follow anew.
    pub(in crate::cloud) fn ice_restarted(
        &mut self,
        transport: &Transport,
        streams: &Streams,
        world: &mut World,
    ) {
        let (true, Some(ufrag), Some(pwd)) = (self.restarting, &transport.ufrag, &transport.pwd)
        else {
            return;
        };
        if self.external.is_some() {
            return self.restarted_outside(transport, world);
        }
        let Some(far) = &mut self.far else { return };
        self.restarting = false;
        let answer = with_credentials(&self.answer, ufrag, pwd);
        if let Err(error) = far.engine.accept_answer(world.base.now, &answer) {
            return world.base.log(format!("a restart that cannot be used: {error}"));
        }
        self.answer = answer;
        let words = far.drain(world.base.now);
        self.untold = std::mem::take(&mut far.candidates);
        self.act(words, world);
        self.trickle(streams, world);
        for line in std::mem::take(&mut self.early) {
            self.use_candidate(&line, world);
        }
        self.happened("ice-restarted", json!({}), world);
    }

    pub(in crate::cloud) fn can_renegotiate(&self) -> bool {
        self.phase == Phase::Active && self.plan.signaling == Signaling::Sdp
    }

    /// The same offer again: a renegotiation on the connection that it has (wire notes 6.14).
    pub(in crate::cloud) fn renegotiate(&self, streams: &Streams, world: &mut World) -> bool {
        match self.signal().filter(|_| self.can_renegotiate()) {
            Some(signal) => {
                if let Some(offer) = signal.offer(&self.offer, &[], false, world) {
                    signal.send(offer, streams, world);
                }
                true
            }
            None => false,
        }
    }

    /// Offers, again and again: a connection that takes another's place, or what is new on the one
    /// that is there.
    pub(in crate::cloud) fn offer_until_answered(
        &mut self,
        offer: &str,
        inline: &[LocalCandidate],
        reinvite: bool,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(signal) = self.signal() else { return };
        let Some(mut offer) = signal.offer(offer, inline, reinvite, world) else { return };
        if let (true, Payload::Extension(Dialect::Rpc(rpc))) = (reinvite, &mut offer)
            && let Some(id) = world.lots.counted_id(&self.user, world.base.now)
        {
            rpc.id = id;
        }
        self.offer_iq = signal.send(offer.clone(), streams, world);
        self.unanswered = Some(Reinvite::new(offer, world.base.now));
        self.happened("re-invited", json!({"attempt": 1}), world);
    }

    /// Says it once more, when it is time, and gives up in the end.
    pub(in crate::cloud) fn repeat_reinvite(
        &mut self,
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        let Some(reinvite) = &mut self.unanswered else { return Step::Goes };
        match reinvite.handle_timeout(world.base.now) {
            Due::Nothing => Step::Goes,
            Due::Again(offer, attempt) => {
                self.offer_iq = self.signal().and_then(|signal| signal.send(offer, streams, world));
                self.happened("re-invited", json!({"attempt": attempt}), world);
                Step::Goes
            }
            Due::GivenUp => {
                self.unanswered = None;
                Step::Over(Some(Reason::Expired))
            }
        }
    }

    /// A new connection under the same name (wire notes 6.14).
    pub(in crate::cloud) fn reinvite(&mut self, world: &mut World) -> bool {
        let possible = self.can_renegotiate();
        if possible {
            self.kill_media(world);
            self.reinvite = true;
            self.superseded = true;
            self.make_media(world);
            self.replaced = false;
        }
        possible
    }

    /// Another far end, where the one that was there goes without a word (RFC 8842 section 4).
    pub(in crate::cloud) fn replace_far_end(&mut self, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && self.unanswered.is_none() && !self.restarting;
        if possible {
            self.kill_media(world);
            self.reinvite = false;
            self.replaced = true;
            self.make_media(world);
        }
        possible
    }

    /// Says in Jingle that there is another far end: by `transport-info`, since it has no other word
    /// that clients take (wire notes 6.6, 6.9). What was agreed on besides stays.
    pub(in crate::cloud) fn offer_by_transport(
        &mut self,
        offer: &str,
        candidates: Vec<LocalCandidate>,
        streams: &Streams,
        world: &mut World,
    ) {
        let Some(signal) = self.signal() else { return };
        self.offer = with_mid(offer, &first_mid(&self.offer));
        signal.restart(&self.offer, streams, world);
        self.phase = Phase::Active;
        self.restarting = true;
        if let Some(far) = &mut self.far {
            far.candidates = candidates;
        }
    }

    /// A session that takes this one's place, with its calls.
    pub(in crate::cloud) fn successor(&mut self, id: String, world: &mut World) -> Option<Self> {
        if !self.can_renegotiate() {
            return None;
        }
        let (user, conversation) = (self.user.clone(), self.conversation.clone());
        let plan = self.plan.clone();
        let mut new = Self::new(id, user, conversation, self.peer.clone(), plan, world.base.now);
        new.client.clone_from(&self.client);
        new.shared = std::mem::take(&mut self.shared);
        new.riders = std::mem::take(&mut self.riders);
        new.on_air = self.on_air.take();
        new.told = self.told.take();
        new.external.clone_from(&self.external);
        new.replaces = Some(self.id.clone());
        new.reinvite = true;
        new.make_media(world);
        self.phase = Phase::Replaced;
        Some(new)
    }

    /// Our media is gone without a word.
    pub(in crate::cloud) fn kill_media(&mut self, world: &mut World) {
        if let Some(far) = self.far.take() {
            self.last_media = far.body();
            self.last_media["connectionState"] = json!("closed");
            world.base.close_media(far.udp);
        }
    }
}
