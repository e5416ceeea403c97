//! Devices, as the application names them (w7, nos 69 and 72).

use super::error::{Error, ErrorCode};

/// The most devices of all kinds together.
const MAX_DEVICES: usize = 256;
/// Bytes of each text of a device.
const MAX_TEXT: usize = 1024;

/// The purpose of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// It sees.
    Camera,
    /// It hears.
    Microphone,
    /// It speaks.
    Speaker,
}

/// A device (RT-022).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its name, as the application knows it; at most 1024 bytes, as are the others.
    pub id: String,
    /// The name of those that are one thing with it: a headset.
    pub group: String,
    /// Its purpose.
    pub kind: DeviceKind,
    /// Its name, as a person reads it.
    pub label: String,
}

impl Device {
    /// A device.
    #[must_use]
    pub fn new(kind: DeviceKind, id: impl Into<String>, label: impl Into<String>) -> Self {
        Self { id: id.into(), group: String::new(), kind, label: label.into() }
    }

    /// One that is one thing with others of this group.
    #[must_use]
    pub fn group(self, group: impl Into<String>) -> Self {
        Self { group: group.into(), ..self }
    }
}

/// The devices that there are (RT-021).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Devices {
    /// Those that see.
    pub cameras: Vec<Device>,
    /// Those that hear.
    pub microphones: Vec<Device>,
    /// Those that speak.
    pub speakers: Vec<Device>,
}

impl FromIterator<Device> for Devices {
    fn from_iter<I: IntoIterator<Item = Device>>(all: I) -> Self {
        let mut devices = Self::default();
        for device in all {
            match device.kind {
                DeviceKind::Camera => devices.cameras.push(device),
                DeviceKind::Microphone => devices.microphones.push(device),
                DeviceKind::Speaker => devices.speakers.push(device),
            }
        }
        devices
    }
}

impl Devices {
    fn all(&self) -> impl Iterator<Item = &Device> {
        self.cameras.iter().chain(&self.microphones).chain(&self.speakers)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Options`]: too many, or too long a text.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let long = |device: &Device| {
            [&device.id, &device.group, &device.label].iter().any(|text| text.len() > MAX_TEXT)
        };
        if self.all().count() > MAX_DEVICES || self.all().any(long) {
            let text = "over 256 devices, or a text of one of over 1024 bytes";
            return Err(Error::new(ErrorCode::Options, text));
        }
        Ok(())
    }
}
