//! Answers to REST requests, as far as they are read (wire notes 8).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::topics::parts;
use crate::genesys::ids::{ConversationId, PresenceId, StationId, UserId, bounded};
use crate::rest::Failure;
use crate::xmpp::Jid;

/// `users/me?expand=station`
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Me {
    pub(crate) id: UserId,
    chat: Chat,
    #[serde(default)]
    station: Option<UserStations>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chat {
    #[serde(deserialize_with = "bounded")]
    jabber_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserStations {
    #[serde(default)]
    effective_station: Option<StationRef>,
}

#[derive(Clone, Debug, Deserialize)]
struct StationRef {
    id: StationId,
}

impl Me {
    pub(crate) fn jid(&self) -> Result<Jid, Failure> {
        let jid = self.chat.jabber_id.parse::<Jid>().map(|jid| jid.bare());
        jid.map_err(|e| Failure::answer("users/me", &format!("chat address: {e}")))
    }

    /// The effective station, not the associated one (STN-1).
    pub(crate) fn station(&self) -> Option<&StationId> {
        Some(&self.station.as_ref()?.effective_station.as_ref()?.id)
    }
}

/// `POST notifications/channels`
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NewChannel {
    #[serde(deserialize_with = "bounded")]
    pub(crate) id: String,
}

/// `POST conversations/codes`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redeemed {
    pub(crate) jwt: String,
    #[serde(default)]
    conversation: Option<NewConversation>,
    #[serde(default)]
    pub(crate) source_communication_id: Option<String>,
}

#[derive(Deserialize)]
struct NewConversation {
    id: ConversationId,
}

impl Redeemed {
    /// The conversation that the guest was let into.
    pub(crate) fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref().map(|conversation| &conversation.id)
    }
}

/// `POST conversations/videos` and `conversations/videos/participants`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewVideo {
    pub(crate) conversation_id: ConversationId,
}

/// `POST conversations/calls`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewCall {
    pub(crate) id: ConversationId,
    #[serde(default)]
    pub(crate) self_uri: Option<String>,
}

/// `PUT notifications/channels/{id}/subscriptions`
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Subscriptions {
    #[serde(default)]
    entities: Vec<SubscriptionState>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionState {
    id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    rejection_reason: Option<String>,
    #[serde(default)]
    missing_permissions: Option<Vec<String>>,
}

impl Subscriptions {
    /// The reasons for which topics were refused, part by part. One that is not named was taken; of
    /// one that is named twice the last word counts.
    pub(crate) fn refusals(&self) -> BTreeMap<String, String> {
        let mut refusals = BTreeMap::new();
        for entity in &self.entities {
            let why = entity.refusal();
            for part in parts(&entity.id) {
                match &why {
                    Some(why) => refusals.insert(part, why.clone()),
                    None => refusals.remove(&part),
                };
            }
        }
        refusals
    }
}

impl SubscriptionState {
    /// The reason for which it was refused, if it was.
    fn refusal(&self) -> Option<String> {
        let state = self.state.as_deref().filter(|state| *state != "Permitted")?;
        let why = self.rejection_reason.as_deref().unwrap_or(state);
        let missing = self.missing_permissions.as_deref().unwrap_or_default();
        let mut told = BTreeSet::new();
        let missing: Vec<_> =
            missing.iter().map(String::as_str).filter(|one| told.insert(*one)).collect();
        Some(match missing.as_slice() {
            [] => why.to_owned(),
            missing => format!("{why}; missing: {}", missing.join(", ")),
        })
    }
}

/// `stations/{id}`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StationBody {
    pub(crate) id: StationId,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) web_rtc_persistent_enabled: bool,
    #[serde(default)]
    pub(crate) web_rtc_force_turn: bool,
    #[serde(default)]
    pub(crate) web_rtc_call_appearances: Option<u32>,
}

/// `presence/definitions`
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Definitions {
    pub(crate) entities: Vec<serde_json::Value>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefinitionBody {
    pub(crate) id: PresenceId,
    pub(crate) system_presence: String,
    #[serde(default)]
    pub(crate) language_labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) primary: bool,
    #[serde(default)]
    pub(crate) deactivated: bool,
}

/// `users/{id}/presences/purecloud`, and the body of a notification of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserPresenceBody {
    /// The system that it is a presence in.
    #[serde(default)]
    pub(crate) source: Option<String>,
    pub(crate) presence_definition: PresenceRef,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PresenceRef {
    pub(crate) id: PresenceId,
    pub(crate) system_presence: String,
}

/// `voicemail/mailbox`
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Mailbox {
    #[serde(rename = "totalCount")]
    pub(crate) total: u64,
    #[serde(rename = "unreadCount")]
    pub(crate) unread: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stn_1_the_effective_station_counts_and_its_absence_is_fine() {
        let me = json!({"id": "u", "chat": {"jabberId": "a@b"},
            "station": {"associatedStation": {"id": "s1"}, "effectiveStation": {"id": "s2"}}});
        let me: Me = Failure::or_parsed("users/me", me).unwrap();
        assert_eq!(me.station().unwrap().as_str(), "s2");
        let me: Me =
            Failure::or_parsed("users/me", json!({"id": "u", "chat": {"jabberId": "a@b"}}))
                .unwrap();
        assert!(me.station().is_none());
        assert!(Failure::or_parsed::<Me>("users/me", json!({"id": "u"})).is_err());
    }

    #[test]
    fn wire_4_2_each_topic_has_its_own_state() {
        let answer = json!({"entities": [
            {"id": "v2.users.u1?conversations&station", "state": "Permitted"},
            {"id": "v2.users.u2.presence", "state": "Rejected", "rejectionReason": "no"},
            {"id": "v2.users.u4.presence", "state": "Rejected", "rejectionReason": "no",
             "missingPermissions": ["analytics:view", "other:view", "analytics:view"]},
            {"id": "v2.users.u5.presence", "state": "Rejected"},
            {"id": "v2.users.u5.presence", "state": "Permitted"},
            {"id": "v2.users.u6.presence", "state": "Permitted"},
            {"id": "v2.users.u6.presence", "state": "Rejected"},
        ]});
        let states: Subscriptions = Failure::or_parsed("subscriptions", answer).unwrap();
        let states = states.refusals();
        let why = |topic: &str| states.get(topic).map(String::as_str);
        assert_eq!(why("v2.users.u1.station"), None);
        assert_eq!(why("v2.users.u2.presence"), Some("no"));
        assert_eq!(why("v2.users.u3.presence"), None);
        let missing = "no; missing: analytics:view, other:view";
        assert_eq!(why("v2.users.u4.presence"), Some(missing));
        assert_eq!(why("v2.users.u5.presence"), None, "the last word counts");
        assert_eq!(why("v2.users.u6.presence"), Some("Rejected"));
    }
}
