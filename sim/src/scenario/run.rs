//! One run of a scenario: working hours, healing, a look whether all agree, rest.

mod errand;
mod errands;
mod faults;
mod furniture;
mod looks;
mod roaming;
mod rooms;

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::Seed;
use serde_json::{Value, json};

use self::errand::Errand;
use super::Scenario;
use super::checks::Checks;
use super::customers::Door;
use super::office::Day;
use super::report::Report;
use super::rooms::Watch;
use crate::cloud::Silence;
use crate::dice::Dice;
use crate::world::{Conditions, PhoneId, STEP, World};

/// From the end of the faults to the look whether all agree.
const HEALING: Duration = Duration::from_secs(480);
/// Into the healing: where notifications were lost, connections are made anew once, so that what
/// they told is asked for.
const REFRESH: Duration = Duration::from_secs(200);
/// Into the healing: everybody is called, and must hear it.
const FRESH: Duration = Duration::from_secs(420);
/// Until a fresh call must be known to its user's phones.
const FRESH_KNOWN: Duration = Duration::from_secs(10);
/// Words of the speech test, each way, and the time between them.
const WORDS: u32 = 10;
const WORD: Duration = STEP;
/// Until all words must have been heard.
const HEARD: Duration = Duration::from_secs(3);
/// Far ends change so often before they are listened to.
const ROUNDS: usize = 2;
/// After a change of a far end: until it is done, and until what was on its way before is there.
const CHANGED: Duration = Duration::from_secs(5);
/// Changes, by the control API, of calls that are up, before they are listened to.
const CHANGES: [(&str, &str, &str); 7] = [
    ("before words: far-holds", "far-holds", r#"{"direction": "sendonly"}"#),
    ("before words: far-inactive", "far-holds", r#"{"direction": "inactive"}"#),
    ("before words: far-changes", "far-changes", "{}"),
    ("before words: far-replaced", "far-replaced", "{}"),
    ("before words: ice-restart", "ice-restart", "{}"),
    ("before words: reinvite", "reinvite", "{}"),
    ("before words: reinvite-new", "reinvite", r#"{"newSession": true}"#),
];
/// From the last hang-up to rest.
const RESTING: Duration = Duration::from_secs(300);
/// Between two looks for calls that agents made.
const CALLEES: Duration = Duration::from_secs(20);
/// Words of customers are numbered from here on.
const CUSTOMERS_SAY: u64 = 1 << 56;

/// A run in progress, of either service.
#[derive(Debug)]
pub struct Run(Kind);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a thread")]
enum Kind {
    /// A contact centre of Genesys Cloud.
    Centre(Centre),
    /// An office at a gateway.
    Office(Day),
}

impl Run {
    /// Plans everything; nothing has happened yet.
    #[must_use]
    pub fn new(planned: &Scenario, seed: u64) -> Self {
        Self(match planned.office {
            Some(climate) => Kind::Office(Day::new(planned, climate, seed)),
            None => Kind::Centre(Centre::new(planned, seed)),
        })
    }

    /// Keeps the last so many lines of what happens, for its story.
    pub fn tell(&mut self, lines: usize) {
        match &mut self.0 {
            Kind::Centre(run) => run.world.tell(lines),
            Kind::Office(day) => day.tell(lines),
        }
    }

    /// Hands every line of what happens to somebody else, who may be slower than the run.
    pub fn tell_to(&mut self, listener: std::sync::mpsc::SyncSender<crate::world::Line>) {
        match &mut self.0 {
            Kind::Centre(run) => run.world.tell_to(listener),
            Kind::Office(day) => day.tell_to(listener),
        }
    }

    /// Stops there, if it comes so far: what is looked at later is not looked at any more.
    pub fn stop_at(&mut self, at: Duration) {
        match &mut self.0 {
            Kind::Centre(run) => run.stop = Some(at),
            Kind::Office(day) => day.stop_at(at),
        }
    }

    /// Measures where the time goes, from now on.
    pub fn measure(&mut self) {
        match &mut self.0 {
            Kind::Centre(run) => run.world.measure(),
            Kind::Office(day) => day.measure(),
        }
    }

    /// The time spent by purpose, if that was measured.
    #[must_use]
    pub fn spent(&self) -> Option<crate::world::Spent> {
        match &self.0 {
            Kind::Centre(run) => run.world.spent(),
            Kind::Office(day) => day.spent(),
        }
    }

    /// The number of messages that arrived so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        match &self.0 {
            Kind::Centre(run) => run.world.messages(),
            Kind::Office(day) => day.messages(),
        }
    }

    /// The story so far, if it is kept.
    #[must_use]
    pub fn story(&self) -> Option<&crate::world::Story> {
        match &self.0 {
            Kind::Centre(run) => run.world.story(),
            Kind::Office(day) => day.story(),
        }
    }

    /// The scenario as drawn for this seed.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        match &self.0 {
            Kind::Centre(run) => &run.scenario,
            Kind::Office(day) => day.scenario(),
        }
    }

    /// The time that it has come to.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.0 {
            Kind::Centre(run) => run.world.now(),
            Kind::Office(day) => day.now(),
        }
    }

    /// Runs to the end, or to the first finding.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.through();
        self.report()
    }

    /// [`Run::finish`] where the story is wanted after it.
    pub fn through(&mut self) {
        match &mut self.0 {
            Kind::Centre(run) => run.through(),
            Kind::Office(day) => day.through(),
        }
    }

    /// The report so far.
    #[must_use]
    pub fn report(&mut self) -> Report {
        match &mut self.0 {
            Kind::Centre(run) => run.report(),
            Kind::Office(day) => day.report(),
        }
    }
}

