//! Messages: what is sent, answered and comes (w5.5).

use super::{Stores, logged_in};
use crate::machine::CommandId;
use crate::ribbon::ask::StoreAsk;
use crate::ribbon::command::Command;
use crate::ribbon::error::{AuthCode, Error, ErrorCode, MessagingCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::MessageId;
use crate::ribbon::messages::{Draft, Message, MessageKind, is_destination, kept};
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wire::Im;
use crate::ribbon::wire::resources::messages::message_id;

/// The most messages on their way at once; one more is refused.
const MAX_PENDING: usize = 100;

fn no_destination() -> Error {
    Error::option("destination", "missing, or of over 512 bytes")
}

fn unknown() -> Error {
    Error::option("message", "there is no such message")
}

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_messages(&self, command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::OpenConversation { destination, .. } if !is_destination(destination) => {
                Err(no_destination())
            }
            Command::SendMessage { destination, kind, draft } => {
                draft.check()?;
                self.may_send(destination, *kind, out)
            }
            Command::ForwardMessage { destination, kind, message, to } => {
                self.find(destination, *kind, message)?;
                self.may_send(to, MessageKind::Im, out)
            }
            Command::MarkRead { destination, kind, message } => {
                self.find(destination, *kind, message).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn may_send(&self, to: &str, kind: MessageKind, out: &Outbox) -> Result<(), Error> {
        if !is_destination(to) {
            return Err(no_destination());
        }
        if kind != MessageKind::Im {
            let text = "this gateway carries instant messages only";
            return Err(Error::new(MessagingCode::SendFailed, text));
        }
        logged_in(out, AuthCode::InvalidCredentials)?;
        if self.conversations.pending() >= MAX_PENDING {
            return Err(Error::new(ErrorCode::Busy, "too many messages are on their way"));
        }
        Ok(())
    }

    fn find(&self, to: &str, kind: MessageKind, id: &MessageId) -> Result<&Message, Error> {
        let conversation = self.conversations.get(to, kind);
        conversation.and_then(|conversation| conversation.message(id)).ok_or_else(unknown)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    #[expect(clippy::collapsible_match, reason = "a guard that changes something is a riddle")]
    pub(super) fn apply_messages(&mut self, id: CommandId, command: Command, out: &mut Outbox) {
        match command {
            Command::OpenConversation { destination, kind } => {
                if self.conversations.open(&destination, kind) {
                    begun(&destination, kind, out);
                }
            }
            Command::SendMessage { destination, draft, .. } => {
                self.send(id, &destination, draft, out);
                return;
            }
            Command::ForwardMessage { destination, kind, message, to } => {
                let parts = self.find(&destination, kind, &message).map(|message| &*message.parts);
                match parts.map(Draft::of) {
                    Ok(draft) => self.send(id, &to, draft, out),
                    Err(error) => out.complete(id, Err(error)),
                }
                return;
            }
            Command::MarkRead { destination, kind, message } => {
                if self.conversations.mark_read(&destination, kind, &message) {
                    changed(&destination, kind, Some(message), None, out);
                }
            }
            Command::ClearMessages { destination, kind } => {
                if self.conversations.clear(&destination, kind) {
                    changed(&destination, kind, None, None, out);
                }
            }
            _ => {}
        }
        out.complete(id, Ok(Outcome::Done));
    }

    fn send(&mut self, command: CommandId, to: &str, draft: Draft, out: &mut Outbox) {
        let (name, sender) = (self.rng.uuid(), out.user());
        let resource = out.resources().message(to, &draft.whole());
        let time = out.clock().unix_ms(out.now()) / 1000;
        let message = Message::new(name.as_str(), sender.as_str(), time, draft.into_parts());
        let message = Message { read: true, is_pending: true, ..message };
        let name = message.message_id.clone();
        self.add(to, message, out);
        out.ask(command, StoreAsk::Message(to.to_owned(), name), resource);
    }

    fn add(&mut self, with: &str, message: Message, out: &mut Outbox) {
        let (name, sender) = (message.message_id.clone(), message.sender.clone());
        if self.conversations.add(with, MessageKind::Im, message) {
            begun(with, MessageKind::Im, out);
        }
        changed(with, MessageKind::Im, Some(name), Some(sender), out);
    }

    pub(super) fn message_answered(
        &mut self,
        to: &str,
        name: &MessageId,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let refused = |text: &str| Error::new(MessagingCode::SendFailed, text);
        let told = result
            .map_err(|fault| {
                fault.error(|refusal| {
                    refusal.error(MessagingCode::SendFailed, "the message is refused")
                })
            })
            .and_then(|body| message_id(request, &body))
            .and_then(|told| told.ok_or_else(|| refused("the message has no name")));
        self.conversations.sent(to, MessageKind::Im, name, told.as_ref().ok().cloned());
        let shown = told.as_ref().unwrap_or(name).clone();
        changed(to, MessageKind::Im, Some(shown), Some(out.user().as_str().to_owned()), out);
        told.map(Outcome::Message)
    }

    /// A message of somebody's came.
    pub(super) fn message_came(&mut self, im: &Im<'_>, time: Option<u64>, out: &mut Outbox) {
        if !is_destination(&im.sender) {
            out.malformed("a message of nobody");
            return;
        }
        let time = time.unwrap_or_else(|| out.clock().unix_ms(out.now())) / 1000;
        let (name, text) = (self.rng.uuid(), kept(&im.text));
        self.add(&im.sender, Message::new(name.as_str(), &*im.sender, time, vec![text]), out);
    }
}

fn begun(with: &str, kind: MessageKind, out: &mut Outbox) {
    out.event(Event::ConversationStarted { destination: with.to_owned(), kind });
    out.event(Event::ConversationsChanged { destinations: vec![with.to_owned()] });
}

fn changed(
    with: &str,
    kind: MessageKind,
    message: Option<MessageId>,
    sender: Option<String>,
    out: &mut Outbox,
) {
    out.event(Event::MessagesChanged { destination: with.to_owned(), kind, message, sender });
}
