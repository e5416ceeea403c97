//! Somebody in a room, and how notifications tell it (wire notes 16.2).

use serde_json::{Value, json};

use crate::cloud::directory::MAX_NAME;
use crate::cloud::world::World;

/// The state of a member's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Asked to come; not told.
    Asked,
    Connected,
    Disconnected,
}

impl Presence {
    fn name(self) -> &'static str {
        match self {
            Self::Asked => "alerting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Asked, Self::Connected, Self::Disconnected]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// Somebody in a room, with a client or without. See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: String,
    video: String,
    name: String,
    pub(super) user: Option<String>,
    purpose: String,
    address: Option<String>,
    pub(super) presence: Presence,
    pub(super) audio_muted: bool,
    pub(super) video_muted: bool,
    pub(super) sharing: bool,
    /// The member on whom it is fixed.
    pub(super) pinned: Option<String>,
    /// Its newest session.
    pub(super) session: Option<String>,
    started: String,
}

impl Member {
    /// A user who is asked.
    pub(super) fn asked(user: &str, world: &mut World) -> Self {
        let known = world.directory.user(user);
        let name = known.map_or("Guest", |user| &*user.name).to_owned();
        let address = known.map(|user| user.jid.to_string());
        let user = Some(user.to_owned());
        Self { user, address, ..Self::new(name, Presence::Asked, world) }
    }

    /// Somebody without a client, as a control request describes it.
    pub(super) fn read(body: &Value, world: &mut World) -> Self {
        let name = body["name"].as_str().unwrap_or("Somebody").to_owned();
        let mut member = Self::new(name, Presence::Connected, world);
        member.user = body["userId"].as_str().map(str::to_owned);
        if let Some(purpose) = body["purpose"].as_str() {
            purpose.clone_into(&mut member.purpose);
        }
        member.change(body);
        member
    }

    fn new(name: String, presence: Presence, world: &mut World) -> Self {
        Self {
            id: world.base.rng.uuid(),
            video: world.base.rng.uuid(),
            name,
            user: None,
            purpose: "user".to_owned(),
            address: None,
            presence,
            audio_muted: false,
            video_muted: false,
            sharing: false,
            pinned: None,
            session: None,
            started: world.base.clock.iso(world.base.now),
        }
    }

    /// True if those are short enough to be told again and again.
    pub(super) fn is_small(body: &Value) -> bool {
        ["name", "userId", "purpose"]
            .iter()
            .all(|key| body[*key].as_str().is_none_or(|text| text.len() <= MAX_NAME))
    }

    /// Changes what a control request names.
    pub(super) fn change(&mut self, body: &Value) {
        let flag = |key: &str, field: &mut bool| {
            *field = body[key].as_bool().unwrap_or(*field);
        };
        flag("audioMuted", &mut self.audio_muted);
        flag("videoMuted", &mut self.video_muted);
        flag("sharingScreen", &mut self.sharing);
        if let Some(presence) = body["state"].as_str().and_then(Presence::named) {
            self.presence = presence;
        }
    }

    /// Comes in, with everything on.
    pub(super) fn join(&mut self) {
        self.presence = Presence::Connected;
    }

    /// Is asked again, by a new session.
    pub(super) fn ask(&mut self, session: &str) {
        if self.presence == Presence::Disconnected {
            self.presence = Presence::Asked;
        }
        (self.audio_muted, self.video_muted, self.sharing) = (false, false, false);
        self.pinned = None;
        self.session = Some(session.to_owned());
    }

    /// The participant of a conversation.
    pub(super) fn body(&self, room: &str) -> Value {
        let mut body = json!({
            "id": self.id, "name": self.name, "purpose": self.purpose,
            "startTime": self.started, "state": self.presence.name(),
            "videos": [{
                "id": self.video, "state": self.presence.name(), "audioMuted": self.audio_muted,
                "videoMuted": self.video_muted, "sharingScreen": self.sharing, "peerCount": 0,
                "context": room, "provider": "PureCloud Video",
            }],
        });
        if let Some(user) = &self.user {
            body["userId"] = json!(user);
        }
        if let Some(address) = &self.address {
            body["address"] = json!(address);
        }
        body
    }

    /// The member as the control API tells it.
    pub(super) fn control_body(&self) -> Value {
        json!({
            "participantId": self.id, "userId": self.user, "name": self.name,
            "state": self.presence.name(), "audioMuted": self.audio_muted,
            "videoMuted": self.video_muted, "sharingScreen": self.sharing, "peerCount": 0,
            "pinned": self.pinned, "sessionId": self.session,
        })
    }
}
