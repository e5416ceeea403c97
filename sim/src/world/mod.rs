//! A whole contact centre in virtual time: clients, what runs on them, the model cloud, and the
//! network between them, from one seed.
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
mod phone;
mod phone_id;
mod queue;
mod story;
mod stranger;
mod trouble;
mod voice;
mod weather;
mod wires;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::{Client, Config};
use offhook::machine::{HttpId, Input as ClientInput, NetError, UdpId, WsId};
use offhook::media::{EngineFactory, WebRtcFactory};
use serde_json::{Value, json};

use crate::cloud::{Cloud, CloudConfig, Silence};
use crate::dice::Dice;
use crate::service::{FarMedia, Input as CloudInput, RequestId};

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
use self::phone::{Phone, Site};
pub use self::phone_id::PhoneId;
use self::queue::Queue;
pub use self::story::{Line, Story};
pub(crate) use self::voice::{STEP, Voice, frame_number};
pub use self::weather::{NoticeWeather, RestWeather};

/// The domain of every simulated organisation.
const DOMAIN: &str = "lab.test";
/// The wall clock when a run begins: a Monday morning.
const MONDAY: u64 = 1_795_420_800_000;
/// Wake-ups of one machine at one instant; one more and it turns in circles.
const MAX_TURNS: u32 = 1000;

/// How much of the media is real.
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
    ToCloud(CloudInput),
    Up {
        phone: PhoneId,
        ws: Option<WsId>,
        size: usize,
        input: CloudInput,
    },
    Answer {
        phone: PhoneId,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
    },
    /// What somebody says who has nothing to do with it.
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
    WakeCloud,
    HttpDeadline {
        phone: PhoneId,
        id: HttpId,
    },
    OpenDeadline {
        phone: PhoneId,
        ws: WsId,
    },
    Resume(PhoneId),
    Mend(PhoneId),
    /// Something that belongs to whoever drives the world.
    Errand(u64),
}

/// What an observer of a world is shown.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Seen<'a> {
    /// A client told its application something.
    Told {
        /// On which phone.
        phone: PhoneId,
        /// What.
        event: &'a offhook::genesys::Event,
    },
    /// An application pressed a key, and the client took it.
    Submitted {
        /// On which phone.
        phone: PhoneId,
        /// The name of its completion.
        id: offhook::machine::CommandId,
        /// What it asked for.
        command: &'a offhook::genesys::Command,
    },
    /// A command is over.
    Completed {
        /// On which phone.
        phone: PhoneId,
        /// Which one.
        id: offhook::machine::CommandId,
        /// How it ended.
        result: &'a Result<offhook::genesys::Outcome, offhook::genesys::Error>,
    },
    /// An application spoke into a session.
    AgentSpoke {
        /// On which phone.
        phone: PhoneId,
        /// Into which session's audio.
        media: offhook::machine::MediaId,
        /// What.
        frame: &'a offhook::media::AudioFrame,
    },
    /// A session's far side was heard.
    AgentHeard {
        /// On which phone.
        phone: PhoneId,
        /// From which session's audio.
        media: offhook::machine::MediaId,
        /// What.
        frame: &'a offhook::media::AudioFrame,
    },
    /// A customer spoke.
    CustomerSpoke {
        /// On which conversation.
        conversation: &'a str,
        /// What.
        frame: &'a offhook::media::AudioFrame,
    },
    /// A customer pressed keys.
    CustomerPressed {
        /// On which conversation.
        conversation: &'a str,
        /// Which.
        digits: &'a [offhook::media::Digit],
    },
    /// A customer heard the agent.
    CustomerHeard {
        /// On which conversation.
        conversation: &'a str,
        /// What.
        frame: &'a offhook::media::AudioFrame,
    },
    /// A client has taken a message, and all that follows from it was told.
    Received {
        /// On which phone.
        phone: PhoneId,
        /// The message.
        text: &'a str,
    },
    /// A client is woken because it asked to be.
    Woken {
        /// On which phone.
        phone: PhoneId,
        /// What for.
        reason: &'a str,
        /// Whether it has a connection, or makes one.
        wired: bool,
    },
    /// A phone sleeps from now on.
    Slept {
        /// Which phone.
        phone: PhoneId,
    },
    /// A phone that slept goes on.
    Resumed {
        /// Which phone.
        phone: PhoneId,
    },
    /// How the service has the agent's part in a call whose change it has just confirmed.
    Stands {
        /// To which phone.
        phone: PhoneId,
        /// Of which call.
        conversation: &'a offhook::genesys::ConversationId,
        /// Whether the agent is muted.
        muted: bool,
        /// Whether the call is held.
        held: bool,
    },
    /// A machine did what no machine may do.
    Wrong {
        /// What.
        what: &'a str,
    },
}

