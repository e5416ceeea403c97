//! One media session of a user: proposed, taken, offered, up, over. Calls come and go on it; see
//! [`super::lines`].
//!
//! [`About`] says whose it is and between whom, [`Association`] has the far end with its offers and
//! answers, and [`Line`] is its part in being the user's line. The session knows in which [`Phase`] it
//! is, and so what may be done.

mod about;
mod answers;
mod association;
mod hush;
mod line;
mod media;
mod offers;
mod phase;
mod plan;
mod reinvite;
mod search;
mod told;

use std::net::SocketAddr;
use std::time::Instant;

use offhook::jingle::Reason;
use offhook::machine::Wake;
use offhook::media::{AudioFrame, Digit};
use offhook::sdp::Direction;
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::external::External;
use super::signal::Signal;
use super::signaling::Signaling;
use super::silence::Silence;
use super::streams::Streams;
use super::world::World;
use crate::service::{FarVoice, Packet};

pub(super) use self::about::About;
pub(super) use self::answers::mismatch;
use self::association::{Association, Origin, Turn};
pub(super) use self::line::Line;
pub(super) use self::media::OnAir;
pub(super) use self::phase::Phase;
pub(super) use self::plan::{AlsoJingle, Plan};
pub(super) use self::told::{Fact, Told};

/// The outcome of an event of a session, for its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Goes,
    /// The client answered our offer.
    Answered,
    /// Its client is to be found at another place.
    Lost,
    /// It is to end; the client is told why, where it does not know.
    Over(Option<Reason>),
}

/// A session as the control API tells it, while it is there or at its end.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) state: &'static str,
    pub(super) client: Option<Jid>,
    pub(super) candidates_from_client: u64,
    pub(super) media: Value,
    /// The answer to `GET calls/{cid}/far`, where somebody outside is the far end.
    pub(super) far: Option<Value>,
}

/// See the [module](self).
pub(super) struct Session {
    pub(super) about: About,
    pub(super) phase: Phase,
    pub(super) line: Line,
    /// Calls on it, in the order in which they came.
    pub(super) riders: Vec<String>,
    /// The session whose place it takes.
    pub(super) replaces: Option<String>,
    association: Association,
}

impl Session {
    /// A session that is proposed for the conversation, with a far end of ours, or else one outside.
    pub(super) fn new(about: About, external: Option<External>, now: Instant) -> Self {
        Self {
            riders: vec![about.conversation.clone()],
            about,
            phase: Phase::proposed(now),
            line: Line::default(),
            replaces: None,
            association: Association::new(external),
        }
    }

    // Looking

    /// Returns true while its media is connected.
    pub(super) fn is_up(&self) -> bool {
        self.phase == Phase::Active && self.association.is_connected()
    }

