//! Something that must hold all the time.

use std::time::Duration;

use crate::world::Seen;

/// Something that must hold all the time.
pub trait Invariant {
    /// Its name, for the finding.
    fn name(&self) -> &str;

    /// Something happened. An error is a violation, explained.
    ///
    /// # Errors
    ///
    /// It does not hold.
    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String>;

    /// Everything is over and at rest.
    ///
    /// # Errors
    ///
    /// It does not hold.
    fn at_rest(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// A closure that looks at one thing at a time.
pub(super) struct Always<F> {
    pub(super) name: &'static str,
    pub(super) look: F,
}

impl<F: Fn(Duration, Seen<'_>) -> Result<(), String>> Invariant for Always<F> {
    fn name(&self) -> &str {
        self.name
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        (self.look)(at, seen)
    }
}
