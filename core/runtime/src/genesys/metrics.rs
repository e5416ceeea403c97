//! The [`Counters`] of all phones of the process, for the recorder of the [`metrics`] facade that
//! the application has installed (Prometheus, StatsD ...). Behind the feature `metrics`, which is off.
//!
//! Each is a counter without labels, the sum over all phones; [`Client::counters`](crate::Client::counters)
//! has those of one. A recorder sees what happens from its installation on: install it first.
//!
//! | name | what it counts |
//! | --- | --- |
//! | `offhook_connects_total` | [`Counters::connects`] |
//! | `offhook_reconnects_total` | [`Counters::reconnects`] |
//! | `offhook_disconnects_total` | [`Counters::disconnects`] |
//! | `offhook_calls_rung_total` | [`Counters::calls_rung`] |
//! | `offhook_calls_cancelled_total` | [`Counters::calls_cancelled`] |
//! | `offhook_calls_elsewhere_total` | [`Counters::calls_elsewhere`] |
//! | `offhook_calls_connected_total` | [`Counters::calls_connected`] |
//! | `offhook_calls_ended_total` | [`Counters::calls_ended`] |
//! | `offhook_sessions_started_total` | [`Counters::sessions_started`] |
//! | `offhook_sessions_ended_total` | [`Counters::sessions_ended`] |
//! | `offhook_sessions_replaced_total` | [`Counters::sessions_replaced`] |
//! | `offhook_interruptions_total` | [`Counters::interruptions`] |
//! | `offhook_errors_total` | [`Counters::errors`] |
//! | `offhook_malformed_total` | [`Counters::malformed`] |
//! | `offhook_events_lost_total` | [`Counters::events_lost`] |

use ::metrics::{Unit, counter, describe_counter};
use offhook::genesys::Counters;

struct Metric {
    name: &'static str,
    help: &'static str,
    of: fn(&Counters) -> u64,
}

const EVENTS_LOST: &str = "offhook_events_lost_total";

const METRICS: [Metric; 15] = [
    Metric {
        name: "offhook_connects_total",
        help: "Times that signaling came up, the first one included",
        of: |counters| counters.connects,
    },
    Metric {
        name: "offhook_reconnects_total",
        help: "Times that signaling came up after a loss",
        of: |counters| counters.reconnects,
    },
    Metric {
        name: "offhook_disconnects_total",
        help: "Attempts to connect that failed, and connections that were lost or closed",
        of: |counters| counters.disconnects,
    },
    Metric {
        name: "offhook_calls_rung_total",
        help: "Calls that rang, or were answered by themselves",
        of: |counters| counters.calls_rung,
    },
    Metric {
        name: "offhook_calls_cancelled_total",
        help: "Calls that rang no longer, as the caller gave up or nobody answered",
        of: |counters| counters.calls_cancelled,
    },
    Metric {
        name: "offhook_calls_elsewhere_total",
        help: "Calls that rang here and that another client of the user's handled",
        of: |counters| counters.calls_elsewhere,
    },
    Metric {
        name: "offhook_calls_connected_total",
        help: "Calls that connected here",
        of: |counters| counters.calls_connected,
    },
    Metric {
        name: "offhook_calls_ended_total",
        help: "Calls that had connected here and are over",
        of: |counters| counters.calls_ended,
    },
    Metric {
        name: "offhook_sessions_started_total",
        help: "Media sessions that began",
        of: |counters| counters.sessions_started,
    },
    Metric {
        name: "offhook_sessions_ended_total",
        help: "Media sessions that are over",
        of: |counters| counters.sessions_ended,
    },
    Metric {
        name: "offhook_sessions_replaced_total",
        help: "Media sessions that took the place of another",
        of: |counters| counters.sessions_replaced,
    },
    Metric {
        name: "offhook_interruptions_total",
        help: "Times that media stopped answering",
        of: |counters| counters.interruptions,
    },
    Metric {
        name: "offhook_errors_total",
        help: "Errors that no command was waiting for",
        of: |counters| counters.errors,
    },
    Metric {
        name: "offhook_malformed_total",
        help: "Messages, or parts of them, that could not be used",
        of: |counters| counters.malformed,
    },
    Metric {
        name: EVENTS_LOST,
        help: "Events that subscribers have lost, as they did not read them",
        of: |counters| counters.events_lost,
    },
];

