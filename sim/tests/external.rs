//! Somebody outside is the far end: an engine of its own on its own socket, told to the client by the
//! control API. Real sockets on loopback; every wait has a deadline.

mod common;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::desk::Desk;
use offhook::Seed;
use offhook::genesys::{Config, Event, Phone as _, Session};
use offhook::media::{
    AudioCodec, AudioFrame, Engine, EngineConfig, EngineEvent, EngineFactory as _, EngineOutput,
    Frame, LocalCandidate, LocalKind, MediaState, Track, WebRtcFactory, Wish,
};
use offhook::net::NetOptions;
use offhook_runtime::genesys::Client;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_tokio::Tokio;
use serde_json::{Value, json};

/// The most that any wait here may take.
const LIMIT: Duration = Duration::from_secs(30);

fn frame(n: u64) -> AudioFrame {
    let data = Bytes::from(vec![0xf8, n as u8, 1, 2, 3]);
    AudioFrame { codec: AudioCodec::Opus, time: n * 960, lost_before: 0, talkspurt: false, data }
}

/// The far end: an engine and its socket.
struct Far {
    engine: Box<dyn Engine>,
    socket: UdpSocket,
    candidates: Vec<LocalCandidate>,
    heard: Vec<AudioFrame>,
}

impl Far {
    fn new(seed: u64) -> Self {
        let config = EngineConfig::new(Seed::from(seed));
        let engine = WebRtcFactory::new().create(Instant::now(), config);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        Self { engine, socket, candidates: Vec::new(), heard: Vec::new() }
    }

    /// An offer; its candidates are told apart.
    fn offer(&mut self) -> String {
        let now = Instant::now();
        let offer = self.engine.create_offer(now, &[Wish::AUDIO]).unwrap();
        let local = self.socket.local_addr().unwrap().into();
        self.engine.add_local(now, &local, LocalKind::Host);
        self.engine.local_done(now);
        self.drain();
        assert!(!self.candidates.is_empty());
        offer
    }

    /// The candidates that it tells, as a browser would.
    fn trickle(&mut self) -> Value {
        let candidates: Vec<_> = std::mem::take(&mut self.candidates)
            .into_iter()
            .map(|one| {
                json!({"candidate": one.candidate, "sdpMid": one.mid, "usernameFragment": one.ufrag})
            })
            .collect();
        json!({"candidates": candidates, "endOfCandidates": true})
    }

    fn drain(&mut self) {
        loop {
            match self.engine.poll_output() {
                EngineOutput::Transmit { remote, data, .. } => {
                    // What cannot be sent is lost, as anywhere.
                    let _ = self.socket.send_to(&data, remote);
                }
                EngineOutput::Event(EngineEvent::LocalCandidate(one)) => self.candidates.push(one),
                EngineOutput::Event(EngineEvent::Frame { frame: Frame::Audio(frame), .. }) => {
                    self.heard.push(frame);
                }
                EngineOutput::Timeout(_) => return,
                _ => {}
            }
        }
    }

    /// Lets media go on until something is so.
    fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let (until, local) = (Instant::now() + LIMIT, self.socket.local_addr().unwrap());
        let mut buffer = [0; 2048];
        while !done(self) {
            assert!(Instant::now() < until, "{what}: not in time, {:?}", self.engine.state());
            if let Ok((length, remote)) = self.socket.recv_from(&mut buffer) {
                self.engine.handle_datagram(Instant::now(), local, remote, &buffer[..length]);
            }
            self.engine.handle_timeout(Instant::now());
            self.drain();
        }
    }
}

/// The agent: a client on tokio.
struct Agent {
    tokio: tokio::runtime::Runtime,
    phone: Client<Tokio>,
    events: mpsc::Receiver<Event>,
}

/// An emulator, and Ada at her phone.
struct Scene {
    emulator: Emulator,
    user: String,
    agent: Agent,
}

impl Scene {
    fn new() -> Self {
        let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
        let (user, token) = emulator.add_user("Ada", None).unwrap();
        let mut config = Config::agent("lab.test", token);
        config.api_host = Some(emulator.http_url());
        config.ws_host = Some(emulator.ws_url());
        let tokio = tokio::runtime::Runtime::new().unwrap();
        let net = NetOptions::default().loopback(true);
        let (phone, events) = tokio.block_on(async {
            let (phone, mut events) = Client::<Tokio>::builder(config).net(net).build().unwrap();
            let (tell, told) = mpsc::channel();
            tokio::spawn(async move {
                while let Some(event) = events.next().await {
                    if tell.send(event).is_err() {
                        return;
                    }
                }
            });
            tokio::time::timeout(LIMIT, phone.connect()).await.unwrap().unwrap();
            (phone, told)
        });
        Self { emulator, user, agent: Agent { tokio, phone, events } }
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.emulator.control(method, path, body);
        answer.unwrap_or_else(|| panic!("{method} {path} is refused"))
    }

