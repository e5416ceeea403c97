//! The same days twice, with and without a fault that changes nothing (nos. 12 and 13 of the plan of the gateway).

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::Seed;
use offhook::ribbon::{
    AnswerOptions, CallDirection, CallId, CallMedia, CallState, Command, Credentials, Event,
    MakeOptions, Service,
};
use offhook_sim::ribbon::Ribbon;
use offhook_sim::world::{
    Application, Conditions, Dice, Fidelity, Keys, Moment, Observer, PhoneId, RestWeather, Seen,
    World,
};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;
/// The time between two deeds of one phone: whatever one leads to is over by the next, though it comes late.
const STEP: Duration = Duration::from_secs(30);
const STEPS: u32 = 16;
const USERS: [&str; 2] = ["ada@lab.test", "bob@lab.test"];
const PARTIES: [(&str, &str, u64); 3] = [
    ("ann@far.test", "answer", 800),
    ("cy@far.test", "early-media", 2000),
    ("eli@far.test", "busy", 500),
];

/// Everything that clients tell, and when.
#[derive(Default)]
struct Told(Vec<(Duration, PhoneId, String)>);

impl Observer<Ribbon> for Told {
    fn see(&mut self, at: Duration, seen: Seen<'_, Ribbon>) {
        match seen {
            Seen::Told { phone, event } => self.0.push((at, phone, format!("{event:?}"))),
            Seen::Completed { phone, id, result } => {
                self.0.push((at, phone, format!("{id:?} {result:?}")));
            }
            Seen::Wrong { what } => panic!("{what}"),
            _ => {}
        }
    }
}

/// Somebody who does something at each step, drawn beforehand.
struct Script {
    dice: Dice,
    user: usize,
    next: Duration,
    steps: u32,
    /// Calls in the order in which they were told of.
    calls: Vec<CallId>,
    ringing: BTreeMap<CallId, Duration>,
}

impl Script {
    fn act(&mut self, keys: &mut Keys<'_, Ribbon>) {
        // The same lots whatever there is to do with them.
        let (what, which, whom) = (self.dice.below(9), self.dice.below(64), self.dice.below(4));
        let client = keys.client();
        let live = self.calls.iter().filter_map(|id| client.call(id));
        let live: Vec<_> = live.filter(|call| !call.state.is_final()).collect();
        let to = if whom < 3 { PARTIES[whom].0 } else { USERS[1 - self.user] };
        let make = || {
            let (media, options) = (CallMedia::AUDIO, MakeOptions::default());
            Command::Make { to: to.to_owned(), media, options }
        };
        let command = match live.get(which % live.len().max(1)) {
            None => make(),
            Some(_) if what < 3 && live.len() < 3 => make(),
            Some(info) => {
                let call = info.id.clone();
                match (what, info.state) {
                    (8, _) => Command::End { call },
                    (7, CallState::Connected) => Command::RestartMedia { call },
                    (6, _) => Command::Resync { call },
                    (5, CallState::OnHold) => {
                        Command::DirectTransfer { call, to: PARTIES[0].0.to_owned() }
                    }
                    (_, CallState::OnHold) => Command::Unhold { call },
                    _ => Command::Hold { call },
                }
            }
        };
        // What cannot be done now is refused, and changes nothing.
        let _ = keys.submit(command);
    }
}

