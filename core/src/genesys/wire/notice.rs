//! Conversation notifications, and which part of them is ours (behaviour notes 4.1, 4.2).
//!
//! Wire types: lenient in what they skip, strict in what they use. What is tidy is read by serde;
//! what is not, part by part.

mod lenient;
mod once;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};

use serde::Deserialize;

use crate::genesys::call_state::{CallDirection, CallState, RecordingState};
use crate::genesys::digest::Digest;
use crate::genesys::ids::{CallId, ConversationId, UserId};
use crate::plain;

pub(crate) use lenient::json;
use text::Text;

/// A conversation as the service tells it: in a notification's `eventBody`, or by `GET
/// conversations/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Notice<'a> {
    pub(crate) id: ConversationId,
    #[serde(borrow, default, deserialize_with = "once::list")]
    participants: Vec<Participant<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) attributes: Attributes<'a>,
}

/// Attributes that somebody noted of a conversation, or of a participant.
pub(crate) type Attributes<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// The user's conversations (`GET conversations`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) entities: Vec<Notice<'static>>,
    /// True if none was left out: what a list with gaps does not name may be all the same.
    pub(crate) whole: bool,
}

/// Reads null as missing: the service leaves out and nulls alike.
fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: serde::Deserializer<'de>,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

fn recording_state<'de, D: serde::Deserializer<'de>>(from: D) -> Result<RecordingState, D::Error> {
    let state: Option<Cow<'de, str>> = Option::deserialize(from)?;
    Ok(state.as_deref().map(RecordingState::from).unwrap_or_default())
}

/// A notification of the persistent connection (`eventBody`, wire notes 4.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersistentNotice {
    pub(crate) persistent_state: String,
    pub(crate) error_info: Option<PersistentError>,
}

/// The error that took it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersistentError {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) user_message: String,
}

/// A participant of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant<'a> {
    #[serde(borrow, deserialize_with = "text::name")]
    pub(crate) id: Text<'a>,
    #[serde(borrow, default, deserialize_with = "text::only")]
    pub(crate) purpose: Text<'a>,
    /// Empty where it is no user.
    #[serde(borrow, default, deserialize_with = "text::name_or_none")]
    pub(crate) user_id: Text<'a>,
    #[serde(borrow, default, deserialize_with = "once::list")]
    calls: Vec<Call<'a>>,
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) address: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) ani: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) dnis: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) queue_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) queue_name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) queue: Option<QueueBody<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) attributes: Attributes<'a>,
}

/// A queue, where it is told as an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct QueueBody<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
}

/// One end of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint<'a> {
    #[serde(borrow, default)]
    pub(crate) address_normalized: Text<'a>,
}

/// A call leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call<'a> {
    pub(crate) id: CallId,
    #[serde(borrow, default, deserialize_with = "text::only")]
    state: Text<'a>,
    #[serde(borrow, default, deserialize_with = "text::only")]
    direction: Text<'a>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) muted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) held: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) confined: bool,
    #[serde(default, rename = "recordingState", deserialize_with = "recording_state")]
    pub(crate) recording: RecordingState,
    #[serde(default)]
    pub(crate) error_info: Option<ErrorInfo>,
    /// The end that is not the participant's.
    #[serde(borrow, default)]
    pub(crate) other: Option<Endpoint<'a>>,
}

/// An error of a call, as the service tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorInfo {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) message: String,
}

/// States of a leg, in the classes of behaviour notes 3.3.
///
/// ```text
/// Pending ──> Connected <──> Other
///    └────────────┴────────────┴──> Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Pending,
    Connected,
    Ended,
    Other,
}

impl CallState {
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Alerting | Self::Contacting => Class::Pending,
            Self::Dialing | Self::Connected => Class::Connected,
            Self::Disconnected | Self::Terminated => Class::Ended,
            Self::Hold | Self::Other(_) => Class::Other,
        }
    }
}

impl From<&str> for CallState {
    fn from(state: &str) -> Self {
        match state {
            "alerting" => Self::Alerting,
            "contacting" => Self::Contacting,
            "dialing" => Self::Dialing,
            "hold" => Self::Hold,
            "connected" => Self::Connected,
            "disconnected" => Self::Disconnected,
            "terminated" => Self::Terminated,
            other => Self::Other(plain(other).into_owned()),
        }
    }
}

