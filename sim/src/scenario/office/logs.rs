//! The log records of clients, as a subscriber of an application's gets them.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

/// See the [module](self). Copies share what was logged.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs(Arc<Mutex<Vec<String>>>);

impl Logs {
    /// A subscriber that keeps every record here until it is taken.
    pub(super) fn subscriber(&self) -> Dispatch {
        Dispatch::new(Keeper(self.clone()))
    }

    fn kept(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.kept())
    }
}

struct Keeper(Logs);

/// All fields of a record or of a span, as words.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Keeper {
    // The crates of the media engine say that their TRACE is for who develops them, and shows all.
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.target().starts_with("offhook") || *about.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut words = Words(span.metadata().name().to_owned());
        span.record(&mut words);
        self.0.kept().push(words.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut words = Words(String::new());
        values.record(&mut words);
        self.0.kept().push(words.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(event.metadata().level().to_string());
        event.record(&mut words);
        self.0.kept().push(words.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc_001_records_and_spans_are_kept_with_all_their_fields() {
        let logs = Logs::default();
        tracing::dispatcher::with_default(&logs.subscriber(), || {
            let span = tracing::info_span!("call", name = "C1", end = tracing::field::Empty);
            span.in_scope(|| tracing::trace!(token = "t", "told"));
            span.record("end", "late");
        });
        let all = ["call name=\"C1\"", "TRACE message=told token=\"t\"", " end=\"late\""];
        assert_eq!(logs.take(), all);
        assert!(logs.take().is_empty());
    }
}
