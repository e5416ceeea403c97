//! Scenarios: what a contact centre does all day, and what goes wrong in it, as the plan of a run.
//!
//! A [`Scenario`] says who works there, who calls, how everybody behaves, how the network is and
//! which faults befall it. With a seed it is a run: working hours with faults, a healing, a look
//! whether all agree, and a rest. [`check`] runs many seeds inside a test of your own:
//!
//! ```
//! use std::time::Duration;
//!
//! offhook_sim::check(offhook_sim::Scenario::calm().agents(2).hours(0.2)).seeds(0..2);
//! ```

mod agent;
mod asked;
mod books;
mod check;
mod checks;
mod claim;
mod customers;
mod desk;
mod faults;
mod finding;
mod invariant;
mod news;
pub(crate) mod office;
mod presets;
mod report;
mod rooms;
mod run;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use offhook_runtime::genesys::Client;

use self::office::Climate;
use crate::cloud::{Habit, Silence};
use crate::program::{Ending, Program, Simulated};
use crate::world::{Application, Conditions, Fidelity, NatKind, Seen};

pub use self::agent::Habits;
pub use self::check::{Check, check};
pub use self::customers::{Arrivals, Customers};
pub use self::desk::Desk;
pub use self::faults::{Fault, FaultKind};
pub use self::finding::Finding;
use self::invariant::Always;
pub use self::invariant::Invariant;
pub use self::presets::Preset;
pub use self::report::Report;
pub use self::run::Run;

/// A kind of phone that users have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StationKind {
    /// Calls at once, each on a session of its own; 1 is one shared session.
    pub lines: u32,
    /// True if a session outlives its calls.
    pub persistent: bool,
}

/// Makes the application of a phone: which phone, and the seed of its behaviour.
pub type MakeApplication = Arc<dyn Fn(Desk) -> Box<dyn Application> + Send + Sync>;

/// Makes an invariant of a run.
pub type MakeInvariant = Arc<dyn Fn() -> Box<dyn Invariant> + Send + Sync>;

/// The plan of a run. See the [module](self).
#[derive(Clone)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) fidelity: Fidelity,
    pub(crate) agents: usize,
    pub(crate) working: Duration,
    pub(crate) stations: Vec<StationKind>,
    /// The share of users with a second phone; none but what a swarm draws, unless it was said.
    pub(crate) second_phones: Option<f64>,
    pub(crate) habits: Habits,
    pub(crate) customers: Customers,
    pub(crate) conditions: Conditions,
    pub(crate) nats: Vec<NatKind>,
    pub(crate) faults: Vec<Fault>,
    /// The only kinds that a swarm may draw.
    pub(crate) only: Option<BTreeSet<FaultKind>>,
    /// Between two words on every connected call, if anybody speaks.
    pub(crate) speech: Option<Duration>,
    /// The share of phones on which each of the client's options is switched on.
    pub(crate) options: f64,
    /// The share of phones on which each of the choices is made; as with second phones.
    pub(crate) choices: Option<f64>,
    /// Guests; as with second phones.
    pub(crate) guests: Option<usize>,
    /// Signals that the service leaves out; as with second phones.
    pub(crate) silences: Option<BTreeSet<Silence>>,
    /// The share of far ends with each habit that we would not have; as with second phones.
    pub(crate) untidy: Option<f64>,
    /// The share of the day that is spent in rooms, from 0 to 1; as with second phones.
    pub(crate) rooms: Option<f64>,
    /// True where people are on the move, and a relay is there for them.
    pub(crate) roams: bool,
    pub(crate) application: Option<MakeApplication>,
    pub(crate) invariants: Vec<MakeInvariant>,
    /// Drawn anew for each seed.
    pub(crate) swarm: bool,
    /// Clients tell every message.
    pub(crate) traced: bool,
    /// The kind of day of an office at a gateway, in place of a contact centre of Genesys Cloud.
    pub(crate) office: Option<Climate>,
}

