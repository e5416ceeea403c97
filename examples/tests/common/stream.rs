//! A small XMPP client as a machine: it logs in over a WebSocket (RFC 7395), asks, and is told of Jingle.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use http::Request;
use offhook::jingle::Jingle;
use offhook::machine::{CommandId, MediaId, OutputOf, WsEvent, WsId};
use offhook::xmpp::{
    Features, Frame, Iq, IqKind, Jid, Open, Payload, SaslFailure, StanzaError, sasl,
};
use offhook::{Input, Machine, Output, Secret};
use offhook_runtime::Drive;

const SOCKET: WsId = WsId(1);

/// A user's stream.
pub(crate) struct Stream {
    user: Jid,
    password: Secret,
    queue: VecDeque<OutputOf<Self>>,
    commands: u64,
    /// Questions that wait for their answers, by the names of their iqs.
    waiting: BTreeMap<String, CommandId>,
    /// True once SASL is done.
    authenticated: bool,
}

/// Something to ask of somebody, or of the user's own server.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Get(Option<Jid>, Payload<Jingle>),
    Set(Option<Jid>, Payload<Jingle>),
    Leave,
}

#[derive(Clone, Debug)]
pub(crate) enum News {
    /// It is logged in by this address.
    Bound(Jid),
    /// Somebody acts in a session. The answer was sent.
    Jingle(Jid, Box<Jingle>),
    /// It could not log in, or is over.
    Over(Refusal),
}

#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Sasl(SaslFailure),
    Stanza(StanzaError),
    /// The stream is over.
    Over(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Refusal {}

impl Stream {
    pub(crate) fn new(url: &str, user: Jid, password: &str, now: Instant) -> Self {
        let request = Request::get(url).header("Sec-WebSocket-Protocol", "xmpp").body(());
        let request = request.expect("an address");
        let deadline = now + Duration::from_secs(10);
        let first = Output::OpenWebSocket { id: SOCKET, request, deadline };
        Self {
            user,
            password: Secret::new(password),
            queue: VecDeque::from([first]),
            commands: 0,
            waiting: BTreeMap::new(),
            authenticated: false,
        }
    }

    fn send(&mut self, frame: &Frame<Jingle>) {
        self.queue.push_back(Output::SendText { id: SOCKET, text: frame.to_xml() });
    }

    fn tell(&mut self, news: News) {
        self.queue.push_back(Output::Event(news));
    }

    fn open(&mut self) {
        self.send(&Frame::Open(Open::client(self.user.domain())));
    }

    fn handle_features(&mut self, features: &Features) {
        if self.authenticated {
            let bind = Payload::Bind { resource: None, jid: None };
            self.send(&Frame::Iq(Iq::set("bind", None, bind)));
        } else {
            assert!(features.mechanisms.iter().any(|name| name == sasl::PLAIN), "{features:?}");
            let name = self.user.local().expect("a user");
            self.send(&Frame::Auth(sasl::password(name, &self.password)));
        }
    }

    fn handle_iq(&mut self, iq: Iq<Jingle>) {
        match &iq.kind {
            IqKind::Set(Payload::Extension(jingle)) => {
                let Some(from) = iq.from.clone() else { return };
                self.tell(News::Jingle(from, Box::new(jingle.clone())));
                self.send(&Frame::Iq(Iq::result_to(&iq)));
            }
            IqKind::Get(Payload::Ping) => self.send(&Frame::Iq(Iq::result_to(&iq))),
            IqKind::Get(_) | IqKind::Set(_) => {
                let error = StanzaError::service_unavailable();
                self.send(&Frame::Iq(Iq::error_to(&iq, error)));
            }
            IqKind::Result(_) | IqKind::Error(_) => self.handle_answer(iq),
        }
    }

    fn handle_answer(&mut self, iq: Iq<Jingle>) {
        let id = iq.id.unwrap_or_default();
        if let (IqKind::Result(Some(Payload::Bind { jid: Some(own), .. })), "bind") =
            (&iq.kind, &*id)
        {
            return self.tell(News::Bound(own.clone()));
        }
        let Some(command) = self.waiting.remove(&id) else { return };
        let result = match iq.kind {
            IqKind::Error(error) => Err(Refusal::Stanza(error)),
            IqKind::Result(payload) => Ok(payload),
            IqKind::Get(_) | IqKind::Set(_) => return,
        };
        self.queue.push_back(Output::Completed { command, result });
    }

    fn over(&mut self, refusal: Refusal) {
        for command in std::mem::take(&mut self.waiting).into_values() {
            self.queue.push_back(Output::Completed { command, result: Err(refusal.clone()) });
        }
        self.tell(News::Over(refusal));
    }
}

impl Machine for Stream {
    type Command = Ask;
    type Event = News;
    type Outcome = Option<Payload<Jingle>>;
    type Error = Refusal;

    fn submit(&mut self, _: Instant, ask: Ask) -> Result<CommandId, Refusal> {
        self.commands += 1;
        let command = CommandId(self.commands);
        let id = format!("ask-{}", self.commands);
        let iq = match ask {
            Ask::Get(to, payload) => Iq::get(&id, to, payload),
            Ask::Set(to, payload) => Iq::set(&id, to, payload),
            Ask::Leave => {
                self.send(&Frame::Close(offhook::xmpp::Close::default()));
                self.queue.push_back(Output::CloseWebSocket { id: SOCKET });
                self.queue.push_back(Output::Completed { command, result: Ok(None) });
                return Ok(command);
            }
        };
        self.waiting.insert(id, command);
        self.send(&Frame::Iq(iq));
        Ok(command)
    }

    fn handle_input(&mut self, _: Instant, input: Input) {
        let Input::WebSocket { event, .. } = input else { return };
        let text = match event {
            WsEvent::Opened { .. } => return self.open(),
            WsEvent::Text(text) => text,
            WsEvent::Failed(error) => return self.over(Refusal::Over(error.to_string())),
            WsEvent::Closed { reason, .. } => return self.over(Refusal::Over(reason)),
            other => panic!("{other:?}"),
        };
        match Frame::parse(&text).expect("a frame") {
            Frame::Features(features) => self.handle_features(&features),
            Frame::Success => {
                self.authenticated = true;
                self.open();
            }
            Frame::Failure(failure) => self.over(Refusal::Sasl(failure)),
            Frame::Iq(iq) => self.handle_iq(iq),
            Frame::StreamError(error) => self.over(Refusal::Over(error.to_string())),
            _ => {}
        }
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        self.queue.pop_front().unwrap_or(Output::Timeout(None))
    }
}

impl Drive for Stream {
    fn farewell() -> (Ask, Duration) {
        (Ask::Leave, Duration::from_secs(5))
    }

    fn is_expendable(_: &News) -> bool {
        false
    }

    fn weight(_: &News) -> usize {
        size_of::<News>()
    }

    fn events_lost(count: u64) -> News {
        News::Over(Refusal::Over(format!("{count} events were lost")))
    }

    fn ended_media(_: &News) -> Option<MediaId> {
        None
    }

    fn closed() -> Refusal {
        Refusal::Over("closed".to_owned())
    }

    fn overloaded() -> Refusal {
        Refusal::Over("overloaded".to_owned())
    }
}
