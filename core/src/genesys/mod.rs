//! Genesys Cloud: an agent's client.

mod ask;
mod call;
mod call_state;
mod calls;
mod check;
mod client;
mod collision;
mod command;
mod config;
mod control;
mod conversation;
mod counters;
mod digest;
mod dispatch;
mod error;
mod event;
mod event_debug;
mod goals;
mod headset;
mod ids;
mod inbound;
mod ledger;
mod link;
mod log;
mod news;
mod offers;
mod outbox;
mod party;
mod phone;
mod presence;
mod rooms;
mod session;
mod session_type;
mod sessions;
mod shown;
mod signal;
mod station;
mod summary;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod timing;
mod topics;
mod upload;
mod user;
mod voicemail;
#[cfg(feature = "unstable-wire")]
pub mod wire;
#[cfg(not(feature = "unstable-wire"))]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "public with `unstable-wire`")]
mod wire;

pub use call::{Conversation, ConversationUpdate};
pub use call_state::{CallDirection, CallState, RecordingState};
pub use client::Client;
pub use command::{Command, Dial, DialParticipant, Dialled, Outcome, TopicAnswer};
pub use config::{App, Auth, Config, EagerConnection, IcePolicy, IceServersPolicy};
pub use control::{CallControl, SpeakTo, Target};
pub use counters::Counters;
pub use error::{Cause, Complaint, Error, ErrorKind, Fault};
pub use event::{
    AlertingLeader, CallReport, Event, HandledBy, IceServers, PendingSession, PersistentState,
    Session, Signaling,
};
pub use headset::{HeadsetControls, HeadsetRank};
pub use ids::{
    CallId, ConversationId, ParticipantId, PresenceId, QueueId, SessionId, StationId, UserId,
};
pub use ledger::{CallChange, CallPhase, CallView, EndReason, Ledger};
pub use party::{Parties, Party, Queue};
pub use phone::Phone;
pub use presence::{PresenceDefinition, SystemPresence, UserPresence};
pub use rooms::{
    AppId, ContentType, IncomingStream, MemberStatus, OutgoingStream, ParticipantsUpdate, Rates,
    RoomMedia, RoomParticipant, Screen, Speaker, SpeakerActivity,
};
pub use session_type::SessionType;
pub use station::Station;
pub use timing::{Figure, Timing, TimingError};
pub use voicemail::Voicemail;

// What events, commands and the causes of errors name of what travels.
pub use crate::jingle::Reason;
pub use crate::xmpp::{
    Application as StanzaErrorApplication, ErrorType as StanzaErrorType, SaslFailure, StanzaError,
    StreamError,
};
