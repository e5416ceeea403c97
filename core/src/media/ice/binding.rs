//! The question, to a STUN server, by which address it sees us (RFC 8489 section 2).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_types::stun::attribute::XorMappedAddress;
use turn_types::stun::message::{
    BINDING, Message, MessageClass, MessageType, MessageWrite as _, MessageWriteVec, TransactionId,
};

/// The time until it is asked again, which doubles: half of what RFC 8489 section 6.2.1 begins with, as a call
/// waits for it.
const FIRST: Duration = Duration::from_millis(250);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Binding {
    /// The address that asks, and is asked about.
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
    id: TransactionId,
    /// The time at which it was asked first.
    pub(super) begun: Instant,
    pause: Duration,
    pub(super) next: Instant,
}

impl Binding {
    /// A question that is due at once. `id` should be random: it is what an answer is known by.
    pub(super) fn new(local: SocketAddr, server: SocketAddr, id: u128, now: Instant) -> Self {
        let id = TransactionId::from(id);
        Self { local, server, id, begun: now, pause: FIRST, next: now }
    }

    /// The request, if it is due.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.next = now + self.pause;
        self.pause *= 2;
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        Some(Message::builder(kind, self.id, MessageWriteVec::new()).finish())
    }

    /// The answer in a datagram that came to us: the address, or none where the server refuses. `None` where it is no
    /// answer to this question.
    pub(super) fn answer(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        message: &Message<'_>,
    ) -> Option<Option<SocketAddr>> {
        let is_ours = message.transaction_id() == self.id
            && message.method() == BINDING
            && message.is_response()
            && (local, remote) == (self.local, self.server);
        is_ours.then(|| {
            let seen = message.attribute::<XorMappedAddress>().ok()?;
            message.has_class(MessageClass::Success).then(|| seen.addr(self.id))
        })
    }
}
