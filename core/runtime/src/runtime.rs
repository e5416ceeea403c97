//! The contract of an asynchronous runtime: tasks, time and sockets.

use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use futures_util::io::{AsyncRead, AsyncWrite};

use crate::error::NoRuntime;

/// An asynchronous runtime, as far as a program needs it: tasks and time. A type without values: its
/// functions find the runtime around them.
///
/// A program that is generic over it runs on every one of them, a simulated one too:
///
/// ```
/// use std::time::Duration;
/// use offhook::genesys::{Error, Phone as _};
/// use offhook_runtime::Runtime;
/// use offhook_runtime::genesys::{Call, Client};
///
/// async fn bot<R: Runtime>(phone: Client<R>) -> Result<(), Error> {
///     let mut calls = phone.calls();
///     phone.connect().await?;
///     while let Some(call) = calls.next().await {
///         let _ = R::spawn(hang_up_soon(call));
///     }
///     Ok(())
/// }
///
/// async fn hang_up_soon<R: Runtime>(call: Call<R>) {
///     if call.answer().await.is_ok() {
///         R::sleep(Duration::from_secs(10)).await;
///         let _ = call.hang_up().await;
///     }
/// }
/// ```
pub trait Runtime: 'static {
    /// Runs a task to its end, unless the runtime itself ends before.
    ///
    /// # Errors
    ///
    /// The caller is not inside such a runtime.
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime>;

    /// The present, by the clock of [`Runtime::sleep_until`].
    #[must_use]
    fn now() -> Instant {
        Instant::now()
    }

    /// Waits until [`Runtime::now`] is this instant, never less.
    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send;

    /// Waits for so long from now on; [`Duration::MAX`] is for ever.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
        let until = Self::now().checked_add(time);
        async move {
            match until {
                Some(at) => Self::sleep_until(at).await,
                None => pending().await,
            }
        }
    }
}

/// A runtime with sockets, which can drive a machine.
pub trait Sockets: Runtime {
    /// A TCP connection.
    type Tcp: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A UDP socket that can be waited on.
    type Udp: Send + Sync + 'static;

    /// Connects, from an address of the caller's where it names one, and without Nagle's delay: the
    /// connection, and its own end.
    fn connect(
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> impl Future<Output = io::Result<(Self::Tcp, SocketAddr)>> + Send;

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
