//! What a client has to say: outputs in order, and the questions that wait for an answer.
//!
//! Every part of the client speaks through here, so that ids, deadlines, retries and the trace
//! have one owner.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::command::Outcome;
use super::config::{Auth, Config};
use super::error::{Error, ErrorKind};
use super::event::{Conversation, Event};
use super::ids::{ConversationId, SessionId};
use super::log::Journal;
use super::pace::Pace;
use super::rest::{self, Failure, Resource};
use super::shown;
use super::upload::{self, Uploads};
use crate::Secret;
use crate::machine::{CommandId, HttpId, MediaId, NetError, Output, UdpId, Wake, WsId};
use crate::plain::{Shown, plain_document};
use crate::report::{Channel, Direction, Redactor, TraceRecord};
use crate::rng::Rng;
use crate::xmpp::{Frame, Iq, IqKind, Jid, Payload};

/// How long an IQ waits for its reply (wire notes 1.6).
const IQ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one REST exchange may take (wire notes 8), and one that only looks whether the network
/// is there (SG-7).
const REST_TIMEOUT: Duration = Duration::from_secs(30);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The retry helper's attempts and pause (wire notes 8.7).
const REST_ATTEMPTS: u32 = 10;
const REST_RETRY: Duration = Duration::from_secs(15);
/// The longest that `Retry-After` is obeyed, so that a bad header cannot park a request.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// IQs waiting at once, and the bytes of what is kept of them. Beyond it a request is sent and its
/// reply ignored, which is told once; the deadlines of commands still hold.
pub(crate) const MAX_IQS: usize = 1024;
pub(crate) const MAX_IQ_BYTES: usize = 256 * 1024;

/// Bytes of the requests that wait to be made again. One more is not: whoever asked is told of the
/// failure.
pub(crate) const MAX_RETRY_BYTES: usize = 512 * 1024;

/// Requests that nobody waits for (a leg's report, a hold on the side), on their way at once. What
/// the service tells can make one each time, so one more is left out.
pub(crate) const MAX_UNAWAITED: usize = 256;

/// Bytes of events that one input or command may lead to, roughly; see [`Outbox::has_room`].
const MAX_TOLD: usize = 4 << 20;

/// Room for outputs that is kept between two drains: a process may hold very many idle clients.
const KEPT_OUTPUTS: usize = 4;

/// The outputs of a client.
pub(crate) type Out = Output<Event, Outcome, Error>;

/// Why an IQ was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IqAsk {
    Bind,
    Session,
    Turn,
    Stun,
    ServerPings,
    Ping,
    /// The first subscription to the user's conversations.
    Conversations,
    /// A session's answer.
    Answer(SessionId),
    /// A candidate or an info of a session.
    Update(SessionId),
    Terminate(SessionId),
}

impl IqAsk {
    /// The session that it is about; none for what belongs to the connection itself.
    fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Answer(session) | Self::Update(session) | Self::Terminate(session) => {
                Some(session)
            }
            Self::Bind
            | Self::Session
            | Self::Turn
            | Self::Stun
            | Self::ServerPings
            | Self::Ping
            | Self::Conversations => None,
        }
    }
}

/// How an IQ ended.
#[derive(Debug)]
pub(crate) enum IqAnswer {
    Result(Option<Payload>),
    Error(crate::xmpp::StanzaError),
    Timeout,
    /// The connection ended first.
    Lost,
}

/// Why a REST request was made, and so whose matter the answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Link(LinkAsk),
    Call(CallAsk),
    /// To keep what we say about ourselves.
    Upload(upload::Kind),
}

/// What the connection asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkAsk {
    /// A guest's JWT for a code.
    Redeem,
    Organization,
    User,
    Channel,
    /// Whether the service can be reached at all. Nothing depends on the answer.
    Probe,
    Station,
    Topics,
    /// That this connection can ring.
    Alertable,
    /// Who rings.
    Leader,
    /// To be the one who rings.
    Claim(CommandId),
}

/// What calls ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallAsk {
    /// Who we are in a conversation, for a command that needs to know.
    Participant(CommandId),
    /// The change that a command asked for.
    Change(CommandId),
    /// Who we are in a conversation that is to be answered through the service.
    Answerer(ConversationId),
    /// The answer to a call on the shared session.
    Answer(ConversationId),
    /// Which conversations there are, after a reconnect.
    Listing,
    /// Holding one call because another is talked to. Nobody waits for it.
    HoldOther,
    Dial(CommandId),
    /// Nobody waits for the answer.
    Metadata(ConversationId),
}

