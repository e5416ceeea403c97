//! People on the move: behind translators of addresses, by a relay or without, in networks that change, die for a while
//! and lose packets; and who must be heard when that is over.

use std::time::Duration;

use offhook::genesys::{ConversationId, IcePolicy};
use serde_json::json;

use super::Centre;
use super::errand::{Ear, Errand};
use crate::dice::Dice;
use crate::world::PhoneId;

/// From the end of a trouble until everybody must be heard again.
const FOUND: Duration = Duration::from_secs(10);
/// The time in which somebody has said a word, and it was heard.
const WORD: Duration = Duration::from_secs(6);

impl Centre {
    /// Puts a relay into the world, which the service names.
    pub(super) fn set_relay(&mut self) {
        if !self.scenario.roams {
            return;
        }
        let relay = self.world.set_relay();
        let uri = relay.urls.first().map_or("", String::as_str);
        let mut parts = uri.split(':').skip(1);
        let (host, port) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let password = relay.credential.as_ref().map_or("", |secret| secret.expose());
        let services = json!([{
            "type": "turn", "host": host, "port": port, "transport": "udp",
            "username": relay.username, "password": password,
        }]);
        self.world.control("POST", "options", &json!({"iceServices": services}));
    }

    /// The policy of a phone, half of which speak by the relay alone where there is one.
    pub(super) fn ice_policy(&self, dice: &mut Dice) -> IcePolicy {
        match self.scenario.roams && dice.chance(0.5) {
            true => IcePolicy::RelayOnly,
            false => IcePolicy::Discovered,
        }
    }

    /// Takes note that the way to a phone, or else to all, is in trouble for so long.
    pub(super) fn disturbed(&mut self, phone: Option<PhoneId>, time: Duration) {
        if !self.scenario.roams {
            return;
        }
        let until = self.world.now() + time;
        let phones: Vec<_> =
            self.world.phones().filter(|one| phone.is_none_or(|p| p == *one)).collect();
        for phone in phones {
            let steady = self.steady.entry(phone).or_default();
            *steady = until.max(*steady);
            self.plan(until + FOUND, Errand::Listen(phone));
        }
    }

    /// The time from which nothing was the matter with the way to a phone; none while its connection is down.
    fn steady(&self, phone: PhoneId) -> Option<Duration> {
        let online = self.world.observer().online(phone)?;
        Some(online.max(self.steady.get(&phone).copied().unwrap_or_default()))
    }

    /// Listens to those who talk on a phone, once it is time.
    pub(super) fn listen(&mut self, phone: PhoneId) {
        let now = self.world.now();
        let due = self.steady(phone).map(|steady| steady + FOUND);
        match due {
            // A later trouble has its own errand; a connection that is down has none.
            None => self.plan(now + FOUND, Errand::Listen(phone)),
            Some(due) if due > now => self.plan(due, Errand::Listen(phone)),
            Some(_) => {
                for (on, media, conversation) in self.calls_up() {
                    if on == phone {
                        let ear = Ear { phone, media, conversation, since: now };
                        self.plan(now + FOUND + WORD, Errand::Heard(ear));
                    }
                }
            }
        }
    }

    /// Requires that both have heard each other, if they still talk and nothing has happened meanwhile.
    pub(super) fn must_have_heard(&mut self, ear: &Ear) {
        let Ear { phone, media, conversation, since } = ear;
        let still =
            self.calls_up().iter().any(|(on, of, id)| (on, of, id) == (phone, media, conversation));
        if !still || self.steady(*phone).is_none_or(|steady| steady > *since) {
            return;
        }
        let from = *since + FOUND;
        let checks = self.world.observer();
        let id = ConversationId::from(conversation.as_str());
        let deaf = [
            ("the agent", checks.agent_heard_at(*phone, *media)),
            ("the customer", checks.customer_heard_at(&id)),
        ];
        let deaf = deaf.into_iter().find(|(_, at)| at.is_none_or(|at| at < from));
        self.world.count("listened to after a trouble");
        self.require("who talks is heard soon after a trouble", |_| match deaf {
            Some((who, at)) => Err(format!(
                "phone {}: {who} of {conversation} has heard nothing since {at:?}, and nothing was the matter since {since:?}",
                phone.0
            )),
            None => Ok(()),
        });
    }
}
