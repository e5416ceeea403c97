//! Settings: defaults, ranges, patches.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::Secret;
use crate::media::IceServer;
use crate::ribbon::{
    BundlePolicy, CallConfigPatch, CallsBy, Config, ConfigPatch, ConnectivityPatch, ErrorCode,
    HttpScheme, LogLevel, NotificationsPatch, OAuthMode, PeerConfigPatch, PushServerPatch,
    RingingFeedback, SdpContext, SdpHandler, SdpSemantics, ServerPatch, SubscriptionConfigPatch,
    Trace, TraceDetail, WebSocketPatch, WsScheme,
};
use crate::sdp::Description;

fn config() -> Config {
    Config::new("gateway.example", "ws.example")
}

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// The settings with a change, if they can work; else the name of the one that cannot.
fn with(patch: ConfigPatch) -> Result<Config, String> {
    let mut changed = config();
    let before = format!("{changed:?}");
    match changed.update(patch) {
        Ok(()) => Ok(changed),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::Options);
            assert_eq!(format!("{changed:?}"), before, "nothing is changed");
            Err(error.message.split(':').next().unwrap_or_default().to_owned())
        }
    }
}

/// Each value inside of a range is taken, each outside is refused by name.
fn ranges<T: Copy + std::fmt::Debug>(
    name: &str,
    patch: impl Fn(T) -> ConfigPatch,
    inside: &[T],
    outside: &[T],
) {
    for value in inside {
        assert!(with(patch(*value)).is_ok(), "{name}: {value:?}");
    }
    for value in outside {
        assert_eq!(with(patch(*value)).unwrap_err(), name, "{value:?}");
    }
}

fn connectivity(patch: ConnectivityPatch) -> ConfigPatch {
    ConfigPatch::default().connectivity(patch)
}

fn subscription(patch: SubscriptionConfigPatch) -> ConfigPatch {
    ConfigPatch::default().subscription(patch)
}

fn call(patch: CallConfigPatch) -> ConfigPatch {
    ConfigPatch::default().call(patch)
}

fn peer(patch: PeerConfigPatch) -> ConfigPatch {
    call(CallConfigPatch::default().peer(patch))
}

#[test]
fn rc_001_rc_003_rc_005_rc_008_rc_009_what_is_logged_and_traced() {
    let config = config();
    assert_eq!(config.log_level, LogLevel::Debug);
    let Trace { on, detail, level, bodies, .. } = config.trace;
    assert_eq!((on, bodies), (false, false));
    assert_eq!((detail, level), (TraceDetail::Full, LogLevel::Debug));
    assert!(Trace::from(true).on);
    for (text, level) in [("silent", LogLevel::Silent), ("Debug", LogLevel::Debug)] {
        assert_eq!(LogLevel::named(text), Some(level));
    }
    assert_eq!(LogLevel::named("loud"), None);
}

#[test]
fn rc_010_rc_011_rc_012_rc_013_rc_014_times_of_the_socket() {
    let defaults = config().connectivity;
    assert_eq!(defaults.ping_interval, s(30));
    assert_eq!(defaults.reconnect_limit, NonZeroU32::new(5));
    assert_eq!((defaults.reconnect_delay, defaults.reconnect_time_limit), (s(5), s(640)));
    assert!((defaults.reconnect_multiplier - 1.0).abs() < f64::EPSILON);
    let patch = ConnectivityPatch::default;
    ranges(
        "connectivity.ping_interval",
        |value| connectivity(patch().ping_interval(value)),
        &[s(1), s(3600)],
        &[s(0), Duration::from_millis(999), s(3601)],
    );
    ranges(
        "connectivity.reconnect_delay",
        |value| connectivity(patch().reconnect_delay(value)),
        &[s(0), s(2), s(3600)],
        &[s(3601)],
    );
    let raised = with(connectivity(patch().reconnect_delay(s(1)))).unwrap();
    assert_eq!(raised.connectivity.reconnect_delay, s(2), "as in the SDK");
    ranges(
        "connectivity.reconnect_multiplier",
        |value| connectivity(patch().reconnect_multiplier(value)),
        &[1.0, 10.0],
        &[0.99, 10.01, f64::NAN, f64::INFINITY, -1.0],
    );
    ranges(
        "connectivity.reconnect_time_limit",
        |value| connectivity(patch().reconnect_time_limit(value)),
        &[s(2), s(86400)],
        &[s(1), s(86401)],
    );
    let endless = with(connectivity(patch().reconnect_limit(None))).unwrap();
    assert_eq!(endless.connectivity.reconnect_limit, None);
}

