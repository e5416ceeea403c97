//! Sessions in rooms whose far end somebody outside plays: another program's peer connection, told to the
//! client by the control API, as that of a call is (`docs/protocol/emulator.md`).

use offhook::jingle::ice_credentials;
use serde_json::{Value, json};

use super::party::Party;
use crate::cloud::external::{Description, Trickle, sayable};
use crate::cloud::far_waits::Far;
use crate::cloud::session::Phase;
use crate::cloud::signaling::Signaling;
use crate::cloud::streams::Streams;
use crate::cloud::switchboard::Switchboard;
use crate::cloud::world::World;
use crate::service::RequestId;
use crate::service::control::Answer;
use crate::service::http::{Incoming, bad_request, json as respond, not_found};

/// Answers a control request about a far end outside; none where it is about something else.
pub(in crate::cloud) fn answer(
    board: &mut Switchboard,
    id: RequestId,
    asked: &Incoming<'_>,
) -> Option<Answer> {
    let (name, what) = match (asked.method, asked.path.as_slice()) {
        ("GET", ["rooms", name, "far"]) => (name, None),
        ("POST", ["rooms", name, "far", what @ ("offer" | "candidates")]) => (name, Some(*what)),
        _ => return None,
    };
    let user = asked.body["userId"].as_str().or_else(|| asked.query("userId"));
    let room = board.rooms.id_of(name);
    let session = room.and_then(|room| board.rooms.session(&room, user));
    let Some(session) = session.filter(|session| board.rooms.far_body(session).is_some()) else {
        return Some(Answer::Now(not_found()));
    };
    let (rooms, streams, world) = (&mut board.rooms, &board.streams, &mut board.world);
    let Some(what) = what else {
        let (far, places, now) = (Far::Session(session), (&board.calls, &*rooms), world.base.now);
        return Some(board.far_waits.ask(id, far, asked, places, now));
    };
    let said = match (rooms.parties.get_mut(&session), what, Description::read(&asked.body)) {
        (None, ..) => Err("the session is over".to_owned()),
        (Some(party), "offer", Ok(new)) => party.take_offer(&new, streams, world),
        (Some(_), "offer", Err(why)) => Err(why.to_owned()),
        (Some(party), _, _) => party.take_candidates(&asked.body, streams, world),
    };
    Some(Answer::Now(match said {
        Ok(()) => rooms.far_body(&session).map_or_else(not_found, |far| respond(200, &far)),
        Err(why) => bad_request(&why),
    }))
}

/// A far end whose session is over.
pub(super) fn ended(mut far: Value) -> Value {
    far["sessionState"] = json!(Phase::Over.name());
    far
}

impl Party {
    /// The far end as the control API tells it. None where nobody outside plays it.
    pub(super) fn far_body(&self) -> Option<Value> {
        let mut body = self.external.as_ref()?.body();
        body["sessionId"] = json!(self.about.id);
        body["sessionState"] = json!(self.phase.name());
        Some(body)
    }

    /// Its offer, once there is one and a client that wants it.
    pub(super) fn offer_outside(&mut self, streams: &Streams, world: &mut World) {
        let external = self.external.as_ref().filter(|_| self.phase == Phase::Proceeding);
        let Some(external) = external else { return };
        let Some(offer) = external.offer().map(str::to_owned) else {
            return self.about.happened("far-wanted", json!({"roomId": self.room}), world);
        };
        self.phase = Phase::Offered;
        self.say(offer, &[], false, streams, world);
        if self.terms.signaling == Signaling::Jingle {
            self.pass_on(streams, world);
        }
    }

    /// Takes its description, or another one. Why it cannot be, if so.
    fn take_offer(
        &mut self,
        new: &Description,
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
                self.say(new.sdp.clone(), &[], false, streams, world);
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
    fn take_candidates(
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
    pub(super) fn pass_on(&mut self, streams: &Streams, world: &mut World) {
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
    pub(super) fn replied_outside(&mut self, reply: &Value) {
        if let Some(external) = self.external.as_mut().filter(|_| reply["reply"] == "error") {
            external.client_refused(reply);
            self.again = false;
        }
    }
}
