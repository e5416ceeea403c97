//! Devices, as the application names them.

use crate::machine::MediaKind;

text_id! {
    /// The name of a device, as the application knows it: of at most 255 bytes, and the same each time the
    /// device is there, as far as that can be had.
    DeviceId
}

/// The purpose of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// It hears.
    Microphone,
    /// It sees.
    Camera,
    /// It speaks.
    Speaker,
}

impl DeviceKind {
    /// The devices that media of a kind comes from.
    #[must_use]
    pub const fn of(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Microphone,
            MediaKind::Video => Self::Camera,
        }
    }
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its name, as the application knows it.
    pub id: DeviceId,
    /// The name of those that are one thing with it: a headset. Empty where it is alone.
    pub group: String,
    /// Its purpose.
    pub kind: DeviceKind,
    /// Its name, as a person reads it. Empty where that may not be known yet.
    pub label: String,
}

impl Device {
    /// A device that is alone.
    #[must_use]
    pub fn new(kind: DeviceKind, id: impl Into<DeviceId>, label: impl Into<String>) -> Self {
        Self { id: id.into(), group: String::new(), kind, label: label.into() }
    }
}

setters!(Device { group: into[String] });
