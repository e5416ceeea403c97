//! The parts of a client, by service.

use std::time::Instant;

use offhook::Seed;
use offhook::media::EngineFactory;

use crate::drive::{Drive, Observer};

/// A service's machine, as [`Client`](crate::Client) makes it and asks it.
pub trait Service: Drive + Sized {
    /// Its settings.
    type Config: Send + 'static;

    /// The state that a client of it keeps besides its handle, the same for all clones.
    type Desk: Clone + Send + Sync + 'static;

    /// The state that its clients keep, and the follower of the machine that fills it.
    fn desk(config: &Self::Config) -> (Self::Desk, Box<dyn Observer<Self>>);

    /// A machine. The time of the wall clock, in milliseconds of Unix, is used where the settings have
    /// none.
    ///
    /// # Errors
    ///
    /// The settings cannot be used.
    fn build(
        config: Self::Config,
        factory: Box<dyn EngineFactory>,
        seed: Seed,
        now: Instant,
        unix_ms: Option<u64>,
    ) -> Result<Self, Self::Error>;

    /// The error of a command that ended with something else than it should.
    fn unexpected(outcome: &Self::Outcome) -> Self::Error;
}
