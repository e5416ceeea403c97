//! One session of a client in a room: proposed, taken, offered, answered, over (wire notes 16.1 and 16.2).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::genesys::wire::{Propose, SessionMessage};
use offhook::jingle::{Reason, ice_credentials};
use offhook::machine::Wake;
use offhook::media::{LocalCandidate, MediaState, Wish};
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::kind::Kind;
use super::media::RoomMedia;
use super::terms::Terms;
use super::wording::words;
use crate::cloud::external::{Description as Offered, External, Trickle, sayable};
use crate::cloud::session::{About, Fact, Phase, Plan, Told, mismatch};
use crate::cloud::signaling::Signaling;
use crate::cloud::streams::Streams;
use crate::cloud::world::World;
use crate::service::Packet;

/// The time that a room takes to propose.
const PROPOSING: Duration = Duration::from_millis(30);
/// The time after which nobody is waited for.
const RINGING: Duration = Duration::from_secs(120);
/// Candidates of the client's kept until its answer is there.
const MAX_EARLY: usize = 64;

/// The outcome of an event of a session, for its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Stays,
    /// The client answered the first offer.
    Joined,
    /// The client is silent on purpose, or speaks again: `audio` or `video`.
    Muted { kind: String, muted: bool },
    /// The client shows a screen, or no more.
    Sharing(bool),
    /// It is to end; the client is told why, where it does not know.
    Over(Option<Reason>),
}

/// The last description of each side.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptions {
    pub(super) offer: String,
    pub(super) answer: String,
}

/// See the [module](self).
pub(in crate::cloud) struct Party {
    pub(super) about: About,
    /// The room, by the local part of its address.
    pub(super) room: String,
    kind: Kind,
    meeting: Option<String>,
    pub(super) terms: Terms,
    pub(super) phase: Phase,
    /// The end of the proposals.
    until: Instant,
    pub(super) media: Option<RoomMedia>,
    /// The far end, where somebody outside plays it. Then there is no media of ours.
    pub(super) external: Option<External>,
    pub(super) descriptions: Descriptions,
    /// The id of the offer's IQ, until it is answered.
    offer_iq: Option<String>,
    /// True if its media takes another's place.
    reinvites: bool,
    /// True while an offer waits for its answer on media that is up.
    again: bool,
    /// Candidates of ours that the client is not ready for.
    untold: Vec<LocalCandidate>,
    /// Candidates of the client's that came before its answer.
    early: Vec<String>,
    pub(super) candidates_from_client: u64,
}

impl Party {
    /// A session that is about to be proposed to a user.
    pub(super) fn new(
        id: String,
        user: &str,
        (room, kind, conversation, meeting): (&Jid, Kind, &str, Option<&str>),
        terms: Terms,
        now: Instant,
    ) -> Self {
        let plan = Plan {
            signaling: terms.signaling,
            trickle: terms.trickle,
            auto_answer: terms.auto_answer,
            eager: false,
            also_jingle: None,
        };
        Self {
            about: About {
                id,
                user: user.to_owned(),
                conversation: conversation.to_owned(),
                peer: room.clone(),
                client: None,
                plan,
            },
            room: room.local().unwrap_or_default().to_owned(),
            kind,
            meeting: meeting.map(str::to_owned),
            terms,
            phase: Phase::Proposed { repeat: now + PROPOSING },
            until: now + RINGING,
            media: None,
            external: None,
            descriptions: Descriptions::default(),
            offer_iq: None,
            reinvites: false,
            again: false,
            untold: Vec::new(),
            early: Vec::new(),
            candidates_from_client: 0,
        }
    }

    // Looking

    /// The IQ of the offer that waits for a reply.
    pub(super) fn offer_iq(&self) -> Option<&str> {
        self.offer_iq.as_deref()
    }

    /// True if the client that took it may signal about it.
    pub(super) fn hears(&self, client: &Jid, to: Option<&Jid>) -> bool {
        self.phase.is_signaled() && self.about.is_between(client, to)
    }

