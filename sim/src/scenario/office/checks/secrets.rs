//! Things that nobody may be shown: passwords, tokens, sessions, and what media is protected by.

use std::collections::{BTreeMap, VecDeque};

use offhook::machine::{Output, OutputOf};
use offhook::ribbon::{Client, Event};

use super::wire::Wire;
use crate::world::PhoneId;

/// Those of one phone that are looked for; the oldest go first.
const MAX: usize = 48;
/// The first words of every password of an office.
const PASSWORD: &str = "password-";

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Secrets {
    known: BTreeMap<PhoneId, VecDeque<String>>,
}

impl Secrets {
    pub(super) fn learn(&mut self, phone: PhoneId, secret: &str) {
        let known = self.known.entry(phone).or_default();
        if secret.len() < 6 || known.iter().any(|one| one == secret) {
            return;
        }
        known.push_back(secret.to_owned());
        if known.len() > MAX {
            known.pop_front();
        }
    }

    /// Takes note of secrets as they go by.
    pub(super) fn heard(&mut self, phone: PhoneId, wire: &Wire) {
        match wire {
            Wire::Asked(asked) => {
                for (_, value) in &asked.credentials {
                    self.learn(phone, value.rsplit(' ').next().unwrap_or(value));
                }
                if let Some(sdp) = asked.body["callControlRequest"]["sdp"].as_str() {
                    self.learn_media(phone, sdp);
                }
            }
            Wire::Answered { body, .. } => {
                let params = &body["subscribeResponse"]["subscriptionParams"];
                let turn = &params["turnCredentials"]["password"];
                for secret in [&params["sessionId"], turn] {
                    self.learn(phone, secret.as_str().unwrap_or_default());
                }
            }
            Wire::Notified(notice) => {
                if let Some(sdp) = notice.body["sessionParams"]["sdp"].as_str() {
                    self.learn_media(phone, sdp);
                }
            }
            Wire::Opening | Wire::Opened(_) | Wire::Closed(_) | Wire::Pinged(_) => {}
        }
    }

    fn learn_media(&mut self, phone: PhoneId, sdp: &str) {
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=ice-pwd:"));
        for secret in lines {
            self.learn(phone, secret.trim());
        }
    }

    /// No. 19: no secret is told.
    pub(super) fn told(&self, phone: PhoneId, output: &OutputOf<Client>) -> Result<(), String> {
        let text = match output {
            Output::Event(Event::Trace(record)) => format!("{} {record:?}", record.body),
            Output::Event(event) => format!("{event:?}"),
            Output::Completed { result, .. } => format!("{result:?}"),
            _ => return Ok(()),
        };
        self.shown(phone, &text)
    }

    /// No. 19: these words hold no secret of a phone.
    pub(super) fn shown(&self, phone: PhoneId, text: &str) -> Result<(), String> {
        let known = self.known.get(&phone);
        let shown = known.into_iter().flatten().find(|secret| text.contains(*secret));
        if shown.is_some() || text.contains(PASSWORD) {
            let start: String = text.chars().take(400).collect();
            return Err(format!("phone {} shows {shown:?} in {start}", phone.0));
        }
        Ok(())
    }

    /// Secrets that are looked for.
    pub(super) fn count(&self) -> usize {
        self.known.values().map(VecDeque::len).sum()
    }
}
