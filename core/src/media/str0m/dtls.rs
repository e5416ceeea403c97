//! DTLS by dimpl, with one configuration for all calls.
//!
//! The back end's own provider builds a configuration for each call, and each build runs the
//! cryptographic library's self test: two thirds of a call's set-up time.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};

use super::handshake::Patient;

/// The times that what has no answer is said again, in some 47 s with a path ([`Patient`]): more than the engine has
/// patience for, unless the path goes meanwhile.
const RETRIES: usize = 24;
/// The longest that a handshake takes by its own clock, which leaps ([`Patient`]).
const PATIENCE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The back end's providers, with our DTLS; `deterministic` for simulations alone.
pub(super) fn provider(deterministic: bool) -> CryptoProvider {
    static DTLS: SharedDtls = SharedDtls { seed: None, config: OnceLock::new() };
    // Repetitions of a lost flight are not all at once, by a little chance: the same each time.
    static SEEDED: SharedDtls = SharedDtls { seed: Some(1), config: OnceLock::new() };
    let dtls_provider = if deterministic { &SEEDED } else { &DTLS };
    CryptoProvider { dtls_provider, ..str0m::crypto::from_feature_flags() }
}

#[derive(Debug)]
struct SharedDtls {
    seed: Option<u64>,
    config: OnceLock<Option<Arc<dimpl::Config>>>,
}

impl DtlsProvider for SharedDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = self.config.get_or_init(|| {
            // ICE has checked the path already, so a cookie would only cost a round trip.
            let config = dimpl::Config::builder().use_server_cookie(false);
            // How long a handshake may take on a path is the engine's to judge.
            let config = config.flight_retries(RETRIES).handshake_timeout(PATIENCE);
            let config = match self.seed {
                Some(seed) => config.dangerously_set_rng_seed(seed),
                None => config,
            };
            config.build().ok().map(Arc::new)
        });
        let config =
            config.clone().ok_or_else(|| CryptoError::Other("no DTLS configuration".to_owned()))?;
        let certificate = certificate.clone();
        let dtls = match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, certificate, now),
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, certificate, now),
            other => return Err(CryptoError::Other(format!("DTLS version {other}"))),
        };
        Ok(Box::new(Patient::new(now, Box::new(Instance(dtls)))))
    }
}

struct Instance(dimpl::Dtls);

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dtls")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
