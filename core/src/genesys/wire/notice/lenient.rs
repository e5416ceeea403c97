//! Notices that are not tidy, read part by part: a participant or leg that cannot be used costs
//! itself, and a field that cannot be read is as if it were missing. Both are noted.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Attributes, Call, Endpoint, ErrorInfo, Listing, Notice, Participant, PersistentError,
    PersistentNotice, QueueBody, once,
};
use crate::genesys::call_state::RecordingState;
use crate::jingle::MAX_ID;
use crate::rest::Failure;
use crate::xmpp::{Skipped, name_of};

/// A notification: what it is about, without the envelope (wire notes 4.5).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification<T> {
    event_body: T,
}

/// Why a notification is of no use at all; never its content.
type Unusable = String;

/// The JSON of a notification.
pub(crate) fn json(text: &str) -> Result<Value, Unusable> {
    serde_json::from_str(text)
        .map_err(|e| format!("not JSON: line {}, column {}", e.line(), e.column()))
}

impl<'a> Notice<'a> {
    /// Reads a notification.
    pub(crate) fn read(text: &'a str, skipped: &mut Skipped) -> Result<Self, Unusable> {
        match serde_json::from_str::<Notification<Self>>(text) {
            Ok(tidy) if tidy.event_body.has_ids_of_size() => Ok(tidy.event_body),
            Ok(_) | Err(_) => Notice::of(&json(text)?["eventBody"], skipped),
        }
    }

    fn has_ids_of_size(&self) -> bool {
        let fits = |id: &str| id.len() <= MAX_ID;
        fits(self.id.as_str())
            && self.participants.iter().all(|participant| {
                fits(&participant.id)
                    && fits(&participant.user_id)
                    && participant.calls.iter().all(|call| fits(call.id.as_str()))
            })
    }
}

impl Notice<'static> {
    /// Reads what is known of one conversation. Only its id must be there.
    fn of(body: &Value, skipped: &mut Skipped) -> Result<Self, Unusable> {
        let id = id(body, "id").ok_or("no id")?.into();
        let participants = list(body, "participants", skipped, Participant::of);
        Ok(Self { id, participants, attributes: attributes(body, skipped) })
    }

    /// Reads the answer to `GET conversations/{id}`.
    pub(crate) fn answered(body: &Value) -> Result<Self, Failure> {
        Self::of(body, &mut Skipped::default())
            .map_err(|error| Failure::answer("conversation", &error))
    }
}

impl Listing {
    /// Reads the answer to `GET conversations`. A list that is missing is not an empty one.
    pub(crate) fn answered(body: &Value) -> Result<Self, Failure> {
        let entities = match body.get("entities") {
            Some(Value::Array(entities)) => entities.as_slice(),
            Some(Value::Null) => &[],
            Some(_) | None => return Err(Failure::answer("conversations", "no entities")),
        };
        let mut skipped = Skipped::default();
        let read = entities.iter().map(|entity| Notice::of(entity, &mut skipped));
        let read: Vec<_> = read.filter_map(Result::ok).collect();
        Ok(Self { whole: read.len() == entities.len(), entities: once::each(read) })
    }
}

impl PersistentNotice {
    /// Reads a notification. Only the state must be there.
    pub(crate) fn read(text: &str, skipped: &mut Skipped) -> Result<Self, Unusable> {
        let json = json(text)?;
        let body = &json["eventBody"];
        let state = body["persistentState"].as_str().ok_or("no persistentState")?.to_owned();
        let error_info = object(body, "errorInfo", skipped, |info, skipped| PersistentError {
            code: text_of(info, "code", skipped),
            text: text_of(info, "text", skipped),
            user_message: text_of(info, "userMessage", skipped),
        });
        Ok(Self { persistent_state: state, error_info })
    }
}

impl Participant<'static> {
    fn of(participant: &Value, skipped: &mut Skipped) -> Result<Self, &'static str> {
        Ok(Self {
            id: id(participant, "id").ok_or("id")?.to_owned().into(),
            purpose: text_of(participant, "purpose", skipped).into(),
            user_id: match id(participant, "userId") {
                Some(user) => user.to_owned().into(),
                None => odd(participant, "userId", skipped).unwrap_or_default(),
            },
            calls: list(participant, "calls", skipped, Call::of),
            name: text_of(participant, "name", skipped).into(),
            address: text_of(participant, "address", skipped).into(),
            ani: text_of(participant, "ani", skipped).into(),
            dnis: text_of(participant, "dnis", skipped).into(),
            queue_id: text_of(participant, "queueId", skipped).into(),
            queue_name: text_of(participant, "queueName", skipped).into(),
            queue: object(participant, "queue", skipped, |queue, skipped| QueueBody {
                id: text_of(queue, "id", skipped).into(),
                name: text_of(queue, "name", skipped).into(),
            }),
            attributes: attributes(participant, skipped),
        })
    }
}

