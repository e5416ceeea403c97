//! The services that there are models of, as types that stand for them.

/// Genesys Cloud, and offhook's client of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesys;

/// A Ribbon WebRTC Gateway, and offhook's client of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ribbon;
