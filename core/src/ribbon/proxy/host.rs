//! The end that has the media of a client elsewhere, as a machine.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::frame::{self, Browser, Frame, Hello, Welcome};
use crate::machine::{
    CommandId, Input, Machine, MediaId, NameId, NetError, Output, OutputOf, Outputs, Seed,
    UdpEvent, UdpId, Wake,
};
use crate::media::{
    Agreement, EngineEvent, EngineFactory, IceHelp, MediaState, Order, PeerNews, Peers, Report,
    replica,
};
use crate::ribbon::VERSION;
use crate::ribbon::error::{Error, ProxyCode};
use crate::ribbon::outcome::Outcome;
use crate::ribbon::private::Private;

/// The media of calls at once; one more is refused.
const MAX_PEERS: usize = 64;
/// The interval of figures.
const FIGURES: Duration = Duration::from_secs(1);

/// Commands of a [`MediaHost`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HostCommand {
    /// A frame came on the channel: what an [`Event::ProxyFrame`](super::super::Event::ProxyFrame) of the client
    /// holds. One that cannot be read is left out, and counted ([`MediaHost::unread`]).
    Received(Private<String>),
    /// Ends the media of all calls.
    Close,
}

/// Events of a [`MediaHost`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HostEvent {
    /// A frame for the client, which takes it as
    /// [`Command::ProxyReceived`](super::super::Command::ProxyReceived). It may hold keys: keep it from logs.
    Frame(Private<String>),
    /// The client has come, and its calls may have their media here.
    Initialized,
    /// Media of a call begins. Its frames go by this name.
    Started {
        /// The media.
        media: MediaId,
    },
    /// Other terms are agreed on for its sound.
    Agreed {
        /// The media.
        media: MediaId,
        /// The terms.
        agreement: Agreement,
    },
    /// The state of media changed.
    State {
        /// The media.
        media: MediaId,
        /// The state.
        state: MediaState,
    },
    /// Media of a call is over.
    Ended {
        /// The media.
        media: MediaId,
    },
    /// So many events were not read in time, and lost.
    EventsLost(u64),
}

/// The media of a client that signals elsewhere ([`Command::SetProxyMode`](super::super::Command::SetProxyMode)).
///
/// A [`Machine`], which opens sockets and hands on frames as a client does by itself. It has to have the
/// version and the kind of engine that the client has. It does not see when the client is gone: whoever has the
/// channel ends its calls by [`HostCommand::Close`].
///
/// ```
/// # use std::time::Instant;
/// # use offhook::media::{Engine, EngineConfig, EngineFactory};
/// use offhook::ribbon::{HostCommand, HostEvent, MediaHost};
/// use offhook::{Machine, Output, Seed};
///
/// # struct NoMedia;
/// # impl EngineFactory for NoMedia {
/// #     fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> { unreachable!() }
/// # }
/// let now = Instant::now();
/// let mut host = MediaHost::new(Box::new(NoMedia), &Seed::from(1), now);
/// host.submit(now, HostCommand::Received("what is this?".to_owned().into())).unwrap();
/// assert_eq!(host.unread(), 1);
/// ```
#[derive(Debug)]
pub struct MediaHost {
    out: Outputs<HostEvent, Outcome, Error>,
    peers: Peers,
    /// Of the client's names.
    names: BTreeMap<UdpId, UdpId>,
    /// True once a client came that has the version and the kind of engine of this end.
    welcomed: bool,
    sent: u64,
    unread: u64,
}

impl MediaHost {
    /// A host without calls. `now` is its first instant.
    #[must_use]
    pub fn new(factory: Box<dyn EngineFactory>, seed: &Seed, now: Instant) -> Self {
        Self {
            out: Outputs::new(now),
            peers: Peers::new(factory, seed.child("media")),
            names: BTreeMap::new(),
            welcomed: false,
            sent: 0,
            unread: 0,
        }
    }

    /// Frames that could not be read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// The number of calls that have their media here.
    #[must_use]
    pub fn live(&self) -> usize {
        self.names.len()
    }

    fn frame(&mut self, frame: Option<String>) {
        if let Some(frame) = frame {
            self.out.push(Output::Event(HostEvent::Frame(frame.into())));
        }
    }

