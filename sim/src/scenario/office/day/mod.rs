//! A day of an office: work with trouble, healing, a look whether all agree, and rest.

mod exercise;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use offhook::Seed;
use offhook::ribbon::{CallInfo, CallState, Command, Credentials, TraceDetail};
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing::dispatcher::with_default;

use super::super::Scenario;
use super::super::report::Report;
use super::agent::Agent;
use super::checks::Checks;
use super::desk::Desk;
use super::trouble::{Climate, Trouble, far_act};
use crate::dice::Dice;
use crate::services::Ribbon;
use crate::world::{Conditions, Line, NatKind, PhoneId, RestWeather, Spent, Story, Voice, World};

const S: fn(u64) -> Duration = Duration::from_secs;
/// From the end of the trouble to the look whether all agree: a subscription that is forgotten is missed at
/// its next renewal, a call at its next audits.
const HEALING: Duration = Duration::from_secs(360);
/// From the silence of a socket until whoever wrote into it gives it up: the least that RFC 1122 section
/// 4.2.3.5 wants.
const GIVEN_UP: Duration = Duration::from_secs(100);
/// From the last hang-up to rest.
const RESTING: Duration = Duration::from_secs(100);
/// Parties that can be called, and how they take it.
const PARTIES: [(&str, &str, u64); 9] = [
    ("ann@far.test", "answer", 800),
    ("ben@far.test", "answer", 100),
    ("cy@far.test", "ring", 5000),
    ("dot@far.test", "early-media", 2000),
    ("eli@far.test", "busy", 500),
    ("fay@far.test", "decline", 900),
    ("gus@far.test", "slow", 3000),
    ("hal@far.test", "silent", 0),
    // Longer than a handshake is tried again.
    ("ivy@far.test", "slow", 50_000),
];

/// The translators of addresses that users are behind.
const NATS: [NatKind; 5] = [
    NatKind::Open,
    NatKind::FullCone,
    NatKind::Restricted,
    NatKind::PortRestricted,
    NatKind::Symmetric,
];
/// The time after which a phone that was away has a socket to the gateway again, without which nobody can be told of
/// another path.
const ONLINE: Duration = Duration::from_secs(20);

/// Another host, to which requests may be sent on.
const ELSEWHERE: &str = "https://elsewhere.lab.test";

/// Something that is to be done.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// Somebody calls this user.
    Call(usize),
    /// Something comes to this user that no colleague sent.
    Mail(usize),
    /// A far party does something.
    Act,
    /// Trouble of this kind befalls this phone, and again after about this time.
    Trouble(Trouble, PhoneId, Duration),
    /// A phone's socket that fell silent breaks: what was sent into it is given up in the end (RFC 9293
    /// section 3.8.3).
    Break(PhoneId),
    /// Requests of a phone are answered as they should be.
    Calm(PhoneId),
    /// The way of a phone is as it was.
    Quiet(PhoneId),
    /// Notifications come as they should.
    Clear,
    /// Requests go where they should.
    Straight,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Day {
    scenario: Scenario,
    climate: Climate,
    seed: u64,
    world: World<Checks, Ribbon>,
    /// The subscriber of what the phones log.
    subscriber: Dispatch,
    dice: Dice,
    errands: BTreeMap<u64, Errand>,
    next_errand: u64,
    users: Vec<String>,
    phones: Vec<PhoneId>,
    open: bool,
    /// True if clients hear each other: the gateway is in the middle of their media.
    brokered: bool,
    /// The phones whose media goes by the relay alone.
    relayed: BTreeSet<PhoneId>,
    /// True once a request to give an address back may have been lost.
    lossy: bool,
    stop: Option<Duration>,
}

fn password(user: usize) -> String {
    format!("password-{user}")
}

