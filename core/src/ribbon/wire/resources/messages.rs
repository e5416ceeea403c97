//! Messages, and calls between two other telephones (w5.2, w5.5).

use serde_json::json;

use super::Resources;
use crate::rest::Resource;
use crate::ribbon::error::Error;
use crate::ribbon::ids::MessageId;
use crate::ribbon::wire::answer::read;
use crate::ribbon::wire::lenient::{Text, object};
use crate::text_id::MAX_ID;

object! {
    Wrapper<'a> {
        body: Body<'a> = "imResponse",
    }
}
object! {
    Body<'a> {
        id: Text<'a> = "messageId",
    }
}

impl Resources {
    /// A message is sent.
    pub(crate) fn message(&self, to: &str, text: &str) -> Resource {
        let request = json!({"charset": "UTF-8", "toUrl": to, "message": text, "type": "A2"});
        self.post("instantmessage", json!({"imRequest": request}))
    }

    /// Two telephones are connected.
    pub(crate) fn click_to_call(&self, caller: &str, callee: &str) -> Resource {
        let request = json!({"callingParty": caller, "calledParty": callee});
        self.post("clicktocall", json!({"clickToCallRequest": request}))
    }
}

/// The gateway's name for a message that was sent; none is a failure (w5.5).
///
/// # Errors
///
/// The answer is no JSON.
pub(crate) fn message_id(request: &str, body: &[u8]) -> Result<Option<MessageId>, Error> {
    let Wrapper { body } = read(request, body)?;
    Ok(body.id.0.filter(|id| id.len() <= MAX_ID).map(|id| id.as_ref().into()))
}
