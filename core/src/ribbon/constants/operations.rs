//! Operations on calls (w4.0.3).

use super::constants;

constants! {
    /// The kind of an operation on a call, by whichever side it is done.
    OperationKind, "kind of operation" {
        /// A call is made, or comes in.
        Make = "MAKE",
        /// A call is made without a user.
        MakeAnonymous = "MAKE_ANONYMOUS",
        /// A call is answered.
        Answer = "ANSWER",
        /// A call that came without an offer is answered with one. Told as `ANSWER`.
        SlowAnswer = "SLOW_ANSWER",
        /// A call is turned down.
        Reject = "REJECT",
        /// A call is left alone.
        Ignore = "IGNORE",
        /// A call is ended.
        End = "END",
        /// The caller is told that it rings.
        SendRingingFeedback = "SEND_RINGING_FEEDBACK",
        /// A call is sent elsewhere before it is answered.
        ForwardCall = "FORWARD_CALL",
        /// A call is held.
        Hold = "HOLD",
        /// A call is held no longer.
        Unhold = "UNHOLD",
        /// The application's parameters are sent.
        SendCustomParameters = "SEND_CUSTOM_PARAMETERS",
        /// Media is added.
        AddMedia = "ADD_MEDIA",
        /// Video is started.
        AddBasicMedia = "ADD_BASIC_MEDIA",
        /// Media is removed.
        RemoveMedia = "REMOVE_MEDIA",
        /// Video is stopped.
        RemoveBasicMedia = "REMOVE_BASIC_MEDIA",
        /// Figures are collected.
        GetStats = "GET_STATS",
        /// Keys are pressed.
        SendDtmf = "SEND_DTMF",
        /// Two calls are made one, without this user.
        ConsultativeTransfer = "CONSULTATIVE_TRANSFER",
        /// A call is sent elsewhere.
        DirectTransfer = "DIRECT_TRANSFER",
        /// Two calls are made one, with this user.
        Join = "JOIN",
        /// The source of a track is replaced.
        ReplaceTrack = "REPLACE_TRACK",
        /// A path for media is looked for anew.
        MediaRestart = "MEDIA_RESTART",
        /// The gateway is asked what it thinks of a call.
        Resync = "RESYNC",
        /// A recording is played into a call.
        PlayAudio = "PLAY_AUDIO",
        /// Codecs are listed.
        GetAvailableCodecs = "GET_AVAILABLE_CODECS",
        /// The far side plays music while it holds.
        StartMoh = "START_MOH",
        /// The far side plays no music any more.
        StopMoh = "STOP_MOH",
        /// The far side asks for an offer.
        SlowStart = "SLOW_START",
        /// The far side changes something else.
        GenericRemote = "GENERIC_REMOTE",
        /// The caller gave up.
        CallCancel = "CALL_CANCEL",
    }
}

impl OperationKind {
    /// The kind as it is told: an answer with an offer is an answer.
    #[must_use]
    pub const fn told(self) -> Self {
        if matches!(self, Self::SlowAnswer) { Self::Answer } else { self }
    }

    /// True if no other such operation can run on the call meanwhile (the table of w4.0.3). The end
    /// of a call stands over all: it blocks everything, and nothing blocks it.
    #[must_use]
    pub const fn is_blocking(self) -> bool {
        match self {
            Self::Make
            | Self::MakeAnonymous
            | Self::SlowAnswer
            | Self::Hold
            | Self::Unhold
            | Self::AddMedia
            | Self::AddBasicMedia
            | Self::RemoveMedia
            | Self::RemoveBasicMedia
            | Self::MediaRestart
            | Self::StartMoh
            | Self::StopMoh
            | Self::SlowStart
            | Self::GenericRemote
            | Self::DirectTransfer
            | Self::ConsultativeTransfer => true,
            Self::Answer
            | Self::Reject
            | Self::Ignore
            | Self::End
            | Self::SendRingingFeedback
            | Self::ForwardCall
            | Self::SendCustomParameters
            | Self::GetStats
            | Self::SendDtmf
            | Self::Join
            | Self::ReplaceTrack
            | Self::Resync
            | Self::PlayAudio
            | Self::GetAvailableCodecs
            | Self::CallCancel => false,
        }
    }
}

constants! {
    /// A step of an operation, as it is told.
    Transition, "transition" {
        /// It began.
        Start = "START",
        /// The work here is done; the gateway or the far side is waited for.
        Update = "UPDATE",
        /// The far side answered.
        Resume = "RESUME",
        /// It is over.
        Finish = "FINISH",
    }
}

impl Transition {
    /// The status that an operation has after it.
    #[must_use]
    pub const fn status(self) -> OperationStatus {
        match self {
            Self::Start => OperationStatus::Ongoing,
            Self::Update => OperationStatus::Pending,
            Self::Resume => OperationStatus::Resolving,
            Self::Finish => OperationStatus::Finished,
        }
    }
}

constants! {
    /// The status of an operation.
    ///
    /// ```text
    /// NOT_STARTED ──START──> ONGOING ──UPDATE──> PENDING ──RESUME──> RESOLVING
    ///                           └───────────────────┴──────FINISH─────┴──> FINISHED
    /// ```
    OperationStatus, "status of an operation" {
        /// It has not begun.
        NotStarted = "NOT_STARTED",
        /// It is being done here.
        Ongoing = "ONGOING",
        /// The gateway or the far side is waited for.
        Pending = "PENDING",
        /// The far side's answer is being applied.
        Resolving = "RESOLVING",
        /// It is over.
        Finished = "FINISHED",
    }
}
