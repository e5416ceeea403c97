//! One association of a session: its far end, ours or somebody's outside, with the offers that are made
//! for it and the answers to them (RFC 3264; wire notes 6). Whoever has it knows whether it is time for
//! that, and is told how the session stands by it: a [`Turn`].

use std::net::SocketAddr;
use std::time::Instant;

use offhook::Secret;
use offhook::jingle::{Reason, ice_credentials};
use offhook::machine::Wake;
use offhook::media::{AudioFrame, Digit, EngineConfig, LocalCandidate, MediaState, Wish};
use offhook::sdp::Direction;
use serde_json::{Value, json};

use super::about::About;
use super::answers;
use super::media::{Effect, Media};
use super::offers::{Offers, Repeated};
use super::phase::Phase;
use super::plan::AlsoJingle;
use super::told::Fact;
use crate::cloud::external::{External, Trickle};
use crate::cloud::signal::Signal;
use crate::cloud::signaling::Signaling;
use crate::cloud::silence::Silence;
use crate::cloud::streams::Streams;
use crate::cloud::world::World;
use crate::service::{FarVoice, Packet, RtpManner};

/// The way in which an association came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the session's first.
    #[default]
    First,
    /// It takes another's place, by a re-invite.
    Reinvite,
    /// Its far end took another's place under the same name.
    OtherFarEnd,
}

/// The standing of a session by what its association did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// As before.
    Stays,
    /// Our offer is out.
    Offered,
    /// The client answered it.
    Answered,
    /// The agreement holds.
    Agreed,
    /// Its client is to be found at another place.
    Lost,
    /// It is to end; the client is told why, where it does not know.
    Over(Option<Reason>),
}

/// An association. See the [module](self).
#[derive(Default)]
pub(super) struct Association {
    pub(super) origin: Origin,
    /// True if the client may still end the one of the same name that a re-invite replaced.
    superseded: bool,
    pub(super) media: Media,
    /// The far end, where somebody outside is that.
    pub(super) external: Option<External>,
    pub(super) offers: Offers,
    candidates_from_client: u64,
}

impl Association {
    pub(super) fn new(external: Option<External>) -> Self {
        Self { external, ..Self::default() }
    }

    /// The one that takes this one's place in a session of its own, with who is heard on it.
    pub(super) fn successor(&mut self, now: Instant) -> Self {
        let mut new = Self { origin: Origin::Reinvite, ..Self::default() };
        new.external.clone_from(&self.external);
        new.media.set_on_air(self.media.take_on_air(), now);
        new
    }

    // Looking

    pub(super) fn is_connected(&self) -> bool {
        self.external.is_some() || self.media.state() == Some(MediaState::Connected)
    }

    /// True if its media will not come back.
    pub(super) fn is_dead(&self) -> bool {
        let state = self.media.state();
        self.external.is_none()
            && matches!(state, None | Some(MediaState::Failed | MediaState::Closed))
    }

    /// True if its client is gone: nothing came on its path for long.
    pub(super) fn is_lost(&self) -> bool {
        self.media.state() == Some(MediaState::Failed)
    }

    pub(super) fn candidates_from_client(&self) -> u64 {
        self.candidates_from_client
    }

    /// Its media, as the control API tells it.
    pub(super) fn body(&self) -> Value {
        let mut media = self.media.body();
        if self.media.is_open() && self.offers.is_repeated() {
            media["unanswered"] = json!(true);
        }
        if media.is_null() {
            let state = if self.external.is_some() { "external" } else { "new" };
            media = json!({"connectionState": state, "packetsReceived": 0, "packetsSent": 0});
        }
        media
    }

    /// The voice that the far end is to have.
    pub(super) fn voice(&self) -> Option<FarVoice> {
        let agreed = self.media.agreement()?;
        let habits = &self.offers.habits;
        Some(FarVoice {
            codec: agreed.codec,
            ptime: habits.ptime,
            pauses: habits.pauses,
            speaks: agreed.direction.sends(),
            keys: agreed.keys,
        })
    }

    // A far end

