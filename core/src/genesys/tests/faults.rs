//! Faults on the way up, at every step: either tried again by the rules, or cleanly disconnected
//! with the reason (wire notes 1 to 4, behaviour notes 1.5).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FULL, Rig, login_answer};
use crate::genesys::wire::Frame;
use crate::genesys::{Command, Config, Error, ErrorKind, Event, Outcome};
use crate::machine::{CommandId, Input, NetError, NetErrorKind, WsEvent};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The REST steps of a login, in order.
const STEPS: [&str; 5] = [
    "GET /organizations/me",
    "GET /users/me?expand=station",
    "POST /notifications/channels?connectionType=streaming",
    "GET /stations/station-1",
    "PUT /notifications/channels/channel-1/subscriptions",
];

/// A login that stands before the answer to this request; the others are answered.
fn login_until(step: &str) -> (Rig, CommandId, crate::machine::HttpId) {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    for _ in 0..60 {
        if let Some(at) = rig.asked.iter().position(|asked| asked.what == step) {
            let asked = rig.asked.remove(at).unwrap();
            while let Some(other) = rig.asked.pop_front() {
                rig.respond(other.id, 200, &login_answer(&other.what));
            }
            return (rig, connect, asked.id);
        }
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    panic!("{step} is not asked");
}

/// The course of a login after a fault.
#[derive(Debug, PartialEq)]
enum Then {
    /// Ended, for this reason.
    Stopped(ErrorKind),
    /// Tried again, until the service is well.
    Recovered,
}

fn go_on(mut rig: Rig, connect: CommandId) -> Then {
    if let Some(kind) = rig.failure(connect) {
        assert!(!rig.client.is_connected());
        assert_eq!(rig.wake, None, "nothing is left running");
        assert!(rig.ws.is_none());
        let last = rig.events.iter().rev().find_map(|event| match event {
            Event::Disconnected { reconnecting, error } => Some((*reconnecting, error.clone())),
            _ => None,
        });
        let (reconnecting, error) = last.expect("it says that it stopped");
        assert!(!reconnecting);
        assert_eq!(error.map(|error| error.kind), Some(kind), "and why");
        return Then::Stopped(kind);
    }
    if rig.completion(connect).is_none() {
        rig.login();
    }
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    Then::Recovered
}

#[test]
fn every_rest_step_refused() {
    for (at, step) in STEPS.into_iter().enumerate() {
        for status in [400, 401, 403, 404, 429, 500, 503] {
            let (mut rig, connect, id) = login_until(step);
            rig.respond(id, status, &Value::Null);
            let retried = matches!(status, 429 | 500 | 503);
            let wanted = match STEPS[at] {
                // LC-3: a station that cannot be had does not stop anything.
                "GET /stations/station-1" => Then::Recovered,
                _ if matches!(status, 401 | 403) => Then::Stopped(ErrorKind::InvalidToken),
                // The channel is asked for again with the next attempt.
                "POST /notifications/channels?connectionType=streaming" => Then::Recovered,
                _ if retried => Then::Recovered,
                _ => Then::Stopped(ErrorKind::Initialization),
            };
            assert_eq!(go_on(rig, connect), wanted, "{step} {status}");
        }
    }
}

#[test]
fn every_rest_step_unreachable() {
    for step in STEPS {
        for kind in [
            NetErrorKind::Resolve,
            NetErrorKind::Connect,
            NetErrorKind::Tls,
            NetErrorKind::Timeout,
            NetErrorKind::Lost,
        ] {
            let (mut rig, connect, id) = login_until(step);
            rig.http_fails(id, NetError::new(kind, "no"));
            assert_eq!(go_on(rig, connect), Then::Recovered, "{step} {kind}");
        }
    }
}

#[test]
fn every_rest_step_answered_with_nonsense() {
    for (at, step) in STEPS.into_iter().enumerate() {
        for body in ["<html>", "[]", "{\"id\":7}", "null", ""] {
            let (mut rig, connect, id) = login_until(step);
            let response = http::Response::builder().status(200).body(body.into()).unwrap();
            rig.input(Input::Http { id, result: Ok(response) });
            let then = go_on(rig, connect);
            let wanted = match at {
                1 => Some(Then::Stopped(ErrorKind::Initialization)),
                2 => Some(Then::Recovered),
                _ => None,
            };
            if let Some(wanted) = wanted {
                assert_eq!(then, wanted, "{step} {body}");
            }
        }
    }
}

#[test]
fn sg_10_wire_8_7_the_retry_helper_gives_up_after_ten_attempts() {
    let (mut rig, connect, id) = login_until(STEPS[1]);
    rig.respond(id, 503, &Value::Null);
    for attempt in 2..=10 {
        assert_eq!(rig.completion(connect), None, "attempt {attempt}");
        rig.wait(S(15));
        let asked = rig.expect_http(STEPS[1]);
        rig.respond(asked.id, 503, &Value::Null);
    }
    assert_eq!(rig.failure(connect), Some(ErrorKind::Initialization));
    assert_eq!(rig.wake, None);
}

#[test]
fn wire_8_7_retry_after_is_obeyed_and_bounded() {
    for (header, wait) in [("7", S(7)), ("99999999", S(3600)), ("soon", S(15))] {
        let (mut rig, _, id) = login_until(STEPS[1]);
        rig.respond_with(id, 429, ("retry-after", header));
        rig.wait(wait - Duration::from_millis(1));
        assert!(rig.asked.is_empty(), "{header}");
        rig.wait(Duration::from_millis(1));
        rig.expect_http(STEPS[1]);
    }
}

#[test]
fn a_socket_that_cannot_be_opened_is_tried_again() {
    for kind in [
        NetErrorKind::Resolve,
        NetErrorKind::Connect,
        NetErrorKind::Tls,
        NetErrorKind::Timeout,
        NetErrorKind::Refused(404),
        NetErrorKind::Refused(503),
        NetErrorKind::Protocol,
    ] {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        for _ in 0..3 {
            assert!(rig.answer_login_step());
        }
        let id = rig.take_opened().expect("a socket is wanted");
        let event = WsEvent::Failed(NetError::new(kind, "no"));
        rig.input(Input::WebSocket { id, event });
        let reason = rig.events.iter().find_map(|event| match event {
            Event::Disconnected { reconnecting: true, error: Some(error) } => Some(error.kind),
            _ => None,
        });
        let timeout = kind == NetErrorKind::Timeout;
        let wanted = if timeout { ErrorKind::Timeout } else { ErrorKind::Network };
        assert_eq!(reason, Some(wanted), "{kind}");
        rig.login();
        assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)), "{kind}");
    }
}