    fn report(&mut self, name: UdpId, report: &Report) {
        self.sent += 1;
        let frame = frame::report(self.sent, name, report);
        self.frame(frame);
    }

    fn receive(&mut self, text: &str) {
        match Frame::read(text) {
            Some(Frame::Hello { message, hello }) => self.welcome(&message, &hello),
            Some(Frame::Order { message, peer, order }) => {
                let silent = order.is_silent();
                let done = self.carry_out(peer, order);
                let at = self.out.now().saturating_duration_since(self.out.begun()).as_millis();
                let at = u64::try_from(at).unwrap_or(u64::MAX);
                if !silent {
                    let error = done.err().map(|replica::NoOrder(why)| why);
                    self.frame(frame::done(&message, error, at));
                }
            }
            Some(Frame::Welcome { .. } | Frame::Done { .. } | Frame::Report { .. }) | None => {
                self.unread += 1;
            }
        }
    }

    /// A client comes, or comes again: whatever it had before is over.
    fn welcome(&mut self, message: &Value, hello: &Hello) {
        self.close_all();
        let engine = self.peers.engine_name();
        let now = self.out.now();
        let certificate = self.peers.certificate(now);
        let error = if hello.version != VERSION {
            Some("another version".to_owned())
        } else if hello.engine.as_deref() != engine {
            Some("another kind of engine".to_owned())
        } else {
            certificate.as_ref().err().map(ToString::to_string)
        };
        let welcome = Welcome {
            initialized: error.is_none(),
            browser: Some(Browser {
                name: "offhook".to_owned(),
                version: VERSION.to_owned(),
                engine: engine.map(str::to_owned),
            }),
            remote_version: Some(VERSION.to_owned()),
            fingerprint: certificate.ok().map(|certificate| certificate.as_str().to_owned()),
            error,
        };
        self.welcomed = welcome.initialized;
        self.frame(frame::welcome(message, &welcome));
        if welcome.initialized {
            self.out.push(Output::Event(HostEvent::Initialized));
        }
    }

    fn carry_out(&mut self, name: UdpId, order: Order) -> Result<(), replica::NoOrder> {
        if !self.welcomed {
            return Err(replica::NoOrder("not initialized"));
        }
        let now = self.out.now();
        if let Some(config) = replica::settings(&order)? {
            if self.names.contains_key(&name) {
                return Err(replica::NoOrder("a second engine of one name"));
            }
            if self.names.len() >= MAX_PEERS {
                return Err(replica::NoOrder("too many calls"));
            }
            let engine = self.peers.engine(now, config);
            let peer =
                self.peers.open(engine, None, FIGURES, None, &IceHelp::default(), &mut self.out);
            let (udp, media) = (peer.udp(), peer.media);
            self.names.insert(name, udp);
            self.out.push(Output::Event(HostEvent::Started { media }));
            return Ok(());
        }
        let known = self.names.get(&name).copied();
        let Some(udp) = known else { return Err(replica::NoOrder("no such call")) };
        let last = replica::is_last(&order);
        let Some(peer) = self.peers.get_mut(udp) else {
            return Err(replica::NoOrder("no such call"));
        };
        let done = replica::carry_out(order, &mut *peer.engine, now);
        self.drain(name, udp);
        if last {
            self.close(name);
        }
        done
    }

    /// Tells all that a peer has to tell.
    fn drain(&mut self, name: UdpId, udp: UdpId) {
        while let Some(peer) = self.peers.get_mut(udp) {
            let media = peer.media;
            match peer.poll(&mut self.out) {
                None => return,
                Some(PeerNews::Engine(event)) => self.tell(name, media, event),
                Some(PeerNews::Restless) => {
                    let state = EngineEvent::State(MediaState::Failed);
                    self.tell(name, media, state);
                    self.close(name);
                }
                // It negotiates for nobody, opens no sockets by itself, and a frame more or less is no news.
                Some(
                    PeerNews::Order(_)
                    | PeerNews::NoSocket(_)
                    | PeerNews::Refused(_)
                    | PeerNews::Path(_),
                ) => {}
            }
        }
    }

    fn tell(&mut self, name: UdpId, media: MediaId, event: EngineEvent) {
        if let Some(report) = replica::report(&event) {
            self.report(name, &report);
        }
        if let EngineEvent::State(state) = event {
            self.out.push(Output::Event(HostEvent::State { media, state }));
        } else if let EngineEvent::Agreed(agreement) = event {
            self.out.push(Output::Event(HostEvent::Agreed { media, agreement }));
        }
    }

