//! The alerting leader, the user's client that rings (behaviour notes SG-9, wire notes 8.6).
//!
//! Whatever goes wrong, this client acts as the leader: better two phones that ring than none.

use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use crate::genesys::ask::{Ask, LinkAsk};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{AlertingLeader, Event};
use crate::genesys::ids::{UserId, bounded};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::requests;
use crate::machine::CommandId;
use crate::plain::json_fault;
use crate::rest::{Failure, Retry};

/// The leader, as the service tells it.
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

/// The progress of a connection in becoming one that can lead.
#[derive(Debug, Default)]
pub(super) struct Leading {
    /// The service's name for the connection (`id` of its `<open/>`).
    connection: Option<String>,
    attempts: u32,
    /// True once an event has told who leads, so that nobody needs to be asked.
    told: bool,
    /// The channel does not have our topics yet: what changes meanwhile is not told.
    deaf: bool,
    /// The leader that the application was told last.
    last: Option<AlertingLeader>,
}

impl Leading {
    /// The service's name for the connection, which its `<open/>` told.
    pub(super) fn opened(&mut self, connection: Option<String>) {
        self.connection = connection;
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self) {
        self.connection = None;
    }

    /// The connection is up: let it lead, if it is to. `deaf` is true where the channel does not
    /// have our topics yet.
    pub(super) fn begin(&mut self, deaf: bool) {
        self.deaf = deaf;
    }

    /// Offers this connection as the one that rings.
    pub(super) fn offer(&mut self, user: Option<&UserId>, out: &mut Outbox) {
        if out.config.alerting_leader {
            self.attempts = 0;
            self.told = false;
            self.last = None;
            self.mark_alertable(user, out);
        }
    }

    /// Asks for the connection to be marked as one that can ring.
    pub(super) fn mark_alertable(&mut self, user: Option<&UserId>, out: &mut Outbox) {
        if let (Some(user), Some(connection)) = (user, &self.connection) {
            self.attempts += 1;
            out.rest(LinkAsk::Alertable, requests::alertable(user, connection), Retry::No);
        }
    }

    /// The answer to that, and when to ask once more, if it failed.
    pub(super) fn alertable_answered(
        &self,
        result: &Result<Value, Failure>,
        out: &mut Outbox,
    ) -> Option<Instant> {
        match result {
            Ok(_) if self.told => None,
            Ok(_) => {
                ask_leader(out);
                None
            }
            Err(_) if self.attempts < out.config.timing.lead_attempts => {
                Some(out.now() + out.config.timing.lead_pause)
            }
            Err(failure) => {
                tracing::warn!("not marked as alertable: {}", out.fit(failure.clone().into()));
                lead_unasked(out);
                None
            }
        }
    }

    /// The topics are there: who leads may have changed before.
    pub(super) fn hear(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.deaf) && out.config.alerting_leader {
            self.told = false;
            ask_leader(out);
        }
    }

    /// The answer to who leads.
    pub(super) fn answered(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        if self.told {
            return;
        }
        match result.and_then(|body| Failure::or_parsed::<Leader>("users/alertingleader", body)) {
            Ok(leader) => self.tell(leader, out),
            Err(failure) => {
                tracing::warn!("nobody says who leads: {}", out.fit(failure.into()));
                lead_unasked(out);
            }
        }
    }

    /// An event tells who leads from now on.
    pub(super) fn notified(&mut self, body: &Value, out: &mut Outbox) {
        match Leader::deserialize(body) {
            Ok(leader) => {
                self.told = true;
                self.tell(leader, out);
            }
            Err(error) => out.malformed(format!("alerting leader: {}", json_fault(&error))),
        }
    }

    fn tell(&mut self, leader: Leader, out: &mut Outbox) {
        let leader = AlertingLeader {
            alerting: self.connection.as_ref() == Some(&leader.connection_id),
            configured: true,
            client_type: leader.client_type,
        };
        if self.last.as_ref() != Some(&leader) {
            self.last = Some(leader.clone());
            out.event(Event::AlertingLeader(leader));
        }
    }

    /// Returns the name by which a connection that is up can ask to lead.
    ///
    /// # Errors
    ///
    /// The service has no name for it.
    pub(super) fn may_claim(&self) -> Result<&str, Error> {
        let down = || Error::new(ErrorKind::Session, "signaling is down");
        self.connection.as_deref().ok_or_else(down)
    }

    /// Asks to lead from now on.
    pub(super) fn claim(&self, command: CommandId, out: &mut Outbox) {
        match self.may_claim() {
            Ok(connection) => {
                out.rest(LinkAsk::Claim(command), requests::claim_lead(connection), Retry::No);
            }
            Err(error) => out.complete(command, Err(error)),
        }
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