    /// Returns true if its media will not come back.
    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Active && self.association.is_dead()
    }

    /// Returns true if its client is gone: nothing came on its path for long.
    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Active && self.association.is_lost()
    }

    /// Returns true if its far end is played outside.
    pub(super) fn is_outside(&self) -> bool {
        self.association.external.is_some()
    }

    /// Returns true if the client that took it may signal about it.
    pub(super) fn hears(&self, client: &Jid, to: Option<&Jid>) -> bool {
        self.phase.is_signaled() && self.about.is_between(client, to)
    }

    /// Returns true if it is that conversation's far end who is heard.
    pub(super) fn is_on_air(&self, conversation: &str) -> bool {
        let on_air = self.association.media.on_air();
        on_air.is_some_and(|on| on.conversation == conversation)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            state: self.phase.name(),
            client: self.about.client.clone(),
            candidates_from_client: self.association.candidates_from_client(),
            media: self.association.body(),
            far: self.association.external.as_ref().map(External::body),
        }
    }

    /// Returns the voice that the far end is to have.
    pub(super) fn voice(&self) -> Option<FarVoice> {
        self.association.voice()
    }

    pub(super) fn signal(&self) -> Option<Signal> {
        self.about.signal()
    }

    /// The IQ of the offer that waits for a reply.
    pub(super) fn offer_iq(&self) -> Option<&str> {
        self.association.offers.iq()
    }

    /// Returns true if an IQ's reply is the client's to our offer.
    pub(super) fn is_offer_reply(&self, client: &Jid, iq: &str) -> bool {
        self.offer_iq() == Some(iq) && self.about.client.as_ref() == Some(client)
    }

    /// Goes where its association went.
    fn follow(&mut self, turn: Turn) -> Step {
        match turn {
            Turn::Stays => Step::Goes,
            Turn::Offered => {
                self.phase = Phase::Offered;
                Step::Goes
            }
            Turn::Answered => {
                self.phase = Phase::Active;
                Step::Answered
            }
            Turn::Agreed => {
                self.phase = Phase::Active;
                Step::Goes
            }
            Turn::Lost => Step::Lost,
            Turn::Over(reason) => Step::Over(reason),
        }
    }

    // Before the offer

    pub(super) fn propose(&self, streams: &Streams, world: &mut World) {
        self.about.propose(streams, world);
    }

    /// A client takes it.
    pub(super) fn proceed(&mut self, client: Jid, streams: &Streams, world: &mut World) {
        if matches!(self.phase, Phase::Proposed { .. }) {
            self.about.client = Some(client);
            self.phase = Phase::Proceeding;
            self.association.make_media(&self.about, world);
        }
        self.offer_outside(streams, world);
    }

    /// Another client takes it.
    pub(super) fn taken_elsewhere(&mut self, client: Jid) {
        self.phase = Phase::Elsewhere;
        self.about.client = Some(client);
    }

    // Offers

    /// Our sockets are there: offer.
    pub(super) fn make_offer(
        &mut self,
        local: &[SocketAddr],
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        if self.phase != Phase::Proceeding {
            return Step::Goes;
        }
        let turn = self.association.make_offer(local, &self.about, streams, world);
        self.follow(turn)
    }

    pub(super) fn can_renegotiate(&self) -> bool {
        self.phase == Phase::Active && self.about.plan.signaling == Signaling::Sdp
    }

    /// Offers again what is there: with another direction, or else with other codecs.
    pub(super) fn offer_again(
        &mut self,
        direction: Option<Direction>,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        self.can_renegotiate()
            && !self.association.offers.is_repeated()
            && self.association.offer_again(direction, &self.about, streams, world)
    }

    /// The same offer again: a renegotiation on the connection that it has (wire notes 6.14).
    pub(super) fn renegotiate(&self, streams: &Streams, world: &mut World) -> bool {
        let Some(signal) = self.signal().filter(|_| self.can_renegotiate()) else { return false };
        signal.make(self.association.offers.offer(), &[], streams, world);
        true
    }

    /// Asks for new ICE credentials at both ends (wire notes 6.6). False when it cannot be.
    pub(super) fn restart_ice(&mut self, streams: &Streams, world: &mut World) -> bool {
        self.phase == Phase::Active
            && self.about.plan.signaling == Signaling::Jingle
            && self.association.restart_ice(&self.about, streams, world)
    }

    /// A new connection under the same name (wire notes 6.14).
    pub(super) fn reinvite(&mut self, world: &mut World) -> bool {
        let possible = self.can_renegotiate();
        if possible {
            self.phase = Phase::Proceeding;
            self.association.replace(Origin::Reinvite, &self.about, world);
        }
        possible
    }

    /// Another far end, where the one that was there goes without a word (RFC 8842 section 4).
    pub(super) fn replace_far_end(&mut self, world: &mut World) -> bool {
        let possible = self.phase == Phase::Active && !self.association.offers.is_waiting();
        if possible {
            self.phase = Phase::Proceeding;
            self.association.replace(Origin::OtherFarEnd, &self.about, world);
        }
        possible
    }

    /// The last word of the client's by its path.
    pub(super) fn heard(&self) -> Option<Instant> {
        self.association.media.heard()
    }

    /// Has the client's consent run on from that word, said to the session whose place this one takes.
    pub(super) fn keep_consent(&mut self, heard: Option<Instant>) {
        self.association.media.keep_consent(heard);
    }

    /// A session that takes this one's place, with its calls.
    pub(super) fn successor(&mut self, id: String, world: &mut World) -> Option<Self> {
        if !self.can_renegotiate() {
            return None;
        }
        let mut new = Self {
            about: About { id, ..self.about.clone() },
            phase: Phase::Proceeding,
            line: std::mem::take(&mut self.line),
            riders: std::mem::take(&mut self.riders),
            replaces: Some(self.about.id.clone()),
            association: self.association.successor(world.base.now),
        };
        new.association.make_media(&new.about, world);
        self.phase = Phase::Replaced;
        Some(new)
    }

    // A far end that somebody outside plays

    pub(super) fn external(&mut self) -> Option<&mut External> {
        self.association.external.as_mut()
    }

    /// Its offer, once there is one and a client that wants it.
    pub(super) fn offer_outside(&mut self, streams: &Streams, world: &mut World) {
        if self.phase == Phase::Proceeding {
            let turn = self.association.offer_outside(&self.about, streams, world);
            self.follow(turn);
        }
    }

    /// Its offer, in the place of one that the client could not use.
    pub(super) fn offer_outside_anew(&mut self, streams: &Streams, world: &mut World) {
        self.phase = Phase::Proceeding;
        self.offer_outside(streams, world);
    }

    /// Its offer, on a connection that takes another's place under the same name.
    pub(super) fn reinvite_outside(&mut self, streams: &Streams, world: &mut World) {
        self.association.replace(Origin::Reinvite, &self.about, world);
        self.offer_outside_anew(streams, world);
    }

    /// A new description on the session that is there. Why it cannot be, if so.
    pub(super) fn renegotiate_outside(
        &mut self,
        sdp: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), &'static str> {
        self.association.renegotiate_outside(sdp, &self.about, streams, world)
    }

    /// Tells the client its candidates that wait.
    pub(super) fn pass_on(&mut self, streams: &Streams, world: &mut World) {
        self.association.pass_on(&self.about, streams, world);
    }

    // What the client says

    /// The client made a session of our offer.
    pub(super) fn accepted(&mut self, streams: &Streams, world: &mut World) {
        self.association.accepted(&self.about, streams, world);
    }

    pub(super) fn offer_replied(&mut self, reply: Value, world: &mut World) {
        self.association.replied(reply, &self.about, world);
    }

    pub(super) fn handle(&mut self, told: Told, streams: &Streams, world: &mut World) -> Step {
        self.about.happened(&told.name, json!({}), world);
        for fact in told.facts {
            let turn = self.association.handle(fact, self.phase, &self.about, streams, world);
            match self.follow(turn) {
                Step::Goes => {}
                step => return step,
            }
        }
        Step::Goes
    }

    // Hearing and saying

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, world: &mut World) {
        self.association.datagram(packet, &self.about, world);
    }

    pub(super) fn say(&mut self, frame: &AudioFrame, world: &mut World) {
        self.association.say(frame, &self.about, world);
    }

    pub(super) fn press(&mut self, digits: &[Digit], world: &mut World) {
        self.association.press(digits, &self.about, world);
    }

    /// Another call is heard on it, or none, or otherwise.
    pub(super) fn set_on_air(&mut self, on_air: Option<OnAir>, now: Instant) {
        if let Some(on) = &on_air {
            self.about.conversation.clone_from(&on.conversation);
        }
        self.association.media.set_on_air(on_air, now);
    }

    /// Tells what it is as the user's line.
    pub(super) fn tell_line(&mut self, state: &'static str, streams: &Streams, world: &mut World) {
        self.line.tell(state, &self.about, streams, world);
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        Wake::earliest(self.association.next_wake(), self.phase.next_wake())
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) -> Step {
        let now = world.base.now;
        if self.phase.next_wake().is_some_and(|wake| wake.at <= now) {
            self.phase = Phase::proposed(now);
            self.propose(streams, world);
        }
        let turn = self.association.handle_timeout(self.phase, &self.about, streams, world);
        self.follow(turn)
    }

    // The end

    /// Ends it. `reason` is what the client is told, where it does not know.
    pub(super) fn end(&mut self, reason: Option<Reason>, streams: &Streams, world: &mut World) {
        let connected = !self.is_outside() && self.is_up();
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Proposed { .. } | Phase::Proceeding => {
                if self.association.origin == Origin::Reinvite {
                    self.terminate(reason, streams, world);
                } else if !world.keeps(Silence::Retract) {
                    self.about.retract(streams, world);
                }
            }
            Phase::Active if connected && reason.is_some() && world.keeps(Silence::Terminate) => {}
            Phase::Offered | Phase::Active | Phase::Replaced => {
                self.terminate(reason, streams, world);
            }
            Phase::Elsewhere | Phase::Over => {}
        }
        self.association.fall_silent();
        self.line.hang_up(&self.about, streams, world);
        self.drop_media(world);
    }

    fn terminate(&self, reason: Option<Reason>, streams: &Streams, world: &mut World) {
        if let (Some(reason), Some(signal)) = (reason, self.signal()) {
            signal.terminate(reason, streams, world);
        }
    }

    /// Closes the far end's media; its figures stay.
    pub(super) fn drop_media(&mut self, world: &mut World) {
        self.association.close(&self.about, world);
    }

    /// Our media is gone without a word.
    pub(super) fn kill_media(&mut self, world: &mut World) {
        self.association.kill_media(&self.about, world);
    }
}
