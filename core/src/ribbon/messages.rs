//! Conversations and their messages (w5.5).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use super::constants::constants;
use super::error::{Error, ErrorCode};
use super::ids::MessageId;
use crate::report::shortened;

/// The most conversations; of those without unread messages the one that was quiet longest goes first.
const MAX_CONVERSATIONS: usize = 1000;
/// The most messages of one; the oldest go first.
const MAX_MESSAGES: usize = 1000;
/// The most parts of a message, and the most bytes of all of them.
const MAX_PARTS: usize = 8;
const MAX_TEXT: usize = 64 * 1024;
/// The most bytes of all messages; those of the conversation that was quiet longest go first.
const MAX_BYTES: usize = 16 << 20;
/// The longest name of the other user in bytes.
const MAX_DESTINATION: usize = 512;

constants! {
    /// The kind of a conversation. All but the first are names alone: nothing of them travels.
    MessageKind, "kind of message" {
        /// Instant messages.
        Im = "im",
        /// Text messages.
        Sms = "sms",
        /// A chat.
        Chat = "chat",
        /// Something else.
        OtherKind = "other",
    }
}

/// A message before it is sent (RA-063).
///
/// ```
/// use offhook::ribbon::Draft;
///
/// let draft = Draft::text("hello").part("and more");
/// assert!(draft.check().is_ok());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Draft(Vec<String>);

/// Shown by its length.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} parts, {} bytes)", self.0.len(), bytes_of(&self.0))
    }
}

impl Draft {
    /// A message of one part.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![text.into()])
    }

    /// The message with one part more.
    #[must_use]
    pub fn part(mut self, text: impl Into<String>) -> Self {
        self.0.push(text.into());
        self
    }

    /// Finds what cannot be sent.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`]: more than 8 parts, or 64 KiB, or nothing at all.
    pub fn check(&self) -> Result<(), Error> {
        match (self.0.len(), bytes_of(&self.0)) {
            (1..=MAX_PARTS, 1..=MAX_TEXT) => Ok(()),
            _ => Err(Error::new(ErrorCode::Options, "a message of nothing, or of too much")),
        }
    }

    /// All parts as one text, a line each: a request has one.
    pub(crate) fn whole(&self) -> String {
        self.0.join("\n")
    }

    /// A message of these parts.
    pub(crate) fn of(parts: &[String]) -> Self {
        Self(parts.to_vec())
    }

    /// The parts.
    pub(crate) fn into_parts(self) -> Vec<String> {
        self.0
    }
}

fn bytes_of(parts: &[String]) -> usize {
    parts.iter().map(String::len).sum()
}

/// True for another user that a conversation can be with.
pub(crate) fn is_destination(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_DESTINATION && !text.contains(char::is_control)
}

/// A text that came, in as many bytes as are kept of one.
pub(crate) fn kept(text: &str) -> String {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// A message (RT-026).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Message {
    /// Its name. The sender and the receiver have different ones for it.
    pub message_id: MessageId,
    /// The sender.
    pub sender: String,
    /// The time, in seconds since 1970.
    pub timestamp: u64,
    /// True if it was read.
    pub read: bool,
    /// True if it is on its way.
    pub is_pending: bool,
    /// Its parts, each a text.
    pub parts: Vec<String>,
}

/// Shown without its text.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .field("sender", &shortened(&self.sender))
            .field("timestamp", &self.timestamp)
            .field("read", &self.read)
            .field("is_pending", &self.is_pending)
            .field("bytes", &bytes_of(&self.parts))
            .finish_non_exhaustive()
    }
}

impl Message {
    /// A message that came and was not read.
    pub(crate) fn new(
        id: impl Into<MessageId>,
        sender: impl Into<String>,
        timestamp: u64,
        parts: Vec<String>,
    ) -> Self {
        let (message_id, sender) = (id.into(), sender.into());
        Self { message_id, sender, timestamp, read: false, is_pending: false, parts }
    }

    /// Its bytes, about: names change while it is on its way, and do not count.
    fn size(&self) -> usize {
        size_of::<Self>() + self.sender.len() + bytes_of(&self.parts)
    }
}

/// A conversation (RT-025): messages with one other user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Conversation {
    /// The other user.
    pub destination: String,
    /// The kind of messages.
    pub kind: MessageKind,
    messages: VecDeque<Message>,
    /// The time at which something happened in it, as a number that grows.
    #[serde(skip)]
    touched: u64,
}

impl Conversation {
    /// Its messages, the oldest first (RA-065).
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    /// One of its messages (RA-066).
    #[must_use]
    pub fn message(&self, id: &MessageId) -> Option<&Message> {
        self.messages.iter().find(|message| message.message_id == *id)
    }

