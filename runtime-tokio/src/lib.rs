//! offhook on tokio: an agent's phone as an async handle and a stream of events.
//!
//! ```no_run
//! use offhook::genesys::{Config, Event, Phone as _};
//! use offhook_tokio::Client;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::agent("mypurecloud.com", std::env::var("TOKEN")?);
//!     let (phone, mut events) = Client::builder(config).build()?;
//!     phone.connect().await?;
//!
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Event::PendingSession(call) => phone.accept_pending(&call.conversation).await?,
//!             Event::SessionStarted(session) => {
//!                 // Say back what is heard, until the call ends.
//!                 let mut audio = phone.audio(session.media);
//!                 tokio::spawn(async move {
//!                     while let Some(frame) = audio.stream.next().await {
//!                         if audio.sink.send(frame).await.is_err() {
//!                             break;
//!                         }
//!                     }
//!                 });
//!             }
//!             Event::SessionEnded { .. } => break,
//!             _ => {}
//!         }
//!     }
//!     phone.disconnect().await?;
//!     Ok(())
//! }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use async_tungstenite::tokio::TokioAdapter;
use offhook::genesys;
use offhook_runtime::Runtime;
pub use offhook_runtime::{
    AUDIO_QUEUE, Audio, AudioEnded, AudioReceiver, AudioSender, BuildError, Clock, EVENT_BYTES,
    EVENT_QUEUE, NoRuntime, Reply,
};
use socket2::SockRef;

/// A phone on tokio. Its keys are the methods of [`genesys::Phone`].
pub type Client = offhook_runtime::Client<Tokio>;

/// Settings for a [`Client`].
pub type Builder = offhook_runtime::Builder<Tokio>;

/// What a [`Client`] tells: a stream of [`genesys::Event`].
pub type Events = offhook_runtime::Events<genesys::Client>;

/// tokio, as found around the caller. It needs its I/O and time drivers.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

impl Runtime for Tokio {
    type Tcp = TokioAdapter<tokio::net::TcpStream>;
    type Udp = tokio::net::UdpSocket;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| NoRuntime)?;
        drop(runtime.spawn(task));
        Ok(())
    }

    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send {
        tokio::time::sleep_until(at.into())
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Tcp> {
        let socket = tokio::net::TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(TokioAdapter::new(socket))
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

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
