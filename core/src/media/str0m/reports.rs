//! Word of the path from the far side and from ICE.

use std::time::Duration;

use crate::media::ExpectedLoss;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// The last round trip.
    pub(super) round_trip: Option<Duration>,
    /// The loss that the far side reported last, and what follows from all of its reports for whoever encodes.
    pub(super) remote_loss: Option<f32>,
    pub(super) expected_loss: ExpectedLoss,
}
