//! Uploads to the service about the client itself, where they are wanted: log records and media
//! figures (behaviour notes ST-5, LG-1; wire notes 8.5).
//!
//! No address, no body and no secret is among it: kinds, ids and figures only.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::config::{Auth, Config};
use super::event::Event;
use super::timing::Timing;
use super::wire::requests::{self, policy};
use crate::machine::{TimerName, Wake};
use crate::rest::{Failure, Policy, Resource};

/// The most bytes of JSON that are kept of each kind; the oldest go first.
const MAX_LOGS: usize = 14_500;
const MAX_FIGURES: usize = 15_000;
/// The bytes that a refusal for size takes off the limit, and the least that is left (DEF-34).
const SHRINK: usize = 3_000;
const LEAST: usize = 3_000;

/// The kind of an upload, and the name of its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Log records: collected, or waiting to be tried again.
    Logs,
    /// Media figures: the same.
    Figures,
}

impl TimerName for Kind {
    fn reason(&self) -> &'static str {
        match self {
            Self::Logs => "upload of log records",
            Self::Figures => "upload of figures",
        }
    }
}

/// Both uploads of a client.
#[derive(Debug)]
pub(crate) struct Uploads {
    logs: Upload,
    figures: Upload,
}

impl Uploads {
    pub(crate) fn new(config: &Config) -> Self {
        let guest = matches!(config.auth, Auth::Guest { .. });
        let rules = |kind| Rules::new(kind, &config.timing);
        let new = |kind, wanted: bool| Upload::new(kind, rules(kind), wanted && !guest);
        Self {
            logs: new(Kind::Logs, config.upload_logs),
            figures: new(Kind::Figures, config.upload_telemetry),
        }
    }

    /// Takes note of an event, in the words that may leave.
    pub(crate) fn note(&mut self, event: &Event, begun: Instant, config: &Config, now: Instant) {
        if self.logs.is_on()
            && let Some((level, what)) = record(event)
        {
            let app = &config.app;
            let time = config.wall_clock(begun).and_then(|clock| clock.iso(now));
            let message = json!({
                "clientTime": time, "message": what, "originAppName": app.name,
                "originAppVersion": app.version, "originAppId": app.id,
            });
            let line = json!({"topic": "offhook", "level": level, "message": message.to_string()});
            self.logs.add(line, now);
        }
        if self.figures.is_on()
            && let Event::Stats { session, conversation, session_type, stats } = event
        {
            let details = json!({
                "_eventType": "getStats", "_appName": app_name(config),
                "_appVersion": config.app.version, "_originAppId": config.app.id,
                "conversationId": conversation, "sessionId": session, "sessionType": session_type.name(),
                "packetsReceived": stats.packets_received, "packetsLost": stats.packets_lost,
                "packetsSent": stats.packets_sent, "jitter": stats.jitter.as_secs_f64(),
                "roundTripTime": stats.round_trip.map(|time| time.as_secs_f64()),
            });
            self.figures.add(json!({"actionName": "WebrtcStats", "details": details}), now);
        }
    }

    /// An upload that is due.
    pub(crate) fn pop_due(&mut self, config: &Config, now: Instant) -> Option<(Kind, Resource)> {
        [&mut self.logs, &mut self.figures].into_iter().find_map(|upload| {
            let batch = upload.take_due(now)?;
            Some((upload.kind, resource(upload.kind, batch, config)))
        })
    }

    pub(crate) fn answered(&mut self, kind: Kind, result: &Result<Value, Failure>, now: Instant) {
        match kind {
            Kind::Logs => self.logs.answered(result, now),
            Kind::Figures => self.figures.answered(result, now),
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        Wake::earliest(self.logs.wake(), self.figures.wake())
    }
}

/// The state of an upload.
///
/// ```text
/// Idle ──a record──> Due ──its time──> Sent ──taken, or given up──> Idle; Due where more has come
///                     ^                  │
///                     └──to be tried again──401, 403, 404──> Off
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not wanted, or not wanted by the service.
    Off,
    /// There is nothing to say.
    Idle,
    /// Collecting, or pausing before another try, until then.
    Due(Instant),
    /// On their way: this many records.
    Sent(usize),
}

/// The rules by which something is uploaded, and tried again.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// The time that records are collected.
    collect: Duration,
    attempts: u32,
    /// The longest pause between two tries.
    longest: Duration,
    policy: Policy,
}

impl Rules {
    fn new(kind: Kind, timing: &Timing) -> Self {
        Self {
            collect: match kind {
                Kind::Logs => timing.upload_logs,
                Kind::Figures => timing.upload_figures,
            },
            attempts: timing.upload_attempts,
            longest: timing.upload_longest,
            policy: policy(timing),
        }
    }
}

#[derive(Debug)]
struct Upload {
    kind: Kind,
    rules: Rules,
    state: State,
    records: VecDeque<String>,
    bytes: usize,
    limit: usize,
    tries: u32,
}

impl Upload {
    fn new(kind: Kind, rules: Rules, wanted: bool) -> Self {
        let state = if wanted { State::Idle } else { State::Off };
        let limit = most(kind);
        Self { kind, rules, state, records: VecDeque::new(), bytes: 0, limit, tries: 0 }
    }

    fn is_on(&self) -> bool {
        self.state != State::Off
    }

