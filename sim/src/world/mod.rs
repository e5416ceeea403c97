//! A whole contact centre in virtual time: clients, what runs on them, a model service, and the
//! network between them, from one seed. It knows neither client nor service: a [`Pair`] does.
//!
//! Every machine is driven as a runtime drives it, and woken exactly when it asked to be. The
//! same scenario and seed give the same run, to the byte: [`World::digest`] is the fingerprint of
//! all that went into and came out of the machines.

mod alarm;
mod application;
mod counts;
mod digest;
mod drive;
mod media;
mod meter;
mod nat;
mod network;
mod pair;
mod phone;
mod phone_id;
mod picture;
mod queue;
mod relay;
mod seen;
mod story;
mod stranger;
mod streams;
mod trouble;
mod voice;
mod weather;
mod wires;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::machine::{HttpId, Input as ClientInput, NetError, StreamId, UdpId, WsId};
use offhook::media::{EngineFactory, IceServer, WebRtcFactory};
use serde_json::Value;

pub use crate::dice::Dice;
use crate::service::{ConnId, FarMedia, Input as ServiceInput, RequestId, StreamInput};
pub use crate::services::Genesys;

use self::alarm::Alarm;
pub use self::application::{Application, Keys, Moment};
pub use self::counts::Counts;
use self::digest::Digest;
use self::media::GatewayFactory;
pub use self::media::ModelFactory;
use self::meter::Meter;
pub use self::meter::Spent;
pub use self::nat::NatKind;
pub use self::network::{Bursts, Conditions};
pub use self::pair::{
    ClientParts, CommandOf, ErrorOf, EventOf, OutcomeOf, Pair, ResultOf, ServiceParts, Text,
};
use self::phone::{Phone, Site};
pub use self::phone_id::PhoneId;
pub(crate) use self::picture::{picture, picture_number};
use self::queue::Queue;
use self::relay::Relay;
pub use self::seen::{Observer, Seen};
pub use self::story::{Line, Story};
pub(crate) use self::voice::{STEP, Voice, frame_number};
pub use self::weather::{NoticeWeather, RestWeather};

/// The wall clock when a run begins: a Monday morning.
const MONDAY: u64 = 1_795_420_800_000;
/// Wake-ups of one machine at one instant; one more and it turns in circles.
const MAX_TURNS: u32 = 1000;

/// The share of the media that is real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// The model engine: no cryptography, thousands of calls.
    #[default]
    Signaling,
    /// The real engine: ICE, DTLS and SRTP in virtual time.
    ///
    /// Its keys, certificates and signatures are drawn by the cryptographic library, so the bytes
    /// of datagrams and the fingerprints differ between runs, and the size of a handshake by some
    /// bytes. The digest leaves those out, and on its way a handshake has one size.
    Full,
}

impl Fidelity {
    fn factory(self) -> Box<dyn EngineFactory> {
        match self {
            Self::Signaling => Box::new(ModelFactory),
            Self::Full => Box::new(WebRtcFactory::deterministic()),
        }
    }

    fn far_media(self) -> Box<dyn FarMedia> {
        match self {
            Self::Signaling => Box::new(ModelFactory),
            Self::Full => Box::new(GatewayFactory),
        }
    }
}

/// Something that will happen.
#[derive(Debug)]
enum Happening {
    ToPhone {
        phone: PhoneId,
        ws: Option<WsId>,
        input: ClientInput,
    },
    ToService(ServiceInput),
    Up {
        phone: PhoneId,
        ws: Option<WsId>,
        size: usize,
        input: ServiceInput,
    },
    Answer {
        phone: PhoneId,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
    },
    /// The words of somebody who has nothing to do with it.
    Stranger {
        phone: PhoneId,
        ws: WsId,
        text: String,
    },
    /// A message that was overtaken.
    Late {
        phone: PhoneId,
        ws: WsId,
        text: String,
    },
    WakePhone(PhoneId),
    WakeApp(PhoneId),
    WakeService,
    HttpDeadline {
        phone: PhoneId,
        id: HttpId,
    },
    OpenDeadline {
        phone: PhoneId,
        ws: WsId,
    },
    StreamUp {
        conn: ConnId,
        event: StreamInput,
    },
    /// A datagram comes to the relay.
    ToRelay {
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    },
    StreamDeadline {
        phone: PhoneId,
        id: StreamId,
    },
    Resume(PhoneId),
    Mend(PhoneId),
    /// Something that belongs to whoever drives the world.
    Errand(u64),
}

