//! News that a client must have taken in as soon as it has taken a message.
//!
//! Looked at after each message that reached a client: what the message says holds at once, not
//! when something else says it, too.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::wire::{Dialect, Frame, IqKind, Method, Payload, SessionMessage};
use offhook::genesys::{Command, ConversationId, Event, SessionId};
use offhook::jingle::Action;
use serde_json::Value;

use super::books::Books;

/// The longest time that an invitation may ring without a word from the service, or from the agent
/// (DEF-5).
const LIFETIME: Duration = Duration::from_secs(181);
/// The longest time that a call may be talked on when its session has ended.
const GRACE: Duration = Duration::from_secs(15);

/// Words of which a message has one when it is looked at.
const WORDS: [&str; 6] =
    ["<propose", "<retract", "<accept", "session-initiate", "terminate", "reinvite"];

/// The words said to one client about what rings.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Calls that ring, by the id of their proposal, and when there was a word about each last.
    proposed: BTreeMap<SessionId, (ConversationId, Duration)>,
    /// Calls talked on whose session has ended, and since when.
    forsaken: BTreeMap<ConversationId, Duration>,
}

/// The content of a message.
enum Said {
    /// A call is proposed, perhaps again.
    Proposed(SessionId, ConversationId),
    /// Media is offered, after a proposal.
    Offered(SessionId),
    /// A call has ended in the service.
    Over(ConversationId),
    /// A connection is to be made anew.
    Reinvited(SessionId, ConversationId),
    /// The proposal is somebody else's or nobody's now.
    Gone(SessionId),
    Terminated(SessionId),
}

impl News {
    /// Notes that the application answers what rings.
    pub(super) fn asked(&mut self, at: Duration, command: &Command) {
        if let Command::AcceptPendingSession { conversation } = command {
            self.heard_of(at, conversation);
        }
    }

    fn heard_of(&mut self, at: Duration, conversation: &ConversationId) {
        for (_, last) in self.proposed.values_mut().filter(|(call, _)| call == conversation) {
            *last = at;
        }
    }

    /// A call that rings is proposed again: by a new id, which takes the place of the one before (LC-6).
    fn renamed(&mut self, session: SessionId, call: &ConversationId) {
        let old = self.proposed.iter().find(|(_, (of, _))| of == call);
        if let Some(known) =
            old.map(|(old, _)| old.clone()).and_then(|old| self.proposed.remove(&old))
        {
            self.proposed.insert(session, known);
        }
    }

    pub(super) fn told(&mut self, at: Duration, event: &Event) {
        match event {
            Event::PendingSession(pending) => {
                let call = pending.conversation.clone();
                self.proposed.insert(pending.session.clone(), (call, at));
            }
            Event::CancelPendingSession { session, .. }
            | Event::HandledPendingSession { session, .. } => {
                self.proposed.remove(session);
            }
            _ => {}
        }
    }

    /// Notes that the phone has slept until now.
    pub(super) fn woke(&mut self, at: Duration) {
        self.proposed.values_mut().for_each(|(_, last)| *last = at);
        self.forsaken.values_mut().for_each(|since| *since = at);
    }

    /// Checks what the application was told once a client has taken a message.
    pub(super) fn received(
        &mut self,
        at: Duration,
        text: &str,
        books: &Books,
    ) -> Result<(), String> {
        for said in read(text) {
            match said {
                Said::Proposed(session, call) => {
                    self.heard_of(at, &call);
                    self.renamed(session, &call);
                }
                Said::Offered(session) => {
                    if let Some((call, _)) = self.proposed.get(&session)
                        && !books.started.contains_key(&session)
                        && books.commands.values().any(|asked| asked.is_for(call))
                    {
                        return Err(format!("{call} is offered media, and is waited for in vain"));
                    }
                }
                Said::Over(call) => {
                    if books.ringing.contains(&call) || books.talking.contains_key(&call) {
                        return Err(format!("{call} goes on after its end"));
                    }
                }
                Said::Reinvited(session, call) => {
                    if books.talking.contains_key(&call) && !books.started.contains_key(&session) {
                        return Err(format!("{call} is re-invited to {session} in vain"));
                    }
                }
                Said::Gone(session) => {
                    if let Some((call, _)) = self.proposed.get(&session)
                        && books.ringing.contains(call)
                    {
                        return Err(format!("{call} rings on after its proposal is gone"));
                    }
                }
                Said::Terminated(session) => {
                    if books.started.contains_key(&session) {
                        return Err(format!("{session} is there after it was terminated"));
                    }
                }
            }
        }
        self.proposed.retain(|_, (call, _)| books.ringing.contains(call));
        if let Some((call, _)) = self.proposed.values().find(|(_, last)| *last + LIFETIME < at) {
            return Err(format!("{call} rings, though nothing was heard of it for too long"));
        }
        self.forsaken.retain(|call, _| books.talking.contains_key(call));
        for (call, session) in &books.talking {
            if books.started.contains_key(session) {
                self.forsaken.remove(call);
            } else if *self.forsaken.entry(call.clone()).or_insert(at) + GRACE < at {
                return Err(format!("{call} is talked on without a session"));
            }
        }
        Ok(())
    }
}

