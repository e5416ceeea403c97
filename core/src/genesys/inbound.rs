//! The stanzas of the service once the connection is up: their routing, and the replies to them
//! (wire notes 6.2 to 6.14, 10.1).

use super::client::Client;
use super::error::{Error, ErrorKind, Subject};
use super::event::Event;
use super::ids::{ConversationId, SessionId, UserId};
use super::session_type::SessionType;
use super::signal::Signal;
use super::wire::notice::{self, Notice, PersistentNotice};
use super::wire::topics::{OfRoom, Own};
use crate::genesys::wire::{
    Dialect, Frame, Iq, IqAnswer, IqKind, Message, Method, Payload, Presence, Rpc, SessionMessage,
};
use crate::jingle::{Action, Candidate, Jingle, Reason, Transport};
use crate::xmpp::{DiscoInfo, Jid, PubSubItem, Skipped, StanzaError, Version, name_of};

impl Client {
    pub(super) fn handle_stanza(&mut self, frame: Frame) {
        match frame {
            Frame::Iq(iq) => self.handle_iq(iq),
            Frame::Message(message) => self.handle_message(&message, 0),
            Frame::Presence(presence) => self.handle_presence(&presence),
            Frame::Open(_)
            | Frame::Close(_)
            | Frame::Features(_)
            | Frame::Auth(_)
            | Frame::Success
            | Frame::Failure(_)
            | Frame::StreamError(_)
            | Frame::Other { .. } => {}
        }
    }

    fn handle_message(&mut self, message: &Message, depth: usize) {
        let bounced = message.kind.as_deref() == Some("error");
        for payload in &message.payloads {
            match payload {
                // An answer to what was sent, never news (RFC 6120 section 8.3.1).
                Payload::Extension(Dialect::SessionMessage(session)) if bounced => {
                    self.rooms.message_bounced(session, message.from.as_ref(), &mut self.out);
                    self.calls.message_bounced(
                        session,
                        message.from.as_ref(),
                        &mut self.sessions,
                        &mut self.out,
                    );
                }
                _ if bounced && !matches!(payload, Payload::Carbon(_)) => {}
                Payload::Extension(Dialect::SessionMessage(session)) => {
                    self.handle_session_message(session, message.from.as_ref());
                }
                Payload::Extension(Dialect::MediaMessage(json)) if depth == 0 => {
                    let busy = self.sessions.has_calls();
                    self.headset.handle_message(message, json, busy, &mut self.out);
                }
                Payload::PubSubEvent(event) if self.out.is_service(message.from.as_ref()) => {
                    for item in &event.items {
                        self.handle_item(item);
                    }
                }
                // Only our own server may wrap a message for us (wire notes 5.8).
                Payload::Carbon(inner)
                    if depth == 0
                        && message.from.is_some()
                        && message.from == self.out.bare_jid() =>
                {
                    self.handle_message(inner, depth + 1);
                }
                Payload::Malformed { element, error } => {
                    self.out.malformed(format!("message {element}: {error}"));
                }
                // Anything else in a message is somebody else's business (wire notes 10.1).
                Payload::Bind { .. }
                | Payload::Session
                | Payload::Ping
                | Payload::PubSub(_)
                | Payload::PubSubEvent(_)
                | Payload::Services(_)
                | Payload::DiscoInfo(_)
                | Payload::Version(_)
                | Payload::Extension(_)
                | Payload::Carbon(_)
                | Payload::Unknown(_) => {}
            }
        }
    }

    /// A proposal is for calls or for rooms, by who makes it; what follows is for whoever has it.
    fn handle_session_message(&mut self, message: &SessionMessage, from: Option<&Jid>) {
        let room = from.is_some_and(|from| SessionType::of(from).is_room());
        let proposal = matches!(message, SessionMessage::Propose(_));
        if room || !proposal {
            let user = self.user();
            let (sessions, out) = (&self.sessions, &mut self.out);
            self.rooms.handle_session_message(message, from, user.as_ref(), sessions, out);
        }
        if !room || !proposal {
            let (sessions, out) = (&mut self.sessions, &mut self.out);
            self.calls.handle_session_message(message, from, sessions, out);
        }
    }

    fn handle_presence(&mut self, presence: &Presence) {
        if let (Some("error"), Some(from)) = (presence.kind.as_deref(), &presence.from) {
            let room = self.link.identity().and_then(|identity| identity.room.as_ref());
            if room.is_some_and(|invited| invited.room.bare() == from.bare()) {
                self.rooms.not_let_in(&mut self.out);
            }
        }
        if let (Some("unavailable"), Some(from)) = (presence.kind.as_deref(), &presence.from) {
            self.sessions.peer_gone(from);
            self.headset.client_gone(from, &mut self.out);
        }
    }

