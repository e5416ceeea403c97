//! A far end that somebody outside plays: another program's peer connection. Its descriptions and
//! candidates go to the client as they are, and what the client says is kept for whoever asks
//! (`calls/{cid}/far` of the control API). No media of such a call comes to this cloud.

use offhook::jingle::{Role, Transport, ice_credentials, sdp};
use offhook::media::LocalCandidate;
use serde_json::{Value, json};

use super::World;
use super::calls::Calls;
use super::recovery::successor_id;
use super::session::{Phase, Session, Step, offer_to};
use super::signal::{Signaling, with_credentials};
use super::streams::Streams;

/// The longest description.
const MAX_SDP: usize = 64 << 10;
/// The longest candidate, and the longest name that goes with one.
const MAX_CANDIDATE: usize = 512;
/// Candidates kept in either direction for one description; more are dropped from the client's, and
/// refused from the far end's.
const MAX_CANDIDATES: usize = 256;

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct External {
    /// What the client is offered next, or was offered last. None while it is waited for.
    offer: Option<String>,
    /// Words of the far end's that the client is not ready for.
    waiting: Vec<Trickle>,
    /// What the client said to the offer.
    answer: Option<String>,
    refused: Option<Value>,
    /// Its candidates, as a browser's `RTCIceCandidateInit`.
    candidates: Vec<Value>,
    complete: bool,
    /// The number of its last word.
    news: u64,
}

/// A far end's word about its addresses.
#[derive(Clone, Debug)]
enum Trickle {
    Candidate(LocalCandidate),
    End,
}

/// A description of a far end's, for a call that is there.
pub(super) struct Description {
    sdp: String,
    /// It is another peer connection than before.
    reinvite: bool,
    /// And has a session id of its own.
    new_session: bool,
}

impl Description {
    /// `{offer, reinvite?, newSession?}`
    pub(super) fn read(body: &Value) -> Result<Self, &'static str> {
        let new_session = body["newSession"].as_bool().unwrap_or_default();
        Ok(Self {
            sdp: read_sdp(&body["offer"])?.ok_or("offer is a description")?,
            reinvite: new_session || body["reinvite"].as_bool().unwrap_or_default(),
            new_session,
        })
    }
}

fn read_sdp(sdp: &Value) -> Result<Option<String>, &'static str> {
    match sdp {
        Value::Null => Ok(None),
        Value::String(sdp) if sdp.trim().is_empty() => Err("the offer is empty"),
        Value::String(sdp) if sdp.len() > MAX_SDP => Err("the offer has more than 64 KiB"),
        Value::String(sdp) => Ok(Some(sdp.clone())),
        _ => Err("offer is a description"),
    }
}

/// Whether an offer can be said in that signaling.
fn sayable(offer: &str, signaling: Signaling) -> Result<(), String> {
    match signaling {
        Signaling::Sdp => Ok(()),
        Signaling::Jingle => sdp::from_sdp(offer, Role::Initiator)
            .map(drop)
            .map_err(|error| format!("the offer cannot be said in Jingle: {error}")),
    }
}

impl External {
    /// The `far` of `POST calls`: `{offer?}`.
    pub(super) fn read(far: &Value, signaling: Signaling) -> Result<Self, String> {
        if !far.is_object() {
            return Err("far is an object".to_owned());
        }
        let offer = read_sdp(&far["offer"])?;
        if let Some(offer) = &offer {
            sayable(offer, signaling)?;
        }
        Ok(Self { offer, ..Self::default() })
    }

    fn word(&mut self) {
        self.news += 1;
    }

    /// Another description is to be answered.
    fn renew(&mut self, offer: &str, is_new_peer: bool) {
        self.offer = Some(offer.to_owned());
        self.answer = None;
        self.refused = None;
        if is_new_peer {
            self.waiting.clear();
            self.candidates.clear();
            self.complete = false;
        }
    }

    /// Whether the last offer has its answer, of whichever kind.
    fn is_settled(&self) -> bool {
        self.answer.is_some() || self.refused.is_some()
    }

    pub(super) fn client_candidate(&mut self, mid: &str, ufrag: Option<&str>, line: &str) {
        if self.candidates.len() < MAX_CANDIDATES {
            let candidate = json!({
                "candidate": line, "sdpMid": mid, "usernameFragment": ufrag,
            });
            self.candidates.push(candidate);
            self.word();
        }
    }

