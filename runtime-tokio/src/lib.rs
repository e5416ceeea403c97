//! offhook on tokio: an agent's phone as an async handle and a stream of events.
//!
//! A bot that answers every call and says back what it hears. A call that fails ends nothing but
//! itself:
//!
//! ```no_run
//! use offhook::genesys::{Config, Phone as _};
//! use offhook_tokio::{Call, Client};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::agent("mypurecloud.com", std::env::var("OFFHOOK_TOKEN")?);
//!     let (phone, _) = Client::builder(config).build()?;
//!     let mut calls = phone.calls();
//!     phone.connect().await?;
//!     while let Some(call) = calls.next().await {
//!         tokio::spawn(echo(call));
//!     }
//!     Ok(())
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
//! The same program over a [`Runtime`] instead of this one runs on smol and in the simulator as well
//! (`offhook_sim::Scenario::program`).
//!
//! A [`Call`] has the keys and the state of one call; [`Client`] has those of the phone, as methods of
//! [`offhook::genesys::Phone`]. All that happens is told as [`Events`] besides, of which there may be
//! several ([`Client::events`](offhook_runtime::Client::events)):
//!
//! ```no_run
//! # async fn logged_out(phone: offhook_tokio::Client) -> Result<(), offhook_tokio::WaitError> {
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
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use async_tungstenite::tokio::TokioAdapter;
pub use offhook;
pub use offhook_runtime::{
    AUDIO_QUEUE, Audio, AudioReceiver, AudioSender, Clock, EVENT_BYTES, EVENT_QUEUE, FrameReceiver,
    FrameSender, Frames, NoRuntime, StartError, VIDEO_BYTES, VIDEO_QUEUE, WaitError,
};
use offhook_runtime::{Runtime, Sockets};
use socket2::SockRef;
use tokio::net::TcpSocket;

// The names of before there was a second service, until 1.0.
pub use self::genesys::{
    ANSWER_LIMIT, BuildError, Builder, CALL_QUEUE, Call, CallEnd, Calls, Client, Events, Reply,
};

/// tokio, as found around the caller. It needs its I/O and time drivers.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

impl Runtime for Tokio {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| NoRuntime)?;
        drop(runtime.spawn(task));
        Ok(())
    }

    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send {
        tokio::time::sleep_until(at.into())
    }
}

impl Sockets for Tokio {
    type Tcp = TokioAdapter<tokio::net::TcpStream>;
    type Udp = tokio::net::UdpSocket;

    async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<(Self::Tcp, SocketAddr)> {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let socket = socket.connect(to).await?;
        socket.set_nodelay(true)?;
        let local = socket.local_addr()?;
        Ok((TokioAdapter::new(socket), local))
    }

    fn udp(socket: UdpSocket) -> io::Result<Self::Udp> {
        tokio::net::UdpSocket::from_std(socket)
    }

    fn send(socket: &Self::Udp, data: &[u8], remote: SocketAddr) -> io::Result<usize> {
        // tokio's own way takes nothing before its reactor has seen the socket for the first time.
        SockRef::from(socket).send_to(data, &remote.into())
    }

    async fn receive(socket: &Self::Udp, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }
}

pub mod genesys {
    //! The phone of an agent on Genesys Cloud, on tokio.

    pub use offhook_runtime::genesys::{
        ANSWER_LIMIT, BuildError, CALL_QUEUE, CallEnd, Events, Reply,
    };

    use super::Tokio;

    /// A phone on tokio. Its keys are the methods of [`offhook::genesys::Phone`].
    pub type Client = offhook_runtime::genesys::Client<Tokio>;

    /// One call of a [`Client`].
    pub type Call = offhook_runtime::genesys::Call<Tokio>;

    /// The calls of a [`Client`]: a stream of [`Call`].
    pub type Calls = offhook_runtime::genesys::Calls<Tokio>;

    /// Settings for a [`Client`].
    pub type Builder = offhook_runtime::genesys::Builder<Tokio>;
}

pub mod ribbon {
    //! The client of a Ribbon WebRTC Gateway, on tokio.

    pub use offhook_runtime::ribbon::{BuildError, Events, HostEvents, HostReply, Reply};

    use super::Tokio;

    /// A client on tokio. Its keys are the methods of [`offhook::ribbon::Phone`].
    pub type Client = offhook_runtime::ribbon::Client<Tokio>;

    /// Settings for a [`Client`].
    pub type Builder = offhook_runtime::ribbon::Builder<Tokio>;

    /// The media of a client in another process, on tokio.
    pub type MediaHost = offhook_runtime::ribbon::MediaHost<Tokio>;

    /// Settings for a [`MediaHost`].
    pub type HostBuilder = offhook_runtime::ribbon::HostBuilder<Tokio>;
}

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
