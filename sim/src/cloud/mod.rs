//! A model of the service: users, channels, conversations, XMPP, REST and the far ends of calls,
//! as one state machine without sockets or a clock.
//!
//! The simulator drives it in virtual time, [`crate::serve`] on real sockets. The rules of
//! `offhook::machine` hold from the other side: feed it an [`Input`], then take [`Output`]s until
//! [`Output::Timeout`].

mod api;
mod call;
mod calls;
mod clock;
mod control;
mod controls;
mod conversation;
mod directory;
mod events;
mod external;
mod far_end;
mod far_media;
mod far_waits;
mod guests;
mod http;
mod lines;
mod options;
mod prompt;
mod recovery;
mod session;
mod signal;
mod silence;
mod streams;
mod topics;
mod untidy;
mod watched;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use offhook::machine::{UdpId, Wake};
use offhook::media::{AudioFrame, Digit};
use offhook::{Rng, Seed};

use calls::Calls;
use clock::Clock;
use directory::Directory;
use events::Events;
pub use far_end::FarEndMode;
pub use far_media::{FarMedia, RtpManner};
pub(crate) use http::is_control;
use options::{Faults, Options};
use prompt::Prompt;
pub use silence::Silence;
use silence::Silences;
use streams::Streams;
pub use untidy::{FarVoice, Habit};

/// Features that `GET /control/health` tells.
pub const FEATURES: [&str; 20] = [
    "both-signalings",
    "channels-expire",
    "drop",
    "elsewhere",
    "external-far-end",
    "faults",
    "ice-restart",
    "jingle",
    "kill-media",
    "media",
    "options",
    "participant",
    "rebind",
    "reinvite",
    "renegotiate",
    "repropose",
    "sdp-over-xmpp",
    "stanza",
    "station-events",
    "two-lines",
];

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

/// One thing that happened outside the cloud.
#[derive(Debug)]
pub enum Input {
    /// Only time passed.
    Timeout,
    /// An HTTP request came, for the service's API or under `/control`.
    Request {
        /// Which one; answered by [`Output::Respond`].
        id: RequestId,
        /// The request: method, path with query, headers, whole body.
        request: ::http::Request<Vec<u8>>,
    },
    /// A WebSocket upgrade was asked for; answered by [`Output::Accept`] or [`Output::Refuse`].
    SocketRequested {
        /// The name of the connection.
        conn: ConnId,
        /// The path asked for.
        path: String,
    },
    /// A text message came.
    SocketText {
        /// From which connection.
        conn: ConnId,
        /// The message.
        text: String,
    },
    /// The socket is gone.
    SocketClosed {
        /// Which connection.
        conn: ConnId,
    },
    /// Media sockets are bound.
    UdpOpened {
        /// Which group.
        id: UdpId,
        /// Their addresses.
        local: Vec<SocketAddr>,
    },
    /// A datagram came.
    Datagram {
        /// To which group.
        id: UdpId,
        /// To which of its addresses.
        local: SocketAddr,
        /// From whom.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Somebody outside plays a call's far end from now on: its frames come as
    /// [`Input::FarAudio`], what the agent says goes out as [`Output::FarAudio`].
    PlayFarEnd {
        /// Whose far end.
        conversation: String,
    },
    /// The far end of such a call speaks.
    FarAudio {
        /// Whose far end.
        conversation: String,
        /// The frame.
        frame: AudioFrame,
    },
    /// The far end of such a call presses keys.
    FarKeys {
        /// Whose far end.
        conversation: String,
        /// Which.
        digits: Vec<Digit>,
    },
}

/// One thing to do, or the end of a drain.
#[derive(Debug)]
pub enum Output {
    /// Answer an HTTP request.
    Respond {
        /// Which one.
        id: RequestId,
        /// The whole response.
        response: ::http::Response<Vec<u8>>,
    },
    /// Accept a WebSocket, with subprotocol `xmpp`.
    Accept {
        /// Which connection.
        conn: ConnId,
    },
    /// Refuse a WebSocket.
    Refuse {
        /// Which connection.
        conn: ConnId,
        /// With which HTTP status.
        status: u16,
    },
    /// Send a text message.
    SendText {
        /// On which connection.
        conn: ConnId,
        /// The message.
        text: String,
    },
    /// Close a WebSocket.
    CloseSocket {
        /// Which connection.
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
        /// Through which group.
        id: UdpId,
        /// From which address.
        local: SocketAddr,
        /// To whom.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Close media sockets.
    CloseUdp {
        /// Which group.
        id: UdpId,
    },
    /// The agent spoke to a far end that is played outside.
    FarAudio {
        /// Whose far end.
        conversation: String,
        /// The frame.
        frame: AudioFrame,
    },
    /// Something worth a line on a screen.
    Log(String),
    /// A client did what no client may do.
    Wrong(String),
    /// The drain is over. Wake the cloud then, if at all.
    Timeout(Option<Wake>),
}

/// How a cloud is set up.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// Where all its randomness comes from.
    pub seed: Seed,
    /// The wall clock at its first instant, in milliseconds since 1970, for the times in bodies.
    pub unix_ms: u64,
    /// The domain that addresses end in, as in `org.orgspan.{domain}`.
    pub domain: String,
    /// The address that STUN service and media are told to be at.
    pub public_ip: IpAddr,
    /// The port of the STUN service that discovery names.
    pub stun_port: u16,
    /// What far ends say over and over: 48 kHz mono.
    pub prompt: Vec<i16>,
}

impl CloudConfig {
    /// A cloud on loopback whose far ends beep.
    #[must_use]
    pub fn new(seed: u64, unix_ms: u64) -> Self {
        Self {
            seed: Seed::from(seed),
            unix_ms,
            domain: "lab.test".to_owned(),
            public_ip: IpAddr::from([127, 0, 0, 1]),
            stun_port: 3478,
            prompt: prompt::beeps(),
        }
    }
}

/// The model cloud. See the [module](self).
pub struct Cloud {
    world: World,
    streams: Streams,
    calls: Calls,
    /// Which signaling calls of the agent's are proposed with; Jingle by default.
    outbound_signaling: Option<signal::Signaling>,
    /// Whether far ends of calls of the agent's are played outside.
    outbound_far: bool,
    far_waits: far_waits::FarWaits,
}

/// What every part of the cloud may use.
struct World {
    now: Instant,
    clock: Clock,
    rng: Rng,
    seed: Seed,
    domain: String,
    public_ip: IpAddr,
    stun_port: u16,
    factory: Box<dyn FarMedia>,
    prompt: Prompt,
    directory: Directory,
    events: Events,
    options: Options,
    faults: Faults,
    silences: Silences,
    /// How untidy far ends and notifications are.
    lots: untidy::Lots,
    next_udp: u64,
    /// Whose sockets those are that are open: sessions.
    media: BTreeMap<UdpId, String>,
    queue: VecDeque<Output>,
}

/// Whether a character does something to a screen: controls, and changes of direction.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl World {
    fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// A line for a screen: what others said in it cannot steer that.
    fn log(&mut self, line: impl Into<String>) {
        let mut line = line.into();
        if line.contains(steers) {
            line = line.replace(steers, "\u{fffd}");
        }
        self.push(Output::Log(line));
    }

