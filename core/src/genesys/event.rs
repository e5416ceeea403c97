//! Events that a client tells its application, named after the service's own events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::call::{Conversation, ConversationUpdate};
use super::call_state::CallDirection;
use super::error::Error;
use super::headset::HeadsetControls;
use super::ids::{ConversationId, ParticipantId, SessionId, UserId};
use super::party::Parties;
use super::presence::UserPresence;
use super::rooms::{MemberStatus, ParticipantsUpdate};
use super::session_type::SessionType;
use super::station::Station;
use crate::jingle::Reason;
use crate::machine::{MediaId, TrackId};
use crate::media::{
    Agreement, Digit, IceServer, MediaState, MediaStats, PathState, TrackInfo, TrackStats,
};
use crate::plain;
use crate::report::{CallQuality, CallTimeline, TraceRecord};

/// Something the application may want to know.
///
/// What is meant for people in it is [plain](crate::plain()). `Debug` is fit for a log: it shortens
/// numbers and leaves out what notifications hold.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// Signaling is up: bound, ICE servers known.
    Connected {
        /// False the first time.
        reconnect: bool,
    },
    /// Signaling is down. Media sessions go on.
    Disconnected {
        /// True if the client is trying again by itself.
        reconnecting: bool,
        /// The reason, where it was not asked for.
        error: Option<Error>,
    },
    /// The service could not be asked who the user is, which is tried beside each attempt to
    /// connect (SG-7): there may be no network. A warning only; the attempt goes on.
    NetworkConnectivityWarning(Error),
    /// The ICE servers for sessions that start from now on, once they are known and whenever they
    /// change: the service is asked at each connection and every 6 h.
    IceServers(IceServers),
    /// Logged in, subscribed, ready for calls. After each reconnect too.
    Ready,
    /// The user's phone was loaded or changed.
    Station(Station),
    /// The user has no phone any more. Calls that are up keep the session that they have.
    StationDisassociated,
    /// The state of the persistent connection, as the service tells it.
    PersistentConnection(PersistentState),
    /// The user's presence is another one, set here or elsewhere; only with
    /// [`Config::presence`](super::Config::presence). Changes while signaling was down are not told:
    /// [`Command::FetchPresence`](super::Command::FetchPresence) asks how it is.
    UserPresence(UserPresence),
    /// The one of the user's clients that rings. What the application does about it is its own
    /// business: calls are told all the same.
    AlertingLeader(AlertingLeader),
    /// This client's part in who has the user's headset is another one.
    HeadsetControls(HeadsetControls),
    /// True if each call has a media session of its own (line appearances above 1).
    ConcurrentSoftphoneSessionsEnabled(bool),
    /// A call is ringing, or a room is proposed; or it will be answered by itself.
    PendingSession(PendingSession),
    /// A ringing call went away: the caller gave up, or the service took it elsewhere. Or a meeting that was asked for,
    /// which is joined without ringing, was taken back before it began.
    CancelPendingSession {
        /// The proposal's id.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The kind of session.
        session_type: SessionType,
    },
    /// A ringing call was taken or declined, or a meeting that was asked for was taken by another client.
    /// Of a room that was declined here this is the last word: it has no call that ends.
    HandledPendingSession {
        /// The proposal's id.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The kind of session.
        session_type: SessionType,
        /// The client that did.
        by: HandledBy,
    },
    /// The far side offered media; negotiation begins. Not yet connected.
    SessionStarted(Session),
    /// The media session is over.
    SessionEnded {
        /// The session.
        session: Session,
        /// The reason of its end.
        reason: Reason,
    },
    /// A session took another's place: the service recovered media (a re-invite). The audio goes on
    /// under the same [`Session::media`]; the old session has ended without a word,
    /// and its tracks with it: those of the new one are told as added ([`Event::TrackAdded`]).
    SessionReplaced {
        /// The session that carries on.
        session: Session,
        /// The session before.
        old: SessionId,
    },
    /// The media path stopped answering. A later [`MediaState::Connected`] means it is back.
    SessionInterrupted(Session),
    /// A call is connected on a session of this client. Told once for each call, where
    /// [`Event::SessionStarted`] is told once for each session: calls may share one.
    CallConnected {
        /// The call, as the service tells it.
        call: Conversation,
        /// The media session that carries it.
        session: SessionId,
    },
    /// A call that was connected is over. Its session may go on.
    CallEnded {
        /// Its conversation.
        conversation: ConversationId,
        /// The media session that carried it, if it still does.
        session: Option<SessionId>,
        /// The quality of its media, where this client had it (ST-3).
        quality: Option<CallQuality>,
    },
    /// A call that rang, was dialled or was connected is over: all that there is to say about it.
    /// Told last.
    CallReport(Box<CallReport>),
    /// The media state of a session changed.
    MediaState {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its audio.
        media: MediaId,
        /// The new state.
        state: MediaState,
    },
    /// The path of a session's audio is another one than before: good, shaky, lost or failed. What is lost the
    /// service looks for, by an ICE restart (wire notes 6.6) or a re-invite (wire notes 6.14), which are followed
    /// without asking.
    MediaPath {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its audio.
        media: MediaId,
        /// The new state.
        path: PathState,
    },
    /// A relay lends a session no address, or no more. One that refused is asked no more unless there are other
    /// credentials, one that did not answer for a while yet.
    NoRelay {
        /// The session.
        session: SessionId,
        /// The address of the server.
        server: SocketAddr,
        /// The code by which it refused (RFC 8489 section 14.8), 401 for a wrong or expired password; none
        /// where it did not answer.
        code: Option<u16>,
    },
    /// Something else was agreed on with the far side about a session's audio than before: the codec
    /// to send with, whether keys can be sent, and the direction. Without
    /// [`Direction::sends`](crate::sdp::Direction::sends) the far side holds the session, and
    /// hears nothing until the next one with it.
    MediaAgreed {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its audio.
        media: MediaId,
        /// The new agreement.
        agreement: Agreement,
    },
    /// The figures of a session, every 5 s while it is connected and once at its end.
    Stats {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its kind.
        session_type: SessionType,
        /// The figures since it began.
        stats: MediaStats,
    },
    /// The figures of a track of a room, beside the first of audio, whose are the session's: with
    /// [`Event::Stats`], each time.
    TrackStats {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track.
        track: TrackId,
        /// The figures since it was first agreed on.
        stats: TrackStats,
    },
    /// The far side pressed a key.
    Dtmf {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The key.
        digit: Digit,
        /// The time for which it was pressed.
        duration: Duration,
    },
    /// The loudness of the far side's silence (RFC 3389).
    ComfortNoise {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The noise in dB below the overload point, 0 to 127.
        level: u8,
    },
    /// A track of a room's session was agreed on.
    TrackAdded {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track, by which its frames come and go.
        track: TrackId,
        /// The terms.
        info: TrackInfo,
    },
    /// Something else was agreed on for a track of a room's session.
    TrackChanged {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track.
        track: TrackId,
        /// The new terms.
        info: TrackInfo,
    },
    /// A track of a room's session is gone, while the session goes on.
    TrackRemoved {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track.
        track: TrackId,
    },
    /// The far side wants a picture of a track that needs no other, of each of its encodings
    /// ([`TrackInfo::encodings`]); at most once in 300 ms.
    KeyframeWanted {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track.
        track: TrackId,
    },
    /// The far side wants no more than so many bits a second on a track, by what it finds that the path carries or by its
    /// own wish: whoever encodes follows it, whoever shows a file takes a smaller one. Only what differs from the last,
    /// at most once in 300 ms ([`EngineEvent::BitrateLimit`](crate::media::EngineEvent::BitrateLimit)).
    BitrateLimit {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The track.
        track: TrackId,
        /// The limit, in bits per second.
        limit: u64,
    },
    /// The people in a room, at each word of the service about it.
    ParticipantsUpdate(ParticipantsUpdate),
    /// The users whose pictures the service sends now.
    ActiveVideoParticipants {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The users.
        users: Vec<UserId>,
    },
    /// The users who are heard now.
    Speakers {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The users.
        users: Vec<UserId>,
    },
    /// The state of a room's media, as its data channel tells it.
    MemberStatus {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The state.
        status: Box<MemberStatus>,
    },
    /// Something else that a room's data channel says.
    RoomMessage {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The message.
        message: serde_json::Value,
    },
    /// The service sends this participant's pictures now, or whose it chooses.
    PinnedParticipant {
        /// The session.
        session: SessionId,
        /// Its conversation.
        conversation: ConversationId,
        /// The participant.
        participant: Option<ParticipantId>,
    },
    /// The user's calls changed.
    ConversationUpdate(ConversationUpdate),
    /// A notification of a topic that the application subscribed to.
    Notification {
        /// The topic.
        topic: String,
        /// The whole notification.
        data: serde_json::Value,
    },
    /// Something went wrong that no command is waiting for.
    Error(Error),
    /// A message that could not be used. The connection goes on.
    Malformed {
        /// The kind of message and what was wrong with it, without its contents.
        what: String,
    },
    /// One message on the wire, secrets removed; only with
    /// [`Config::trace`](super::Config::trace).
    Trace(TraceRecord),
}

