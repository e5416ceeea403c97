//! A client of a Ribbon WebRTC Gateway, on either runtime, against the emulator with real sockets and real
//! media. Every wait has a deadline.

mod common;

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use offhook::audio::{FRAME, compare, wav};
use offhook::media::Digit;
use offhook::net::NetOptions;
use offhook::ribbon::{
    AnswerOptions, CallId, CallState, Config, Credentials, Event, HoldState, MakeOptions,
    MediaConnectionState, Phone as _,
};
use offhook_examples::demo;
use offhook_examples::voice::Ear;
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, Events};
use offhook_sim::serve::Emulator;
use serde_json::{Value, json};

use common::{on_both_runtimes, within};

/// A user's client and their gateway.
struct Desk<R> {
    emulator: Emulator,
    user: String,
    phone: Client<R>,
    events: Events,
}

impl<R: Sockets> Desk<R> {
    async fn open(seed: u64) -> Self {
        let emulator = demo::emulator(seed).expect("a free port");
        let user = emulator.control("POST", "ribbon/users", &json!({})).expect("a user");
        let text = |key: &str| user[key].as_str().expect("a text").to_owned();
        let config = Config::at(&text("restUrl"), &text("wsUrl")).expect("addresses");
        let net = NetOptions::default().loopback(true);
        let builder = Client::<R>::builder(config).net(net);
        let (phone, events) = builder.build().expect("inside the runtime");
        let credentials = Credentials::password(text("user").as_str(), text("password"));
        within::<R, _>("credentials", phone.set_credentials(credentials)).await.expect("taken");
        within::<R, _>("subscription", phone.subscribe(["call"])).await.expect("subscribed");
        Self { emulator, user: text("user"), phone, events }
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        self.emulator.control(method, &format!("ribbon/{path}"), body).expect(path)
    }

