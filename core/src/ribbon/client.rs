//! A user's client: the subscription and the calls, as one machine.

use std::time::Instant;

use super::ask::Ask;
use super::calls::Calls;
use super::command::{Command, media_commands, store_commands};
use super::config::{CallsBy, Config};
use super::constants::ChangeReason;
use super::credentials::Credentials;
use super::error::{Error, ErrorCode};
use super::event::Event;
use super::fault::Fault;
use super::ids::TrackId;
use super::link::{Link, News};
use super::media::Media;
use super::notice::NoticeChannel;
use super::outbox::Outbox;
use super::outcome::Outcome;
use super::proxy::Proxy;
use super::query::Query;
use super::stores::Stores;
use super::wire::credentials::decide;
use super::wire::envelope::MAX_MESSAGE;
use super::wire::resources::subscription::MAX_SERVICES;
use super::wire::seen::Seen;
use super::wire::{LegEvent, Notice, Notification};
use crate::machine::{
    CommandId, Input, Machine, Output, OutputOf, Seed, TrackId as MediaTrack, Wake, WsEvent, WsId,
};
use crate::media::EngineFactory;

/// Commands not answered yet; one more is refused.
const MAX_COMMANDS: usize = 1024;

/// The life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    /// This command ends it, once the gateway knows.
    Ending(CommandId),
    Over,
}

/// A user's client of a Ribbon WebRTC Gateway.
///
/// A [`Machine`]: give it to a runtime, or drive it yourself as [`crate::machine`] tells.
///
/// ```
/// use std::time::Instant;
/// use offhook::media::{Engine, EngineConfig, EngineFactory};
/// use offhook::ribbon::{Client, Command, Config, Credentials, Service};
/// use offhook::{Machine, Output, Seed};
///
/// # struct NoMedia;
/// # impl EngineFactory for NoMedia {
/// #     fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> { unreachable!() }
/// # }
/// let config = Config::new("gateway.example", "gateway.example");
/// let now = Instant::now();
/// let mut client = Client::new(config, Box::new(NoMedia), Seed::from(1), now).unwrap();
/// let credentials = Credentials::password("alice@example.com", "secret");
/// client.submit(now, Command::SetCredentials(credentials)).unwrap();
/// let services = vec![Service::Call];
/// client.submit(now, Command::Subscribe { services, correlator: None }).unwrap();
/// loop {
///     match client.poll_output() {
///         Output::Http { request, .. } => {
///             break assert!(request.uri().path().ends_with("/user/alice@example.com/subscription"));
///         }
///         Output::Timeout(_) => panic!("it asks for a subscription"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Client {
    pub(super) out: Outbox,
    pub(super) link: Link,
    pub(super) calls: Calls,
    pub(super) media: Media,
    pub(super) stores: Stores,
    seen: Seen,
    life: Life,
}

