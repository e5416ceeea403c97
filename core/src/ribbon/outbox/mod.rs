//! Outputs of a client, and the requests that wait for an answer: a thin sum of the floors below, in the
//! client's own types.

mod trace;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Secret;
use crate::machine::{
    CommandId, Commands, Due, HttpId, NetError, Output, Outputs, Wake, WallClock, WsId,
};
use crate::media::IceServer;
use crate::report::{Limited, Redactor};
use crate::rest::{Endpoint, Policy, Question, Questions, Resource, Retry, Said, Taken, segment};
use crate::ribbon::ask::{Ask, CallAsk, LinkAsk, StoreAsk};
use crate::ribbon::config::{Config, ConfigPatch, OAuthMode};
use crate::ribbon::constants::LogLevel;
use crate::ribbon::credentials::Credentials;
use crate::ribbon::error::{AuthCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::fetch::FetchResponse;
use crate::ribbon::ids::{CallId, OperationId, UserId};
use crate::ribbon::outcome::Outcome;
use crate::ribbon::proxy::Proxy;
use crate::ribbon::reports::Reports;
use crate::ribbon::timeline::CallReport;
use crate::ribbon::wire::answer::{Answer, missing};
use crate::ribbon::wire::credentials::{CredentialHeader, header_of, session_header};
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::Resources;
use crate::ribbon::wire::resources::subscription::{Subscription, TurnCredentials};

/// Requests on their way at once; others wait for their turn.
const MAX_EXCHANGES: usize = 32;
/// Requests on their way at once that nobody waits for.
const BACKGROUND: usize = 16;
/// Requests that wait for their turn; one more fails at once.
const MAX_WAITING: usize = 1024;
/// Redirects that are followed, one after the other (w1.4).
const MAX_REDIRECTS: u32 = 5;
/// The pause before what ends a session is said once more, where the network failed.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// The pause between two log records of what a peer can cause at will, in the long run.
const LOG_PACE: Duration = Duration::from_secs(10);
/// Bytes of events that one input or command may lead to, roughly.
const MAX_TOLD: usize = 4 << 20;

/// The outputs of a client.
pub(crate) type Out = Output<Event, Outcome, Error>;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    outputs: Outputs<Event, Outcome, Error>,
    commands: Commands<()>,
    rest: Questions<Ask>,
    /// Requests that wait for their turn.
    turn_of: VecDeque<Question<Ask>>,
    pub(crate) config: Config,
    pub(crate) credentials: Option<Credentials>,
    /// The session of an HMAC subscription, which stands for its token (w1.2).
    session: Option<Secret>,
    /// The credentials that the gateway gives for TURN servers (RP-5).
    turn: Option<TurnCredentials>,
    /// The number of those so far, and of the servers that were set.
    turns: u32,
    redactor: Redactor,
    malformed: Limited,
    told: usize,
    pub(crate) reports: Reports,
    pub(crate) proxy: Proxy,
    /// The time at which anything but media is due.
    pub(crate) due: Due,
}

impl Outbox {
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        let policy = Policy {
            attempts: 2,
            pause: AGAIN_AFTER,
            longest: Duration::from_secs(60),
            passing: &[],
            bytes: 64 * 1024,
            redirects: MAX_REDIRECTS,
            // Responses are read elsewhere.
            explain: |_| Said::default(),
        };
        Self {
            outputs: Outputs::new(now),
            commands: Commands::default(),
            rest: Questions::new(policy),
            turn_of: VecDeque::new(),
            config,
            credentials: None,
            session: None,
            turn: None,
            turns: 0,
            redactor: Redactor::new(&[]),
            malformed: Limited::new("malformed", LOG_PACE, now),
            told: 0,
            reports: Reports::default(),
            proxy: Proxy::default(),
            due: Due::default(),
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

    /// Moves time forward, never back.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.outputs.advance(now);
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        let output = self.outputs.pop();
        if output.is_none() {
            self.told = 0;
        }
        output
    }

    /// The outputs, for packets and frames.
    pub(crate) fn media(&mut self) -> &mut Outputs<Event, Outcome, Error> {
        &mut self.outputs
    }

