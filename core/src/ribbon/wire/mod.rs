//! Messages to and from the gateway: requests, answers, notifications. Nothing here decides anything
//! about calls.
//!
//! Public with the feature `unstable-wire` only, without a promise: it follows the gateway, and may
//! change in any release.

pub(crate) mod credentials;

pub use credentials::hmac_token;
