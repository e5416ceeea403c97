//! The devices of whoever uses the telephone, as the application tells them: a library asks no system for any.

use crate::machine::CommandId;
use crate::ribbon::devices::Devices;
use crate::ribbon::error::Error;
use crate::ribbon::event::Event;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;

/// The devices, and whoever waits for them.
#[derive(Debug, Default)]
pub(super) struct DeviceDesk {
    devices: Devices,
    waiting: Vec<CommandId>,
}

impl DeviceDesk {
    pub(super) fn get(&self) -> &Devices {
        &self.devices
    }

    /// Asks the application for its devices.
    pub(super) fn ask(&mut self, command: CommandId, audio: bool, video: bool, out: &mut Outbox) {
        // Those whose time was up are answered.
        self.waiting.retain(|command| out.is_open(*command));
        self.waiting.push(command);
        out.event(Event::DevicesWanted { audio, video });
    }

    /// Takes the devices that there are now.
    pub(super) fn set(&mut self, devices: Devices, out: &mut Outbox) {
        if self.devices != devices {
            self.devices = devices;
            out.event(Event::DevicesChanged);
        }
        self.answer(&Ok(()), out);
    }

    /// Answers whoever waits.
    pub(super) fn answer(&mut self, result: &Result<(), Error>, out: &mut Outbox) {
        for command in self.waiting.drain(..) {
            out.complete(command, result.clone().map(|()| Outcome::Done));
        }
    }
}
