//! Questions over HTTP, for any service: what is asked, when it is asked again, and why it was not
//! answered.
//!
//! A service brings its endpoint, and its policy: when it is asked again, and how it explains what
//! it refuses.

mod endpoint;
mod explain;
mod failure;
mod policy;
mod questions;
mod redirect;
mod resource;

pub(crate) use endpoint::Endpoint;
pub(crate) use explain::{Explain, Said};
pub(crate) use failure::short;
pub use failure::{Failure, FailureKind, Refusal};
pub(crate) use policy::{Policy, Retry};
pub(crate) use questions::{Answered, Question, Questions};
pub(crate) use resource::{Resource, segment};
