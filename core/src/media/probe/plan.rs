//! The plan of a probe of the way of media.

use std::time::Duration;

use crate::media::IceServer;

/// The servers that are probed, and the limits. A plain template, with setters that have the fields' names.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The STUN and TURN servers. Of their addresses the first [`Plan::MAX_URLS`] are asked, each once.
    pub servers: Vec<IceServer>,
    /// The longest that a server may take to answer. Default 5 s, as long as calls wait.
    pub gathering: Duration,
    /// The packets that go by each relay. Default 50; at most 1000.
    pub packets: u16,
    /// The time between two packets. Default 20 ms, as in speech.
    pub pause: Duration,
    /// The longest that all may take. Default 30 s.
    pub limit: Duration,
}

impl Plan {
    /// The most addresses of servers that are asked.
    pub const MAX_URLS: usize = 16;
    /// The most packets that go by each relay.
    pub const MAX_PACKETS: u16 = 1000;

    /// A plan with usual limits.
    #[must_use]
    pub fn new(servers: impl IntoIterator<Item = IceServer>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            gathering: Duration::from_secs(5),
            packets: 50,
            pause: Duration::from_millis(20),
            limit: Duration::from_secs(30),
        }
    }
}

setters!(Plan { gathering: Duration, packets: u16, pause: Duration, limit: Duration });
