//! Customers: when they call, how patient they are, how long they talk, and whether they call
//! again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dice::Dice;

/// The times at which calls come, over all agents together.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// By themselves, so many an hour for each agent (a Poisson process).
    Poisson {
        /// Calls an hour for each agent, on average.
        per_agent_hour: f64,
    },
    /// Calls as before, with a rush of so many times the rate for a part of every hour.
    Rushes {
        /// Calls an hour for each agent outside of rushes, on average.
        per_agent_hour: f64,
        /// The factor by which more come in a rush.
        times: f64,
        /// The length of the rush of each hour.
        lasts: Duration,
    },
    /// At these times since the run began, and never else.
    Recorded(Vec<Duration>),
    /// No calls.
    Never,
}

/// The customers and their behaviour. Shares are from 0 to 1; ranges are drawn from evenly.
#[derive(Clone, Debug, PartialEq)]
pub struct Customers {
    /// The times at which they call.
    pub arrivals: Arrivals,
    /// The time after which an unanswered customer gives up.
    pub patience: (Duration, Duration),
    /// The time that a customer talks, if the agent does not end it.
    pub talk: (Duration, Duration),
    /// The share of those who gave up that call again within a minute.
    pub call_back: f64,
    /// The share of calls whose session is offered by SDP, not Jingle.
    pub sdp: f64,
    /// The share of those whose candidates come one by one, not with the offer.
    pub trickle: f64,
    /// The share of calls that are answered by themselves.
    pub auto_answer: f64,
    /// The share of calls that are proposed before their notification comes.
    pub event_late: f64,
    /// The share of calls straight to the agent, not through a queue.
    pub direct: f64,
    /// Calls of one user at once, at most.
    pub at_once: usize,
}

impl Default for Customers {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            arrivals: Arrivals::Poisson { per_agent_hour: 10.0 },
            patience: (s(20), s(90)),
            talk: (s(20), s(300)),
            call_back: 0.3,
            sdp: 0.5,
            trickle: 0.0,
            auto_answer: 0.1,
            event_late: 0.3,
            direct: 0.1,
            at_once: 1,
        }
    }
}

/// Draws when the next customer calls.
#[derive(Debug)]
pub(super) struct Door {
    arrivals: Arrivals,
    agents: f64,
    recorded: VecDeque<Duration>,
}

impl Door {
    pub(super) fn new(arrivals: &Arrivals, agents: usize) -> Self {
        let recorded = match arrivals {
            Arrivals::Recorded(times) => {
                let mut times = times.clone();
                times.sort_unstable();
                times.into()
            }
            _ => VecDeque::new(),
        };
        Self { arrivals: arrivals.clone(), agents: agents as f64, recorded }
    }

    /// The time at which the next one calls, after now.
    pub(super) fn next(&mut self, now: Duration, dice: &mut Dice) -> Option<Duration> {
        const HOUR: Duration = Duration::from_secs(3600);
        let mean = |rate: f64| {
            let rate = rate * self.agents;
            (rate > 0.0).then(|| HOUR.div_f64(rate))
        };
        match &self.arrivals {
            Arrivals::Poisson { per_agent_hour } => {
                Some(now + dice.exponential(mean(*per_agent_hour)?))
            }
            Arrivals::Rushes { per_agent_hour, times, lasts } => {
                // Drawn at the rush's rate, and thinned out outside of it.
                let rush = mean(per_agent_hour * times.max(1.0))?;
                let mut at = now;
                for _ in 0..100_000 {
                    at += dice.exponential(rush);
                    let in_rush = Duration::from_secs(at.as_secs() % HOUR.as_secs()) < *lasts;
                    if in_rush || dice.chance(1.0 / times.max(1.0)) {
                        break;
                    }
                }
                Some(at)
            }
            Arrivals::Recorded(_) => self.recorded.pop_front().map(|at| at.max(now)),
            Arrivals::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use offhook::Seed;

    use super::*;

    fn arrivals(arrivals: &Arrivals, until: Duration) -> Vec<Duration> {
        let (mut door, mut dice) = (Door::new(arrivals, 10), Dice::new(&Seed::from(1), "door"));
        let mut now = Duration::ZERO;
        let mut all = Vec::new();
        while let Some(at) = door.next(now, &mut dice).filter(|at| *at < until) {
            all.push(at);
            now = at;
        }
        all
    }

    #[test]
    fn calls_come_at_their_rate_and_in_rushes() {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        let poisson = arrivals(&Arrivals::Poisson { per_agent_hour: 10.0 }, hours(10));
        assert!((850..1150).contains(&poisson.len()), "{}", poisson.len());
        let lasts = Duration::from_secs(600);
        let rushes = Arrivals::Rushes { per_agent_hour: 10.0, times: 6.0, lasts };
        let rushes = arrivals(&rushes, hours(10));
        let within = rushes.iter().filter(|at| at.as_secs() % 3600 < 600).count();
        let outside = rushes.len() - within;
        assert!((850..1150).contains(&within), "{within} in rushes");
        assert!((700..970).contains(&outside), "{outside} outside");
        let at = vec![hours(2), hours(1)];
        assert_eq!(arrivals(&Arrivals::Recorded(at), hours(9)), [hours(1), hours(2)]);
        assert!(arrivals(&Arrivals::Never, hours(9)).is_empty());
    }
}
