//! Typed REST resources (wire notes 8): what is asked for, and what is read of the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::Dial;
use super::config::{Auth, Config};
use super::error::{Error, ErrorKind, Refusal};
use super::event::Station;
use super::ids::{ConversationId, ParticipantId, StationId, UserId, bounded};
use crate::Secret;
use crate::machine::{NetError, NetErrorKind};
use crate::plain::json_fault;
use crate::xmpp::Jid;

/// One request (wire notes 8), before it has a URI and a token.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// A body may hold a secret or somebody's number.
impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Resource {
    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body }
    }

    pub(crate) fn organization() -> Self {
        Self::new(Method::GET, "organizations/me", None)
    }

    pub(crate) fn user() -> Self {
        Self::new(Method::GET, "users/me?expand=station", None)
    }

    /// The least that can be asked for.
    pub(crate) fn probe() -> Self {
        Self::new(Method::GET, "users/me", None)
    }

    pub(crate) fn station(id: &StationId) -> Self {
        Self::new(Method::GET, format!("stations/{}", segment(id.as_str())), None)
    }

    pub(crate) fn channel() -> Self {
        Self::new(Method::POST, "notifications/channels?connectionType=streaming", None)
    }

    pub(crate) fn subscriptions(channel: &str, ids: &[String]) -> Self {
        let body = ids.iter().map(|id| json!({"id": id})).collect();
        let path = format!("notifications/channels/{}/subscriptions", segment(channel));
        Self::new(Method::PUT, path, Some(Value::Array(body)))
    }

    pub(crate) fn conversation(id: &ConversationId) -> Self {
        Self::new(Method::GET, format!("conversations/{}", segment(id.as_str())), None)
    }

    /// Log records of the client's.
    pub(crate) fn logs(body: Value) -> Self {
        Self::new(Method::POST, "diagnostics/trace", Some(body))
    }

    /// Media figures of the client's.
    pub(crate) fn figures(body: Value) -> Self {
        Self::new(Method::POST, "diagnostics/newrelic/insights", Some(body))
    }

    /// Marks a connection as one that can ring.
    pub(crate) fn alertable(user: &UserId, connection: &str) -> Self {
        let (user, connection) = (segment(user.as_str()), segment(connection));
        let path = format!("apps/users/{user}/connections/{connection}");
        Self::new(Method::PATCH, path, Some(json!({"alertable": true})))
    }

    /// Which connection rings.
    pub(crate) fn leader() -> Self {
        Self::new(Method::GET, "users/alertingleader", None)
    }

    /// Lets a connection ring.
    pub(crate) fn claim_lead(connection: &str) -> Self {
        let body = json!({"connectionId": connection});
        Self::new(Method::PUT, "users/alertingleader", Some(body))
    }

    /// A guest's JWT for a code. Without authorization: a guest has none yet.
    pub(crate) fn redeem(organization: &str, code: &Secret) -> Self {
        let body = json!({"organizationId": organization, "addCommunicationCode": code.expose()});
        Self::new(Method::POST, "conversations/codes", Some(body))
    }

    /// The user's conversations that are not over.
    pub(crate) fn conversations() -> Self {
        Self::new(Method::GET, "conversations", None)
    }

    pub(crate) fn dial(dial: &Dial) -> Self {
        let body = serde_json::to_value(dial).expect("strings and numbers always serialise");
        Self::new(Method::POST, "conversations/calls", Some(body))
    }

    pub(crate) fn participant(
        conversation: &ConversationId,
        participant: &ParticipantId,
        change: Value,
    ) -> Self {
        Self::new(Method::PATCH, participant_path(conversation, participant), Some(change))
    }

    /// Something under our part in a call, or another's.
    pub(crate) fn below_participant(
        method: Method,
        conversation: &ConversationId,
        participant: &ParticipantId,
        leaf: &str,
        body: Value,
    ) -> Self {
        let path = format!("{}/{leaf}", participant_path(conversation, participant));
        Self::new(method, path, (!body.is_null()).then_some(body))
    }

    pub(crate) fn to_voicemail(conversation: &ConversationId, participant: &ParticipantId) -> Self {
        let path = format!("{}/replace", participant_path(conversation, participant));
        Self::new(Method::POST, path, Some(json!({"voicemail": true})))
    }

    pub(crate) fn call_metadata(conversation: &ConversationId, call: &str) -> Self {
        let path = format!(
            "conversations/calls/{}/communications/{}/metadata",
            segment(conversation.as_str()),
            segment(call)
        );
        Self::new(Method::POST, path, None)
    }

    /// The bytes of it that are written: its path and its body.
    pub(crate) fn bytes(&self) -> usize {
        self.path.len() + self.body.as_ref().map_or(0, |body| body.to_string().len())
    }

    /// The request itself, with its token.
    pub(crate) fn to_request(&self, config: &Config) -> Result<Request<Vec<u8>>, Error> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("{}/{}", config.rest_base(), self.path))
            .header("content-type", "application/json");
        if let Auth::Token(token) = &config.auth {
            let mut value = http::HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| Error::new(ErrorKind::InvalidOptions, "the token is not a header"))?;
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        request
            .body(body.into_bytes())
            .map_err(|e| Error::new(ErrorKind::InvalidOptions, format!("REST address: {e}")))
    }
}

