//! What a client must have made of a message as soon as it has taken it.
//!
//! Looked at after each message that reached a client: what the message says holds at once, not
//! when something else says it, too.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{ConversationId, Event, SessionId};
use offhook::jingle::{Action, Method, SessionMessage};
use offhook::xmpp::{Frame, IqKind, Payload};

use super::checks::Books;

/// How long a call may be talked on when its session has ended.
const GRACE: Duration = Duration::from_secs(15);

/// Words of which a message has one when it is looked at.
const WORDS: [&str; 4] = ["<retract", "<accept", "session-terminate", "\"terminate\""];

/// What was said to one client of what rings.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Calls that ring, by the id of their proposal.
    proposed: BTreeMap<SessionId, ConversationId>,
    /// Calls talked on whose session has ended, and since when.
    forsaken: BTreeMap<ConversationId, Duration>,
}

/// What a message says.
enum Said {
    /// The proposal is somebody else's or nobody's now.
    Gone(SessionId),
    Terminated(SessionId),
}

impl News {
    pub(super) fn told(&mut self, event: &Event) {
        match event {
            Event::PendingSession(pending) => {
                let call = pending.conversation.clone();
                self.proposed.insert(pending.session.clone(), call);
            }
            Event::CancelPendingSession { session, .. }
            | Event::HandledPendingSession { session, .. } => {
                self.proposed.remove(session);
            }
            _ => {}
        }
    }

    /// A client has taken a message, and its application was told what follows from it.
    pub(super) fn received(
        &mut self,
        at: Duration,
        text: &str,
        books: &Books,
    ) -> Result<(), String> {
        for said in read(text) {
            match said {
                Said::Gone(session) => {
                    if let Some(call) = self.proposed.get(&session)
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

/// What a message says of proposals and sessions.
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
        Payload::JingleMessage(SessionMessage::Retract { id } | SessionMessage::Accept { id }) => {
            Some(Said::Gone(SessionId::from(&**id)))
        }
        Payload::Jingle(jingle) if jingle.action == Action::SessionTerminate => {
            Some(Said::Terminated(SessionId::from(&*jingle.sid)))
        }
        Payload::Rpc(rpc) => match &rpc.method {
            Method::Terminate { session_id, .. } => {
                Some(Said::Terminated(SessionId::from(&**session_id)))
            }
            _ => None,
        },
        _ => None,
    }
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
        news.proposed.insert(SessionId::from("S1"), call.clone());
        books.ringing.insert(call.clone());
        assert_eq!(news.received(s(2), "<message/>", &books), Ok(()));
        assert_eq!(news.received(s(2), OWN, &books), Ok(()), "its own word is no news");
        assert!(news.received(s(2), RETRACT, &books).is_err());
        books.ringing.remove(&call);
        assert_eq!(news.received(s(2), RETRACT, &books), Ok(()));
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
