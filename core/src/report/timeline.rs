//! When what happened to a call.

use std::fmt;
use std::time::{Duration, Instant};

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
pub struct CallTimeline {
    /// It was proposed, or told by an event; dialled calls are proposed, too.
    pub invited: Option<Instant>,
    /// It was answered from here.
    pub answered: Option<Instant>,
    /// Its media session began; missing for a call on a session that was there before.
    pub session_started: Option<Instant>,
    /// That session's media connected.
    pub media_connected: Option<Instant>,
    /// The first audio came on that session.
    pub first_audio: Option<Instant>,
    /// The service said that it is connected.
    pub connected: Option<Instant>,
    /// It was over, or handled by somebody else.
    pub ended: Option<Instant>,
}

impl CallTimeline {
    /// From the invitation to the answer.
    #[must_use]
    pub fn ringing(&self) -> Option<Duration> {
        between(self.invited, self.answered)
    }

    /// From the answer to the first audio.
    #[must_use]
    pub fn answer_to_audio(&self) -> Option<Duration> {
        between(self.answered, self.first_audio)
    }

    /// From the invitation to the first audio.
    #[must_use]
    pub fn invitation_to_audio(&self) -> Option<Duration> {
        between(self.invited, self.first_audio)
    }

    /// How long people talked.
    #[must_use]
    pub fn talking(&self) -> Option<Duration> {
        between(self.connected, self.ended)
    }
}

// Instants say nothing to a reader, and differ between two runs alike: times since the first.
impl fmt::Debug for CallTimeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = [
            ("invited", self.invited),
            ("answered", self.answered),
            ("session_started", self.session_started),
            ("media_connected", self.media_connected),
            ("first_audio", self.first_audio),
            ("connected", self.connected),
            ("ended", self.ended),
        ];
        let first = steps.iter().filter_map(|(_, at)| *at).min();
        let mut shown = f.debug_struct("CallTimeline");
        for (name, at) in steps {
            if let Some(after) = between(first, at) {
                shown.field(name, &after);
            }
        }
        shown.finish()
    }
}

fn between(from: Option<Instant>, to: Option<Instant>) -> Option<Duration> {
    Some(to?.saturating_duration_since(from?))
}
