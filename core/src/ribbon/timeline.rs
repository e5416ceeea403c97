//! The report on a call (w5.10): what happened in it, and how long it took.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::constants::{Metric, ReportEvent};
use super::error::Error;
use super::ids::CallId;
use crate::machine::WallClock;

/// The most events of one report. Of those beyond only the number is kept.
const MAX_EVENTS: usize = 2000;

/// Room that is made at a time: most calls have few events.
const FEW: usize = 10;

/// The report on a call (RA-041). Serialised, it has the shape of the SDK's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallReport {
    /// Always `CALL`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The call.
    pub id: CallId,
    /// The events, in the order in which they began.
    pub timeline: Vec<TimelineEvent>,
    /// Further facts: how many signs of life there were, and how many events were left out.
    pub data: Map<String, Value>,
    /// Times of what succeeded.
    pub metrics: Vec<CallMetric>,
}

/// An event in the report on a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TimelineEvent {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ReportEvent,
    /// Its name in the report.
    pub id: String,
    /// The event that it is a part of: another, or the call.
    pub parent_id: String,
    /// The events in it.
    pub timeline: Vec<Self>,
    /// Further facts of it.
    pub data: Map<String, Value>,
    /// Times that belong to it; they stand at the call.
    pub metrics: Vec<CallMetric>,
    /// Its begin, in milliseconds since 1970.
    pub start: u64,
    /// Its end, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The reason why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// A time in the report on a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallMetric {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Metric,
    /// The time in milliseconds, or what else it tells.
    pub data: Value,
    /// The events that it is of.
    pub event_ids: Vec<String>,
}

/// Names an event of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventRef(usize);

/// An event as it is kept. Times are milliseconds since the call began, which goes on for less than 49 days.
#[derive(Clone, Debug)]
struct Entry {
    kind: ReportEvent,
    parent: Option<u16>,
    start: u32,
    end: Option<u32>,
    /// Boxed, as most have none.
    more: Option<Box<More>>,
}

/// The parts of an event that most have none of.
#[derive(Clone, Debug, Default)]
struct More {
    error: Option<Error>,
    /// A list, as maps have room for many times over.
    data: Vec<(&'static str, Value)>,
}

impl Entry {
    fn error(&self) -> Option<&Error> {
        self.more.as_ref()?.error.as_ref()
    }
}

/// The events in a call, as they happen.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    call: CallId,
    begun: Instant,
    ended: Option<Instant>,
    entries: Vec<Entry>,
    metrics: Vec<(Metric, Value, Vec<usize>)>,
    audits: u64,
    left_out: u64,
}

impl Timeline {
    /// The timeline of a call that begins now.
    pub(crate) fn new(call: CallId, now: Instant) -> Self {
        Self {
            call,
            begun: now,
            ended: None,
            entries: Vec::new(),
            metrics: Vec::new(),
            audits: 0,
            left_out: 0,
        }
    }