    /// The next event of which something can be made.
    async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Event) -> Option<T>) -> T {
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

    async fn state(&mut self, id: &CallId, wanted: CallState) -> HoldState {
        self.until(wanted.as_str(), |event| match event {
            Event::CallState { call, .. } if call.id == *id && call.state == wanted => {
                Some(call.hold)
            }
            _ => None,
        })
        .await
    }

    async fn media(&mut self, id: &CallId) {
        self.until("media", |event| match event {
            Event::MediaConnection { call, state: MediaConnectionState::Connected, .. } => {
                (call == id).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Nothing that the client did surprised the gateway.
    fn assert_tidy(&self) {
        let events = self.emulator.control("GET", "events", &Value::Null).expect("events");
        let all = events.as_array().or_else(|| events["events"].as_array()).expect("a list");
        assert!(all.iter().any(|event| event["type"] == "subscribed"), "{all:?}");
        let odd = ["bad-request", "unhandled-rest", "bad-frame"];
        let odd: Vec<_> =
            all.iter().filter(|e| odd.iter().any(|kind| e["type"] == *kind)).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }

    async fn close(self) {
        within::<R, _>("end", self.phone.destroy()).await.expect("ended");
        self.assert_tidy();
        self.emulator.shutdown();
    }
}

/// Speaks until the far side is heard.
async fn talk<R: Sockets>(desk: &mut Desk<R>, id: &CallId) {
    let media = desk
        .until("tracks", |event| match event {
            Event::TracksAdded { call, media, .. } if call == id => Some(*media),
            _ => None,
        })
        .await;
    let mut audio = desk.phone.audio(media);
    desk.media(id).await;
    within::<R, _>("somebody is heard", async {
        for time in 0.. {
            let frame = offhook::media::AudioFrame {
                codec: offhook::media::AudioCodec::Opus,
                time: time * 960,
                lost_before: 0,
                talkspurt: false,
                data: b"a word"[..].into(),
            };
            let _ = audio.sink.send(frame).await;
            if let Some(Some(_)) = audio.stream.next().now_or_never() {
                return;
            }
            R::sleep_until(Instant::now() + Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn a_call_to_somebody_is_heard_held_resumed_and_ended<R: Sockets>() {
    let mut desk = Desk::<R>::open(31).await;
    desk.control("POST", "parties", &json!({"address": "5550100", "script": "answer"}));
    let call = within::<R, _>("make", desk.phone.make("5550100", MakeOptions::default()));
    let call = call.await.expect("a call");
    talk(&mut desk, &call).await;
    within::<R, _>("hold", desk.phone.hold(call.clone())).await.expect("held");
    assert_eq!(desk.state(&call, CallState::OnHold).await, HoldState::LocalHold);
    within::<R, _>("unhold", desk.phone.unhold(call.clone())).await.expect("resumed");
    desk.state(&call, CallState::Connected).await;
    let keys = [Digit::from_event(4).expect("a key")];
    let pressed = desk.phone.send_dtmf(call.clone(), keys.to_vec(), Duration::from_millis(100));
    within::<R, _>("keys", pressed).await.expect("pressed");
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
}

async fn somebody_calls_is_answered_and_hangs_up<R: Sockets>() {
    let mut desk = Desk::<R>::open(32).await;
    let user = desk.user.clone();
    let far = desk.control("POST", "calls", &json!({"to": user}));
    let far = far["id"].as_str().expect("an id").to_owned();
    let call = desk
        .until("it rings", |event| match event {
            Event::CallState { call, .. } if call.state == CallState::Ringing => {
                Some(call.id.clone())
            }
            _ => None,
        })
        .await;
    let answer = desk.phone.answer(call.clone(), AnswerOptions::default());
    within::<R, _>("answer", answer).await.expect("answered");
    talk(&mut desk, &call).await;
    desk.control("POST", &format!("calls/{far}/hold"), &json!({}));
    assert_eq!(desk.state(&call, CallState::OnHold).await, HoldState::RemoteHold);
    desk.control("POST", &format!("calls/{far}/unhold"), &json!({}));
    desk.state(&call, CallState::Connected).await;
    desk.control("POST", &format!("calls/{far}/hangup"), &json!({"statusCode": 200}));
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
}

async fn ra_029_a_file_is_played_into_a_call<R: Sockets>() {
    let mut desk = Desk::<R>::open(33).await;
    let user = desk.user.clone();
    let far = desk.control("POST", "calls", &json!({"to": user, "farEnd": "external"}));
    let theirs = far["id"].as_str().expect("an id").to_owned();
    let far = desk.emulator.far_end(&theirs).expect("a far end");
    let call = desk
        .until("it rings", |event| match event {
            Event::CallState { call, .. } if call.state == CallState::Ringing => {
                Some(call.id.clone())
            }
            _ => None,
        })
        .await;
    let answer = desk.phone.answer(call.clone(), AnswerOptions::default());
    within::<R, _>("answer", answer).await.expect("answered");
    desk.media(&call).await;
    let (speak, mut heard) = (far.speak, far.heard);
    let ear = Ear::listen(move || heard.blocking_recv());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/agent.wav");
    let said = wav::read(std::fs::File::open(file).expect("a file")).expect("speech");
    assert!(desk.phone.play_file(call.clone(), "no such file.wav").is_err());
    let played = desk.phone.play_file(call.clone(), file).expect("a file");
    within::<R, _>("the whole of it", played).await.expect("played");
    let spoken = said.len() / FRAME;
    within::<R, _>("the last word", async {
        while ear.frames() < spoken {
            R::sleep_until(Instant::now() + Duration::from_millis(10)).await;
        }
    })
    .await;
    // The emulator keeps the ear until somebody else takes the far end.
    drop((speak, desk.emulator.far_end(&theirs)));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
    let heard = ear.finish().expect("an ear");
    let alike = compare::similarity(&said, &heard);
    assert!(alike.correlation >= 0.9, "{alike:?}");
}

on_both_runtimes! {
    ra_029_a_file_is_played_into_a_call
    a_call_to_somebody_is_heard_held_resumed_and_ended
    somebody_calls_is_answered_and_hangs_up
}
