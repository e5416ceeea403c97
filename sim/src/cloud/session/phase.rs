//! Stages of a session.

use std::time::{Duration, Instant};

use offhook::machine::Wake;

/// A proposal is repeated until somebody takes it (wire notes 14.16).
const REPEAT: Duration = Duration::from_secs(5);

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloud) enum Phase {
    /// Nobody has taken it.
    Proposed {
        repeat: Instant,
    },
    /// Taken; our media is being made.
    Proceeding,
    /// Our offer is out.
    Offered,
    /// The client answered.
    Active,
    /// Another session took its place; the client ends it.
    Replaced,
    /// Another client has it.
    Elsewhere,
    Over,
}

impl Phase {
    /// Proposed just now.
    pub(in crate::cloud) fn proposed(now: Instant) -> Self {
        Self::Proposed { repeat: now + REPEAT }
    }

    pub(in crate::cloud) fn name(self) -> &'static str {
        match self {
            Self::Proposed { .. } => "proposed",
            Self::Proceeding => "proceeding",
            Self::Offered => "pending",
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Elsewhere => "elsewhere",
            Self::Over => "ended",
        }
    }

    /// True while the client that took it may signal about it.
    pub(in crate::cloud) fn is_signaled(self) -> bool {
        match self {
            Self::Proceeding | Self::Offered | Self::Active | Self::Replaced => true,
            Self::Proposed { .. } | Self::Elsewhere | Self::Over => false,
        }
    }

    pub(in crate::cloud) fn next_wake(self) -> Option<Wake> {
        match self {
            Self::Proposed { repeat } => Some(Wake { at: repeat, reason: "proposing" }),
            Self::Proceeding
            | Self::Offered
            | Self::Active
            | Self::Replaced
            | Self::Elsewhere
            | Self::Over => None,
        }
    }
}
