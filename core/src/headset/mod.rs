//! A headset and the calls on it: the keys of the device become requests to the application, and the
//! calls become lamps, without either coming back as its own echo.
//!
//! A [`Headset`] is a pure state machine. Calls go in as they are ([`Headset::call`]), and so do the
//! keys of the device ([`Headset::key`]); out come what the user wants done ([`Ask`]) and what the
//! device should show ([`Lamps`]). It knows no service and no USB: a driver reads keys out of reports
//! and writes lamps, an application does what is asked for. Usages are those of the telephony and LED
//! pages of the HID usage tables (0x0B, 0x08).
//!
//! # Nothing echoes
//!
//! A command needs no mark that says whether it came from the headset. The machine takes the calls *as
//! they have become*, whoever changed them, and asks for nothing but what a key asked for. So an
//! application feeds all changes of calls in, those that it made itself and those that the headset
//! asked for, and does all that is asked:
//!
//! ```text
//!   service ──call changed──> Headset::call ──Effect::Show──> device
//!   device  ──key──────────> Headset::key  ──Effect::Ask───> command ──> service ──call changed──> …
//! ```
//!
//! The other way round, a device that is told to go off hook often says that it did, by the same report
//! as if its key had been pressed, and some do so for mute and hold. What follows a change of a lamp
//! within [`Options::echo`] and says the same is the device's echo, once, and no key. A key counts only
//! where it changes something: hook up while up is nothing.
//!
//! A change that was asked for counts as made until the calls say otherwise, so that a key that is
//! pressed again, or another one, builds on it. An application that could not do it says so
//! ([`Headset::refused`]), and the device shows again how it is.
//!
//! # Two calls on one headset
//!
//! *The front* is the call that talks (of several the one that began to last), else the one that is
//! being dialled, else the one held last. *Waiting* is the call that rings (of several the first).
//!
//! | key | idle | waiting | dialling | dialling, waiting | talking | talking, waiting | held | held, waiting |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | hook up | – | answer | – | end, answer | – | hold, answer | resume | answer |
//! | hook down | – | – | end | end | end | end | – | – |
//! | flash | – | – | – | end, answer | hold, and resume the one held last | hold, answer | resume | answer |
//! | drop | – | reject | end | reject | end | reject | end | reject |
//! | mute | – | – | mute | mute | mute | mute | mute | mute |
//!
//! "Hold, answer" holds or ends every call that talks, as [`Options::second`] says; one that is being
//! dialled cannot be held. Answering with a call held leaves that one held. Hook down while all are held
//! is no end: devices go on hook by themselves when they are told of a hold, and the next hook up
//! resumes. The device stays off hook until the last call is over: one that was put down while another
//! call talks is taken off hook again. Mute and unmute are of the front.
//!
//! A device that is plugged in is shown everything; one that is pulled out changes no call.

mod call;
mod device;
mod effect;
mod key;
mod lamps;
mod machine;
mod options;
#[cfg(test)]
mod tests;

pub use self::call::CallState;
pub use self::effect::{Action, Ask, Effect};
pub use self::key::{Hook, Key};
pub use self::lamps::Lamps;
pub use self::machine::Headset;
pub use self::options::{Options, Second};
