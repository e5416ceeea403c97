//! The client as a whole: its making, its settings, its events, its end (RA-001 to RA-014).

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, subscribed};
use super::steps::{MS, S, collect, make, refused, up};
use crate::Secret;
use crate::machine::{Machine, Output, Seed};
use crate::media::testing::FakeMedia;
use crate::media::{Engine, EngineConfig, EngineFactory, IceServer};
use crate::ribbon::{
    API_LEVEL, AuthCode, CallConfigPatch, Client, Command, Config, ConfigPatch, Connectivity,
    ConnectivityPatch, Credentials, ErrorCode, Event, Outcome, PeerConfigPatch, Service, Supplied,
    VERSION, hmac_token,
};

fn subscribe() -> Command {
    Command::Subscribe { services: vec![Service::Call], correlator: None }
}

fn patched(patch: ConfigPatch) -> Command {
    Command::UpdateConfig(Box::new(patch))
}

#[test]
fn ra_001_a_client_is_made_of_settings_that_are_checked_and_sends_nothing() {
    let now = crate::testing::epoch();
    let client = |config| Client::new(config, Box::new(FakeMedia::default()), Seed::from(1), now);
    for (config, named) in [
        (Config::new("", "ws.test"), "server.base"),
        (Config::new("gw.test", "w s"), "subscription.websocket.host"),
        (Config::new("gw.test", "ws.test").rest_timeout(MS(1)), "rest_timeout"),
    ] {
        let error = client(config).unwrap_err();
        assert_eq!(error.code, ErrorCode::Options);
        assert!(error.message.starts_with(named), "{error}");
    }
    let mut client = client(Config::new("gw.test", "ws.test")).unwrap();
    assert!(matches!(client.poll_output(), Output::Timeout(None)));
    assert_eq!(client.remembered(), 0);
}

#[test]
fn ra_002_versions() {
    assert_eq!(VERSION, env!("CARGO_PKG_VERSION"));
    assert_eq!(API_LEVEL, "7.6.0");
}

#[test]
fn ra_003_what_the_gateway_does_not_end_in_five_seconds_is_dropped() {
    let mut rig = Rig::up();
    up(&mut rig, "S1");
    let waits = rig.submit(make("carol")).unwrap();
    rig.submit(Command::Destroy).unwrap();
    let error = rig.completion(waits).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Closed);
    let ends = rig.asked.iter().filter(|asked| asked.what.starts_with("DELETE")).count();
    assert_eq!(ends, 2, "that of the call and that of the subscription");
    rig.pass(S(5) - MS(1));
    assert!(rig.client.remembered() >= ends, "they go on");
    rig.pass(MS(1));
    assert_eq!(rig.client.remembered(), 0);
    for command in [subscribe(), make("bob"), Command::Destroy, Command::CheckConnectivity(true)] {
        assert_eq!(refused(&mut rig, command), ErrorCode::Closed);
    }
    rig.told();
    rig.notify("call", json!({"sessionParams": {"sessionData": "S9"}}));
    assert!(rig.told().is_empty() && rig.wake.is_none(), "it is over");
}

#[test]
fn ra_004_settings_in_force_can_be_looked_at_and_show_no_secret() {
    let server = IceServer::turn("turn:t.example", "user", "turns3cret");
    let rig = Rig::with(|config| {
        let connectivity = Connectivity::default().reconnect_delay(S(1));
        let mut config = config.connectivity(connectivity);
        config.call.peer.ice_servers = vec![server];
        config
    });
    assert_eq!(rig.client.config().server.base, "gw.test");
    assert_eq!(rig.client.config().connectivity.reconnect_delay, S(2), "as it is used");
    assert!(!format!("{:?}", rig.client.config()).contains("turns3cret"));
}

