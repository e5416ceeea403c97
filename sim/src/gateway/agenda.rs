//! Things to do later, in their order.

use std::collections::BTreeMap;
use std::time::Instant;

use http::Response;
use offhook::machine::Wake;

use super::news::{News, Speed};
use crate::service::{ConnId, RequestId};

/// Things that wait at once. One more notification is lost; nothing else is put off by peers at will.
const MAX_JOBS: usize = 100_000;

/// One thing that somebody without a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Ring,
    Progress,
    Answer,
    Decline,
    /// Meets an offer; without one, it is to make one.
    Meet(Option<String>),
    /// Takes the first answer, or the first offer where it had made none.
    TakeFirst(String),
    /// Takes the answer to a later offer, or the offer that it asked for.
    Take(String),
    /// Offers a place in a conference, again.
    TakePlace,
    /// Learns that its offer was refused.
    Retreat,
}

/// One thing to do later.
#[derive(Debug)]
pub(super) enum Job {
    /// A notification arrives at a subscription; it is about that session.
    Text { subscription: String, session: Option<String>, text: String },
    /// An answer goes out.
    Reply { id: RequestId, response: Response<Vec<u8>> },
    /// An answer that waits for a notification about a session has waited long enough.
    Release { session: String },
    /// A socket is closed.
    Close { conn: ConnId, code: u16 },
    /// Somebody without a client does something.
    Act { leg: String, act: Act },
    /// A transfer that is still under way has failed.
    HandoverLimit { call: String, number: u32 },
    /// News for a client go through the gateway's media.
    Through { leg: String, news: News, speed: Speed },
    /// The other party of a click is called.
    CallOther { leg: String, called: String, offer: String },
    /// An offer of a transfer is made again.
    OfferAgain { call: String },
    /// A subscription was deleted a while ago: a client that is still there is told.
    Deleted { conn: ConnId },
}

/// Things to do later, in their order. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Agenda {
    jobs: BTreeMap<(Instant, u64), Job>,
    made: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, job: Job) {
        if self.jobs.len() >= MAX_JOBS && matches!(job, Job::Text { .. }) {
            return;
        }
        self.made += 1;
        self.jobs.insert((at, self.made), job);
    }

    /// The next thing that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Job> {
        let entry = self.jobs.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let at = self.jobs.first_key_value()?.0.0;
        Some(Wake { at, reason: "the gateway's agenda" })
    }

    pub(super) fn clear(&mut self) {
        self.jobs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_one_notification_too_many_is_lost_and_nothing_else() {
        let now = Instant::now();
        let mut agenda = Agenda::default();
        let text = |n: usize| Job::Text {
            subscription: n.to_string(),
            session: None,
            text: String::new(),
        };
        (0..=MAX_JOBS).for_each(|n| agenda.add(now, text(n)));
        assert_eq!(agenda.jobs.len(), MAX_JOBS);
        agenda.add(now, Job::Release { session: String::new() });
        assert_eq!(agenda.jobs.len(), MAX_JOBS + 1);
        assert!(
            matches!(agenda.take_due(now), Some(Job::Text { subscription, .. }) if subscription == "0")
        );
    }
}
