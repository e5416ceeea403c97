//! Uploads of the client about itself, where they are wanted (ST-5, LG-1, DEF-34).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Asked, Rig};
use crate::genesys::{App, Config};

const LOGS: &str = "POST /diagnostics/trace";
const FIGURES: &str = "POST /diagnostics/newrelic/insights";
const S: fn(u64) -> Duration = Duration::from_secs;

fn rig() -> Rig {
    Rig::ready_with(|config: &mut Config| {
        config.upload_logs = true;
        config.upload_telemetry = true;
        config.unix_ms = Some(0);
        config.app = App { name: "desk".to_owned(), ..App::default() };
    })
}

fn next(rig: &mut Rig, what: &str) -> Option<Asked> {
    let at = rig.asked.iter().position(|asked| asked.what == what)?;
    rig.asked.remove(at)
}

/// The events that an upload of logs tells.
fn told(asked: &Asked) -> Vec<String> {
    let traces = asked.body["traces"].as_array().unwrap().iter();
    let message = |trace: &Value| -> Value {
        serde_json::from_str(trace["message"].as_str().unwrap()).unwrap()
    };
    traces.map(|trace| message(trace)["message"]["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lg_1_nothing_is_uploaded_by_default() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.wait_acknowledging(S(60));
    assert!(next(&mut rig, LOGS).is_none() && next(&mut rig, FIGURES).is_none());
}

#[test]
fn lg_1_log_records_of_a_second_are_one_upload_without_anybodys_number() {
    let mut rig = rig();
    rig.wait(S(1));
    let asked = next(&mut rig, LOGS).expect("what the login was about");
    assert_eq!(told(&asked), ["connected", "ready"]);
    rig.respond(asked.id, 202, &Value::Null);
    rig.connected_call("M1", "C1");
    rig.wait(S(1));
    let asked = next(&mut rig, LOGS).unwrap();
    assert_eq!(told(&asked), ["pendingSession", "sessionStarted", "callConnected"]);
    let text = asked.body.to_string();
    assert!(text.contains("desk") && text.contains("M1"));
    assert!(!text.contains("gjoll") && !text.contains("t0ken"), "{text}");
}

#[test]
fn lg_1_a_refused_upload_is_tried_again_or_given_up() {
    let mut rig = rig();
    rig.wait(S(1));
    for wait in [2, 4, 8, 15] {
        let asked = next(&mut rig, LOGS).unwrap_or_else(|| panic!("before {wait} s"));
        rig.respond(asked.id, 503, &Value::Null);
        rig.wait(S(wait) - Duration::from_millis(1));
        assert!(next(&mut rig, LOGS).is_none());
        rig.wait(Duration::from_millis(1));
    }
    let asked = next(&mut rig, LOGS).unwrap();
    rig.respond(asked.id, 403, &Value::Null);
    rig.connected_call("M1", "C1");
    rig.wait_acknowledging(S(30));
    assert!(next(&mut rig, LOGS).is_none(), "the service does not want it");
}

#[test]
fn st_5_figures_are_uploaded_every_twenty_five_seconds() {
    let mut rig = rig();
    rig.connected_call("M1", "C1");
    rig.media("hundred");
    rig.wait_acknowledging(S(31));
    let asked = next(&mut rig, FIGURES).unwrap();
    let actions = asked.body["actions"].as_array().unwrap();
    assert!(actions.len() >= 4, "{}", actions.len());
    let details = &actions[0]["details"];
    assert_eq!(details["packetsReceived"], 100);
    assert_eq!(details["conversationId"], "C1");
    assert_eq!(details["sessionType"], "softphone");
    let flat = |value: &Value| !value.is_object() && !value.is_array();
    assert!(details.as_object().unwrap().values().all(flat));
}

#[test]
fn wire_9_figures_of_a_meeting_are_a_meetings() {
    let mut rig = rig();
    rig.meeting();
    rig.wait_acknowledging(S(30));
    let asked = next(&mut rig, FIGURES).unwrap();
    assert_eq!(asked.body["actions"][0]["details"]["sessionType"], "collaborateVideo");
}

#[test]
fn def_34_st_5_what_is_too_large_shrinks_to_a_floor_and_grows_again() {
    let mut rig = rig();
    rig.connected_call("M1", "C1");
    rig.wait_reporting(S(400));
    let mut sizes = Vec::new();
    for _ in 0..8 {
        let Some(asked) = next(&mut rig, FIGURES) else { break };
        sizes.push(asked.body.to_string().len());
        rig.respond(asked.id, 413, &Value::Null);
        rig.wait_acknowledging(Duration::ZERO);
    }
    // The first was on its way while the others gathered.
    sizes.remove(0);
    assert!(sizes.len() >= 5, "{sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[1] <= pair[0]), "{sizes:?}");
    assert!(*sizes.last().unwrap() > 500, "never nothing: {sizes:?}");
    let asked = next(&mut rig, FIGURES).expect("it goes on");
    rig.respond(asked.id, 202, &json!({}));
    // One is on its way again, and the others gather.
    rig.wait_reporting(S(400));
    let asked = next(&mut rig, FIGURES).unwrap();
    rig.respond(asked.id, 202, &json!({}));
    rig.wait_acknowledging(S(25));
    let asked = next(&mut rig, FIGURES).unwrap();
    assert!(asked.body.to_string().len() > *sizes.last().unwrap());
}

#[test]
fn what_waits_to_be_uploaded_is_bounded() {
    let mut rig = rig();
    for n in 0..1000 {
        rig.propose(&format!("M{n}"), "C1", "");
        rig.session_message(super::rig::PEER, "retract", &format!("M{n}"));
        rig.events.clear();
    }
    rig.wait(S(1));
    let asked = next(&mut rig, LOGS).unwrap();
    assert!(asked.body.to_string().len() < 20_000);
}

#[test]
fn guests_upload_nothing() {
    let mut rig = Rig::with(|config| {
        *config = Config::guest("lab.test", "org-1", "1");
        config.upload_logs = true;
    });
    rig.submit(crate::genesys::Command::Connect).unwrap();
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 404, &Value::Null);
    rig.wait(S(60));
    assert!(rig.asked.is_empty());
}
