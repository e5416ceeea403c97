//! The sources that are wished for media of ours (w7, types 5 to 8): the application, which has the devices, reads
//! them and sends what it can.

use super::devices::{Device, Devices};
use super::error::{CallCode, Error};

/// Bytes of the name of a device.
const MAX_NAME: usize = 1024;
/// The widest and the highest picture, in pixels.
const MAX_PIXELS: u32 = 16_384;
/// The most pictures in a second.
const MAX_RATE: u32 = 1000;

/// A wish (RT-005). Where both are said, `exact` counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Constraint<T> {
    /// The value that it has to be.
    pub exact: Option<T>,
    /// The value that it should be: the closest is taken.
    pub ideal: Option<T>,
}

impl<T> Default for Constraint<T> {
    fn default() -> Self {
        Self { exact: None, ideal: None }
    }
}

impl<T> Constraint<T> {
    /// It has to be this.
    #[must_use]
    pub fn exact(value: impl Into<T>) -> Self {
        Self { exact: Some(value.into()), ideal: None }
    }

    /// It should be this.
    #[must_use]
    pub fn ideal(value: impl Into<T>) -> Self {
        Self { exact: None, ideal: Some(value.into()) }
    }

    /// The value that counts, where one is said.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.exact.as_ref().or(self.ideal.as_ref())
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        self.exact.iter().chain(&self.ideal)
    }
}

/// A wish for sound (RT-006).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioOptions {
    /// The microphone, by its name ([`Device::id`]).
    pub device: Constraint<String>,
}

setters!(AudioOptions { device: is[Constraint<String>] });

/// A wish for the pictures of a camera (RT-007).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoOptions {
    /// The camera, by its name ([`Device::id`]).
    pub device: Constraint<String>,
    /// The height in pixels: 1 to 16 384.
    pub height: Constraint<u32>,
    /// The width in pixels: 1 to 16 384.
    pub width: Constraint<u32>,
    /// The pictures in a second: 1 to 1000.
    pub frame_rate: Constraint<u32>,
}

setters!(VideoOptions {
    device: is[Constraint<String>],
    height: is[Constraint<u32>],
    width: is[Constraint<u32>],
    frame_rate: is[Constraint<u32>],
});

/// A wish for the pictures of a screen (RT-008).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScreenOptions {
    /// The height in pixels: 1 to 16 384.
    pub height: Constraint<u32>,
    /// The width in pixels: 1 to 16 384.
    pub width: Constraint<u32>,
    /// The pictures in a second: 1 to 1000.
    pub frame_rate: Constraint<u32>,
}

setters!(ScreenOptions {
    height: is[Constraint<u32>],
    width: is[Constraint<u32>],
    frame_rate: is[Constraint<u32>],
});

/// The wishes for all media of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaWishes {
    /// Those for sound.
    pub audio: AudioOptions,
    /// Those for a camera's pictures.
    pub video: VideoOptions,
    /// Those for a screen's pictures.
    pub screen: ScreenOptions,
}

setters!(MediaWishes {
    audio: is[AudioOptions],
    video: is[VideoOptions],
    screen: is[ScreenOptions]
});

impl MediaWishes {
    /// True if nothing is wished.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the bounds, and that the devices that it has to be are there.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`] beyond a bound, [`CallCode::UserMedia`] for a device that the application has not
    /// told.
    pub(super) fn check(&self, devices: &Devices) -> Result<(), Error> {
        let Self { audio, video, screen } = self;
        for size in [&video.height, &video.width, &screen.height, &screen.width] {
            within(size, MAX_PIXELS)?;
        }
        for rate in [&video.frame_rate, &screen.frame_rate] {
            within(rate, MAX_RATE)?;
        }
        is_there(&audio.device, &devices.microphones)?;
        is_there(&video.device, &devices.cameras)
    }
}

fn within(wish: &Constraint<u32>, most: u32) -> Result<(), Error> {
    match wish.all().find(|value| !(1..=most).contains(*value)) {
        Some(value) => {
            let text = format!("{value} is not within 1 to {most}");
            Err(Error::new(CallCode::InvalidParam, text))
        }
        None => Ok(()),
    }
}

fn is_there(wish: &Constraint<String>, devices: &[Device]) -> Result<(), Error> {
    if wish.all().any(|name| name.is_empty() || name.len() > MAX_NAME) {
        let text = "the name of a device is empty, or of over 1024 bytes";
        return Err(Error::new(CallCode::InvalidParam, text));
    }
    match &wish.exact {
        Some(name) if devices.iter().all(|device| device.id != *name) => {
            Err(Error::new(CallCode::UserMedia, "there is no such device"))
        }
        Some(_) | None => Ok(()),
    }
}
