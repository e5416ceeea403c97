//! Faults of the service, and how the client lives through them: whole, in virtual time.

mod common;

use std::time::Duration;

use common::world::World;
use offhook::genesys::{Command, ErrorKind, Event, Outcome};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;

/// Everything that a login asks by REST.
const REST: [&str; 5] =
    ["/organizations/me", "/users/me", "/notifications/channels$", "/stations/", "/subscriptions$"];

fn fault(world: &mut World, path: &str, status: u16, times: u64) {
    let fault = json!({"path": path, "status": status, "times": times,
        "headers": {"Retry-After": "1"}});
    world.control("POST", "faults", &fault);
}

fn is_ready(event: &Event) -> Option<()> {
    matches!(event, Event::Ready).then_some(())
}

#[test]
fn a_service_that_is_busy_for_a_while_is_waited_for() {
    for path in REST {
        for status in [429, 500, 503] {
            let mut world = World::new(|_| {});
            fault(&mut world, path, status, 3);
            let connect = world.submit(Command::Connect).unwrap();
            assert_eq!(world.settle(connect), Ok(Outcome::Done), "{path} {status}");
        }
    }
}

#[test]
fn a_token_that_is_refused_anywhere_ends_the_login() {
    for path in REST.into_iter().filter(|path| !path.contains("stations")) {
        let mut world = World::new(|_| {});
        fault(&mut world, path, 401, 1000);
        let connect = world.submit(Command::Connect).unwrap();
        let error = world.settle(connect).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidToken, "{path}");
        world.run(S(600));
        assert!(!world.client.is_connected(), "{path}: it does not try again");
    }
}

#[test]
fn sasl_failures_end_the_login_or_are_tried_again() {
    let mut world = World::new(|_| {});
    world.control("POST", "options", &json!({"failSasl": "not-authorized"}));
    let connect = world.submit(Command::Connect).unwrap();
    assert_eq!(world.settle(connect).unwrap_err().kind, ErrorKind::InvalidToken);

    let mut world = World::new(|_| {});
    world.control("POST", "options", &json!({"failSasl": "malformed-request"}));
    let connect = world.submit(Command::Connect).unwrap();
    world.run(S(10));
    world.control("POST", "options", &json!({"failSasl": null}));
    assert_eq!(world.settle(connect), Ok(Outcome::Done));
}

#[test]
fn a_connection_lost_in_whatever_way_comes_back() {
    for mode in
        ["tcp", "close", "stream-error", "xmpp-close", "no_longer_subscribed", "duplicate_id"]
    {
        let mut world = World::ready();
        world.events.clear();
        let body = json!({"userId": "u1", "mode": mode});
        world.control("POST", "connections/drop", &body);
        world.wait(is_ready);
        let connections = world.control("GET", "connections", &Value::Null);
        assert_eq!(connections["connections"].as_array().unwrap().len(), 1, "{mode}");
        // And it can be called.
        world.control("POST", "calls", &json!({"kind": "inbound", "userId": "u1"}));
        world.wait(|event| matches!(event, Event::PendingSession(_)).then_some(()));
    }
}

#[test]
fn a_service_that_no_longer_answers_pings_is_left_and_found_again() {
    let mut world = World::ready();
    world.events.clear();
    world.control("POST", "options", &json!({"ignorePings": true}));
    world.wait(|event| {
        matches!(event, Event::Disconnected { reconnecting: true, .. }).then_some(())
    });
    world.control("POST", "options", &json!({"ignorePings": false}));
    world.wait(is_ready);
}

#[test]
fn a_service_that_pings_keeps_its_clients() {
    let mut world = World::new(|config| config.server_side_pings = true);
    let connect = world.submit(Command::Connect).unwrap();
    assert_eq!(world.settle(connect), Ok(Outcome::Done));
    world.events.clear();
    world.run(S(600));
    let lost = world.events.iter().any(|event| matches!(event, Event::Disconnected { .. }));
    assert!(!lost, "{:?}", world.events);
}

#[test]
fn a_call_survives_stanzas_that_make_no_sense() {
    let mut world = World::ready();
    world.control("POST", "calls", &json!({"kind": "inbound", "userId": "u1", "autoAnswer": true}));
    world.wait(|event| matches!(event, Event::SessionStarted(_)).then_some(()));
    for xml in [
        "<not xml",
        "<iq xmlns='jabber:client' type='set' id='x' to='{jid}'/>",
        "<message xmlns='jabber:client' to='{jid}'><propose xmlns='urn:xmpp:jingle-message:0'/></message>",
        "<iq xmlns='jabber:client' type='set' id='y' to='{jid}' from='a@gjoll.b/c'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/></iq>",
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ] {
        world.control("POST", "stanza", &json!({"userId": "u1", "xml": xml}));
    }
    world.run(S(30));
    assert!(world.client.is_connected());
    let ended = world.events.iter().any(|event| matches!(event, Event::SessionEnded { .. }));
    assert!(!ended, "{:?}", world.events);
}

#[test]
fn a_call_without_a_common_codec_is_refused_with_a_reason() {
    let mut world = World::new(|config| config.codecs = vec![offhook::media::AudioCodec::Pcma]);
    let connect = world.submit(Command::Connect).unwrap();
    assert_eq!(world.settle(connect), Ok(Outcome::Done));
    world.control("POST", "options", &json!({"codecs": ["opus"]}));
    for signaling in ["jingle", "sdp"] {
        let call = json!({"kind": "inbound", "userId": "u1", "signaling": signaling});
        let call = world.control("POST", "calls", &call);
        let id = call["conversationId"].as_str().unwrap().to_owned();
        let conversation = || id.as_str().into();
        world.wait(|event| matches!(event, Event::PendingSession(_)).then_some(()));
        let accept =
            world.submit(Command::AcceptPendingSession { conversation: conversation() }).unwrap();
        assert_eq!(world.settle(accept).unwrap_err().kind, ErrorKind::Session, "{signaling}");
        world.run(S(5));
        let call = world.control("GET", &format!("calls/{id}"), &Value::Null);
        assert_eq!(call["state"], "terminated", "{signaling}");
    }
}

#[test]
fn a_call_error_is_told_with_its_code() {
    let mut world = World::ready();
    let call = json!({"kind": "inbound", "userId": "u1", "autoAnswer": true});
    let call = world.control("POST", "calls", &call);
    let id = call["conversationId"].as_str().unwrap();
    world.wait(|event| match event {
        Event::ConversationUpdate(update) if !update.added.is_empty() => Some(()),
        _ => None,
    });
    let error = json!({"errorInfo": {"code": "error.edge.busy", "message": "line is busy"}});
    world.control("POST", &format!("calls/{id}/participant"), &error);
    let error = world.wait(|event| match event {
        Event::Error(error) => Some(error.clone()),
        _ => None,
    });
    assert_eq!(error.kind, ErrorKind::Call);
    assert!(error.message.contains("error.edge.busy"));
}