    /// The media as the control API tells it.
    pub(super) fn media_body(&self) -> Value {
        let nothing = || json!({"connectionState": "new", "lines": [], "messages": []});
        self.media.as_ref().map_or_else(nothing, RoomMedia::body)
    }

    // Before the offer

    /// Proposes to every client of the user.
    pub(super) fn propose(&mut self, streams: &Streams, world: &mut World) {
        self.phase = Phase::proposed(world.base.now);
        let propose = Propose {
            id: self.about.id.clone(),
            conversation_id: Some(self.about.conversation.clone()),
            persistent_conversation_id: None,
            sdp_over_xmpp: self.terms.signaling == Signaling::Sdp,
            auto_answer: self.terms.auto_answer,
            eager: false,
            original_room: Some(self.about.peer.to_string()),
            from_user_id: self.terms.from_user.clone(),
            meeting_id: self.meeting.clone(),
            media: self.kind.media(),
        };
        self.about.tell_all(SessionMessage::Propose(propose), streams, world);
        self.about.happened("room-propose", json!({"roomId": self.room}), world);
    }

    /// Proposes once more, whether somebody took it or not.
    pub(super) fn propose_again(&mut self, streams: &Streams, world: &mut World) {
        let phase = self.phase;
        self.propose(streams, world);
        if !matches!(phase, Phase::Proposed { .. }) {
            self.phase = phase;
        }
    }

    /// A client takes it: the first that does.
    pub(super) fn proceed(&mut self, client: Jid, streams: &Streams, world: &mut World) {
        if matches!(self.phase, Phase::Proposed { .. }) {
            self.about.client = Some(client);
            self.phase = Phase::Proceeding;
            match self.external {
                Some(_) => self.offer_outside(streams, world),
                None => self.media = Some(RoomMedia::open(&self.terms, &self.about, world)),
            }
        }
    }

    // Offers

    /// Our sockets are there: offer.
    pub(super) fn make_offer(
        &mut self,
        local: &[SocketAddr],
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let Some(media) = self.media.as_mut().filter(|_| self.phase == Phase::Proceeding) else {
            return Turn::Stays;
        };
        let offer = match media.offer(&self.terms.wishes, world.base.now) {
            Ok(offer) => offer,
            Err(error) => {
                world.base.log(format!("no media of a room: {error}"));
                return Turn::Over(Some(Reason::GeneralError));
            }
        };
        media.set_addresses(local, &self.about, world);
        let candidates = media.take_candidates();
        let inline = if self.terms.trickle { &[][..] } else { &candidates[..] };
        self.say(self.worded(&offer, &[]), inline, streams, world);
        self.phase = Phase::Offered;
        if self.terms.trickle {
            self.untold = candidates;
        }
        // Streaming clients before 19 lose what comes before they have made the session of an
        // SDP offer (wire notes 6.14): it waits for their accept.
        if self.terms.signaling == Signaling::Jingle {
            self.trickle(streams, world);
        }
        Turn::Stays
    }

    /// An offer in the room's own words, in which those lines are stopped.
    fn worded(&self, offer: &str, stopped: &[&str]) -> String {
        words(offer, &self.terms, (&self.room, &self.about.id), stopped)
    }

    /// Says an offer, with those candidates.
    fn say(
        &mut self,
        offer: String,
        inline: &[LocalCandidate],
        streams: &Streams,
        world: &mut World,
    ) {
        self.descriptions.offer = offer;
        let Some(signal) = self.about.signal() else { return };
        // What stands in for another connection is told so until it is there.
        let reinvites = self.reinvites && self.phase != Phase::Active;
        let payload = signal.offer(&self.descriptions.offer, inline, reinvites, world);
        self.offer_iq = payload.and_then(|payload| signal.send(payload, streams, world));
    }

