//! What of a message may be shown.

use super::config::Auth;
use crate::jingle::{Method, SessionMessage};
use crate::xmpp::{Frame, IqKind, Payload};

const HIDDEN: &str = "(secret)";

/// Removes secrets from messages: the token or JWT wherever it stands, passwords of TURN
/// services, ICE passwords and SDES keys.
#[derive(Clone)]
pub(crate) struct Redactor {
    /// The one in use, and those before it; the oldest go first.
    secrets: Vec<crate::Secret>,
}

/// Secrets remembered.
const MAX_SECRETS: usize = 4096;

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    pub(crate) fn new(auth: &Auth) -> Self {
        match auth {
            Auth::Token(secret) | Auth::Jwt(secret) | Auth::Guest { code: secret, .. } => {
                Self { secrets: vec![secret.clone()] }
            }
        }
    }

    /// One more secret.
    pub(crate) fn hide(&mut self, secret: &crate::Secret) {
        if self.secrets.len() >= MAX_SECRETS {
            self.secrets.remove(0);
        }
        self.secrets.push(secret.clone());
    }

    /// A stanza, as it may be shown.
    pub(crate) fn xml(&self, text: &str) -> String {
        let text = hide_between(text, " pwd=\"", |c| c == '"');
        let text = hide_between(&text, " pwd='", |c| c == '\'');
        let text = hide_between(&text, " password=\"", |c| c == '"');
        let text = hide_between(&text, " password='", |c| c == '\'');
        self.json(&text)
    }

    /// A JSON document or SDP, as it may be shown.
    pub(crate) fn json(&self, text: &str) -> String {
        let ends_line = |c: char| matches!(c, '\\' | '\r' | '\n' | '"' | '&' | '<');
        let text = hide_between(text, "a=ice-pwd:", ends_line);
        let text = hide_between(&text, "a=crypto:", ends_line);
        let text = hide_values(&text, &["jwt"]);
        // Whose number it is, is nobody's business (CV-2).
        let text = hide_values(&text, &NUMBERS);
        let secrets = self.secrets.iter().map(crate::Secret::expose);
        secrets.filter(|secret| !secret.is_empty()).fold(text, |text, secret| {
            if text.contains(secret) { text.replace(secret, HIDDEN) } else { text }
        })
    }
}

/// Keys of JSON whose values are somebody's address.
const NUMBERS: [&str; 6] =
    ["address", "addressRaw", "addressNormalized", "addressDisplayable", "phoneNumber", "callerId"];

/// Replaces the texts that these keys of JSON have, be it escaped for XML or not.
fn hide_values(text: &str, keys: &[&str]) -> String {
    let mut text = text.to_owned();
    for key in keys {
        for (quote, ends) in [("\"", '"'), ("&quot;", '&')] {
            for space in ["", " "] {
                let prefix = format!("{quote}{key}{quote}:{space}{quote}");
                if text.contains(&prefix) {
                    text = hide_between(&text, &prefix, |c| c == ends);
                }
            }
        }
    }
    text
}

/// Replaces what stands between a prefix and the first character that ends it.
fn hide_between(text: &str, prefix: &str, ends: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(prefix) {
        let (before, after) = rest.split_at(at + prefix.len());
        out.push_str(before);
        out.push_str(HIDDEN);
        rest = &after[after.find(&ends).unwrap_or(after.len())..];
    }
    out.push_str(rest);
    out
}

