//! Credentials as requests carry them (w1.2, w1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use sha1::{Digest as _, Sha1};

use crate::Secret;
use crate::ribbon::credentials::Credentials;
use crate::ribbon::error::{AuthCode, Error};
use crate::ribbon::ids::UserId;

/// The longest name and the longest secret, in bytes.
const MAX_NAME: usize = 255;
const MAX_SECRET: usize = 16 * 1024;

const X_TOKEN: HeaderName = HeaderName::from_static("x-token");
const X_SESSION: HeaderName = HeaderName::from_static("x-session");

/// The header that a request shows its credentials by. Its value is shown by no `Debug`.
pub(crate) type CredentialHeader = (HeaderName, HeaderValue);

/// Decides on credentials (the table of w1.3): whether they can be taken in place of those of another
/// user, and the header that they are shown by.
///
/// # Errors
///
/// [`AuthCode::InvalidState`] for another user while services are subscribed,
/// [`AuthCode::InvalidCredentials`] for what cannot be used at all.
pub(crate) fn decide(
    current: Option<&UserId>,
    subscribed: bool,
    given: &Credentials,
) -> Result<CredentialHeader, Error> {
    if subscribed && current.is_some_and(|current| current != given.username()) {
        let text = "another user cannot log in while services are subscribed";
        return Err(Error::new(AuthCode::InvalidState, text));
    }
    header_of(given)
}

/// The header that credentials are shown by, before there is a session.
///
/// # Errors
///
/// [`AuthCode::InvalidCredentials`]: an empty user or secret, or one that is too long or no value of a
/// header.
pub(crate) fn header_of(given: &Credentials) -> Result<CredentialHeader, Error> {
    let name = given.username().as_str();
    let secret = given.secret().expose();
    let in_path = |c: char| !c.is_control() && !c.is_whitespace() && !"/?#".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(in_path) {
        return Err(Error::new(AuthCode::InvalidCredentials, "no name of a user"));
    }
    if secret.is_empty() || secret.len() > MAX_SECRET {
        return Err(Error::new(AuthCode::InvalidCredentials, "an empty secret, or one too long"));
    }
    let (header, value) = match given {
        Credentials::Password { password, authname, .. } => {
            let name = authname.as_deref().unwrap_or(name);
            let pair = STANDARD.encode(format!("{name}:{}", password.expose()));
            (header::AUTHORIZATION, format!("Basic {pair}"))
        }
        Credentials::Hmac { token, .. } => (X_TOKEN, token.expose().to_owned()),
        Credentials::Bearer { token, .. } => {
            (header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        }
    };
    sensitive(header, &value)
}

/// The header of a session that was begun with an HMAC token, in place of it (w1.2).
///
/// # Errors
///
/// [`AuthCode::SubscribeFailed`]: the gateway's id of the session is no value of a header.
pub(crate) fn session_header(session: &Secret) -> Result<CredentialHeader, Error> {
    sensitive(X_SESSION, session.expose())
        .map_err(|error| error.with_code(AuthCode::SubscribeFailed))
}

fn sensitive(name: HeaderName, value: &str) -> Result<CredentialHeader, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::new(AuthCode::InvalidCredentials, "a secret that no header can carry")
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The HMAC token of a user (w1.3): HMAC-SHA1 (RFC 2104) with the shared key over the request for one, in
/// hexadecimal digits, which is a guess.
///
/// ```
/// use offhook::Secret;
/// use offhook::ribbon::{Credentials, hmac_token};
///
/// let token = hmac_token(&Secret::new("shared key"), "alice", "example.com");
/// assert_eq!(token.expose().len(), 40);
/// let credentials = Credentials::hmac("alice@example.com", token);
/// ```
#[must_use]
pub fn hmac_token(key: &Secret, subscriber: &str, organization: &str) -> Secret {
    let request = serde_json::json!({"authenticationTokenRequest": {
        "subscriberId": subscriber,
        "organizationId": organization,
    }});
    let digest = hmac_sha1(key.expose().as_bytes(), request.to_string().as_bytes());
    Secret::new(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// HMAC (RFC 2104 section 2) with SHA-1.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha1::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2202_3_hmac_sha1() {
        let hex = |digest: [u8; 20]| digest.map(|byte| format!("{byte:02x}")).concat();
        let of = |key: &[u8], message: &[u8]| hex(hmac_sha1(key, message));
        assert_eq!(of(&[0x0b; 20], b"Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00");
        let what = b"what do ya want for nothing?";
        assert_eq!(of(b"Jefe", what), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let larger = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(of(&[0xaa; 80], larger), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }
}
