//! Failures before there is a client, and the classes of network failures.

use offhook::media::{AudioCodec, MAX_BACKLOG};
use std::io;
use std::time::Duration;

use offhook::machine::{NetError, NetErrorKind};
use offhook::net::ProxyError;
use rustls::CertificateError;

/// The caller is not inside the runtime that was asked to run a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no runtime here: call this from within one")]
pub struct NoRuntime;

/// The reason why [`Events::wait`](crate::Events::wait) found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// Nothing of the kind was told within this time.
    #[error("nothing of the kind was told within {0:?}")]
    TimedOut(Duration),
    /// The client has ended.
    #[error("the client has ended")]
    Ended,
}

/// The reason why a machine could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A root certificate, or the system's verifier of certificates, cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Called outside of the runtime.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
}

/// The reason why a client could not be built, where `E` is the error of its machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError<E: std::error::Error> {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(E),
    /// The operating system has no randomness for the seed.
    #[error("no entropy: {0}")]
    Entropy(#[from] getrandom::Error),
    /// No media engine: the feature `str0m` is off, and none was brought
    /// ([`Builder::engine_factory`](crate::Builder::engine_factory)).
    #[error("no media engine: neither the feature str0m nor an engine factory")]
    NoEngine,
    /// The network options cannot be used, or there is no runtime here.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Classifies a failure of an established connection.
pub(crate) fn lost(error: &io::Error) -> NetError {
    NetError::new(tls_or(error, NetErrorKind::Lost), message(error))
}

/// Classifies a failure to connect.
pub(crate) fn unconnected(error: &io::Error) -> NetError {
    NetError::new(tls_or(error, NetErrorKind::Connect), message(error))
}

/// The reason in words. Those of a certificate's verifier, ours or the system's, stand alone: rustls
/// would show them as fields and brackets.
fn message(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(reason))) => {
            format!("invalid peer certificate: {reason}")
        }
        _ => error.to_string(),
    }
}

fn tls_or(error: &io::Error, otherwise: NetErrorKind) -> NetErrorKind {
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        NetErrorKind::Tls
    } else if error.kind() == io::ErrorKind::TimedOut {
        NetErrorKind::Timeout
    } else {
        otherwise
    }
}

/// The deadline passed.
pub(crate) fn timed_out() -> NetError {
    NetError::new(NetErrorKind::Timeout, "the deadline passed")
}

/// The reason why a frame was not taken. It was not sent and will not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is over, or its audio was taken again, or the client is gone.
    #[error("the audio has ended")]
    Ended,
    /// A frame that nobody would understand: its codec was not agreed on with the far side.
    #[error("{} was not agreed on, but {}", codec.name(), agreed.name())]
    NotAgreed {
        /// The codec of the frame.
        codec: AudioCodec,
        /// The one to speak.
        agreed: AudioCodec,
    },
    /// Media is not connected, and as many frames as are kept wait for that already.
    #[error("{MAX_BACKLOG} frames wait for media to connect")]
    TooEarly,
    /// The recording cannot be read, or audio cannot be coded.
    #[cfg(feature = "audio")]
    #[error(transparent)]
    Audio(#[from] offhook::audio::AudioError),
}