impl Call<'_> {
    /// It, to be kept: without what is only read with the notification at hand.
    pub(crate) fn without_ends(&self) -> Call<'static> {
        Call {
            id: self.id.clone(),
            state: self.state.clone().into_owned(),
            direction: self.direction.clone().into_owned(),
            muted: self.muted,
            held: self.held,
            confined: self.confined,
            recording: self.recording,
            error_info: self.error_info.clone(),
            other: None,
        }
    }

    pub(crate) fn state(&self) -> CallState {
        CallState::from(&*self.state)
    }

    pub(crate) fn direction(&self) -> CallDirection {
        match &*self.direction {
            "outbound" => CallDirection::Outbound,
            _ => CallDirection::Inbound,
        }
    }
}

impl<'a> Notice<'a> {
    pub(crate) fn participants(&self) -> &[Participant<'a>] {
        &self.participants
    }

    /// A number for all that is said of others than the user, and of how the call came to us.
    pub(crate) fn digest_of_others(&self, user: &UserId, ours: &Participant<'_>) -> u64 {
        let mut digest = Digest::default();
        for other in self.participants.iter().filter(|one| !one.is(user)) {
            other.hash(&mut digest);
        }
        for one in self.participants.iter().filter(|one| one.is(user)) {
            (&one.dnis, &one.attributes).hash(&mut digest);
        }
        (&ours.queue_id, &ours.queue_name, &ours.queue).hash(&mut digest);
        ours.call().map(|call| &call.direction).hash(&mut digest);
        self.attributes.hash(&mut digest);
        digest.finish()
    }

    /// Our participant: the newest of ours that has a call in the wanted state, else the newest
    /// that has any call, else the newest (CV-3, CV-4). Voicemail legs are not ours.
    pub(crate) fn ours(
        &self,
        user: &UserId,
        wanted: Option<&CallState>,
    ) -> Option<&Participant<'a>> {
        let ours =
            || self.participants.iter().rev().filter(|p| p.is(user) && &*p.purpose != "voicemail");
        let wanted =
            wanted.and_then(|state| ours().find(|p| p.calls.iter().any(|c| c.state() == *state)));
        wanted.or_else(|| ours().find(|p| !p.calls.is_empty())).or_else(|| ours().next())
    }

    /// Our participant that rings: the newest of ours whose leg is not answered yet. None where
    /// all talk.
    pub(crate) fn ringing(&self, user: &UserId) -> Option<&Participant<'a>> {
        self.participants.iter().rev().find(|p| {
            let ours = p.is(user) && &*p.purpose != "voicemail";
            ours && p.only_rings()
        })
    }

    /// The first participant that is neither us nor a machine of the service, and is not gone.
    pub(crate) fn other(&self, user: &UserId) -> Option<&Participant<'a>> {
        self.participants.iter().find(|p| {
            let there = p.calls.is_empty()
                || p.calls.iter().any(|call| call.state().class() != Class::Ended);
            p.is_other_person(user) && there
        })
    }

    /// The first participant that is neither us nor a machine of the service.
    pub(crate) fn other_gone(&self, user: &UserId) -> Option<&Participant<'a>> {
        self.participants.iter().find(|p| p.is_other_person(user))
    }
}

impl<'a> Participant<'a> {
    fn is_other_person(&self, user: &UserId) -> bool {
        let person = matches!(&*self.purpose, "customer" | "external" | "user" | "agent");
        !self.is(user) && person
    }

    /// Returns true if it is, or came through, the queue of that id.
    pub(crate) fn queue_name_of(&self, id: &str) -> bool {
        *self.queue_id == *id || self.queue.as_ref().is_some_and(|queue| *queue.id == *id)
    }

    /// Returns true if it is this user.
    pub(crate) fn is(&self, user: &UserId) -> bool {
        &*self.user_id == user.as_str()
    }

    /// Returns true if it rings, and talks on no other leg.
    pub(crate) fn only_rings(&self) -> bool {
        let has = |class| self.calls.iter().any(|call| call.state().class() == class);
        has(Class::Pending) && !has(Class::Connected)
    }

