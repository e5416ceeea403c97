//! The times of a call's steps.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::machine::WallClock;
use crate::millis;

/// A call from its invitation to its end; what did not happen, or not here, is missing.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::report::CallTimeline;
///
/// let start = Instant::now();
/// let mut call = CallTimeline::default();
/// call.invited = Some(start);
/// call.answered = Some(start + Duration::from_secs(2));
/// call.first_audio = Some(start + Duration::from_secs(3));
/// assert_eq!(call.ringing(), Some(Duration::from_secs(2)));
/// assert_eq!(call.answer_to_audio(), Some(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallTimeline {
    /// The time of its proposal, or of the event that told of it; dialled calls are proposed, too.
    pub invited: Option<Instant>,
    /// The time at which it was answered from here.
    pub answered: Option<Instant>,
    /// The time at which its media session began; missing for a call on a session that was there
    /// before.
    pub session_started: Option<Instant>,
    /// The time at which that session's media connected.
    pub media_connected: Option<Instant>,
    /// The time of the first audio on that session.
    pub first_audio: Option<Instant>,
    /// The time at which the service said that it is connected.
    pub connected: Option<Instant>,
    /// The time at which it was over, or handled by somebody else.
    pub ended: Option<Instant>,
    /// The wall clock, if the client was told.
    pub clock: Option<WallClock>,
}

impl CallTimeline {
    /// Each step, by name.
    fn steps(&self) -> [(&'static str, Option<Instant>); 7] {
        [
            ("invited", self.invited),
            ("answered", self.answered),
            ("session_started", self.session_started),
            ("media_connected", self.media_connected),
            ("first_audio", self.first_audio),
            ("connected", self.connected),
            ("ended", self.ended),
        ]
    }

    fn first(&self) -> Option<Instant> {
        self.steps().iter().filter_map(|(_, at)| *at).min()
    }

    /// The time from the invitation to the answer.
    #[must_use]
    pub fn ringing(&self) -> Option<Duration> {
        between(self.invited, self.answered)
    }

    /// The time from the answer to the first audio.
    #[must_use]
    pub fn answer_to_audio(&self) -> Option<Duration> {
        between(self.answered, self.first_audio)
    }

    /// The time from the invitation to the first audio.
    #[must_use]
    pub fn invitation_to_audio(&self) -> Option<Duration> {
        between(self.invited, self.first_audio)
    }

    /// The time that people talked.
    #[must_use]
    pub fn talking(&self) -> Option<Duration> {
        between(self.connected, self.ended)
    }
}

// Instants say nothing to a reader, and differ between two runs alike: times since the first.
impl fmt::Debug for CallTimeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        let mut shown = f.debug_struct("CallTimeline");
        for (name, at) in self.steps() {
            if let Some(after) = between(first, at) {
                shown.field(name, &after);
            }
        }
        shown.finish()
    }
}

/// One step of a call, as it is serialized.
#[derive(Serialize)]
struct Step {
    /// The time since the call's first step.
    #[serde(serialize_with = "millis::serialize")]
    after_ms: Duration,
    /// The time by the wall clock, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// Each step that happened, by name: how many milliseconds after the first (`after_ms`), and when by
/// the wall clock, if that is known (`at`).
impl Serialize for CallTimeline {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let first = self.first();
        to.collect_map(self.steps().into_iter().filter_map(|(name, at)| {
            let after_ms = between(first, at)?;
            Some((name, Step { after_ms, at: self.clock.and_then(|clock| clock.iso(at?)) }))
        }))
    }
}

fn between(from: Option<Instant>, to: Option<Instant>) -> Option<Duration> {
    Some(to?.saturating_duration_since(from?))
}
