//! A laptop that sleeps: the client on either runtime notices as soon as it wakes, and asks
//! whether its connection still stands (LC-19).

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use offhook::genesys::{Config, Event, Phone as _};
use offhook::net::NetOptions;
use offhook::report::TraceDirection;
use offhook_examples::demo;
use offhook_runtime::genesys::{Client, Events};
use offhook_runtime::{Clock, Sockets};

/// Waits for the event that is wanted.
async fn wait<R: Sockets>(events: &mut Events, wanted: impl Fn(&Event) -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    let found = async {
        loop {
            if wanted(&events.next().await.expect("the client lives")) {
                return;
            }
        }
    };
    match select(pin!(found), pin!(R::sleep_until(patience))).await {
        Either::Left(((), _)) => {}
        Either::Right(((), _)) => panic!("waited in vain"),
    }
}

async fn sleeps<R: Sockets>(seed: u64) {
    let emulator = demo::emulator(seed).expect("a free port");
    let (_, token) = emulator.add_user("Ada", None).expect("a user");
    let mut config = Config::agent("lab.test", token);
    config.api_host = Some(emulator.http_url());
    config.ws_host = Some(emulator.ws_url());
    config.trace = true;
    let clock = Clock::default();
    let net = NetOptions::default().loopback(true);
    let builder = Client::<R>::builder(config).net(net).clock(clock.clone());
    let (phone, mut events) = builder.build().expect("inside the runtime");
    phone.connect().await.expect("a service");
    wait::<R>(&mut events, |event| matches!(event, Event::Ready)).await;

    let slept = Duration::from_secs(10 * 60);
    let asleep = clock.now();
    clock.advance(slept);
    // A ping of an awake client would show a time before the sleep.
    wait::<R>(&mut events, |event| match event {
        Event::Trace(record) => {
            record.at >= asleep + slept
                && record.direction == TraceDirection::Sent
                && record.body.contains("urn:xmpp:ping")
        }
        _ => false,
    })
    .await;
    // It still stands, or is made anew; either way the phone can be used.
    phone.disconnect().await.expect("logged out");
    emulator.shutdown();
}

#[test]
fn lc_19_a_sleep_is_noticed_on_tokio() {
    let tokio = tokio::runtime::Runtime::new().expect("a runtime");
    tokio.block_on(sleeps::<offhook_tokio::Tokio>(8));
}

#[test]
fn lc_19_a_sleep_is_noticed_on_smol() {
    smol::block_on(sleeps::<offhook_smol::Smol>(9));
}
