//! A media connection beneath a signaling of the application's own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{
    ChannelId, ChannelMessage, Digit, Engine, EngineConfig, EngineEvent, EngineFactory, IceHelp,
    IceServer, MediaError, MediaState, MediaStats, PathNews, PathState, Peer, PeerNews, Peers,
    Track, Wish,
};
use crate::machine::{
    CodePoint, CommandId, Input, Machine, MediaId, NetError, Output, OutputOf, Outputs, TrackId,
    UdpId, Wake,
};
use crate::sdp::Direction;

/// The longest that servers are asked for addresses.
const GATHERING: Duration = Duration::from_secs(5);
/// The interval of figures.
const FIGURES: Duration = Duration::from_secs(5);

/// One peer connection with its sockets, for whoever signals in a way of their own: the engine, the addresses that
/// STUN and TURN servers tell and lend, and nothing of any service.
///
/// A [`Machine`]: any runtime carries it, with [`ConnectionCommand`]s from elsewhere. A machine of your own that has
/// one calls its methods in place of [`Machine::submit`], and hands on what it puts out; the ids of one connection
/// are its own, and may be another's too.
///
/// Descriptions are SDP (RFC 8866), exchanged as offer and answer (RFC 3264). Candidates are told one by one
/// (RFC 8838), from the first socket on: send them as they come, or wait for
/// [`EngineEvent::GatheringComplete`].
///
/// ```
/// use std::time::Instant;
/// # use offhook::media::{Engine, EngineConfig, EngineFactory, IceServer, MediaError, Wish};
/// use offhook::media::{Connection, ConnectionEvent, EngineEvent};
/// use offhook::{Input, Machine, Output};
///
/// # fn call(factory: Box<dyn EngineFactory>, seed: offhook::Seed) -> Result<(), MediaError> {
/// let now = Instant::now();
/// let relay = IceServer::turn("turn:turn.example", "user", "password");
/// let config = EngineConfig::new(seed).ice_servers([relay]).relay_only(true);
/// let mut connection = Connection::new(factory, config, now);
/// let offer = connection.create_offer(now, &[Wish::AUDIO])?;
/// // Send the offer, take the answer and the far side's candidates as they come:
/// # let (answer, candidate) = ("", "");
/// connection.accept_answer(now, answer)?;
/// connection.add_remote_candidate(now, candidate)?;
/// // After each of these, and after each input, do what it wants done:
/// loop {
///     match connection.poll_output() {
///         Output::OpenUdp { .. } => { /* and tell its addresses: `UdpEvent::Opened` */ }
///         Output::Event(ConnectionEvent::Engine(EngineEvent::LocalCandidate(_))) => { /* send it */ }
///         Output::Frame { .. } => { /* hear it */ }
///         Output::Timeout(_) => break,
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection {
    out: Outputs<ConnectionEvent, ConnectionOutcome, MediaError>,
    peers: Peers,
    udp: UdpId,
    help: IceHelp,
}

/// Commands of a [`Connection`]: its methods, where a runtime has it. All complete at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionCommand {
    /// [`Connection::create_offer`]; completes with a description.
    CreateOffer(Vec<Wish>),
    /// [`Connection::restart_ice`]; completes with a description.
    RestartIce,
    /// [`Connection::rollback`].
    Rollback,
    /// [`Connection::accept_answer`].
    AcceptAnswer(String),
    /// [`Connection::accept_offer`].
    AcceptOffer(String),
    /// [`Connection::create_answer`]; completes with a description.
    CreateAnswer,
    /// [`Connection::add_remote_candidate`].
    AddRemoteCandidate(String),
    /// [`Connection::set_ice_servers`].
    SetIceServers(Vec<IceServer>),
    /// [`Connection::set_direction`].
    SetDirection(Track, Direction),
    /// [`Connection::set_muted`].
    SetMuted(Track, bool),
    /// [`Connection::send_dtmf`].
    SendDtmf(Vec<Digit>, Duration),
    /// [`Connection::open_channel`]; completes with a channel.
    OpenChannel(String),
    /// [`Connection::send_message`].
    SendMessage(ChannelId, ChannelMessage),
    /// [`Connection::close`].
    Close,
}