    fn handle_item(&mut self, item: &PubSubItem) {
        if self.link.handle_notice(&item.node, &self.out) {
            return;
        }
        if let Some(topic) = OfRoom::read(&item.node) {
            self.handle_room(topic, item);
        }
        if let Some(user) = self.user()
            && let Some(topic) = Own::read(&item.node, &user)
        {
            self.handle_own(topic, &user, item);
        }
        if self.link.is_wanted(&item.node)
            && let Some(data) = self.json(item)
        {
            self.out.event(Event::Notification { topic: item.node.clone(), data });
        }
    }

    fn handle_own(&mut self, topic: Own, user: &UserId, item: &PubSubItem) {
        let mut skipped = Skipped::default();
        match topic {
            Own::Conversations => {
                let notice = Notice::read(&item.json, &mut skipped);
                if let Some(notice) = self.usable(item, notice, skipped) {
                    self.calls.handle_notice(&notice, user, &mut self.sessions, &mut self.out);
                    if self.rooms.listens_to(&notice.id)
                        && let Some(json) = self.json(item)
                    {
                        let (body, out) = (&json["eventBody"], &mut self.out);
                        self.rooms.handle_notice(&notice.id, body, Some(user), out);
                    }
                }
            }
            Own::PersistentConnection => {
                let notice = PersistentNotice::read(&item.json, &mut skipped);
                if let Some(notice) = self.usable(item, notice, skipped) {
                    self.calls.handle_persistent(&notice, &mut self.sessions, &mut self.out);
                }
            }
            Own::AlertingLeader => {
                if let Some(json) = self.json(item) {
                    self.link.handle_leader(&json["eventBody"], &mut self.out);
                }
            }
            // The application's own subscription is told as it is.
            Own::Presence if !self.out.config.presence => {}
            Own::Presence => {
                if let Some(json) = self.json(item) {
                    super::user::notified(&json["eventBody"], &mut self.out);
                }
            }
            Own::Station => {
                if let Some(json) = self.json(item) {
                    self.link.handle_station(&json, &mut self.out);
                }
            }
        }
    }

    /// A notification about one conversation, which is a room's if anybody's.
    fn handle_room(&mut self, topic: OfRoom, item: &PubSubItem) {
        let (OfRoom::Guest(conversation) | OfRoom::Media(conversation)) = &topic;
        if !self.rooms.listens_to(conversation) {
            return;
        }
        let Some(json) = self.json(item) else { return };
        let (body, user) = (&json["eventBody"], self.user());
        match &topic {
            OfRoom::Guest(of) => {
                self.rooms.handle_notice(of, body, user.as_ref(), &mut self.out);
            }
            OfRoom::Media(of) => {
                self.rooms.handle_media(of, body, &self.sessions, &mut self.out);
            }
        }
    }

    fn json(&mut self, item: &PubSubItem) -> Option<serde_json::Value> {
        self.usable(item, notice::json(&item.json), Skipped::default())
    }

    /// Returns what was read of a notification; warns where it cannot be used, and of what was left
    /// out of it.
    fn usable<T>(
        &mut self,
        item: &PubSubItem,
        read: Result<T, String>,
        skipped: Skipped,
    ) -> Option<T> {
        let node = name_of(&item.node);
        match read {
            Ok(read) => {
                if !skipped.is_empty() {
                    self.out.malformed(format!("notification {node}: {skipped}"));
                }
                Some(read)
            }
            Err(error) => {
                self.out.malformed(format!("notification {node}: {error}"));
                None
            }
        }
    }