impl Call<'static> {
    fn of(call: &Value, skipped: &mut Skipped) -> Result<Self, &'static str> {
        Ok(Self {
            id: id(call, "id").ok_or("id")?.into(),
            state: text_of(call, "state", skipped).into(),
            direction: text_of(call, "direction", skipped).into(),
            muted: flag(call, "muted", skipped),
            held: flag(call, "held", skipped),
            confined: flag(call, "confined", skipped),
            recording: match call["recordingState"].as_str() {
                Some(state) => state.into(),
                None => odd(call, "recordingState", skipped).unwrap_or(RecordingState::Off),
            },
            error_info: object(call, "errorInfo", skipped, |info, skipped| ErrorInfo {
                code: text_of(info, "code", skipped),
                message: text_of(info, "message", skipped),
            }),
            other: object(call, "other", skipped, |end, skipped| Endpoint {
                address_normalized: text_of(end, "addressNormalized", skipped).into(),
            }),
        })
    }
}

/// Nothing, for a field that cannot be read: noted, if it is there.
fn odd<T>(value: &Value, name: &str, skipped: &mut Skipped) -> Option<T> {
    if value.get(name).is_some_and(|odd| !odd.is_null()) {
        skipped.add(name);
    }
    None
}

fn id<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name].as_str().filter(|id| id.len() <= MAX_ID)
}

/// The same of a field; nothing where that is odd.
fn text_of(value: &Value, name: &str, skipped: &mut Skipped) -> String {
    plain_value(&value[name]).or_else(|| odd(value, name, skipped)).unwrap_or_default()
}

/// A text, or a number as text.
fn plain_value(value: &Value) -> Option<String> {
    let number = || value.is_number().then(|| value.to_string());
    value.as_str().map(str::to_owned).or_else(number)
}

fn flag(value: &Value, name: &str, skipped: &mut Skipped) -> bool {
    value[name].as_bool().or_else(|| odd(value, name, skipped)).unwrap_or_default()
}

fn attributes(value: &Value, skipped: &mut Skipped) -> Attributes<'static> {
    let read = object(value, "attributes", skipped, |told, skipped| {
        let each = told.as_object().into_iter().flatten().filter_map(|(name, value)| {
            let empty = || value.is_null().then(String::new);
            let Some(value) = plain_value(value).or_else(empty) else {
                skipped.add(name_of(name));
                return None;
            };
            Some((name.clone().into(), value.into()))
        });
        each.collect()
    });
    read.unwrap_or_default()
}

fn object<T>(
    value: &Value,
    name: &str,
    skipped: &mut Skipped,
    read: impl FnOnce(&Value, &mut Skipped) -> T,
) -> Option<T> {
    let inner = &value[name];
    if !inner.is_object() {
        return odd(value, name, skipped);
    }
    Some(skipped.inside(|| name.to_owned(), |skipped| read(inner, skipped)))
}

