//! Checks of settings before anything is tried: whole, and each fault by the name of its setting.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use tracing::warn;

use super::config::{CallConfig, Config, ConfigPatch, SdpSemantics};
use super::error::Error;
use crate::Secret;
use crate::media::IceServer;

/// The longest host name in bytes (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;
/// The longest version in a path for push.
const MAX_VERSION: usize = 16;
/// The most ICE servers.
const MAX_ICE_SERVERS: usize = 64;
/// The most handlers of descriptions.
pub(super) const MAX_SDP_HANDLERS: usize = 16;
/// The longest name of a client (w8.16).
pub(super) const MAX_CORRELATOR: usize = 64;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The least values in use, where the SDK raises what is lower without a word.
const LEAST_RECONNECT_DELAY: Duration = Duration::from_secs(2);
const LEAST_EXPIRES: Duration = MINUTE;
const LEAST_AUDIT: Duration = Duration::from_secs(10);

impl Config {
    /// Changes what a patch does not leave out (RA-005), as a whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`](super::ErrorCode::Options), naming the setting that cannot work. Nothing is
    /// changed then.
    pub fn update(&mut self, patch: ConfigPatch) -> Result<(), Error> {
        let mut changed = self.clone();
        patch.apply(&mut changed);
        *self = changed.checked()?;
        Ok(())
    }