    fn close(&mut self, name: UdpId) {
        let Some(udp) = self.names.remove(&name) else { return };
        let now = self.out.now();
        if let Some(peer) = self.peers.get_mut(udp) {
            let media = peer.media;
            peer.engine.close(now);
            while !matches!(peer.poll(&mut self.out), None | Some(PeerNews::Restless)) {}
            self.out.push(Output::Event(HostEvent::Ended { media }));
        }
        self.peers.close(udp, &mut self.out);
    }

    fn close_all(&mut self) {
        let names: Vec<_> = self.names.keys().copied().collect();
        names.into_iter().for_each(|name| self.close(name));
    }

    fn name_of(&self, udp: UdpId) -> Option<UdpId> {
        self.names.iter().find(|(_, own)| **own == udp).map(|(name, _)| *name)
    }

    fn handle_udp(&mut self, udp: UdpId, event: UdpEvent) {
        let Some(name) = self.name_of(udp) else { return };
        let Some(peer) = self.peers.get_mut(udp) else { return };
        match Report::of_sockets(&event) {
            // The engine hears of addresses from its twin, in the order in which that one does.
            Some(report) => {
                if let UdpEvent::Opened { .. } = event {
                    peer.sockets_opened();
                }
                self.report(name, &report);
            }
            None => {
                let media = peer.media;
                if let Some(PeerNews::Engine(event)) = peer.handle_udp(event, &mut self.out) {
                    self.tell(name, media, event);
                }
                self.drain(name, udp);
            }
        }
    }

    fn handle_resolved(&mut self, id: NameId, result: Result<Vec<IpAddr>, NetError>) {
        let Some((udp, news)) = self.peers.handle_resolved(id, result, &mut self.out) else {
            return;
        };
        let Some(name) = self.name_of(udp) else { return };
        if let (PeerNews::Engine(event), Some(peer)) = (news, self.peers.get(udp)) {
            let media = peer.media;
            self.tell(name, media, event);
        }
        self.drain(name, udp);
    }

    fn handle_time(&mut self) {
        let now = self.out.now();
        let names: Vec<_> = self.names.iter().map(|(name, udp)| (*name, *udp)).collect();
        for (name, udp) in names {
            let Some(peer) = self.peers.get_mut(udp) else { continue };
            if let Some(figures) = peer.handle_timeout(now) {
                self.report(name, &Report::figures(figures));
            }
            self.drain(name, udp);
        }
    }
}

impl Machine for MediaHost {
    type Command = HostCommand;
    type Event = HostEvent;
    type Outcome = Outcome;
    type Error = Error;

    fn submit(&mut self, now: Instant, command: HostCommand) -> Result<CommandId, Error> {
        if let HostCommand::Received(text) = &command
            && text.len() > frame::MAX_FRAME
        {
            return Err(Error::new(ProxyCode::InvalidParam, "a frame of over 64 KiB"));
        }
        self.out.advance(now);
        let command_id = CommandId(self.out.id());
        match command {
            HostCommand::Received(text) => self.receive(&text),
            HostCommand::Close => self.close_all(),
        }
        self.out.push(Output::Completed { command: command_id, result: Ok(Outcome::Done) });
        Ok(command_id)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        self.out.advance(now);
        match input {
            Input::Udp { id, event } => self.handle_udp(id, event),
            Input::Frame { track, frame } => {
                if let Some(peer) = self.peers.sender(track) {
                    let udp = peer.udp();
                    // The client is told of what comes of it; a frame that is refused is none of its business.
                    drop(peer.send(track.track, &frame, &mut self.out));
                    if let Some(name) = self.name_of(udp) {
                        self.drain(name, udp);
                    }
                }
            }
            Input::Resolved { id, result } => self.handle_resolved(id, result),
            Input::Timeout
            | Input::WebSocket { .. }
            | Input::Http { .. }
            | Input::Stream { .. } => {}
        }
        self.handle_time();
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        self.out.pop().unwrap_or_else(|| {
            let wakes = self.peers.all().filter_map(|peer| peer.next_wake());
            Output::Timeout(wakes.min_by_key(|wake: &Wake| wake.at))
        })
    }
}