    /// Media of ours; the offer follows once its sockets are there.
    pub(super) fn make_media(&mut self, about: &About, world: &mut World) {
        if self.external.is_some() {
            return;
        }
        let signaling = about.plan.signaling;
        self.offers.habits = match self.origin {
            Origin::First => world.lots.first_far_end(signaling),
            Origin::Reinvite | Origin::OtherFarEnd => world.lots.far_end(signaling),
        };
        self.offers.set_again(false);
        let udp = world.base.open_media(&about.id);
        let mut config = EngineConfig::new(world.seed.child(&format!("{}/{}", about.id, udp.0)));
        config.codecs.clone_from(&world.options.codecs);
        let manners = world.factory.has_manners();
        let manner = if manners { world.lots.manner() } else { RtpManner::default() };
        let engine = world.factory.create(world.base.now, config, manner);
        self.media.open(udp, engine);
    }

    /// Another far end is to come in the place of this one, which goes without a word.
    pub(super) fn replace(&mut self, origin: Origin, about: &About, world: &mut World) {
        self.kill_media(about, world);
        self.origin = origin;
        self.superseded |= origin == Origin::Reinvite;
        self.make_media(about, world);
    }

    pub(super) fn kill_media(&mut self, about: &About, world: &mut World) {
        let effect = self.media.kill();
        perform(effect, about, world);
    }

    /// Nobody is heard any more, and nothing is said again.
    pub(super) fn fall_silent(&mut self) {
        self.media.take_on_air();
        self.offers.stop();
    }

    /// Closes the far end's media; its figures stay.
    pub(super) fn close(&mut self, about: &About, world: &mut World) {
        if self.media.is_open() {
            let says_goodbye = !world.keeps(Silence::Goodbye);
            let effects = self.media.close(says_goodbye, world.base.now);
            perform(effects, about, world);
        }
    }

    // Our offer

    /// Our sockets are there: offer.
    pub(super) fn make_offer(
        &mut self,
        local: &[SocketAddr],
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let now = world.base.now;
        let Some(signal) = about.signal() else { return Turn::Stays };
        let offer = match self.media.offer(&[Wish::AUDIO], now) {
            Some(Ok(offer)) => offer,
            Some(Err(error)) => {
                world.base.log(format!("no media: {error}"));
                return Turn::Over(None);
            }
            None => return Turn::Stays,
        };
        let public = local.iter().map(|address| match address.ip().is_unspecified() {
            true => SocketAddr::new(world.public_ip, address.port()),
            false => *address,
        });
        let effects = self.media.set_addresses(public, now);
        let turn = match (self.origin, signal.kind) {
            (Origin::OtherFarEnd, Signaling::Jingle) => {
                self.offers.restart_elsewhere(&offer, &signal, streams, world);
                Turn::Agreed
            }
            _ => {
                self.offer_to(&signal, &offer, about, streams, world);
                Turn::Offered
            }
        };
        perform(effects, about, world);
        turn
    }

    fn offer_to(
        &mut self,
        signal: &Signal,
        offer: &str,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) {
        let candidates = self.media.take_candidates();
        let inline = if about.plan.trickle { &[][..] } else { &candidates[..] };
        let offer = self.offers.habits.describe(offer);
        self.offers.set(offer.clone());
        let jingle = Signal { kind: Signaling::Jingle, ..signal.clone() };
        if about.plan.also_jingle == Some(AlsoJingle::Before) {
            jingle.make(&offer, inline, streams, world);
        }
        match self.origin {
            Origin::First => self.offers.make(inline, signal, streams, world),
            Origin::Reinvite => self.insist(inline, true, signal, about, streams, world),
            Origin::OtherFarEnd => self.insist(inline, false, signal, about, streams, world),
        }
        if about.plan.also_jingle == Some(AlsoJingle::After) {
            jingle.make(&offer, inline, streams, world);
        }
        if about.plan.trickle {
            self.offers.wait(candidates);
        }
        // Streaming clients before 19 lose what comes before they have made the session of an
        // SDP offer (wire notes 6.14): it waits for their accept.
        if signal.kind == Signaling::Jingle {
            self.offers.trickle(Some(signal), streams, world);
        }
    }

    /// Says the offer until it is answered.
    fn insist(
        &mut self,
        inline: &[LocalCandidate],
        reinvite: bool,
        signal: &Signal,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) {
        let user = &*about.user;
        if self.offers.make_until_answered(inline, reinvite, user, signal, streams, world) {
            about.happened("re-invited", json!({"attempt": 1}), world);
        }
    }

