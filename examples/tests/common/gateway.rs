//! A user of the emulated gateway.

use std::time::{Duration, Instant};

use offhook::audio::{FRAME, wav};
use offhook::net::NetOptions;
use offhook::ribbon::{
    AnswerOptions, CallId, CallState, Config, ConfigPatch, Credentials, Event, HoldState,
    HttpScheme, MediaConnectionState, NotificationsPatch, Phone as _, PushServerPatch,
};
use offhook_examples::demo;
use offhook_examples::voice::{Ear, say};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, Events};
use offhook_sim::serve::{Emulator, FarEnd};
use serde_json::{Value, json};

use super::within;

/// A user's client and their gateway.
pub(crate) struct Desk<R> {
    pub(crate) emulator: Emulator,
    pub(crate) user: String,
    pub(crate) phone: Client<R>,
    events: Events,
}

impl<R: Sockets> Desk<R> {
    pub(crate) async fn open(seed: u64) -> Self {
        Self::open_over(seed, NetOptions::default()).await
    }

    pub(crate) async fn open_over(seed: u64, net: NetOptions) -> Self {
        Self::at(demo::emulator(seed).expect("a free port"), net.loopback(true)).await
    }

    pub(crate) async fn at(emulator: Emulator, net: NetOptions) -> Self {
        let user = emulator.control("POST", "ribbon/users", &json!({})).expect("a user");
        let text = |key: &str| user[key].as_str().expect("a text").to_owned();
        let config = Config::at(&text("restUrl"), &text("wsUrl")).expect("addresses");
        let builder = Client::<R>::builder(config).net(net);
        let (phone, events) = builder.build().expect("inside the runtime");
        let credentials = Credentials::password(text("user").as_str(), text("password"));
        within::<R, _>("credentials", phone.set_credentials(credentials)).await.expect("taken");
        within::<R, _>("subscription", phone.subscribe(["call"])).await.expect("subscribed");
        Self { emulator, user: text("user"), phone, events }
    }

    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        self.emulator.control(method, &format!("ribbon/{path}"), body).expect(path)
    }

    /// Devices are registered where everything else is.
    pub(crate) fn push_here(&self) -> ConfigPatch {
        let url: http::Uri = self.emulator.http_url().parse().expect("an address");
        let push = PushServerPatch::default()
            .server(url.host().map(str::to_owned))
            .port(url.port_u16().expect("a port"))
            .scheme(HttpScheme::Http);
        ConfigPatch::default().notifications(NotificationsPatch::default().push(push))
    }

    /// The next event of which something can be made.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        within::<R, _>(what, async {
            loop {
                let event = self.events.next().await.expect("the client lives");
                if let Some(found) = look(&event) {
                    return found;
                }
            }
        })
        .await
    }

    pub(crate) async fn state(&mut self, id: &CallId, wanted: CallState) -> HoldState {
        self.until(wanted.as_str(), |event| match event {
            Event::CallState { call, .. } if call.id == *id && call.state == wanted => {
                Some(call.hold)
            }
            _ => None,
        })
        .await
    }

    /// The call that rings next.
    pub(crate) async fn rings(&mut self) -> CallId {
        self.until("it rings", |event| match event {
            Event::CallState { call, .. } if call.state == CallState::Ringing => {
                Some(call.id.clone())
            }
            _ => None,
        })
        .await
    }

    /// Answers a call of somebody whose ear and mouth are the test's: the name that they have for it, ours, and
    /// both of these, once media is connected.
    pub(crate) async fn answered(&mut self) -> (String, CallId, FarEnd) {
        let far = self.control("POST", "calls", &json!({"to": self.user, "farEnd": "external"}));
        let theirs = far["id"].as_str().expect("an id").to_owned();
        let far = self.emulator.far_end(&theirs).expect("a far end");
        let call = self.rings().await;
        let answer = self.phone.answer(call.clone(), AnswerOptions::default());
        within::<R, _>("answer", answer).await.expect("answered");
        self.media(&call).await;
        (theirs, call, far)
    }

    pub(crate) async fn media(&mut self, id: &CallId) {
        self.until("media", |event| match event {
            Event::MediaConnection { call, state: MediaConnectionState::Connected, .. } => {
                (call == id).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Nothing that the client did surprised the gateway.
    pub(crate) fn assert_tidy(&self) {
        let events = self.emulator.control("GET", "events", &Value::Null).expect("events");
        let all = events.as_array().or_else(|| events["events"].as_array()).expect("a list");
        assert!(all.iter().any(|event| event["type"] == "subscribed"), "{all:?}");
        let odd = ["bad-request", "unhandled-rest", "bad-frame"];
        let odd: Vec<_> =
            all.iter().filter(|e| odd.iter().any(|kind| e["type"] == *kind)).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }

    pub(crate) async fn close(self) {
        within::<R, _>("end", self.phone.destroy()).await.expect("ended");
        self.assert_tidy();
        self.emulator.shutdown();
    }
}

/// Has a caller speak until nearly all of it came back: what was said, and their ear, which goes on.
pub(crate) async fn spoken_back<R: Sockets>(far: FarEnd) -> (Vec<i16>, Ear) {
    let (speak, mut heard) = (far.speak, far.heard);
    let ear = Ear::listen(move || heard.blocking_recv());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/customer.wav");
    let said = wav::read(std::fs::File::open(file).expect("a file")).expect("speech");
    let words = said.clone();
    let voice = std::thread::spawn(move || say(&words, |frame| speak.blocking_send(frame).is_ok()));
    let spoken = said.len() / FRAME * 9 / 10;
    within::<R, _>("most of it", async {
        while ear.frames() < spoken || !voice.is_finished() {
            R::sleep_until(Instant::now() + Duration::from_millis(10)).await;
        }
    })
    .await;
    voice.join().expect("no panic").expect("speech");
    (said, ear)
}
