//! States of a call.

use super::constants;

constants! {
    /// The state of a call (RK-001, w4.0.2).
    ///
    /// ```text
    /// out: Initiating ──> Initiated ──> Ringing ──> Early Media ──> Connected <──> On Hold
    /// in:  Initiating ──> Initiated, Ringing ──> Connected <──> On Hold
    ///                          └──> Cancelled
    /// any but Cancelled ──> Ended
    /// ```
    CallState, "state of a call" {
        /// It is being set up here.
        Initiating = "Initiating",
        /// The gateway knows it, and nobody has said that it rings.
        Initiated = "Initiated",
        /// It rings.
        Ringing = "Ringing",
        /// The far side sends media before it answers. The caller's side only.
        EarlyMedia = "Early Media",
        /// The caller gave up, or it was taken elsewhere. The callee's side only.
        Cancelled = "Cancelled",
        /// It is up.
        Connected = "Connected",
        /// It is up, and held by one side or by both.
        OnHold = "On Hold",
        /// It is over.
        Ended = "Ended",
    }
}

impl CallState {
    /// True if nothing comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Ended)
    }

    /// True if it was answered and is not over.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Connected | Self::OnHold)
    }
}

constants! {
    /// The sides that hold a call (w4.0.2): one of two flags, or both.
    HoldState, "hold state" {
        /// Nobody.
        Connected = "Connected",
        /// This side.
        LocalHold = "Local Hold",
        /// The far side.
        RemoteHold = "Remote Hold",
        /// Both sides.
        DualHold = "Dual Hold",
    }
}

impl HoldState {
    /// The state of these flags.
    #[must_use]
    pub const fn new(local: bool, remote: bool) -> Self {
        match (local, remote) {
            (false, false) => Self::Connected,
            (true, false) => Self::LocalHold,
            (false, true) => Self::RemoteHold,
            (true, true) => Self::DualHold,
        }
    }

    /// True if this side holds.
    #[must_use]
    pub const fn local(self) -> bool {
        matches!(self, Self::LocalHold | Self::DualHold)
    }

    /// True if the far side holds.
    #[must_use]
    pub const fn remote(self) -> bool {
        matches!(self, Self::RemoteHold | Self::DualHold)
    }

    /// The state once this side holds, or holds no longer.
    #[must_use]
    pub const fn with_local(self, held: bool) -> Self {
        Self::new(held, self.remote())
    }

    /// The state once the far side holds, or holds no longer.
    #[must_use]
    pub const fn with_remote(self, held: bool) -> Self {
        Self::new(self.local(), held)
    }
}

constants! {
    /// The state of a call's media connection: that of ICE (RK-002, w4.19).
    MediaConnectionState, "state of a media connection" {
        /// Nothing was tried.
        New = "new",
        /// A path is looked for.
        Checking = "checking",
        /// A path was found.
        Connected = "connected",
        /// A path was found, and no other is looked for.
        Completed = "completed",
        /// The path stopped answering. It may come back.
        Disconnected = "disconnected",
        /// There is no path.
        Failed = "failed",
        /// The connection was closed.
        Closed = "closed",
    }
}
