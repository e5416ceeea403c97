//! All parts of the gateway, side by side.

use super::calls::Calls;
use super::held::Held;
use super::party::Parties;
use super::stores::Stores;
use super::stores::presence::Watch;
use super::subscriptions::Subscriptions;
use super::world::World;

/// All parts of the gateway, side by side.
pub(super) struct House {
    pub(super) world: World,
    pub(super) subscriptions: Subscriptions,
    pub(super) held: Held,
    pub(super) calls: Calls,
    pub(super) parties: Parties,
    pub(super) stores: Stores,
}

impl House {
    /// Presence, and the way to those who watch it.
    pub(super) fn watch(&mut self) -> Watch<'_> {
        let Self { world, subscriptions, stores, .. } = self;
        Watch { presence: &mut stores.presence, subscriptions, world }
    }
}
