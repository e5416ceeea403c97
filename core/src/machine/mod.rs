//! The contract between a machine and whatever runs it.
//!
//! A machine decides; a runtime does. Two verbs join them:
//!
//! 1. [`Machine::handle_input`] tells the machine one thing that happened, and when.
//! 2. [`Machine::poll_output`] is called until it answers [`Output::Timeout`]. Each other
//!    answer is something the runtime must do now: open or write a WebSocket, send an HTTP
//!    request, send a datagram, show an event to the application.
//!
//! Between two mutations (an input or a [`Machine::submit`]) there must be a full drain.
//! [`Output::Timeout`] ends every drain and says when, and why, the machine wants to be woken
//! with [`Input::Timeout`] if nothing else happens first. A machine that is woken late still
//! works; it is never right to wake it earlier "to be safe", because a queue that forgot to ask
//! for its wake-up would then go unnoticed.
//!
//! Commands go in through [`Machine::submit`]. One that is impossible now fails at once and
//! changes nothing. Any other returns a [`CommandId`], and exactly one [`Output::Completed`]
//! with that id follows, also when the connection dies.
//!
//! # Duties of a runtime
//!
//! - Ids ([`WsId`], [`HttpId`], [`UdpId`] and others) are chosen by the machine and never reused. Answer
//!   each [`Output::Http`] once. Answer [`Output::OpenWebSocket`] with [`WsEvent::Opened`] or
//!   [`WsEvent::Failed`], and an opened one, in the end, with [`WsEvent::Closed`], unless the
//!   machine itself asked for [`Output::CloseWebSocket`]: after that nothing more is expected,
//!   and late events are ignored.
//! - Answer [`Output::OpenStream`] as a WebSocket: with [`StreamEvent::Opened`] or
//!   [`StreamEvent::Failed`], and an opened one, in the end, with [`StreamEvent::Closed`], unless the
//!   machine asked for [`Output::CloseStream`]. A stream that takes no more bytes is ended, never
//!   waited for. Answer each [`Output::Resolve`] once.
//! - Answer [`Output::OpenUdp`] with [`UdpEvent::Opened`] and the addresses bound, or
//!   [`UdpEvent::Failed`]: one session may have several groups of sockets, each with an id of its own.
//!   Send each [`Output::Transmit`] from its `local` address. A runtime that looks after its interfaces may
//!   tell later what came and went ([`UdpEvent::Changed`]); none has to.
//! - `now` never goes backwards. An earlier instant is taken as the latest one seen. It comes from
//!   a clock that goes on while the computer sleeps, as [`Instant::now`] does not everywhere:
//!   otherwise a machine does not know that it slept.
//! - What is queued for the machine is bounded by number and by bytes. A peer that fills the queue
//!   is not read any further.
//! - An input for an id that the machine no longer knows is ignored.

mod clock;
mod code_point;
mod commands;
mod due;
mod frame;
mod id;
mod local;
mod net_error;
mod outputs;
mod rid;
mod seed;
mod stream;
mod timers;
mod track;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

pub use self::clock::WallClock;
pub use self::code_point::{CodePoint, CodePointError};
pub(crate) use self::commands::Commands;
pub(crate) use self::due::Due;
pub use self::frame::{AudioCodec, AudioCodecs, AudioFrame, Frame, VideoCodec, VideoFrame};
pub use self::id::{CommandId, HttpId, MediaId, NameId, StreamId, UdpId, WsId};
pub use self::local::Local;
pub use self::net_error::{NetError, NetErrorKind};
pub(crate) use self::outputs::Outputs;
pub use self::rid::{NotARid, Rid};
pub use self::seed::{Rng, Seed};
pub use self::stream::StreamEvent;
pub use self::timers::{TimerName, Timers, Wake};
pub use self::track::{MediaKind, Track, TrackId};

/// A state machine that a runtime drives. See the [module documentation](self).
pub trait Machine {
    /// A request of the application.
    type Command;
    /// An event for the application.
    type Event;
    /// The result of a command that succeeded.
    type Outcome;
    /// The error of a command that failed, at once or later.
    type Error: std::error::Error;

    /// Asks for something.
    ///
    /// # Errors
    ///
    /// The command is impossible in this state; nothing changed and no completion will follow.
    fn submit(&mut self, now: Instant, command: Self::Command) -> Result<CommandId, Self::Error>;

    /// Tells the machine what happened.
    fn handle_input(&mut self, now: Instant, input: Input);

    /// The next thing to do. Call again until it answers [`Output::Timeout`].
    fn poll_output(&mut self) -> Output<Self::Event, Self::Outcome, Self::Error>;
}

/// The output type of a machine, spelled from its parts.
pub type OutputOf<M> =
    Output<<M as Machine>::Event, <M as Machine>::Outcome, <M as Machine>::Error>;

