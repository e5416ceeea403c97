//! The answer to a command.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;

use crate::handle::Completion;
use crate::service::Service;

/// The answer to a command, sooner or later: a future of `Result<T, M::Error>`.
///
/// The command is under way whether or not this is awaited; dropping it does not take it back.
#[must_use = "a command may fail"]
pub struct Reply<M: Service, T> {
    completion: Completion<M>,
    outcome: PhantomData<fn() -> T>,
}

impl<M: Service, T> Reply<M, T> {
    pub(crate) fn new(completion: Completion<M>) -> Self {
        Self { completion, outcome: PhantomData }
    }
}

impl<M: Service, T: TryFrom<M::Outcome, Error = M::Outcome>> Future for Reply<M, T> {
    type Output = Result<T, M::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.completion
            .poll_unpin(cx)
            .map(|result| T::try_from(result?).map_err(|outcome| M::unexpected(&outcome)))
    }
}

impl<M: Service, T> std::fmt::Debug for Reply<M, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}
