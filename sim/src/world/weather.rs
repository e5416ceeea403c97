//! The weather between a phone and the service: how what passes fares, where that is not the
//! network's doing.

use std::time::Duration;

/// The weather of REST requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestWeather {
    /// The share that is answered with an error instead of being done.
    pub fails: f64,
    /// The share that is done, but whose answer is lost.
    pub answers_lost: f64,
    /// The share that cannot be sent at all.
    pub unreachable: f64,
    /// The time that each takes longer, on average.
    pub slow: Duration,
}

/// The weather of what the service sends over the WebSocket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoticeWeather {
    /// The share of messages that come twice.
    pub twice: f64,
    /// The share of messages that come after later ones.
    pub late: f64,
    /// The share of notifications that do not come.
    pub lost: f64,
    /// The share of messages with rubbish before them.
    pub rubbish: f64,
    /// The share of messages and questions after which somebody speaks of it who has nothing to do
    /// with it.
    pub strangers: f64,
}
