//! The runtime of simulated programs.

use std::future::Future;
use std::time::Instant;

use offhook::Seed;
use offhook_runtime::{NoRuntime, Runtime};

use super::tasks::{Sleep, around, here};
use crate::world::PhoneId;

/// Virtual time: the runtime around the tasks of a [`Program`](super::Program).
///
/// Its time passes while all tasks wait, and takes none; one thread gives tasks their turns in the order
/// in which they were woken. So a run is the same again, as long as a program draws nothing from
/// elsewhere: from the clock of its computer, unordered maps, generators of its own, `select!` that is
/// not biased, other threads. Randomness comes from [`Simulated::seed`].
#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Simulated {
    /// The seed of the randomness of the program around the caller: each phone has its own.
    ///
    /// # Panics
    ///
    /// When called from elsewhere than within a program.
    #[must_use]
    pub fn seed() -> Seed {
        here().seed.clone()
    }

    /// The phone of the program around the caller.
    ///
    /// # Panics
    ///
    /// When called from elsewhere than within a program.
    #[must_use]
    pub fn phone() -> PhoneId {
        here().phone
    }

    /// Waits until the working hours are over: nothing new should be begun then.
    ///
    /// # Panics
    ///
    /// When called from elsewhere than within a program.
    pub fn evening() -> impl Future<Output = ()> + Send {
        let around = here();
        async move { around.evening().await }
    }
}

impl Runtime for Simulated {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
        around().ok_or(NoRuntime)?.spawn(Box::pin(task));
        Ok(())
    }

    /// # Panics
    ///
    /// When called from elsewhere than within a program.
    fn now() -> Instant {
        here().clock.now()
    }

    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send {
        Sleep::until(at)
    }
}