/// A run of a contact centre.
#[derive(Debug)]
struct Centre {
    scenario: Scenario,
    seed: u64,
    world: World<Checks>,
    dice: Dice,
    fate: Dice,
    candidates: Dice,
    door: Door,
    errands: BTreeMap<u64, Errand>,
    next_errand: u64,
    /// By user: calls made to them that may still be up.
    live: Vec<Vec<String>>,
    tokens: Vec<u64>,
    phones: Vec<Vec<PhoneId>>,
    guests: Vec<PhoneId>,
    open: bool,
    said: u64,
    /// The dice of what came with untidy far ends.
    untidy: Dice,
    /// The dice of what the service and other people do in rooms.
    company: Dice,
    /// The number of words said by data channels.
    data: u64,
    /// The changes that befall the next call that rings.
    for_next: Vec<(&'static str, Value)>,
    /// The key that a customer pressed last.
    pressed: u8,
    /// The time at which it stops, if that is before its end.
    stop: Option<Duration>,
    /// The end of the last trouble of the way to each phone, where people are on the move.
    steady: BTreeMap<PhoneId, Duration>,
}

impl Scenario {
    /// Runs one seed to its end.
    #[must_use]
    pub fn run(&self, seed: u64) -> Report {
        Run::new(self, seed).finish()
    }
}

impl Centre {
    fn new(planned: &Scenario, seed: u64) -> Self {
        let scenario = if planned.swarm { planned.drawn(seed) } else { planned.clone() };
        let root = Seed::from(seed).child(&scenario.name);
        let mut checks = Checks::default();
        checks.own.extend(scenario.invariants.iter().map(|make| make()));
        checks.rooms = scenario.rooms.filter(|share| *share > 0.0).map(|_| Watch::default());
        let mut world = World::new(seed, scenario.fidelity, checks);
        let options = json!({
            "farEnd": "external", "room": {"farEnd": "external"}, "serverSidePings": true,
            "untidy": scenario.untidy.unwrap_or_default(),
        });
        world.control("POST", "options", &options);
        let mut run = Self {
            dice: Dice::new(&root, "customers"),
            fate: Dice::new(&root, "faults"),
            door: Door::new(&scenario.customers.arrivals, scenario.agents),
            errands: BTreeMap::new(),
            next_errand: 0,
            live: vec![Vec::new(); scenario.agents],
            tokens: vec![0; scenario.agents],
            phones: vec![Vec::new(); scenario.agents],
            guests: Vec::new(),
            candidates: Dice::new(&root, "candidates"),
            open: true,
            said: CUSTOMERS_SAY,
            untidy: Dice::new(&root, "untidy"),
            company: Dice::new(&root, "rooms"),
            data: 0,
            pressed: 0,
            for_next: Vec::new(),
            stop: None,
            steady: BTreeMap::new(),
            scenario,
            seed,
            world,
        };
        let silences = run.scenario.silences.clone().unwrap_or_default();
        run.world.set_silences(silences);
        run.set_relay();
        run.world.observer_mut().quiet = run.is_quiet();
        run
    }

    fn has_stopped(&self) -> bool {
        self.stop.is_some_and(|at| at <= self.world.now())
    }

    fn plan(&mut self, at: Duration, errand: Errand) {
        let number = self.errand(errand);
        self.world.errand(at, number);
    }

    /// The number of an errand whose time somebody else decides.
    fn errand(&mut self, errand: Errand) -> u64 {
        self.next_errand += 1;
        self.errands.insert(self.next_errand, errand);
        self.next_errand
    }

    fn is_untidy(&self) -> bool {
        self.scenario.untidy.is_some_and(|share| share > 0.0)
    }

