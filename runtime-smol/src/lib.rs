//! offhook on smol: an agent's phone as an async handle and a stream of events.
//!
//! ```no_run
//! use offhook::genesys::{Config, Event, Phone as _};
//! use offhook_smol::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
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
//!                 smol::spawn(async move {
//!                     while let Some(frame) = audio.stream.next().await {
//!                         if audio.sink.send(frame).await.is_err() {
//!                             break;
//!                         }
//!                     }
//!                 })
//!                 .detach();
//!             }
//!             Event::SessionEnded { .. } => break,
//!             _ => {}
//!         }
//!     }
//!     phone.disconnect().await?;
//!     Ok(())
//! })
//! }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use offhook::genesys;
use offhook_runtime::Runtime;
pub use offhook_runtime::{
    AUDIO_QUEUE, Audio, AudioEnded, AudioReceiver, AudioSender, BuildError, Clock, EVENT_BYTES,
    EVENT_QUEUE, NoRuntime, Reply,
};
use smol::{Async, Timer};

/// A phone on smol. Its keys are the methods of [`genesys::Phone`].
pub type Client = offhook_runtime::Client<Smol>;

/// Settings for a [`Client`].
pub type Builder = offhook_runtime::Builder<Smol>;

/// What a [`Client`] tells: a stream of [`genesys::Event`].
pub type Events = offhook_runtime::Events<genesys::Client>;

/// smol with its global executor, whose threads start by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

impl Runtime for Smol {
    type Tcp = smol::net::TcpStream;
    type Udp = Async<UdpSocket>;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        smol::spawn(task).detach();
        Ok(())
    }

    async fn sleep_until(at: Instant) {
        Timer::at(at).await;
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Tcp> {
        let socket = smol::net::TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
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
