//! Guests: customers whom an agent gave a security code for a conversation (wire notes 8.1, 1.3).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use offhook::Rng;
use serde_json::{Value, json};

use super::org::ORG;

/// Guests expected at once; one more is refused.
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
}

impl Guests {
    /// Expects one more guest. None when there are too many.
    pub(super) fn expect(&mut self, org_domain: &str, rng: &mut Rng) -> Option<&Guest> {
        if self.expected.len() >= MAX_GUESTS {
            return None;
        }
        let (conversation, communication) = (rng.uuid(), rng.uuid());
        let code = format!("{:06}", 100_000 + self.expected.len());
        let room = format!("acd-{conversation}@conference.{org_domain}");
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "none", "typ": "JWT"}));
        let claims = part(json!({"data": {"jid": room}, "iss": "lab"}));
        let jwt = format!("{header}.{claims}.{}", part(json!(communication)));
        let guest = Guest { code: code.clone(), conversation, communication, jwt };
        Some(self.expected.entry(code).or_insert(guest))
    }

    /// The guest of that code.
    pub(super) fn by_code(&self, code: &str) -> Option<&Guest> {
        self.expected.get(code)
    }
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
