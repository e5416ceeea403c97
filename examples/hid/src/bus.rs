//! Places where headsets are plugged in.

use async_channel::Receiver;

use crate::device::{Device, DeviceError, Found};
use crate::watch::{Change, watch};

/// A place where headsets are plugged in: this computer ([`System`]), or one in memory for tests
/// ([`Memory`](crate::memory::Memory)).
pub trait Bus: Send + 'static {
    /// The headsets that are plugged in now, and each that comes or goes from then on.
    ///
    /// # Errors
    ///
    /// The system does not say.
    fn watch(&mut self) -> Result<Receiver<Change>, DeviceError>;

    /// Opens a headset.
    ///
    /// # Errors
    ///
    /// Those of [`Device::open`].
    fn open(&mut self, found: &Found) -> Result<Device, DeviceError>;
}

/// The headsets of this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Bus for System {
    fn watch(&mut self) -> Result<Receiver<Change>, DeviceError> {
        watch()
    }

    fn open(&mut self, found: &Found) -> Result<Device, DeviceError> {
        Device::open(found)
    }
}