    /// Offers again what is there: with another direction, or else with other codecs (RFC 3264 section
    /// 8, RFC 8842 section 4).
    pub(super) fn offer_again(
        &mut self,
        direction: Option<Direction>,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let now = world.base.now;
        let Some(signal) = about.signal().filter(|_| self.media.is_open()) else { return false };
        match direction {
            Some(direction) => self.media.set_direction(direction),
            None => self.offers.habits = world.lots.far_end(about.plan.signaling),
        }
        match self.media.offer(&[], now) {
            Some(Ok(offer)) => self.offers.set(self.offers.habits.describe(&offer)),
            Some(Err(error)) => {
                world.base.log(format!("no offer: {error}"));
                return false;
            }
            None => return false,
        }
        self.offers.set_again(true);
        self.media.watch_for_silence(false, now);
        self.insist(&[], false, &signal, about, streams, world);
        self.listen(about, world);
        true
    }

    /// Asks for new ICE credentials at both ends (wire notes 6.6). False when it cannot be.
    pub(super) fn restart_ice(
        &mut self,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(signal) = about.signal() else { return false };
        match self.media.restart_ice(world.base.now) {
            Some(Ok(offer)) => {
                self.offers.restart(offer, &signal, streams, world);
                self.listen(about, world);
                true
            }
            Some(Err(error)) => {
                world.base.log(format!("no restart: {error}"));
                false
            }
            None => false,
        }
    }

    // An offer of somebody's outside

    /// Says the far end's offer, once there is one and a client that wants it.
    pub(super) fn offer_outside(
        &mut self,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let Some(external) = &self.external else { return Turn::Stays };
        let (Some(offer), Some(signal)) = (external.offer().map(str::to_owned), about.signal())
        else {
            about.happened("far-wanted", json!({}), world);
            return Turn::Stays;
        };
        self.offers.set(offer);
        match self.origin {
            Origin::Reinvite => self.insist(&[], true, &signal, about, streams, world),
            Origin::First | Origin::OtherFarEnd => self.offers.make(&[], &signal, streams, world),
        }
        if signal.kind == Signaling::Jingle {
            self.pass_on(about, streams, world);
        }
        Turn::Offered
    }