/// Something that looks at all that applications see and do.
pub trait Observer {
    /// One thing happened.
    fn see(&mut self, at: Duration, seen: Seen<'_>);

    /// Whether it has seen enough: [`World::run`] goes no further then.
    fn has_enough(&self) -> bool {
        false
    }
}

/// An observer of nothing.
impl Observer for () {
    fn see(&mut self, _: Duration, _: Seen<'_>) {}
}

/// A contact centre. See the [module](self).
pub struct World<O = ()> {
    start: Instant,
    now: Duration,
    fidelity: Fidelity,
    queue: Queue<Happening>,
    dice: Dice,
    seed: Seed,
    cloud: Cloud,
    cloud_alarm: Alarm,
    cloud_udp: BTreeMap<SocketAddr, UdpId>,
    cloud_port: u16,
    phones: Vec<Phone>,
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

impl<O: Observer> World<O> {
    /// An empty world: a cloud with nobody in it. All that applications see and do is shown to
    /// the observer.
    #[must_use]
    pub fn new(seed: u64, fidelity: Fidelity, observer: O) -> Self {
        let start = Instant::now();
        let seed = Seed::from(seed);
        let mut config = CloudConfig::new(0, MONDAY);
        config.seed = seed.child("cloud");
        config.public_ip = CLOUD;
        Self {
            start,
            now: Duration::ZERO,
            fidelity,
            queue: Queue::default(),
            dice: Dice::new(&seed, "network"),
            cloud: Cloud::new(config, fidelity.far_media(), start),
            cloud_alarm: Alarm::default(),
            cloud_udp: BTreeMap::new(),
            cloud_port: 1024,
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

    /// What was kept of what happened.
    #[must_use]
    pub fn story(&self) -> Option<&Story> {
        self.story.as_ref()
    }

    /// Makes a user of the service. `station` as the control API has it.
    pub fn add_user(&mut self, id: &str, token: &str, station: &Value) {
        let body = json!({"userId": id, "name": id, "token": token, "station": station});
        self.control("POST", "users", &body);
    }

    /// Puts a phone on a user's desk, with a program on it. `change` adjusts its settings.
    ///
    /// # Panics
    ///
    /// When the settings can never work.
    pub fn add_phone(
        &mut self,
        user: &str,
        token: &str,
        app: Box<dyn Application>,
        change: impl FnOnce(&mut Config),
    ) -> PhoneId {
        let number = self.phones.len();
        let mut config = Config::agent(DOMAIN, token);
        config.unix_ms = Some(MONDAY + self.now.as_millis() as u64);
        change(&mut config);
        let seed = self.seed.child(&format!("phone {number}"));
        let client = Client::new(config, self.fidelity.factory(), seed, self.start + self.now);
        let site = Site::new(number, Conditions::good(), NatKind::Open);
        self.by_address.insert(site.outside, PhoneId(number));
        self.phones.push(Phone {
            client: client.expect("settings that can work"),
            app: Some(app),
            user: user.to_owned(),
            outputs: VecDeque::new(),
            alarm: Alarm::default(),
            app_alarm: Alarm::default(),
            site,
            asleep: None,
            sockets: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            udp: BTreeMap::new(),
            sessions: BTreeSet::new(),
            reason: "",
            changing: BTreeMap::new(),
            amid: None,
        });
        let phone = PhoneId(number);
        self.moment(phone, Moment::Start);
        self.serve_phone(phone);
        phone
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

    /// What happened how often.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Counts something.
    pub fn count(&mut self, what: &'static str) {
        self.counts.add(what);
    }

    /// The signals that the service leaves out from now on, because others say the same.
    pub fn set_silences(&mut self, silences: BTreeSet<Silence>) {
        self.cloud.set_silences(silences);
    }

    /// How often each signal was left out.
    pub fn kept_silent(&self) -> impl Iterator<Item = (Silence, u64)> {
        self.cloud.kept_silent()
    }

    /// How many things happened: the measure of a run's work.
    #[must_use]
    pub fn happenings(&self) -> u64 {
        self.happened
    }

    /// How many messages arrived: frames, requests, answers and datagrams.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.delivered
    }

    /// From now on, measures where the time goes. It makes no difference to a run but that it
    /// takes longer.
    pub fn measure(&mut self) {
        self.meter = Meter(Some(Spent::default()));
    }

    /// Where the time went, if that was measured.
    #[must_use]
    pub fn spent(&self) -> Option<Spent> {
        self.meter.0
    }

    /// All phones.
    pub fn phones(&self) -> impl Iterator<Item = PhoneId> + use<O> {
        (0..self.phones.len()).map(PhoneId)
    }

    /// Whose phone it is.
    #[must_use]
    pub fn user_of(&self, phone: PhoneId) -> &str {
        &self.phones[phone.0].user
    }

    /// The client on a phone.
    #[must_use]
    pub fn client(&self, phone: PhoneId) -> &Client {
        &self.phones[phone.0].client
    }

    /// How many WebSockets and media sockets a phone's client has open.
    #[must_use]
    pub fn open_sockets(&self, phone: PhoneId) -> usize {
        let phone = &self.phones[phone.0];
        phone.sockets.len() + phone.udp.len()
    }

    /// What a phone's client waits for.
    pub fn timer(&mut self, phone: PhoneId) -> Option<&'static str> {
        use offhook::Machine as _;
        match self.phones[phone.0].client.poll_output() {
            offhook::Output::Timeout(wake) => wake.map(|wake| wake.reason),
            _ => None,
        }
    }

    /// How often far ends and notifications did what.
    pub fn untidiness(&self) -> impl Iterator<Item = (crate::cloud::Habit, u64)> + '_ {
        self.cloud.untidiness()
    }

