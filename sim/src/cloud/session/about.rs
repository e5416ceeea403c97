//! The subject of a session: whose it is, for which conversation, and between whom it is signaled.

use offhook::genesys::wire::{Dialect, Payload, Propose, SessionMessage};
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::plan::Plan;
use crate::cloud::signal::Signal;
use crate::cloud::signaling::Signaling;
use crate::cloud::streams::Streams;
use crate::cloud::world::World;

/// The subject of a session.
#[derive(Clone)]
pub(in crate::cloud) struct About {
    pub(in crate::cloud) id: String,
    pub(in crate::cloud) user: String,
    /// The conversation that it was made for, or the one that was heard on it last.
    pub(in crate::cloud) conversation: String,
    /// The address that our side signals from.
    pub(in crate::cloud) peer: Jid,
    /// The client that took it.
    pub(in crate::cloud) client: Option<Jid>,
    pub(in crate::cloud) plan: Plan,
}

impl About {
    /// Tells the control API.
    pub(in crate::cloud) fn happened(&self, kind: &str, mut data: Value, world: &mut World) {
        data["conversationId"] = json!(self.conversation);
        data["userId"] = json!(self.user);
        data["sessionId"] = json!(self.id);
        world.base.happened(kind, data);
    }

    /// Returns the way to speak to the client that took it.
    pub(in crate::cloud) fn signal(&self) -> Option<Signal> {
        Some(Signal {
            kind: self.plan.signaling,
            session: self.id.clone(),
            conversation: self.conversation.clone(),
            from: self.peer.clone(),
            to: self.client.clone()?,
        })
    }

    pub(in crate::cloud) fn is_between(&self, client: &Jid, peer: Option<&Jid>) -> bool {
        self.client.as_ref() == Some(client) && peer == Some(&self.peer)
    }

    pub(super) fn propose(&self, streams: &Streams, world: &mut World) {
        let propose = Propose {
            id: self.id.clone(),
            conversation_id: Some(self.conversation.clone()),
            persistent_conversation_id: None,
            sdp_over_xmpp: self.plan.signaling == Signaling::Sdp,
            auto_answer: self.plan.auto_answer,
            eager: self.plan.eager,
            original_room: Some(self.peer.to_string()),
            from_user_id: Some(self.user.clone()),
            meeting_id: None,
            media: vec!["audio".to_owned()],
        };
        self.tell_all(SessionMessage::Propose(propose), streams, world);
    }

    pub(in crate::cloud) fn retract(&self, streams: &Streams, world: &mut World) {
        self.tell_all(SessionMessage::Retract { id: self.id.clone() }, streams, world);
    }

    /// Tells every client of the user.
    pub(in crate::cloud) fn tell_all(
        &self,
        message: SessionMessage,
        streams: &Streams,
        world: &mut World,
    ) {
        let payload = Payload::Extension(Dialect::SessionMessage(message));
        streams.fan_out(&self.user, &self.peer, &payload, None, world);
    }
}