#[test]
fn ra_005_settings_change_as_a_whole_or_not_and_from_the_next_time_on() {
    let mut rig = Rig::up();
    let odd = ConfigPatch::default()
        .rest_timeout(S(5))
        .connectivity(ConnectivityPatch::default().ping_interval(MS(1)));
    let error = rig.submit(patched(odd)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Options);
    assert!(error.message.starts_with("connectivity.ping_interval"));
    assert_eq!(rig.client.config().rest_timeout, S(30), "nothing is changed");
    // A timer that runs runs on, and is set anew by what was changed.
    let slower = ConnectivityPatch::default().ping_interval(S(40));
    let command = rig.submit(patched(ConfigPatch::default().connectivity(slower))).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig.pass(S(30));
    assert_eq!(rig.sent.len(), 1);
    rig.pass(S(39));
    assert_eq!(rig.sent.len(), 1);
    rig.pass(S(1));
    assert_eq!(rig.sent.len(), 2);
    // Servers count for calls that begin now.
    let peer = PeerConfigPatch::default().ice_servers(vec![IceServer::stun("stun:s.example")]);
    let call = CallConfigPatch::default().peer(peer);
    rig.submit(patched(ConfigPatch::default().call(call))).unwrap();
    assert_eq!(rig.client.config().call.peer.ice_servers.len(), 1);
    assert_eq!(rig.client.config().call.ice_max, S(3), "what a patch leaves out stays");
}

#[test]
fn ra_006_ra_007_ra_008_ra_009_events_come_as_one_stream_and_nobody_has_to_read_it() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.notify("callEnd", json!({"sessionParams": {"sessionData": "S1"}}));
    // A filter is a match; the stream has the events of all types.
    let states = |event: &&Event| matches!(event, Event::CallState { call: c, .. } if c.id == call);
    assert_eq!(rig.events.iter().filter(states).count(), 1);
    assert!(rig.events.iter().any(|event| matches!(event, Event::Operation { .. })));
    // Events that nobody reads are dropped by whoever drives the client, which goes on.
    rig.events.clear();
    up(&mut rig, "S2");
    assert_eq!(rig.client.calls().len(), 2);
    let lost = Event::EventsLost(3);
    assert_eq!(format!("{lost:?}"), "EventsLost(3)", "what a runtime tells where they were many");
}

struct Nothing;

impl EngineFactory for Nothing {
    fn name(&self) -> Option<&'static str> {
        None
    }

    fn create(&mut self, now: std::time::Instant, config: EngineConfig) -> Box<dyn Engine> {
        FakeMedia::default().create(now, config)
    }
}

#[test]
fn ra_010_the_platform_is_this_library_and_its_media() {
    let config = || Config::new("gw.test", "ws.test");
    let now = crate::testing::epoch();
    let seen = Client::new(config(), Box::new(FakeMedia::default()), Seed::from(1), now).unwrap();
    let platform = seen.platform();
    assert_eq!((platform.name, platform.version), ("offhook", VERSION));
    assert!(platform.webrtc && platform.engine.is_some());
    let bare = Client::new(config(), Box::new(Nothing), Seed::from(1), now).unwrap();
    assert!(!bare.platform().webrtc);
}

#[test]
fn ra_011_re_002_re_003_the_user_is_known_by_name_and_the_token_is_not_given_out() {
    let mut rig = Rig::new();
    assert_eq!(rig.client.user(), None);
    let bearer = Credentials::bearer("alice@example.com", "t0ken");
    let command = rig.submit(Command::SetCredentials(bearer)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["CredentialsChanged"]);
    let user = rig.client.user().unwrap();
    assert_eq!(
        (user.username.as_str(), user.has_token, user.anonymous),
        ("alice@example.com", true, false)
    );
    assert!(!format!("{user:?}").contains("t0ken"));
    // What is refused is no event, and leaves what was.
    let none = Credentials::password("", "x");
    assert_eq!(
        refused(&mut rig, Command::SetCredentials(none)),
        AuthCode::InvalidCredentials.into()
    );
    assert!(rig.told().is_empty());
    assert_eq!(rig.client.user().unwrap().username.as_str(), "alice@example.com");
    rig.log_in();
    assert!(!rig.client.user().unwrap().has_token);
}

