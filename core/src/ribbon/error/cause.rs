//! Typed causes of errors.

use crate::machine::NetError;
use crate::media::MediaError;
use crate::rest::{Failure, FailureKind};

/// The cause of an error, where there is one to match on. It is what
/// [`Error::source`](std::error::Error::source) gives, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A request over HTTP failed.
    Rest(Failure),
    /// The network failed.
    Network(NetError),
    /// Media, or its description, cannot be used.
    Media(MediaError),
}

impl Cause {
    pub(super) fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Rest(failure) => failure,
            Self::Network(error) => error,
            Self::Media(error) => error,
        }
    }

    /// Makes the texts in it fit to be shown. What media says of itself is fit already.
    pub(super) fn show(&mut self, show: impl Fn(&str) -> String) {
        match self {
            Self::Rest(failure) => {
                failure.request = show(&failure.request);
                match &mut failure.kind {
                    FailureKind::Refused(refusal) => {
                        for text in refusal.code.iter_mut().chain(&mut refusal.message) {
                            *text = show(text);
                        }
                    }
                    FailureKind::Network(error) => error.message = show(&error.message),
                    FailureKind::Answer(text) | FailureKind::Unmade(text) => *text = show(text),
                }
            }
            Self::Network(error) => error.message = show(&error.message),
            Self::Media(_) => {}
        }
    }
}

impl From<Failure> for Cause {
    fn from(failure: Failure) -> Self {
        Self::Rest(failure)
    }
}

impl From<NetError> for Cause {
    fn from(error: NetError) -> Self {
        Self::Network(error)
    }
}

impl From<MediaError> for Cause {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}