    /// Says a new description on what is there. Why it cannot be, if so.
    pub(super) fn renegotiate_outside(
        &mut self,
        sdp: &str,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), &'static str> {
        let signal = about.signal().ok_or("nobody has the call")?;
        let external = self.external.as_mut().ok_or("the far end is the emulator's")?;
        if !external.is_settled() {
            return Err("an offer waits for its answer");
        }
        // By SDP other ICE credentials are another connection of the client's (wire notes 6.14), with
        // addresses of its own; by Jingle they are a restart, whose candidates come anew (6.6).
        let is_other = ice_credentials(sdp) != ice_credentials(self.offers.offer());
        self.superseded |= is_other && signal.kind == Signaling::Sdp;
        self.offers.renew(sdp, &signal, streams, world)?;
        external.renew(sdp, is_other);
        Ok(())
    }

    /// Tells the client the far end's candidates that wait.
    pub(super) fn pass_on(&mut self, about: &About, streams: &Streams, world: &mut World) {
        let (Some(signal), Some(external)) = (about.signal(), &mut self.external) else { return };
        let offer = self.offers.offer();
        for word in external.take_waiting() {
            match word {
                Trickle::Candidate(candidate) => {
                    signal.candidate(offer, &candidate, streams, world);
                }
                Trickle::End => signal.gathering_complete(offer, streams, world),
            }
        }
    }

    fn answered_outside(
        &mut self,
        answer: &str,
        is_first: bool,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let Some(external) = self.external.as_mut().filter(|external| external.is_unanswered())
        else {
            return Turn::Stays;
        };
        external.client_answered(answer);
        self.offers.set_answer(answer.to_owned());
        self.offers.stop();
        self.pass_on(about, streams, world);
        about.happened("answered", json!({}), world);
        if is_first { Turn::Answered } else { Turn::Stays }
    }

    // What the client says

    /// The client made a session of our offer.
    pub(super) fn accepted(&mut self, about: &About, streams: &Streams, world: &mut World) {
        self.offers.trickle(about.signal().as_ref(), streams, world);
        self.pass_on(about, streams, world);
    }

    pub(super) fn replied(&mut self, reply: Value, about: &About, world: &mut World) {
        self.offers.replied();
        if let Some(external) = self.external.as_mut().filter(|_| reply["reply"] == "error") {
            external.client_refused(&reply);
        }
        about.happened("offer-reply", reply, world);
    }

    /// Takes a fact that the client tells in that phase.
    pub(super) fn handle(
        &mut self,
        fact: Fact,
        phase: Phase,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        match fact {
            Fact::Answer(answer) => return self.answered(&answer, phase, about, streams, world),
            Fact::BadAnswer(error) => return bad_answer(&error, world),
            Fact::Credentials { ufrag, pwd } => {
                self.ice_restarted(&ufrag, &pwd, about, streams, world);
            }
            Fact::Candidate { mid, ufrag, line } => {
                self.remote_candidate(&mid, ufrag.as_deref(), line, about, world);
            }
            Fact::NoMoreCandidates => {
                if let Some(external) = &mut self.external {
                    external.client_complete();
                }
            }
            // Calls are muted by REST.
            Fact::Muted { .. } | Fact::Sharing(_) => {}
            Fact::Terminated(Some(Reason::AlternativeSession)) if self.superseded => {
                // Before it answers a re-invite, the vendor's SDK ends the association that is
                // replaced, which may have the same name (wire notes 6.14).
                self.superseded = false;
                about.happened("superseded", json!({}), world);
            }
            Fact::Terminated(reason) => {
                self.look_at_refusal(reason.as_ref(), about, world);
                return Turn::Over(None);
            }
        }
        Turn::Stays
    }

    fn answered(
        &mut self,
        answer: &str,
        phase: Phase,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let is_first = match phase {
            Phase::Offered => true,
            Phase::Active => false,
            Phase::Proposed { .. }
            | Phase::Proceeding
            | Phase::Replaced
            | Phase::Elsewhere
            | Phase::Over => return Turn::Stays,
        };
        if self.external.is_some() {
            self.answered_outside(answer, is_first, about, streams, world)
        } else if is_first {
            self.answered_first(answer, about, streams, world)
        } else if self.offers.is_again() {
            self.answered_again(answer, about, world)
        } else {
            Turn::Stays
        }
    }

    fn answered_first(
        &mut self,
        answer: &str,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        self.offers.trickle(about.signal().as_ref(), streams, world);
        // It may be that to an offer before, otherwise.
        if self.origin == Origin::First
            && let Some(mismatch) = answers::mismatch(self.offers.offer(), answer)
        {
            world.base.wrong(format!("session {}: {mismatch}", about.id));
        }
        match self.media.accept(&self.offers.habits.understand(answer), world.base.now) {
            Some(Ok(())) => {}
            Some(Err(error)) => return bad_answer(&error.to_string(), world),
            None => return Turn::Stays,
        }
        self.offers.set_answer(answer.to_owned());
        self.offers.stop();
        self.listen(about, world);
        about.happened("answered", json!({}), world);
        Turn::Answered
    }

    fn answered_again(&mut self, answer: &str, about: &About, world: &mut World) -> Turn {
        let now = world.base.now;
        let answer = self.offers.habits.understand(answer);
        if !answers::is_answer_to(self.offers.offer(), &answer) {
            // The answer to an offer before that was repeated.
            return Turn::Stays;
        }
        let Some(accepted) = self.media.accept(&answer, now) else { return Turn::Stays };
        self.offers.set_again(false);
        self.offers.stop();
        if let Err(error) = accepted {
            return bad_answer(&error.to_string(), world);
        }
        let held = self.media.agreement().is_some_and(|agreed| !agreed.direction.receives());
        self.media.watch_for_silence(held, now);
        self.offers.set_answer(answer);
        self.listen(about, world);
        about.happened("answered-again", json!({}), world);
        Turn::Stays
    }

    /// The client's side of an ICE restart; our candidates follow anew.
    fn ice_restarted(
        &mut self,
        ufrag: &str,
        pwd: &Secret,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) {
        let now = world.base.now;
        let Some((answer, early)) = self.offers.restarted(ufrag, pwd) else { return };
        if let Some(external) = &mut self.external {
            external.client_restarted(&answer);
            self.offers.set_answer(answer);
            return about.happened("ice-restarted", json!({}), world);
        }
        match self.media.accept(&answer, now) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                return world.base.log(format!("a restart that cannot be used: {error}"));
            }
            None => return,
        }
        self.offers.set_answer(answer);
        let effects = self.media.listen(now);
        self.offers.wait(self.media.take_candidates());
        perform(effects, about, world);
        self.offers.trickle(about.signal().as_ref(), streams, world);
        for line in early {
            self.use_candidate(&line, about, world);
        }
        about.happened("ice-restarted", json!({}), world);
    }

    fn remote_candidate(
        &mut self,
        mid: &str,
        ufrag: Option<&str>,
        line: String,
        about: &About,
        world: &mut World,
    ) {
        self.candidates_from_client += 1;
        if let Some(external) = &mut self.external {
            external.client_candidate(mid, ufrag, &line);
        } else if let Some(line) = self.offers.keep_early(line) {
            self.use_candidate(&line, about, world);
        }
    }

    fn use_candidate(&mut self, line: &str, about: &About, world: &mut World) {
        if let Some(Err(error)) = self.media.add_remote(line, world.base.now) {
            world.base.log(format!("a candidate that cannot be used: {error}"));
        }
        self.listen(about, world);
    }

    /// All offers of ours can be used, however untidy they are.
    fn look_at_refusal(&self, reason: Option<&Reason>, about: &About, world: &mut World) {
        if let Some(reason @ (Reason::FailedApplication | Reason::UnsupportedApplications)) = reason
            && self.media.is_open()
            && !self.offers.habits.is_useless()
        {
            world.base.wrong(format!("session {}: a good offer is refused: {reason:?}", about.id));
        }
    }

    // Hearing and saying

    fn listen(&mut self, about: &About, world: &mut World) {
        let effects = self.media.listen(world.base.now);
        perform(effects, about, world);
    }

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, about: &About, world: &mut World) {
        let effects = self.media.datagram(packet, world.base.now);
        perform(effects, about, world);
    }

    pub(super) fn say(&mut self, frame: &AudioFrame, about: &About, world: &mut World) {
        let effects = self.media.say(frame, world.base.now);
        perform(effects, about, world);
    }

    pub(super) fn press(&mut self, digits: &[Digit], about: &About, world: &mut World) {
        let effects = self.media.press(digits, world.base.now);
        perform(effects, about, world);
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        Wake::earliest(self.media.next_wake(), self.offers.next_wake())
    }

    pub(super) fn handle_timeout(
        &mut self,
        phase: Phase,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Turn {
        let effects = self.media.handle_timeout(world.base.now, &mut world.prompt);
        perform(effects, about, world);
        let is_signaled = match phase {
            Phase::Active => true,
            Phase::Proceeding | Phase::Offered => self.origin == Origin::Reinvite,
            Phase::Proposed { .. } | Phase::Replaced | Phase::Elsewhere | Phase::Over => false,
        };
        if self.media.take_forsaken(world.base.now) && is_signaled {
            about.happened("consent-expired", json!({}), world);
            world.base.log(format!("session {} is lost: its client is silent", about.id));
            return Turn::Over(Some(Reason::Gone));
        }
        if self.media.take_search(world.base.now) && phase == Phase::Active {
            return Turn::Lost;
        }
        match self.offers.repeat(about, streams, world) {
            Repeated::No => Turn::Stays,
            Repeated::Yes(attempt) => {
                about.happened("re-invited", json!({"attempt": attempt}), world);
                Turn::Stays
            }
            Repeated::GivenUp => Turn::Over(Some(Reason::Expired)),
        }
    }
}

/// Does what media ask for.
fn perform(effects: impl IntoIterator<Item = Effect>, about: &About, world: &mut World) {
    for effect in effects {
        match effect {
            Effect::Push(output) => world.base.push(output),
            Effect::Happened(kind, data) => about.happened(kind, data, world),
            Effect::Close(udp) => world.base.close_media(udp),
        }
    }
}

fn bad_answer(error: &str, world: &mut World) -> Turn {
    world.base.log(format!("an answer that cannot be used: {error}"));
    Turn::Over(Some(Reason::FailedApplication))
}
