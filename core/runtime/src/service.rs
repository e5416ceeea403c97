//! What a client is made of, by service.

use std::time::Instant;

use offhook::Seed;
use offhook::media::EngineFactory;

use crate::drive::{Drive, Observer};

/// A service's machine, as [`Client`](crate::Client) makes it and asks it.
pub trait Service: Drive {
    /// Its settings.
    type Config: Send + 'static;

    /// What a client of it keeps besides its handle, the same for all clones.
    type Desk: Clone + Send + Sync + 'static;

    /// A machine, what its clients keep, and who follows it for them. The time of the wall clock, in
    /// milliseconds of Unix, is used where the settings have none.
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
    ) -> Result<Built<Self>, Self::Error>
    where
        Self: Sized;

    /// The error of a command that ended with something else than it should.
    fn unexpected(outcome: &Self::Outcome) -> Self::Error;
}

/// What [`Service::build`] makes.
pub struct Built<M: Service> {
    /// The machine.
    pub machine: M,
    /// What its clients keep.
    pub desk: M::Desk,
    /// Who follows it.
    pub observer: Box<dyn Observer<M>>,
}

impl<M: Service> std::fmt::Debug for Built<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Built")
    }
}
