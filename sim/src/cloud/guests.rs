//! Guests: customers whom an agent gave a security code for a conversation (wire notes 8.1, 1.3).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use offhook::Rng;
use serde_json::{Value, json};

use super::org::ORG;

/// Guests expected at once, and JWTs that let somebody in; one more is refused.
const MAX_GUESTS: usize = 1000;

/// Somebody who may come in by a code, or by its JWT.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    code: String,
    conversation: String,
    communication: String,
    jwt: String,
}

/// By code. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Guests {
    expected: BTreeMap<String, Guest>,
    /// By JWT: the user whom it lets in, or none for somebody whom no room knows.
    admitted: BTreeMap<String, Option<String>>,
}

impl Guests {
    /// Expects one more guest. None when there are too many.
    pub(super) fn expect(&mut self, org_domain: &str, rng: &mut Rng) -> Option<&Guest> {
        if self.expected.len() >= MAX_GUESTS || self.admitted.len() >= MAX_GUESTS {
            return None;
        }
        let (conversation, communication) = (rng.uuid(), rng.uuid());
        let code = format!("{:06}", 100_000 + self.expected.len());
        let room = format!("acd-{conversation}@conference.{org_domain}");
        let claims = json!({"data": {"jid": room}, "iss": "lab"});
        let jwt = jwt(&claims, &communication);
        self.admitted.insert(jwt.clone(), None);
        let guest = Guest { code: code.clone(), conversation, communication, jwt };
        Some(self.expected.entry(code).or_insert(guest))
    }

    /// Expects a user as the guest of a room: the code, and the JWT. None when there are too many.
    pub(super) fn invite(
        &mut self,
        user: &str,
        conversation: &str,
        room: &str,
        rng: &mut Rng,
    ) -> Option<(String, String)> {
        if self.expected.len() >= MAX_GUESTS {
            return None;
        }
        let communication = rng.uuid();
        let data = json!({
            "jid": room, "conversationId": conversation, "sourceCommunicationId": communication,
        });
        let claims = json!({"iss": "urn:purecloud:conversation", "org": ORG, "data": data});
        let jwt = self.admit(user, &claims, rng)?;
        let code = format!("{:06}", 100_000 + self.expected.len());
        let conversation = conversation.to_owned();
        let guest = Guest { code: code.clone(), conversation, communication, jwt: jwt.clone() };
        self.expected.insert(code.clone(), guest);
        Some((code, jwt))
    }

    /// Admits a user by a JWT of those claims. None when there are too many.
    pub(super) fn admit(&mut self, user: &str, claims: &Value, rng: &mut Rng) -> Option<String> {
        let jwt = jwt(claims, &rng.uuid());
        self.admit_by(&jwt, user).then_some(jwt)
    }

    /// Admits a user by a JWT that somebody else made. False when another comes by it, or there are too
    /// many.
    pub(super) fn admit_by(&mut self, jwt: &str, user: &str) -> bool {
        let free = self.admitted.len() < MAX_GUESTS && !self.admitted.contains_key(jwt);
        if free {
            self.admitted.insert(jwt.to_owned(), Some(user.to_owned()));
        }
        free
    }

    /// True if a JWT lets somebody in.
    pub(super) fn admits(&self, jwt: &str) -> bool {
        self.admitted.contains_key(jwt)
    }

    /// The user who was admitted by a JWT.
    pub(super) fn admitted(&self, jwt: &str) -> Option<&str> {
        self.admitted.get(jwt)?.as_deref()
    }

    /// The guest of that code.
    pub(super) fn by_code(&self, code: &str) -> Option<&Guest> {
        self.expected.get(code)
    }
}

/// A JWT of those claims, which nobody signed.
fn jwt(claims: &Value, seal: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(&json!({"alg": "none", "typ": "JWT"}));
    format!("{header}.{}.{}", part(claims), part(&json!(seal)))
}

impl Guest {
    /// The answer to the code.
    pub(super) fn body(&self) -> Value {
        json!({
            "conversation": {"id": self.conversation},
            "sourceCommunicationId": self.communication, "jwt": self.jwt,
        })
    }

    /// The guest as `POST /control/guests` answers.
    pub(super) fn control_body(&self) -> Value {
        json!({"organizationId": ORG, "code": self.code, "jwt": self.jwt,
               "conversationId": self.conversation})
    }
}
