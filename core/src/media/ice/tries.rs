//! The patience with a server that lends no address, or no more.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::address::is_somebodys;
use super::relay::Failure;

/// The times that a server is asked again, one after the other.
const MAX_TRIES: u32 = 8;
/// The servers that one names in its place, one after the other.
const MAX_HOPS: u32 = 3;
/// The pause after an address was lost, which doubles with each time; the first time there is none.
const LOST: Duration = Duration::from_millis(250);
/// The pause after a refusal that may be over soon, which doubles with each.
const REFUSED: Duration = Duration::from_secs(1);
/// The pause after a server said nothing at all that used to lend nothing: it is away, or there is no way to it yet.
const AWAY: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(8);
/// An address that was lent for so long was no failure.
const LENT: Duration = Duration::from_secs(60);
/// Allocation Mismatch (RFC 8656 section 5): something is lent to our address that we know nothing of. Allocation Quota
/// Reached and Insufficient Capacity: there may be room later.
const SOON_OVER: [u16; 3] = [437, 486, 508];

/// The consequence of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server is asked no more, unless there is something new.
    Over,
    /// The server is asked again: [`Tries::again`].
    Again,
    /// Likewise, but nobody waits for that.
    Later,
    /// The server is asked no more, as everybody knew that it might.
    Known,
    /// Another server is asked in its place.
    Elsewhere(SocketAddr),
}

/// See the [module](self): of one question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    /// The number of the server that has the credentials.
    pub(super) server: usize,
    /// The credentials that it was asked with last: the server's first ones, or those of which renewal.
    pub(super) credentials: u32,
    hops: u32,
    count: u32,
    again: Option<Instant>,
    /// The last failure.
    failure: Option<Failure>,
    /// True once that it says nothing is known, and nothing was lent since.
    is_known: bool,
}

impl Tries {
    pub(super) fn new(server: usize) -> Self {
        Self {
            server,
            credentials: 0,
            hops: 0,
            count: 0,
            again: None,
            failure: None,
            is_known: false,
        }
    }

    /// Those of a server that was named in the place of this one.
    pub(super) fn redirected(&self) -> Self {
        Self { hops: self.hops + 1, ..Self::new(self.server) }
    }

    /// The time at which to ask again.
    pub(super) fn again(&self) -> Option<Instant> {
        self.again
    }

    /// True if it is asked again, and that is worth waiting for.
    pub(super) fn is_promising(&self) -> bool {
        self.again.is_some() && self.failure != Some(Failure::Silent)
    }

    /// The last failure, also while it is asked again.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// True if it is time to ask again, once.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        self.again.take_if(|at| *at <= now).is_some()
    }

    /// Takes note of a failure after which nothing is to be hoped for.
    pub(super) fn over(&mut self, failure: Failure) -> Verdict {
        self.failure = Some(failure);
        Verdict::Over
    }

    /// Takes note of a failure. `lent_for` is the time for which there was an address, `at` the server's own.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        failure: Failure,
        lent_for: Option<Duration>,
        at: SocketAddr,
    ) -> Verdict {
        if lent_for.is_some_and(|time| time >= LENT) {
            self.count = 0;
        }
        let had_one = lent_for.is_some() || self.count > 0;
        self.is_known &= lent_for.is_none();
        self.failure = Some(failure);
        let pause = match failure {
            Failure::Redirected(to) if self.hops < MAX_HOPS && may_follow(at, to) => {
                return Verdict::Elsewhere(to);
            }
            Failure::Refused(code) if SOON_OVER.contains(&code) => REFUSED,
            Failure::Lost if self.count == 0 => Duration::ZERO,
            Failure::Lost => LOST,
            // Dead from the start, or away for a while?
            Failure::Silent if had_one => LOST,
            Failure::Silent => {
                self.again = Some(now + AWAY);
                self.count += 1;
                self.is_known = true;
                return Verdict::Later;
            }
            Failure::Redirected(_) | Failure::Refused(_) | Failure::Closed => return Verdict::Over,
        };
        if self.count >= MAX_TRIES {
            return if self.is_known { Verdict::Known } else { Verdict::Over };
        }
        self.again = Some(now + (pause * (1 << self.count)).min(LONGEST));
        self.count += 1;
        Verdict::Again
    }
}

