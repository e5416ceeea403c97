//! One run of a scenario: working hours, healing, a look whether all agree, rest.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{Command, ConversationId};
use offhook::{Secret, Seed};
use serde_json::{Value, json};

use super::agent::Agent;
use super::checks::{Checks, Finding};
use super::customers::Door;
use super::{Desk, Fault, FaultKind, Scenario};
use crate::world::{
    Conditions, Counts, Dice, NoticeWeather, PhoneId, RestWeather, STEP, Voice, World,
};

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
const WORDS: u64 = 10;
const WORD: Duration = STEP;
/// Until all words must have been heard.
const HEARD: Duration = Duration::from_secs(3);
/// From the last hang-up to rest.
const RESTING: Duration = Duration::from_secs(300);
/// Between two looks for calls that agents made.
const CALLEES: Duration = Duration::from_secs(20);
/// Words of customers are numbered from here on.
const CUSTOMERS_SAY: u64 = 1 << 56;

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which seed.
    pub seed: u64,
    /// The first violation, if any.
    pub finding: Option<Finding>,
    /// The fingerprint of the run.
    pub digest: u64,
    /// How much time passed in it.
    pub simulated: Duration,
    /// How many things happened in it.
    pub happenings: u64,
    /// What happened how often.
    pub counts: Counts,
}

/// What is to be done at some time.
#[derive(Clone, Debug)]
enum Errand {
    /// A customer calls.
    Arrival,
    /// This user is called.
    Call(usize),
    /// A customer's patience ends.
    Patience { conversation: String, user: usize },
    /// A customer has said all.
    HangUp(String),
    /// A fault of that number in the scenario.
    Fault(usize),
    /// A phone's trouble ends.
    Better(PhoneId),
    /// The service's trouble ends.
    ServiceBetter,
    /// A user's new token comes.
    Token(usize),
    /// A phone's operating system sees its network again.
    Online(PhoneId),
    /// Those whom agents called are counted among the customers.
    Callees,
    /// Customers say the frame of a talk spurt of that number.
    Speak(u32),
}

/// A run in progress.
#[derive(Debug)]
pub struct Run<'a> {
    scenario: Scenario,
    planned: &'a Scenario,
    seed: u64,
    world: World<Checks>,
    dice: Dice,
    fate: Dice,
    door: Door,
    errands: BTreeMap<u64, Errand>,
    next_errand: u64,
    /// By user: calls made to them that may still be up.
    live: Vec<Vec<String>>,
    tokens: Vec<u64>,
    phones: Vec<Vec<PhoneId>>,
    open: bool,
    said: u64,
    /// Where it stops, if that is before its end.
    stop: Option<Duration>,
}

impl<'a> Run<'a> {
    /// Sets everything up; nothing has happened yet.
    #[must_use]
    pub fn new(planned: &'a Scenario, seed: u64) -> Self {
        let scenario = if planned.swarm { planned.drawn(seed) } else { planned.clone() };
        let root = Seed::from(seed).child(&scenario.name);
        let mut checks = Checks::default();
        checks.own.extend(scenario.invariants.iter().map(|make| make()));
        let mut world = World::new(seed, scenario.fidelity, checks);
        world.control("POST", "options", &json!({"farEnd": "external", "serverSidePings": true}));
        let mut run = Self {
            dice: Dice::new(&root, "customers"),
            fate: Dice::new(&root, "faults"),
            door: Door::new(&scenario.customers.arrivals, scenario.agents),
            errands: BTreeMap::new(),
            next_errand: 0,
            live: vec![Vec::new(); scenario.agents],
            tokens: vec![0; scenario.agents],
            phones: vec![Vec::new(); scenario.agents],
            open: true,
            said: CUSTOMERS_SAY,
            stop: None,
            scenario,
            planned,
            seed,
            world,
        };
        run.furnish(&root);
        run
    }

    /// Keeps the last so many lines of what happens, for its story.
    pub fn tell(&mut self, lines: usize) {
        self.world.tell(lines);
    }

