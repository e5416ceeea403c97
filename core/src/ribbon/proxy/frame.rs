//! Frames on the channel between a client and its media elsewhere (w5.5): JSON, `{"messageId", "data"}`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::machine::UdpId;
use crate::media::{Fingerprint, Order, Report};
use crate::ribbon::constants::LogLevel;

/// The most bytes of a frame.
pub(super) const MAX_FRAME: usize = 64 * 1024;
/// The model of all orders.
const MODEL: &str = "peer";

/// The first words of a client.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hello {
    pub(super) initialize: bool,
    pub(super) version: String,
    /// The kind of engine: both ends must have the same.
    pub(super) engine: Option<String>,
}

/// The answer of the end that has the media.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Welcome {
    pub(super) initialized: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) browser: Option<Browser>,
    #[serde(default)]
    pub(super) remote_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// The platform of the end that has the media.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Browser {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) engine: Option<String>,
}

impl Welcome {
    /// The certificate of media there.
    pub(super) fn certificate(&self) -> Option<Fingerprint> {
        Fingerprint::read(self.fingerprint.as_deref()?)
    }
}

/// A frame that came.
pub(super) enum Frame {
    Hello { message: Value, hello: Hello },
    Order { message: Value, peer: UdpId, order: Order },
    Welcome { message: u64, welcome: Welcome },
    Done { message: u64, error: Option<String> },
    Report { peer: UdpId, report: Report },
}

/// The name of a message of ours: they are numbers.
fn number(message: &Value) -> Option<u64> {
    message.as_u64().or_else(|| message.as_str()?.parse().ok())
}

impl Frame {
    /// Reads a frame; none where it is none, or one of a kind that is not known.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_FRAME {
            return None;
        }
        let mut frame: Value = serde_json::from_str(text).ok()?;
        let message = frame.get("messageId").cloned().unwrap_or_default();
        let data = frame.get_mut("data")?.take();
        let peer = |data: &Value| Some(UdpId(number(data.get("id")?)?));
        if data.get("initialize").is_some() {
            let hello = serde_json::from_value(data).ok()?;
            Some(Self::Hello { message, hello })
        } else if data.get("operation").is_some() {
            let peer = peer(&data)?;
            let order = serde_json::from_value(data).ok()?;
            Some(Self::Order { message, peer, order })
        } else if let Some(event) = data.get("event") {
            let report = serde_json::from_value(event.clone()).ok()?;
            Some(Self::Report { peer: peer(&data)?, report })
        } else if data.get("initialized").is_some() {
            let welcome = serde_json::from_value(data).ok()?;
            Some(Self::Welcome { message: number(&message)?, welcome })
        } else {
            let error = data.get("error").and_then(Value::as_str).map(str::to_owned);
            data.get("result")?;
            Some(Self::Done { message: number(&message)?, error })
        }
    }
}

/// A frame, if it is not too long.
fn write(message: &Value, data: &Value) -> Option<String> {
    let text = json!({ "messageId": message, "data": data }).to_string();
    (text.len() <= MAX_FRAME).then_some(text)
}

pub(super) fn hello(message: u64, hello: &Hello, level: LogLevel) -> Option<String> {
    let mut data = serde_json::to_value(hello).ok()?;
    data["config"] = json!({});
    data["logLevels"] = json!({ "WEBRTC": level, "PROXY": level, "CHANNEL": level });
    write(&message.to_string().into(), &data)
}

pub(super) fn welcome(message: &Value, welcome: &Welcome) -> Option<String> {
    write(message, &serde_json::to_value(welcome).ok()?)
}

pub(super) fn order(message: u64, peer: UdpId, order: &Order) -> Option<String> {
    let mut data = serde_json::to_value(order).ok()?;
    data["modelType"] = MODEL.into();
    data["id"] = peer.0.to_string().into();
    write(&message.to_string().into(), &data)
}

/// `start` and `end` are milliseconds since the end with the media began.
pub(super) fn done(message: &Value, error: Option<&str>, at: u64) -> Option<String> {
    let mut data = json!({ "result": null, "opTiming": { "start": at, "end": at } });
    if let Some(error) = error {
        data["error"] = error.into();
    }
    write(message, &data)
}

pub(super) fn report(message: u64, peer: UdpId, report: &Report) -> Option<String> {
    let data = json!({ "action": "report", "id": peer.0.to_string(), "event": report });
    write(&message.to_string().into(), &data)
}
