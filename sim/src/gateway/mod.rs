//! A model of a Ribbon WebRTC Gateway: users, subscriptions, REST, notifications, calls between
//! clients and scripted parties, as one state machine without sockets or a clock.
//!
//! What it does is in the notes on Ribbon: w2.1 is their section 2.1. Nobody has seen a real gateway
//! do it; what is guessed stands in one place. The simulator drives it in virtual time,
//! [`crate::serve`] on real sockets, there beside the other service.

mod acts;
mod address;
mod agenda;
mod asked;
mod audits;
mod broker;
mod call;
mod callcontrol;
mod calls;
mod click;
mod conference;
mod control;
mod control_calls;
mod credentials;
mod descriptions;
mod directory;
mod far;
mod guesses;
mod held;
mod house;
mod leg;
mod media;
mod notify;
mod options;
mod party;
mod reply;
mod rest;
mod setup;
mod stores;
mod subscribe;
mod subscriptions;
mod tell;
mod transfer;
mod updates;
mod world;

use std::net::IpAddr;
use std::time::Instant;

use offhook::Seed;
use offhook::machine::Wake;

use self::agenda::{Agenda, Job};
use self::calls::Calls;
pub use self::control::FEATURES;
use self::directory::Directory;
use self::held::Held;
use self::house::House;
use self::notify::Notice;
use self::options::{Options, Weather};
use self::party::Parties;
use self::stores::Stores;
use self::subscriptions::Subscriptions;
use self::world::World;
use crate::service::control::Answer;
use crate::service::http::{self, Incoming, Realm};
use crate::service::{
    Base, FarEndMode, FarMedia, Input, Output, Prompt, Record, RequestId, Service, beeps,
};

/// Things of the agenda that are done at one input; the rest are done at the next.
const MAX_AT_ONCE: usize = 10_000;

/// The settings of a gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// All its randomness comes from here.
    pub seed: Seed,
    /// Milliseconds since 1970 at its first instant, for the times in notifications.
    pub unix_ms: u64,
    /// The domain of users that are made without one.
    pub domain: String,
    /// The address that far ends' media is told to be at.
    pub public_ip: IpAddr,
    /// The recording that far ends say over and over: 48 kHz mono.
    pub prompt: Vec<i16>,
}

impl GatewayConfig {
    /// A gateway on loopback whose far ends beep.
    #[must_use]
    pub fn new(seed: u64, unix_ms: u64) -> Self {
        let (domain, public_ip) = ("example.com".to_owned(), IpAddr::from([127, 0, 0, 1]));
        Self { seed: Seed::from(seed), unix_ms, domain, public_ip, prompt: beeps() }
    }
}

/// The model gateway. See the [module](self).
pub struct Gateway {
    house: House,
}

impl Gateway {
    /// A gateway with nobody at it.
    #[must_use]
    pub fn new(config: GatewayConfig, factory: Box<dyn FarMedia>, now: Instant) -> Self {
        let seed = config.seed.child("gateway");
        let world = World {
            base: Base::new(now, config.unix_ms, seed.child("ids").rng()),
            dice: seed.child("weather").rng(),
            seed: seed.child("media"),
            public_ip: config.public_ip,
            factory,
            prompt: Prompt::new(config.prompt),
            directory: Directory::new(&config.domain),
            options: Options::default(),
            weather: Weather::default(),
            agenda: Agenda::default(),
        };
        Self {
            house: House {
                world,
                subscriptions: Subscriptions::default(),
                held: Held::default(),
                calls: Calls::default(),
                parties: Parties::default(),
                stores: Stores::default(),
            },
        }
    }

    /// The same, with the events and faults of a service that it stands beside.
    #[must_use]
    pub fn beside(mut self, record: Record) -> Self {
        self.house.world.base.record = record;
        self
    }

    fn handle_request(&mut self, id: RequestId, request: &::http::Request<Vec<u8>>) {
        let asked = Incoming::read(request, &rest::ROOT);
        match asked.realm {
            Realm::Service => rest::serve(&mut self.house, id, request, &asked),
            Realm::Control => {
                if let Some(response) = self.control(id, request, &asked) {
                    self.house.world.base.respond(id, response);
                }
            }
            Realm::Nowhere => rest::beside(&mut self.house, id, request, &asked),
        }
    }

