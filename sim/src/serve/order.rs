//! Orders that tasks at sockets and programs bring to the driver, and what it hands back to them.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use offhook::machine::UdpId;
use offhook::media::AudioFrame;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::service::{ConnId, Input};

/// Something for the driver to do.
#[derive(Debug)]
pub(super) enum Order {
    Request {
        request: http::Request<Vec<u8>>,
        answer: oneshot::Sender<http::Response<Vec<u8>>>,
    },
    Upgrade {
        path: String,
        answer: oneshot::Sender<Result<Upgrade, u16>>,
    },
    Text {
        conn: ConnId,
        text: String,
        /// Its part of what all messages may hold.
        held: OwnedSemaphorePermit,
    },
    Closed {
        conn: ConnId,
    },
    Udp {
        id: UdpId,
        input: Input,
    },
    PlayFarEnd {
        conversation: String,
        spoken: mpsc::Receiver<AudioFrame>,
        hear: mpsc::Sender<AudioFrame>,
    },
    Spoken {
        conversation: String,
        frame: AudioFrame,
    },
    Stop,
}

/// An accepted WebSocket: what to write to it.
#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) conn: ConnId,
    /// The subprotocol, if the client offers it.
    pub(super) protocol: Option<&'static str>,
    pub(super) outgoing: mpsc::Receiver<Outgoing>,
    /// The bytes of the texts that wait in `outgoing`.
    pub(super) backlog: Arc<AtomicUsize>,
}

/// Something to write to a WebSocket.
#[derive(Debug)]
pub(super) enum Outgoing {
    Text(String),
    /// Close it, with a frame of this code or without any.
    Close(Option<u16>),
}
