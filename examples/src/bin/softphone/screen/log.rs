//! The lines that were said and the messages on the wire, as far back as they are kept.

use std::collections::VecDeque;
use std::time::Duration;

use offhook::report::{Channel, TraceDirection, TraceRecord};

use super::keys::Key;

/// The most lines that are kept.
const MAX_LINES: usize = 500;
/// The most messages that are kept.
const MAX_WIRE: usize = 2000;
/// The longest line in characters.
const MAX_TEXT: usize = 400;

/// A message on the wire, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) at: Duration,
    pub(super) sent: bool,
    pub(super) channel: &'static str,
    pub(super) summary: String,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<(Duration, String)>,
    wire: VecDeque<Message>,
}

impl Log {
    pub(super) fn say(&mut self, now: Duration, line: String) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((now, bounded(&line)));
    }

    pub(super) fn wire(&mut self, now: Duration, record: &TraceRecord) {
        if self.wire.len() == MAX_WIRE {
            self.wire.pop_front();
        }
        let channel = match record.channel {
            Channel::Xmpp => "xmpp",
            Channel::Notification => "notice",
            Channel::Rest => "rest",
            Channel::Media => "media",
        };
        let sent = record.direction == TraceDirection::Sent;
        let summary = bounded(&record.summary);
        self.wire.push_back(Message { at: now, sent, channel, summary });
    }

    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &(Duration, String)> {
        self.lines.iter()
    }

    /// The messages of a time.
    pub(super) fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Message> {
        self.wire.iter().filter(move |message| (from..=to).contains(&message.at))
    }
}

/// A text as it is kept, with a sign where something is left out.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_TEXT - 1).chain(['…']).collect(),
    }
}

/// The place in the log that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) what: What,
    /// The first line that is shown.
    pub(super) from: usize,
}

/// The parts of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The messages on the wire during the last call.
    Ladder,
    /// Its times and figures.
    Report,
    /// All that was said.
    Said,
}

impl What {
    pub(super) const ALL: [Self; 3] = [Self::Ladder, Self::Report, Self::Said];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ladder => "ladder of the last call",
            Self::Report => "its report",
            Self::Said => "all that was said",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Ladder => Self::Report,
            Self::Report => Self::Said,
            Self::Said => Self::Ladder,
        }
    }
}

impl Page {
    pub(super) fn first() -> Self {
        Self { what: What::Ladder, from: 0 }
    }

    /// Moves by a key; false if it does not.
    pub(super) fn key(&mut self, key: Key) -> bool {
        match key {
            Key::Tab => *self = Self { what: self.what.next(), from: 0 },
            Key::Up => self.from = self.from.saturating_sub(1),
            Key::Down => self.from = self.from.saturating_add(1).min(MAX_WIRE),
            Key::PageUp => self.from = self.from.saturating_sub(16),
            Key::PageDown => self.from = self.from.saturating_add(16).min(MAX_WIRE),
            Key::Char(_) | Key::Enter | Key::Esc | Key::Backspace | Key::Clear | Key::Interrupt => {
                return false;
            }
        }
        true
    }
}
