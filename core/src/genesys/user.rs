//! The user beside calls: questions about presence and the mailbox, and the service's answers (wire notes 8.8).
//!
//! None of it concerns the connection or a call: the application asks, and is answered.

use serde_json::Value;

use super::ask::{Ask, UserAsk};
use super::calls::online;
use super::command::Outcome;
use super::config::{Auth, Config};
use super::error::{Error, ErrorKind};
use super::event::Event;
use super::ids::{MAX_ID, PresenceId, UserId};
use super::outbox::Outbox;
use super::presence::{PresenceDefinition, UserPresence};
use super::voicemail::Voicemail;
use super::wire::answers::{DefinitionBody, Definitions, Mailbox, UserPresenceBody};
use super::wire::requests;
use crate::machine::CommandId;
use crate::plain::json_fault;
use crate::rest::{Failure, Resource, Retry};

/// Checks that there is something to ask: guests have neither presence nor mailbox.
///
/// # Errors
///
/// The client is a guest's, or not logged in.
pub(super) fn may_ask(out: &Outbox) -> Result<(), Error> {
    if !is_agent(&out.config) {
        let text = "presence and voicemail need an access token";
        return Err(Error::new(ErrorKind::NotSupported, text));
    }
    online(out)
}

/// The same, for a presence to set.
///
/// # Errors
///
/// As for [`may_ask`], or the id cannot be one.
pub(super) fn may_set(presence: &PresenceId, out: &Outbox) -> Result<(), Error> {
    if presence.as_str().is_empty() || presence.as_str().len() > MAX_ID {
        return Err(Error::new(ErrorKind::InvalidOptions, "an id of a presence that is none"));
    }
    may_ask(out)
}

fn is_agent(config: &Config) -> bool {
    match config.auth {
        Auth::Token(_) => true,
        Auth::Jwt(_) | Auth::Guest { .. } => false,
    }
}

/// Asks for the organization's definitions.
pub(super) fn ask_definitions(command: CommandId, out: &mut Outbox) {
    ask(command, UserAsk::Definitions, requests::presence_definitions(), out);
}

/// Asks for the user's presence.
pub(super) fn ask_presence(command: CommandId, user: Option<&UserId>, out: &mut Outbox) {
    let Some(user) = known(command, user, out) else { return };
    ask(command, UserAsk::Presence, requests::presence(user), out);
}

/// Asks for the user's presence to be another one.
pub(super) fn set_presence(
    command: CommandId,
    presence: &PresenceId,
    user: Option<&UserId>,
    out: &mut Outbox,
) {
    let Some(user) = known(command, user, out) else { return };
    ask(command, UserAsk::SetPresence, requests::set_presence(user, presence), out);
}

/// Asks for the user's mailbox.
pub(super) fn ask_voicemail(command: CommandId, out: &mut Outbox) {
    ask(command, UserAsk::Voicemail, requests::mailbox(), out);
}

fn ask(command: CommandId, what: UserAsk, resource: Resource, out: &mut Outbox) {
    out.rest(Ask::User(what, command), resource, Retry::No);
}

/// The user, who is known before a connection is up.
fn known<'a>(command: CommandId, user: Option<&'a UserId>, out: &mut Outbox) -> Option<&'a UserId> {
    if user.is_none() {
        out.complete(command, Err(Error::new(ErrorKind::Session, "the user is not known")));
    }
    user
}

/// Takes the service's answer.
pub(super) fn answered(
    ask: UserAsk,
    command: CommandId,
    result: Result<Value, Failure>,
    out: &mut Outbox,
) {
    let result = match ask {
        UserAsk::Definitions => definitions(result, out).map(Outcome::PresenceDefinitions),
        UserAsk::Presence => parsed::<UserPresenceBody>("users/presences", result)
            .map(|body| Outcome::Presence(body.into())),
        // The answer repeats what was asked for.
        UserAsk::SetPresence => result.map(|_| Outcome::Done),
        UserAsk::Voicemail => parsed::<Mailbox>("voicemail/mailbox", result)
            .map(|Mailbox { total, unread }| Outcome::Voicemail(Voicemail { total, unread })),
    };
    out.complete(command, result.map_err(Error::from));
}

/// The definitions that can be set. One that cannot be read costs only itself.
fn definitions(
    result: Result<Value, Failure>,
    out: &mut Outbox,
) -> Result<Vec<PresenceDefinition>, Failure> {
    let Definitions { entities } = parsed("presence/definitions", result)?;
    let mut definitions = Vec::new();
    let mut fault = None;
    for entity in entities {
        match serde_json::from_value::<DefinitionBody>(entity) {
            Ok(body) if body.deactivated || definitions.len() == PresenceDefinition::MAX => {}
            Ok(body) => definitions.push(PresenceDefinition::from(body)),
            Err(error) => fault = Some(json_fault(&error)),
        }
    }
    if let Some(fault) = fault {
        out.malformed(format!("presence definition: {fault}"));
    }
    Ok(definitions)
}

fn parsed<T: serde::de::DeserializeOwned>(
    request: &str,
    result: Result<Value, Failure>,
) -> Result<T, Failure> {
    result.and_then(|body| Failure::or_parsed(request, body))
}

/// Takes a notification of the user's presence.
pub(super) fn notified(body: &Value, out: &mut Outbox) {
    match serde_json::from_value::<UserPresenceBody>(body.clone()) {
        // It is one in another system, as Teams.
        Ok(UserPresenceBody { source: Some(source), .. })
            if !source.eq_ignore_ascii_case("purecloud") => {}
        Ok(body) => out.event(Event::UserPresence(UserPresence::from(body))),
        Err(error) => out.malformed(format!("user presence: {}", json_fault(&error))),
    }
}
