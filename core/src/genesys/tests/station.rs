//! The user's phone comes, goes and changes; the persistent connection as the service sees it
//! (behaviour notes 10; STN-1 to STN-4, PC-17).

use serde_json::{Value, json};

use super::rig::{LA1P, LA100, Rig};
use crate::genesys::{Event, PersistentState};

fn station_event(rig: &mut Rig, action: &str, station: Option<&str>) {
    let json = json!({"topicName": "v2.users.user-1.station", "metadata": {"action": action},
        "eventBody": {"associatedStation": station.map(|id| json!({"id": id}))}});
    rig.publish("v2.users.user-1.station", &json);
}

fn persistent(rig: &mut Rig, state: &str, error: Value) {
    let body = json!({"userId": "user-1", "stationId": "station-1", "persistentState": state,
        "errorInfo": error});
    rig.notify("v2.users.user-1.persistentconnection", &body);
}

fn station(id: &str, kind: &str, persistent: Value, appearances: Value) -> Value {
    json!({"id": id, "name": "Phone", "type": kind, "webRtcPersistentEnabled": persistent,
        "webRtcCallAppearances": appearances})
}

#[test]
fn stn_2_a_phone_that_is_taken_away_and_given_back() {
    let mut rig = Rig::idle(LA1P);
    station_event(&mut rig, "Disassociated", None);
    station_event(&mut rig, "Disassociated", None);
    assert_eq!(rig.told(), ["StationDisassociated"], "once");
    rig.conv("C1", "inbound", "alerting");
    assert!(rig.told().is_empty(), "DEF-32: without a phone nothing is shared");
    rig.conv("C1", "inbound", "terminated");
    station_event(&mut rig, "Associated", Some("station-2"));
    let asked = rig.expect_http("GET /stations/station-2");
    let body = station("station-2", "inin_webrtc_softphone", json!(true), json!(1));
    rig.respond(asked.id, 200, &body);
    assert_eq!(rig.told(), ["ConcurrentSoftphoneSessionsEnabled", "Station"]);
    rig.conv("C2", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C2"]);
}

#[test]
fn stn_2_a_migration_reads_the_phone_again_and_calls_go_on() {
    let mut rig = Rig::busy();
    station_event(&mut rig, "WebRTCMigration", None);
    let asked = rig.expect_http("GET /stations/station-1");
    let body = station("station-1", "inin_webrtc_softphone", json!(false), json!(100));
    rig.respond(asked.id, 200, &body);
    rig.forget();
    // DEF-32: the call that is up keeps its session.
    rig.conv_with("C1", "inbound", "connected", &json!({"held": true}), "agent");
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.current[0].session.as_ref().unwrap().as_str(), "M1");
        }
        other => panic!("{other:?}"),
    }
    rig.conv("C2", "inbound", "alerting");
    assert!(rig.told().is_empty(), "the next one has its own");
}

#[test]
fn stn_2_other_actions_and_nonsense_change_nothing() {
    let mut rig = Rig::idle(LA1P);
    station_event(&mut rig, "Painted", Some("station-9"));
    assert!(rig.told().is_empty() && rig.asked.is_empty());
    for json in [json!({}), json!([]), json!({"metadata": {"action": 7}}), Value::Null] {
        rig.publish("v2.users.user-1.station", &json);
        assert_eq!(rig.told(), ["Malformed"], "{json}");
    }
    rig.conv("C1", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
}

#[test]
fn stn_4_a_remote_station_is_never_persistent() {
    for (kind, flag, rides) in [
        ("inin_webrtc_softphone", json!(true), true),
        ("inin_remote", json!(true), false),
        ("inin_webrtc_softphone", Value::Null, false),
    ] {
        let mut rig = Rig::on(LA100);
        station_event(&mut rig, "Associated", Some("station-3"));
        let asked = rig.expect_http("GET /stations/station-3");
        rig.respond(asked.id, 200, &station("station-3", kind, flag.clone(), json!(100)));
        rig.connected_call("M1", "C0");
        rig.conv("C0", "inbound", "terminated");
        rig.forget();
        rig.conv("C1", "inbound", "alerting");
        assert_eq!(!rig.told().is_empty(), rides, "{kind} {flag}");
    }
}

#[test]
fn stn_1_a_phone_that_cannot_be_read_leaves_the_last_one() {
    let mut rig = Rig::idle(LA1P);
    station_event(&mut rig, "WebRTCMigration", None);
    let asked = rig.expect_http("GET /stations/station-1");
    rig.respond(asked.id, 404, &Value::Null);
    assert_eq!(rig.told(), ["Error Http(404)"]);
    rig.conv("C1", "inbound", "alerting");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
}

#[test]
fn pc_17_scenario_94_the_service_knows_whether_the_connection_stands() {
    for (state, parsed, rides) in [
        ("PERSISTED", PersistentState::Persisted, true),
        ("ACTIVE_CALL", PersistentState::ActiveCall, true),
        ("UNKNOWN", PersistentState::Unknown, true),
        ("DISCONNECTED", PersistentState::Disconnected, false),
        ("FAILED", PersistentState::Failed, false),
        ("RESTING", PersistentState::Other("RESTING".to_owned()), true),
    ] {
        let mut rig = Rig::idle(LA1P);
        persistent(&mut rig, state, Value::Null);
        match rig.events.pop_front() {
            Some(Event::PersistentConnection(told)) => assert_eq!(told, parsed),
            other => panic!("{other:?}"),
        }
        rig.conv("C1", "inbound", "alerting");
        assert_eq!(!rig.told().is_empty(), rides, "{state}");
    }
}

#[test]
fn pc_17_its_errors_are_told_but_for_the_ordinary_one() {
    let mut rig = Rig::idle(LA1P);
    let ordinary = "error.ininedgecontrol.connection.webrtc.endpoint.disconnect";
    persistent(&mut rig, "DISCONNECTED", json!({"code": ordinary, "text": "bye"}));
    assert_eq!(rig.told(), ["PersistentConnection"]);
    let error = json!({"code": "error.odd", "text": "t", "userMessage": "Call the desk"});
    persistent(&mut rig, "FAILED", error.clone());
    persistent(&mut rig, "FAILED", error);
    assert_eq!(rig.events.len(), 2, "the same again is nothing new");
    rig.events.pop_front();
    match rig.events.pop_front() {
        Some(Event::Error(error)) => assert!(error.message.contains("Call the desk"), "{error}"),
        other => panic!("{other:?}"),
    }
    rig.notify("v2.users.user-1.persistentconnection", &json!({"persistentState": 7}));
    assert_eq!(rig.told(), ["Malformed"]);
}
