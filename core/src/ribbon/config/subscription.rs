//! The subscription and its socket.

use std::time::Duration;

use super::section::section;
use super::server::{WebSocket, WebSocketPatch};

section! {
    /// The subscription and its socket.
    SubscriptionConfig, SubscriptionConfigPatch {
        /// The time for which a subscription is asked for, up to a day (RC-028). Less than a minute is
        /// raised to one. Default an hour.
        expires: Duration = Duration::from_secs(3600),
        /// The times that it is asked for again when the gateway has too much to do, up to 100 (RC-029).
        /// Default 3.
        unavailable_retries: u32 = 3,
        /// The name of this client among the user's: letters, digits, `-` and `_`, at most 64
        /// (w8.16). Two of one name throw each other out. Default a random one (RP-6).
        correlator: @into Option<String> = None,
    } with {
        /// The place of the socket.
        websocket: WebSocket, WebSocketPatch,
    }
}
