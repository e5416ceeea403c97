//! The story of what happened, in words, for a person who looks for the cause of something.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::phone_id::PhoneId;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The time.
    pub at: Duration,
    /// The phone, or none for the service.
    pub phone: Option<PhoneId>,
    /// The words.
    pub text: String,
}

/// The last lines of a run.
#[derive(Clone, Debug)]
pub struct Story {
    lines: VecDeque<Line>,
    bound: usize,
    listener: Option<SyncSender<Line>>,
}

impl Story {
    pub(super) fn new(bound: usize) -> Self {
        Self { lines: VecDeque::new(), bound, listener: None }
    }

    pub(super) fn told_to(listener: SyncSender<Line>) -> Self {
        Self { listener: Some(listener), ..Self::new(0) }
    }

    pub(super) fn add(&mut self, line: Line) {
        // Pings, plain wake-ups and figures tell nothing.
        let text = &line.text;
        let ping = text.contains("urn:xmpp:ping");
        let pong = text.contains("<iq ") && text.ends_with(r#"type="result"/>"#);
        if ping || pong || text == "gets Timeout" || text.starts_with("tells Stats") {
            return;
        }
        if let Some(listener) = &self.listener {
            // Nobody listens any more: the run goes on.
            let _ = listener.send(line);
            return;
        }
        if self.lines.len() >= self.bound {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs();
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{h:02}:{m:02}:{s:02}.{:03} ", self.at.subsec_millis())?;
        match self.phone {
            Some(phone) => write!(f, "phone {:<4} ", phone.0)?,
            None => f.write_str("service    ")?,
        }
        f.write_str(&self.text)
    }
}
