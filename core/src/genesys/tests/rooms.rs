//! Meetings by SDP: how they begin, what is sent, how they end (video notes 1, 2).

use std::time::Duration;

use serde_json::json;

use super::rig::{BARE, FULL, MEETING, OTHER, ROOM, Rig, room_sdp};
use crate::genesys::rooms::MAX_ROOMS;
use crate::genesys::{Command, ErrorKind, Event, Outcome, RoomMedia, SessionType};
use crate::machine::{Track, TrackId};

const SDP: &str = r#"inin-sdp-over-xmpp="true""#;
const PEER: &str = "peer-ab@conference.org.example";

fn accept(rig: &mut Rig, media: RoomMedia) -> crate::machine::CommandId {
    rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap()
}

/// The word that each frame is about.
fn kinds(frames: &[String]) -> Vec<&'static str> {
    const WORDS: [&str; 14] = [
        "proceed",
        "<accept",
        "<reject",
        r#""answer""#,
        "end-of-candidates",
        "iceCandidate",
        "unmute",
        "mute",
        r#""info""#,
        "terminate",
        "screen-start",
        "screen-stop",
        "upgradeMedia",
        "result",
    ];
    let word = |frame: &String| {
        let frame = frame.replace("&quot;", "\"");
        WORDS.into_iter().find(|word| frame.contains(word)).unwrap_or("?")
    };
    frames.iter().map(word).collect()
}

/// Asks for the meeting of a room, which the service grants.
fn asks_for_a_meeting(rig: &mut Rig) {
    let start = Command::StartVideoConference { room: ROOM.to_owned(), invitee: None };
    let start = rig.submit(start).unwrap();
    let asked = rig.expect_http("POST /conversations/videos");
    assert_eq!(asked.body, json!({"roomId": ROOM, "participant": {"address": BARE}}));
    rig.respond(asked.id, 200, &json!({"conversationId": "C1", "other": 1}));
    assert_eq!(rig.completion(start), Some(Ok(Outcome::Conversation("C1".into()))));
}

/// Whoever asked for it would wait for ever.
#[test]
fn a_meeting_that_was_asked_for_and_is_taken_back_is_told() {
    let mut rig = Rig::ready();
    asks_for_a_meeting(&mut rig);
    rig.propose_from(ROOM, "V1", "C1", SDP);
    rig.session_message(ROOM, "retract", "V1");
    assert_eq!(rig.told(), ["CancelPendingSession V1 C1"]);
}