    pub(super) fn client_complete(&mut self) {
        self.complete = true;
        self.word();
    }

    pub(super) fn client_refused(&mut self, reply: &Value) {
        self.refused = Some(reply["condition"].clone());
        self.word();
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "offer": self.offer, "answer": self.answer, "refused": self.refused,
            "candidates": self.candidates, "endOfCandidates": self.complete, "next": self.news,
        })
    }
}

/// Whether that is news for a request: after a number, or else an answer.
pub(super) fn is_news(far: &Value, after: Option<u64>) -> bool {
    let is_over = far["sessionState"] == "ended";
    is_over
        || match after {
            Some(after) => far["next"].as_u64().is_some_and(|next| next > after),
            None => !far["answer"].is_null() || !far["refused"].is_null(),
        }
}

impl Session {
    /// The far end's offer, once there is one and a client that wants it.
    pub(super) fn offer_outside(&mut self, streams: &Streams, world: &mut World) {
        let Some(external) = self.external.as_ref().filter(|_| self.phase == Phase::Proceeding)
        else {
            return;
        };
        let (Some(offer), Some(signal)) = (external.offer.clone(), self.signal()) else {
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
    pub(super) fn pass_on(&mut self, streams: &Streams, world: &mut World) {
        let Some(signal) = self.signal() else { return };
        let Some(external) = &mut self.external else { return };
        for word in std::mem::take(&mut external.waiting) {
            match word {
                Trickle::Candidate(candidate) => {
                    signal.candidate(&self.offer, &candidate, streams, world);
                }
                Trickle::End => signal.gathering_complete(&self.offer, streams, world),
            }
        }
    }

    /// The client answered the far end.
    pub(super) fn answered_outside(
        &mut self,
        answer: &str,
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        let first = self.phase == Phase::Offered;
        let Some(external) = self.external.as_mut().filter(|external| external.answer.is_none())
        else {
            return Step::Goes;
        };
        if !first && self.phase != Phase::Active {
            return Step::Goes;
        }
        external.answer = Some(answer.to_owned());
        external.refused = None;
        external.word();
        answer.clone_into(&mut self.answer);
        self.phase = Phase::Active;
        self.unanswered = None;
        self.pass_on(streams, world);
        self.happened("answered", json!({}), world);
        if first { Step::Answered } else { Step::Goes }
    }

    /// The client's side of an ICE restart in Jingle, as an answer.
    pub(super) fn restarted_outside(&mut self, transport: &Transport, world: &mut World) {
        let (Some(ufrag), Some(pwd)) = (&transport.ufrag, &transport.pwd) else { return };
        let answer = with_credentials(&self.answer, ufrag, pwd);
        let Some(external) = &mut self.external else { return };
        self.restarting = false;
        external.answer = Some(answer.clone());
        external.word();
        self.answer = answer;
        self.happened("ice-restarted", json!({}), world);
    }

    /// A new description on the session that is there. Why it cannot be, if so.
    fn renegotiate_outside(
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

impl Calls {
    /// As `GET calls/{cid}/far` tells it. None where there is no such far end.
    pub(super) fn far_body(&self, call: &str) -> Option<Value> {
        let call = self.calls.get(call)?;
        let seen = call.seen.clone().or_else(|| Some(self.sessions.get(&call.session)?.seen()))?;
        let mut body = seen.far?;
        body["sessionId"] = json!(call.session);
        body["sessionState"] = json!(if call.is_over() { "ended" } else { seen.state });
        Some(body)
    }

    /// The far end has a description, or another one.
    pub(super) fn far_offer(
        &mut self,
        call: &str,
        new: &Description,
        streams: &Streams,
        world: &mut World,
    ) -> Result<(), String> {
        let id = self.calls.get(call).map(|call| call.session.clone()).unwrap_or_default();
        let session = self.sessions.get_mut(&id).ok_or("the call is over")?;
        let external = session.external.as_mut().ok_or("the far end is the emulator's")?;
        sayable(&new.sdp, session.plan.signaling)?;
        match session.phase {
            Phase::Proposed { .. } | Phase::Proceeding => {
                external.renew(&new.sdp, false);
                session.offer_outside(streams, world);
            }
            // The client could not use the one before.
            Phase::Offered if external.refused.is_some() => {
                external.renew(&new.sdp, true);
                session.phase = Phase::Proceeding;
                session.offer_outside(streams, world);
            }
            Phase::Active if new.reinvite && session.plan.signaling == Signaling::Jingle => {
                return Err("Jingle has no re-invites".to_owned());
            }
            Phase::Active if new.new_session => {
                external.renew(&new.sdp, true);
                let id = self.succeed(&id, successor_id(world), world).ok_or("not as it stands")?;
                let session = self.sessions.get_mut(&id).ok_or("not as it stands")?;
                session.offer_outside(streams, world);
            }
            Phase::Active if new.reinvite => {
                external.renew(&new.sdp, true);
                session.reinvite = true;
                session.superseded = true;
                session.phase = Phase::Proceeding;
                session.offer_outside(streams, world);
            }
            Phase::Active => session.renegotiate_outside(&new.sdp, streams, world)?,
            Phase::Offered => return Err("an offer waits for its answer".to_owned()),
            Phase::Replaced | Phase::Elsewhere | Phase::Over => {
                return Err("the session is not the emulator's to offer on".to_owned());
            }
        }
        Ok(())
    }

    /// Candidates of the far end's; how many words it were.
    pub(super) fn far_candidates(
        &mut self,
        call: &str,
        body: &Value,
        streams: &Streams,
        world: &mut World,
    ) -> Result<usize, &'static str> {
        let id = self.calls.get(call).map(|call| call.session.clone()).unwrap_or_default();
        let session = self.sessions.get_mut(&id).ok_or("the call is over")?;
        let external = session.external.as_mut().ok_or("the far end is the emulator's")?;
        let offer = external.offer.as_deref().unwrap_or_default();
        let words = read_candidates(body, offer)?;
        let count = words.len();
        if external.waiting.len() + count > MAX_CANDIDATES {
            return Err("too many candidates wait");
        }
        external.waiting.extend(words);
        let ready = match session.phase {
            Phase::Active => true,
            // Streaming clients before 19 lose what comes before they have made the session of an
            // SDP offer (wire notes 6.14): it waits for their accept or answer.
            Phase::Offered => session.plan.signaling == Signaling::Jingle,
            _ => false,
        };
        if ready {
            session.pass_on(streams, world);
        }
        Ok(count)
    }

    /// Whether the far end of a call is played outside, signaling and all.
    pub(super) fn is_external(&self, call: &str) -> bool {
        self.far_body(call).is_some()
    }
}

/// `{candidates: [...]}` or one: a browser's `RTCIceCandidateInit`, or a line as text; an empty one
/// is the end of them, as `{endOfCandidates: true}` is.
fn read_candidates(body: &Value, offer: &str) -> Result<Vec<Trickle>, &'static str> {
    let one = std::slice::from_ref(body);
    let given = match &body["candidates"] {
        Value::Array(given) => given.as_slice(),
        Value::Null if body.get("candidate").is_some() => one,
        Value::Null => &[],
        _ => return Err("candidates is an array"),
    };
    let mut words = Vec::new();
    for candidate in given {
        let text = |key: &str| candidate[key].as_str();
        let line = candidate.as_str().or_else(|| text("candidate"));
        let line = line.ok_or("a candidate is a line, or has one as candidate")?.trim();
        let (mid, ufrag) = (text("sdpMid"), text("usernameFragment"));
        if [Some(line), mid, ufrag].into_iter().flatten().any(|text| text.len() > MAX_CANDIDATE) {
            return Err("a candidate has at most 512 bytes");
        }
        let line = line.strip_prefix("a=").unwrap_or(line);
        words.push(if line.is_empty() {
            Trickle::End
        } else {
            let ufrag = ufrag.map(str::to_owned).or_else(|| Some(ice_credentials(offer)?.0));
            Trickle::Candidate(LocalCandidate {
                mid: mid.map(str::to_owned),
                ufrag: ufrag.unwrap_or_default(),
                candidate: line.to_owned(),
            })
        });
    }
    if body["endOfCandidates"] == true {
        words.push(Trickle::End);
    }
    if words.is_empty() { Err("candidates are wanted") } else { Ok(words) }
}
