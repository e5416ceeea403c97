//! The preparation of a connection that is up for calls, and its upkeep: topics, station, ICE
//! servers, alerting leader (wire notes 4, 7, 8).

use serde_json::Value;

use super::account::Account;
use super::channel::Channel;
use super::ice::Ice;
use super::leader::Leading;
use super::missing::Missing;
use super::stream::subscribe_node;
use super::subscriptions::Subscriptions;
use super::user_station::UserStation;
use crate::genesys::ask::{Ask, IqAsk, LinkAsk};
use crate::genesys::config::{Auth, Config, IceServersPolicy};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, IceServers};
use crate::genesys::ids::StationId;
use crate::genesys::outbox::Outbox;
use crate::genesys::station::Station;
use crate::genesys::wire::IqAnswer;
use crate::genesys::wire::topics::Own;
use crate::machine::{CommandId, TimerName, Timers, Wake};
use crate::media::IceServer;
use crate::rest::Failure;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    stage: Stage,
    timers: Timers<Timer>,
    subscriptions: Subscriptions,
    station: UserStation,
    ice: Ice,
    leading: Leading,
    missing: Missing,
    /// Ready again after a loss, and nobody has been told yet.
    came_back: bool,
}

/// The stage of the preparation.
///
/// ```text
///       ┌ first ──> Conversations ──┐
/// Down ─┼ new channel, or without ──┴──> Topics ──┬──> Ready
///       └ otherwise ──────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is no connection.
    #[default]
    Down,
    /// Subscribing to the user's conversations.
    Conversations,
    /// Subscribing to the rest.
    Topics,
    /// Told the application.
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Topic changes are to be sent.
    Topics,
    /// ICE servers are to be asked for again.
    IceRefresh,
    /// The connection is to be marked as one that can ring, once more.
    Alertable,
    /// Requests that failed after the login are to be made again.
    Again,
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Topics => "topic changes",
            Self::IceRefresh => "ICE server refresh",
            Self::Alertable => "marking as alertable",
            Self::Again => "asking again",
        }
    }
}

/// The result of a step of the preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prepared {
    /// An answer is waited for.
    Waits,
    /// Nothing is missing that is waited for: [`Readiness::ready`] is to be told.
    Enough,
}

impl Readiness {
    pub(super) fn is_ready(&self) -> bool {
        match self.stage {
            Stage::Ready => true,
            Stage::Down | Stage::Conversations | Stage::Topics => false,
        }
    }

    fn is_up(&self) -> bool {
        match self.stage {
            Stage::Conversations | Stage::Topics | Stage::Ready => true,
            Stage::Down => false,
        }
    }

    /// True once after each reconnect, when events come again.
    pub(crate) fn take_came_back(&mut self) -> bool {
        std::mem::take(&mut self.came_back)
    }

    /// The user's station, once loaded.
    pub(crate) fn station(&self) -> Option<&Station> {
        self.station.loaded()
    }

    /// Returns true if a topic's notifications belong to the application.
    pub(super) fn is_wanted(&self, topic: &str) -> bool {
        self.subscriptions.is_wanted(topic)
    }

    /// The ICE servers for a session that starts now, which keeps them.
    pub(super) fn ice_servers(&self, config: &Config) -> IceServers {
        self.ice.in_force(config)
    }

    /// The ICE servers, once each time that they are others.
    pub(crate) fn take_new_ice(&mut self, config: &Config) -> Option<IceServers> {
        self.ice.take_news().then(|| self.ice.in_force(config))
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        self.timers.next()
    }

    // The connection

    /// It is known who we are, and with which station.
    pub(super) fn identified(
        &mut self,
        station: Option<StationId>,
        account: &Account,
        config: &Config,
    ) {
        self.station.identified(station);
        if let (Auth::Token(_), Some(user)) = (&config.auth, account.user()) {
            self.subscriptions.want_own(user, config);
        }
    }

    /// The service's name for the connection, which its `<open/>` told.
    pub(super) fn opened(&mut self, connection: Option<String>) {
        self.leading.opened(connection);
    }

    /// Asks for ICE servers.
    pub(super) fn discover(&mut self, account: &Account, out: &mut Outbox) {
        if let Some(domain) = account.domain() {
            self.ice.ask(domain, out);
        }
    }