impl From<LinkAsk> for Ask {
    fn from(ask: LinkAsk) -> Self {
        Self::Link(ask)
    }
}

impl From<CallAsk> for Ask {
    fn from(ask: CallAsk) -> Self {
        Self::Call(ask)
    }
}

impl Ask {
    /// Whether a command waits for the answer.
    pub(crate) fn is_of_a_command(&self) -> bool {
        match self {
            Self::Link(LinkAsk::Claim(_))
            | Self::Call(CallAsk::Participant(_) | CallAsk::Change(_) | CallAsk::Dial(_)) => true,
            Self::Link(_) | Self::Call(_) | Self::Upload(_) => false,
        }
    }

    /// Whether a login goes on only with the answer.
    fn is_of_login(&self) -> bool {
        match self {
            Self::Link(
                LinkAsk::Redeem | LinkAsk::Organization | LinkAsk::User | LinkAsk::Channel,
            ) => true,
            Self::Link(
                LinkAsk::Probe
                | LinkAsk::Station
                | LinkAsk::Topics
                | LinkAsk::Alertable
                | LinkAsk::Leader
                | LinkAsk::Claim(_),
            )
            | Self::Call(_)
            | Self::Upload(_) => false,
        }
    }

    /// Whether nobody waits for the answer.
    fn is_unawaited(&self) -> bool {
        matches!(self, Self::Call(CallAsk::HoldOther | CallAsk::Metadata(_)))
    }
}

/// Whether a request is made again when it fails for a passing reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    Yes,
}

#[derive(Debug)]
struct PendingIq {
    ask: IqAsk,
    to: Option<Jid>,
    deadline: Instant,
    /// How many were asked before it: what comes of several is told in their order, not in that
    /// of their random ids.
    number: u64,
}

impl PendingIq {
    /// The bytes of the texts that are kept of it.
    fn bytes(&self, id: &str) -> usize {
        let session = self.ask.session().map_or(0, |session| session.as_str().len());
        id.len() + session + self.to.as_ref().map_or(0, |to| to.as_str().len())
    }
}

#[derive(Debug)]
struct PendingHttp {
    ask: Ask,
    resource: Resource,
    retry: Retry,
    attempt: u32,
}

/// A request that waits to be made again, and its bytes.
#[derive(Debug)]
struct Waiting {
    pending: PendingHttp,
    bytes: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The first instant.
    pub(crate) begun: Instant,
    /// The latest instant seen.
    pub(crate) now: Instant,
    pub(crate) config: Config,
    /// Our full JID, while bound.
    pub(crate) jid: Option<Jid>,
    /// Where frames go, while a socket is open.
    pub(crate) socket: Option<WsId>,
    pace: Pace,
    redactor: Redactor,
    journal: Journal,
    uploads: Uploads,
    queue: VecDeque<Out>,
    /// Bytes of events since the last drain, roughly, and whether it was told that they are too
    /// many.
    told: usize,
    crowded: bool,
    next_id: u64,
    rng: Rng,
    /// Commands that are not answered yet, and by when they must be.
    open: BTreeMap<CommandId, Option<Instant>>,
    iqs: BTreeMap<String, PendingIq>,
    iqs_asked: u64,
    /// True once it was told that there are too many, until none waits.
    iqs_crowded: bool,
    http: BTreeMap<HttpId, PendingHttp>,
    /// Requests to be made again, by when.
    retries: BTreeMap<(Instant, u64), Waiting>,
    /// Questions whose requests could not be made.
    unmade: VecDeque<(Ask, Failure)>,
    /// Why the client is not connected, as far as was last heard.
    pub(crate) trouble: Option<Error>,
}

impl Outbox {
    pub(crate) fn new(config: Config, rng: Rng, now: Instant) -> Self {
        Self {
            begun: now,
            now,
            pace: Pace::new(now),
            redactor: redactor_of(&config.auth),
            journal: Journal::new(now),
            uploads: Uploads::new(&config),
            config,
            jid: None,
            socket: None,
            queue: VecDeque::new(),
            told: 0,
            crowded: false,
            next_id: 0,
            rng,
            open: BTreeMap::new(),
            iqs: BTreeMap::new(),
            iqs_asked: 0,
            iqs_crowded: false,
            http: BTreeMap::new(),
            retries: BTreeMap::new(),
            unmade: VecDeque::new(),
            trouble: None,
        }
    }