    /// Hands every line of what happens to somebody else, who may be slower than the run.
    pub fn tell_to(&mut self, listener: std::sync::mpsc::SyncSender<crate::world::Line>) {
        self.world.tell_to(listener);
    }

    /// Stops there, if it comes so far: what is looked at later is not looked at any more.
    pub fn stop_at(&mut self, at: Duration) {
        self.stop = Some(at);
    }

    /// Measures where the time goes, from now on.
    pub fn measure(&mut self) {
        self.world.measure();
    }

    /// Where the time went, if that was measured.
    #[must_use]
    pub fn spent(&self) -> Option<crate::world::Spent> {
        self.world.spent()
    }

    /// How many messages arrived so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.world.messages()
    }

    fn has_stopped(&self) -> bool {
        self.stop.is_some_and(|at| at <= self.world.now())
    }

    /// The world, as it is now: its story, its digest, its counts.
    #[must_use]
    pub fn story(&self) -> Option<&crate::world::Story> {
        self.world.story()
    }

    /// The scenario as drawn for this seed.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The plan it was drawn from.
    #[must_use]
    pub fn planned(&self) -> &Scenario {
        self.planned
    }

    /// How far it is.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.world.now()
    }

    /// Users, their phones and what runs on them.
    fn furnish(&mut self, root: &Seed) {
        let mut dice = Dice::new(root, "furniture");
        for user in 0..self.scenario.agents {
            let name = user_name(user);
            let station = self.scenario.stations.get(user % self.scenario.stations.len().max(1));
            let station = station.map_or_else(
                || json!({}),
                |kind| json!({"lineAppearances": kind.lines, "persistent": kind.persistent}),
            );
            self.world.add_user(&name, &token_of(user, 0), &station);
            let phones = 1 + usize::from(dice.chance(self.scenario.second_phones.unwrap_or(0.0)));
            for _ in 0..phones {
                let phone = PhoneId(self.world.phones().count());
                let seed = root.child(&format!("desk {}", phone.0));
                let desk = Desk { phone, user: name.clone(), seed };
                let app = match &self.scenario.application {
                    Some(make) => make(desk),
                    None => Box::new(Agent::new(
                        &desk,
                        self.scenario.habits.clone(),
                        self.scenario.speech,
                        Voice(self.scenario.fidelity),
                    )),
                };
                let mut options = Dice::new(&root.child(&format!("desk {}", phone.0)), "options");
                let mut on = || options.chance(self.scenario.options);
                let made = self.world.add_phone(&name, &token_of(user, 0), app, |config| {
                    config.server_side_pings = user % 2 == 0;
                    config.trace = self.scenario.traced;
                    config.report_statistics = on();
                    config.upload_logs = on();
                    config.upload_telemetry = on();
                });
                debug_assert_eq!(made, phone);
                self.world.set_conditions(phone, self.scenario.conditions.clone());
                if let Some(kind) = dice.pick(&self.scenario.nats) {
                    self.world.set_nat(phone, *kind);
                }
                self.phones[user].push(phone);
            }
        }
    }

    fn plan(&mut self, at: Duration, errand: Errand) {
        self.next_errand += 1;
        self.errands.insert(self.next_errand, errand);
        self.world.errand(at, self.next_errand);
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

    /// Runs to the end, or to the first finding.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.through();
        self.report()
    }

    /// As [`Run::finish`], where the story is wanted after it.
    pub fn through(&mut self) {
        let evening = self.scenario.working;
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
        if !self.pass(evening + FRESH) {
            return;
        }
        for user in 0..self.scenario.agents {
            self.call(user);
        }
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
        self.speech_test();
        if self.has_found() {
            return;
        }
        self.hang_up_all();
        if !self.pass(settled + HEARD * 2 + RESTING) {
            return;
        }
        self.require("everything that began has ended", Self::at_rest);
        self.destroy();
    }

    /// What there is to report so far.
    #[must_use]
    pub fn report(&mut self) -> Report {
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

    // Working hours

    fn begin(&mut self) {
        self.next_arrival();
        for number in 0..self.scenario.faults.len() {
            self.next_fault(number);
        }
        if let Some(every) = self.scenario.speech {
            self.plan(every, Errand::Speak(0));
        }
        if self.scenario.habits.dials_every.is_some() {
            self.plan(CALLEES, Errand::Callees);
        }
    }

    fn next_arrival(&mut self) {
        let now = self.world.now().max(self.scenario.habits.arrive_within);
        if let Some(at) = self.door.next(now, &mut self.dice) {
            self.plan(at, Errand::Arrival);
        }
    }

    fn next_fault(&mut self, number: usize) {
        let every = self.scenario.faults[number].every;
        let at = self.world.now() + self.fate.exponential(every);
        self.plan(at, Errand::Fault(number));
    }

    fn perform(&mut self, errand: Errand) {
        match errand {
            Errand::Arrival if self.open => {
                let user = self.dice.below(self.scenario.agents);
                self.call(user);
                self.next_arrival();
            }
            Errand::Call(user) if self.open => self.call(user),
            Errand::Patience { conversation, user } => self.lose_patience(conversation, user),
            Errand::HangUp(conversation) => {
                self.world.control("POST", &format!("calls/{conversation}/hangup"), &Value::Null);
            }
            Errand::Fault(number) if self.open => {
                self.befall(self.scenario.faults[number].kind);
                self.next_fault(number);
            }
            Errand::Better(phone) if self.open => {
                self.world.heal(phone, self.scenario.conditions.clone());
            }
            Errand::ServiceBetter => self.service_better(),
            Errand::Token(user) => self.renew(user),
            Errand::Online(phone) => self.hint(phone, Command::NetworkChanged),
            Errand::Callees if self.open => {
                self.meet_callees();
                self.plan(self.world.now() + CALLEES, Errand::Callees);
            }
            Errand::Speak(nth) if self.open => {
                self.customers_speak(nth == 0);
                if let Some(every) = self.scenario.speech {
                    let goes_on = nth + 1 < self.voice().spurt();
                    let (pause, next) = if goes_on { (STEP, nth + 1) } else { (every, 0) };
                    self.plan(self.world.now() + pause, Errand::Speak(next));
                }
            }
            Errand::Arrival
            | Errand::Call(_)
            | Errand::Fault(_)
            | Errand::Better(_)
            | Errand::Callees
            | Errand::Speak(_) => {}
        }
    }

    /// A customer calls a user.
    fn call(&mut self, user: usize) {
        let gone = |world: &mut World<Checks>, id: &String| {
            let (_, call) = world.control("GET", &format!("calls/{id}"), &Value::Null);
            matches!(call["state"].as_str(), None | Some("disconnected" | "terminated"))
        };
        let mut live = std::mem::take(&mut self.live[user]);
        live.retain(|id| !gone(&mut self.world, id));
        self.live[user] = live;
        if self.live[user].len() >= self.scenario.customers.at_once {
            return self.world.count("customers turned away");
        }
        let customers = &self.scenario.customers;
        let body = json!({
            "kind": "inbound",
            "userId": user_name(user),
            "signaling": if self.dice.chance(customers.sdp) { "sdp" } else { "jingle" },
            "autoAnswer": self.dice.chance(customers.auto_answer),
            "eventFirst": !self.dice.chance(customers.event_late),
            "purpose": if self.dice.chance(customers.direct) { "user" } else { "agent" },
            "farEnd": "external",
        });
        let (_, call) = self.world.control("POST", "calls", &body);
        let Some(id) = call["conversationId"].as_str().map(str::to_owned) else { return };
        self.world.count("customers call");
        self.live[user].push(id.clone());
        let patience = self.dice.between(self.scenario.customers.patience);
        let at = self.world.now() + patience;
        self.plan(at, Errand::Patience { conversation: id, user });
    }

    fn lose_patience(&mut self, conversation: String, user: usize) {
        let path = format!("calls/{conversation}");
        let (_, call) = self.world.control("GET", &path, &Value::Null);
        match call["state"].as_str() {
            Some("connected") => {
                let at = self.world.now() + self.dice.between(self.scenario.customers.talk);
                self.plan(at, Errand::HangUp(conversation));
            }
            Some("alerting" | "contacting" | "dialing") => {
                self.world.count("customers give up");
                self.world.control("POST", &format!("{path}/cancel"), &Value::Null);
                if self.dice.chance(self.scenario.customers.call_back) {
                    let wait = self.dice.between((Duration::from_secs(5), Duration::from_secs(60)));
                    self.plan(self.world.now() + wait, Errand::Call(user));
                }
            }
            _ => {}
        }
    }

    /// Those whom agents called talk and hang up as customers do.
    fn meet_callees(&mut self) {
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let id = call["id"].as_str().unwrap_or_default().to_owned();
                if !self.live[user].contains(&id) {
                    let at = self.world.now() + self.dice.between(self.scenario.customers.talk);
                    self.live[user].push(id.clone());
                    self.plan(at, Errand::HangUp(id));
                }
            }
        }
    }

    const fn voice(&self) -> Voice {
        Voice(self.scenario.fidelity)
    }

    fn customers_speak(&mut self, first: bool) {
        let now = self.world.now();
        for id in self.live.clone().into_iter().flatten() {
            self.said += 1;
            let frame = self.voice().frame(now, self.said, first);
            self.world.customer_speaks(&id, frame);
        }
    }

    // Faults

    fn befall(&mut self, kind: FaultKind) {
        let s = Duration::from_secs;
        let phones: Vec<_> = self.world.phones().collect();
        let Some(phone) = self.fate.pick(&phones).copied() else { return };
        let user = self.world.user_of(phone).to_owned();
        let now = self.world.now();
        self.world.count(kind.name());
        match kind {
            FaultKind::Reset => self.world.reset(phone),
            FaultKind::HalfOpen => self.world.half_open(phone),
            FaultKind::ShortCut => {
                let time = self.fate.between((s(1), s(15)));
                self.world.cut(phone, time);
            }
            FaultKind::LongCut => {
                let time = self.fate.between((s(30), s(240)));
                self.world.cut(phone, time);
                if self.fate.chance(0.7) {
                    self.hint(phone, Command::WentOffline);
                    self.plan(now + time, Errand::Online(phone));
                }
            }
            FaultKind::Sleep => {
                let until = now + self.fate.between((s(5), s(600)));
                self.world.sleep(phone, until);
            }
            FaultKind::Move => {
                self.world.move_phone(phone);
                if self.fate.chance(0.7) {
                    self.hint(phone, Command::NetworkChanged);
                }
            }
            FaultKind::RebindNat => self.world.rebind_nat(phone),
            FaultKind::BadWifi => {
                self.world.set_conditions(phone, Conditions::bad_wifi());
                self.better_in(phone, s(60));
            }
            FaultKind::RestFails => {
                self.rest(phone, RestWeather { fails: 0.6, ..RestWeather::default() });
            }
            FaultKind::RestSlow => {
                self.rest(phone, RestWeather { slow: s(8), ..RestWeather::default() });
            }
            FaultKind::AnswersLost => {
                self.rest(phone, RestWeather { answers_lost: 0.6, ..RestWeather::default() });
            }
            FaultKind::Unreachable => {
                self.rest(phone, RestWeather { unreachable: 0.8, ..RestWeather::default() });
            }
            FaultKind::ServiceRestart => {
                self.world.control("POST", "connections/drop", &json!({"mode": "tcp"}));
                self.world.control("POST", "channels/expire", &json!({}));
            }
            FaultKind::ChannelLoss => {
                self.world.control("POST", "channels/expire", &json!({"userId": user}));
                self.drop_streams(&user, "tcp");
            }
            FaultKind::StreamError => self.drop_streams(&user, "stream-error"),
            FaultKind::StreamClose => self.drop_streams(&user, "xmpp-close"),
            FaultKind::NoLongerSubscribed => self.drop_streams(&user, "no_longer_subscribed"),
            FaultKind::DuplicateId => self.drop_streams(&user, "duplicate_id"),
            FaultKind::DeafToPings => self.service(&json!({"ignorePings": true}), s(90)),
            FaultKind::LoginRefused => {
                self.service(&json!({"failSasl": "temporary-auth-failure"}), s(30));
            }
            FaultKind::TokenExpires => self.expire_token(&user),
            FaultKind::Twice => {
                self.notices(phone, NoticeWeather { twice: 0.5, ..NoticeWeather::default() });
            }
            FaultKind::Late => {
                self.notices(phone, NoticeWeather { late: 0.3, ..NoticeWeather::default() });
            }
            FaultKind::Lost => {
                self.notices(phone, NoticeWeather { lost: 0.3, ..NoticeWeather::default() });
            }
            FaultKind::Rubbish => {
                self.notices(phone, NoticeWeather { rubbish: 0.5, ..NoticeWeather::default() });
            }
            FaultKind::Reinvite => self.disturb("reinvite", &json!({})),
            FaultKind::ReinviteNew => self.disturb("reinvite", &json!({"newSession": true})),
            FaultKind::Renegotiate => self.disturb("renegotiate", &json!({})),
            FaultKind::IceRestart => self.disturb("ice-restart", &json!({})),
            FaultKind::KillMedia => self.disturb("kill-media", &json!({})),
            FaultKind::Repropose => self.disturb("repropose", &json!({})),
            FaultKind::AcceptedElsewhere => self.disturb("elsewhere", &json!({"how": "accept"})),
            FaultKind::RejectedElsewhere => self.disturb("elsewhere", &json!({"how": "reject"})),
            FaultKind::Supervisor => {
                let field = if self.fate.chance(0.5) { "muted" } else { "held" };
                let on = self.fate.chance(0.5);
                self.disturb("participant", &json!({field: on}));
            }
            FaultKind::StationEvent => {
                let body = json!({"stationEvent": "Associated"});
                self.world.control("PATCH", &format!("users/{user}"), &body);
            }
        }
    }

    /// What an operating system tells a program of its network.
    fn hint(&mut self, phone: PhoneId, command: Command) {
        // A client that is not connected has no use for it.
        let _ = self.world.press(phone, |keys| keys.submit(command));
    }

    fn better_in(&mut self, phone: PhoneId, time: Duration) {
        self.plan(self.world.now() + time, Errand::Better(phone));
    }

    fn rest(&mut self, phone: PhoneId, weather: RestWeather) {
        self.world.set_rest(phone, weather);
        self.better_in(phone, Duration::from_secs(60));
    }

    fn notices(&mut self, phone: PhoneId, weather: NoticeWeather) {
        self.world.set_notices(phone, weather);
        self.better_in(phone, Duration::from_secs(120));
    }

    fn service(&mut self, options: &Value, time: Duration) {
        self.world.control("POST", "options", options);
        self.plan(self.world.now() + time, Errand::ServiceBetter);
    }

    fn service_better(&mut self) {
        let body = json!({"ignorePings": false, "failSasl": false});
        self.world.control("POST", "options", &body);
    }

    fn drop_streams(&mut self, user: &str, mode: &str) {
        let body = json!({"userId": user, "mode": mode});
        self.world.control("POST", "connections/drop", &body);
    }

    fn expire_token(&mut self, user: &str) {
        let Some(user) = (0..self.scenario.agents).find(|n| user_name(*n) == user) else { return };
        self.tokens[user] += 1;
        let token = token_of(user, self.tokens[user]);
        let path = format!("users/{}", user_name(user));
        self.world.control("PATCH", &path, &json!({"token": token}));
        let at = self.world.now() + self.fate.between((Duration::ZERO, Duration::from_secs(30)));
        self.plan(at, Errand::Token(user));
    }

    /// A user's phones are given the token that holds.
    fn renew(&mut self, user: usize) {
        let token = token_of(user, self.tokens[user]);
        for phone in self.phones[user].clone() {
            let command = Command::SetAccessToken(Secret::new(token.clone()));
            // It is refused only for one that can never be.
            let _ = self.world.press(phone, |keys| keys.submit(command));
        }
    }

    /// Something befalls a call, drawn from all.
    fn disturb(&mut self, what: &str, body: &Value) {
        let calls: Vec<_> = self.live.iter().flatten().cloned().collect();
        if let Some(id) = self.fate.pick(&calls) {
            self.world.observer_mut().touched(id);
            self.world.control("POST", &format!("calls/{id}/{what}"), body);
        }
    }

    // Healing

    fn heal(&mut self) {
        self.open = false;
        self.world.evening();
        self.service_better();
        for phone in self.world.phones() {
            self.world.heal(phone, Conditions::good());
            self.hint(phone, Command::NetworkChanged);
        }
        for user in 0..self.scenario.agents {
            self.renew(user);
        }
    }

    /// Whether clients may have missed what nobody repeats.
    fn notices_were_tampered_with(&self) -> bool {
        let tampers = |fault: &Fault| {
            matches!(fault.kind, FaultKind::Lost | FaultKind::Late | FaultKind::Rubbish)
        };
        self.scenario.faults.iter().any(tampers)
    }

    fn fresh_calls_are_known(&mut self) -> Result<(), String> {
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let id = ConversationId::from(call["id"].as_str().unwrap_or_default());
                let checks = self.world.observer();
                let known = |phone: &PhoneId| checks.books(*phone).known.contains(&id);
                if !self.phones[user].iter().any(known) {
                    return Err(format!("no phone of user {user} heard of {id}"));
                }
            }
        }
        Ok(())
    }

    fn books_agree(&mut self) -> Result<(), String> {
        for user in 0..self.scenario.agents {
            let theirs: BTreeMap<_, _> = self
                .world
                .conversations(&user_name(user))
                .into_iter()
                .filter_map(|call| {
                    let id = call["id"].as_str()?.to_owned();
                    Some((id, agent_call(&call).clone()))
                })
                .collect();
            let checks = self.world.observer();
            for (id, call) in &theirs {
                let has = |phone: &PhoneId| checks.books(*phone).knows(id, call);
                if !self.phones[user].iter().any(has) {
                    return Err(format!("{id} is {} there and unknown here", call["state"]));
                }
            }
            for phone in &self.phones[user] {
                let who = |what: String| format!("phone {}: {what}", phone.0);
                if !self.world.client(*phone).is_connected() {
                    return Err(who("is not connected, though nothing is wrong".to_owned()));
                }
                let books = self.world.observer().books(*phone);
                for (id, call) in theirs.iter().filter(|(id, _)| books.lists(id)) {
                    books.agrees(id, call).map_err(who)?;
                }
                let over = |id: &ConversationId| !theirs.contains_key(id.as_str());
                if let Some(id) = books.listed_up().find(|id| over(id)) {
                    return Err(who(format!("{id} is over there and there here")));
                }
            }
        }
        Ok(())
    }

    fn one_phone_each(&mut self) -> Result<(), String> {
        for phones in &self.phones {
            let mut on = BTreeMap::new();
            for phone in phones {
                for call in self.world.observer().books(*phone).talking.keys() {
                    if let Some(other) = on.insert(call.clone(), phone.0) {
                        return Err(format!("{call} is on phones {other} and {}", phone.0));
                    }
                }
            }
        }
        Ok(())
    }

    /// On every call that is up, not held and not muted, both sides hear each other.
    fn speech_test(&mut self) {
        let mut pairs = Vec::new();
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let leg = agent_call(&call);
                let id = call["id"].as_str().unwrap_or_default().to_owned();
                if leg["state"] != "connected" || leg["held"] == true || leg["muted"] == true {
                    continue;
                }
                let key = ConversationId::from(id.as_str());
                for phone in &self.phones[user] {
                    let books = self.world.observer().books(*phone);
                    if let Some(media) =
                        books.talking.get(&key).and_then(|session| books.started.get(session))
                    {
                        pairs.push((*phone, *media, id.clone()));
                    }
                }
            }
        }
        let mut number = CUSTOMERS_SAY * 2;
        for _ in 0..WORDS {
            for (phone, media, id) in &pairs {
                number += 2;
                let (agent, customer) = (number, number + 1);
                let awaited = &mut self.world.observer_mut().awaited;
                awaited.insert(agent, format!("the customer of {id} on phone {}", phone.0));
                awaited.insert(customer, format!("the agent of {id} on phone {}", phone.0));
                let (now, voice) = (self.world.now(), self.voice());
                let frame = voice.frame(now, agent, false);
                self.world.press(*phone, |keys| keys.speak(*media, frame));
                self.world.customer_speaks(id, voice.frame(now, customer, false));
            }
            let until = self.world.now() + WORD;
            self.pass(until);
        }
        let until = self.world.now() + HEARD;
        self.pass(until);
        self.require("who talks is heard", |run| {
            let mut unheard = std::mem::take(&mut run.world.observer_mut().awaited);
            // Calls that ended meanwhile need not be heard out.
            unheard.retain(|_, who| {
                pairs.iter().any(|(phone, _, id)| {
                    who.contains(id.as_str())
                        && run
                            .world
                            .observer()
                            .books(*phone)
                            .talking
                            .contains_key(&ConversationId::from(id.as_str()))
                })
            });
            match unheard.first_key_value() {
                Some((number, who)) => Err(format!("word {number} was not heard by {who}")),
                None => Ok(()),
            }
        });
        for _ in &pairs {
            self.world.count("calls heard both ways");
        }
    }

    // Rest

    fn hang_up_all(&mut self) {
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let id = call["id"].as_str().unwrap_or_default().to_owned();
                self.world.control("POST", &format!("calls/{id}/hangup"), &Value::Null);
            }
        }
    }

    fn at_rest(&mut self) -> Result<(), String> {
        for phone in self.world.phones() {
            let books = self.world.observer().books(phone);
            let who = |what: &str| Err(format!("phone {}: {what}", phone.0));
            if let Some(id) = books.ringing.first() {
                return who(&format!("{id} rings for ever"));
            }
            if let Some((id, _)) = books.talking.first_key_value() {
                return who(&format!("{id} never ends"));
            }
            if let Some(id) = books.listed_up().next() {
                return who(&format!("{id} is listed for ever"));
            }
            if let Some((id, _)) = books.commands.first_key_value() {
                return who(&format!("{id:?} is never answered"));
            }
            if books.started.len() > 1 {
                let theirs = self.world.sessions(self.world.user_of(phone));
                let ours: Vec<_> = books.started.keys().collect();
                return who(&format!("{ours:?} without a call; the service has {theirs:?}"));
            }
        }
        Ok(())
    }

    /// Everybody goes home; nothing may be left.
    fn destroy(&mut self) {
        for phone in self.world.phones() {
            self.world.dismiss(phone);
            // It may be closed already.
            let _ = self.world.press(phone, |keys| keys.submit(Command::Destroy));
        }
        let until = self.world.now() + Duration::from_secs(60);
        if !self.pass(until) {
            return;
        }
        self.require("nothing is left behind", |run| {
            for phone in run.world.phones() {
                let client = run.world.client(phone);
                let (remembered, connected) = (client.remembered(), client.is_connected());
                let started = run.world.observer().books(phone).started.len();
                let (timer, open) = (run.world.timer(phone), run.world.open_sockets(phone));
                if remembered > 0 || connected || started > 0 || open > 0 || timer.is_some() {
                    return Err(format!(
                        "phone {}: {remembered} things remembered, {started} sessions, \
                         {open} sockets, connected: {connected}, timer: {timer:?}",
                        phone.0
                    ));
                }
            }
            let mut own = std::mem::take(&mut run.world.observer_mut().own);
            let now = run.world.now();
            for invariant in &mut own {
                let holds = invariant.at_rest();
                run.world.observer_mut().require(now, invariant.name(), holds);
            }
            Ok(())
        });
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
