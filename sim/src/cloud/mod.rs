//! A model of the service: users, channels, conversations, XMPP, REST and the far ends of calls,
//! as one state machine without sockets or a clock.
//!
//! The simulator drives it in virtual time, [`crate::serve`] on real sockets. The rules of
//! `offhook::machine` hold from the other side: feed it an [`Input`], then take [`Output`]s until
//! [`Output::Timeout`].

mod api;
mod belongings;
mod call;
mod caller;
mod calls;
mod control;
mod controls;
mod conversation;
mod directory;
mod external;
mod far_orders;
mod far_waits;
mod features;
mod guests;
mod inbound;
mod lines;
mod making;
mod options;
mod org;
mod others;
mod presence;
mod recovery;
mod rooms;
mod session;
mod signal;
mod signaling;
mod silence;
mod streams;
mod switchboard;
mod topics;
mod untidy;
mod world;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use offhook::Seed;
use offhook::genesys::wire::{Frame, IqKind};
use offhook::machine::Wake;

use self::calls::Calls;
use self::directory::Directory;
use self::far_waits::FarWaits;
pub use self::features::FEATURES;
use self::options::Options;
use self::rooms::Rooms;
pub use self::silence::Silence;
use self::silence::Silences;
use self::streams::Streams;
use self::switchboard::Switchboard;
pub use self::untidy::Habit;
use self::untidy::Lots;
use self::world::World;
use crate::service::control::Answer;
use crate::service::http::{self, Incoming, Realm};
use crate::service::{Base, Packet, Prompt, beeps};
pub use crate::service::{
    ConnId, FarEndMode, FarMedia, FarVoice, Input, Output, Record, RequestId, RtpManner, Service,
};

/// The settings of a cloud.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// The source of all its randomness.
    pub seed: Seed,
    /// The wall clock at its first instant, in milliseconds since 1970, for the times in bodies.
    pub unix_ms: u64,
    /// The domain that addresses end in, as in `org.orgspan.{domain}`.
    pub domain: String,
    /// The address that STUN service and media are told to be at.
    pub public_ip: IpAddr,
    /// The port of the STUN service that discovery names.
    pub stun_port: u16,
    /// The recording that far ends say over and over: 48 kHz mono.
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
            prompt: beeps(),
        }
    }
}

/// The model cloud. See the [module](self).
pub struct Cloud {
    board: Switchboard,
}

impl Cloud {
    /// A cloud with nobody in it.
    #[must_use]
    pub fn new(config: CloudConfig, factory: Box<dyn FarMedia>, now: Instant) -> Self {
        let rng = config.seed.child("ids").rng();
        let world = World {
            base: Base::new(now, config.unix_ms, rng),
            lots: Lots::new(&config.seed),
            seed: config.seed.child("media"),
            directory: Directory::new(&config.domain),
            domain: config.domain,
            public_ip: config.public_ip,
            stun_port: config.stun_port,
            factory,
            prompt: Prompt::new(config.prompt),
            options: Options::default(),
            silences: Silences::default(),
        };
        let board = Switchboard {
            world,
            streams: Streams::default(),
            calls: Calls::default(),
            rooms: Rooms::default(),
            outbound_signaling: None,
            outbound_far: false,
            far_waits: FarWaits::default(),
        };
        Self { board }
    }

    /// The record of its events and faults, for a service that stands beside it.
    #[must_use]
    pub fn record(&self) -> Record {
        self.board.world.base.record.clone()
    }

    /// Sets the signals that are left out from now on.
    pub fn set_silences(&mut self, silences: BTreeSet<Silence>) {
        self.board.world.silences.set(silences);
    }

    /// The number of times that each signal was left out.
    pub fn kept_silent(&self) -> impl Iterator<Item = (Silence, u64)> {
        self.board.world.silences.kept()
    }

    /// A user's conversations that are not over, as the service tells them.
    #[must_use]
    pub fn conversations(&self, user: &str) -> Vec<serde_json::Value> {
        self.board.calls.conversations(user)
    }

    /// The user's part in a call that is not over: true if muted, true if held.
    #[must_use]
    pub fn part(&self, user: &str, conversation: &str) -> Option<(bool, bool)> {
        self.board.calls.part(user, conversation)
    }

    /// A user's media sessions: `id`, `state`, and how many calls are on each.
    #[must_use]
    pub fn sessions(&self, user: &str) -> Vec<serde_json::Value> {
        self.board.calls.sessions_of(user)
    }

