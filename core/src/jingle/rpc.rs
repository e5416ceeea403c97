//! SDP over XMPP: JSON-RPC in `genesys-webrtc` (wire notes 6.14).

use std::fmt;

use serde_json::{Map, Value, json};

use super::Reason;

/// A JSON-RPC call. There are no responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The call's id; empty if it has none. A repeated re-invite repeats it.
    pub id: String,
    /// What is called.
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
    /// A trickled candidate.
    IceCandidate {
        /// The session.
        session_id: String,
        /// The candidate.
        candidate: RpcCandidate,
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
        /// Why; `success` if the sender did not say.
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

/// What an `iceCandidate` carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcCandidate {
    /// A candidate.
    Candidate {
        /// The m-line's `a=mid`.
        mid: String,
        /// `candidate:…` without `a=` and line end; see [`super::Candidate::from_line`].
        line: String,
    },
    /// No more candidates.
    End,
    /// A browser's empty candidate for one m-line: to be ignored.
    Empty {
        /// The m-line's `a=mid`.
        mid: String,
    },
}

/// Why a text is no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Not JSON.
    #[error("not JSON: line {line}, column {column}")]
    NotJson {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// No object with a `method`; responses do not exist.
    #[error("not a call")]
    NotACall,
    /// A parameter that must be there, as text.
    #[error("a call without {0}")]
    Missing(&'static str),
    /// An `iceCandidate` without an `m=` line, or with another attribute than a candidate.
    #[error("a malformed candidate")]
    Candidate,
}

impl Rpc {
    /// Reads the text of a `genesys-webrtc` element.
    ///
    /// # Errors
    ///
    /// Not a JSON-RPC call, or one whose parameters are unusable.
    pub fn parse(text: &str) -> Result<Self, RpcError> {
        let call: Value = serde_json::from_str(text)
            .map_err(|e| RpcError::NotJson { line: e.line(), column: e.column() })?;
        let name = call.get("method").and_then(Value::as_str).ok_or(RpcError::NotACall)?;
        let id = match call.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let params = call.get("params").unwrap_or(&Value::Null);
        Ok(Self { id, method: Method::read(name, params)? })
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

impl Method {
    fn read(name: &str, params: &Value) -> Result<Self, RpcError> {
        let optional = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
        let text = |name| optional(name).ok_or(RpcError::Missing(name));
        let session_id = || text("sessionId");
        Ok(match name {
            "offer" => Self::Offer {
                session_id: session_id()?,
                conversation_id: optional("conversationId"),
                sdp: text("sdp")?,
                reinvite: params.get("reinvite").and_then(Value::as_bool).unwrap_or(false),
            },
            "answer" => Self::Answer { session_id: session_id()?, sdp: text("sdp")? },
            "iceCandidate" => Self::IceCandidate {
                session_id: session_id()?,
                candidate: RpcCandidate::read(&text("sdp")?)?,
            },
            "info" => Self::Info { session_id: session_id()?, status: text("status")? },
            "terminate" => Self::Terminate {
                session_id: session_id()?,
                reason: optional("reason").map_or(Reason::Success, |r| r.as_str().into()),
            },
            "mute" => Self::Mute { session_id: session_id()?, kind: text("type")? },
            "unmute" => Self::Unmute { session_id: session_id()?, kind: text("type")? },
            other => Self::Other { method: other.to_owned(), params: params.clone() },
        })
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
            Self::IceCandidate { session_id, candidate } => {
                json!({"sessionId": session_id, "sdp": candidate.to_string()})
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
            Self::Answer { sdp, .. } => out.field("sdp_len", &sdp.len()),
            Self::IceCandidate { candidate, .. } => out.field("candidate", candidate),
            Self::Info { status, .. } => out.field("status", status),
            Self::Terminate { reason, .. } => out.field("reason", reason),
            Self::Mute { kind, .. } | Self::Unmute { kind, .. } => out.field("kind", kind),
            Self::Other { .. } => &mut out,
        };
        out.finish()
    }
}

impl RpcCandidate {
    /// Reads `m={mid} 9 RTP/AVP 0`, line end, `a=candidate:…`. Lines may also end with a backslash
    /// or without a carriage return, and `a=end-of-candidates` needs no `m=` line.
    fn read(sdp: &str) -> Result<Self, RpcError> {
        let mut lines = sdp.split(['\r', '\n', '\\']).filter(|line| !line.is_empty());
        let mid = lines.clone().find_map(|line| line.strip_prefix("m="));
        let mid = mid.and_then(|m| m.split(' ').next()).filter(|mid| !mid.is_empty());
        let mid = mid.map(str::to_owned);
        let line = lines.find_map(|line| line.strip_prefix("a="));
        match (mid, line) {
            (_, Some("end-of-candidates")) => Ok(Self::End),
            (Some(mid), Some("")) => Ok(Self::Empty { mid }),
            (Some(mid), Some(line)) if line.starts_with("candidate:") => {
                Ok(Self::Candidate { mid, line: line.to_owned() })
            }
            _ => Err(RpcError::Candidate),
        }
    }
}

/// As the parameter `sdp` holds it.
impl fmt::Display for RpcCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candidate { mid, line } => write!(f, "m={mid} 9 RTP/AVP 0\r\na={line}\r\n"),
            Self::End => f.write_str("a=end-of-candidates\r\n"),
            Self::Empty { mid } => write!(f, "m={mid} 9 RTP/AVP 0\r\na=\r\n"),
        }
    }
}