    /// A client did what no client may do.
    fn wrong(&mut self, what: String) {
        self.push(Output::Wrong(what));
    }

    /// Media sockets of a session's.
    fn open_media(&mut self, session: &str) -> UdpId {
        self.next_udp += 1;
        let id = UdpId(self.next_udp);
        self.media.insert(id, session.to_owned());
        self.push(Output::OpenUdp { id });
        id
    }

    fn close_media(&mut self, id: UdpId) {
        self.media.remove(&id);
        self.push(Output::CloseUdp { id });
    }

    /// Tells the control API's listeners.
    fn happened(&mut self, kind: &str, data: serde_json::Value) {
        let t = self.clock.unix_ms(self.now);
        self.events.push(kind, t, data);
        self.answer_waiting();
    }

    /// Answers `GET events` requests that wait for something that has come.
    fn answer_waiting(&mut self) {
        for (id, body) in self.events.take_answers(self.now) {
            self.push(Output::Respond { id, response: http::json(200, &body) });
        }
    }
}

impl Cloud {
    /// A cloud with nobody in it.
    #[must_use]
    pub fn new(config: CloudConfig, factory: Box<dyn FarMedia>, now: Instant) -> Self {
        Self {
            world: World {
                now,
                clock: Clock::new(now, config.unix_ms),
                rng: config.seed.child("ids").rng(),
                lots: untidy::Lots::new(&config.seed),
                seed: config.seed.child("media"),
                directory: Directory::new(&config.domain),
                domain: config.domain,
                public_ip: config.public_ip,
                stun_port: config.stun_port,
                factory,
                prompt: Prompt::new(config.prompt),
                events: Events::default(),
                options: Options::default(),
                faults: Faults::default(),
                silences: Silences::default(),
                next_udp: 0,
                media: BTreeMap::new(),
                queue: VecDeque::new(),
            },
            streams: Streams::default(),
            calls: Calls::default(),
            outbound_signaling: None,
            outbound_far: false,
            far_waits: far_waits::FarWaits::default(),
        }
    }

