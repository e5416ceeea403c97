//! Requests for what the client said to a far end, which wait until it says something.

use std::time::{Duration, Instant};

use offhook::machine::Wake;
use serde_json::Value;

use super::calls::Calls;
use super::external::is_news;
use super::rooms::Rooms;
use super::world::World;
use crate::service::RequestId;
use crate::service::control::Answer;
use crate::service::http::{Incoming, json as respond, not_found};

/// Requests waiting at once; one more is answered at once.
const MAX_WAITING: usize = 256;
/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A far end that somebody outside plays.
#[derive(Clone, Debug)]
pub(super) enum Far {
    /// The one of a call.
    Call(String),
    /// The one of a session in a room.
    Session(String),
}

impl Far {
    /// It as the control API tells it. None where there is no such far end.
    pub(super) fn body(&self, calls: &Calls, rooms: &Rooms) -> Option<Value> {
        match self {
            Self::Call(call) => calls.far_body(call),
            Self::Session(session) => rooms.far_body(session),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    far: Far,
    after: Option<u64>,
    until: Instant,
}

/// Requests that wait for the client's word to a far end.
#[derive(Debug, Default)]
pub(super) struct FarWaits {
    waiting: Vec<Waiting>,
}

impl FarWaits {
    pub(super) fn next_wake(&self) -> Option<Wake> {
        let at = self.waiting.iter().map(|waiting| waiting.until).min()?;
        Some(Wake { at, reason: "a far end's request's limit" })
    }

    /// Answers with the client's word, now or once it says something.
    pub(super) fn ask(
        &mut self,
        id: RequestId,
        far: Far,
        request: &Incoming<'_>,
        (calls, rooms): (&Calls, &Rooms),
        now: Instant,
    ) -> Answer {
        let Some(body) = far.body(calls, rooms) else { return Answer::Now(not_found()) };
        let number = |name| request.query(name).and_then(|value| value.parse::<u64>().ok());
        let after = number("after");
        let wait = Duration::from_millis(number("wait").unwrap_or_default()).min(MAX_WAIT);
        if wait.is_zero() || is_news(&body, after) || self.waiting.len() >= MAX_WAITING {
            return Answer::Now(respond(200, &body));
        }
        let until = now + wait;
        self.waiting.push(Waiting { id, far, after, until });
        Answer::Later
    }

    /// Answers those who have waited long enough, or for something that has come.
    pub(super) fn answer(&mut self, calls: &Calls, rooms: &Rooms, world: &mut World) {
        for waiting in std::mem::take(&mut self.waiting) {
            let over = waiting.until <= world.base.now;
            match waiting.far.body(calls, rooms) {
                Some(body) if over || is_news(&body, waiting.after) => {
                    world.respond(waiting.id, respond(200, &body));
                }
                Some(_) => self.waiting.push(waiting),
                None => world.respond(waiting.id, not_found()),
            }
        }
    }
}
