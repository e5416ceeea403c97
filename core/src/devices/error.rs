//! Errors: of sources that do not open, of commands that are refused, and of those that fail later.

use crate::machine::MediaKind;

use super::device::DeviceId;

/// The reason why a source does not open, as the application tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum OpenError {
    /// The user or the system does not allow it. It is not tried again (MD-10).
    #[error("this may not be used")]
    Denied,
    /// There is no such device.
    #[error("no such device")]
    NotFound,
    /// The constraints cannot be met.
    #[error("no device can do what is asked for")]
    Overconstrained,
    /// The device began, and gave up: what a camera does with a size that it cannot have.
    #[error("the device gave up while it began")]
    Aborted,
    /// The platform opens no second source while the one in use is open.
    #[error("only one source can be open at a time")]
    OneAtATime,
    /// Anything else: another program has it, the hardware fails.
    #[error("the device cannot be used")]
    Failed,
}

/// The reason why a command was refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The command names nothing to be changed (MD-16).
    #[error("nothing to do")]
    NothingToDo,
    /// There is no such session.
    #[error("no such session")]
    UnknownSession,
    /// The session sends nothing of this kind: a camera is of no use to a call.
    #[error("the session sends no {}", .0.name())]
    NotSent(MediaKind),
    /// There is no such device of this kind.
    #[error("no device {} for {}", .1, .0.name())]
    UnknownDevice(MediaKind, DeviceId),
    /// A volume is from 0 to 100.
    #[error("{0} is no volume: those are 0 to 100")]
    Volume(u8),
    /// No value can meet the constraint.
    #[error("a constraint that nothing can meet")]
    Impossible,
    /// Too many commands wait for the application's answers.
    #[error("too many commands are under way")]
    Busy,
}

/// The reason why an accepted command failed. What was in use is still, or again, unless it ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Failure {
    /// The source did not open, nor did another that may stand in for it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another choice was made meanwhile.
    #[error("another choice was made meanwhile")]
    Superseded,
    /// The source ended meanwhile.
    #[error("the source ended meanwhile")]
    Ended,
    /// The session sends nothing of this kind any more.
    #[error("the session does not send this any more")]
    NotSent,
    /// The session ended meanwhile.
    #[error("the session ended meanwhile")]
    SessionEnded,
}
