//! The services beside calls at the end of a day: whatever happened before, all of them work, and all agree.

use std::time::Duration;

use offhook::ribbon::{Command, SocketState, UserId};
use serde_json::{Value, json};

use super::super::checks::Services;
use super::super::desk::{EVENTS, notice, presence};
use super::super::letters;
use super::super::trouble::Climate;
use super::Day;
use crate::world::PhoneId;

/// The time within which all that is asked for is done, and has come.
const DONE: Duration = Duration::from_secs(15);
/// The time within which whatever was sent has come.
const ARRIVED: Duration = Duration::from_secs(10);
/// Numbers of messages beyond those that agents write.
const LATE: u64 = 1_000_000;

impl Day {
    /// Voicemail waits for a user, or an event of SIP comes.
    pub(super) fn deliver(&mut self, user: usize) {
        let user = self.users[user].clone();
        let number = self.next_errand;
        if self.dice.chance(0.5) {
            let body = json!({"mwi": {"mwi": "yes", "unheardVoice": number.to_string()}});
            if self.world.gateway("PATCH", &format!("users/{user}"), &body).is_some() {
                self.world.count("voicemail");
            }
            return;
        }
        let words = number.to_string();
        let event = json!({
            "eventType": EVENTS,
            "genericNotificationParams": {"data": words, "from": "sip:lab@far.test"},
        });
        let at = self.world.now();
        let body = json!({"user": user, "message": event});
        if self.world.gateway("POST", "notify", &body).is_some() {
            self.world.observer_mut().services_mut().event_sent(at, &user, &words);
        }
    }

    /// The phones that are subscribed, and hear what is told.
    fn listeners(&self) -> Vec<PhoneId> {
        let listens = |phone: &&PhoneId| {
            let client = self.world.client(**phone);
            let subscribed = !client.subscriptions().subscribed.is_empty();
            subscribed && client.socket().state == SocketState::Connected
        };
        self.phones.iter().filter(listens).copied().collect()
    }

    /// Nos 26 to 31: each service does what it is asked for, and what is shown is how things are. False once
    /// something was found.
    pub(super) fn serve(&mut self) -> bool {
        if self.climate == Climate::Calm {
            self.look_at_services();
        }
        let begun = self.world.now();
        self.world.observer_mut().services_mut().set_well(true);
        let listeners = self.listeners();
        for (n, phone) in listeners.iter().copied().enumerate() {
            let user = self.world.user_of(phone).to_owned();
            let nth = self.users.iter().position(|one| *one == user).unwrap_or_default();
            let colleagues: Vec<_> =
                self.users.iter().filter(|one| **one != user).cloned().collect();
            let users: Vec<_> = colleagues.iter().map(|one| UserId::from(one.as_str())).collect();
            let mut commands = vec![
                presence(nth + self.dice.below(16)),
                Command::RefreshContacts,
                Command::WatchPresence { users },
                Command::FetchVoicemail,
                Command::FetchHistory { amount: 50, offset: 0 },
                notice(&user, &format!("{n} late")),
            ];
            let letters = colleagues.into_iter().zip(LATE..);
            commands.extend(letters.map(|(destination, number)| Command::SendMessage {
                destination,
                kind: offhook::ribbon::MessageKind::Im,
                draft: letters::draft(phone, number),
            }));
            if self.world.client(phone).sip_event(EVENTS).is_some() {
                let event_type = EVENTS.to_owned();
                commands.push(Command::UnsubscribeSipEvent { event_type });
            }
            for command in commands {
                self.world.press(phone, |keys| drop(keys.submit(command)));
            }
        }
        let soon = self.world.now() + DONE;
        if !self.pass(soon) {
            return false;
        }
        self.look_at_services();
        let at = self.world.now();
        // What another phone of the user sets, this one is not told.
        let alone: Vec<_> = listeners
            .into_iter()
            .filter(|phone| {
                let user = self.world.user_of(*phone);
                self.phones.iter().filter(|other| self.world.user_of(**other) == user).count() < 2
            })
            .collect();
        for phone in alone {
            let user = self.world.user_of(phone).to_owned();
            let stands = self.stores(&user)["presence"].take();
            let promise = Services::own(self.world.client(phone), &user, &stands);
            self.world.observer_mut().keep(at, promise);
        }
        let checks = self.world.observer_mut();
        let promise = checks.services_mut().all_arrived(begun, (ARRIVED, Duration::ZERO));
        checks.keep(at, promise);
        checks.services_mut().set_well(false);
        self.pass(at)
    }

    /// Compares what clients show of the services with how things are.
    pub(super) fn look_at_services(&mut self) {
        let at = self.world.now();
        for phone in self.listeners() {
            let user = self.world.user_of(phone).to_owned();
            let stores = self.stores(&user);
            let client = self.world.client(phone);
            let mut promises = vec![Services::contacts(client, &stores["contacts"])];
            promises.push(Services::voicemail(client, &stores["mwi"]));
            let watched: Vec<_> =
                client.presences().map(|one| one.user_id.as_str().to_owned()).collect();
            promises.push(self.world.observer().services().history(phone, client));
            for of in watched {
                let stands = self.stores(&of)["presence"].take();
                let client = self.world.client(phone);
                let watches = self.world.observer().services().watches(phone, &of);
                if watches {
                    promises.push(Services::presences(client, &of, &stands));
                }
            }
            for promise in promises {
                self.world.observer_mut().keep(at, promise);
            }
        }
    }

    fn stores(&mut self, user: &str) -> Value {
        let path = format!("users/{user}/stores");
        self.world.gateway("GET", &path, &Value::Null).unwrap_or_default()
    }
}