/// True if a server may name another: one of its family, and none that only this computer, or nobody, has.
fn may_follow(at: SocketAddr, to: SocketAddr) -> bool {
    at != to
        && at.is_ipv4() == to.is_ipv4()
        && is_somebodys(to)
        && (at.ip().is_loopback() || !to.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> SocketAddr {
        "198.51.100.1:3478".parse().unwrap()
    }

    /// The pauses after failures in a row.
    fn pauses(failure: Failure, lent_for: Option<Duration>) -> Vec<Duration> {
        let mut tries = Tries::new(0);
        let mut all = Vec::new();
        while tries.failed(epoch(), failure, lent_for, server()) == Verdict::Again {
            all.push(tries.again().unwrap() - epoch());
            assert!(tries.take_due(epoch() + LONGEST));
            assert!(all.len() <= MAX_TRIES as usize, "it has no end");
        }
        all
    }

    #[test]
    fn rfc_8656_5_what_may_be_over_soon_is_tried_again_less_and_less_often() {
        for code in SOON_OVER {
            let pauses = pauses(Failure::Refused(code), None);
            assert_eq!(pauses[..5], [1, 2, 4, 8, 8].map(Duration::from_secs));
            assert_eq!(pauses.len(), MAX_TRIES as usize);
        }
        for code in [400, 401, 403, 440, 442] {
            assert!(pauses(Failure::Refused(code), None).is_empty(), "{code}");
        }
        let mut away = Tries::new(0);
        let mut at = |now| (away.failed(now, Failure::Silent, None, server()), away.again());
        let first = at(epoch());
        assert_eq!(first, (Verdict::Later, Some(epoch() + AWAY)), "dead from the start, perhaps");
        assert_eq!(at(epoch()).0, Verdict::Again);
        assert!((0..MAX_TRIES).any(|_| at(epoch()).0 == Verdict::Known), "it has an end");
    }

    #[test]
    fn what_was_lost_is_asked_for_at_once_and_then_ever_more_slowly() {
        let lost = pauses(Failure::Lost, Some(SECOND));
        assert_eq!(lost[..3], [0, 500, 1000].map(Duration::from_millis));
        assert_eq!(lost.len(), MAX_TRIES as usize);
        let mut tries = Tries::new(0);
        for _ in 0..100 {
            let verdict = tries.failed(epoch(), Failure::Lost, Some(2 * LENT), server());
            assert_eq!((verdict, tries.again()), (Verdict::Again, Some(epoch())), "it served well");
        }
    }

    #[test]
    fn rfc_8489_10_a_redirection_is_followed_a_few_times_and_not_anywhere() {
        let mut tries = Tries::new(0);
        for _ in 0..MAX_HOPS {
            let to = "198.51.100.2:3478".parse().unwrap();
            let verdict = tries.failed(epoch(), Failure::Redirected(to), None, server());
            assert_eq!(verdict, Verdict::Elsewhere(to));
            tries = tries.redirected();
        }
        let to = "198.51.100.3:3478".parse().unwrap();
        assert_eq!(tries.failed(epoch(), Failure::Redirected(to), None, server()), Verdict::Over);
        for bad in ["127.0.0.1:3478", "0.0.0.0:1", "224.0.0.1:1", "198.51.100.2:0", "[::2]:3478"] {
            let bad = bad.parse().unwrap();
            let mut tries = Tries::new(0);
            let verdict = tries.failed(epoch(), Failure::Redirected(bad), None, server());
            assert_eq!(verdict, Verdict::Over, "{bad}");
        }
    }
}
