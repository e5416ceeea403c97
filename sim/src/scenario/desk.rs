//! Where an application sits.

use crate::world::PhoneId;

/// Where an application sits.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Which phone it is on.
    pub phone: PhoneId,
    /// Whose phone it is.
    pub user: String,
    /// Where its randomness comes from.
    pub seed: offhook::Seed,
}
