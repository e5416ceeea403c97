//! A probe of the way to a service: names, HTTP, WebSockets, STUN and TURN servers.
//!
//! A [`Prober`] is a machine like a phone, and reaches the network as a phone does: by the same runtime, and, where
//! media is concerned, by the code that calls gather their addresses with (RFC 8445 section 5.1.1). It makes no call
//! and has no media engine. A runtime carries it (`offhook_runtime::start`), or a loop of the application's own.
//!
//! ```
//! use offhook::media::IceServer;
//! use offhook::media::probe::{Command, Limits, Plan, Prober};
//! use offhook::{Machine as _, Output, Seed};
//!
//! let now = std::time::Instant::now();
//! let mut prober = Prober::new(Limits::default(), &Seed::from(1), now);
//! let plan = Plan::new([IceServer::stun("stun:stun.example")]);
//! prober.submit(now, Command::Path(plan))?;
//! assert!(matches!(prober.poll_output(), Output::OpenUdp { .. }));
//! # Ok::<(), offhook::media::probe::Error>(())
//! ```

mod end;
mod packets;
mod path;
mod plan;
mod report;
#[cfg(all(test, feature = "str0m"))]
mod tests;
mod trial;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use self::path::Path;
pub use self::plan::Plan;
pub use self::report::{
    Attempt, Loopback, Mapping, Nat, PathReport, Problem, ServerReport, Transport, meaning,
};
use crate::machine::{
    CommandId, HttpId, Machine, NameId, NetError, NetErrorKind, Outputs, Seed, Wake, WsEvent, WsId,
};
use crate::{Input, Output};

/// The longest that any limit may be.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most questions under way at a time.
const MAX_ASKED: usize = 64;

/// The limits of a [`Prober`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest that a name, an HTTP exchange or a WebSocket may take. Default 10 s.
    pub question: Duration,
}

setters!(Limits { question: Duration });

impl Default for Limits {
    fn default() -> Self {
        Self { question: Duration::from_secs(10) }
    }
}

/// A request of the application.
#[derive(Clone)]
#[non_exhaustive]
pub enum Command {
    /// Looks up the addresses of a host: [`Outcome::Found`].
    Resolve {
        /// Its name.
        host: String,
    },
    /// Asks for a resource by HTTP, without credentials. Any status is an answer: [`Outcome::Answered`].
    Http {
        /// The URI, with its scheme.
        uri: http::Uri,
    },
    /// Opens a WebSocket and closes it: [`Outcome::Opened`].
    WebSocket {
        /// The URI, with its scheme.
        uri: http::Uri,
        /// The subprotocol that is asked for.
        protocol: Option<String>,
    },
    /// Probes the way of media by servers: [`Outcome::Path`]. One such probe at a time.
    Path(Plan),
    /// Ends everything that is under way: [`Outcome::Done`].
    Close,
}

// URIs may hold secrets.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host } => write!(f, "Resolve({host})"),
            Self::Http { uri } => write!(f, "Http({:?})", uri.host()),
            Self::WebSocket { uri, .. } => write!(f, "WebSocket({:?})", uri.host()),
            Self::Path(plan) => write!(f, "Path({} servers)", plan.servers.len()),
            Self::Close => f.write_str("Close"),
        }
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The host has these addresses.
    Found {
        /// The addresses, most preferred first.
        addresses: Vec<IpAddr>,
        /// The time that it took.
        after: Duration,
    },
    /// The server answered.
    Answered {
        /// The status.
        status: u16,
        /// The time that it took: with the connection.
        after: Duration,
    },
    /// The WebSocket opened.
    Opened {
        /// The time that it took: with the connection.
        after: Duration,
    },
    /// The findings about servers.
    Path(Box<PathReport>),
    /// Everything is closed.
    Done,
}

/// An event for the application: nothing happens unasked, so there is none but of a runtime's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// So many events were lost, as nobody read them.
    EventsLost(u64),
}

/// The reason why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network did not do it.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Too much is under way.
    #[error("too much is under way")]
    Busy,
    /// The prober is closed.
    #[error("closed")]
    Closed,
}

/// A question that is not answered.
#[derive(Clone, Copy, Debug)]
struct Asked {
    command: CommandId,
    begun: Instant,
    deadline: Instant,
}

/// The name of a question, by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Name(NameId),
    Http(HttpId),
    WebSocket(WsId),
}

/// A machine that finds out whether a service can be reached. See the [module](self).
pub struct Prober {
    limits: Limits,
    seed: Seed,
    asked: BTreeMap<Question, Asked>,
    path: Option<(CommandId, Path)>,
    is_closed: bool,
    out: Outputs<Event, Outcome, Error>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober")
            .field("asked", &self.asked)
            .field("path", &self.path.is_some())
            .finish_non_exhaustive()
    }
}

impl Prober {
    /// A prober that has nothing to do yet.
    #[must_use]
    pub fn new(limits: Limits, seed: &Seed, now: Instant) -> Self {
        Self {
            limits,
            seed: seed.clone(),
            asked: BTreeMap::new(),
            path: None,
            is_closed: false,
            out: Outputs::new(now),
        }
    }

    fn ask(&mut self, question: Question, command: CommandId) -> Instant {
        let begun = self.out.now();
        let deadline = begun + self.limits.question.min(LONGEST);
        self.asked.insert(question, Asked { command, begun, deadline });
        deadline
    }

    /// Answers a question, the first time. `outcome` is made of the time that it took.
    fn answer(
        &mut self,
        question: Question,
        outcome: impl FnOnce(Duration) -> Result<Outcome, Error>,
    ) -> bool {
        let Some(asked) = self.asked.remove(&question) else { return false };
        let after = self.out.now().saturating_duration_since(asked.begun);
        self.complete(asked.command, outcome(after));
        true
    }

