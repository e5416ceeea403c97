//! Data channels: one row of pieces for all of them, each sent again until it was taken.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook::media::negotiation::MAX_MESSAGE;
use offhook::media::{ChannelId, ChannelMessage, EngineEvent, MAX_CHANNELS, MediaError};

use super::packet::{Item, Packet, Piece};

/// The longest label that a channel is opened by.
const MAX_LABEL: usize = 1024;
/// Bytes of messages that wait to be taken; one that does not fit is refused.
const MAX_BYTES: usize = 256 * 1024;
/// Pieces that wait to be taken; of those that the far side provokes, what is beyond is not said.
const MAX_PIECES: usize = 1024;
/// The time within which a piece is taken; else it is sent again.
const AGAIN: Duration = Duration::from_millis(250);

/// One channel.
#[derive(Debug)]
struct Channel {
    id: ChannelId,
    /// True if we opened it, and its number among those.
    name: (bool, u16),
    label: String,
    /// True once it can be used.
    open: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// The longest message that the far side takes, once channels were agreed on.
    longest: Option<usize>,
    channels: Vec<Channel>,
    next: u16,
    /// The row that we are in, and the number of its next piece.
    row: (u32, u32),
    waiting: VecDeque<Piece>,
    /// Those of them that were sent.
    sent: usize,
    again_at: Option<Instant>,
    /// The far side's row, and the number of the piece that it is the turn of.
    theirs: (u32, u32),
}

impl Channels {
    /// They were agreed on.
    pub(super) fn agree(&mut self, longest: usize) {
        if self.longest.is_none() {
            self.row = (self.row.0 + 1, 0);
        }
        self.longest = Some(longest.min(MAX_MESSAGE));
    }

    /// They are turned off.
    pub(super) fn end(&mut self) -> Vec<EngineEvent> {
        self.longest = None;
        self.waiting.clear();
        self.sent = 0;
        self.again_at = None;
        self.channels.drain(..).map(|channel| EngineEvent::ChannelClosed(channel.id)).collect()
    }

    /// The far side is another.
    pub(super) fn restart(&mut self) -> Vec<EngineEvent> {
        self.theirs = (0, 0);
        self.end()
    }

    pub(super) fn open(&mut self, label: &str) -> Result<ChannelId, MediaError> {
        if self.longest.is_none() {
            return Err(MediaError::NotNegotiated("a data channel"));
        }
        if self.channels.len() >= MAX_CHANNELS || label.len() > MAX_LABEL {
            return Err(MediaError::TooMany("data channels"));
        }
        let id = self.number()?;
        let (name, label) = ((true, id.0), label.to_owned());
        self.say(name, Item::Open(label.clone()));
        self.channels.push(Channel { id, name, label, open: false });
        Ok(id)
    }

    pub(super) fn send(
        &mut self,
        id: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        let none = MediaError::NotNegotiated("a data channel");
        let longest = self.longest.ok_or_else(|| none.clone())?;
        let known = self.channels.iter().find(|channel| channel.id == id && channel.open);
        let name = known.ok_or(none)?.name;
        let item = Item::Message(message.clone());
        let length = item.bytes();
        if length > longest {
            return Err(MediaError::TooMany("bytes in a message"));
        }
        let waiting: usize = self.waiting.iter().map(|piece| piece.item.bytes()).sum();
        if waiting + length > MAX_BYTES || self.waiting.len() >= MAX_PIECES {
            return Err(MediaError::TooMany("messages"));
        }
        self.say(name, item);
        Ok(())
    }

    /// Takes a piece of the far side's: the news, and what is to be answered.
    pub(super) fn take(&mut self, piece: Piece) -> (Option<EngineEvent>, Option<Packet>) {
        let (row, number) = (piece.row, piece.number);
        if self.longest.is_none() || row < self.theirs.0 {
            return (None, None);
        }
        if row > self.theirs.0 {
            self.theirs = (row, 0);
        }
        let mut news = None;
        if number == self.theirs.1 {
            self.theirs.1 += 1;
            news = self.learn((!piece.ours, piece.channel), piece.item);
        }
        (news, Some(Packet::Taken { row, next: self.theirs.1 }))
    }

    fn learn(&mut self, name: (bool, u16), item: Item) -> Option<EngineEvent> {
        let known = self.channels.iter().position(|channel| channel.name == name);
        match (item, known) {
            (Item::Open(label), None) if self.channels.len() < MAX_CHANNELS => {
                let id = self.number().ok()?;
                self.say(name, Item::Opened);
                self.channels.push(Channel { id, name, label: label.clone(), open: true });
                Some(EngineEvent::ChannelOpened { channel: id, label })
            }
            (Item::Opened, Some(at)) => {
                let channel = &mut self.channels[at];
                let told = std::mem::replace(&mut channel.open, true);
                let (channel, label) = (channel.id, channel.label.clone());
                (!told).then_some(EngineEvent::ChannelOpened { channel, label })
            }
            (Item::Message(message), Some(at)) => {
                Some(EngineEvent::ChannelMessage { channel: self.channels[at].id, message })
            }
            (Item::Close, Some(at)) => {
                Some(EngineEvent::ChannelClosed(self.channels.remove(at).id))
            }
            (Item::Open(_) | Item::Message(_), _) => {
                // One too many, or one that is gone.
                self.say(name, Item::Close);
                None
            }
            (Item::Opened | Item::Close, None) => None,
        }
    }

    /// The far side has all before that piece.
    pub(super) fn taken(&mut self, row: u32, next: u32) {
        if row != self.row.0 {
            return;
        }
        while self.waiting.front().is_some_and(|piece| piece.number < next) {
            self.waiting.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
        if self.waiting.is_empty() {
            self.again_at = None;
        }
    }

    fn say(&mut self, (ours, channel): (bool, u16), item: Item) {
        if self.waiting.len() >= MAX_PIECES {
            return;
        }
        let (row, number) = self.row;
        self.row.1 += 1;
        self.waiting.push_back(Piece { row, number, ours, channel, item });
    }

    /// The pieces that are to be sent now that there is a way: those that were not, or all again.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Piece> {
        let again = self.again_at.is_some_and(|at| at <= now);
        let first = if again { 0 } else { self.sent };
        let due: Vec<_> = self.waiting.iter().skip(first).cloned().collect();
        self.sent = self.waiting.len();
        if !due.is_empty() {
            self.again_at = Some(now + AGAIN);
        }
        due
    }

    /// The time at which something is to be sent again.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.again_at
    }

    fn number(&mut self) -> Result<ChannelId, MediaError> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(MediaError::TooMany("data channels"))?;
        Ok(ChannelId(number))
    }
}