    fn size(&self) -> usize {
        self.messages.iter().map(Message::size).sum()
    }

    fn is_read(&self) -> bool {
        self.messages.iter().all(|message| message.read)
    }
}

/// All conversations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations {
    all: BTreeMap<(String, MessageKind), Conversation>,
    touched: u64,
    /// The bytes of all messages, about.
    bytes: usize,
}

impl Conversations {
    /// One conversation (RA-061).
    pub(crate) fn get(&self, destination: &str, kind: MessageKind) -> Option<&Conversation> {
        self.all.get(&(destination.to_owned(), kind))
    }

    /// All conversations (RA-062).
    pub(crate) fn all(&self) -> impl Iterator<Item = &Conversation> {
        self.all.values()
    }

    /// Opens a conversation. True if there was none.
    pub(crate) fn open(&mut self, destination: &str, kind: MessageKind) -> bool {
        self.touched += 1;
        let touched = self.touched;
        let key = (destination.to_owned(), kind);
        let new = !self.all.contains_key(&key);
        let conversation = self.all.entry(key.clone()).or_insert_with(|| Conversation {
            destination: destination.to_owned(),
            kind,
            messages: VecDeque::new(),
            touched,
        });
        conversation.touched = touched;
        self.forget(&key);
        new
    }

    /// A message came, or is on its way. True if it begins a conversation.
    pub(crate) fn add(&mut self, destination: &str, kind: MessageKind, message: Message) -> bool {
        let new = self.open(destination, kind);
        if let Some(conversation) = self.all.get_mut(&(destination.to_owned(), kind)) {
            self.bytes += message.size();
            conversation.messages.push_back(message);
            if conversation.messages.len() > MAX_MESSAGES
                && let Some(oldest) = conversation.messages.pop_front()
            {
                self.bytes -= oldest.size();
            }
        }
        self.make_room();
        new
    }

    /// The messages that are on their way.
    pub(crate) fn pending(&self) -> usize {
        let all = self.all.values().flat_map(Conversation::messages);
        all.filter(|message| message.is_pending).count()
    }

    /// The bytes of all messages, about.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A message was sent, and has the gateway's name now; or it was not, and is gone.
    pub(crate) fn sent(
        &mut self,
        destination: &str,
        kind: MessageKind,
        id: &MessageId,
        told: Option<MessageId>,
    ) {
        let Some(conversation) = self.all.get_mut(&(destination.to_owned(), kind)) else { return };
        match told {
            Some(told) => {
                let all = &mut conversation.messages;
                if let Some(message) = all.iter_mut().find(|message| message.message_id == *id) {
                    message.message_id = told;
                    message.is_pending = false;
                }
            }
            None => {
                let before = conversation.size();
                conversation.messages.retain(|message| message.message_id != *id);
                self.bytes -= before - conversation.size();
            }
        }
    }

    /// A message was read. True if it was not before.
    pub(crate) fn mark_read(
        &mut self,
        destination: &str,
        kind: MessageKind,
        id: &MessageId,
    ) -> bool {
        let conversation = self.all.get_mut(&(destination.to_owned(), kind));
        let all = conversation.map(|conversation| &mut conversation.messages);
        let message = all.and_then(|all| all.iter_mut().find(|one| one.message_id == *id));
        message.is_some_and(|message| !std::mem::replace(&mut message.read, true))
    }

    /// Forgets the messages of a conversation (RA-064). True if there were some.
    pub(crate) fn clear(&mut self, destination: &str, kind: MessageKind) -> bool {
        let Some(conversation) = self.all.get_mut(&(destination.to_owned(), kind)) else {
            return false;
        };
        self.bytes -= conversation.size();
        !std::mem::take(&mut conversation.messages).is_empty()
    }

    /// Forgets messages until so few bytes are left.
    fn make_room(&mut self) {
        while self.bytes > MAX_BYTES {
            let some = self.all.values_mut().filter(|one| !one.messages.is_empty());
            let quiet = some.min_by_key(|one| (!one.is_read(), one.touched));
            let Some(oldest) = quiet.and_then(|quiet| quiet.messages.pop_front()) else { return };
            self.bytes -= oldest.size();
        }
    }

    /// Makes room: not of the newest, and of those with unread messages only where there are no others.
    fn forget(&mut self, newest: &(String, MessageKind)) {
        while self.all.len() > MAX_CONVERSATIONS {
            let others = self.all.iter().filter(|(key, _)| *key != newest);
            let quiet = others.min_by_key(|(_, one)| (!one.is_read(), one.touched));
            let Some((key, _)) = quiet else { return };
            let key = key.clone();
            if let Some(gone) = self.all.remove(&key) {
                self.bytes -= gone.size();
            }
        }
    }
}
