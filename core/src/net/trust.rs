//! The certificates that TLS accepts: whose word counts, and keys that must be.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The certificate authorities that are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Roots {
    /// Those of the operating system, by its own verifier on macOS, iOS and Windows, which may ask
    /// the network, and by the certificates that it keeps elsewhere (or those of `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR`), read when a client starts.
    ///
    /// Where it has none, as in a container without `ca-certificates`, and on Android, these are
    /// the ones of [`Roots::Mozilla`].
    #[default]
    Platform,
    /// Mozilla's, as they were when this was built.
    Mozilla,
    /// None.
    None,
}

/// A key that a server may have: the SHA-256 of its certificate's SubjectPublicKeyInfo (RFC 7469
/// section 2.4).
///
/// The certificate is the server's own. Those above it that it sends prove nothing before a path is
/// chosen among them, so that anybody could add one with the right key. To pin an authority, trust
/// it alone: [`Roots::None`] and [`NetOptions::extra_roots`](super::NetOptions::extra_roots).
///
/// Pin a second key that is kept elsewhere: a server that has to change its key is lost otherwise.
/// The pin of a certificate:
///
/// ```text
/// openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der |
///   openssl dgst -sha256 -binary | base64
/// ```
///
/// ```
/// use offhook::net::{CertificatePin, NetOptions};
///
/// let pin: CertificatePin = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=".parse()?;
/// let options = NetOptions::default().pins([("api.example.com".to_owned(), vec![pin])].into());
/// # Ok::<(), offhook::net::PinError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificatePin([u8; 32]);

impl CertificatePin {
    /// The pin with this hash.
    #[must_use]
    pub fn sha256(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl FromStr for CertificatePin {
    type Err = PinError;

    /// Reads `sha256/` and the hash in base64; the slash may be double, as curl has it.
    fn from_str(text: &str) -> Result<Self, PinError> {
        let hash = text.strip_prefix("sha256/").ok_or(PinError)?;
        // Base64 has slashes, too: the length tells.
        let hash = hash.strip_prefix('/').filter(|hash| hash.len() == 44).unwrap_or(hash);
        let hash = BASE64_STANDARD.decode(hash).map_err(|_| PinError)?;
        hash.try_into().map(Self).map_err(|_| PinError)
    }
}

impl fmt::Display for CertificatePin {
    /// `sha256/` and the hash in base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is sha256/ and 32 bytes in base64")]
pub struct PinError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_sha256_is_no_pin() {
        for text in ["", "sha256/", "sha1/AAAA", "sha256/AAAA", "sha256/!", "md5/"] {
            assert_eq!(text.parse::<CertificatePin>(), Err(PinError), "{text}");
        }
        let bare = "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
        assert_eq!(bare.parse::<CertificatePin>(), Err(PinError));
    }

    proptest! {
        #[test]
        fn rfc_7469_2_4_a_pin_is_read_as_it_is_written(mut hash: [u8; 32], slash: bool) {
            if slash {
                hash[0] = 0xff;
            }
            let pin = CertificatePin::sha256(hash);
            let text = pin.to_string();
            prop_assert_eq!(text.parse(), Ok(pin));
            prop_assert_eq!(text.replacen('/', "//", 1).parse(), Ok(pin));
        }

        #[test]
        fn nothing_makes_the_reader_panic(text in "(sha256/)?.{0,50}") {
            let _ = text.parse::<CertificatePin>();
        }
    }
}
