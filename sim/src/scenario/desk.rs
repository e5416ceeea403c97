//! The seat of an application.

use crate::world::PhoneId;

/// The seat of an application.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The phone that it is on.
    pub phone: PhoneId,
    /// The user whose phone it is.
    pub user: String,
    /// The source of its randomness.
    pub seed: offhook::Seed,
}
