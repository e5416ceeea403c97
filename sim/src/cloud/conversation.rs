//! A conversation of an agent and somebody outside, and how notifications tell it.

use offhook::xmpp::Jid;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::directory::User;
use super::world::World;

/// Fields of a call that can be set from outside.
const MAX_SET: usize = 64;

/// States of a leg (wire notes 4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegState {
    Alerting,
    Contacting,
    Dialing,
    Connected,
    Disconnected,
    Terminated,
}

impl LegState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alerting => "alerting",
            Self::Contacting => "contacting",
            Self::Dialing => "dialing",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Terminated => "terminated",
        }
    }

    pub(super) fn is_over(self) -> bool {
        match self {
            Self::Disconnected | Self::Terminated => true,
            Self::Alerting | Self::Contacting | Self::Dialing | Self::Connected => false,
        }
    }
}

/// The direction of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallDirection {
    Inbound,
    Outbound,
}

impl CallDirection {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// One side of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) participant: String,
    pub(super) call: String,
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) address: String,
    pub(super) user: Option<String>,
    pub(super) state: LegState,
    pub(super) muted: bool,
    pub(super) held: bool,
    /// Fields of the call that somebody set from outside.
    set: Map<String, Value>,
    started: String,
    connected: Option<String>,
    ended: Option<String>,
}

impl Leg {
    fn new(world: &mut World, name: String, purpose: &str, address: String) -> Self {
        Self {
            participant: world.base.rng.uuid(),
            call: world.base.rng.uuid(),
            name,
            purpose: purpose.to_owned(),
            address,
            user: None,
            state: LegState::Alerting,
            muted: false,
            held: false,
            set: Map::new(),
            started: world.base.clock.iso(world.base.now),
            connected: None,
            ended: None,
        }
    }

    fn enter(&mut self, state: LegState, time: &str) {
        self.state = state;
        if state == LegState::Connected {
            self.connected.get_or_insert_with(|| time.to_owned());
        }
        if state.is_over() {
            self.ended.get_or_insert_with(|| time.to_owned());
        }
    }

    /// Sets fields of the call as notifications tell it; null takes one back.
    pub(super) fn set(&mut self, fields: &Map<String, Value>) {
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("muted", Value::Bool(muted)) => self.muted = *muted,
                ("held", Value::Bool(held)) => self.held = *held,
                (_, Value::Null) => {
                    self.set.remove(key);
                }
                _ if self.set.len() < MAX_SET => {
                    self.set.insert(key.clone(), value.clone());
                }
                _ => {}
            }
        }
    }

    /// The agent pauses or resumes the recording, or isolates itself. Whether that changes anything.
    pub(super) fn record(&mut self, change: &Value) -> bool {
        let before = self.set.clone();
        if let Some(recording) = change["recording"].as_bool() {
            let state = if recording { "active" } else { "paused" };
            self.set.insert("recording".to_owned(), json!(recording));
            self.set.insert("recordingState".to_owned(), json!(state));
        }
        if let Some(confined) = change["confined"].as_bool() {
            self.set.insert("confined".to_owned(), json!(confined));
        }
        before != self.set
    }

    fn body(&self, direction: CallDirection) -> Value {
        let mut call = json!({
            "id": self.call, "state": self.state.name(), "direction": direction.name(),
            "provider": "Edge", "recording": false, "recordingState": "none",
            "muted": self.muted, "confined": false, "held": self.held, "securePause": false,
            "self": {"addressNormalized": self.address, "addressRaw": self.address, "name": self.name},
        });
        let mut body = json!({
            "id": self.participant, "name": self.name, "purpose": self.purpose,
            "state": self.state.name(), "direction": direction.name(), "address": self.address,
            "startTime": self.started, "wrapupRequired": false, "wrapupExpected": false,
            "attributes": {},
        });
        if let Some(connected) = &self.connected {
            body["connectedTime"] = json!(connected);
            call["connectedTime"] = json!(connected);
        }
        if let Some(ended) = &self.ended {
            body["endTime"] = json!(ended);
            call["disconnectedTime"] = json!(ended);
        }
        if let Some(user) = &self.user {
            body["userId"] = json!(user);
        }
        for (key, value) in &self.set {
            call[key] = value.clone();
        }
        body["calls"] = json!([call]);
        body
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) direction: CallDirection,
    caller: Caller,
    pub(super) outside: Leg,
    pub(super) agent: Leg,
    /// The address that the far end signals from.
    pub(super) peer: Jid,
}

impl Conversation {
    pub(super) fn new(
        world: &mut World,
        user: &User,
        direction: CallDirection,
        caller: Caller,
        purpose: &str,
    ) -> Option<Self> {
        let (name, address) = (caller.name.clone(), caller.address.clone());
        let mut outside = Leg::new(world, name, "external", address);
        let phone = user.station.as_ref().map_or(&user.id, |station| &station.id);
        let phone = format!("sip:{phone}@localhost");
        let mut agent = Leg::new(world, user.name.clone(), purpose, phone);
        agent.user = Some(user.id.clone());
        let now = world.base.clock.iso(world.base.now);
        match direction {
            CallDirection::Inbound => outside.enter(LegState::Connected, &now),
            CallDirection::Outbound => {
                outside.state = LegState::Dialing;
                agent.state = LegState::Contacting;
            }
        }
        let tail = world.base.rng.uuid();
        let peer = format!("{}@gjoll.{}/{}", outside.participant, world.domain, &tail[..8]);
        let peer = peer.parse().ok()?;
        Some(Self { id: world.base.rng.uuid(), direction, caller, outside, agent, peer })
    }

    pub(super) fn enter(&mut self, state: LegState, world: &World) {
        let now = world.base.clock.iso(world.base.now);
        self.agent.enter(state, &now);
        if state.is_over() || state == LegState::Connected {
            self.outside.enter(state, &now);
        }
    }

    /// The conversation as notifications and `GET conversations/{id}` tell it.
    pub(super) fn body(&self) -> Value {
        let mut outside = self.outside.body(self.direction);
        self.caller.tell(&mut outside);
        let mut agent = self.agent.body(self.direction);
        let mut participants = vec![outside];
        if let Some(queue) = &self.caller.queue {
            participants.push(queue.participant(&self.id));
            queue.tell(&mut agent);
        }
        participants.push(agent);
        json!({"id": self.id, "recordingState": "none", "participants": participants})
    }
}