    /// Our leg: the only one that has not ended, else the last (CV-6).
    pub(crate) fn call(&self) -> Option<&Call<'a>> {
        let mut live = self.calls.iter().filter(|c| c.state().class() != Class::Ended);
        match (live.next(), live.next()) {
            (Some(only), None) => Some(only),
            _ => self.calls.last(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn notice(participants: serde_json::Value) -> Notice<'static> {
        let text = json!({"id": "C1", "participants": participants}).to_string();
        serde_json::from_str(text.leak()).unwrap()
    }

    fn leg(id: &str, purpose: &str, states: &[&str]) -> serde_json::Value {
        let calls: Vec<_> = states
            .iter()
            .enumerate()
            .map(|(i, s)| json!({"id": format!("{id}-{i}"), "state": s}))
            .collect();
        json!({"id": id, "purpose": purpose, "userId": "user-1", "calls": calls})
    }

    #[test]
    fn cv_3_scenario_85_a_voicemail_leg_is_not_ours() {
        let user = UserId::from("user-1");
        let n = notice(json!([
            leg("p1", "user", &["connected"]),
            leg("p2", "voicemail", &["connected"]),
            {"id": "p3", "purpose": "customer", "calls": []},
        ]));
        assert_eq!(&*n.ours(&user, None).unwrap().id, "p1");
        assert!(n.ours(&UserId::from("somebody"), None).is_none());
    }

    #[test]
    fn cv_4_the_newest_with_the_wanted_state_then_with_any_call_then_the_newest() {
        let user = UserId::from("user-1");
        let n = notice(json!([
            leg("p1", "agent", &["connected"]),
            leg("p2", "agent", &["alerting"]),
            leg("p3", "agent", &[]),
        ]));
        let pick = |state| n.ours(&user, state).unwrap().id.to_string();
        assert_eq!(pick(Some(&CallState::Connected)), "p1");
        assert_eq!(pick(None), "p2");
        let n = notice(json!([leg("p1", "agent", &[]), leg("p2", "agent", &[])]));
        assert_eq!(&*n.ours(&user, None).unwrap().id, "p2");
    }

    #[test]
    fn cv_6_scenario_87_which_leg_is_ours() {
        let call = |states: &[&str]| {
            let n = notice(json!([leg("p", "agent", states)]));
            n.ours(&UserId::from("user-1"), None).unwrap().call().map(|c| c.id.to_string())
        };
        assert_eq!(call(&[]), None);
        assert_eq!(call(&["connected"]).as_deref(), Some("p-0"));
        assert_eq!(call(&["terminated", "connected"]).as_deref(), Some("p-1"));
        assert_eq!(call(&["connected", "terminated"]).as_deref(), Some("p-0"));
        assert_eq!(call(&["connected", "connected"]).as_deref(), Some("p-1"));
    }

    #[test]
    fn cv_4_cv_6_a_participant_or_leg_that_stands_twice_counts_once_and_the_last_of_them() {
        let ours = |leg: &str, states: [&str; 2]| {
            let calls = states.map(|state| json!({"id": leg, "state": state}));
            json!({"id": "p", "purpose": "agent", "userId": "user-1", "calls": calls})
        };
        let other = |name: &str| json!({"id": "x", "purpose": "customer", "name": name});
        for extra in [json!({}), json!({"muted": "odd"})] {
            let mut newer = ours("k2", ["connected", "terminated"]);
            newer["calls"][1]["errorInfo"] = extra;
            let all = json!([other("Ann"), ours("k1", ["alerting"; 2]), newer, other("Bob")]);
            let (tidy, user) = (notice(all.clone()), UserId::from("user-1"));
            let body = json!({"id": "C1", "participants": all});
            assert_eq!(Notice::answered(&body).unwrap(), tidy);
            let ids: Vec<_> = tidy.participants.iter().map(|one| &*one.id).collect();
            assert_eq!(ids, ["p", "x"]);
            let call = tidy.ours(&user, None).and_then(Participant::call).unwrap();
            assert_eq!((call.id.as_str(), call.state()), ("k2", CallState::Terminated));
            assert_eq!(&*tidy.other(&user).unwrap().name, "Bob");
        }
    }

    #[test]
    fn unknown_fields_and_states_survive_and_a_missing_id_does_not() {
        let n = notice(json!([{
            "id": "p", "purpose": "agent", "userId": "user-1", "new": {"field": 1},
            "calls": [{"id": "k", "state": "teleporting", "direction": "sideways"}],
        }]));
        let call = n.ours(&UserId::from("user-1"), None).unwrap().call().unwrap();
        assert_eq!(call.state(), CallState::Other("teleporting".into()));
        assert_eq!(call.direction(), CallDirection::Inbound);
        assert!(serde_json::from_str::<Notice<'_>>(r#"{"participants": []}"#).is_err());
    }
}
