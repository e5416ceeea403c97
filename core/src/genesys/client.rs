//! An agent's client: the connection and the calls, as one machine.

use std::time::Instant;

use super::ask::{Ask, CallAsk};
use super::calls::{Calls, Lines};
use super::check::check;
use super::command::{Command, Outcome};
use super::config::{Auth, Config};
use super::counters::Counters;
use super::error::{Error, ErrorKind, Subject};
use super::event::Event;
use super::headset::HeadsetOwnership;
use super::ids::UserId;
use super::link::Link;
use super::outbox::Outbox;
use super::rooms::{Rooms, Topic};
use super::sessions::Sessions;
use super::user;
use crate::genesys::wire::{Frame, IqAnswer};
use crate::machine::{CommandId, Input, Machine, Output, OutputOf, Seed, Wake, WsEvent, WsId};
use crate::media::EngineFactory;
use crate::report::TraceDirection;
use crate::rest::Failure;

/// Commands not answered yet; one more is refused.
pub(crate) const MAX_COMMANDS: usize = 1024;

/// A Genesys Cloud agent's client.
///
/// A [`Machine`]: give it to a runtime, or drive it yourself as [`crate::machine`] tells.
///
/// ```
/// use std::time::Instant;
/// use offhook::genesys::{Client, Command, Config};
/// use offhook::media::{Engine, EngineConfig, EngineFactory};
/// use offhook::{Machine, Output, Seed};
///
/// # struct NoMedia;
/// # impl EngineFactory for NoMedia {
/// #     fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> { unreachable!() }
/// # }
/// let config = Config::agent("mypurecloud.com", "token");
/// let now = Instant::now();
/// let mut client = Client::new(config, Box::new(NoMedia), Seed::from(1), now).unwrap();
/// let command = client.submit(now, Command::Connect).unwrap();
/// // The first thing it wants is to know who it is.
/// match client.poll_output() {
///     Output::Http { request, .. } => assert!(request.uri().path().ends_with("organizations/me")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug)]
pub struct Client {
    pub(super) out: Outbox,
    pub(super) link: Link,
    pub(super) calls: Calls,
    pub(super) rooms: Rooms,
    pub(super) sessions: Sessions,
    pub(super) headset: HeadsetOwnership,
}

impl Client {
    /// A client that is not connected yet. `now` is its first instant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidOptions`]: no environment, token or codec, a malformed JWT, an address
    /// or ICE server that is none (API-1), a name of more than 255 bytes, or relayed media
    /// without asking for relays ([`IcePolicy::RelayOnly`](super::IcePolicy::RelayOnly)).
    pub fn new(
        config: Config,
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
    ) -> Result<Self, Error> {
        check(&config)?;
        if !config.is_listed() {
            tracing::warn!(environment = config.environment, "not a region that is known");
        }
        let link = Link::new(&config.timing, config.jid_resource.clone());
        let sessions = Sessions::new(factory, seed.child("media"));
        Ok(Self {
            out: Outbox::new(config, seed.child("ids").rng(), now),
            link,
            calls: Calls::default(),
            rooms: Rooms::default(),
            sessions,
            headset: HeadsetOwnership::default(),
        })
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.out.config
    }

