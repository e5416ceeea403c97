//! The certificate that TLS is served with.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::options::EmulatorError;

fn error(error: impl std::fmt::Display) -> EmulatorError {
    EmulatorError::Tls(error.to_string())
}

/// A server configuration, and its certificate where clients have to be told to trust it.
pub(super) fn config(
    given: Option<(&Path, &Path)>,
) -> Result<(Arc<ServerConfig>, Option<Vec<u8>>), EmulatorError> {
    let (chain, key, own) = match given {
        Some((chain, key)) => {
            let chain: Vec<_> = CertificateDer::pem_file_iter(chain)
                .map_err(error)?
                .collect::<Result<_, _>>()
                .map_err(error)?;
            (chain, PrivateKeyDer::from_pem_file(key).map_err(error)?, None)
        }
        None => {
            let names = ["localhost", "127.0.0.1", "lab.test", "*.lab.test"].map(str::to_owned);
            let own = rcgen::generate_simple_self_signed(names).map_err(error)?;
            let der = own.cert.der().clone();
            let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).map_err(error)?;
            (vec![der.clone()], key, Some(der.to_vec()))
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(error)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(error)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(config), own))
}
