//! Jingle (XEP-0166) with its audio sessions (XEP-0167), ICE (XEP-0176) and DTLS (XEP-0320).
//!
//! [`Jingle`] negotiates a session, and [`sdp`] turns its descriptions into SDP and back. Where nothing else
//! stands above XMPP, `Frame<Jingle>` reads and writes its stanzas.
//!
//! Public with the feature `unstable-wire` only, without a promise: it follows the service, and may
//! change in any release.

mod candidate;
mod description;
mod part;
mod reason;
mod role;
pub mod sdp;
mod session;
#[cfg(test)]
mod tests;
mod transport;

pub use crate::sdp::candidate::{Candidate, CandidateError, CandidateKind, Protocol};
pub use description::{
    Description, Feedback, HeaderExtension, Parameter, PayloadType, Source, SourceGroup, Stream,
};
pub(crate) use part::MAX_ID;
pub use reason::Reason;
pub use role::{Role, Senders};
pub use sdp::ice_credentials;
pub use session::{Action, Content, Group, Jingle, SessionInfo};
pub use transport::{Fingerprint, Sctp, Transport};