/// A login whose stream stands before the answer to the frame that contains this.
fn stream_until(part: &str, change: impl FnOnce(&mut Config)) -> (Rig, CommandId, String) {
    let mut rig = Rig::with(change);
    let connect = rig.submit(Command::Connect).unwrap();
    for _ in 0..40 {
        if let Some(frame) = rig.take_sent(part) {
            return (rig, connect, frame);
        }
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    panic!("{part} is not sent");
}

fn error_to(frame: &str) -> String {
    let Ok(Frame::Iq(iq)) = Frame::parse(frame) else { panic!("{frame}") };
    let id = iq.id.unwrap();
    format!(
        r#"<iq xmlns="jabber:client" type="error" id="{id}"><error type="cancel"><not-allowed xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>"#
    )
}

#[test]
fn wire_3_3_sasl_failures_end_the_login_or_not() {
    for (condition, stopped) in [
        ("not-authorized", true),
        ("account-disabled", true),
        ("credentials-expired", true),
        ("temporary-auth-failure", true),
        ("encryption-required", false),
        ("incorrect-encoding", false),
        ("invalid-mechanism", false),
        ("malformed-request", false),
        ("mechanism-too-weak", false),
    ] {
        let (mut rig, connect, _) = stream_until("<auth", |_| {});
        rig.frame(&format!(
            r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><{condition}/></failure>"#
        ));
        let then = go_on(rig, connect);
        let wanted = if stopped { Then::Stopped(ErrorKind::InvalidToken) } else { Then::Recovered };
        assert_eq!(then, wanted, "{condition}");
    }
}

#[test]
fn no_mechanism_that_we_know_is_a_reason_to_try_again() {
    let (mut rig, connect, _) = stream_until("<open", |_| {});
    rig.frame(r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>X-ODD</mechanism></mechanisms></stream:features>"#);
    assert_eq!(go_on(rig, connect), Then::Recovered);
}

#[test]
fn sg_1_bind_session_and_discovery_refused_or_unanswered() {
    for part in ["xmpp-bind", "xmpp-session", "extdisco"] {
        let (mut rig, connect, frame) = stream_until(part, |_| {});
        rig.frame(&error_to(&frame));
        assert_eq!(go_on(rig, connect), Then::Recovered, "{part} refused");

        let (mut rig, connect, _) = stream_until(part, |_| {});
        rig.wait(S(15));
        assert_eq!(rig.told().last().map(String::as_str), Some("Disconnected true"), "{part}");
        assert!(rig.ws.is_none(), "{part}");
        rig.login();
        assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)), "{part} unanswered");
    }
}

