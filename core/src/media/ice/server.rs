//! The description of a server.

use super::address::ServerAddress;
use crate::Secret;
use crate::media::MediaError;

/// A STUN or TURN server under one or more addresses.
///
/// ```
/// use offhook::media::IceServer;
///
/// let stun = IceServer::stun("stun:stun.example:3478");
/// let turn = IceServer::turn("turns:turn.example:443?transport=tcp", "user", "password");
/// assert!(stun.check().is_ok() && turn.check().is_ok());
/// assert!(turn.is_relay() && !stun.is_relay());
/// assert!(!format!("{turn:?}").contains("password"));
/// assert!(IceServer::stun("https://stun.example").check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IceServer {
    /// `stun:` and `stuns:` addresses (RFC 7064), `turn:` and `turns:` addresses (RFC 7065); 1 to
    /// [`IceServer::MAX_URLS`].
    pub urls: Vec<String>,
    /// The user name for a relay.
    pub username: Option<String>,
    /// The password for a relay.
    pub credential: Option<Secret>,
}

setters!(IceServer { urls: all[String], username: some[String], credential: some[Secret] });

impl IceServer {
    /// The most addresses of one server.
    pub const MAX_URLS: usize = 16;

    /// A STUN server.
    #[must_use]
    pub fn stun(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], username: None, credential: None }
    }

    /// A TURN server.
    #[must_use]
    pub fn turn(
        url: impl Into<String>,
        username: impl Into<String>,
        credential: impl Into<Secret>,
    ) -> Self {
        let (username, credential) = (Some(username.into()), Some(credential.into()));
        Self { urls: vec![url.into()], username, credential }
    }

    /// Returns true if it relays media: if an address of it is one of TURN.
    #[must_use]
    pub fn is_relay(&self) -> bool {
        self.urls.iter().any(|url| url.starts_with("turn:") || url.starts_with("turns:"))
    }

    /// Finds what could never work.
    ///
    /// # Errors
    ///
    /// [`MediaError::IceServer`]: no address or too many, one of another kind, a port that is
    /// none, or a relay without a user name and a password.
    pub fn check(&self) -> Result<(), MediaError> {
        let wrong = |what: String| Err(MediaError::IceServer(what));
        if self.urls.is_empty() || self.urls.len() > Self::MAX_URLS {
            return wrong(format!("{} addresses", self.urls.len()));
        }
        if !self.urls.iter().all(|url| ServerAddress::read(url).is_some()) {
            // It is not shown: it may hold a password by mistake.
            return wrong("an address that is none of STUN or TURN".to_owned());
        }
        if self.is_relay() && (self.username.is_none() || self.credential.is_none()) {
            return wrong("a relay without a user name and a password".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_url(url: &str) -> bool {
        ServerAddress::read(url).is_some()
    }

    #[test]
    fn rfc_7064_7065_addresses_are_told_from_others() {
        for good in [
            "stun:h",
            "stuns:h:5349",
            "turn:192.0.2.1:3478?transport=udp",
            "turns:h?transport=tcp",
            "stun:[2001:db8::1]:3478",
            "turn:[::1]",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "stun",
            "stun:",
            "stun:h:0",
            "stun:h:65536",
            "stun:h:",
            "stun:h?transport=udp",
            "turn:h?transport=sctp",
            "turn:h?",
            "stun:[::1",
            "stun:[::1]3478",
            "stun:a b",
            "stun:user@h",
            "http://h",
            "STUN:h\n",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn what_could_never_work_is_found() {
        let turn = IceServer::turn("turn:h", "u", "p");
        assert_eq!(turn.check(), Ok(()));
        let none = IceServer { urls: Vec::new(), ..turn.clone() };
        let many = IceServer { urls: vec!["turn:h".to_owned(); 17], ..turn.clone() };
        let anonymous = IceServer { username: None, ..turn.clone() };
        let open = IceServer { credential: None, ..turn.clone() };
        for bad in [none, many, anonymous, open, IceServer::stun("ftp:h")] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let both = IceServer { urls: vec!["stun:h".to_owned(), "turn:h".to_owned()], ..turn };
        assert!(both.is_relay() && both.check().is_ok());
    }

    proptest! {
        #[test]
        fn nothing_panics(url in ".{0,40}", tail in ".{0,20}") {
            let _ = is_url(&url);
            let _ = is_url(&format!("turn:[{tail}"));
        }
    }
}
