//! Genesys Cloud: an agent's client.

mod command;
mod config;
mod error;
mod event;
mod ids;
mod phone;

pub use command::{Command, Dial, Dialled, Outcome};
pub use config::{Auth, Config};
pub use error::{Error, ErrorKind};
pub use event::{
    CallState, Conversation, ConversationUpdate, Direction, Event, HandledBy, PendingSession,
    Session, SessionType, Signaling, Station,
};
pub use ids::{CallId, ConversationId, ParticipantId, SessionId, StationId, UserId};
pub use phone::Phone;
