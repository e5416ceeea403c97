//! A gateway of few words at its best, and the texts that it says.

use offhook::media::testing;
use serde_json::{Value, json};

use crate::planted::PART;
use crate::service::ICE_PWD;

pub(crate) const USER: &str = "alice@example.com";
pub(crate) const HOST: &str = "gw.test";
pub(crate) const WS_HOST: &str = "ws.test";

/// The far side's description, in a state of flow.
pub(crate) fn description(setup: &str, direction: &str) -> String {
    let text = testing::description(setup, "theirs", ICE_PWD);
    text.replace("a=sendrecv", &format!("a={direction}"))
}

/// The answer to an offer: the same, seen from the other side.
pub(crate) fn answer_to(offer: &str) -> String {
    let mut answer = String::with_capacity(offer.len());
    for line in offer.lines() {
        let line = match line {
            "a=setup:actpass" | "a=setup:passive" => "a=setup:active",
            "a=sendonly" => "a=recvonly",
            "a=recvonly" => "a=sendonly",
            line if line.starts_with("a=ice-ufrag:") => "a=ice-ufrag:theirs",
            line if line.starts_with("a=ice-pwd:") => "a=ice-pwd:0123456789abcdef0123456789",
            line if line.starts_with("a=candidate:") || line.starts_with("a=ssrc:") => continue,
            line if line.starts_with("o=") => "o=- 7 2 IN IP4 192.0.2.9",
            line => line,
        };
        answer.push_str(line);
        answer.push_str("\r\n");
    }
    answer
}

/// A text of the notification socket.
pub(crate) fn notification(kind: &str, id: Option<u32>, mut message: Value) -> String {
    message["eventType"] = kind.into();
    if let Some(id) = id {
        message["eventId"] = id.to_string().into();
    }
    json!({"notificationMessage": message}).to_string()
}

/// A notification about a session.
pub(crate) fn leg(session: &str, sdp: Option<&str>) -> Value {
    let mut params = json!({"sessionData": session});
    if let Some(sdp) = sdp {
        params["sdp"] = sdp.into();
    }
    json!({
        "sessionParams": params,
        "callNotificationParams": {
            "callerName": "Bob", "callerDisplayNumber": "bob@example.com",
            "remoteName": "Bob", "remoteDisplayNumber": "bob@example.com",
        },
    })
}

/// The gateway's side of one user's world.
#[derive(Debug, Default)]
pub(crate) struct Office {
    sessions: u32,
    /// True if who is called answers at once.
    pub(crate) answers: bool,
    /// Said after the reply that is on its way.
    pub(crate) later: Vec<(&'static str, Value)>,
}

impl Office {
    /// A session's name; those of sessions that the far side makes begin with another letter.
    pub(crate) fn session(&mut self) -> String {
        self.sessions += 1;
        format!("S{}", self.sessions)
    }

    /// The name that was given last.
    pub(crate) fn last_session(&self) -> String {
        format!("S{}", self.sessions)
    }

    /// The good answer to a request, and what is said after it.
    pub(crate) fn rest(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = path.trim_start_matches("/rest/version/1/user/");
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let request = &body["callControlRequest"];
        let kind = request["type"].as_str().unwrap_or_default();
        let done = json!({"callControlResponse": {"statusCode": 0}});
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("DELETE", _) => (204, Value::Null),
            (_, ["subscription", ..]) => (201, subscribed(&body["subscribeRequest"]["service"])),
            ("POST", ["callControl"]) => {
                let session = self.session();
                let sdp = answer_to(request["sdp"].as_str().unwrap_or_default());
                if kind == "join" || self.answers {
                    self.later.push(("ringing", leg(&session, None)));
                    self.later.push(("respondCallUpdate", leg(&session, Some(&sdp))));
                }
                if kind == "join" {
                    for old in ["firstSessionData", "secondSessionData"] {
                        let old = request[old].as_str().unwrap_or_default();
                        self.later.push(("sessionComplete", leg(old, None)));
                    }
                }
                (201, json!({"callControlResponse": {"statusCode": 0, "sessionData": session}}))
            }
            ("GET", ["callControl", ..]) => {
                (200, json!({"callControlResponse": {"statusCode": 0, "state": "ANSWERED"}}))
            }
            ("PUT", ["callControl", "callSessions", session]) => {
                let offer = request["sdp"].as_str().filter(|sdp| sdp.contains("a=setup:actpass"));
                if let Some(offer) = offer {
                    let answer = answer_to(offer);
                    self.later.push(("respondCallUpdate", leg(session, Some(&answer))));
                }
                if kind == "transfer" {
                    self.later.push(("sessionComplete", leg(session, None)));
                    if let Some(other) = request["sessionData"].as_str() {
                        self.later.push(("callEnd", leg(other, None)));
                    }
                }
                (200, done)
            }
            _ => (200, json!({"statusCode": 0})),
        }
    }
}

fn subscribed(services: &Value) -> Value {
    json!({"subscribeResponse": {
        "statusCode": 0,
        "subscription": format!("/rest/version/1/user/{USER}/subscription/8f3c"),
        "subscriptionParams": {
            "notificationChannel": format!("/rest/version/1/user/{USER}/websocket/8f3c"),
            "service": services,
            "expires": 3600,
            "clientCorrelator": "abc",
            "sessionId": format!("s-{PART}"),
            "turnCredentials": {"username": "t", "password": format!("p-{PART}")},
        },
    }})
}
