//! The process that has the media of a [`ribbon`](crate::ribbon) client elsewhere, on a runtime.

use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::machine::MediaId;
use offhook::media::EngineFactory;
use offhook::ribbon::{self, Error, ErrorCode, HostCommand, HostEvent, Outcome, Private};

use crate::drive::{Drive, MediaNews, Nobody, Observer};
use crate::service::Service;

/// The media of a client that signals in another process ([`ribbon::MediaHost`]).
///
/// Give it the frames of the client ([`MediaHost::receive`]) and carry its own back
/// ([`HostEvent::Frame`]); speak and listen by [`Client::audio`](crate::Client::audio) once
/// [`HostEvent::Started`] names media.
pub type MediaHost<R> = crate::Client<R, ribbon::MediaHost>;

/// Settings for a [`MediaHost`].
pub type HostBuilder<R> = crate::Builder<R, ribbon::MediaHost>;

/// A subscription to all that a [`MediaHost`] tells.
pub type HostEvents = crate::Events<ribbon::MediaHost>;

/// The answer to what it was given.
pub type HostReply = crate::Reply<ribbon::MediaHost, ()>;

impl<R> MediaHost<R> {
    /// Takes a frame of the client ([`HostCommand::Received`]).
    pub fn receive(&self, frame: impl Into<Private<String>>) -> HostReply {
        self.submit(HostCommand::Received(frame.into()))
    }
}

impl Service for ribbon::MediaHost {
    /// It has no settings: each call brings its own.
    type Config = ();
    type Desk = ();

    fn desk((): &()) -> ((), Box<dyn Observer<Self>>) {
        ((), Box::new(Nobody))
    }

    fn build(
        (): (),
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
        _: Option<u64>,
    ) -> Result<Self, Error> {
        Ok(Self::new(factory, &seed, now))
    }

    fn unexpected(outcome: &Outcome) -> Error {
        Error::unexpected(outcome)
    }
}

impl Drive for ribbon::MediaHost {
    fn farewell() -> (HostCommand, Duration) {
        (HostCommand::Close, Duration::from_secs(5))
    }

    fn is_expendable(_: &HostEvent) -> bool {
        false
    }

    fn weight(event: &HostEvent) -> usize {
        let frame = match event {
            HostEvent::Frame(frame) => frame.len(),
            _ => 0,
        };
        size_of::<HostEvent>() + frame
    }

    fn events_lost(count: u64) -> HostEvent {
        HostEvent::EventsLost(count)
    }

    fn ended_media(event: &HostEvent) -> Option<MediaId> {
        match event {
            HostEvent::Ended { media } => Some(*media),
            _ => None,
        }
    }

    fn media_news(event: &HostEvent) -> Option<(MediaId, MediaNews)> {
        match event {
            HostEvent::State { media, state } => Some((*media, MediaNews::State(*state))),
            HostEvent::Agreed { media, agreement } => Some((*media, MediaNews::Agreed(*agreement))),
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
