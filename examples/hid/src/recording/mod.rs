//! Recordings of headsets: what one said and was shown, as a text that can be replayed.
//!
//! `cargo run -p offhook-hid --example headset -- --record FILE` writes one while somebody uses a headset,
//! and each in `tests/recordings` is replayed by a test: whoever has a headset can give us its recording,
//! and the test stays as it is.
//!
//! ```text
//! # Somebody's headset, with its firmware and the way that it is plugged in.
//! vendor 6993
//! product 0001
//! name Example 1
//! descriptor 05 0b 09 05 a1 01 15 00 25 01 75 01
//! descriptor 95 01 09 20 81 22 95 07 81 03
//! descriptor 05 08 95 01 09 17 91 22 95 07 91 03 c0
//!
//! 0 show dark
//!   out 00 00
//! # presses hook
//! 1520 in 01
//!   expect hook up
//! 1521 show off-hook
//!   out 00 01
//! ```
//!
//! First the device, as it is plugged in: `vendor` and `product` are its ids of USB, four hexadecimal
//! digits each, `name` is what it calls itself, or is left out, and `descriptor` has some bytes of its
//! report descriptor, line by line. Then what happened, each with its time in milliseconds since the
//! beginning, and what follows from it:
//!
//! | line | what it is |
//! | --- | --- |
//! | `MS in BYTES` | a report that the device said, with its id first if it has ids |
//! | `expect KEY` | a key in this report, in their order: `hook up`, `hook down`, `mute`, `muted`, `unmuted`, `flash`, `drop`, `redial`, `busy` or `free`. Without such a line it has none; `expect short` is a report that is too short to be read |
//! | `MS show LAMPS` | lamps that were to be shown: any of `off-hook`, `ring`, `mute` and `hold`, or `dark` |
//! | `out BYTES` | a report that was written for it, with its id first, or 0. Without such a line none was |
//!
//! The rest of a line behind a `#` is a note, but for a name, which ends with its line. Bytes are two hexadecimal digits
//! each. Space before a line and empty lines are nothing.
//!
//! The keys in a recording are what this crate took the reports for: whoever records compares them with what
//! was pressed, and corrects them where they are wrong. Everything that the device reports is in it, so look
//! it over before you give it away. On Windows the system keeps no report descriptor, and the one that is
//! recorded is rebuilt from what it does keep: recordings made elsewhere are better.

mod read;
#[cfg(feature = "device")]
mod recorder;
#[cfg(feature = "device")]
mod replay;
mod words;
mod write;

use std::time::Duration;

use offhook::headset::Lamps;

use crate::reports::Input;

pub use self::read::{ParseError, Problem};
#[cfg(feature = "device")]
pub use self::recorder::{Recorder, RecorderError};
#[cfg(feature = "device")]
pub use self::replay::ReplayError;

/// The most bytes of a recording's text.
pub const MAX_RECORDING: usize = 1024 * 1024;
/// The most characters of a device's name.
pub const MAX_NAME: usize = 128;

/// A headset and what was said and shown. The [module](self) has its form as a text, which is read by
/// `parse` and written by `to_string`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The maker's id.
    pub vendor: u16,
    /// The maker's number of the model.
    pub product: u16,
    /// The name that the device says. It may be empty.
    pub name: String,
    /// The report descriptor.
    pub descriptor: Vec<u8>,
    /// The things that happened.
    pub steps: Vec<Step>,
}

/// Something that happened in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The time since the beginning, in whole milliseconds.
    pub at: Duration,
    /// The thing that happened.
    pub what: Happening,
}

/// Something that a device said or was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The device said a report.
    Said {
        /// Its bytes, with the id first if the device has ids.
        report: Vec<u8>,
        /// The keys in it; none at all if it is too short to be read.
        keys: Option<Vec<Input>>,
    },
    /// Lamps were to be shown.
    Shown {
        /// All lamps.
        lamps: Lamps,
        /// The reports that were written for it, each with its id first, or 0.
        written: Vec<Vec<u8>>,
    },
}
