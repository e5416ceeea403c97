//! A stranger's words: about calls that others have, under his own name, as no server lets him
//! forge another.

use offhook::genesys::wire::{
    Dialect, Frame, Iq, IqKind, Message, Method, Payload, Propose, Rpc, SessionMessage,
};
use offhook::genesys::{Client, ErrorKind, Event};
use offhook::jingle::{Action, Reason};
use offhook::machine::{Output, OutputOf};
use offhook::xmpp::{Jid, StanzaError};

use super::notes::{DOMAIN, Notes};
use crate::cloud::Cloud;
use crate::dice::Dice;

/// The names of meddlers: far sides of other calls, here and elsewhere, a user, a room, and
/// somebody with the user's own name elsewhere.
const NAMES: [&str; 5] = [
    "stranger@gjoll.lab.test/i-666",
    "stranger@gjoll.elsewhere.example/i-1",
    "stranger@lab.test/phone",
    "stranger@conference.lab.test/x",
    "user-0@elsewhere.example/x",
];
/// The id by which a stranger calls a session and a request of his own.
const OWN: &str = "a-strangers-own";

/// True if a stranger's word comes before the true one: an offer, as long as there is none.
pub(super) fn comes_first(notes: &Notes, forged: &str) -> bool {
    let Ok(Frame::Iq(Iq { kind: IqKind::Set(payload), .. })) = Frame::parse(forged) else {
        return false;
    };
    let session = match &payload {
        Payload::Extension(Dialect::Jingle(jingle)) if jingle.action == Action::SessionInitiate => {
            &jingle.sid
        }
        Payload::Extension(Dialect::Rpc(rpc)) => match &rpc.method {
            Method::Offer { session_id, reinvite: false, .. } => session_id,
            _ => return false,
        },
        _ => return false,
    };
    !notes.knows(session)
}

/// A stranger's word on what a client is about to be told, if he has one.
pub(super) fn forge(
    dice: &mut Dice,
    notes: &Notes,
    service: &Cloud,
    user: &str,
    text: &str,
) -> Option<String> {
    let by: Jid = dice.pick(&NAMES)?.parse().ok()?;
    match Frame::parse(text).ok()? {
        Frame::Message(message) => forge_message(dice, service, user, message, by),
        Frame::Iq(iq) => forge_iq(dice, notes, iq, by),
        _ => None,
    }
}

fn forge_message(
    dice: &mut Dice,
    service: &Cloud,
    user: &str,
    mut message: Message,
    by: Jid,
) -> Option<String> {
    let far_side = message.from.replace(by);
    match message.payloads.first_mut()? {
        Payload::Extension(Dialect::SessionMessage(said)) => {
            let id = match said {
                SessionMessage::Propose(propose) => propose.id.clone(),
                SessionMessage::Proceed { id }
                | SessionMessage::Accept { id }
                | SessionMessage::Reject { id }
                | SessionMessage::Retract { id } => id.clone(),
            };
            let rings = is_proposed(service, user, &id);
            let forged = match (dice.below(6), &*said) {
                (0, _) => SessionMessage::Accept { id },
                (1, _) => SessionMessage::Reject { id },
                (2, _) => SessionMessage::Proceed { id },
                // The same, or another session in its place, as long as there is one.
                (3, SessionMessage::Propose(propose)) if rings => {
                    SessionMessage::Propose(Propose { auto_answer: true, ..propose.clone() })
                }
                (4, SessionMessage::Propose(propose)) if rings => {
                    let id = OWN.to_owned();
                    SessionMessage::Propose(Propose { id, ..propose.clone() })
                }
                _ => SessionMessage::Retract { id },
            };
            *said = forged;
            if dice.chance(0.3) {
                return Some(carbon(message, far_side));
            }
        }
        // The call is over, and whatever else the service would say.
        Payload::PubSubEvent(_) => {
            if dice.chance(0.3) {
                // Nor is it news when it comes back, whoever says so (RFC 6120 section 8.3.1).
                message.from = far_side;
                message.kind = Some("error".to_owned());
            }
            let text = Frame::Message(message).to_xml();
            return Some(text.replace("alerting", "terminated").replace("connected", "terminated"));
        }
        _ => return None,
    }
    Some(Frame::Message(message).to_xml())
}

