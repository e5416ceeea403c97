//! Settings of a client (w6.1): data, and how they change.

mod calls;
mod connectivity;
mod notifications;
mod peer;
mod section;
mod server;
mod subscription;
mod trace;

use std::time::Duration;

pub use calls::{CallConfig, CallConfigPatch, RingingFeedback};
pub use connectivity::{Connectivity, ConnectivityPatch, OAuthMode};
pub use notifications::{CallsBy, Notifications, NotificationsPatch, PushServer, PushServerPatch};
pub use peer::{BundlePolicy, PeerConfig, PeerConfigPatch, SdpSemantics};
pub use server::{HttpScheme, Server, ServerPatch, WebSocket, WebSocketPatch, WsScheme};
pub use subscription::{SubscriptionConfig, SubscriptionConfigPatch};
pub use trace::{Trace, TraceDetail, TracePatch};

use section::section;

use super::constants::LogLevel;
use super::error::Error;

section! {
    /// A client's settings. A plain template: clone and change it, field by field or with the setters,
    /// which have the fields' names.
    ///
    /// ```
    /// use std::time::Duration;
    /// use offhook::ribbon::{Config, ConfigPatch, Connectivity, ConnectivityPatch};
    ///
    /// let connectivity = Connectivity::default().ping_interval(Duration::from_secs(10));
    /// let mut config = Config::new("gateway.example", "gateway.example").connectivity(connectivity);
    /// assert_eq!(config.rest_base(), "https://gateway.example:443");
    ///
    /// // What a patch leaves out stays as it is; what it says is taken as a whole or not at all.
    /// let patch = ConfigPatch::default()
    ///     .rest_timeout(Duration::from_secs(5))
    ///     .connectivity(ConnectivityPatch::default().auto_reconnect(false));
    /// config.update(patch)?;
    /// assert_eq!(config.connectivity.ping_interval, Duration::from_secs(10));
    /// assert!(!config.connectivity.auto_reconnect);
    /// # Ok::<(), offhook::ribbon::Error>(())
    /// ```
    Config, ConfigPatch {
        /// The most that is logged (RC-001): it caps what the application's subscriber of `tracing` asks
        /// for. Default all.
        log_level: LogLevel = LogLevel::Debug,
        /// The time for the answer to a request, from 1 s to 10 min (RC-024). Default 30 s.
        rest_timeout: Duration = Duration::from_secs(30),
        /// The time between two figures of each call, told without being asked for, from 100 ms to 1 h.
        /// Default none.
        stats_period: @into Option<Duration> = None,
        /// The wall clock at the client's first instant, in milliseconds since 1970, for times in
        /// calls, records and reports. The runtimes fill it in; without it they count from 0.
        unix_ms: @into Option<u64> = None,
    } with {
        /// The gateway's REST interface.
        server: Server, ServerPatch,
        /// The subscription and its socket.
        subscription: SubscriptionConfig, SubscriptionConfigPatch,
        /// The keeping of the socket, and its opening again.
        connectivity: Connectivity, ConnectivityPatch,
        /// The taking of notifications.
        notifications: Notifications, NotificationsPatch,
        /// The making and taking of calls.
        call: CallConfig, CallConfigPatch,
        /// The telling of messages on the wire.
        trace: Trace, TracePatch,
    }
}

impl Config {
    /// Settings for a gateway by the host names of its REST interface and of its sockets, both by TLS
    /// at port 443.
    #[must_use]
    pub fn new(server: impl Into<String>, websocket: impl Into<String>) -> Self {
        let subscription =
            SubscriptionConfig::default().websocket(WebSocket::default().host(websocket));
        Self::default().server(Server::default().base(server)).subscription(subscription)
    }

    /// Settings for a gateway by the addresses of its REST interface and of its sockets, as
    /// `https://gateway.example` and `wss://gateway.example:8443`. What comes after the port is left out.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`](super::ErrorCode::Options): an address with another scheme, or without a
    /// host.
    pub fn at(rest: &str, websocket: &str) -> Result<Self, Error> {
        let server = Server::at(rest)?;
        let subscription = SubscriptionConfig::default().websocket(WebSocket::at(websocket)?);
        Ok(Self::default().server(server).subscription(subscription))
    }

    /// The base of all requests: scheme, host and port, which is always written (w1.1).
    #[must_use]
    pub fn rest_base(&self) -> String {
        let Server { base, scheme, port } = &self.server;
        format!("{scheme}://{base}:{port}")
    }

    /// The base of all sockets, likewise (w2.6).
    #[must_use]
    pub fn ws_base(&self) -> String {
        let WebSocket { host, scheme, port } = &self.subscription.websocket;
        format!("{scheme}://{host}:{port}")
    }
}
