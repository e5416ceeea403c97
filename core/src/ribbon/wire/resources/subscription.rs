//! The subscription (w2.1 to w2.4).

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{GivenPath, Resources, with};
use crate::Secret;
use crate::rest::{Resource, segment};
use crate::ribbon::error::{AuthCode, Error};
use crate::ribbon::service::Service;
use crate::ribbon::wire::answer::{missing, read};
use crate::ribbon::wire::lenient::{self, List, Text, Whole, object};

/// The most services of one subscription.
pub(crate) const MAX_SERVICES: usize = 64;
/// The shortest and the longest time that a gateway's word on the time of a subscription is taken for.
const EXPIRES: std::ops::RangeInclusive<u64> = 60..=7 * 86_400;

/// A subscription as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Its path.
    pub(crate) path: GivenPath,
    /// The path of its socket.
    pub(crate) channel: GivenPath,
    /// The services that are subscribed.
    pub(crate) services: Vec<Service>,
    /// The time for which it lasts.
    pub(crate) expires: Duration,
    /// The name of the client, as the gateway has it.
    pub(crate) correlator: Option<String>,
    /// The secret that requests show in place of an HMAC token.
    pub(crate) session: Option<Secret>,
    /// The credentials for relays.
    pub(crate) turn: Option<TurnCredentials>,
}

/// The credentials for relays (RP-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnCredentials {
    pub(crate) username: String,
    pub(crate) password: Secret,
}

object! {
    Wrapper<'a> {
        body: Body<'a> = "subscribeResponse",
    }
}
object! {
    Body<'a> {
        status: Whole = "statusCode",
        path: Text<'a> = "subscription",
        params: Option<Box<Params<'a>>> = "subscriptionParams",
    }
}
object! {
    Params<'a> {
        channel: Text<'a> = "notificationChannel",
        services: Option<Services<'a>> = "service",
        expires: Whole = "expires",
        correlator: Text<'a> = "clientCorrelator",
        session: Text<'a> = "sessionId",
        turn: Turn<'a> = "turnCredentials",
    }
}
object! {
    Turn<'a> {
        username: Text<'a> = "username",
        password: Text<'a> = "password",
    }
}

/// A list of services, where there is one.
type Services<'a> = List<Text<'a>, MAX_SERVICES>;

impl Resources {
    /// The request for a subscription (w2.1).
    pub(crate) fn subscribe(
        &self,
        services: &[Service],
        expires: Duration,
        correlator: Option<&str>,
    ) -> Resource {
        let mut request = requested(services, expires);
        with(&mut request, "clientCorrelator", correlator);
        self.post("subscription", json!({"subscribeRequest": request}))
    }

    /// The request for another time, and for these services (w2.4).
    pub(crate) fn resubscribe(
        &self,
        there: &Subscription,
        services: &[Service],
        expires: Duration,
    ) -> Resource {
        let body = json!({"subscribeRequest": requested(services, expires)});
        match &there.correlator {
            Some(name) => {
                self.put(&format!("subscription/clientCorrelator/{}", segment(name)), body)
            }
            None => there.path.resource(Method::PUT, Some(body)),
        }
    }

    /// The end of a subscription (w2.3).
    pub(crate) fn unsubscribe(path: &GivenPath) -> Resource {
        path.resource(Method::DELETE, None)
    }

    /// The list of the user's subscriptions. A guess (w8, no. 39).
    pub(crate) fn subscriptions(&self) -> Resource {
        self.get("subscription")
    }
}

fn requested(services: &[Service], expires: Duration) -> Value {
    let services: Vec<_> = services.iter().map(Service::requested).collect();
    json!({
        "expires": expires.as_secs(),
        "service": services,
        "localization": "English_US",
        "useTurn": true,
        "notificationType": "WebSocket",
        "supported": ["RingingFeedback"],
    })
}

impl Subscription {
    /// The subscription of an answer to a request for one, or for another time. Of what the answer may
    /// leave out, `before` tells how it is: for a new one, what was asked for.
    ///
    /// # Errors
    ///
    /// A code that is no success, or an answer without `subscription`, `subscriptionParams` or
    /// `notificationChannel`.
    pub(crate) fn read(
        request: &str,
        body: &[u8],
        asked: &[Service],
        expires: Duration,
    ) -> Result<Self, Error> {
        let Wrapper { body } = read(request, body)?;
        // 2 is for changes that were accepted (w1.6).
        if let Some(code) = body.status.code().filter(|code| !matches!(code, 0 | 2)) {
            let text = format!("Failed to subscribe user. Status Code: {code}.");
            return Err(Error::new(AuthCode::SubscribeFailed, text));
        }
        let path = body.path.0.ok_or_else(|| missing(request, "subscription"))?;
        let params = body.params.ok_or_else(|| missing(request, "subscriptionParams"))?;
        let channel = params.channel.0.ok_or_else(|| missing(request, "notificationChannel"))?;
        let services = match params.services {
            Some(list) => list.items.iter().map(|name| Service::from(name.as_str())).collect(),
            None => asked.to_vec(),
        };
        let expires = match params.expires.natural() {
            Some(seconds) => Duration::from_secs(seconds.clamp(*EXPIRES.start(), *EXPIRES.end())),
            None => expires,
        };
        let turn = match (params.turn.username.into_owned(), params.turn.password.into_owned()) {
            (Some(username), Some(password)) => {
                Some(TurnCredentials { username, password: password.into() })
            }
            (None, _) | (_, None) => None,
        };
        Ok(Self {
            path: GivenPath::new(&path, request)?,
            channel: GivenPath::new(&channel, request)?,
            services,
            expires,
            correlator: params.correlator.into_owned(),
            session: params.session.into_owned().map(Secret::from),
            turn,
        })
    }

    /// The session that an answer gives, whatever else there is of it: it stands for a token (w1.2), and is
    /// to be hidden before the answer is shown.
    pub(crate) fn session_in(body: &[u8]) -> Option<Secret> {
        let Wrapper { body } = lenient::read(body).ok()?;
        body.params?.session.into_owned().map(Secret::from)
    }

    /// True if a service is subscribed.
    pub(crate) fn has(&self, service: &Service) -> bool {
        self.services.contains(service)
    }
}
