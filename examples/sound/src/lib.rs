//! Loudspeakers and microphones for the examples.
//!
//! A [`Desk`] has the devices of one person: it opens what is wanted of a [`Card`] while there are calls, and something
//! else when that vanishes. Each call has a [`Line`] of it, whose functions return at once, whatever the devices do.
//! Between the two are [`Ring`]s, since a device and a call have clocks of their own.
//!
//! The device is the one that is wanted by name, if it is there and can be opened; else the system's default; else
//! there is silence. This is looked at whenever devices come or go, and each second where something is missing: so a
//! headset that is plugged in again is used again, and another default is followed.
//!
//! On Linux the card is `Pulse`, which speaks the protocol of PulseAudio, as PipeWire does, and needs no library. On
//! other systems it is `cpal`'s. [`memory`] has one for tests. With the feature `voice`, `Voice` cancels echoes,
//! suppresses noise and controls the gain.

#![deny(missing_docs)]

mod card;
#[cfg(any(target_os = "macos", windows))]
mod cpal;
mod desk;
mod ends;
mod keeper;
mod level;
pub mod memory;
#[cfg(target_os = "linux")]
mod pulse;
mod ring;
#[cfg(test)]
mod tests;
#[cfg(feature = "voice")]
mod voice;

pub use self::card::{Card, CardError, Changes, Device, Devices, Direction};
#[cfg(any(target_os = "macos", windows))]
pub use self::cpal::Cpal;
pub use self::desk::Desk;
pub use self::ends::{Figures, Line, Microphone, Processor, Speaker};
pub use self::keeper::{News, Place};
pub use self::level::Level;
#[cfg(target_os = "linux")]
pub use self::pulse::Pulse;
pub use self::ring::{Glitches, Ring};
#[cfg(feature = "voice")]
pub use self::voice::{Voice, VoiceOptions};

/// Samples in a second.
pub const RATE: u32 = 48_000;
/// Samples in a frame of 20 ms, the piece that calls take.
pub const FRAME: usize = 960;
/// Samples in 10 ms, the piece that [`Processor`]s take.
pub const BLOCK: usize = FRAME / 2;

/// The card of this system, not opened yet.
#[must_use]
pub fn system() -> Box<dyn Card> {
    #[cfg(target_os = "linux")]
    let card = Pulse::from_env();
    #[cfg(any(target_os = "macos", windows))]
    let card = Cpal::default();
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    let card = memory::Memory::default().card();
    Box::new(card)
}
