//! Events of the service, for `GET /control/events` and its long polls.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook::machine::Wake;
use serde_json::{Value, json};

use super::contract::RequestId;

/// Events remembered; the oldest go first.
const MAX_EVENTS: usize = 10_000;
/// And their bytes, about: what clients say is in them.
const MAX_BYTES: usize = 16 << 20;
/// Requests waiting at once; one more is answered at once.
const MAX_WAITING: usize = 256;
/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The events that a request asks for.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) after: u64,
    pub(crate) kind: Option<String>,
}

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    query: Query,
    /// Nothing up to here is for it.
    looked: u64,
    until: Instant,
}

/// The events of a service, and the requests that wait for some.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: u64,
    log: VecDeque<(u64, String, Value)>,
    bytes: usize,
    waiting: Vec<Waiting>,
}

impl Events {
    pub(crate) fn push(&mut self, kind: &str, unix_ms: u64, data: Value) {
        self.last += 1;
        let mut event = json!({"seq": self.last, "t": unix_ms, "type": kind});
        if let (Value::Object(event), Value::Object(data)) = (&mut event, data) {
            event.extend(data);
        }
        self.bytes += weight(&event);
        self.log.push_back((self.last, kind.to_owned(), event));
        while self.log.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some((_, _, oldest)) = self.log.pop_front() else { return };
            self.bytes -= weight(&oldest);
        }
    }

    /// The events after a number that a request asks for.
    fn find(&self, query: &Query, after: u64) -> impl Iterator<Item = &Value> {
        let start = self.log.partition_point(|(seq, _, _)| *seq <= after);
        self.log
            .range(start..)
            .filter(|(_, kind, _)| query.kind.as_ref().is_none_or(|wanted| wanted == kind))
            .map(|(_, _, event)| event)
    }

    fn body(&self, query: &Query) -> Value {
        let events: Vec<_> = self.find(query, query.after).collect();
        json!({"events": events, "next": self.last})
    }

    /// Answers at once, or holds the request until something comes.
    pub(crate) fn ask(
        &mut self,
        id: RequestId,
        query: Query,
        wait: Duration,
        now: Instant,
    ) -> Option<Value> {
        let found = self.find(&query, query.after).next().is_some();
        if found || wait.is_zero() || self.waiting.len() >= MAX_WAITING {
            return Some(self.body(&query));
        }
        let (looked, until) = (self.last.max(query.after), now + wait.min(MAX_WAIT));
        self.waiting.push(Waiting { id, query, looked, until });
        None
    }

    /// The requests that can be answered now.
    pub(crate) fn take_answers(&mut self, now: Instant) -> Vec<(RequestId, Value)> {
        let ready: Vec<_> = self
            .waiting
            .iter()
            .map(|w| w.until <= now || self.find(&w.query, w.looked).next().is_some())
            .collect();
        for waiting in &mut self.waiting {
            waiting.looked = waiting.looked.max(self.last);
        }
        if !ready.contains(&true) {
            return Vec::new();
        }
        let mut ready = ready.into_iter();
        let taken: Vec<_> =
            self.waiting.extract_if(.., |_| ready.next().unwrap_or_default()).collect();
        taken.into_iter().map(|w| (w.id, self.body(&w.query))).collect()
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.waiting.iter().map(|w| w.until).min()?;
        Some(Wake { at, reason: "an event request's limit" })
    }

    pub(crate) fn clear(&mut self) {
        self.log.clear();
        self.bytes = 0;
    }
}

/// The bytes of a value, about.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 16 + text.len(),
        Value::Array(values) => 16 + values.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => {
            16 + fields.iter().map(|(key, value)| 16 + key.len() + weight(value)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_for_its_kind_of_event() {
        let t = Instant::now();
        let mut events = Events::default();
        let query = || Query { after: 0, kind: Some("bound".to_owned()) };
        assert!(events.ask(RequestId(1), query(), Duration::from_secs(1), t).is_none());
        events.push("rest", 5, json!({}));
        assert!(events.take_answers(t).is_empty());
        events.push("bound", 6, json!({"userId": "u"}));
        let answers = events.take_answers(t);
        assert_eq!(answers[0].1["events"][0]["userId"], "u");
        assert_eq!(answers[0].1["next"], 2);
        assert!(events.ask(RequestId(2), query(), Duration::ZERO, t).is_some());
    }

    #[test]
    fn a_request_is_answered_empty_at_its_limit_and_the_log_is_bounded() {
        let t = Instant::now();
        let mut events = Events::default();
        for n in 0..MAX_EVENTS as u64 + 10 {
            events.push("x", n, json!({}));
        }
        assert_eq!(events.log.len(), MAX_EVENTS);
        for n in 0..100 {
            events.push("x", n, json!({"sessionId": "s".repeat(MAX_BYTES / 10)}));
        }
        assert!(events.log.len() < 10 && events.bytes <= MAX_BYTES, "{}", events.log.len());
        let query = Query { after: u64::MAX, kind: None };
        assert!(events.ask(RequestId(1), query, Duration::from_secs(1), t).is_none());
        let at = events.next_wake().unwrap().at;
        assert_eq!(events.take_answers(at)[0].1["events"], json!([]));
    }
}