/// A call or a room waiting to be answered.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingSession {
    /// The proposal's id, which the media session will carry.
    pub session: SessionId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// True if it is answered without asking anybody: the service asks for that, or it is a screen that
    /// the application asked to show.
    pub auto_answer: bool,
    /// The kind of session.
    pub session_type: SessionType,
    /// The address of the proposer.
    pub from: String,
    /// The room it came from, or the proposer.
    pub original_room: String,
    /// The user who began it, if the service said so.
    pub from_user: Option<UserId>,
    /// The caller and the others, where the service said so before it proposed the session. Where
    /// it says so later, an [`Event::ConversationUpdate`] tells, with the call in its list.
    pub parties: Option<Arc<Parties>>,
}

impl PendingSession {
    /// The caller and the others, as far as is known: nothing where the service said nothing yet.
    #[must_use]
    pub fn who(&self) -> &Parties {
        Parties::or_none(self.parties.as_ref())
    }
}

/// A media session. A plain value: it does not change under its holder.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The conversation it was started for, or, since then, reassigned to by the service.
    pub conversation: ConversationId,
    /// Its audio.
    pub media: MediaId,
    /// The kind of session.
    pub session_type: SessionType,
    /// The far side's address.
    pub peer: String,
    /// The signaling that it speaks.
    pub signaling: Signaling,
}

