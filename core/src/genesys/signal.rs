//! One session's signaling, whichever of the two it speaks (wire notes 6.1): Jingle, or SDP in
//! JSON-RPC. Both carry the same few messages.

use super::ask::IqAsk;
use super::event::Signaling;
use super::ids::{SessionId, UserId};
use super::outbox::Outbox;
use crate::genesys::wire::{Dialect, Frame, Iq, IqKind, Method, Payload, Rpc};
use crate::jingle::{Candidate, Jingle, Reason, Role, SessionInfo, sdp};
use crate::media::{LocalCandidate, MediaKind};
use crate::xmpp::Jid;

/// The way to signal to the far side of a session.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    session: SessionId,
    peer: Jid,
    kind: Signaling,
    /// The media section that candidates belong to.
    mid: String,
}

/// An answer that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Answer {
    sdp: String,
    payload: Payload,
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

    /// The answer to the offer: `session-accept` or `answer`. It is not sent yet.
    ///
    /// # Errors
    ///
    /// It cannot be said in this signaling.
    pub(crate) fn make_answer(
        &self,
        sdp: String,
        out: &mut Outbox,
    ) -> Result<Answer, sdp::SdpError> {
        let payload = match self.kind {
            Signaling::Jingle => {
                let (contents, groups) = sdp::from_sdp(&sdp, Role::Responder)?;
                jingle(Jingle::session_accept(self.session.as_str(), contents, groups))
            }
            Signaling::Sdp => {
                let session_id = self.session.as_str().to_owned();
                self.rpc(Method::Answer { session_id, sdp: sdp.clone() }, out)
            }
        };
        Ok(Answer { sdp, payload })
    }

    /// Sends the answer; its description.
    pub(crate) fn send_answer(&self, answer: Answer, out: &mut Outbox) -> String {
        self.ask(IqAsk::Answer(self.session.clone()), answer.payload, out);
        answer.sdp
    }

    /// Sends our side of an ICE restart that the far side began by Jingle (wire notes 6.6).
    pub(crate) fn ice_restarted(
        &self,
        answer: &str,
        out: &mut Outbox,
    ) -> Result<(), sdp::SdpError> {
        let (contents, _) = sdp::from_sdp(answer, Role::Responder)?;
        let transport = contents.into_iter().find_map(|content| content.transport);
        if let Some(transport) = transport
            && let (Some(ufrag), Some(pwd)) = (transport.ufrag, transport.pwd)
        {
            let restart = Jingle::ice_restart(
                self.session.as_str(),
                &*self.mid,
                ufrag,
                pwd,
                transport.fingerprints,
            );
            self.update(jingle(restart), out);
        }
        Ok(())
    }

    /// Sends one of our candidates.
    pub(crate) fn candidate(&self, local: &LocalCandidate, out: &mut Outbox) {
        let mid = local.mid.as_deref().unwrap_or(&self.mid).to_owned();
        let payload = match self.kind {
            Signaling::Jingle => {
                let Ok(candidate) = Candidate::from_line(&local.candidate) else { return };
                jingle(Jingle::candidate(self.session.as_str(), mid, &*local.ufrag, candidate))
            }
            Signaling::Sdp => {
                self.rpc(Method::candidate(self.session.as_str(), &mid, &local.candidate), out)
            }
        };
        self.update(payload, out);
    }

    /// Sends the end of our candidates.
    pub(crate) fn gathering_complete(&self, ufrag: &str, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                jingle(Jingle::gathering_complete(self.session.as_str(), &*self.mid, ufrag))
            }
            Signaling::Sdp => self.rpc(Method::end_of_candidates(self.session.as_str()), out),
        };
        self.update(payload, out);
    }

    /// Tells that media is connected (wire notes 6.7, 6.14).
    pub(crate) fn active(&self, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                jingle(Jingle::session_info(self.session.as_str(), SessionInfo::Active))
            }
            Signaling::Sdp => self.rpc(
                Method::Info {
                    session_id: self.session.as_str().to_owned(),
                    status: "active".to_owned(),
                },
                out,
            ),
        };
        self.update(payload, out);
    }

    /// Tells that the session is over.
    pub(crate) fn terminate(&self, reason: &Reason, out: &mut Outbox) {
        let payload = match self.kind {
            Signaling::Jingle => {
                jingle(Jingle::session_terminate(self.session.as_str(), reason.clone()))
            }
            Signaling::Sdp => self.rpc(
                Method::Terminate {
                    session_id: self.session.as_str().to_owned(),
                    reason: reason.clone(),
                },
                out,
            ),
        };
        self.ask(IqAsk::Terminate(self.session.clone()), payload, out);
    }

    /// Tells that we are silent, or not seen, on purpose, or no longer so (wire notes 6.7, 6.14). By
    /// Jingle the user says so.
    pub(crate) fn mute(
        &self,
        kind: MediaKind,
        muted: bool,
        user: Option<&UserId>,
        ask: IqAsk,
        out: &mut Outbox,
    ) {
        let kind = kind.name().to_owned();
        let session_id = self.session.as_str().to_owned();
        let payload = match self.kind {
            Signaling::Jingle => {
                let (creator, name) = (user.map(|user| user.as_str().to_owned()), Some(kind));
                let info = match muted {
                    true => SessionInfo::Mute { creator, name },
                    false => SessionInfo::Unmute { creator, name },
                };
                jingle(Jingle::session_info(session_id, info))
            }
            Signaling::Sdp => {
                let method = match muted {
                    true => Method::Mute { session_id, kind },
                    false => Method::Unmute { session_id, kind },
                };
                self.rpc(method, out)
            }
        };
        self.ask(ask, payload, out);
    }

    /// Tells that a screen is shown, or no longer: by Jingle whatever the session's signaling, and
    /// without an id, so that nobody answers it (wire notes 6.7).
    pub(crate) fn screen(&self, info: SessionInfo, out: &mut Outbox) {
        let payload = jingle(Jingle::session_info(self.session.as_str(), info));
        let (from, to) = (out.jid.clone(), Some(self.peer.clone()));
        out.signal(Frame::Iq(Iq { id: None, from, to, kind: IqKind::Set(payload) }));
    }

    /// Reports the quality of a call, for the service's own figures (ST-4). Always in JSON-RPC.
    pub(crate) fn report(&self, params: serde_json::Value, out: &mut Outbox) {
        let method = Method::Other { method: "report-statistics".to_owned(), params };
        let payload = self.rpc(method, out);
        self.update(payload, out);
    }

    fn rpc(&self, method: Method, out: &mut Outbox) -> Payload {
        Payload::Extension(Dialect::Rpc(Box::new(Rpc { id: out.uuid(), method })))
    }

    fn update(&self, payload: Payload, out: &mut Outbox) {
        self.ask(IqAsk::Update(self.session.clone()), payload, out);
    }

    fn ask(&self, ask: IqAsk, payload: Payload, out: &mut Outbox) {
        out.ask(ask, Some(self.peer.clone()), IqKind::Set(payload));
    }
}

fn jingle(jingle: Jingle) -> Payload {
    Payload::Extension(Dialect::Jingle(Box::new(jingle)))
}