    /// True if nothing goes wrong in this world.
    fn is_quiet(&self) -> bool {
        let Conditions { loss, .. } = self.scenario.conditions;
        // Nobody tells the end of this call, so its answer never completes.
        let mute = [Silence::Retract, Silence::EndOfRinging];
        let keeps = |silence| self.scenario.silences.iter().flatten().any(|own| own == silence);
        self.scenario.faults.is_empty() && loss == 0.0 && !mute.iter().all(keeps)
    }

    fn has_found(&self) -> bool {
        self.world.observer().finding.is_some()
    }

    /// Runs until then, doing what is to be done. False once something was found, or where it
    /// stops.
    fn pass(&mut self, until: Duration) -> bool {
        let until = self.stop.map_or(until, |stop| until.min(stop));
        while let Some(number) = self.world.run(until) {
            if let Some(errand) = self.errands.remove(&number) {
                self.perform(errand);
            }
            if self.has_found() {
                return false;
            }
        }
        !self.has_found() && !self.has_stopped()
    }

    fn through(&mut self) {
        let evening = self.scenario.working;
        self.furnish();
        self.begin();
        if !self.pass(evening) {
            return;
        }
        self.heal();
        let settled = evening + HEALING;
        if !self.pass(evening + REFRESH) {
            return;
        }
        if self.notices_were_tampered_with() {
            for phone in self.world.phones() {
                self.world.reset(phone);
            }
        }
        self.hang_up_strays();
        if !self.pass(evening + FRESH) {
            return;
        }
        for user in 0..self.scenario.agents {
            self.call(user);
        }
        self.meet_all();
        if !self.pass(evening + FRESH + FRESH_KNOWN) {
            return;
        }
        self.require("a call is known to its user", Self::fresh_calls_are_known);
        if !self.pass(settled) {
            return;
        }
        // A call may end at this very moment, and the notification be on its way.
        for _ in 0..3 {
            if self.books_agree().is_ok() {
                break;
            }
            let soon = self.world.now() + Duration::from_secs(2);
            if !self.pass(soon) {
                return;
            }
        }
        self.require("the service and its clients agree", Self::books_agree);
        self.require("one call is on one phone", Self::one_phone_each);
        self.require("one phone leads", Self::one_leads);
        self.require("guests stay connected", Self::guests_are_there);
        self.look_at_rooms();
        for _ in 0..ROUNDS {
            if !self.change_calls() {
                return;
            }
        }
        self.speech_test();
        if self.has_found() {
            return;
        }
        self.hang_up_all();
        self.end_rooms();
        let resting = self.world.now() + HEARD + RESTING;
        if !self.pass(resting) {
            return;
        }
        self.rooms_at_rest();
        self.require("everything that began has ended", Self::at_rest);
        self.destroy();
    }

    fn report(&mut self) -> Report {
        let mut counts = self.world.counts().clone();
        let tally = self.world.observer().tally;
        for (what, count) in [
            ("rang", tally.rang),
            ("sessions", tally.sessions),
            ("calls connected", tally.connected),
            ("cancelled", tally.cancelled),
            ("handled", tally.elsewhere),
            ("sessions replaced", tally.replaced),
            ("reconnects", tally.reconnects),
            ("malformed told", tally.malformed),
            ("commands answered", tally.answered_commands),
            ("commands failed", tally.failed_commands),
            ("words heard", self.world.observer().heard),
        ] {
            counts.set(what, count);
        }
        for (what, count) in self.world.observer().rooms.iter().flat_map(Watch::counts) {
            counts.set(what, count);
        }
        for (silence, times) in self.world.kept_silent() {
            counts.set(silence.name(), times);
        }
        for (habit, count) in self.world.untidiness() {
            counts.set(habit.name(), count);
        }
        Report {
            seed: self.seed,
            finding: self.world.observer().finding.clone(),
            digest: self.world.digest(),
            simulated: self.world.now(),
            happenings: self.world.happenings(),
            counts,
        }
    }

    fn require(&mut self, invariant: &str, holds: impl FnOnce(&mut Self) -> Result<(), String>) {
        if self.has_stopped() {
            return;
        }
        let holds = holds(self);
        let at = self.world.now();
        self.world.observer_mut().require(at, invariant, holds);
    }
}

fn user_name(user: usize) -> String {
    format!("user-{user}")
}

fn token_of(user: usize, generation: u64) -> String {
    format!("token-{user}-{generation}")
}

/// The agent's call in a conversation's body.
fn agent_call(conversation: &Value) -> &Value {
    let participants = conversation["participants"].as_array();
    participants
        .and_then(|all| all.iter().rev().find(|p| p["userId"].is_string()))
        .map_or(&Value::Null, |participant| &participant["calls"][0])
}