/// A phone is there: recorders may show what its counters are.
pub(super) fn describe() {
    for Metric { name, help, .. } in METRICS {
        describe_counter!(name, Unit::Count, help);
    }
}

/// A phone's counters have grown.
pub(super) fn grown(before: &Counters, after: &Counters) {
    for Metric { name, of, .. } in METRICS {
        let more = of(after) - of(before);
        if more > 0 {
            counter!(name).increment(more);
        }
    }
}

/// A subscriber has lost an event.
pub(super) fn event_lost() {
    counter!(EVENTS_LOST).increment(1);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use ::metrics::{
        Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
        with_local_recorder,
    };
    use offhook::genesys::{self, Event};

    use super::super::book::Book;
    use super::*;
    use crate::drive::Observer as _;
    use crate::hub::Hub;
    use crate::queue::EVENT_QUEUE;

    /// What was recorded, by name.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<State>>);

    #[derive(Default)]
    struct State {
        described: BTreeMap<String, String>,
        sums: BTreeMap<String, u64>,
    }

    struct One(Kept, String);

    impl CounterFn for One {
        fn increment(&self, value: u64) {
            *self.0.0.lock().unwrap().sums.entry(self.1.clone()).or_default() += value;
        }

        fn absolute(&self, _: u64) {
            panic!("sums over several phones");
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
            assert_eq!(unit, Some(Unit::Count));
            let mut state = self.0.lock().unwrap();
            state.described.insert(key.as_str().to_owned(), help.into_owned());
        }

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            assert_eq!(key.labels().count(), 0);
            Counter::from_arc(Arc::new(One(self.clone(), key.name().to_owned())))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn each_counter_has_a_metric_of_its_name_that_is_documented() {
        let counters = serde_json::to_value(Counters::default()).unwrap();
        let fields = counters.as_object().unwrap().keys();
        let expected: Vec<_> = fields.map(|field| format!("offhook_{field}_total")).collect();
        let kept = Kept::default();
        with_local_recorder(&kept, || drop(Book::new()));
        let described = kept.0.lock().unwrap().described.clone();
        assert_eq!(described.len(), expected.len());
        for (name, field) in expected.iter().zip(counters.as_object().unwrap().keys()) {
            assert!(!described[name].is_empty());
            let row = format!("//! | `{name}` | [`Counters::{field}`] |");
            assert!(include_str!("metrics.rs").contains(&row), "{row}");
        }
    }

    #[test]
    fn recorders_see_the_sum_over_all_phones() {
        let kept = Kept::default();
        let counters = with_local_recorder(&kept, || {
            let (one, mut keeper) = Book::new();
            let (_, mut other) = Book::new();
            keeper.event(&Event::Connected { reconnect: false });
            other.event(&Event::Connected { reconnect: true });
            other.event(&Event::Malformed { what: "a frame".to_owned() });
            keeper.event(&Event::Ready);
            one.counters()
        });
        assert_eq!((counters.connects, counters.reconnects), (1, 0));
        let sums = kept.0.lock().unwrap().sums.clone();
        let expected = [
            ("offhook_connects_total", 2),
            ("offhook_malformed_total", 1),
            ("offhook_reconnects_total", 1),
        ];
        assert_eq!(sums, expected.map(|(name, sum)| (name.to_owned(), sum)).into());
    }

    #[test]
    fn recorders_see_what_subscribers_lost() {
        let kept = Kept::default();
        let lost = with_local_recorder(&kept, || {
            let (hub, publisher) = Hub::<genesys::Client>::new();
            let _unread = hub.subscribe();
            for _ in 0..EVENT_QUEUE + 3 {
                publisher.tell(Event::Ready);
            }
            hub.overruns()
        });
        assert_eq!((lost, kept.0.lock().unwrap().sums[EVENTS_LOST]), (3, 3));
    }

    #[test]
    fn nothing_is_asked_of_a_recorder_where_nothing_grew() {
        let kept = Kept::default();
        with_local_recorder(&kept, || {
            let (_book, mut keeper) = Book::new();
            keeper.event(&Event::Ready);
        });
        assert!(kept.0.lock().unwrap().sums.is_empty());
    }
}