fn participant_path(conversation: &ConversationId, participant: &ParticipantId) -> String {
    format!(
        "conversations/calls/{}/participants/{}",
        segment(conversation.as_str()),
        segment(participant.as_str())
    )
}

/// One path segment (RFC 3986 section 3.3): ids are opaque, so nothing in them may end it.
fn segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b':') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Why a request did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    message: String,
    /// What the service says about it.
    refusal: Option<Box<Refusal>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Status(u16),
    Network(NetErrorKind),
    /// A good status with a body that cannot be used.
    Body,
    /// The request could not even be made.
    Unmade,
}

impl Failure {
    /// The request could not even be made.
    pub(crate) fn unmade(error: Error) -> Self {
        Self { kind: FailureKind::Unmade, message: error.message, refusal: None }
    }

    /// How long the service wants to be left alone (`Retry-After`).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.refusal.as_ref()?.retry_after
    }

    /// Whether asking again would be answered alike.
    pub(crate) fn is_final(&self) -> bool {
        match self.kind {
            FailureKind::Status(401 | 408 | 429) | FailureKind::Network(_) => false,
            FailureKind::Status(status) => status < 500,
            FailureKind::Body | FailureKind::Unmade => true,
        }
    }

    /// Whether a login is not for this token (wire notes 3.3). Of any other request only 401 says
    /// so; 403 says that the user may not do it.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self.kind, FailureKind::Status(401 | 403))
    }

    /// Whether the retry helper tries again (wire notes 8.7).
    pub(crate) fn is_retryable(&self) -> bool {
        self.retry_after().is_some()
            || match self.kind {
                FailureKind::Status(status) => {
                    matches!(status, 408 | 413 | 429 | 500 | 502 | 503 | 504)
                }
                FailureKind::Network(_) => true,
                FailureKind::Body | FailureKind::Unmade => false,
            }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Status(401) => ErrorKind::InvalidToken,
            FailureKind::Status(status) => ErrorKind::Http(status),
            FailureKind::Network(NetErrorKind::Timeout) => ErrorKind::Timeout,
            FailureKind::Network(_) => ErrorKind::Network,
            FailureKind::Body => ErrorKind::Protocol,
            FailureKind::Unmade => ErrorKind::InvalidOptions,
        };
        Self { kind, message: failure.message, refusal: failure.refusal }
    }
}

impl Failure {
    /// Why logging in failed (API-6): the token is no good, or this.
    pub(crate) fn into_login_error(self, other: Option<ErrorKind>) -> Error {
        let unauthorized = self.is_unauthorized();
        let error = Error::from(self);
        let kind = if unauthorized { ErrorKind::InvalidToken } else { other.unwrap_or(error.kind) };
        Error { kind, ..error }
    }
}

/// Turns an HTTP result into what was asked for, or why not.
pub(crate) fn read(
    resource: &Resource,
    result: Result<http::Response<Vec<u8>>, NetError>,
) -> Result<Value, Failure> {
    let what = || {
        let path = resource.path.split('?').next().unwrap_or_default();
        format!("{} {path}", resource.method)
    };
    let response = result.map_err(|e| Failure {
        kind: FailureKind::Network(e.kind),
        message: format!("{}: {e}", what()),
        refusal: None,
    })?;
    let status = response.status();
    if !status.is_success() {
        let refusal = Refusal::of_response(&response);
        let message = format!("{}: {refusal}", what());
        let kind = FailureKind::Status(status.as_u16());
        return Err(Failure { kind, message, refusal: Some(Box::new(refusal)) });
    }
    if response.body().iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(response.body()).map_err(|e| body_failure(&what(), &json_fault(&e)))
}