impl Scenario {
    /// Another name, which the runs of a seed depend on.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the number of agents; with one phone each, unless said otherwise. At least one.
    #[must_use]
    pub fn agents(mut self, agents: usize) -> Self {
        self.agents = agents.max(1);
        self
    }

    /// The working hours of the run, in simulated time.
    #[must_use]
    pub fn hours(mut self, hours: f64) -> Self {
        self.working = Duration::from_secs_f64((hours * 3600.0).max(0.0));
        self
    }

    /// Sets how real the media is.
    #[must_use]
    pub fn fidelity(mut self, fidelity: Fidelity) -> Self {
        self.fidelity = fidelity;
        self
    }

    /// The kinds of phones, dealt out in turn.
    #[must_use]
    pub fn stations(mut self, stations: Vec<StationKind>) -> Self {
        self.stations = stations;
        self
    }

    /// Sets the share of users who have a second phone, from 0 to 1.
    #[must_use]
    pub fn second_phones(mut self, share: f64) -> Self {
        self.second_phones = Some(share);
        self
    }

    /// Sets the behaviour of agents.
    #[must_use]
    pub fn habits(mut self, habits: Habits) -> Self {
        self.habits = habits;
        self
    }

    /// Sets the customers and their behaviour.
    #[must_use]
    pub fn customers(mut self, customers: Customers) -> Self {
        self.customers = customers;
        self
    }

    /// Sets how the network of every phone is when nothing is wrong.
    #[must_use]
    pub fn network(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// The kinds of address translators, dealt out in turn.
    #[must_use]
    pub fn nats(mut self, nats: Vec<NatKind>) -> Self {
        self.nats = nats;
        self
    }

    /// One more kind of fault: how often it befalls somebody during working hours.
    #[must_use]
    pub fn fault(mut self, kind: FaultKind, every: Duration) -> Self {
        self.faults.retain(|fault| fault.kind != kind);
        self.faults.push(Fault { kind, every });
        self
    }

    /// No faults.
    #[must_use]
    pub fn without_faults(self) -> Self {
        self.only_faults([])
    }

    /// Of the faults that are in it, or that a swarm draws, only these kinds; at their own rates.
    #[must_use]
    pub fn only_faults(mut self, kinds: impl IntoIterator<Item = FaultKind>) -> Self {
        let kinds: BTreeSet<_> = kinds.into_iter().collect();
        self.faults.retain(|fault| kinds.contains(&fault.kind));
        self.only = Some(kinds);
        self
    }

    /// Clients tell every message ([`Event::Trace`](offhook::genesys::Event::Trace)). It changes
    /// the digest and nothing else.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Sets how often everybody who talks says something; None is silence.
    #[must_use]
    pub fn speech(mut self, every: Option<Duration>) -> Self {
        self.speech = every;
        self
    }

    /// Each of the client's options that change nothing of what it promises (reports, uploads,
    /// traces) is on with this share of the phones, from 0 to 1.
    #[must_use]
    pub fn options(mut self, share: f64) -> Self {
        self.options = share;
        self
    }

    /// Each of the client's choices that its application has to live with is made on this share of
    /// the phones, from 0 to 1: which of a user's phones rings; and where the model of an agent
    /// sits, that it accepts media sessions itself, and rings where the service would have calls
    /// answered by themselves.
    #[must_use]
    pub fn choices(mut self, share: f64) -> Self {
        self.choices = Some(share);
        self
    }

    /// Sets the number of guests, who are connected all day: every other one by a security code,
    /// the rest by a JWT.
    #[must_use]
    pub fn guests(mut self, guests: usize) -> Self {
        self.guests = Some(guests);
        self
    }

    /// Sets the signals that the service leaves out during working hours, since others say the
    /// same.
    #[must_use]
    pub fn silences(mut self, silences: impl IntoIterator<Item = Silence>) -> Self {
        self.silences = Some(silences.into_iter().collect());
        self
    }

    /// Each of the habits that far ends and services have and we would not
    /// ([`Habit`]) is had by this share of them, from 0 to 1.
    #[must_use]
    pub fn untidy(mut self, share: f64) -> Self {
        self.untidy = Some(share);
        self
    }

    /// Sets the share of the day that agents spend in rooms, from 0 to 1: meetings, invitations, and
    /// screens that are recorded or monitored.
    #[must_use]
    pub fn rooms(mut self, share: f64) -> Self {
        self.rooms = Some(share);
        self
    }

    /// Your application on every phone, instead of the model of an agent.
    #[must_use]
    pub fn application<A: Application + 'static>(
        mut self,
        make: impl Fn(Desk) -> A + Send + Sync + 'static,
    ) -> Self {
        self.application = Some(Arc::new(move |desk| Box::new(make(desk))));
        self
    }

