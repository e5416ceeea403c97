//! A service's explanation of a refusal.

use std::time::Duration;

/// A service's explanation in the body of a refusal.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Its name for the reason.
    pub(crate) code: Option<String>,
    /// The reason in words.
    pub(crate) message: Option<String>,
    /// The time that it wants to be left alone, where it says so in the body.
    pub(crate) retry_after: Option<Duration>,
}

/// The reader of such a body, which may be anything.
pub(crate) type Explain = fn(&[u8]) -> Said;
