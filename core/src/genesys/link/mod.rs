//! Getting connected and staying so (wire notes 1 to 4).
//!
//! Identity and channel by REST, socket, SASL, bind, session, discovery, topics; then keep-alive
//! until something breaks, and all over again with growing pauses.

mod again;
mod down;
mod ice;
mod identity;
mod leader;
mod ready;
mod stream;

use std::time::Duration;

use super::command::Outcome;
use super::config::Auth;
use super::error::{Error, ErrorKind};
use super::event::{Event, Station};
use super::ids::{StationId, UserId};
use super::keepalive::{Keepalive, Verdict};
use super::outbox::{Ask, IqAsk, LinkAsk, Outbox, Retry};
use super::rest::{Me, Resource};
use super::topics::{self, Topics};
use crate::Secret;
use crate::backoff::Backoff;
use crate::machine::{CommandId, Output, Wake, WsId};
use crate::report::Direction;
use crate::timers::{TimerName, Timers};
use crate::xmpp::{IqKind, Jid, Payload, SessionFeature};

/// A connection attempt, from socket to session (wire notes 1.4).
const SETUP_TIMEOUT: Duration = Duration::from_secs(15);
/// How long our `<close/>` waits for the service's (wire notes 1.6).
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Topic changes within this time become one request (wire notes 4.1).
const TOPICS_DEBOUNCE: Duration = Duration::from_millis(100);
/// How long discovered ICE servers are good for (wire notes 7).
const ICE_REFRESH: Duration = Duration::from_secs(6 * 3600);
/// A channel is used again for this many attempts, then replaced (wire notes 3.1).
const MAX_SOFT_ATTEMPTS: u32 = 10;
/// The longest that a `Retry-After` is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// `Connect` commands waiting for one connection.
const MAX_WAITING: usize = 16;

use down::Attempt;
pub(super) use ice::check as check_ice_servers;

/// Where the connection stands.
///
/// ```text
/// Offline ──connect──> Waiting ──> Identifying ──> Channel ──> Opening ──> Setup ──> Online
///    ^                    ^  (known: skip)  (soft: skip)          │          │         │
///    │                    └───────────── failed or lost ──────────┴──────────┴─────────┤
///    └────────────────────────── Closing <──────────── disconnect, transfer ───────────┘
/// ```
#[derive(Debug)]
enum State {
    /// Not wanted.
    Offline,
    /// Between attempts.
    Waiting,
    /// A guest's code is being redeemed.
    Redeeming,
    /// Asking who we are. Each is `None` until known.
    Identifying { organization: bool, me: Option<Me> },
    /// Asking for a notification channel.
    Channel,
    /// The socket is being opened.
    Opening(WsId),
    /// The stream is being set up.
    Setup(WsId, Step),
    /// Up.
    Online(WsId, Readiness),
    /// `<close/>` is sent.
    Closing(WsId, Then),
}

/// How far a stream is set up.
#[derive(Debug)]
enum Step {
    /// `<open/>` is sent; mechanisms are to come.
    Hello,
    /// `<auth/>` is sent.
    Auth,
    /// The second `<open/>` is sent; features are to come.
    Restart,
    /// `<bind/>` is sent.
    Bind(SessionFeature),
    /// `<session/>` is sent.
    Session,
    /// ICE servers are asked for: TURN and STUN, each known or not yet.
    Discovery { turn: bool, stun: bool },
    /// The service was asked to ping.
    ServerPings,
}

/// How far an open connection is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Subscribing to the user's conversations.
    Conversations,
    /// Subscribing to the rest.
    Topics,
    /// Told the application.
    Ready,
}