    /// Whether a token or JWT can take the place of the one in use.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    pub(crate) fn may_use(&self, secret: &Secret) -> Result<(), Error> {
        let text = "a guest has no token to change";
        let auth = self.auth_with(secret);
        let auth = auth.ok_or_else(|| Error::new(ErrorKind::NotSupported, text))?;
        super::client::check(&Config { auth, ..self.config.clone() })
    }

    fn auth_with(&self, secret: &Secret) -> Option<Auth> {
        match &self.config.auth {
            Auth::Token(_) => Some(Auth::Token(secret.clone())),
            Auth::Jwt(_) => Some(Auth::Jwt(secret.clone())),
            Auth::Guest { .. } => None,
        }
    }

    /// Another token or JWT from now on. Neither is ever shown, nor is the one before.
    pub(crate) fn set_secret(&mut self, secret: &Secret) {
        if let Some(auth) = self.auth_with(secret) {
            self.redactor.hide(secret);
            self.config.auth = auth;
        }
    }

    /// A secret that the service gave us.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        self.redactor.hide(secret);
    }

    /// Time moves forward only.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        let output = self.queue.pop_front();
        if output.is_none() {
            self.told = 0;
            self.crowded = false;
            self.queue.shrink_to(KEPT_OUTPUTS);
        }
        output
    }

    pub(crate) fn push(&mut self, output: Out) {
        self.queue.push_back(output);
    }

    /// An error as it may be shown: what the service says quotes whatever it likes.
    pub(crate) fn fit(&self, error: Error) -> Error {
        shown::error(error, &self.redactor)
    }

    pub(crate) fn event(&mut self, event: Event) {
        let event = shown::event(event, &self.redactor);
        self.journal.log(&event, self.now);
        self.uploads.note(&event, self.begun, &self.config, self.now);
        self.told += weight(&event);
        self.push(Output::Event(event));
    }

    /// Whether there is room for an event that the application can do without: a list of calls
    /// that another one replaces, a trace. It is told once in a drain that there is not.
    pub(crate) fn has_room(&mut self) -> bool {
        let room = self.told < MAX_TOLD;
        if !room && !std::mem::replace(&mut self.crowded, true) {
            self.malformed("too much to tell of one message: some of it is left out");
        }
        room
    }

    /// Gives a command its id; it is open until it is completed or overdue. A limit beyond all time
    /// is none.
    pub(crate) fn open(&mut self, limit: Duration) -> CommandId {
        let command = CommandId(self.id());
        self.open.insert(command, self.now.checked_add(limit));
        command
    }

    /// Answers every command but one.
    pub(crate) fn cancel_all_but(&mut self, command: CommandId, error: &Error) {
        for other in self.open.keys().copied().filter(|id| *id != command).collect::<Vec<_>>() {
            self.complete(other, Err(error.clone()));
        }
    }

    /// Answers a command, unless it is answered already.
    pub(crate) fn complete(&mut self, command: CommandId, result: Result<Outcome, Error>) {
        if self.open.remove(&command).is_some() {
            let result = shown::result(result, &self.redactor);
            self.push(Output::Completed { command, result });
        }
    }

    /// True while a command is not answered.
    pub(crate) fn is_open(&self, command: CommandId) -> bool {
        self.open.contains_key(&command)
    }

    /// Commands not answered yet.
    pub(crate) fn open_commands(&self) -> usize {
        self.open.len()
    }

    /// A command whose time is up. It is still open: complete it.
    pub(crate) fn overdue_command(&self) -> Option<CommandId> {
        self.open
            .iter()
            .find(|(_, deadline)| deadline.is_some_and(|at| at <= self.now))
            .map(|(command, _)| *command)
    }

    pub(crate) fn malformed(&mut self, what: impl Into<String>) {
        self.event(Event::Malformed { what: what.into() });
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn ws_id(&mut self) -> WsId {
        WsId(self.id())
    }

    pub(crate) fn media_ids(&mut self) -> (MediaId, UdpId) {
        (MediaId(self.id()), UdpId(self.id()))
    }

    pub(crate) fn uuid(&mut self) -> String {
        self.rng.uuid()
    }

    /// Our bare JID, while bound.
    pub(crate) fn bare_jid(&self) -> Option<Jid> {
        self.jid.as_ref().map(Jid::bare)
    }

    /// Sends a frame at once, if a socket is open: what belongs to the connection, and replies.
    pub(crate) fn send(&mut self, frame: &Frame) {
        let Some(id) = self.socket else { return };
        let text = frame.to_xml();
        self.trace_frame(Direction::Sent, Some(frame), &text);
        self.push(Output::SendText { id, text });
    }

    /// Sends a stanza of a session, if a socket is open, when it is its turn (SG-8).
    pub(crate) fn signal(&mut self, stanza: Frame) {
        if self.socket.is_none() {
            return;
        }
        match self.pace.push(stanza, self.now) {
            Some(now) => self.send(&now),
            None => self.signal_due(),
        }
    }

    /// Sends the stanzas of sessions whose turn it is.
    pub(crate) fn signal_due(&mut self) {
        while let Some(stanza) = self.pace.pop_due(self.now) {
            self.send(&stanza);
        }
    }

    /// Sends everything that waits for its turn: the connection is about to be closed.
    pub(crate) fn signal_all(&mut self) {
        while let Some(stanza) = self.pace.pop() {
            self.send(&stanza);
        }
    }

    /// The socket can no longer be used. What waits for its turn shares the fate of what was on
    /// its way: whoever asked is told that the connection was lost.
    pub(crate) fn hang_up(&mut self) {
        self.socket = None;
        self.jid = None;
        self.pace = Pace::new(self.now);
    }

    /// Sends an IQ and waits for its reply. The reply comes through [`Outbox::take_iq`].
    pub(crate) fn ask(&mut self, ask: IqAsk, to: Option<Jid>, kind: IqKind) {
        let id = self.uuid();
        let iq = Iq { id: Some(id.clone()), from: None, to: to.clone(), kind };
        let iq = Frame::Iq(iq);
        match ask.session() {
            Some(_) => self.signal(iq),
            None => self.send(&iq),
        }
        let (deadline, number) = (self.now + IQ_TIMEOUT, self.iqs_asked);
        let pending = PendingIq { ask, to, deadline, number };
        let waiting: usize = self.iqs.iter().map(|(id, waiting)| waiting.bytes(id)).sum();
        self.iqs_crowded &= !self.iqs.is_empty();
        if self.iqs.len() < MAX_IQS && waiting + pending.bytes(&id) <= MAX_IQ_BYTES {
            self.iqs_asked += 1;
            self.iqs.insert(id, pending);
        } else if !std::mem::replace(&mut self.iqs_crowded, true) {
            let text = "too many questions wait for an answer: one more is not waited for";
            self.event(Event::Error(Error::new(ErrorKind::Generic, text)));
        }
    }

    /// The question that a reply answers, if any (wire notes 1.6: by id and sender).
    pub(crate) fn take_iq(&mut self, iq: Iq) -> Option<(IqAsk, IqAnswer)> {
        let answer = match iq.kind {
            IqKind::Result(payload) => IqAnswer::Result(payload),
            IqKind::Error(error) => IqAnswer::Error(error),
            IqKind::Get(_) | IqKind::Set(_) => return None,
        };
        let id = iq.id?;
        let pending = self.iqs.get(&id)?;
        if !self.may_answer(iq.from.as_ref(), pending.to.as_ref()) {
            return None;
        }
        let pending = self.iqs.remove(&id)?;
        Some((pending.ask, answer))
    }

    fn may_answer(&self, from: Option<&Jid>, to: Option<&Jid>) -> bool {
        let Some(from) = from else { return true };
        let own = self
            .jid
            .as_ref()
            .is_some_and(|jid| from == jid || *from == jid.bare() || from.as_str() == jid.domain());
        let asked =
            to.is_some_and(|to| from == to || *from == to.bare() || from.as_str() == to.domain());
        // Before binding, our own address is not known yet.
        own || asked || self.jid.is_none()
    }

    /// Whether what comes from there is the service's own word, not that of somebody who has an
    /// address: our server's, as it stands for no other (RFC 6120 section 8.1.2.1), or that of any
    /// address without a user, as notifications have it (wire notes 4.5).
    pub(crate) fn is_service(&self, from: Option<&Jid>) -> bool {
        from.is_none_or(|from| from.local().is_none() || self.bare_jid().as_ref() == Some(from))
    }

    /// The earliest question whose time is up.
    pub(crate) fn pop_overdue_iq(&mut self) -> Option<IqAsk> {
        let id = self
            .iqs
            .iter()
            .filter(|(_, pending)| pending.deadline <= self.now)
            .min_by_key(|(_, pending)| (pending.deadline, pending.number))
            .map(|(id, _)| id.clone())?;
        self.iqs.remove(&id).map(|pending| pending.ask)
    }

    /// Forgets questions: a late reply is ignored.
    pub(crate) fn forget_iqs(&mut self, forget: impl Fn(&IqAsk) -> bool) {
        self.iqs.retain(|_, pending| !forget(&pending.ask));
    }

    /// The connection is gone: nobody will answer these.
    pub(crate) fn take_lost_iqs(&mut self) -> Vec<IqAsk> {
        let mut lost: Vec<_> = std::mem::take(&mut self.iqs).into_values().collect();
        lost.sort_by_key(|pending| pending.number);
        lost.into_iter().map(|pending| pending.ask).collect()
    }

    /// Makes a REST request. The answer comes through [`Outbox::take_http`].
    pub(crate) fn rest(&mut self, ask: impl Into<Ask>, resource: Resource, retry: Retry) {
        let ask = ask.into();
        if ask.is_unawaited() {
            let pending = self.http.values();
            let on_their_way = pending.filter(|pending| pending.ask.is_unawaited()).count();
            if on_their_way >= MAX_UNAWAITED {
                self.journal.too_many(&ask, self.now);
                return;
            }
        }
        self.request(PendingHttp { ask, resource, retry, attempt: 1 });
    }

    fn request(&mut self, pending: PendingHttp) {
        let id = HttpId(self.id());
        match pending.resource.to_request(&self.config) {
            Ok(request) => {
                self.trace_request(&pending.resource);
                let is_probe = pending.ask == Ask::Link(LinkAsk::Probe);
                let limit = if is_probe { PROBE_TIMEOUT } else { REST_TIMEOUT };
                self.push(Output::Http { id, request, deadline: self.now + limit });
                self.http.insert(id, pending);
            }
            // `Client::new` tried the addresses, and ids are escaped and bounded; but whoever asks
            // is answered in any case.
            Err(error) => self.unmade.push_back((pending.ask, Failure::unmade(error))),
        }
    }

    /// A question whose request could not even be made, and why. To be asked for after each input
    /// and command.
    pub(crate) fn take_unmade(&mut self) -> Option<(Ask, Failure)> {
        self.unmade.pop_front()
    }

    /// Whether such an IQ waits for its reply.
    pub(crate) fn is_asked(&self, ask: &IqAsk) -> bool {
        self.iqs.values().any(|pending| pending.ask == *ask)
    }

    /// The question that an HTTP result answers. None when nobody waits for it, or when it will
    /// be asked again.
    pub(crate) fn take_http(
        &mut self,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Option<(Ask, Result<serde_json::Value, Failure>)> {
        let pending = self.http.remove(&id)?;
        self.trace_response(&pending.resource, &result);
        match rest::read(&pending.resource, result) {
            Err(failure)
                if pending.retry == Retry::Yes
                    && failure.is_retryable()
                    && pending.attempt < REST_ATTEMPTS
                    && self.has_room_for(&pending.resource) =>
            {
                let pause = failure.retry_after().unwrap_or(REST_RETRY).min(MAX_RETRY_AFTER);
                let key = (self.now + pause, self.id());
                let bytes = pending.resource.bytes();
                if pending.ask.is_of_login() {
                    self.trouble = Some(failure.into());
                }
                let pending = PendingHttp { attempt: pending.attempt + 1, ..pending };
                self.retries.insert(key, Waiting { pending, bytes });
                None
            }
            result => Some((pending.ask, result)),
        }
    }

    /// True where one more request can wait to be made again.
    fn has_room_for(&self, resource: &Resource) -> bool {
        let waiting: usize = self.retries.values().map(|waiting| waiting.bytes).sum();
        waiting + resource.bytes() <= MAX_RETRY_BYTES
    }

    /// What became of an upload.
    pub(crate) fn uploaded(
        &mut self,
        kind: upload::Kind,
        result: &Result<serde_json::Value, Failure>,
    ) {
        self.uploads.answered(kind, result, self.now);
    }

    /// Forgets requests: late answers are ignored and nothing is asked again.
    pub(crate) fn forget_http(&mut self, forget: impl Fn(&Ask) -> bool) {
        self.http.retain(|_, pending| !forget(&pending.ask));
        self.retries.retain(|_, waiting| !forget(&waiting.pending.ask));
    }

    /// Makes again the requests whose pause is over.
    pub(crate) fn retry_due(&mut self) {
        self.journal.tell_due(self.now);
        while let Some(entry) = self.retries.first_entry()
            && entry.key().0 <= self.now
        {
            let Waiting { pending, .. } = entry.remove();
            self.request(pending);
        }
        while let Some((kind, resource)) = self.uploads.pop_due(&self.config, self.now) {
            self.rest(Ask::Upload(kind), resource, Retry::No);
        }
    }

    /// When an IQ or a command is overdue, or a retry or a stanza due.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let command = self.open.values().flatten().min().copied();
        let command = command.map(|at| Wake { at, reason: "command limit" });
        let iq = self.iqs.values().map(|pending| pending.deadline).min();
        let retry = self.retries.first_key_value().map(|((at, _), _)| *at);
        let iq = iq.map(|at| Wake { at, reason: "IQ reply" });
        let retry = retry.map(|at| Wake { at, reason: "REST retry" });
        let own = Wake::earliest(retry, self.uploads.next_wake());
        let sent = Wake::earliest(iq, self.pace.next_wake());
        let kept = Wake::earliest(command, self.journal.next_wake());
        Wake::earliest(kept, Wake::earliest(sent, own))
    }

    /// True where the next message is traced. Nothing is done for one that is not.
    fn traces(&mut self) -> bool {
        self.config.trace && self.has_room()
    }

    pub(crate) fn trace_frame(&mut self, direction: Direction, frame: Option<&Frame>, text: &str) {
        if !self.traces() {
            return;
        }
        let (summary, about) = match frame {
            Some(frame) => super::summary::summary(frame),
            None => ("unreadable frame".to_owned(), None),
        };
        let body = self.redactor.document(text);
        self.trace(direction, Channel::Xmpp, &summary, about, body);
    }

    /// Tells a milestone of a session's media.
    pub(crate) fn trace_media(
        &mut self,
        direction: Direction,
        summary: String,
        session: &SessionId,
    ) {
        if self.traces() {
            let about = Some(session.as_str().to_owned());
            self.trace(direction, Channel::Media, &summary, about, String::new());
        }
    }

    fn trace_request(&mut self, resource: &Resource) {
        if self.traces() {
            let summary = format!("{} {}", resource.method, resource.path);
            let body = resource.body.as_ref().map(serde_json::Value::to_string);
            let body = self.redactor.document(&body.unwrap_or_default());
            self.trace(Direction::Sent, Channel::Rest, &summary, None, body);
        }
    }

    fn trace_response(
        &mut self,
        resource: &Resource,
        result: &Result<http::Response<Vec<u8>>, NetError>,
    ) {
        if !self.traces() {
            return;
        }
        let path = resource.path.split('?').next().unwrap_or_default();
        let (summary, body) = match result {
            Ok(response) => (
                format!("{} {} {path}", response.status().as_u16(), resource.method),
                self.redactor.document(&String::from_utf8_lossy(response.body())),
            ),
            Err(error) => (
                format!("failed {} {path}", resource.method),
                self.redactor.text(&error.to_string()),
            ),
        };
        self.trace(Direction::Received, Channel::Rest, &summary, None, body);
    }

    fn trace(
        &mut self,
        direction: Direction,
        channel: Channel,
        summary: &str,
        about: Option<String>,
        body: String,
    ) {
        let summary = shown::text(summary, &self.redactor);
        let about = about.map(|name| self.redactor.text(&Shown(&name).to_string()));
        let (at, body) = (self.now, plain_document(body));
        self.event(Event::Trace(TraceRecord { at, direction, channel, summary, about, body }));
    }
}

/// The bytes of an event that may be large, roughly.
fn weight(event: &Event) -> usize {
    match event {
        Event::ConversationUpdate(update) => {
            let calls = [&update.current, &update.added, &update.removed].into_iter().flatten();
            let texts = |call: &Conversation| {
                let session = call.session.as_ref().map_or(0, |session| session.as_str().len());
                let (id, participant) = (call.id.as_str().len(), call.participant.as_str().len());
                id + participant + call.call.as_str().len() + session
            };
            calls.map(|call| size_of::<Conversation>() + texts(call)).sum()
        }
        Event::Trace(record) => record.summary.len() + record.body.len(),
        Event::Malformed { what } => what.len(),
        _ => size_of::<Event>(),
    }
}

/// A redactor that knows what is logged in with.
fn redactor_of(auth: &Auth) -> Redactor {
    let mut redactor = Redactor::default();
    match auth {
        Auth::Token(secret) | Auth::Jwt(secret) | Auth::Guest { code: secret, .. } => {
            redactor.hide(secret);
        }
    }
    redactor
}
