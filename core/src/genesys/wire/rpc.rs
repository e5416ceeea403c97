//! SDP over XMPP: JSON-RPC in `genesys-webrtc` (wire notes 6.14).

use std::fmt;

use serde_json::{Map, Value, json};

use crate::jingle::{MAX_ID, Reason};
use crate::xmpp::{Skipped, name_of};

/// A JSON-RPC call. There are no responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The call's id; empty if it has none. A repeated re-invite repeats it.
    pub id: String,
    /// The method called.
    pub method: Method,
}

/// A method with its parameters.
#[derive(Clone, PartialEq, Eq)]
pub enum Method {
    /// The service offers media.
    Offer {
        /// The session.
        session_id: String,
        /// The conversation.
        conversation_id: Option<String>,
        /// The offer.
        sdp: String,
        /// The session replaces one that was interrupted.
        reinvite: bool,
    },
    /// The client answers.
    Answer {
        /// The session.
        session_id: String,
        /// The answer.
        sdp: String,
    },
    /// Trickled candidates, or their end.
    IceCandidate {
        /// The session.
        session_id: String,
        /// A fragment of SDP (RFC 8840 section 9), mostly of one candidate; see
        /// [`Candidate::read_all`](crate::jingle::Candidate::read_all).
        sdp: String,
    },
    /// The client tells its state: `active`.
    Info {
        /// The session.
        session_id: String,
        /// The state.
        status: String,
    },
    /// The session ends.
    Terminate {
        /// The session.
        session_id: String,
        /// The reason; `success` if the sender did not say.
        reason: Reason,
    },
    /// The client is silent on purpose.
    Mute {
        /// The session.
        session_id: String,
        /// `audio` or `video`.
        kind: String,
    },
    /// The client speaks again.
    Unmute {
        /// The session.
        session_id: String,
        /// `audio` or `video`.
        kind: String,
    },
    /// Another method, for instance `report-statistics`.
    Other {
        /// Its name.
        method: String,
        /// Its parameters.
        params: Value,
    },
}

/// The reason why a text is no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Not JSON.
    #[error("not JSON: line {line}, column {column}")]
    NotJson {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// No object with a `method`; responses do not exist.
    #[error("not a call")]
    NotACall,
    /// A parameter that must be there, as text.
    #[error("a call without {0}")]
    Missing(&'static str),
    /// An id of more than 255 bytes.
    #[error("a call with too long a {0}")]
    TooLong(&'static str),
}

impl Rpc {
    /// Reads the text of a `genesys-webrtc` element.
    ///
    /// # Errors
    ///
    /// Not a JSON-RPC call, or one whose parameters are unusable.
    pub fn parse(text: &str) -> Result<Self, RpcError> {
        Self::read(text, &mut Skipped::default())
    }

    /// The same; optional parameters that cannot be read are left out and noted.
    pub(crate) fn read(text: &str, skipped: &mut Skipped) -> Result<Self, RpcError> {
        let call: Value = serde_json::from_str(text)
            .map_err(|e| RpcError::NotJson { line: e.line(), column: e.column() })?;
        let name = call.get("method").and_then(Value::as_str).ok_or(RpcError::NotACall)?;
        let id = match call.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(Value::Null) | None => String::new(),
            Some(_) => {
                skipped.add(format_args!("{}: id", name_of(name)));
                String::new()
            }
        };
        if id.len() > MAX_ID {
            return Err(RpcError::TooLong("id"));
        }
        let params = call.get("params").unwrap_or(&Value::Null);
        let method = skipped.inside(
            || format!("{}: ", name_of(name)),
            |skipped| Method::read(name, params, skipped),
        )?;
        Ok(Self { id, method })
    }

    /// Writes the text of a `genesys-webrtc` element.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut call = Map::new();
        call.insert("jsonrpc".to_owned(), "2.0".into());
        call.insert("method".to_owned(), self.method.name().into());
        call.insert("params".to_owned(), self.method.params());
        if !self.id.is_empty() {
            call.insert("id".to_owned(), self.id.as_str().into());
        }
        Value::Object(call).to_string()
    }
}

/// Leaves out a parameter that cannot be read: noted, if it is there.
fn odd<T>(params: &Value, name: &str, skipped: &mut Skipped) -> Option<T> {
    if params.get(name).is_some_and(|odd| !odd.is_null()) {
        skipped.add(name);
    }
    None
}

