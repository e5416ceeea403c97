//! Faults that befall a contact centre, and how often.

use std::time::Duration;

use crate::names::names;

/// A kind of fault, and how often one befalls somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// Between two of them in the whole world, on average.
    pub every: Duration,
}

names! {
    /// A kind of fault. Each befalls one phone, one call or the service, drawn by lot.
    pub enum FaultKind {
        /// The WebSocket breaks.
        Reset "reset",
        /// The WebSocket falls silent without a word.
        HalfOpen "half-open",
        /// Nothing passes for some seconds.
        ShortCut "short-cut",
        /// Nothing passes for minutes.
        LongCut "long-cut",
        /// The lid is closed for a while.
        Sleep "sleep",
        /// The phone moves to another network.
        Move "move",
        /// The address translator forgets its mappings.
        RebindNat "rebind-nat",
        /// The way is as bad as Wi-Fi can be, for a minute.
        BadWifi "bad-wifi",
        /// REST requests fail.
        RestFails "rest-fails",
        /// REST requests take long.
        RestSlow "rest-slow",
        /// REST requests are done, but their answers lost.
        AnswersLost "answers-lost",
        /// REST requests cannot be sent.
        Unreachable "unreachable",
        /// The service restarts: all connections and channels are gone, calls are not.
        ServiceRestart "service-restart",
        /// A user's channels are gone, and the connection with them.
        ChannelLoss "channel-loss",
        /// The service ends a stream with an error.
        StreamError "stream-error",
        /// The service closes a stream politely.
        StreamClose "stream-close",
        /// The service says that another took the channel.
        NoLongerSubscribed "no-longer-subscribed",
        /// The service says that another took the address.
        DuplicateId "duplicate-id",
        /// The service does not answer pings for a while.
        DeafToPings "deaf-to-pings",
        /// The service refuses logins for a while.
        LoginRefused "login-refused",
        /// A user's token expires; a new one comes soon.
        TokenExpires "token-expires",
        /// Messages come twice for a while.
        Twice "twice",
        /// Messages overtake each other for a while.
        Late "late",
        /// Notifications get lost for a while.
        Lost "lost",
        /// Rubbish comes between messages for a while.
        Rubbish "rubbish",
        /// A call's connection is made anew under its old name.
        Reinvite "reinvite",
        /// A call's connection is made anew under a new name.
        ReinviteNew "reinvite-new",
        /// A call's connection is negotiated again.
        Renegotiate "renegotiate",
        /// A call's ICE is restarted by the far side.
        IceRestart "ice-restart",
        /// A call's far end falls silent.
        KillMedia "kill-media",
        /// A ringing call is proposed again.
        Repropose "repropose",
        /// Another client answers a ringing call.
        AcceptedElsewhere "accepted-elsewhere",
        /// Another client rejects a ringing call.
        RejectedElsewhere "rejected-elsewhere",
        /// A supervisor mutes or unmutes, holds or resumes a call.
        Supervisor "supervisor",
        /// The user's phone is told of again.
        StationEvent "station-event",
        /// The far side of a call goes offline, and says no more.
        PeerLeaves "peer-leaves",
        /// The service asks what the client is and can, and what nobody has heard of.
        Questions "questions",
        /// The service refuses the next subscription of topics.
        TopicsRefused "topics-refused",
        /// Somebody with an address speaks of a phone's calls, which are none of the caller's.
        Stranger "stranger",
        /// The far end of a call holds and resumes by direction.
        FarHolds "far-holds",
        /// The far end of a call has other codecs, or other numbers for them.
        FarChanges "far-changes",
        /// The far end of a call becomes another one, with a certificate of its own.
        FarReplaced "far-replaced",
        /// The far end says what the client has no use for: holds and content of Jingle, and methods
        /// that nobody knows.
        OddWords "odd-words",
        /// The WebSocket breaks just as a key is pressed.
        ResetAmid "reset-amid",
        /// A call's connection is made anew just as somebody ends it by force.
        ReinviteAmid "reinvite-amid",
        /// The relay begins anew, and knows nothing of what it lent.
        RelayRestarts "relay-restarts",
        /// The relay has no room for more.
        RelayFull "relay-full",
        /// The relay says nothing for some seconds.
        RelaySilent "relay-silent",
        /// The relay begins anew, and yet lends nothing for a minute to addresses that it lent something to.
        RelayMuddled "relay-muddled",
    }
}

impl FaultKind {
    /// The number of [`FaultKind::ALL`] that a swarm draws first: the seeds of findings are kept,
    /// so what came later is drawn after all else.
    pub(super) const FIRST: usize = 35;
    /// The number that it draws next; what came later still is drawn last.
    pub(super) const NEXT: usize = 38;
    /// And where what came with untidy far ends begins.
    pub(super) const UNTIDY: usize = 39;
    /// And where those of a relay begin, which no swarm has.
    pub(super) const RELAY: usize = Self::ALL.len() - 4;
}
