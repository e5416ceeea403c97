//! An offer that is made again and again, until it is answered.

use std::time::{Duration, Instant};

use offhook::genesys::wire::Payload;
use offhook::machine::Wake;

/// A re-invite is repeated, as one and the same request, until it is answered (wire notes 6.14,
/// 14.16): a client that is just coming back must not miss it.
const REPEAT: Duration = Duration::from_secs(5);
/// And given up when a client has forgotten the first one, and would take the next for another
/// (wire notes 6.14: it remembers them for 3 minutes). Its calls end then.
const GIVEN_UP: Duration = Duration::from_secs(180);

/// A re-invite that waits for its answer.
#[derive(Debug)]
pub(in crate::cloud) struct Reinvite {
    offer: Payload,
    /// The number of times it was sent.
    attempts: u32,
    repeat: Instant,
    until: Instant,
}

/// The action that is due.
pub(super) enum Due {
    Nothing,
    /// It is said once more; how often that is.
    Again(Payload, u32),
    /// Nobody answers.
    GivenUp,
}

impl Reinvite {
    /// It was said for the first time.
    pub(super) fn new(offer: Payload, now: Instant) -> Self {
        Self { offer, attempts: 1, repeat: now + REPEAT, until: now + GIVEN_UP }
    }

    pub(super) fn next_wake(&self) -> Wake {
        Wake { at: self.repeat.min(self.until), reason: "re-inviting" }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Due {
        if self.until <= now {
            return Due::GivenUp;
        }
        if self.repeat > now {
            return Due::Nothing;
        }
        self.repeat = now + REPEAT;
        self.attempts += 1;
        Due::Again(self.offer.clone(), self.attempts)
    }
}
