//! The bound of the log records that a peer can cause. The one test of its process, as in
//! `warnings.rs`.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::{Client, Command, Config};
use offhook::machine::{Input, Machine, Output, WsEvent};
use offhook::media::testing::FakeMedia;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// Keeps the words of each warning.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.lock().unwrap().push(words.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn malformed_frames_are_logged_at_a_bounded_rate_and_counted_and_never_quoted() {
    let warnings = Warnings::default();
    let mut events = 0;
    tracing::subscriber::with_default(warnings.clone(), || {
        // {"data":{"jid":"a@lab.test"}}
        let jwt = "e30.eyJkYXRhIjp7ImppZCI6ImFAbGFiLnRlc3QifX0.c2ln";
        let now = Instant::now();
        let config = Config::jwt("mypurecloud.com", jwt);
        let mut client =
            Client::new(config, Box::new(FakeMedia::default()), Seed::from(1), now).unwrap();
        client.submit(now, Command::Connect).unwrap();
        let mut socket = None;
        while let output @ (Output::OpenWebSocket { .. } | Output::Event(_)) = client.poll_output()
        {
            if let Output::OpenWebSocket { id, .. } = output {
                socket = Some(id);
            }
        }
        let id = socket.expect("a socket");
        let opened = WsEvent::Opened { protocol: Some("xmpp".to_owned()) };
        client.handle_input(now, Input::WebSocket { id, event: opened });
        let mut feed = |now: Instant, text: &str| {
            let event = WsEvent::Text(text.to_owned());
            client.handle_input(now, Input::WebSocket { id, event });
            loop {
                match client.poll_output() {
                    Output::Timeout(_) => break,
                    Output::Event(_) => events += 1,
                    _ => {}
                }
            }
        };
        for n in 0..1000 {
            feed(now, &format!("<odd{n} pwd='hidden' token='{jwt}' <"));
        }
        feed(now + Duration::from_secs(4), "<odd <");
    });
    let words = warnings.0.lock().unwrap();
    assert!(events > 1000, "each is told as an event, {events}");
    let malformed = words.iter().filter(|words| words.contains("what=")).count();
    assert!((10..=40).contains(&malformed), "{malformed} of 1001");
    assert!(words.iter().any(|words| words.contains("left_out=980")), "{words:?}");
    for words in words.iter() {
        assert!(!words.contains("hidden") && !words.contains("eyJ"), "{words}");
    }
}
