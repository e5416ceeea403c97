//! Messages to and from the service: requests, answers, notifications, and what it adds to XMPP.
//! Nothing here decides anything.
//!
//! Public with the feature `unstable-wire` only, without a promise: it follows the service, and may
//! change in any release.

pub(crate) mod answers;
mod headset;
pub(crate) mod jwt;
pub(crate) mod notice;
mod propose;
pub(crate) mod requests;
mod rpc;
mod stanza;
#[cfg(test)]
mod tests;
pub(crate) mod topics;
mod upgrade;

pub use headset::HeadsetMessage;
pub use propose::{Propose, SessionMessage};
pub use rpc::{Method, Rpc, RpcError};
pub(crate) use stanza::IqAnswer;
pub use stanza::{Dialect, Frame, Iq, IqKind, Message, Payload, Presence};
pub use upgrade::{UpgradeMedia, UpgradePart};