/// A contact centre. See the [module](self).
pub struct World<O = (), P: Pair = Genesys> {
    start: Instant,
    now: Duration,
    fidelity: Fidelity,
    queue: Queue<Happening>,
    dice: Dice,
    seed: Seed,
    service: P::Service,
    service_alarm: Alarm,
    service_udp: BTreeMap<SocketAddr, UdpId>,
    service_port: u16,
    service_streams: BTreeSet<ConnId>,
    relay: Option<Relay>,
    /// The addresses of hosts, by their names in lower case.
    names: BTreeMap<String, Vec<std::net::IpAddr>>,
    phones: Vec<Phone<P>>,
    by_address: BTreeMap<std::net::IpAddr, PhoneId>,
    requests: u64,
    answers: BTreeMap<RequestId, (u16, Value)>,
    errands: VecDeque<u64>,
    observer: O,
    digest: Digest,
    counts: Counts,
    story: Option<Story>,
    turns: (Duration, u32),
    happened: u64,
    delivered: u64,
    meter: Meter,
}

impl<O: Observer<P>, P: Pair> World<O, P> {
    /// An empty world: a service with nobody in it. All that applications see and do is shown to
    /// the observer.
    #[must_use]
    pub fn empty(seed: u64, fidelity: Fidelity, observer: O) -> Self {
        let start = Instant::now();
        let seed = Seed::from(seed);
        let service = P::service(ServiceParts {
            seed: seed.child("cloud"),
            unix_ms: MONDAY,
            address: SERVICE,
            media: fidelity.far_media(),
            now: start,
        });
        Self {
            start,
            now: Duration::ZERO,
            fidelity,
            queue: Queue::default(),
            dice: Dice::new(&seed, "network"),
            service,
            service_alarm: Alarm::default(),
            service_udp: BTreeMap::new(),
            service_port: 1024,
            service_streams: BTreeSet::new(),
            relay: None,
            names: BTreeMap::new(),
            phones: Vec::new(),
            by_address: BTreeMap::new(),
            requests: 0,
            answers: BTreeMap::new(),
            errands: VecDeque::new(),
            observer,
            digest: Digest::default(),
            counts: Counts::default(),
            story: None,
            turns: (Duration::ZERO, 0),
            happened: 0,
            delivered: 0,
            meter: Meter::default(),
            seed,
        }
    }

    /// Whoever is shown everything.
    #[must_use]
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Whoever is shown everything, to be asked.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Keeps the last so many lines of what happens.
    pub fn tell(&mut self, lines: usize) {
        self.story = Some(Story::new(lines));
    }

    /// Hands every line of what happens to somebody else, who may be slower than the world.
    pub fn tell_to(&mut self, listener: std::sync::mpsc::SyncSender<Line>) {
        self.story = Some(Story::told_to(listener));
    }

    /// The story of what happened, as far as it was kept.
    #[must_use]
    pub fn story(&self) -> Option<&Story> {
        self.story.as_ref()
    }

    /// Puts a phone on a user's desk, with a client of the service and a program on it.
    pub fn install(
        &mut self,
        user: &str,
        app: Box<dyn Application<P>>,
        make: impl FnOnce(ClientParts) -> P::Client,
    ) -> PhoneId {
        let number = self.phones.len();
        let client = make(ClientParts {
            seed: self.seed.child(&format!("phone {number}")),
            unix_ms: MONDAY + self.now.as_millis() as u64,
            media: self.fidelity.factory(),
            now: self.start + self.now,
        });
        let site = Site::new(number, Conditions::good(), NatKind::Open);
        self.by_address.insert(site.outside, PhoneId(number));
        self.phones.push(Phone::new(client, app, user.to_owned(), site));
        let phone = PhoneId(number);
        self.moment(phone, Moment::Start);
        self.serve_phone(phone);
        phone
    }