impl Day {
    pub(crate) fn new(scenario: &Scenario, climate: Climate, seed: u64) -> Self {
        let root = Seed::from(seed).child(scenario.name());
        let calm = climate == Climate::Calm;
        let checks = Checks::new(calm, calm || climate == Climate::Roaming);
        let subscriber = checks.logs().subscriber();
        let world = World::empty(seed, scenario.fidelity, checks);
        Self {
            scenario: scenario.clone(),
            climate,
            seed,
            world,
            subscriber,
            dice: Dice::new(&root, "office"),
            errands: BTreeMap::new(),
            next_errand: 0,
            users: (0..scenario.size()).map(|n| format!("user-{n}@lab.test")).collect(),
            phones: Vec::new(),
            open: true,
            brokered: false,
            relayed: BTreeSet::new(),
            lossy: false,
            stop: None,
        }
    }

    pub(crate) fn tell(&mut self, lines: usize) {
        self.world.tell(lines);
    }

    pub(crate) fn tell_to(&mut self, listener: SyncSender<Line>) {
        self.world.tell_to(listener);
    }

    pub(crate) fn measure(&mut self) {
        self.world.measure();
    }

    pub(crate) fn spent(&self) -> Option<Spent> {
        self.world.spent()
    }

    pub(crate) fn messages(&self) -> u64 {
        self.world.messages()
    }

    pub(crate) fn story(&self) -> Option<&Story> {
        self.world.story()
    }