/// The signaling by which a session's media is negotiated (wire notes 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signaling {
    /// Jingle (XEP-0166).
    Jingle,
    /// SDP in JSON-RPC over XMPP.
    Sdp,
}

/// The client that handled a ringing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandledBy {
    /// This client.
    Here,
    /// Another client of the same user.
    Elsewhere,
}

/// The timeline and the quality of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallReport {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The direction, once the service said.
    pub direction: Option<CallDirection>,
    /// The media session that carried it, if this client had one.
    pub session: Option<SessionId>,
    /// The times of its steps.
    pub timeline: CallTimeline,
    /// The quality of its media.
    pub quality: Option<CallQuality>,
}

impl Default for CallReport {
    fn default() -> Self {
        Self {
            conversation: ConversationId::from(""),
            direction: None,
            session: None,
            timeline: CallTimeline::default(),
            quality: None,
        }
    }
}

/// The ICE servers in force (wire notes 7).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IceServers {
    /// The servers, the application's first.
    pub servers: Vec<IceServer>,
    /// True if media must be relayed, as the service names no STUN server (STN-3). That is not
    /// supported yet: an error tells so, and offers of media are refused.
    pub relay_only: bool,
}

/// The one of the user's clients that rings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertingLeader {
    /// True if it is this one.
    pub alerting: bool,
    /// True if the service has said so; otherwise it could not be asked, and this one rings.
    pub configured: bool,
    /// The kind of client, if the service said.
    pub client_type: Option<String>,
}

/// The service's view of the session that outlives calls (wire notes 4.8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PersistentState {
    /// Not known.
    Unknown,
    /// Up, without a call.
    Persisted,
    /// Up, with a call.
    ActiveCall,
    /// Down.
    Disconnected,
    /// Failed to come up.
    Failed,
    /// Anything else.
    Other(String),
}

impl From<&str> for PersistentState {
    fn from(state: &str) -> Self {
        match state {
            "UNKNOWN" => Self::Unknown,
            "PERSISTED" => Self::Persisted,
            "ACTIVE_CALL" => Self::ActiveCall,
            "DISCONNECTED" => Self::Disconnected,
            "FAILED" => Self::Failed,
            other => Self::Other(plain(other).into_owned()),
        }
    }
}