/// Outcomes of a [`ConnectionCommand`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionOutcome {
    /// It is done.
    Done,
    /// A description for the far side.
    Description(String),
    /// A data channel, which is opened.
    Channel(ChannelId),
}

/// Events of a [`Connection`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// Something of the engine's: candidates to be sent, the state, what was agreed on. Never a frame.
    Engine(EngineEvent),
    /// A relay lends no address. One that refused is asked no more unless it gets other credentials
    /// ([`Connection::set_ice_servers`]): those that there are may be wrong, or have run out. One that did not answer
    /// is asked for a while yet.
    NoRelay {
        /// The address of the server.
        server: SocketAddr,
        /// The code by which it refused (RFC 8489 section 14.8), 401 for a wrong or expired password; none
        /// where it did not answer.
        code: Option<u16>,
    },
    /// A relay is lost that lent an address. It is asked anew; credentials for a limited time may have to be
    /// renewed for that.
    RelayLost,
    /// The state of its path is another one. From [`PathState::Lost`] an ICE restart
    /// ([`Connection::restart_ice`]) finds another way, if there is one.
    Path(PathState),
    /// There are no sockets.
    NoSocket(NetError),
    /// Frames are refused. Each reason is told once, until media has another state or other terms.
    Refused(MediaError),
    /// Figures, from time to time once it is connected.
    Stats(MediaStats),
    /// So many events were not read in time, and lost.
    EventsLost(u64),
}

impl Connection {
    /// The name of its media, of which it has one.
    pub const MEDIA: MediaId = MediaId(1);

    /// A connection with nothing negotiated, which asks for its sockets at once. `now` is its first instant.
    ///
    /// Servers that cannot be used ([`IceServer::check`]) are left out.
    #[must_use]
    pub fn new(factory: Box<dyn EngineFactory>, config: EngineConfig, now: Instant) -> Self {
        let help = help(&config.ice_servers, config.relay_only);
        let seed = config.seed.child("connection");
        let mut peers = Peers::new(factory, seed.clone());
        let mut out = Outputs::new(now);
        let engine = peers.engine(now, config);
        let dscp = Some(CodePoint::SPEECH);
        let peer = peers.open(engine, Some(Self::MEDIA), FIGURES, dscp, &help, &mut out);
        // Servers may be told later.
        if !help.asks() {
            peer.ask(&help, &seed);
        }
        let udp = peer.udp();
        Self { out, peers, udp, help }
    }

    /// The engine, to be asked for tracks, terms and figures; none once it is closed.
    #[must_use]
    pub fn engine(&self) -> Option<&dyn Engine> {
        self.peers.get(self.udp).map(|peer| &*peer.engine)
    }

    /// The state of its media.
    #[must_use]
    pub fn state(&self) -> MediaState {
        self.engine().map_or(MediaState::Closed, Engine::state)
    }

