//! Events of SIP (w5.5).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Resources, with};
use crate::rest::{Resource, segment};
use crate::ribbon::error::Error;
use crate::ribbon::ids::{SessionData, UserId};
use crate::ribbon::wire::answer::{missing, read};
use crate::ribbon::wire::lenient::{Text, Whole, object};
use crate::ribbon::wire::parameters::{CustomParameter, sent};
use crate::text_id::MAX_ID;

object! {
    Wrapper<'a> {
        body: Body<'a> = "eventSubscriptionResponse",
    }
}
object! {
    Body<'a> {
        session: Text<'a> = "sessionData",
        expires: Whole = "expires",
    }
}

/// A subscription for events, as an answer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Events {
    /// Its name.
    pub(crate) session: SessionData,
    /// The time for which it lasts, where the gateway says so.
    pub(crate) expires: Option<Duration>,
}

impl Resources {
    /// Events are subscribed.
    pub(crate) fn subscribe_events(
        &self,
        event_type: &str,
        users: &[UserId],
        correlator: &str,
        expires: Duration,
        parameters: &[CustomParameter],
    ) -> Resource {
        let mut request = json!({
            "subscribeUserList": names(users),
            "clientCorrelator": correlator,
            "eventType": event_type,
            // The SDK means to send it, and does not (w8.24).
            "expires": expires.as_secs(),
        });
        let parameters = (!parameters.is_empty()).then(|| sent(parameters));
        with(&mut request, "customParameters", parameters);
        self.post("eventSubscription", json!({"eventSubscriptionRequest": request}))
    }

    /// Events are subscribed for another time, of users more and less.
    pub(crate) fn update_events(
        &self,
        there: &SessionData,
        event_type: &str,
        add: &[UserId],
        remove: &[UserId],
        expires: Duration,
        parameters: &[CustomParameter],
    ) -> Resource {
        let mut request = json!({"eventType": event_type, "expires": expires.as_secs()});
        let list = |users: &[UserId]| (!users.is_empty()).then(|| names(users));
        with(&mut request, "subscribeUserList", list(add));
        with(&mut request, "unsubscribeUserList", list(remove));
        let parameters = (!parameters.is_empty()).then(|| sent(parameters));
        with(&mut request, "customParameters", parameters);
        self.put(&path(there), json!({"eventSubscriptionRequest": request}))
    }

    /// Events are subscribed no longer.
    pub(crate) fn unsubscribe_events(&self, there: &SessionData) -> Resource {
        self.delete(&path(there))
    }
}

fn path(there: &SessionData) -> String {
    format!("eventSubscription/{}", segment(there.as_str()))
}

fn names(users: &[UserId]) -> Value {
    users.iter().map(|user| json!(user.as_str())).collect()
}

/// The subscription of an answer. One to a change may leave its name out, which is known.
///
/// # Errors
///
/// An answer without `sessionData`.
pub(crate) fn events(
    request: &str,
    body: &[u8],
    known: Option<&SessionData>,
) -> Result<Events, Error> {
    let Wrapper { body } = read(request, body)?;
    let told = body.session.0.filter(|session| session.len() <= MAX_ID);
    let session = match (told, known) {
        (Some(session), _) => session.as_ref().into(),
        (None, Some(known)) => known.clone(),
        (None, None) => return Err(missing(request, "sessionData")),
    };
    let expires = body.expires.natural().filter(|seconds| *seconds > 0);
    Ok(Events { session, expires: expires.map(Duration::from_secs) })
}
