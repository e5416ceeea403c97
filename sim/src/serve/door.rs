//! The way by which a connection came in.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

/// The way by which a connection came in.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// Our address, as the client dialled it.
    pub(super) local: SocketAddr,
    pub(super) secure: bool,
    /// Its place among the connections, for as long as anything of it is there.
    _place: Arc<OwnedSemaphorePermit>,
}

impl Door {
    pub(super) fn new(local: SocketAddr, secure: bool, place: OwnedSemaphorePermit) -> Self {
        Self { local, secure, _place: Arc::new(place) }
    }
}