    /// Your asynchronous program on every phone, instead of the model of an agent: the same source that
    /// is deployed. See [`Program`]; where it is to know of its desk, make that an
    /// [`application`](Scenario::application).
    #[must_use]
    pub fn program<F>(self, main: impl Fn(Client<Simulated>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Ending> + Send + 'static,
    {
        let main = Arc::new(main);
        self.application(move |desk| {
            let main = Arc::clone(&main);
            Program::new(desk.seed.child("program"), move |phone| main(phone))
        })
    }

    /// Adds a thing that must always hold, beside those that always do.
    #[must_use]
    pub fn invariant<I: Invariant + 'static>(
        mut self,
        make: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        self.invariants.push(Arc::new(move || Box::new(make())));
        self
    }

    /// [`Scenario::invariant`] by a closure that looks at one thing at a time.
    #[must_use]
    pub fn always<F>(self, name: &'static str, look: F) -> Self
    where
        F: Fn(Duration, Seen<'_>) -> Result<(), String> + Clone + Send + Sync + 'static,
    {
        self.invariant(move || Always { name, look: look.clone() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The faults in it; for a swarm, those that were not drawn.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// True if that kind of fault may befall somebody; in a swarm, with some seed.
    #[must_use]
    pub fn may_have(&self, kind: FaultKind) -> bool {
        let draws = self.swarm && (self.faults.is_empty() || self.only.is_some());
        let drawn = draws && self.only.as_ref().is_none_or(|only| only.contains(&kind));
        drawn || self.faults.iter().any(|fault| fault.kind == kind)
    }

    /// True if that signal may be left out; in a swarm, with some seed.
    #[must_use]
    pub fn may_keep(&self, silence: Silence) -> bool {
        self.silences.as_ref().map_or(self.swarm, |silences| silences.contains(&silence))
    }

    /// True if far ends and notifications may have that habit; in a swarm, with some seed.
    #[must_use]
    pub fn may_have_habit(&self, habit: Habit) -> bool {
        let untidy = self.untidy.map_or(self.swarm, |share| share > 0.0);
        untidy && (self.fidelity == Fidelity::Full || !habit.is_of_rtp())
    }

    /// True if somebody may be in a room; in a swarm, with some seed.
    #[must_use]
    pub fn may_meet(&self) -> bool {
        self.rooms.map_or(self.swarm, |share| share > 0.0) && self.application.is_none()
    }

    /// The number of agents that work there.
    #[must_use]
    pub fn size(&self) -> usize {
        self.agents
    }

    /// The working hours.
    #[must_use]
    pub fn working(&self) -> Duration {
        self.working
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.name)
            .field("fidelity", &self.fidelity)
            .field("agents", &self.agents)
            .field("working", &self.working)
            .field("stations", &self.stations)
            .field("second_phones", &self.second_phones)
            .field("habits", &self.habits)
            .field("customers", &self.customers)
            .field("conditions", &self.conditions)
            .field("nats", &self.nats)
            .field("faults", &self.faults)
            .field("speech", &self.speech)
            .finish_non_exhaustive()
    }
}