#[test]
fn wire_1_4_a_server_that_says_nothing_is_left_after_fifteen_seconds() {
    for part in ["<open", "<auth"] {
        let (mut rig, connect, _) = stream_until(part, |_| {});
        rig.wait(S(15));
        assert_eq!(rig.told().last().map(String::as_str), Some("Disconnected true"), "{part}");
        assert_eq!(go_on(rig, connect), Then::Recovered);
    }
}

#[test]
fn wire_2_2_the_service_pings_where_it_was_asked_to() {
    let (mut rig, connect, frame) =
        stream_until("enable.server.side.pings", |config| config.server_side_pings = true);
    let Ok(Frame::Iq(iq)) = Frame::parse(&frame) else { panic!("{frame}") };
    rig.frame(&format!(r#"<iq xmlns="jabber:client" type="result" id="{}"/>"#, iq.id.unwrap()));
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    rig.forget();
    rig.wait(S(34));
    assert!(rig.sent().is_empty(), "we do not ping");
    rig.frame(r#"<iq xmlns="jabber:client" type="get" id="p" from="hawk"><ping xmlns="urn:xmpp:ping"/></iq>"#);
    rig.wait(S(34));
    assert!(rig.client.is_connected());
    rig.wait(S(1));
    assert!(!rig.client.is_connected(), "35 s of silence");
    assert_eq!(rig.told(), ["Disconnected true"]);
}

#[test]
fn wire_2_2_where_the_service_refuses_to_ping_we_do() {
    let (mut rig, _, frame) =
        stream_until("enable.server.side.pings", |config| config.server_side_pings = true);
    rig.frame(&error_to(&frame));
    rig.login();
    rig.forget();
    rig.wait(S(14));
    assert!(rig.sent()[0].contains("urn:xmpp:ping"));
}

#[test]
fn wire_2_1_an_error_reply_is_a_miss() {
    let mut rig = Rig::ready();
    for _ in 0..2 {
        rig.wait(S(14));
        let ping = rig.take_sent("urn:xmpp:ping").expect("a ping");
        rig.frame(&error_to(&ping));
    }
    assert_eq!(rig.told(), ["Disconnected true"]);
}

#[test]
fn sg_3_scenario_112_wire_3_1_the_tenth_soft_attempt_in_a_row_gets_a_new_channel() {
    let mut rig = Rig::ready();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    let mut attempts = 0;
    while rig.asked.is_empty() {
        rig.wait_for_timer();
        if let Some(id) = rig.take_opened() {
            attempts += 1;
            let event = WsEvent::Failed(NetError::new(NetErrorKind::Refused(503), "gone"));
            rig.input(Input::WebSocket { id, event });
        }
        assert!(attempts < 20);
    }
    assert_eq!(attempts, 9);
    rig.expect_http(STEPS[2]);
}

#[test]
fn sg_3_a_channel_that_the_service_does_not_know_is_not_asked_for_again() {
    let mut rig = Rig::ready();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.wait_for_timer();
    let id = rig.take_opened().expect("the channel is tried once");
    let event = WsEvent::Failed(NetError::new(NetErrorKind::Refused(404), "gone"));
    rig.input(Input::WebSocket { id, event });
    rig.asked.clear();
    rig.wait_for_timer();
    assert_eq!(rig.take_opened(), None);
    rig.expect_http(STEPS[2]);
}

#[test]
fn wire_3_4_3_5_another_socket_has_the_channel() {
    for node in ["system.v2.no_longer_subscribed.channel-1", "system.v2.duplicate_id.channel-1"] {
        let mut rig = Rig::ready();
        rig.notify(node, &json!({}));
        rig.frame(r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#);
        assert_eq!(rig.told(), ["Disconnected true"]);
        rig.wait(S(2));
        let asked = rig.expect_http(STEPS[2]);
        rig.respond(asked.id, 200, &login_answer(STEPS[2]));
        rig.login();
        assert_eq!(rig.told(), ["Connected true", "Ready"]);
    }
}

#[test]
fn sg_5_scenario_113_wire_3_6_a_connection_transfer_moves_at_once() {
    let mut rig = Rig::ready();
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="t" from="org.example" to="{FULL}"><query xmlns="urn:xmpp:cxfr"/></iq>"#
    ));
    assert_eq!(rig.told(), ["Disconnected true"]);
    assert!(rig.take_sent("<close").is_some());
    rig.frame(r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#);
    let asked = rig.expect_http(STEPS[2]);
    rig.respond(asked.id, 200, &login_answer(STEPS[2]));
    rig.login();
    assert_eq!(rig.told(), ["Connected true", "Ready"]);
}

#[test]
fn wire_1_6_a_stream_error_is_told_and_only_the_close_ends_it() {
    let mut rig = Rig::ready();
    rig.frame(r#"<stream:error xmlns:stream="http://etherx.jabber.org/streams"><internal-server-error xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>"#);
    assert_eq!(rig.told(), ["Error Protocol"]);
    assert!(rig.client.is_connected());
    rig.ws_event(WsEvent::Closed { code: Some(1000), reason: String::new() });
    assert_eq!(rig.told(), ["Disconnected true"]);
}

#[test]
fn wire_7_without_stun_only_relays_are_allowed() {
    let (mut rig, connect, frame) = stream_until(r#"type="stun""#, |_| {});
    let Ok(Frame::Iq(iq)) = Frame::parse(&frame) else { panic!("{frame}") };
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="result" id="{}" from="org.example"><services xmlns="urn:xmpp:extdisco:1" type="stun"/></iq>"#,
        iq.id.unwrap()
    ));
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.forget();
    rig.offer("M1", "C1");
    // Nothing can be relayed yet: the offer is refused, and no address of ours is told.
    let sent = rig.sent();
    assert!(sent.iter().any(|text| text.contains(r#""method":"terminate""#)), "{sent:?}");
    assert!(!sent.iter().any(|text| text.contains("typ host")), "{sent:?}");
}

#[test]
fn api_3_scenario_6_11_wire_1_3_a_jwt_logs_in_without_rest() {
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(r#"{"data":{"jid":"agent-1@conference.org.example","uid":"user-1"}}"#);
    let jwt = format!("e30.{payload}.c2ln");
    let mut rig = Rig::with(|config| *config = Config::jwt("lab.test", jwt));
    let connect = rig.submit(Command::Connect).unwrap();
    assert!(rig.asked.is_empty());
    let ws = rig.take_opened().expect("the socket at once");
    rig.open(ws);
    rig.frame(
        r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="hawk" id="c1"/>"#,
    );
    rig.frame(r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>"#);
    assert!(rig.take_sent("ANONYMOUS").is_some());
    rig.frame(r#"<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#);
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty(), "still no REST");
    let bad = crate::genesys::Client::new(
        Config::jwt("lab.test", "not-a-jwt"),
        Box::new(super::rig::fake_media()),
        crate::machine::Seed::from(1),
        rig.now,
    );
    assert_eq!(bad.unwrap_err().kind, ErrorKind::InvalidOptions);
}

#[test]
fn api_1_scenario_1_2_options_that_cannot_work_are_refused_at_once() {
    type Change = fn(&mut Config);
    let bad: [(&str, Change); 6] = [
        ("no environment", |c| c.environment.clear()),
        ("no codec", |c| c.codecs.clear()),
        ("no token", |c| *c = Config::agent("lab.test", "")),
        ("a token that is no header", |c| *c = Config::agent("lab.test", "a\nb")),
        ("a host that is none", |c| c.ws_host = Some("ws://no host".to_owned())),
        ("not a WebSocket", |c| c.ws_host = Some("https://x.test".to_owned())),
    ];
    for (what, change) in bad {
        let mut config = Config::agent("lab.test", "t0ken");
        change(&mut config);
        let now = crate::testing::epoch();
        let media = Box::new(super::rig::fake_media());
        let made = crate::genesys::Client::new(config, media, crate::machine::Seed::from(1), now);
        assert_eq!(made.unwrap_err().kind, ErrorKind::InvalidOptions, "{what}");
    }
}

#[test]
fn an_error_says_its_kind_and_what_happened() {
    let error = Error::new(ErrorKind::Http(500), "GET users/me: status 500");
    let text = error.to_string();
    assert!(text.contains("500") && text.contains("users/me"), "{text}");
}
