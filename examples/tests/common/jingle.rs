//! A small Jingle client: a user's stream beside a media connection, and what goes between them.

use std::time::Instant;

use futures_util::future::{Either, select};
use offhook::Seed;
use offhook::jingle::{Action, Candidate, Jingle, Reason, Role, sdp};
use offhook::media::{
    Connection, ConnectionCommand, ConnectionEvent, ConnectionOutcome, EngineConfig, EngineEvent,
    IceServer, LocalCandidate, MediaState, WebRtcFactory, Wish,
};
use offhook::net::NetOptions;
use offhook::xmpp::{Jid, Payload, Service, Services};
use offhook_runtime::{Events, Handle, Sockets, start};

use super::prosody::{DOMAIN, Prosody};
use super::stream::{Ask, News, Refusal, Stream};
use super::within;

/// A user who is logged in.
pub(crate) struct User {
    stream: Handle<Stream>,
    news: Events<Stream>,
    pub(crate) own: Jid,
    calls: u32,
}

/// A call of a user's, from its offer on.
pub(crate) struct Call {
    pub(crate) user: User,
    peer: Jid,
    sid: String,
    /// The content that candidates belong to.
    content: String,
    pub(crate) media: Handle<Connection>,
    told: Events<Connection>,
    candidates: Vec<Candidate>,
}

/// The next turn of a call.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Media is connected.
    Connected,
    /// A relay lends no address: it refused by this code.
    NoRelay(Option<u16>),
    /// The far side ended it.
    Ended(Reason),
}

