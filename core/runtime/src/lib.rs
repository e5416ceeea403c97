//! The shared part of offhook's asynchronous runtimes: everything but their sockets, timers and
//! tasks.
//!
//! Applications use `offhook-tokio` or `offhook-smol`, which are this crate with a runtime's [`Sockets`].
//! One task drives one machine: it drains the machine's outputs, carries them out, and waits for
//! the next input, command, frame or wake-up. Handles talk to that task over bounded
//! queues; nothing an application does or leaves undone can block it.
//!
//! To run offhook without async, write a loop over [`offhook::Machine`] instead; the
//! `custom-loop` example is one.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod audio;
mod client;
mod clock;
mod connect;
mod connection;
mod drive;
mod driver;
mod error;
mod exchange;
mod fair;
mod frames;
mod front;
pub mod genesys;
mod handle;
mod hold;
mod http;
mod hub;
mod inbox;
mod interfaces;
mod line;
mod lookup;
mod media_host;
mod name;
mod net;
#[cfg(feature = "audio")]
mod pcm;
#[cfg(feature = "str0m")]
mod probe;
mod queue;
#[cfg(feature = "audio")]
mod recording;
mod reply;
pub mod ribbon;
mod runtime;
mod service;
mod stream;
mod timer;
mod trust;
mod udp;
mod watch;
mod ws;

pub use audio::{Audio, AudioReceiver, AudioSender};
pub use client::{Builder, Client};
pub use clock::Clock;
pub use drive::{Drive, MediaNews, Observer};
pub use error::{BuildError, NoRuntime, SendError, StartError, WaitError};
pub use frames::{FrameReceiver, FrameSender, Frames};
pub use front::{Asked, Asker, Front};
pub use handle::{Completion, Events, Handle, attach, start, start_at};
#[cfg(feature = "audio")]
pub use pcm::{Pcm, PcmReceiver, PcmSender};
#[cfg(feature = "str0m")]
pub use probe::prober;
pub use queue::{AUDIO_QUEUE, EVENT_BYTES, EVENT_QUEUE, VIDEO_BYTES, VIDEO_QUEUE};
#[cfg(feature = "audio")]
pub use recording::{Recorder, Recording};
pub use reply::Reply;
pub use runtime::{Runtime, Sockets};
pub use service::Service;