    fn complete(&mut self, command: CommandId, result: Result<Outcome, Error>) {
        self.out.push(Output::Completed { command, result });
    }

    fn websocket(&mut self, id: WsId, event: WsEvent) {
        let question = Question::WebSocket(id);
        match event {
            WsEvent::Opened { .. } => {
                if self.answer(question, |after| Ok(Outcome::Opened { after })) {
                    self.out.push(Output::CloseWebSocket { id });
                }
            }
            WsEvent::Failed(error) => {
                self.answer(question, |_| Err(error.into()));
            }
            WsEvent::Text(_) | WsEvent::Closed { .. } => {}
        }
    }

    /// Gives up what takes too long, whether the runtime says so or not.
    fn give_up(&mut self) {
        let now = self.out.now();
        let is_late =
            |(question, asked): (&Question, &Asked)| (asked.deadline <= now).then_some(*question);
        let late: Vec<_> = self.asked.iter().filter_map(is_late).collect();
        for question in late {
            let error = NetError::new(NetErrorKind::Timeout, "no answer");
            self.answer(question, |_| Err(error.into()));
            if let Question::WebSocket(id) = question {
                self.out.push(Output::CloseWebSocket { id });
            }
        }
    }

    fn go_on(&mut self) {
        let Some((command, path)) = &mut self.path else { return };
        if let Some(report) = path.go_on(&mut self.out) {
            let command = *command;
            self.path = None;
            self.complete(command, Ok(Outcome::Path(Box::new(report))));
        }
    }

    fn close(&mut self) {
        self.is_closed = true;
        let questions: Vec<_> = self.asked.keys().copied().collect();
        for question in questions {
            self.answer(question, |_| Err(Error::Closed));
            if let Question::WebSocket(id) = question {
                self.out.push(Output::CloseWebSocket { id });
            }
        }
        if let Some((command, mut path)) = self.path.take() {
            path.stop(&mut self.out);
            self.complete(command, Err(Error::Closed));
        }
    }

    fn next_wake(&self) -> Option<Wake> {
        let late = self.asked.values().map(|asked| asked.deadline).min();
        let late = late.map(|at| Wake { at, reason: "limit of a question" });
        Wake::earliest(late, self.path.as_ref().and_then(|(_, path)| path.next_wake()))
    }
}

/// A request without a body.
fn request<T: Default>(
    uri: http::Uri,
    protocol: Option<String>,
) -> Result<http::Request<T>, Error> {
    let mut request = http::Request::builder().uri(uri);
    if let Some(protocol) = protocol {
        request = request.header(http::header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let wrong = |error: http::Error| NetError::new(NetErrorKind::Local, error.to_string());
    Ok(request.body(T::default()).map_err(wrong)?)
}

impl Machine for Prober {
    type Command = Command;
    type Event = Event;
    type Outcome = Outcome;
    type Error = Error;

    fn submit(&mut self, now: Instant, command: Command) -> Result<CommandId, Error> {
        self.out.advance(now);
        if self.is_closed {
            return Err(Error::Closed);
        }
        let is_path = matches!(command, Command::Path(_));
        if self.asked.len() >= MAX_ASKED || (is_path && self.path.is_some()) {
            // There is always room for its end.
            if !matches!(command, Command::Close) {
                return Err(Error::Busy);
            }
        }
        let id = CommandId(self.out.id());
        match command {
            Command::Resolve { host } => {
                let name = NameId(self.out.id());
                let deadline = self.ask(Question::Name(name), id);
                self.out.push(Output::Resolve { id: name, host, deadline });
            }
            Command::Http { uri } => {
                let request = request(uri, None)?;
                let http = HttpId(self.out.id());
                let deadline = self.ask(Question::Http(http), id);
                self.out.push(Output::Http { id: http, request, deadline });
            }
            Command::WebSocket { uri, protocol } => {
                let request = request(uri, protocol)?;
                let ws = WsId(self.out.id());
                let deadline = self.ask(Question::WebSocket(ws), id);
                self.out.push(Output::OpenWebSocket { id: ws, request, deadline });
            }
            Command::Path(plan) => {
                let seed = self.seed.child(&format!("path {id:?}"));
                self.path = Some((id, Path::new(&plan, &seed, &mut self.out)));
                self.go_on();
            }
            Command::Close => {
                self.close();
                self.complete(id, Ok(Outcome::Done));
            }
        }
        Ok(id)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.out.advance(now);
        let now = self.out.now();
        let path = self.path.as_mut().map(|(_, path)| path);
        match input {
            Input::Timeout => {
                if let Some(path) = path {
                    path.handle_timeout(now);
                }
                self.give_up();
            }
            Input::WebSocket { id, event } => self.websocket(id, event),
            Input::Http { id, result } => {
                self.answer(Question::Http(id), |after| {
                    let status = result?.status().as_u16();
                    Ok(Outcome::Answered { status, after })
                });
            }
            Input::Udp { id, event } => {
                if let Some(path) = path {
                    path.handle_udp(now, id, event);
                }
            }
            Input::Stream { id, event } => {
                if let Some(path) = path {
                    path.handle_stream(now, id, event);
                }
            }
            Input::Resolved { id, result } => {
                if let Some(path) = path {
                    path.resolved(now, id, &result);
                }
                self.answer(Question::Name(id), |after| {
                    Ok(Outcome::Found { addresses: result?, after })
                });
            }
            Input::Frame { .. } => {}
        }
        self.go_on();
    }

    fn poll_output(&mut self) -> Output<Event, Outcome, Error> {
        self.out.pop().unwrap_or_else(|| Output::Timeout(self.next_wake()))
    }
}