#[test]
fn video_2_a_meeting_that_was_asked_for_is_accepted_in_silence_and_answered_by_the_application() {
    let mut rig = Rig::ready();
    asks_for_a_meeting(&mut rig);
    rig.propose_from(ROOM, "V1", "C1", SDP);
    assert!(rig.told().is_empty(), "nobody is asked");
    let sent = rig.sent();
    assert_eq!(kinds(&sent), ["proceed"]);
    assert!(sent[0].contains(&format!(r#"to="{ROOM}""#)));
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&MEETING));
    let sent = rig.sent();
    assert_eq!(kinds(&sent), ["<accept"]);
    assert!(sent[0].contains(&format!(r#"to="{BARE}""#)));
    assert_eq!(rig.told(), ["SessionStarted V1 C1"]);
    let command = accept(&mut rig, RoomMedia::Both);
    assert_eq!(
        rig.told(),
        ["MediaState Connecting", "TrackAdded audio0 0 sendrecv", "TrackAdded video0 1 sendrecv",]
    );
    let sent = rig.acknowledge();
    assert_eq!(kinds(&sent), [r#""answer""#, "iceCandidate", "end-of-candidates"]);
    assert!(sent[0].contains("webrtc-datachannel"), "all three sections: {}", sent[0]);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig.media("connected");
    assert_eq!(kinds(&rig.acknowledge()), [r#""info""#]);
    assert_eq!(rig.show(), ["picture"]);
    // The memory is used up.
    rig.forget();
    rig.propose_from(ROOM, "V2", "C2", SDP);
    assert!(rig.told().is_empty() && rig.sent().is_empty());
}

#[test]
fn video_2_a_meeting_by_id_is_known_by_its_id() {
    let mut rig = Rig::ready();
    let start = rig.submit(Command::StartVideoMeeting { meeting: "M".to_owned() }).unwrap();
    let asked = rig.expect_http("POST /conversations/videos/participants");
    assert_eq!(asked.body, json!({"meetingId": "M", "participant": {"address": BARE}}));
    // The room is faster than the answer.
    rig.propose_from(ROOM, "V1", "C1", r#"inin-meeting-id="M""#);
    assert_eq!(kinds(&rig.sent()), ["proceed"]);
    rig.respond(asked.id, 200, &json!({"conversationId": "C1"}));
    assert_eq!(rig.completion(start), Some(Ok(Outcome::Conversation("C1".into()))));
    rig.propose_from("adhoc-2@conference.org.example", "V2", "C2", r#"inin-meeting-id="M""#);
    assert!(rig.sent().is_empty());
}

#[test]
fn def_23_a_request_is_for_its_conversation_and_does_not_last() {
    let mut rig = Rig::ready();
    let start = || Command::StartVideoConference { room: ROOM.to_owned(), invitee: None };
    let command = rig.submit(start()).unwrap();
    let asked = rig.expect_http("POST /conversations/videos");
    rig.respond(asked.id, 200, &json!({"conversationId": "C1"}));
    assert!(rig.completion(command).is_some());
    rig.propose_from(ROOM, "V9", "C9", SDP);
    assert!(rig.sent().is_empty(), "somebody else's meeting there");
    rig.events.clear();
    rig.wait_acknowledging(Duration::from_secs(3 * 60));
    let Some(Event::Error(error)) = rig.events.pop_front() else { panic!("nobody is told") };
    assert_eq!((error.kind, error.conversation()), (ErrorKind::Timeout, Some(&"C1".into())));
    assert_eq!(rig.told(), [""; 0], "once");
    rig.sent();
    rig.propose_from(ROOM, "V1", "C1", SDP);
    assert!(rig.take_sent("proceed").is_none(), "nobody remembers");
    assert_eq!(rig.client.size(), 0);
    // One that failed is not remembered either.
    let command = rig.submit(start()).unwrap();
    let asked = rig.expect_http("POST /conversations/videos");
    rig.respond(asked.id, 403, &json!({}));
    assert_eq!(rig.failure(command), Some(ErrorKind::Http(403)));
    rig.propose_from(ROOM, "V2", "C2", SDP);
    assert!(rig.take_sent("proceed").is_none());
}

/// One that was asked for twice comes once, and is not missed.
#[test]
fn def_23_a_meeting_that_came_is_waited_for_no_more() {
    let mut rig = Rig::ready();
    for _ in 0..2 {
        asks_for_a_meeting(&mut rig);
    }
    rig.propose_from(ROOM, "V1", "C1", SDP);
    rig.session_message(ROOM, "retract", "V1");
    assert_eq!(rig.told(), ["CancelPendingSession V1 C1"]);
    rig.wait_acknowledging(Duration::from_secs(3 * 60));
    assert_eq!(rig.told(), [""; 0]);
    // Nor by one who has logged out.
    asks_for_a_meeting(&mut rig);
    rig.submit(Command::Disconnect).unwrap();
    rig.told();
    rig.wait(Duration::from_secs(3 * 60));
    assert_eq!(rig.told(), ["Disconnected false"]);
    assert_eq!(rig.client.size(), 0);
}

/// Two clients of a user asked for it, and one is let in.
#[test]
fn lc_13_a_meeting_that_was_asked_for_and_taken_by_another_client_is_told() {
    let mut rig = Rig::ready();
    asks_for_a_meeting(&mut rig);
    rig.propose_from(ROOM, "V1", "C1", SDP);
    rig.session_message(OTHER, "accept", "V1");
    assert_eq!(rig.told(), ["HandledPendingSession V1 C1 Elsewhere"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn video_2_who_invites_somebody_is_not_taken_there() {
    let mut rig = Rig::ready();
    let invitee = Some("u2@org.example".to_owned());
    rig.submit(Command::StartVideoConference { room: ROOM.to_owned(), invitee }).unwrap();
    let asked = rig.expect_http("POST /conversations/videos");
    assert_eq!(asked.body["participant"]["address"], "u2@org.example");
    rig.respond(asked.id, 200, &json!({"conversationId": "C1"}));
    rig.propose_from(ROOM, "V1", "C1", SDP);
    assert!(rig.sent().is_empty() && rig.told().is_empty());
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn lc_6_video_2_who_is_told_of_what_was_not_asked_for() {
    let own = r#"inin-user-id="user-1""#;
    let other = r#"inin-user-id="user-2""#;
    for (room, more, told) in [
        (PEER, other, true),
        (PEER, "", true),
        (PEER, own, false),
        ("agent-1@conference.org.example", own, true),
        ("agent-1@conference.org.example", "", true),
        (ROOM, other, false),
    ] {
        let mut rig = Rig::ready();
        rig.propose_from(room, "V1", "C1", more);
        rig.propose_from(room, "V1", "C1", more);
        let pending = rig.events.front().cloned();
        let expected: &[&str] = if told { &["PendingSession V1 C1"] } else { &[] };
        assert_eq!(rig.told(), expected, "{room} {more}");
        assert!(rig.sent().is_empty());
        if let Some(Event::PendingSession(pending)) = pending {
            assert_eq!(pending.session_type, SessionType::CollaborateVideo);
            assert_eq!((pending.from.as_str(), pending.auto_answer), (room, false));
            rig.session_message(room, "retract", "V1");
            assert_eq!(rig.told(), ["CancelPendingSession V1 C1"]);
        }
        assert_eq!(rig.client.size(), 0);
    }
}

#[test]
fn lc_6_a_new_proposal_for_the_same_takes_the_place_of_the_old_one() {
    let mut rig = Rig::ready();
    rig.propose_from(PEER, "V1", "C1", SDP);
    rig.propose_from(PEER, "V2", "C1", SDP);
    assert_eq!(rig.told(), ["PendingSession V1 C1"], "once");
    let command = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    assert!(rig.take_sent("proceed").unwrap().contains(r#"id="V2""#));
    rig.propose_from(PEER, "V3", "C1", SDP);
    assert!(rig.take_sent("proceed").unwrap().contains(r#"id="V3""#), "accepted again");
    rig.propose_from("peer-cd@conference.org.example", "V4", "C1", SDP);
    assert_eq!(rig.told(), ["Malformed"], "it is somebody else's");
    rig.offer_from(PEER, "V3", "C1", &room_sdp(&MEETING));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let told = rig.told();
    assert_eq!(told, ["HandledPendingSession V3 C1 Here", "SessionStarted V3 C1"]);
}

#[test]
fn lc_13_a_proposal_ends_by_a_word_of_the_room_of_another_client_or_of_ours() {
    // Declined here: the user's other clients first, then the room.
    let mut rig = Rig::ready();
    rig.propose_from(PEER, "V1", "C1", SDP);
    let reject = rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
    let sent = rig.sent();
    assert_eq!(kinds(&sent), ["<reject", "<reject"]);
    assert!(sent[0].contains(&format!(r#"to="{BARE}""#)) && sent[1].contains(PEER));
    assert_eq!(rig.completion(reject), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty(), "no REST");
    assert_eq!(rig.told(), ["PendingSession V1 C1", "HandledPendingSession V1 C1 Here"]);
    rig.session_message(FULL, "reject", "V1");
    assert_eq!(rig.client.size(), 0);
    // Taken by another client while we waited for the offer.
    rig.propose_from(PEER, "V2", "C2", SDP);
    let accept = rig.submit(Command::AcceptPendingSession { conversation: "C2".into() }).unwrap();
    rig.session_message(OTHER, "accept", "V2");
    assert_eq!(rig.failure(accept), Some(ErrorKind::Session));
    let told = rig.told();
    assert_eq!(told, ["PendingSession V2 C2", "HandledPendingSession V2 C2 Elsewhere"]);
    // A stranger has nothing to say; nobody answers.
    rig.propose_from(PEER, "V3", "C3", SDP);
    rig.session_message("x@conference.org.example", "retract", "V3");
    assert_eq!(rig.told(), ["PendingSession V3 C3"]);
    rig.wait_acknowledging(Duration::from_secs(3 * 60));
    assert_eq!(rig.told(), ["CancelPendingSession V3 C3"]);
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn mh_8_without_microphone_and_camera_both_are_answered_and_told_as_muted() {
    for (media, mutes) in [
        (RoomMedia::Nothing, vec!["video", "audio"]),
        (RoomMedia::Audio, vec!["video"]),
        (RoomMedia::Video, vec!["audio"]),
    ] {
        let mut rig = Rig::ready();
        rig.offered_meeting(&MEETING);
        rig.forget();
        accept(&mut rig, media.clone());
        let sent = rig.acknowledge();
        let answer = sent.iter().position(|frame| frame.contains("answer")).unwrap();
        assert!(sent[answer].matches("a=sendrecv").count() == 2, "{media:?}");
        let told: Vec<_> =
            sent.iter().skip(answer).filter(|frame| frame.contains("mute")).collect();
        assert_eq!(told.len(), mutes.len(), "{media:?}");
        for (frame, kind) in told.iter().zip(&mutes) {
            assert!(frame.replace("&quot;", "\"").contains(&format!(r#""type":"{kind}""#)));
        }
        rig.media("connected");
        assert_eq!(rig.show().is_empty(), mutes.contains(&"video"), "nobody is seen while muted");
        assert_eq!(rig.say().is_empty(), mutes.contains(&"audio"));
    }
}

#[test]
fn mh_6_mh_7_mh_9_mutes_go_by_json_rpc_and_are_undone_where_they_are_refused() {
    let mut rig = Rig::ready();
    rig.meeting();
    let video = |muted| Command::SetVideoMute { conversation: "C1".into(), muted };
    let audio = |muted| Command::SetAudioMute { conversation: "C1".into(), muted };
    let mute = rig.submit(video(true)).unwrap();
    assert!(rig.show().is_empty(), "at once");
    let sent = rig.take_sent("mute").unwrap().replace("&quot;", "\"");
    assert!(
        sent.contains(r#""method":"mute""#)
            && sent.contains(r#"{"sessionId":"V1","type":"video"}"#)
    );
    assert_eq!(rig.completion(mute), None);
    rig.grant(&sent);
    assert_eq!(rig.completion(mute), Some(Ok(Outcome::Done)));
    let unmute = rig.submit(video(false)).unwrap();
    let sent = rig.take_sent("unmute").unwrap();
    rig.refuse(&sent);
    assert_eq!(rig.failure(unmute), Some(ErrorKind::Session));
    assert!(rig.show().is_empty(), "it is as it was");
    let mute = rig.submit(audio(true)).unwrap();
    assert!(rig.say().is_empty());
    rig.wait(Duration::from_secs(31));
    assert_eq!(rig.failure(mute), Some(ErrorKind::Timeout));
    assert!(!rig.say().is_empty(), "the microphone is not lost");
    assert!(rig.asked.iter().all(|asked| !asked.what.starts_with("PATCH")), "no REST");
}

#[test]
fn mh_9_mutes_that_fail_together_leave_it_as_it_was_before_the_first() {
    for first_refused in [0, 1] {
        let mut rig = Rig::ready();
        rig.meeting();
        let video = |muted| Command::SetVideoMute { conversation: "C1".into(), muted };
        rig.submit(video(true)).unwrap();
        rig.acknowledge();
        let commands = [(); 2].map(|()| rig.submit(video(false)).unwrap());
        let sent = [(); 2].map(|()| rig.take_sent("unmute").unwrap());
        assert_eq!(rig.show(), ["picture"]);
        rig.refuse(&sent[first_refused]);
        rig.refuse(&sent[1 - first_refused]);
        for command in commands {
            assert_eq!(rig.failure(command), Some(ErrorKind::Session));
        }
        assert!(rig.show().is_empty(), "nobody is seen while muted");
    }
}

#[test]
fn lc_16_no_telephone_offers_what_is_a_rooms() {
    for (session, reinvite) in [("V1", false), ("V2", false), ("V2", true)] {
        let mut rig = Rig::ready();
        rig.propose_from(PEER, "V1", "C1", SDP);
        rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
        rig.forget();
        let params = json!({"sessionId": session, "conversationId": "C1",
            "sdp": room_sdp(&MEETING), "reinvite": reinvite});
        rig.rpc_from("+1@gjoll.elsewhere.example/i-1", "offer", &params);
        let told = rig.told();
        assert!(told.iter().all(|told| told.starts_with("Malformed")), "{told:?}");
        rig.offer_from(PEER, "V1", "C1", &room_sdp(&MEETING));
        assert!(rig.told().iter().any(|told| told.starts_with("SessionStarted V1")));
    }
}

#[test]
fn def_15_a_mute_is_for_one_meeting() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.propose_from(PEER, "V2", "C2", SDP);
    rig.submit(Command::AcceptPendingSession { conversation: "C2".into() }).unwrap();
    rig.offer_from(PEER, "V2", "C2", &room_sdp(&MEETING));
    let media = RoomMedia::Audio;
    rig.submit(Command::AcceptRoom { conversation: "C2".into(), media }).unwrap();
    rig.acknowledge();
    rig.media("connected");
    for muted in [true, false] {
        let mute = Command::SetVideoMute { conversation: "C1".into(), muted };
        rig.submit(mute).unwrap();
        assert!(rig.acknowledge().concat().contains("V1"));
        assert!(rig.show().is_empty(), "the camera is off in the other one");
    }
    rig.submit(Command::SetVideoMute { conversation: "C2".into(), muted: false }).unwrap();
    assert_eq!(rig.show(), ["picture"]);
}

#[test]
fn mh_6_a_mute_is_of_every_session_in_the_conversation() {
    let mut rig = Rig::ready();
    rig.meeting();
    let first = rig.newest_media;
    rig.propose_from(PEER, "V2", "C1", SDP);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(PEER, "V2", "C1", &room_sdp(&MEETING));
    accept(&mut rig, RoomMedia::Both);
    rig.acknowledge();
    rig.media("connected");
    let second = rig.newest_media;
    assert_ne!(first, second);
    let shown = |rig: &mut Rig| {
        [first, second].map(|media| {
            rig.newest_media = media;
            rig.show().len()
        })
    };
    assert_eq!(shown(&mut rig), [1, 1]);
    rig.submit(Command::SetVideoMute { conversation: "C1".into(), muted: true }).unwrap();
    assert_eq!(shown(&mut rig), [0, 0], "nobody is seen while muted");
    let said = rig.acknowledge().concat();
    assert!(said.contains("V1") && said.contains("V2"), "{said}");
    rig.submit(Command::SetVideoMute { conversation: "C1".into(), muted: false }).unwrap();
    assert_eq!(shown(&mut rig), [0, 1], "only by the one that is in use");
}

#[test]
fn video_2_leaving_and_being_left() {
    let mut rig = Rig::ready();
    rig.meeting();
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let sent = rig.sent();
    assert_eq!(kinds(&sent), ["terminate"]);
    assert!(sent[0].contains("success"));
    assert_eq!(rig.completion(end), None);
    rig.grant(&sent[0]);
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert!(rig.told().contains(&"SessionEnded V1 success".to_owned()));
    assert_eq!(rig.client.size(), 0);
    // The room ends it.
    let mut rig = Rig::ready();
    rig.meeting();
    rig.rpc_from(ROOM, "terminate", &json!({"sessionId": "V1", "reason": "gone"}));
    assert!(rig.sent().is_empty(), "no reply");
    assert!(rig.told().contains(&"SessionEnded V1 gone".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_16_an_answer_that_fails_can_be_tried_again_and_two_are_one() {
    let mut rig = Rig::ready();
    rig.offered_meeting(&MEETING);
    rig.rpc_from(ROOM, "terminate", &json!({"sessionId": "V1"}));
    rig.propose_from(PEER, "V2", "C1", SDP);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(PEER, "V2", "C1", &(room_sdp(&MEETING) + "a=x-answer-fails-once\r\n"));
    rig.forget();
    let first = accept(&mut rig, RoomMedia::Both);
    assert_eq!(rig.failure(first), Some(ErrorKind::Media));
    assert!(rig.sent().is_empty());
    let screens = RoomMedia::Screens(vec![crate::genesys::Screen::new("s", 1, 1)]);
    let wrong = Command::AcceptRoom { conversation: "C1".into(), media: screens };
    assert_eq!(rig.submit(wrong).unwrap_err().kind, ErrorKind::InvalidOptions);
    let second = accept(&mut rig, RoomMedia::Both);
    let third = accept(&mut rig, RoomMedia::Nothing);
    assert_eq!(kinds(&rig.acknowledge())[0], r#""answer""#);
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));
    assert_eq!(rig.completion(third), Some(Ok(Outcome::Done)));
}

#[test]
fn def_5_the_next_proposal_of_a_conversation_is_told_though_our_own_accept_never_came_back() {
    let mut rig = Rig::ready();
    for n in 1..4 {
        let session = format!("V{n}");
        rig.propose_from(PEER, &session, "C1", SDP);
        assert_eq!(rig.told(), [format!("PendingSession {session} C1")]);
        rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
        rig.offer_from(PEER, &session, "C1", &room_sdp(&MEETING));
        rig.rpc_from(PEER, "terminate", &json!({"sessionId": session}));
        rig.forget();
        assert_eq!(rig.client.size(), 0);
    }
}

#[test]
fn bad_input_an_offer_without_codecs_in_common_ends_the_proposal_by_name() {
    let mut rig = Rig::ready();
    rig.propose_from(PEER, "V1", "C1", SDP);
    let command = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.forget();
    rig.offer_from(PEER, "V1", "C1", &room_sdp(&[("h265", "sendrecv")]));
    assert_eq!(rig.failure(command), Some(ErrorKind::Session));
    assert_eq!(rig.told(), ["Error Media", "CancelPendingSession V1 C1"]);
    assert!(rig.take_sent("unsupported-applications").is_some());
    rig.acknowledge();
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn bad_input_what_cannot_be_shown_costs_nothing_of_what_can_be_heard() {
    let mut rig = Rig::ready();
    let sections = [("audio", "sendrecv"), ("h265", "sendrecv")];
    rig.meeting_of(&sections, RoomMedia::Both);
    assert!(!rig.say().is_empty());
    assert!(rig.show().is_empty());
    let share = Command::StartScreenShare { conversation: "C1".into() };
    assert_eq!(rig.submit(share).unwrap_err().kind, ErrorKind::Media);
}

#[test]
fn key_frames_are_asked_for_both_ways() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.media("keyframe");
    assert_eq!(rig.told(), ["KeyframeWanted video0"]);
    let media = rig.newest_media.unwrap();
    let ask = |track| Command::RequestKeyframe { track: TrackId { media, track } };
    let asked = rig.submit(ask(Track::video(0))).unwrap();
    assert_eq!(rig.completion(asked), Some(Ok(Outcome::Done)));
    assert_eq!(std::mem::take(&mut rig.transmitted), ["pli"]);
    for other in [Track::video(7), Track::AUDIO] {
        assert_eq!(rig.submit(ask(other)).unwrap_err().kind, ErrorKind::Media);
    }
}

#[test]
fn fewer_bits_are_asked_for_both_ways() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.media("remb");
    assert_eq!(rig.told(), ["BitrateLimit video0 300000"]);
    let media = rig.newest_media.unwrap();
    let ask =
        |track| Command::LimitBitrate { track: TrackId { media, track }, limit: Some(64_000) };
    let asked = rig.submit(ask(Track::video(0))).unwrap();
    assert_eq!(rig.completion(asked), Some(Ok(Outcome::Done)));
    assert_eq!(std::mem::take(&mut rig.transmitted), ["remb Some(64000)"]);
    for other in [Track::video(7), Track::AUDIO] {
        assert_eq!(rig.submit(ask(other)).unwrap_err().kind, ErrorKind::Media);
    }
}

#[test]
fn the_figures_of_each_track_are_told_with_those_of_the_session() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.media("connected");
    rig.told();
    rig.wait(Duration::from_secs(5));
    let figures = rig.told().into_iter().filter(|told| told.contains("Stats"));
    assert_eq!(figures.collect::<Vec<_>>(), ["Stats", "TrackStats video0"]);
}

#[test]
fn rooms_beyond_the_bound_are_left_alone() {
    let mut rig = Rig::ready();
    for n in 0..MAX_ROOMS + 5 {
        rig.propose_from(PEER, &format!("V{n}"), &format!("C{n}"), SDP);
    }
    assert_eq!(rig.client.size(), MAX_ROOMS);
    let told = rig.told();
    assert_eq!(told.iter().filter(|told| *told == "Malformed").count(), 5);
    for n in 0..MAX_ROOMS {
        rig.session_message(PEER, "retract", &format!("V{n}"));
    }
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn def_7_calls_and_rooms_do_not_see_each_other() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C9");
    rig.meeting();
    // A recording, a meeting and a call may share a conversation; a call comes first.
    rig.propose_from(PEER, "V2", "C9", SDP);
    assert_eq!(rig.told(), ["PendingSession V2 C9"]);
    rig.submit(Command::SetAudioMute { conversation: "C9".into(), muted: true }).unwrap();
    rig.expect_http("PATCH /conversations/calls/C9/participants/P-C9");
    rig.submit(Command::RejectPendingSession { conversation: "C9".into() }).unwrap();
    assert_eq!(kinds(&rig.sent()), ["<reject", "<reject"]);
    rig.rpc("terminate", &json!({"sessionId": "V1"}));
    assert!(rig.told().iter().all(|told| !told.contains("V1")), "the gateway is not the room");
    assert!(!rig.say().is_empty());
}

#[test]
fn wire_9_types_that_are_not_allowed_are_left_alone() {
    let all = [
        PEER,
        "screenrecording-1@conference.org.example",
        "livemonitor-1@conference.org.example",
        "acd-1@conference.org.example",
    ];
    let mut rig = Rig::ready_with(|config| config.allowed_session_types.clear());
    for room in all {
        rig.propose_from(room, "V1", "C1", SDP);
        rig.offer_from(room, "V1", "C1", &room_sdp(&MEETING));
    }
    rig.propose("M1", "C2", "");
    assert!(rig.told().is_empty() && rig.sent().is_empty());
    let start = Command::StartVideoConference { room: ROOM.to_owned(), invitee: None };
    assert_eq!(rig.submit(start).unwrap_err().kind, ErrorKind::NotSupported);
    assert_eq!(rig.client.size(), 0);
}