    /// Puts a relay into the world: what clients know it by.
    pub fn set_relay(&mut self) -> IceServer {
        self.relay.get_or_insert_with(Relay::new);
        IceServer::turn(Relay::uri(), relay::USER.0, relay::USER.1)
    }

    /// The number of clients that have an address of the relay's, and are behind no translator of addresses: what one
    /// forgot nobody can give back.
    #[must_use]
    pub fn relayed(&self) -> usize {
        let open: BTreeSet<_> = self.phones.iter().map(|phone| phone.site.inside).collect();
        self.relay.as_ref().map_or(0, |relay| relay.clients(&open))
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &P::Service {
        &self.service
    }

    /// The service, to be changed from outside of the network.
    pub fn service_mut(&mut self) -> &mut P::Service {
        &mut self.service
    }

    /// Time since the run began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The fingerprint of the run so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// Counts of what happened.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Counts something.
    pub fn count(&mut self, what: &'static str) {
        self.counts.add(what);
    }

    /// The number of things that happened: the measure of a run's work.
    #[must_use]
    pub fn happenings(&self) -> u64 {
        self.happened
    }

    /// The number of messages that arrived: frames, requests, answers and datagrams.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.delivered
    }

    /// From now on, measures where the time goes. It makes no difference to a run but that it
    /// takes longer.
    pub fn measure(&mut self) {
        self.meter = Meter(Some(Spent::default()));
    }

    /// The time spent by purpose, if that was measured.
    #[must_use]
    pub fn spent(&self) -> Option<Spent> {
        self.meter.0
    }

    /// All phones.
    pub fn phones(&self) -> impl Iterator<Item = PhoneId> + use<O, P> {
        (0..self.phones.len()).map(PhoneId)
    }

    /// The user whose phone it is.
    #[must_use]
    pub fn user_of(&self, phone: PhoneId) -> &str {
        &self.phones[phone.0].user
    }

    /// The client on a phone.
    #[must_use]
    pub fn client(&self, phone: PhoneId) -> &P::Client {
        &self.phones[phone.0].client
    }

    /// The number of WebSockets, streams and media sockets that a phone's client has open.
    #[must_use]
    pub fn open_sockets(&self, phone: PhoneId) -> usize {
        let phone = &self.phones[phone.0];
        phone.sockets.len() + phone.streams.len() + phone.udp.len()
    }

    /// The timer that a phone's client waits for.
    pub fn timer(&mut self, phone: PhoneId) -> Option<&'static str> {
        use offhook::Machine as _;
        match self.phones[phone.0].client.poll_output() {
            offhook::Output::Timeout(wake) => wake.map(|wake| wake.reason),
            _ => None,
        }
    }

    /// Takes a phone's application away: nobody presses its keys any more.
    pub fn dismiss(&mut self, phone: PhoneId) {
        self.phones[phone.0].app = None;
    }

    /// Asks for an errand: [`World::run`] comes back with its number at that time.
    pub fn errand(&mut self, at: Duration, number: u64) {
        self.queue.push(at, Happening::Errand(number));
    }

    /// Asks for an errand so long after somebody presses a key of a phone the next time.
    pub fn errand_amid(&mut self, phone: PhoneId, delay: Duration, number: u64) {
        self.phones[phone.0].amid = Some((delay, number));
    }

    /// A request to the service's control API, answered at once: status and body.
    ///
    /// # Panics
    ///
    /// When the path cannot be part of a URI, or the request is one that waits.
    pub fn control(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.requests += 1;
        let id = RequestId(u64::MAX - self.requests);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/control/{path}"))
            .body(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() })
            .expect("a path of the control API");
        self.feed_service(ServiceInput::Request { id, request });
        self.answers.remove(&id).expect("control requests are answered at once")
    }

    /// Runs until then, or until an errand; which one.
    pub fn run(&mut self, until: Duration) -> Option<u64> {
        loop {
            if let Some(errand) = self.errands.pop_front() {
                return Some(errand);
            }
            match self.queue.next_at() {
                _ if self.observer.has_enough() => return None,
                Some(at) if at <= until => self.step(),
                _ => {
                    self.now = self.now.max(until);
                    return None;
                }
            }
        }
    }
}

/// The address of the service.
const SERVICE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

impl<O, P: Pair> std::fmt::Debug for World<O, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("phones", &self.phones.len())
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