    /// How a conversation's far end is to speak. None while it has no media.
    #[must_use]
    pub fn far_voice(&self, conversation: &str) -> Option<crate::cloud::FarVoice> {
        self.cloud.far_voice(conversation)
    }

    /// The user's conversations as the service has them, those that are not over.
    #[must_use]
    pub fn conversations(&self, user: &str) -> Vec<Value> {
        self.cloud.conversations(user)
    }

    /// Takes a phone's application away: nobody presses its keys any more.
    pub fn dismiss(&mut self, phone: PhoneId) {
        self.phones[phone.0].app = None;
    }

    /// The user's media sessions as the service has them.
    #[must_use]
    pub fn sessions(&self, user: &str) -> Vec<Value> {
        self.cloud.sessions(user)
    }

    /// Asks for an errand: [`World::run`] comes back with its number at that time.
    pub fn errand(&mut self, at: Duration, number: u64) {
        self.queue.push(at, Happening::Errand(number));
    }

    /// Asks for an errand so long after somebody presses a key of a phone the next time.
    pub fn errand_amid(&mut self, phone: PhoneId, delay: Duration, number: u64) {
        self.phones[phone.0].amid = Some((delay, number));
    }

    /// A request to the cloud's control API, answered at once: status and body.
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
        self.feed_cloud(CloudInput::Request { id, request });
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

/// Where the service is.
const CLOUD: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

impl<O> std::fmt::Debug for World<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("phones", &self.phones.len())
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
