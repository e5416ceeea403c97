//! Outputs of a client, and the questions that wait for an answer: a thin sum of the floors below,
//! in the client's own types.
//!
//! Every part of the client speaks through here, so that ids, deadlines, retries and the trace
//! have one owner.

use std::time::{Duration, Instant};

use super::ask::{Ask, IqAsk, LinkAsk};
use super::call::Conversation;
use super::command::Outcome;
use super::config::{Auth, Config};
use super::counters::Counters;
use super::error::{Error, ErrorKind, Subject};
use super::event::Event;
use super::ids::SessionId;
use super::log::Journal;
use super::news::News;
use super::shown;
use super::timing::Timing;
use super::upload::{self, Uploads};
use super::wire::requests::policy;
use crate::Secret;
use crate::genesys::wire::{Frame, Iq, IqAnswer, IqKind};
use crate::link::{Pace, Rate, Tempo};
use crate::machine::{
    CommandId, Commands, Due, HttpId, NetError, Output, Outputs, Rng, Wake, WsId,
};
use crate::report::{Channel, Redactor, TraceDirection};
use crate::rest::{self, Answered, Endpoint, Failure, Question, Resource, Retry};
use crate::xmpp::{self, Asked, Jid};

/// Requests that nobody waits for (a leg's report, a hold on the side), on their way at once. What
/// the service tells can make one each time, so one more is left out.
pub(crate) const MAX_UNAWAITED: usize = 256;

/// The pace of the signaling of sessions (behaviour notes SG-8, wire notes 1.6, 15): a burst of 25
/// on a fresh connection and of 20 later, 25 a second in the long run ([`Timing::signal_pace`]).
///
/// The official client has such a bucket for each of its extensions, but lets its sessions past
/// it. We do not: the service has answered floods with `resource-constraint`, and a call whose
/// `answer` is refused is lost. What sessions say (their messages, Jingle, JSON-RPC) goes through
/// one bucket. A call needs a dozen stanzas, so that an ordinary one never waits; fifty calls that
/// are answered at once do, for moments: nobody waits for 2 s, the time in which a session's end
/// is to be answered (LC-21). What belongs to the connection itself does not wait: set-up, pings,
/// topics, and replies, which the service has asked for.
pub(crate) fn tempo(timing: &Timing) -> Tempo {
    let rate = Rate { start: 25, capacity: 20, interval: timing.signal_pace };
    Tempo { rate, waiting: 48, bytes: 256 * 1024 }
}

/// Bytes of events that one input or command may lead to, roughly; see [`Outbox::has_room`].
const MAX_TOLD: usize = 4 << 20;

/// The outputs of a client.
pub(crate) type Out = Output<Event, Outcome, Error>;

/// The outputs of a client, and the questions that wait for an answer.
#[derive(Debug)]
pub(crate) struct Outbox {
    outputs: Outputs<Event, Outcome, Error>,
    commands: Commands<Subject>,
    iqs: xmpp::Questions<IqAsk>,
    rest: rest::Questions<Ask>,
    pub(crate) config: Config,
    /// The address that requests go to, with the credentials; or the reason that there is none.
    endpoint: Result<Endpoint, String>,
    /// Our full JID, while bound.
    pub(crate) jid: Option<Jid>,
    /// The socket that frames go to, while it is open.
    pub(crate) socket: Option<WsId>,
    pace: Pace<Frame>,
    redactor: Redactor,
    journal: Journal,
    /// Counters of the events that were told.
    pub(crate) counters: Counters,
    uploads: Uploads,
    /// Bytes of events since the last drain, roughly, and whether it was told that they are too
    /// many.
    told: usize,
    crowded: bool,
    /// The time at which anything but media is due.
    pub(crate) due: Due,
    rng: Rng,
    /// The reason why the client is not connected, as far as was last heard.
    pub(crate) trouble: Option<Error>,
    /// True once a relay is lost: the service is asked for credentials that are valid now.
    pub(crate) ice_stale: bool,
    /// The news of the media of rooms since they were last looked at.
    pub(crate) news: News,
}

