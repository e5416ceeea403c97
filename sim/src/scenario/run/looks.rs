//! The looks that are taken once nothing goes wrong any more: whether all agree, whether people hear
//! each other, whether anything is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::genesys::{Command, ConversationId};
use offhook::machine::MediaId;
use offhook::media::Digit;
use serde_json::Value;

use super::{CHANGED, CHANGES, CUSTOMERS_SAY, Centre, HEARD, WORD, WORDS, agent_call, user_name};
use crate::world::PhoneId;

/// The keys that each far end presses in the speech test.
const PRESSED: &str = "11#4";

impl Centre {
    /// Hangs up the calls that were dialled by a request whose answer came too late: nobody is
    /// heard there.
    pub(super) fn hang_up_strays(&mut self) {
        let failed = self.world.observer().failed_dials.clone();
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let participants = call["participants"].as_array().into_iter().flatten();
                let mut dialled = participants.filter_map(|participant| {
                    participant["address"].as_str()?.strip_prefix("tel:")
                });
                let id = call["id"].as_str().unwrap_or_default();
                let key = ConversationId::from(id);
                let checks = self.world.observer();
                let known = |phone: &PhoneId| checks.books(*phone).known.contains(&key);
                if dialled.any(|number| failed.contains(number))
                    && !self.phones[user].iter().any(known)
                {
                    self.world.control("POST", &format!("calls/{id}/hangup"), &Value::Null);
                }
            }
        }
    }

    pub(super) fn fresh_calls_are_known(&mut self) -> Result<(), String> {
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

    /// True while a phone of the user's still rings for a call of whose end nobody told: it keeps
    /// the line until it expires.
    pub(super) fn rings_in_vain(&self, user: usize) -> bool {
        let there = self.world.conversations(&user_name(user));
        let is_there = |id: &ConversationId| there.iter().any(|call| call["id"] == id.as_str());
        self.phones[user].iter().any(|phone| {
            self.world.observer().books(*phone).ringing.iter().any(|call| !is_there(call))
        })
    }

    /// Checks that a call is known at once where nothing is wrong, unless it is over already.
    pub(super) fn look_whether_known(&mut self, conversation: &str, user: usize) {
        let id = ConversationId::from(conversation);
        let there = self.world.conversations(&user_name(user));
        let is_there = there.iter().any(|call| call["id"] == conversation);
        let checks = self.world.observer();
        let known = |phone: &PhoneId| checks.books(*phone).known.contains(&id);
        let unknown = is_there && !self.phones[user].iter().any(known);
        self.require("a call is known to its user at once", |_| match unknown {
            true => Err(format!("no phone of user {user} heard of {id}")),
            false => Ok(()),
        });
    }

    pub(super) fn books_agree(&mut self) -> Result<(), String> {
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

    /// Guests have no calls; they are connected.
    pub(super) fn guests_are_there(&mut self) -> Result<(), String> {
        match self.guests.iter().find(|guest| !self.world.client(**guest).is_connected()) {
            Some(guest) => {
                Err(format!("guest {} is not connected, though nothing is wrong", guest.0))
            }
            None => Ok(()),
        }
    }

    pub(super) fn one_phone_each(&mut self) -> Result<(), String> {
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

    /// Of a user's phones that have agreed on one that rings, one does.
    pub(super) fn one_leads(&mut self) -> Result<(), String> {
        for (user, phones) in self.phones.iter().enumerate() {
            let told = phones
                .iter()
                .filter_map(|phone| self.world.observer().books(*phone).leader.as_ref());
            let told: Vec<_> = told.collect();
            let leading = told.iter().filter(|leader| leader.alerting && leader.configured).count();
            if leading > 1 || !told.is_empty() && !told.iter().any(|leader| leader.alerting) {
                return Err(format!("user {user}'s phones: {told:?}"));
            }
        }
        Ok(())
    }

    /// Calls that are up, not held and not muted, each with the phone and the session that it is on.
    pub(super) fn calls_up(&self) -> Vec<(PhoneId, MediaId, String)> {
        let mut up = Vec::new();
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
                        up.push((*phone, *media, id.clone()));
                    }
                }
            }
        }
        up
    }

    /// Lifts the holds of far ends: a session outlives its calls, and so may its far end's hold.
    /// False once something was found.
    fn resume_far_ends(&mut self) -> bool {
        let mut held = Vec::new();
        for (.., id) in self.calls_up() {
            let (_, media) = self.world.control("GET", &format!("calls/{id}/media"), &Value::Null);
            if media["heardWhileHeld"].is_u64() {
                held.push(id);
            }
        }
        if held.is_empty() {
            return true;
        }
        held.into_iter().for_each(|id| self.far_resumes(id));
        let until = self.world.now() + CHANGED;
        self.pass(until)
    }

    /// Changes each call's far end in an untidy world, before people listen to each other on it.
    /// False once something was found.
    pub(super) fn change_calls(&mut self) -> bool {
        if !self.resume_far_ends() {
            return false;
        }
        if !self.is_untidy() {
            return true;
        }
        let (mut changed, mut held) = (Vec::new(), Vec::new());
        for (phone, media, id) in self.calls_up() {
            // Each signaling has its own.
            for _ in 0..CHANGES.len() {
                let Some((name, what, body)) = self.untidy.pick(&CHANGES).copied() else { break };
                let body = serde_json::from_str(body).unwrap_or_default();
                let (status, _) = self.world.control("POST", &format!("calls/{id}/{what}"), &body);
                if status == 200 {
                    self.world.count(name);
                    changed.push(id.clone());
                    if what == "far-holds" {
                        held.push((phone, media, id));
                    }
                    break;
                }
            }
        }
        let until = self.world.now() + CHANGED;
        if !self.pass(until) {
            return false;
        }
        for id in changed {
            let (_, media) = self.world.control("GET", &format!("calls/{id}/media"), &Value::Null);
            let (_, call) = self.world.control("GET", &format!("calls/{id}"), &Value::Null);
            let waits = media["unanswered"] == true && call["state"] == "connected";
            self.require("what a far end offers is answered", |_| match waits {
                true => Err(format!("{id}: its offer is not answered as it should be")),
                false => Ok(()),
            });
        }
        for (phone, media, _) in &held {
            self.said += 1;
            let codec = self.world.observer().books(*phone).codec(*media);
            let frame = self.voice().frame(self.world.now(), self.said, true, codec);
            self.world.press(*phone, |keys| keys.speak(*media, frame));
        }
        let until = self.world.now() + HEARD;
        if !self.pass(until) {
            return false;
        }
        for (.., id) in held {
            self.far_resumes(id);
        }
        let until = self.world.now() + CHANGED;
        self.pass(until)
    }

    /// On every call that is up, not held and not muted, both sides hear each other, and what the far
    /// end presses.
    pub(super) fn speech_test(&mut self) {
        let pairs = self.calls_up();
        self.world.observer_mut().lossless = Some(BTreeSet::new());
        self.world.observer_mut().keys = Some(BTreeMap::new());
        let mut number = CUSTOMERS_SAY * 2;
        for nth in 0..WORDS {
            for (phone, media, id) in &pairs {
                number += 1;
                let agent = number;
                let customer = self.customer_frames(id, nth, || {
                    number += 1;
                    number
                });
                let checks = self.world.observer_mut();
                let codec = checks.books(*phone).codec(*media);
                checks.awaited.insert(agent, format!("the customer of {id} on phone {}", phone.0));
                for number in agent + 1..=number {
                    let who = format!("the agent of {id} on phone {}", phone.0);
                    checks.awaited.insert(number, who);
                }
                let frame = self.voice().frame(self.world.now(), agent, false, codec);
                self.world.press(*phone, |keys| keys.speak(*media, frame));
                for frame in customer {
                    self.world.customer_speaks(id, frame);
                }
            }
            let until = self.world.now() + WORD;
            self.pass(until);
        }
        for (.., id) in &pairs {
            if self.world.far_voice(id).is_some_and(|far| far.keys) {
                let digits = PRESSED.chars().filter_map(|key| Digit::try_from(key).ok());
                self.world.customer_presses(id, digits.collect());
            }
        }
        let until = self.world.now() + HEARD;
        self.pass(until);
        let still = |run: &Self, phone: &PhoneId, id: &str| {
            let books = run.world.observer().books(*phone);
            books.talking.contains_key(&ConversationId::from(id))
        };
        self.require("who talks is heard", |run| {
            let mut unheard = std::mem::take(&mut run.world.observer_mut().awaited);
            // Calls that ended meanwhile need not be heard out.
            unheard.retain(|_, who| {
                pairs
                    .iter()
                    .any(|(phone, _, id)| who.contains(id.as_str()) && still(run, phone, id))
            });
            match unheard.first_key_value() {
                Some((number, who)) => Err(format!("word {number} was not heard by {who}")),
                None => Ok(()),
            }
        });
        self.require("what is pressed is told once", |run| {
            let told = run.world.observer_mut().keys.take().unwrap_or_default();
            run.world.observer_mut().lossless = None;
            for (phone, media, id) in &pairs {
                let keys = run.world.far_voice(id).is_some_and(|far| far.keys);
                let told = told.get(&(*phone, Some(*media))).map_or("", String::as_str);
                if keys && still(run, phone, id) && told != PRESSED {
                    return Err(format!(
                        "phone {}: {PRESSED} of {id} is told as {told:?}",
                        phone.0
                    ));
                }
                if keys {
                    run.world.count("keys told");
                }
            }
            Ok(())
        });
        for _ in &pairs {
            self.world.count("calls heard both ways");
        }
    }

    pub(super) fn hang_up_all(&mut self) {
        for user in 0..self.scenario.agents {
            for call in self.world.conversations(&user_name(user)) {
                let id = call["id"].as_str().unwrap_or_default().to_owned();
                self.world.control("POST", &format!("calls/{id}/hangup"), &Value::Null);
            }
        }
    }

    pub(super) fn at_rest(&mut self) -> Result<(), String> {
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

    /// Sends everybody home; nothing may be left.
    pub(super) fn destroy(&mut self) {
        for phone in self.world.phones() {
            self.world.dismiss(phone);
            // It may be closed already. What waits is answered, too.
            let topic = "v2.users.user-0.presence".to_owned();
            self.hint(phone, Command::Subscribe { topic });
            self.hint(phone, Command::Destroy);
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
                if let Some((id, _)) = run.world.observer().books(phone).commands.first_key_value()
                {
                    return Err(format!("phone {}: {id:?} is never answered", phone.0));
                }
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
