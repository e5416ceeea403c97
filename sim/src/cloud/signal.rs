//! Signals of the far end to the client that took the call, in either signaling (wire notes 6).

use offhook::Secret;
use offhook::genesys::wire::{Dialect, Frame, Method, Payload, Presence, Rpc};
use offhook::jingle::{Candidate, Jingle, Reason, Role, ice_credentials, sdp};
use offhook::media::LocalCandidate;
use offhook::sdp::Description;
use offhook::xmpp::Jid;

use super::signaling::Signaling;
use super::streams::Streams;
use super::world::World;
use crate::service::with_candidates;

/// One call's signaling.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub(super) kind: Signaling,
    pub(super) session: String,
    pub(super) conversation: String,
    pub(super) from: Jid,
    pub(super) to: Jid,
}

impl Signal {
    /// The offer, with the candidates that are to go with it. None when it cannot be said.
    pub(super) fn offer(
        &self,
        offer: &str,
        inline: &[LocalCandidate],
        reinvite: bool,
        world: &mut World,
    ) -> Option<Payload> {
        let sdp = with_candidates(offer, inline);
        match self.kind {
            Signaling::Jingle => match sdp::from_sdp(&sdp, Role::Initiator) {
                Ok((contents, groups)) => {
                    let (session, from) = (&*self.session, self.from.as_str());
                    Some(jingle(Jingle::session_initiate(session, from, contents, groups)))
                }
                Err(error) => {
                    world.base.log(format!("no offer: {error}"));
                    None
                }
            },
            Signaling::Sdp => {
                let session_id = self.session.clone();
                let conversation_id = Some(self.conversation.clone());
                Some(self.rpc(Method::Offer { session_id, conversation_id, sdp, reinvite }, world))
            }
        }
    }

    /// Takes the far side offline; it says no more (wire notes 6.11).
    pub(super) fn leave(&self, streams: &Streams, world: &mut World) {
        let presence = Presence {
            from: Some(self.from.clone()),
            to: Some(self.to.clone()),
            kind: Some("unavailable".to_owned()),
            ..Presence::default()
        };
        if let Some(conn) = streams.conn_of(&self.to) {
            streams.send(conn, &Frame::Presence(presence), world);
        }
    }

    /// Says it to the client. The IQ's id, if somebody is there.
    pub(super) fn send(
        &self,
        payload: Payload,
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        streams.send_iq(&self.from, &self.to, payload, world)
    }

    /// Offers. The IQ's id, if it was sent.
    pub(super) fn make(
        &self,
        offer: &str,
        inline: &[LocalCandidate],
        streams: &Streams,
        world: &mut World,
    ) -> Option<String> {
        let payload = self.offer(offer, inline, false, world)?;
        self.send(payload, streams, world)
    }

    /// One candidate of ours.
    pub(super) fn candidate(
        &self,
        offer: &str,
        candidate: &LocalCandidate,
        streams: &Streams,
        world: &mut World,
    ) {
        let mid = first_mid(offer);
        let payload = match self.kind {
            Signaling::Jingle => match Candidate::from_line(&candidate.candidate) {
                Ok(line) => jingle(Jingle::candidate(&*self.session, mid, &*candidate.ufrag, line)),
                Err(error) => return world.base.log(format!("no candidate: {error}")),
            },
            Signaling::Sdp => {
                self.rpc(Method::candidate(&*self.session, &mid, &candidate.candidate), world)
            }
        };
        streams.send_iq(&self.from, &self.to, payload, world);
    }

    /// No more candidates. Only Jingle has a word for it (wire notes 14.9).
    pub(super) fn gathering_complete(&self, offer: &str, streams: &Streams, world: &mut World) {
        if self.kind == Signaling::Jingle {
            let ufrag = ice_credentials(offer).map(|(ufrag, _)| ufrag).unwrap_or_default();
            let end = Jingle::gathering_complete(&*self.session, first_mid(offer), ufrag);
            streams.send_iq(&self.from, &self.to, jingle(end), world);
        }
    }

    /// New ICE credentials, from the offer that has them; Jingle only (wire notes 6.6).
    pub(super) fn restart(&self, offer: &str, streams: &Streams, world: &mut World) {
        let Ok((contents, _)) = sdp::from_sdp(offer, Role::Initiator) else { return };
        let transport = contents.into_iter().find_map(|content| content.transport);
        if let Some(transport) = transport
            && let (Some(ufrag), Some(pwd)) = (transport.ufrag, transport.pwd)
        {
            let fingerprints = transport.fingerprints;
            let restart =
                Jingle::ice_restart(&*self.session, first_mid(offer), ufrag, pwd, fingerprints);
            streams.send_iq(&self.from, &self.to, jingle(restart), world);
        }
    }

