//! Days on which anybody does anything: what is on the screen is what the service has, whatever came before.

use std::collections::BTreeSet;

use offhook::{Rng, Seed};

use super::rows::{text, with_user};
use super::*;

/// The time in which the screen shows what the service has.
const SOON: Duration = Duration::from_secs(15);
const STEPS: usize = 60;

/// Draws of a seed.
struct Dice(Rng);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0.next_u64() % sides
    }

    fn one<'a>(&mut self, of: &'a [String]) -> Option<&'a String> {
        let count = u64::try_from(of.len()).unwrap();
        (count > 0).then(|| &of[usize::try_from(self.roll(count)).unwrap()])
    }
}

struct Day {
    emulator: Emulator,
    user: String,
    other: String,
    devices: Devices,
    ada: Person,
    dice: Dice,
    /// The deeds so far, for whoever reads of a failure.
    done: Vec<String>,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(Seed::from(seed).rng());
        let lines = dice.roll(2) + 1;
        let station = json!({"persistent": dice.roll(2) == 0, "lineAppearances": lines});
        let (emulator, user, token) = with_user(&station);
        let (other, _) = emulator.add_user("Lin", None).unwrap();
        let devices = desk();
        let ada = Person::with::<Cloud<Tokio>>(devices.clone(), &emulator, &["--token", &token]);
        let done = vec![format!("seed {seed}: {station}")];
        Self { emulator, user, other, devices, ada, dice, done }
    }

    fn asks(&self, path: &str) -> Value {
        self.emulator.control("GET", path, &json!({})).unwrap()
    }

    /// Has the service do something. It may be of no sense by now.
    fn does(&mut self, path: &str, body: &Value) {
        let done = self.emulator.control("POST", path, body).is_some();
        self.done.push(format!("{path} {body}{}", if done { "" } else { " (refused)" }));
    }

    fn presses(&mut self, key: Key) {
        self.done.push(format!("{key}"));
        self.ada.presses(key);
    }

    /// The calls that ring or go on, and those of them that ring.
    fn calls(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let calls = self.asks("calls");
        let calls = calls["calls"].as_array().unwrap().iter();
        let live = calls.filter(|call| {
            ["alerting", "contacting", "connected"].contains(&call["state"].as_str().unwrap())
        });
        let live: Vec<_> = live.collect();
        let ring = live.iter().filter(|call| call["state"] == "alerting");
        let id = |call: &&Value| text(call, "conversationId");
        (live.iter().map(id).collect(), ring.map(id).collect())
    }

    /// The meetings in which we have a part, or may.
    fn meetings(&self) -> BTreeSet<String> {
        self.meetings_that_are(&["proposed", "proceeding", "offered", "active"])
    }

    fn meetings_that_are(&self, states: &[&str]) -> BTreeSet<String> {
        let rooms = self.asks("rooms");
        let rooms = rooms["rooms"].as_array().unwrap().iter();
        let has_us = |room: &&Value| {
            let people = room["participants"].as_array().unwrap().iter();
            let mut ours = people.filter(|one| one["userId"] == self.user.as_str());
            ours.any(|one| {
                let state = one["sessionState"].as_str().unwrap_or_default();
                states.contains(&state)
            })
        };
        rooms.filter(has_us).map(|room| text(room, "roomId")).collect()
    }

    /// Waits until there are as many rows as the service has calls and meetings of ours.
    fn settles(&self) {
        let until = Instant::now() + SOON;
        loop {
            let want = self.calls().0.len() + self.meetings().len();
            let head = match want {
                0 => "no calls".to_owned(),
                count => format!("Calls: {count} "),
            };
            // The service goes on meanwhile: it is asked again soon.
            if self.ada.shows_within(TICK, &head) {
                return;
            }
            assert!(
                Instant::now() < until,
                "no {head} in\n{}\n{}\n{:#}\n{:#}",
                self.ada.words(),
                self.done.join("\n"),
                self.asks("calls"),
                self.asks("rooms")
            );
        }
    }

    fn step(&mut self) {
        let rooms: Vec<_> = self.asks("rooms")["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|room| text(room, "roomId"))
            .collect();
        let (live, ring) = self.calls();
        let (live, ring): (Vec<_>, Vec<_>) =
            (live.into_iter().collect(), ring.into_iter().collect());
        let room = self.dice.one(&rooms).cloned();
        let us = json!({"userId": self.user});
        match self.dice.roll(24) {
            0..=2 if live.len() < 4 => {
                let sdp = ["jingle", "sdp"][usize::from(self.dice.roll(2) == 0)];
                let call = json!({"kind": "inbound", "userId": self.user, "signaling": sdp, "autoAnswer": self.dice.roll(6) == 0});
                self.does("calls", &call);
            }
            3 => {
                if let Some(call) = self.dice.one(&ring).cloned() {
                    self.does(&format!("calls/{call}/cancel"), &json!({}));
                }
            }
            4 => {
                if let Some(call) = self.dice.one(&live).cloned() {
                    self.does(&format!("calls/{call}/hangup"), &json!({}));
                }
            }
            5 => {
                if let Some(call) = self.dice.one(&live).cloned() {
                    self.does(&format!("calls/{call}/reinvite"), &json!({"newSession": true}));
                }
            }
            6 if rooms.len() < 4 => {
                let peer = json!({"kind": "peer", "userId": self.user, "fromUserId": self.other});
                self.does("rooms", &peer);
            }
            // One that we asked for may be taken back before it was proposed, of which nothing is told.
            7 => {
                if let Some(room) = room.filter(|room| room.starts_with("peer-")) {
                    self.does(&format!("rooms/{room}/retract"), &us);
                }
            }
            // A room that says no more after it was asked for its offer is waited for: 3 minutes.
            8 => {
                let goes_on = |room: &String| self.meetings_that_are(&["active"]).contains(room);
                if let Some(room) = room.filter(goes_on) {
                    self.does(&format!("rooms/{room}/end"), &us);
                }
            }
            9..=13 => self.presses(Key::Char('a')),
            14 => self.presses(Key::Char('r')),
            15 => self.presses(Key::Char('h')),
            16 | 17 => self.presses(Key::Char('m')),
            18 | 19 => self.presses(Key::Char('e')),
            20 => self.presses(Key::Up),
            21 => self.presses(Key::Tab),
            // Of two sessions of ours in one room the emulator tells of one: no room proposes twice.
            22 => {
                self.settles();
                let is_there = |day: &Self| day.meetings().contains("adhoc-lab1");
                if !is_there(self) && self.asks_for(Key::Char('M'), "room or meeting:", ROOM) {
                    let until = Instant::now() + SOON;
                    while !is_there(self) {
                        let done = self.done.join("\n");
                        assert!(Instant::now() < until, "{done}\n{}", self.ada.words());
                        self.ada.waits_a_tick();
                    }
                    self.settles();
                }
            }
            _ => {
                self.asks_for(Key::Char('d'), "dial:", "+15550123");
            }
        }
    }

    /// Fills in what a key asks for, if it does.
    fn asks_for(&mut self, key: Key, prompt: &str, line: &str) -> bool {
        self.presses(key);
        // It is drawn by the next tick at the latest.
        let asks = self.ada.shows_within(2 * TICK, prompt);
        if asks {
            self.done.push(line.to_owned());
            self.ada.types(line);
        } else {
            self.presses(Key::Esc);
        }
        asks
    }

    /// Everybody else goes home, also from what was asked for last.
    fn ends(mut self) {
        let until = Instant::now() + SOON;
        // What was asked for last may begin yet, and what is shown of the devices may be a moment old.
        while !self.ada.words().contains("no calls")
            || !self.devices.open(Direction::Input).is_empty()
        {
            for call in self.calls().0 {
                self.does(&format!("calls/{call}/cancel"), &json!({}));
                self.does(&format!("calls/{call}/hangup"), &json!({}));
            }
            for room in self.meetings() {
                self.does(&format!("rooms/{room}/retract"), &json!({"userId": self.user}));
                self.does(&format!("rooms/{room}/end"), &json!({"everybody": true}));
            }
            self.settles();
            assert!(Instant::now() < until, "{}", self.done.join("\n"));
        }
        self.ada.leaves();
    }
}

fn day(seed: u64) {
    let mut day = Day::new(seed);
    for _ in 0..STEPS {
        day.step();
        // Often the next thing comes before all is done.
        if day.dice.roll(3) > 0 {
            day.settles();
        }
    }
    day.ends();
}

/// `OFFHOOK_DAYS=4..40` has other days.
#[test]
fn whatever_anybody_does_the_screen_shows_what_the_service_has() {
    let days = std::env::var("OFFHOOK_DAYS").unwrap_or_else(|_| "1..3".to_owned());
    let (first, end) = days.split_once("..").expect("OFFHOOK_DAYS is FIRST..END");
    for seed in first.parse().unwrap()..end.parse().unwrap() {
        day(seed);
    }
}
