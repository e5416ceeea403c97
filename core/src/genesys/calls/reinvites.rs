//! Re-invites seen lately: the service repeats one until it is answered (wire notes 6.14).

use std::collections::VecDeque;
use std::time::Instant;

use crate::genesys::ids::{MAX_ID, SessionId};

/// Re-invites remembered; the oldest is forgotten first.
const MAX_REINVITES: usize = 5;

/// Requests of re-invites, and the sessions that they are for. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Reinvites {
    seen: VecDeque<Seen>,
}

#[derive(Debug)]
struct Seen {
    request: String,
    session: SessionId,
    until: Instant,
}

impl Reinvites {
    /// True if a request is one that was seen before.
    pub(super) fn has(&self, request: &str, now: Instant) -> bool {
        self.seen.iter().any(|seen| seen.request == request && seen.until > now)
    }

    /// Takes note of a request. One that is too long to be remembered is taken for new each time.
    pub(super) fn add(&mut self, request: &str, session: &SessionId, now: Instant, until: Instant) {
        self.seen.retain(|seen| seen.until > now);
        if request.len() > MAX_ID {
            return;
        }
        if self.seen.len() >= MAX_REINVITES {
            self.seen.pop_front();
        }
        let (request, session) = (request.to_owned(), session.clone());
        self.seen.push_back(Seen { request, session, until });
    }

    /// Notes that an answer did not reach the service, or was not taken: the re-invite is answered again
    /// when it comes again.
    pub(super) fn answer_lost(&mut self, session: &SessionId) {
        self.seen.retain(|seen| seen.session != *session);
    }
}