    fn push(&mut self, output: Out) {
        self.due.stir();
        self.outputs.push(output);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others hold no words of somebody else")]
    pub(crate) fn event(&mut self, mut event: Event) {
        match &mut event {
            Event::Malformed { what } => *what = self.redactor.words(what),
            Event::RequestRefused { error }
            | Event::Resubscribed { error: Some(error), .. }
            | Event::PresenceFailed { error }
            | Event::ProxyFailed { error }
            | Event::SipFailed { error, .. } => *error = self.fit(error.clone()),
            _ => {}
        }
        let now = self.now();
        self.reports.follow(&event, now);
        self.push(Output::Event(event));
    }

    /// An error as it may be shown: what the gateway says quotes whatever it likes.
    pub(crate) fn fit(&self, error: Error) -> Error {
        error.shown(|said| self.redactor.words(said))
    }

    /// True if records of this level are wanted in the log (RC-001).
    fn logs(&self, level: LogLevel) -> bool {
        level <= self.config.log_level
    }

    /// Tells of something that cannot be read.
    pub(crate) fn malformed(&mut self, what: &str) {
        if self.logs(LogLevel::Warn) && self.malformed.may(self.now()) {
            tracing::warn!(what = %self.redactor.words(what), "malformed");
        }
        self.event(Event::Malformed { what: what.to_owned() });
    }

    // Who we are.

    /// The user whose resources are asked for; nobody's without credentials.
    pub(crate) fn user(&self) -> UserId {
        let user = self.credentials.as_ref().map(Credentials::username);
        user.cloned().unwrap_or_else(|| UserId::from(""))
    }

    /// Their resources.
    pub(crate) fn resources(&self) -> Resources {
        Resources::new(&self.user())
    }

    /// True if who we are is told by a token that a subscription takes the place of.
    fn is_hmac(&self) -> bool {
        match &self.credentials {
            Some(Credentials::Hmac { .. }) => true,
            Some(Credentials::Password { .. } | Credentials::Bearer { .. }) | None => false,
        }
    }

    /// Uses other credentials from now on. None is ever shown.
    pub(crate) fn use_credentials(&mut self, credentials: Credentials) {
        self.redactor.hide(credentials.secret());
        self.credentials = Some(credentials);
    }

    /// A subscription that can be used: one for an HMAC token says what takes the token's place (w2.1).
    ///
    /// # Errors
    ///
    /// [`AuthCode::SubscribeFailed`]: it does not.
    pub(crate) fn usable(&self, held: Subscription, request: &str) -> Result<Subscription, Error> {
        if self.is_hmac() && held.session.is_none() {
            return Err(missing(request, "sessionId").with_code(AuthCode::SubscribeFailed));
        }
        Ok(held)
    }

    /// Takes what a subscription brings with it.
    pub(crate) fn subscribed(&mut self, held: &Subscription) {
        if let Some(session) = held.session.as_ref().filter(|_| self.is_hmac()) {
            self.redactor.hide(session);
            self.session = Some(session.clone());
        }
        if let Some(turn) = &held.turn {
            self.redactor.hide(&turn.password);
            if self.turn.as_ref() != Some(turn) {
                self.turns = self.turns.wrapping_add(1);
                self.turn = Some(turn.clone());
            }
        }
    }

    /// Takes other settings, which were tried before.
    pub(crate) fn update_config(&mut self, patch: ConfigPatch) {
        let before = self.ice_servers();
        drop(self.config.update(patch));
        if self.ice_servers() != before {
            self.turns = self.turns.wrapping_add(1);
        }
    }

    /// Forgets what a subscription brought: it is over.
    pub(crate) fn session_over(&mut self) {
        self.session = None;
    }

    // Commands.

    /// Gives a command its id; it is open until it is completed or overdue.
    pub(crate) fn open(&mut self, limit: Duration) -> CommandId {
        let command = CommandId(self.outputs.id());
        self.commands.open(command, self.now().checked_add(limit), ());
        command
    }

    /// Answers a command, unless it is answered already.
    pub(crate) fn complete(&mut self, command: CommandId, result: Result<Outcome, Error>) {
        if self.commands.close(command).is_some() {
            let result = result.map_err(|error| self.fit(error));
            self.push(Output::Completed { command, result });
        }
    }

    /// Answers every command but one.
    pub(crate) fn close_all_but(&mut self, command: CommandId) {
        for other in self.commands.others(command) {
            self.complete(other, Err(Error::closed()));
        }
    }

    pub(crate) fn is_open(&self, command: CommandId) -> bool {
        self.commands.is_open(command)
    }

    pub(crate) fn open_commands(&self) -> usize {
        self.commands.len()
    }

    /// A command whose time is up. It is still open: complete it.
    pub(crate) fn overdue_command(&self) -> Option<CommandId> {
        self.commands.overdue(self.now())
    }

    // The socket.

    /// The address of a notification socket, without a token.
    pub(crate) fn socket_url(&self, channel: &str) -> String {
        format!("{}{channel}", self.config.ws_base())
    }

    /// Opens a notification socket.
    pub(crate) fn open_socket(&mut self, channel: &str, deadline: Instant) -> WsId {
        let id = WsId(self.outputs.id());
        let mut url = self.socket_url(channel);
        if let (OAuthMode::Query, Some(Credentials::Bearer { token, .. })) =
            (self.config.connectivity.oauth_mode, &self.credentials)
        {
            url = format!("{url}?access_token={}", segment(token.expose()));
        }
        match http::Request::get(url).body(()) {
            Ok(request) => self.push(Output::OpenWebSocket { id, request, deadline }),
            // Told by the deadline of the attempt.
            Err(error) => self.malformed(&format!("address of the notification socket: {error}")),
        }
        id
    }

    pub(crate) fn send_text(&mut self, id: WsId, text: String) {
        self.push(Output::SendText { id, text });
    }

    pub(crate) fn close_socket(&mut self, id: WsId) {
        self.push(Output::CloseWebSocket { id });
    }

    // Requests.

    /// Makes a request. The answer comes through [`Outbox::take_http`].
    pub(crate) fn rest(&mut self, ask: impl Into<Ask>, resource: Resource) {
        let ask = ask.into();
        let retry = match &ask {
            Ask::Hangup => Retry::Yes,
            Ask::Link(_) | Ask::Call(..) | Ask::Store(..) | Ask::Fetch(_) => Retry::No,
        };
        let question = Question::new(ask, resource, retry);
        if self.is_turn_of(&question.ask) {
            self.request(question);
            return;
        }
        self.due.stir();
        if self.turn_of.len() < MAX_WAITING {
            self.turn_of.push_back(question);
        } else {
            self.rest.refuse(question, "too many requests wait for their turn".to_owned());
        }
    }

    /// True if a request may go out now: what nobody waits for leaves room for the rest.
    fn is_turn_of(&self, ask: &Ask) -> bool {
        let background = |ask: &&Ask| **ask == Ask::Hangup;
        let all = self.rest.sent().count();
        let room = *ask != Ask::Hangup || self.rest.sent().filter(background).count() < BACKGROUND;
        all < MAX_EXCHANGES && room
    }

    fn request(&mut self, question: Question<Ask>) {
        let request = self.endpoint(&question.ask).and_then(|endpoint| {
            let made = match question.elsewhere() {
                Some(uri) => endpoint.redirected(uri, &question.resource),
                None => endpoint.request(&question.resource),
            };
            made.map_err(|error| format!("REST address: {error}"))
        });
        match request {
            Ok(request) => {
                let id = HttpId(self.outputs.id());
                let question = question.sent_to(request.uri().clone());
                self.trace_request(&question.resource);
                let now = self.now();
                if let Ask::Call(call, ask) = &question.ask {
                    self.reports.asked(call, ask, now);
                }
                let deadline = now + self.config.rest_timeout;
                self.push(Output::Http { id, request, deadline });
                self.rest.send(id, question);
            }
            Err(error) => {
                self.due.stir();
                self.rest.refuse(question, error);
            }
        }
    }

    fn endpoint(&self, ask: &Ask) -> Result<Endpoint, String> {
        let accept = http::HeaderValue::from_static("application/json");
        let elsewhere = match ask {
            Ask::Store(_, StoreAsk::Push(_)) => self.config.notifications.push.base(),
            Ask::Link(_) | Ask::Call(..) | Ask::Hangup | Ask::Store(..) | Ask::Fetch(_) => None,
        };
        let base = elsewhere.unwrap_or_else(|| self.config.rest_base());
        let endpoint = Endpoint::new(base).header(http::header::ACCEPT, accept);
        let header = match (&self.session, &self.credentials) {
            (Some(session), _) => session_header(session),
            (None, Some(credentials)) => header_of(credentials),
            (None, None) => return Ok(endpoint),
        };
        let (name, value): CredentialHeader = header.map_err(|error| error.to_string())?;
        Ok(endpoint.sensitive(name, value))
    }

    /// A question whose request could not even be made, and why. To be asked for after each input and
    /// command.
    pub(crate) fn take_unmade(&mut self) -> Option<(Ask, Fault)> {
        self.rest.take_unmade().map(|(ask, failure)| (ask, Error::from(failure).into()))
    }

    /// The question that an HTTP result answers, and the body of the answer; empty where there is none. None when
    /// nobody waits for it, or when it will be asked again.
    pub(crate) fn take_http(
        &mut self,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) -> Option<(Ask, String, Result<Vec<u8>, Fault>)> {
        self.trace_response(id, &result);
        let taken = self.rest.take_response(id, result, self.now())?;
        self.take_turns();
        match taken {
            Taken::Ended(Ask::Fetch(command), request, result) => {
                self.fetched(command, &request, result);
                None
            }
            Taken::Ended(ask, request, result) => {
                let wanted = ask.wanted();
                let now = self.config.unix_ms;
                let answer = result
                    .map_err(Error::from)
                    .and_then(|response| Answer::of(response, &request, wanted, now));
                let result = match answer {
                    Ok(Answer::Empty) => Ok(Vec::new()),
                    Ok(Answer::Body(body)) => Ok(body),
                    Ok(Answer::Refused(refused)) => {
                        if let Some(error) = refused.unauthorized() {
                            self.event(Event::RequestRefused { error });
                        }
                        Err(Fault::Refused(refused))
                    }
                    Err(error) => Err(error.into()),
                };
                self.note_answer(&ask, result.as_ref().err());
                Some((ask, request, result))
            }
            Taken::Again => None,
            Taken::Elsewhere(question) => {
                self.request(question);
                None
            }
        }
    }

    fn note_answer(&mut self, ask: &Ask, fault: Option<&Fault>) {
        if let Ask::Call(call, ask) = ask {
            let error = fault.map(|fault| self.fit(fault.clone().of_call()));
            let now = self.now();
            self.reports.answered(call, ask, error.as_ref(), now);
        }
    }

    /// Answers a request of the application's own, whatever its status (RA-096).
    fn fetched(
        &mut self,
        command: CommandId,
        request: &str,
        result: Result<http::Response<Vec<u8>>, NetError>,
    ) {
        if let Ok(response) = &result
            && !response.status().is_success()
            && let Some(error) =
                Refused::read(response, request, self.config.unix_ms).unauthorized()
        {
            self.event(Event::RequestRefused { error });
        }
        let answer = result.map_err(Error::from);
        let answer = answer.and_then(|response| FetchResponse::read(response, request));
        self.complete(command, answer.map(Outcome::Response));
    }

    fn take_turns(&mut self) {
        while let Some(at) = self.turn_of.iter().position(|next| self.is_turn_of(&next.ask))
            && let Some(question) = self.turn_of.remove(at)
        {
            self.request(question);
        }
    }

    /// Forgets requests: late answers are ignored and nothing is asked again.
    pub(crate) fn forget_rest(&mut self, forget: impl Fn(&LinkAsk) -> bool) {
        self.forget(|ask| match ask {
            Ask::Link(ask) => forget(ask),
            Ask::Call(..) | Ask::Hangup | Ask::Store(..) | Ask::Fetch(_) => false,
        });
    }

    /// Makes a request of what is kept beside calls, for a command.
    pub(crate) fn ask(&mut self, command: CommandId, ask: StoreAsk, resource: Resource) {
        self.rest(Ask::Store(Some(command), ask), resource);
    }

    /// Forgets the requests of what is kept beside calls: the commands that wait for them.
    pub(crate) fn forget_stores(&mut self) -> Vec<CommandId> {
        let waits = |ask: &Ask| match ask {
            Ask::Store(command, _) => *command,
            Ask::Link(_) | Ask::Call(..) | Ask::Hangup | Ask::Fetch(_) => None,
        };
        let sent = self.rest.sent().filter_map(waits);
        let all = sent.chain(self.turn_of.iter().filter_map(|one| waits(&one.ask))).collect();
        self.forget(|ask| matches!(ask, Ask::Store(..)));
        all
    }

    /// Requests of the application's own that are not answered.
    pub(crate) fn fetches(&self) -> usize {
        let is_own = |ask: &&Ask| matches!(ask, Ask::Fetch(_));
        let waiting = self.turn_of.iter().map(|question| &question.ask);
        self.rest.sent().chain(waiting).filter(is_own).count()
    }

    /// Shows a secret of the application's nowhere.
    pub(crate) fn hide(&mut self, secrets: &[&Secret]) {
        for secret in secrets {
            self.redactor.hide(secret);
        }
    }

    /// The report on a call.
    pub(crate) fn report(&self, call: &CallId) -> Option<CallReport> {
        self.reports.get(call, self.clock())
    }

    /// The wall clock.
    pub(crate) fn clock(&self) -> WallClock {
        WallClock::new(self.begun(), self.config.unix_ms.unwrap_or(0))
    }

    /// Forgets requests: late answers are ignored and nothing is asked again.
    pub(crate) fn forget(&mut self, forget: impl Fn(&Ask) -> bool) {
        self.rest.forget(&forget);
        self.turn_of.retain(|question| !forget(&question.ask));
    }

    /// Takes note that an operation is over: what was not asked for it yet is not asked, here or elsewhere.
    pub(crate) fn operation_over(&mut self, op: &OperationId) {
        let is_its = |ask: &Ask| match ask {
            Ask::Call(_, ask) => ask.operation() == Some(op),
            Ask::Link(_) | Ask::Hangup | Ask::Store(..) | Ask::Fetch(_) => false,
        };
        self.rest.settle(is_its);
        self.turn_of.retain(|question| !is_its(&question.ask));
    }

    /// Requests on their way, or waiting for their turn.
    pub(crate) fn exchanges(&self) -> usize {
        self.rest.sent().count() + self.turn_of.len()
    }

    /// Makes again the requests whose pause is over.
    pub(crate) fn retry_due(&mut self) {
        let now = self.now();
        self.malformed.tell_due(now);
        while let Some(question) = self.rest.pop_due(now) {
            self.request(question);
        }
        self.take_turns();
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let logged = self.malformed.due();
        let logged = logged.map(|at| Wake { at, reason: "records left out of the log" });
        let logged = Wake::earliest(logged, self.proxy.next_wake());
        Wake::earliest(logged, Wake::earliest(self.rest.next_wake(), self.commands.next_wake()))
    }

    /// The servers by which media finds its way, with the gateway's credentials if they are wanted (RP-5).
    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        let mut servers = self.config.call.peer.ice_servers.clone();
        if let Some(turn) = self.turn.as_ref().filter(|_| self.config.call.server_turn_credentials)
        {
            for server in &mut servers {
                server.username = Some(turn.username.clone());
                server.credential = Some(turn.password.clone());
            }
        }
        servers
    }

    /// A number for the servers by which media finds its way, and the gateway's credentials for them: another with each
    /// change.
    pub(crate) fn turns(&self) -> u32 {
        self.turns
    }

    /// True while a request that makes a session is not answered.
    pub(crate) fn is_making(&self) -> bool {
        let makes = |ask: &Ask| matches!(ask, Ask::Call(_, CallAsk::Create(_)));
        self.rest.sent().any(makes) || self.turn_of.iter().any(|question| makes(&question.ask))
    }
}