/// Reads what is used of an answer.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(what: &str, body: Value) -> Result<T, Failure> {
    serde_json::from_value(body).map_err(|e| body_failure(what, &json_fault(&e)))
}

/// An answer whose body is of no use.
pub(crate) fn body_failure(what: &str, fault: &str) -> Failure {
    Failure {
        kind: FailureKind::Body,
        message: format!("{what}: unusable answer: {fault}"),
        refusal: None,
    }
}

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
        self.chat.jabber_id.parse::<Jid>().map(|jid| jid.bare()).map_err(|e| Failure {
            kind: FailureKind::Body,
            message: format!("users/me: unusable chat address: {e}"),
            refusal: None,
        })
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
pub(crate) struct Redeemed {
    pub(crate) jwt: String,
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
    /// Why topics were refused, part by part. One that is not named was taken.
    pub(crate) fn refusals(&self) -> BTreeMap<String, String> {
        let mut refusals = BTreeMap::new();
        for entity in &self.entities {
            let Some(state) = entity.state.as_deref().filter(|state| *state != "Permitted") else {
                continue;
            };
            let why = entity.rejection_reason.as_deref().unwrap_or(state);
            let why = match entity.missing_permissions.as_deref().unwrap_or_default() {
                [] => why.to_owned(),
                missing => format!("{why}; missing: {}", missing.join(", ")),
            };
            for part in super::topics::parts(&entity.id) {
                refusals.entry(part).or_insert_with(|| why.clone());
            }
        }
        refusals
    }
}

/// `stations/{id}`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StationBody {
    id: StationId,
    #[serde(default)]
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    web_rtc_persistent_enabled: bool,
    #[serde(default)]
    web_rtc_force_turn: bool,
    #[serde(default)]
    web_rtc_call_appearances: Option<u32>,
}