/// What follows a `<close/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stop,
    Reconnect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The next connection attempt is due.
    Attempt,
    /// The attempt takes too long.
    Setup,
    /// The service does not close its side.
    Close,
    /// Topic changes are to be sent.
    Topics,
    /// ICE servers are to be asked for again.
    IceRefresh,
    /// The connection is to be marked as one that can ring, once more.
    Alertable,
    /// What failed after the login is to be asked for again.
    Again,
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Attempt => "connection attempt",
            Self::Setup => "connection set-up limit",
            Self::Close => "stream close limit",
            Self::Topics => "topic changes",
            Self::IceRefresh => "ICE server refresh",
            Self::Alertable => "marking as alertable",
            Self::Again => "asking again",
        }
    }
}

/// What the application said of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// Nothing, or that it is there.
    There,
    /// That there is none: nothing is attempted.
    Gone,
}

/// Who we are, once known.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The user, unless a guest.
    pub(crate) user: Option<UserId>,
    /// The bare JID; with ANONYMOUS only its domain is known before binding.
    jid: Option<Jid>,
    domain: String,
    station: Option<StationId>,
}

/// What the owner has to do when the connection changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Frames can no longer be sent.
    Lost,
}

/// A subscription command that waits for the channel.
#[derive(Debug)]
struct Subscriber {
    command: CommandId,
    topics: Vec<String>,
    /// Whether it is answered topic by topic.
    many: bool,
    /// Whether the request that will answer it is under way.
    sent: bool,
}

/// The connection. See the [module](self).
#[derive(Debug)]
pub(crate) struct Link {
    state: State,
    network: Network,
    backoff: Backoff,
    timers: Timers<Timer>,
    keepalive: Keepalive,
    identity: Option<Identity>,
    resource: Option<String>,
    channel: Option<String>,
    /// What a JWT client or a guest logs in with.
    jwt: Option<Secret>,
    /// The next attempt needs a new channel.
    hard: bool,
    soft_attempts: u32,
    /// Whether any attempt was made, whether any succeeded.
    attempted: bool,
    was_connected: bool,
    was_ready: bool,
    /// Ready since it set out: it stays connected until it is told otherwise.
    stays: bool,
    /// Ready again after a loss, and nobody has been told yet.
    came_back: bool,
    topics: Topics,
    missing: again::Missing,
    connecting: Vec<CommandId>,
    disconnecting: Vec<CommandId>,
    subscribers: Vec<Subscriber>,
    ice: ice::Ice,
    /// The user's phone, once loaded.
    phone: Option<Station>,
    leading: leader::Leading,
}

