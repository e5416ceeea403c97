//! Two SASL mechanisms: PLAIN (RFC 4616), as the service has it and as others do, and ANONYMOUS (RFC 4505).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Auth, Jid, JidError};
use crate::Secret;

/// The name of the mechanism for users with an access token.
pub const PLAIN: &str = "PLAIN";
/// The name of the mechanism for connections whose JWT is in the URL.
pub const ANONYMOUS: &str = "ANONYMOUS";
/// The text before the access token in the password.
const KEY_PREFIX: &str = "authKey:";

/// The reason why a PLAIN response cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// Another mechanism.
    #[error("the mechanism is not PLAIN")]
    NotPlain,
    /// Not base64 of UTF-8 (`incorrect-encoding`).
    #[error("the response is not base64 of UTF-8")]
    Encoding,
    /// Not three parts separated by NUL, or the password lacks its prefix (`malformed-request`).
    #[error("the response has the wrong form")]
    Form,
    /// The user name is not an address.
    #[error("the user name is not an address: {0}")]
    Jid(#[from] JidError),
}

/// Authenticates a user: no authorization id, the whole bare address as the user name, the token
/// after `authKey:` (wire notes 1.4).
#[must_use]
pub fn plain(user: &Jid, token: &Secret) -> Auth {
    let response = format!("\0{}\0{KEY_PREFIX}{}", user.bare().as_str(), token.expose());
    Auth { mechanism: PLAIN.to_owned(), payload: Secret::new(BASE64_STANDARD.encode(response)) }
}

/// Authenticates a user of another server than the service's: the local part of the address, and a password
/// (RFC 4616).
#[must_use]
pub fn password(user: &str, password: &Secret) -> Auth {
    let response = format!("\0{user}\0{}", password.expose());
    Auth { mechanism: PLAIN.to_owned(), payload: Secret::new(BASE64_STANDARD.encode(response)) }
}

/// Authenticates with nothing: an empty initial response.
#[must_use]
pub fn anonymous() -> Auth {
    Auth { mechanism: ANONYMOUS.to_owned(), payload: Secret::new("=") }
}

/// The user and the token in what [`plain`] wrote.
///
/// # Errors
///
/// The response is not of that form.
pub fn parse_plain(auth: &Auth) -> Result<(Jid, Secret), SaslError> {
    if auth.mechanism != PLAIN {
        return Err(SaslError::NotPlain);
    }
    let bytes = BASE64_STANDARD.decode(auth.payload.expose()).map_err(|_| SaslError::Encoding)?;
    let text = String::from_utf8(bytes).map_err(|_| SaslError::Encoding)?;
    let mut parts = text.split('\0');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(user), Some(password), None) => {
            let token = password.strip_prefix(KEY_PREFIX).ok_or(SaslError::Form)?;
            Ok((user.parse()?, Secret::new(token)))
        }
        _ => Err(SaslError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(payload: &str) -> Auth {
        Auth { mechanism: PLAIN.to_owned(), payload: Secret::new(payload) }
    }

    #[test]
    fn plain_is_the_example_of_wire_notes_1_4() {
        let user = "abc@org.orgspan.com/desk".parse().expect("an address");
        let auth = plain(&user, &Secret::new("TOK"));
        assert_eq!(auth.payload.expose(), "AGFiY0Bvcmcub3Jnc3Bhbi5jb20AYXV0aEtleTpUT0s=");
        assert_eq!(parse_plain(&auth), Ok((user.bare(), Secret::new("TOK"))));
        assert!(!format!("{auth:?}").contains("AGFi"));
    }

    #[test]
    fn rfc_4616_a_password_is_sent_with_the_name_alone() {
        // The first example of section 4.
        let auth = password("tim", &Secret::new("tanstaaftanstaaf"));
        assert_eq!(auth.payload.expose(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
    }

    #[test]
    fn a_wrong_response_says_why() {
        assert_eq!(parse_plain(&anonymous()), Err(SaslError::NotPlain));
        assert_eq!(parse_plain(&auth("*")), Err(SaslError::Encoding));
        let encoded = |text: &str| auth(&BASE64_STANDARD.encode(text));
        assert_eq!(parse_plain(&encoded("\0a@b")), Err(SaslError::Form));
        assert_eq!(parse_plain(&encoded("\0a@b\0TOK")), Err(SaslError::Form));
        assert_eq!(parse_plain(&encoded("\0a@b\0authKey:t\0")), Err(SaslError::Form));
        assert_eq!(
            parse_plain(&encoded("\0@b\0authKey:t")),
            Err(SaslError::Jid(JidError::EmptyLocal))
        );
    }
}