impl From<StationBody> for Station {
    fn from(body: StationBody) -> Self {
        let is_softphone = body.kind == "inin_webrtc_softphone";
        Self {
            id: body.id,
            name: body.name,
            // STN-4: only a softphone can keep a media session.
            persistent: body.web_rtc_persistent_enabled && is_softphone,
            call_appearances: body.web_rtc_call_appearances.unwrap_or(1),
            force_turn: body.web_rtc_force_turn,
            is_softphone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, retry: Option<&str>, body: &str) -> http::Response<Vec<u8>> {
        let mut r = http::Response::builder().status(status);
        if let Some(retry) = retry {
            r = r.header("Retry-After", retry);
        }
        r.body(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn wire_8_requests_carry_the_token_and_never_show_it() {
        let config = Config::agent("lab.test", "t0ken");
        let request = Resource::user().to_request(&config).unwrap();
        assert_eq!(request.uri(), "https://api.lab.test/api/v2/users/me?expand=station");
        assert_eq!(request.headers()["authorization"], "Bearer t0ken");
        assert!(!format!("{request:?}").contains("t0ken"));
        assert!(Resource::user().to_request(&Config::agent("lab.test", "a\nb")).is_err());
    }

    #[test]
    fn ids_cannot_leave_their_path_segment() {
        let r = Resource::conversation(&ConversationId::from("../a?b#c d"));
        assert_eq!(r.path, "conversations/..%2Fa%3Fb%23c%20d");
    }

    #[test]
    fn wire_3_3_and_8_7_statuses_become_typed_failures() {
        let user = Resource::user();
        let fail = |status, retry| read(&user, Ok(response(status, retry, ""))).unwrap_err();
        assert!(fail(401, None).is_unauthorized() && fail(403, None).is_unauthorized());
        assert!(!fail(401, None).is_retryable());
        assert_eq!(fail(429, Some("3")).retry_after(), Some(Duration::from_secs(3)));
        assert!(fail(500, None).is_retryable() && !fail(404, None).is_retryable());
        assert!(fail(404, Some("1")).is_retryable(), "Retry-After wins whatever the status");
        let lost = NetError::new(NetErrorKind::Lost, "reset");
        assert!(read(&user, Err(lost)).unwrap_err().is_retryable());
        let odd = read(&user, Ok(response(200, None, "<html>"))).unwrap_err();
        assert_eq!(odd.kind, FailureKind::Body);
        assert_eq!(Error::from(odd).kind, ErrorKind::Protocol);
        assert_eq!(read(&user, Ok(response(202, None, " "))).unwrap(), Value::Null);
    }

    #[test]
    fn wire_8_what_the_service_says_of_a_refusal_is_kept_and_each_part_costs_only_itself() {
        let of = |status, retry, body: &str| {
            let failure = read(&Resource::user(), Ok(response(status, retry, body))).unwrap_err();
            Error::from(failure)
        };
        let error = of(409, Some("7"), r#"{"code":"c.d","message":"No\u00fc.","status":409}"#);
        let refusal = error.refusal.clone().unwrap();
        assert_eq!(refusal.status, Some(409));
        assert_eq!(refusal.code.as_deref(), Some("c.d"));
        assert_eq!(refusal.message.as_deref(), Some("No\u{fc}."));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        let shown = "HTTP 409: GET users/me: status 409: c.d: No\u{fc}.: retry after 7 s";
        assert_eq!(error.to_string(), shown);
        for (body, code, message) in [
            ("", None, None),
            ("<html>", None, None),
            ("[]", None, None),
            (r#"{"code":7,"message":"m"}"#, None, Some("m")),
            (r#"{"code":"c","message":{"x":1}}"#, Some("c"), None),
            (r#"{"code":" ","message":null}"#, None, None),
        ] {
            let refusal = of(500, Some("soon"), body).refusal.unwrap();
            assert_eq!(refusal.code.as_deref(), code, "{body}");
            assert_eq!(refusal.message.as_deref(), message, "{body}");
            assert_eq!(refusal.retry_after, None);
        }
        let long = json!({"message": "\u{e9} ".repeat(9000)}).to_string();
        let kept = of(400, None, &long).refusal.unwrap().message.unwrap();
        assert!(kept.len() <= Refusal::MAX_TEXT && kept.ends_with("\u{e9}…"), "cut between words");
    }

    #[test]
    fn api_6_a_403_is_an_invalid_token_to_a_login_and_to_nothing_else() {
        let failure = |status| {
            read(&Resource::user(), Ok(response(status, None, r#"{"code":"x"}"#))).unwrap_err()
        };
        assert_eq!(Error::from(failure(401)).kind, ErrorKind::InvalidToken);
        assert_eq!(Error::from(failure(403)).kind, ErrorKind::Http(403));
        for (status, kind) in [
            (401, ErrorKind::InvalidToken),
            (403, ErrorKind::InvalidToken),
            (404, ErrorKind::Initialization),
        ] {
            let error = failure(status).into_login_error(Some(ErrorKind::Initialization));
            assert_eq!(error.kind, kind);
            assert_eq!(error.refusal.unwrap().code.as_deref(), Some("x"));
        }
    }

    #[test]
    fn stn_1_the_effective_station_counts_and_its_absence_is_fine() {
        let me = json!({"id": "u", "chat": {"jabberId": "a@b"},
            "station": {"associatedStation": {"id": "s1"}, "effectiveStation": {"id": "s2"}}});
        let me: Me = parse("users/me", me).unwrap();
        assert_eq!(me.station().unwrap().as_str(), "s2");
        let me: Me = parse("users/me", json!({"id": "u", "chat": {"jabberId": "a@b"}})).unwrap();
        assert!(me.station().is_none());
        assert!(parse::<Me>("users/me", json!({"id": "u"})).is_err());
    }

    #[test]
    fn wire_4_2_each_topic_has_its_own_state() {
        let answer = json!({"entities": [
            {"id": "v2.users.u1?conversations&station", "state": "Permitted"},
            {"id": "v2.users.u2.presence", "state": "Rejected", "rejectionReason": "no"},
            {"id": "v2.users.u4.presence", "state": "Rejected", "rejectionReason": "no",
             "missingPermissions": ["analytics:view", "other:view"]},
        ]});
        let states: Subscriptions = parse("subscriptions", answer).unwrap();
        let states = states.refusals();
        let why = |topic: &str| states.get(topic).map(String::as_str);
        assert_eq!(why("v2.users.u1.station"), None);
        assert_eq!(why("v2.users.u2.presence"), Some("no"));
        assert_eq!(why("v2.users.u3.presence"), None);
        let missing = "no; missing: analytics:view, other:view";
        assert_eq!(why("v2.users.u4.presence"), Some(missing));
    }
}
