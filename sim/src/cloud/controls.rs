//! What else an agent does with a call: transfers, consults, keys, wrap-up. Each is told as an event
//! of the control API; what is heard on the call stays as it was.

use http::Response;
use offhook::jingle::Reason;
use serde_json::{Value, json};

use super::World;
use super::calls::Calls;
use super::http::{bad_request, empty, json as respond, not_found};
use super::streams::Streams;

impl Calls {
    /// Gives the call away, or to voicemail: it is over for this agent.
    pub(super) fn replace(
        &mut self,
        (user, id, participant): (&str, &str, &str),
        to: &Value,
        streams: &Streams,
        world: &mut World,
    ) -> Response<Vec<u8>> {
        let known = ["voicemail", "userId", "queueId", "address"];
        if !known.iter().any(|key| !to[*key].is_null()) {
            return bad_request("nobody to give it to");
        }
        let Some(call) = self.of_user(user, id, participant) else { return not_found() };
        world.happened("replaced", call.about(json!({"to": to})));
        self.end(id, Some(Reason::Success), streams, world);
        respond(202, &json!({}))
    }

    /// Asks somebody while the customer waits, speaks to another of them, or stops asking.
    pub(super) fn consult(
        &mut self,
        (user, id, participant): (&str, &str, &str),
        method: &str,
        body: &Value,
        world: &mut World,
    ) -> Response<Vec<u8>> {
        let call = self.talking(user, id);
        let Some(call) = call.filter(|call| call.conversation.outside.participant == participant)
        else {
            return not_found();
        };
        let speak_to = match body["speakTo"].as_str() {
            Some(to @ ("DESTINATION" | "OBJECT" | "BOTH")) => Some(to.to_owned()),
            _ => None,
        };
        let before = call.consult.is_some();
        call.consult = match (method, speak_to) {
            ("POST", Some(to)) if !before && body["destination"].is_object() => Some(to),
            ("PATCH", Some(to)) if before => Some(to),
            ("DELETE", _) if before => None,
            _ => return bad_request("not in such a consult as it stands"),
        };
        world.happened("consult", call.about(json!({"speakTo": call.consult})));
        if method == "POST" {
            return respond(201, &json!({"destinationParticipantId": world.rng.uuid()}));
        }
        empty(202)
    }

    /// Sends keys.
    pub(super) fn press(
        &mut self,
        (user, id, participant): (&str, &str, &str),
        body: &Value,
        world: &mut World,
    ) -> Response<Vec<u8>> {
        let call = self.talking(user, id);
        let Some(call) = call.filter(|call| call.conversation.agent.participant == participant)
        else {
            return not_found();
        };
        let digits = body["digits"].as_str().unwrap_or_default();
        let is_key = |key: char| key.is_ascii_digit() || "*#ABCD".contains(key);
        if digits.is_empty() || !digits.chars().all(is_key) {
            return bad_request("keys are 0 to 9, *, #, A to D");
        }
        world.happened("digits", call.about(json!({"digits": digits})));
        empty(202)
    }

    /// Says what a call was about; it may be over. False when there is no such call.
    pub(super) fn wrap_up(
        &self,
        (user, id, participant): (&str, &str, &str),
        code: &Value,
        world: &mut World,
    ) -> bool {
        let call = self.calls.get(id).filter(|call| {
            call.user() == Some(user) && call.conversation.agent.participant == participant
        });
        if let Some(call) = call {
            world.happened("wrapup", call.about(json!({"code": code["code"]})));
        }
        call.is_some()
    }

    fn talking(&mut self, user: &str, id: &str) -> Option<&mut super::call::Call> {
        let call = self.calls.get_mut(id)?;
        (call.user() == Some(user) && call.is_talking()).then_some(call)
    }
}
