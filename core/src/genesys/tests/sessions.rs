//! Media sessions and conversations while they last (behaviour notes 2.6, 3.3, 4 and 5).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{JINGLE_OFFER, PEER, Rig};
use crate::genesys::{Command, Dial, ErrorKind, Event, Outcome, RecordingState, Signaling};
use crate::jingle::Reason;
use crate::machine::{Input, Local, NetError, NetErrorKind, TrackId, UdpEvent, WsEvent};
use crate::media::Digit;
use crate::net::{InterfaceAddress, NetOptions};

const S: fn(u64) -> Duration = Duration::from_secs;

fn force(session: &str) -> Command {
    Command::ForceTerminateSession { session: session.into(), reason: Reason::Success }
}

#[test]
fn lc_20_lc_21_scenario_43_an_end_without_a_word_from_the_far_side_is_an_end() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let end = rig.submit(force("M1")).unwrap();
    let sent = rig.sent();
    assert!(sent[0].contains(r#""method":"terminate""#) && sent[0].contains("success"));
    rig.wait(Duration::from_millis(1999));
    assert_eq!(rig.completion(end), None);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    let told = rig.told();
    let ended = told.iter().filter(|t| *t == "SessionEnded M1 success").count();
    assert_eq!(ended, 1, "{told:?}");
    assert!(rig.udp.is_none());
}

#[test]
fn lc_20_scenario_42_an_end_by_the_far_side_is_told_once_and_nothing_is_sent() {
    for jingle in [false, true] {
        let mut rig = Rig::ready();
        if jingle {
            jingle_call(&mut rig);
        } else {
            rig.connected_call("M1", "C1");
        }
        for _ in 0..2 {
            match jingle {
                true => rig.jingle("t", "session-terminate", "M1", "<reason><busy/></reason>"),
                false => rig.rpc("terminate", &json!({"sessionId": "M1", "reason": "busy"})),
            }
        }
        let told = rig.told();
        let ended = told.iter().filter(|told| *told == "SessionEnded M1 busy").count();
        assert_eq!(ended, 1, "{told:?}");
        assert!(rig.sent().iter().all(|text| text.contains(r#"type="result""#)), "only replies");
    }
}

/// `M1` of `C1`, by Jingle, connected.
fn jingle_call(rig: &mut Rig) {
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.jingle("si", "session-initiate", "M1", JINGLE_OFFER);
    rig.acknowledge();
    rig.media("connected");
    rig.acknowledge();
    rig.forget();
}

#[test]
fn scenario_49_only_what_is_there_can_be_terminated() {
    let mut rig = Rig::ready();
    assert_eq!(rig.submit(force("M9")).unwrap_err().kind, ErrorKind::Generic);
    assert!(rig.sent().is_empty());
    for reason in [Reason::Success, Reason::Busy] {
        let mut rig = Rig::ready();
        rig.connected_call("M1", "C1");
        let end = Command::ForceTerminateSession { session: "M1".into(), reason: reason.clone() };
        let end = rig.submit(end).unwrap();
        let sent = rig.acknowledge();
        assert!(sent[0].contains(r#""method":"terminate""#), "{sent:?}");
        assert!(sent[0].contains(&reason.to_string()), "{sent:?}");
        assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
        assert!(rig.told().contains(&format!("SessionEnded M1 {reason}")));
    }
}

#[test]
fn def_14_scenario_45_an_interruption_is_told_and_so_is_its_end() {
    for jingle in [false, true] {
        let mut rig = Rig::ready();
        if jingle {
            jingle_call(&mut rig);
        } else {
            rig.connected_call("M1", "C1");
        }
        rig.media("disconnected");
        let lost = ["MediaState Disconnected", "SessionInterrupted", "MediaPath Lost"];
        assert_eq!(rig.told(), lost);
        rig.media("connected");
        assert_eq!(rig.told(), ["MediaState Connected", "MediaPath Good"]);
    }
}

#[test]
fn lc_19_scenario_47_after_a_sleep_dead_media_ends_and_live_media_goes_on() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.media("closed");
    rig.sleep(S(5));
    assert!(rig.told().contains(&"SessionEnded M1 gone".to_owned()));
    rig.conv("C1", "inbound", "terminated");
    rig.submit(Command::Disconnect).unwrap();
    rig.wait(S(1));
    assert_eq!(rig.wake, None, "nothing of it is left to run");

    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    for _ in 0..3 {
        rig.sleep(S(5));
        rig.acknowledge();
    }
    assert!(!rig.told().iter().any(|told| told.starts_with("SessionEnded")));
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
}

#[test]
fn lc_19_scenario_44_media_that_failed_ends_the_session() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.media("failed");
    let sent = rig.sent();
    assert!(sent[0].contains("terminate") && sent[0].contains("failed-transport"), "{sent:?}");
    let told = rig.told();
    assert!(told.contains(&"SessionEnded M1 failed-transport".to_owned()), "{told:?}");
}

#[test]
fn def_8_scenario_46_72_a_call_whose_media_is_gone_ends_after_a_while() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.media("closed");
    rig.wait_acknowledging(S(2));
    assert_eq!(rig.told(), ["MediaState Closed", "Stats", "SessionEnded M1 gone"]);
    rig.wait_acknowledging(S(10));
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_8_scenario_72_media_whose_call_is_gone_ends_after_a_while() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.conv("C1", "inbound", "terminated");
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
    rig.wait_acknowledging(S(12));
    assert!(rig.told().contains(&"SessionEnded M1 success".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn sg_11_scenario_55_candidates_then_their_end_then_active() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.forget();
    rig.offer("M1", "C1");
    let sent = rig.acknowledge();
    let at = |what: &str| sent.iter().position(|t| t.contains(what)).unwrap_or(usize::MAX);
    let (answer, candidate) = (at(r#""method":"answer""#), at("candidate:1 1 udp"));
    assert!(answer < candidate && candidate < at("a=end-of-candidates"), "{sent:?}");
    assert!(sent[candidate].contains("m=0 9 RTP/AVP 0"));
    assert!(!sent.iter().any(|text| text.contains(" tcp ")));
    // Which addresses there are candidates of is decided before: none of IPv6, unless it is wanted.
    let address = |ip: &str| InterfaceAddress { name: "e".into(), address: ip.parse().unwrap() };
    let (four, six) = (address("10.0.0.7"), address("2001:db8::7"));
    let chosen = NetOptions::default().media_addresses(&[six, four.clone()]);
    assert_eq!(chosen, [four.address]);
    rig.media("connected");
    assert!(rig.sent()[0].contains(r#""status":"active""#));
}

#[test]
fn scenario_65_a_call_that_connected_before_we_heard_of_it_is_not_ours() {
    let mut rig = Rig::ready();
    for state in ["connected", "disconnected", "terminated"] {
        rig.conv("C1", "inbound", state);
    }
    assert!(rig.told().is_empty() && rig.asked.is_empty());
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn scenario_66_row_8_a_call_that_another_client_answered_is_handled_elsewhere() {
    let mut rig = Rig::ready();
    rig.conv("C1", "inbound", "alerting");
    rig.propose("M1", "C1", "");
    rig.conv("C1", "inbound", "connected");
    assert_eq!(rig.told(), ["PendingSession M1 C1", "HandledPendingSession M1 C1 Elsewhere"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn cv_8_pc_15_scenario_69_70_92_a_changed_flag_is_an_update_with_nothing_added() {
    for flag in ["muted", "held", "confined"] {
        let mut rig = Rig::ready();
        rig.connected_call("M1", "C1");
        for _ in 0..2 {
            rig.conv_with("C1", "inbound", "connected", &json!({flag: true}), "agent");
        }
        match rig.events.pop_front() {
            Some(Event::ConversationUpdate(update)) => {
                let call = &update.current[0];
                assert_eq!(call.muted, flag == "muted");
                assert_eq!(call.held, flag == "held");
                assert_eq!(call.confined, flag == "confined");
                assert!(update.added.is_empty() && update.removed.is_empty());
                assert_eq!(update.active.as_ref(), Some(&call.id));
            }
            other => panic!("{other:?}"),
        }
        assert!(rig.told().is_empty(), "the same again is nothing new");
        assert!(rig.asked.is_empty(), "the leg was reported before");
    }
}

#[test]
fn cv_8_a_recording_that_starts_and_pauses_is_told() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    for (told, state) in [
        (json!("active"), RecordingState::Active),
        (json!("paused"), RecordingState::Paused),
        (json!("of another kind"), RecordingState::Off),
    ] {
        for _ in 0..2 {
            let fields = json!({"recordingState": told});
            rig.conv_with("C1", "inbound", "connected", &fields, "agent");
        }
        match rig.events.pop_front() {
            Some(Event::ConversationUpdate(update)) => {
                assert_eq!(update.current[0].recording, state);
            }
            other => panic!("{other:?}"),
        }
        assert!(rig.told().is_empty(), "the same again is nothing new");
    }
}

#[test]
fn cv_9_pc_7_def_17_scenario_71_91_an_ended_call_is_removed_and_its_media_ends_by_itself() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.conv("C1", "inbound", "disconnected");
    assert!(matches!(rig.events.pop_front(), Some(Event::CallEnded { .. })));
    match rig.events.pop_front() {
        Some(Event::ConversationUpdate(update)) => {
            assert_eq!(update.removed.len(), 1);
            assert_eq!(update.removed[0].session.as_ref().unwrap().as_str(), "M1");
            assert!(update.current.is_empty());
            assert_eq!(update.active, None, "DEF-17: no call is active when none is left");
        }
        other => panic!("{other:?}"),
    }
    assert!(rig.told().is_empty(), "the media session still stands");
    rig.conv("C1", "inbound", "terminated");
    assert!(rig.told().is_empty(), "PC-7: the second ended event is nothing");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    assert!(rig.told().contains(&"SessionEnded M1 success".to_owned()));
}

#[test]
fn scenario_82_row_12_a_call_that_ends_while_it_rings_is_cancelled() {
    for state in ["disconnected", "terminated"] {
        let mut rig = Rig::ready();
        rig.conv("C1", "inbound", "alerting");
        rig.propose("M1", "C1", "");
        rig.conv("C1", "inbound", state);
        assert_eq!(rig.told(), ["PendingSession M1 C1", "CancelPendingSession M1 C1"]);
        rig.session_message(PEER, "retract", "M1");
        assert!(rig.told().is_empty());
        assert_eq!(rig.client.size(), 0);
    }
}

#[test]
fn cv_13_def_25_scenario_93_a_call_error_is_told_once_for_each_leg() {
    let error = |code: &str| json!({"errorInfo": {"code": code, "message": "no"}});
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.connected_call("M2", "C2");
    for (conversation, code, told) in [
        ("C1", "error.busy", true),
        ("C1", "error.busy", false),
        ("C2", "error.busy", true),
        ("C1", "error.other", true),
        ("C1", "error.ininedgecontrol.session.inactive", false),
    ] {
        rig.conv_with(conversation, "inbound", "connected", &error(code), "agent");
        let errors = rig.told().iter().filter(|t| *t == "Error Call").count();
        assert_eq!(errors, usize::from(told), "{conversation} {code}");
    }
}

#[test]
fn lc_7_mh_1_scenario_105_commands_for_calls_that_are_not_there_change_nothing() {
    let conversation = || "C9".into();
    let digits = vec![Digit::try_from('1').unwrap()];
    for command in [
        Command::AcceptPendingSession { conversation: conversation() },
        Command::RejectPendingSession { conversation: conversation() },
        Command::AcceptSession { conversation: conversation() },
        Command::EndSession { conversation: conversation() },
        Command::SetAudioMute { conversation: conversation(), muted: true },
        Command::SetConversationHeld { conversation: conversation(), held: true },
        Command::SendDtmf { conversation: conversation(), digits, duration: S(1) },
    ] {
        let mut rig = Rig::ready();
        let error = rig.submit(command.clone()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Session, "{command:?}");
        assert!(rig.asked.is_empty() && rig.sent().is_empty() && rig.told().is_empty());
        assert_eq!(rig.client.size(), 0, "{command:?}");
    }
}

#[test]
fn scenario_107_nothing_is_dialled_without_signaling() {
    let mut rig = Rig::new();
    let dial = Command::StartSoftphoneSession(Dial::number("1"));
    assert_eq!(rig.submit(dial).unwrap_err().kind, ErrorKind::Session);
    assert!(rig.asked.is_empty());
}

#[test]
fn a_dial_that_the_service_refuses_says_why() {
    for (status, kind) in [
        (400, ErrorKind::Http(400)),
        (401, ErrorKind::InvalidToken),
        (429, ErrorKind::Http(429)),
        (500, ErrorKind::Http(500)),
    ] {
        let mut rig = Rig::ready();
        let dial = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.expect_http("POST /conversations/calls");
        rig.respond(asked.id, status, &Value::Null);
        assert_eq!(rig.failure(dial), Some(kind));
        assert_eq!(rig.client.size(), 0);
    }
    let mut rig = Rig::ready();
    let dial = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.expect_http("POST /conversations/calls");
    rig.respond(asked.id, 200, &json!({"noId": 1}));
    assert_eq!(rig.failure(dial), Some(ErrorKind::Protocol));
}

#[test]
fn mh_2_3_4_failures_have_the_documented_kinds() {
    let mute = Command::SetAudioMute { conversation: "C1".into(), muted: true };
    let hold = Command::SetConversationHeld { conversation: "C1".into(), held: true };
    for (command, kind) in [(mute, ErrorKind::Generic), (hold, ErrorKind::Call)] {
        let mut rig = Rig::ready();
        rig.connected_call("M1", "C1");
        let id = rig.submit(command.clone()).unwrap();
        let asked = rig.asked.pop_front().unwrap();
        rig.http_fails(asked.id, NetError::new(NetErrorKind::Lost, "reset"));
        assert_eq!(rig.failure(id), Some(kind));
        // Nobody answers at all.
        let id = rig.submit(command).unwrap();
        rig.asked.clear();
        rig.wait_acknowledging(S(30));
        assert_eq!(rig.failure(id), Some(ErrorKind::Timeout));
    }
}

#[test]
fn mh_12_scenario_104_where_the_service_cannot_hang_up_the_media_session_is_ended() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    rig.respond(asked.id, 500, &Value::Null);
    let sent = rig.acknowledge();
    assert!(sent[0].contains(r#""method":"terminate""#), "{sent:?}");
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert!(rig.told().contains(&"SessionEnded M1 success".to_owned()));
}

#[test]
fn keys_are_sent_on_connected_media_only() {
    let digits = |n: usize| vec![Digit::try_from('#').unwrap(); n];
    let dtmf =
        |n| Command::SendDtmf { conversation: "C1".into(), digits: digits(n), duration: S(1) };
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    assert_eq!(rig.submit(dtmf(1)).unwrap_err().kind, ErrorKind::Media, "not connected yet");
    rig.media("connected");
    let sent = rig.submit(dtmf(2)).unwrap();
    assert_eq!(rig.completion(sent), Some(Ok(Outcome::Done)));
    assert_eq!(rig.submit(dtmf(65)).unwrap_err().kind, ErrorKind::Media, "too many");
    rig.forget();
    rig.media("dtmf");
    assert_eq!(rig.told(), ["Dtmf 5"]);
}

#[test]
fn scenario_50_calls_outlive_the_signaling() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1, "they still hear each other");
    rig.wait(S(2));
    rig.login();
    assert_eq!(rig.told(), ["Disconnected true", "Connected true", "Ready"]);
    rig.conv("C1", "inbound", "disconnected");
    assert_eq!(rig.told(), ["CallEnded C1", "ConversationUpdate +[] -[C1] =0"]);
}

#[test]
fn a_disconnect_leaves_calls_alone() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    let disconnect = rig.submit(Command::Disconnect).unwrap();
    rig.wait(S(1));
    assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)));
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
    let end = rig.submit(force("M1")).unwrap();
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)), "without anybody to tell");
    assert!(rig.udp.is_none());
}

#[test]
fn scenario_40_an_offer_that_cannot_be_used_is_refused_and_forgotten() {
    for (line, reason) in
        [("a=refuse\r\n", "failed-application"), ("a=no-opus\r\n", "unsupported-applications")]
    {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
        let accept =
            rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
        rig.forget();
        rig.offer_with("M1", "C1", line);
        assert_eq!(rig.failure(accept), Some(ErrorKind::Session));
        assert_eq!(rig.told(), ["Error Media", "CancelPendingSession M1 C1"]);
        assert!(rig.sent()[0].contains(reason));
        assert!(rig.udp.is_none());
        assert_eq!(rig.client.size(), 0);
        // The next call is none the worse for it.
        rig.connected_call("M2", "C2");
    }
}

#[test]
fn api_5_no_socket_for_media_is_told_and_ends_the_session() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.forget();
    let error = NetError::new(NetErrorKind::Local, "too many open files");
    let id = rig.udp.unwrap();
    rig.input(Input::Udp { id, event: UdpEvent::Failed(error) });
    let told = rig.told();
    assert_eq!(told[0], "Error Media");
    assert!(told.contains(&"SessionEnded M1 failed-transport".to_owned()), "{told:?}");
    assert!(rig.sent()[0].contains("failed-transport"));
}

#[test]
fn frames_of_the_wrong_codec_are_complained_of_once() {
    use crate::media::{AudioCodec, AudioFrame};
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    let started = rig.events.iter().find_map(|event| match event {
        Event::SessionStarted(session) => Some(session.clone()),
        _ => None,
    });
    let session = started.unwrap();
    assert_eq!(session.signaling, Signaling::Sdp);
    rig.forget();
    let [opus, pcma] = [AudioCodec::Opus, AudioCodec::Pcma];
    for codec in [pcma, pcma, pcma, opus, pcma, pcma] {
        let frame = AudioFrame {
            codec,
            time: 0,
            lost_before: 0,
            talkspurt: false,
            data: bytes::Bytes::from_static(b"x"),
        };
        rig.input(Input::Frame { track: TrackId::audio(session.media), frame: frame.into() });
    }
    assert_eq!(rig.told(), ["Error Media"], "however many, and whatever comes between");
}

#[test]
fn candidates_that_wait_for_the_answer_are_bounded() {
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer("M1", "C1");
    let id = rig.udp.expect("media sockets");
    let added = Local::in_order((1..=100).map(|port| ([127, 0, 0, 1], port).into()));
    rig.input(Input::Udp { id, event: UdpEvent::Changed { added, removed: Vec::new() } });
    rig.sent();
    rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    // Stanzas go out at a pace.
    let mut told = 0;
    for _ in 0..10 {
        told += rig.sent().iter().filter(|text| text.contains("typ host")).count();
        rig.wait(S(1));
    }
    assert_eq!(told, 64);
}