impl Outbox {
    pub(crate) fn new(config: Config, rng: Rng, now: Instant) -> Self {
        Self {
            outputs: Outputs::new(now),
            commands: Commands::default(),
            iqs: xmpp::Questions::new(config.timing.iq),
            rest: rest::Questions::new(policy(&config.timing)),
            pace: Pace::new(tempo(&config.timing), now),
            redactor: redactor_of(&config.auth),
            counters: Counters::default(),
            journal: Journal::new(config.timing.log_pace, now),
            uploads: Uploads::new(&config),
            endpoint: endpoint(&config),
            config,
            jid: None,
            socket: None,
            told: 0,
            crowded: false,
            due: Due::default(),
            rng,
            trouble: None,
            ice_stale: false,
            news: News::default(),
        }
    }

    /// The client's first instant.
    pub(crate) fn begun(&self) -> Instant {
        self.outputs.begun()
    }

    /// The latest instant seen.
    pub(crate) fn now(&self) -> Instant {
        self.outputs.now()
    }

    /// Checks that a token or JWT can take the place of the one in use.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    pub(crate) fn may_use(&self, secret: &Secret) -> Result<(), Error> {
        let text = "a guest has no token to change";
        let auth = self.auth_with(secret);
        let auth = auth.ok_or_else(|| Error::new(ErrorKind::NotSupported, text))?;
        super::check::check(&Config { auth, ..self.config.clone() })
    }

    fn auth_with(&self, secret: &Secret) -> Option<Auth> {
        match &self.config.auth {
            Auth::Token(_) => Some(Auth::Token(secret.clone())),
            Auth::Jwt(_) => Some(Auth::Jwt(secret.clone())),
            Auth::Guest { .. } => None,
        }
    }

    /// Sets another token or JWT from now on. Neither is ever shown, nor is the one before.
    pub(crate) fn set_secret(&mut self, secret: &Secret) {
        if let Some(auth) = self.auth_with(secret) {
            self.redactor.hide(secret);
            self.config.auth = auth;
            self.endpoint = endpoint(&self.config);
        }
    }

    /// Hides a secret that the service gave us.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        self.redactor.hide(secret);
    }

    /// Moves time forward, never back.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.outputs.advance(now);
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        let output = self.outputs.pop();
        if output.is_none() {
            self.told = 0;
            self.crowded = false;
        }
        output
    }

    /// The outputs, for packets and frames: nothing but media follows from those.
    pub(crate) fn media(&mut self) -> &mut Outputs<Event, Outcome, Error> {
        &mut self.outputs
    }

    pub(crate) fn push(&mut self, output: Out) {
        self.due.stir();
        self.outputs.push(output);
    }

    /// An error as it may be shown: what the service says quotes whatever it likes.
    pub(crate) fn fit(&self, error: Error) -> Error {
        shown::error(error, &self.redactor)
    }

    pub(crate) fn event(&mut self, event: Event) {
        let event = shown::event(event, &self.redactor);
        let (begun, now) = (self.outputs.begun(), self.now());
        self.journal.log(&event, now);
        self.counters.told(&event);
        self.uploads.note(&event, begun, &self.config, now);
        self.told += weight(&event);
        self.push(Output::Event(event));
    }

    /// True if there is room for an event that the application can do without: a list of calls that
    /// another one replaces, a trace. It is told once in a drain that there is not.
    pub(crate) fn has_room(&mut self) -> bool {
        let room = self.told < MAX_TOLD;
        if !room && !std::mem::replace(&mut self.crowded, true) {
            self.malformed("too much to tell of one message: some of it is left out");
        }
        room
    }

    /// Gives a command its id; it is open until it is completed or overdue. A limit beyond all time
    /// is none. Its error will name the subject.
    pub(crate) fn open(&mut self, limit: Duration, subject: Subject) -> CommandId {
        let command = CommandId(self.outputs.id());
        self.commands.open(command, self.now().checked_add(limit), subject);
        command
    }

    /// Answers every command but one.
    pub(crate) fn cancel_all_but(&mut self, command: CommandId, error: &Error) {
        for other in self.commands.others(command) {
            self.complete(other, Err(error.clone()));
        }
    }

    /// Answers a command, unless it is answered already.
    pub(crate) fn complete(&mut self, command: CommandId, result: Result<Outcome, Error>) {
        if let Some(subject) = self.commands.close(command) {
            let result = result.map_err(|error| error.about(&subject));
            let result = shown::result(result, &self.redactor);
            self.push(Output::Completed { command, result });
        }
    }

    /// True while a command is not answered.
    pub(crate) fn is_open(&self, command: CommandId) -> bool {
        self.commands.is_open(command)
    }

    /// Commands not answered yet.
    pub(crate) fn open_commands(&self) -> usize {
        self.commands.len()
    }

    /// A command whose time is up. It is still open: complete it.
    pub(crate) fn overdue_command(&self) -> Option<CommandId> {
        self.commands.overdue(self.now())
    }

    pub(crate) fn malformed(&mut self, what: impl Into<String>) {
        self.event(Event::Malformed { what: what.into() });
    }

    pub(crate) fn ws_id(&mut self) -> WsId {
        WsId(self.outputs.id())
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
        self.trace_frame(TraceDirection::Sent, Some(frame), &text);
        self.push(Output::SendText { id, text });
    }

    /// Sends a stanza of a session, if a socket is open, when it is its turn (SG-8).
    pub(crate) fn signal(&mut self, stanza: Frame) {
        if self.socket.is_none() {
            return;
        }
        self.due.stir();
        let now = self.now();
        match self.pace.push(stanza, |stanza| stanza.to_xml().len(), now) {
            Some(stanza) => self.send(&stanza),
            None => self.signal_due(),
        }
    }

    /// Sends the stanzas of sessions whose turn it is.
    pub(crate) fn signal_due(&mut self) {
        while let Some(stanza) = self.pace.pop_due(self.now()) {
            self.send(&stanza);
        }
    }

    /// Sends everything that waits for its turn: the connection is about to be closed.
    pub(crate) fn signal_all(&mut self) {
        while let Some(stanza) = self.pace.pop() {
            self.send(&stanza);
        }
    }

    /// Gives up the socket, which can no longer be used. What waits for its turn shares the fate of
    /// what was on its way: whoever asked is told that the connection was lost.
    pub(crate) fn hang_up(&mut self) {
        self.socket = None;
        self.jid = None;
        self.pace = Pace::new(tempo(&self.config.timing), self.now());
    }

    /// Sends an IQ and waits for its reply, which comes through [`Outbox::take_iq`]. At the bound
    /// it is not waited for, which is told once; the deadlines of commands still hold.
    pub(crate) fn ask(&mut self, ask: IqAsk, to: Option<Jid>, kind: IqKind) {
        self.due.stir();
        let id = self.uuid();
        let iq = Frame::Iq(Iq { id: Some(id.clone()), from: None, to: to.clone(), kind });
        let session = ask.session().cloned();
        match session {
            Some(_) => self.signal(iq),
            None => self.send(&iq),
        }
        let now = self.now();
        let bytes = session.as_ref().map_or(0, |session| session.as_str().len());
        match self.iqs.ask(id, (ask, bytes), to, now) {
            Asked::Waits | Asked::Crowded { first: false } => {}
            Asked::Crowded { first: true } => {
                let text = "too many questions wait for an answer: one more is not waited for";
                let subject = Subject { conversation: None, session };
                self.event(Event::Error(Error::new(ErrorKind::Limit, text).about(&subject)));
            }
        }
    }

    /// The question that a reply answers, if any.
    pub(crate) fn take_iq(&mut self, iq: Iq) -> Option<(IqAsk, IqAnswer)> {
        self.iqs.take(iq, self.jid.as_ref())
    }

    /// True if what comes from there is the service's own word, not that of somebody who has an
    /// address: our server's, as it stands for no other (RFC 6120 section 8.1.2.1), or that of any
    /// address without a user, as notifications have it (wire notes 4.5).
    pub(crate) fn is_service(&self, from: Option<&Jid>) -> bool {
        from.is_none_or(|from| from.local().is_none() || self.bare_jid().as_ref() == Some(from))
    }

    /// The earliest question whose time is up.
    pub(crate) fn pop_overdue_iq(&mut self) -> Option<IqAsk> {
        self.iqs.pop_overdue(self.now())
    }

    /// Forgets questions: a late reply is ignored.
    pub(crate) fn forget_iqs(&mut self, forget: impl Fn(&IqAsk) -> bool) {
        self.iqs.forget(forget);
    }

    /// Takes the questions that nobody will answer, as the connection is gone.
    pub(crate) fn take_lost_iqs(&mut self) -> Vec<IqAsk> {
        self.iqs.take_lost()
    }

    /// True while such an IQ waits for its reply.
    pub(crate) fn is_asked(&self, ask: &IqAsk) -> bool {
        self.iqs.waiting().any(|waiting| waiting == ask)
    }

    /// Makes a REST request. The answer comes through [`Outbox::take_http`].
    pub(crate) fn rest(&mut self, ask: impl Into<Ask>, resource: Resource, retry: Retry) {
        let ask = ask.into();
        if ask.is_unawaited() {
            let on_their_way = self.rest.sent().filter(|ask| ask.is_unawaited()).count();
            if on_their_way >= MAX_UNAWAITED {
                self.journal.too_many(&ask, self.now());
                return;
            }
        }
        self.request(Question::new(ask, resource, retry));
    }

    fn request(&mut self, question: Question<Ask>) {
        let request = self.endpoint.as_ref().map_err(String::clone).and_then(|endpoint| {
            let request = endpoint.request(&question.resource);
            request.map_err(|error| format!("REST address: {error}"))
        });
        match request {
            Ok(request) => {
                let id = HttpId(self.outputs.id());
                self.trace_request(&question.resource);
                let is_probe = question.ask == Ask::Link(LinkAsk::Probe);
                let timing = &self.config.timing;
                let limit = if is_probe { timing.probe } else { timing.request };
                let deadline = self.now() + limit;
                self.push(Output::Http { id, request, deadline });
                self.rest.send(id, question);
            }
            // `Client::new` tried the addresses, and ids are escaped and bounded.
            Err(error) => {
                self.due.stir();
                self.rest.refuse(question, error);
            }
        }
    }

    /// A question whose request could not even be made, and why. To be asked for after each input
    /// and command.
    pub(crate) fn take_unmade(&mut self) -> Option<(Ask, Failure)> {
        self.rest.take_unmade()
    }

    /// The question that an HTTP result answers. None when nobody waits for it, or when it will
    /// be asked again.
    pub(crate) fn take_http(
        &mut self,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Option<(Ask, Result<serde_json::Value, Failure>)> {
        self.trace_response(id, &result);
        let now = self.now();
        match self.rest.take(id, result, now)? {
            Answered::Ended(ask, result) => Some((ask, result)),
            // Its policy follows none.
            Answered::Elsewhere(_) => None,
            Answered::Again(ask, failure) => {
                if ask.is_of_login() {
                    self.trouble = Some(failure.into());
                }
                None
            }
        }
    }

    /// Takes the result of an upload.
    pub(crate) fn uploaded(
        &mut self,
        kind: upload::Kind,
        result: &Result<serde_json::Value, Failure>,
    ) {
        self.uploads.answered(kind, result, self.outputs.now());
    }

    /// Forgets requests: late answers are ignored and nothing is asked again.
    pub(crate) fn forget_http(&mut self, forget: impl Fn(&Ask) -> bool) {
        self.rest.forget(forget);
    }

    /// Makes again the requests whose pause is over.
    pub(crate) fn retry_due(&mut self) {
        let now = self.now();
        self.journal.tell_due(now);
        while let Some(question) = self.rest.pop_due(now) {
            self.request(question);
        }
        while let Some((kind, resource)) = self.uploads.pop_due(&self.config, now) {
            self.rest(Ask::Upload(kind), resource, Retry::No);
        }
    }

    /// The time at which an IQ or a command is overdue, or a retry or a stanza due.
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let own = Wake::earliest(self.rest.next_wake(), self.uploads.next_wake());
        let sent = Wake::earliest(self.iqs.next_wake(), self.pace.next_wake());
        let kept = Wake::earliest(self.commands.next_wake(), self.journal.next_wake());
        Wake::earliest(kept, Wake::earliest(sent, own))
    }

    /// True where the next message is traced. Nothing is done for one that is not.
    fn traces(&mut self) -> bool {
        self.config.trace && self.has_room()
    }

    pub(crate) fn trace_frame(
        &mut self,
        direction: TraceDirection,
        frame: Option<&Frame>,
        text: &str,
    ) {
        if !self.traces() {
            return;
        }
        let (summary, about) = match frame {
            Some(frame) => super::summary::summary(frame),
            None => ("unreadable frame".to_owned(), None),
        };
        let body = self.redactor.document(text);
        self.trace(direction, Channel::Xmpp, &summary, about.as_deref(), body);
    }

    /// Tells a milestone of a session's media.
    pub(crate) fn trace_media(
        &mut self,
        direction: TraceDirection,
        summary: String,
        session: &SessionId,
    ) {
        if self.traces() {
            let about = Some(session.as_str());
            self.trace(direction, Channel::Media, &summary, about, String::new());
        }
    }

    fn trace_request(&mut self, resource: &Resource) {
        if self.traces() {
            let record = self.redactor.request(self.now(), resource);
            self.event(Event::Trace(record));
        }
    }

    fn trace_response(&mut self, id: HttpId, result: &Result<http::Response<Vec<u8>>, NetError>) {
        if self.rest.resource(id).is_none() || !self.traces() {
            return;
        }
        let Some(resource) = self.rest.resource(id) else { return };
        let record = self.redactor.response(self.now(), resource, result);
        self.event(Event::Trace(record));
    }

    fn trace(
        &mut self,
        direction: TraceDirection,
        channel: Channel,
        summary: &str,
        about: Option<&str>,
        body: String,
    ) {
        let record = self.redactor.record(self.now(), direction, channel, summary, about, body);
        self.event(Event::Trace(record));
    }
}

