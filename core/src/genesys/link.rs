//! Getting connected and staying so (wire notes 1 to 4).
//!
//! Identity and channel by REST, socket, SASL, bind, session, discovery, topics; then keep-alive
//! until something breaks, and all over again with growing pauses.

use std::time::Duration;

use serde_json::Value;

use super::command::Outcome;
use super::config::Auth;
use super::error::{Error, ErrorKind};
use super::event::{Event, Station};
use super::ids::{StationId, UserId};
use super::jwt::Claims;
use super::keepalive::{Keepalive, Verdict};
use super::outbox::{Ask, IqAnswer, IqAsk, Outbox, Retry};
use super::rest::{self, Failure, Me, NewChannel, Resource, StationBody, Subscriptions};
use super::topics::Topics;
use crate::backoff::Backoff;
use crate::machine::{CommandId, NetErrorKind, Output, Wake, WsEvent, WsId};
use crate::report::Direction;
use crate::timers::{TimerName, Timers};
use crate::xmpp::{
    Close, Features, Frame, Iq, IqKind, Jid, Open, Payload, PubSub, Services, SessionFeature, sasl,
};

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
    Discovery { turn: Option<usize>, stun: Option<usize> },
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
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Attempt => "connection attempt",
            Self::Setup => "connection set-up limit",
            Self::Close => "stream close limit",
            Self::Topics => "topic changes",
            Self::IceRefresh => "ICE server refresh",
        }
    }
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
    topic: String,
    /// Whether the request that will answer it is under way.
    sent: bool,
}

/// The connection. See the [module](self).
#[derive(Debug)]
pub(crate) struct Link {
    state: State,
    backoff: Backoff,
    timers: Timers<Timer>,
    keepalive: Keepalive,
    identity: Option<Identity>,
    resource: Option<String>,
    channel: Option<String>,
    /// The next attempt needs a new channel.
    hard: bool,
    soft_attempts: u32,
    /// Whether any attempt was made, whether any succeeded.
    attempted: bool,
    was_connected: bool,
    topics: Topics,
    connecting: Vec<CommandId>,
    disconnecting: Vec<CommandId>,
    subscribers: Vec<Subscriber>,
    relay_only: bool,
}

