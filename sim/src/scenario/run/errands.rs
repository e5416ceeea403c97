//! Errands carried out: customers come, lose patience, talk and hang up; what was wrong gets
//! better.

use std::time::Duration;

use offhook::genesys::Command;
use offhook::media::{AudioFrame, Digit};
use serde_json::{Value, json};

use super::errand::Errand;
use super::{CALLEES, Centre, user_name};
use crate::scenario::checks::Checks;
use crate::scenario::rooms::{OPENS, STIRS};
use crate::world::{STEP, Voice, World};

/// Until a call must be known to its user where nothing is wrong.
const KNOWN: Duration = Duration::from_secs(3);
/// Until a call that was made surely rings.
const RINGS: Duration = Duration::from_millis(400);
/// Between two customers who press keys.
const PRESSES: Duration = Duration::from_secs(5);

impl Centre {
    pub(super) fn begin(&mut self) {
        self.next_arrival();
        for number in 0..self.scenario.faults.len() {
            self.next_fault(number);
        }
        if let Some(every) = self.scenario.speech {
            self.plan(every, Errand::Speak(0));
        }
        if self.is_untidy() {
            self.plan(PRESSES, Errand::Press);
        }
        if self.scenario.habits.dials_every.is_some() {
            self.plan(CALLEES, Errand::Callees);
        }
        self.begin_rooms();
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

    pub(super) fn perform(&mut self, errand: Errand) {
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
            Errand::FarResumes(id) => self.far_resumes(id),
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
            Errand::Reset(phone) => self.world.reset(phone),
            Errand::Known { conversation, user } => self.look_whether_known(&conversation, user),
            Errand::Disturb { conversation, what, body } if self.open => {
                self.disturb_this(&conversation, what, &body);
            }
            Errand::Press if self.open => {
                self.customer_presses();
                self.plan(self.world.now() + PRESSES, Errand::Press);
            }
            Errand::Speak(nth) if self.open => {
                self.customers_speak(nth);
                if let Some(every) = self.scenario.speech {
                    let goes_on = nth + 1 < self.voice().spurt();
                    let (pause, next) = if goes_on { (STEP, nth + 1) } else { (every, 0) };
                    self.plan(self.world.now() + pause, Errand::Speak(next));
                }
            }
            Errand::OpenRoom if self.open => {
                self.open_room();
                self.next_of_rooms(OPENS, Errand::OpenRoom);
            }
            Errand::StirRoom if self.open => {
                self.stir_room();
                self.next_of_rooms(STIRS, Errand::StirRoom);
            }
            Errand::EndRoom(id) => self.end_room(&id),
            Errand::Listen(phone) if self.open => self.listen(phone),
            Errand::Heard(ear) if self.open => self.must_have_heard(&ear),
            Errand::Arrival
            | Errand::Listen(_)
            | Errand::Heard(_)
            | Errand::Call(_)
            | Errand::OpenRoom
            | Errand::StirRoom
            | Errand::Fault(_)
            | Errand::Better(_)
            | Errand::Callees
            | Errand::Disturb { .. }
            | Errand::Press
            | Errand::Speak(_) => {}
        }
    }

    /// Calls a user as a customer.
    pub(super) fn call(&mut self, user: usize) {
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
        let sdp = self.dice.chance(customers.sdp);
        // By what is known of the call, its checks know what an application is to be told.
        let queue = format!("Queue {}", user % 3);
        let address = format!("tel:+1555{:07}", self.next_errand);
        let body = json!({
            "kind": "inbound",
            "from": {"name": "Customer", "address": address},
            "called": "tel:+15550100",
            "queue": {"id": format!("queue-{}", user % 3), "name": queue},
            "attributes": {"caller": address, "queue": queue},
            "userId": user_name(user),
            "signaling": if sdp { "sdp" } else { "jingle" },
            "trickle": !sdp || self.candidates.chance(customers.trickle),
            "autoAnswer": self.dice.chance(customers.auto_answer),
            "eventFirst": !self.dice.chance(customers.event_late),
            "purpose": if self.dice.chance(customers.direct) { "user" } else { "agent" },
            "farEnd": "external",
        });
        let (_, call) = self.world.control("POST", "calls", &body);
        let Some(id) = call["conversationId"].as_str().map(str::to_owned) else { return };
        self.world.count("customers call");
        if self.is_quiet() && !self.rings_in_vain(user) {
            let (conversation, at) = (id.clone(), self.world.now() + KNOWN);
            self.plan(at, Errand::Known { conversation, user });
        }
        for (what, body) in std::mem::take(&mut self.for_next) {
            let at = self.world.now() + RINGS;
            self.plan(at, Errand::Disturb { conversation: id.clone(), what, body });
        }
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

    /// Lets those whom agents called talk and hang up as customers do.
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

    pub(super) const fn voice(&self) -> Voice {
        Voice(self.scenario.fidelity)
    }

    /// Presses two keys as some customer. None is pressed again soon.
    fn customer_presses(&mut self) {
        let calls: Vec<_> = self.live.iter().flatten().cloned().collect();
        let Some(id) = self.untidy.pick(&calls).cloned() else { return };
        let far = self.world.far_voice(&id).unwrap_or_default();
        if far.keys && far.speaks {
            self.pressed = self.pressed.wrapping_add(2);
            let key = |n: u8| Digit::from_event(n % 16);
            let digits = [key(self.pressed), key(self.pressed.wrapping_add(1))];
            self.world.count("keys pressed by customers");
            self.world.customer_presses(&id, digits.into_iter().flatten().collect());
        }
    }

    fn customers_speak(&mut self, nth: u32) {
        for id in self.live.clone().into_iter().flatten() {
            let mut said = self.said;
            let frames = self.customer_frames(&id, nth, || {
                said += 1;
                said
            });
            self.said = said;
            for frame in frames {
                self.world.customer_speaks(&id, frame);
            }
        }
    }

    /// The frames that a customer says in that step of a talk spurt: as their far end has agreed
    /// on, and in frames of its length.
    pub(super) fn customer_frames(
        &self,
        id: &str,
        nth: u32,
        number: impl FnMut() -> u64,
    ) -> Vec<AudioFrame> {
        let far = self.world.far_voice(id).unwrap_or_default();
        self.voice().step(self.world.now(), nth, far, number)
    }
}