    fn handle_iq(&mut self, iq: Iq) {
        let reply = match &iq.kind {
            IqKind::Result(_) | IqKind::Error(_) => {
                if let Some((ask, answer)) = self.out.take_iq(iq) {
                    self.handle_answer(&ask, answer);
                }
                return;
            }
            IqKind::Get(Payload::Ping) => Some(Iq::result_to(&iq)),
            IqKind::Get(Payload::DiscoInfo(_)) => {
                Some(Iq::result_with(&iq, Payload::DiscoInfo(DiscoInfo::client())))
            }
            IqKind::Get(Payload::Version(_)) => {
                Some(Iq::result_with(&iq, Payload::Version(Version::own())))
            }
            IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) => {
                return self.handle_jingle(&iq, jingle);
            }
            // Never acknowledged by the reference client (wire notes 6.14), nor awaited.
            IqKind::Set(Payload::Extension(Dialect::Rpc(rpc))) => return self.handle_rpc(&iq, rpc),
            IqKind::Get(Payload::Malformed { element, error })
            | IqKind::Set(Payload::Malformed { element, error }) => {
                self.out.malformed(format!("iq {element}: {error}"));
                Some(Iq::error_to(&iq, StanzaError::bad_request()))
            }
            IqKind::Get(_) | IqKind::Set(_) => {
                Some(Iq::error_to(&iq, StanzaError::service_unavailable()))
            }
        };
        if let Some(reply) = reply {
            self.out.send(&Frame::Iq(reply));
        }
    }

    pub(super) fn reply(&mut self, iq: &Iq, result: Result<(), StanzaError>) {
        let reply = match result {
            Ok(()) => Iq::result_to(iq),
            Err(error) => Iq::error_to(iq, error),
        };
        self.out.send(&Frame::Iq(reply));
    }

    // Jingle

    fn handle_jingle(&mut self, iq: &Iq, jingle: &Jingle) {
        let session = SessionId::from(jingle.sid.as_str());
        let peer = self.sessions.signal(&session).map(Signal::peer);
        let unknown = peer.is_none();
        let ours = peer.is_some() && iq.from.as_ref() == peer;
        let result = match &jingle.action {
            Action::SessionInitiate => return self.handle_initiate(iq, jingle, session),
            // Unknown sessions have been terminated all the same (wire notes 6.8).
            Action::SessionTerminate => {
                if ours {
                    let reason = jingle.reason.clone().unwrap_or(Reason::Success);
                    self.sessions.ended_by_peer(&session, reason);
                }
                if ours || unknown {
                    Ok(())
                } else {
                    Err(StanzaError::item_not_found_unknown_session())
                }
            }
            _ if !ours => Err(StanzaError::item_not_found_unknown_session()),
            Action::TransportInfo => self.handle_transport_info(&session, jingle),
            Action::SessionInfo => Ok(()),
            Action::SessionAccept => Err(StanzaError::out_of_order()),
            Action::DescriptionInfo | Action::SecurityInfo => Err(StanzaError::unsupported_info()),
            Action::ContentAdd => return self.decline(iq, Jingle::content_reject(&*jingle.sid)),
            Action::TransportReplace => {
                return self.decline(iq, Jingle::transport_reject(&*jingle.sid));
            }
            Action::ContentAccept
            | Action::ContentModify
            | Action::ContentReject
            | Action::ContentRemove
            | Action::TransportAccept
            | Action::TransportReject
            | Action::Other(_) => Err(StanzaError::jingle_bad_request()),
        };
        self.reply(iq, result);
    }

    /// Takes note of a proposal within a session, and turns it down (wire notes 6.9).
    fn decline(&mut self, iq: &Iq, refusal: Jingle) {
        self.reply(iq, Ok(()));
        let session = SessionId::from(refusal.sid.as_str());
        self.out.ask(
            super::ask::IqAsk::Update(session),
            iq.from.clone(),
            IqKind::Set(Payload::Extension(Dialect::Jingle(Box::new(refusal)))),
        );
    }

    fn handle_transport_info(
        &mut self,
        session: &SessionId,
        jingle: &Jingle,
    ) -> Result<(), StanzaError> {
        if jingle.contents.is_empty() {
            return Err(StanzaError::jingle_bad_request());
        }
        let transports = jingle.contents.iter().filter_map(|content| content.transport.as_ref());
        // All that is bundled has one transport, which the first of its contents describes (RFC 9143):
        // to follow each would make as many associations as there are contents.
        let says = |transport: &&Transport| {
            transport.ufrag.is_some() || !transport.fingerprints.is_empty()
        };
        if let Some(transport) = transports.clone().find(says) {
            let changed = self.sessions.transport_changed(session, transport, &mut self.out);
            if let Err(error) = changed {
                self.tell_error(error, session);
                self.sessions.terminate(session, Reason::FailedTransport, &mut self.out);
                return Err(StanzaError::undefined_condition());
            }
        }
        for candidate in transports.flat_map(|transport| &transport.candidates) {
            self.sessions.remote_candidate(session, candidate, &mut self.out);
        }
        Ok(())
    }

    // SDP in JSON-RPC

    fn handle_rpc(&mut self, iq: &Iq, rpc: &Rpc) {
        let from = iq.from.as_ref();
        match &rpc.method {
            Method::Offer { session_id, conversation_id, sdp, reinvite } => {
                let session = SessionId::from(session_id.as_str());
                let conversation = conversation_id.as_deref().map(ConversationId::from);
                self.handle_offer(iq, &rpc.id, session, conversation, sdp, *reinvite);
            }
            Method::IceCandidate { session_id, sdp } => {
                let session = SessionId::from(session_id.as_str());
                let known = self.sessions.signal(&session).map(Signal::peer);
                if from.is_none() || known.is_some_and(|peer| Some(peer) != from) {
                    return;
                }
                let known = known.is_some();
                // Their end changes nothing for the engine, nor does a browser's empty one.
                let fragment = Candidate::read_all(sdp);
                if let Some((count, error)) = fragment.skipped {
                    let count =
                        if count > 1 { format!(" ({count} of them)") } else { String::new() };
                    self.out.malformed(format!("iceCandidate {session}: {error}{count}"));
                }
                for (_, candidate) in &fragment.candidates {
                    if known {
                        self.sessions.remote_candidate(&session, candidate, &mut self.out);
                    } else if let Some(from) = from {
                        self.sessions.early_candidate(&session, from, candidate, &mut self.out);
                    }
                }
            }
            Method::Terminate { session_id, reason } => {
                let session = SessionId::from(session_id.as_str());
                let signal = self.sessions.signal(&session);
                if signal.is_some_and(|signal| Some(signal.peer()) == from) {
                    self.sessions.ended_by_peer(&session, reason.clone());
                }
            }
            // The service does not send these (wire notes 6.14).
            Method::Answer { .. }
            | Method::Info { .. }
            | Method::Mute { .. }
            | Method::Unmute { .. }
            | Method::Other { .. } => {}
        }
    }

    /// Tells an error of a session.
    pub(super) fn tell_error(&mut self, error: Error, session: &SessionId) {
        let of = Subject { conversation: None, session: Some(session.clone()) };
        self.out.event(Event::Error(error.about(&self.subject(of))));
    }

    /// An answer to one of our questions.
    pub(super) fn handle_answer(&mut self, ask: &super::ask::IqAsk, answer: IqAnswer) {
        use super::ask::IqAsk;
        match ask {
            IqAsk::Answer(session) => {
                if !matches!(answer, IqAnswer::Result(_)) {
                    self.calls.answer_lost(session);
                }
                let result = match &answer {
                    IqAnswer::Result(_) => Ok(super::command::Outcome::Done),
                    IqAnswer::Error(e) => {
                        let text = format!("the answer was refused: {}", e.condition);
                        Err(Error::new(ErrorKind::Session, text).caused_by(e))
                    }
                    IqAnswer::Timeout => {
                        Err(Error::new(ErrorKind::Timeout, "the answer was not acknowledged"))
                    }
                    IqAnswer::Lost => {
                        Err(Error::new(ErrorKind::Network, "the connection was lost"))
                    }
                };
                self.calls.answered(session, &result, &mut self.out);
                self.rooms.answered(session, &result, &mut self.out);
                self.end_if_unknown(session, &answer);
            }
            IqAsk::Update(session) => self.end_if_unknown(session, &answer),
            IqAsk::Mute { session, command } => {
                let result = match &answer {
                    IqAnswer::Result(_) => Ok(super::command::Outcome::Done),
                    IqAnswer::Error(e) => {
                        let text = format!("the mute was refused: {}", e.condition);
                        Err(Error::new(ErrorKind::Session, text).caused_by(e))
                    }
                    IqAnswer::Timeout => {
                        Err(Error::new(ErrorKind::Timeout, "the mute was not acknowledged"))
                    }
                    IqAnswer::Lost => {
                        Err(Error::new(ErrorKind::Network, "the connection was lost"))
                    }
                };
                self.rooms.mute_answered(*command, result, &mut self.sessions, &mut self.out);
                self.end_if_unknown(session, &answer);
            }
            IqAsk::Terminate(session) => self.sessions.terminate_answered(session),
            IqAsk::Bind
            | IqAsk::Session
            | IqAsk::Turn
            | IqAsk::Stun
            | IqAsk::ServerPings
            | IqAsk::Ping
            | IqAsk::Conversations => {
                if self.link.handle_iq(ask, answer, &mut self.out).is_some() {
                    self.connection_lost();
                }
            }
        }
    }

    /// The far side does not know the session (any more): it ends silently (wire notes 6.10).
    fn end_if_unknown(&mut self, session: &SessionId, answer: &IqAnswer) {
        if let IqAnswer::Error(error) = answer
            && error.is_unknown_session()
        {
            self.sessions.ended_by_peer(session, Reason::Gone);
        }
    }
}
