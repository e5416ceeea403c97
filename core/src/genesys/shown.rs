//! Events and errors as they may be shown: what a peer says in them is plain, and no secret.

use super::command::{Outcome, TopicAnswer};
use super::error::Error;
use super::event::Event;
use crate::plain;
use crate::report::Redactor;

/// An event, fit to be told.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others hold no words of somebody else")]
pub(super) fn event(event: Event, redactor: &Redactor) -> Event {
    match event {
        Event::Error(why) => Event::Error(error(why, redactor)),
        Event::NetworkConnectivityWarning(why) => {
            Event::NetworkConnectivityWarning(error(why, redactor))
        }
        Event::Disconnected { reconnecting, error: Some(why) } => {
            Event::Disconnected { reconnecting, error: Some(error(why, redactor)) }
        }
        Event::Malformed { what } => Event::Malformed { what: text(&what, redactor) },
        Event::PendingSession(mut pending) => {
            pending.from = words(&pending.from);
            pending.original_room = words(&pending.original_room);
            Event::PendingSession(pending)
        }
        Event::Station(mut station) => {
            station.name = words(&station.name);
            Event::Station(station)
        }
        Event::AlertingLeader(mut leader) => {
            leader.client_type = leader.client_type.map(|kind| words(&kind));
            Event::AlertingLeader(leader)
        }
        other => other,
    }
}

/// An error, fit to be told.
pub(super) fn error(error: Error, redactor: &Redactor) -> Error {
    error.shown(|said| text(said, redactor))
}

/// The result of a command, fit to be told.
pub(super) fn result(
    result: Result<Outcome, Error>,
    redactor: &Redactor,
) -> Result<Outcome, Error> {
    match result {
        Ok(Outcome::Subscribed(answers)) => {
            let shown = answers.into_iter().map(|TopicAnswer { topic, refusal }| TopicAnswer {
                topic,
                refusal: refusal.map(|why| text(&why, redactor)),
            });
            Ok(Outcome::Subscribed(shown.collect()))
        }
        Ok(outcome) => Ok(outcome),
        Err(why) => Err(error(why, redactor)),
    }
}

/// Words in which a peer may quote what it was sent.
pub(super) fn text(text: &str, redactor: &Redactor) -> String {
    redactor.words(text)
}

fn words(text: &str) -> String {
    plain(text).into_owned()
}
