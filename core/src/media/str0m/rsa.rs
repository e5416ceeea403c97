//! DTLS 1.2 by the system's OpenSSL, for far ends whose certificates are RSA.
//!
//! OpenSSL reads from and writes to two queues of datagrams, and takes the time from the wall clock. A flight without
//! an answer it sends again after one second, two more, four more and so on, but only when the handshake is
//! called then: so it is called [often](TICK). A handshake of seconds for one lost datagram is long, so copies
//! of the flight go out sooner, by the caller's time. To the far side they are datagrams that the network has
//! doubled: it drops those that it has (RFC 6347 section 4.1.2.6).

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::srtp::SrtpProfileId;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslSessionCacheMode, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use str0m::config::{DtlsCert, DtlsVersion, KeyingMaterial};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};

use super::handshake::Patient;
use crate::media::MediaError;

/// The time between two calls of a handshake that waits.
const TICK: Duration = Duration::from_millis(50);
/// The time after which a flight without an answer is first copied; each further copy waits twice as long.
const COPY_AFTER: Duration = Duration::from_millis(200);
/// Copies of the last flight of all, which nobody answers.
const LAST_COPIES: u32 = 5;
/// In place of "never".
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Without a word from str0m.
const MTU: usize = 1200;
/// The most that a record carries (RFC 6347 section 4.1).
const MAX_PLAINTEXT: usize = 1 << 14;
/// Authenticated encryption with forward secrecy alone (RFC 8827 section 6.5), for both kinds of certificates.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
     ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
     ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
const PROFILES: &str = "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
/// The label of the keys of SRTP (RFC 5764 section 4.2).
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";
/// OpenSSL's reasons for errors: a received alert's number counts from here.
const ALERTS: i32 = 1000;
/// `SSL_R_NO_SHARED_CIPHER`.
const NO_SHARED_CIPHER: i32 = 193;
/// `SSL_R_READ_TIMEOUT_EXPIRED`.
const TIMEOUT_EXPIRED: i32 = 312;

/// DTLS by OpenSSL. An error where the one of this machine cannot do what is needed.
pub(super) fn provider() -> Result<&'static dyn DtlsProvider, MediaError> {
    static DTLS: Shared = Shared(OnceLock::new());
    if DTLS.0.get().is_none() {
        let context = context().map_err(|error| MediaError::Handshake(error.to_string()))?;
        DTLS.0.get_or_init(|| context);
    }
    Ok(&DTLS)
}

fn context() -> Result<SslContext, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::dtls())?;
    context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
    context.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
    context.set_cipher_list(CIPHERS)?;
    context.set_tlsext_use_srtp(PROFILES)?;
    context.set_options(
        SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION,
    );
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    // Self-signed ones are usual. Its fingerprint is compared once the handshake is through (RFC 8122 section 6.2).
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    context.set_verify_callback(mode, |_, _| true);
    Ok(context.build())
}

/// One configuration for all calls.
struct Shared(OnceLock<SslContext>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenSSL")
    }
}

impl DtlsProvider for Shared {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        if version == DtlsVersion::Dtls13 {
            return Err(CryptoError::Other(format!("DTLS version {version}")));
        }
        let context = self.0.get().ok_or_else(|| CryptoError::Other("no OpenSSL".to_owned()))?;
        let stream = stream(context, certificate, mtu.unwrap_or(MTU))
            .map_err(|error| CryptoError::Other(error.to_string()))?;
        let dtls = Dtls {
            stream,
            stage: Stage::Waiting,
            active: false,
            events: VecDeque::new(),
            now,
            tick: now,
            flight: Flight::default(),
        };
        Ok(Box::new(Patient::new(now, Box::new(dtls))))
    }
}

fn stream(
    context: &SslContext,
    certificate: &DtlsCert,
    mtu: usize,
) -> Result<SslStream<Wire>, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    ssl.set_certificate(&*X509::from_der(&certificate.certificate)?)?;
    ssl.set_private_key(&*PKey::private_key_from_der(&certificate.private_key)?)?;
    ssl.set_mtu(mtu.try_into().unwrap_or(u32::MAX))?;
    SslStream::new(ssl, Wire::default())
}

