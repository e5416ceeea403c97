//! Devices as decisions: which microphone, camera and loudspeaker each session uses, when devices come and
//! go, fail, are chosen or may not be used.
//!
//! A [`Devices`] is a pure state machine. Devices go in as they are listed ([`Devices::listed`]), and so do
//! sessions as they have become ([`Devices::session`]) and commands; out come requests to the application
//! ([`Effect`]), which opens, switches and closes sources, and answers ([`Devices::answered`]). It knows no
//! service, no wire and no media engine: nothing of all this is signaled, and calls of either service, or of
//! none, are sessions alike. A check of the microphone before a call is a session, too. Rules (MD) are those
//! of the behaviour notes 7.
//!
//! ```text
//!   platform    ──listed, ended, answered──> Devices ──Open, Resize, Close──────> platform
//!   service     ──session────────────────>   Devices ──Switch, Output, Volume──> media of the session
//!   application ──update_…───────────────>   Devices ──Mute─────────────────────> service
//! ```
//!
//! # One source at a time, and never none
//!
//! Each session has its own source of each kind, sound before pictures (MD-7), and one at most is being
//! opened for it. A switch opens the other source *first*: [`Effect::Switch`] comes once it is open, and
//! [`Effect::Close`] of what was sent after that. So **a switch that fails leaves what was in use**. Where the
//! platform cannot open a second source ([`OpenError::OneAtATime`]), what is in use is closed, the same is
//! tried again, and what was in use is brought back if that fails, too. This is meant to differ from MD-16,
//! which stops before it captures, and with which a call may lose its microphone for good (DEF-1).
//!
//! While something is being opened a new choice waits, one at most; a newer one takes its place, and the
//! commands of the older are answered ([`Failure::Superseded`]). The default, chosen again once it stands
//! for another device, waits as well, and no command fails for it. Commands that wait for another size of the
//! device in use are answered with what takes its place. A source that opens when nobody wants it any
//! more, because its session ended, was muted, or chose another one, is closed at once.
//!
//! A muted microphone stays open, a muted camera is closed, and opened again when it is not (MD-16). Sources of
//! the application's own ([`Given`]) are sent, and never opened or closed here (MD-26).
//!
//! # Fallbacks
//!
//! A device that is not there is not asked for: the default stands for it, then the system's (MD-6). For a
//! source that does not open the ladder is (MD-10, MD-11):
//!
//! | it failed by | nothing else is in use | another is in use | that was closed for this switch |
//! | --- | --- | --- | --- |
//! | `Denied` | mute | keep | before |
//! | `NotFound`, `Failed` | default, system, mute | keep | before |
//! | `Aborted`, `Overconstrained`, with a size | any size | any size | any size |
//! | the same, with any size | default, system, mute | keep | before |
//! | `OneAtATime` | default, system, mute | release | before |
//!
//! *Default* is the default device, if it is there; *system* the one that the system takes; neither is tried
//! twice, and both take any size of pictures. *Any size* is the same device without the wish for a size.
//! *Release* closes what is in use and tries the same again. *Before* opens again what was in use; if that
//! fails, it goes on as if nothing had been. *Mute* asks for the session to be muted ([`Effect::Mute`]), as
//! it has nothing to send. With [`Fallback::Nothing`] default and system are left out (DEF-19).
//!
//! A source that ends, or whose device is not listed any more, is lost (MD-18): its choice is resolved again,
//! so that the default stands in, then the system's; a device that ended while it is listed is passed over.
//! Without any device of the kind the session is muted (MH-10). A session that has nothing to send tries again
//! when the devices of the kind are others, leave is given, it is unmuted, or a command is about it. A lost
//! loudspeaker moves all sessions to the default one, or the system's.
//!
//! # Commands
//!
//! | command | sessions | what they do |
//! | --- | --- | --- |
//! | [`update_outgoing_media`](Devices::update_outgoing_media) | the one named | switches (MD-16) |
//! | [`update_all_outgoing_media`](Devices::update_all_outgoing_media) | all that send it | switch (MD-21) |
//! | [`update_default_devices`](Devices::update_default_devices) | with [`Scope::Live`] all that send it | switch the kinds that are named (MD-21) |
//! | [`update_default_media_settings`](Devices::update_default_media_settings) | with [`Scope::Live`] all that send sound | open their device anew, and switch to it |
//! | [`update_default_resolution`](Devices::update_default_resolution) | with [`Scope::Live`] all that send pictures | resize, or open anew (MD-20) |
//! | [`update_output_device`](Devices::update_output_device) | all that are heard | are heard there (MD-19) |
//! | [`update_audio_volume`](Devices::update_audio_volume) | all that are heard | are so loud (MD-22) |
//! | [`set_default_audio_source`](Devices::set_default_audio_source) | those to come | begin with it (MD-26) |
//!
//! Sessions come in the order in which they began, of each the sound first; none waits for another. What is
//! in use already is left alone (MD-16), but for the system's device, which may be another one by now. A camera
//! that is muted takes note of its choice, and is not started.
//!
//! A command that cannot be done is refused, and has changed nothing ([`Refused`]). Any other is answered by
//! exactly one [`Event::Done`], perhaps among the effects that it returns with: also when its session ends or
//! its device goes meanwhile. There is no clock: a command waits as long as the application does, which
//! answers each request once.

mod catalogue;
mod choice;
mod commands;
mod constraint;
mod constraints;
mod defaults;
mod desk;
mod device;
mod effect;
mod error;
mod feed;
mod in_use;
mod ladder;
mod level;
mod live;
mod machine;
mod options;
mod plan;
mod session;
#[cfg(test)]
mod tests;

pub use self::choice::{Choice, Given, Outgoing, Preference, Scope};
pub use self::constraint::{Constraint, Resolution, Size};
pub use self::constraints::{Capture, Constraints};
pub use self::defaults::{DefaultDevices, Defaults, MediaSettings};
pub use self::device::{Device, DeviceId, DeviceKind};
pub use self::effect::{CommandId, Effect, Event, RequestId, Source, Warning};
pub use self::error::{Failure, OpenError, Refused};
pub use self::in_use::{InUse, Opened};
pub use self::ladder::Rung;
pub use self::machine::{Accepted, Devices};
pub use self::options::{Fallback, Options};
pub use self::session::{Sends, Session};
