//! Settings of the socket: its upkeep, and its reopening (w2.6).

use std::num::NonZeroU32;
use std::time::Duration;

use super::section::section;
use crate::ribbon::constants::constants;

constants! {
    /// The bearer token's presence in a socket's address.
    OAuthMode, "OAuth mode of sockets" {
        /// It is not there.
        None = "none",
        /// It is there, as `access_token`. The address is secret then.
        Query = "query",
    }
}

section! {
    /// Settings of the socket's upkeep and reopening.
    Connectivity, ConnectivityPatch {
        /// The time between two pings, from 1 s to 1 h (RC-010). Default 30 s.
        ping_interval: Duration = Duration::from_secs(30),
        /// The most attempts to open the socket, or none if there is no end to them (RC-011). Default 5.
        reconnect_limit: @into Option<NonZeroU32> = NonZeroU32::new(5),
        /// The time from the start of the first attempt to the next, up to 1 h (RC-012). Less than 2 s is
        /// raised to it. Default 5 s.
        reconnect_delay: Duration = Duration::from_secs(5),
        /// The factor from each such time to the next, from 1 to 10 (RC-013). Default 1.
        reconnect_multiplier: f64 = 1.0,
        /// The longest of them, from 2 s to a day (RC-014). Default 640 s.
        reconnect_time_limit: Duration = Duration::from_secs(640),
        /// True if a socket that is lost is opened again (RC-015). Default true.
        auto_reconnect: bool = true,
        /// True if the socket is pinged (RC-016). Default true.
        check: bool = true,
        /// The bearer token's presence in the address of the socket (RC-017). Default it is not there.
        oauth_mode: OAuthMode = OAuthMode::None,
    }
}
