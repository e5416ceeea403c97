//! Typed causes of errors.

use std::fmt;

use crate::genesys::timing::TimingError;
use crate::machine::NetError;
use crate::media::MediaError;
use crate::rest::{Failure, FailureKind, Refusal, short};
use crate::sdp::SdpError;
use crate::xmpp::{SaslFailure, StanzaError, StreamError};

/// The cause of an error, where there is one to match on. It is what
/// [`Error::source`](std::error::Error::source) gives, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A request over HTTP failed: with the service's status, code and message where it refused.
    Rest(Failure),
    /// The network failed.
    Network(NetError),
    /// A stanza was refused (RFC 6120 section 8.3).
    Stanza(StanzaError),
    /// The credentials were refused (RFC 6120 section 6.5).
    Sasl(SaslFailure),
    /// The service complains of the stream (RFC 6120 section 4.9).
    Stream(StreamError),
    /// The service complains of a call, of the persistent connection or of a topic.
    Complaint(Complaint),
    /// Media, or its description, cannot be used.
    Media(MediaError),
    /// A figure of [`Timing`](crate::genesys::Timing) is out of its bounds.
    Timing(TimingError),
}

/// The service's own word on what goes wrong, where nothing was asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Complaint {
    /// The service's name for the reason.
    pub code: Option<String>,
    /// The reason in words, at most [`Refusal::MAX_TEXT`] bytes.
    pub message: Option<String>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said: Vec<_> = [&self.code, &self.message].into_iter().flatten().cloned().collect();
        f.write_str(&said.join(": "))
    }
}

impl std::error::Error for Complaint {}

impl Complaint {
    /// The service's code and message.
    pub(crate) fn new(code: &str, message: Option<&str>) -> Self {
        Self { code: short(code), message: message.and_then(short) }
    }
}

impl Cause {
    pub(super) fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Rest(failure) => failure,
            Self::Network(error) => error,
            Self::Stanza(error) => error,
            Self::Sasl(failure) => failure,
            Self::Stream(error) => error,
            Self::Complaint(complaint) => complaint,
            Self::Media(error) => error,
            Self::Timing(error) => error,
        }
    }

    /// The service's refusal of a request.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Rest(failure) => failure.refusal(),
            Self::Network(_)
            | Self::Stanza(_)
            | Self::Sasl(_)
            | Self::Stream(_)
            | Self::Complaint(_)
            | Self::Media(_)
            | Self::Timing(_) => None,
        }
    }

    /// The service's name for the reason.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Rest(failure) => failure.refusal()?.code.as_deref(),
            Self::Stanza(error) => Some(&error.condition),
            Self::Sasl(failure) => Some(&failure.condition),
            Self::Stream(error) => Some(&error.condition),
            Self::Complaint(complaint) => complaint.code.as_deref(),
            Self::Network(_) | Self::Media(_) | Self::Timing(_) => None,
        }
    }

    /// The service's reason in words.
    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Rest(failure) => failure.refusal()?.message.as_deref(),
            Self::Stanza(error) => error.text.as_deref(),
            Self::Sasl(failure) => failure.text.as_deref(),
            Self::Stream(error) => error.text.as_deref(),
            Self::Complaint(complaint) => complaint.message.as_deref(),
            Self::Network(_) | Self::Media(_) | Self::Timing(_) => None,
        }
    }

    /// All texts that may quote a peer.
    pub(super) fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::Rest(failure) => {
                let said = match &mut failure.kind {
                    FailureKind::Refused(refusal) => vec![&mut refusal.code, &mut refusal.message],
                    FailureKind::Network(error) => {
                        return vec![&mut failure.request, &mut error.message];
                    }
                    FailureKind::Answer(text) | FailureKind::Unmade(text) => {
                        return vec![&mut failure.request, text];
                    }
                };
                said.into_iter().flatten().chain([&mut failure.request]).collect()
            }
            Self::Network(error) => vec![&mut error.message],
            Self::Stanza(error) => {
                let own = error.application.iter_mut();
                let own = own.flat_map(|own| [&mut own.name, &mut own.namespace]);
                own.chain([&mut error.condition]).chain(&mut error.text).collect()
            }
            Self::Sasl(failure) => {
                failure.text.iter_mut().chain([&mut failure.condition]).collect()
            }
            Self::Stream(error) => error.text.iter_mut().chain([&mut error.condition]).collect(),
            Self::Complaint(said) => said.code.iter_mut().chain(&mut said.message).collect(),
            Self::Timing(_) => Vec::new(),
            Self::Media(error) => match error {
                MediaError::Sdp(SdpError::Missing { text, .. } | SdpError::Line { text, .. })
                | MediaError::Candidate(text)
                | MediaError::IceServer(text)
                | MediaError::Handshake(text)
                | MediaError::Connection(text) => vec![text],
                MediaError::Sdp(
                    SdpError::TooLong
                    | SdpError::TooManyLines
                    | SdpError::TooManySections
                    | SdpError::NoAudio
                    | SdpError::BadValue(_),
                )
                | MediaError::NoCommonCodec
                | MediaError::State(_)
                | MediaError::Held
                | MediaError::NotNegotiated(_)
                | MediaError::NotADigit(_)
                | MediaError::TooMany(_)
                | MediaError::NotYet(_) => Vec::new(),
            },
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

// Peers may say as much as they like; as much is kept as of a refusal by HTTP.

impl From<&StanzaError> for Cause {
    fn from(error: &StanzaError) -> Self {
        let application = error.application.clone();
        Self::Stanza(StanzaError {
            kind: error.kind,
            condition: short(&error.condition).unwrap_or_default(),
            text: error.text.as_deref().and_then(short),
            application: application
                .filter(|own| own.name.len() + own.namespace.len() <= Refusal::MAX_TEXT),
        })
    }
}

impl From<&SaslFailure> for Cause {
    fn from(failure: &SaslFailure) -> Self {
        let condition = short(&failure.condition).unwrap_or_default();
        Self::Sasl(SaslFailure { condition, text: failure.text.as_deref().and_then(short) })
    }
}

impl From<&StreamError> for Cause {
    fn from(error: &StreamError) -> Self {
        let condition = short(&error.condition).unwrap_or_default();
        Self::Stream(StreamError { condition, text: error.text.as_deref().and_then(short) })
    }
}

impl From<Complaint> for Cause {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint(complaint)
    }
}

impl From<TimingError> for Cause {
    fn from(error: TimingError) -> Self {
        Self::Timing(error)
    }
}

impl From<MediaError> for Cause {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}
