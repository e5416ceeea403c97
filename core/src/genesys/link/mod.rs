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
mod state;
mod stream;

use self::again::Missing;
use self::ice::Ice;
use self::leader::Leading;
use self::state::{Attempt, Network, Readiness, State, Subscriber, Then, Timer};
pub(crate) use self::state::{Identity, Transition};
use crate::Secret;
use crate::genesys::ask::{Ask, IqAsk, LinkAsk};
use crate::genesys::command::Outcome;
use crate::genesys::config::{Auth, Config, IceServersPolicy};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, IceServers};
use crate::genesys::ids::StationId;
use crate::genesys::outbox::Outbox;
use crate::genesys::station::Station;
use crate::genesys::timing::Timing;
use crate::genesys::topics::Topics;
use crate::genesys::wire::requests;
use crate::genesys::wire::topics::is_possible;
use crate::genesys::wire::{IqKind, Payload};
use crate::link::{Backoff, Health, Keepalive, Patience};
use crate::machine::{CommandId, Output, Timers, Wake, WsId};
use crate::media::IceServer;
use crate::report::Direction;
use crate::rest::{Failure, Retry};

/// `Connect` commands waiting for one connection.
const MAX_WAITING: usize = 16;

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
    missing: Missing,
    connecting: Vec<CommandId>,
    disconnecting: Vec<CommandId>,
    subscribers: Vec<Subscriber>,
    ice: Ice,
    /// The user's phone, once loaded.
    phone: Option<Station>,
    leading: Leading,
}

impl Link {
    pub(crate) fn new(timing: &Timing, resource: Option<String>) -> Self {
        let (first, longest) = (timing.reconnect_first, timing.reconnect_longest);
        let (pause, forgiven, silence) = (timing.ping, timing.pings_missed, timing.silence);
        Self {
            state: State::Offline,
            network: Network::There,
            backoff: Backoff::new(first, longest, timing.reconnect_memory),
            timers: Timers::default(),
            keepalive: Keepalive::new(Patience { pause, forgiven, silence }),
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
            missing: Missing::default(),
            connecting: Vec::new(),
            disconnecting: Vec::new(),
            subscribers: Vec::new(),
            ice: Ice::default(),
            phone: None,
            leading: Leading::default(),
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
            return Err(Error::new(ErrorKind::Limit, "too many connects waiting"));
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
                    self.wait_in_turn(out);
                } else {
                    self.backoff.begin(out.now());
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
            return Err(Error::new(ErrorKind::Limit, "too many disconnects waiting"));
        }
        Ok(())
    }

    pub(crate) fn disconnect(
        &mut self,
        command: CommandId,
        out: &mut Outbox,
    ) -> Option<Transition> {
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
            State::Waiting => self.timers.arm(Timer::Attempt, out.now()),
            State::Online(..) => self.keepalive.probe(out.now()),
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
        if topics.iter().any(|topic| !is_possible(topic)) {
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
            out.rest(LinkAsk::Station, requests::station(station), Retry::Yes);
        }
    }

    // ICE servers (wire notes 7)

    /// The servers for a session that starts now, which keeps them.
    pub(crate) fn ice_servers(&self, config: &Config) -> IceServers {
        self.ice.in_force(config)
    }

    /// Other servers of the application's from now on.
    pub(crate) fn set_ice_servers(
        &mut self,
        servers: Vec<IceServer>,
        policy: IceServersPolicy,
        out: &mut Outbox,
    ) {
        out.config.ice_servers = servers;
        out.config.ice_servers_policy = policy;
        if self.is_online() {
            self.ice.tell(out);
        }
    }

    /// Asks again on a connection that is up.
    fn refresh_services(&mut self, out: &mut Outbox) {
        self.timers.arm(Timer::IceRefresh, out.now() + out.config.timing.ice_refresh);
        if let Some(identity) = &self.identity {
            self.ice.ask(&identity.domain, out);
        }
    }

    // The alerting leader (SG-9)

    pub(crate) fn handle_leader(&mut self, body: &serde_json::Value, out: &mut Outbox) {
        self.leading.notified(body, out);
    }

    pub(crate) fn may_claim_lead(&self) -> Result<(), Error> {
        if !self.is_online() {
            return Err(Error::new(ErrorKind::Session, "signaling is down"));
        }
        self.leading.may_claim().map(|_| ())
    }

    pub(crate) fn claim_lead(&self, command: CommandId, out: &mut Outbox) {
        self.leading.claim(command, out);
    }

    fn mark_alertable(&mut self, out: &mut Outbox) {
        let user = self.identity.as_ref().and_then(|identity| identity.user.as_ref());
        self.leading.mark_alertable(user, out);
    }

    // What failed after a login

    /// Something that a connection needs could not be had: it is asked for again in a while, or
    /// with the next token.
    pub(crate) fn ask_again(&mut self, failure: &Failure, out: &Outbox) {
        if !matches!(self.state, State::Setup(..) | State::Online(..)) {
            // The next login asks for all of it.
            return;
        }
        if let Some(pause) = self.missing.failed(failure, &out.config.timing, out.now())
            && !self.timers.is_armed(&Timer::Again)
        {
            self.timers.arm(Timer::Again, out.now() + pause);
        }
    }

    /// There is another token: what the old one could not have is asked for with it. A login that
    /// is yet to come asks for all of it anyway.
    pub(crate) fn token_changed(&mut self, out: &Outbox) {
        let is_ready = matches!(self.state, State::Online(_, Readiness::Ready));
        if self.missing.token_changed(out.now()) && is_ready {
            self.timers.arm(Timer::Again, out.now());
        }
    }

    /// It is time. What nothing failed of is told again as it is, which changes nothing.
    fn complete_login(&mut self, out: &mut Outbox) {
        if !matches!(self.state, State::Online(_, Readiness::Ready)) {
            // The login that is under way does it.
            return;
        }
        self.missing.asked();
        if self.missing.topics {
            self.schedule_topics(out);
        }
        if self.missing.station {
            self.load_station(out);
        }
        self.came_back = self.was_ready;
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

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) -> Option<Transition> {
        let mut change = None;
        while let Some(timer) = self.timers.pop_due(out.now()) {
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
        match self.keepalive.handle_timeout(out.now()) {
            Health::Fine => {}
            Health::Ping => out.ask(IqAsk::Ping, None, IqKind::Get(Payload::Ping)),
            Health::Dead => change = Some(self.silent(out)),
        }
        change
    }

    /// Tells that a frame came that could not be read at all.
    pub(crate) fn unreadable(&mut self, text: &str, out: &mut Outbox) {
        if matches!(self.state, State::Online(..)) {
            self.keepalive.heard(out.now());
        }
        out.trace_frame(Direction::Received, None, text);
    }
}
