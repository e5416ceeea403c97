//! Devices that are registered for push (w5.5).

use std::collections::BTreeMap;

use super::constants::constants;
use super::error::{Error, ErrorCode};
use super::wire::resources::GivenPath;
use super::wire::resources::push::{Registered, Token};
use crate::Secret;

/// The longest text of a device's, and the most services.
const MAX_TEXT: usize = 4096;
const MAX_SERVICES: usize = 64;

constants! {
    /// The maker of a push service.
    PushKind, "kind of push" {
        /// Apple.
        Apple = "apple",
        /// Google.
        Google = "google",
    }
}

/// The tokens by which a push service knows a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushToken {
    /// Of Apple: one for calls, one for the rest.
    Apple {
        /// For calls.
        voip: Secret,
        /// For the rest.
        standard: Secret,
    },
    /// Of Google: one for both.
    Google(Secret),
}

impl PushToken {
    /// The maker.
    #[must_use]
    pub fn kind(&self) -> PushKind {
        match self {
            Self::Apple { .. } => PushKind::Apple,
            Self::Google(_) => PushKind::Google,
        }
    }

    /// The tokens.
    pub(crate) fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Apple { voip, standard } => vec![voip, standard],
            Self::Google(token) => vec![token],
        }
    }
}

/// A device to be registered for push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushDevice {
    /// Its tokens.
    pub token: PushToken,
    /// The application's name at the push service.
    pub bundle: String,
    /// The realm of the user's account.
    pub realm: String,
    /// The services that are pushed.
    pub services: Vec<String>,
    /// False for the push service's ground for tests.
    pub production: bool,
}

setters!(PushDevice { services: all[String], production: bool });

impl PushDevice {
    /// A device, pushed calls by a push service in production.
    #[must_use]
    pub fn new(token: PushToken, bundle: impl Into<String>, realm: impl Into<String>) -> Self {
        let services = vec!["call".to_owned()];
        Self { token, bundle: bundle.into(), realm: realm.into(), services, production: true }
    }

    /// Finds what cannot be registered.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`]: a text that is missing or of over 4 KiB, no service or over 64.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let tokens = self.token.secrets().into_iter().map(Secret::expose);
        let mut texts = tokens.chain([&*self.bundle, &*self.realm]);
        let mut services = self.services.iter().map(String::as_str);
        let odd = |text: &str| text.is_empty() || text.len() > MAX_TEXT;
        if texts.any(odd) || services.any(odd) || !(1..=MAX_SERVICES).contains(&self.services.len())
        {
            return Err(Error::new(ErrorCode::Options, "a device that cannot be registered"));
        }
        Ok(())
    }

    /// The device as a request has it.
    pub(crate) fn registered<'a>(&'a self, correlator: &'a str) -> Registered<'a> {
        let token = match &self.token {
            PushToken::Apple { voip, standard } => {
                Token::Apple { voip: voip.expose(), standard: standard.expose() }
            }
            PushToken::Google(token) => Token::Google(token.expose()),
        };
        Registered {
            bundle: &self.bundle,
            services: &self.services,
            correlator,
            realm: &self.realm,
            production: self.production,
            token,
        }
    }
}

/// The devices that are registered, one of each kind, and whether what is pushed is taken.
#[derive(Debug)]
pub(crate) struct Push {
    /// False where pushed notifications are left alone.
    pub(crate) enabled: bool,
    places: BTreeMap<PushKind, GivenPath>,
}

impl Default for Push {
    /// No device; pushed notifications are taken from the start (w3.2).
    fn default() -> Self {
        Self { enabled: true, places: BTreeMap::new() }
    }
}

impl Push {
    /// The device of a kind, by its path at the gateway.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`]: none is registered.
    pub(crate) fn place(&self, kind: PushKind) -> Result<&GivenPath, Error> {
        let none = || Error::new(ErrorCode::Options, "no such device is registered");
        self.places.get(&kind).ok_or_else(none)
    }

    pub(crate) fn registered(&mut self, kind: PushKind, place: GivenPath) {
        self.places.insert(kind, place);
    }

    pub(crate) fn unregistered(&mut self, kind: PushKind) {
        self.places.remove(&kind);
    }
}
