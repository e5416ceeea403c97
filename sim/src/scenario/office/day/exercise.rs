//! The end of a day, once all is quiet: each call is changed by either side, and whoever is in it is heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::ribbon::{
    CallCode, CallId, CallInfo, CallState, Command, Error, ErrorCode, MediaConnectionState,
};
use serde_json::Value;

use super::Day;
use crate::world::PhoneId;

const S: fn(u64) -> Duration = Duration::from_secs;
/// The time after which a far side gives its unanswered offer up, and more.
const UNANSWERED: Duration = Duration::from_secs(65);
/// Offers of ours that may meet one of the far side's before one goes through.
const GLARES: usize = 3;

/// The legs of a call as the gateway shows it.
fn legs(call: &Value) -> impl Iterator<Item = &Value> {
    call["legs"].as_array().into_iter().flatten()
}

/// True for a leg of this session.
fn is(leg: &Value, session: Option<&str>) -> bool {
    session.is_some() && leg["sessionData"].as_str() == session
}

/// True for a leg with a client that is up.
fn is_client(leg: &Value) -> bool {
    leg["party"] == "client" && leg["state"] == "answered"
}

impl Day {
    /// Nos 8, 17 and 18: once all is quiet, whatever happened before, each call can be changed by
    /// either side, and those who are in it hear each other. False once something was found.
    pub(super) fn exercise(&mut self) -> bool {
        for call in self.gateway_calls() {
            if let Some(id) = call["id"].as_str() {
                self.world.gateway("POST", &format!("calls/{id}/unhold"), &Value::Null);
            }
        }
        // Offers that went to nobody are given up meanwhile.
        let soon = self.world.now() + UNANSWERED;
        if !self.pass(soon) {
            return false;
        }
        let mut exercised = BTreeSet::new();
        for phone in self.phones.clone() {
            for call in self.open_calls(phone) {
                let (id, held) = (call.id.clone(), call.hold.local());
                exercised.insert((phone, id.clone()));
                let [restart, hold, unhold] = [
                    Command::RestartMedia { call: id.clone() },
                    Command::Hold { call: id.clone() },
                    Command::Unhold { call: id },
                ];
                let lost = call.media_state != MediaConnectionState::Connected;
                let turns = [(restart, lost), (hold, !held), (unhold, true)];
                let mut turns = turns.into_iter().filter(|(_, wanted)| *wanted);
                if !turns.all(|(turn, _)| self.succeeds(phone, &turn)) {
                    return false;
                }
            }
        }
        // Tracks of calls that are held are none of theirs meanwhile.
        for phone in self.phones.clone() {
            for call in self.live(phone) {
                let tracks = call.local_tracks.into_iter().chain(call.remote_tracks).collect();
                let unmute = Command::UnmuteTracks { tracks };
                self.world.press(phone, |keys| drop(keys.submit(unmute)));
            }
        }
        let soon = self.world.now() + S(12);
        if !self.pass(soon) {
            return false;
        }
        self.require("18: all who are in a call hear each other", |day| day.all_hear(&exercised));
        self.pass(soon)
    }

    /// No. 8: does something that has to succeed now, if not at once where offers cross.
    fn succeeds(&mut self, phone: PhoneId, command: &Command) -> bool {
        let mut result = None;
        for _ in 0..GLARES {
            result = self.result(phone, command.clone());
            let soon = self.world.now() + S(3);
            if !self.pass(soon) {
                return false;
            }
            match &result {
                Some(Err(error)) if error.code == ErrorCode::Call(CallCode::Glare) => {}
                _ => break,
            }
        }
        self.world.count("exercised");
        let result = match result {
            Some(Ok(())) => return true,
            Some(Err(error)) => error.to_string(),
            None => "no answer".to_owned(),
        };
        let what = format!("phone {}: {command:?}: {result}", phone.0);
        self.require("8: once all is quiet each call can be changed", |_| Err(what));
        false
    }

    /// The result of a command, if it comes before long.
    fn result(&mut self, phone: PhoneId, command: Command) -> Option<Result<(), Error>> {
        self.world.observer_mut().watch(phone);
        let id = match self.world.press(phone, |keys| keys.submit(command)) {
            Ok(id) => id,
            Err(error) => return Some(Err(error)),
        };
        for _ in 0..50 {
            let soon = self.world.now() + S(1);
            if !self.pass(soon) {
                return None;
            }
            let result = self.world.observer().result(id);
            if result.is_some() {
                return result;
            }
        }
        None
    }

    /// Calls of a phone that is subscribed, where all who are in them have noticed so: whoever is not, or
    /// was not when the call was answered, hears of nothing (w2.7).
    fn open_calls(&mut self, phone: PhoneId) -> Vec<CallInfo> {
        if self.world.client(phone).subscriptions().subscribed.is_empty() {
            return Vec::new();
        }
        let mut up = BTreeSet::new();
        for phone in self.phones.clone() {
            for call in self.live(phone).into_iter().filter(|call| call.state.is_up()) {
                let session = self.world.observer().session(phone, &call.id);
                up.extend(session.map(str::to_owned));
            }
        }
        let calls = self.gateway_calls();
        let mut live = self.live(phone);
        live.retain(|call| {
            let session = self.world.observer().session(phone, &call.id);
            let Some(theirs) = calls.iter().find(|call| legs(call).any(|leg| is(leg, session)))
            else {
                return false;
            };
            let clients: Vec<_> = legs(theirs).filter(|leg| is_client(leg)).collect();
            let others = clients.len() > 1 && !self.brokered;
            let name = |leg: &Value| leg["sessionData"].as_str().unwrap_or_default().to_owned();
            call.state.is_up() && !others && clients.into_iter().all(|leg| up.contains(&name(leg)))
        });
        live
    }

    /// No. 18: those who are in a call hear each other, or what they say.
    fn all_hear(&mut self, of: &BTreeSet<(PhoneId, CallId)>) -> Result<(), String> {
        let at = self.world.now();
        let calls = self.gateway_calls();
        // Those who are alone in a conference hear nobody.
        let conference = |call: &Value| {
            let mut legs = legs(call).filter(|leg| leg["state"] == "answered");
            legs.find_map(|leg| leg["conference"].as_str()).map(str::to_owned)
        };
        let has_clients = |call: &Value| legs(call).any(is_client);
        let mut company: BTreeMap<String, usize> = BTreeMap::new();
        for name in calls.iter().filter(|call| has_clients(call)).filter_map(conference) {
            *company.entry(name).or_default() += 1;
        }
        for phone in self.phones.clone() {
            for call in self.open_calls(phone) {
                let observer = self.world.observer();
                let due =
                    call.state == CallState::Connected && of.contains(&(phone, call.id.clone()));
                if !due || observer.hears(at, phone, &call.id) {
                    continue;
                }
                let session = observer.session(phone, &call.id);
                let theirs = calls.iter().find(|call| legs(call).any(|leg| is(leg, session)));
                let alone = theirs.and_then(conference).is_some_and(|name| company[&name] < 2);
                if !alone {
                    return Err(format!("phone {}: {} is silent; {theirs:?}", phone.0, call.id));
                }
            }
        }
        Ok(())
    }
}
