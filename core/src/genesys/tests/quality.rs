//! The quality of calls, and what the service is told of it (behaviour notes 12; ST-1 to ST-4).

use std::time::Duration;

use serde_json::Value;

use super::rig::{LA1P, LA100, Rig};
use crate::genesys::{App, Event};
use crate::report::CallQuality;

const S: fn(u64) -> Duration = Duration::from_secs;

fn quality(rig: &mut Rig) -> CallQuality {
    let ended = rig.events.drain(..).find_map(|event| match event {
        Event::CallEnded { quality, .. } => Some(quality),
        _ => None,
    });
    ended.expect("a call ended").expect("its media was here")
}

/// The parameters of the reports that were sent.
fn reports(rig: &mut Rig) -> Vec<Value> {
    rig.sent()
        .iter()
        .filter(|text| text.contains("report-statistics"))
        .map(|text| {
            let json = text.split('>').nth(2).unwrap().split('<').next().unwrap();
            let call: Value = serde_json::from_str(&json.replace("&quot;", "\"")).unwrap();
            call["params"].clone()
        })
        .collect()
}

#[test]
fn st_1_each_call_on_a_shared_session_has_its_own_figures() {
    let mut rig = Rig::idle(LA1P);
    rig.media("hundred");
    for (conversation, hundreds) in [("C1", 2), ("C2", 3)] {
        rig.conv(conversation, "inbound", "alerting");
        rig.conv(conversation, "inbound", "connected");
        for _ in 0..hundreds {
            rig.media("hundred");
        }
        rig.conv(conversation, "inbound", "disconnected");
        let quality = quality(&mut rig);
        assert_eq!(quality.packets_received, hundreds * 100, "{conversation}");
        assert_eq!(quality.packets_lost, hundreds);
        // Between calls nothing is counted.
        rig.media("hundred");
    }
}

#[test]
fn st_3_a_call_whose_media_ended_first_keeps_its_last_figures() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.media("hundred");
    rig.rpc("terminate", &serde_json::json!({"sessionId": "M1"}));
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(quality(&mut rig).packets_received, 100);
}

#[test]
fn st_3_figures_go_on_over_a_reinvite() {
    for session in ["M1", "M2"] {
        let mut rig = Rig::on(LA100);
        rig.connected_call("M1", "C1");
        rig.media("hundred");
        rig.wait_acknowledging(S(5));
        rig.reinvite("r2", session, "C1");
        rig.acknowledge();
        rig.media("connected");
        rig.media("hundred");
        rig.conv("C1", "inbound", "disconnected");
        assert_eq!(quality(&mut rig).packets_received, 200, "to {session}");
    }
}

#[test]
fn st_2_st_4_the_service_is_told_every_five_seconds_where_that_is_wanted() {
    let mut rig = Rig::ready_with(|config| {
        config.report_statistics = true;
        config.unix_ms = Some(1_795_225_723_900);
        config.app = App { name: "desk".to_owned(), id: "7".to_owned(), version: "1.2".to_owned() };
    });
    rig.connected_call("M1", "C1");
    rig.media("hundred");
    rig.wait(S(5));
    let reports = reports(&mut rig);
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(report["sessionId"], "M1");
    assert_eq!(report["conversationId"], "C1");
    assert_eq!(report["communicationId"], "K-C1");
    let stats = &report["stats"];
    assert_eq!(stats["client"]["originAppName"], "desk");
    assert_eq!(stats["rtp"]["packetsReceived"], 100);
    assert_eq!(stats["rtp"]["averageJitter"], 0.002);
    assert!(stats["rtp"]["estimatedAverageMos"].as_f64().unwrap() > 4.0);
    assert_eq!(stats["reconnectAttemptCount"], 0);
    assert_eq!(stats["dateCreated"], "2026-11-21T01:48:48.900Z");
    rig.conv("C1", "inbound", "disconnected");
    rig.sent();
    rig.wait(S(5));
    assert!(self::reports(&mut rig).is_empty(), "nothing of a call that is over");
}

#[test]
fn st_4_nobody_is_told_by_default() {
    let mut rig = Rig::on(LA100);
    rig.connected_call("M1", "C1");
    rig.wait(S(20));
    assert!(reports(&mut rig).is_empty());
}