    /// A user's conversations that are not over, as the service tells them.
    #[must_use]
    pub fn conversations(&self, user: &str) -> Vec<serde_json::Value> {
        self.calls.conversations(user)
    }

    /// Whether a user is muted in a call that is not over, and holds it.
    #[must_use]
    pub fn part(&self, user: &str, conversation: &str) -> Option<(bool, bool)> {
        self.calls.part(user, conversation)
    }

    /// A user's media sessions: `id`, `state`, and how many calls are on each.
    #[must_use]
    pub fn sessions(&self, user: &str) -> Vec<serde_json::Value> {
        self.calls.sessions_of(user)
    }

    /// How often far ends and notifications did what.
    pub fn untidiness(&self) -> impl Iterator<Item = (Habit, u64)> + '_ {
        self.world.lots.drawn.iter().map(|(habit, count)| (*habit, *count))
    }

    /// How a conversation's far end is to speak. None while it has no media.
    #[must_use]
    pub fn far_voice(&self, conversation: &str) -> Option<FarVoice> {
        self.calls.far_voice(conversation)
    }

    /// Tells the cloud what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.world.now = self.world.now.max(now);
        match input {
            Input::Timeout => {}
            Input::Request { id, request } => self.handle_request(id, &request),
            Input::SocketRequested { conn, path } => {
                self.streams.requested(conn, &path, &mut self.world);
            }
            Input::SocketText { conn, text } => self.handle_text(conn, &text),
            Input::SocketClosed { conn } => self.streams.closed(conn, &mut self.world),
            Input::UdpOpened { id, local } => {
                self.calls.udp_opened(id, &local, &self.streams, &mut self.world);
            }
            Input::Datagram { id, local, remote, data } => {
                let packet = far_end::Packet { local, remote, data: &data };
                self.calls.datagram(id, &packet, &mut self.world);
            }
            Input::PlayFarEnd { conversation } => {
                let (streams, world) = (&self.streams, &mut self.world);
                self.calls.set_far_end(&conversation, FarEndMode::External, streams, world);
            }
            Input::FarAudio { conversation, frame } => {
                self.calls.far_audio(&conversation, &frame, &mut self.world);
            }
            Input::FarKeys { conversation, digits } => {
                self.calls.far_keys(&conversation, &digits, &mut self.world);
            }
        }
        self.handle_time();
    }

    /// The next thing to do. Call again until it answers [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.world.queue.pop_front().unwrap_or_else(|| Output::Timeout(self.next_wake()))
    }

    fn next_wake(&self) -> Option<Wake> {
        let events = self.world.events.next_wake();
        let wake = Wake::earliest(self.streams.next_wake(), self.calls.next_wake());
        Wake::earliest(Wake::earliest(events, self.far_waits.next_wake()), wake)
    }

    fn handle_time(&mut self) {
        self.world.answer_waiting();
        self.streams.handle_timeout(&mut self.world);
        self.calls.handle_timeout(&self.streams, &mut self.world);
        self.answer_far_waits();
    }

    fn handle_request(&mut self, id: RequestId, request: &::http::Request<Vec<u8>>) {
        let call = http::Call::read(request);
        match call.realm {
            http::Realm::Service => self.serve(id, request, &call),
            http::Realm::Control => {
                if let Some(response) = self.control(id, &call) {
                    self.respond(id, response);
                }
            }
            http::Realm::Nowhere => self.respond(id, http::not_found()),
        }
    }

    /// The service's own API, which pages of any origin may use.
    fn serve(&mut self, id: RequestId, request: &::http::Request<Vec<u8>>, call: &http::Call<'_>) {
        let mut response = match request.method() {
            &::http::Method::OPTIONS => http::empty(204),
            _ => self.answer(call),
        };
        http::allow_origin(request, &mut response);
        self.respond(id, response);
    }

    fn answer(&mut self, call: &http::Call<'_>) -> ::http::Response<Vec<u8>> {
        let fault = self.world.faults.take(call);
        let response = match fault {
            Some(response) => response,
            None => self.api(call),
        };
        let data = serde_json::json!({
            "method": call.method, "path": call.raw_path, "status": response.status().as_u16(),
        });
        self.world.happened("rest", data);
        response
    }

    fn respond(&mut self, id: RequestId, mut response: ::http::Response<Vec<u8>>) {
        let correlation = self.world.rng.uuid();
        if let Ok(value) = correlation.parse() {
            response.headers_mut().insert("inin-correlation-id", value);
        }
        self.world.push(Output::Respond { id, response });
    }
}
