//! One call: a conversation, where it stands, and the session that carries it.

use std::time::{Duration, Instant};

use offhook::machine::Wake;
use serde_json::{Value, json};

use super::conversation::{Conversation, LegState};
use super::session::{Seen, Session};
use super::streams::Streams;
use super::world::World;
use crate::service::FarEndMode;

/// The time that somebody who was called takes to answer; and the service, for the agent.
pub(super) const ANSWERING: Duration = Duration::from_millis(100);
/// The time that a number is looked for before it is dialled, where media is there already.
pub(super) const DIALING: Duration = Duration::from_millis(20);
/// The time that it rings.
pub(super) const RINGING: Duration = Duration::from_secs(120);

/// The stage of a call.
///
/// ```text
/// Ringing ──client answers──────────────> Talking ──> Over
///    └──outbound, media is there──┐          │
/// Contacting ──> Dialing <────────┘          │
///                   └──somebody answers──────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waiting for the agent, or for the agent's media.
    Ringing {
        until: Instant,
    },
    /// The service is about to answer for the agent.
    Answering {
        at: Instant,
    },
    /// Somebody is about to be dialled, on media that is there.
    Contacting {
        dial: Instant,
    },
    /// Ringing at somebody's.
    Dialing {
        answer: Instant,
    },
    Talking,
    Over,
}

impl Stage {
    /// The time at which it does not stay as it is, and the reason.
    fn wake(self) -> Option<Wake> {
        match self {
            Self::Ringing { until } => Some(Wake { at: until, reason: "ringing" }),
            Self::Answering { at } => Some(Wake { at, reason: "the service answers" }),
            Self::Contacting { dial } => Some(Wake { at: dial, reason: "a number is dialled" }),
            Self::Dialing { answer } => Some(Wake { at: answer, reason: "far end answers" }),
            Self::Talking | Self::Over => None,
        }
    }
}

/// A call.
pub(super) struct Call {
    pub(super) conversation: Conversation,
    pub(super) stage: Stage,
    pub(super) session: String,
    /// The mode of its far end.
    pub(super) far_end: FarEndMode,
    /// True for a call that only brings media up: nobody is told of it.
    pub(super) eager: bool,
    /// The participant to whom the agent speaks, while somebody is consulted.
    pub(super) consult: Option<String>,
    /// The facts seen of its session, once it is over.
    pub(super) seen: Option<Seen>,
}

impl Call {
    pub(super) fn user(&self) -> Option<&str> {
        self.conversation.agent.user.as_deref()
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// True while somebody talks on it.
    pub(super) fn is_talking(&self) -> bool {
        self.stage == Stage::Talking && !self.eager
    }

    pub(super) fn about(&self, mut data: Value) -> Value {
        data["conversationId"] = json!(self.conversation.id);
        data["userId"] = json!(self.user());
        data["sessionId"] = json!(self.session);
        data
    }

    /// Takes a step, and tells it.
    pub(super) fn enter(&mut self, state: LegState, streams: &Streams, world: &mut World) {
        self.conversation.enter(state, world);
        self.publish(streams, world);
    }

    pub(super) fn publish(&self, streams: &Streams, world: &mut World) {
        if let (Some(user), false) = (self.user(), self.eager) {
            let topic = format!("v2.users.{user}.conversations");
            streams.publish(&topic, &self.conversation.body(), world);
        }
    }

    pub(super) fn set_held(&mut self, held: bool, streams: &Streams, world: &mut World) {
        if self.conversation.agent.held != held {
            self.conversation.agent.held = held;
            self.publish(streams, world);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.stage.wake()
    }

    /// The call as the control API tells it.
    pub(super) fn body(&self, session: Option<&Session>) -> Value {
        let agent = &self.conversation.agent;
        let seen = self.seen.clone().or_else(|| session.map(Session::seen));
        let seen = seen.as_ref();
        json!({
            "conversationId": self.conversation.id, "participantId": agent.participant,
            "userId": agent.user, "direction": self.conversation.direction.name(),
            "consult": self.consult, "state": agent.state.name(), "muted": agent.muted, "held": agent.held,
            "sessionId": self.session, "sessionState": seen.map(|seen| seen.state),
            "handledBy": seen.and_then(|seen| seen.client.as_ref()).map(|jid| jid.as_str()),
            "candidatesFromClient": seen.map_or(0, |seen| seen.candidates_from_client),
        })
    }

    /// The media of the call as `GET /control/calls/{cid}/media` tells it.
    pub(super) fn media_body(&self, session: Option<&Session>) -> Value {
        match (&self.seen, session) {
            (Some(seen), _) => seen.media.clone(),
            (None, Some(session)) => session.seen().media,
            (None, None) => Value::Null,
        }
    }
}