    /// Tells the client our candidates, one by one, and that there are no more.
    fn trickle(&mut self, streams: &Streams, world: &mut World) {
        let candidates = std::mem::take(&mut self.untold);
        let Some(signal) = self.about.signal().filter(|_| !candidates.is_empty()) else { return };
        for candidate in &candidates {
            signal.candidate(&self.descriptions.offer, candidate, streams, world);
        }
        signal.gathering_complete(&self.descriptions.offer, streams, world);
    }

    /// Offers again on the same path: lines that are new, and some that stop (SDP only). Why it cannot
    /// be, if so.
    pub(super) fn renegotiate(
        &mut self,
        add: &[Wish],
        stop: &[&str],
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), String> {
        if self.terms.signaling != Signaling::Sdp || self.phase != Phase::Active || self.again {
            return Err("not on such a session as it stands".to_owned());
        }
        let media = self.media.as_mut().ok_or("its media is gone")?;
        for mid in stop {
            if !media.stop(mid) {
                return Err(format!("no line {mid:?}"));
            }
        }
        let offer = media.offer(add, world.base.now).map_err(|error| error.to_string())?;
        self.again = true;
        self.say(self.worded(&offer, stop), &[], streams, world);
        Ok(())
    }

    /// A new connection under the same name (SDP only). False when it cannot be.
    pub(super) fn reinvite(&mut self, world: &mut World) -> bool {
        let is_up = self.phase == Phase::Active && self.external.is_none();
        let possible = self.terms.signaling == Signaling::Sdp && is_up;
        if possible {
            self.kill_media(world);
            self.reinvites = true;
            self.again = false;
            self.phase = Phase::Proceeding;
            self.media = Some(RoomMedia::open(&self.terms, &self.about, world));
        }
        possible
    }

    // A far end that somebody outside plays

    /// The far end as the control API tells it. None where nobody outside plays it.
    pub(super) fn far_body(&self) -> Option<Value> {
        let mut body = self.external.as_ref()?.body();
        body["sessionId"] = json!(self.about.id);
        body["sessionState"] = json!(self.phase.name());
        Some(body)
    }

    /// Its offer, once there is one and a client that wants it.
    fn offer_outside(&mut self, streams: &Streams, world: &mut World) {
        let external = self.external.as_ref().filter(|_| self.phase == Phase::Proceeding);
        let Some(external) = external else { return };
        let Some(offer) = external.offer().map(str::to_owned) else {
            return self.about.happened("far-wanted", json!({"roomId": self.room}), world);
        };
        self.phase = Phase::Offered;
        self.say(offer, &[], streams, world);
        if self.terms.signaling == Signaling::Jingle {
            self.pass_on(streams, world);
        }
    }

    /// Takes its description, or another one. Why it cannot be, if so.
    pub(super) fn take_offer(
        &mut self,
        new: &Offered,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), String> {
        let (phase, signaling) = (self.phase, self.terms.signaling);
        let external = self.external.as_mut().ok_or("the far end is the emulator's")?;
        sayable(&new.sdp, signaling)?;
        match phase {
            Phase::Proposed { .. } | Phase::Proceeding => {
                external.renew(&new.sdp, false);
                self.offer_outside(streams, world);
            }
            // The client could not use the one before.
            Phase::Offered if external.is_refused() => {
                external.renew(&new.sdp, true);
                self.phase = Phase::Proceeding;
                self.offer_outside(streams, world);
            }
            Phase::Active if signaling == Signaling::Jingle => {
                return Err("rooms offer once by Jingle".to_owned());
            }
            Phase::Active if new.reinvite => {
                return Err("a far end outside is not replaced in a room".to_owned());
            }
            Phase::Active if external.is_settled() => {
                let before = ice_credentials(&self.descriptions.offer);
                external.renew(&new.sdp, ice_credentials(&new.sdp) != before);
                self.again = true;
                self.say(new.sdp.clone(), &[], streams, world);
            }
            Phase::Offered | Phase::Active => {
                return Err("an offer waits for its answer".to_owned());
            }
            Phase::Replaced | Phase::Elsewhere | Phase::Over => {
                return Err("the session is over".to_owned());
            }
        }
        Ok(())
    }

