//! Times in what is serialized: milliseconds, as a number.

use std::time::Duration;

use serde::Serializer;

/// A time in milliseconds, to the microsecond.
pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(of(*time))
}

/// The same of a time that may not be there.
pub(crate) fn optional<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize(time, to),
        None => to.serialize_none(),
    }
}

fn of(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
