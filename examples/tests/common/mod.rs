//! A phone on an emulator of its own, for tests that run on either runtime.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test program uses a part")]

#[cfg(feature = "prosody")]
pub(crate) mod aiortc;
pub(crate) mod diagnosed;
pub(crate) mod gateway;
#[cfg(feature = "prosody")]
pub(crate) mod jingle;
#[cfg(feature = "prosody")]
pub(crate) mod prosody;
pub(crate) mod relay;
#[cfg(feature = "prosody")]
pub(crate) mod stream;

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use offhook::genesys::{Config, Phone as _};
use offhook::net::NetOptions;
use offhook_examples::demo;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::{Call, Calls, Client, Events};
use offhook_sim::serve::{Emulator, FarEnd};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Waits for what must happen.
pub(crate) async fn within<R: Sockets, T>(what: &str, future: impl Future<Output = T>) -> T {
    match select(pin!(future), pin!(R::sleep_until(Instant::now() + PATIENCE))).await {
        Either::Left((value, _)) => value,
        Either::Right(((), _)) => panic!("{what}: not in time"),
    }
}

/// Calls a user: the conversation, and the caller's ear and mouth.
pub(crate) fn call(emulator: &Emulator, user: &str) -> (String, FarEnd) {
    let call = json!({"kind": "inbound", "userId": user, "farEnd": "external"});
    let call = emulator.control("POST", "calls", &call).expect("a call");
    let conversation = call["conversationId"].as_str().expect("an id").to_owned();
    let far = emulator.far_end(&conversation).expect("a far end");
    (conversation, far)
}

/// A phone that is logged in to an emulator of its own.
pub(crate) struct Desk<R> {
    pub(crate) emulator: Emulator,
    pub(crate) user: String,
    pub(crate) phone: Client<R>,
    pub(crate) events: Events,
    pub(crate) calls: Calls<R>,
}

impl<R: Sockets> Desk<R> {
    pub(crate) async fn open(seed: u64) -> Self {
        let emulator = demo::emulator(seed).expect("a free port");
        let desk = Self::at(emulator, NetOptions::default().loopback(true), |_| {});
        within::<R, _>("login", desk.phone.connect()).await.expect("a service");
        desk
    }

    /// A phone that may log in to this emulator.
    pub(crate) fn at(emulator: Emulator, net: NetOptions, set: impl FnOnce(&mut Config)) -> Self {
        let (user, token) = emulator.add_user("Ada", None).expect("a user");
        let mut config = Config::agent("lab.test", token);
        config.api_host = Some(emulator.http_url());
        config.ws_host = Some(emulator.ws_url());
        set(&mut config);
        let builder = Client::<R>::builder(config).net(net);
        let (phone, events) = builder.build().expect("inside the runtime");
        let calls = phone.calls();
        Self { emulator, user, phone, events, calls }
    }

    /// Something happens to a call elsewhere.
    pub(crate) fn far(&self, conversation: &str, what: &str, body: &Value) {
        let path = format!("calls/{conversation}/{what}");
        let done = self.emulator.control("POST", &path, body);
        assert!(done.is_some(), "{what}");
    }

    /// Calls the user: the conversation, and the caller's ear and mouth.
    pub(crate) fn call(&self) -> (String, FarEnd) {
        call(&self.emulator, &self.user)
    }

    /// The next call.
    pub(crate) async fn next(&mut self) -> Call<R> {
        within::<R, _>("a call", self.calls.next()).await.expect("the phone lives")
    }

    /// A call that rings.
    pub(crate) async fn ring(&mut self) -> (Call<R>, FarEnd) {
        let (_, far) = self.call();
        (self.next().await, far)
    }

    pub(crate) async fn close(self) {
        let Self { emulator, phone, .. } = self;
        within::<R, _>("log-out", phone.disconnect()).await.expect("logged out");
        emulator.shutdown();
    }
}

/// Makes a test of each function for each runtime.
macro_rules! on_both_runtimes {
    ($($test:ident)*) => {
        mod on_tokio {
            $(#[test]
            fn $test() {
                let tokio = tokio::runtime::Runtime::new().expect("a runtime");
                tokio.block_on(super::$test::<offhook_tokio::Tokio>());
            })*
        }

        mod on_smol {
            $(#[test]
            fn $test() {
                smol::block_on(super::$test::<offhook_smol::Smol>());
            })*
        }
    };
}
pub(crate) use on_both_runtimes;
