//! Checks of settings before anything is tried (API-1).

use super::config::{Auth, Config, IcePolicy};
use super::error::{Error, ErrorKind};
use super::ids::MAX_ID;
use super::wire::jwt::Claims;
use super::wire::requests;
use crate::media::IceServer;

/// The longest token or JWT, in bytes.
const MAX_SECRET: usize = 16 * 1024;

/// Finds what could never work before anything is tried.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let invalid = |text: &str| Err(Error::new(ErrorKind::InvalidOptions, text));
    if config.environment.is_empty() {
        return invalid("no environment");
    }
    if config.codecs.is_empty() {
        return invalid("no codec");
    }
    if config.ice_policy == IcePolicy::RelayOnly && config.timing.gathering.is_zero() {
        return invalid("relayed media without asking for relays");
    }
    check_lengths(config)?;
    config.timing.check().map_err(|error| {
        Error::new(ErrorKind::InvalidOptions, error.to_string()).caused_by(error)
    })?;
    ice_servers(&config.ice_servers)?;
    match &config.auth {
        Auth::Token(token) if token.expose().is_empty() => return invalid("no access token"),
        Auth::Token(_) => {}
        Auth::Jwt(jwt) => {
            Claims::read(jwt)?;
        }
        Auth::Guest { organization, code } => {
            if organization.is_empty() || code.expose().is_empty() {
                return invalid("a guest needs an organization and a code");
            }
        }
    }
    // Whoever logs in makes such requests sooner or later.
    let request = config.endpoint()?.request(&requests::user());
    if !request.is_ok_and(|request| is_address(request.uri(), ["http", "https"])) {
        return invalid("the REST host is none");
    }
    match config.ws_base().parse() {
        Ok(uri) if is_address(&uri, ["ws", "wss"]) => Ok(()),
        Ok(_) | Err(_) => invalid("the WebSocket host is not ws:// or wss://"),
    }
}

/// Finds texts that are longer than they can be.
fn check_lengths(config: &Config) -> Result<(), Error> {
    let app = &config.app;
    let (secret, organization) = match &config.auth {
        Auth::Token(secret) | Auth::Jwt(secret) => (secret, None),
        Auth::Guest { organization, code } => (code, Some(organization)),
    };
    let optional = [&config.ws_host, &config.api_host, &config.jid_resource].into_iter().flatten();
    let names = [&config.environment, &app.name, &app.id, &app.version];
    let mut names = names.into_iter().chain(optional).chain(organization);
    if names.any(|name| name.len() > MAX_ID) || secret.expose().len() > MAX_SECRET {
        return Err(Error::new(ErrorKind::InvalidOptions, "a setting is too long"));
    }
    Ok(())
}

/// Finds servers of the application's that could never work.
pub(super) fn ice_servers(servers: &[IceServer]) -> Result<(), Error> {
    let invalid = |text: String| Error::new(ErrorKind::InvalidOptions, text);
    if servers.len() > Config::MAX_ICE_SERVERS {
        return Err(invalid(format!("{} ICE servers", servers.len())));
    }
    servers.iter().try_for_each(|server| server.check().map_err(|e| invalid(e.to_string())))
}

/// True if it has one of the schemes, a host, and a port that is one, if any.
fn is_address(uri: &http::Uri, schemes: [&str; 2]) -> bool {
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host();
    let after = authority.as_str().rsplit_once(host).map_or("", |(_, after)| after);
    uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme))
        && !host.is_empty()
        && (after.is_empty() || authority.port_u16().is_some_and(|port| port > 0))
}