    /// The number of times that far ends and notifications showed each habit.
    pub fn untidiness(&self) -> impl Iterator<Item = (Habit, u64)> + '_ {
        self.board.world.lots.drawn.iter().map(|(habit, count)| (*habit, *count))
    }

    /// The way that a conversation's far end is to speak. None while it has no media.
    #[must_use]
    pub fn far_voice(&self, conversation: &str) -> Option<FarVoice> {
        self.board.calls.far_voice(conversation)
    }

    fn next_wake(&self) -> Option<Wake> {
        let Switchboard { world, streams, calls, rooms, far_waits, .. } = &self.board;
        let wake = Wake::earliest(streams.next_wake(), calls.next_wake());
        let wake = Wake::earliest(wake, rooms.next_wake());
        Wake::earliest(Wake::earliest(world.base.next_wake(), far_waits.next_wake()), wake)
    }

    fn handle_time(&mut self) {
        let Switchboard { world, streams, calls, rooms, far_waits, .. } = &mut self.board;
        world.base.answer_waiting();
        streams.handle_timeout(world);
        lines::handle_timeout(calls, streams, world);
        rooms.handle_timeout(streams, world);
        far_waits.answer(calls, rooms, world);
    }

    fn handle_text(&mut self, conn: ConnId, text: &str) {
        let Switchboard { world, streams, calls, rooms, .. } = &mut self.board;
        match streams::stanzas::handle_text(streams, conn, text, world) {
            Some(Frame::Iq(iq)) if matches!(iq.kind, IqKind::Result(_) | IqKind::Error(_)) => {
                inbound::handle_reply((calls, rooms), conn, &iq, streams, world);
            }
            Some(Frame::Iq(iq)) => {
                inbound::handle_iq((calls, rooms), conn, &iq, streams, world);
            }
            Some(Frame::Message(message)) => {
                inbound::handle_message((calls, rooms), conn, &message, streams, world);
            }
            Some(Frame::Presence(presence)) => {
                rooms::signals::handle_presence(rooms, conn, &presence, streams, world);
            }
            _ => {}
        }
    }

    fn handle_request(&mut self, id: RequestId, request: &::http::Request<Vec<u8>>) {
        let asked = Incoming::read(request, &["api", "v2"]);
        match asked.realm {
            Realm::Service => self.serve(id, request, &asked),
            Realm::Control => match control::answer(&mut self.board, id, &asked) {
                Answer::Now(response) => self.board.world.respond(id, response),
                Answer::Later => {}
            },
            Realm::Nowhere => self.board.world.respond(id, http::not_found()),
        }
    }

    /// The service's own API, which pages of any origin may use.
    fn serve(&mut self, id: RequestId, request: &::http::Request<Vec<u8>>, asked: &Incoming<'_>) {
        let mut response = match request.method() {
            &::http::Method::OPTIONS => http::empty(204),
            _ => self.answer(asked),
        };
        http::allow_origin(request, &mut response, "inin-correlation-id,retry-after");
        self.board.world.respond(id, response);
    }

    fn answer(&mut self, asked: &Incoming<'_>) -> ::http::Response<Vec<u8>> {
        let fault = self.board.world.base.record.open().faults.take(asked);
        let response = match fault {
            Some(response) => response,
            None => api::answer(&mut self.board, asked),
        };
        let data = serde_json::json!({
            "method": asked.method, "path": asked.raw_path, "status": response.status().as_u16(),
        });
        self.board.world.base.happened("rest", data);
        response
    }
}

impl Service for Cloud {
    fn handle_input(&mut self, now: Instant, input: Input) {
        let Switchboard { world, streams, calls, rooms, .. } = &mut self.board;
        world.base.now = world.base.now.max(now);
        match input {
            Input::Timeout => {}
            Input::Request { id, request } => self.handle_request(id, &request),
            Input::SocketRequested { conn, path } => {
                let path = path.split('?').next().unwrap_or_default();
                streams.requested(conn, path, world);
            }
            Input::SocketText { conn, text } => self.handle_text(conn, &text),
            Input::SocketClosed { conn } => streams.closed(conn, world),
            Input::UdpOpened { id, local } => {
                inbound::udp_opened((calls, rooms), id, &local, streams, world);
            }
            Input::Datagram { id, local, remote, data } => {
                let packet = Packet { local, remote, data: &data };
                inbound::datagram((calls, rooms), id, &packet, world);
            }
            Input::PlayFarEnd { conversation } => {
                others::set_far_end(calls, &conversation, FarEndMode::External, streams, world);
            }
            Input::FarAudio { conversation, frame } => {
                others::far_audio(calls, &conversation, &frame, world);
            }
            Input::FarKeys { conversation, digits } => {
                others::far_keys(calls, &conversation, &digits, world);
            }
        }
        self.handle_time();
    }

    fn poll_output(&mut self) -> Output {
        self.board.world.base.pop().unwrap_or_else(|| Output::Timeout(self.next_wake()))
    }
}