    /// Makes an offer ([`Engine::create_offer`]).
    ///
    /// # Errors
    ///
    /// Those of the engine; [`MediaError::State`] once it is closed, here and below.
    pub fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        self.act(now, |engine, now| engine.create_offer(now, wishes))
    }

    /// Makes an offer that restarts ICE ([`Engine::restart_ice`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.act(now, |engine, now| engine.restart_ice(now))
    }

    /// Takes back our offer that waits for its answer ([`Engine::rollback`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.rollback(now))
    }

    /// Applies the answer to our offer ([`Engine::accept_answer`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.accept_answer(now, answer))
    }

    /// Applies an offer of the far side's ([`Engine::accept_offer`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.accept_offer(now, offer))
    }

    /// Makes the answer to the offer that was accepted ([`Engine::create_answer`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.act(now, |engine, now| engine.create_answer(now))
    }

    /// Takes a candidate of the far side's ([`Engine::add_remote_candidate`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn add_remote_candidate(
        &mut self,
        now: Instant,
        candidate: &str,
    ) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.add_remote_candidate(now, candidate))
    }

    /// Takes what the servers are now: new ones are asked, and those that have other credentials where they failed.
    /// An address that is lent stays as it is.
    ///
    /// Over UDP, a server may remember the first user name of an address of ours, as coturn does for a minute, and
    /// refuse another by 437: it is asked by a socket of its own then, which is another address (RFC 8656 section 7.4),
    /// and where that does not help, over TCP.
    ///
    /// # Errors
    ///
    /// None but that of a closed one.
    pub fn set_ice_servers(
        &mut self,
        now: Instant,
        servers: &[IceServer],
    ) -> Result<(), MediaError> {
        self.act(now, |_, _| Ok(()))?;
        self.help = help(servers, self.help.relay_only);
        let now = self.out.now();
        drop(self.peers.renew(now, &self.help));
        self.drain(None);
        Ok(())
    }

    /// Wants this direction for a track ([`Engine::set_direction`]).
    ///
    /// # Errors
    ///
    /// None but that of a closed one.
    pub fn set_direction(
        &mut self,
        now: Instant,
        track: Track,
        direction: Direction,
    ) -> Result<(), MediaError> {
        self.act(now, |engine, _| {
            engine.set_direction(track, direction);
            Ok(())
        })
    }

    /// Stops or resumes sending a track ([`Engine::set_muted`]).
    ///
    /// # Errors
    ///
    /// None but that of a closed one.
    pub fn set_muted(&mut self, now: Instant, track: Track, muted: bool) -> Result<(), MediaError> {
        self.act(now, |engine, _| {
            engine.set_muted(track, muted);
            Ok(())
        })
    }

    /// Sends keys ([`Engine::send_dtmf`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.send_dtmf(now, digits, duration))
    }

    /// Opens a data channel ([`Engine::open_channel`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn open_channel(&mut self, now: Instant, label: &str) -> Result<ChannelId, MediaError> {
        self.act(now, |engine, now| engine.open_channel(now, label))
    }

    /// Sends a message on a data channel ([`Engine::send_message`]).
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn send_message(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        self.act(now, |engine, now| engine.send_message(now, channel, message))
    }

    /// Says goodbye to the far side, gives back what relays lent, and closes the sockets. Once is enough.
    pub fn close(&mut self, now: Instant) {
        let closed = self.act(now, |engine, now| {
            engine.close(now);
            Ok(())
        });
        if closed.is_ok() {
            self.peers.close(self.udp, &mut self.out);
        }
    }

    /// Does something with the engine, and puts out what comes of it.
    fn act<T>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut dyn Engine, Instant) -> Result<T, MediaError>,
    ) -> Result<T, MediaError> {
        self.out.advance(now);
        let now = self.out.now();
        let peer = self.peers.get_mut(self.udp).ok_or(MediaError::State(MediaState::Closed))?;
        let done = act(&mut *peer.engine, now);
        self.drain(None);
        done
    }

    /// Tells all that there is to tell, from these news on.
    fn drain(&mut self, first: Option<PeerNews>) {
        let mut next = first;
        loop {
            let Some(peer) = self.peers.get_mut(self.udp) else { return };
            let Some(news) = next.take().or_else(|| peer.poll(&mut self.out)) else { return };
            let event = match news {
                PeerNews::Engine(event) => ConnectionEvent::Engine(event),
                PeerNews::Path(PathNews::Is(state)) => ConnectionEvent::Path(state),
                PeerNews::Path(PathNews::NoRelay { server, code }) => {
                    ConnectionEvent::NoRelay { server, code }
                }
                PeerNews::Path(PathNews::Stale) => ConnectionEvent::RelayLost,
                PeerNews::NoSocket(error) => ConnectionEvent::NoSocket(error),
                PeerNews::Refused(error) => ConnectionEvent::Refused(error),
                // Its engine tells of addresses, and has its media here.
                PeerNews::Path(PathNews::Cut | PathNews::Quiet | PathNews::Moved)
                | PeerNews::Order(_) => continue,
                PeerNews::Restless => {
                    let error = MediaError::Connection("the engine does not rest".to_owned());
                    self.tell(ConnectionEvent::Engine(EngineEvent::Failed(error)));
                    self.peers.close(self.udp, &mut self.out);
                    ConnectionEvent::Engine(EngineEvent::State(MediaState::Failed))
                }
            };
            self.tell(event);
        }
    }

    fn tell(&mut self, event: ConnectionEvent) {
        self.out.push(Output::Event(event));
    }

    fn take_input(&mut self, input: Input) -> Option<PeerNews> {
        match input {
            Input::Udp { id, event } => Some(self.peers.handle_udp(id, event, &mut self.out)?.1),
            Input::Stream { id, event } => {
                Some(self.peers.handle_stream(id, event, &mut self.out)?.1)
            }
            Input::Resolved { id, result } => {
                Some(self.peers.handle_resolved(id, result, &mut self.out)?.1)
            }
            Input::Frame { track: TrackId { media: Self::MEDIA, track }, frame } => {
                self.peers.get_mut(self.udp)?.send(track, &frame, &mut self.out)
            }
            Input::Frame { .. } | Input::Timeout | Input::WebSocket { .. } | Input::Http { .. } => {
                None
            }
        }
    }
}

