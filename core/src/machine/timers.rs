//! Wake-ups, and one timer queue for a machine, by name.

use std::collections::BTreeMap;
use std::time::Instant;

/// The time at which a machine wants to be woken, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The instant; due at once when it is not in the future.
    pub at: Instant,
    /// The timer that asks, for logs and for the simulator.
    pub reason: &'static str,
}

impl Wake {
    /// The earlier of two optional wake-ups.
    #[must_use]
    pub fn earliest(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, None) => a,
            (None, b) => b,
        }
    }
}

/// A name for a timer. Implemented by an enum with one documented variant for each timer.
pub trait TimerName: Ord + Clone {
    /// The purpose of the timer, as shown in [`Wake::reason`].
    fn reason(&self) -> &'static str;
}

/// Armed timers by name. Arming a name again moves it.
#[derive(Clone, Debug)]
pub struct Timers<K> {
    armed: BTreeMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { armed: BTreeMap::new() }
    }
}

impl<K: TimerName> Timers<K> {
    /// Arms a timer, or moves it when it is armed already.
    pub fn arm(&mut self, name: K, at: Instant) {
        self.armed.insert(name, at);
    }

    /// Disarms a timer. Nothing happens when it is not armed.
    pub fn cancel(&mut self, name: &K) {
        self.armed.remove(name);
    }

    /// True if a timer is armed.
    pub fn is_armed(&self, name: &K) -> bool {
        self.armed.contains_key(name)
    }

    /// Disarms and returns the earliest timer that is due. Ties go by name.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (name, at) = self.armed.iter().min_by_key(|(name, at)| (**at, *name))?;
        if *at > now {
            return None;
        }
        let name = name.clone();
        self.armed.remove(&name);
        Some(name)
    }

    /// The next timer that is due.
    pub fn next(&self) -> Option<Wake> {
        self.armed
            .iter()
            .min_by_key(|(name, at)| (**at, *name))
            .map(|(name, at)| Wake { at: *at, reason: name.reason() })
    }

    /// The number of armed timers.
    pub fn len(&self) -> usize {
        self.armed.len()
    }

    /// True if none is armed.
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Disarms those for which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.armed.retain(|name, _| keep(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    impl TimerName for u8 {
        fn reason(&self) -> &'static str {
            "test"
        }
    }

    #[test]
    fn due_timers_come_out_in_order_of_time_then_name() {
        let t0 = crate::testing::epoch();
        let mut timers = Timers::default();
        timers.arm(3, t0 + Duration::from_secs(1));
        timers.arm(2, t0 + Duration::from_secs(1));
        timers.arm(1, t0 + Duration::from_secs(2));
        assert_eq!(timers.pop_due(t0), None);
        assert_eq!(timers.next().unwrap().at, t0 + Duration::from_secs(1));
        let at = t0 + Duration::from_secs(5);
        assert_eq!(timers.pop_due(at), Some(2));
        assert_eq!(timers.pop_due(at), Some(3));
        assert_eq!(timers.pop_due(at), Some(1));
        assert!(timers.is_empty() && timers.next().is_none());
    }

    #[test]
    fn arming_again_moves_and_cancelling_forgets() {
        let t0 = crate::testing::epoch();
        let mut timers = Timers::default();
        timers.arm(1, t0);
        timers.arm(1, t0 + Duration::from_secs(9));
        assert_eq!(timers.pop_due(t0 + Duration::from_secs(8)), None);
        timers.cancel(&1);
        assert_eq!(timers.len(), 0);
    }
}
