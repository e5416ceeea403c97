//! Switches of the control API: how the service behaves.

use std::time::Duration;

use offhook::media::AudioCodec;
use serde_json::{Value, json};

use super::signaling::Signaling;
use crate::service::FarEndMode;

/// The behaviour of the service (`POST /control/options`).
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) stun: bool,
    /// Instead of our own services: objects with XEP-0215's attributes.
    pub(super) ice_services: Option<Vec<Value>>,
    pub(super) offer_session: bool,
    pub(super) server_side_pings: bool,
    pub(super) server_ping: Duration,
    pub(super) ignore_pings: bool,
    /// The condition that SASL fails with.
    pub(super) fail_sasl: Option<String>,
    pub(super) echo_bare_to_sender: bool,
    pub(super) codecs: Vec<AudioCodec>,
    pub(super) far_end: FarEndMode,
    /// The signaling of rooms of which nobody says it, and whether their candidates come one by one.
    pub(super) room_signaling: Signaling,
    pub(super) room_trickle: bool,
    /// The manner of rooms, which show nothing by themselves where they are played from outside.
    pub(super) room_far_end: FarEndMode,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stun: true,
            ice_services: None,
            offer_session: true,
            server_side_pings: true,
            server_ping: Duration::from_secs(15),
            ignore_pings: false,
            fail_sasl: None,
            echo_bare_to_sender: true,
            codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            far_end: FarEndMode::Prompt,
            room_signaling: Signaling::Sdp,
            room_trickle: false,
            room_far_end: FarEndMode::Prompt,
        }
    }
}

impl Options {
    /// Takes what a request names and leaves the rest.
    pub(super) fn update(&mut self, body: &Value) {
        let flag = |key: &str, field: &mut bool| {
            if let Some(value) = body.get(key).and_then(Value::as_bool) {
                *field = value;
            }
        };
        flag("stun", &mut self.stun);
        flag("offerSession", &mut self.offer_session);
        flag("serverSidePings", &mut self.server_side_pings);
        flag("ignorePings", &mut self.ignore_pings);
        flag("echoBareToSender", &mut self.echo_bare_to_sender);
        if let Some(ms) = body.get("serverPingMs").and_then(Value::as_u64) {
            self.server_ping = Duration::from_millis(ms.max(50));
        }
        match body.get("failSasl") {
            Some(Value::String(condition)) => self.fail_sasl = Some(condition.clone()),
            Some(Value::Bool(true)) => self.fail_sasl = Some("not-authorized".to_owned()),
            Some(Value::Null | Value::Bool(false)) => self.fail_sasl = None,
            _ => {}
        }
        match body.get("iceServices") {
            Some(Value::Array(services)) => self.ice_services = Some(services.clone()),
            Some(Value::Null) => self.ice_services = None,
            _ => {}
        }
        if let Some(codecs) = body.get("codecs").and_then(Value::as_array) {
            let known: Vec<_> = codecs.iter().filter_map(Value::as_str).filter_map(codec).collect();
            if !known.is_empty() {
                self.codecs = known;
            }
        }
        match body["room"]["signaling"].as_str() {
            Some("sdp") => self.room_signaling = Signaling::Sdp,
            Some("jingle") => self.room_signaling = Signaling::Jingle,
            _ => {}
        }
        if let Some(trickle) = body["room"]["trickle"].as_bool() {
            self.room_trickle = trickle;
        }
        match body["room"]["farEnd"].as_str() {
            Some("prompt") => self.room_far_end = FarEndMode::Prompt,
            Some("external") => self.room_far_end = FarEndMode::External,
            _ => {}
        }
        if let Some(mode) = body.get("farEnd").and_then(Value::as_str) {
            self.far_end = FarEndMode::named(mode).unwrap_or(self.far_end);
        }
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "stun": self.stun, "iceServices": self.ice_services,
            "offerSession": self.offer_session, "serverSidePings": self.server_side_pings,
            "serverPingMs": self.server_ping.as_millis() as u64,
            "ignorePings": self.ignore_pings, "failSasl": self.fail_sasl,
            "echoBareToSender": self.echo_bare_to_sender,
            "codecs": self.codecs.iter().map(|c| c.name()).collect::<Vec<_>>(),
            "farEnd": self.far_end.name(),
            "room": {
                "signaling": self.room_signaling.name(), "trickle": self.room_trickle,
                "farEnd": self.room_far_end.name(),
            },
        })
    }
}

fn codec(name: &str) -> Option<AudioCodec> {
    let name = name.split('/').next().unwrap_or_default();
    [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma]
        .into_iter()
        .find(|codec| codec.name().eq_ignore_ascii_case(name))
}