/// The bytes of an event that may be large, roughly.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are small")]
fn weight(event: &Event) -> usize {
    match event {
        Event::ConversationUpdate(update) => {
            let calls = [&update.current, &update.added, &update.removed].into_iter().flatten();
            let texts = |call: &Conversation| {
                let session = call.session.as_ref().map_or(0, |session| session.as_str().len());
                let (id, participant) = (call.id.as_str().len(), call.participant.as_str().len());
                let others = call.parties.as_ref().map_or(0, |parties| parties.bytes());
                id + participant + call.call.as_str().len() + session + others
            };
            calls.map(|call| size_of::<Conversation>() + texts(call)).sum()
        }
        Event::PendingSession(pending) => {
            size_of::<Event>() + pending.parties.as_ref().map_or(0, |parties| parties.bytes())
        }
        Event::CallConnected { call, .. } => {
            size_of::<Event>() + call.parties.as_ref().map_or(0, |parties| parties.bytes())
        }
        Event::Trace(record) => record.summary.len() + record.body.len(),
        Event::Malformed { what } => what.len(),
        Event::ParticipantsUpdate(update) => size_of::<Event>() + update.bytes(),
        Event::MemberStatus { status, .. } => size_of::<Event>() + status.bytes(),
        Event::RoomMessage { message, .. } => size_of::<Event>() + message.to_string().len(),
        _ => size_of::<Event>(),
    }
}

fn endpoint(config: &Config) -> Result<Endpoint, String> {
    config.endpoint().map_err(|error| error.message)
}

/// A redactor that knows what is logged in with.
fn redactor_of(auth: &Auth) -> Redactor {
    let mut redactor = Redactor::new(&["json", "genesys-webrtc"]);
    match auth {
        Auth::Token(secret) | Auth::Jwt(secret) | Auth::Guest { code: secret, .. } => {
            redactor.hide(secret);
        }
    }
    redactor
}
