//! Jingle and its Genesys dialects.

mod reason;

pub use reason::Reason;
