//! The look for the network beside each attempt to connect (SG-7, wire notes 1.2).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::genesys::{Command, Config, ErrorKind, Event, Outcome};
use crate::machine::{NetError, NetErrorKind, WsEvent};

const S: fn(u64) -> Duration = Duration::from_secs;

fn warning(rig: &mut Rig) -> Option<ErrorKind> {
    rig.events.drain(..).find_map(|event| match event {
        Event::NetworkConnectivityWarning(error) => Some(error.kind),
        _ => None,
    })
}

#[test]
fn sg_7_a_probe_that_fails_warns_and_the_login_goes_on() {
    for (failure, kind) in [
        (Err(NetErrorKind::Timeout), ErrorKind::Timeout),
        (Err(NetErrorKind::Lost), ErrorKind::Network),
        (Ok(503), ErrorKind::Http(503)),
        (Ok(401), ErrorKind::InvalidToken),
    ] {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        let (probe, deadline) = rig.probes.pop_front().unwrap();
        assert!(probe.authorized);
        assert_eq!(deadline, rig.now + S(10));
        match failure {
            Err(kind) => rig.http_fails(probe.id, NetError::new(kind, "gone")),
            Ok(status) => rig.respond(probe.id, status, &Value::Null),
        }
        assert_eq!(warning(&mut rig), Some(kind));
        rig.login();
        assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
        assert!(rig.probes.is_empty(), "asked once, whatever the answer");
    }
}

#[test]
fn sg_7_a_probe_that_succeeds_is_not_told() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    let (probe, _) = rig.probes.pop_front().unwrap();
    rig.respond(probe.id, 200, &json!({"id": "user-1"}));
    assert!(rig.events.is_empty());
    rig.login();
    assert_eq!(warning(&mut rig), None);
}

#[test]
fn sg_7_each_attempt_has_a_probe_and_only_the_last_one_counts() {
    let mut rig = Rig::ready();
    rig.probes.clear();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    assert!(rig.probes.is_empty(), "with the attempt, not before");
    for _ in 0..3 {
        let ws = loop {
            match rig.take_opened() {
                Some(ws) => break ws,
                None => rig.wait_for_timer(),
            }
        };
        rig.open(ws);
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    }
    assert_eq!(rig.probes.len(), 3);
    let ids: Vec<_> = rig.probes.drain(..).map(|(probe, _)| probe.id).collect();
    for (id, counts) in ids.into_iter().zip([false, false, true]) {
        rig.http_fails(id, NetError::new(NetErrorKind::Lost, "reset"));
        assert_eq!(warning(&mut rig).is_some(), counts);
    }
}

#[test]
fn sg_7_after_a_disconnect_nothing_is_warned_of() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    rig.submit(Command::Disconnect).unwrap();
    let (probe, _) = rig.probes.pop_front().unwrap();
    rig.http_fails(probe.id, NetError::new(NetErrorKind::Lost, "reset"));
    assert_eq!(warning(&mut rig), None);
}

#[test]
fn sg_7_without_a_token_there_is_no_probe() {
    // {"data":{"jid":"a@b.c"}}
    let jwt = "e30.eyJkYXRhIjp7ImppZCI6ImFAYi5jIn19.c2ln";
    for config in [Config::jwt("lab.test", jwt), Config::guest("lab.test", "org", "code")] {
        let mut rig = Rig::with(|own| *own = config);
        rig.submit(Command::Connect).unwrap();
        assert!(rig.probes.is_empty());
    }
}
