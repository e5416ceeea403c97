//! Constants of reports on calls (w5.10).

use super::constants;

constants! {
    /// An event in the report on a call (RK-003): the forty documented ones, and seven that are recorded all the
    /// same. Some have a value that is not their name, as in the SDK.
    ReportEvent, "event of a report" {
        /// A call is made.
        Make = "MAKE",
        /// The caller is told that it rings.
        SendRingingFeedback = "SEND_RINGING_FEEDBACK",
        /// A call comes in, until it is set up.
        ReceiveCall = "RECEIVE_CALL",
        /// It rings at the far side: a moment within [`ReportEvent::Make`].
        RemoteRinging = "REMOTE_RINGING",
        /// A call is answered.
        Answer = "ANSWER",
        /// The application's media is asked for, until it is there.
        GetUserMedia = "GET_USER_MEDIA",
        /// Local media is made ready, until candidates are collected.
        ProcessMediaLocal = "PROCESS_MEDIA_LOCAL",
        /// The far side's description came, until it is applied.
        ProcessMediaRemote = "PROCESS_MEDIA_REMOTE",
        /// Candidates are collected.
        IceCollection = "ICE_COLLECTION",
        /// A relay gave a candidate: a moment.
        RelayCandidateCollected = "RELAY_CANDIDATE_COLLECTED",
        /// A call is left alone.
        Ignore = "IGNORE",
        /// A call is turned down.
        Reject = "REJECT",
        /// A call is sent elsewhere before it is answered.
        ForwardCall = "FORWARD_CALL",
        /// This side ends the call.
        EndLocal = "END_LOCAL",
        /// The far side ends the call.
        EndRemote = "END_REMOTE",
        /// Video is started.
        AddBasicMedia = "ADD_BASIC_MEDIA_LOCAL",
        /// Media is added.
        AddMediaLocal = "ADD_MEDIA_LOCAL",
        /// The far side adds media.
        AddMediaRemote = "ADD_MEDIA_REMOTE",
        /// Video is stopped.
        RemoveBasicMedia = "REMOVE_BASIC_MEDIA_LOCAL",
        /// Media is removed.
        RemoveMedia = "REMOVE_MEDIA_LOCAL",
        /// The far side removes media.
        RemoveMediaRemote = "REMOVE_MEDIA_REMOTE",
        /// A path for media is looked for anew.
        MediaRestart = "MEDIA_RESTART",
        /// The source of a track is replaced.
        ReplaceTrack = "REPLACE_TRACK",
        /// This side holds.
        HoldLocal = "HOLD_LOCAL",
        /// The far side holds.
        HoldRemote = "HOLD_REMOTE",
        /// This side holds no longer.
        UnholdLocal = "UNHOLD_LOCAL",
        /// The far side holds no longer.
        UnholdRemote = "UNHOLD_REMOTE",
        /// A request is made, until it is answered or its time is up.
        RestRequest = "REST_REQUEST",
        /// A recording is played into the call.
        PlayAudio = "PLAY_AUDIO",
        /// The far side plays music while it holds.
        StartMoh = "START_MOH",
        /// The far side plays no music any more.
        StopMoh = "STOP_MOH",
        /// The application's parameters are sent.
        SendCustomParameters = "SEND_CUSTOM_PARAMETERS",
        /// Figures are collected.
        GetStats = "GET_STATS",
        /// Keys are pressed.
        SendDtmf = "SEND_DTMF",
        /// The gateway is asked what it thinks of the call.
        Resync = "RESYNC",
        /// A call is sent elsewhere.
        DirectTransfer = "DIRECT_TRANSFER",
        /// Two calls are made one, without this user.
        ConsultativeTransfer = "CONSULTATIVE_TRANSFER",
        /// Two calls are made one, with this user.
        Join = "JOIN",
        /// Codecs are listed.
        GetAvailableCodecs = "GET_AVAILABLE_CODECS",
        /// The far side asks for an offer.
        SlowStart = "SLOW_START",
        /// Tracks are added. Undocumented.
        AddTracks = "ADD_TRACKS",
        /// The gateway is told that the call is still there. Undocumented.
        AuditCall = "AUDIT_CALL",
        /// An offer is made. Undocumented.
        CreateOffer = "CREATE_OFFER",
        /// An answer is made. Undocumented.
        CreateAnswer = "CREATE_ANSWER",
        /// The far side sends media before it answers. Undocumented.
        EarlyMedia = "EARLY_MEDIA",
        /// Something else. Undocumented.
        Unknown = "UNKNOWN",
        /// The caller gave up. Undocumented.
        CallCancel = "CALL_CANCEL",
    }
}