impl Link {
    pub(crate) fn new(max_delay: Duration, resource: Option<String>) -> Self {
        Self {
            state: State::Offline,
            network: Network::There,
            backoff: Backoff::new(max_delay),
            timers: Timers::default(),
            keepalive: Keepalive::default(),
            identity: None,
            resource,
            channel: None,
            jwt: None,
            hard: true,
            soft_attempts: 0,
            attempted: false,
            was_connected: false,
            was_ready: false,
            stays: false,
            came_back: false,
            topics: Topics::default(),
            missing: again::Missing::default(),
            connecting: Vec::new(),
            disconnecting: Vec::new(),
            subscribers: Vec::new(),
            ice: ice::Ice::default(),
            phone: None,
            leading: leader::Leading::default(),
        }
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// True once after each reconnect, when events come again.
    pub(crate) fn take_came_back(&mut self) -> bool {
        std::mem::take(&mut self.came_back)
    }

    /// The user's phone, once loaded.
    pub(crate) fn phone(&self) -> Option<&Station> {
        self.phone.as_ref()
    }

    /// Whether a socket's frames are for us.
    pub(crate) fn owns(&self, id: WsId) -> bool {
        match self.state {
            State::Setup(ws, _) | State::Online(ws, _) | State::Closing(ws, _) => ws == id,
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_) => false,
        }
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.state, State::Online(..))
    }

    /// Whether a topic's notifications belong to the application.
    pub(crate) fn is_wanted(&self, topic: &str) -> bool {
        self.topics.is_wanted(topic)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        Wake::earliest(self.timers.next(), self.keepalive.next_wake())
    }

    // Commands

    pub(crate) fn may_connect(&self) -> Result<(), Error> {
        if self.connecting.len() >= MAX_WAITING {
            return Err(Error::new(ErrorKind::Session, "too many connects waiting"));
        }
        match &self.state {
            State::Closing(_, Then::Stop) => Err(Error::new(ErrorKind::Session, "disconnecting")),
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Online(..)
            | State::Closing(_, Then::Reconnect) => Ok(()),
        }
    }

    pub(crate) fn connect(&mut self, command: CommandId, out: &mut Outbox) {
        match &self.state {
            State::Offline => {
                self.connecting.push(command);
                if self.attempted || self.network == Network::Gone {
                    // Every later connect waits its turn (wire notes 3.2).
                    self.wait(Duration::ZERO, out);
                } else {
                    self.backoff.begin(out.now);
                    self.attempt(out);
                }
            }
            State::Online(_, Readiness::Ready) => out.complete(command, Ok(Outcome::Done)),
            State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Online(..)
            | State::Closing(..) => self.connecting.push(command),
        }
    }

    pub(crate) fn may_disconnect(&self) -> Result<(), Error> {
        if self.disconnecting.len() >= MAX_WAITING {
            return Err(Error::new(ErrorKind::Session, "too many disconnects waiting"));
        }
        Ok(())
    }

    pub(crate) fn disconnect(&mut self, command: CommandId, out: &mut Outbox) -> Option<Change> {
        self.disconnecting.push(command);
        self.hard = true;
        match self.state {
            State::Online(ws, _) => {
                out.signal_all();
                let change = self.lose(out);
                self.close_stream(ws, Then::Stop, out);
                return Some(change);
            }
            State::Closing(_, ref mut then) => *then = Then::Stop,
            State::Opening(ws) | State::Setup(ws, _) => {
                out.push(Output::CloseWebSocket { id: ws });
                self.lose(out);
                self.stopped(None, out);
            }
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel => {
                self.stopped(None, out);
            }
        }
        None
    }

    /// The commands that wait here are answered by others.
    pub(crate) fn forget_commands(&mut self) {
        self.connecting.clear();
        self.disconnecting.clear();
        self.subscribers.clear();
    }

    /// There is a network, perhaps another one.
    pub(crate) fn network_changed(&mut self, out: &mut Outbox) {
        self.network = Network::There;
        self.probe(out);
    }

    /// Something may have changed: a connection that stands is tested now, one that is waited for
    /// is tried now, unless there is no network.
    pub(crate) fn probe(&mut self, out: &mut Outbox) {
        match &self.state {
            State::Waiting if self.network == Network::Gone => {}
            State::Waiting => self.timers.arm(Timer::Attempt, out.now),
            State::Online(..) => self.keepalive.probe(out.now),
            State::Offline
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Closing(..) => {}
        }
    }

    /// There is no network: the next attempt waits for [`Link::network_changed`], whenever it
    /// would be due.
    pub(crate) fn went_offline(&mut self) {
        self.network = Network::Gone;
        if matches!(self.state, State::Waiting) {
            self.timers.cancel(&Timer::Attempt);
        }
    }

    pub(crate) fn may_subscribe(&self, topics: &[String], out: &Outbox) -> Result<(), Error> {
        if !matches!(out.config.auth, Auth::Token(_)) {
            let text = "topics need a channel, and so an access token";
            return Err(Error::new(ErrorKind::NotSupported, text));
        }
        if topics.iter().any(|topic| !topics::is_possible(topic)) {
            return Err(Error::new(ErrorKind::InvalidOptions, "a topic that cannot be one"));
        }
        if !self.topics.have_room(topics.iter().map(String::as_str)) {
            return Err(Error::new(ErrorKind::InvalidOptions, "the channel is full of topics"));
        }
        Ok(())
    }

    /// With a priority it is answered topic by topic.
    pub(crate) fn subscribe(
        &mut self,
        command: CommandId,
        topics: Vec<String>,
        priority: Option<i32>,
        out: &Outbox,
    ) {
        self.topics.want(topics.iter().map(String::as_str), priority.unwrap_or_default());
        let many = priority.is_some();
        self.subscribers.push(Subscriber { command, topics, many, sent: false });
        self.schedule_topics(out);
    }

    pub(crate) fn unsubscribe(&mut self, command: CommandId, topic: String, out: &Outbox) {
        self.topics.unwant(&topic);
        let topics = vec![topic];
        self.subscribers.push(Subscriber { command, topics, many: false, sent: false });
        self.schedule_topics(out);
    }

    /// A subscription command's time is up.
    pub(crate) fn forget_subscriber(&mut self, command: CommandId) {
        self.subscribers.retain(|s| s.command != command);
    }

    /// The user's phone changed (STN-2).
    pub(crate) fn handle_station(&mut self, json: &serde_json::Value, out: &mut Outbox) {
        let Some(identity) = &mut self.identity else { return };
        let named = json["eventBody"]["associatedStation"]["id"].as_str().map(StationId::from);
        match json["metadata"]["action"].as_str() {
            Some("Disassociated") => {
                let named = identity.station.take().is_some();
                if self.phone.take().is_some() || named {
                    out.event(Event::StationDisassociated);
                }
            }
            Some("Associated") => {
                if named.is_some() {
                    identity.station = named;
                }
                self.load_station(out);
            }
            Some("WebRTCMigration") => self.load_station(out),
            // Other actions change nothing that matters to calls.
            Some(_) => {}
            None => out.malformed("station notification without an action"),
        }
    }

    pub(super) fn load_station(&self, out: &mut Outbox) {
        let station = self.identity.as_ref().and_then(|identity| identity.station.as_ref());
        if let Some(station) = station {
            // A newer question takes the place of one that is still on its way.
            out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Station));
            out.rest(LinkAsk::Station, Resource::station(station), Retry::Yes);
        }
    }

    // Notices and time

    /// Service notices (wire notes 4.6). True when the node was one.
    pub(crate) fn handle_notice(&mut self, node: &str, out: &Outbox) -> bool {
        if node.contains("no_longer_subscribed") || node.contains("duplicate_id") {
            // Another socket has the channel. The service closes this one.
            self.keepalive.stop();
            self.hard = true;
            true
        } else if node == "streaming-subscriptions-expiring" {
            self.schedule_topics(out);
            true
        } else {
            false
        }
    }

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) -> Option<Change> {
        let mut change = None;
        while let Some(timer) = self.timers.pop_due(out.now) {
            match timer {
                Timer::Attempt => self.attempt(out),
                Timer::Setup => {
                    if let State::Opening(ws) | State::Setup(ws, _) = self.state {
                        out.push(Output::CloseWebSocket { id: ws });
                    }
                    let text = "connecting to the streaming service";
                    self.attempt_failed(Attempt::Other(Error::new(ErrorKind::Timeout, text)), out);
                }
                Timer::Close => {
                    if let State::Closing(ws, then) = self.state {
                        out.push(Output::CloseWebSocket { id: ws });
                        self.closed(then, out);
                    }
                }
                Timer::Topics => self.send_topics(out),
                Timer::Alertable => self.mark_alertable(out),
                Timer::Again => self.complete_login(out),
                Timer::IceRefresh => self.refresh_services(out),
            }
        }
        match self.keepalive.handle_timeout(out.now) {
            Verdict::Fine => {}
            Verdict::Ping => out.ask(IqAsk::Ping, None, IqKind::Get(Payload::Ping)),
            Verdict::Dead => change = Some(self.silent(out)),
        }
        change
    }

    /// Tells that a frame came that could not be read at all.
    pub(crate) fn unreadable(&mut self, text: &str, out: &mut Outbox) {
        if matches!(self.state, State::Online(..)) {
            self.keepalive.heard(out.now);
        }
        out.trace_frame(Direction::Received, None, text);
    }
}