fn forge_iq(dice: &mut Dice, notes: &Notes, mut iq: Iq, by: Jid) -> Option<String> {
    match &mut iq.kind {
        IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => {
            if dice.chance(0.5) {
                jingle.action = Action::SessionTerminate;
                jingle.reason = Some(Reason::Success);
                jingle.contents.clear();
            }
        }
        IqKind::Set(Payload::Extension(Dialect::Rpc(rpc))) => {
            let session_id = match &rpc.method {
                Method::Offer { session_id, .. }
                | Method::IceCandidate { session_id, .. }
                | Method::Terminate { session_id, .. } => session_id.clone(),
                _ => return None,
            };
            match &mut rpc.method {
                // In its name, or in its place.
                Method::Offer { session_id, reinvite, .. } if notes.knows(session_id) => {
                    match dice.below(4) {
                        0 => *reinvite = true,
                        1 => {
                            (*session_id, *reinvite) = (OWN.to_owned(), true);
                            rpc.id = OWN.to_owned();
                        }
                        2 => {}
                        _ => **rpc = terminate(session_id.clone()),
                    }
                }
                // Before the true one comes.
                Method::Offer { reinvite: false, .. } => {}
                _ if dice.chance(0.5) => **rpc = terminate(session_id),
                Method::Offer { .. } => return None,
                _ => {}
            }
        }
        _ => return None,
    }
    iq.from = Some(by);
    Some(Frame::Iq(iq).to_xml())
}

/// Answers in another's stead what a client has asked.
pub(super) fn meddle(dice: &mut Dice, question: &str) -> Option<String> {
    let Ok(Frame::Iq(iq)) = Frame::parse(question) else { return None };
    if !matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_)) {
        return None;
    }
    let unknown = StanzaError::item_not_found_unknown_session();
    let mut answer = match dice.chance(0.5) {
        true => Iq::result_to(&iq),
        false => Iq::error_to(&iq, unknown),
    };
    answer.from = dice.pick(&NAMES).and_then(|name| name.parse().ok());
    Some(Frame::Iq(answer).to_xml())
}

/// True while the service still proposes that session to the user.
fn is_proposed(service: &Cloud, user: &str, session: &str) -> bool {
    let sessions = service.sessions(user);
    sessions.iter().any(|s| s["id"] == session && s["state"] == "proposed")
}

/// True if it is a reply, or a word that something was odd.
pub(super) fn is_harmless(output: &OutputOf<Client>) -> bool {
    match output {
        Output::SendText { text, .. } => {
            let Ok(Frame::Iq(iq)) = Frame::parse(text) else { return false };
            matches!(iq.kind, IqKind::Result(_) | IqKind::Error(_))
        }
        Output::Event(Event::Malformed { .. } | Event::Trace(_)) => true,
        // A session of a type that nobody knows was proposed (LC-5).
        Output::Event(Event::Error(error)) => error.kind == ErrorKind::Session,
        _ => false,
    }
}

/// A stranger's message, as if the server had forwarded the far side's (XEP-0280).
fn carbon(mut message: Message, far_side: Option<Jid>) -> String {
    let by = message.from.take().map(|by| by.to_string()).unwrap_or_default();
    message.from = far_side;
    let inner = Frame::Message(message).to_xml();
    format!(
        r#"<message xmlns="jabber:client" from="{by}" to="somebody@{DOMAIN}"><received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">{inner}</forwarded></received></message>"#
    )
}

fn terminate(session_id: String) -> Rpc {
    Rpc { id: OWN.to_owned(), method: Method::Terminate { session_id, reason: Reason::Success } }
}