/// The datagrams that came, and those that go.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.pop_front() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        datagram.as_slice().read(buf)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.push_back(buf.to_vec());
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The datagrams that OpenSSL sent last in the handshake, and the time of the next copy of them.
#[derive(Default)]
struct Flight {
    datagrams: Vec<Vec<u8>>,
    copy_at: Option<Instant>,
    wait: Duration,
    /// Copies that may still be made.
    left: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its part is not settled yet.
    Waiting,
    Handshake,
    Connected,
    /// OpenSSL takes no more, and may have an alert that says why.
    Failed,
    Closed,
}

/// Something to tell str0m.
enum Event {
    PeerCert(Vec<u8>),
    Keys(KeyingMaterial, SrtpProfile),
    Connected,
    Data(Vec<u8>),
    CloseNotify,
}

/// One association over OpenSSL.
struct Dtls {
    stream: SslStream<Wire>,
    stage: Stage,
    active: bool,
    events: VecDeque<Event>,
    now: Instant,
    /// The time to call the handshake again.
    tick: Instant,
    flight: Flight,
}

impl std::fmt::Debug for Dtls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dtls")
    }
}

impl Dtls {
    /// Calls the handshake. True if it sent something.
    fn shake_hands(&mut self) -> Result<bool, DtlsImplError> {
        let sent = self.stream.get_ref().outgoing.len();
        self.tick = self.now + TICK;
        let done = if self.active { self.stream.connect() } else { self.stream.accept() };
        let new: Vec<_> = self.stream.get_ref().outgoing.iter().skip(sent).cloned().collect();
        let sends = !new.is_empty();
        if sends {
            self.flight.datagrams = new;
        }
        match done {
            Ok(()) => self.connected()?,
            Err(error) if waits(&error) => {}
            Err(error) => return Err(self.fail(&error)),
        }
        Ok(sends)
    }

    /// The handshake is through: the certificate first, and the keys before the word that there are some.
    fn connected(&mut self) -> Result<(), DtlsImplError> {
        self.stage = Stage::Connected;
        // A server is not told that its last flight has come. A client that waits for it asks again after seconds.
        if self.active {
            self.flight = Flight::default();
        } else {
            self.time_copies(LAST_COPIES);
        }
        let (Some(certificate), Some((keys, profile))) = (self.certificate(), self.keys()) else {
            self.stage = Stage::Failed;
            tracing::debug!("no certificate, or no profile of SRTP in common");
            return Err(DtlsImplError::ConnectionClosed);
        };
        self.events.push_back(Event::PeerCert(certificate));
        self.events.push_back(Event::Keys(keys, profile));
        self.events.push_back(Event::Connected);
        self.read()
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        self.stream.ssl().peer_certificate()?.to_der().ok()
    }

    fn keys(&self) -> Option<(KeyingMaterial, SrtpProfile)> {
        let ssl = self.stream.ssl();
        let profile = match ssl.selected_srtp_profile()?.id() {
            SrtpProfileId::SRTP_AEAD_AES_256_GCM => SrtpProfile::AEAD_AES_256_GCM,
            SrtpProfileId::SRTP_AEAD_AES_128_GCM => SrtpProfile::AEAD_AES_128_GCM,
            SrtpProfileId::SRTP_AES128_CM_SHA1_80 => SrtpProfile::AES128_CM_SHA1_80,
            _ => return None,
        };
        let mut keys = vec![0; profile.keying_material_len()];
        ssl.export_keying_material(&mut keys, EXPORTER, None).ok()?;
        Some((KeyingMaterial::new(&keys), profile))
    }

