//! The phone's keys as futures.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use offhook::genesys::{self, Command, Error, Outcome, Phone};

use crate::handle::{Completion, Handle};

/// The keys of a phone, for whoever presses them: the application, or one of its calls.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) handle: Handle<genesys::Client>,
    /// Whether sessions are accepted without asking.
    pub(crate) connects_sessions: bool,
}

impl Phone for Keys {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Reply<T> {
        Reply { completion: self.handle.submit(command), outcome: PhantomData }
    }
}

/// The answer to a command, sooner or later: a future of `Result<T, Error>`.
///
/// The command is under way whether or not this is awaited; dropping it does not take it back.
#[must_use = "a command may fail"]
#[derive(Debug)]
pub struct Reply<T> {
    completion: Completion<genesys::Client>,
    outcome: PhantomData<fn() -> T>,
}

impl<T: TryFrom<Outcome, Error = Outcome>> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.completion
            .poll_unpin(cx)
            .map(|result| T::try_from(result?).map_err(|outcome| Error::unexpected(&outcome)))
    }
}