#[test]
fn rc_015_rc_016_rc_017_how_the_socket_is_kept() {
    let defaults = config().connectivity;
    assert!(defaults.auto_reconnect && defaults.check);
    assert_eq!(defaults.oauth_mode, OAuthMode::None);
    assert_eq!("query".parse(), Ok(OAuthMode::Query));
}

#[test]
fn rc_018_rc_019_how_notifications_are_taken() {
    let defaults = config().notifications;
    assert_eq!((defaults.id_cache, defaults.calls_by), (100, CallsBy::AnyChannel));
    ranges(
        "notifications.id_cache",
        |n: usize| ConfigPatch::default().notifications(NotificationsPatch::default().id_cache(n)),
        &[0, 10_000],
        &[10_001],
    );
    assert_eq!("push-channel-only".parse(), Ok(CallsBy::PushOnly));
}

#[test]
fn rc_020_rc_021_rc_022_rc_023_where_devices_are_registered() {
    let push = |patch| {
        let patch = NotificationsPatch::default().push(patch);
        with(ConfigPatch::default().notifications(patch))
    };
    let defaults = config().notifications.push;
    assert_eq!((defaults.server, defaults.scheme), (None, HttpScheme::Https));
    let all = PushServerPatch::default()
        .server(Some("push.example".to_owned()))
        .port(8443)
        .scheme(HttpScheme::Http)
        .version("2");
    assert_eq!(push(all).unwrap().notifications.push.port, 8443);
    let patch = PushServerPatch::default;
    for (name, patch) in [
        ("notifications.push.server", patch().server(Some("a b".to_owned()))),
        ("notifications.push.port", patch().port(0)),
        ("notifications.push.version", patch().version("12345678901234567")),
        ("notifications.push.version", patch().version("../x")),
    ] {
        assert_eq!(push(patch).unwrap_err(), name);
    }
}

#[test]
fn rc_024_the_time_for_an_answer() {
    assert_eq!(config().rest_timeout, s(30));
    ranges(
        "rest_timeout",
        |value: Duration| ConfigPatch::default().rest_timeout(value),
        &[s(1), s(600)],
        &[s(0), s(601)],
    );
    ranges(
        "stats_period",
        |value: Option<Duration>| ConfigPatch::default().stats_period(value),
        &[None, Some(s(3600))],
        &[Some(Duration::from_millis(99)), Some(s(3601))],
    );
}

#[test]
fn rc_025_rc_026_rc_027_where_requests_go() {
    assert_eq!(config().rest_base(), "https://gateway.example:443");
    let server = |patch| with(ConfigPatch::default().server(patch));
    let patch = ServerPatch::default;
    let plain = server(patch().base("[::1]").scheme(HttpScheme::Http).port(8080)).unwrap();
    assert_eq!(plain.rest_base(), "http://[::1]:8080");
    let long = format!("{}.x", "a".repeat(252));
    for base in ["", "https://a", "a/b", "a b", "a:1", "a..b", "[::1", "[x]", &long] {
        assert_eq!(server(patch().base(base)).unwrap_err(), "server.base", "{base}");
    }
    assert_eq!(server(patch().port(0)).unwrap_err(), "server.port");
    assert!(Config::default().checked().is_err(), "there is no default for it");
    let at = Config::at("http://127.0.0.1:9000/x", "ws://127.0.0.1").unwrap();
    assert_eq!(
        (at.rest_base(), at.ws_base()),
        ("http://127.0.0.1:9000".to_owned(), "ws://127.0.0.1:80".to_owned(),)
    );
    for (rest, ws) in [("ws://a", "ws://a"), ("http://a", "http://a"), ("a", "ws://a"), ("", "")] {
        assert_eq!(Config::at(rest, ws).unwrap_err().code, ErrorCode::Options);
    }
}

