//! The telling of messages on the wire.

use super::section::section;
use crate::ribbon::constants::{LogLevel, constants};

constants! {
    /// The detail in which a message is told (RC-005).
    TraceDetail, "detail of a trace" {
        /// Its subject and its length.
        Summary = "summary",
        /// The same, and the message itself, where [`Trace::bodies`] allows it.
        Full = "full",
    }
}

section! {
    /// The telling of messages on the wire, as events. In place of the SDK's log of actions.
    Trace, TracePatch {
        /// True if anything is told (RC-003). Default false.
        on: bool = false,
        /// The detail in which each message is told (RC-005). Default all.
        detail: TraceDetail = TraceDetail::Full,
        /// The level at which messages are logged, too (RC-008). Default debug.
        level: LogLevel = LogLevel::Debug,
        /// True if the bodies of messages are told, without the secrets in them (RC-009). Default false.
        bodies: bool = false,
    }
}

impl From<bool> for Trace {
    fn from(on: bool) -> Self {
        Self::default().on(on)
    }
}
