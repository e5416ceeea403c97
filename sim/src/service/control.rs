//! Routes that the control API of every model service has: its health, events, and faults on
//! requests.

use std::time::Duration;

use http::Response;
use serde_json::json;

use super::base::Base;
use super::contract::RequestId;
use super::events::Query;
use super::http::{Incoming, bad_request, json as respond};

/// The answer to a request, or the wait for it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Answered with this.
    Now(Response<Vec<u8>>),
    /// Answered once something happens, or at its limit.
    Later,
}

/// Answers a control request that every service knows; none where this is not one.
pub(crate) fn answer(
    base: &mut Base,
    id: RequestId,
    asked: &Incoming<'_>,
    features: &[&str],
) -> Option<Answer> {
    Some(Answer::Now(match (asked.method, asked.path.as_slice()) {
        ("GET", ["health"]) => respond(200, &json!({"name": "offhook-sim", "features": features})),
        ("GET", ["events"]) => {
            let number = |name| asked.query(name).and_then(|v| v.parse::<u64>().ok());
            let query = Query {
                after: number("after").unwrap_or_default(),
                kind: asked.query("type").map(str::to_owned),
            };
            let wait = Duration::from_millis(number("wait").unwrap_or_default());
            let answer = base.record.open().events.ask(id, query, wait, base.now);
            match answer {
                Some(answer) => respond(200, &answer),
                None => return Some(Answer::Later),
            }
        }
        ("POST", ["faults"]) => add_fault(base, asked),
        ("DELETE", ["faults"]) => clear_faults(base),
        _ => return None,
    }))
}

/// Orders something to go wrong.
pub(crate) fn add_fault(base: &Base, asked: &Incoming<'_>) -> Response<Vec<u8>> {
    match base.record.open().faults.add(&asked.body) {
        Ok(()) => respond(200, &json!({})),
        Err(why) => bad_request(&why),
    }
}

/// Nothing that was ordered goes wrong any more.
pub(crate) fn clear_faults(base: &Base) -> Response<Vec<u8>> {
    base.record.open().faults.clear();
    respond(200, &json!({}))
}
