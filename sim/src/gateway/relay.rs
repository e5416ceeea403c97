//! The gateway's own media at a client's leg (option `broker`): its sockets, its engine, and the news
//! that wait for them.

use offhook::machine::UdpId;

use super::far::Far;
use super::news::{News, Speed};
use super::world::World;

/// News that wait for the sockets of one leg; more are lost.
pub(super) const MAX_WAITING: usize = 32;

/// See the [module](self).
pub(super) struct Relay {
    pub(super) udp: UdpId,
    pub(super) far: Option<Far>,
    /// News that came before the sockets.
    pub(super) waiting: Vec<(News, Speed)>,
}

impl Relay {
    /// Its media ends.
    pub(super) fn close(mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.close(world);
        }
        world.base.close_media(self.udp);
    }
}
