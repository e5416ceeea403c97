//! Settings of notifications (w3.2).

use super::section::section;
use super::server::HttpScheme;
use crate::ribbon::constants::constants;

constants! {
    /// The channels by which calls may come.
    CallsBy, "channel of calls" {
        /// Any.
        AnyChannel = "any-channel",
        /// Push only: calls by others are left alone.
        PushOnly = "push-channel-only",
    }
}

section! {
    /// Settings of notifications.
    Notifications, NotificationsPatch {
        /// The ids that are remembered, so that nothing is taken twice: up to 10 000, and none to take
        /// everything (RC-018). Default 100.
        id_cache: usize = 100,
        /// The channels by which calls may come (RC-019). Default any.
        calls_by: CallsBy = CallsBy::AnyChannel,
    } with {
        /// The place at which devices are registered for push.
        push: PushServer, PushServerPatch,
    }
}

section! {
    /// The place at which devices are registered for push. Without a host they cannot be.
    PushServer, PushServerPatch {
        /// The host name (RC-020).
        server: @into Option<String> = None,
        /// The port (RC-021). Default 443.
        port: u16 = 443,
        /// The protocol (RC-022). Default by TLS.
        scheme: HttpScheme = HttpScheme::Https,
        /// The version in the path, at most 16 bytes (RC-023). Default 1.
        version: @into String = "1".to_owned(),
    }
}

impl PushServer {
    /// The base of its requests, like the gateway's; none without a host.
    pub(in crate::ribbon) fn base(&self) -> Option<String> {
        let host = self.server.as_ref()?;
        Some(format!("{}://{host}:{}", self.scheme, self.port))
    }
}
