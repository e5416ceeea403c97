//! Media whose sockets and sound are elsewhere: in another process, or on another machine.
//!
//! Whoever signals cannot wait for a description, so both ends have an engine of the same kind, made from one
//! seed: a [`Twin`] here, which negotiates and never sees a packet, and its [`replica`] there, which does what the
//! twin was asked to, in the same order, and carries the media. Both write the same descriptions but for the
//! certificate, whose fingerprint the replica's end tells beforehand.
//!
//! ```text
//! signaling ──calls──> Twin ──Order──> Replica ──packets──> far side
//!           <──events──     <──Report──
//! ```

mod fingerprint;
mod order;
pub(crate) mod replica;
mod report;
#[cfg(test)]
mod tests;
mod twin;

pub(crate) use fingerprint::{Fingerprint, fingerprint_of};
pub use order::Order;
pub use report::Report;
pub(crate) use twin::Twin;
