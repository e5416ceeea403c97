//! A session whose far end somebody outside plays: what that one says goes to the client, and what
//! the client says is kept.

use offhook::jingle::{Transport, ice_credentials};
use serde_json::json;

use super::super::external::Trickle;
use super::super::signal::with_credentials;
use super::{Phase, Session, Signaling, Step, Streams, World, offer_to};

impl Session {
    /// The far end's offer, once there is one and a client that wants it.
    pub(in crate::cloud) fn offer_outside(&mut self, streams: &Streams, world: &mut World) {
        let Some(external) = self.external.as_ref().filter(|_| self.phase == Phase::Proceeding)
        else {
            return;
        };
        let (Some(offer), Some(signal)) = (external.offer().map(str::to_owned), self.signal())
        else {
            return self.happened("far-wanted", json!({}), world);
        };
        self.offer.clone_from(&offer);
        self.phase = Phase::Offered;
        if self.reinvite {
            self.offer_until_answered(&offer, &[], true, streams, world);
        } else {
            self.offer_iq = offer_to(&signal, &offer, &[], streams, world);
        }
        if self.plan.signaling == Signaling::Jingle {
            self.pass_on(streams, world);
        }
    }

    /// Tells the client the far end's candidates that wait.
    pub(in crate::cloud) fn pass_on(&mut self, streams: &Streams, world: &mut World) {
        let Some(signal) = self.signal() else { return };
        let Some(external) = &mut self.external else { return };
        for word in external.take_waiting() {
            match word {
                Trickle::Candidate(candidate) => {
                    signal.candidate(&self.offer, &candidate, streams, world);
                }
                Trickle::End => signal.gathering_complete(&self.offer, streams, world),
            }
        }
    }

    /// The client answered the far end.
    pub(in crate::cloud) fn answered_outside(
        &mut self,
        answer: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        let first = self.phase == Phase::Offered;
        let Some(external) = self.external.as_mut().filter(|external| external.is_unanswered())
        else {
            return Step::Goes;
        };
        if !first && self.phase != Phase::Active {
            return Step::Goes;
        }
        external.client_answered(answer);
        answer.clone_into(&mut self.answer);
        self.phase = Phase::Active;
        self.unanswered = None;
        self.pass_on(streams, world);
        self.happened("answered", json!({}), world);
        if first { Step::Answered } else { Step::Goes }
    }

    /// The client's side of an ICE restart in Jingle, as an answer.
    pub(in crate::cloud) fn restarted_outside(&mut self, transport: &Transport, world: &mut World) {
        let (Some(ufrag), Some(pwd)) = (&transport.ufrag, &transport.pwd) else { return };
        let answer = with_credentials(&self.answer, ufrag, pwd);
        let Some(external) = &mut self.external else { return };
        self.restarting = false;
        external.client_restarted(&answer);
        self.answer = answer;
        self.happened("ice-restarted", json!({}), world);
    }

    /// A new description on the session that is there. Why it cannot be, if so.
    pub(in crate::cloud) fn renegotiate_outside(
        &mut self,
        sdp: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), &'static str> {
        let signal = self.signal().ok_or("nobody has the call")?;
        let before = ice_credentials(&self.offer);
        let external = self.external.as_mut().ok_or("the far end is the emulator's")?;
        if !external.is_settled() {
            return Err("an offer waits for its answer");
        }
        match self.plan.signaling {
            Signaling::Sdp => {
                let offer = signal.offer(sdp, &[], false, world).ok_or("it cannot be said")?;
                self.offer_iq = signal.send(offer, streams, world);
            }
            // Jingle as the service speaks it knows no other change (wire notes 6.6, 6.9).
            Signaling::Jingle if ice_credentials(sdp) != before => {
                signal.restart(sdp, streams, world);
                self.restarting = true;
            }
            Signaling::Jingle => return Err("Jingle only knows new ICE credentials"),
        }
        external.renew(sdp, false);
        self.offer = sdp.to_owned();
        Ok(())
    }
}
