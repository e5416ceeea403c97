//! The party at fault for an error.

use super::cause::Cause;
use super::kind::ErrorKind;
use crate::machine::NetErrorKind;
use crate::media::MediaError;
use crate::rest::{FailureKind, Refusal};

/// The party at fault for an error: who has to change something before it can be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The application's: an option or an argument can never work.
    Application,
    /// The application's or nobody's: it cannot be done in this state, as the call is over, nothing
    /// rings, the connection is down, or another command came between.
    State,
    /// The user's: the token is not accepted (get another one), or a permission is missing (ask who
    /// grants them; [`Error::is_missing_permission`](super::Error::is_missing_permission)).
    Access,
    /// The service's: it refused, for the reason that it gives, said nothing in time, or nothing
    /// that can be understood.
    Service,
    /// The network's, on the way to the service or here.
    Network,
    /// The media's: no path, nothing in common with the far side, a broken description.
    Media,
    /// This library's: a bound of it is reached, it cannot do that yet, or it is wrong.
    Client,
}

/// The party at fault: the cause knows best.
pub(super) fn of(kind: ErrorKind, cause: Option<&Cause>) -> Fault {
    match cause {
        Some(Cause::Rest(failure)) => match &failure.kind {
            FailureKind::Refused(Refusal { status: 401 | 403, .. }) => Fault::Access,
            FailureKind::Refused(_) | FailureKind::Answer(_) => Fault::Service,
            FailureKind::Network(_) => Fault::Network,
            FailureKind::Unmade(_) => Fault::Application,
        },
        Some(Cause::Network(error)) => {
            let refused = matches!(error.kind, NetErrorKind::Refused(_));
            if refused { Fault::Service } else { Fault::Network }
        }
        Some(Cause::Sasl(_)) if kind == ErrorKind::InvalidToken => Fault::Access,
        Some(Cause::Sasl(_) | Cause::Stanza(_) | Cause::Stream(_) | Cause::Complaint(_)) => {
            Fault::Service
        }
        Some(Cause::Media(error)) => of_media(error),
        Some(Cause::Timing(_)) => Fault::Application,
        None => of_kind(kind),
    }
}

fn of_media(error: &MediaError) -> Fault {
    match error {
        MediaError::Sdp(_)
        | MediaError::NoCommonCodec
        | MediaError::Candidate(_)
        | MediaError::NotNegotiated(_)
        | MediaError::Handshake(_)
        | MediaError::Connection(_) => Fault::Media,
        MediaError::State(_) | MediaError::Held => Fault::State,
        MediaError::IceServer(_) | MediaError::NotADigit(_) => Fault::Application,
        MediaError::TooMany(_) | MediaError::NotYet(_) => Fault::Client,
    }
}

fn of_kind(kind: ErrorKind) -> Fault {
    match kind {
        ErrorKind::InvalidOptions | ErrorKind::NotSupported => Fault::Application,
        ErrorKind::Generic | ErrorKind::Session | ErrorKind::Cancelled => Fault::State,
        ErrorKind::InvalidToken | ErrorKind::Http(401 | 403) => Fault::Access,
        ErrorKind::Initialization
        | ErrorKind::Http(_)
        | ErrorKind::Call
        | ErrorKind::Timeout
        | ErrorKind::Protocol => Fault::Service,
        ErrorKind::Network => Fault::Network,
        ErrorKind::Media => Fault::Media,
        ErrorKind::Limit | ErrorKind::Internal => Fault::Client,
    }
}
