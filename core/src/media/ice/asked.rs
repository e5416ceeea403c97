//! The questions that servers were put, and the choice of the address of ours that asks a relay.
//!
//! An address that a relay lends counts against its user's quota, and one address is as good as another to those outside, so one
//! of our addresses asks for each server and family:
//!
//! - The most preferred one asks. The next asks when none of those before has had an answer of any kind for
//!   [`PATIENCE`], or as soon as they failed for a reason of their own: silence, a stream that broke, a mismatch (437).
//!   Who met a mismatch asks again from another port before that (RFC 8656 section 7.4): by a socket that is opened for
//!   this question alone, one for each server and family.
//!   So a VPN that leads nowhere costs half a second (RFC 8305 has the same of connections, in section 5).
//! - Any other answer is one to all: who is refused for the password, or the quota, is so from everywhere.
//! - The first to be lent an address keeps it. What another is lent after that is given back.
//! - Where that address of ours is gone, or what was lent to it, it begins anew.
//!
//! STUN servers are asked by every address of ours: the answer of each is an address of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::address::Leg;
use super::relay::{ALLOCATION_MISMATCH, Failure, Relay};
use super::tries::Tries;

/// The time without an answer after which the next address asks.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// A question to a server by an address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) is_relay: bool,
    pub(super) leg: Leg,
    /// True if a socket of its own is opened for it, at the same address.
    pub(super) is_own: bool,
}

impl Question {
    /// The one that a relay was asked by.
    pub(super) fn of(relay: &Relay) -> Self {
        let (local, remote, leg) = (relay.local, relay.server, relay.way.leg());
        Self { local, remote, is_relay: true, leg, is_own: relay.way.is_own() }
    }
}

/// A place for one address that is lent: each server has one for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) server: usize,
    pub(super) is_ipv4: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Asked(pub(super) BTreeMap<Question, Tries>);

impl Asked {
    /// The place that a relay has, or is asked for.
    pub(super) fn seat(&self, relay: &Relay) -> Option<Seat> {
        let tries = self.0.get(&Question::of(relay))?;
        Some(Seat { server: tries.server, is_ipv4: relay.local.is_ipv4() })
    }

    /// The questions for a place.
    fn of(&self, seat: Seat) -> impl Iterator<Item = (&Question, &Tries)> {
        self.0.iter().filter(move |(question, tries)| is_for(seat, question, tries))
    }

    /// The relay that lends the address of a place.
    pub(super) fn holder<'r>(&self, relays: &'r [Relay], seat: Seat) -> Option<&'r Relay> {
        let its = relays.iter().filter(|relay| relay.lent().is_some());
        // One that was lent later is given back.
        let first = its.filter(|relay| self.seat(relay) == Some(seat));
        first.min_by_key(|relay| (relay.since, relay.number))
    }

    /// The address of ours that asks next, of those that are in the order of preference, and when.
    pub(super) fn next(
        &self,
        now: Instant,
        seat: Seat,
        hosts: impl IntoIterator<Item = SocketAddr>,
        relays: &[Relay],
    ) -> Option<(SocketAddr, Instant)> {
        let mut at = now;
        for (question, tries) in self.of(seat) {
            match relays.iter().find(|relay| Question::of(relay) == *question) {
                Some(relay) if relay.is_heard => return None,
                Some(relay) => at = at.max(relay.epoch + PATIENCE),
                None => match tries.failure() {
                    None | Some(Failure::Silent | Failure::Redirected(_)) => {}
                    Some(Failure::Refused(ALLOCATION_MISMATCH)) => {}
                    Some(Failure::Refused(_) | Failure::Lost | Failure::Closed) => return None,
                },
            }
        }
        let asks = |asked: &Question, host| asked.local == host && !asked.is_own;
        let has_asked = |host: &SocketAddr| self.of(seat).any(|(asked, _)| asks(asked, *host));
        Some((hosts.into_iter().find(|host| !has_asked(host))?, at))
    }

    /// True if a socket of its own was opened for a place, or will be again.
    pub(super) fn has_own(&self, seat: Seat) -> bool {
        self.of(seat).any(|(question, _)| question.is_own)
    }

    /// Forgets the questions for a place that is taken, but for that of who has it and those under way.
    pub(super) fn settle(&mut self, seat: Seat, relays: &[Relay]) {
        let is_open = |question: &Question| relays.iter().any(|one| Question::of(one) == *question);
        self.0.retain(|question, tries| !is_for(seat, question, tries) || is_open(question));
    }

    /// Forgets what failed at a server, so that it is asked anew.
    pub(super) fn begin_again(&mut self, server: usize, relays: &[Relay]) {
        let is_open = |question: &Question| relays.iter().any(|one| Question::of(one) == *question);
        self.0.retain(|question, tries| {
            tries.server != server || tries.failure().is_none() || is_open(question)
        });
    }

    /// True if a place is asked for, or will be with some hope.
    pub(super) fn is_open(&self, seat: Seat, relays: &[Relay]) -> bool {
        relays.iter().any(|relay| self.seat(relay) == Some(seat))
            || self.of(seat).any(|(_, tries)| tries.is_promising())
    }

    /// The code by which a place was refused.
    pub(super) fn code(&self, seat: Seat) -> Option<u16> {
        self.of(seat).find_map(|(_, tries)| match tries.failure()? {
            Failure::Refused(code) => Some(code),
            Failure::Redirected(_) | Failure::Silent | Failure::Lost | Failure::Closed => None,
        })
    }
}

fn is_for(seat: Seat, question: &Question, tries: &Tries) -> bool {
    question.is_relay && tries.server == seat.server && question.local.is_ipv4() == seat.is_ipv4
}