    /// Takes its candidates. Why they cannot be, if so.
    pub(super) fn take_candidates(
        &mut self,
        body: &Value,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), String> {
        let external = self.external.as_mut().ok_or("the far end is the emulator's")?;
        external.wait(body)?;
        // As in calls: by SDP they wait for the client's accept or answer (wire notes 6.14).
        if match self.phase {
            Phase::Active => true,
            Phase::Offered => self.terms.signaling == Signaling::Jingle,
            _ => false,
        } {
            self.pass_on(streams, world);
        }
        Ok(())
    }

    /// Tells the client its candidates that wait.
    fn pass_on(&mut self, streams: &Streams, world: &mut World) {
        let (Some(signal), Some(external)) = (self.about.signal(), &mut self.external) else {
            return;
        };
        for word in external.take_waiting() {
            match word {
                Trickle::Candidate(one) => {
                    signal.candidate(&self.descriptions.offer, &one, streams, world);
                }
                Trickle::End => {
                    signal.gathering_complete(&self.descriptions.offer, streams, world);
                }
            }
        }
    }

    /// The client's reply to its offer, which may be a refusal.
    fn replied_outside(&mut self, reply: &Value) {
        if let Some(external) = self.external.as_mut().filter(|_| reply["reply"] == "error") {
            external.client_refused(reply);
            self.again = false;
        }
    }

    // What the client says

    /// The client made a session of our offer.
    pub(super) fn accepted(&mut self, streams: &Streams, world: &mut World) {
        if self.phase == Phase::Offered {
            self.trickle(streams, world);
            self.pass_on(streams, world);
        }
    }

    pub(super) fn offer_replied(&mut self, reply: Value, world: &mut World) {
        self.offer_iq = None;
        self.replied_outside(&reply);
        self.about.happened("offer-reply", reply, world);
    }

    pub(super) fn handle(&mut self, told: Told, streams: &Streams, world: &mut World) -> Vec<Turn> {
        self.about.happened(&told.name, json!({}), world);
        told.facts.into_iter().map(|fact| self.take(fact, streams, world)).collect()
    }

    fn take(&mut self, fact: Fact, streams: &Streams, world: &mut World) -> Turn {
        match fact {
            Fact::Answer(answer) => self.answered(&answer, streams, world),
            Fact::BadAnswer(error) => {
                world.base.log(format!("an answer that cannot be used: {error}"));
                Turn::Over(Some(Reason::FailedApplication))
            }
            Fact::Candidate { mid, ufrag, line } => {
                self.candidates_from_client += 1;
                if let Some(external) = &mut self.external {
                    external.client_candidate(&mid, ufrag.as_deref(), &line);
                    return Turn::Stays;
                }
                match (self.phase, &mut self.media) {
                    (Phase::Active, Some(media)) => media.add_remote(&line, &self.about, world),
                    _ if self.early.len() < MAX_EARLY => self.early.push(line),
                    _ => {}
                }
                Turn::Stays
            }
            Fact::Muted { kind, muted } => Turn::Muted { kind, muted },
            Fact::Sharing(shares) => Turn::Sharing(shares),
            Fact::Terminated(_) => Turn::Over(None),
            Fact::NoMoreCandidates => {
                if let Some(external) = &mut self.external {
                    external.client_complete();
                }
                Turn::Stays
            }
            // Rooms restart no ICE.
            Fact::Credentials { .. } => Turn::Stays,
        }
    }

