//! Errors of a client: their code, which is the SDK's or the gateway's, and their cause.

mod cause;
mod code;

use std::fmt;
use std::time::Duration;

pub use cause::Cause;
pub use code::{
    AuthCode, CallCode, ClickToCallCode, ConnectivityCode, ErrorCode, HistoryCode, MessagingCode,
    MwiCode, PresenceCode, ProxyCode, SipCode, SubscriptionCode, UnknownCode, UsersCode,
    WebRtcCode,
};

use crate::machine::{NetError, NetErrorKind};
use crate::plain;
use crate::rest::{Failure, FailureKind};

/// The reason why something did not work (RT-001).
///
/// ```
/// use offhook::ribbon::{CallCode, Error, ErrorCode};
///
/// let error = Error::new(CallCode::Glare, "the far side changes the call just now");
/// assert_eq!(error.to_string(), "call:12: the far side changes the call just now");
/// assert_eq!(error.code, ErrorCode::Call(CallCode::Glare));
/// assert_eq!(error.code, "call:12".parse::<ErrorCode>()?);
/// # Ok::<(), offhook::ribbon::UnknownCode>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The kind of failure, to act on.
    pub code: ErrorCode,
    /// The failure in words, to show. Without secrets and control characters, at most 1 KiB.
    pub message: String,
    more: Option<Box<More>>,
}

/// The parts of an error beside its words. Boxed: results are moved often, and errors are rare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    cause: Option<Cause>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of this code, explained, in [`plain`] words.
    pub fn new(code: impl Into<ErrorCode>, message: impl AsRef<str>) -> Self {
        Self { code: code.into(), message: plain(message.as_ref()).into_owned(), more: None }
    }

    /// The cause, where there is one to match on.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.more.as_ref()?.cause.as_ref()
    }

    /// The HTTP status, where the gateway refused a request or a WebSocket by one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.cause()? {
            Cause::Network(NetError { kind: NetErrorKind::Refused(status), .. }) => Some(*status),
            Cause::Rest(failure) => failure.status(),
            Cause::Network(_) | Cause::Media(_) => None,
        }
    }

    /// The time that the gateway, or the far side of a call, wants to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.more.as_ref()?.retry_after
    }

    /// The error that a runtime reports when the machine is gone before the command completed.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(ErrorCode::Closed, "the client is closed")
    }

    /// The error that a runtime reports when a command completed with an outcome of another
    /// command.
    #[must_use]
    pub fn unexpected(outcome: &impl fmt::Debug) -> Self {
        Self::new(ErrorCode::Internal, format!("unexpected outcome {outcome:?}"))
    }

    /// The error of a setting, by its name.
    pub(crate) fn option(name: &str, fault: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Options, format!("{name}: {fault}"))
    }

    /// The error of an answer that cannot be used.
    pub(crate) fn answer(request: &str, fault: &str) -> Self {
        Self::from(Failure::answer(request, fault))
    }

    /// The same with another code.
    #[must_use]
    pub(crate) fn with_code(self, code: impl Into<ErrorCode>) -> Self {
        Self { code: code.into(), ..self }
    }

    /// The same with a cause.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.more.get_or_insert_default().cause = Some(cause.into());
        self
    }

    /// The same with a time to wait.
    #[must_use]
    pub(crate) fn retried_after(mut self, wait: Option<Duration>) -> Self {
        if let Some(wait) = wait {
            self.more.get_or_insert_default().retry_after = Some(wait);
        }
        self
    }

    /// The error as it may be shown: each text that may quote a peer is made fit by `show`.
    pub(crate) fn shown(mut self, show: impl Fn(&str) -> String) -> Self {
        self.message = show(&self.message);
        if let Some(cause) = self.more.as_mut().and_then(|more| more.cause.as_mut()) {
            cause.show(show);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Shown without the parts that are missing.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown.field("code", &self.code).field("message", &self.message);
        if let Some(status) = self.status() {
            shown.field("status", &status);
        }
        if let Some(wait) = self.retry_after() {
            shown.field("retry_after", &wait);
        }
        if let Some(cause) = self.cause() {
            shown.field("cause", cause);
        }
        shown.finish()
    }
}

/// The source is what [`Error::cause`] holds. It is to be matched on: the message tells it already.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(Cause::as_error)
    }
}

/// Serialised as the SDK's error object: `{"name": "BasicError", "code", "message"}` (w1.7).
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut fields = to.serialize_struct("BasicError", 3)?;
        fields.serialize_field("name", "BasicError")?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("message", &self.message)?;
        fields.end()
    }
}

impl From<NetError> for Error {
    fn from(error: NetError) -> Self {
        let code = match error.kind {
            NetErrorKind::Timeout => ErrorCode::Timeout,
            NetErrorKind::Resolve
            | NetErrorKind::Connect
            | NetErrorKind::Tls
            | NetErrorKind::Lost
            | NetErrorKind::Refused(_)
            | NetErrorKind::Protocol
            | NetErrorKind::TooLarge
            | NetErrorKind::Local => ErrorCode::Network(error.kind),
        };
        Self::new(code, error.to_string()).caused_by(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = match &failure.kind {
            FailureKind::Refused(refusal) => ErrorCode::Gateway(refusal.status),
            FailureKind::Network(error) if error.kind == NetErrorKind::Timeout => {
                ErrorCode::Timeout
            }
            FailureKind::Network(error) => ErrorCode::Network(error.kind),
            FailureKind::Answer(_) => ErrorCode::Protocol,
            FailureKind::Unmade(_) => ErrorCode::Options,
        };
        let wait = failure.retry_after();
        Self::new(code, failure.to_string()).caused_by(failure).retried_after(wait)
    }
}
