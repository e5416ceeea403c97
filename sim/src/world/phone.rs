//! One phone: a client, what runs on it, and the site it stands at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use offhook::machine::{
    HttpId, Input as ClientInput, OutputOf, StreamEvent, StreamId, UdpId, WsId,
};

use super::alarm::Alarm;
use super::application::Application;
use super::nat::{Nat, NatKind};
use super::network::{Conditions, Pipe};
use super::pair::Pair;
use super::weather::{NoticeWeather, RestWeather};
use crate::service::{ConnId, StreamInput};

/// The time that a network address translator remembers an idle mapping, unless told otherwise.
pub(super) const NAT_TIMEOUT: Duration = Duration::from_secs(60);
/// The most messages that wait for a sleeping phone or a mended wire; more are lost.
pub(super) const MAX_WAITING: usize = 10_000;

/// A client, what runs on it, and the site it stands at.
pub(super) struct Phone<P: Pair> {
    pub(super) client: P::Client,
    pub(super) app: Option<Box<dyn Application<P>>>,
    pub(super) user: String,
    pub(super) outputs: VecDeque<OutputOf<P::Client>>,
    pub(super) alarm: Alarm,
    pub(super) app_alarm: Alarm,
    pub(super) site: Site,
    /// The inputs that wait for it while it sleeps.
    pub(super) asleep: Option<Vec<ClientInput>>,
    pub(super) sockets: BTreeMap<WsId, Socket>,
    pub(super) streams: BTreeMap<StreamId, Socket>,
    pub(super) exchanges: BTreeMap<HttpId, Exchange>,
    pub(super) udp: BTreeMap<SocketAddr, UdpId>,
    /// Sockets that stay at the address that they were bound to.
    pub(super) fixed: BTreeSet<UdpId>,
    /// The reason for which its client is to be woken.
    pub(super) reason: &'static str,
    /// The notes of what its client was asked for and has told.
    pub(super) notes: P::Notes,
    /// The trouble to come, and how soon, when somebody presses a key.
    pub(super) amid: Option<(Duration, u64)>,
}

/// A WebSocket or a stream of bytes, as the network sees it.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) conn: ConnId,
    pub(super) opened: bool,
    /// Nothing passes any more, and neither side knows.
    pub(super) dead: bool,
    /// The time at which what was sent so far arrives, so that nothing overtakes it.
    pub(super) up_at: Duration,
    pub(super) down_at: Duration,
}

/// An HTTP exchange that is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// The service does what is asked, but its answer gets lost.
    pub(super) answer_lost: bool,
}

/// The site of a phone: its way to the service.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) conditions: Conditions,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    pub(super) nat: Nat,
    pub(super) inside: IpAddr,
    pub(super) outside: IpAddr,
    pub(super) next_port: u16,
    /// The number of times that it got new addresses.
    pub(super) moves: u8,
    /// Nothing passes; since when, and what waits on streams.
    pub(super) cut: Option<Cut>,
    pub(super) rest: RestWeather,
    pub(super) notices: NoticeWeather,
    /// True if its runtime follows its addresses.
    pub(super) watches: bool,
}

#[derive(Debug)]
pub(super) struct Cut {
    pub(super) since: Duration,
    pub(super) waiting: Vec<Letter>,
}

/// A message that waits on a cut wire.
#[derive(Debug)]
pub(super) enum Letter {
    Up { ws: Option<WsId>, size: usize, input: crate::service::Input },
    Down { ws: Option<WsId>, size: usize, input: ClientInput },
    StreamUp { id: StreamId, conn: ConnId, event: StreamInput },
    StreamDown { id: StreamId, event: StreamEvent },
}

impl<P: Pair> Phone<P> {
    pub(super) fn new(
        client: P::Client,
        app: Box<dyn Application<P>>,
        user: String,
        site: Site,
    ) -> Self {
        Self {
            client,
            app: Some(app),
            user,
            outputs: VecDeque::new(),
            alarm: Alarm::default(),
            app_alarm: Alarm::default(),
            site,
            asleep: None,
            sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            udp: BTreeMap::new(),
            fixed: BTreeSet::new(),
            reason: "",
            notes: P::Notes::default(),
            amid: None,
        }
    }
}

impl Site {
    pub(super) fn new(number: usize, conditions: Conditions, nat: NatKind) -> Self {
        let inside = address(10, number);
        let outside = if nat == NatKind::Open { inside } else { address(100, number) };
        Self {
            conditions,
            up: Pipe::default(),
            down: Pipe::default(),
            nat: Nat::new(nat, NAT_TIMEOUT, outside),
            inside,
            outside,
            next_port: 4000,
            moves: 0,
            cut: None,
            rest: RestWeather::default(),
            notices: NoticeWeather::default(),
            watches: false,
        }
    }

    pub(super) fn bind(&mut self) -> SocketAddr {
        self.next_port = self.next_port.checked_add(1).unwrap_or(4000);
        SocketAddr::new(self.inside, self.next_port)
    }
}

/// The address of a phone in a network that begins so.
pub(super) fn address(first: u8, number: usize) -> IpAddr {
    let [.., b, c, d] = (number as u32 + 1).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(first, b, c, d))
}

impl<P: Pair> std::fmt::Debug for Phone<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone")
            .field("user", &self.user)
            .field("site", &self.site)
            .field("asleep", &self.asleep.is_some())
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}
