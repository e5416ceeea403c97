//! Credentials of a user.

use crate::Secret;

use super::error::{AuthCode, Error};
use super::ids::UserId;

/// The credentials to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// By password (RA-012).
    Password {
        /// The user, as `alice@example.com`.
        username: UserId,
        /// The password.
        password: Secret,
        /// The name to authenticate with, instead of the user's.
        authname: Option<String>,
    },
    /// By an HMAC token (RA-013), as [`hmac_token`](super::hmac_token) makes one.
    Hmac {
        /// The user.
        username: UserId,
        /// The token.
        token: Secret,
    },
    /// By an OAuth access token (RA-014).
    Bearer {
        /// The user.
        username: UserId,
        /// The token.
        token: Secret,
    },
}

/// Credentials as a form or a command line gives them: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Supplied {
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The name to authenticate with.
    pub authname: Option<String>,
    /// An HMAC token.
    pub hmac_token: Option<Secret>,
    /// An OAuth access token.
    pub bearer_token: Option<Secret>,
}

setters!(Supplied {
    username: some[String],
    password: some[Secret],
    authname: some[String],
    hmac_token: some[Secret],
    bearer_token: some[Secret],
});

impl Credentials {
    /// By password.
    #[must_use]
    pub fn password(username: impl Into<UserId>, password: impl Into<Secret>) -> Self {
        let (username, password) = (username.into(), password.into());
        Self::Password { username, password, authname: None }
    }

    /// By an HMAC token.
    #[must_use]
    pub fn hmac(username: impl Into<UserId>, token: impl Into<Secret>) -> Self {
        Self::Hmac { username: username.into(), token: token.into() }
    }

    /// By an OAuth access token.
    #[must_use]
    pub fn bearer(username: impl Into<UserId>, token: impl Into<Secret>) -> Self {
        Self::Bearer { username: username.into(), token: token.into() }
    }

    /// The credentials that an application has, if they are one kind and whole (w1.3).
    ///
    /// # Errors
    ///
    /// [`AuthCode::InvalidCredentials`]: no user, several secrets, or none.
    pub fn of(supplied: Supplied) -> Result<Self, Error> {
        let Supplied { username, password, authname, hmac_token, bearer_token } = supplied;
        let refused = |why| Err(Error::new(AuthCode::InvalidCredentials, why));
        let Some(username) = username.filter(|name| !name.is_empty()).map(UserId::from) else {
            return refused("no username");
        };
        match (password, hmac_token, bearer_token) {
            (None, Some(token), None) => Ok(Self::Hmac { username, token }),
            (None, None, Some(token)) => Ok(Self::Bearer { username, token }),
            (Some(password), None, None) => Ok(Self::Password { username, password, authname }),
            (None, None, None) => refused("no password and no token"),
            _ => refused("more than one of a password, an HMAC token and a bearer token"),
        }
    }

    /// The user.
    #[must_use]
    pub fn username(&self) -> &UserId {
        match self {
            Self::Password { username, .. }
            | Self::Hmac { username, .. }
            | Self::Bearer { username, .. } => username,
        }
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Password { password, .. } => password,
            Self::Hmac { token, .. } | Self::Bearer { token, .. } => token,
        }
    }
}