impl Client {
    /// A client that is not subscribed yet. `now` is its first instant.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`], naming the setting that cannot work.
    pub fn new(
        config: Config,
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
    ) -> Result<Self, Error> {
        let config = config.checked()?;
        Ok(Self {
            link: Link::new(seed.child("link").rng()),
            calls: Calls::new(factory, &seed),
            media: Media::new(seed.child("local media").rng()),
            stores: Stores::new(seed.child("stores").rng()),
            seen: Seen::new(config.notifications.id_cache),
            out: Outbox::new(config, now),
            life: Life::Alive,
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.out.config
    }

    /// The number of subscriptions, calls, requests and commands that are remembered. A client at rest
    /// remembers nothing; what grows is a leak.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.link.size()
            + self.calls.size()
            + self.media.size()
            + self.stores.size()
            + self.out.open_commands()
            + self.out.exchanges()
            + self.out.proxy.size()
    }

    // Commands: first what may be done, then doing it.

    fn plan(&self, command: &Command) -> Result<(), Error> {
        if self.life != Life::Alive {
            return Err(Error::closed());
        }
        if matches!(command, Command::Destroy) {
            return Ok(());
        }
        if self.out.open_commands() >= MAX_COMMANDS {
            return Err(Error::new(ErrorCode::Busy, "too many commands are waiting"));
        }
        if let Some(wishes) = command.wishes() {
            wishes.check(self.media.devices())?;
        }
        match command {
            Command::SetCredentials(credentials) => {
                let user = self.out.credentials.as_ref().map(Credentials::username);
                let bound = self.link.is_any() || self.calls.is_any_live();
                decide(user, bound, credentials).map(drop)
            }
            Command::UpdateConfig(patch) => self.out.config.clone().update((**patch).clone()),
            Command::SetSdpHandlers(handlers) => {
                let call = super::config::CallConfigPatch::default().sdp_handlers(handlers.clone());
                let patch = super::config::ConfigPatch::default().call(call);
                let checked = self.out.config.clone().update(patch);
                checked.map_err(|error| error.with_code(super::error::CallCode::InvalidParam))
            }
            Command::Subscribe { services, correlator } => {
                if services.len() > MAX_SERVICES {
                    return Err(Error::new(ErrorCode::Options, "too many services"));
                }
                let subscription = super::config::SubscriptionConfigPatch::default();
                if let Some(name) = correlator {
                    let patch = subscription.correlator(name.clone());
                    let patch = super::config::ConfigPatch::default().subscription(patch);
                    self.out.config.clone().update(patch)?;
                }
                self.link.may_subscribe(services, &self.out)
            }
            Command::Unsubscribe { services } => self.link.may_unsubscribe(services),
            Command::ProcessNotification { message, .. } => {
                if message.len() > MAX_MESSAGE {
                    return Err(Error::new(ErrorCode::Options, "a notification of over 256 KiB"));
                }
                Notice::read(message)
                    .map(drop)
                    .map_err(|error| Error::new(ErrorCode::Options, error.to_string()))
            }
            Command::CheckConnectivity(_)
            | Command::ResetConnection
            | Command::Query(_)
            | Command::Destroy => Ok(()),
            store_commands!() => self.stores.plan(command, &self.link, &self.out),
            Command::SetProxyChannel(_) => Proxy::may_change(self.calls.is_any_live()),
            Command::InitializeRemote(patch) => {
                self.out.config.clone().update((**patch).clone())?;
                self.out.proxy.may_initialize(self.calls.is_any_live())
            }
            Command::SetProxyMode(on) => self.out.proxy.may_switch(*on, self.calls.is_any_live()),
            Command::ProxyReceived(frame) => Proxy::may_receive(frame),
            media_commands!() => self.media.plan(command, |track| self.calls.use_of(track)),
            Command::AddMedia { media, .. } | Command::ReplaceTrack { media, .. } => {
                self.calls.plan(command, &self.out)?;
                let kind = |track: &TrackId| self.media.find(track).map(|one| one.kind);
                self.calls.may_take(command, media, kind, &self.out)
            }
            Command::Make { .. }
            | Command::Answer { .. }
            | Command::Reject { .. }
            | Command::Ignore { .. }
            | Command::Forward { .. }
            | Command::End { .. }
            | Command::Hold { .. }
            | Command::Unhold { .. }
            | Command::RestartMedia { .. }
            | Command::RemoveMedia { .. }
            | Command::StartVideo { .. }
            | Command::StopVideo { .. }
            | Command::SendRingingFeedback { .. }
            | Command::SetCustomParameters { .. }
            | Command::SendCustomParameters { .. }
            | Command::SendDtmf { .. }
            | Command::GetStats { .. }
            | Command::MuteTracks { .. }
            | Command::SetSource { .. }
            | Command::UnmuteTracks { .. }
            | Command::DirectTransfer { .. }
            | Command::ConsultativeTransfer { .. }
            | Command::Join { .. }
            | Command::Resync { .. } => self.calls.plan(command, &self.out),
            #[cfg(feature = "audio")]
            Command::PlayAudio { source, .. } => {
                self.calls.plan(command, &self.out)?;
                source.track().map_or(Ok(()), |track| self.media.may_play(track))
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are the calls' own")]
    fn apply(&mut self, id: CommandId, command: Command) {
        match command {
            Command::SetCredentials(credentials) => {
                let user = self.out.credentials.as_ref().map(Credentials::username);
                if user.is_some_and(|user| user != credentials.username()) {
                    self.stores.forget(&mut self.out);
                }
                self.out.use_credentials(credentials);
                self.link.hurry(&self.out);
                self.out.event(Event::CredentialsChanged);
            }
            Command::UpdateConfig(patch) => {
                // It was tried before.
                self.out.update_config(*patch);
                self.seen.resize(self.out.config.notifications.id_cache);
            }
            Command::SetSdpHandlers(handlers) => self.out.config.call.sdp_handlers = handlers,
            Command::Subscribe { services, correlator } => {
                self.link.subscribe(id, &services, correlator, &mut self.out);
                return;
            }
            Command::Unsubscribe { services } => {
                self.link.unsubscribe(id, &services, &mut self.out);
                return;
            }
            Command::CheckConnectivity(enabled) => {
                self.out.config.connectivity.check = enabled;
                self.link.check_connectivity(enabled, &mut self.out);
            }
            Command::ResetConnection => {
                let news = self.link.reset(&mut self.out);
                self.take_news(news);
            }
            Command::ProcessNotification { message, channel } => {
                self.handle_text(&message, channel);
            }
            Command::Destroy => {
                self.life = Life::Ending(id);
                self.out.close_all_but(id);
                self.calls.end_all(&mut self.out);
                self.link.destroy(&mut self.out);
                self.out.forget(|ask| matches!(ask, Ask::Store(..) | Ask::Fetch(_)));
                return;
            }
            command @ media_commands!() => {
                self.media.apply(id, command, &mut self.out);
                return;
            }
            Command::Query(query) => {
                let outcome = self.look(&query);
                if let (Query::Codecs(kind), Outcome::Codecs(codecs)) = (&query, &outcome) {
                    self.out.event(Event::Codecs { kind: *kind, codecs: codecs.clone() });
                }
                self.out.complete(id, Ok(outcome));
                return;
            }
            Command::SetProxyChannel(there) => {
                self.out.set_channel(there);
                self.calls.set_elsewhere(None);
            }
            Command::InitializeRemote(patch) => {
                let mut config = self.out.config.clone();
                // It was tried before.
                drop(config.update(*patch));
                self.calls.set_elsewhere(None);
                self.out.initialize_remote(id, self.calls.engine(), config.log_level);
                return;
            }
            Command::SetProxyMode(on) => {
                let certificate = self.out.switch_proxy(on);
                self.calls.set_elsewhere(certificate);
            }
            Command::ProxyReceived(frame) => {
                if let Some((peer, report)) = self.out.proxy_received(&frame) {
                    self.calls.handle_report(peer, report, &mut self.out);
                }
            }
            command @ store_commands!() => {
                let name = self.link.correlator(&self.out);
                self.stores.apply(id, command, &name, &mut self.out);
                return;
            }
            command => {
                let media = &self.media;
                let kind = |track: &TrackId| media.find(track).map(|one| one.kind);
                self.calls.apply(id, command, kind, &mut self.out);
                return;
            }
        }
        self.out.complete(id, Ok(Outcome::Done));
    }

    // Inputs.

    fn handle_socket(&mut self, id: WsId, event: &WsEvent) {
        let reads = self.link.reads(id);
        let news = self.link.handle_socket(id, event, &mut self.out);
        self.take_news(news);
        if let WsEvent::Text(text) = event
            && reads
        {
            self.handle_text(text, NoticeChannel::WebSocket);
        }
    }

    fn take_news(&mut self, news: Option<News>) {
        match news {
            Some(News::SocketOpened { again }) => {
                self.calls.socket_opened(again, &mut self.out);
                if !again {
                    self.stores.subscribed(&self.link, &mut self.out);
                }
            }
            Some(News::SocketLost) => self.calls.socket_lost(),
            None => {}
        }
    }

    fn handle_text(&mut self, text: &str, channel: NoticeChannel) {
        let notice = match Notice::read(text) {
            Ok(Some(notice)) => notice,
            // A pong, or whatever else is no notification.
            Ok(None) => return,
            Err(error) => {
                self.out.malformed(&error.to_string());
                return;
            }
        };
        if channel == NoticeChannel::Push && !self.stores.push.enabled {
            return;
        }
        if let Notification::Leg(leg) = &notice.body
            && leg.event == LegEvent::Call
            && self.out.config.notifications.calls_by == CallsBy::PushOnly
            && channel != NoticeChannel::Push
        {
            return;
        }
        if !self.seen.is_new(notice.id.as_deref()) {
            return;
        }
        let (summary, about) = match &notice.body {
            Notification::Leg(leg) => (leg.event.as_str(), Some(leg.session.as_str().to_owned())),
            Notification::Im(_) => ("IM", None),
            Notification::Presence(_) => ("presenceWatcher", None),
            Notification::Mailbox(_) => ("mwi", None),
            Notification::Sip(_) => ("event", None),
            Notification::Gone { .. } => ("gone", None),
            Notification::Overridden => ("websocketOverridden", None),
            Notification::Other(_) => ("notification", None),
        };
        self.out.trace_notification(summary, about.as_deref(), notice.text());
        let message = notice.text();
        match notice.body {
            Notification::Leg(leg) => {
                let pushed = channel == NoticeChannel::Push;
                self.calls.handle((*leg).into(), pushed, &mut self.out);
            }
            Notification::Gone { .. } => self.link.gone(ChangeReason::Gone, &mut self.out),
            Notification::Overridden => {
                self.link.gone(ChangeReason::WsOverridden, &mut self.out);
            }
            Notification::Other(_) => {
                self.out.event(Event::Notification { message: message.to_owned().into() });
            }
            Notification::Im(_)
            | Notification::Presence(_)
            | Notification::Mailbox(_)
            | Notification::Sip(_) => {
                let about = match &notice.body {
                    Notification::Sip(news) => news.call.as_ref(),
                    Notification::Leg(_)
                    | Notification::Im(_)
                    | Notification::Presence(_)
                    | Notification::Mailbox(_)
                    | Notification::Gone { .. }
                    | Notification::Overridden
                    | Notification::Other(_) => None,
                };
                let call = about.and_then(|session| self.calls.of_session(session));
                self.stores.handle(&notice, call, &mut self.out);
            }
        }
    }

    fn handle_rest(&mut self, ask: Ask, request: &str, result: Result<Vec<u8>, Fault>) {
        match ask {
            Ask::Link(ask) => self.link.handle_rest(ask, request, result, &mut self.out),
            Ask::Call(call, ask) => {
                self.calls.handle_rest(&call, ask, request, result, &mut self.out);
            }
            Ask::Hangup => {}
            Ask::Store(command, ask) => {
                self.stores.handle_rest(command, ask, request, result, &mut self.out);
            }
            // Its answer is read as it comes; this one did not even go out.
            Ask::Fetch(command) => {
                if let Err(fault) = result {
                    self.out.complete(command, Err(fault.of_call()));
                }
            }
        }
    }

    /// Draws the consequences of an input, of time or of a command.
    fn settle(&mut self) {
        if !self.link.is_socket_up() {
            self.calls.socket_lost();
        }
        loop {
            self.calls.settle(&mut self.out);
            if let Some((ask, fault)) = self.out.take_unmade() {
                self.handle_rest(ask, "", Err(fault));
            } else if let Some(error) = self.out.proxy.take_broken() {
                let now = self.out.proxy.info();
                self.calls.lose_elsewhere(&mut self.out);
                self.out.event(Event::ProxyFailed { error });
                self.out.event(Event::ProxyChanged(now));
            } else {
                break;
            }
        }
        self.media.settle(|track| self.calls.use_of(track));
        for ended in self.out.reports.take_ended(self.out.config.call.kept_calls) {
            self.stores.call_ended(&ended, &mut self.out);
        }
        self.stores.settle(&self.link, &mut self.out);
        if let Life::Ending(command) = self.life
            && self.out.exchanges() == 0
        {
            self.end(command);
        }
    }

    /// Nothing is left to be said, or no time for it.
    fn end(&mut self, command: CommandId) {
        self.life = Life::Over;
        self.out.forget(|_| true);
        self.out.proxy = Proxy::default();
        self.out.complete(command, Ok(Outcome::Done));
    }

    fn handle_time(&mut self) {
        while let Some(command) = self.out.overdue_command() {
            if self.life == Life::Ending(command) {
                self.end(command);
                continue;
            }
            if let Some(error) = self.out.proxy.overdue(command) {
                self.out.complete(command, Err(error));
                continue;
            }
            let error = Error::new(ErrorCode::Timeout, "the gateway did not answer in time");
            if !self.link.overdue(command, &error, &mut self.out) {
                self.calls.overdue(command, &error, &mut self.out);
            }
            self.out.complete(command, Err(error));
        }
        self.out.retry_due();
        let now = self.out.now();
        self.out.proxy.handle_timeout(now);
        let news = self.link.handle_timeout(&mut self.out);
        self.take_news(news);
        self.calls.handle_timeout(&mut self.out);
        self.stores.handle_timeout(&mut self.out);
    }

    fn next_wake(&mut self) -> Option<Wake> {
        if self.out.due.is_stirred() {
            let wake = Wake::earliest(self.link.next_wake(), self.calls.next_wake());
            let wake = Wake::earliest(self.stores.next_wake(), wake);
            self.out.due.settle(Wake::earliest(self.out.next_wake(), wake));
        }
        Wake::earliest(self.out.due.wake(), self.calls.media_wake())
    }

    fn is_due(&mut self) -> bool {
        let now = self.out.now();
        self.next_wake().is_some_and(|wake| wake.at <= now)
    }

    /// True where a packet or a frame had no effect but on media, and nothing is due.
    fn is_media_only(&mut self) -> bool {
        !self.out.due.is_stirred() && !self.is_due()
    }

    fn send(&mut self, track: MediaTrack, frame: &crate::machine::Frame) {
        match self.media.of_frames(track) {
            Some(id) => self.calls.send_detached(id, frame, &mut self.out),
            // Something else is sent in its place.
            None if self.calls.source_of(track).is_some_and(|id| self.media.find(id).is_some()) => {
            }
            None => self.calls.send(track, frame, &mut self.out),
        }
    }
}

impl Machine for Client {
    type Command = Command;
    type Event = Event;
    type Outcome = Outcome;
    type Error = Error;

    fn submit(&mut self, now: Instant, command: Command) -> Result<CommandId, Error> {
        self.plan(&command)?;
        self.out.advance(now);
        self.out.due.stir();
        let id = self.out.open(self.limit(&command));
        self.apply(id, command);
        self.settle();
        Ok(id)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.out.advance(now);
        match input {
            Input::Timeout => {}
            Input::WebSocket { id, event } => self.handle_socket(id, &event),
            Input::Http { id, result } => {
                if let Some((ask, request, result)) = self.out.take_http(id, result) {
                    self.handle_rest(ask, &request, result);
                }
            }
            Input::Udp { id, event } => {
                self.calls.handle_udp(id, event, &mut self.out);
                if self.is_media_only() {
                    return;
                }
            }
            Input::Resolved { id, result } => {
                self.calls.handle_resolved(id, result, &mut self.out);
            }
            Input::Stream { id, event } => {
                self.calls.handle_stream(id, event, &mut self.out);
                if self.is_media_only() {
                    return;
                }
            }
            Input::Frame { track, frame } => {
                self.send(track, &frame);
                if self.is_media_only() {
                    return;
                }
            }
        }
        self.out.due.stir();
        self.settle();
        if self.is_due() {
            self.out.due.stir();
            self.handle_time();
            self.settle();
        }
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        match self.out.pop() {
            Some(output) => output,
            None => Output::Timeout(self.next_wake()),
        }
    }
}
