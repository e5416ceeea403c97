//! Jingle and its Genesys dialects.
//!
//! [`SessionMessage`] announces a session, [`Jingle`] or [`Rpc`] negotiates it, and [`sdp`]
//! turns the one's descriptions into the other's text.

mod candidate;
mod description;
mod message;
mod part;
mod reason;
mod rpc;
pub mod sdp;
mod session;
#[cfg(test)]
mod tests;
mod transport;

pub use crate::sdp::candidate::{Candidate, CandidateError, CandidateKind, Protocol};
pub use description::{
    Description, Feedback, HeaderExtension, Parameter, PayloadType, Source, SourceGroup, Stream,
};
pub use message::{Propose, SessionMessage};
pub(crate) use part::MAX_ID;
pub use reason::Reason;
pub use rpc::{Method, Rpc, RpcError};
pub use sdp::ice_credentials;
pub use session::{Action, Content, Group, Jingle, Role, Senders, SessionInfo};
pub use transport::{Fingerprint, Sctp, Transport};
