//! One leg of a call: a client, or somebody without one, and where that stands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::address::Identity;
use super::descriptions::version;
use super::far::Far;
use super::guesses;
use super::party::Scripted;
use super::relay::Relay;
use crate::service::FarEndMode;

/// The state of a leg (w8.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegState {
    /// It is there.
    Created,
    /// It rings, or hears that the other end does.
    Ringing,
    Answered,
    /// Another leg of the same end answered.
    Elsewhere,
    Ended,
}

impl LegState {
    /// The state as a client that asks is told it (w8.8).
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Ringing => "RINGING",
            Self::Answered | Self::Elsewhere => "ANSWERED",
            Self::Ended => "ENDED",
        }
    }

    const fn control_name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Elsewhere => "elsewhere",
            Self::Ended => "ended",
        }
    }

    /// Returns true if nothing follows.
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Ended)
    }
}

/// The clients of a user that are told of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All: a request does not say which of them made it.
    All,
    /// The one with that correlator.
    One(Option<String>),
}

/// The one who is at a leg.
pub(super) enum Party {
    Client {
        user: String,
        reach: Reach,
    },
    Scripted(Box<Scripted>),
    /// Another client of the user, which the control API plays without media.
    Phantom,
}

/// A client's word that it still has the call (w4.17).
#[derive(Clone, Copy, Debug)]
pub(super) struct Audit {
    pub(super) count: u64,
    pub(super) last: Instant,
    pub(super) every: Duration,
}

/// See the [module](self).
pub(super) struct Leg {
    pub(super) session: String,
    pub(super) call: String,
    /// The end of the call that it is at: 0 or 1.
    pub(super) end: usize,
    pub(super) who: Identity,
    pub(super) party: Party,
    pub(super) state: LegState,
    /// True if it was called, and did not call.
    pub(super) called: bool,
    /// True while it holds the other end.
    pub(super) held: bool,
    /// Its own last description.
    pub(super) sdp: Option<String>,
    /// The gateway's own media at it, where that is between two clients.
    pub(super) relay: Option<Box<Relay>>,
    /// A client's own offer, until the gateway answers it itself.
    pub(super) offered: Option<String>,
    pub(super) audit: Audit,
    /// Custom parameters for its next notification.
    pub(super) parameters: Option<Value>,
}

impl Leg {
    pub(super) fn new(
        session: String,
        call: &str,
        end: usize,
        who: Identity,
        party: Party,
        now: Instant,
    ) -> Self {
        Self {
            session,
            call: call.to_owned(),
            end,
            who,
            party,
            state: LegState::Created,
            called: false,
            held: false,
            sdp: None,
            relay: None,
            offered: None,
            audit: Audit { count: 0, last: now, every: guesses::AUDIT_INTERVAL },
            parameters: None,
        }
    }

    /// The user at it, where that is a client.
    pub(super) fn user(&self) -> Option<&str> {
        match &self.party {
            Party::Client { user, .. } => Some(user),
            Party::Scripted(_) | Party::Phantom => None,
        }
    }

    pub(super) fn scripted(&self) -> Option<&Scripted> {
        match &self.party {
            Party::Scripted(scripted) => Some(scripted),
            Party::Client { .. } | Party::Phantom => None,
        }
    }

    pub(super) fn scripted_mut(&mut self) -> Option<&mut Scripted> {
        match &mut self.party {
            Party::Scripted(scripted) => Some(scripted),
            Party::Client { .. } | Party::Phantom => None,
        }
    }

    /// The media that the gateway has at it, and its behaviour.
    pub(super) fn far_mut(&mut self) -> Option<(&mut Far, FarEndMode)> {
        match &mut self.party {
            Party::Scripted(scripted) => Some((scripted.far.as_mut()?, scripted.mode)),
            Party::Client { .. } | Party::Phantom => {
                Some((self.relay.as_mut()?.far.as_mut()?, FarEndMode::Silence))
            }
        }
    }

    /// The leg as the control API tells it.
    pub(super) fn body(&self) -> Value {
        let party = match &self.party {
            Party::Client { .. } => "client",
            Party::Scripted(scripted) => scripted.script.name(),
            Party::Phantom => "elsewhere",
        };
        let mut body = json!({
            "sessionData": self.session, "user": self.user(), "party": party,
            "address": self.who.address, "state": self.state.control_name(), "held": self.held,
            "sdpVersion": self.sdp.as_deref().and_then(version), "audits": self.audit.count,
        });
        if let Some(bridge) = self.scripted().and_then(|scripted| scripted.bridge.as_deref()) {
            body["conference"] = bridge.into();
        }
        body
    }
}
