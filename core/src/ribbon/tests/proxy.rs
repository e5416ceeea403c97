//! Media in another process (w5.5): a client that signals, and a host that has the sound, over a channel that
//! a test carries.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::media::{Far, rig as real, sdp_of, wait};
use super::rig::{Rig, answer_sdp, done};
use crate::machine::{
    AudioCodec, AudioFrame, Input, Machine, MediaId, Output, Seed, TrackId, UdpEvent, UdpId,
};
use crate::media::testing::FakeMedia;
use crate::media::{Digit, EngineFactory, MediaState, Track, WebRtcFactory};
use crate::ribbon::{
    AnswerOptions, CallMedia, CallState, Command, ErrorCode, Event, HostCommand, HostEvent,
    MakeOptions, MediaHost, Outcome, ProxyCode, ProxyInfo, Query, VERSION,
};

/// The process that has the media, and the channel to it.
struct Elsewhere {
    host: MediaHost,
    /// The sockets of its last call.
    udp: Option<UdpId>,
    sockets: usize,
    wire: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// Frames for the client that were not carried yet.
    out: Vec<String>,
    events: Vec<HostEvent>,
    heard: usize,
}

impl Elsewhere {
    fn new(factory: Box<dyn EngineFactory>, rig: &Rig) -> Self {
        Self {
            host: MediaHost::new(factory, &Seed::from(7), rig.now),
            udp: None,
            sockets: 0,
            wire: Vec::new(),
            out: Vec::new(),
            events: Vec::new(),
            heard: 0,
        }
    }

