//! Defaults, and changes of them.

use super::choice::{Given, Preference};
use super::constraint::{Constraint, Resolution};
use super::constraints::{Capture, Constraints};
use super::device::DeviceId;
use crate::machine::MediaKind;

/// The defaults of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defaults {
    /// The default microphone; none: the system's, which is the default.
    pub audio_device: Option<DeviceId>,
    /// The default camera, likewise.
    pub video_device: Option<DeviceId>,
    /// The default loudspeaker, likewise.
    pub output_device: Option<DeviceId>,
    /// A source of the application's that sessions begin with instead of a microphone (MD-26). Default none.
    pub audio_source: Option<Given>,
    /// The volume of what is heard, 0 to 100. Default 100.
    pub audio_volume: u8,
    /// The wish for the size of pictures. Default none.
    pub resolution: Option<Resolution>,
    /// The wish for pictures in a second. Default 30, where it can be had.
    pub frame_rate: Option<Constraint<u32>>,
    /// The wish for an even level of a voice. Default yes, where it can be had.
    pub gain_control: Constraint<bool>,
    /// The wish that the loudspeaker is not heard. Default yes, where it can be had.
    pub echo_cancellation: Constraint<bool>,
    /// The wish that noise is not heard. Default yes, where it can be had.
    pub noise_suppression: Constraint<bool>,
    /// True if the levels of microphones are watched. Default false.
    pub monitor_microphone: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            audio_device: None,
            video_device: None,
            output_device: None,
            audio_source: None,
            audio_volume: 100,
            resolution: None,
            frame_rate: Some(Constraint::ideal(30)),
            gain_control: Constraint::ideal(true),
            echo_cancellation: Constraint::ideal(true),
            noise_suppression: Constraint::ideal(true),
            monitor_microphone: false,
        }
    }
}

setters!(Defaults {
    audio_device: some [DeviceId],
    video_device: some [DeviceId],
    output_device: some [DeviceId],
    resolution: some [Resolution],
    frame_rate: is [Option<Constraint<u32>>],
    gain_control: is [Constraint<bool>],
    echo_cancellation: is [Constraint<bool>],
    noise_suppression: is [Constraint<bool>],
    monitor_microphone: bool,
});

impl Defaults {
    pub(super) fn device(&self, kind: MediaKind) -> Option<&DeviceId> {
        match kind {
            MediaKind::Audio => self.audio_device.as_ref(),
            MediaKind::Video => self.video_device.as_ref(),
        }
    }

    /// The constraints for a device, or for the system's (MD-5).
    pub(super) fn constraints(&self, kind: MediaKind, device: Option<DeviceId>) -> Constraints {
        let capture = match kind {
            MediaKind::Audio => Capture::Microphone {
                gain_control: self.gain_control,
                echo_cancellation: self.echo_cancellation,
                noise_suppression: self.noise_suppression,
            },
            MediaKind::Video => {
                Capture::Camera { frame_rate: self.frame_rate, resolution: self.resolution }
            }
        };
        Constraints::new(device, capture)
    }
}

/// A change of the default devices; what is none is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefaultDevices {
    /// The microphone.
    pub audio: Option<Preference>,
    /// The camera.
    pub video: Option<Preference>,
    /// The loudspeaker.
    pub output: Option<Preference>,
}

setters!(DefaultDevices {
    audio: some[Preference],
    video: some[Preference],
    output: some[Preference]
});

/// A change of what microphones are to do; what is none is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaSettings {
    /// The level of a voice is kept even.
    pub gain_control: Option<Constraint<bool>>,
    /// The loudspeaker is not heard.
    pub echo_cancellation: Option<Constraint<bool>>,
    /// Noise is not heard.
    pub noise_suppression: Option<Constraint<bool>>,
    /// The levels of microphones are watched.
    pub monitor_microphone: Option<bool>,
}

setters!(MediaSettings {
    gain_control: some [Constraint<bool>],
    echo_cancellation: some [Constraint<bool>],
    noise_suppression: some [Constraint<bool>],
    monitor_microphone: some [bool],
});

impl MediaSettings {
    /// The changes of what is done to a voice.
    pub(super) fn voice(&self) -> [Option<Constraint<bool>>; 3] {
        [self.gain_control, self.echo_cancellation, self.noise_suppression]
    }

    pub(super) fn change(&self, defaults: &mut Defaults) {
        let fields = [
            &mut defaults.gain_control,
            &mut defaults.echo_cancellation,
            &mut defaults.noise_suppression,
        ];
        for (field, change) in fields.into_iter().zip(self.voice()) {
            *field = change.unwrap_or(*field);
        }
        defaults.monitor_microphone =
            self.monitor_microphone.unwrap_or(defaults.monitor_microphone);
    }
}
