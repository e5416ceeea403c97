//! A far end that somebody outside plays: another program's peer connection. Its descriptions and
//! candidates go to the client as they are, and what the client says is kept for whoever asks
//! (`calls/{cid}/far` and `rooms/{room}/far` of the control API). No media of such a session comes to this cloud.

use offhook::jingle::{Role, ice_credentials, sdp};
use offhook::media::LocalCandidate;
use serde_json::{Value, json};

use super::signaling::Signaling;

/// The longest description.
const MAX_SDP: usize = 64 << 10;
/// The longest candidate, and the longest name that goes with one.
const MAX_CANDIDATE: usize = 512;
/// Candidates kept in either direction for one description; more are dropped from the client's, and
/// refused from the far end's.
const MAX_CANDIDATES: usize = 256;

/// A far end that somebody outside plays.
#[derive(Clone, Debug, Default)]
pub(super) struct External {
    /// The offer that the client is made next, or was made last. None while it is waited for.
    offer: Option<String>,
    /// Words of the far end's that the client is not ready for.
    waiting: Vec<Trickle>,
    /// The client's answer to the offer.
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
pub(super) enum Trickle {
    Candidate(LocalCandidate),
    End,
}

/// A description of a far end's, for a call that is there.
pub(super) struct Description {
    pub(super) sdp: String,
    /// True for another peer connection than before.
    pub(super) reinvite: bool,
    /// And has a session id of its own.
    pub(super) new_session: bool,
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

/// Checks that an offer can be said in that signaling.
pub(super) fn sayable(offer: &str, signaling: Signaling) -> Result<(), String> {
    match signaling {
        Signaling::Sdp => Ok(()),
        Signaling::Jingle => sdp::from_sdp(offer, Role::Initiator)
            .map(drop)
            .map_err(|error| format!("the offer cannot be said in Jingle: {error}")),
    }
}

impl External {
    /// The `far` of `POST calls` and `POST rooms`, if there is one: `{offer?}`.
    pub(super) fn asked(body: &Value, signaling: Signaling) -> Result<Option<Self>, String> {
        let far = match &body["far"] {
            Value::Null => return Ok(None),
            far if far.is_object() => far,
            _ => return Err("far is an object".to_owned()),
        };
        let offer = read_sdp(&far["offer"])?;
        if let Some(offer) = &offer {
            sayable(offer, signaling)?;
        }
        Ok(Some(Self { offer, ..Self::default() }))
    }

    fn word(&mut self) {
        self.news += 1;
    }

    /// Sets another description that is to be answered.
    pub(super) fn renew(&mut self, offer: &str, is_new_peer: bool) {
        self.offer = Some(offer.to_owned());
        self.answer = None;
        self.refused = None;
        if is_new_peer {
            self.waiting.clear();
            self.candidates.clear();
            self.complete = false;
        }
    }

    /// True once the last offer has its answer, of whichever kind.
    pub(super) fn is_settled(&self) -> bool {
        self.answer.is_some() || self.refused.is_some()
    }

    /// True if the client could not use the last offer.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    pub(super) fn offer(&self) -> Option<&str> {
        self.offer.as_deref()
    }

    /// Candidates of the far end's wait for a client that is ready for them; how many words it were.
    pub(super) fn wait(&mut self, body: &Value) -> Result<usize, &'static str> {
        let words = read_candidates(body, self.offer.as_deref().unwrap_or_default())?;
        let count = words.len();
        if self.waiting.len() + count > MAX_CANDIDATES {
            return Err("too many candidates wait");
        }
        self.waiting.extend(words);
        Ok(count)
    }

    pub(super) fn take_waiting(&mut self) -> Vec<Trickle> {
        std::mem::take(&mut self.waiting)
    }

    /// The client answered the offer.
    pub(super) fn client_answered(&mut self, answer: &str) {
        self.answer = Some(answer.to_owned());
        self.refused = None;
        self.word();
    }

    /// The client did its part of an ICE restart, which is told as an answer.
    pub(super) fn client_restarted(&mut self, answer: &str) {
        self.answer = Some(answer.to_owned());
        self.word();
    }

    /// True while an offer waits for its answer.
    pub(super) fn is_unanswered(&self) -> bool {
        self.answer.is_none()
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

/// True if that is news for a request: after a number, or else an answer.
pub(super) fn is_news(far: &Value, after: Option<u64>) -> bool {
    let is_over = far["sessionState"] == "ended";
    is_over
        || match after {
            Some(after) => far["next"].as_u64().is_some_and(|next| next > after),
            None => !far["answer"].is_null() || !far["refused"].is_null(),
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
