//! The work at a desk beside telephoning: presence, messages, contacts, the directory, the history, voicemail, events.

use std::time::Duration;

use offhook::ribbon::{
    Activity, Command, Contact, Conversation, Draft, FetchRequest, MessageKind, Status, UserFilter,
    UserId,
};

use super::letters;
use super::trouble::Climate;
use crate::dice::Dice;
use crate::services::Ribbon;
use crate::world::{Keys, PhoneId};

const S: fn(u64) -> Duration = Duration::from_secs;
/// The events that agents subscribe to.
pub(super) const EVENTS: &str = "event:lab";
/// The names of contacts: those that an address cannot hold as they are, too.
const CONTACTS: [&str; 6] = ["ann", "Ben Other", "50%", "\u{fc}n/al", "a?b#c", "dot"];
/// Whoever may ring while somebody sits at a desk, for calls between two others.
const OUTSIDE: &str = "ann@far.test";

/// See the [module](self).
pub(super) struct Desk {
    dice: Dice,
    /// The time between two things, about.
    pace: Duration,
    user: String,
    colleagues: Vec<String>,
    act_at: Option<Duration>,
    /// Messages that were written, and other things that have a number.
    written: u64,
}

impl Desk {
    pub(super) fn new(dice: Dice, climate: Climate, user: &str, colleagues: Vec<String>) -> Self {
        let pace = match climate {
            Climate::Calm | Climate::Monday => S(20),
            Climate::Swarm | Climate::Roaming => S(30),
        };
        Self { dice, pace, user: user.to_owned(), colleagues, act_at: None, written: 0 }
    }

    pub(super) fn begin(&mut self, at: Duration) {
        self.act_at = Some(at + S(30) + self.dice.exponential(self.pace));
    }

    /// The working hours are over: nothing new.
    pub(super) fn leave(&mut self) {
        self.act_at = None;
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.act_at
    }

    pub(super) fn wake(&mut self, at: Duration, keys: &mut Keys<'_, Ribbon>) {
        if self.act_at.is_none_or(|due| due > at) {
            return;
        }
        // Some do two things at once.
        let again = match self.dice.chance(0.2) {
            true => self.dice.between((Duration::ZERO, Duration::from_millis(60))),
            false => self.dice.exponential(self.pace),
        };
        self.act_at = Some(at + again);
        if let Some(command) = self.drawn(keys) {
            // What cannot be done now is refused, and changes nothing.
            let _ = keys.submit(command);
        }
    }

    fn drawn(&mut self, keys: &Keys<'_, Ribbon>) -> Option<Command> {
        match self.dice.below(10) {
            0..=3 => self.message(keys),
            4 | 5 => Some(self.presence()),
            6 | 7 => Some(self.contact()),
            8 => self.record(keys),
            _ => self.other(keys),
        }
    }

    fn colleague(&mut self) -> String {
        self.dice.pick(&self.colleagues).cloned().unwrap_or_default()
    }

    fn some(&mut self) -> Vec<UserId> {
        let some = 1 + self.dice.below(2);
        (0..some).map(|_| UserId::from(self.colleague())).collect()
    }

