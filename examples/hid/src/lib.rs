//! Headsets by the telephony page of the HID usage tables: what their reports say as keys, and lamps as
//! reports.
//!
//! A [`Layout`] is read out of a device's report descriptor: where the usages of keys (page 0x0B) and of
//! lamps (page 0x08) are, in whatever reports and bits a model has them. [`Reports`] are one device's
//! talk by it: an input report becomes [`Input`]s, of which most are a
//! [`Key`](offhook::headset::Key) for [`offhook::headset::Headset`], and the
//! [`Lamps`](offhook::headset::Lamps) that this wants shown become the output reports that change.
//! Both are pure, and no bytes make them panic.
//!
//! ```
//! use offhook::headset::{Hook, Key, Lamps};
//! use offhook_hid::{Input, Layout, Reports};
//!
//! let descriptor = [
//!     0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, // telephony, headset, application
//!     0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01, 0x09, 0x20, 0x81, 0x22, // hook switch
//!     0x05, 0x08, 0x09, 0x17, 0x91, 0x22, // lamp: off hook
//!     0xc0,
//! ];
//! let mut reports = Reports::new(Layout::parse(&descriptor)?);
//! assert_eq!(reports.read(&[1])?, [Input::Key(Key::Hook(Hook::Up))]);
//! let talks = Lamps { off_hook: true, ..Lamps::default() };
//! assert_eq!(reports.show(talks), [[0, 1]], "the id comes first, 0 where there is none");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `device`, which is on, `Device` is a headset that is plugged in, by `hidapi`: its
//! thread hands over what it reports, and `watch` tells of headsets that come and go. Both are of a
//! `Bus`: this computer, or for tests a headset in `memory`. On Linux the devices belong to root:
//! `70-offhook-headsets.rules`, beside this crate, gives them to whoever sits at the computer.
//!
//! # Makers
//!
//! | maker | beside the standard usages |
//! | --- | --- |
//! | Jabra, Poly, EPOS | nothing, on the word of the usage tables |
//! | Yealink | the bits of keys and lamps that some of its descriptors leave out ([`Quirk::Yealink`]) |
//! | VBeT | left out: it has bytes of its own for each model, which nobody has recorded |
//! | others | nothing |
//!
//! None of it was tried with a headset that one can touch. What a device says beside the standard usages (a
//! long press, a boom arm, a battery) is not read. A [`recording`] of a headset shows what works and what
//! its maker needs: it is a text that the example writes and a test replays.
//!
//! One process owns the state of the calls: a browser that has the same headset open fights with us.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bits;
#[cfg(feature = "device")]
mod bus;
mod descriptor;
#[cfg(feature = "device")]
mod device;
mod field;
mod layout;
#[cfg(feature = "device")]
pub mod memory;
mod quirk;
pub mod recording;
mod reports;
mod usage;
#[cfg(feature = "device")]
mod watch;

#[cfg(feature = "device")]
pub use self::bus::{Bus, System};
pub use self::descriptor::{DescriptorError, MAX_DESCRIPTOR, MAX_REPORT};
#[cfg(feature = "device")]
pub use self::device::{Device, DeviceError, Event, Found, list};
pub use self::layout::{Layout, LayoutError};
pub use self::quirk::Quirk;
pub use self::reports::{Input, ReportError, Reports};
pub use self::usage::{Button, Led, Usage};
#[cfg(feature = "device")]
pub use self::watch::{Change, RELIST, watch};