    fn wait<T>(&self, what: &str, find: impl Fn(&Event) -> Option<T>) -> T {
        let until = Instant::now() + LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let event =
                self.agent.events.recv_timeout(left).unwrap_or_else(|_| panic!("no {what}"));
            if let Some(found) = find(&event) {
                return found;
            }
        }
    }

    /// A call that the agent answers; its id.
    fn call(&self, signaling: &str, offer: &str) -> String {
        let wish = json!({"userId": self.user, "signaling": signaling, "far": {"offer": offer}});
        let call = self.control("POST", "calls", &wish);
        let id = call["conversationId"].as_str().unwrap().to_owned();
        self.wait("ringing", |e| matches!(e, Event::PendingSession(_)).then_some(()));
        let accept = self.agent.phone.accept_pending(id.as_str());
        self.agent
            .tokio
            .block_on(async { tokio::time::timeout(LIMIT, accept).await })
            .unwrap()
            .unwrap();
        id
    }

    /// The client's answer, once there is one.
    fn answer(&self, id: &str) -> Value {
        let far = self.control("GET", &format!("calls/{id}/far?wait=20000"), &Value::Null);
        assert!(far["answer"].is_string(), "{far}");
        far
    }

    /// Gives the far end the answer and the candidates, and waits until media comes up.
    fn connect(&self, id: &str, far: &mut Far) {
        let answer = self.answer(id);
        let now = Instant::now();
        far.engine.accept_answer(now, answer["answer"].as_str().unwrap()).unwrap();
        let path = format!("calls/{id}/far/candidates");
        self.control("POST", &path, &far.trickle());
        let mut used = 0;
        far.run_until("a path", |far| {
            // The next word of the client's, if there is one already.
            let told = self.control("GET", &format!("calls/{id}/far"), &Value::Null);
            let candidates = told["candidates"].as_array().unwrap();
            for one in candidates.iter().skip(used) {
                let line = one["candidate"].as_str().unwrap();
                far.engine.add_remote_candidate(Instant::now(), line).unwrap();
                assert!(one["sdpMid"].is_string(), "{one}");
            }
            used = candidates.len();
            far.engine.state() == MediaState::Connected
        });
    }

    /// Both speak and both are heard.
    fn talk(&self, session: &Session, far: &mut Far) {
        let audio = self.agent.phone.audio(session.media);
        let (mut sink, mut stream) = (audio.sink, audio.stream);
        let _inside = self.agent.tokio.enter();
        let speaker = self.agent.tokio.spawn(async move {
            for n in 0.. {
                if sink.send(frame(n)).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let (tell, told) = mpsc::channel();
        let ear = self.agent.tokio.spawn(async move {
            while let Some(frame) = stream.next().await {
                if tell.send(frame).is_err() {
                    return;
                }
            }
        });
        far.heard.clear();
        let (mut heard, mut said, mut next) = (0, 0, Instant::now());
        far.run_until("talk both ways", |far| {
            if Instant::now() >= next {
                next += Duration::from_millis(20);
                far.engine.send(Instant::now(), Track::AUDIO, &frame(said).into()).unwrap();
                said += 1;
                far.drain();
            }
            heard += told.try_iter().count();
            heard >= 25 && far.heard.len() >= 25
        });
        speaker.abort();
        ear.abort();
    }

    fn started(&self) -> Session {
        self.wait("session", |event| match event {
            Event::SessionStarted(session) => Some(session.clone()),
            _ => None,
        })
    }

    fn happened(&self, kind: &str) -> usize {
        let events = self.control("GET", &format!("events?type={kind}"), &Value::Null);
        events["events"].as_array().unwrap().len()
    }

    fn hang_up(&self, id: &str) {
        self.control("POST", &format!("calls/{id}/hangup"), &json!({}));
        self.wait("end", |event| matches!(event, Event::SessionEnded { .. }).then_some(()));
        let far =
            self.control("GET", &format!("calls/{id}/far?wait=20000&after=999"), &Value::Null);
        assert_eq!(far["sessionState"], "ended");
    }
}

fn with_candidates(offer: &str, far: &mut Far) -> String {
    let candidates = std::mem::take(&mut far.candidates);
    let lines: String = candidates.iter().map(|one| format!("a={}\r\n", one.candidate)).collect();
    format!("{offer}{lines}")
}

#[test]
fn a_far_end_outside_talks_by_either_signaling_with_candidates_in_the_offer_or_trickled() {
    for signaling in ["sdp", "jingle"] {
        for trickled in [true, false] {
            let scene = Scene::new();
            let mut far = Far::new(7);
            let mut offer = far.offer();
            if !trickled {
                offer = with_candidates(&offer, &mut far);
            }
            let id = scene.call(signaling, &offer);
            let session = scene.started();
            scene.connect(&id, &mut far);
            scene.talk(&session, &mut far);
            assert_eq!(scene.answer(&id)["offer"], json!(offer), "verbatim");
            assert_eq!((scene.happened("answered"), scene.happened("call-connected")), (1, 1));
            assert_eq!(
                scene.control("GET", "calls", &Value::Null)["calls"][0]["state"],
                "connected"
            );
            scene.hang_up(&id);
        }
    }
}

#[test]
fn a_far_end_outside_renegotiates_and_each_offer_has_its_answer() {
    let scene = Scene::new();
    let mut far = Far::new(8);
    let offer = far.offer();
    let id = scene.call("sdp", &offer);
    let session = scene.started();
    scene.connect(&id, &mut far);
    let path = format!("calls/{id}/far/offer");
    for direction in ["inactive", "sendrecv"] {
        let again = offer.replace("a=sendrecv", &format!("a={direction}"));
        let told = scene.control("POST", &path, &json!({"offer": again}));
        assert_eq!((&told["offer"], &told["answer"]), (&json!(again), &Value::Null));
        let answer = scene.answer(&id)["answer"].as_str().unwrap().to_owned();
        assert!(answer.contains(&format!("a={direction}")), "{answer}");
    }
    assert_eq!(scene.happened("genesys-answer"), 3);
    scene.talk(&session, &mut far);
    scene.hang_up(&id);
}

#[test]
fn a_far_end_outside_is_replaced_under_the_name_of_its_session_or_another() {
    for new_session in [false, true] {
        let scene = Scene::new();
        let mut far = Far::new(9);
        let id = scene.call("sdp", &far.offer());
        let session = scene.started();
        scene.connect(&id, &mut far);
        scene.talk(&session, &mut far);
        drop(far);

        let mut far = Far::new(10);
        let offer = json!({"offer": far.offer(), "reinvite": true, "newSession": new_session});
        scene.control("POST", &format!("calls/{id}/far/offer"), &offer);
        scene.connect(&id, &mut far);
        let new = scene.wait("replacement", |event| match event {
            Event::SessionReplaced { session, .. } => Some(session.clone()),
            _ => None,
        });
        assert_eq!(new.id != session.id, new_session);
        scene.talk(&new, &mut far);
        assert_eq!((scene.happened("call-ended"), scene.happened("re-invited")), (0, 1));
        scene.hang_up(&id);
    }
}

#[test]
fn lc_16_a_far_end_outside_with_other_ice_credentials_is_another_connection_by_sdp() {
    let scene = Scene::new();
    let mut far = Far::new(12);
    let id = scene.call("sdp", &far.offer());
    let session = scene.started();
    scene.connect(&id, &mut far);
    scene.talk(&session, &mut far);
    drop(far);

    let mut far = Far::new(13);
    let told =
        scene.control("POST", &format!("calls/{id}/far/offer"), &json!({"offer": far.offer()}));
    // The addresses of the client's connection before lead nowhere.
    assert_eq!((&told["candidates"], &told["endOfCandidates"]), (&json!([]), &json!(false)));
    scene.connect(&id, &mut far);
    let new = scene.wait("replacement", |event| match event {
        Event::SessionReplaced { session, .. } => Some(session.clone()),
        _ => None,
    });
    assert_eq!(new.id, session.id);
    scene.talk(&new, &mut far);
    assert_eq!((scene.happened("call-ended"), scene.happened("re-invited")), (0, 0));
    scene.hang_up(&id);
}

#[test]
fn a_far_end_outside_restarts_ice_in_jingle() {
    let scene = Scene::new();
    let mut far = Far::new(11);
    let id = scene.call("jingle", &far.offer());
    let session = scene.started();
    scene.connect(&id, &mut far);
    let offer = far.engine.restart_ice(Instant::now()).unwrap();
    let told = scene.control("POST", &format!("calls/{id}/far/offer"), &json!({"offer": offer}));
    // They are told anew, with the new credentials.
    assert_eq!((&told["candidates"], &told["endOfCandidates"]), (&json!([]), &json!(false)));
    let answer = scene.answer(&id);
    far.engine.accept_answer(Instant::now(), answer["answer"].as_str().unwrap()).unwrap();
    far.drain();
    scene.control("POST", &format!("calls/{id}/far/candidates"), &far.trickle());
    assert_eq!(scene.happened("ice-restarted"), 1);
    scene.talk(&session, &mut far);
    scene.hang_up(&id);
}

// What the routes take and refuse, without a client.

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\n\
    a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n";

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.control("POST", "users", &json!({"userId": "u1", "token": "t"}));
    desk
}

#[test]
fn what_is_no_far_end_is_refused() {
    let mut desk = desk();
    for (signaling, far) in [
        ("sdp", json!("v=0")),
        ("sdp", json!({"offer": 7})),
        ("sdp", json!({"offer": ""})),
        ("sdp", json!({"offer": "v".repeat((64 << 10) + 1)})),
        ("jingle", json!({"offer": "what Jingle cannot say"})),
    ] {
        let call = json!({"userId": "u1", "signaling": signaling, "far": far});
        assert_eq!(desk.control("POST", "calls", &call).0, 400, "{signaling}");
    }
    let (_, call) = desk.control("POST", "calls", &json!({"userId": "u1"}));
    let ours = call["conversationId"].as_str().unwrap().to_owned();
    for (method, what) in [("GET", ""), ("POST", "/offer"), ("POST", "/candidates")] {
        let path = format!("calls/{ours}/far{what}");
        assert_eq!(desk.control(method, &path, &json!({"offer": OFFER})).0, 404, "{what}");
    }
}

#[test]
fn a_far_end_may_come_later_and_its_words_wait_for_the_client() {
    let mut desk = desk();
    let call = json!({"userId": "u1", "signaling": "sdp", "far": {}});
    let (status, call) = desk.control("POST", "calls", &call);
    assert_eq!(status, 200);
    let id = call["conversationId"].as_str().unwrap().to_owned();
    let path = |what: &str| format!("calls/{id}/far{what}");
    let bodies: BTreeMap<_, _> = BTreeMap::from([
        ("one", json!({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0"})),
        ("text", json!({"candidates": ["a=candidate:2 1 udp 1 192.0.2.1 9 typ host", ""]})),
    ]);
    for (name, body) in &bodies {
        assert_eq!(desk.control("POST", &path("/candidates"), body).0, 200, "{name}");
    }
    for body in [
        json!({}),
        json!({"candidates": 7}),
        json!({"candidates": [7]}),
        json!({"candidate": format!("candidate:{}", "x".repeat(600))}),
    ] {
        assert_eq!(desk.control("POST", &path("/candidates"), &body).0, 400, "{body}");
    }
    let many = json!({"candidates": vec!["candidate:1 1 udp 1 192.0.2.1 9 typ host"; 300]});
    assert_eq!(desk.control("POST", &path("/candidates"), &many).0, 400, "bounded");
    let (status, far) = desk.control("POST", &path("/offer"), &json!({"offer": OFFER}));
    assert_eq!((status, &far["offer"]), (200, &json!(OFFER)));
    // What belongs to the far end is not the emulator's to do.
    for what in ["renegotiate", "reinvite", "kill-media", "ice-restart"] {
        assert_eq!(
            desk.control("POST", &format!("calls/{id}/{what}"), &json!({})).0,
            400,
            "{what}"
        );
    }
}

#[test]
fn a_question_for_the_answer_waits_for_its_limit_or_the_end_of_the_call() {
    let mut desk = desk();
    let call = json!({"userId": "u1", "signaling": "sdp", "far": {"offer": OFFER}});
    let (_, call) = desk.control("POST", "calls", &call);
    let id = call["conversationId"].as_str().unwrap().to_owned();
    let path = format!("/control/calls/{id}/far?wait=1000");
    let waiting = desk.ask("GET", &path, "", "");
    desk.wait(Duration::from_millis(999));
    assert_eq!(desk.answer(waiting), None);
    desk.wait(Duration::from_millis(1));
    let (status, far) = desk.answer(waiting).unwrap();
    assert_eq!((status, &far["answer"], &far["next"]), (200, &Value::Null, &json!(0)));
    let waiting = desk.ask("GET", &path, "", "");
    desk.control("POST", &format!("calls/{id}/cancel"), &json!({}));
    assert_eq!(desk.answer(waiting).unwrap().1["sessionState"], "ended");
    let waiting: Vec<_> = (0..300).map(|_| desk.ask("GET", &path, "", "")).collect();
    assert!(waiting.into_iter().all(|id| desk.answer(id).is_some()), "it is over");
    desk.control("POST", "reset", &json!({}));
    assert_eq!(desk.control("GET", &format!("calls/{id}/far"), &Value::Null).0, 404);
}