impl Link {
    pub(crate) fn new(max_delay: Duration, resource: Option<String>) -> Self {
        Self {
            state: State::Offline,
            backoff: Backoff::new(max_delay),
            timers: Timers::default(),
            keepalive: Keepalive::default(),
            identity: None,
            resource,
            channel: None,
            hard: true,
            soft_attempts: 0,
            attempted: false,
            was_connected: false,
            topics: Topics::default(),
            connecting: Vec::new(),
            disconnecting: Vec::new(),
            subscribers: Vec::new(),
            relay_only: false,
        }
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether only relayed media is allowed: discovery gave no STUN service (wire notes 7).
    pub(crate) fn relay_only(&self) -> bool {
        self.relay_only
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

    pub(crate) fn connect(&mut self, command: CommandId, out: &mut Outbox) -> Result<(), Error> {
        if self.connecting.len() >= MAX_WAITING {
            return Err(Error::new(ErrorKind::Session, "too many connects waiting"));
        }
        match &self.state {
            State::Offline => {
                self.connecting.push(command);
                if self.attempted {
                    // Every later connect waits its turn (wire notes 3.2).
                    self.wait(Duration::ZERO, out);
                } else {
                    self.attempt(out);
                }
            }
            State::Online(_, Readiness::Ready) => out.complete(command, Ok(Outcome::Done)),
            State::Closing(_, Then::Stop) => {
                return Err(Error::new(ErrorKind::Session, "disconnecting"));
            }
            State::Waiting
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Online(..)
            | State::Closing(_, Then::Reconnect) => self.connecting.push(command),
        }
        Ok(())
    }

    pub(crate) fn disconnect(
        &mut self,
        command: CommandId,
        out: &mut Outbox,
    ) -> Result<Option<Change>, Error> {
        if self.disconnecting.len() >= MAX_WAITING {
            return Err(Error::new(ErrorKind::Session, "too many disconnects waiting"));
        }
        self.disconnecting.push(command);
        self.hard = true;
        match self.state {
            State::Online(ws, _) => {
                let change = self.lose(out);
                self.close_stream(ws, Then::Stop, out);
                return Ok(Some(change));
            }
            State::Closing(_, ref mut then) => *then = Then::Stop,
            State::Opening(ws) | State::Setup(ws, _) => {
                out.push(Output::CloseWebSocket { id: ws });
                self.lose(out);
                self.stopped(None, out);
            }
            State::Offline | State::Waiting | State::Identifying { .. } | State::Channel => {
                self.stopped(None, out);
            }
        }
        Ok(None)
    }

    pub(crate) fn subscribe(
        &mut self,
        command: CommandId,
        topic: &str,
        out: &Outbox,
    ) -> Result<(), Error> {
        if !self.topics.want(topic) {
            return Err(Error::new(ErrorKind::InvalidOptions, "the channel is full of topics"));
        }
        self.subscribers.push(Subscriber { command, topic: topic.to_owned(), sent: false });
        self.schedule_topics(out);
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, command: CommandId, topic: &str, out: &Outbox) {
        self.topics.unwant(topic);
        self.subscribers.push(Subscriber { command, topic: topic.to_owned(), sent: false });
        self.schedule_topics(out);
    }

    /// A subscription command's time is up.
    pub(crate) fn forget_subscriber(&mut self, command: CommandId) {
        self.subscribers.retain(|s| s.command != command);
    }

    // The way up

    fn attempt(&mut self, out: &mut Outbox) {
        self.attempted = true;
        self.timers.cancel(&Timer::Attempt);
        if !self.hard && self.channel.is_some() {
            self.soft_attempts += 1;
            if self.soft_attempts >= MAX_SOFT_ATTEMPTS {
                self.soft_attempts = 0;
                self.hard = true;
            }
        }
        match &out.config.auth {
            Auth::Jwt(jwt) => {
                let claims = Claims::read(jwt);
                match claims {
                    Ok(claims) => {
                        self.identity = Some(Identity {
                            user: claims.user,
                            jid: None,
                            domain: claims.domain,
                            station: None,
                        });
                        self.open_socket(out);
                    }
                    Err(error) => self.stopped(Some(error), out),
                }
            }
            Auth::Token(_) if self.identity.is_none() => {
                self.state = State::Identifying { organization: false, me: None };
                out.rest(Ask::Organization, Resource::organization(), Retry::Yes);
                out.rest(Ask::User, Resource::user(), Retry::Yes);
            }
            Auth::Token(_) if self.hard || self.channel.is_none() => self.ask_channel(out),
            Auth::Token(_) => self.open_socket(out),
        }
    }

    fn ask_channel(&mut self, out: &mut Outbox) {
        self.state = State::Channel;
        out.rest(Ask::Channel, Resource::channel(), Retry::No);
    }

    fn open_socket(&mut self, out: &mut Outbox) {
        let base = out.config.ws_base();
        let uri = match (&out.config.auth, &self.channel) {
            (Auth::Jwt(jwt), _) => format!("{base}/stream/jwt/{}", jwt.expose()),
            (Auth::Token(_), Some(channel)) => format!("{base}/stream/channels/{channel}"),
            (Auth::Token(_), None) => return self.ask_channel(out),
        };
        let request = http::Request::get(uri).header("sec-websocket-protocol", "xmpp").body(());
        match request {
            Ok(request) => {
                let id = out.ws_id();
                let deadline = out.now + SETUP_TIMEOUT;
                self.timers.arm(Timer::Setup, deadline);
                self.state = State::Opening(id);
                out.push(Output::OpenWebSocket { id, request, deadline });
            }
            // The error's text would show the JWT.
            Err(_) => {
                let error = Error::new(ErrorKind::InvalidOptions, "unusable WebSocket address");
                self.stopped(Some(error), out);
            }
        }
    }

    pub(crate) fn handle_rest(
        &mut self,
        ask: &Ask,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        match (ask, result) {
            (Ask::Station, result) => self.station_loaded(result, out),
            (Ask::Topics, result) => self.topics_answered(result, out),
            (Ask::Organization | Ask::User, Err(failure)) => {
                self.identity_failed(failure, out);
            }
            (Ask::Channel, Err(failure)) => self.attempt_failed(Attempt::Rest(failure), out),
            (Ask::Organization, Ok(_)) => {
                if let State::Identifying { organization, .. } = &mut self.state {
                    *organization = true;
                }
                self.maybe_identified(out);
            }
            (Ask::User, Ok(body)) => match rest::parse::<Me>("users/me", body) {
                Ok(user) => {
                    if let State::Identifying { me, .. } = &mut self.state {
                        *me = Some(user);
                    }
                    self.maybe_identified(out);
                }
                Err(failure) => self.identity_failed(failure, out),
            },
            (Ask::Channel, Ok(body)) => match rest::parse::<NewChannel>("channel", body) {
                Ok(channel) if matches!(self.state, State::Channel) => {
                    self.channel = Some(channel.id);
                    self.open_socket(out);
                }
                Ok(_) => {}
                Err(failure) => self.attempt_failed(Attempt::Rest(failure), out),
            },
            (Ask::Participant(_) | Ask::Change(_) | Ask::Dial(_) | Ask::Metadata(_), _) => {}
        }
    }

    fn maybe_identified(&mut self, out: &mut Outbox) {
        let State::Identifying { organization: true, me: Some(me) } = &self.state else { return };
        match me.jid() {
            Ok(jid) => {
                self.identity = Some(Identity {
                    user: Some(me.id.clone()),
                    domain: jid.domain().to_owned(),
                    station: me.station().cloned(),
                    jid: Some(jid),
                });
                self.topics.want_internal(format!("v2.users.{}.conversations", me.id));
                self.topics.want_internal(format!("v2.users.{}.station", me.id));
                self.ask_channel(out);
            }
            Err(failure) => self.identity_failed(failure, out),
        }
    }

    /// The retry helper has given up, or there is nothing to retry: initialising fails (API-6).
    fn identity_failed(&mut self, failure: Failure, out: &mut Outbox) {
        if !matches!(self.state, State::Identifying { .. }) {
            return;
        }
        let unauthorized = failure.is_unauthorized();
        let mut error = Error::from(failure);
        if !unauthorized {
            error = Error::new(ErrorKind::Initialization, error.message);
        }
        self.stopped(Some(error), out);
    }

    pub(crate) fn handle_socket(
        &mut self,
        id: WsId,
        event: WsEvent,
        out: &mut Outbox,
    ) -> Option<Change> {
        match (&self.state, event) {
            (State::Opening(ws), WsEvent::Opened { .. }) if *ws == id => {
                self.state = State::Setup(id, Step::Hello);
                out.socket = Some(id);
                self.send_open(out);
                None
            }
            (State::Opening(ws), WsEvent::Failed(error)) if *ws == id => {
                let kind = match error.kind {
                    NetErrorKind::Timeout => ErrorKind::Timeout,
                    _ => ErrorKind::Network,
                };
                let error = Error::new(kind, format!("WebSocket: {error}"));
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            (State::Opening(ws) | State::Setup(ws, _), WsEvent::Closed { code, reason })
                if *ws == id =>
            {
                let error = Error::new(ErrorKind::Network, closed_text(code, &reason));
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            (State::Online(ws, _), WsEvent::Closed { code, reason }) if *ws == id => {
                let error = Error::new(ErrorKind::Network, closed_text(code, &reason));
                Some(self.drop_connection(Some(error), out))
            }
            (State::Closing(ws, then), WsEvent::Closed { .. }) if *ws == id => {
                let then = *then;
                self.closed(then, out);
                None
            }
            // A socket that is no longer ours, or an event that cannot be.
            _ => None,
        }
    }

    fn send_open(&self, out: &mut Outbox) {
        let domain = self.identity.as_ref().map(|identity| identity.domain.clone());
        out.send(&Frame::Open(Open {
            to: domain,
            from: None,
            id: None,
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
        }));
    }

    /// Takes frames of the stream itself; gives back stanzas that are not about the connection.
    pub(crate) fn handle_frame(
        &mut self,
        frame: Frame,
        out: &mut Outbox,
    ) -> (Option<Change>, Option<Frame>) {
        if matches!(self.state, State::Online(..)) {
            self.keepalive.heard(out.now);
        }
        match frame {
            Frame::Features(features) => self.handle_features(&features, out),
            Frame::Success => {
                if let State::Setup(ws, Step::Auth) = self.state {
                    self.state = State::Setup(ws, Step::Restart);
                    self.send_open(out);
                }
            }
            Frame::Failure(failure) => {
                if let State::Setup(ws, Step::Auth) = self.state {
                    out.push(Output::CloseWebSocket { id: ws });
                    self.attempt_failed(Attempt::Sasl(failure.condition), out);
                }
            }
            Frame::Close(_) => return (self.handle_close(out), None),
            Frame::StreamError(error) => {
                // Only a close or a drop ends the connection (wire notes 1.6).
                let text = format!("stream error: {}", error.condition);
                out.event(Event::Error(Error::new(ErrorKind::Protocol, text)));
            }
            Frame::Open(_) => {}
            Frame::Auth(_) => out.malformed("auth from the service"),
            Frame::Other { name, .. } => out.malformed(format!("unknown frame {name}")),
            Frame::Iq(Iq { kind: IqKind::Set(Payload::ConnectionTransfer), .. }) => {
                return (self.transfer(out), None);
            }
            stanza @ (Frame::Iq(_) | Frame::Message(_) | Frame::Presence(_)) => {
                return (None, Some(stanza));
            }
        }
        (None, None)
    }

    fn handle_features(&mut self, features: &Features, out: &mut Outbox) {
        match &self.state {
            State::Setup(ws, Step::Hello) => {
                let ws = *ws;
                let auth = match &out.config.auth {
                    Auth::Token(token) => {
                        let jid = self.identity.as_ref().and_then(|i| i.jid.as_ref());
                        features
                            .mechanisms
                            .iter()
                            .find(|m| *m == "PLAIN")
                            .and(jid)
                            .map(|jid| sasl::plain(jid, token))
                    }
                    Auth::Jwt(_) => features
                        .mechanisms
                        .iter()
                        .find(|m| *m == "ANONYMOUS")
                        .map(|_| sasl::anonymous()),
                };
                match auth {
                    Some(auth) => {
                        self.state = State::Setup(ws, Step::Auth);
                        out.send(&Frame::Auth(auth));
                    }
                    None => {
                        out.push(Output::CloseWebSocket { id: ws });
                        let text = "the service offers no usable SASL mechanism";
                        let error = Error::new(ErrorKind::Protocol, text);
                        self.attempt_failed(Attempt::Other(error), out);
                    }
                }
            }
            State::Setup(ws, Step::Restart) => {
                self.state = State::Setup(*ws, Step::Bind(features.session));
                let resource = match (&self.resource, &out.config.auth) {
                    (Some(resource), _) => Some(resource.clone()),
                    (None, Auth::Token(_)) => Some(out.uuid()),
                    (None, Auth::Jwt(_)) => None,
                };
                self.resource.clone_from(&resource);
                out.ask(IqAsk::Bind, None, IqKind::Set(Payload::Bind { resource, jid: None }));
            }
            _ => out.malformed("features out of turn"),
        }
    }

    pub(crate) fn handle_iq(
        &mut self,
        ask: &IqAsk,
        answer: IqAnswer,
        out: &mut Outbox,
    ) -> Option<Change> {
        match ask {
            IqAsk::Bind => self.bound(answer, out),
            IqAsk::Session => {
                if let State::Setup(ws, Step::Session) = self.state {
                    match answer {
                        IqAnswer::Result(_) => self.discover(ws, out),
                        other => self.setup_refused(ws, "session", &other, out),
                    }
                }
            }
            IqAsk::Turn | IqAsk::Stun => self.discovered(ask, answer, out),
            IqAsk::ServerPings => {
                if let State::Setup(ws, Step::ServerPings) = self.state {
                    if matches!(answer, IqAnswer::Result(_)) {
                        self.keepalive.listen(out.now);
                    } else {
                        // Refused: ping ourselves (wire notes 2.2).
                        self.keepalive.ping(out.now);
                    }
                    self.connected(ws, out);
                }
            }
            IqAsk::Ping => {
                let answered = matches!(answer, IqAnswer::Result(_));
                if self.keepalive.pinged(answered, out.now) == Verdict::Dead {
                    return Some(self.silent(out));
                }
            }
            IqAsk::Conversations => self.conversations_subscribed(answer, out),
            IqAsk::Answer(_) | IqAsk::Update(_) | IqAsk::Terminate(_) => {}
        }
        None
    }

    fn bound(&mut self, answer: IqAnswer, out: &mut Outbox) {
        let State::Setup(ws, Step::Bind(session)) = self.state else { return };
        match answer {
            IqAnswer::Result(Some(Payload::Bind { jid: Some(jid), .. })) if jid.is_full() => {
                if let Some(identity) = &mut self.identity {
                    identity.jid.get_or_insert_with(|| jid.bare());
                }
                out.jid = Some(jid);
                if session == SessionFeature::Required {
                    self.state = State::Setup(ws, Step::Session);
                    out.ask(IqAsk::Session, None, IqKind::Set(Payload::Session));
                } else {
                    self.discover(ws, out);
                }
            }
            other => self.setup_refused(ws, "bind", &other, out),
        }
    }

    fn setup_refused(&mut self, ws: WsId, what: &str, answer: &IqAnswer, out: &mut Outbox) {
        out.push(Output::CloseWebSocket { id: ws });
        let text = match answer {
            IqAnswer::Result(_) => format!("{what}: unusable answer"),
            IqAnswer::Error(error) => format!("{what}: refused with {}", error.condition),
            IqAnswer::Timeout => format!("{what}: no answer"),
            IqAnswer::Lost => format!("{what}: connection lost"),
        };
        self.attempt_failed(Attempt::Other(Error::new(ErrorKind::Protocol, text)), out);
    }

    fn discover(&mut self, ws: WsId, out: &mut Outbox) {
        // Discovery has a limit of its own (wire notes 1.5).
        self.timers.cancel(&Timer::Setup);
        self.state = State::Setup(ws, Step::Discovery { turn: None, stun: None });
        self.ask_services(out);
    }

    fn ask_services(&self, out: &mut Outbox) {
        let Some(identity) = &self.identity else { return };
        let domain: Option<Jid> = identity.domain.parse().ok();
        for (ask, kind) in [(IqAsk::Turn, "turn"), (IqAsk::Stun, "stun")] {
            let services = Services { kind: Some(kind.to_owned()), services: Vec::new() };
            out.ask(ask, domain.clone(), IqKind::Get(Payload::Services(services)));
        }
    }

    fn discovered(&mut self, ask: &IqAsk, answer: IqAnswer, out: &mut Outbox) {
        let found = match &answer {
            IqAnswer::Result(Some(Payload::Services(s))) => Some(s.services.len()),
            IqAnswer::Result(None) => Some(0),
            _ => None,
        };
        match &mut self.state {
            State::Setup(ws, Step::Discovery { turn, stun }) => {
                let ws = *ws;
                let Some(found) = found else {
                    return self.setup_refused(ws, "ICE server discovery", &answer, out);
                };
                match ask {
                    IqAsk::Turn => *turn = Some(found),
                    _ => *stun = Some(found),
                }
                if let (Some(_), Some(stun)) = (*turn, *stun) {
                    self.relay_only = stun == 0;
                    self.prepare_keepalive(ws, out);
                }
            }
            State::Online(..) => {
                // A refresh. What is known stays when it fails.
                if let (IqAsk::Stun, Some(found)) = (ask, found) {
                    self.relay_only = found == 0;
                }
            }
            _ => {}
        }
    }

    fn prepare_keepalive(&mut self, ws: WsId, out: &mut Outbox) {
        if out.config.server_side_pings {
            self.state = State::Setup(ws, Step::ServerPings);
            self.pubsub(IqAsk::ServerPings, "enable.server.side.pings", out);
        } else {
            self.keepalive.ping(out.now);
            self.connected(ws, out);
        }
    }

    fn pubsub(&self, ask: IqAsk, node: &str, out: &mut Outbox) {
        let Some(jid) = out.bare_jid() else { return };
        let to: Option<Jid> = out.config.pubsub_host().parse().ok();
        let subscribe = PubSub::Subscribe { node: node.to_owned(), jid };
        out.ask(ask, to, IqKind::Set(Payload::PubSub(subscribe)));
    }

    fn connected(&mut self, ws: WsId, out: &mut Outbox) {
        self.backoff.connected(out.now);
        self.timers.arm(Timer::IceRefresh, out.now + ICE_REFRESH);
        out.event(Event::Connected { reconnect: self.was_connected });
        let first = !self.was_connected;
        self.was_connected = true;
        let resubscribe = std::mem::take(&mut self.hard);
        let identity = self.identity.as_ref();
        let (user, station) =
            (identity.and_then(|i| i.user.clone()), identity.and_then(|i| i.station.clone()));
        let agent = matches!(out.config.auth, Auth::Token(_));
        match user {
            Some(user) if agent && first => {
                self.state = State::Online(ws, Readiness::Conversations);
                let topic = format!("v2.users.{user}.conversations");
                self.pubsub(IqAsk::Conversations, &topic, out);
                if let Some(station) = station {
                    out.rest(Ask::Station, Resource::station(&station), Retry::Yes);
                }
            }
            Some(_) if agent && resubscribe => {
                self.state = State::Online(ws, Readiness::Topics);
                self.schedule_topics(out);
            }
            _ => {
                self.state = State::Online(ws, Readiness::Topics);
                self.ready(out);
            }
        }
    }

    fn conversations_subscribed(&mut self, answer: IqAnswer, out: &mut Outbox) {
        if let State::Online(ws, Readiness::Conversations) = self.state {
            if let IqAnswer::Error(error) = answer {
                // The REST subscription that follows covers the same topic.
                let text = format!("conversations: refused with {}", error.condition);
                out.event(Event::Error(Error::new(ErrorKind::Protocol, text)));
            }
            self.state = State::Online(ws, Readiness::Topics);
            self.schedule_topics(out);
        }
    }

    fn schedule_topics(&mut self, out: &Outbox) {
        if self.is_online() && !self.timers.is_armed(&Timer::Topics) {
            self.timers.arm(Timer::Topics, out.now + TOPICS_DEBOUNCE);
        }
    }

    fn send_topics(&mut self, out: &mut Outbox) {
        let Some(channel) = &self.channel else { return };
        for subscriber in &mut self.subscribers {
            subscriber.sent = true;
        }
        // A newer set replaces an older one that is still on its way.
        out.forget_http(|ask| *ask == Ask::Topics);
        let resource = Resource::subscriptions(channel, &self.topics.ids());
        out.rest(Ask::Topics, resource, Retry::Yes);
    }

    fn topics_answered(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        let states = result.and_then(|body| match body {
            Value::Null => Ok(Subscriptions::default()),
            body => rest::parse::<Subscriptions>("subscriptions", body),
        });
        let answered: Vec<_> = self.subscribers.extract_if(.., |s| s.sent).collect();
        for Subscriber { command, topic, .. } in answered {
            let result = match &states {
                Err(failure) => Err(Error::from(failure.clone())),
                Ok(states) if self.topics.is_wanted(&topic) => match states.refusal(&topic) {
                    None => Ok(Outcome::Done),
                    Some(why) => {
                        let text = format!("{topic}: {why}");
                        Err(Error::new(ErrorKind::Generic, text))
                    }
                },
                Ok(_) => Ok(Outcome::Done),
            };
            if result.is_err() {
                self.topics.unwant(&topic);
            }
            out.complete(command, result);
        }
        match (states, &self.state) {
            (Ok(_), State::Online(_, Readiness::Topics)) => self.ready(out),
            (Err(failure), State::Online(ws, Readiness::Topics)) if !self.connecting.is_empty() => {
                // The first subscription failing fails the login (wire notes 4.7).
                let ws = *ws;
                let mut error = Error::from(failure);
                if error.kind != ErrorKind::InvalidToken {
                    error.kind = ErrorKind::Initialization;
                }
                out.push(Output::CloseWebSocket { id: ws });
                self.lose(out);
                self.stopped(Some(error), out);
            }
            (Err(failure), _) => out.event(Event::Error(failure.into())),
            (Ok(_), _) => {}
        }
    }

    fn ready(&mut self, out: &mut Outbox) {
        if let State::Online(_, readiness) = &mut self.state {
            *readiness = Readiness::Ready;
        }
        out.event(Event::Ready);
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Ok(Outcome::Done));
        }
    }

    fn station_loaded(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        match result.and_then(|body| rest::parse::<StationBody>("station", body)) {
            Ok(body) => {
                let station = Station::from(body);
                let concurrent = station.call_appearances > 1;
                out.event(Event::ConcurrentSoftphoneSessionsEnabled(concurrent));
                out.event(Event::Station(station));
            }
            // LC-3: a phone without a station still works.
            Err(failure) => out.event(Event::Error(failure.into())),
        }
    }

    // The way down

    /// An attempt failed before the connection was up.
    fn attempt_failed(&mut self, failure: Attempt, out: &mut Outbox) {
        self.lose(out);
        let (error, pause) = match failure {
            Attempt::Rest(failure) if failure.is_unauthorized() => {
                return self.stopped(Some(failure.into()), out);
            }
            Attempt::Rest(failure) => {
                let pause = failure.retry_after.map(|pause| pause.min(MAX_RETRY_AFTER));
                (Error::from(failure), pause)
            }
            Attempt::Sasl(condition) if is_retryable_sasl(&condition) => {
                self.hard = true;
                (Error::new(ErrorKind::Protocol, format!("SASL: {condition}")), None)
            }
            Attempt::Sasl(condition) => {
                let error = Error::new(ErrorKind::InvalidToken, format!("SASL: {condition}"));
                return self.stopped(Some(error), out);
            }
            Attempt::Other(error) => (error, None),
        };
        out.event(Event::Disconnected { reconnecting: true, error: Some(error) });
        match pause {
            // Retry-After is waited for besides, and leaves no memory (wire notes 3.3).
            Some(pause) => self.wait(pause, out),
            None => {
                self.backoff.failed(out.now);
                self.wait(Duration::ZERO, out);
            }
        }
    }

    fn wait(&mut self, pause: Duration, out: &Outbox) {
        self.state = State::Waiting;
        let delay = self.backoff.next_delay(out.now);
        self.timers.arm(Timer::Attempt, out.now + pause + delay);
    }

    /// The connection was up and is gone.
    fn drop_connection(&mut self, error: Option<Error>, out: &mut Outbox) -> Change {
        let change = self.lose(out);
        out.event(Event::Disconnected { reconnecting: true, error });
        self.wait(Duration::ZERO, out);
        change
    }

    /// Forgets everything that hangs on the socket.
    fn lose(&mut self, out: &mut Outbox) -> Change {
        out.socket = None;
        out.jid = None;
        self.keepalive.stop();
        for timer in [Timer::Setup, Timer::Topics, Timer::IceRefresh, Timer::Close] {
            self.timers.cancel(&timer);
        }
        Change::Lost
    }

    /// Nothing is heard from the service any more.
    fn silent(&mut self, out: &mut Outbox) -> Change {
        if let State::Online(ws, _) = self.state {
            out.send(&Frame::Close(Close { see_other_uri: None }));
            out.push(Output::CloseWebSocket { id: ws });
        }
        let error = Error::new(ErrorKind::Timeout, "the service no longer answers");
        self.drop_connection(Some(error), out)
    }

    fn handle_close(&mut self, out: &mut Outbox) -> Option<Change> {
        match self.state {
            State::Online(ws, _) => {
                out.send(&Frame::Close(Close { see_other_uri: None }));
                out.push(Output::CloseWebSocket { id: ws });
                let error = Error::new(ErrorKind::Network, "the service closed the stream");
                Some(self.drop_connection(Some(error), out))
            }
            State::Setup(ws, _) => {
                out.send(&Frame::Close(Close { see_other_uri: None }));
                out.push(Output::CloseWebSocket { id: ws });
                let error = Error::new(ErrorKind::Network, "the service closed the stream");
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            State::Closing(ws, then) => {
                out.push(Output::CloseWebSocket { id: ws });
                self.closed(then, out);
                None
            }
            State::Offline
            | State::Waiting
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_) => None,
        }
    }

    /// The service moves its clients elsewhere (XEP-0051, wire notes 3.6).
    fn transfer(&mut self, out: &mut Outbox) -> Option<Change> {
        let State::Online(ws, _) = self.state else { return None };
        self.hard = true;
        out.event(Event::Disconnected { reconnecting: true, error: None });
        let change = self.lose(out);
        self.close_stream(ws, Then::Reconnect, out);
        Some(change)
    }

    fn close_stream(&mut self, ws: WsId, then: Then, out: &mut Outbox) {
        out.socket = Some(ws);
        out.send(&Frame::Close(Close { see_other_uri: None }));
        out.socket = None;
        self.state = State::Closing(ws, then);
        self.timers.arm(Timer::Close, out.now + CLOSE_TIMEOUT);
    }

    fn closed(&mut self, then: Then, out: &mut Outbox) {
        self.timers.cancel(&Timer::Close);
        match then {
            Then::Stop => self.stopped(None, out),
            Then::Reconnect => self.wait(Duration::ZERO, out),
        }
    }

    /// Not connected, and not trying.
    fn stopped(&mut self, error: Option<Error>, out: &mut Outbox) {
        let was_offline = matches!(self.state, State::Offline);
        self.state = State::Offline;
        self.hard = true;
        self.timers = Timers::default();
        out.forget_http(|ask| {
            matches!(ask, Ask::Organization | Ask::User | Ask::Channel | Ask::Station | Ask::Topics)
        });
        if !was_offline {
            out.event(Event::Disconnected { reconnecting: false, error: error.clone() });
        }
        let why = error.unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "disconnected"));
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Err(why.clone()));
        }
        for Subscriber { command, .. } in std::mem::take(&mut self.subscribers) {
            out.complete(command, Err(why.clone()));
        }
        for command in std::mem::take(&mut self.disconnecting) {
            out.complete(command, Ok(Outcome::Done));
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
                Timer::IceRefresh => {
                    self.timers.arm(Timer::IceRefresh, out.now + ICE_REFRESH);
                    self.ask_services(out);
                }
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

/// Why an attempt failed.
enum Attempt {
    Rest(Failure),
    Sasl(String),
    Other(Error),
}

/// SASL conditions after which another attempt makes sense (wire notes 3.3).
fn is_retryable_sasl(condition: &str) -> bool {
    matches!(
        condition,
        "encryption-required"
            | "incorrect-encoding"
            | "invalid-mechanism"
            | "malformed-request"
            | "mechanism-too-weak"
    )
}

fn closed_text(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code) => format!("the WebSocket was closed with code {code} {reason}"),
        None => format!("the WebSocket was lost: {reason}"),
    }
}
