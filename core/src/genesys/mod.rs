//! Genesys Cloud: an agent's client.

mod calls;
mod client;
mod clock;
mod command;
mod config;
mod control;
mod conversation;
mod digest;
mod dispatch;
mod error;
mod event;
mod event_debug;
mod goals;
mod ids;
mod inbound;
mod jwt;
mod keepalive;
mod ledger;
mod link;
mod log;
mod notice;
mod outbox;
mod pace;
mod peer;
mod phone;
mod rest;
mod session;
mod sessions;
mod shown;
mod signal;
mod summary;
#[cfg(test)]
mod tests;
mod topics;
mod upload;

pub use client::Client;

pub use command::{Command, Dial, DialParticipant, Dialled, Outcome, TopicAnswer};
pub use config::{App, Auth, Config, EagerConnection, IcePolicy, IceServersPolicy};
pub use control::{CallControl, SpeakTo, Target};
pub use error::{Error, ErrorKind, Refusal};
pub use event::{
    AlertingLeader, CallReport, CallState, Conversation, ConversationUpdate, Direction, Event,
    HandledBy, IceServers, PendingSession, PersistentState, RecordingState, Session, SessionType,
    Signaling, Station,
};
pub use ids::{CallId, ConversationId, ParticipantId, SessionId, StationId, UserId};
pub use ledger::{CallChange, CallPhase, CallView, EndReason, Ledger};
pub use phone::Phone;