#[test]
fn ra_012_ra_013_ra_014_several_secrets_or_none_are_refused() {
    let whole = || Supplied::default().username("alice@example.com");
    for supplied in [
        whole(),
        whole().password("p").hmac_token("h"),
        whole().password("p").bearer_token("b"),
        Supplied::default().password("p"),
    ] {
        assert_eq!(
            Credentials::of(supplied).unwrap_err().code,
            AuthCode::InvalidCredentials.into()
        );
    }
    let named = Credentials::of(whole().password("p").authname("al")).unwrap();
    let mut rig = Rig::new();
    rig.submit(Command::SetCredentials(named)).unwrap();
    rig.submit(subscribe()).unwrap();
    let asked = rig.take();
    assert_eq!(asked.headers["authorization"], "Basic YWw6cA==", "by the other name");
    assert!(asked.uri.path().ends_with("/user/alice@example.com/subscription"), "by the user's");
}

#[test]
fn ra_013_the_session_takes_the_place_of_the_token_and_must_be_named() {
    let token = hmac_token(&Secret::new("k"), "alice", "example.com");
    for named in [true, false] {
        let mut rig = Rig::new();
        let hmac = Credentials::hmac("alice@example.com", token.clone());
        rig.submit(Command::SetCredentials(hmac)).unwrap();
        let command = rig.submit(subscribe()).unwrap();
        let asked = rig.take();
        assert!(
            asked.headers.contains_key("x-token") && !asked.headers.contains_key("authorization")
        );
        let mut body = subscribed(&json!(["call"]));
        if named {
            body["subscribeResponse"]["subscriptionParams"]["sessionId"] = "s3ssion".into();
        }
        rig.respond(asked.id, 201, &body);
        if !named {
            let error = rig.completion(command).unwrap().unwrap_err();
            assert_eq!(error.code, AuthCode::SubscribeFailed.into());
            continue;
        }
        rig.open();
        rig.submit(make("bob")).unwrap();
        collect(&mut rig);
        let asked = rig.take_of("callStart");
        assert_eq!(asked.headers["x-session"], "s3ssion");
        assert!(!asked.headers.contains_key("x-token"));
    }
}

#[test]
fn ra_014_rc_017_w2_6_what_waits_goes_at_once_with_another_token_of_the_same_user() {
    let mut rig = Rig::with(|config| {
        let limit = NonZeroU32::new(5);
        let mode = crate::ribbon::OAuthMode::Query;
        config.connectivity(Connectivity::default().reconnect_limit(limit).oauth_mode(mode))
    });
    let bearer =
        |token: &str| Command::SetCredentials(Credentials::bearer("alice@example.com", token));
    rig.submit(bearer("old")).unwrap();
    rig.submit(subscribe()).unwrap();
    rig.answer_subscription();
    assert_eq!(rig.sockets[0].1.query(), Some("access_token=old"));
    assert!(!rig.client.socket().url.unwrap().contains("old"), "it is not shown");
    rig.open();
    // A renewal that failed, and a socket that cannot be opened.
    rig.pass(S(2160));
    let asked = rig.take_of("PUT");
    rig.respond(asked.id, 401, &json!({}));
    rig.close(Some(1006));
    let (id, _) = rig.sockets.pop_front().unwrap();
    let error = crate::machine::NetError::new(crate::machine::NetErrorKind::Refused(401), "no");
    let event = crate::machine::WsEvent::Failed(error);
    rig.input(crate::machine::Input::WebSocket { id, event });
    assert!(rig.asked.is_empty() && rig.sockets.is_empty(), "both wait");
    rig.submit(bearer("new")).unwrap();
    rig.pass(Duration::ZERO);
    assert_eq!(rig.sockets[0].1.query(), Some("access_token=new"));
    assert_eq!(rig.take_of("PUT").headers["authorization"], "Bearer new");
    let told = rig.told();
    assert_eq!(
        told.iter().filter(|told| *told == "refused authentication:1").count(),
        2,
        "{told:?}"
    );
}
