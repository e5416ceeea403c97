//! Words of the user's clients about who has the headset (wire notes 6.16): JSON-RPC without an id, in
//! `media-message`.

use serde_json::{Value, json};

use crate::plain::json_fault;

/// A word about who has the headset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadsetMessage {
    /// I want it; with the rank, if it says one.
    Request {
        /// The sender's name for its rank.
        kind: Option<String>,
    },
    /// No.
    Rejection {
        /// The id of the message of the request.
        request: Option<String>,
        /// The sender's name for the reason.
        reason: Option<String>,
    },
    /// I have it, or no longer.
    Changed {
        /// True if the sender has it.
        has_controls: bool,
    },
    /// Anything else, by its method.
    Other(String),
}

impl HeadsetMessage {
    /// Reads one: what it does not need may be anything.
    ///
    /// # Errors
    ///
    /// It is no JSON, has no method, or does not say what it is about.
    pub fn read(json: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| json_fault(&error))?;
        let params = &value["params"];
        let text = |name: &str| params[name].as_str().map(str::to_owned);
        match value["method"].as_str() {
            None => Err("no method".to_owned()),
            Some("headsetControlsRequest") => Ok(Self::Request { kind: text("requestType") }),
            Some("headsetControlsRejection") => {
                Ok(Self::Rejection { request: text("requestId"), reason: text("reason") })
            }
            Some("headsetControlsChanged") => match params["hasControls"].as_bool() {
                Some(has_controls) => Ok(Self::Changed { has_controls }),
                None => Err("headsetControlsChanged without hasControls".to_owned()),
            },
            Some(method) => Ok(Self::Other(method.to_owned())),
        }
    }

    /// Writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (method, params) = match self {
            Self::Request { kind } => ("headsetControlsRequest", json!({"requestType": kind})),
            Self::Rejection { request, reason } => {
                ("headsetControlsRejection", json!({"requestId": request, "reason": reason}))
            }
            Self::Changed { has_controls } => {
                ("headsetControlsChanged", json!({"hasControls": has_controls}))
            }
            Self::Other(method) => (method.as_str(), json!({})),
        };
        json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
    }
}