/// The words of a message on proposals and sessions.
fn read(text: &str) -> Vec<Said> {
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let payloads = match Frame::read(text) {
        // What it said itself comes back to it, and is no news.
        Ok((Frame::Message(own), _)) if own.from.is_some() && own.from == own.to => Vec::new(),
        Ok((Frame::Message(message), _)) if message.kind.as_deref() != Some("error") => {
            message.payloads
        }
        Ok((Frame::Iq(iq), _)) => match iq.kind {
            IqKind::Set(payload) => vec![payload],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    payloads.iter().filter_map(of_payload).collect()
}

fn of_payload(payload: &Payload) -> Option<Said> {
    match payload {
        Payload::Extension(Dialect::SessionMessage(SessionMessage::Propose(propose))) => {
            let call = propose.conversation_id.as_deref()?.into();
            Some(Said::Proposed(SessionId::from(&*propose.id), call))
        }
        Payload::Extension(Dialect::SessionMessage(
            SessionMessage::Retract { id } | SessionMessage::Accept { id },
        )) => Some(Said::Gone(SessionId::from(&**id))),
        Payload::Extension(Dialect::Jingle(jingle))
            if jingle.action == Action::SessionTerminate =>
        {
            Some(Said::Terminated(SessionId::from(&*jingle.sid)))
        }
        Payload::Extension(Dialect::Jingle(jingle)) if jingle.action == Action::SessionInitiate => {
            Some(Said::Offered(SessionId::from(&*jingle.sid)))
        }
        Payload::PubSubEvent(event) => of_notification(&event.items.last()?.json),
        Payload::Extension(Dialect::Rpc(rpc)) => match &rpc.method {
            Method::Offer { session_id, conversation_id: Some(call), reinvite: true, .. } => {
                Some(Said::Reinvited((&**session_id).into(), (&**call).into()))
            }
            Method::Offer { session_id, reinvite: false, .. } => {
                Some(Said::Offered((&**session_id).into()))
            }
            Method::Terminate { session_id, .. } => {
                Some(Said::Terminated(SessionId::from(&**session_id)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The word of a notification, if it is one of a call that is over for the agent.
fn of_notification(json: &str) -> Option<Said> {
    let body = &serde_json::from_str::<Value>(json).ok()?["eventBody"];
    let mut agents = body["participants"].as_array()?.iter().filter(|p| p["userId"].is_string());
    let over = agents.all(|agent| agent["calls"][0]["state"] == "terminated");
    over.then(|| body["id"].as_str().map(|id| Said::Over(id.into())))?
}

#[cfg(test)]
mod tests {
    use offhook::machine::MediaId;

    use super::*;

    const RETRACT: &str = r#"<message xmlns="jabber:client" from="a@b"><retract xmlns="urn:xmpp:jingle-message:0" id="S1"/></message>"#;
    const OWN: &str = r#"<message xmlns="jabber:client" from="a@b/c" to="a@b/c"><accept xmlns="urn:xmpp:jingle-message:0" id="S1"/></message>"#;
    const TERMINATE: &str = r#"<iq xmlns="jabber:client" type="set" id="1" from="a@b"><jingle xmlns="urn:xmpp:jingle:1" action="session-terminate" sid="S1"><reason><success/></reason></jingle></iq>"#;

    #[test]
    fn what_rings_after_its_retract_is_found() {
        let mut books = Books::default();
        let mut news = News::default();
        let call = ConversationId::from("C1");
        let s = Duration::from_secs;
        news.proposed.insert(SessionId::from("S1"), (call.clone(), s(1)));
        books.ringing.insert(call.clone());
        assert_eq!(news.received(s(2), "<message/>", &books), Ok(()));
        assert_eq!(news.received(s(2), OWN, &books), Ok(()), "its own word is no news");
        assert!(news.received(s(2), RETRACT, &books).is_err());
        books.ringing.remove(&call);
        assert_eq!(news.received(s(2), RETRACT, &books), Ok(()));
    }

    #[test]
    fn what_rings_for_too_long_without_a_word_is_found() {
        let (mut news, mut books) = (News::default(), Books::default());
        let call = ConversationId::from("C1");
        books.ringing.insert(call.clone());
        news.proposed.insert(SessionId::from("S1"), (call.clone(), Duration::ZERO));
        assert_eq!(news.received(LIFETIME, "<message/>", &books), Ok(()));
        news.asked(LIFETIME, &Command::AcceptPendingSession { conversation: call });
        let late = LIFETIME + Duration::from_secs(1);
        assert_eq!(news.received(late, "<message/>", &books), Ok(()), "it was answered");
        assert!(news.received(LIFETIME + late, "<message/>", &books).is_err());
    }

    #[test]
    fn a_session_after_its_end_and_a_call_without_one_are_found() {
        let (mut news, mut books) = (News::default(), Books::default());
        let session = SessionId::from("S1");
        books.started.insert(session.clone(), MediaId(1));
        assert!(news.received(Duration::ZERO, TERMINATE, &books).is_err());
        books.started.remove(&session);
        assert_eq!(news.received(Duration::ZERO, TERMINATE, &books), Ok(()));
        books.talking.insert(ConversationId::from("C1"), session);
        assert_eq!(news.received(GRACE, "<message/>", &books), Ok(()));
        assert!(news.received(GRACE * 3, "<message/>", &books).is_err());
    }
}
