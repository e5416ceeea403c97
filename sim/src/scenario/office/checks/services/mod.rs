//! The services beside calls: what is told is what somebody did, once, and all agree in the end.

mod contacts;
mod deliveries;
mod history;
mod presence;
mod steady;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use offhook::machine::{CommandId, Input, WsEvent};
use offhook::ribbon::{Client, Command, Draft, Error, Event, MessageKind, Outcome, UserId};
use serde_json::Value;

use self::deliveries::{Deliveries, Kind};
use self::history::Histories;
use self::presence::Presences;
use self::steady::Steady;
use super::wire::Wire;
use crate::scenario::office::letters;
use crate::world::PhoneId;

/// A promise, and whether it is kept.
pub(in super::super::super) type Promise = (&'static str, Result<(), String>);

const SAID: &str = "26: a message comes once, as it was, and from whoever sent it";
const DONE: &str = "27: what a service is asked for is done while all is well";
const SHOWN: &str = "28: presence is told of those who are watched";
const RECORDS: &str = "29: the history tells each call once";
const FOUND: &str = "30: the directory finds whom it is asked for";

/// A message on its way from its command to its request.
#[derive(Debug)]
struct Written {
    command: CommandId,
    /// None of one that is sent on: it is as it came.
    draft: Option<Draft>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(in super::super::super) struct Services {
    /// The user of each phone.
    users: BTreeMap<PhoneId, String>,
    /// True while everything must succeed.
    well: bool,
    steady: Steady,
    deliveries: Deliveries,
    presence: Presences,
    histories: Histories,
    /// Commands of services that are not over.
    open: BTreeMap<(PhoneId, CommandId), Command>,
    /// Messages that were written, and whose requests are still to come.
    written: BTreeMap<PhoneId, VecDeque<Written>>,
    /// Messages and notices on their way, by command.
    sent: BTreeMap<(PhoneId, CommandId), usize>,
    counts: BTreeMap<&'static str, u64>,
}

impl Services {
    pub(in super::super::super) fn joins(&mut self, phone: PhoneId, user: &str) {
        self.users.insert(phone, user.to_owned());
    }

    fn user(&self, phone: PhoneId) -> &str {
        self.users.get(&phone).map_or("", String::as_str)
    }

    /// Sets whether everything must succeed from now on.
    pub(in super::super::super) fn set_well(&mut self, well: bool) {
        self.well = well;
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.clone()
    }

    /// Something that the office itself sends to all phones of a user.
    pub(in super::super::super) fn event_sent(&mut self, at: Duration, user: &str, words: &str) {
        let nth = self.deliveries.send(at, Kind::Event, "", user, words);
        self.deliveries.told(nth);
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn submitted(
        &mut self,
        at: Duration,
        phone: PhoneId,
        id: CommandId,
        command: &Command,
    ) {
        match command {
            Command::SendMessage { draft, .. } => {
                let draft = Some(draft.clone());
                self.written.entry(phone).or_default().push_back(Written { command: id, draft });
            }
            Command::ForwardMessage { .. } => {
                let written = Written { command: id, draft: None };
                self.written.entry(phone).or_default().push_back(written);
            }
            Command::Fetch(request) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                if let Some(words) = body["words"].as_str() {
                    let user = self.user(phone).to_owned();
                    let nth = self.deliveries.send(at, Kind::Notice, &user, &user, words);
                    self.sent.insert((phone, id), nth);
                }
            }
            _ => {}
        }
        self.presence.submitted(phone, &self.users, command);
        if is_of_services(command) {
            self.open.insert((phone, id), command.clone());
        }
    }

    /// Takes what a client is given.
    pub(super) fn given(&mut self, at: Duration, phone: PhoneId, input: &Input) {
        if let Input::WebSocket { id, event: WsEvent::Text(_) } = input {
            self.steady.came(at, phone, *id);
        }
    }

    /// Takes what a client asks for on the wire.
    pub(super) fn heard(&mut self, at: Duration, phone: PhoneId, wire: &Wire) -> Promise {
        self.steady.heard(at, phone, wire);
        let Wire::Asked(asked) = wire else { return (SAID, Ok(())) };
        if asked.of != "instantmessage" || asked.redirected {
            return (SAID, Ok(()));
        }
        let request = &asked.body["imRequest"];
        let text = request["message"].as_str().unwrap_or_default();
        let to = request["toUrl"].as_str().unwrap_or_default();
        let Some(written) = self.written.entry(phone).or_default().pop_front() else {
            return (SAID, Err(format!("phone {} sends {text:?}, which nobody wrote", phone.0)));
        };
        if written.draft.is_some_and(|draft| !letters::is(text, &draft)) {
            return (SAID, Err(format!("phone {} sends {text:?}, not what was written", phone.0)));
        }
        let from = self.user(phone).to_owned();
        let nth = self.deliveries.send(at, Kind::Letter, &from, to, text);
        self.sent.insert((phone, written.command), nth);
        (SAID, Ok(()))
    }

    pub(super) fn completed(
        &mut self,
        at: Duration,
        phone: PhoneId,
        id: CommandId,
        result: &Result<Outcome, Error>,
    ) -> Vec<Promise> {
        let mut promises = Vec::new();
        let Some(command) = self.open.remove(&(phone, id)) else { return promises };
        let nth = self.sent.remove(&(phone, id));
        let user = self.user(phone).to_owned();
        self.presence.completed(at, phone, &user, &command, result.is_ok());
        self.histories.completed(phone, &command, result.is_ok());
        match result {
            Ok(outcome) => {
                self.count("services done");
                let passed = match outcome {
                    Outcome::Response(response) => response.status.is_success(),
                    _ => true,
                };
                if let Some(nth) = nth.filter(|_| passed) {
                    self.deliveries.told(nth);
                }
                promises.push((FOUND, self.found(phone, &command, outcome)));
            }
            Err(error) => {
                self.count("services failed");
                if let Some(written) = self.written.get_mut(&phone) {
                    written.retain(|written| written.command != id);
                }
                if self.well && !may_fail(&command) {
                    let what = format!("phone {}: {command:?}: {error}", phone.0);
                    promises.push((DONE, Err(what)));
                }
            }
        }
        promises
    }

    fn found(&self, phone: PhoneId, command: &Command, outcome: &Outcome) -> Result<(), String> {
        let wanted = match command {
            Command::FetchUser { user } => user.clone(),
            Command::FetchSelf => UserId::from(self.user(phone)),
            _ => return Ok(()),
        };
        match outcome {
            Outcome::User(Some(user)) if user.user_id == wanted => Ok(()),
            other => Err(format!("phone {} asked for {wanted}: {other:?}", phone.0)),
        }
    }

    /// A client told something, and stands as it does now.
    pub(super) fn look(
        &mut self,
        at: Duration,
        phone: PhoneId,
        client: &Client,
        event: &Event,
    ) -> Promise {
        let user = self.user(phone).to_owned();
        self.steady.told(at, phone, event);
        self.histories.told(phone, event);
        let arrived = match event {
            Event::MessagesChanged {
                destination,
                kind,
                message: Some(name),
                sender: Some(sender),
            } if *sender != user => {
                let conversation = client.conversation(destination, *kind);
                let message = conversation.and_then(|conversation| conversation.message(name));
                let Some(message) = message else {
                    return (
                        SAID,
                        Err(format!("phone {} was told of {name}, and has none", phone.0)),
                    );
                };
                if destination != sender || *kind != MessageKind::Im || message.sender != *sender {
                    let what = format!("phone {}: {message:?} of {destination}", phone.0);
                    return (SAID, Err(what));
                }
                self.count("messages arrived");
                (Kind::Letter, sender.clone(), message.parts.join("\n"))
            }
            Event::Notification { message } => {
                let message: Value = serde_json::from_str(message).unwrap_or_default();
                let words = &message["notificationMessage"]["externalNotificationParams"]["words"];
                let Some(words) = words.as_str() else { return (SAID, Ok(())) };
                self.count("notices arrived");
                (Kind::Notice, user.clone(), words.to_owned())
            }
            Event::SipEvent { event, .. } => {
                let words = &event["notificationMessage"]["genericNotificationParams"]["data"];
                let words =
                    words.as_str().or_else(|| event["genericNotificationParams"]["data"].as_str());
                self.count("events arrived");
                (Kind::Event, String::new(), words.unwrap_or_default().to_owned())
            }
            Event::PresenceChanged { presence } => {
                self.count("presence told");
                let of = presence.user_id.as_str();
                let alone = self.users.values().filter(|one| **one == user).count() < 2;
                let opened = self.steady.since(phone);
                return (SHOWN, self.presence.shown(at, phone, (&user, of), opened, alone));
            }
            Event::HistoryChanged => {
                return (RECORDS, self.histories.look(phone, client.history()));
            }
            _ => return (SAID, Ok(())),
        };
        let (kind, from, words) = arrived;
        (SAID, self.deliveries.arrived(phone, kind, &from, &user, &words))
    }

    /// Checks that what was told as sent since then has come to whoever listened for so long from then on, and heard
    /// something after a while.
    pub(in super::super::super) fn all_arrived(
        &mut self,
        since: Duration,
        window: (Duration, Duration),
    ) -> Promise {
        let times = (since, window);
        let (due, result) = self.deliveries.all_arrived(times, &self.users, &self.steady);
        *self.counts.entry("messages due").or_default() += due;
        (SAID, result)
    }

    /// The history of a client at the end.
    pub(in super::super::super) fn history(&self, phone: PhoneId, client: &Client) -> Promise {
        (RECORDS, self.histories.all_told(phone, client.history()))
    }

    pub(in super::super::super) fn contacts(client: &Client, book: &Value) -> Promise {
        ("31: the address book is the gateway's", contacts::agree(client, book))
    }

    pub(in super::super::super) fn own(client: &Client, user: &str, stands: &Value) -> Promise {
        (SHOWN, presence::own(client, user, stands))
    }

    /// True if a phone watches a user, and nothing about it is under way.
    pub(in super::super::super) fn watches(&self, phone: PhoneId, of: &str) -> bool {
        self.presence.watches(phone, of)
    }

    pub(in super::super::super) fn voicemail(client: &Client, waits: &Value) -> Promise {
        let there = waits["unheardVoice"].as_str().and_then(|count| count.parse().ok());
        let here = client.voicemail().map(|told| told.unheard_voice);
        let result = match here.is_none() || here == there {
            true => Ok(()),
            false => Err(format!("{there:?} wait, and {here:?} are shown")),
        };
        ("32: the voicemail is the gateway's", result)
    }

    pub(in super::super::super) fn presences(client: &Client, of: &str, stands: &Value) -> Promise {
        (SHOWN, presence::agree(client, of, stands))
    }
}

/// True for a command of the services beside calls.
fn is_of_services(command: &Command) -> bool {
    matches!(
        command,
        Command::FetchHistory { .. }
            | Command::RemoveRecord { .. }
            | Command::ClearHistory
            | Command::SetHistoryCache(_)
            | Command::AddContact(_)
            | Command::UpdateContact(_)
            | Command::RemoveContact { .. }
            | Command::FetchContact { .. }
            | Command::RefreshContacts
            | Command::FetchUser { .. }
            | Command::FetchSelf
            | Command::SearchUsers(_)
            | Command::UpdatePresence { .. }
            | Command::FetchPresence { .. }
            | Command::WatchPresence { .. }
            | Command::UnwatchPresence { .. }
            | Command::OpenConversation { .. }
            | Command::SendMessage { .. }
            | Command::ForwardMessage { .. }
            | Command::MarkRead { .. }
            | Command::ClearMessages { .. }
            | Command::SubscribeSipEvent { .. }
            | Command::UpdateSipEvent { .. }
            | Command::UnsubscribeSipEvent { .. }
            | Command::FetchVoicemail
            | Command::ClickToCall { .. }
            | Command::Fetch(_)
    )
}

/// True for a command that may be refused on a good day: what it is about may be gone, or never have been.
fn may_fail(command: &Command) -> bool {
    matches!(
        command,
        Command::UpdateContact(_)
            | Command::RemoveContact { .. }
            | Command::FetchContact { .. }
            | Command::RemoveRecord { .. }
            | Command::ClickToCall { .. }
    )
}
