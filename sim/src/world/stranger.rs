//! Somebody who has an address, and speaks of what is none of his business: of calls that others
//! have, under his own name, as no server lets him forge another. It changes nothing.

use offhook::Machine as _;
use offhook::genesys::wire::{
    Dialect, Frame, Iq, IqKind, Message, Method, Payload, Propose, Rpc, SessionMessage,
};
use offhook::genesys::{Client, ErrorKind, Event, SessionId};
use offhook::jingle::{Action, Reason};
use offhook::machine::{Input as ClientInput, Output, OutputOf, WsEvent, WsId};
use offhook::xmpp::{Jid, StanzaError};

use super::application::drain;
use super::phone_id::PhoneId;
use super::{DOMAIN, Happening, Observer, Seen, World};

/// Who meddles: far sides of other calls, here and elsewhere, a user, a room, and somebody with the
/// user's own name elsewhere.
const NAMES: [&str; 5] = [
    "stranger@gjoll.lab.test/i-666",
    "stranger@gjoll.elsewhere.example/i-1",
    "stranger@lab.test/phone",
    "stranger@conference.lab.test/x",
    "user-0@elsewhere.example/x",
];
/// What a stranger calls a session and a request of his own.
const OWN: &str = "a-strangers-own";

impl<O: Observer> World<O> {
    /// Whether a stranger's word comes before the true one: an offer, as long as there is none.
    pub(super) fn comes_first(&self, phone: PhoneId, forged: &str) -> bool {
        let Ok(Frame::Iq(Iq { kind: IqKind::Set(payload), .. })) = Frame::parse(forged) else {
            return false;
        };
        let session = match &payload {
            Payload::Extension(Dialect::Jingle(jingle))
                if jingle.action == Action::SessionInitiate =>
            {
                &jingle.sid
            }
            Payload::Extension(Dialect::Rpc(rpc)) => match &rpc.method {
                Method::Offer { session_id, reinvite: false, .. } => session_id,
                _ => return false,
            },
            _ => return false,
        };
        !self.phones[phone.0].sessions.contains(&SessionId::from(session.as_str()))
    }

    /// What a stranger has to say about what a phone is about to be told, if anything.
    pub(super) fn forge(
        &mut self,
        phone: PhoneId,
        ws: Option<WsId>,
        input: &ClientInput,
    ) -> Option<String> {
        let strangers = self.phones[phone.0].site.notices.strangers;
        let (Some(_), ClientInput::WebSocket { event: WsEvent::Text(text), .. }) = (ws, input)
        else {
            return None;
        };
        if strangers == 0.0 || !self.dice.chance(strangers) {
            return None;
        }
        let by: Jid = self.dice.pick(&NAMES)?.parse().ok()?;
        match Frame::parse(text).ok()? {
            Frame::Message(message) => self.forge_message(phone, message, by),
            Frame::Iq(iq) => self.forge_iq(phone, iq, by),
            _ => None,
        }
    }

    fn forge_message(&mut self, phone: PhoneId, mut message: Message, by: Jid) -> Option<String> {
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
                let rings = self.is_proposed(phone, &id);
                let forged = match (self.dice.below(6), &*said) {
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
                if self.dice.chance(0.3) {
                    return Some(carbon(message, far_side));
                }
            }
            // The call is over, and whatever else the service would say.
            Payload::PubSubEvent(_) => {
                if self.dice.chance(0.3) {
                    // Nor is it news when it comes back, whoever says so (RFC 6120 section 8.3.1).
                    message.from = far_side;
                    message.kind = Some("error".to_owned());
                }
                let text = Frame::Message(message).to_xml();
                return Some(
                    text.replace("alerting", "terminated").replace("connected", "terminated"),
                );
            }
            _ => return None,
        }
        Some(Frame::Message(message).to_xml())
    }

    fn forge_iq(&mut self, phone: PhoneId, mut iq: Iq, by: Jid) -> Option<String> {
        let knows =
            |session: &str| self.phones[phone.0].sessions.contains(&SessionId::from(session));
        match &mut iq.kind {
            IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => {
                if self.dice.chance(0.5) {
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
                    Method::Offer { session_id, reinvite, .. } if knows(session_id) => {
                        match self.dice.below(4) {
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
                    _ if self.dice.chance(0.5) => **rpc = terminate(session_id),
                    Method::Offer { .. } => return None,
                    _ => {}
                }
            }
            _ => return None,
        }
        iq.from = Some(by);
        Some(Frame::Iq(iq).to_xml())
    }

    /// Answers in another's stead what a phone has just asked.
    pub(super) fn meddle(&mut self, phone: PhoneId, ws: WsId, text: &str) {
        let strangers = self.phones[phone.0].site.notices.strangers;
        if strangers == 0.0 || !text.starts_with("<iq") || !self.dice.chance(strangers) {
            return;
        }
        let Ok(Frame::Iq(iq)) = Frame::parse(text) else { return };
        if !matches!(iq.kind, IqKind::Get(_) | IqKind::Set(_)) {
            return;
        }
        let unknown = StanzaError::item_not_found_unknown_session();
        let mut answer = match self.dice.chance(0.5) {
            true => Iq::result_to(&iq),
            false => Iq::error_to(&iq, unknown),
        };
        answer.from = self.dice.pick(&NAMES).and_then(|name| name.parse().ok());
        let text = Frame::Iq(answer).to_xml();
        self.queue.push(self.now, Happening::Stranger { phone, ws, text });
    }

    /// Whether the service still proposes that session to the phone's user.
    fn is_proposed(&self, phone: PhoneId, session: &str) -> bool {
        let sessions = self.cloud.sessions(&self.phones[phone.0].user);
        sessions.iter().any(|s| s["id"] == session && s["state"] == "proposed")
    }

    /// A stranger is heard: nothing may come of it.
    pub(super) fn forged(&mut self, phone: PhoneId, ws: WsId, text: String) {
        let open = self.phones[phone.0].sockets.get(&ws).is_some_and(|s| s.opened && !s.dead);
        let machine = &self.phones[phone.0];
        if !open || machine.asleep.is_some() || !machine.client.is_connected() {
            return;
        }
        // What is due anyway is not the stranger's doing.
        self.feed_phone(phone, ClientInput::Timeout);
        self.counts.add("words of strangers");
        let input = ClientInput::WebSocket { id: ws, event: WsEvent::Text(text.clone()) };
        self.note_input(phone, &input);
        let at = self.start + self.now;
        let machine = &mut self.phones[phone.0];
        machine.client.handle_input(at, input);
        drain(&mut machine.client, &mut machine.outputs);
        if let Some(moved) = machine.outputs.iter().find(|output| !is_harmless(output)) {
            let what = format!("a stranger moves phone {} to {moved:?}: {text}", phone.0);
            self.observer.see(self.now, Seen::Wrong { what: &what });
        }
        self.serve_phone(phone);
    }
}

/// Whether it is a reply, or a word that something was odd.
fn is_harmless(output: &OutputOf<Client>) -> bool {
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
