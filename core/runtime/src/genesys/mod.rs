//! The phone of an agent on Genesys Cloud, on any runtime.
//!
//! [`Client`] has the keys of [`offhook::genesys::Phone`] as futures; [`Call`] those of one call.

mod book;
mod call;
mod drive;
mod keys;
#[cfg(feature = "metrics")]
pub mod metrics;
mod phone;

use offhook::genesys;

pub use self::book::CALL_QUEUE;
pub use self::call::{ANSWER_LIMIT, Call, CallEnd, Calls};
pub use self::drive::Desk;

/// A phone on a runtime. Its keys are the methods of [`genesys::Phone`].
pub type Client<R> = crate::Client<R, genesys::Client>;

/// Settings for a [`Client`].
pub type Builder<R> = crate::Builder<R, genesys::Client>;

/// The events of a [`Client`]: a stream of [`genesys::Event`].
pub type Events = crate::Events<genesys::Client>;

/// The answer to a key of a [`Client`].
pub type Reply<T> = crate::Reply<genesys::Client, T>;

/// The reason why a [`Client`] could not be built.
pub type BuildError = crate::BuildError<genesys::Error>;
