//! TLS as the options want it: roots, pins, and no verification where a test wants none.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_lc_rs::digest;
use offhook::net::{CertificatePin, NetOptions, Roots};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

/// The keys that hosts may have, by host.
type Pins = BTreeMap<String, Vec<CertificatePin>>;

/// The settings that tell TLS configurations apart.
#[derive(PartialEq, Eq)]
struct Wanted {
    roots: Roots,
    extra_roots: Vec<Vec<u8>>,
    pins: Pins,
    any_certificate: bool,
}

/// TLS as the options want it. Clients that trust the same share one configuration.
pub(crate) fn trust(options: &NetOptions) -> Result<Arc<ClientConfig>, Error> {
    static IN_USE: Mutex<Vec<(Wanted, Weak<ClientConfig>)>> = Mutex::new(Vec::new());

    // The list is whole after every statement, so a panic elsewhere does not matter.
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|(_, config)| config.strong_count() > 0);
    let wanted = Wanted {
        roots: options.roots,
        extra_roots: options.extra_roots.clone(),
        pins: options.pins.clone(),
        any_certificate: options.accepts_any_certificate(),
    };
    if let Some((_, config)) = in_use.iter().find(|(known, _)| *known == wanted)
        && let Some(config) = config.upgrade()
    {
        return Ok(config);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let inner = verifier(options, &provider)?;
    let pins = options.pins.iter().map(|(host, pins)| (plain_host(host), pins.clone())).collect();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { inner, pins }))
        .with_no_client_auth();
    let config = Arc::new(config);
    in_use.push((wanted, Arc::downgrade(&config)));
    Ok(config)
}

