//! The contract of model services: what one is told, and what it says is to be done. The rules of
//! `offhook::machine` hold from the other side.

use std::net::SocketAddr;
use std::time::Instant;

use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioFrame, Digit, VideoFrame};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}

id!(
    /// Names one client's WebSocket; chosen by the driver.
    ConnId
);
id!(
    /// Names one HTTP request; chosen by the driver.
    RequestId
);

/// A model service: a state machine without sockets or a clock. The simulator drives it in virtual
/// time, the emulator on real sockets.
pub trait Service {
    /// Tells it what happened.
    fn handle_input(&mut self, now: Instant, input: Input);

    /// The next thing to do. Call again until it answers [`Output::Timeout`].
    fn poll_output(&mut self) -> Output;

    /// True if streams of bytes are taken at that address. Unless a service says so, all are refused. Only a
    /// simulated network has such streams.
    fn listens(&self, to: SocketAddr) -> bool {
        let _ = to;
        false
    }

    /// Tells it what happened on a stream to an address that it [listens](Service::listens) at.
    fn handle_stream(&mut self, now: Instant, conn: ConnId, event: StreamInput) {
        let _ = (now, conn, event);
    }
}

/// An event of a stream of bytes: TCP, or TLS over it.
#[derive(Debug)]
pub enum StreamInput {
    /// Somebody connected.
    Opened {
        /// The address that they come from.
        from: SocketAddr,
        /// The address that they connected to.
        to: SocketAddr,
        /// Over TLS, the host that they want to find there.
        tls: Option<String>,
    },
    /// Bytes came, in order.
    Data(Vec<u8>),
    /// It is gone; not told of one that [`Output::CloseStream`] closed.
    Closed,
}

/// One thing that happened outside the service.
#[derive(Debug)]
pub enum Input {
    /// Only time passed.
    Timeout,
    /// An HTTP request came, for the service's API or under `/control`.
    Request {
        /// The request; answered by [`Output::Respond`].
        id: RequestId,
        /// The request: method, path with query, headers, whole body.
        request: http::Request<Vec<u8>>,
    },
    /// A WebSocket upgrade was asked for; answered by [`Output::Accept`] or [`Output::Refuse`].
    SocketRequested {
        /// The name of the connection.
        conn: ConnId,
        /// The path asked for, with its query.
        path: String,
    },
    /// A text message came.
    SocketText {
        /// The connection that it came from.
        conn: ConnId,
        /// The message.
        text: String,
    },
    /// The socket is gone.
    SocketClosed {
        /// The connection.
        conn: ConnId,
    },
    /// Media sockets are bound.
    UdpOpened {
        /// The group.
        id: UdpId,
        /// Their addresses.
        local: Vec<SocketAddr>,
    },
    /// A datagram came.
    Datagram {
        /// The group that it came to.
        id: UdpId,
        /// The group's address that it came to.
        local: SocketAddr,
        /// The sender.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Somebody outside plays a call's far end from now on: its frames come as
    /// [`Input::FarAudio`], what the agent says goes out as [`Output::FarAudio`].
    PlayFarEnd {
        /// The conversation of the far end.
        conversation: String,
    },
    /// The far end of such a call speaks.
    FarAudio {
        /// The conversation of the far end.
        conversation: String,
        /// The frame.
        frame: AudioFrame,
    },
    /// The far end of such a call presses keys.
    FarKeys {
        /// The conversation of the far end.
        conversation: String,
        /// The keys.
        digits: Vec<Digit>,
    },
}

/// One thing to do, or the end of a drain.
#[derive(Debug)]
pub enum Output {
    /// Answer an HTTP request.
    Respond {
        /// The request.
        id: RequestId,
        /// The whole response.
        response: http::Response<Vec<u8>>,
    },
    /// Accept a WebSocket.
    Accept {
        /// The connection.
        conn: ConnId,
        /// The subprotocol, if the client offers it (RFC 6455 section 1.9).
        protocol: Option<&'static str>,
    },
    /// Refuse a WebSocket.
    Refuse {
        /// The connection.
        conn: ConnId,
        /// The HTTP status.
        status: u16,
    },
    /// Send a text message.
    SendText {
        /// The connection.
        conn: ConnId,
        /// The message.
        text: String,
    },
    /// Close a WebSocket.
    CloseSocket {
        /// The connection.
        conn: ConnId,
        /// With a close frame of this code; without, the connection is just dropped.
        code: Option<u16>,
    },
    /// Bind media sockets.
    OpenUdp {
        /// The name of the group.
        id: UdpId,
    },
    /// Send a datagram.
    Transmit {
        /// The group.
        id: UdpId,
        /// The group's address to send from.
        local: SocketAddr,
        /// The receiver.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Close media sockets.
    CloseUdp {
        /// The group.
        id: UdpId,
    },
    /// Send bytes on a stream.
    SendStream {
        /// The stream.
        conn: ConnId,
        /// The bytes.
        data: Vec<u8>,
    },
    /// Close a stream.
    CloseStream {
        /// The stream.
        conn: ConnId,
    },
    /// The agent spoke to a far end that is played outside.
    FarAudio {
        /// The conversation of the far end.
        conversation: String,
        /// The frame.
        frame: AudioFrame,
    },
    /// The agent showed a picture to a room that is played outside.
    FarPicture {
        /// The conversation of the room.
        conversation: String,
        /// The picture.
        frame: VideoFrame,
    },
    /// Something worth a line on a screen.
    Log(String),
    /// A client did what no client may do.
    Wrong(String),
    /// The drain is over. Wake the service then, if at all.
    Timeout(Option<Wake>),
}
