//! Events in a log: as they are, but numbers are shortened (CV-2) and what notifications hold is left
//! out.

use std::fmt;

use super::event::{Event, PendingSession, Session};
use crate::report::shortened;

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut one =
            |name: &str, value: &dyn fmt::Debug| f.debug_tuple(name).field(value).finish();
        match self {
            Self::NetworkConnectivityWarning(error) => one("NetworkConnectivityWarning", error),
            Self::IceServers(servers) => one("IceServers", servers),
            Self::Station(station) => one("Station", station),
            Self::UserPresence(presence) => one("UserPresence", presence),
            Self::PersistentConnection(state) => one("PersistentConnection", state),
            Self::AlertingLeader(leader) => one("AlertingLeader", leader),
            Self::HeadsetControls(controls) => one("HeadsetControls", controls),
            Self::ConcurrentSoftphoneSessionsEnabled(enabled) => {
                one("ConcurrentSoftphoneSessionsEnabled", enabled)
            }
            Self::PendingSession(pending) => one("PendingSession", pending),
            Self::SessionStarted(session) => one("SessionStarted", session),
            Self::SessionInterrupted(session) => one("SessionInterrupted", session),
            Self::CallReport(report) => one("CallReport", report),
            Self::ConversationUpdate(update) => one("ConversationUpdate", update),
            Self::Error(error) => one("Error", error),
            Self::Trace(record) => one("Trace", record),
            Self::Ready => f.write_str("Ready"),
            Self::StationDisassociated => f.write_str("StationDisassociated"),
            Self::Connected { reconnect } => {
                f.debug_struct("Connected").field("reconnect", reconnect).finish()
            }
            Self::Disconnected { reconnecting, error } => f
                .debug_struct("Disconnected")
                .field("reconnecting", reconnecting)
                .field("error", error)
                .finish(),
            Self::CancelPendingSession { session, conversation, session_type } => f
                .debug_struct("CancelPendingSession")
                .field("session", session)
                .field("conversation", conversation)
                .field("session_type", session_type)
                .finish(),
            Self::HandledPendingSession { session, conversation, session_type, by } => f
                .debug_struct("HandledPendingSession")
                .field("session", session)
                .field("conversation", conversation)
                .field("session_type", session_type)
                .field("by", by)
                .finish(),
            Self::MediaAgreed { session, conversation, media, agreement } => f
                .debug_struct("MediaAgreed")
                .field("session", session)
                .field("conversation", conversation)
                .field("media", media)
                .field("agreement", agreement)
                .finish(),
            Self::ComfortNoise { session, conversation, level } => f
                .debug_struct("ComfortNoise")
                .field("session", session)
                .field("conversation", conversation)
                .field("level", level)
                .finish(),
            Self::SessionEnded { session, reason } => f
                .debug_struct("SessionEnded")
                .field("session", session)
                .field("reason", reason)
                .finish(),
            Self::SessionReplaced { session, old } => f
                .debug_struct("SessionReplaced")
                .field("session", session)
                .field("old", old)
                .finish(),
            Self::CallConnected { call, session } => f
                .debug_struct("CallConnected")
                .field("call", call)
                .field("session", session)
                .finish(),
            Self::CallEnded { conversation, session, quality } => f
                .debug_struct("CallEnded")
                .field("conversation", conversation)
                .field("session", session)
                .field("quality", quality)
                .finish(),
            Self::MediaState { session, conversation, media, state } => f
                .debug_struct("MediaState")
                .field("session", session)
                .field("conversation", conversation)
                .field("media", media)
                .field("state", state)
                .finish(),
            Self::MediaPath { session, conversation, media, path } => f
                .debug_struct("MediaPath")
                .field("session", session)
                .field("conversation", conversation)
                .field("media", media)
                .field("path", path)
                .finish(),
            Self::NoRelay { session, server, code } => f
                .debug_struct("NoRelay")
                .field("session", session)
                .field("server", server)
                .field("code", code)
                .finish(),
            Self::Stats { session, conversation, session_type, stats } => f
                .debug_struct("Stats")
                .field("session", session)
                .field("conversation", conversation)
                .field("session_type", session_type)
                .field("stats", stats)
                .finish(),
            Self::Dtmf { session, conversation, digit, duration } => f
                .debug_struct("Dtmf")
                .field("session", session)
                .field("conversation", conversation)
                .field("digit", digit)
                .field("duration", duration)
                .finish(),
            Self::TrackAdded { session, conversation, track, info } => f
                .debug_struct("TrackAdded")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .field("info", info)
                .finish(),
            Self::TrackChanged { session, conversation, track, info } => f
                .debug_struct("TrackChanged")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .field("info", info)
                .finish(),
            Self::TrackRemoved { session, conversation, track } => f
                .debug_struct("TrackRemoved")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .finish(),
            Self::KeyframeWanted { session, conversation, track } => f
                .debug_struct("KeyframeWanted")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .finish(),
            Self::BitrateLimit { session, conversation, track, limit } => f
                .debug_struct("BitrateLimit")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .field("limit", limit)
                .finish(),
            Self::TrackStats { session, conversation, track, stats } => f
                .debug_struct("TrackStats")
                .field("session", session)
                .field("conversation", conversation)
                .field("track", track)
                .field("stats", stats)
                .finish(),
            Self::ParticipantsUpdate(update) => one("ParticipantsUpdate", update),
            Self::ActiveVideoParticipants { session, conversation, users } => f
                .debug_struct("ActiveVideoParticipants")
                .field("session", session)
                .field("conversation", conversation)
                .field("users", users)
                .finish(),
            Self::Speakers { session, conversation, users } => f
                .debug_struct("Speakers")
                .field("session", session)
                .field("conversation", conversation)
                .field("users", users)
                .finish(),
            Self::MemberStatus { session, conversation, status } => f
                .debug_struct("MemberStatus")
                .field("session", session)
                .field("conversation", conversation)
                .field("status", status)
                .finish(),
            Self::RoomMessage { session, conversation, message } => f
                .debug_struct("RoomMessage")
                .field("session", session)
                .field("conversation", conversation)
                .field("message", &format_args!("({} bytes)", message.to_string().len()))
                .finish(),
            Self::PinnedParticipant { session, conversation, participant } => f
                .debug_struct("PinnedParticipant")
                .field("session", session)
                .field("conversation", conversation)
                .field("participant", participant)
                .finish(),
            Self::Notification { topic, data } => f
                .debug_struct("Notification")
                .field("topic", topic)
                .field("data", &format_args!("({} bytes)", data.to_string().len()))
                .finish(),
            Self::Malformed { what } => f.debug_struct("Malformed").field("what", what).finish(),
        }
    }
}

impl fmt::Debug for PendingSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSession")
            .field("session", &self.session)
            .field("conversation", &self.conversation)
            .field("auto_answer", &self.auto_answer)
            .field("session_type", &self.session_type)
            .field("from", &shortened(&self.from))
            .field("original_room", &shortened(&self.original_room))
            .field("from_user", &self.from_user)
            .field("parties", &self.parties)
            .finish()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("conversation", &self.conversation)
            .field("media", &self.media)
            .field("session_type", &self.session_type)
            .field("peer", &shortened(&self.peer))
            .field("signaling", &self.signaling)
            .finish()
    }
}
