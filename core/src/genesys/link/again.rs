//! What failed after a login, and is asked for again: topics, the phone, the list of calls. The
//! official client leaves it at that, and is deaf until its next new channel.

use std::time::{Duration, Instant};

use super::{Link, Readiness, State, Timer};
use crate::genesys::error::is_unauthorized;
use crate::genesys::outbox::Outbox;
use crate::rest::Failure;

/// Between a failure and the next try.
const PAUSE: Duration = Duration::from_secs(30);
/// The same where topics were refused for good: a phone without topics is deaf, and what was
/// refused, a permission say, may be given meanwhile.
const LONG_PAUSE: Duration = Duration::from_secs(300);
/// Time after a change of the token in which a refusal may be of the one before.
const UNDER_WAY: Duration = Duration::from_secs(30);

/// What is still missing.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// The channel does not have our topics.
    pub(super) topics: bool,
    /// The phone was not told.
    pub(super) station: bool,
    /// Something failed since the connection is up.
    any: bool,
    /// When the token changed last.
    token_changed: Option<Instant>,
}

impl Link {
    /// Something that a connection needs could not be had: it is asked for again in a while, or
    /// with the next token.
    pub(crate) fn ask_again(&mut self, failure: &Failure, out: &Outbox) {
        if !matches!(self.state, State::Setup(..) | State::Online(..)) {
            // The next login asks for all of it.
            return;
        }
        let pause = if !failure.is_final() {
            PAUSE
        } else if self.missing.topics {
            LONG_PAUSE
        } else {
            return;
        };
        self.missing.any = true;
        let changed = self.missing.token_changed;
        let of_the_old = changed.is_some_and(|at| out.now() < at + UNDER_WAY);
        let needs_token = is_unauthorized(failure) && !failure.is_final() && !of_the_old;
        if !needs_token && !self.timers.is_armed(&Timer::Again) {
            self.timers.arm(Timer::Again, out.now() + pause);
        }
    }

    /// There is another token: what the old one could not have is asked for with it. A login that
    /// is yet to come asks for all of it anyway.
    pub(crate) fn token_changed(&mut self, out: &Outbox) {
        self.missing.token_changed = Some(out.now());
        if self.missing.any && matches!(self.state, State::Online(_, Readiness::Ready)) {
            self.timers.arm(Timer::Again, out.now());
        }
    }

    /// It is time. What nothing failed of is told again as it is, which changes nothing.
    pub(super) fn complete_login(&mut self, out: &mut Outbox) {
        if !matches!(self.state, State::Online(_, Readiness::Ready)) {
            // The login that is under way does it.
            return;
        }
        self.missing.any = false;
        if self.missing.topics {
            self.schedule_topics(out);
        }
        if self.missing.station {
            self.load_station(out);
        }
        self.came_back = self.was_ready;
    }
}
