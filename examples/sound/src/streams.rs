//! The streams of a card that are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::card::{Card, CardError, Direction, Stream};
use crate::ends::Hall;
use crate::voice_options::VoiceOptions;

/// The time after which a stream that stops may be opened once more on the same device.
const LASTS: Duration = Duration::from_secs(1);

/// The purpose of a stream. Calls that want the same share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be heard by that loudspeaker.
    Play(String),
    /// To speak into that microphone, which does this.
    Record(String, VoiceOptions),
}

impl Purpose {
    pub(crate) fn device(&self) -> &str {
        match self {
            Self::Play(device) | Self::Record(device, _) => device,
        }
    }

    pub(crate) fn direction(&self) -> Direction {
        match self {
            Self::Play(_) => Direction::Output,
            Self::Record(..) => Direction::Input,
        }
    }
}

/// See the [module](self).
pub(crate) struct Streams {
    pub(crate) card: Box<dyn Card>,
    hall: Arc<Hall>,
    open: BTreeMap<Stream, (Purpose, Instant)>,
    last: u64,
}

impl Streams {
    pub(crate) fn new(card: Box<dyn Card>, hall: Arc<Hall>) -> Self {
        Self { card, hall, open: BTreeMap::new(), last: 0 }
    }

    /// The stream of a purpose, opened if there is none yet.
    pub(crate) fn get(&mut self, purpose: &Purpose, now: Instant) -> Result<Stream, CardError> {
        if let Some((stream, _)) = self.open.iter().find(|(_, (open, _))| open == purpose) {
            return Ok(*stream);
        }
        self.last += 1;
        let stream = Stream(self.last);
        let opened = match purpose {
            Purpose::Play(device) => self.card.play(stream, device, self.hall.speaker(stream)),
            Purpose::Record(device, voice) => {
                let microphone = self.hall.microphone(stream, voice.processor());
                self.card.record(stream, device, microphone)
            }
        };
        match opened {
            Ok(()) => {
                self.open.insert(stream, (purpose.clone(), now));
                Ok(stream)
            }
            Err(error) => {
                self.hall.closed(stream);
                Err(error)
            }
        }
    }

    /// The device that a stream is open on.
    pub(crate) fn device(&self, stream: Stream) -> Option<&str> {
        self.open.get(&stream).map(|(purpose, _)| purpose.device())
    }

    /// Closes the streams that nobody uses.
    pub(crate) fn keep(&mut self, used: &BTreeSet<Stream>) {
        let unused: Vec<_> = self.open.keys().filter(|one| !used.contains(one)).copied().collect();
        for stream in unused {
            self.card.close(stream);
            self.forget(stream);
        }
    }

    /// Takes note that a stream has stopped. True if it had lasted, so that it may be opened again.
    pub(crate) fn stopped(&mut self, stream: Stream, now: Instant) -> bool {
        let opened = self.open.get(&stream).map(|(_, opened)| *opened);
        self.forget(stream);
        opened.is_some_and(|opened| now.saturating_duration_since(opened) >= LASTS)
    }

    /// Takes note that the card is gone, and all streams with it.
    pub(crate) fn gone(&mut self) {
        while let Some((stream, _)) = self.open.first_key_value() {
            let stream = *stream;
            self.forget(stream);
        }
    }

    fn forget(&mut self, stream: Stream) {
        let Some((purpose, _)) = self.open.remove(&stream) else { return };
        self.hall.closed(stream);
        let direction = purpose.direction();
        if self.open.values().all(|(purpose, _)| purpose.direction() != direction) {
            self.hall.silent(direction);
        }
    }
}
