//! The limits of what a conversation waits for: each of its timers by name.

use crate::machine::TimerName;

/// A timer of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    /// Nobody answers, withdraws or repeats the invitation, or nothing follows its answer.
    Invitation,
    /// There is a call, or was told to be one, that nothing carries and nobody is invited to.
    Alone,
}

impl TimerName for Limit {
    fn reason(&self) -> &'static str {
        match self {
            Self::Invitation => "invitation limit",
            Self::Alone => "call without media",
        }
    }
}