    fn drain(&mut self, rig: &Rig) {
        loop {
            match self.host.poll_output() {
                Output::Timeout(_) => return,
                Output::OpenUdp { id, .. } => {
                    self.udp = Some(id);
                    self.sockets += 1;
                    let local = vec![SocketAddr::from(([192, 0, 2, 50], 5000)).into()];
                    let event = UdpEvent::Opened { local };
                    self.host.handle_input(rig.now, Input::Udp { id, event });
                }
                Output::CloseUdp { .. } => self.sockets -= 1,
                Output::Transmit { local, remote, data, .. } => {
                    self.wire.push((local, remote, data));
                }
                Output::Event(HostEvent::Frame(frame)) => self.out.push(frame.into_inner()),
                Output::Event(event) => self.events.push(event),
                Output::Frame { .. } => self.heard += 1,
                Output::Completed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Carries frames both ways until none are left.
    fn carry(&mut self, rig: &mut Rig) {
        loop {
            let at = rig.events.iter().position(|event| matches!(event, Event::ProxyFrame(_)));
            let frame = at.and_then(|at| rig.events.remove(at));
            if let Some(Event::ProxyFrame(frame)) = frame {
                self.host.submit(rig.now, HostCommand::Received(frame)).unwrap();
                self.drain(rig);
            } else if self.out.is_empty() {
                return;
            } else {
                let frame = self.out.remove(0);
                let taken = rig.submit(Command::ProxyReceived(frame.into())).unwrap();
                assert_eq!(rig.completion(taken), Some(Ok(Outcome::Done)));
            }
        }
    }

    /// Lets time pass at both ends.
    fn pass(&mut self, rig: &mut Rig, time: Duration) {
        rig.pass(time);
        self.host.handle_input(rig.now, Input::Timeout);
        self.drain(rig);
        self.carry(rig);
    }

    /// Lets packets pass between the host and the far side until its media is connected.
    fn connect(&mut self, rig: &mut Rig, far: &mut Far) {
        for _ in 0..2000 {
            let (id, sent) = (self.udp.unwrap(), std::mem::take(&mut self.wire));
            for (local, remote, data) in far.exchange(rig.now, sent) {
                let event = UdpEvent::Datagram { local, remote, data };
                self.host.handle_input(rig.now, Input::Udp { id, event });
                self.drain(rig);
            }
            self.pass(rig, Duration::from_millis(5));
            if far.state() == MediaState::Connected && self.is(MediaState::Connected) {
                return;
            }
        }
        panic!("the far side is {:?}", far.state());
    }

    /// True if that is the last state of media here.
    fn is(&self, wanted: MediaState) -> bool {
        let states = self.events.iter().rev().filter_map(|event| match event {
            HostEvent::State { state, .. } => Some(*state),
            _ => None,
        });
        states.take(1).eq([wanted])
    }

    fn media(&self) -> MediaId {
        let started = self.events.iter().rev().find_map(|event| match event {
            HostEvent::Started { media } => Some(*media),
            _ => None,
        });
        started.expect("media here")
    }
}

fn initialize() -> Command {
    Command::InitializeRemote(Box::default())
}

/// A client whose calls have their media elsewhere.
fn switched(mut rig: Rig, factory: Box<dyn EngineFactory>) -> (Rig, Elsewhere) {
    let mut elsewhere = Elsewhere::new(factory, &rig);
    rig.at_once(Command::SetProxyChannel(true));
    let asked = rig.submit(initialize()).unwrap();
    assert_eq!(rig.completion(asked), None);
    elsewhere.carry(&mut rig);
    assert_eq!(rig.completion(asked), Some(Ok(Outcome::Done)));
    rig.at_once(Command::SetProxyMode(true));
    rig.events.clear();
    (rig, elsewhere)
}

fn faked() -> (Rig, Elsewhere) {
    switched(Rig::up(), Box::new(FakeMedia::new("ourpassword")))
}

fn frames(rig: &mut Rig) -> Vec<Value> {
    let frames = rig.events.iter().filter_map(|event| match event {
        Event::ProxyFrame(frame) => Some(serde_json::from_str(frame).unwrap()),
        _ => None,
    });
    frames.collect()
}

#[test]
fn ra_090_ra_091_ra_092_ra_093_ra_094_ra_095_re_047_a_channel_then_the_other_end_then_the_mode() {
    let mut rig = Rig::up();
    let mut elsewhere = Elsewhere::new(Box::new(FakeMedia::new("x")), &rig);
    assert_eq!(rig.refused(initialize()), ProxyCode::InvalidState.into());
    assert_eq!(rig.refused(Command::SetProxyMode(true)), ProxyCode::InvalidState.into());
    assert_eq!(rig.at_once(Command::SetProxyMode(false)), Outcome::Done);
    assert!(rig.events.is_empty(), "nothing has changed");
    rig.at_once(Command::SetProxyChannel(true));
    let channel = ProxyInfo { has_channel: true, ..ProxyInfo::default() };
    assert_eq!(rig.events.drain(..).collect::<Vec<_>>(), [Event::ProxyChanged(channel.clone())]);
    assert_eq!(rig.refused(Command::SetProxyMode(true)), ProxyCode::InvalidState.into());

    let asked = rig.submit(initialize()).unwrap();
    assert_eq!(rig.refused(initialize()), ProxyCode::InvalidState.into());
    let hello = &frames(&mut rig)[0];
    assert_eq!(hello["data"]["initialize"], true);
    assert_eq!(hello["data"]["version"], VERSION);
    assert_eq!(hello["data"]["logLevels"]["PROXY"], "DEBUG");
    assert!(hello["messageId"].is_string());
    elsewhere.carry(&mut rig);
    assert_eq!(rig.completion(asked), Some(Ok(Outcome::Done)));
    assert_eq!(elsewhere.events, [HostEvent::Initialized]);
    let Some(Event::ProxyChanged(ready)) = rig.events.pop_front() else { panic!("no news") };
    let platform = ready.remote.clone().unwrap();
    assert_eq!((&*platform.name, &*platform.version), ("offhook", VERSION));
    assert!(ready.remote_initialized && !ready.mode);

    rig.at_once(Command::SetProxyMode(true));
    let on = rig.client.proxy();
    assert!(on.mode);
    assert_eq!(rig.at_once(Command::Query(Query::Proxy)), Outcome::Proxy(on.clone()));
    assert_eq!(rig.events.drain(..).collect::<Vec<_>>(), [Event::ProxyChanged(on)]);
    rig.at_once(Command::SetProxyMode(false));
    assert_eq!(rig.client.proxy(), ready);
    rig.at_once(Command::SetProxyChannel(false));
    assert_eq!(rig.client.proxy(), ProxyInfo::default());
}

#[test]
fn ra_095_another_version_a_refusal_silence_and_a_channel_set_anew() {
    let outcomes = [
        (json!({"initialized": true, "remoteVersion": "0.0.9"}), ProxyCode::VersionMismatch),
        (json!({"initialized": true}), ProxyCode::VersionMismatch),
        (
            json!({"initialized": false, "remoteVersion": VERSION, "error": "busy"}),
            ProxyCode::Unknown,
        ),
        (json!({"initialized": true, "remoteVersion": VERSION}), ProxyCode::Unknown),
        (
            json!({"initialized": true, "remoteVersion": VERSION, "fingerprint": "x\r\na=y"}),
            ProxyCode::Unknown,
        ),
    ];
    for (data, code) in outcomes {
        let mut rig = Rig::up();
        rig.at_once(Command::SetProxyChannel(true));
        let asked = rig.submit(initialize()).unwrap();
        let message = frames(&mut rig)[0]["messageId"].clone();
        let late = json!({"messageId": "99", "data": data}).to_string();
        rig.at_once(Command::ProxyReceived(late.into()));
        assert_eq!(rig.completion(asked), None, "the answer to another question");
        let frame = json!({"messageId": message, "data": data}).to_string();
        rig.at_once(Command::ProxyReceived(frame.into()));
        let error = rig.completion(asked).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::from(code), "{data}");
        assert!(!rig.client.proxy().remote_initialized);
    }
    let mut rig = Rig::up();
    rig.at_once(Command::SetProxyChannel(true));
    let asked = rig.submit(initialize()).unwrap();
    rig.pass(Duration::from_secs(12));
    let error = rig.completion(asked).unwrap().unwrap_err();
    assert_eq!(error.code, ProxyCode::Timeout.into());
    let asked = rig.submit(initialize()).unwrap();
    rig.at_once(Command::SetProxyChannel(true));
    let error = rig.completion(asked).unwrap().unwrap_err();
    assert_eq!(error.code, ProxyCode::SetChannelFailed.into());
}

#[test]
fn ra_095_a_host_of_another_kind_refuses() {
    let rig = Rig::up();
    let mut elsewhere = Elsewhere::new(Box::new(WebRtcFactory::new()), &rig);
    for (hello, wrong) in [
        (json!({"initialize": true, "version": VERSION, "engine": "engine"}), "kind of engine"),
        (json!({"initialize": true, "version": "9", "engine": "str0m"}), "version"),
    ] {
        let frame = json!({"messageId": 5, "data": hello}).to_string();
        elsewhere.host.submit(rig.now, HostCommand::Received(frame.into())).unwrap();
        elsewhere.drain(&rig);
        let answer: Value = serde_json::from_str(&elsewhere.out.remove(0)).unwrap();
        assert_eq!(
            (&answer["messageId"], &answer["data"]["initialized"]),
            (&json!(5), &json!(false))
        );
        assert!(answer["data"]["error"].as_str().unwrap().contains(wrong), "{answer}");
    }
    assert!(elsewhere.events.is_empty());
}

#[test]
fn ra_088_ra_089_rt_031_frames_that_are_none_are_counted_and_none_is_shown() {
    let (mut rig, mut elsewhere) = faked();
    let texts = [
        "",
        "{",
        "[]",
        "{}",
        r#"{"data":{}}"#,
        r#"{"data":{"initialize":true}}"#,
        r#"{"messageId":"x","data":{"result":null}}"#,
        r#"{"data":{"action":"report","id":"1","event":{"event":"later"}}}"#,
        r#"{"messageId":1,"data":{"modelType":"peer","id":"1","operation":"close"}}"#,
    ];
    for text in texts {
        rig.at_once(Command::ProxyReceived(text.to_owned().into()));
        elsewhere.host.submit(rig.now, HostCommand::Received(text.to_owned().into())).unwrap();
    }
    assert_eq!(rig.client.proxy().unread, texts.len() as u64);
    assert_eq!(elsewhere.host.unread(), texts.len() as u64 - 1, "an order is no mistake there");
    let long = "x".repeat(64 * 1024 + 1);
    assert_eq!(
        rig.refused(Command::ProxyReceived(long.clone().into())),
        ProxyCode::InvalidParam.into()
    );
    let error = elsewhere.host.submit(rig.now, HostCommand::Received(long.into())).unwrap_err();
    assert_eq!(error.code, ProxyCode::InvalidParam.into());

    rig.events.clear();
    let options = MakeOptions::default();
    rig.submit(Command::Make { to: "bob".to_owned(), media: CallMedia::AUDIO, options }).unwrap();
    let all = format!("{:?} {:?}", rig.events, rig.client);
    assert!(frames(&mut rig).iter().any(|frame| frame.to_string().contains("ourpassword")));
    assert!(!all.contains("ourpassword"), "{all}");
    for event in rig.events.drain(..) {
        if let Event::ProxyFrame(frame) = event {
            assert!(!format!("{:?}", HostCommand::Received(frame)).contains("ourpassword"));
        }
    }
}

#[test]
fn ra_090_a_call_of_ours_is_heard_elsewhere_held_and_restarted() {
    let (rig, mut far) = real();
    let (mut rig, mut elsewhere) = switched(rig, Box::new(WebRtcFactory::new()));
    let options = MakeOptions::default();
    rig.submit(Command::Make { to: "bob".to_owned(), media: CallMedia::AUDIO, options }).unwrap();
    elsewhere.carry(&mut rig);
    wait(&mut rig);
    elsewhere.carry(&mut rig);
    let asked = rig.take_of("callStart");
    let offer = sdp_of(&asked);
    assert!(offer.contains("192.0.2.50 5000"), "the host's address: {offer}");
    assert_eq!((rig.udp, elsewhere.sockets), (None, 1), "no sockets here");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    let answer = far.answer(rig.now, &offer);
    let word = json!({"sessionParams": {"sessionData": "S1", "sdp": answer}});
    rig.notify("respondCallUpdate", word);
    elsewhere.carry(&mut rig);
    let call = rig.client.calls().last().unwrap().id.clone();
    elsewhere.connect(&mut rig, &mut far);
    assert_eq!(rig.call(&call).state, CallState::Connected);

    // The host speaks, and what the client sends is carried there.
    let theirs = TrackId { media: elsewhere.media(), track: Track::AUDIO };
    let ours = TrackId { media: rig.call(&call).media.unwrap(), track: Track::AUDIO };
    let mut heard = [0, 0];
    for number in 0..20_u64 {
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time: number * 960,
            lost_before: 0,
            talkspurt: number == 0,
            data: vec![0xf8, 0xff, 0xfe].into(),
        };
        if number < 10 {
            let input = Input::Frame { track: theirs, frame: frame.into() };
            elsewhere.host.handle_input(rig.now, input);
            elsewhere.drain(&rig);
        } else {
            rig.input(Input::Frame { track: ours, frame: frame.into() });
        }
        elsewhere.pass(&mut rig, Duration::from_millis(20));
        heard[usize::from(number >= 10)] += far.hears(rig.now, std::mem::take(&mut elsewhere.wire));
    }
    assert!(heard[0] >= 7 && heard[1] == 10, "{heard:?}");

    // Keys, and figures.
    let tones = "5".parse().unwrap();
    let gap = Duration::from_millis(70);
    let duration = Duration::from_millis(100);
    rig.submit(Command::SendDtmf { call: call.clone(), tones, duration, gap }).unwrap();
    for _ in 0..60 {
        elsewhere.pass(&mut rig, Duration::from_millis(20));
        rig.answer_audits();
    }
    let keys = far.keys(rig.now, std::mem::take(&mut elsewhere.wire));
    assert_eq!(keys, [Digit::try_from('5').unwrap()]);
    let figures = rig.at_once(Command::GetStats { call: call.clone(), track: None });
    let Outcome::Stats(figures) = figures else { panic!("{figures:?}") };
    assert!(figures.media.packets_sent > 0, "{figures:?}");

    // Held, resumed and restarted: both ends describe themselves alike, or the host would say so.
    for command in [
        Command::Hold { call: call.clone() },
        Command::Unhold { call: call.clone() },
        Command::RestartMedia { call: call.clone() },
    ] {
        let name = format!("{command:?}");
        let command = rig.submit(command).unwrap();
        elsewhere.carry(&mut rig);
        // A restart waits for its turn.
        while rig.asked.is_empty() {
            wait(&mut rig);
            elsewhere.carry(&mut rig);
        }
        let asked = rig.asked.pop_front().unwrap();
        let offer = sdp_of(&asked);
        rig.respond(asked.id, 200, &done());
        let answer = far.answer(rig.now, &offer);
        let word = json!({"sessionParams": {"sessionData": "S1", "sdp": answer}});
        rig.notify("respondCallUpdate", word);
        elsewhere.carry(&mut rig);
        let done = rig.completion(command);
        assert!(matches!(done, Some(Ok(_))), "{name}: {done:?}");
        assert!(rig.client.proxy().mode, "{name}: the host went another way");
    }
    rig.submit(Command::End { call }).unwrap();
    elsewhere.carry(&mut rig);
    assert_eq!((elsewhere.sockets, elsewhere.host.live()), (0, 0));
    assert!(matches!(elsewhere.events.last(), Some(HostEvent::Ended { .. })));
}

#[test]
fn ra_090_an_incoming_call_has_its_media_elsewhere() {
    let (mut rig, mut elsewhere) = faked();
    let call = rig.ringing();
    elsewhere.carry(&mut rig);
    assert_eq!(elsewhere.sockets, 0, "nobody answers yet");
    assert_eq!(
        rig.refused(Command::SetProxyMode(false)),
        ProxyCode::InActiveCall.into(),
        "not during calls"
    );
    assert_eq!(rig.refused(Command::SetProxyChannel(false)), ProxyCode::InActiveCall.into());
    assert_eq!(rig.refused(initialize()), ProxyCode::InActiveCall.into());
    let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
    let answer = rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
    elsewhere.carry(&mut rig);
    rig.pass(Duration::from_millis(25));
    elsewhere.carry(&mut rig);
    let asked = rig.take_of("callAnswer");
    assert!(sdp_of(&asked).contains("a=fingerprint:sha-256 AB:CD"));
    rig.respond(asked.id, 200, &done());
    assert!(matches!(rig.completion(answer), Some(Ok(_))));
    assert_eq!(elsewhere.sockets, 1);
    let id = elsewhere.udp.unwrap();
    let event = UdpEvent::Datagram {
        local: ([192, 0, 2, 50], 5000).into(),
        remote: ([192, 0, 2, 9], 5000).into(),
        data: b"dtmf".to_vec(),
    };
    elsewhere.host.handle_input(rig.now, Input::Udp { id, event });
    elsewhere.drain(&rig);
    elsewhere.carry(&mut rig);
    assert!(rig.events.iter().any(|event| matches!(event, Event::Dtmf { .. })), "{:?}", rig.events);
}

#[test]
fn re_048_an_end_that_does_not_answer_ends_the_calls_that_have_their_media_there() {
    let (mut rig, mut elsewhere) = faked();
    rig.submit(Command::Make {
        to: "bob".to_owned(),
        media: CallMedia::AUDIO,
        options: MakeOptions::default(),
    })
    .unwrap();
    elsewhere.carry(&mut rig);
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    let created = json!({"callControlResponse": {"statusCode": 0, "sessionData": "S1"}});
    rig.respond(asked.id, 201, &created);
    let word = json!({"sessionParams": {"sessionData": "S1", "sdp": answer_sdp("sendrecv")}});
    // From here on nobody carries frames.
    rig.notify("respondCallUpdate", word);
    rig.events.clear();
    rig.pass(Duration::from_secs(13));
    let told: Vec<_> = rig
        .events
        .iter()
        .filter(|event| matches!(event, Event::ProxyFailed { .. } | Event::ProxyChanged(_)))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let Event::ProxyFailed { error } = told[0] else { panic!("{told:?}") };
    assert_eq!(error.code, ProxyCode::Timeout.into());
    assert!(
        rig.client.calls().iter().all(|call| call.state.is_final()),
        "{:?}",
        rig.client.calls()
    );
    let info = rig.client.proxy();
    assert!(info.has_channel && !info.mode && !info.remote_initialized);
}

#[test]
fn re_048_an_end_that_goes_another_way_breaks_the_channel() {
    let (mut rig, mut elsewhere) = faked();
    let call = rig.connected_over(|rig| elsewhere.carry(rig));
    let tracks = rig.call(&call).local_tracks;
    rig.submit(Command::MuteTracks { tracks }).unwrap();
    let message = frames(&mut rig)[0]["messageId"].clone();
    let data = json!({"result": null, "error": "another description"});
    let frame = json!({"messageId": message, "data": data}).to_string();
    rig.submit(Command::ProxyReceived(frame.clone().into())).unwrap();
    let failed = |event: &Event| match event {
        Event::ProxyFailed { error } => Some(error.to_string()),
        _ => None,
    };
    let told = rig.events.iter().find_map(failed).unwrap();
    assert!(told.starts_with("proxy:7") && told.ends_with("another description"), "{told}");
    assert!(rig.call(&call).state.is_final());
    rig.events.clear();
    rig.submit(Command::ProxyReceived(frame.into())).unwrap();
    assert!(rig.events.is_empty(), "once");
}

#[test]
fn ra_005_a_client_that_is_destroyed_wants_nothing_of_media_elsewhere() {
    let (mut rig, mut elsewhere) = faked();
    rig.connected_over(|rig| elsewhere.carry(rig));
    let destroy = rig.submit(Command::Destroy).unwrap();
    while let Some(asked) = rig.asked.pop_front() {
        rig.respond(asked.id, 204, &Value::Null);
    }
    assert!(rig.completion(destroy).is_some());
    elsewhere.host.submit(rig.now, HostCommand::Close).unwrap();
    elsewhere.drain(&rig);
    assert_eq!((elsewhere.host.live(), elsewhere.sockets), (0, 0));
    rig.events.clear();
    rig.pass(Duration::from_secs(20));
    assert!(rig.events.is_empty(), "{:?}", rig.events);
    assert_eq!((rig.client.remembered(), rig.wake.is_none()), (0, true));
}

#[test]
fn ra_088_only_so_many_orders_may_wait_for_their_answers() {
    let (mut rig, mut elsewhere) = faked();
    rig.compares = false;
    let call = rig.connected_over(|rig| elsewhere.carry(rig));
    let tracks = rig.call(&call).local_tracks;
    // Until there is no call any more.
    let mut orders = 0;
    while rig.submit(Command::MuteTracks { tracks: tracks.clone() }).is_ok()
        && rig.submit(Command::UnmuteTracks { tracks: tracks.clone() }).is_ok()
    {
        orders += 2;
        assert!(orders < 300, "nobody answers");
    }
    assert!(orders >= 250, "{orders}");
    let failed = rig.events.iter().find_map(|event| match event {
        Event::ProxyFailed { error } => Some(error.code),
        _ => None,
    });
    assert_eq!(failed, Some(ProxyCode::Timeout.into()));
}

#[test]
fn a_host_has_only_so_many_calls_and_forgets_them_when_a_client_comes_again() {
    let rig = Rig::up();
    let mut elsewhere = Elsewhere::new(Box::new(FakeMedia::new("x")), &rig);
    let early = json!({"messageId": "1", "data": {"id": "3", "operation": "close"}}).to_string();
    elsewhere.host.submit(rig.now, HostCommand::Received(early.into())).unwrap();
    elsewhere.drain(&rig);
    assert!(elsewhere.out.remove(0).contains("not initialized"), "no client has come");
    let mut say = |data: Value| {
        let frame = json!({"messageId": "1", "data": data}).to_string();
        elsewhere.host.submit(rig.now, HostCommand::Received(frame.into())).unwrap();
        elsewhere.drain(&rig);
        let answer = elsewhere.out.iter().rev().find(|frame| frame.contains("result"));
        (answer.cloned().unwrap_or_default(), elsewhere.host.live(), elsewhere.sockets)
    };
    let settings = json!({
        "seed": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "audio": ["opus"], "video": [],
        "channels": false, "relayOnly": false, "iceServers": [], "pathLimitMs": 1000, "playoutMs": 200,
    });
    say(json!({"initialize": true, "version": VERSION, "engine": "engine"}));
    for id in 0..64 {
        let create = json!({"modelType": "peer", "id": id.to_string(), "operation": "create", "params": settings});
        let (answer, ..) = say(create);
        assert!(!answer.contains("error"), "{answer}");
    }
    let again = json!({"id": "3", "operation": "create", "params": settings});
    assert!(say(again).0.contains("a second engine of one name"));
    let more = json!({"id": "64", "operation": "create", "params": settings});
    let (answer, live, sockets) = say(more);
    assert!(answer.contains("too many calls"));
    assert_eq!((live, sockets), (64, 64));
    let nobody = json!({"id": "70", "operation": "close"});
    assert!(say(nobody).0.contains("no such call"));
    let other = json!({"id": "3", "operation": "createOffer",
        "params": {"wishes": [["audio", "sendrecv"]], "expects": "v=0"}});
    assert!(say(other).0.contains("another description"));
    let hello = json!({"initialize": true, "version": VERSION, "engine": "engine"});
    assert_eq!((say(hello).1, elsewhere.sockets), (0, 0));
}
