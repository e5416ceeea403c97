//! Reasons why a request did not give what was asked for, before whoever asked gives them a code.

use super::error::Error;
use super::wire::refusal::Refused;

/// The gateway's refusal, or a trouble of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The gateway refused it.
    Refused(Refused),
    /// There was no answer, or one of no use.
    Other(Error),
}

impl Fault {
    /// The error, by the rule for what was asked for.
    pub(super) fn error(self, rule: impl Fn(&Refused) -> Error) -> Error {
        match self {
            Self::Refused(refused) => rule(&refused),
            Self::Other(error) => error,
        }
    }

    /// The error of a request of a call's.
    pub(super) fn of_call(self) -> Error {
        self.error(Refused::of_call)
    }

    /// The gateway's word, if it gave one.
    pub(super) fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Other(_) => None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