constants! {
    /// A metric in the report on a call, in milliseconds (RK-004): of what succeeded only.
    Metric, "metric" {
        /// From the making of the call, or its notification, to its end.
        CallDuration = "CALL_DURATION",
        /// From the making of the call to just before its local description is set.
        MakeCallPreLocalSetup = "MAKE_CALL_PRE_LOCAL_SETUP",
        /// From the making of the call to its request.
        MakeCallLocalSetup = "MAKE_CALL_LOCAL_SETUP",
        /// From the call's request to the answer's end.
        MakeCallRemoteSetup = "MAKE_CALL_REMOTE_SETUP",
        /// From the making of the call to its finish.
        TimeToMake = "TIME_TO_MAKE",
        /// From the answering to its request.
        AnswerCallLocalSetup = "ANSWER_CALL_LOCAL_SETUP",
        /// From the answering to just before its local description is set.
        AnswerCallPreLocalSetup = "ANSWER_CALL_PRE_LOCAL_SETUP",
        /// From the answering to its finish.
        TimeToAnswer = "TIME_TO_ANSWER",
        /// From the call's notification to the answer's finish.
        TimeFromReceiveToAnswer = "TIME_FROM_RECEIVE_TO_ANSWER",
        /// From the call's notification to connected media, without the answer's request.
        TimeToCallSetupDuration = "TIME_TO_CALL_SETUP_DURATION",
        /// From the making of the call to its ringing.
        TimeToRinging = "TIME_TO_RINGING",
        /// From the start of the operation to its finish: `IGNORE`.
        TimeToIgnore = "TIME_TO_IGNORE",
        /// From the start of the operation to its finish: `REJECT`.
        TimeToReject = "TIME_TO_REJECT",
        /// From the start of the operation to its finish: `ADD_MEDIA`.
        TimeToAddMedia = "TIME_TO_ADD_MEDIA",
        /// From the notification to its handling: `ADD_MEDIA_REMOTE`.
        TimeToAddMediaRemote = "TIME_TO_ADD_MEDIA_REMOTE",
        /// From the start of the operation to its finish: `REMOVE_MEDIA`.
        TimeToRemoveMedia = "TIME_TO_REMOVE_MEDIA",
        /// From the notification to its handling: `REMOVE_MEDIA_REMOTE`.
        TimeToRemoveMediaRemote = "TIME_TO_REMOVE_MEDIA_REMOTE",
        /// From the start of the operation to its finish: `RESTART_MEDIA`.
        TimeToRestartMedia = "TIME_TO_RESTART_MEDIA",
        /// From the start of the operation to its finish: `HOLD_LOCAL`.
        TimeToHoldLocal = "TIME_TO_HOLD_LOCAL",
        /// From the notification to its handling: `HOLD_REMOTE`.
        TimeToHoldRemote = "TIME_TO_HOLD_REMOTE",
        /// From the start of the operation to its finish: `UNHOLD_LOCAL`.
        TimeToUnholdLocal = "TIME_TO_UNHOLD_LOCAL",
        /// From the notification to its handling: `UNHOLD_REMOTE`.
        TimeToUnholdRemote = "TIME_TO_UNHOLD_REMOTE",
        /// From the local description to the end of the collection.
        TimeToCollectIceCandidates = "TIME_TO_COLLECT_ICE_CANDIDATES",
        /// From the start of the collection to each relayed candidate.
        TimeToRelayCandidates = "TIME_TO_RELAY_CANDIDATES",
        /// From the start of the operation to its finish: `SEND_CUSTOM_PARAMETERS`.
        TimeToSendCustomParameters = "TIME_TO_SEND_CUSTOM_PARAMETERS",
        /// From the start of the operation to its finish: `FORWARD`.
        TimeToForward = "TIME_TO_FORWARD",
        /// From the start of the operation to its finish: `DIRECT_TRANSFER`.
        TimeToDirectTransfer = "TIME_TO_DIRECT_TRANSFER",
        /// From the start of the operation to its finish: `CONSULTATIVE_TRANSFER`.
        TimeToConsultativeTransfer = "TIME_TO_CONSULTATIVE_TRANSFER",
        /// From the start of the operation to its finish: `JOIN`.
        TimeToJoin = "TIME_TO_JOIN",
    }
}
