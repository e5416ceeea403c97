//! A limit in the time of a client, for whoever does not know its runtime.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, Either, FutureExt as _, pending, select};

use crate::clock::Clock;
use crate::runtime::Runtime;

/// The clock of a client and the timer of its runtime.
#[derive(Clone)]
pub(crate) struct Timer {
    pub(crate) clock: Clock,
    pub(crate) sleep: fn(Clock, Instant) -> BoxFuture<'static, ()>,
}

impl Timer {
    pub(crate) fn new<R: Runtime>(clock: Clock) -> Self {
        Self { clock, sleep: sleep::<R> }
    }

    /// Waits until the clock shows an instant.
    #[cfg(feature = "audio")]
    pub(crate) async fn sleep_until(&self, at: Instant) {
        (self.sleep)(self.clock.clone(), at).await;
    }

    /// The result of a future within a limit; none when the time is up before. A limit beyond all
    /// time is none.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let time_up = match self.clock.now().checked_add(limit) {
            Some(at) => (self.sleep)(self.clock.clone(), at),
            None => pending().boxed(),
        };
        match select(pin!(future), time_up).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(((), _)) => None,
        }
    }
}

fn sleep<R: Runtime>(clock: Clock, at: Instant) -> BoxFuture<'static, ()> {
    async move { clock.sleep_until::<R>(at).await }.boxed()
}
