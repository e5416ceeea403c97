//! The far end's search for a client of which nothing comes any more (wire notes 3.8: the gateway is expected to
//! recover media after an interruption).

use std::time::{Duration, Instant};

use offhook::machine::Wake;

/// The silence after which a client is looked for: there is a report every few seconds also while it says nothing
/// (RFC 3550 section 6.2).
const PATIENCE: Duration = Duration::from_secs(8);
/// The time that a path has that ICE lost, before it is looked for.
const GRACE: Duration = Duration::from_secs(2);
/// The searches for one client, each of which takes twice as long as the one before.
const TRIES: u32 = 3;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The time at which it is looked for; none before anything came, and after the last time.
    at: Option<Instant>,
    tries: u32,
}

impl Search {
    /// Takes note of a datagram of the client's: sound and reports count (RFC 7983 section 7), checks do not.
    pub(super) fn heard(&mut self, now: Instant, data: &[u8]) {
        if matches!(data, [128..=191, ..]) {
            *self = Self { at: Some(now + PATIENCE), tries: 0 };
        }
    }

    /// Takes note that its path is lost.
    pub(super) fn lost(&mut self, now: Instant) {
        if self.tries == 0 {
            self.at = Some(now + GRACE);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.at.map(|at| Wake { at, reason: "client is looked for" })
    }

    /// True if it is to be looked for now. Where it need not say anything, that is put off.
    pub(super) fn take_due(&mut self, now: Instant, listens: impl FnOnce() -> bool) -> bool {
        if self.at.is_none_or(|at| at > now) {
            return false;
        }
        let is_due = listens();
        if is_due {
            self.tries += 1;
        }
        self.at = (self.tries < TRIES).then(|| now + PATIENCE * 2_u32.pow(self.tries));
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_client_of_which_only_checks_come_is_looked_for_three_times() {
        let now = Instant::now();
        let mut search = Search::default();
        search.heard(now, &[0, 1]);
        assert!(search.next_wake().is_none(), "nothing came ever");
        search.heard(now, &[128, 0]);
        search.heard(now + S(5), &[0, 1]);
        let due: Vec<_> =
            (0..200).filter(|second| search.take_due(now + S(*second), || true)).collect();
        assert_eq!(due, [8, 24, 56]);
        search.heard(now + S(200), &[128, 0]);
        assert!(!search.take_due(now + S(208), || false), "nobody listens");
        assert!(search.take_due(now + S(216), || true));
        search.heard(now + S(217), &[128, 0]);
        search.lost(now + S(218));
        assert!(search.take_due(now + S(220), || true));
    }
}
