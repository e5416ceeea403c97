//! Repetition of requests that failed after a login, so that a client is not deaf until its next
//! channel (found by simulation).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::Secret;
use crate::genesys::Command;
use crate::machine::{NetError, NetErrorKind, WsEvent};

const PUT: &str = "PUT /notifications/channels/channel-1/subscriptions";
const LIST: &str = "GET /conversations";

/// A new channel, up to its topics.
fn back_on_a_new_channel(rig: &mut Rig) {
    rig.notify("system.v2.no_longer_subscribed.channel-1", &json!({}));
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    while rig.asked.front().is_none_or(|asked| asked.what != PUT) {
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    rig.events.clear();
}

#[test]
fn sg_3_topics_that_a_token_could_not_have_are_asked_for_with_the_next() {
    let mut rig = Rig::ready();
    back_on_a_new_channel(&mut rig);
    let asked = rig.expect_http(PUT);
    rig.respond(asked.id, 401, &Value::Null);
    let asked = rig.expect_http(LIST);
    rig.respond(asked.id, 401, &Value::Null);
    rig.wait_acknowledging(Duration::from_secs(60));
    assert!(rig.asked.is_empty(), "the old token is of no use");
    let command = rig.submit(Command::SetAccessToken(Secret::new("another"))).unwrap();
    assert!(rig.completion(command).unwrap().is_ok());
    rig.wait(Duration::from_millis(200));
    let list = rig.expect_http(LIST);
    rig.respond(list.id, 200, &json!({"entities": []}));
    let topics = rig.expect_http(PUT);
    assert_eq!(topics.body[0]["id"], "v2.users.user-1?conversations&persistentconnection&station");
    rig.respond(topics.id, 200, &json!({"entities": []}));
    rig.wait_acknowledging(Duration::from_secs(60));
    assert!(rig.asked.is_empty(), "once");
}

/// The next connection asks for everything (found by simulation).
#[test]
fn lc_19_without_a_connection_nothing_is_asked_for_again() {
    let mut rig = Rig::ready();
    rig.notify("streaming-subscriptions-expiring", &json!({"expiring": 60}));
    rig.wait(Duration::from_millis(100));
    let asked = rig.expect_http(PUT);
    rig.respond(asked.id, 400, &Value::Null);
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.submit(Command::WentOffline).unwrap();
    rig.submit(Command::SetAccessToken(Secret::new("another"))).unwrap();
    assert!(rig.wake.is_none_or(|wake| wake.reason != "asking again"), "{:?}", rig.wake);
}

#[test]
fn sg_3_def_10_what_failed_for_a_while_is_asked_for_again() {
    let mut rig = Rig::ready();
    back_on_a_new_channel(&mut rig);
    let unreachable = || NetError::new(NetErrorKind::Connect, "no route");
    // Each is tried for a while, and then told.
    let fail = |rig: &mut Rig, what: &str| {
        for _ in 0..300 {
            let at = rig.asked.iter().position(|asked| asked.what == what);
            match at.and_then(|at| rig.asked.remove(at)) {
                Some(asked) => rig.http_fails(asked.id, unreachable()),
                None => rig.wait_acknowledging(Duration::from_secs(1)),
            }
            if rig.told().iter().any(|told| told.starts_with("Error")) {
                return;
            }
        }
        panic!("{what} is not told of");
    };
    fail(&mut rig, PUT);
    fail(&mut rig, LIST);
    let mut answered = Vec::new();
    for _ in 0..3 {
        rig.wait_acknowledging(Duration::from_secs(40));
        while let Some(asked) = rig.asked.pop_front() {
            rig.respond(asked.id, 200, &json!({"entities": []}));
            answered.push(asked.what);
        }
    }
    assert!(answered.iter().any(|what| what == PUT), "{answered:?}");
    assert!(answered.iter().any(|what| what == LIST), "{answered:?}");
    rig.wait_acknowledging(Duration::from_secs(120));
    assert!(rig.asked.is_empty(), "not without end");
}

#[test]
fn sg_3_a_channel_that_takes_no_topics_is_left_at_the_next_loss() {
    let mut rig = Rig::ready();
    back_on_a_new_channel(&mut rig);
    let asked = rig.expect_http(PUT);
    rig.respond(asked.id, 404, &Value::Null);
    rig.asked.clear();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.wait_for_timer();
    rig.expect_http("POST /notifications/channels?connectionType=streaming");
}

#[test]
fn sg_3_topics_that_were_refused_for_good_are_asked_for_again_in_a_while() {
    let mut rig = Rig::ready();
    back_on_a_new_channel(&mut rig);
    let asked = rig.expect_http(PUT);
    rig.respond(asked.id, 403, &Value::Null);
    let listing = rig.expect_http(LIST);
    rig.respond(listing.id, 200, &json!({"entities": []}));
    rig.wait_acknowledging(Duration::from_secs(290));
    assert!(rig.asked.is_empty(), "what refused it will hardly have changed yet");
    rig.wait_acknowledging(Duration::from_secs(20));
    // What was told meanwhile was not heard.
    for what in [LIST, PUT] {
        let asked = rig.expect_http(what);
        rig.respond(asked.id, 200, &json!({"entities": []}));
    }
    rig.wait_acknowledging(Duration::from_secs(600));
    assert!(rig.asked.is_empty(), "once");
}

#[test]
fn sg_3_what_was_refused_to_the_token_before_is_asked_for_with_the_new_one() {
    let mut rig = Rig::ready();
    back_on_a_new_channel(&mut rig);
    let topics = rig.expect_http(PUT);
    let change = rig.submit(Command::SetAccessToken(Secret::new("another"))).unwrap();
    assert!(rig.completion(change).unwrap().is_ok());
    rig.respond(topics.id, 401, &Value::Null);
    let list = rig.expect_http(LIST);
    rig.respond(list.id, 200, &json!({"entities": []}));
    rig.wait_acknowledging(Duration::from_secs(31));
    for what in [LIST, PUT] {
        let asked = rig.expect_http(what);
        rig.respond(asked.id, 401, &Value::Null);
    }
    rig.wait_acknowledging(Duration::from_secs(600));
    assert!(rig.asked.is_empty(), "the new one is of no use either");
}

#[test]
fn sg_3_a_new_channel_that_was_lost_before_its_topics_gets_them_with_the_next_connection() {
    let mut rig = Rig::ready();
    rig.notify("system.v2.no_longer_subscribed.channel-1", &json!({}));
    for _ in 0..2 {
        // The second time as soon as it is up (swarm 10165): the answer is lost with it.
        rig.asked.retain(|asked| asked.what != PUT);
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.events.clear();
        while !rig.told().iter().any(|told| told.starts_with("Connected")) {
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        }
    }
    rig.wait_acknowledging(Duration::from_secs(1));
    assert!(rig.asked.iter().any(|asked| asked.what == PUT), "{:?}", rig.asked);
}
