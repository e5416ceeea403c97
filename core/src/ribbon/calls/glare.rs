//! Changes of ours that met one of the far side's, and are tried again (RP-4; RFC 3261 section 14.1): what is
//! kept of them.

use std::time::Instant;

use super::tracks::Source;
use crate::machine::{CommandId, Track};
use crate::ribbon::constants::OperationKind;

/// A change of ours, as it can be asked for once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Hold(bool),
    Restart,
    Add(OperationKind, Vec<Source>),
    Remove(OperationKind, Vec<Track>),
}

/// A change that waits for its next try.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// The command that asked for it.
    pub(super) command: CommandId,
    pub(super) change: Change,
    /// The tries after the first, with the one to come.
    pub(super) tries: u32,
    pub(super) at: Instant,
}
