//! The wishes for a source that is to be opened.

use super::constraint::{Constraint, Resolution};
use super::device::DeviceId;

/// The wishes for what a device is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// It hears.
    Microphone {
        /// The level of a voice is kept even.
        gain_control: Constraint<bool>,
        /// The loudspeaker is not heard.
        echo_cancellation: Constraint<bool>,
        /// Noise is not heard.
        noise_suppression: Constraint<bool>,
    },
    /// It sees.
    Camera {
        /// Pictures in a second.
        frame_rate: Option<Constraint<u32>>,
        /// The size of a picture; none where any will do.
        resolution: Option<Resolution>,
    },
}

/// The wishes for a source that is to be opened (MD-5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Constraints {
    /// Exactly this device; none: the one that the system takes by default.
    pub device: Option<DeviceId>,
    /// The wishes for what it is to do.
    pub capture: Capture,
}

impl Constraints {
    pub(super) fn new(device: Option<DeviceId>, capture: Capture) -> Self {
        Self { device, capture }
    }

    /// The size of pictures that is wished for.
    #[must_use]
    pub fn resolution(&self) -> Option<Resolution> {
        match self.capture {
            Capture::Camera { resolution, .. } => resolution,
            Capture::Microphone { .. } => None,
        }
    }

    /// The same with another size of pictures.
    pub(super) fn sized(&self, size: Option<Resolution>) -> Self {
        let mut sized = self.clone();
        match &mut sized.capture {
            Capture::Camera { resolution, .. } => *resolution = size,
            Capture::Microphone { .. } => {}
        }
        sized
    }
}
