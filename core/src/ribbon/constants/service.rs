//! Constants of the subscription, and of the log.

use super::constants;

constants! {
    /// The reason why the subscription changed (RK-007): the three of the SDK that are told when it is
    /// lost, and three that later versions tell of what was asked for (w13, 7.11).
    ChangeReason, "reason for a change" {
        /// The gateway ended it.
        Gone = "GONE",
        /// The socket is lost for good.
        LostConnection = "LOST_CONNECTION",
        /// Another client of the same name took its place.
        WsOverridden = "WS_OVERRIDDEN",
        /// It is being made, changed or ended.
        Pending = "PENDING",
        /// It is there.
        Subscribed = "SUBSCRIBED",
        /// It was ended, as asked for.
        Unsubscribed = "UNSUBSCRIBED",
    }
}

constants! {
    /// The weight of what is logged (RK-008): records of this and above.
    LogLevel, "log level" {
        /// Nothing.
        Silent = "SILENT",
        /// Failures.
        Error = "ERROR",
        /// Oddities.
        Warn = "WARN",
        /// Events.
        Info = "INFO",
        /// Everything.
        Debug = "DEBUG",
    }
}

impl LogLevel {
    /// The level of a name in any case, as settings have it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.as_str().eq_ignore_ascii_case(name))
    }
}
