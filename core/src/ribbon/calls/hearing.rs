//! The last look at what comes of the far side.

use std::time::Instant;

/// See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    /// The packets that had come.
    pub(super) came: u64,
    /// The time since which there are no more.
    pub(super) since: Instant,
    /// The time of the next look.
    pub(super) look: Instant,
    /// True once that is so long that the source counts as muted.
    pub(super) muted: bool,
}
