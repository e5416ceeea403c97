//! Settings of an emulator, and the reasons why it may fail to start.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// Settings of an emulator.
#[derive(Clone, Debug)]
pub struct EmulatorOptions {
    /// The address at which plain HTTP and WebSocket are served; none serves no plain listener.
    /// Default `127.0.0.1:0`, any free port.
    pub listen: Option<SocketAddr>,
    /// The address at which TLS is served, if at all. Default none.
    pub tls_listen: Option<SocketAddr>,
    /// A certificate chain and key (PEM files) instead of a self-signed certificate.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The address that media is bound to and told to be at. Default `127.0.0.1`.
    pub public_ip: IpAddr,
    /// The seed of all the cloud's randomness. Default 1.
    pub seed: u64,
    /// Names (`host:port`) that the control API answers to besides its own address and
    /// `localhost`: where a port is forwarded, for one. It answers to no other, and never to a
    /// request with an `Origin`, so that no page in a browser can use it. Default none.
    pub control_hosts: Vec<String>,
    /// The longest time that the head of a request, its body, a connection's next request and the
    /// first word on a WebSocket of a subprotocol may each take. Default 30 s.
    pub patience: Duration,
    /// The recording that far ends say: 48 kHz mono. Default beeps.
    pub prompt: Option<Vec<i16>>,
    /// The receiver of lines about what happens.
    pub log: Option<mpsc::Sender<String>>,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            tls_listen: None,
            certificate: None,
            public_ip: IpAddr::from([127, 0, 0, 1]),
            seed: 1,
            control_hosts: Vec::new(),
            patience: Duration::from_secs(30),
            prompt: None,
            log: None,
        }
    }
}

/// The reason why an emulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// A socket could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// The thread or its runtime could not be made.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// Ended before it had started.
    #[error("the emulator ended at once")]
    Ended,
}