/// The verifier by the roots.
fn verifier(
    options: &NetOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    // Also where they are not needed: what cannot be read is told in any case.
    for certificate in &options.extra_roots {
        roots.add(certificate.clone().into())?;
    }
    if options.accepts_any_certificate() {
        return Ok(Arc::new(Blind::new(true, provider)));
    }
    match options.roots {
        Roots::None => {}
        Roots::Platform => match platform(&options.extra_roots, provider) {
            Some(verifier) => return verifier,
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        },
        _ => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    if roots.is_empty() {
        return Ok(Arc::new(Blind::new(false, provider)));
    }
    let built =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    built.map(|verifier| verifier as _).map_err(|error| Error::General(error.to_string()))
}

/// The operating system's verifier; none where it trusts nobody.
#[cfg(not(target_os = "android"))]
fn platform(
    extra_roots: &[Vec<u8>],
    provider: &Arc<CryptoProvider>,
) -> Option<Result<Arc<dyn ServerCertVerifier>, Error>> {
    use rustls_platform_verifier::Verifier;

    // First without ours: with them a system that trusts nobody would not show.
    let verifier = match Verifier::new(Arc::clone(provider)) {
        Ok(verifier) => verifier,
        Err(error) => {
            tracing::info!("the roots are Mozilla's, because the system has none: {error}");
            return None;
        }
    };
    if extra_roots.is_empty() {
        return Some(Ok(Arc::new(verifier)));
    }
    let extra_roots = extra_roots.iter().map(|certificate| certificate.clone().into());
    let verifier = Verifier::new_with_extra_roots(extra_roots, Arc::clone(provider));
    Some(verifier.map(|verifier| Arc::new(verifier) as _))
}

/// Android's verifier wants a Java machine, of which nothing is known here.
#[cfg(target_os = "android")]
fn platform(
    _: &[Vec<u8>],
    _: &Arc<CryptoProvider>,
) -> Option<Result<Arc<dyn ServerCertVerifier>, Error>> {
    None
}

/// A verifier that looks at no path of certificates, but trusts anybody or nobody.
#[derive(Debug)]
struct Blind {
    trusts: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Blind {
    fn new(trusts: bool, provider: &CryptoProvider) -> Self {
        Self { trusts, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trusts {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A verifier that also compares keys with pins (RFC 7469 section 2.6).
#[derive(Debug)]
struct Pinned {
    inner: Arc<dyn ServerCertVerifier>,
    pins: Pins,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let host = plain_host(&server_name.to_str());
        if let Some(pins) = self.pins.get(&host) {
            let pin = pin_of(end_entity)?;
            if !pins.contains(&pin) {
                let wrong = OtherError(Arc::new(WrongKey { host, pin }));
                return Err(CertificateError::Other(wrong).into());
            }
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[rustls::DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}

/// A certificate with a key that its host may not have.
#[derive(Debug, thiserror::Error)]
#[error("the key of {host} is none of those pinned for it, but {pin}")]
struct WrongKey {
    host: String,
    pin: CertificatePin,
}

/// The pin of a certificate's key (RFC 7469 section 2.4).
fn pin_of(certificate: &CertificateDer<'_>) -> Result<CertificatePin, Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    let hash = digest::digest(&digest::SHA256, &key);
    let hash = hash.as_ref().try_into().map_err(|_| Error::General("no SHA-256".to_owned()))?;
    Ok(CertificatePin::sha256(hash))
}

/// A host as pins are compared: a pin that is written in another way must not be without effect.
fn plain_host(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    /// A certificate of `openssl req -x509`, and its pin as [`CertificatePin`] says to get it.
    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUWi19hOh5tnwdK6T7CTCfaVjBnSYwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLcGluLmV4YW1wbGUwHhcNMjYxMTI4MTA0NTM3WhcNMzYxMTI1
MTA0NTM3WjAWMRQwEgYDVQQDDAtwaW4uZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAvHMm83bHW+ZDeLcIur48TQi041MckUafTzhbHLbf7UFKiIZFdV
BJqtmrtomMuGgLGuuhb0qLA6L46Ls+AUAFmjUzBRMB0GA1UdDgQWBBQy3dHGTqB5
c93wr9SSYOm5EQWJ1zAfBgNVHSMEGDAWgBQy3dHGTqB5c93wr9SSYOm5EQWJ1zAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQC4JdsYB6k2UFglwziC
pwRKRywOK+9zsRYXe1ubybqLxgIgBAA4SZmkKlOdOMQ4Slw1O5xwyDg6i8koDcCk
IzXUD/A=
-----END CERTIFICATE-----
";
    const PIN: &str = "sha256/dIFhMYqHeHrYL8XyRPp2CLTMp3IRl1jYduaphZ4DRMY=";

    #[test]
    fn rfc_7469_2_4_a_pin_is_the_hash_of_the_subject_public_key_info() {
        let certificate = CertificateDer::from_pem_slice(PEM).expect("PEM");
        assert_eq!(pin_of(&certificate).expect("a certificate").to_string(), PIN);
        assert!(pin_of(&CertificateDer::from(&b"none"[..])).is_err());
    }

    fn own(options: NetOptions) -> Arc<ClientConfig> {
        trust(&options).expect("usable")
    }

    #[test]
    fn clients_that_trust_the_same_share_it_and_no_others_do() {
        let mozilla = || NetOptions::default().roots(Roots::Mozilla);
        let one = own(mozilla());
        assert!(Arc::ptr_eq(&one, &own(mozilla())));
        let pins = BTreeMap::from([("a".to_owned(), vec![CertificatePin::sha256([0; 32])])]);
        for other in [
            mozilla().roots(Roots::Platform),
            mozilla().roots(Roots::None),
            mozilla().pins(pins),
            mozilla().danger_accept_any_certificate(),
        ] {
            assert!(!Arc::ptr_eq(&one, &own(other)));
        }
    }

    #[test]
    fn a_pin_concerns_its_host_however_it_is_written() {
        for (written, plain) in [
            ("Api.Example.com.", "api.example.com"),
            ("[::1]", "::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(plain_host(written), plain);
        }
    }
}

/// Tests of roots that are files, each in a process of its own.
#[cfg(all(test, target_os = "linux"))]
mod system_tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};

    use super::*;
    use crate::clock::Clock;
    use crate::net::Net;

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// The system's roots are those that the environment of a process says, and that a log record is
    /// wanted is remembered for a process: each case is one of its own.
    #[test]
    fn the_systems_roots_are_trusted_or_mozillas_and_trust_in_everybody_is_told() {
        for (case, file) in [("none", "/nonexistent"), ("own", "own.pem")] {
            let folder =
                std::env::temp_dir().join(format!("offhook-{}-{case}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder");
            let file = folder.join(file);
            let ended = std::process::Command::new(std::env::current_exe().expect("this"))
                .args(["--exact", "trust::system_tests::in_a_process_of_its_own"])
                .env_remove("SSL_CERT_DIR")
                .env("SSL_CERT_FILE", &file)
                .env("OFFHOOK_CASE", case)
                .output();
            std::fs::remove_dir_all(&folder).expect("removed");
            let ended = ended.expect("it starts");
            let said = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success() && said.contains("1 passed"), "{case}: {said}");
        }
    }

    #[test]
    fn in_a_process_of_its_own() {
        // A part of the test before, which starts it.
        let Ok(case) = std::env::var("OFFHOOK_CASE") else { return };
        let own = rcgen::generate_simple_self_signed(["own.test".to_owned()]).expect("a name");
        let trusted = case == "own";
        if trusted {
            let file = std::env::var("SSL_CERT_FILE").expect("set");
            std::fs::write(file, own.cert.pem()).expect("written");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        assert_eq!(platform(&[], &provider).is_some(), trusted);

        let trusts = |options: NetOptions| {
            let name = "own.test".try_into().expect("a name");
            verifier(&options, &provider)
                .expect("usable, whatever the system has")
                .verify_server_cert(own.cert.der(), &[], &name, &[], UnixTime::now())
                .is_ok()
        };
        let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).expect("a name");
        let platform = NetOptions::default;
        assert_eq!(trusts(platform()), trusted);
        assert_eq!(trusts(platform().extra_roots([other.cert.der().to_vec()])), trusted);
        assert!(trusts(platform().extra_roots([own.cert.der().to_vec()])));
        for roots in [Roots::Mozilla, Roots::None] {
            assert!(!trusts(platform().roots(roots)));
            assert!(trusts(platform().roots(roots).extra_roots([own.cert.der().to_vec()])));
        }
        assert!(trusts(platform().danger_accept_any_certificate()));

        let warned = |options: NetOptions| {
            let warnings = Warnings::default();
            tracing::subscriber::with_default(warnings.clone(), || {
                Net::new(options, Clock::default()).expect("usable");
            });
            warnings.0.load(Ordering::Relaxed)
        };
        assert_eq!(warned(platform()), 0);
        // Each client says it, though they share one configuration.
        let loud = platform().danger_accept_any_certificate();
        let _shared = trust(&loud).expect("usable");
        assert_eq!((warned(loud.clone()), warned(loud)), (1, 1));
    }
}
