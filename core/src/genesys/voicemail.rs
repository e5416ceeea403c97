//! The user's mailbox (wire notes 8.8).

/// The user's mailbox, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Voicemail {
    /// The number of messages.
    pub total: u64,
    /// The number of those that were not heard yet.
    pub unread: u64,
}
