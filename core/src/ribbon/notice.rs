//! Ways of notifications (w3.2).

/// A way that notifications come by (w3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeChannel {
    /// The notification socket, by whoever carries it.
    WebSocket,
    /// A push service of the telephone's.
    Push,
}
