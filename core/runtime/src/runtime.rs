//! What an asynchronous runtime has to bring: tasks, time and sockets.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use futures_util::io::{AsyncRead, AsyncWrite};

use crate::error::NoRuntime;

/// An asynchronous runtime. A type without values: its functions find the runtime around them.
pub trait Runtime: 'static {
    /// A TCP connection.
    type Tcp: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A UDP socket that can be waited on.
    type Udp: Send + Sync + 'static;

    /// Runs a task to its end, unless the runtime itself ends before.
    ///
    /// # Errors
    ///
    /// The caller is not inside such a runtime.
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime>;

    /// Waits until this instant of the standard library's clock, never less.
    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send;

    /// Connects, without Nagle's delay.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Tcp>> + Send;

    /// Takes over a bound, non-blocking socket.
    ///
    /// # Errors
    ///
    /// By the operating system.
    fn udp(socket: UdpSocket) -> io::Result<Self::Udp>;

    /// Sends one datagram without waiting.
    ///
    /// # Errors
    ///
    /// By the operating system; [`io::ErrorKind::WouldBlock`] when it takes none now.
    fn send(socket: &Self::Udp, data: &[u8], remote: SocketAddr) -> io::Result<usize>;

    /// Receives one datagram: its length and its sender.
    fn receive(
        socket: &Self::Udp,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;
}

/// Spawns from within the driver, whose own task shows that the runtime is there.
pub(crate) fn spawn<R: Runtime>(task: impl Future<Output = ()> + Send + 'static) {
    let _ = R::spawn(task);
}
