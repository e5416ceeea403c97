//! One session's signaling, whichever of the two it speaks (wire notes 6.1): Jingle, or SDP in
//! JSON-RPC. Both carry the same few messages.

use super::event::Signaling;
use super::ids::SessionId;
use super::outbox::{IqAsk, Outbox};
use crate::jingle::{
    Action, Candidate, Content, Jingle, Method, Reason, Role, Rpc, RpcCandidate, SessionInfo,
    Transport, sdp,
};
use crate::media::LocalCandidate;
use crate::xmpp::{IqKind, Jid, Payload};

/// How to talk to the far side of a session.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    session: SessionId,
    peer: Jid,
    kind: Signaling,
    /// The media section that candidates belong to.
    mid: String,
}

impl Signal {
    pub(crate) fn new(session: SessionId, peer: Jid, kind: Signaling, mid: String) -> Self {
        Self { session, peer, kind, mid }
    }

    pub(crate) fn kind(&self) -> Signaling {
        self.kind
    }

    pub(crate) fn peer(&self) -> &Jid {
        &self.peer
    }

    /// The answer to the offer: `session-accept` or `answer`.
    pub(crate) fn answer(&self, answer: &str, out: &mut Outbox) -> Result<(), sdp::SdpError> {
        let payload = match self.kind {
            Signaling::Jingle => {
                let (contents, groups) = sdp::from_sdp(answer, Role::Responder)?;
                let mut jingle = Jingle::new(Action::SessionAccept, self.session.as_str());
                jingle.contents = contents;
                jingle.groups = groups;
                Payload::Jingle(Box::new(jingle))
            }
            Signaling::Sdp => self.rpc(
                Method::Answer {
                    session_id: self.session.to_string(),
                    sdp: answer.to_owned(),
                },
                out,
            ),
        };
        self.ask(IqAsk::Answer(self.session.clone()), payload, out);
        Ok(())
    }

    /// One of our candidates.
    pub(crate) fn candidate(&self, local: &LocalCandidate, out: &mut Outbox) {
        let mid = local.mid.as_deref().unwrap_or(&self.mid).to_owned();
        let payload = match self.kind {
            Signaling::Jingle => {
                let Ok(candidate) = Candidate::from_line(&local.candidate) else { return };
                let transport = Transport::candidate(&local.ufrag, candidate);
                self.transport_info(mid, transport)
            }
            Signaling::Sdp => {
                let line = local.candidate.clone();
                self.trickle(RpcCandidate::Candidate { mid, line }, out)
            }
        };
        self.update(payload, out);
    }

    /// No more candidates.
    pub(crate) fn gathering_complete(&self, ufrag: &str, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                self.transport_info(self.mid.clone(), Transport::gathering_complete(ufrag))
            }
            Signaling::Sdp => self.trickle(RpcCandidate::End, out),
        };
        self.update(payload, out);
    }

    /// Media is connected (wire notes 6.7, 6.14).
    pub(crate) fn active(&self, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                let mut jingle = Jingle::new(Action::SessionInfo, self.session.as_str());
                jingle.info = Some(SessionInfo::Active);
                Payload::Jingle(Box::new(jingle))
            }
            Signaling::Sdp => self.rpc(
                Method::Info {
                    session_id: self.session.to_string(),
                    status: "active".to_owned(),
                },
                out,
            ),
        };
        self.update(payload, out);
    }

    /// The session is over.
    pub(crate) fn terminate(&self, reason: &Reason, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                let mut jingle = Jingle::new(Action::SessionTerminate, self.session.as_str());
                jingle.reason = Some(reason.clone());
                Payload::Jingle(Box::new(jingle))
            }
            Signaling::Sdp => self.rpc(
                Method::Terminate {
                    session_id: self.session.to_string(),
                    reason: reason.clone(),
                },
                out,
            ),
        };
        self.ask(IqAsk::Terminate(self.session.clone()), payload, out);
    }

    fn transport_info(&self, mid: String, transport: Transport) -> Payload {
        let mut jingle = Jingle::new(Action::TransportInfo, self.session.as_str());
        jingle.contents = vec![Content::transport_only(&mid, transport)];
        Payload::Jingle(Box::new(jingle))
    }

    fn trickle(&self, candidate: RpcCandidate, out: &mut Outbox) -> Payload {
        self.rpc(
            Method::IceCandidate { session_id: self.session.to_string(), candidate },
            out,
        )
    }

    fn rpc(&self, method: Method, out: &mut Outbox) -> Payload {
        Payload::Rpc(Box::new(Rpc { id: out.uuid(), method }))
    }

    fn update(&self, payload: Payload, out: &mut Outbox) {
        self.ask(IqAsk::Update(self.session.clone()), payload, out);
    }

    fn ask(&self, ask: IqAsk, payload: Payload, out: &mut Outbox) {
        out.ask(ask, Some(self.peer.clone()), IqKind::Set(payload));
    }
}
