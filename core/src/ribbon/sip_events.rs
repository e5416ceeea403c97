//! Subscriptions of events of SIP (w5.5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::constants::constants;
use super::error::{Error, SipCode};
use super::ids::{SessionData, UserId};
use super::wire::resources::sip::Events;

/// The most types of events, the most users of one, and the most events kept of one; the oldest go first.
const MAX_TYPES: usize = 32;
const MAX_USERS: usize = 1000;
const MAX_EVENTS: usize = 100;
/// The most bytes of the events kept of one type.
const MAX_BYTES: usize = 1 << 20;

constants! {
    /// A change of a subscription of events.
    SipChange, "change of a subscription of events" {
        /// It is new.
        New = "newSubscription",
        /// It is of other users.
        Updated = "updateSubscription",
        /// It is no more.
        Ended = "unsubscribe",
    }
}

/// A subscription of events (RA-104).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SipEvents {
    /// Its name at the gateway.
    pub id: SessionData,
    /// The users that it is of.
    pub subscribed_users: BTreeSet<UserId>,
    /// The last events.
    pub notifications: VecDeque<Value>,
    #[serde(skip)]
    bytes: VecDeque<usize>,
    #[serde(skip)]
    expires: Duration,
    #[serde(skip)]
    renew_at: Instant,
}

/// All subscriptions of events, one for each type.
#[derive(Clone, Debug, Default)]
pub(crate) struct SipSubscriptions {
    all: BTreeMap<String, SipEvents>,
}

impl SipSubscriptions {
    /// One subscription.
    ///
    /// # Errors
    ///
    /// [`SipCode::NotSubscribed`]: there is none.
    pub(crate) fn get(&self, event_type: &str) -> Result<&SipEvents, Error> {
        let none = || Error::new(SipCode::NotSubscribed, "no such events are subscribed");
        self.all.get(event_type).ok_or_else(none)
    }

    /// All subscriptions, by their types.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &SipEvents)> {
        self.all.iter().map(|(event_type, events)| (event_type.as_str(), events))
    }

    /// Finds a subscription that cannot be.
    ///
    /// # Errors
    ///
    /// [`SipCode::Unknown`]: one of the type is there, there are 32, or it is of no user or over 1 000.
    pub(crate) fn check_new(&self, event_type: &str, users: &[UserId]) -> Result<(), Error> {
        let fault = match () {
            () if self.all.contains_key(event_type) => "such events are subscribed already",
            () if self.all.len() >= MAX_TYPES => "32 kinds of events are subscribed already",
            () if users.is_empty() || users.len() > MAX_USERS => "not 1 to 1 000 users",
            () => return Ok(()),
        };
        Err(Error::new(SipCode::Unknown, fault))
    }

    /// A subscription was made, for the time that the gateway says or else that was asked for.
    pub(crate) fn made(
        &mut self,
        event_type: &str,
        users: &[UserId],
        told: Events,
        asked: Duration,
        now: Instant,
    ) {
        let expires = told.expires.unwrap_or(asked);
        self.all.insert(
            event_type.to_owned(),
            SipEvents {
                id: told.session,
                subscribed_users: users.iter().cloned().collect(),
                notifications: VecDeque::new(),
                bytes: VecDeque::new(),
                expires,
                renew_at: now + expires / 2,
            },
        );
    }

    /// The users of a subscription after a change. Without any it is to be ended (RA-102).
    ///
    /// # Errors
    ///
    /// [`SipCode::NotSubscribed`]: there is none. [`SipCode::Unknown`]: over 1 000 users.
    pub(crate) fn after(
        &self,
        event_type: &str,
        add: &[UserId],
        remove: &[UserId],
    ) -> Result<BTreeSet<UserId>, Error> {
        let mut users = self.get(event_type)?.subscribed_users.clone();
        users.extend(add.iter().cloned());
        users.retain(|user| !remove.contains(user));
        if users.len() > MAX_USERS {
            return Err(Error::new(SipCode::Unknown, "over 1 000 users"));
        }
        Ok(users)
    }

    /// A subscription was changed or renewed.
    pub(crate) fn changed(
        &mut self,
        event_type: &str,
        users: Option<BTreeSet<UserId>>,
        told: Events,
        now: Instant,
    ) {
        let Some(events) = self.all.get_mut(event_type) else { return };
        events.id = told.session;
        events.expires = told.expires.unwrap_or(events.expires);
        events.renew_at = now + events.expires / 2;
        if let Some(users) = users {
            events.subscribed_users = users;
        }
    }

    /// A subscription is no more: the users that it was of.
    pub(crate) fn ended(&mut self, event_type: &str) -> Option<BTreeSet<UserId>> {
        self.all.remove(event_type).map(|events| events.subscribed_users)
    }

    /// An event came. It is kept where such events are subscribed.
    pub(crate) fn came(&mut self, event_type: &str, event: Value, bytes: usize) {
        let Some(events) = self.all.get_mut(event_type) else { return };
        events.notifications.push_back(event);
        events.bytes.push_back(bytes);
        let too_much = |events: &SipEvents| {
            events.bytes.len() > MAX_EVENTS || events.bytes.iter().sum::<usize>() > MAX_BYTES
        };
        while too_much(events) {
            events.notifications.pop_front();
            events.bytes.pop_front();
        }
    }

    /// The next time to renew a subscription, and of which type.
    pub(crate) fn next_renewal(&self) -> Option<(Instant, &str)> {
        let times = self.all.iter().map(|(event_type, one)| (one.renew_at, event_type.as_str()));
        times.min()
    }

    /// A subscription is not renewed again before this time.
    pub(crate) fn renew_at(&mut self, event_type: &str, at: Instant) {
        if let Some(events) = self.all.get_mut(event_type) {
            events.renew_at = at;
        }
    }
}
