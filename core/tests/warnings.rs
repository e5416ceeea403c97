//! Warnings about settings. The one test of its process: whether a log record is wanted is
//! remembered per process, and other threads that log at the same moment would decide it too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use offhook::Seed;
use offhook::genesys::{Client, Config};
use offhook::media::testing::FakeMedia;
use tracing::span::{Attributes, Id, Record};

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The number of warnings when a client with these settings is made.
#[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn warned(config: Config) -> usize {
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        Client::new(config, Box::new(FakeMedia::default()), Seed::from(1), Instant::now()).unwrap();
    });
    warnings.0.load(Ordering::Relaxed)
}

/// Scenarios 3 and 4.
#[test]
fn an_environment_that_is_unheard_of_is_warned_of_unless_the_hosts_are_given() {
    assert_eq!(warned(Config::agent("nowhere.example", "token")), 1);
    assert_eq!(warned(Config::agent("mypurecloud.de", "token")), 0);
    let mut elsewhere = Config::agent("nowhere.example", "token");
    elsewhere.api_host = Some("https://rest.lab.test".to_owned());
    elsewhere.ws_host = Some("wss://ws.lab.test".to_owned());
    assert_eq!(warned(elsewhere), 0);
}
