//! The parties of a call besides the user, as the service tells it (wire notes 4.9).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::call_state::CallState;
use super::ids::{ParticipantId, QueueId, UserId};
use crate::report::hidden_number;

/// The parties of a call besides the user, and what the service knows of it.
///
/// All texts are [plain](crate::plain()), and `Debug` shortens numbers and leaves out what
/// attributes say. What is longer, or more, than the bounds here is left out and told as
/// [`Event::Malformed`](super::Event::Malformed), once for each change.
///
/// ```
/// use offhook::genesys::{Event, Parties};
///
/// fn caller(event: &Event) -> Option<&str> {
///     let who: &Parties = match event {
///         Event::PendingSession(pending) => pending.who(),
///         Event::CallConnected { call, .. } => call.who(),
///         _ => return None,
///     };
///     who.remote_name.as_deref().or(who.remote_number.as_deref())
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parties {
    /// The name of the other party: the first customer, number outside or user who is not gone.
    pub remote_name: Option<String>,
    /// The number of the other party, or the address where it is no number.
    pub remote_number: Option<String>,
    /// The number that was called.
    pub called_number: Option<String>,
    /// The queue that the call came through.
    pub queue: Option<Queue>,
    /// The other participants, in the service's order, those who are gone too.
    pub others: Vec<Party>,
    /// The attributes of the conversation and of its participants. Where several have one of a
    /// name, the conversation's counts, then the other party's, then the first.
    pub attributes: BTreeMap<String, String>,
}

/// A participant of a call who is not the user.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Party {
    /// Its id.
    pub id: ParticipantId,
    /// Its kind, in the service's word: `customer`, `external`, `user`, `agent`, `acd`, `ivr` …
    pub purpose: String,
    /// Its name.
    pub name: Option<String>,
    /// Its address, a URI as a rule.
    pub address: Option<String>,
    /// The state of its leg, if it has one.
    pub state: Option<CallState>,
    /// The user, if it is one.
    pub user: Option<UserId>,
    /// The queue that it is, or came through.
    pub queue: Option<QueueId>,
    /// Held in the service.
    pub held: bool,
    /// Muted in the service.
    pub muted: bool,
    /// Isolated from the others.
    pub confined: bool,
}

/// A queue that calls come through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// Its id.
    pub id: Option<QueueId>,
    /// Its name.
    pub name: Option<String>,
}

impl Parties {
    /// The longest name, address, purpose and name of an attribute, in bytes.
    pub const MAX_NAME: usize = 255;
    /// The longest attribute, in bytes.
    pub const MAX_VALUE: usize = 1024;
    /// The most attributes.
    pub const MAX_ATTRIBUTES: usize = 64;
    /// The most other participants.
    pub const MAX_OTHERS: usize = 100;

    /// The parties, or an empty value where there are none.
    pub(super) fn or_none(parties: Option<&Arc<Self>>) -> &Self {
        static NOBODY: Parties = Parties {
            remote_name: None,
            remote_number: None,
            called_number: None,
            queue: None,
            others: Vec::new(),
            attributes: BTreeMap::new(),
        };
        parties.map_or(&NOBODY, |parties| parties)
    }

    /// The bytes that they take, roughly: for whoever keeps events within a bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let own = [&self.remote_name, &self.remote_number, &self.called_number];
        let queue = self.queue.as_ref().map_or(0, |queue| {
            len(&queue.name) + queue.id.as_ref().map_or(0, |id| id.as_str().len())
        });
        let others = self.others.iter().map(|party| {
            let ids = [
                Some(party.id.as_str()),
                party.user.as_ref().map(UserId::as_str),
                party.queue.as_ref().map(QueueId::as_str),
            ];
            let ids: usize = ids.into_iter().flatten().map(str::len).sum();
            let state = match &party.state {
                Some(CallState::Other(state)) => state.len(),
                _ => 0,
            };
            let texts = len(&party.name) + len(&party.address) + party.purpose.len();
            size_of::<Party>() + ids + state + texts
        });
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len());
        let own: usize = own.into_iter().map(len).sum();
        size_of::<Self>() + own + queue + others.sum::<usize>() + attributes.sum::<usize>()
    }
}

/// A name as it may stand in a log: where it is a number, its last digits.
pub(super) fn name(name: &Option<String>) -> Option<String> {
    const LEAST: usize = 5;
    name.as_ref().map(|name| match name.bytes().filter(u8::is_ascii_digit).count() {
        ..LEAST => name.clone(),
        _ => hidden_number(name),
    })
}

fn number(number: &Option<String>) -> Option<String> {
    number.as_deref().map(hidden_number)
}

impl fmt::Debug for Parties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parties")
            .field("remote_name", &name(&self.remote_name))
            .field("remote_number", &number(&self.remote_number))
            .field("called_number", &number(&self.called_number))
            .field("queue", &self.queue)
            .field("others", &self.others)
            .field("attributes", &self.attributes.len())
            .finish()
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("name", &name(&self.name))
            .field("address", &number(&self.address))
            .field("state", &self.state)
            .field("user", &self.user)
            .field("queue", &self.queue)
            .field("held", &self.held)
            .field("muted", &self.muted)
            .field("confined", &self.confined)
            .finish()
    }
}
