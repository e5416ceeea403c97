//! A service's explanation of a refusal.

/// A service's explanation in the body of a refusal.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Its name for the reason.
    pub(crate) code: Option<String>,
    /// The reason in words.
    pub(crate) message: Option<String>,
}

/// The reader of such a body, which may be anything.
pub(crate) type Explain = fn(&[u8]) -> Said;