/// The servers that are asked.
fn help(servers: &[IceServer], relay_only: bool) -> IceHelp {
    let usable = servers.iter().filter(|server| server.check().is_ok());
    IceHelp { servers: usable.cloned().collect(), relay_only, limit: GATHERING }
}

impl Machine for Connection {
    type Command = ConnectionCommand;
    type Event = ConnectionEvent;
    type Outcome = ConnectionOutcome;
    type Error = MediaError;

    fn submit(&mut self, now: Instant, command: Self::Command) -> Result<CommandId, MediaError> {
        use ConnectionCommand as C;
        use ConnectionOutcome::{Channel, Description, Done};
        let outcome = match command {
            C::CreateOffer(wishes) => Description(self.create_offer(now, &wishes)?),
            C::RestartIce => Description(self.restart_ice(now)?),
            C::Rollback => self.rollback(now).map(|()| Done)?,
            C::AcceptAnswer(answer) => self.accept_answer(now, &answer).map(|()| Done)?,
            C::AcceptOffer(offer) => self.accept_offer(now, &offer).map(|()| Done)?,
            C::CreateAnswer => Description(self.create_answer(now)?),
            C::AddRemoteCandidate(candidate) => {
                self.add_remote_candidate(now, &candidate).map(|()| Done)?
            }
            C::SetIceServers(servers) => self.set_ice_servers(now, &servers).map(|()| Done)?,
            C::SetDirection(track, direction) => {
                self.set_direction(now, track, direction).map(|()| Done)?
            }
            C::SetMuted(track, muted) => self.set_muted(now, track, muted).map(|()| Done)?,
            C::SendDtmf(digits, duration) => {
                self.send_dtmf(now, &digits, duration).map(|()| Done)?
            }
            C::OpenChannel(label) => Channel(self.open_channel(now, &label)?),
            C::SendMessage(channel, message) => {
                self.send_message(now, channel, &message).map(|()| Done)?
            }
            C::Close => {
                self.close(now);
                Done
            }
        };
        let command = CommandId(self.out.id());
        self.out.push(Output::Completed { command, result: Ok(outcome) });
        Ok(command)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.out.advance(now);
        let news = self.take_input(input);
        self.drain(news);
        let now = self.out.now();
        self.peers.handle_timeout(&mut self.out);
        let figures = self.peers.get_mut(self.udp).and_then(|peer| peer.handle_timeout(now));
        if let Some(figures) = figures {
            self.tell(ConnectionEvent::Stats(figures));
        }
        self.drain(None);
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        let wake = || {
            let media = self.peers.get(self.udp).and_then(Peer::next_wake);
            Wake::earliest(media, self.peers.next_wake())
        };
        self.out.pop().unwrap_or_else(|| Output::Timeout(wake()))
    }
}
