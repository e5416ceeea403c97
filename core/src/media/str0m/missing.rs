//! The part that a session lacks while it is not connected.

use std::time::Duration;

/// The longest time from the path to the end of the handshake. The far side may look for one still.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(40);

/// See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// A path to the far side.
    Path,
    /// The end of the handshake, on a path that there is.
    Handshake,
}
