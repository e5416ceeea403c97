//! Offers of a far end, as it says them, and what became of them: their answers, what is said again
//! until it has one, and candidates that wait on either side.

use offhook::Secret;
use offhook::genesys::wire::{Dialect, Payload};
use offhook::jingle::ice_credentials;
use offhook::machine::Wake;
use offhook::media::LocalCandidate;

use super::about::About;
use super::reinvite::{Due, Reinvite};
use crate::cloud::signal::{Signal, first_mid, with_credentials, with_mid};
use crate::cloud::signaling::Signaling;
use crate::cloud::streams::Streams;
use crate::cloud::untidy::Untidy;
use crate::cloud::world::World;

/// Candidates of the client's kept until its side of an ICE restart is there.
const MAX_EARLY: usize = 64;

/// The outcome of a look at the clock.
pub(super) enum Repeated {
    No,
    /// It was said once more; how often that is.
    Yes(u32),
    /// Nobody answers.
    GivenUp,
}

/// The state of a far end's offers. See the [module](self).
#[derive(Default)]
pub(super) struct Offers {
    /// The habits of the far end.
    pub(super) habits: Untidy,
    offer: String,
    answer: String,
    /// The id of the offer's IQ, until it is answered.
    iq: Option<String>,
    /// The offer that is said until it is answered.
    unanswered: Option<Reinvite>,
    /// True while another offer of the far end that is there waits for its answer.
    again: bool,
    /// Candidates of ours that the client is not ready for.
    untold: Vec<LocalCandidate>,
    /// While an ICE restart of ours waits for the client's side: its candidates that came before.
    restart: Option<Vec<String>>,
}

impl Offers {
    // Looking

    pub(super) fn offer(&self) -> &str {
        &self.offer
    }

    pub(super) fn iq(&self) -> Option<&str> {
        self.iq.as_deref()
    }

    /// True while an offer is said until it is answered.
    pub(super) fn is_repeated(&self) -> bool {
        self.unanswered.is_some()
    }

    /// True while another offer of the far end that is there waits for its answer.
    pub(super) fn is_again(&self) -> bool {
        self.again
    }

    /// True while the client's word to an offer or a restart is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        self.unanswered.is_some() || self.restart.is_some()
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.unanswered.as_ref().map(Reinvite::next_wake)
    }

    // Saying

    /// The next offer is this one.
    pub(super) fn set(&mut self, offer: String) {
        self.offer = offer;
    }

    /// Says the offer once.
    pub(super) fn make(
        &mut self,
        inline: &[LocalCandidate],
        signal: &Signal,
        streams: &Streams,
        world: &mut World,
    ) {
        self.iq = signal.make(&self.offer, inline, streams, world);
    }

    /// Says the offer, again and again: a connection that takes another's place, or what is new on the
    /// one that is there. False when it cannot be said.
    pub(super) fn make_until_answered(
        &mut self,
        inline: &[LocalCandidate],
        reinvite: bool,
        user: &str,
        signal: &Signal,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let Some(mut offer) = signal.offer(&self.offer, inline, reinvite, world) else {
            return false;
        };
        if let (true, Payload::Extension(Dialect::Rpc(rpc))) = (reinvite, &mut offer)
            && let Some(id) = world.lots.counted_id(user, world.base.now)
        {
            rpc.id = id;
        }
        self.iq = signal.send(offer.clone(), streams, world);
        self.unanswered = Some(Reinvite::new(offer, world.base.now));
        true
    }

    /// Says it once more, when it is time, and gives up in the end.
    pub(super) fn repeat(
        &mut self,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) -> Repeated {
        let Some(reinvite) = &mut self.unanswered else { return Repeated::No };
        match reinvite.handle_timeout(world.base.now) {
            Due::Nothing => Repeated::No,
            Due::Again(offer, attempt) => {
                self.iq = about.signal().and_then(|signal| signal.send(offer, streams, world));
                Repeated::Yes(attempt)
            }
            Due::GivenUp => {
                self.unanswered = None;
                Repeated::GivenUp
            }
        }
    }

    /// Says another description on the connection that is there, in Jingle only new ICE credentials.
    pub(super) fn renew(
        &mut self,
        sdp: &str,
        signal: &Signal,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), &'static str> {
        match signal.kind {
            Signaling::Sdp => {
                let offer = signal.offer(sdp, &[], false, world).ok_or("it cannot be said")?;
                self.iq = signal.send(offer, streams, world);
                self.offer = sdp.to_owned();
            }
            // Jingle as the service speaks it knows no other change (wire notes 6.6, 6.9).
            Signaling::Jingle if ice_credentials(sdp) != ice_credentials(&self.offer) => {
                self.restart(sdp.to_owned(), signal, streams, world);
            }
            Signaling::Jingle => return Err("Jingle only knows new ICE credentials"),
        }
        Ok(())
    }

    /// Asks for the client's new ICE credentials, by an offer with ours (wire notes 6.6).
    pub(super) fn restart(
        &mut self,
        offer: String,
        signal: &Signal,
        streams: &Streams,
        world: &mut World,
    ) {
        signal.restart(&offer, streams, world);
        self.offer = offer;
        self.restart.get_or_insert_default();
    }

    /// Says in Jingle that there is another far end: by `transport-info`, since it has no other word
    /// that clients take (wire notes 6.6, 6.9). What was agreed on besides stays.
    pub(super) fn restart_elsewhere(
        &mut self,
        offer: &str,
        signal: &Signal,
        streams: &Streams,
        world: &mut World,
    ) {
        let offer = with_mid(offer, &first_mid(&self.offer));
        self.restart(offer, signal, streams, world);
    }

    /// Candidates of ours, for a client that is ready for them.
    pub(super) fn wait(&mut self, candidates: Vec<LocalCandidate>) {
        self.untold = candidates;
    }

    /// Tells the client our candidates, one by one, and that there are no more.
    pub(super) fn trickle(
        &mut self,
        signal: Option<&Signal>,
        streams: &Streams,
        world: &mut World,
    ) {
        let candidates = self.habits.trickled(std::mem::take(&mut self.untold));
        let Some(signal) = signal.filter(|_| !candidates.is_empty()) else { return };
        for candidate in &candidates {
            signal.candidate(&self.offer, candidate, streams, world);
        }
        signal.gathering_complete(&self.offer, streams, world);
    }

    // Hearing

    pub(super) fn replied(&mut self) {
        self.iq = None;
    }

    /// Takes the client's description as it is now.
    pub(super) fn set_answer(&mut self, answer: String) {
        self.answer = answer;
    }

    /// An offer of the far end that is there begins, or is answered.
    pub(super) fn set_again(&mut self, again: bool) {
        self.again = again;
    }

    /// The offer is said no more: it is answered, or nobody waits for an answer.
    pub(super) fn stop(&mut self) {
        self.unanswered = None;
    }

    /// Takes the client's side of a restart: its answer with new credentials, and the candidates that
    /// came before it. None where there is no restart.
    pub(super) fn restarted(&mut self, ufrag: &str, pwd: &Secret) -> Option<(String, Vec<String>)> {
        let early = self.restart.take()?;
        Some((with_credentials(&self.answer, ufrag, pwd), early))
    }

    /// Keeps a candidate of the client's that comes before its side of a restart; others are returned.
    pub(super) fn keep_early(&mut self, line: String) -> Option<String> {
        let Some(early) = &mut self.restart else { return Some(line) };
        if early.len() < MAX_EARLY {
            early.push(line);
        }
        None
    }
}