    /// True while signaling is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.is_online()
    }

    /// Counters of its events since its start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.out.counters
    }

    /// The number of calls, sessions, commands and parts of them that are remembered. A client at
    /// rest remembers nothing; what grows is a leak. Calls that were dialled and never heard of do
    /// not count: a bound of their own ends those.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.size() - self.calls.dialled()
    }

    /// A number that changes with anything that the client knows, but for secrets: a refused
    /// command must leave it as it was. For tests, as it takes a while.
    #[doc(hidden)]
    #[must_use]
    pub fn digest(&self) -> u64 {
        super::digest::of(self)
    }

    /// The number of things that are remembered, dialled calls too.
    pub(crate) fn size(&self) -> usize {
        let parts = self.calls.size() + self.rooms.size() + self.sessions.len();
        parts + self.out.open_commands()
    }

    /// The user, once known; a guest is none.
    pub(super) fn user(&self) -> Option<UserId> {
        self.link.identity().and_then(|identity| identity.user.clone())
    }

    /// A subject, with what is known of it.
    pub(super) fn subject(&self, of: Subject) -> Subject {
        let call = of.conversation.as_ref().is_some_and(|call| self.calls.knows(call));
        let of = if call { of } else { self.rooms.subject(of) };
        self.calls.subject(of, &self.sessions)
    }

    fn handle_socket(&mut self, id: WsId, event: WsEvent) {
        let WsEvent::Text(text) = event else {
            if self.link.handle_socket(id, event, &mut self.out).is_some() {
                self.connection_lost();
            }
            return;
        };
        if !self.link.owns(id) {
            return;
        }
        match Frame::read(&text) {
            Ok((frame, skipped)) => {
                self.out.trace_frame(TraceDirection::Received, Some(&frame), &text);
                let (change, stanza) = self.link.handle_frame(frame, &mut self.out);
                if change.is_some() {
                    self.connection_lost();
                }
                if !skipped.is_empty() {
                    self.out.malformed(skipped.to_string());
                }
                // While closing, only the stream itself still matters.
                if let Some(stanza) = stanza
                    && self.out.socket.is_some()
                {
                    self.handle_stanza(stanza);
                }
            }
            Err(error) => {
                self.link.unreadable(&text, &mut self.out);
                if let Some(reply) = error.reply() {
                    self.out.send(&Frame::Iq(reply));
                }
                self.out.malformed(format!("frame: {error}"));
            }
        }
    }

    /// Ends what was asked over the connection that is gone: nobody will answer it.
    pub(super) fn connection_lost(&mut self) {
        self.headset.lost();
        if !self.out.config.session_survivability {
            self.sessions.end_all();
            self.calls.sweep(&mut self.sessions, &mut self.out);
            self.rooms.sweep(&mut self.sessions, &mut self.out);
        }
        for ask in self.out.take_lost_iqs() {
            self.handle_answer(&ask, IqAnswer::Lost);
        }
    }

    fn handle_rest(&mut self, ask: &Ask, result: Result<serde_json::Value, Failure>) {
        match ask {
            Ask::Link(ask) => self.link.handle_rest(ask, result, &mut self.out),
            Ask::Upload(kind) => self.out.uploaded(*kind, &result),
            Ask::User(ask, command) => user::answered(*ask, *command, result, &mut self.out),
            Ask::Room(ask) => {
                let user = self.user();
                self.rooms.handle_rest(ask, result, user.as_ref(), &mut self.out);
            }
            Ask::Call(ask) => {
                if let (CallAsk::Listing, Err(failure)) = (ask, &result) {
                    self.link.ask_again(failure, &self.out);
                }
                let user = self.user();
                self.calls.handle_rest(
                    ask,
                    result,
                    user.as_ref(),
                    &mut self.sessions,
                    &mut self.out,
                );
            }
        }
    }

    /// Draws the consequences of an input, of time or of a command: sessions that ended leave their calls, and
    /// questions whose request could not even be made have failed.
    fn settle(&mut self) {
        loop {
            self.rooms.take_news(&mut self.sessions, &mut self.out);
            self.calls.sweep(&mut self.sessions, &mut self.out);
            self.rooms.sweep(&mut self.sessions, &mut self.out);
            match self.out.take_unmade() {
                Some((ask, failure)) => self.handle_rest(&ask, Err(failure)),
                None => break,
            }
        }
        for topic in self.rooms.take_topics() {
            match topic {
                Topic::Wanted(topic) => self.link.readiness.want_own(topic, &self.out),
                Topic::Unwanted(topic) => self.link.readiness.unwant_own(&topic, &self.out),
            }
        }
        if std::mem::take(&mut self.out.ice_stale) {
            self.link.discover(&mut self.out);
        }
        if let Some(ice) = self.link.readiness.take_new_ice(&self.out.config) {
            self.sessions.renew(ice, &mut self.out);
        }
    }

    fn handle_time(&mut self) {
        while let Some(command) = self.out.overdue_command() {
            if self.link.waits(command) {
                if self.link.connect_overdue(command, &mut self.out).is_some() {
                    self.connection_lost();
                }
                continue;
            }
            self.calls.forget_command(command, &mut self.sessions, &mut self.out);
            self.rooms.forget_command(command, &mut self.sessions, &mut self.out);
            self.link.readiness.forget_subscriber(command);
            self.headset.forget_command(command);
            let error = Error::new(ErrorKind::Timeout, "the service did not answer in time");
            self.out.complete(command, Err(error));
        }
        while let Some(ask) = self.out.pop_overdue_iq() {
            self.handle_answer(&ask, IqAnswer::Timeout);
        }
        self.out.signal_due();
        self.out.retry_due();
        if self.link.handle_timeout(&mut self.out).is_some() {
            self.connection_lost();
        }
        self.calls.handle_timeout(&mut self.sessions, &mut self.out);
        self.rooms.handle_timeout(&mut self.out);
        self.headset.handle_timeout(&mut self.out);
    }

    /// The time of the next wake-up. Packets and frames change nothing but media: then the rest is
    /// due when it was before.
    fn next_wake(&mut self) -> Option<Wake> {
        if self.out.due.is_stirred() {
            let wake = Wake::earliest(self.link.next_wake(), self.calls.next_wake());
            let wake = Wake::earliest(wake, self.rooms.next_wake());
            let wake = Wake::earliest(wake, self.headset.next_wake());
            self.out.due.settle(Wake::earliest(self.out.next_wake(), wake));
        }
        Wake::earliest(self.out.due.wake(), self.sessions.next_wake())
    }

    /// True where a packet or a frame had no effect but on media, and nothing is due.
    fn is_media_only(&mut self, now: Instant) -> bool {
        if self.out.due.is_stirred() || self.sessions.is_any_ending() {
            return false;
        }
        self.next_wake().is_none_or(|wake| wake.at > now)
    }
}