    /// The answer to that. While the stream is set up, failing is the stream's matter.
    pub(super) fn discovered(
        &mut self,
        ask: &IqAsk,
        answer: &IqAnswer,
        account: &Account,
        out: &mut Outbox,
    ) {
        match account.domain() {
            Some(domain) if self.is_up() => self.ice.refreshed(ask, answer, domain, out),
            _ => self.ice.take(ask, answer),
        }
    }

    /// The connection is up; `reconnect` unless it is the first.
    pub(super) fn connected(
        &mut self,
        reconnect: bool,
        account: &mut Account,
        out: &mut Outbox,
    ) -> Prepared {
        self.timers.arm(Timer::IceRefresh, out.now() + out.config.timing.ice_refresh);
        out.event(Event::Connected { reconnect });
        self.ice.tell(out);
        self.leading.offer(account.user(), out);
        self.came_back = false;
        let is_new = account.channel.connected();
        let subscribes = is_new || self.missing.topics || !reconnect;
        self.leading.begin(subscribes);
        let agent = matches!(out.config.auth, Auth::Token(_));
        // Until they are taken: this connection may be gone before they are asked for.
        self.missing.topics = agent && subscribes;
        match account.user() {
            Some(user) if agent && !reconnect => {
                self.stage = Stage::Conversations;
                subscribe_node(IqAsk::Conversations, &Own::Conversations.of(user), out);
                self.station.load(out);
                Prepared::Waits
            }
            Some(_) if agent && subscribes => {
                self.stage = Stage::Topics;
                self.send_topics(&account.channel, out);
                Prepared::Waits
            }
            _ => Prepared::Enough,
        }
    }

    pub(super) fn conversations_subscribed(
        &mut self,
        answer: IqAnswer,
        channel: &Channel,
        out: &mut Outbox,
    ) {
        if self.stage == Stage::Conversations {
            if let IqAnswer::Error(error) = answer {
                // The REST subscription that follows covers the same topic.
                let text = format!("conversations: refused with {}", error.condition);
                let refused = Error::new(ErrorKind::Protocol, text).caused_by(&error);
                out.event(Event::Error(refused));
            }
            self.stage = Stage::Topics;
            self.send_topics(channel, out);
        }
    }

    /// The channel has our topics, or does not.
    pub(super) fn subscribed(
        &mut self,
        result: Result<Value, Failure>,
        channel: &mut Channel,
        out: &mut Outbox,
    ) -> (Prepared, Result<(), Failure>) {
        let result = self.subscriptions.answered(result, out);
        self.missing.topics = result.is_err();
        match &result {
            Ok(()) => self.leading.hear(out),
            // The channel is of no use.
            Err(failure) if failure.is_final() => channel.discard(),
            Err(_) => {}
        }
        let prepared = match self.stage {
            Stage::Topics => Prepared::Enough,
            Stage::Down | Stage::Conversations | Stage::Ready => Prepared::Waits,
        };
        (prepared, result)
    }

    /// Calls are heard of; `again` unless it is for the first time.
    pub(super) fn ready(&mut self, again: bool, out: &mut Outbox) {
        self.stage = Stage::Ready;
        self.came_back = again;
        out.event(Event::Ready);
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, out: &mut Outbox) {
        self.stage = Stage::Down;
        self.timers = Timers::default();
        self.leading.lost();
        out.forget_http(|ask| matches!(ask, Ask::Link(LinkAsk::Alertable | LinkAsk::Leader)));
    }

    /// There will be no other.
    pub(super) fn stopped(&mut self, why: &Error, out: &mut Outbox) {
        self.subscriptions.stopped(why, out);
    }

    pub(super) fn handle_timeout(&mut self, account: &Account, out: &mut Outbox) {
        while let Some(timer) = self.timers.pop_due(out.now()) {
            match timer {
                Timer::Topics => self.send_topics(&account.channel, out),
                Timer::Alertable => self.leading.mark_alertable(account.user(), out),
                Timer::Again => self.complete(out),
                Timer::IceRefresh => {
                    self.timers.arm(Timer::IceRefresh, out.now() + out.config.timing.ice_refresh);
                    self.discover(account, out);
                }
            }
        }
    }

    // Topics

    pub(crate) fn may_subscribe(&self, topics: &[String], config: &Config) -> Result<(), Error> {
        self.subscriptions.may_subscribe(topics, config)
    }

