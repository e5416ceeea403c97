//! Credentials of a request (w1.2), and what each kind is worth (w1.5, w1.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::json;
use sha1::{Digest as _, Sha1};

use super::directory::{Account, User};
use crate::service::http::decoded;

/// Block of SHA-1, in bytes (RFC 2104 section 2).
const BLOCK: usize = 64;

/// The credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Password {
        name: String,
        password: String,
    },
    Bearer(String),
    /// A token of the user's key.
    Token(String),
    /// The stand-in for such a token once there is a subscription.
    Session(String),
    Nothing,
}

impl Claim {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = text(header::AUTHORIZATION.as_str()).unwrap_or_default();
        let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let plain = |encoded: &str| String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.trim().to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic")
            && let Some(pair) = plain(rest)
            && let Some((name, password)) = pair.split_once(':')
        {
            return Self::Password { name: name.to_owned(), password: password.to_owned() };
        }
        match (text("x-session"), text("x-token")) {
            (Some(session), _) => Self::Session(session.to_owned()),
            (None, Some(token)) => Self::Token(token.to_owned()),
            (None, None) => Self::Nothing,
        }
    }

    /// The token in the address of a socket, where there is one: nothing else says who opens it (w2.6).
    pub(super) fn of_query(query: &str) -> Option<Self> {
        let token = query.split('&').find_map(|pair| pair.strip_prefix("access_token="))?;
        Some(Self::Bearer(decoded(token)))
    }

    /// The code that a user's request with these credentials is refused with.
    pub(super) fn check(&self, user: &User) -> Result<(), u16> {
        let right = match self {
            Self::Nothing => return Err(61),
            Self::Password { name, password } => {
                let named = *name == user.name || user.authname.as_ref() == Some(name);
                named && *password == user.password
            }
            Self::Bearer(token) if user.expired.contains(token) => return Err(65),
            Self::Bearer(token) => user.bearer.as_ref() == Some(token),
            Self::Token(token) => {
                user.hmac_key.as_ref().is_some_and(|key| is_token(token, key, &user.name))
            }
            Self::Session(session) => user.sessions.contains(session),
        };
        match (right, user.account) {
            (false, _) => Err(4),
            (true, Account::Disabled) => Err(62),
            (true, Account::Locked) => Err(63),
            (true, Account::Ok) => Ok(()),
        }
    }
}

/// True for the token that a key makes for a user (w1.3). Nobody says how its bytes are
/// written: in hexadecimal digits or in base64, both are taken.
fn is_token(token: &str, key: &str, user: &str) -> bool {
    let (subscriber, organization) = user.rsplit_once('@').unwrap_or((user, ""));
    let about = json!({"authenticationTokenRequest": {
        "subscriberId": subscriber, "organizationId": organization,
    }});
    let bytes = hmac(key.as_bytes(), about.to_string().as_bytes());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    token.eq_ignore_ascii_case(&hex) || token == STANDARD.encode(bytes)
}

/// HMAC-SHA1 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> [u8; 20] {
    let hash = |parts: &[&[u8]]| {
        let mut sha = Sha1::new();
        parts.iter().for_each(|part| sha.update(part));
        <[u8; 20]>::from(sha.finalize())
    };
    let short = if key.len() > BLOCK { hash(&[key]).to_vec() } else { key.to_vec() };
    let padded = |pad: u8| -> Vec<u8> {
        (0..BLOCK).map(|n| short.get(n).copied().unwrap_or_default() ^ pad).collect()
    };
    hash(&[&padded(0x5c), &hash(&[&padded(0x36), text])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2202_hmac_sha1() {
        let hex = |bytes: [u8; 20]| bytes.map(|b| format!("{b:02x}")).concat();
        let what = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(what), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let long = hmac(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(long), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }

    #[test]
    fn w1_2_credentials_are_read_from_the_headers() {
        let read = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            Claim::read(&headers)
        };
        let (name, password) = ("a@x".to_owned(), "p:w".to_owned());
        assert_eq!(read("authorization", "Basic YUB4OnA6dw=="), Claim::Password { name, password });
        assert_eq!(read("authorization", "bearer tok"), Claim::Bearer("tok".to_owned()));
        assert_eq!(read("x-token", "t"), Claim::Token("t".to_owned()));
        assert_eq!(read("x-session", "s"), Claim::Session("s".to_owned()));
        for rubbish in ["Basic", "Basic %%", "Basic YQ==", "Digest x"] {
            assert_eq!(read("authorization", rubbish), Claim::Nothing, "{rubbish}");
        }
    }
}
