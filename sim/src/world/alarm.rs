//! The wish of a machine to be woken, against what waits for it in the queue: woken exactly then,
//! never sooner, and once.

use std::time::Duration;

/// The wake-up of a machine, and the entry for it in the queue.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    wanted: Option<Duration>,
    queued: Option<Duration>,
}

/// The meaning of a wake-up from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    /// Wake it now.
    Wake,
    /// Put another wake-up into the queue.
    Later(Duration),
    /// Nothing to do: the wake-up is no longer wanted.
    Nothing,
}

impl Alarm {
    /// Notes the wish. The wake-up to put into the queue, if there is none before.
    pub(super) fn set(&mut self, wanted: Option<Duration>) -> Option<Duration> {
        self.wanted = wanted;
        let at = wanted?;
        if self.queued.is_some_and(|queued| queued <= at) {
            return None;
        }
        self.queued = Some(at);
        Some(at)
    }

    /// Takes a wake-up that came out of the queue.
    pub(super) fn ring(&mut self, at: Duration) -> Ring {
        if self.queued != Some(at) {
            return Ring::Nothing;
        }
        self.queued = None;
        match self.wanted {
            Some(wanted) if wanted <= at => Ring::Wake,
            Some(wanted) => {
                self.queued = Some(wanted);
                Ring::Later(wanted)
            }
            None => Ring::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_queued_once_and_kept() {
        let s = Duration::from_secs;
        let mut alarm = Alarm::default();
        assert_eq!(alarm.set(Some(s(5))), Some(s(5)));
        assert_eq!(alarm.set(Some(s(9))), None, "the earlier one asks again");
        assert_eq!(alarm.ring(s(5)), Ring::Later(s(9)));
        assert_eq!(alarm.set(Some(s(7))), Some(s(7)));
        assert_eq!(alarm.ring(s(7)), Ring::Wake);
        assert_eq!(alarm.ring(s(9)), Ring::Nothing, "it was for what is over");
        assert_eq!(alarm.set(None), None);
        assert_eq!(alarm.set(Some(s(10))), Some(s(10)));
        assert_eq!(alarm.set(None), None);
        assert_eq!(alarm.ring(s(10)), Ring::Nothing);
    }
}
