//! Loudspeakers and microphones for the examples.
//!
//! A [`Desk`] has the devices of one person. Each call has a [`Line`] of it, whose functions return at once, whatever the
//! devices do. Between a device and a call are [`Ring`]s, since each has a clock of its own.
//!
//! The core ([`offhook::devices`]) decides which device a call uses, and in which order they change: the one that is wanted
//! by name, if it is there and can be opened; else the one in use, or the system's default; and where the card has no
//! microphone for a call, the call is to be muted. The desk has a [`Card`] do that, and has the choice made again whenever
//! devices come or go, and each second where one could not be opened: so a headset that is plugged in again is used again,
//! and another default is followed. Another device is opened before the one in use is closed. A monitor, which records
//! what a loudspeaker plays, is offered to whoever wants it by its name only, and is nobody's default.
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
#[cfg(any(target_os = "macos", windows, test))]
mod form;
mod keeper;
mod level;
pub mod memory;
mod news;
#[cfg(target_os = "linux")]
mod pulse;
mod ring;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(feature = "voice")]
mod voice;
mod voice_options;

pub use self::card::{Card, CardError, Changes, Device, Devices, Direction, Stream};
#[cfg(any(target_os = "macos", windows))]
pub use self::cpal::Cpal;
pub use self::desk::Desk;
pub use self::ends::{Figures, Line, LineId, Microphone, Processor, Speaker};
pub use self::level::Level;
pub use self::news::{News, Place};
#[cfg(target_os = "linux")]
pub use self::pulse::Pulse;
pub use self::ring::{Glitches, Ring};
#[cfg(feature = "voice")]
pub use self::voice::Voice;
pub use self::voice_options::VoiceOptions;

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
