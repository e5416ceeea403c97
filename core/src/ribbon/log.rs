//! Records of a log in the shape of the SDK's, for who wants them so (w5.9).

use std::time::Instant;

use serde::Serialize;

use super::constants::{LogLevel, constants};
use crate::machine::WallClock;
use crate::report::TraceRecord;

constants! {
    /// The kind of what a record is about.
    LogTargetKind, "kind of log target" {
        /// A call.
        Call = "CALL",
        /// The client as a whole.
        Client = "CLIENT",
    }
}

/// The thing that a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogTarget {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: LogTargetKind,
    /// Its name, where it has one: the gateway's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The part of the client that says it.
    pub name: String,
}

/// A record of a log (RT-027). What the application's own subscriber of `tracing` gets, and what an
/// [`Event::Trace`](super::Event::Trace) holds, in the shape that handlers of the SDK's log know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogEntry {
    /// The time in milliseconds since 1970; since the client began, where the wall clock is not known.
    pub timestamp: u64,
    /// The level as a method: `debug`.
    pub method: String,
    /// The level.
    pub level: LogLevel,
    /// The thing that it is about.
    pub target: LogTarget,
    /// The words.
    pub messages: Vec<String>,
}

impl LogEntry {
    /// A record of a trace, logged at this level. `begun` is the client's first instant, and `unix_ms` the wall
    /// clock then ([`Config::unix_ms`](super::Config::unix_ms)).
    #[must_use]
    pub fn of(record: &TraceRecord, level: LogLevel, begun: Instant, unix_ms: Option<u64>) -> Self {
        let clock = WallClock::new(begun, unix_ms.unwrap_or_default());
        let kind = match record.about {
            Some(_) => LogTargetKind::Call,
            None => LogTargetKind::Client,
        };
        let words = [&record.summary, &record.body];
        Self {
            timestamp: clock.unix_ms(record.at),
            method: level.as_str().to_ascii_lowercase(),
            level,
            target: LogTarget { kind, id: record.about.clone(), name: "wire".to_owned() },
            messages: words.into_iter().filter(|words| !words.is_empty()).cloned().collect(),
        }
    }
}
