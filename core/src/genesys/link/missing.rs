//! What failed after a login, and is asked for again: topics, the phone, the list of calls. The
//! official client leaves it at that, and is deaf until its next new channel.

use std::time::{Duration, Instant};

use crate::genesys::error::is_unauthorized;
use crate::genesys::timing::Timing;
use crate::rest::Failure;

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

impl Missing {
    /// Something that a connection needs could not be had. How long until it is asked for again;
    /// none where that is for the next token, or for nobody.
    pub(super) fn failed(
        &mut self,
        failure: &Failure,
        timing: &Timing,
        now: Instant,
    ) -> Option<Duration> {
        let pause = if !failure.is_final() {
            timing.again
        } else if self.topics {
            timing.again_refused
        } else {
            return None;
        };
        self.any = true;
        let of_the_old = self.token_changed.is_some_and(|at| now < at + timing.token_overlap);
        let needs_token = is_unauthorized(failure) && !failure.is_final() && !of_the_old;
        (!needs_token).then_some(pause)
    }

    /// There is another token: true if the old one could not have everything.
    pub(super) fn token_changed(&mut self, now: Instant) -> bool {
        self.token_changed = Some(now);
        self.any
    }

    /// All of it is asked for now.
    pub(super) fn asked(&mut self) {
        self.any = false;
    }
}
