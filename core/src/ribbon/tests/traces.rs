//! Traces and logs (RC-001 to RC-009).

use serde_json::json;

use super::rig::Rig;
use super::steps::up;
use crate::report::TraceRecord;
use crate::ribbon::{Event, LogEntry, LogLevel, Trace, TraceDetail};

fn traced(trace: Trace) -> Vec<TraceRecord> {
    let mut rig = Rig::up_with(|config| config.trace(trace));
    up(&mut rig, "S1");
    rig.notify("callEnd", json!({"sessionParams": {"sessionData": "S1", "reasonText": "why"}}));
    let events = rig.events.drain(..);
    events
        .filter_map(|event| match event {
            Event::Trace(record) => Some(record),
            _ => None,
        })
        .collect()
}

#[test]
fn rc_003_rc_004_rc_009_messages_are_told_as_events_where_that_is_wanted() {
    assert!(traced(Trace::default()).is_empty());
    let bare = Rig::up_with(|config| config.trace(Trace::from(true)));
    assert!(bare.client.config().trace.on);
    let mut rig = bare;
    rig.notify("callEnd", json!({"sessionParams": {"sessionData": "S1"}}));
    let records: Vec<_> = rig.events.drain(..).collect();
    let [Event::Trace(record)] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.summary, "callEnd");
    assert!(record.body.is_empty(), "bodies are told where they are wanted");
}

#[test]
fn rc_005_rc_009_bodies_are_told_without_secrets_and_not_in_a_summary() {
    let told = |detail| {
        let trace = Trace::from(true).bodies(true).detail(detail);
        let mut rig = Rig::up_with(|config| config.trace(trace));
        let secret = json!({"sessionParams": {"sessionData": "S1", "reasonText": "pa55word"}});
        rig.notify("callEnd", secret);
        let bodies = rig.events.drain(..).filter_map(|event| match event {
            Event::Trace(record) => Some(record.body),
            _ => None,
        });
        bodies.collect::<Vec<_>>()
    };
    let full = told(TraceDetail::Full);
    assert!(full[0].contains("sessionData") && !full[0].contains("pa55word"), "{full:?}");
    assert_eq!(told(TraceDetail::Summary), [""]);
}

#[test]
fn rc_001_rc_002_rc_008_the_log_is_the_applications_and_capped_by_its_level() {
    use std::sync::mpsc;

    use tracing::Level;

    /// A subscriber of the application's: what stands in place of a log handler (RT-028).
    struct Kept(mpsc::Sender<Level>);

    impl tracing::Subscriber for Kept {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            self.0.send(*event.metadata().level()).unwrap();
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    let logged = |cap: LogLevel, level: LogLevel| {
        let (kept, levels) = mpsc::channel();
        tracing::subscriber::with_default(Kept(kept), || {
            let mut rig =
                Rig::up_with(|config| config.log_level(cap).trace(Trace::from(true).level(level)));
            while levels.try_recv().is_ok() {}
            rig.text("{");
            rig.notify("callEnd", json!({"sessionParams": {"sessionData": "S1"}}));
        });
        levels.try_iter().collect::<Vec<_>>()
    };
    assert_eq!(logged(LogLevel::Debug, LogLevel::Info), [Level::WARN, Level::INFO]);
    assert_eq!(logged(LogLevel::Warn, LogLevel::Info), [Level::WARN]);
    assert_eq!(logged(LogLevel::Error, LogLevel::Error), [Level::ERROR]);
    assert!(logged(LogLevel::Silent, LogLevel::Error).is_empty());
}

#[test]
fn rt_027_rt_028_a_record_has_the_shape_that_handlers_of_the_sdks_log_know() {
    let begun = crate::testing::epoch();
    let record = traced(Trace::from(true)).into_iter().find(|record| record.summary == "callEnd");
    let record = record.unwrap();
    let entry = LogEntry::of(&record, LogLevel::Info, begun, Some(1_700_000_000_000));
    assert_eq!(
        serde_json::to_value(&entry).unwrap(),
        json!({
            "timestamp": entry.timestamp,
            "method": "info",
            "level": "INFO",
            "target": {"type": "CALL", "id": "S1", "name": "wire"},
            "messages": ["callEnd"],
        })
    );
    assert!(entry.timestamp >= 1_700_000_000_000);
}
