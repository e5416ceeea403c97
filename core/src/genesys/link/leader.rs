//! Which of the user's clients rings: the alerting leader (behaviour notes SG-9, wire notes 8.6).
//!
//! Whatever goes wrong, this client acts as the leader: better two phones that ring than none.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Link, Timer};
use crate::genesys::ask::{Ask, LinkAsk};
use crate::genesys::command::Outcome;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{AlertingLeader, Event};
use crate::genesys::ids::bounded;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::requests;
use crate::machine::CommandId;
use crate::plain::json_fault;
use crate::rest::{Failure, Retry};

/// Attempts to be marked as one that can ring, and the pause between them.
const MAX_ATTEMPTS: u32 = 16;
const PAUSE: Duration = Duration::from_millis(500);

/// What the service says of the leader.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Leader {
    #[serde(deserialize_with = "bounded")]
    connection_id: String,
    #[serde(default, deserialize_with = "text")]
    client_type: Option<String>,
}

/// A text, or nothing if it is something else.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(from).map(|value| value.as_str().map(str::to_owned))
}

/// How far a connection is in becoming one that can lead.
#[derive(Debug, Default)]
pub(super) struct Leading {
    /// The service's name for the connection (`id` of its `<open/>`).
    pub(super) connection: Option<String>,
    attempts: u32,
    /// Whether an event has told who leads, so that nobody needs to be asked.
    told: bool,
    /// The channel does not have our topics yet: what changes meanwhile is not told.
    pub(super) deaf: bool,
    /// What the application was told last.
    last: Option<AlertingLeader>,
}

impl Link {
    /// The connection is up: let it lead, if it is to.
    pub(super) fn offer_to_lead(&mut self, out: &mut Outbox) {
        if out.config.alerting_leader {
            self.leading.attempts = 0;
            self.leading.told = false;
            self.leading.last = None;
            self.mark_alertable(out);
        }
    }

    pub(super) fn mark_alertable(&mut self, out: &mut Outbox) {
        let user = self.identity.as_ref().and_then(|identity| identity.user.clone());
        if let (Some(user), Some(connection)) = (user, &self.leading.connection) {
            self.leading.attempts += 1;
            out.rest(LinkAsk::Alertable, requests::alertable(&user, connection), Retry::No);
        }
    }

    pub(super) fn alertable_answered(&mut self, result: &Result<Value, Failure>, out: &mut Outbox) {
        match result {
            Ok(_) if self.leading.told => {}
            Ok(_) => ask_leader(out),
            Err(_) if self.leading.attempts < MAX_ATTEMPTS => {
                self.timers.arm(Timer::Alertable, out.now() + PAUSE);
            }
            Err(failure) => {
                tracing::warn!("not marked as alertable: {}", Error::from(failure.clone()));
                lead_unasked(out);
            }
        }
    }

    /// The topics are there: who leads may have changed before.
    pub(super) fn hear_of_leader(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.leading.deaf) && out.config.alerting_leader {
            self.leading.told = false;
            ask_leader(out);
        }
    }

    pub(super) fn leader_answered(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        if self.leading.told {
            return;
        }
        match result.and_then(|body| Failure::or_parsed::<Leader>("users/alertingleader", body)) {
            Ok(leader) => self.tell_leader(leader, out),
            Err(failure) => {
                tracing::warn!("nobody says who leads: {}", Error::from(failure));
                lead_unasked(out);
            }
        }
    }

    /// An event tells who leads from now on.
    pub(crate) fn handle_leader(&mut self, body: &Value, out: &mut Outbox) {
        match Leader::deserialize(body) {
            Ok(leader) => {
                self.leading.told = true;
                self.tell_leader(leader, out);
            }
            Err(error) => out.malformed(format!("alerting leader: {}", json_fault(&error))),
        }
    }

    fn tell_leader(&mut self, leader: Leader, out: &mut Outbox) {
        let leader = AlertingLeader {
            alerting: self.leading.connection.as_ref() == Some(&leader.connection_id),
            configured: true,
            client_type: leader.client_type,
        };
        if self.leading.last.as_ref() != Some(&leader) {
            self.leading.last = Some(leader.clone());
            out.event(Event::AlertingLeader(leader));
        }
    }

    /// The connection that can lead, if it is up.
    fn leadable(&self) -> Result<&str, Error> {
        match &self.leading.connection {
            Some(connection) if self.is_online() => Ok(connection),
            _ => Err(Error::new(ErrorKind::Session, "signaling is down")),
        }
    }

    pub(crate) fn may_claim_lead(&self) -> Result<(), Error> {
        self.leadable().map(|_| ())
    }

    /// Asks to lead from now on.
    pub(crate) fn claim_lead(&self, command: CommandId, out: &mut Outbox) {
        match self.leadable() {
            Ok(connection) => {
                out.rest(LinkAsk::Claim(command), requests::claim_lead(connection), Retry::No);
            }
            Err(error) => out.complete(command, Err(error)),
        }
    }

    pub(super) fn claimed(command: CommandId, result: Result<Value, Failure>, out: &mut Outbox) {
        out.complete(command, result.map(|_| Outcome::Done).map_err(Error::from));
    }
}

fn ask_leader(out: &mut Outbox) {
    // An older answer has nothing to say any more.
    out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Leader));
    out.rest(LinkAsk::Leader, requests::leader(), Retry::No);
}

fn lead_unasked(out: &mut Outbox) {
    out.event(Event::AlertingLeader(AlertingLeader {
        alerting: true,
        configured: false,
        client_type: None,
    }));
}
