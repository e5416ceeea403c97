//! The client of Genesys Cloud as a machine that the driver can carry.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::{Client, Command, Config, Conversation, Error, ErrorKind, Event, Outcome};
use offhook::machine::MediaId;
use offhook::media::{EngineFactory, MediaState};

use super::book::Book;
use crate::drive::{Drive, MediaNews, Observer};
use crate::service::Service;

/// The state that a phone's clients share besides their handle.
#[derive(Clone)]
pub struct Desk {
    pub(super) book: Book,
    /// True if sessions are accepted without asking.
    pub(super) connects_sessions: bool,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

impl Service for Client {
    type Config = Config;
    type Desk = Desk;

    fn desk(config: &Config) -> (Desk, Box<dyn Observer<Self>>) {
        let (book, keeper) = Book::new();
        let connects_sessions = config.auto_connect_sessions;
        (Desk { book, connects_sessions }, Box::new(keeper))
    }

    fn build(
        mut config: Config,
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
        unix_ms: Option<u64>,
    ) -> Result<Self, Error> {
        config.unix_ms = config.unix_ms.or(unix_ms);
        Self::new(config, factory, seed, now)
    }

    fn unexpected(outcome: &Outcome) -> Error {
        Error::unexpected(outcome)
    }
}

impl Drive for Client {
    fn farewell() -> (Command, Duration) {
        (Command::Disconnect, Duration::from_secs(5))
    }

    fn is_expendable(event: &Event) -> bool {
        matches!(event, Event::Trace(_) | Event::Stats { .. })
    }

    fn weight(event: &Event) -> usize {
        // What is in it is shown by `Debug`, whatever event it is.
        let mut shown = Length(0);
        let _ = write!(shown, "{event:?}");
        size_of::<Event>() + shown.0 + parties(event)
    }

    #[cfg(feature = "metrics")]
    fn event_lost() {
        super::metrics::event_lost();
    }

    fn events_lost(count: u64) -> Event {
        Event::Error(Error::new(
            ErrorKind::Limit,
            format!("{count} events were lost because they were not read"),
        ))
    }

    fn ended_media(event: &Event) -> Option<MediaId> {
        match event {
            Event::SessionEnded { session, .. } => Some(session.media),
            _ => None,
        }
    }

    fn media_news(event: &Event) -> Option<(MediaId, MediaNews)> {
        match event {
            Event::SessionStarted(session) | Event::SessionReplaced { session, .. } => {
                Some((session.media, MediaNews::State(MediaState::New)))
            }
            Event::MediaState { media, state, .. } => Some((*media, MediaNews::State(*state))),
            Event::MediaAgreed { media, agreement, .. } => {
                Some((*media, MediaNews::Agreed(*agreement)))
            }
            _ => None,
        }
    }

    fn closed() -> Error {
        Error::closed()
    }

    fn overloaded() -> Error {
        Error::new(ErrorKind::Limit, "too many commands are waiting")
    }
}

/// The bytes of what `Debug` leaves out: who is on the calls that an event tells of.
fn parties(event: &Event) -> usize {
    let of = |call: &Conversation| call.parties.as_ref().map_or(0, |who| who.bytes());
    match event {
        Event::PendingSession(pending) => pending.parties.as_ref().map_or(0, |who| who.bytes()),
        Event::CallConnected { call, .. } => of(call),
        Event::ConversationUpdate(update) => {
            let calls = [&update.current, &update.added, &update.removed];
            calls.into_iter().flatten().map(of).sum()
        }
        _ => 0,
    }
}