    /// With a priority it is answered topic by topic.
    pub(crate) fn subscribe(
        &mut self,
        command: CommandId,
        topics: Vec<String>,
        priority: Option<i32>,
        out: &Outbox,
    ) {
        self.subscriptions.subscribe(command, topics, priority);
        self.schedule_topics(out);
    }

    pub(crate) fn unsubscribe(&mut self, command: CommandId, topic: String, out: &Outbox) {
        self.subscriptions.unsubscribe(command, topic);
        self.schedule_topics(out);
    }

    /// Wants a topic for ourselves.
    pub(crate) fn want_own(&mut self, topic: String, out: &Outbox) {
        self.subscriptions.want(topic);
        self.schedule_topics(out);
    }

    /// Wants a topic for ourselves no longer.
    pub(crate) fn unwant_own(&mut self, topic: &str, out: &Outbox) {
        self.subscriptions.unwant(topic);
        self.schedule_topics(out);
    }

    /// A subscription command's time is up.
    pub(crate) fn forget_subscriber(&mut self, command: CommandId) {
        self.subscriptions.forget(command);
    }

    /// The commands that wait here are answered by others.
    pub(super) fn forget_commands(&mut self) {
        self.subscriptions.forget_all();
    }

    /// Topics that are known late become one request with those of the next moment.
    pub(super) fn schedule_topics(&mut self, out: &Outbox) {
        if self.is_up() && !self.timers.is_armed(&Timer::Topics) {
            self.timers.arm(Timer::Topics, out.now() + out.config.timing.topics);
        }
    }

    /// Those that are known now are asked for at once: a login waits for the answer.
    fn send_topics(&mut self, channel: &Channel, out: &mut Outbox) {
        self.timers.cancel(&Timer::Topics);
        self.subscriptions.send(channel.id(), out);
    }

    // Station, ICE servers, leader

    pub(super) fn station_loaded(
        &mut self,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) -> Result<(), Failure> {
        let loaded = self.station.answered(result, out);
        self.missing.station = loaded.is_err();
        loaded
    }

    pub(super) fn handle_station(&mut self, json: &Value, out: &mut Outbox) {
        self.station.notified(json, out);
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
        if self.is_up() {
            self.ice.tell(out);
        }
    }

    pub(super) fn handle_leader(&mut self, body: &Value, out: &mut Outbox) {
        self.leading.notified(body, out);
    }

    pub(super) fn leader_answered(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        self.leading.answered(result, out);
    }

    pub(super) fn alertable_answered(&mut self, result: &Result<Value, Failure>, out: &mut Outbox) {
        if let Some(again) = self.leading.alertable_answered(result, out) {
            self.timers.arm(Timer::Alertable, again);
        }
    }

    pub(crate) fn may_claim_lead(&self) -> Result<(), Error> {
        if !self.is_up() {
            return Err(Error::new(ErrorKind::Session, "signaling is down"));
        }
        self.leading.may_claim().map(|_| ())
    }

    pub(crate) fn claim_lead(&self, command: CommandId, out: &mut Outbox) {
        self.leading.claim(command, out);
    }

    // What a login did without

    /// Something that a connection needs could not be had: it is asked for again in a while, or
    /// with the next token.
    pub(super) fn ask_again(&mut self, failure: &Failure, out: &Outbox) {
        if let Some(pause) = self.missing.failed(failure, &out.config.timing, out.now())
            && !self.timers.is_armed(&Timer::Again)
        {
            self.timers.arm(Timer::Again, out.now() + pause);
        }
    }

    /// There is another token: what the old one could not have is asked for with it. A login that
    /// is yet to come asks for all of it anyway.
    pub(crate) fn token_changed(&mut self, out: &Outbox) {
        if self.missing.token_changed(out.now()) && self.is_ready() {
            self.timers.arm(Timer::Again, out.now());
        }
    }

    /// It is time. What nothing failed of is told again as it is, which changes nothing. A login
    /// that is under way does it by itself.
    fn complete(&mut self, out: &mut Outbox) {
        if self.is_ready() {
            self.missing.asked();
            if self.missing.topics {
                self.schedule_topics(out);
            }
            if self.missing.station {
                self.station.load(out);
            }
            self.came_back = true;
        }
    }
}