impl Application<Ribbon> for Script {
    fn handle(&mut self, at: Duration, moment: Moment<'_, Ribbon>, keys: &mut Keys<'_, Ribbon>) {
        match moment {
            Moment::Start => {
                let credentials = Credentials::password(USERS[self.user], "password");
                keys.submit(Command::SetCredentials(credentials)).unwrap();
                let services = vec![Service::Call];
                keys.submit(Command::Subscribe { services, correlator: None }).unwrap();
            }
            Moment::Event(Event::CallState { call, .. }) => {
                if !self.calls.contains(&call.id) {
                    self.calls.push(call.id.clone());
                }
                let rings = matches!(call.state, CallState::Ringing | CallState::Initiated);
                if rings && call.direction == CallDirection::Incoming {
                    let due = at + S(2);
                    self.ringing.entry(call.id.clone()).or_insert(due);
                } else {
                    self.ringing.remove(&call.id);
                }
            }
            Moment::Wake => {
                let due = self.ringing.iter().filter(|(_, due)| **due <= at);
                let due: Vec<_> = due.map(|(call, _)| call.clone()).collect();
                for call in due {
                    self.ringing.remove(&call);
                    let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
                    let _ = keys.submit(Command::Answer { call, media, options });
                }
                if self.next <= at && self.steps > 0 {
                    self.steps -= 1;
                    self.next += STEP;
                    self.act(keys);
                }
            }
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Duration> {
        let step = (self.steps > 0).then_some(self.next);
        self.ringing.values().copied().chain(step).min()
    }
}

/// A day as it was told, and as it ended: the calls of each phone that are left.
struct Ended {
    told: Vec<(Duration, PhoneId, String)>,
    left: Vec<String>,
}

/// A day of two users with that weather of notifications, and with replies that take so much longer.
fn day(seed: u64, weather: &Value, slow: Duration) -> Ended {
    let mut world: World<Told, Ribbon> = World::empty(seed, Fidelity::Signaling, Told::default());
    world.gateway("POST", "options", &json!({"retryAfterMs": 1000})).unwrap();
    world.gateway("POST", "weather", weather).unwrap();
    for (address, script, after) in PARTIES {
        let party =
            json!({"address": address, "script": script, "afterMs": after, "farEnd": "echo"});
        world.gateway("POST", "parties", &party).unwrap();
    }
    let root = Seed::from(seed);
    for (user, name) in USERS.iter().enumerate() {
        world.add_gateway_user(name, "password");
        let script = Script {
            dice: Dice::new(&root, name),
            user,
            next: S(20) + S(10) * user as u32,
            steps: STEPS,
            calls: Vec::new(),
            ringing: BTreeMap::new(),
        };
        let phone = world.add_gateway_phone(name, Box::new(script), |config| config);
        world.set_conditions(phone, Conditions::good());
        world.set_rest(phone, RestWeather { slow, ..RestWeather::default() });
    }
    let mut dice = Dice::new(&root, "far");
    for step in 0..STEPS {
        world.run(S(40) + STEP * step);
        far_act(&mut world, &mut dice);
    }
    world.run(S(40) + STEP * STEPS + S(200));
    let mut left = Vec::new();
    for phone in world.phones() {
        let calls = world.client(phone).calls();
        let live = calls.iter().filter(|call| !call.state.is_final());
        let told = live.map(|call| {
            format!("{} {:?} {:?} {:?}", call.state, call.hold, call.direction, call.remote)
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        left.push(format!("{phone:?} of {}: {told:?}", calls.len()));
    }
    let told = std::mem::take(&mut world.observer_mut().0);
    Ended { told, left }
}

/// Somebody far away calls, or does something in the call that was made first of those that are left.
fn far_act(world: &mut World<Told, Ribbon>, dice: &mut Dice) {
    let (what, whom) = (dice.below(7), dice.below(2));
    if what < 2 {
        let from = json!({"name": "Grace", "address": "grace@far.test"});
        let call =
            json!({"to": USERS[whom], "from": from, "farEnd": "echo", "slowStart": what == 1});
        world.gateway("POST", "calls", &call);
        return;
    }
    let calls = world.gateway("GET", "calls", &Value::Null).unwrap_or_default();
    let mut calls = calls.as_array().into_iter().flatten();
    let Some(call) = calls.find(|call| call["state"] != "ended") else { return };
    let (what, body) = [
        ("hold", json!({})),
        ("unhold", json!({})),
        ("music", json!({"on": true})),
        ("refresh", json!({})),
        ("new-peer", json!({})),
    ][what - 2]
        .clone();
    let id = call["id"].as_str().unwrap_or_default();
    world.gateway("POST", &format!("calls/{id}/{what}"), &body);
}

#[test]
fn no_12_notifications_that_come_twice_change_nothing() {
    for seed in 0..12 {
        let plain = day(seed, &json!({}), Duration::ZERO);
        let twice = day(seed, &json!({"duplicate": 0.5}), Duration::ZERO);
        assert!(plain.told.len() > 200, "too tame: {}", plain.told.len());
        let differ = plain.told.iter().zip(&twice.told).find(|(one, other)| one != other);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(plain.told.len(), twice.told.len(), "seed {seed}");
        assert_eq!(plain.left, twice.left, "seed {seed}");
    }
}

#[test]
fn no_13_what_only_comes_late_changes_no_final_state() {
    for seed in 0..12 {
        let plain = day(seed, &json!({}), Duration::ZERO);
        let late = day(seed, &json!({"delayMs": [0, 1500]}), Duration::ZERO);
        assert_eq!(plain.left, late.left, "seed {seed}: notifications");
        let late = day(seed, &json!({}), Duration::from_millis(300));
        assert_eq!(plain.left, late.left, "seed {seed}: replies");
    }
}