#[test]
fn rc_028_rc_029_the_subscription() {
    let defaults = config().subscription;
    assert_eq!((defaults.expires, defaults.unavailable_retries), (s(3600), 3));
    let patch = SubscriptionConfigPatch::default;
    ranges(
        "subscription.expires",
        |value| subscription(patch().expires(value)),
        &[s(0), s(60), s(86400)],
        &[s(86401)],
    );
    let raised = with(subscription(patch().expires(s(59)))).unwrap();
    assert_eq!(raised.subscription.expires, s(60), "as in the SDK");
    ranges(
        "subscription.unavailable_retries",
        |value: u32| subscription(patch().unavailable_retries(value)),
        &[0, 100],
        &[101],
    );
    let long = "a".repeat(65);
    for odd in ["", "a b", "a.b", "\u{e9}", &long] {
        let patch = patch().correlator(Some(odd.to_owned()));
        assert_eq!(with(subscription(patch)).unwrap_err(), "subscription.correlator");
    }
    assert!(with(subscription(patch().correlator(Some("Desk-1_a".to_owned())))).is_ok());
}

#[test]
fn rc_030_rc_031_rc_032_where_sockets_go() {
    assert_eq!(config().ws_base(), "wss://ws.example:443");
    let socket = |patch| with(subscription(SubscriptionConfigPatch::default().websocket(patch)));
    let patch = WebSocketPatch::default;
    let plain = socket(patch().scheme(WsScheme::Ws).port(81)).unwrap();
    assert_eq!(plain.ws_base(), "ws://ws.example:81");
    assert_eq!(socket(patch().host("")).unwrap_err(), "subscription.websocket.host");
    assert_eq!(socket(patch().port(0)).unwrap_err(), "subscription.websocket.port");
}

#[test]
fn rc_033_rt_012_rt_013_the_connection_of_media() {
    let defaults = config().call.peer;
    assert!(defaults.ice_servers.is_empty() && !defaults.relay_only);
    assert_eq!((defaults.pool_size, defaults.bundle), (0, BundlePolicy::Balanced));
    let patch = PeerConfigPatch::default;
    let plan_b = patch().semantics(SdpSemantics::PlanB);
    assert_eq!(with(peer(plan_b)).unwrap_err(), "call.peer.semantics");
    let servers = |n, server: &IceServer| with(peer(patch().ice_servers(vec![server.clone(); n])));
    let stun = IceServer::stun("stun:stun.example");
    assert!(servers(64, &stun).is_ok());
    for (n, odd) in [(65, stun), (1, IceServer::stun("http://x"))] {
        assert_eq!(servers(n, &odd).unwrap_err(), "call.peer.ice_servers");
    }
    let urls = ["turn:t?a=b&transport=tcp", "stun:s?transport=udp", "turn:t?transport=udp"];
    let mut odd = IceServer::turn("turn:t", "u", Secret::new("p"));
    odd.urls = urls.map(str::to_owned).to_vec();
    let config = servers(1, &odd).unwrap();
    let stripped = ["turn:t?transport=tcp", "stun:s", "turn:t?transport=udp"];
    assert_eq!(config.call.peer.ice_servers[0].urls, stripped);
    assert!(!format!("{config:?}").contains("\"p\""));
}

#[test]
fn rc_034_rc_035_rc_036_when_a_call_is_sent() {
    let defaults = config().call;
    assert_eq!((defaults.ice_ideal, defaults.ice_max), (s(1), s(3)));
    let patch = CallConfigPatch::default;
    ranges(
        "call.ice_max",
        |(ideal, max): (Duration, Duration)| call(patch().ice_ideal(ideal).ice_max(max)),
        &[(s(0), s(0)), (s(60), s(60))],
        &[(s(2), s(1)), (s(2), s(61))],
    );
    assert_eq!(format!("{:?}", defaults.ice_check), "IceCheck(..)");
}

