//! A login that does not come about: the limit of a `Connect`, and the reason that it gives.

use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::genesys::{Command, Config, Error, ErrorKind, Event, Fault, Outcome};
use crate::machine::{Input, NetError, NetErrorKind, WsEvent};

const S: fn(u64) -> Duration = Duration::from_secs;

/// With the default limit.
fn limited() -> Rig {
    Rig::with(|config| config.timing.connect = Config::agent("lab.test", "t").timing.connect)
}

fn refused() -> NetError {
    NetError::new(NetErrorKind::Connect, "connection refused")
}

/// Lets every request fail, for so long.
fn fail(rig: &mut Rig, seconds: u64, error: &NetError) {
    for _ in 0..seconds * 2 {
        while let Some(asked) = rig.asked.pop_front() {
            rig.http_fails(asked.id, error.clone());
        }
        rig.wait(Duration::from_millis(500));
    }
}

fn error(rig: &Rig, command: crate::machine::CommandId) -> Error {
    rig.completion(command).expect("an answer").expect_err("an error")
}

#[test]
fn a_service_that_cannot_be_reached_fails_the_connect_with_the_last_reason() {
    for (net, word) in [
        (refused(), "connection refused"),
        (NetError::new(NetErrorKind::Resolve, "no such name"), "no such name"),
        (NetError::new(NetErrorKind::Timeout, "the deadline passed"), "the deadline passed"),
    ] {
        let mut rig = limited();
        let connect = rig.submit(Command::Connect).unwrap();
        fail(&mut rig, 59, &net);
        assert_eq!(rig.completion(connect), None);
        fail(&mut rig, 1, &net);
        let error = error(&rig, connect);
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.message.starts_with("not connected within 60 s: "), "{error}");
        assert!(error.message.contains(word), "{error}");
        // As before the command: nothing is tried, and the next one begins anew.
        assert!(matches!(
            rig.events.back(),
            Some(Event::Disconnected { reconnecting: false, error: Some(told) }) if *told == error
        ));
        assert_eq!(rig.wake, None);
        rig.forget();
        let again = rig.submit(Command::Connect).unwrap();
        rig.login();
        assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
    }
}

/// However long the back-off has become (swarm 210).
#[test]
fn wire_3_2_every_connect_tries_before_its_time_is_up() {
    let mut rig = limited();
    for _ in 0..8 {
        let connect = rig.submit(Command::Connect).unwrap();
        let mut tried = 0;
        while rig.completion(connect).is_none() {
            while let Some(id) = rig.opened_sockets.pop_front() {
                rig.input(Input::WebSocket { id, event: WsEvent::Failed(refused()) });
                tried += 1;
            }
            if !rig.answer_login_step() {
                rig.wait(S(1));
            }
        }
        assert!(tried > 0, "an attempt");
    }
}

#[test]
fn what_the_service_said_last_is_the_cause_of_the_error() {
    let mut rig = limited();
    let connect = rig.submit(Command::Connect).unwrap();
    for _ in 0..2 {
        let asked = rig.asked.pop_front().unwrap();
        rig.respond(asked.id, 200, &super::service::login_answer(&asked.what));
    }
    for _ in 0..60 {
        if let Some(asked) = rig.asked.pop_front() {
            let body = json!({"code": "bad.gateway", "message": "later"});
            rig.respond(asked.id, 502, &body);
        }
        rig.wait(S(1));
    }
    let error = error(&rig, connect);
    assert_eq!((error.status(), error.service_code()), (Some(502), Some("bad.gateway")));
    assert_eq!(error.fault(), Fault::Service);
}

#[test]
fn a_client_that_was_ready_goes_on_trying() {
    let mut rig = Rig::ready_with(|config| config.timing.connect = S(60));
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    let connect = rig.submit(Command::Connect).unwrap();
    rig.submit(Command::WentOffline).unwrap();
    rig.wait(S(60));
    assert_eq!(rig.failure(connect), Some(ErrorKind::Timeout));
    assert!(error(&rig, connect).message.ends_with("there is no network"));
    rig.forget();
    rig.submit(Command::NetworkChanged).unwrap();
    rig.login();
    assert!(rig.client.is_connected());
}

#[test]
fn it_goes_on_while_another_connect_waits() {
    let mut rig = limited();
    let first = rig.submit(Command::Connect).unwrap();
    fail(&mut rig, 30, &refused());
    let second = rig.submit(Command::Connect).unwrap();
    fail(&mut rig, 30, &refused());
    assert_eq!(rig.failure(first), Some(ErrorKind::Timeout));
    assert_eq!(rig.completion(second), None);
    assert!(rig.wake.is_some());
    fail(&mut rig, 30, &refused());
    assert_eq!(rig.failure(second), Some(ErrorKind::Timeout));
    assert_eq!(rig.wake, None);
}

#[test]
fn at_every_step_of_the_login_nothing_is_left_running() {
    for steps in 0..14 {
        let mut rig = limited();
        let connect = rig.submit(Command::Connect).unwrap();
        for _ in 0..steps {
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        }
        if rig.completion(connect).is_some() {
            continue;
        }
        rig.wait(S(60));
        assert_eq!(rig.failure(connect), Some(ErrorKind::Timeout), "step {steps}");
        assert_eq!(rig.wake, None, "step {steps}");
        assert!(!rig.client.is_connected() && rig.client.remembered() == 0, "step {steps}");
    }
}

#[test]
fn the_limit_is_a_second_at_least_and_can_be_none() {
    let mut rig = Rig::with(|config| config.timing.connect = S(1));
    let connect = rig.submit(Command::Connect).unwrap();
    rig.wait(Duration::from_millis(999));
    assert_eq!(rig.completion(connect), None);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.failure(connect), Some(ErrorKind::Timeout));

    let mut rig = Rig::with(|config| config.timing.connect = Duration::MAX);
    rig.submit(Command::WentOffline).unwrap();
    let connect = rig.submit(Command::Connect).unwrap();
    rig.wait(S(7 * 24 * 3600));
    assert_eq!(rig.completion(connect), None);
}
