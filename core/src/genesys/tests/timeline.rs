//! The report of each call, once it is over.

use std::time::Duration;

use serde_json::json;

use super::rig::{LA100, OTHER, PEER, Rig};
use crate::genesys::{CallDirection, CallReport, Command, Event};

const S: fn(u64) -> Duration = Duration::from_secs;
const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

fn reports(rig: &mut Rig) -> Vec<CallReport> {
    rig.events
        .drain(..)
        .filter_map(|event| match event {
            Event::CallReport(report) => Some(*report),
            _ => None,
        })
        .collect()
}

#[test]
fn a_calls_report_tells_its_durations_from_the_invitation_to_the_first_audio() {
    let mut rig = Rig::on(LA100);
    rig.conv("C1", "inbound", "alerting");
    rig.propose("M1", "C1", SDP);
    rig.wait_acknowledging(S(3));
    let accept = Command::AcceptPendingSession { conversation: "C1".into() };
    rig.submit(accept).unwrap();
    rig.wait_acknowledging(S(1));
    rig.offer("M1", "C1");
    rig.acknowledge();
    rig.wait_acknowledging(S(1));
    rig.media("connected");
    rig.conv("C1", "inbound", "connected");
    rig.wait_acknowledging(S(1));
    rig.media("audio");
    rig.media("hundred");
    rig.wait_acknowledging(S(10));
    rig.media("audio");
    rig.conv("C1", "inbound", "disconnected");
    rig.conv("C1", "inbound", "terminated");
    let reports = reports(&mut rig);
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(report.conversation.as_str(), "C1");
    assert_eq!(report.direction, Some(CallDirection::Inbound));
    assert_eq!(report.session.as_ref().unwrap().as_str(), "M1");
    assert_eq!(report.quality.unwrap().packets_received, 100);
    let call = &report.timeline;
    assert_eq!(call.ringing(), Some(S(3)));
    assert_eq!(call.answer_to_audio(), Some(S(3)));
    assert_eq!(call.invitation_to_audio(), Some(S(6)));
    assert_eq!(call.talking(), Some(S(11)));
    assert!(call.session_started.is_some() && call.media_connected.is_some());
}

#[test]
fn a_call_that_came_to_nothing_has_a_report_too() {
    for how in ["retract", "accept", "expire"] {
        let mut rig = Rig::on(LA100);
        rig.propose("M1", "C1", SDP);
        rig.wait_acknowledging(S(2));
        match how {
            "retract" => rig.session_message(PEER, "retract", "M1"),
            "accept" => rig.session_message(OTHER, "accept", "M1"),
            _ => rig.wait_acknowledging(S(200)),
        }
        let reports = reports(&mut rig);
        assert_eq!(reports.len(), 1, "{how}");
        let call = &reports[0].timeline;
        assert!(call.invited.is_some() && call.ended.is_some(), "{how}");
        assert!(call.answered.is_none() && call.connected.is_none(), "{how}");
    }
}

#[test]
fn what_never_was_ours_has_no_report() {
    let mut rig = Rig::on(LA100);
    rig.conv("C1", "inbound", "alerting");
    rig.conv("C1", "inbound", "connected");
    rig.conv("C1", "inbound", "terminated");
    assert!(reports(&mut rig).is_empty());
}

#[test]
fn calls_on_one_session_have_reports_of_their_own() {
    let mut rig = Rig::busy();
    rig.media("audio");
    rig.conv("C1", "inbound", "terminated");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    let reports = reports(&mut rig);
    assert_eq!(reports.len(), 1);
    let call = &reports[0].timeline;
    assert!(call.connected.is_some());
    assert!(call.first_audio.is_none(), "the session's first audio was another call's");
}

#[test]
fn a_report_is_json_with_times_by_the_wall_clock_and_without_secrets() {
    let unix_ms = 1_795_225_723_900;
    for known in [true, false] {
        let mut rig = Rig::ready_with(|config| config.unix_ms = known.then_some(unix_ms));
        rig.wait(S(10));
        rig.acknowledge();
        rig.conv("C1", "inbound", "alerting");
        rig.propose("M1", "C1", SDP);
        rig.wait_acknowledging(S(2));
        rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
        rig.offer("M1", "C1");
        rig.acknowledge();
        rig.media("connected");
        rig.conv("C1", "inbound", "connected");
        rig.media("hundred");
        rig.wait_acknowledging(S(5));
        rig.media("audio");
        rig.conv("C1", "inbound", "disconnected");
        rig.conv("C1", "inbound", "terminated");
        let stats = rig.events.iter().find_map(|event| match event {
            Event::Stats { stats, .. } => Some(*stats),
            _ => None,
        });
        let report = reports(&mut rig).remove(0);
        let step = |after_ms: f64, at: &str| match known {
            true => json!({"after_ms": after_ms, "at": format!("2026-11-21T01:{at}Z")}),
            false => json!({"after_ms": after_ms}),
        };
        let quality = report.quality.unwrap();
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            json!({
                "conversation": "C1", "direction": "inbound", "session": "M1",
                "timeline": {
                    "invited": step(0.0, "48:53.900"), "answered": step(2000.0, "48:55.900"),
                    "session_started": step(2000.0, "48:55.900"),
                    "media_connected": step(2000.0, "48:55.900"),
                    "first_audio": step(7000.0, "49:00.900"),
                    "connected": step(2000.0, "48:55.900"),
                    "ended": step(7000.0, "49:00.900"),
                },
                "quality": {
                    "packets_received": 100, "packets_lost": 1, "packets_late": 0,
                    "frames_concealed": 0, "frames_recovered": 0, "loss": 0.01,
                    "latency_ms": 50.0, "jitter_ms": 2.0, "mos": quality.mos,
                },
            })
        );
        assert_eq!(
            serde_json::to_value(stats.unwrap()).unwrap(),
            json!({
                "packets_sent": 0, "bytes_sent": 0, "packets_received": 100, "bytes_received": 0,
                "packets_lost": 1, "packets_late": 0, "frames_concealed": 0,
                "frames_recovered": 0, "packets_refused": 0, "jitter_ms": 2.0, "playout_ms": 0.0,
                "round_trip_ms": 100.0, "remote_loss": null,
            })
        );
    }
}