fn list<T: once::Named>(
    value: &Value,
    name: &str,
    skipped: &mut Skipped,
    read: fn(&Value, &mut Skipped) -> Result<T, &'static str>,
) -> Vec<T> {
    let Value::Array(all) = &value[name] else {
        return odd(value, name, skipped).unwrap_or_default();
    };
    let mut one = |(index, item): (usize, &Value)| {
        let place = || format!("{name}[{index}]");
        skipped.inside(place, |skipped| {
            let read = read(item, skipped);
            skipped.keep(read.map_err(|what| format!(": {what}")))
        })
    };
    once::each(all.iter().enumerate().filter_map(&mut one).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> (Result<Notice<'static>, String>, String) {
        let mut skipped = Skipped::default();
        let text = json!({"eventBody": body}).to_string();
        let notice = Notice::read(text.leak(), &mut skipped);
        (notice, skipped.to_string())
    }

    #[test]
    fn one_odd_participant_costs_itself() {
        let ours = json!({"id": "P", "purpose": "agent", "userId": "user-1", "calls": [
            {"id": "K", "state": "alerting", "direction": "inbound"}]});
        let tidy = read(&json!({"id": "C1", "participants": [ours]}));
        assert_eq!(tidy.1, "");
        for (odd, path) in [
            (json!({"purpose": "customer"}), "participants[0]: id"),
            (json!({"id": 7, "calls": 7}), "participants[0]: id"),
            (json!("X"), "participants[0]: id"),
            (Value::Null, "participants[0]: id"),
            (json!({"id": "x".repeat(256)}), "participants[0]: id"),
        ] {
            let (notice, skipped) = read(&json!({"id": "C1", "participants": [odd, ours]}));
            assert_eq!((notice, skipped.as_str()), (tidy.0.clone(), path), "{odd}");
        }
        let (notice, skipped) =
            read(&json!({"id": "C1", "participants": [ours, {"id": "X", "calls": [
            {"state": "connected", "errorInfo": {"code": 404}}, {"id": "L", "held": "no"}]}]}));
        let other = &notice.unwrap().participants[1];
        assert_eq!(other.calls.len(), 1);
        assert_eq!(skipped, "participants[1]/calls[0]: id; participants[1]/calls[1]/held");
    }

    #[test]
    fn an_error_code_may_be_a_number() {
        let call = json!({"id": "K", "errorInfo": {"code": 404, "message": ["m"]}});
        let (notice, skipped) =
            read(&json!({"id": "C1", "participants": [{"id": "P", "calls": [call]}]}));
        let error = notice.unwrap().participants[0].calls[0].error_info.clone().unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("404", ""));
        assert_eq!(skipped, "participants[0]/calls[0]/errorInfo/message");
    }

    #[test]
    fn what_is_doubled_counts_once() {
        let text =
            r#"{"eventBody": {"id": "C1", "id": "C1", "participants": [{"id": "P", "id": "P"}]}}"#;
        let notice = Notice::read(text, &mut Skipped::default()).unwrap();
        assert_eq!(notice.participants.len(), 1);
    }

    #[test]
    fn a_list_with_a_gap_is_not_whole() {
        let list = |entities: Value| Listing::answered(&json!({"entities": entities}));
        assert!(list(json!([{"id": "C1"}])).unwrap().whole);
        let gap = list(json!([{"id": "C1"}, {"id": 2}])).unwrap();
        assert!(!gap.whole && gap.entities.len() == 1);
        let twice = list(json!([{"id": "C1"}, {"id": "C2"}, {"id": "C1"}])).unwrap();
        assert!(twice.whole && twice.entities.len() == 2, "one that stands twice is no gap");
        assert!(list(Value::Null).unwrap().whole);
        assert!(Listing::answered(&json!({})).is_err());
    }

    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), "[a-z]{0,4}".prop_map(Value::from)]
    }

    /// A text that may be a number, or need an escape.
    fn told() -> impl Strategy<Value = Value> {
        prop_oneof![text(), any::<u32>().prop_map(Value::from), ".{0,4}".prop_map(Value::from)]
    }

    fn yes() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from)]
    }

    prop_compose! {
        fn call()(id in "[a-c]", state in text(), direction in text(), flags in [yes(), yes(), yes()],
            recording in text(), other in text(), error in prop_oneof![Just(Value::Null), (text(), text()).prop_map(|(c, m)| json!({"code": c, "message": m}))]) -> Value
        {
            let [muted, held, confined] = flags;
            json!({"id": id, "state": state, "direction": direction, "muted": muted, "held": held,
                "confined": confined, "recordingState": recording, "errorInfo": error,
                "other": {"addressNormalized": other}, "new": [1]})
        }
    }

    prop_compose! {
        fn participant()(id in "[a-c]", purpose in text(), user in text(), calls in prop::collection::vec(call(), 0..3), texts in prop::array::uniform8(told()), key in "[a-z]{0,3}") -> Value {
            let [name, address, ani, dnis, queue, queue_name, attribute, last] = texts;
            json!({"id": id, "purpose": purpose, "userId": user, "calls": calls, "name": name, "address": address,
                "ani": ani, "dnis": dnis, "queueId": queue, "queueName": queue_name,
                "queue": {"id": queue, "name": last}, "attributes": {key: attribute, "last": last}})
        }
    }

    proptest! {
        /// The two readers agree on what both can read.
        #[test]
        fn what_is_tidy_reads_alike_part_by_part(all in prop::collection::vec(participant(), 0..4)) {
            let body = json!({"id": "C1", "participants": all});
            let mut skipped = Skipped::default();
            let text = body.to_string();
            let tidy: Notice<'_> = serde_json::from_str(&text).unwrap();
            let read = Notice::of(&body, &mut skipped).unwrap();
            prop_assert_eq!(read, tidy);
            prop_assert!(skipped.is_empty());
        }
    }
}
