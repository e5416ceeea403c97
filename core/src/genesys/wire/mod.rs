//! What goes over the wire to and from the service: requests, answers, notifications, and the words
//! in them. Nothing here decides anything.

pub(crate) mod answers;
pub(crate) mod jwt;
pub(crate) mod notice;
pub(crate) mod requests;
pub(crate) mod topics;
