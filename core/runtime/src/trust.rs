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
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::net::bare;

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
                return Err(Error::General(format!(
                    "the key of {host} is none of those pinned for it, but {pin}"
                )));
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

/// The pin of a certificate's key (RFC 7469 section 2.4).
fn pin_of(certificate: &CertificateDer<'_>) -> Result<CertificatePin, Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    let hash = digest::digest(&digest::SHA256, &key);
    let hash = hash.as_ref().try_into().map_err(|_| Error::General("no SHA-256".to_owned()))?;
    Ok(CertificatePin::sha256(hash))
}

/// A host as pins are compared: a pin that is written in another way must not be without effect.
fn plain_host(host: &str) -> String {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
