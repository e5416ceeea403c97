//! Log records of a call stand in a span of the call. The one test of its process, as in
//! `warnings.rs`.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use offhook::Seed;
use offhook::genesys::{Client, Command, Config};
use offhook::machine::{Input, Machine, Output, WsEvent};
use offhook::media::{Engine, EngineConfig, EngineFactory};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

#[derive(Default)]
struct Seen {
    /// Each span, in words.
    spans: Vec<String>,
    /// The spans that are entered.
    entered: Vec<u64>,
    /// Each record, with the spans that it stands in.
    records: Vec<String>,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Seen>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() || *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words(span.metadata().name().to_owned());
        span.record(&mut words);
        let mut seen = self.0.lock().unwrap();
        seen.spans.push(words.0);
        Id::from_u64(seen.spans.len() as u64)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut seen = self.0.lock().unwrap();
        let within = seen.entered.iter().map(|id| seen.spans[*id as usize - 1].clone());
        let mut words = Words(within.collect::<Vec<_>>().join(", ") + ":");
        event.record(&mut words);
        seen.records.push(words.0);
    }
    fn enter(&self, id: &Id) {
        self.0.lock().unwrap().entered.push(id.into_u64());
    }
    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }
}

#[derive(Debug)]
struct NoMedia;

impl EngineFactory for NoMedia {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        unreachable!("nothing is called here")
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn what_is_logged_of_a_call_stands_in_a_span_of_its_own() {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || {
        // {"data":{"jid":"a@lab.test"}}
        let jwt = "e30.eyJkYXRhIjp7ImppZCI6ImFAbGFiLnRlc3QifX0.c2ln";
        let now = Instant::now();
        let config = Config::jwt("mypurecloud.com", jwt);
        let mut client = Client::new(config, Box::new(NoMedia), Seed::from(1), now).unwrap();
        client.submit(now, Command::Connect).unwrap();
        let id = loop {
            match client.poll_output() {
                Output::OpenWebSocket { id, .. } => break id,
                Output::Timeout(_) => panic!("no socket is wanted"),
                _ => {}
            }
        };
        let opened = WsEvent::Opened { protocol: Some("xmpp".to_owned()) };
        client.handle_input(now, Input::WebSocket { id, event: opened });
        for text in [
            // Something goes wrong about two calls, and about none.
            r#"<message xmlns="jabber:client" from="x@odd.example"><propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1"/></message>"#,
            r#"<message xmlns="jabber:client" from="x@odd.example"><propose xmlns="urn:xmpp:jingle-message:0" id="M2" inin-cid="C2"/></message>"#,
            "<odd",
        ] {
            let event = WsEvent::Text(text.to_owned());
            client.handle_input(now, Input::WebSocket { id, event });
        }
    });
    let seen = spans.0.lock().unwrap();
    let [first, second, other] = seen.records.as_slice() else { panic!("{:?}", seen.records) };
    assert!(first.starts_with("call conversation=C1:"), "{first}");
    assert!(second.starts_with("call conversation=C2:"), "{second}");
    assert!(other.starts_with(':'), "{other}");
    assert!(seen.entered.is_empty());
}
