//! Calls (w4.0).

use serde_json::{Value, json};

use super::{Resources, with};
use crate::rest::{Resource, segment};
use crate::ribbon::error::Error;
use crate::ribbon::ids::SessionData;
use crate::ribbon::wire::answer::{missing, read};
use crate::ribbon::wire::lenient::{Text, object};
use crate::ribbon::wire::parameters::{CustomParameter, sent};
use crate::text_id::MAX_ID;

/// The parts of a call's request that many have: a description of media, and the application's
/// parameters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offered<'a> {
    pub(crate) sdp: &'a str,
    pub(crate) parameters: &'a [CustomParameter],
}

impl Offered<'_> {
    fn add_to(&self, request: &mut Value) {
        with(request, "sdp", Some(self.sdp));
        let parameters = (!self.parameters.is_empty()).then(|| sent(self.parameters));
        with(request, "customParameters", parameters);
    }
}

/// A request about a session (w4.3 to w4.17), by its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SessionRequest<'a> {
    /// It rings here (w4.3).
    Ringing,
    /// It is answered (w4.4).
    Answer(Offered<'a>),
    /// Something is offered (w4.9).
    Update(Offered<'a>),
    /// An offer is answered (w4.10).
    Respond(Offered<'a>),
    /// An offer is refused, as another is under way (w4.11).
    Refuse,
    /// It is sent to an address (w4.12).
    Transfer { to: &'a str },
    /// It is joined with another session, whose far side has this address (w4.13).
    Consult { other: &'a SessionData, to: &'a str },
    /// The application's parameters are sent (w4.15).
    Parameters(&'a [CustomParameter]),
    /// It is still there (w4.17).
    Audit,
}

impl SessionRequest<'_> {
    fn body(&self) -> Value {
        let typed = |name: &str| json!({"type": name});
        let offered = |name, offered: &Offered<'_>| {
            let mut request = typed(name);
            offered.add_to(&mut request);
            request
        };
        match self {
            Self::Ringing => typed("ringing"),
            Self::Answer(what) => offered("callAnswer", what),
            Self::Update(what) => offered("startCallUpdate", what),
            Self::Respond(what) => offered("respondCallUpdate", what),
            // A text, and nothing beside it.
            Self::Refuse => json!({"type": "respondCallUpdate", "statusCode": "491"}),
            Self::Transfer { to } => json!({"type": "transfer", "address": to}),
            Self::Consult { other, to } => {
                json!({"type": "transfer", "sessionData": other.as_str(), "address": to})
            }
            Self::Parameters(parameters) => {
                json!({"type": "sendCustomHeaders", "customParameters": sent(parameters)})
            }
            Self::Audit => typed("audit"),
        }
    }
}

impl Resources {
    /// A call is made (w4.1).
    pub(crate) fn make(
        &self,
        from: &str,
        to: &str,
        early_media: bool,
        what: Offered<'_>,
    ) -> Resource {
        let mut request = json!({"type": "callStart", "from": from, "to": to});
        with(&mut request, "supported", early_media.then(|| json!(["earlymedia"])));
        what.add_to(&mut request);
        self.post("callControl", json!({"callControlRequest": request}))
    }

    /// Two sessions are joined in a new one (w4.14).
    pub(crate) fn join(
        &self,
        first: &SessionData,
        second: &SessionData,
        what: Offered<'_>,
    ) -> Resource {
        let mut request = json!({
            "type": "join",
            "firstSessionData": first.as_str(),
            "secondSessionData": second.as_str(),
        });
        what.add_to(&mut request);
        self.post("callControl", json!({"callControlRequest": request}))
    }

    /// A request about a session.
    pub(crate) fn session(&self, session: &SessionData, what: SessionRequest<'_>) -> Resource {
        self.put(&session_path(session), json!({"callControlRequest": what.body()}))
    }

    /// A call is turned down (w4.5).
    pub(crate) fn reject(&self, session: &SessionData) -> Resource {
        let request = json!({"action": "reject", "sessionData": session.as_str()});
        self.post("calldisposition", json!({"callDispositionRequest": request}))
    }

    /// A call is sent elsewhere before it is answered (w4.7).
    pub(crate) fn forward(&self, session: &SessionData, to: &str) -> Resource {
        let request = json!({"action": "forward", "sessionData": session.as_str(), "address": to});
        self.post("calldisposition", json!({"callDispositionRequest": request}))
    }

    /// A session is ended (w4.8).
    pub(crate) fn end(&self, session: &SessionData) -> Resource {
        self.delete(&session_path(session))
    }

    /// The gateway's opinion of a session (w4.16).
    pub(crate) fn status(&self, session: &SessionData) -> Resource {
        self.get(&session_path(session))
    }
}

fn session_path(session: &SessionData) -> String {
    format!("callControl/callSessions/{}", segment(session.as_str()))
}

object! {
    Wrapper<'a> {
        body: Body<'a> = "callControlResponse",
    }
}
object! {
    Body<'a> {
        session: Text<'a> = "sessionData",
        state: Text<'a> = "state",
    }
}

/// The session of a call that was made, or of two that were joined.
///
/// # Errors
///
/// An answer without `sessionData`.
pub(crate) fn session(request: &str, body: &[u8]) -> Result<SessionData, Error> {
    let Wrapper { body } = read(request, body)?;
    match body.session.0 {
        Some(session) if session.len() <= MAX_ID => Ok(session.as_ref().into()),
        Some(_) | None => Err(missing(request, "sessionData")),
    }
}

/// True if the gateway says that a call was answered: of its states, the only one that means anything
/// (w4.0.2).
///
/// # Errors
///
/// The answer is no JSON.
pub(crate) fn is_answered(request: &str, body: &[u8]) -> Result<bool, Error> {
    let Wrapper { body } = read(request, body)?;
    Ok(body.state.as_str() == "ANSWERED")
}