impl Machine for Client {
    type Command = Command;
    type Event = Event;
    type Outcome = Outcome;
    type Error = Error;

    fn submit(&mut self, now: Instant, command: Command) -> Result<CommandId, Error> {
        let subject = self.subject(command.subject());
        self.plan(&command).map_err(|error| error.about(&subject))?;
        self.out.advance(now);
        self.out.due.stir();
        let timing = &self.out.config.timing;
        let connects = matches!(command, Command::Connect);
        let limit = if connects { timing.connect } else { timing.command };
        let id = self.out.open(limit, subject);
        self.apply(id, command);
        self.settle();
        self.calls.tell_rest(&mut self.out);
        Ok(id)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        let late =
            self.next_wake().is_some_and(|wake| now > wake.at + self.out.config.timing.sleep);
        self.out.advance(now);
        if late {
            // The machine was asleep: whether the connection still stands is asked at once.
            self.link.probe(&mut self.out);
            self.out.due.stir();
        }
        match input {
            Input::Timeout => {}
            Input::WebSocket { id, event } => self.handle_socket(id, event),
            Input::Http { id, result } => {
                if let Some((ask, result)) = self.out.take_http(id, result) {
                    self.handle_rest(&ask, result);
                }
            }
            Input::Udp { id, event } => {
                self.sessions.handle_udp(id, event, &mut self.out);
                if self.is_media_only(now) {
                    return;
                }
            }
            Input::Resolved { id, result } => {
                self.sessions.handle_resolved(id, result, &mut self.out);
            }
            Input::Stream { id, event } => {
                self.sessions.handle_stream(id, event, &mut self.out);
                if self.is_media_only(now) {
                    return;
                }
            }
            Input::Frame { track, frame } => {
                self.sessions.send(track, &frame, &mut self.out);
                if self.is_media_only(now) {
                    return;
                }
            }
        }
        self.out.due.stir();
        self.calls.line.set(self.link.readiness.station().map_or(Lines::Unknown, Lines::from));
        // What the input ended is over before anything is due.
        if self.sessions.is_any_ending() {
            self.settle();
        }
        self.handle_time();
        self.settle();
        if self.link.readiness.take_came_back() {
            let agent = matches!(self.out.config.auth, Auth::Token(_));
            self.calls.came_back(agent, &mut self.sessions, &mut self.out);
            if agent {
                self.rooms.came_back(&mut self.out);
                self.headset.came_back(&mut self.out);
            }
            self.settle();
        }
        if self.headset.is_wanted() {
            self.headset.talks(self.calls.is_talking(), &mut self.out);
        }
        self.calls.tell_rest(&mut self.out);
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        match self.out.pop() {
            Some(output) => output,
            None => Output::Timeout(self.next_wake()),
        }
    }
}