#[test]
fn rc_037_a_relay_needs_no_credentials_where_the_gateway_has_them() {
    assert!(config().call.server_turn_credentials);
    let mut bare = IceServer::turn("turn:t", "u", "p");
    (bare.username, bare.credential) = (None, None);
    let bare = PeerConfigPatch::default().ice_servers(vec![bare]);
    let patch = CallConfigPatch::default().peer(bare);
    assert!(with(call(patch.clone())).is_ok());
    let without = patch.server_turn_credentials(false);
    assert_eq!(with(call(without)).unwrap_err(), "call.peer.ice_servers");
}

#[test]
fn rc_038_so_many_handlers_of_descriptions() {
    fn nothing(_: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {}
    let handlers = |n| {
        let one: Arc<dyn SdpHandler> = Arc::new(nothing);
        with(call(CallConfigPatch::default().sdp_handlers(vec![one; n])))
    };
    assert_eq!(handlers(16).unwrap().call.sdp_handlers.len(), 16);
    assert_eq!(handlers(17).unwrap_err(), "call.sdp_handlers");
}

#[test]
fn rc_039_rc_040_rc_041_rc_042_rc_043_rc_046_how_calls_are_made_and_taken() {
    let defaults = config().call;
    assert!(!defaults.early_media && !defaults.resync_on_connect);
    assert!(!defaults.media_broker_only && !defaults.remove_bundling);
    assert!(defaults.normalize_destination && !defaults.skip_ice_collection);
    assert_eq!(defaults.ringing_feedback, RingingFeedback::Auto);
    assert_eq!("manual".parse(), Ok(RingingFeedback::Manual));
    assert_eq!((defaults.max_calls, defaults.kept_calls), (64, 100));
    let patch = CallConfigPatch::default;
    ranges("call.max_calls", |n: usize| call(patch().max_calls(n)), &[1, 64], &[0, 65]);
    ranges("call.kept_calls", |n: usize| call(patch().kept_calls(n)), &[0, 100], &[101]);
    ranges("call.glare_retries", |n: u32| call(patch().glare_retries(n)), &[0, 3], &[4]);
    assert_eq!(with(call(patch().audio_codecs(vec![]))).unwrap_err(), "call.audio_codecs");
}

#[test]
fn rc_044_rc_045_times_of_a_call() {
    let defaults = config().call;
    assert_eq!((defaults.audit_interval, defaults.media_retry_delay), (s(25), s(3)));
    let patch = CallConfigPatch::default;
    ranges(
        "call.audit_interval",
        |value| call(patch().audit_interval(value)),
        &[s(0), s(10), s(3600)],
        &[s(3601)],
    );
    let raised = with(call(patch().audit_interval(s(9)))).unwrap();
    assert_eq!(raised.call.audit_interval, s(10), "as in the SDK");
    ranges(
        "call.media_retry_delay",
        |value| call(patch().media_retry_delay(value)),
        &[s(0), s(60)],
        &[s(61)],
    );
}

#[test]
fn ra_005_a_patch_changes_what_it_names_also_deep_inside_and_as_a_whole() {
    let patch = ConfigPatch::default()
        .rest_timeout(s(9))
        .call(CallConfigPatch::default().peer(PeerConfigPatch::default().relay_only(true)));
    let changed = with(patch).unwrap();
    assert_eq!((changed.rest_timeout, changed.call.peer.relay_only), (s(9), true));
    let unchanged = Config { rest_timeout: s(30), ..changed.clone() };
    let unchanged = unchanged.call(config().call);
    assert_eq!(format!("{unchanged:?}"), format!("{:?}", config()), "all else is as it was");
    // One fault, and nothing of it is done; `with` looks at that.
    let half = ConfigPatch::default().rest_timeout(s(9)).server(ServerPatch::default().base(""));
    assert_eq!(with(half).unwrap_err(), "server.base");
}
