//! The client of Genesys Cloud as a machine that the driver can carry.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::{Client, Command, Config, Error, ErrorKind, Event, Outcome};
use offhook::machine::MediaId;
use offhook::media::{EngineFactory, MediaState};

use super::book::Book;
use crate::drive::{Drive, MediaNews};
use crate::service::{Built, Service};

/// What a phone's clients keep besides their handle.
#[derive(Clone)]
pub struct Desk {
    pub(super) book: Book,
    /// Whether sessions are accepted without asking.
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

    fn build(
        mut config: Config,
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
        unix_ms: Option<u64>,
    ) -> Result<Built<Self>, Error> {
        config.unix_ms = config.unix_ms.or(unix_ms);
        let connects_sessions = config.auto_connect_sessions;
        let machine = Self::new(config, factory, seed, now)?;
        let (book, keeper) = Book::new();
        let desk = Desk { book, connects_sessions };
        Ok(Built { machine, desk, observer: Box::new(keeper) })
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
        size_of::<Event>() + shown.0
    }

    fn events_lost(count: u64) -> Event {
        Event::Error(Error::new(
            ErrorKind::Generic,
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
            Event::SessionStarted(session) => {
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
        Error::new(ErrorKind::Cancelled, "too many commands are waiting")
    }
}
