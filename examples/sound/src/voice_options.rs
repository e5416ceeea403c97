//! Wishes for what is done to a voice.

use offhook::devices::{Capture, Constraint, Defaults, MediaSettings};

use crate::ends::Processor;

/// The parts of a microphone that make a voice better, each of which can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceOptions {
    /// Echo cancellation: what the loudspeaker plays is taken out of what the microphone hears. A headset needs none.
    pub echo: bool,
    /// Noise suppression: what does not change is made quieter.
    pub noise: bool,
    /// Gain control: who speaks softly is made louder, and nobody too loud.
    pub gain: bool,
}

impl Default for VoiceOptions {
    fn default() -> Self {
        Self { echo: true, noise: true, gain: true }
    }
}

impl VoiceOptions {
    /// Nothing.
    pub const OFF: Self = Self { echo: false, noise: false, gain: false };

    /// True if nothing is left to do.
    #[must_use]
    pub fn is_off(self) -> bool {
        self == Self::OFF
    }

    /// The same as a change of what microphones are to do.
    pub(crate) fn settings(self) -> MediaSettings {
        MediaSettings::default()
            .gain_control(Constraint::ideal(self.gain))
            .echo_cancellation(Constraint::ideal(self.echo))
            .noise_suppression(Constraint::ideal(self.noise))
    }

    /// The parts that a microphone is asked for.
    pub(crate) fn of(capture: Capture) -> Self {
        match capture {
            Capture::Microphone { gain_control, echo_cancellation, noise_suppression } => {
                Self::wished(echo_cancellation, noise_suppression, gain_control)
            }
            Capture::Camera { .. } => Self::OFF,
        }
    }

    /// The parts that microphones to come are asked for.
    pub(crate) fn of_defaults(of: &Defaults) -> Self {
        Self::wished(of.echo_cancellation, of.noise_suppression, of.gain_control)
    }

    fn wished(echo: Constraint<bool>, noise: Constraint<bool>, gain: Constraint<bool>) -> Self {
        let is = |wish: Constraint<bool>| wish.exact.or(wish.ideal) == Some(true);
        Self { echo: is(echo), noise: is(noise), gain: is(gain) }
    }

    /// Something that does all this; none where nothing is to be done, or nothing is built in that could.
    pub(crate) fn processor(self) -> Option<Box<dyn Processor>> {
        if self.is_off() {
            return None;
        }
        #[cfg(feature = "voice")]
        return Some(Box::new(crate::Voice::new(self)));
        #[cfg(not(feature = "voice"))]
        None
    }
}

impl std::fmt::Display for VoiceOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |on: bool| if on { "on" } else { "off" };
        let Self { echo, noise, gain } = *self;
        write!(f, "echo {}, noise {}, gain {}", word(echo), word(noise), word(gain))
    }
}