    fn add(&mut self, record: Value, now: Instant) {
        let record = record.to_string();
        self.bytes += record.len();
        self.records.push_back(record);
        // What is on its way stays until it is answered.
        let on_its_way = if let State::Sent(count) = self.state { count } else { 0 };
        while self.bytes > self.limit && self.records.len() > on_its_way {
            let Some(oldest) = self.records.remove(on_its_way) else { break };
            self.bytes -= oldest.len();
        }
        if self.state == State::Idle && !self.records.is_empty() {
            self.state = State::Due(now + self.rules.collect);
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            State::Off | State::Idle | State::Sent(_) => None,
        }
    }

    fn wake(&self) -> Option<Wake> {
        self.due().map(|at| Wake { at, reason: self.kind.reason() })
    }

    fn take_due(&mut self, now: Instant) -> Option<Vec<Value>> {
        if self.due()? > now {
            return None;
        }
        self.state = State::Sent(self.records.len());
        self.tries += 1;
        let read = |record: &String| serde_json::from_str(record).ok();
        Some(self.records.iter().filter_map(read).collect())
    }

    fn answered(&mut self, result: &Result<Value, Failure>, now: Instant) {
        let State::Sent(count) = self.state else { return };
        let failed = match result {
            Ok(_) => {
                self.limit = most(self.kind);
                None
            }
            Err(failure) => Some(failure),
        };
        match failed.map(Failure::status) {
            Some(Some(401 | 403 | 404)) => {
                *self = Self::new(self.kind, self.rules, false);
                return;
            }
            Some(Some(413)) if self.tries < self.rules.attempts && self.records.len() > 1 => {
                self.limit = self.limit.saturating_sub(SHRINK).max(LEAST);
                while self.bytes > self.limit && self.records.len() > 1 {
                    self.drop_oldest(1);
                }
                self.state = State::Due(now);
                return;
            }
            Some(_)
                if failed.is_some_and(|failed| self.rules.policy.passes(failed))
                    && self.tries < self.rules.attempts =>
            {
                let wait = Duration::from_secs(1 << self.tries.min(12)).min(self.rules.longest);
                self.state = State::Due(now + wait);
                return;
            }
            Some(_) | None => {}
        }
        self.drop_oldest(count);
        self.tries = 0;
        self.state = match self.records.is_empty() {
            true => State::Idle,
            false => State::Due(now + self.rules.collect),
        };
    }

    fn drop_oldest(&mut self, count: usize) {
        for record in self.records.drain(..count.min(self.records.len())) {
            self.bytes -= record.len();
        }
    }
}

fn most(kind: Kind) -> usize {
    match kind {
        Kind::Logs => MAX_LOGS,
        Kind::Figures => MAX_FIGURES,
    }
}

fn app_name(config: &Config) -> &str {
    &config.app.name
}

fn resource(kind: Kind, batch: Vec<Value>, config: &Config) -> Resource {
    let app = &config.app;
    match kind {
        Kind::Logs => requests::logs(json!({
            "app": {"appId": "offhook", "appVersion": env!("CARGO_PKG_VERSION")}, "traces": batch,
        })),
        Kind::Figures => requests::figures(json!({
            "appName": "offhook", "appVersion": env!("CARGO_PKG_VERSION"),
            "originAppName": app.name, "originAppVersion": app.version, "actions": batch,
        })),
    }
}

/// An event's level, kind and ids.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are not worth a record")]
fn record(event: &Event) -> Option<(&'static str, Value)> {
    let record = |level, kind: &str, ids: &[(&str, &str)]| {
        let ids = ids.iter().map(|(key, id)| ((*key).to_owned(), json!(id)));
        let mut map: Map<String, Value> = ids.collect();
        map.insert("event".to_owned(), json!(kind));
        Some((level, Value::Object(map)))
    };
    match event {
        Event::Connected { .. } => record("INFO", "connected", &[]),
        Event::Disconnected { reconnecting: true, .. } => record("WARN", "disconnected", &[]),
        Event::Disconnected { .. } => record("INFO", "disconnected", &[]),
        Event::NetworkConnectivityWarning(_) => record("WARN", "networkConnectivityWarning", &[]),
        Event::Ready => record("INFO", "ready", &[]),
        Event::PendingSession(pending) => {
            let ids = [
                ("session", pending.session.as_str()),
                ("conversation", pending.conversation.as_str()),
            ];
            record("INFO", "pendingSession", &ids)
        }
        Event::SessionStarted(session) => {
            let ids =
                [("session", session.id.as_str()), ("conversation", session.conversation.as_str())];
            record("INFO", "sessionStarted", &ids)
        }
        Event::SessionEnded { session, reason } => {
            let reason = reason.to_string();
            record("INFO", "sessionEnded", &[("session", session.id.as_str()), ("reason", &reason)])
        }
        Event::SessionInterrupted(session) => {
            record("WARN", "sessionInterrupted", &[("session", session.id.as_str())])
        }
        Event::CallConnected { call, session } => {
            let ids = [("conversation", call.id.as_str()), ("session", session.as_str())];
            record("INFO", "callConnected", &ids)
        }
        Event::CallEnded { conversation, .. } => {
            record("INFO", "callEnded", &[("conversation", conversation.as_str())])
        }
        Event::Error(error) => {
            let kind = error.kind.to_string();
            record("ERROR", "error", &[("kind", &kind)])
        }
        Event::Malformed { .. } => record("WARN", "malformed", &[]),
        _ => None,
    }
}
