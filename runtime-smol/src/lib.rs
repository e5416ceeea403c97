//! offhook on smol: an agent's phone as an async handle and a stream of events.
//!
//! A bot that answers every call and says back what it hears. A call that fails ends nothing but
//! itself:
//!
//! ```no_run
//! use offhook::genesys::{Config, Phone as _};
//! use offhook_smol::{Call, Client};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     smol::block_on(async {
//!         let config = Config::agent("mypurecloud.com", std::env::var("OFFHOOK_TOKEN")?);
//!         let (phone, _) = Client::builder(config).build()?;
//!         let mut calls = phone.calls();
//!         phone.connect().await?;
//!         while let Some(call) = calls.next().await {
//!             smol::spawn(echo(call)).detach();
//!         }
//!         Ok(())
//!     })
//! }
//!
//! async fn echo(call: Call) {
//!     if let Err(error) = call.answer().await {
//!         return println!("{call:?}: {error}");
//!     }
//!     while let Ok(mut audio) = call.audio().await {
//!         while let Some(frame) = audio.stream.next().await {
//!             let _ = audio.sink.send(frame).await;
//!         }
//!     }
//!     println!("{call:?}: {}", call.ended().await.reason);
//! }
//! ```
//!
//! The same program over a [`Runtime`] instead of this one runs on tokio and in the simulator as well
//! (`offhook_sim::Scenario::program`).
//!
//! A [`Call`] has the keys and the state of one call; [`Client`] has those of the phone, as methods of
//! [`offhook::genesys::Phone`]. All that happens is told as [`Events`] besides, of which there may be
//! several ([`Client::events`](offhook_runtime::Client::events)):
//!
//! ```no_run
//! # async fn logged_out(phone: offhook_smol::Client) -> Result<(), offhook_smol::WaitError> {
//! use std::time::Duration;
//! use offhook::genesys::Event;
//!
//! let mut events = phone.events();
//! let error = events.wait(Duration::MAX, |event| match event {
//!     Event::Disconnected { reconnecting: false, error } => Some(error),
//!     _ => None,
//! });
//! println!("the phone stopped: {:?}", error.await?);
//! # Ok(())
//! # }
//! ```
//!
//! The history of a phone in numbers is [`Client::counters`](offhook_runtime::Client::counters). With the
//! feature `metrics`, which is off, the counters of all phones are also told to the recorder of the `metrics`
//! facade that the application has installed, under the names of `offhook_runtime::genesys::metrics`.
//!
//! Far ends that secure their media with an RSA certificate need the feature `rsa`, which is off as it needs the
//! system's OpenSSL, and a client that is made with it:
//!
//! ```ignore
//! let engines = offhook::media::WebRtcFactory::with_rsa()?;
//! let (phone, _) = Client::builder(config).engine_factory(Box::new(engines)).build()?;
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

pub use offhook;
pub use offhook_runtime::{
    AUDIO_QUEUE, Audio, AudioReceiver, AudioSender, Clock, EVENT_BYTES, EVENT_QUEUE, FrameReceiver,
    FrameSender, Frames, NoRuntime, StartError, VIDEO_BYTES, VIDEO_QUEUE, WaitError,
};
use offhook_runtime::{Runtime, Sockets};
use smol::{Async, Timer};
use socket2::{Domain, Protocol, Socket, Type};

// The names of before there was a second service, until 1.0.
pub use self::genesys::{
    ANSWER_LIMIT, BuildError, Builder, CALL_QUEUE, Call, CallEnd, Calls, Client, Events, Reply,
};

/// smol with its global executor, whose threads start by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

impl Runtime for Smol {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        smol::spawn(task).detach();
        Ok(())
    }

    async fn sleep_until(at: Instant) {
        Timer::at(at).await;
    }
}

impl Sockets for Smol {
    type Tcp = smol::net::TcpStream;
    type Udp = Async<UdpSocket>;

    async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<(Self::Tcp, SocketAddr)> {
        let socket = match from {
            Some(from) => connect_from(from, to).await?.into(),
            None => Self::Tcp::connect(to).await?,
        };
        socket.set_nodelay(true)?;
        let local = socket.local_addr()?;
        Ok((socket, local))
    }

    fn udp(socket: UdpSocket) -> io::Result<Self::Udp> {
        Async::new(socket)
    }

    fn send(socket: &Self::Udp, data: &[u8], remote: SocketAddr) -> io::Result<usize> {
        socket.get_ref().send_to(data, remote)
    }

    async fn receive(socket: &Self::Udp, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }
}

/// Connects from an address of ours, which smol itself has no way to say.
async fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<Async<TcpStream>> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.set_nonblocking(true)?;
    match socket.connect(&to.into()) {
        Err(error) if !is_under_way(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = Async::new_nonblocking(TcpStream::from(socket))?;
    socket.writable().await?;
    match socket.get_ref().take_error()? {
        Some(error) => Err(error),
        None => Ok(socket),
    }
}

/// True if a connection is not there yet, and may come.
#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// True if a connection is not there yet, and may come.
#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

pub mod genesys {
    //! The phone of an agent on Genesys Cloud, on smol.

    pub use offhook_runtime::genesys::{
        ANSWER_LIMIT, BuildError, CALL_QUEUE, CallEnd, Events, Reply,
    };

    use super::Smol;

    /// A phone on smol. Its keys are the methods of [`offhook::genesys::Phone`].
    pub type Client = offhook_runtime::genesys::Client<Smol>;

    /// One call of a [`Client`].
    pub type Call = offhook_runtime::genesys::Call<Smol>;

    /// The calls of a [`Client`]: a stream of [`Call`].
    pub type Calls = offhook_runtime::genesys::Calls<Smol>;

    /// Settings for a [`Client`].
    pub type Builder = offhook_runtime::genesys::Builder<Smol>;
}

pub mod ribbon {
    //! The client of a Ribbon WebRTC Gateway, on smol.

    pub use offhook_runtime::ribbon::{BuildError, Events, HostEvents, HostReply, Reply};

    use super::Smol;

    /// A client on smol. Its keys are the methods of [`offhook::ribbon::Phone`].
    pub type Client = offhook_runtime::ribbon::Client<Smol>;

    /// Settings for a [`Client`].
    pub type Builder = offhook_runtime::ribbon::Builder<Smol>;

    /// The media of a client in another process, on smol.
    pub type MediaHost = offhook_runtime::ribbon::MediaHost<Smol>;

    /// Settings for a [`MediaHost`].
    pub type HostBuilder = offhook_runtime::ribbon::HostBuilder<Smol>;
}
