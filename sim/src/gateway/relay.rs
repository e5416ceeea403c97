//! The gateway's own media at a client's leg (option `broker`): its sockets, its engine, and the news
//! that wait for them.

use offhook::machine::UdpId;

use super::far::Far;
use super::news::{News, Speed};
use super::world::World;

/// News that wait for the sockets of one leg; more are lost.
const MAX_WAITING: usize = 32;

/// See the [module](self).
pub(super) struct Relay {
    pub(super) udp: UdpId,
    pub(super) far: Option<Far>,
    /// News that came before the sockets.
    pub(super) waiting: Vec<(News, Speed)>,
}

impl Relay {
    /// One whose sockets are asked for.
    pub(super) fn new(udp: UdpId) -> Self {
        Self { udp, far: None, waiting: Vec::new() }
    }

    /// Keeps news until the sockets are open.
    pub(super) fn wait(&mut self, news: News, speed: Speed) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push((news, speed));
        }
    }

    /// Its media ends.
    pub(super) fn close(mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.close(world);
        }
        world.base.close_media(self.udp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_news_that_wait_for_sockets_are_few() {
        let mut relay = Relay::new(UdpId(1));
        for _ in 0..=MAX_WAITING {
            relay.wait(News::Ringing, Speed::Usual);
        }
        assert_eq!(relay.waiting.len(), MAX_WAITING);
    }
}
