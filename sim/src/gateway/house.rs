//! All parts of the gateway, side by side.

use super::calls::Calls;
use super::held::Held;
use super::party::Parties;
use super::subscriptions::Subscriptions;
use super::world::World;

/// All parts of the gateway, side by side.
pub(super) struct House {
    pub(super) world: World,
    pub(super) subscriptions: Subscriptions,
    pub(super) held: Held,
    pub(super) calls: Calls,
    pub(super) parties: Parties,
}
