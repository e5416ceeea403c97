//! The result of a run.

use std::time::Duration;

use super::finding::Finding;
use crate::world::Counts;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The first violation, if any.
    pub finding: Option<Finding>,
    /// The fingerprint of the run.
    pub digest: u64,
    /// The time that passed in it.
    pub simulated: Duration,
    /// The number of things that happened in it.
    pub happenings: u64,
    /// Counts of what happened.
    pub counts: Counts,
}
