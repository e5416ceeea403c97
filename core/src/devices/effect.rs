//! Effects and events of devices.

use super::choice::Given;
use super::constraint::{Resolution, Size};
use super::constraints::Constraints;
use super::device::DeviceId;
use super::error::{Failure, OpenError};
use super::ladder::Rung;
use crate::machine::MediaKind;

/// A request to the application, and the source that it opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// An accepted command, until its [`Event::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// A source of sound or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The one that a request opened. It is the session's, and is closed for it.
    Opened(RequestId),
    /// One of the application's own.
    Given(Given),
}

/// Something to be done, in the order given. Sessions have the names that the application gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<S> {
    /// The application opens a source, and answers once ([`Devices::answered`](super::Devices::answered)).
    /// The user may be asked for leave: a window may want to come to the front (MD-13).
    Open {
        /// The request.
        request: RequestId,
        /// The session that it is for.
        session: S,
        /// The wishes for it.
        constraints: Constraints,
    },
    /// The application changes the size of an open camera's pictures, and answers once
    /// ([`Devices::resized`](super::Devices::resized)).
    Resize {
        /// The request.
        request: RequestId,
        /// The camera.
        source: Source,
        /// The wish for the size.
        resolution: Resolution,
    },
    /// From now on the session sends this of a kind, and nothing else of it.
    Switch {
        /// The session.
        session: S,
        /// The kind.
        kind: MediaKind,
        /// The source; none: nothing is sent.
        source: Option<Source>,
        /// True if the session is muted, and the source must not be heard (MD-16).
        muted: bool,
    },
    /// The application closes a source that it opened. Nobody sends it any more.
    Close(RequestId),
    /// From now on the session is heard there.
    Output {
        /// The session.
        session: S,
        /// The loudspeaker; none: the system's.
        device: Option<DeviceId>,
    },
    /// From now on the session is heard so loud.
    Volume {
        /// The session.
        session: S,
        /// The volume, 0 to 100: silent to all of it (MD-22).
        volume: u8,
    },
    /// The application mutes the session in the service: it has nothing to send (MD-10, MH-10).
    Mute {
        /// The session.
        session: S,
        /// The kind.
        kind: MediaKind,
    },
    /// From now on the application tells, or does not tell, the level of what the session's microphone hears,
    /// ten times a second or so ([`Devices::level`](super::Devices::level)).
    Monitor {
        /// The session.
        session: S,
        /// True if it does.
        on: bool,
    },
    /// The application lists its devices again: their labels may be known only now (MD-8).
    List,
    /// Something to be told.
    Tell(Event<S>),
}

/// Something that the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<S> {
    /// A command is over.
    Done {
        /// The command.
        command: CommandId,
        /// Its result; of several failures the first.
        result: Result<(), Failure>,
    },
    /// A session sends something else.
    InUse {
        /// The session.
        session: S,
        /// The kind.
        kind: MediaKind,
        /// The source.
        source: Source,
        /// The device, where that is known.
        device: Option<DeviceId>,
        /// The attempt that brought it.
        rung: Rung,
    },
    /// The source that a session sent has ended, or its device is not there any more. Another one is looked
    /// for.
    Lost {
        /// The session.
        session: S,
        /// The kind.
        kind: MediaKind,
        /// The source.
        source: Source,
    },
    /// A session has nothing to send of a kind that it wants to send.
    Silent {
        /// The session.
        session: S,
        /// The kind.
        kind: MediaKind,
        /// The reason why the last source did not open.
        error: OpenError,
    },
    /// The list of devices has changed.
    DevicesChanged,
    /// A permission was given or taken away.
    PermissionChanged {
        /// The kind of media.
        kind: MediaKind,
        /// True if devices of this kind may be used.
        granted: bool,
    },
    /// The size of a camera's pictures followed a change of the default resolution.
    ResolutionUpdated {
        /// The session.
        session: S,
        /// The camera.
        source: Source,
        /// The wish; none where any size will do.
        requested: Option<Resolution>,
        /// The size that the pictures have.
        actual: Size,
    },
    /// The level of a session's microphone.
    AudioTrackVolume {
        /// The session.
        session: S,
        /// The source.
        source: Source,
        /// The volume, 0 to 255.
        volume: u8,
        /// True if nobody hears it: the session is muted, or the source is.
        muted: bool,
    },
    /// Something is not as it was asked to be.
    Warned(Warning<S>),
}

/// Something that is not as it was asked to be, and leaves things as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning<S> {
    /// There is no such loudspeaker (MD-19).
    UnknownOutput(DeviceId),
    /// A session cannot be heard by a loudspeaker; it is heard by another one.
    OutputFailed {
        /// The session.
        session: S,
        /// The loudspeaker; none: the system's.
        device: Option<DeviceId>,
    },
    /// Too many sessions: this one is not looked at.
    TooManySessions(S),
}