    pub(crate) fn now(&self) -> Duration {
        self.world.now()
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub(crate) fn stop_at(&mut self, at: Duration) {
        self.stop = Some(at);
    }

    fn plan(&mut self, delay: Duration, errand: Errand) {
        self.next_errand += 1;
        self.errands.insert(self.next_errand, errand);
        let at = self.world.now() + delay;
        self.world.errand(at, self.next_errand);
    }

    fn furnish(&mut self) {
        let habits = self.climate.habits(&mut self.dice);
        self.brokered = habits["broker"] == json!(true);
        self.world.gateway("POST", "options", &habits);
        for (address, script, after) in PARTIES {
            let party =
                json!({"address": address, "script": script, "afterMs": after, "farEnd": "echo"});
            self.world.gateway("POST", "parties", &party);
        }
        let root = Seed::from(self.seed).child("agents");
        let roams = self.climate == Climate::Roaming;
        let relay = roams.then(|| self.world.set_relay());
        for (n, user) in self.users.clone().iter().enumerate() {
            self.world.add_gateway_user(user, &password(n));
            let others = self.users.iter().filter(|other| *other != user).cloned();
            let colleagues: Vec<_> = others.clone().collect();
            let parties = PARTIES.map(|(address, ..)| address.to_owned());
            let others: Vec<_> = others.chain(parties).collect();
            // Some have a second telephone.
            let phones =
                if self.climate == Climate::Swarm && self.dice.chance(0.3) { 2 } else { 1 };
            for phone in 0..phones {
                let dice = Dice::new(&root, &format!("{n} {phone}"));
                let credentials = Credentials::password(user.as_str(), password(n));
                let voice = Voice(self.scenario.fidelity);
                let at_desk = Dice::new(&root, &format!("desk {n} {phone}"));
                let desk = Desk::new(at_desk, self.climate, user, colleagues.clone());
                let agent = Agent::new(dice, credentials, others.clone(), voice, desk);
                let resyncs = self.climate == Climate::Swarm && self.dice.chance(0.5);
                let glare = if self.dice.chance(0.5) { 0 } else { 2 };
                let conditions = self.scenario.conditions.clone();
                let traces = Dice::new(&root, &format!("trace {n} {phone}")).chance(0.3);
                let mut place = Dice::new(&root, &format!("place {n} {phone}"));
                let relayed = relay.is_some() && place.chance(0.5);
                let id = self.world.add_gateway_phone(user, Box::new(agent), |config| {
                    let call = config.call.clone().resync_on_connect(resyncs).glare_retries(glare);
                    let peer = call
                        .peer
                        .clone()
                        .ice_servers(relay.iter().cloned().collect::<Vec<_>>())
                        .relay_only(relayed);
                    // Those of the gateway's would be for relays of its own.
                    let theirs = call.server_turn_credentials && relay.is_none();
                    let call = call.peer(peer).server_turn_credentials(theirs);
                    let trace = config.trace.clone().on(traces).detail(TraceDetail::Full);
                    config.call(call).trace(trace.bodies(true))
                });
                self.world.set_conditions(id, conditions);
                if let Some(relay) = &relay {
                    self.world.set_nat(id, NATS[place.below(NATS.len())]);
                    self.world.set_watching(id, true);
                    let password = relay.credential.as_ref().map_or("", |secret| secret.expose());
                    self.world.observer_mut().keeps_secret(id, password);
                }
                self.relayed.extend(relayed.then_some(id));
                self.world.observer_mut().services_mut().joins(id, user);
                self.phones.push(id);
            }
        }
        for user in 0..self.users.len() {
            let delay = self.dice.exponential(S(120));
            self.plan(delay, Errand::Call(user));
            let delay = self.dice.exponential(S(120));
            self.plan(delay, Errand::Mail(user));
        }
        self.plan(S(30), Errand::Act);
        let drawn = self.climate.drawn(&mut self.dice);
        for phone in self.phones.clone() {
            for (kind, every) in &drawn {
                let delay = self.dice.exponential(*every);
                self.plan(delay, Errand::Trouble(*kind, phone, *every));
            }
        }
    }

    fn perform(&mut self, errand: Errand) {
        match errand {
            Errand::Call(user) if self.open => {
                let from = json!({"name": "Grace", "address": "grace@far.test"});
                let slow = self.dice.chance(0.15);
                let channel = ["websocket", "websocket", "both"][self.dice.below(3)];
                let call = json!({
                    "to": self.users[user], "from": from, "slowStart": slow,
                    "channel": channel, "farEnd": "echo",
                });
                if self.world.gateway("POST", "calls", &call).is_some() {
                    self.world.count("called");
                }
                let delay = self.dice.exponential(S(150));
                self.plan(delay, errand);
            }
            Errand::Mail(user) if self.open => {
                self.deliver(user);
                let delay = self.dice.exponential(S(120));
                self.plan(delay, errand);
            }
            Errand::Act if self.open => {
                self.act();
                let delay = self.dice.exponential(S(40) / self.users.len() as u32);
                self.plan(delay, errand);
            }
            Errand::Trouble(kind, phone, every) if self.open => {
                self.world.count(kind.name());
                self.world.remark(Some(phone), kind.name());
                self.befall(kind, phone);
                let delay = self.dice.exponential(every);
                self.plan(delay, errand);
            }
            Errand::Call(_) | Errand::Mail(_) | Errand::Act | Errand::Trouble(..) => {}
            Errand::Break(phone) => self.world.reset(phone),
            Errand::Calm(phone) => self.world.set_rest(phone, RestWeather::default()),
            Errand::Quiet(phone) => {
                self.world.set_conditions(phone, self.scenario.conditions.clone());
            }
            Errand::Clear => self.clear(),
            Errand::Straight => {
                self.world.gateway("POST", "options", &json!({"redirect": null}));
            }
        }
    }

    fn act(&mut self) {
        let calls = self.gateway_calls();
        let Some(call) = self.dice.pick(&calls).and_then(|call| call["id"].as_str()) else {
            return;
        };
        let (what, body) = far_act(&mut self.dice, self.climate);
        if self.world.gateway("POST", &format!("calls/{call}/{what}"), &body).is_some() {
            self.world.count(what);
        }
    }

    fn befall(&mut self, kind: Trouble, phone: PhoneId) {
        let user = self.world.user_of(phone).to_owned();
        if let Some(mode) = kind.drop_mode() {
            self.world.gateway("POST", "subscriptions/drop", &json!({"user": user, "mode": mode}));
            return;
        }
        match kind {
            Trouble::Reset => self.world.reset(phone),
            Trouble::HalfOpen => {
                self.world.half_open(phone);
                self.plan(GIVEN_UP, Errand::Break(phone));
            }
            Trouble::Cut => {
                let time = self.dice.between((S(1), S(40)));
                self.world.cut(phone, time);
            }
            Trouble::Slow => {
                self.world.set_rest(phone, RestWeather { slow: S(2), ..RestWeather::default() });
                self.plan(S(40), Errand::Calm(phone));
            }
            Trouble::Rest => {
                let weather = RestWeather {
                    fails: 0.2,
                    answers_lost: 0.2,
                    unreachable: 0.1,
                    slow: Duration::from_millis(300),
                };
                self.world.set_rest(phone, weather);
                self.plan(S(40), Errand::Calm(phone));
            }
            Trouble::Weather => {
                let weather = json!({
                    "delayMs": [0, 1500], "duplicate": 0.3, "reorder": 0.2,
                    "notifyBeforeReply": 0.5,
                });
                self.world.gateway("POST", "weather", &weather);
                self.plan(S(60), Errand::Clear);
            }
            Trouble::Busy => {
                let fault = json!({
                    "method": "POST", "path": "subscription$", "status": 503, "times": 2,
                    "body": {"subscribeResponse": {"statusCode": 503, "retryAfter": 2000}},
                });
                self.world.gateway("POST", "faults", &fault);
                let dropped = json!({"user": user, "mode": "gone"});
                self.world.gateway("POST", "subscriptions/drop", &dropped);
            }
            Trouble::Redirect => {
                let lot = Seed::from(self.seed).child(&format!("redirect {}", self.next_errand));
                let mut dice = Dice::new(&lot, "where");
                let origin = ["", "", ELSEWHERE][dice.below(3)];
                let times = [1, 1, 4, 9][dice.below(4)];
                let redirect =
                    json!({"redirect": 307, "redirectTo": origin, "redirectTimes": times});
                self.world.gateway("POST", "options", &redirect);
                self.plan(S(30), Errand::Straight);
            }
            Trouble::Moved => {
                self.world.move_phone(phone);
                self.disturb(Some(phone), ONLINE);
            }
            Trouble::Rebound => {
                self.world.rebind_nat(phone);
                self.disturb(Some(phone), Duration::ZERO);
            }
            Trouble::Wifi => {
                self.lossy = true;
                self.world.set_conditions(phone, Conditions::bad_wifi());
                self.plan(S(60), Errand::Quiet(phone));
                self.disturb(Some(phone), S(60));
            }
            Trouble::ShortCut => {
                self.lossy = true;
                let time = self.dice.between((S(1), S(5)));
                self.world.cut(phone, time);
                self.disturb(Some(phone), time + ONLINE);
            }
            Trouble::RelayRestarts => {
                self.world.restart_relay();
                self.disturb(None, Duration::ZERO);
            }
            Trouble::RelayFull => {
                self.world.fill_relay(S(6));
                self.disturb(None, S(6));
            }
            Trouble::RelaySilent => {
                self.lossy = true;
                let time = self.dice.between((S(1), S(6)));
                self.world.silence_relay(time);
                self.disturb(None, time);
            }
            Trouble::Closed
            | Trouble::Gone
            | Trouble::Overridden
            | Trouble::Expired
            | Trouble::Forgotten => {}
        }
    }

    /// Counts what is heard from so long after now on.
    fn disturb(&mut self, phone: Option<PhoneId>, time: Duration) {
        let until = self.world.now() + time;
        self.world.observer_mut().disturbed(phone, until);
    }

    fn clear(&mut self) {
        let weather = json!({
            "delayMs": [0, 0], "duplicate": 0, "reorder": 0, "drop": 0, "notifyBeforeReply": 0,
        });
        self.world.gateway("POST", "weather", &weather);
    }

    /// Runs until then. False once something was found, or where it stops.
    fn pass(&mut self, until: Duration) -> bool {
        let until = self.stop.map_or(until, |stop| until.min(stop));
        while let Some(number) = with_default(&self.subscriber, || self.world.run(until)) {
            if let Some(errand) = self.errands.remove(&number) {
                self.perform(errand);
            }
            if self.world.observer().finding.is_some() {
                return false;
            }
        }
        let stopped = self.stop.is_some_and(|stop| stop <= self.world.now());
        self.world.observer().finding.is_none() && !stopped
    }

    pub(crate) fn through(&mut self) {
        let evening = self.scenario.working();
        self.furnish();
        if !self.pass(evening) {
            return;
        }
        self.open = false;
        self.world.evening();
        self.clear();
        self.world.gateway("POST", "options", &json!({"redirect": null}));
        self.world.gateway("DELETE", "faults", &Value::Null);
        for phone in self.phones.clone() {
            self.world.heal(phone, Conditions::good());
        }
        if !self.pass(evening + HEALING) {
            return;
        }
        // A call may end at this very moment, and its notification be on its way; or go to a subscription that
        // is no more, and then the next audit tells.
        for _ in 0..12 {
            if self.calls_agree().is_ok() {
                break;
            }
            let soon = self.world.now() + S(3);
            if !self.pass(soon) {
                return;
            }
        }
        self.require("5: the gateway and its clients agree", Self::calls_agree);
        let at = self.world.now();
        self.world.observer_mut().look(at);
        self.look_at_reports();
        if !self.exercise() {
            return;
        }
        self.require("24: nothing surprised the gateway", Self::nothing_was_odd);
        for phone in self.phones.clone() {
            self.world.dismiss(phone);
            for call in self.live(phone) {
                self.world.press(phone, |keys| drop(keys.submit(Command::End { call: call.id })));
            }
        }
        let rest = self.world.now() + RESTING;
        if !self.pass(rest) {
            return;
        }
        if !self.serve() {
            return;
        }
        // A renewal may be under way at this very moment.
        for _ in 0..3 {
            if self.at_rest().is_ok() {
                break;
            }
            let soon = self.world.now() + S(3);
            if !self.pass(soon) {
                return;
            }
        }
        self.require("20: everything that began has ended", Self::at_rest);
        for phone in self.phones.clone() {
            self.world.press(phone, |keys| drop(keys.submit(Command::Destroy)));
        }
        let end = self.world.now() + S(15);
        if !self.pass(end) {
            return;
        }
        self.require("9: nothing is left of a client that ended", Self::nothing_left);
    }

    fn require(&mut self, invariant: &str, holds: impl FnOnce(&mut Self) -> Result<(), String>) {
        let holds = holds(self);
        let at = self.world.now();
        self.world.observer_mut().require(at, invariant, holds);
    }

    fn live(&self, phone: PhoneId) -> Vec<CallInfo> {
        let calls = self.world.client(phone).calls();
        calls.into_iter().filter(|call| !call.state.is_final()).collect()
    }

    fn gateway_calls(&mut self) -> Vec<Value> {
        let calls = self.world.gateway("GET", "calls", &Value::Null);
        calls.and_then(|calls| calls.as_array().cloned()).unwrap_or_default()
    }

    /// The reports on all calls that clients know.
    fn look_at_reports(&mut self) {
        let at = self.world.now();
        for phone in self.phones.clone() {
            let client = self.world.client(phone);
            let calls = client.calls();
            let reports: Vec<_> = calls.iter().filter_map(|call| client.report(&call.id)).collect();
            for report in reports {
                self.world.observer_mut().look_at(at, phone, &report);
            }
        }
    }

    /// By user: calls that are up at the gateway, and at the clients.
    fn calls_agree(&mut self) -> Result<(), String> {
        let calls = self.gateway_calls();
        let legs: Vec<_> = calls
            .iter()
            .flat_map(|call| call["legs"].as_array().cloned().unwrap_or_default())
            .collect();
        for user in &self.users {
            let theirs = legs.iter().filter(|leg| {
                leg["user"] == json!(user)
                    && leg["state"] == "answered"
                    // Another client of the user's has it, who is not of the office.
                    && leg["party"] == "client"
            });
            let phones = self.phones.iter().filter(|phone| self.world.user_of(**phone) == user);
            let ours: Vec<_> = phones.flat_map(|phone| self.live(*phone)).collect();
            let up = ours.iter().filter(|call| call.state.is_up()).count();
            let count = theirs.count();
            // One that was answered while its user had no subscription still waits here: nobody tells (w2.7).
            let waits = self.climate != Climate::Calm && ours.len() >= count;
            if up > count || (up < count && !waits) {
                let ours: Vec<_> =
                    ours.iter().map(|call| format!("{} {}", call.id, call.state)).collect();
                return Err(format!(
                    "{user}: {count} at the gateway, at the clients {ours:?}; {legs:?}"
                ));
            }
        }
        Ok(())
    }

    fn nothing_was_odd(&mut self) -> Result<(), String> {
        if self.climate != Climate::Calm {
            return Ok(());
        }
        for odd in ["bad-request", "unhandled-rest", "bad-frame"] {
            let (_, told) = self.world.control("GET", &format!("events?type={odd}"), &Value::Null);
            if told["events"].as_array().is_some_and(|events| !events.is_empty()) {
                return Err(format!("{odd}: {}", told["events"][0]));
            }
        }
        Ok(())
    }

    fn at_rest(&mut self) -> Result<(), String> {
        let open = self.world.observer().open();
        if !open.is_empty() {
            return Err(format!("not answered: {open:?}"));
        }
        let running = self.world.observer().running();
        if running > 0 {
            return Err(format!("{running} operations are not over"));
        }
        for phone in self.phones.clone() {
            let client = self.world.client(phone);
            let (kept, held) = (client.remembered(), usize::from(client.subscriptions().pending));
            let subscribed = usize::from(!client.subscriptions().subscribed.is_empty()) + held;
            if kept > subscribed {
                return Err(format!("phone {} remembers {kept} things", phone.0));
            }
        }
        Ok(())
    }

    fn nothing_left(&mut self) -> Result<(), String> {
        for phone in self.phones.clone() {
            let kept = self.world.client(phone).remembered();
            let (sockets, timer) = (self.world.open_sockets(phone), self.world.timer(phone));
            if kept > 0 || sockets > 0 || timer.is_some() {
                return Err(format!(
                    "phone {} remembers {kept} things, has {sockets} sockets and waits for {timer:?}",
                    phone.0
                ));
            }
        }
        let lent = self.world.relayed();
        if lent > 0 && !self.lossy {
            return Err(format!("{lent} clients did not give back what the relay lent them"));
        }
        let held = self.world.gateway("GET", "subscriptions", &Value::Null).unwrap_or_default();
        match self.climate == Climate::Calm && held.as_array().is_some_and(|held| !held.is_empty())
        {
            true => Err(format!("subscriptions are left: {held}")),
            false => Ok(()),
        }
    }

    pub(crate) fn report(&mut self) -> Report {
        let mut counts = self.world.counts().clone();
        for (what, count) in &self.world.observer().told {
            counts.set(what, *count);
        }
        let connected = counts.get(CallState::Connected.as_str());
        counts.set("calls connected", connected);
        counts.set("calls relayed", connected * self.relayed.len() as u64);
        Report {
            seed: self.seed,
            finding: self.world.observer().finding.clone(),
            digest: self.world.digest(),
            simulated: self.world.now(),
            happenings: self.world.happenings(),
            counts,
        }
    }
}
