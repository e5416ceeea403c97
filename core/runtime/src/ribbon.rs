//! The client of a Ribbon WebRTC Gateway, on any runtime.
//!
//! A bot that answers every call and says back what it hears:
//!
//! ```no_run
//! use offhook::ribbon::{AnswerOptions, CallState, Config, Credentials, Event, Phone as _};
//! use offhook_runtime::ribbon::Client;
//! use offhook_runtime::{Audio, Sockets};
//!
//! async fn bot<R: Sockets>(password: String) -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::at("https://gateway.example.com", "wss://gateway.example.com")?;
//!     let (phone, mut events) = Client::<R>::builder(config).build()?;
//!     phone.set_credentials(Credentials::password("bot@example.com", password)).await?;
//!     phone.subscribe(["call"]).await?;
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Event::CallState { call, .. } if call.state == CallState::Ringing => {
//!                 drop(phone.answer(call.id, AnswerOptions::default()));
//!             }
//!             Event::TracksAdded { media, .. } => R::spawn(echo(phone.audio(media)))?,
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//!
//! async fn echo(mut audio: Audio) {
//!     while let Some(frame) = audio.stream.next().await {
//!         let _ = audio.sink.send(frame).await;
//!     }
//! }
//! ```

use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::machine::MediaId;
use offhook::media::{EngineFactory, MediaState};
use offhook::ribbon::{
    self, Command, Config, Error, ErrorCode, Event, MediaConnectionState, Outcome, Phone,
};

use crate::drive::{Drive, MediaNews, Nobody, Observer};
use crate::service::Service;

pub use crate::media_host::{HostBuilder, HostEvents, HostReply, MediaHost};

/// A client on a runtime. Its keys are the methods of [`Phone`].
pub type Client<R> = crate::Client<R, ribbon::Client>;

/// Settings for a [`Client`].
pub type Builder<R> = crate::Builder<R, ribbon::Client>;

/// A subscription to all that a [`Client`] tells.
pub type Events = crate::Events<ribbon::Client>;

/// The answer to one of its keys.
pub type Reply<T> = crate::Reply<ribbon::Client, T>;

/// The reason why a client was not built.
pub type BuildError = crate::BuildError<Error>;

impl<R> Phone for Client<R> {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Reply<T> {
        self.submit(command)
    }
}

#[cfg(feature = "audio")]
impl<R> Client<R> {
    /// Plays a WAV file into a call ([`Command::PlayAudio`]), which is read first, here and now.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is no sound that can be played.
    pub fn play_file(
        &self,
        call: impl Into<ribbon::CallId>,
        file: impl AsRef<std::path::Path>,
    ) -> std::io::Result<Reply<()>> {
        let file = std::io::BufReader::new(std::fs::File::open(file)?);
        let source = ribbon::AudioSource::wav(file).map_err(std::io::Error::other)?;
        Ok(self.play_audio(call, source))
    }
}

/// The state that a client's clones share besides their handle: none.
#[derive(Clone, Debug, Default)]
pub struct Desk(());

impl Service for ribbon::Client {
    type Config = Config;
    type Desk = Desk;

    fn desk(_: &Config) -> (Desk, Box<dyn Observer<Self>>) {
        (Desk::default(), Box::new(Nobody))
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

/// Counts what is written.
struct Counted(usize);

impl fmt::Write for Counted {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

impl Drive for ribbon::Client {
    fn farewell() -> (Command, Duration) {
        (Command::Destroy, Duration::from_secs(5))
    }

    fn is_expendable(event: &Event) -> bool {
        matches!(event, Event::Trace(_) | Event::Stats(_))
    }

    fn weight(event: &Event) -> usize {
        let mut shown = Counted(0);
        let _ = write!(shown, "{event:?}");
        // What `Debug` does not show.
        let private = match event {
            Event::Notification { message } => message.len(),
            Event::ProxyFrame(frame) => frame.len(),
            Event::SipEvent { event, .. } => {
                let _ = write!(shown, "{}", **event);
                0
            }
            _ => 0,
        };
        size_of::<Event>() + shown.0 + private
    }

    fn events_lost(count: u64) -> Event {
        Event::EventsLost(count)
    }

    fn ended_media(event: &Event) -> Option<MediaId> {
        match event {
            Event::CallState { call, .. } if call.state.is_final() => call.media,
            _ => None,
        }
    }

    fn media_news(event: &Event) -> Option<(MediaId, MediaNews)> {
        match event {
            Event::MediaConnection { media: Some(media), state, .. } => {
                Some((*media, MediaNews::State(of(*state))))
            }
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
        Error::new(ErrorCode::Busy, "too many commands are waiting")
    }
}

/// The state of media behind its name.
fn of(state: MediaConnectionState) -> MediaState {
    match state {
        MediaConnectionState::New => MediaState::New,
        MediaConnectionState::Connected | MediaConnectionState::Completed => MediaState::Connected,
        // Of a path that may be found again.
        MediaConnectionState::Disconnected | MediaConnectionState::Failed => {
            MediaState::Disconnected
        }
        MediaConnectionState::Closed => MediaState::Closed,
        _ => MediaState::Connecting,
    }
}