/// One thing that happened outside the machine.
#[derive(Clone)]
#[non_exhaustive]
pub enum Input {
    /// Only time passed.
    Timeout,
    /// Something happened on a WebSocket.
    WebSocket {
        /// The socket.
        id: WsId,
        /// The event.
        event: WsEvent,
    },
    /// An HTTP exchange ended. Any status is a response; no response is a [`NetError`].
    Http {
        /// The exchange.
        id: HttpId,
        /// The whole response, or why there is none.
        result: Result<http::Response<Vec<u8>>, NetError>,
    },
    /// Something happened on a UDP socket group.
    Udp {
        /// The socket group.
        id: UdpId,
        /// The event.
        event: UdpEvent,
    },
    /// Something happened on a stream of bytes.
    Stream {
        /// The stream.
        id: StreamId,
        /// The event.
        event: StreamEvent,
    },
    /// A name was looked up.
    Resolved {
        /// The question.
        id: NameId,
        /// The addresses of the host, in the order of preference, at least one; or why there are
        /// none.
        result: Result<Vec<IpAddr>, NetError>,
    },
    /// The application sends: one encoded frame of a track, of the track's kind.
    Frame {
        /// The track.
        track: TrackId,
        /// The frame.
        frame: Frame,
    },
}

/// An event of a WebSocket.
#[derive(Clone)]
#[non_exhaustive]
pub enum WsEvent {
    /// The handshake is done.
    Opened {
        /// The subprotocol the server chose.
        protocol: Option<String>,
    },
    /// One whole text message.
    Text(String),
    /// The socket ended after it was open, by whichever side, cleanly or not.
    Closed {
        /// The close code (RFC 6455 section 7.4), if a close frame came, or if the runtime closed
        /// the socket itself: 1009 for a message over its limit, 1008 for frames without end that
        /// carry nothing.
        code: Option<u16>,
        /// The close frame's reason, or what the network said.
        reason: String,
    },
    /// The socket never opened.
    Failed(NetError),
}

/// An event of a UDP socket group.
#[derive(Clone)]
#[non_exhaustive]
pub enum UdpEvent {
    /// Bound: one socket for each address.
    Opened {
        /// The local addresses.
        local: Vec<Local>,
    },
    /// Addresses came or went, while others stay: the machine roams.
    Changed {
        /// New ones, each with a socket.
        added: Vec<Local>,
        /// Those whose sockets are closed.
        removed: Vec<SocketAddr>,
    },
    /// No socket could be bound.
    Failed(NetError),
    /// A datagram came.
    Datagram {
        /// The local address it came to.
        local: SocketAddr,
        /// The address of the sender.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
}

/// One thing to do, or the end of a drain.
#[non_exhaustive]
pub enum Output<Event, Outcome, Error> {
    /// Open a WebSocket (RFC 6455).
    OpenWebSocket {
        /// The id that all its events carry.
        id: WsId,
        /// The URI (`ws` or `wss`) and extra headers, `Sec-WebSocket-Protocol` among them. The
        /// URI may hold a secret: do not log its path.
        request: http::Request<()>,
        /// Give up, with [`NetErrorKind::Timeout`], when it has not opened by then.
        deadline: Instant,
    },
    /// Send one text message.
    SendText {
        /// The socket.
        id: WsId,
        /// The message. May hold a secret: do not log it.
        text: String,
    },
    /// Send a close frame if that is still possible, then drop the socket.
    CloseWebSocket {
        /// The socket.
        id: WsId,
    },
    /// Do one HTTP exchange. Redirects are not followed; statuses are not errors.
    Http {
        /// The id that the answer carries.
        id: HttpId,
        /// The request. Its headers hold a secret: do not log them.
        request: http::Request<Vec<u8>>,
        /// Give up, with [`NetErrorKind::Timeout`], when it has not ended by then.
        deadline: Instant,
    },
    /// Bind UDP sockets for one session's media.
    OpenUdp {
        /// The id that all its events carry.
        id: UdpId,
        /// The one address to bind, to a port of its own, of those that media may use; none for each of them. One that
        /// goes is not replaced.
        from: Option<IpAddr>,
        /// The urgency of its packets. A wish: sockets that cannot have it are as good.
        dscp: Option<CodePoint>,
    },
    /// Send a datagram.
    Transmit {
        /// The socket group.
        id: UdpId,
        /// The local address to send from, one of the group's.
        local: SocketAddr,
        /// The address of the receiver.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Close a UDP socket group.
    CloseUdp {
        /// The socket group.
        id: UdpId,
    },
    /// Open a stream of bytes: TCP, or TLS over it.
    OpenStream {
        /// The id that all its events carry.
        id: StreamId,
        /// The address to connect to.
        to: SocketAddr,
        /// For TLS, the host that the certificate is to name (RFC 9525): a DNS name or an address.
        tls: Option<String>,
        /// The address to connect from, where that matters: of the network that a candidate belongs to.
        from: Option<IpAddr>,
        /// Give up, with [`NetErrorKind::Timeout`], when it has not opened by then.
        deadline: Instant,
    },
    /// Send bytes on a stream, after all that were sent before.
    SendStream {
        /// The stream.
        id: StreamId,
        /// The bytes.
        data: Vec<u8>,
    },
    /// Send what was queued if that is still possible, and close the stream.
    CloseStream {
        /// The stream.
        id: StreamId,
    },
    /// Look up the addresses of a host.
    Resolve {
        /// The id that the answer carries.
        id: NameId,
        /// The host: a DNS name, or an address, which is its own answer.
        host: String,
        /// Give up, with [`NetErrorKind::Timeout`], when there is no answer by then.
        deadline: Instant,
    },
    /// The far side sent: one encoded frame of a track.
    Frame {
        /// The track.
        track: TrackId,
        /// The frame.
        frame: Frame,
    },
    /// Tell the application.
    Event(Event),
    /// A command is over.
    Completed {
        /// The command.
        command: CommandId,
        /// The outcome.
        result: Result<Outcome, Error>,
    },
    /// The drain is over. Wake the machine then, if at all.
    Timeout(Option<Wake>),
}

// Frames and requests carry tokens, so Debug shows shapes, never contents.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("Timeout"),
            Self::WebSocket { id, event } => write!(f, "{id:?} {event:?}"),
            Self::Http { id, result: Ok(r) } => {
                write!(f, "{id:?} {} ({} bytes)", r.status(), r.body().len())
            }
            Self::Http { id, result: Err(e) } => write!(f, "{id:?} {e}"),
            Self::Udp { id, event } => write!(f, "{id:?} {event:?}"),
            Self::Stream { id, event } => write!(f, "{id:?} {event:?}"),
            Self::Resolved { id, result: Ok(found) } => write!(f, "{id:?} {found:?}"),
            Self::Resolved { id, result: Err(error) } => write!(f, "{id:?} {error}"),
            Self::Frame { track, frame } => write!(f, "{track:?} {frame:?}"),
        }
    }
}

