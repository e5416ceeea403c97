//! The real engine, over str0m: the one place that knows it.

mod association;
mod audio;
mod channels;
mod dtls;
mod dtmf;
mod encoding;
mod engine;
mod failure;
mod figures;
mod gate;
mod handshake;
mod missing;
mod more;
mod negotiate;
mod offers;
mod path;
mod raw;
mod receive;
mod records;
mod reports;
#[cfg(feature = "rsa")]
mod rsa;
mod send;
mod streams;
mod video;
mod view;

use std::sync::Arc;
use std::time::Instant;

use self::association::Ingredients;
#[cfg(feature = "rsa")]
use super::MediaError;
use super::{Engine, EngineConfig, EngineFactory, RawEngine};

/// Makes engines that do real ICE, DTLS and SRTP.
///
/// All of them share one certificate and one DTLS configuration: building the configuration is
/// most of the cost of a call's set-up.
///
/// The crates beneath write log records of their own, with targets such as `is` and `str0m`. Those of level `TRACE`
/// show passwords of ICE: keep them out of a log that others read. All other records show no secret.
pub struct WebRtcFactory {
    ingredients: Ingredients,
}

impl WebRtcFactory {
    /// A factory with a certificate of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::with(false)
    }

    fn with(deterministic: bool) -> Self {
        let crypto = Arc::new(dtls::provider(deterministic));
        let certificate = crypto.dtls_provider.generate_certificate();
        Self { ingredients: Ingredients { crypto, certificate, deterministic, rsa: false } }
    }

    /// A factory whose engines also talk to far ends with RSA certificates.
    ///
    /// DTLS of all its engines is then done by the system's OpenSSL (1.1.1 or later), and still only by version 1.2;
    /// our own certificate stays ECDSA. The other factories never use OpenSSL: their DTLS, in Rust,
    /// knows ECDSA alone, as browsers and Genesys Cloud use, and to a far end with an RSA certificate their engines
    /// fail with [`MediaError::Handshake`].
    ///
    /// It costs a library of the system's to build and to run with, and a world that cannot be replayed: OpenSSL
    /// reads the clock, and sends what was lost again by that. Until the handshake is through, an engine
    /// wants to be woken twenty times a second. A certificate of a far end may have 2000 bytes at most.
    ///
    /// # Errors
    ///
    /// [`MediaError::Handshake`] where the OpenSSL of this machine lacks something.
    #[cfg(feature = "rsa")]
    pub fn with_rsa() -> Result<Self, MediaError> {
        let mut factory = Self::with(false);
        let crypto = Arc::make_mut(&mut factory.ingredients.crypto);
        crypto.dtls_provider = rsa::provider()?;
        factory.ingredients.rsa = true;
        Ok(factory)
    }

    /// The same factory with a certificate and a private key that were made elsewhere, both in DER. For tests.
    #[cfg(all(feature = "rsa", feature = "testing"))]
    #[doc(hidden)]
    #[must_use]
    pub fn presenting(mut self, certificate: Vec<u8>, private_key: Vec<u8>) -> Self {
        let certificate = str0m::config::DtlsCert { certificate, private_key };
        self.ingredients.certificate = Some(certificate);
        self
    }

    /// A factory whose engines draw everything but key material from their seeds.
    ///
    /// str0m draws from a generator of the thread, so this seeds that one: use it only where one
    /// thread runs one world, and nothing else on it relies on `fastrand`. Certificates, signatures
    /// and key exchange stay random; they change the bytes of datagrams and, by some bytes, the
    /// size of a handshake, not what happens. Of a far end's several sources in one session, str0m
    /// reports in no decided order. For simulations alone: handshakes are predictable.
    #[must_use]
    pub fn deterministic() -> Self {
        Self::with(true)
    }

    /// A new engine that also sends packets of its user's making.
    pub fn create_raw(&mut self, now: Instant, config: EngineConfig) -> Box<dyn RawEngine> {
        Box::new(engine::WebRtc::new(self.ingredients.clone(), config, now))
    }
}

impl Default for WebRtcFactory {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for WebRtcFactory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebRtcFactory")
            .field("deterministic", &self.ingredients.deterministic)
            .finish_non_exhaustive()
    }
}

impl EngineFactory for WebRtcFactory {
    fn name(&self) -> Option<&'static str> {
        Some("str0m")
    }

    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        Box::new(engine::WebRtc::new(self.ingredients.clone(), config, now))
    }
}
