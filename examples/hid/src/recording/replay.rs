//! A recording that is played to the code that real headsets use.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::words::{of_bytes, of_keys};
use super::{Happening, Recording};
use crate::device::{Device, DeviceError, Event, Found, PATIENCE, Port};
use crate::reports::Input;

/// A recording in which something else happens now.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be opened, or fails.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A report has other keys.
    #[error("at {} ms: keys of {}: expected {}, not {}", .at.as_millis(), of_bytes(.report), keys(.expected), keys(.got))]
    Keys {
        /// The time of the step.
        at: Duration,
        /// The report.
        report: Vec<u8>,
        /// The keys in the recording; none at all for a report that is too short.
        expected: Option<Vec<Input>>,
        /// The keys that are read.
        got: Option<Vec<Input>>,
    },
    /// Other reports are written for lamps.
    #[error("at {} ms: written for lamps: expected {}, not {}", .at.as_millis(), reports(.expected), reports(.got))]
    Lamps {
        /// The time of the step.
        at: Duration,
        /// The reports in the recording.
        expected: Vec<Vec<u8>>,
        /// The reports that are written.
        got: Vec<Vec<u8>>,
    },
}

impl Recording {
    /// Plays it to a [`Device`], which is opened by its ids and descriptor as a real one is, and compares
    /// keys and what is written for lamps. It takes no time.
    ///
    /// # Errors
    ///
    /// It is no headset, or the first thing that differs.
    pub fn replay(&self) -> Result<(), ReplayError> {
        let (say, says) = mpsc::channel();
        let (write, writes) = mpsc::channel();
        let found =
            Found::new(c"recording".to_owned(), self.vendor, self.product, self.name.clone());
        let descriptor = self.descriptor.clone();
        let mut device =
            Device::over(found, descriptor, Box::new(Says(says)), Box::new(Hears(write)))?;
        let events = device.events();
        for step in &self.steps {
            let at = step.at;
            match &step.what {
                Happening::Said { report, keys } => {
                    say.send(report.clone()).map_err(|_| DeviceError::Gone)?;
                    let Ok(Event::Report(report)) = events.recv_blocking() else {
                        return Err(DeviceError::Gone.into());
                    };
                    let got = device.read(&report).ok();
                    if got != *keys {
                        let expected = keys.clone();
                        return Err(ReplayError::Keys { at, report, expected, got });
                    }
                }
                Happening::Shown { lamps, written } => {
                    device.show(*lamps)?;
                    let got: Vec<_> = writes.try_iter().collect();
                    if got != *written {
                        let expected = written.clone();
                        return Err(ReplayError::Lamps { at, expected, got });
                    }
                }
            }
        }
        Ok(())
    }
}

/// The handle by which the device says its reports.
struct Says(Receiver<Vec<u8>>);

impl Port for Says {
    fn read(&self, room: &mut [u8]) -> Result<usize, DeviceError> {
        match self.0.recv_timeout(Duration::from_millis(PATIENCE.unsigned_abs().into())) {
            // No device says that.
            Ok(report) if report.is_empty() => Err(DeviceError::Gone),
            Ok(report) => {
                // As a system does.
                let length = report.len().min(room.len());
                room[..length].copy_from_slice(&report[..length]);
                Ok(length)
            }
            Err(RecvTimeoutError::Timeout) => Ok(0),
            Err(RecvTimeoutError::Disconnected) => Err(DeviceError::Gone),
        }
    }

    fn write(&self, _report: &[u8]) -> Result<(), DeviceError> {
        Err(DeviceError::Gone)
    }
}

/// The handle by which reports are written to it.
struct Hears(Sender<Vec<u8>>);

impl Port for Hears {
    fn read(&self, _room: &mut [u8]) -> Result<usize, DeviceError> {
        Err(DeviceError::Gone)
    }

    fn write(&self, report: &[u8]) -> Result<(), DeviceError> {
        self.0.send(report.to_vec()).map_err(|_| DeviceError::Gone)
    }
}

/// The keys, in words.
fn keys(keys: &Option<Vec<Input>>) -> String {
    or_nothing(&of_keys(keys.as_deref()).join(", "))
}

/// The reports, as bytes.
fn reports(reports: &[Vec<u8>]) -> String {
    let bytes: Vec<_> = reports.iter().map(|report| of_bytes(report)).collect();
    or_nothing(&bytes.join(", "))
}

fn or_nothing(words: &str) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::MAX_REPORT;

    /// One byte each way: a hook, and its lamp.
    const HEAD: &str = "vendor 0001
        product 0001
        descriptor 05 0b 09 05 a1 01 25 01 75 01 95 01 09 20 81 22 05 08 09 17 91 22 c0
        0 show dark
        out 00 00
        ";

    fn replay(steps: &str) -> Result<(), String> {
        let recording: Recording = format!("{HEAD}{steps}").parse().expect("a recording");
        recording.replay().map_err(|error| error.to_string())
    }

    #[test]
    fn what_differs_is_told() {
        assert_eq!(replay("7 in 01\nexpect hook up\n7 show off-hook\nout 00 01"), Ok(()));
        let told = |steps| replay(steps).expect_err("it differs");
        let nothing = told("7 in 01");
        assert_eq!(nothing, "at 7 ms: keys of 01: expected nothing, not hook up");
        let other = told("7 in 00\nexpect hook down\nexpect mute");
        assert_eq!(other, "at 7 ms: keys of 00: expected hook down, mute, not nothing");
        let short = told("7 in 01\nexpect short");
        assert_eq!(short, "at 7 ms: keys of 01: expected short, not hook up");
        let dark = told("7 show off-hook\nout 00 00\nout 01 00");
        assert_eq!(dark, "at 7 ms: written for lamps: expected 00 00, 01 00, not 00 01");
        let again = told("7 show dark\nout 00 00");
        assert_eq!(again, "at 7 ms: written for lamps: expected 00 00, not nothing");
        let none = "vendor 0001\nproduct 0001\ndescriptor 05".parse::<Recording>();
        let none = none.expect("a recording").replay();
        assert!(matches!(none, Err(ReplayError::Device(DeviceError::Layout(_)))), "{none:?}");
    }

    /// A report of the greatest length is cut off as a system cuts it off, and its keys are read.
    #[test]
    fn a_long_report_has_its_keys() {
        let steps = format!("7 in 01{}\nexpect hook up", " 00".repeat(MAX_REPORT));
        assert_eq!(replay(&steps), Ok(()));
    }
}
