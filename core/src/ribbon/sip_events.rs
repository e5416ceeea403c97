//! Subscriptions of events of SIP (w5.5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::constants::constants;
use super::error::{Error, ErrorCode, SipCode};
use super::ids::{SessionData, UserId};
use super::private::Private;
use super::wire::CustomParameter;
use super::wire::resources::sip::Events;

/// The most types of events, the most users of one, and the most events kept of one; the oldest go first.
const MAX_TYPES: usize = 32;
const MAX_USERS: usize = 1000;
const MAX_EVENTS: usize = 100;
/// The most bytes of the events kept of one type.
const MAX_BYTES: usize = 1 << 20;
/// The longest name of a type in bytes.
const MAX_TYPE: usize = crate::text_id::MAX_ID;
/// The shortest and the longest time of a subscription that is believed.
const LEAST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The shortest pause before it is tried again to renew one.
const LEAST_PAUSE: Duration = Duration::from_secs(30);

constants! {
    /// The change of a subscription of events.
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
    pub notifications: VecDeque<Private<Value>>,
    #[serde(skip)]
    bytes: VecDeque<usize>,
    #[serde(skip)]
    expires: Duration,
    /// The time of its renewal; none while that is under way.
    #[serde(skip)]
    renew_at: Option<Instant>,
    /// The time at which it is over, unless it is renewed.
    #[serde(skip)]
    until: Instant,
    #[serde(skip)]
    parameters: Vec<CustomParameter>,
}

impl SipEvents {
    /// The time for which it lasts.
    pub(crate) fn expires(&self) -> Duration {
        self.expires
    }

    /// The parameters that it was made or changed with.
    pub(crate) fn parameters(&self) -> &[CustomParameter] {
        &self.parameters
    }

    fn lasts(&mut self, expires: Duration, now: Instant) {
        self.expires = expires.clamp(LEAST, LONGEST);
        self.renew_at = Some(now + self.expires / 2);
        self.until = now + self.expires;
    }
}

/// All subscriptions of events, one for each type.
#[derive(Clone, Debug, Default)]
pub(crate) struct SipSubscriptions {
    all: BTreeMap<String, SipEvents>,
    /// The types that something is asked for just now.
    busy: BTreeSet<String>,
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
        let coming = self.busy.iter().filter(|busy| !self.all.contains_key(*busy)).count();
        let fault = match () {
            () if event_type.is_empty() || event_type.len() > MAX_TYPE => "no type of events",
            () if self.all.contains_key(event_type) => "such events are subscribed already",
            () if self.all.len() + coming >= MAX_TYPES => {
                "32 kinds of events are subscribed already"
            }
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
        let mut made = SipEvents {
            id: told.session,
            subscribed_users: users.iter().cloned().collect(),
            notifications: VecDeque::new(),
            bytes: VecDeque::new(),
            expires: asked,
            renew_at: None,
            until: now,
            parameters: Vec::new(),
        };
        made.lasts(told.expires.unwrap_or(asked), now);
        self.all.insert(event_type.to_owned(), made);
    }

    /// The parameters of a subscription are these from now on.
    pub(crate) fn set_parameters(&mut self, event_type: &str, parameters: Vec<CustomParameter>) {
        if let Some(events) = self.all.get_mut(event_type) {
            events.parameters = parameters;
        }
    }

    /// Something is asked for: nothing else is meanwhile.
    pub(crate) fn begin(&mut self, event_type: &str) {
        self.busy.insert(event_type.to_owned());
    }

    /// It was answered.
    pub(crate) fn done(&mut self, event_type: &str) {
        self.busy.remove(event_type);
    }

    /// Checks that something may be asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Pending`]: something is already.
    pub(crate) fn may_ask(&self, event_type: &str) -> Result<(), Error> {
        if self.busy.contains(event_type) {
            return Err(Error::new(ErrorCode::Pending, "the subscription is being changed"));
        }
        Ok(())
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
        events.lasts(told.expires.unwrap_or(events.expires), now);
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
        events.notifications.push_back(event.into());
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
        let idle = self.all.iter().filter(|(event_type, _)| !self.busy.contains(*event_type));
        idle.filter_map(|(event_type, one)| Some((one.renew_at?, event_type.as_str()))).min()
    }

    /// A renewal is under way.
    pub(crate) fn renewing(&mut self, event_type: &str) {
        if let Some(events) = self.all.get_mut(event_type) {
            events.renew_at = None;
        }
    }

    /// A subscription was not renewed: it is tried again after half of what is left. False where nothing is.
    pub(crate) fn not_renewed(&mut self, event_type: &str, now: Instant) -> bool {
        let Some(events) = self.all.get_mut(event_type) else { return true };
        let left = events.until.saturating_duration_since(now);
        events.renew_at = Some(now + (left / 2).max(LEAST_PAUSE));
        !left.is_zero()
    }

    /// Forgets all of them: which there were, and of which users.
    pub(crate) fn take_all(&mut self) -> BTreeMap<String, BTreeSet<UserId>> {
        let all = std::mem::take(&mut self.all).into_iter();
        all.map(|(event_type, one)| (event_type, one.subscribed_users)).collect()
    }

    /// The number of them.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}
