//! The messages between a client and the gateway, read the way a bystander reads them.

use std::collections::{BTreeMap, BTreeSet};

use http::header::LOCATION;
use offhook::machine::{HttpId, Input, Output, OutputOf, WsEvent, WsId};
use offhook::ribbon::Client;
use serde_json::Value;

use crate::world::PhoneId;

/// A request of a client.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: HttpId,
    pub(super) method: String,
    /// The whole address.
    pub(super) uri: String,
    pub(super) host: String,
    /// The collection below the user's: `subscription`, `callControl`…
    pub(super) of: String,
    /// The session that its address names.
    pub(super) session: Option<String>,
    /// The type of a request about a call.
    pub(super) kind: String,
    pub(super) body: Value,
    /// Headers by which somebody could pass for the user, name and value.
    pub(super) credentials: Vec<(String, String)>,
    /// True for one that was sent on here.
    pub(super) redirected: bool,
}

/// A notification that a client reads for the first time.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) kind: String,
    pub(super) session: Option<String>,
    pub(super) body: Value,
}

/// Something that was said.
#[derive(Debug)]
pub(super) enum Wire {
    Asked(Asked),
    /// A request is answered: its status, none where nothing came; the place it is sent on to.
    Answered {
        id: HttpId,
        status: Option<u16>,
        location: Option<String>,
        body: Value,
    },
    Notified(Notice),
    /// A socket is wanted.
    Opening,
    Opened(WsId),
    /// A socket is gone, by whichever side.
    Closed(WsId),
    Pinged(WsId),
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Notifications that were read, by their ids.
    read: BTreeMap<PhoneId, BTreeSet<String>>,
    sockets: BTreeMap<PhoneId, WsId>,
}

impl Reader {
    pub(super) fn given(&mut self, phone: PhoneId, input: &Input) -> Option<Wire> {
        match input {
            Input::Http { id, result } => {
                let response = result.as_ref().ok();
                let location = response.and_then(|response| response.headers().get(LOCATION));
                Some(Wire::Answered {
                    id: *id,
                    status: response.map(|response| response.status().as_u16()),
                    location: location.and_then(|place| place.to_str().ok()).map(str::to_owned),
                    body: response.map(|response| json(response.body())).unwrap_or_default(),
                })
            }
            Input::WebSocket { id, event: WsEvent::Opened { .. } } => {
                self.sockets.insert(phone, *id);
                Some(Wire::Opened(*id))
            }
            Input::WebSocket { id, event: WsEvent::Closed { .. } | WsEvent::Failed(_) } => {
                self.sockets.retain(|at, open| *at != phone || open != id);
                Some(Wire::Closed(*id))
            }
            Input::WebSocket { id, event: WsEvent::Text(text) }
                if self.sockets.get(&phone) == Some(id) =>
            {
                let mut whole = json(text.as_bytes());
                let body = whole["notificationMessage"].take();
                let name = body["eventId"].as_str().unwrap_or_default();
                let read = self.read.entry(phone).or_default();
                if !name.is_empty() && !read.insert(name.to_owned()) {
                    return None;
                }
                let session = body["sessionParams"]["sessionData"].as_str().map(str::to_owned);
                let kind = body["eventType"].as_str().unwrap_or_default().to_owned();
                Some(Wire::Notified(Notice { kind, session, body }))
            }
            _ => None,
        }
    }

    pub(super) fn wanted(&mut self, phone: PhoneId, output: &OutputOf<Client>) -> Option<Wire> {
        match output {
            Output::Http { id, request, .. } => Some(Wire::Asked(asked(*id, request))),
            Output::OpenWebSocket { .. } => Some(Wire::Opening),
            Output::CloseWebSocket { id } => {
                self.sockets.retain(|at, open| *at != phone || open != id);
                Some(Wire::Closed(*id))
            }
            Output::SendText { id, .. } => Some(Wire::Pinged(*id)),
            _ => None,
        }
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn asked(id: HttpId, request: &http::Request<Vec<u8>>) -> Asked {
    let uri = request.uri();
    let path: Vec<_> = uri.path().split('/').skip(1).collect();
    let below = path.get(5..).unwrap_or_default();
    let session = match below {
        ["callControl", "callSessions", session] => Some((*session).to_owned()),
        _ => None,
    };
    let body = json(request.body());
    let plain = ["accept", "content-type", "content-length", "host"];
    let secret = request.headers().iter().filter(|(name, _)| !plain.contains(&name.as_str()));
    Asked {
        id,
        method: request.method().to_string(),
        uri: uri.to_string(),
        host: uri.host().unwrap_or_default().to_owned(),
        of: below.first().copied().unwrap_or_default().to_owned(),
        session,
        kind: body["callControlRequest"]["type"].as_str().unwrap_or_default().to_owned(),
        body,
        credentials: secret
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), text)
            })
            .collect(),
        redirected: uri.query().is_some_and(|query| query.contains("redirected=")),
    }
}
