//! Stores of a user beside calls: history, contacts, presence, messages, events, voicemail, devices
//! (w5). Each keeps what it is told within bounds, and forgets the rest.

pub(super) mod contacts;
pub(super) mod devices;
pub(super) mod history;
pub(super) mod messages;
pub(super) mod people;
pub(super) mod presence;
pub(super) mod sip_events;
mod values;
pub(super) mod voicemail;

use serde_json::{Value, json};

use self::contacts::Contacts;
use self::devices::Devices;
use self::history::History;
use self::people::People;
use self::presence::Presences;
use self::sip_events::SipEvents;
use self::voicemail::Mailboxes;

/// All stores, side by side.
#[derive(Default)]
pub(super) struct Stores {
    pub(super) history: History,
    pub(super) contacts: Contacts,
    pub(super) people: People,
    pub(super) presence: Presences,
    pub(super) events: SipEvents,
    pub(super) mailboxes: Mailboxes,
    pub(super) devices: Devices,
}

impl Stores {
    /// The things that are kept for a user, as a control request puts them there.
    pub(super) fn body_of(&self, user: &str) -> Value {
        json!({
            "contacts": self.contacts.of(user), "history": self.history.of(user),
            "presence": self.presence.of(user), "mwi": self.mailboxes.of(user),
        })
    }
}
