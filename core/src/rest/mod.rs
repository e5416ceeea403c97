//! Questions over HTTP, for any service: what is asked, when it is asked again, and why it was not
//! answered. A service brings its [`Endpoint`] and its [`Policy`].

mod endpoint;
mod failure;
mod policy;
mod questions;
mod resource;

pub(crate) use endpoint::Endpoint;
pub(crate) use failure::{Failure, FailureKind, Refused};
pub(crate) use policy::{Policy, Retry};
pub(crate) use questions::{Answered, Question, Questions};
pub(crate) use resource::{Resource, segment};