    /// Reads all that came within DTLS.
    fn read(&mut self) -> Result<(), DtlsImplError> {
        let mut buf = vec![0; MAX_PLAINTEXT];
        while self.stage == Stage::Connected {
            match self.stream.ssl_read(&mut buf) {
                Ok(len) => {
                    let data = buf.get(..len).unwrap_or_default();
                    self.events.push_back(Event::Data(data.to_vec()));
                }
                Err(error) if waits(&error) => break,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.events.push_back(Event::CloseNotify);
                    break;
                }
                Err(error) => return Err(self.fail(&error)),
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: &openssl::ssl::Error) -> DtlsImplError {
        tracing::debug!(%error, "DTLS");
        self.stage = Stage::Failed;
        self.flight = Flight::default();
        let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
        for reason in reasons.iter().map(openssl::error::Error::reason_code) {
            if let Ok(description) = u8::try_from(reason - ALERTS) {
                return DtlsImplError::SecurityError(dimpl::SecurityError::FatalAlert {
                    description,
                });
            }
            if reason == NO_SHARED_CIPHER {
                let none = dimpl::SecurityError::NoMutuallyAcceptableCipherSuite;
                return DtlsImplError::SecurityError(none);
            }
            if reason == TIMEOUT_EXPIRED {
                return DtlsImplError::Timeout(dimpl::TimeoutError::Handshake);
            }
        }
        DtlsImplError::ConnectionClosed
    }

    /// Sends the last flight once more, as it was.
    fn copy_flight(&mut self) {
        self.stream.get_mut().outgoing.extend(self.flight.datagrams.iter().cloned());
    }

    /// A new flight left: so many copies of it, if there is no answer.
    fn time_copies(&mut self, left: u32) {
        self.flight.wait = COPY_AFTER;
        self.flight.copy_at = Some(self.now + COPY_AFTER);
        self.flight.left = left;
    }

    /// Copies the flight if it is time to, unless OpenSSL just sent it.
    fn copy_in_time(&mut self, sent: bool) {
        if self.flight.copy_at.is_none_or(|at| at > self.now) {
            return;
        }
        if !sent {
            self.copy_flight();
        }
        self.flight.left = self.flight.left.saturating_sub(1);
        self.flight.wait *= 2;
        self.flight.copy_at = (self.flight.left > 0).then(|| self.now + self.flight.wait);
    }
}

impl DtlsInstance for Dtls {
    fn set_active(&mut self, active: bool) {
        if self.stage == Stage::Waiting {
            self.active = active;
            self.stage = Stage::Handshake;
            self.tick = self.now;
        }
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        // str0m begins with an empty one.
        if !packet.is_empty() && matches!(self.stage, Stage::Handshake | Stage::Connected) {
            self.stream.get_mut().incoming.push_back(packet.to_vec());
        }
        match self.stage {
            Stage::Waiting | Stage::Failed | Stage::Closed => Ok(()),
            Stage::Handshake => {
                if self.shake_hands()? && self.stage == Stage::Handshake {
                    self.time_copies(u32::MAX);
                }
                Ok(())
            }
            Stage::Connected => {
                let sent = self.stream.get_ref().outgoing.len();
                self.read()?;
                // To a handshake that goes on OpenSSL answers only if it brings a new end.
                if is_plain_handshake(packet) && self.stream.get_ref().outgoing.len() == sent {
                    self.copy_flight();
                }
                Ok(())
            }
        }
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        // The time comes last, and is the same until it has come: nobody asks again before.
        let put = |buf: &'a mut [u8], data: &[u8]| -> Result<&'a [u8], usize> {
            let place = buf.get_mut(..data.len()).ok_or(data.len())?;
            place.copy_from_slice(data);
            Ok(place)
        };
        let too_small = |needed| DtlsOutput::BufferTooSmall { needed };
        if let Some(datagram) = self.stream.get_mut().outgoing.pop_front() {
            return put(buf, &datagram).map_or_else(too_small, DtlsOutput::Packet);
        }
        match self.events.pop_front() {
            Some(Event::PeerCert(der)) => {
                put(buf, &der).map_or_else(too_small, DtlsOutput::PeerCert)
            }
            Some(Event::Keys(keys, profile)) => DtlsOutput::KeyingMaterial(keys, profile),
            Some(Event::Connected) => DtlsOutput::Connected,
            Some(Event::Data(data)) => {
                put(buf, &data).map_or_else(too_small, DtlsOutput::ApplicationData)
            }
            Some(Event::CloseNotify) => DtlsOutput::CloseNotify,
            None => {
                let tick = (self.stage == Stage::Handshake).then_some(self.tick);
                let copy = self.flight.copy_at.filter(|_| self.stage == Stage::Connected);
                DtlsOutput::Timeout(tick.or(copy).unwrap_or(self.now + NEVER))
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = self.now.max(now);
        match self.stage {
            Stage::Handshake if self.tick <= self.now => {
                let first = self.flight.datagrams.is_empty();
                let sent = self.shake_hands()?;
                if self.stage == Stage::Handshake && sent && first {
                    self.time_copies(u32::MAX);
                } else {
                    self.copy_in_time(sent);
                }
            }
            Stage::Connected => self.copy_in_time(false),
            Stage::Waiting | Stage::Handshake | Stage::Failed | Stage::Closed => {}
        }
        Ok(())
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        match self.stage {
            Stage::Waiting | Stage::Handshake | Stage::Failed => Ok(0),
            Stage::Closed => Err(DtlsImplError::ConnectionClosed),
            Stage::Connected if data.is_empty() => Ok(0),
            Stage::Connected => self.stream.ssl_write(data).map_err(|error| self.fail(&error)),
        }
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        (self.stage == Stage::Connected).then_some(ProtocolVersion::DTLS1_2)
    }

    fn is_closing(&self) -> bool {
        self.stage == Stage::Closed && !self.stream.get_ref().outgoing.is_empty()
    }

    fn is_closed(&self) -> bool {
        self.stage == Stage::Closed && self.stream.get_ref().outgoing.is_empty()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        if self.stage == Stage::Connected {
            // It writes the farewell, or there is nobody to say it to.
            let _ = self.stream.shutdown();
        }
        self.stage = Stage::Closed;
        self.flight = Flight::default();
        Ok(())
    }
}

/// True if OpenSSL only wants more datagrams.
fn waits(error: &openssl::ssl::Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}

/// True if a datagram begins with a handshake that is not encrypted (RFC 6347 section 4.1: the type, the
/// version, the epoch).
fn is_plain_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [22, _, _, 0, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn dtls(now: Instant) -> Box<dyn DtlsInstance> {
        let provider = provider().unwrap();
        let certificate = provider.generate_certificate().unwrap();
        let mut dtls = provider.new_dtls(&certificate, now, DtlsVersion::Dtls12, None).unwrap();
        dtls.set_active(true);
        dtls.handle_packet(&super::super::handshake::PATH).unwrap();
        dtls
    }

    /// The datagrams until the time comes, and that.
    fn poll(dtls: &mut dyn DtlsInstance) -> (Vec<Vec<u8>>, Instant) {
        let (mut datagrams, mut buf) = (Vec::new(), [0; 2000]);
        loop {
            match dtls.poll_output(&mut buf) {
                DtlsOutput::Packet(datagram) => datagrams.push(datagram.to_vec()),
                DtlsOutput::Timeout(at) => return (datagrams, at),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_time_is_told_last_and_stays_until_it_has_come() {
        let now = epoch();
        let mut dtls = dtls(now);
        dtls.handle_timeout(now).unwrap();
        let (first, at) = poll(&mut *dtls);
        assert_eq!((first.len(), at), (1, now + TICK), "a ClientHello");
        dtls.handle_timeout(now).unwrap();
        dtls.handle_timeout(now + TICK / 2).unwrap();
        assert_eq!(poll(&mut *dtls), (Vec::new(), at), "not due yet");
        dtls.handle_timeout(at).unwrap();
        assert_eq!(poll(&mut *dtls), (Vec::new(), at + TICK));
    }

    #[test]
    fn rfc_6347_4_2_4_a_flight_without_an_answer_is_copied_ever_later() {
        let now = epoch();
        let mut dtls = dtls(now);
        let (mut copied, mut at, mut hello) = (Vec::new(), now, Vec::new());
        while at < now + Duration::from_secs(3) {
            dtls.handle_timeout(at).unwrap();
            let (datagrams, next) = poll(&mut *dtls);
            if at == now {
                hello = datagrams;
            } else if !datagrams.is_empty() {
                assert_eq!(datagrams, hello, "as it was");
                copied.push((at - now).as_millis());
            }
            at = next;
        }
        assert_eq!(copied, [200, 600, 1400]);
    }
}