impl User {
    /// Logs in.
    pub(crate) async fn log_in<R: Sockets>(
        server: &Prosody,
        name: &str,
        password: &str,
    ) -> Result<Self, Refusal> {
        let user = format!("{name}@{DOMAIN}").parse().expect("an address");
        let stream = Stream::new(&server.url(), user, password, Instant::now());
        let (stream, mut news) = start::<R, _>(stream, NetOptions::default()).expect("a runtime");
        match within::<R, _>("login", news.next()).await {
            Some(News::Bound(own)) => Ok(Self { stream, news, own, calls: 0 }),
            Some(News::Over(refusal)) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    async fn services<R: Sockets>(&self, ask: Services) -> Vec<Service> {
        let server = Some(DOMAIN.parse().expect("an address"));
        let answer = self.stream.submit(Ask::Get(server, Payload::Services(ask)));
        match within::<R, _>("services", answer).await.expect("an answer") {
            Some(Payload::Services(Services { services, .. })) => services,
            other => panic!("{other:?}"),
        }
    }

    /// The relay that the server names, with the credentials that it gives for it (XEP-0215).
    pub(crate) async fn relay<R: Sockets>(&self) -> IceServer {
        let list = self.services::<R>(Services::list("turn")).await;
        let [service] = list.as_slice() else { panic!("{list:?}") };
        let with = self.services::<R>(Services::credentials(service)).await;
        let [with] = with.as_slice() else { panic!("{with:?}") };
        let name = with.username.clone().expect("a user name");
        IceServer::turn(with.url(), name, with.password.clone().expect("a password"))
    }

    async fn send<R: Sockets>(&self, to: &Jid, jingle: Jingle) {
        let asked = self.stream.submit(Ask::Set(Some(to.clone()), Payload::Extension(jingle)));
        within::<R, _>("an answer", asked).await.expect("taken");
    }

    async fn jingle<R: Sockets>(&mut self) -> (Jid, Jingle) {
        match within::<R, _>("jingle", self.news.next()).await {
            Some(News::Jingle(from, jingle)) => (from, *jingle),
            other => panic!("{other:?}"),
        }
    }

    /// Calls somebody by a relay alone: offers speech (XEP-0166 section 6.2, XEP-0167).
    pub(crate) async fn call<R: Sockets>(mut self, peer: Jid, relay: IceServer) -> Call {
        let (media, told) = media::<R>(1, relay);
        let offer = ConnectionCommand::CreateOffer(vec![Wish::AUDIO]);
        let offer = describe::<R>(&media, offer).await;
        let (contents, groups) = sdp::from_sdp(&offer, Role::Initiator).expect("our own offer");
        let content = contents.first().expect("a content").name.clone();
        self.calls += 1;
        let sid = format!("{}-{}", self.own.local().expect("a user"), self.calls);
        let own = self.own.as_str();
        let initiate = Jingle::session_initiate(&*sid, own, contents, groups);
        self.send::<R>(&peer, initiate).await;
        Call { user: self, peer, sid, content, media, told, candidates: Vec::new() }
    }

    /// Waits for a call, and answers it by a relay alone.
    pub(crate) async fn answer<R: Sockets>(mut self, relay: IceServer) -> Call {
        let (peer, offer) = self.jingle::<R>().await;
        assert_eq!(offer.action, Action::SessionInitiate);
        let (media, told) = media::<R>(2, relay);
        let text = sdp::to_sdp(&offer, Role::Initiator).expect("an offer");
        let accepted = media.submit(ConnectionCommand::AcceptOffer(text));
        within::<R, _>("the offer", accepted).await.expect("taken");
        let answer = describe::<R>(&media, ConnectionCommand::CreateAnswer).await;
        let (contents, groups) = sdp::from_sdp(&answer, Role::Responder).expect("our own answer");
        let content = contents.first().expect("a content").name.clone();
        let accept = Jingle::session_accept(&*offer.sid, contents, groups);
        self.send::<R>(&peer, accept).await;
        let sid = offer.sid;
        Call { user: self, peer, sid, content, media, told, candidates: Vec::new() }
    }
}

/// A connection that goes by a relay alone.
fn media<R: Sockets>(seed: u64, relay: IceServer) -> (Handle<Connection>, Events<Connection>) {
    let config = EngineConfig::new(Seed::from(seed)).ice_servers([relay]).relay_only(true);
    let connection = Connection::new(Box::new(WebRtcFactory::default()), config, Instant::now());
    start::<R, _>(connection, NetOptions::default().loopback(true)).expect("a runtime")
}

async fn describe<R: Sockets>(media: &Handle<Connection>, command: ConnectionCommand) -> String {
    match within::<R, _>("a description", media.submit(command)).await.expect("possible") {
        ConnectionOutcome::Description(text) => text,
        other => panic!("{other:?}"),
    }
}

impl Call {
    /// Carries what comes from either side to the other, up to the next turn.
    pub(crate) async fn next<R: Sockets>(&mut self) -> Turn {
        loop {
            let turn = {
                let next = select(Box::pin(self.user.news.next()), Box::pin(self.told.next()));
                match within::<R, _>("the next turn", next).await {
                    Either::Left((news, _)) => Either::Left(news.expect("the stream lives")),
                    Either::Right((event, _)) => Either::Right(event.expect("media lives")),
                }
            };
            let turn = match turn {
                Either::Left(News::Jingle(from, jingle)) if from == self.peer => {
                    self.handle_jingle::<R>(*jingle).await
                }
                Either::Left(news) => panic!("{news:?}"),
                Either::Right(event) => self.handle_media::<R>(event).await,
            };
            if let Some(turn) = turn {
                return turn;
            }
        }
    }

    async fn handle_jingle<R: Sockets>(&mut self, jingle: Jingle) -> Option<Turn> {
        assert_eq!(jingle.sid, self.sid);
        match jingle.action {
            Action::SessionAccept => {
                let text = sdp::to_sdp(&jingle, Role::Responder).expect("an answer");
                self.do_it::<R>(ConnectionCommand::AcceptAnswer(text)).await;
                None
            }
            // XEP-0176 section 5.5: candidates as they are found.
            Action::TransportInfo => {
                let transports = jingle.contents.into_iter().filter_map(|one| one.transport);
                for candidate in transports.flat_map(|transport| transport.candidates) {
                    let line = candidate.to_line();
                    self.do_it::<R>(ConnectionCommand::AddRemoteCandidate(line)).await;
                }
                None
            }
            Action::SessionTerminate => Some(Turn::Ended(jingle.reason.expect("a reason"))),
            other => panic!("{other:?}"),
        }
    }

    async fn handle_media<R: Sockets>(&mut self, event: ConnectionEvent) -> Option<Turn> {
        match event {
            ConnectionEvent::Engine(EngineEvent::LocalCandidate(local)) => {
                self.trickle::<R>(local).await;
                None
            }
            ConnectionEvent::Engine(EngineEvent::State(MediaState::Connected)) => {
                Some(Turn::Connected)
            }
            ConnectionEvent::Engine(EngineEvent::Failed(error)) => panic!("{error}"),
            ConnectionEvent::NoRelay { code, .. } => Some(Turn::NoRelay(code)),
            _ => None,
        }
    }

    async fn trickle<R: Sockets>(&mut self, local: LocalCandidate) {
        let candidate = Candidate::from_line(&local.candidate).expect("our own candidate");
        self.candidates.push(candidate.clone());
        let content = local.mid.as_deref().unwrap_or(&self.content);
        let info = Jingle::candidate(&*self.sid, content, local.ufrag, candidate);
        self.user.send::<R>(&self.peer, info).await;
    }

    async fn do_it<R: Sockets>(&self, command: ConnectionCommand) {
        within::<R, _>("media", self.media.submit(command)).await.expect("possible");
    }

    /// Waits until the far side has ended it. A relay that refuses is asked by each address of ours.
    pub(crate) async fn is_ended<R: Sockets>(&mut self) {
        loop {
            match self.next::<R>().await {
                Turn::Ended(Reason::Success) => break,
                Turn::NoRelay(Some(401)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until a relay is lost.
    pub(crate) async fn loses_its_relay<R: Sockets>(&mut self) {
        self.told::<R>("the loss", |event| matches!(event, ConnectionEvent::RelayLost)).await;
    }

    /// Has a relay asked with these credentials, and waits until it lends an address.
    pub(crate) async fn turns_to<R: Sockets>(&mut self, relay: IceServer) {
        self.do_it::<R>(ConnectionCommand::SetIceServers(vec![relay])).await;
        let is_lent = |event: &ConnectionEvent| {
            matches!(event, ConnectionEvent::Engine(EngineEvent::LocalCandidate(_)))
        };
        self.told::<R>("an address", is_lent).await;
    }

    async fn told<R: Sockets>(&mut self, what: &str, is_it: impl Fn(&ConnectionEvent) -> bool) {
        within::<R, _>(what, async {
            while !is_it(&self.told.next().await.expect("media lives")) {}
        })
        .await;
    }

    /// The candidates that were sent.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Ends the call (XEP-0166 section 6.7).
    pub(crate) async fn hang_up<R: Sockets>(&self) {
        let terminate = Jingle::session_terminate(&*self.sid, Reason::Success);
        self.user.send::<R>(&self.peer, terminate).await;
        self.close::<R>().await;
    }

    /// Closes its media.
    pub(crate) async fn close<R: Sockets>(&self) {
        self.do_it::<R>(ConnectionCommand::Close).await;
    }
}