    fn answered(&mut self, answer: &str, streams: &Streams, world: &mut World) -> Turn {
        let is_first = self.phase == Phase::Offered;
        let is_next = self.phase == Phase::Active && self.again;
        if !is_first && !is_next {
            return Turn::Stays;
        }
        self.trickle(streams, world);
        if let Some(mismatch) = mismatch(&self.descriptions.offer, answer) {
            world.base.wrong(format!("session {}: {mismatch}", self.about.id));
        }
        self.again = false;
        match (&mut self.external, &mut self.media) {
            (Some(external), _) => external.client_answered(answer),
            (None, Some(media)) => {
                if let Err(error) = media.accept(answer, &self.about, world) {
                    world.base.log(format!("an answer that cannot be used: {error}"));
                    if is_first {
                        return Turn::Over(Some(Reason::FailedApplication));
                    }
                    media.rollback(world.base.now);
                    return Turn::Stays;
                }
            }
            (None, None) => return Turn::Stays,
        }
        self.descriptions.answer = answer.to_owned();
        self.phase = Phase::Active;
        self.pass_on(streams, world);
        for line in std::mem::take(&mut self.early) {
            if let Some(media) = &mut self.media {
                media.add_remote(&line, &self.about, world);
            }
        }
        let name = if is_first { "room-answered" } else { "answered-again" };
        self.about.happened(name, json!({"roomId": self.room}), world);
        if is_first { Turn::Joined } else { Turn::Stays }
    }

    // Media

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, world: &mut World) {
        if let Some(media) = &mut self.media {
            media.datagram(packet, &self.about, world);
        }
    }

    /// Says a text by the client's data channel. False where there is none.
    pub(super) fn tell(&mut self, text: String, world: &mut World) -> bool {
        self.media.as_mut().is_some_and(|media| media.tell(text, &self.about, world))
    }

    /// Shows a picture. False while nobody is there to see it.
    pub(super) fn show(&mut self, world: &mut World) -> bool {
        self.media.as_mut().is_some_and(|media| media.show(&self.about, world))
    }

    /// Asks for pictures that need no other. False where the client shows none.
    pub(super) fn want_keyframes(&mut self, world: &mut World) -> bool {
        self.media.as_mut().is_some_and(|media| media.want_keyframes(&self.about, world))
    }

    /// Our media is gone without a word. False where it was before.
    pub(super) fn kill_media(&mut self, world: &mut World) -> bool {
        let media = self.media.take();
        media.map(|media| media.close(false, &self.about, world)).is_some()
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let media = self.media.as_ref().and_then(RoomMedia::next_wake);
        Wake::earliest(media, self.phase.next_wake())
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) -> Turn {
        let now = world.base.now;
        if self.phase.next_wake().is_some_and(|wake| wake.at <= now) {
            if now >= self.until {
                return Turn::Over(Some(Reason::Expired));
            }
            self.propose(streams, world);
        }
        let Some(media) = &mut self.media else { return Turn::Stays };
        media.handle_timeout(&self.about, world);
        if media.take_forsaken(now) || media.state() == MediaState::Failed {
            self.about.happened("consent-expired", json!({}), world);
            return Turn::Over(Some(Reason::Gone));
        }
        Turn::Stays
    }

    // The end

    /// Ends it. `reason` is what the client is told, where it does not know. Its media, as the control
    /// API tells it from now on.
    pub(super) fn end(
        mut self,
        reason: Option<Reason>,
        streams: &Streams,
        world: &mut World,
    ) -> Value {
        match (self.phase, reason) {
            (Phase::Proposed { .. } | Phase::Proceeding, Some(_)) if !self.reinvites => {
                self.about.retract(streams, world);
            }
            (Phase::Proceeding | Phase::Offered | Phase::Active, Some(reason)) => {
                if let Some(signal) = self.about.signal() {
                    signal.terminate(reason, streams, world);
                }
            }
            (
                Phase::Proposed { .. }
                | Phase::Proceeding
                | Phase::Offered
                | Phase::Active
                | Phase::Replaced
                | Phase::Elsewhere
                | Phase::Over,
                _,
            ) => {}
        }
        match self.media.take() {
            Some(media) => media.close(true, &self.about, world),
            None => self.media_body(),
        }
    }
}