impl Method {
    fn read(name: &str, params: &Value, skipped: &mut Skipped) -> Result<Self, RpcError> {
        let text = |name| params.get(name).and_then(Value::as_str);
        let text = |name| text(name).map(str::to_owned).ok_or(RpcError::Missing(name));
        let id = |name: &'static str| match text(name) {
            Ok(id) if id.len() > MAX_ID => Err(RpcError::TooLong(name)),
            other => other,
        };
        let session_id = || id("sessionId");
        Ok(match name {
            "offer" => Self::Offer {
                session_id: session_id()?,
                conversation_id: match id("conversationId") {
                    Ok(id) => Some(id).filter(|id| !id.is_empty()),
                    Err(RpcError::Missing(name)) => odd(params, name, skipped),
                    Err(error) => return Err(error),
                },
                // Without a description it is an offer of nothing, and refused as one.
                sdp: text("sdp").ok().or_else(|| odd(params, "sdp", skipped)).unwrap_or_default(),
                reinvite: match params.get("reinvite").and_then(Value::as_bool) {
                    Some(reinvite) => reinvite,
                    None => odd(params, "reinvite", skipped).unwrap_or_default(),
                },
            },
            "answer" => Self::Answer { session_id: session_id()?, sdp: text("sdp")? },
            "iceCandidate" => Self::IceCandidate { session_id: session_id()?, sdp: text("sdp")? },
            "info" => Self::Info { session_id: session_id()?, status: text("status")? },
            "terminate" => Self::Terminate {
                session_id: session_id()?,
                reason: match text("reason") {
                    Ok(reason) => reason.as_str().into(),
                    Err(_) => odd(params, "reason", skipped).unwrap_or(Reason::Success),
                },
            },
            "mute" => Self::Mute { session_id: session_id()?, kind: text("type")? },
            "unmute" => Self::Unmute { session_id: session_id()?, kind: text("type")? },
            other => Self::Other { method: other.to_owned(), params: params.clone() },
        })
    }

    /// One trickled candidate, `candidate:…` without `a=` and line end, of the section with this
    /// `a=mid` (wire notes 6.14).
    #[must_use]
    pub fn candidate(session_id: impl Into<String>, mid: &str, line: &str) -> Self {
        let sdp = format!("m={mid} 9 RTP/AVP 0\r\na={line}\r\n");
        Self::IceCandidate { session_id: session_id.into(), sdp }
    }

    /// No more candidates.
    #[must_use]
    pub fn end_of_candidates(session_id: impl Into<String>) -> Self {
        let sdp = "a=end-of-candidates\r\n".to_owned();
        Self::IceCandidate { session_id: session_id.into(), sdp }
    }

    /// The method's name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Offer { .. } => "offer",
            Self::Answer { .. } => "answer",
            Self::IceCandidate { .. } => "iceCandidate",
            Self::Info { .. } => "info",
            Self::Terminate { .. } => "terminate",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::Other { method, .. } => method,
        }
    }

    /// The session that it speaks of; of another method, the `sessionId` that it may have.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        match self {
            Self::Offer { session_id, .. }
            | Self::Answer { session_id, .. }
            | Self::IceCandidate { session_id, .. }
            | Self::Info { session_id, .. }
            | Self::Terminate { session_id, .. }
            | Self::Mute { session_id, .. }
            | Self::Unmute { session_id, .. } => Some(session_id),
            Self::Other { params, .. } => params.get("sessionId").and_then(Value::as_str),
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::Offer { session_id, conversation_id, sdp, reinvite } => {
                let mut params = Map::new();
                params.insert("sessionId".to_owned(), session_id.as_str().into());
                if let Some(id) = conversation_id {
                    params.insert("conversationId".to_owned(), id.as_str().into());
                }
                params.insert("sdp".to_owned(), sdp.as_str().into());
                params.insert("reinvite".to_owned(), (*reinvite).into());
                Value::Object(params)
            }
            Self::Answer { session_id, sdp } => json!({"sdp": sdp, "sessionId": session_id}),
            Self::IceCandidate { session_id, sdp } => {
                json!({"sessionId": session_id, "sdp": sdp})
            }
            Self::Info { session_id, status } => {
                json!({"sessionId": session_id, "status": status})
            }
            Self::Terminate { session_id, reason } => {
                json!({"sessionId": session_id, "reason": reason.as_str()})
            }
            Self::Mute { session_id, kind } | Self::Unmute { session_id, kind } => {
                json!({"sessionId": session_id, "type": kind})
            }
            Self::Other { params, .. } => params.clone(),
        }
    }
}

/// An SDP holds the ICE password, so only its length is shown.
impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(self.name());
        out.field("session_id", &self.session_id());
        match self {
            Self::Offer { conversation_id, sdp, reinvite, .. } => out
                .field("conversation_id", conversation_id)
                .field("sdp_len", &sdp.len())
                .field("reinvite", reinvite),
            Self::Answer { sdp, .. } | Self::IceCandidate { sdp, .. } => {
                out.field("sdp_len", &sdp.len())
            }
            Self::Info { status, .. } => out.field("status", status),
            Self::Terminate { reason, .. } => out.field("reason", reason),
            Self::Mute { kind, .. } | Self::Unmute { kind, .. } => out.field("kind", kind),
            Self::Other { .. } => &mut out,
        };
        out.finish()
    }
}