/// What a frame is, in a few words, and which session it belongs to.
pub(crate) fn summary(frame: &Frame) -> (String, Option<String>) {
    let plain = |text: &str| (text.to_owned(), None);
    match frame {
        Frame::Open(_) => plain("open"),
        Frame::Close(_) => plain("close"),
        Frame::Features(_) => plain("features"),
        Frame::Auth(auth) => (format!("auth {}", auth.mechanism), None),
        Frame::Success => plain("success"),
        Frame::Failure(failure) => (format!("failure {}", failure.condition), None),
        Frame::StreamError(error) => (format!("stream error {}", error.condition), None),
        Frame::Message(message) => match message.payloads.first() {
            Some(payload) => of_payload(payload),
            None => plain("message"),
        },
        Frame::Presence(presence) => {
            (format!("presence {}", presence.kind.as_deref().unwrap_or("available")), None)
        }
        Frame::Iq(iq) => match &iq.kind {
            IqKind::Get(payload) | IqKind::Set(payload) => of_payload(payload),
            IqKind::Result(Some(payload)) => {
                let (text, about) = of_payload(payload);
                (format!("result {text}"), about)
            }
            IqKind::Result(None) => plain("result"),
            IqKind::Error(error) => (format!("error {}", error.condition), None),
        },
        Frame::Other { name, .. } => (name.clone(), None),
    }
}

fn of_payload(payload: &Payload) -> (String, Option<String>) {
    let plain = |text: &str| (text.to_owned(), None);
    match payload {
        Payload::Bind { .. } => plain("bind"),
        Payload::Session => plain("session"),
        Payload::Ping => plain("ping"),
        Payload::PubSub(_) => plain("pubsub"),
        Payload::PubSubEvent(event) => {
            let node = event.items.first().map_or("", |item| &item.node);
            let leaf = node.rsplit('.').next().unwrap_or_default();
            (format!("event {leaf}"), None)
        }
        Payload::Services(services) => {
            (format!("services {}", services.kind.as_deref().unwrap_or_default()), None)
        }
        Payload::DiscoInfo(..) => plain("disco#info"),
        Payload::Version(..) => plain("version"),
        Payload::ConnectionTransfer => plain("connection transfer"),
        Payload::JingleMessage(message) => {
            let (text, id) = match message {
                SessionMessage::Propose(propose) => ("propose", &propose.id),
                SessionMessage::Proceed { id } => ("proceed", id),
                SessionMessage::Accept { id } => ("accept", id),
                SessionMessage::Reject { id } => ("reject", id),
                SessionMessage::Retract { id } => ("retract", id),
            };
            (text.to_owned(), Some(id.clone()))
        }
        Payload::Jingle(jingle) => (jingle.action.as_str().to_owned(), Some(jingle.sid.clone())),
        Payload::Rpc(rpc) => of_method(&rpc.method),
        Payload::MediaMessage(_) => plain("media-message"),
        Payload::Carbon(_) => plain("carbon"),
        Payload::Malformed { element, .. } => (format!("malformed {element}"), None),
        Payload::Unknown(element) => (format!("unknown {}", element.name), None),
    }
}

fn of_method(method: &Method) -> (String, Option<String>) {
    let (text, session) = match method {
        Method::Offer { session_id, .. } => ("offer", session_id),
        Method::Answer { session_id, .. } => ("answer", session_id),
        Method::IceCandidate { session_id, .. } => ("iceCandidate", session_id),
        Method::Info { session_id, .. } => ("info", session_id),
        Method::Terminate { session_id, .. } => ("terminate", session_id),
        Method::Mute { session_id, .. } => ("mute", session_id),
        Method::Unmute { session_id, .. } => ("unmute", session_id),
        Method::Other { method, .. } => return (method.clone(), None),
    };
    (text.to_owned(), Some(session.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lg_2_no_secret_is_shown() {
        let redactor = Redactor::new(&Auth::Token(crate::Secret::new("t0ken")));
        let shown = redactor.xml(
            r#"<transport ufrag="u" pwd="p1"/><service password='p2' host="h"/>{"sdp":"a=ice-pwd:p3\r\na=mid:0"} t0ken"#,
        );
        for secret in ["p1", "p2", "p3", "t0ken"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("ufrag=\"u\"") && shown.contains("host=\"h\""));
        assert!(shown.contains("a=mid:0"));
        assert!(!redactor.json(r#"{"jwt":"abc.def"}"#).contains("abc.def"));
    }

    #[test]
    fn text_without_an_end_is_hidden_to_its_end() {
        let redactor = Redactor::new(&Auth::Token(crate::Secret::new("x-y")));
        assert_eq!(redactor.json("a=ice-pwd:tail"), "a=ice-pwd:(secret)");
    }
}
