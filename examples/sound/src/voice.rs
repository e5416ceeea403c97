//! Echo cancellation, noise suppression and gain control, by the `sonora` crate.

use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, NoiseSuppression};
use sonora::{AudioProcessing, Config, StreamConfig};

use crate::ends::Processor;
use crate::voice_options::VoiceOptions;
use crate::{BLOCK, RATE};

/// The voice of whoever speaks into the microphone, without the rest.
pub struct Voice(AudioProcessing);

impl Voice {
    /// A voice with these parts.
    #[must_use]
    pub fn new(options: VoiceOptions) -> Self {
        // It begins with what the microphone gives, not with sonora's 15 dB more: most are right as they are.
        let gain = AdaptiveDigital { initial_gain_db: 0.0, ..AdaptiveDigital::default() };
        let config = Config {
            echo_canceller: options.echo.then(EchoCanceller::default),
            noise_suppression: options.noise.then(NoiseSuppression::default),
            gain_controller2: options.gain.then(|| GainController2 {
                adaptive_digital: Some(gain),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let form = StreamConfig::new(RATE, 1);
        let builder = AudioProcessing::builder().config(config);
        Self(builder.capture_config(form).render_config(form).build())
    }
}

impl Processor for Voice {
    fn render(&mut self, played: &[i16; BLOCK]) {
        // It refuses forms that are not those it was built for, and there are no others.
        let _ = self.0.process_render_i16(played, &mut [0; BLOCK]);
    }

    fn capture(&mut self, heard: &mut [i16; BLOCK]) {
        let before = *heard;
        if self.0.process_capture_i16(&before, heard).is_err() {
            *heard = before;
        }
    }
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Voice")
    }
}
