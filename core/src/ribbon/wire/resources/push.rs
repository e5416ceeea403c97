//! Devices that are registered for push (w5.5). Undocumented: a guess beyond the keys' names.

use http::Method;
use serde_json::json;

use super::{GivenPath, with};
use crate::rest::Resource;
use crate::ribbon::error::Error;
use crate::ribbon::wire::answer::{missing, read};
use crate::ribbon::wire::lenient::{Text, object};

/// A device to be registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered<'a> {
    pub(crate) bundle: &'a str,
    pub(crate) services: &'a [String],
    pub(crate) correlator: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) production: bool,
    /// The token: of Apple one for calls and one for the rest, of Google one for both.
    pub(crate) token: Token<'a>,
}

/// The tokens of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'a> {
    /// Of Apple.
    Apple { voip: &'a str, standard: &'a str },
    /// Of Google.
    Google(&'a str),
}

object! {
    Wrapper<'a> {
        apple: Body<'a> = "appleDeviceRegistrationResponse",
        google: Body<'a> = "googleDeviceRegistrationResponse",
    }
}
object! {
    Body<'a> {
        place: Text<'a> = "registration",
        resource: Text<'a> = "resourceLocation",
    }
}

/// A device is registered, below the version of the place for it.
pub(crate) fn register(version: &str, device: &Registered<'_>) -> Resource {
    let mut request = json!({
        "bundleID": device.bundle,
        "service": device.services,
        "clientCorrelator": device.correlator,
        "realm": device.realm,
        "isProduction": device.production,
    });
    let (vendor, wrapper) = match device.token {
        Token::Apple { voip, standard } => {
            with(&mut request, "voipDeviceToken", Some(voip));
            with(&mut request, "standardDeviceToken", Some(standard));
            ("apple", "appleDeviceRegistrationRequest")
        }
        Token::Google(token) => {
            with(&mut request, "deviceToken", Some(token));
            ("google", "googleDeviceRegistrationRequest")
        }
    };
    let path = format!("rest/version/{version}/push/{vendor}/devices/");
    Resource::new(Method::POST, path, Some(json!({wrapper: request})))
}

/// A device is registered no longer.
pub(crate) fn unregister(place: &GivenPath) -> Resource {
    place.resource(Method::DELETE, None)
}

/// The path of a device that was registered.
///
/// # Errors
///
/// An answer without one.
pub(crate) fn registered(request: &str, body: &[u8]) -> Result<GivenPath, Error> {
    let Wrapper { apple, google } = read(request, body)?;
    let places = [apple.place, apple.resource, google.place, google.resource];
    match places.into_iter().find_map(|place| place.0) {
        Some(place) => GivenPath::new(&place, request),
        None => Err(missing(request, "registration")),
    }
}
