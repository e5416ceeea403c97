//! The claims of a JWT about its bearer (wire notes 1.3). It is read, not verified: that is the
//! service's business.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::Secret;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::ids::{ConversationId, MAX_ID, UserId};
use crate::xmpp::Jid;

/// The claims that a client uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The XMPP domain to log in to.
    pub(crate) domain: String,
    /// The user; absent for guests.
    pub(crate) user: Option<UserId>,
    /// The address that it is for: a room, or the user.
    pub(crate) jid: Option<Jid>,
    /// The conversation that it lets its bearer into.
    pub(crate) conversation: Option<ConversationId>,
    /// The communication by which its bearer came.
    pub(crate) source: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    jid: String,
    #[serde(default)]
    uid: Option<UserId>,
    #[serde(default)]
    conversation_id: Option<ConversationId>,
    #[serde(default)]
    source_communication_id: Option<String>,
}

impl Claims {
    /// Reads the payload segment.
    pub(crate) fn read(jwt: &Secret) -> Result<Self, Error> {
        let invalid =
            |what: &str| Error::new(ErrorKind::InvalidOptions, format!("unusable JWT, {what}"));
        let payload =
            jwt.expose().split('.').nth(1).ok_or_else(|| invalid("not three segments"))?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|_| invalid("not base64url"))?;
        let Payload { data } =
            serde_json::from_slice(&payload).map_err(|_| invalid("without data.jid"))?;
        let (_, domain) = data.jid.split_once('@').ok_or_else(|| invalid("data.jid has no @"))?;
        let domain = domain.replacen("conference.", "", 1);
        if domain.is_empty() || domain.contains('/') {
            return Err(invalid("data.jid has no domain"));
        }
        Ok(Self {
            domain,
            user: data.uid,
            jid: data.jid.parse().ok(),
            conversation: data.conversation_id,
            source: data.source_communication_id.filter(|id| id.len() <= MAX_ID),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> Secret {
        Secret::new(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn wire_1_3_the_domain_comes_from_the_room() {
        let claims =
            Claims::read(&jwt(r#"{"data":{"jid":"acd-1@conference.org.example","uid":"u"}}"#));
        let claims = claims.unwrap();
        assert_eq!((claims.domain.as_str(), claims.user), ("org.example", Some("u".into())));
        assert_eq!(claims.jid.unwrap().as_str(), "acd-1@conference.org.example");
        assert_eq!((claims.conversation, claims.source), (None, None));
    }

    #[test]
    fn wire_1_3_a_guest_is_told_the_conversation_and_how_it_came() {
        let claims = Claims::read(&jwt(
            r#"{"data":{"jid":"agent-1@conference.o","conversationId":"C1","sourceCommunicationId":"s"}}"#,
        ));
        let claims = claims.unwrap();
        assert_eq!((claims.conversation, claims.source), (Some("C1".into()), Some("s".into())));
    }

    #[test]
    fn scenario_11_a_malformed_jwt_is_invalid_options() {
        for bad in ["", "a.b", "a.%%%.c"] {
            let error = Claims::read(&Secret::new(bad)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOptions, "{bad}");
        }
        for bad in [r#"{}"#, r#"{"data":{"jid":"nobody"}}"#, r#"{"data":{"jid":"a@"}}"#] {
            assert!(Claims::read(&jwt(bad)).is_err(), "{bad}");
        }
    }
}