    fn control(
        &mut self,
        id: RequestId,
        request: &::http::Request<Vec<u8>>,
        asked: &Incoming<'_>,
    ) -> Option<::http::Response<Vec<u8>>> {
        let house = &mut self.house;
        if let ["ribbon", path @ ..] = asked.path.as_slice() {
            return Some(control::answer(house, request, asked, path));
        }
        match crate::service::control::answer(&mut house.world.base, id, asked, &FEATURES) {
            Some(Answer::Now(response)) => Some(response),
            Some(Answer::Later) => None,
            None if (asked.method, asked.path.as_slice()) == ("POST", &["reset"]) => {
                self.reset();
                Some(http::json(200, &serde_json::json!({})))
            }
            None => Some(http::not_found()),
        }
    }

    /// Forgets everybody and everything.
    fn reset(&mut self) {
        let House { world, subscriptions, held, calls, parties, stores } = &mut self.house;
        held.clear(world);
        calls.clear(world);
        parties.clear();
        *stores = Stores::default();
        subscriptions.clear(world);
        world.agenda.clear();
        world.directory.clear();
        world.base.clear();
        world.options = Options::default();
        world.weather = Weather::default();
    }

    fn next_wake(&self) -> Option<Wake> {
        let House { world, subscriptions, calls, .. } = &self.house;
        let wake = Wake::earliest(world.agenda.next_wake(), subscriptions.next_wake());
        let wake = Wake::earliest(wake, calls.next_wake());
        Wake::earliest(world.base.next_wake(), wake)
    }
}

/// Does what is due.
fn run(house: &mut House) {
    for _ in 0..MAX_AT_ONCE {
        let Some(job) = house.world.agenda.take_due(house.world.base.now) else { return };
        do_job(house, job);
    }
}

fn do_job(house: &mut House, job: Job) {
    let House { world, subscriptions, held, .. } = house;
    match job {
        Job::Text { subscription, session, text } => {
            let about = session.clone();
            subscriptions.deliver(&subscription, session, text, world);
            if let Some(session) = about {
                held.release(&session, world);
            }
        }
        Job::Act { leg, act } => acts::perform(house, &leg, act),
        Job::HandoverLimit { call, number } => transfer::limit(house, &call, number),
        Job::OfferAgain { call } => transfer::offer_again(house, &call),
        Job::Reply { id, response } => world.base.respond(id, response),
        Job::Release { session } => held.release(&session, world),
        Job::Close { conn, code } => {
            world.base.push(Output::CloseSocket { conn, code: Some(code) });
        }
        Job::Deleted { conn } => {
            // For a client that closed its socket this is to nobody.
            let text = Notice::last("gone", None).envelope(world);
            world.base.push(Output::SendText { conn, text });
            let at = world.base.now + guesses::LAST_WORD;
            world.agenda.add(at, Job::Close { conn, code: guesses::LAST_CLOSE });
        }
    }
}

impl Service for Gateway {
    fn handle_input(&mut self, now: Instant, input: Input) {
        let House { world, subscriptions, .. } = &mut self.house;
        world.base.now = world.base.now.max(now);
        match input {
            Input::Timeout => {}
            Input::Request { id, request } => self.handle_request(id, &request),
            Input::SocketRequested { conn, path } => subscriptions.requested(conn, &path, world),
            Input::SocketText { conn, text } => subscriptions.heard(conn, &text, world),
            Input::SocketClosed { conn } => subscriptions.closed(conn, world),
            Input::UdpOpened { id, local } => acts::ready(&mut self.house, id, local),
            Input::Datagram { id, local, remote, data } => {
                media::datagram(&mut self.house, id, local, remote, &data);
            }
            Input::PlayFarEnd { conversation } => {
                if let Some(leg) = media::scripted_in(&self.house, &conversation) {
                    media::set_mode(&mut self.house, &leg, FarEndMode::External);
                }
            }
            Input::FarAudio { conversation, frame } => {
                media::far_audio(&mut self.house, &conversation, &frame);
            }
            Input::FarKeys { conversation, digits } => {
                media::far_keys(&mut self.house, &conversation, &digits);
            }
        }
        self.house.world.base.answer_waiting();
        self.house.subscriptions.handle_timeout(&mut self.house.world);
        media::handle_timeout(&mut self.house);
        audits::handle_timeout(&mut self.house);
        run(&mut self.house);
    }

    fn poll_output(&mut self) -> Output {
        self.house.world.base.pop().unwrap_or_else(|| Output::Timeout(self.next_wake()))
    }
}