    /// The settings as they are used: those that are too low and are raised silently in the SDK are
    /// raised, with a warning (RC-012, RC-028, RC-044).
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`](super::ErrorCode::Options), naming the first setting that cannot work.
    pub fn checked(mut self) -> Result<Self, Error> {
        raise(&mut self);
        check(&self)?;
        Ok(self)
    }
}

/// Raises what is raised in the SDK, and strips addresses of ICE servers of what they cannot have (w6.1),
/// each with a warning.
fn raise(config: &mut Config) {
    for (name, value, least) in [
        (
            "connectivity.reconnect_delay",
            &mut config.connectivity.reconnect_delay,
            LEAST_RECONNECT_DELAY,
        ),
        ("subscription.expires", &mut config.subscription.expires, LEAST_EXPIRES),
        ("call.audit_interval", &mut config.call.audit_interval, LEAST_AUDIT),
    ] {
        if *value < least {
            warn!(name, ?value, ?least, "a setting is too low and was raised");
            *value = least;
        }
    }
    for url in config.call.peer.ice_servers.iter_mut().flat_map(|server| &mut server.urls) {
        if let Cow::Owned(stripped) = stripped(url) {
            warn!("an address of an ICE server has more than it can have, which was left out");
            *url = stripped;
        }
    }
}

/// The address of an ICE server without what it cannot have: of TURN only the transport stays, of STUN
/// nothing.
fn stripped(url: &str) -> Cow<'_, str> {
    let Some((address, query)) = url.split_once('?') else { return Cow::Borrowed(url) };
    let relay = address.starts_with("turn:") || address.starts_with("turns:");
    let transport = query.split('&').find(|part| relay && part.starts_with("transport="));
    let kept = transport.map_or_else(|| address.to_owned(), |part| format!("{address}?{part}"));
    if kept == url { Cow::Borrowed(url) } else { Cow::Owned(kept) }
}

/// Finds the first setting that cannot work.
fn check(config: &Config) -> Result<(), Error> {
    let connectivity = &config.connectivity;
    let call = &config.call;
    let none = Duration::ZERO;
    for (name, value, range) in [
        ("rest_timeout", config.rest_timeout, SECOND..=10 * MINUTE),
        ("stats_period", config.stats_period.unwrap_or(SECOND), Duration::from_millis(100)..=HOUR),
        ("connectivity.ping_interval", connectivity.ping_interval, SECOND..=HOUR),
        (
            "connectivity.reconnect_delay",
            connectivity.reconnect_delay,
            LEAST_RECONNECT_DELAY..=HOUR,
        ),
        ("connectivity.reconnect_time_limit", connectivity.reconnect_time_limit, 2 * SECOND..=DAY),
        ("subscription.expires", config.subscription.expires, LEAST_EXPIRES..=DAY),
        ("call.ice_ideal", call.ice_ideal, none..=MINUTE),
        ("call.ice_max", call.ice_max, call.ice_ideal..=MINUTE),
        ("call.audit_interval", call.audit_interval, LEAST_AUDIT..=HOUR),
        ("call.media_retry_delay", call.media_retry_delay, none..=MINUTE),
    ] {
        within(name, &value, &range)?;
    }
    // Neither infinite nor no number lies in it.
    within("connectivity.reconnect_multiplier", &connectivity.reconnect_multiplier, &(1.0..=10.0))?;
    within(
        "subscription.unavailable_retries",
        &config.subscription.unavailable_retries,
        &(0..=100),
    )?;
    within("notifications.id_cache", &config.notifications.id_cache, &(0..=10_000))?;
    within("call.glare_retries", &call.glare_retries, &(0..=3))?;
    within("call.max_calls", &call.max_calls, &(1..=64))?;
    within("call.kept_calls", &call.kept_calls, &(0..=100))?;
    places(config)?;
    calls(call)
}

/// Finds hosts and names that are none.
fn places(config: &Config) -> Result<(), Error> {
    let websocket = &config.subscription.websocket;
    let push = &config.notifications.push;
    host("server.base", &config.server.base)?;
    host("subscription.websocket.host", &websocket.host)?;
    if let Some(server) = &push.server {
        host("notifications.push.server", server)?;
    }
    for (name, port) in [
        ("server.port", config.server.port),
        ("subscription.websocket.port", websocket.port),
        ("notifications.push.port", push.port),
    ] {
        within(name, &port, &(1..=u16::MAX))?;
    }
    let clean = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if push.version.is_empty() || push.version.len() > MAX_VERSION || !clean(&push.version) {
        return Err(Error::option("notifications.push.version", "no version"));
    }
    match &config.subscription.correlator {
        Some(correlator) => self::correlator("subscription.correlator", correlator),
        None => Ok(()),
    }
}

/// Finds a name of a client that the gateway would refuse (w1.8, code 38).
pub(super) fn correlator(name: &str, correlator: &str) -> Result<(), Error> {
    let is_one = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match correlator.len() {
        1..=MAX_CORRELATOR if correlator.bytes().all(is_one) => Ok(()),
        _ => Err(Error::option(name, "not 1 to 64 letters, digits, - and _")),
    }
}

fn calls(call: &CallConfig) -> Result<(), Error> {
    if call.peer.semantics == SdpSemantics::PlanB {
        return Err(Error::option("call.peer.semantics", "plan-b is no more"));
    }
    within("call.sdp_handlers", &call.sdp_handlers.len(), &(0..=MAX_SDP_HANDLERS))?;
    if call.audio_codecs.is_empty() {
        return Err(Error::option("call.audio_codecs", "calls without audio are not supported"));
    }
    within("call.peer.ice_servers", &call.peer.ice_servers.len(), &(0..=MAX_ICE_SERVERS))?;
    call.peer.ice_servers.iter().try_for_each(|server| {
        let complete = if call.server_turn_credentials {
            with_some_credentials(server)
        } else {
            server.clone()
        };
        complete
            .check()
            .map_err(|error| Error::option("call.peer.ice_servers", &error).caused_by(error))
    })
}

/// The server once the gateway's credentials are put on it.
fn with_some_credentials(server: &IceServer) -> IceServer {
    server.clone().username("").credential(Secret::new(""))
}

fn within<T: PartialOrd + std::fmt::Debug>(
    name: &str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), Error> {
    if range.contains(value) {
        return Ok(());
    }
    Err(Error::option(name, format!("{value:?} is not within {range:?}")))
}

/// Finds what is no host name and no IP address.
fn host(name: &str, host: &str) -> Result<(), Error> {
    if host.is_empty() {
        return Err(Error::option(name, "is required"));
    }
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_one = match v6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            !label.is_empty() && label.bytes().all(clean)
        }),
    };
    if host.len() > MAX_HOST || !is_one {
        return Err(Error::option(name, "no host name"));
    }
    Ok(())
}
