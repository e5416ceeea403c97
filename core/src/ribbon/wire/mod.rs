//! Messages to and from the gateway: requests, answers, notifications. Nothing here decides anything
//! about calls.
//!
//! Public with the feature `unstable-wire` only, without a promise: it follows the gateway, and may
//! change in any release.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod credentials;
pub(crate) mod envelope;
pub(crate) mod lenient;
pub(crate) mod parameters;
pub(crate) mod refusal;
pub(crate) mod resources;
pub(crate) mod seen;

pub use address::Destination;
pub use credentials::hmac_token;
pub use envelope::{
    Im, Leg, LegEvent, MAX_MESSAGE, Mailbox, Notice, NoticeError, Notification, Parties,
    PresenceNews, SipNews,
};
pub use parameters::CustomParameter;
