//! Signals that a world leaves out, of those that say the same as another.
//!
//! A service that says everything twice hides bugs of whoever hears only one of both. A client has
//! to live with each alone: either may be lost with a connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::names;

names! {
    /// A signal that is left out.
    pub enum Silence {
        /// A proposal that is over is not taken back: the conversation's notification tells.
        Retract "no-retract",
        /// The end of a call that nobody answered is not notified: the proposal is taken back.
        EndOfRinging "no-end-of-ringing",
        /// An answer by another client is no message: the conversation's notification tells.
        AcceptElsewhere "no-accept-elsewhere",
        /// An answer by another client is not notified: its message tells.
        ConnectedElsewhere "no-connected-elsewhere",
        /// A session that ends is not terminated, where it is connected: its media says goodbye.
        Terminate "no-terminate",
        /// Media ends without a goodbye: the session is terminated.
        Goodbye "no-goodbye",
        /// The end of calls that end with their session is not notified: the session's end tells.
        EndOfTalk "no-end-of-talk",
        /// An idle session is not ended by the service: the client ends it.
        EndOfIdle "no-end-of-idle",
        /// The end of a call that nobody answered on a line that is up is not notified: nothing tells,
        /// and it ends by its age.
        EndOfRingingOnLine "no-end-of-ringing-on-line",
    }
}

impl Silence {
    /// Signals that say the same: a world leaves out one of each at most, but for what a client
    /// must notice with neither.
    pub const PAIRS: &[&[Self]] = &[
        &[Self::Retract, Self::EndOfRinging],
        &[Self::AcceptElsewhere, Self::ConnectedElsewhere],
        &[Self::Terminate, Self::Goodbye],
        &[Self::EndOfTalk],
        &[Self::EndOfIdle],
        &[Self::EndOfRingingOnLine],
    ];
}

/// The signals that a world leaves out, and how often it did.
#[derive(Debug, Default)]
pub(super) struct Silences {
    on: BTreeSet<Silence>,
    kept: BTreeMap<Silence, u64>,
}

impl Silences {
    /// Sets the signals that are left out from now on.
    pub(super) fn set(&mut self, silences: BTreeSet<Silence>) {
        self.on = silences;
    }

    /// True if a signal that is due is left out.
    pub(super) fn keeps(&mut self, silence: Silence) -> bool {
        let keeps = self.on.contains(&silence);
        if keeps {
            *self.kept.entry(silence).or_default() += 1;
        }
        keeps
    }

    /// The number of times that each was left out.
    pub(super) fn kept(&self) -> impl Iterator<Item = (Silence, u64)> {
        self.kept.iter().map(|(silence, times)| (*silence, *times))
    }
}