    /// An event begins; within another, or none. Signs of life are only counted.
    pub(crate) fn begin(
        &mut self,
        kind: ReportEvent,
        within: Option<EventRef>,
        now: Instant,
    ) -> Option<EventRef> {
        if kind == ReportEvent::AuditCall {
            self.audits += 1;
            return None;
        }
        if self.entries.len() >= MAX_EVENTS {
            self.left_out += 1;
            return None;
        }
        let parent = within.filter(|event| event.0 < self.entries.len());
        let parent = parent.and_then(|event| u16::try_from(event.0).ok());
        let start = self.at(now);
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(FEW);
        }
        self.entries.push(Entry { kind, parent, start, end: None, more: None });
        Some(EventRef(self.entries.len() - 1))
    }

    /// Something more is known of an event.
    pub(crate) fn note(
        &mut self,
        event: Option<EventRef>,
        key: &'static str,
        value: impl Into<Value>,
    ) {
        if let Some(entry) = event.and_then(|event| self.entries.get_mut(event.0)) {
            let data = &mut entry.more.get_or_insert_default().data;
            data.reserve_exact(1);
            data.push((key, value.into()));
        }
    }

    /// An event is over. What is over stays so.
    pub(crate) fn end(&mut self, event: Option<EventRef>, error: Option<&Error>, now: Instant) {
        let now = self.at(now);
        let Some(entry) = event.and_then(|event| self.entries.get_mut(event.0)) else { return };
        if entry.end.is_none() {
            entry.end = Some(now.max(entry.start));
            if let Some(error) = error {
                entry.more.get_or_insert_default().error = Some(error.clone());
            }
        }
    }

    /// An event that takes no time.
    pub(crate) fn moment(
        &mut self,
        kind: ReportEvent,
        within: Option<EventRef>,
        now: Instant,
    ) -> Option<EventRef> {
        let event = self.begin(kind, within, now);
        self.end(event, None, now);
        event
    }

    /// The time of an event that is over and did not fail.
    pub(crate) fn measure(&mut self, kind: Metric, event: Option<EventRef>) {
        let Some(at) = event.map(|event| event.0) else { return };
        let Some(entry) = self.entries.get(at).filter(|entry| entry.error().is_none()) else {
            return;
        };
        if let Some(end) = entry.end {
            let ms = end - entry.start;
            self.push(kind, json!(ms), vec![at]);
        }
    }

    /// The time from one event's begin to an instant in another, neither of which failed.
    pub(crate) fn measure_until(
        &mut self,
        kind: Metric,
        from: Option<EventRef>,
        to: Option<EventRef>,
        until: Instant,
    ) {
        let Some(from) = from.map(|event| event.0) else { return };
        let Some(entry) = self.entries.get(from).filter(|entry| entry.error().is_none()) else {
            return;
        };
        let to = to.map(|event| event.0).filter(|at| *at != from && *at < self.entries.len());
        if to.is_some_and(|at| self.entries[at].error().is_some()) {
            return;
        }
        let ms = self.at(until).saturating_sub(entry.start);
        let events = std::iter::once(from).chain(to).collect();
        self.push(kind, json!(ms), events);
    }

    /// The time from the call's begin to an event that did not fail.
    pub(crate) fn measure_from_begin(
        &mut self,
        kind: Metric,
        event: Option<EventRef>,
        until: Instant,
    ) {
        let ms = self.at(until);
        self.push(kind, json!(ms), event.map(|event| event.0).into_iter().collect());
    }

    /// The time that an event took; none of one that goes on.
    pub(crate) fn lasted(&self, event: Option<EventRef>) -> Duration {
        let entry = event.and_then(|event| self.entries.get(event.0));
        let times = entry.and_then(|entry| Some((entry.start, entry.end?)));
        times.map_or(Duration::ZERO, |(start, end)| Duration::from_millis(u64::from(end - start)))
    }

    /// The milliseconds since an event began.
    pub(crate) fn since(&self, event: Option<EventRef>, now: Instant) -> u32 {
        let entry = event.and_then(|event| self.entries.get(event.0));
        entry.map_or(0, |entry| self.at(now).saturating_sub(entry.start))
    }

    /// The call that it is of.
    pub(crate) fn call(&self) -> &CallId {
        &self.call
    }

    /// A metric that tells more than a time.
    pub(crate) fn tell(&mut self, kind: Metric, data: Value, event: Option<EventRef>) {
        self.push(kind, data, event.map(|event| event.0).into_iter().collect());
    }

    /// Keeps a metric, where there is room.
    fn push(&mut self, kind: Metric, data: Value, events: Vec<usize>) {
        if self.metrics.len() < MAX_EVENTS {
            self.metrics.push((kind, data, events));
        }
    }

    /// The call is over: with it whatever goes on in it.
    pub(crate) fn finish(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(now);
        let now = self.at(now);
        for entry in self.entries.iter_mut().filter(|entry| entry.end.is_none()) {
            entry.end = Some(now.max(entry.start));
        }
        self.metrics.push((Metric::CallDuration, json!(now), Vec::new()));
    }

    /// The report so far.
    pub(crate) fn report(&self, clock: WallClock) -> CallReport {
        let mut data = Map::new();
        for (key, number) in [("audits", self.audits), ("eventsLeftOut", self.left_out)] {
            if number > 0 {
                data.insert(key.to_owned(), number.into());
            }
        }
        let metrics = self.metrics.iter().map(|(kind, data, events)| CallMetric {
            kind: *kind,
            data: data.clone(),
            event_ids: events.iter().map(|at| self.name(*at)).collect(),
        });
        CallReport {
            kind: "CALL",
            id: self.call.clone(),
            timeline: self.events(clock),
            data,
            metrics: metrics.collect(),
        }
    }

    /// All events, those within others in them. Parts stand behind what they are parts of.
    fn events(&self, clock: WallClock) -> Vec<TimelineEvent> {
        let mut parts: Vec<Vec<TimelineEvent>> = vec![Vec::new(); self.entries.len()];
        let mut top = Vec::new();
        let begun = clock.unix_ms(self.begun);
        for (at, entry) in self.entries.iter().enumerate().rev() {
            let mut timeline = std::mem::take(&mut parts[at]);
            timeline.reverse();
            let event = TimelineEvent {
                kind: entry.kind,
                id: self.name(at),
                parent_id: entry
                    .parent
                    .map_or_else(|| self.call.as_str().to_owned(), |at| self.name(at.into())),
                timeline,
                data: entry
                    .more
                    .iter()
                    .flat_map(|more| &more.data)
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
                metrics: Vec::new(),
                start: begun + u64::from(entry.start),
                end: entry.end.map(|end| begun + u64::from(end)),
                error: entry.error().cloned(),
            };
            match entry.parent {
                Some(parent) => parts[usize::from(parent)].push(event),
                None => top.push(event),
            }
        }
        top.reverse();
        top
    }

    /// An instant, in milliseconds since the call began.
    fn at(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.begun).as_millis().try_into().unwrap_or(u32::MAX)
    }

    fn name(&self, at: usize) -> String {
        format!("{}-{at}", self.call.as_str())
    }
}