    fn number(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    fn message(&mut self, keys: &Keys<'_, Ribbon>) -> Option<Command> {
        let (destination, kind) = (self.colleague(), MessageKind::Im);
        let known = keys.client().conversation(&destination, kind);
        let messages: Vec<_> =
            known.into_iter().flat_map(Conversation::messages).map(|one| &one.message_id).collect();
        let message = self.dice.pick(&messages).map(|id| (*id).clone());
        Some(match self.dice.below(12) {
            0 => Command::ForwardMessage {
                destination,
                kind,
                message: message?,
                to: self.colleague(),
            },
            1 => Command::MarkRead { destination, kind, message: message? },
            2 => Command::OpenConversation { destination, kind: self.kind() },
            3 => {
                let kind = self.kind();
                Command::ClearMessages { destination, kind }
            }
            // Nothing of these travels: they are refused.
            4 => {
                let draft = Draft::text("a text message");
                Command::SendMessage { destination, kind: MessageKind::Sms, draft }
            }
            _ => self.letter(keys.phone(), destination),
        })
    }

    fn kind(&mut self) -> MessageKind {
        [MessageKind::Im, MessageKind::Chat, MessageKind::Sms][self.dice.below(3)]
    }

    fn letter(&mut self, phone: PhoneId, destination: String) -> Command {
        let draft = letters::draft(phone, self.number());
        Command::SendMessage { destination, kind: MessageKind::Im, draft }
    }

    fn presence(&mut self) -> Command {
        let users = self.some();
        match self.dice.below(6) {
            0 | 1 => presence(self.dice.below(16)),
            2 | 3 => Command::WatchPresence { users },
            4 => Command::FetchPresence { users },
            _ => Command::UnwatchPresence { users },
        }
    }

    fn contact(&mut self) -> Command {
        let name = CONTACTS[self.dice.below(CONTACTS.len())];
        let number = self.number().to_string();
        let contact = Contact::new(name, self.colleague()).work_phone(number);
        match self.dice.below(9) {
            0..=2 => Command::AddContact(contact.first_name("Eve & \"Co\"")),
            3 | 4 => Command::UpdateContact(contact.last_name("\u{e9}t\u{e9}").friend_status(true)),
            5 | 6 => Command::RemoveContact { contact: contact.id() },
            7 => Command::FetchContact { contact: contact.id() },
            _ => Command::RefreshContacts,
        }
    }

    fn record(&mut self, keys: &Keys<'_, Ribbon>) -> Option<Command> {
        let client = keys.client();
        Some(match self.dice.below(12) {
            0..=6 => Command::FetchHistory { amount: 50, offset: 0 },
            7 | 8 => {
                let record = self.dice.pick(client.history())?.id.clone();
                Command::RemoveRecord { record }
            }
            9 => Command::ClearHistory,
            _ => Command::SetHistoryCache(client.history_cache().into()),
        })
    }

    fn other(&mut self, keys: &Keys<'_, Ribbon>) -> Option<Command> {
        let event_type = EVENTS.to_owned();
        let (users, parameters, add) = (self.some(), Vec::new(), self.some());
        Some(match self.dice.below(13) {
            0 => Command::FetchUser { user: self.colleague().into() },
            1 => Command::FetchSelf,
            2 => Command::SearchUsers(UserFilter::All),
            3 => Command::SearchUsers(UserFilter::Name("user".to_owned())),
            4 | 5 => Command::FetchVoicemail,
            6 | 7 => Command::SubscribeSipEvent { event_type, users, correlator: None, parameters },
            8 => Command::UpdateSipEvent { event_type, add, remove: users, parameters },
            9 if self.dice.chance(0.3) => Command::UnsubscribeSipEvent { event_type },
            10 => {
                let (caller, callee) = (self.user.clone(), OUTSIDE.to_owned());
                Command::ClickToCall { caller, callee }
            }
            _ => {
                let words = format!("{} {}", keys.phone().0, self.number());
                notice(&self.user, &words)
            }
        })
    }
}

/// A message of an application's own to all clients of its user.
pub(super) fn notice(user: &str, words: &str) -> Command {
    let path = format!("rest/version/1/user/{user}/externalnotification");
    let body = serde_json::json!({"words": words}).to_string();
    Command::Fetch(FetchRequest::post(path, body))
}

/// One of many ways to be.
pub(super) fn presence(drawn: usize) -> Command {
    let all = Activity::ALL;
    let activity = all[drawn % all.len()].clone();
    let status = if drawn.is_multiple_of(2) { Status::Open } else { Status::Closed };
    Command::UpdatePresence { status, activity, note: (drawn > 8).then(|| "a note".to_owned()) }
}