impl fmt::Debug for WsEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { protocol } => write!(f, "Opened({protocol:?})"),
            Self::Text(t) => write!(f, "Text({} bytes)", t.len()),
            Self::Closed { code, reason } => write!(f, "Closed({code:?}, {reason:?})"),
            Self::Failed(e) => write!(f, "Failed({e})"),
        }
    }
}

impl fmt::Debug for UdpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { local } => write!(f, "Opened({local:?})"),
            Self::Changed { added, removed } => {
                write!(f, "Changed({added:?} came, {removed:?} went)")
            }
            Self::Failed(e) => write!(f, "Failed({e})"),
            Self::Datagram { local, remote, data } => {
                write!(f, "Datagram({remote} to {local}, {} bytes)", data.len())
            }
        }
    }
}

impl<Event: fmt::Debug, Outcome: fmt::Debug, Error: fmt::Debug> fmt::Debug
    for Output<Event, Outcome, Error>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenWebSocket { id, request, .. } => {
                write!(f, "OpenWebSocket({id:?}, {:?})", request.uri().host())
            }
            Self::SendText { id, text } => write!(f, "SendText({id:?}, {} bytes)", text.len()),
            Self::CloseWebSocket { id } => write!(f, "CloseWebSocket({id:?})"),
            Self::Http { id, request, .. } => {
                write!(f, "Http({id:?}, {} {})", request.method(), request.uri().path())
            }
            Self::OpenUdp { id, .. } => write!(f, "OpenUdp({id:?})"),
            Self::Transmit { id, local, remote, data } => {
                write!(f, "Transmit({id:?}, {local} to {remote}, {} bytes)", data.len())
            }
            Self::CloseUdp { id } => write!(f, "CloseUdp({id:?})"),
            Self::OpenStream { id, to, tls, .. } => {
                write!(f, "OpenStream({id:?}, {to}{})", if tls.is_some() { ", TLS" } else { "" })
            }
            Self::SendStream { id, data } => write!(f, "SendStream({id:?}, {} bytes)", data.len()),
            Self::CloseStream { id } => write!(f, "CloseStream({id:?})"),
            Self::Resolve { id, host, .. } => write!(f, "Resolve({id:?}, {host})"),
            Self::Frame { track, frame } => write!(f, "Frame({track:?}, {frame:?})"),
            Self::Event(e) => write!(f, "Event({e:?})"),
            Self::Completed { command, result } => write!(f, "Completed({command:?}, {result:?})"),
            Self::Timeout(wake) => write!(f, "Timeout({wake:?})"),
        }
    }
}
