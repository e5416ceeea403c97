//! Signals of the client about a session that it took: the same facts in either signaling.

use offhook::Secret;
use offhook::genesys::wire::{Dialect, Method, Payload, Rpc};
use offhook::jingle::{Action, Candidate, Jingle, Reason, Role, SessionInfo, sdp};

/// One request of the client's.
pub(in crate::cloud) struct Told {
    /// The name by which the control API tells it.
    pub(in crate::cloud) name: String,
    pub(in crate::cloud) facts: Vec<Fact>,
}

/// One fact that a request tells.
pub(in crate::cloud) enum Fact {
    Answer(String),
    /// An answer that cannot be read.
    BadAnswer(String),
    /// ICE credentials of the client's (wire notes 6.6).
    Credentials {
        ufrag: String,
        pwd: Secret,
    },
    Candidate {
        mid: String,
        ufrag: Option<String>,
        line: String,
    },
    NoMoreCandidates,
    /// The client is silent on purpose, or speaks again: `audio` or `video`.
    Muted {
        kind: String,
        muted: bool,
    },
    /// The client shows a screen, or no more.
    Sharing(bool),
    Terminated(Option<Reason>),
}

impl Told {
    /// Reads what a request tells; none if it is about no session.
    pub(in crate::cloud) fn read(payload: &Payload) -> Option<Self> {
        match payload {
            Payload::Extension(Dialect::Jingle(jingle)) => {
                Some(Self { name: jingle.action.as_str().to_owned(), facts: of_jingle(jingle) })
            }
            Payload::Extension(Dialect::Rpc(rpc)) => {
                Some(Self { name: format!("genesys-{}", rpc.method.name()), facts: of_rpc(rpc) })
            }
            _ => None,
        }
    }
}

fn of_jingle(jingle: &Jingle) -> Vec<Fact> {
    match &jingle.action {
        Action::SessionAccept => vec![match sdp::to_sdp(jingle, Role::Responder) {
            Ok(answer) => Fact::Answer(answer),
            Err(error) => Fact::BadAnswer(error.to_string()),
        }],
        Action::TransportInfo => {
            let mut facts = Vec::new();
            for content in &jingle.contents {
                let Some(transport) = &content.transport else { continue };
                if let (Some(ufrag), Some(pwd)) = (&transport.ufrag, &transport.pwd) {
                    facts.push(Fact::Credentials { ufrag: ufrag.clone(), pwd: pwd.clone() });
                }
                facts.extend(transport.candidates.iter().map(|candidate| Fact::Candidate {
                    mid: content.name.clone(),
                    ufrag: transport.ufrag.clone(),
                    line: candidate.to_line(),
                }));
                facts.extend(transport.gathering_complete.then_some(Fact::NoMoreCandidates));
            }
            facts
        }
        Action::SessionInfo => jingle.info.iter().filter_map(of_info).collect(),
        Action::SessionTerminate => vec![Fact::Terminated(jingle.reason.clone())],
        _ => Vec::new(),
    }
}

fn of_info(info: &SessionInfo) -> Option<Fact> {
    let muted = |kind: &Option<String>, muted| Fact::Muted {
        // Without a word on it, all that can be heard (XEP-0167 section 7.3).
        kind: kind.clone().unwrap_or_else(|| "audio".to_owned()),
        muted,
    };
    match info {
        SessionInfo::Mute { name, .. } => Some(muted(name, true)),
        SessionInfo::Unmute { name, .. } => Some(muted(name, false)),
        SessionInfo::ScreenStart => Some(Fact::Sharing(true)),
        SessionInfo::ScreenStop => Some(Fact::Sharing(false)),
        SessionInfo::Active
        | SessionInfo::Hold
        | SessionInfo::Unhold
        | SessionInfo::Ringing
        | SessionInfo::Other(_) => None,
    }
}

fn of_rpc(rpc: &Rpc) -> Vec<Fact> {
    match &rpc.method {
        Method::Answer { sdp, .. } => vec![Fact::Answer(sdp.clone())],
        Method::IceCandidate { sdp, .. } => {
            let fragment = Candidate::read_all(sdp);
            let candidates = fragment.candidates.into_iter().map(|(mid, candidate)| {
                let mid = mid.unwrap_or_else(|| "0".to_owned());
                Fact::Candidate { mid, ufrag: None, line: candidate.to_line() }
            });
            candidates.chain(fragment.end.then_some(Fact::NoMoreCandidates)).collect()
        }
        Method::Terminate { reason, .. } => vec![Fact::Terminated(Some(reason.clone()))],
        Method::Mute { kind, .. } => vec![Fact::Muted { kind: kind.clone(), muted: true }],
        Method::Unmute { kind, .. } => vec![Fact::Muted { kind: kind.clone(), muted: false }],
        Method::Offer { .. } | Method::Info { .. } | Method::Other { .. } => Vec::new(),
    }
}
