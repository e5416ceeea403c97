//! The notification channel, and how long one serves (SG-3, wire notes 3.1).

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Channel {
    id: Option<String>,
    /// The next attempt needs a new one.
    hard: bool,
    /// Attempts with one that was there, failed ones too.
    soft_attempts: u32,
}

impl Default for Channel {
    fn default() -> Self {
        Self { id: None, hard: true, soft_attempts: 0 }
    }
}

impl Channel {
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether another attempt can be made with it.
    pub(super) fn is_usable(&self) -> bool {
        self.id.is_some() && !self.hard
    }

    /// The service gave us one. Until a connection is up with it, each attempt asks for another.
    pub(super) fn given(&mut self, id: String) {
        self.id = Some(id);
    }

    /// It is of no more use: the next attempt is hard.
    pub(super) fn discard(&mut self) {
        self.hard = true;
    }

    /// An attempt begins; `limit` is that which is hard in any case.
    pub(super) fn attempt(&mut self, limit: u32) {
        if self.is_usable() {
            self.soft_attempts += 1;
            if self.soft_attempts >= limit {
                self.soft_attempts = 0;
                self.hard = true;
            }
        }
    }

    /// A connection is up. True where the attempt was a hard one: a new channel has no topics.
    pub(super) fn connected(&mut self) -> bool {
        std::mem::take(&mut self.hard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_3_1_the_tenth_soft_attempt_is_hard() {
        let mut channel = Channel::default();
        channel.attempt(10);
        assert!(!channel.is_usable(), "there is none");
        channel.given("c1".to_owned());
        assert!(!channel.is_usable(), "not before a connection was up with it");
        assert!(channel.connected(), "it is new");
        for _ in 1..10 {
            channel.attempt(10);
            assert!(channel.is_usable());
        }
        channel.attempt(10);
        assert!(!channel.is_usable());
        channel.given("c2".to_owned());
        assert!(channel.connected());
        channel.attempt(10);
        assert!(channel.is_usable() && !channel.connected(), "the count began at zero");
        channel.discard();
        assert!(!channel.is_usable());
    }
}
