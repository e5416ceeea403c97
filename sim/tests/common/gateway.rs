//! The model gateway alone: clients as raw requests and sockets.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook::media::WebRtcFactory;
use offhook_sim::gateway::{Gateway, GatewayConfig};
use offhook_sim::service::{ConnId, Input, Output};
use serde_json::{Value, json};

use super::desk::Desk;

/// The gateway and its users.
pub(crate) type Gate = Desk<Gateway>;

/// The wall clock at the first instant.
pub(crate) const START: u64 = 1_795_225_723_900;

/// A client's subscription.
#[derive(Clone, Debug)]
pub(crate) struct Subscribed {
    pub(crate) user: String,
    pub(crate) path: String,
    pub(crate) channel: String,
    pub(crate) conn: u64,
    pub(crate) params: Value,
}

pub(crate) fn gate() -> Gate {
    let now = Instant::now();
    let config = GatewayConfig::new(7, START);
    Desk::of(Gateway::new(config, Box::new(WebRtcFactory::new()), now), now)
}

/// The body of a request for a subscription.
pub(crate) fn wish(services: &[&str], expires: u64, correlator: Option<&str>) -> Value {
    let mut wish = json!({
        "expires": expires, "service": services, "localization": "English_US", "useTurn": true,
        "notificationType": "WebSocket", "supported": ["RingingFeedback"],
    });
    if let Some(correlator) = correlator {
        wish["clientCorrelator"] = json!(correlator);
    }
    json!({"subscribeRequest": wish})
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// The path of a user's resource.
pub(crate) fn path(user: &str, below: &str) -> String {
    format!("/rest/version/1/user/{user}/{below}")
}

impl Gate {
    /// Makes a user whose password is `pw`.
    pub(crate) fn user(&mut self, name: &str, more: &Value) -> Value {
        let mut body = json!({"user": name, "password": "pw"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, user) = self.control("POST", "ribbon/users", &body);
        assert_eq!(status, 200, "{user}");
        user
    }

    /// A request of a user with a password, answered at once.
    pub(crate) fn rest(
        &mut self,
        user: &str,
        method: &str,
        below: &str,
        body: &Value,
    ) -> (u16, Value) {
        let credentials = basic(user, "pw");
        let headers = [("authorization", &*credentials)];
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let id = self.ask_as(method, &path(user, below), &headers, &text);
        self.answer(id).unwrap_or_else(|| panic!("{method} {below} is not answered"))
    }

    /// Subscribes and opens the socket.
    pub(crate) fn subscribe(
        &mut self,
        user: &str,
        correlator: Option<&str>,
        conn: u64,
    ) -> Subscribed {
        let wish = wish(&["call", "Presence", "IM", "custom"], 3600, correlator);
        let (status, body) = self.rest(user, "POST", "subscription", &wish);
        assert_eq!(status, 201, "{body}");
        let body = &body["subscribeResponse"];
        assert_eq!(body["statusCode"], 0);
        let params = body["subscriptionParams"].clone();
        let channel = params["notificationChannel"].as_str().unwrap().to_owned();
        let path = body["subscription"].as_str().unwrap().to_owned();
        let one = Subscribed { user: user.to_owned(), path, channel, conn, params };
        self.open(&one);
        one
    }

    /// Opens the socket of a subscription.
    pub(crate) fn open(&mut self, one: &Subscribed) {
        let (conn, path) = (ConnId(one.conn), one.channel.clone());
        self.input(Input::SocketRequested { conn, path });
        let at = self.outputs.iter().position(
            |output| matches!(output, Output::Accept { conn: accepted, .. } if *accepted == conn),
        );
        self.outputs.remove(at.expect("the socket is not accepted"));
    }

    /// A user with a subscription, whose socket is open.
    pub(crate) fn client(&mut self, name: &str, conn: u64) -> Subscribed {
        self.user(name, &json!({}));
        self.subscribe(&format!("{name}@example.com"), Some(&format!("c{conn}")), conn)
    }

    /// The messages sent to a socket since the last look: each message's inside.
    pub(crate) fn notices(&mut self, wanted: u64) -> Vec<Value> {
        let is_it = |output: &mut Output| matches!(output, Output::SendText { conn, .. } if conn.0 == wanted);
        let texts: Vec<_> = self.outputs.extract_if(.., is_it).collect();
        let inside = |output| match output {
            Output::SendText { text, .. } => {
                let message: Value = serde_json::from_str(&text).unwrap();
                message.get("notificationMessage").cloned().unwrap_or(message)
            }
            _ => unreachable!(),
        };
        texts.into_iter().map(inside).collect()
    }

    /// The kinds of what was sent to a socket since the last look.
    pub(crate) fn kinds(&mut self, conn: u64) -> Vec<String> {
        let kind = |notice: Value| notice["eventType"].as_str().unwrap_or_default().to_owned();
        self.notices(conn).into_iter().map(kind).collect()
    }

    /// The code that a socket was closed with since the last look; the inner none is no close frame.
    pub(crate) fn close_of(&mut self, wanted: u64) -> Option<Option<u16>> {
        let is_it = |output: &Output| matches!(output, Output::CloseSocket { conn, .. } if conn.0 == wanted);
        let at = self.outputs.iter().position(is_it)?;
        match self.outputs.remove(at) {
            Output::CloseSocket { code, .. } => Some(code),
            _ => unreachable!(),
        }
    }

    /// The events of a kind so far.
    pub(crate) fn events(&mut self, kind: &str) -> Vec<Value> {
        let (_, body) = self.control("GET", &format!("events?type={kind}"), &Value::Null);
        body["events"].as_array().unwrap().clone()
    }

    /// Our own requests were all such as a gateway expects.
    pub(crate) fn assert_tidy(&mut self) {
        for kind in ["bad-request", "unhandled-rest", "bad-frame"] {
            assert_eq!(self.events(kind), Vec::<Value>::new(), "{kind}");
        }
    }
}