    /// Sends what clients answer, and pass over (wire notes 6.7, 6.9, 6.14): Jingle's own ways to
    /// hold and to change what is agreed on are none for this service.
    pub(super) fn odd_words(&self, streams: &Streams, world: &mut World) {
        let Some(conn) = streams.conn_of(&self.to) else { return };
        let (from, to, sid) = (&self.from, &self.to, &self.session);
        match self.kind {
            Signaling::Jingle => {
                for (number, (action, content)) in ODD_WORDS.iter().enumerate() {
                    let id = world.base.rng.uuid();
                    let text = format!(
                        r#"<iq xmlns="jabber:client" type="set" id="{id}-{number}" from="{from}" to="{to}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="{sid}">{content}</jingle></iq>"#
                    );
                    streams.send_text(conn, text, world);
                }
            }
            Signaling::Sdp => {
                let (session_id, kind) = (sid.clone(), "audio".to_owned());
                let params = serde_json::json!({"sessionId": sid, "what": [null, 1.5]});
                for method in [
                    Method::Mute { session_id: session_id.clone(), kind: kind.clone() },
                    Method::Unmute { session_id: session_id.clone(), kind },
                    Method::Info { session_id, status: "held".to_owned() },
                    Method::Other { method: "nobodyKnows".to_owned(), params },
                ] {
                    let payload = self.rpc(method, world);
                    streams.send_iq(from, to, payload, world);
                }
            }
        }
    }

    pub(super) fn terminate(&self, reason: Reason, streams: &Streams, world: &mut World) {
        let payload = match self.kind {
            Signaling::Jingle => jingle(Jingle::session_terminate(&*self.session, reason)),
            Signaling::Sdp => {
                let session_id = self.session.clone();
                self.rpc(Method::Terminate { session_id, reason }, world)
            }
        };
        streams.send_iq(&self.from, &self.to, payload, world);
    }

    fn rpc(&self, method: Method, world: &mut World) -> Payload {
        Payload::Extension(Dialect::Rpc(Box::new(Rpc { id: world.base.rng.uuid(), method })))
    }
}

/// Actions and contents of Jingle that change nothing.
const ODD_WORDS: [(&str, &str); 9] = [
    ("session-info", r#"<hold xmlns="urn:xmpp:jingle:apps:rtp:info:1"/>"#),
    ("session-info", r#"<mute xmlns="urn:xmpp:jingle:apps:rtp:info:1" creator="responder"/>"#),
    ("session-info", r#"<what xmlns="urn:example:odd"/>"#),
    ("content-modify", r#"<content creator="initiator" name="audio" senders="initiator"/>"#),
    ("content-add", r#"<content creator="initiator" name="more"/>"#),
    ("content-remove", r#"<content creator="initiator" name="audio"/>"#),
    ("description-info", r#"<content creator="initiator" name="audio"/>"#),
    ("transport-replace", r#"<content creator="initiator" name="audio"/>"#),
    ("session-initiate", r#"<content creator="initiator" name="audio"/>"#),
];

fn jingle(jingle: Jingle) -> Payload {
    Payload::Extension(Dialect::Jingle(Box::new(jingle)))
}

pub(super) fn first_mid(sdp: &str) -> String {
    let description = Description::read(sdp).ok();
    let mid = description.as_ref().and_then(Description::first_mid);
    mid.unwrap_or("0").to_owned()
}

/// A description of one section with that name for it.
pub(super) fn with_mid(sdp: &str, mid: &str) -> String {
    let Ok(mut description) = Description::read(sdp) else { return sdp.to_owned() };
    for section in &mut description.sections {
        section.remove("mid");
        section.push("mid", mid);
    }
    description.to_string()
}

/// A description with other ICE credentials, and without candidates, which belong to the old ones.
pub(super) fn with_credentials(sdp: &str, ufrag: &str, pwd: &Secret) -> String {
    let Ok(mut description) = Description::read(sdp) else { return sdp.to_owned() };
    description.take_candidates();
    description.set_ice_credentials(ufrag, pwd);
    description.to_string()
}
