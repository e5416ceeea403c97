//! The report on a call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::WallClock;
use crate::ribbon::timeline::Timeline;
use crate::ribbon::{CallCode, Error, Metric, ReportEvent};
use crate::testing::epoch;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn ra_041_w5_10_a_report_has_the_shape_of_the_sdks() {
    let t0 = epoch();
    let clock = WallClock::new(t0, 1000);
    let mut timeline = Timeline::new("c".into(), t0);
    let make = timeline.begin(ReportEvent::Make, None, t0);
    let rest = timeline.begin(ReportEvent::RestRequest, make, t0 + ms(10));
    timeline.note(rest, "requestType", "CREATE_SESSION");
    timeline.end(rest, None, t0 + ms(50));
    let rings = timeline.moment(ReportEvent::RemoteRinging, make, t0 + ms(60));
    timeline.measure_until(Metric::TimeToRinging, make, rings, t0 + ms(60));
    timeline.end(make, None, t0 + ms(100));
    timeline.end(make, None, t0 + ms(900));
    timeline.measure(Metric::TimeToMake, make);
    let hold = timeline.begin(ReportEvent::HoldLocal, None, t0 + ms(200));
    let error = Error::new(CallCode::Glare, "m");
    timeline.end(hold, Some(&error), t0 + ms(250));
    timeline.measure(Metric::TimeToHoldLocal, hold);
    let collected = json!({"operation": "MAKE", "duration": 5});
    timeline.tell(Metric::TimeToCollectIceCandidates, collected.clone(), make);
    let open = timeline.begin(ReportEvent::GetStats, None, t0 + ms(300));
    timeline.measure(Metric::TimeToJoin, open);
    for _ in 0..3 {
        assert!(timeline.begin(ReportEvent::AuditCall, None, t0).is_none());
    }
    timeline.finish(t0 + ms(400));
    timeline.finish(t0 + ms(999));
    let event =
        |kind: &str, n: u32, parent: &str, inner: Value, data: Value, start: u32, end: u32| {
            json!({"type": kind, "id": format!("c-{n}"), "parentId": parent, "timeline": inner,
               "data": data, "metrics": [], "start": start, "end": end})
        };
    let inner = json!([
        event(
            "REST_REQUEST",
            1,
            "c-0",
            json!([]),
            json!({"requestType": "CREATE_SESSION"}),
            1010,
            1050
        ),
        event("REMOTE_RINGING", 2, "c-0", json!([]), json!({}), 1060, 1060),
    ]);
    let mut failed = event("HOLD_LOCAL", 3, "c", json!([]), json!({}), 1200, 1250);
    failed["error"] = json!({"name": "BasicError", "code": "call:12", "message": "m"});
    let expected = json!({
        "type": "CALL",
        "id": "c",
        "timeline": [
            event("MAKE", 0, "c", inner, json!({}), 1000, 1100),
            failed,
            event("GET_STATS", 4, "c", json!([]), json!({}), 1300, 1400),
        ],
        "data": {"audits": 3},
        "metrics": [
            {"type": "TIME_TO_RINGING", "data": 60, "eventIds": ["c-0", "c-2"]},
            {"type": "TIME_TO_MAKE", "data": 100, "eventIds": ["c-0"]},
            {"type": "TIME_TO_COLLECT_ICE_CANDIDATES", "data": collected, "eventIds": ["c-0"]},
            {"type": "CALL_DURATION", "data": 400, "eventIds": []},
        ],
    });
    assert_eq!(serde_json::to_value(timeline.report(clock)).unwrap(), expected);
}

#[test]
fn ra_041_only_so_many_events_are_kept_and_the_rest_counted() {
    let t0 = epoch();
    let mut timeline = Timeline::new("c".into(), t0);
    for _ in 0..2010 {
        let event = timeline.moment(ReportEvent::SendDtmf, None, t0);
        timeline.measure(Metric::TimeToJoin, event);
        timeline.tell(Metric::TimeToRelayCandidates, Value::Null, event);
    }
    let report = timeline.report(WallClock::new(t0, 0));
    assert_eq!((report.timeline.len(), &report.data["eventsLeftOut"]), (2000, &json!(10)));
    assert_eq!(report.metrics.len(), 2000);
}
