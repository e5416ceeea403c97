//! What befalls media in the middle of a call, as the control API orders it (wire notes 3.8, 6.6,
//! 6.14). Each answers whether it could be done.

use std::time::{Duration, Instant};

use offhook::genesys::wire::{Dialect, Payload};
use offhook::jingle::{Reason, Transport};
use offhook::machine::Wake;
use offhook::media::LocalCandidate;
use offhook::sdp::Direction as Way;
use serde_json::json;

use super::World;
use super::call::{DIALING, Stage};
use super::calls::Calls;
use super::conversation::Direction;
use super::session::{Phase, Session, Step};
use super::signal::{Signaling, first_mid, with_credentials, with_mid};
use super::streams::Streams;

/// A re-invite is repeated, as one and the same request, until it is answered (wire notes 6.14,
/// 14.16): a client that is just coming back must not miss it.
const REPEAT: Duration = Duration::from_secs(5);
/// And given up when a client has forgotten the first one, and would take the next for another
/// (wire notes 6.14: it remembers them for 3 minutes). Its calls end then.
const GIVEN_UP: Duration = Duration::from_secs(180);

/// A re-invite that waits for its answer.
#[derive(Debug)]
pub(super) struct Reinvite {
    offer: Payload,
    /// How often it was said.
    attempts: u32,
    repeat: Instant,
    until: Instant,
}

impl Reinvite {
    pub(super) fn next_wake(&self) -> Wake {
        Wake { at: self.repeat.min(self.until), reason: "re-inviting" }
    }
}

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

    /// A new offer on the connection that is there: as it is, or for another call of the same
    /// user, which is on it from then on (wire notes 6.14).
    pub(super) fn renegotiate(
        &mut self,
        call: &str,
        other: Option<&str>,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(id) = self.calls.get(call).map(|call| call.session.clone()) else { return false };
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let Some(other) = other else { return session.renegotiate(streams, world) };
        let Some(moved) = self.calls.get_mut(other) else { return false };
        if moved.is_over() || moved.user() != Some(&session.user) || !session.can_renegotiate() {
            return false;
        }
        other.clone_into(&mut session.conversation);
        session.renegotiate(streams, world);
        let before = std::mem::replace(&mut moved.session, id.clone());
        if let (Stage::Ringing { .. }, Direction::Outbound) =
            (moved.stage, moved.conversation.direction)
        {
            // It waited for media.
            moved.stage = Stage::Contacting { dial: world.now + DIALING };
        }
        if before != id {
            session.riders.push(other.to_owned());
            if let Some(before) = self.sessions.get_mut(&before) {
                before.riders.retain(|rider| rider != other);
            }
            self.let_go(&before, Some(Reason::Success), streams, world);
            self.tune(&before, streams, world);
        }
        self.tune(&id, streams, world);
        true
    }

    /// A new connection: under the name of the old one, or under its own.
    pub(super) fn reinvite(&mut self, call: &str, renamed: bool, world: &mut World) -> bool {
        let new = successor_id(world);
        let Some(session) = self.session_of(call) else { return false };
        if !renamed {
            return session.reinvite(world);
        }
        let old = session.id.clone();
        self.succeed(&old, new, world).is_some()
    }

    /// A session takes another's place, with its calls; which.
    pub(super) fn succeed(&mut self, old: &str, new: String, world: &mut World) -> Option<String> {
        let successor = self.sessions.get_mut(old)?.successor(new.clone(), world)?;
        for rider in &successor.riders {
            if let Some(call) = self.calls.get_mut(rider) {
                call.session.clone_from(&new);
            }
        }
        self.open(successor);
        Some(new)
    }

    /// The far side goes offline, which is all that is said of the session; the call is over.
    pub(super) fn leave(&mut self, call: &str, streams: &Streams, world: &mut World) {
        let session = self.session_of(call).filter(|session| !session.shared && session.is_up());
        if let Some(signal) = session.and_then(|session| session.signal()) {
            signal.leave(streams, world);
            self.end(call, None, streams, world);
        }
    }

    /// The far end that is there offers again: with another direction, or with other codecs.
    pub(super) fn offer_again(
        &mut self,
        call: &str,
        direction: Option<Way>,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let session = self.session_of(call);
        session.is_some_and(|session| session.offer_again(direction, streams, world))
    }

    /// Another far end takes over under the same name, with a certificate of its own.
    pub(super) fn replace_far_end(&mut self, call: &str, world: &mut World) -> bool {
        self.session_of(call).is_some_and(|session| session.replace_far_end(world))
    }

    /// The far end says what clients answer and have no use for.
    pub(super) fn say_odd_words(
        &mut self,
        call: &str,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let session = self.session_of(call).filter(|session| session.phase == Phase::Active);
        let Some(signal) = session.and_then(|session| session.signal()) else { return false };
        signal.odd_words(streams, world);
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

/// The id of a session that takes another's place.
pub(super) fn successor_id(world: &mut World) -> String {
    world.rng.uuid()
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
        if self.external.is_some() {
            return self.restarted_outside(transport, world);
        }
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
            self.use_candidate(&line, world);
        }
        self.happened("ice-restarted", json!({}), world);
    }

    fn can_renegotiate(&self) -> bool {
        self.phase == Phase::Active && self.plan.signaling == Signaling::Sdp
    }

    /// The same offer again: a renegotiation on the connection that it has (wire notes 6.14).
    fn renegotiate(&self, streams: &Streams, world: &mut World) -> bool {
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
    pub(super) fn offer_until_answered(
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
            && let Some(id) = world.lots.counted_id(&self.user, world.now)
        {
            rpc.id = id;
        }
        self.offer_iq = signal.send(offer.clone(), streams, world);
        let (repeat, until) = (world.now + REPEAT, world.now + GIVEN_UP);
        self.unanswered = Some(Reinvite { offer, attempts: 1, repeat, until });
        self.happened("re-invited", json!({"attempt": 1}), world);
    }

    /// Says it once more, when it is time, and gives up in the end.
    pub(super) fn repeat_reinvite(&mut self, streams: &Streams, world: &mut World) -> Step {
        let (signal, now) = (self.signal(), world.now);
        let Some(reinvite) = &mut self.unanswered else { return Step::Goes };
        if reinvite.until <= now {
            self.unanswered = None;
            return Step::Over(Some(Reason::Expired));
        }
        if reinvite.repeat <= now {
            reinvite.repeat = now + REPEAT;
            reinvite.attempts += 1;
            let (offer, attempt) = (reinvite.offer.clone(), reinvite.attempts);
            self.offer_iq = signal.and_then(|signal| signal.send(offer, streams, world));
            self.happened("re-invited", json!({"attempt": attempt}), world);
        }
        Step::Goes
    }

    /// A new connection under the same name (wire notes 6.14).
    fn reinvite(&mut self, world: &mut World) -> bool {
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
    fn replace_far_end(&mut self, world: &mut World) -> bool {
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
    pub(super) fn offer_by_transport(
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
    fn successor(&mut self, id: String, world: &mut World) -> Option<Self> {
        if !self.can_renegotiate() {
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
        new.external.clone_from(&self.external);
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
            world.close_media(far.udp);
        }
    }
}
