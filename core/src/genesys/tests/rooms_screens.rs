//! Recordings of screens, and live monitoring (video notes 5, 6; behaviour notes 9).

use serde_json::json;

use super::guests::jwt_client;
use super::rig::{BARE, Rig, room_sdp};
use crate::genesys::{Command, ErrorKind, Event, Outcome, RoomMedia, Screen, SessionType};
use crate::machine::CommandId;

const RECORDING: &str = "screenrecording-1@conference.org.example";
const MONITOR: &str = "livemonitor-1@conference.org.example";
const SDP: &str = r#"inin-sdp-over-xmpp="true""#;
const METADATA: &str = "POST /recordings/screensessions/metadata";

fn screens(count: usize) -> RoomMedia {
    let screen =
        |n: usize| Screen::new(format!("s{n}"), 640, 360).origin_x(640 * n as i32).primary(n == 0);
    RoomMedia::Screens((0..count).map(screen).collect())
}

fn accept(rig: &mut Rig, media: RoomMedia) -> CommandId {
    rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap()
}

/// The directions of a description's sections.
fn directions(sent: &str) -> Vec<&'static str> {
    const ALL: [&str; 4] = ["a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv"];
    let mut found: Vec<_> = ALL.iter().flat_map(|name| sent.match_indices(name)).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| ALL.into_iter().find(|one| *one == name).unwrap()).collect()
}

/// A recording of so many lines, offered and not answered.
fn recording(rig: &mut Rig, lines: usize) {
    rig.propose_from(RECORDING, "R1", "C1", SDP);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(RECORDING, "R1", "C1", &room_sdp(&vec![("video", "recvonly"); lines]));
    rig.forget();
}

#[test]
fn sr_2_a_recording_is_answered_with_the_screens_and_tells_them_once_when_it_is_connected() {
    let mut rig = Rig::with_rooms();
    rig.propose_from(RECORDING, "R1", "C1", SDP);
    let Some(Event::PendingSession(pending)) = rig.events.front().cloned() else { panic!() };
    assert_eq!(pending.session_type, SessionType::ScreenRecording);
    let command = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    let lines = [("video", "recvonly"); 3];
    rig.offer_from(RECORDING, "R1", "C1", &room_sdp(&lines));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig.forget();
    let command = accept(&mut rig, screens(2));
    let sent = rig.acknowledge();
    assert_eq!(directions(&sent[0]), ["a=sendonly", "a=sendonly", "a=inactive"]);
    assert!(sent.iter().all(|sent| !sent.contains("mute")), "{sent:?}");
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty(), "not before media is there");
    rig.media("connected");
    let asked = rig.expect_http(METADATA);
    assert_eq!(
        asked.body,
        json!({"participantJid": BARE, "roomId": RECORDING, "conversationId": "C1", "metaData": [
            {"trackId": "0", "screenId": "s0", "originX": 0, "originY": 0, "resolutionX": 640,
                "resolutionY": 360, "primary": true},
            {"trackId": "1", "screenId": "s1", "originX": 640, "originY": 0, "resolutionX": 640,
                "resolutionY": 360, "primary": false}]})
    );
    rig.respond(asked.id, 200, &json!({}));
    rig.media("disconnected");
    rig.media("connected");
    assert!(rig.asked.is_empty(), "once");
    assert_eq!(rig.show(), ["picture"]);
}

#[test]
fn sr_2_screens_beyond_the_lines_have_no_track_and_one_that_never_connects_tells_nothing() {
    let mut rig = Rig::with_rooms();
    recording(&mut rig, 1);
    accept(&mut rig, screens(2));
    rig.media("connected");
    let asked = rig.expect_http(METADATA);
    let tracks: Vec<_> = [0, 1].map(|n| asked.body["metaData"][n]["trackId"].clone()).to_vec();
    assert_eq!(json!(tracks), json!(["0", null]));
    // The post is tried again where the service is busy.
    rig.respond_with(asked.id, 503, ("retry-after", "1"));
    rig.wait_acknowledging(std::time::Duration::from_secs(1));
    rig.expect_http(METADATA);
    let mut rig = Rig::with_rooms();
    recording(&mut rig, 1);
    accept(&mut rig, screens(1));
    rig.rpc_from(RECORDING, "terminate", &json!({"sessionId": "R1"}));
    assert!(rig.asked.is_empty());
    assert!(rig.told().contains(&"SessionEnded R1 success".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn video_5_without_a_screen_it_waits_to_be_accepted_again_and_only_the_room_ends_it() {
    let mut rig = Rig::with_rooms();
    recording(&mut rig, 1);
    let accept_with = |media| Command::AcceptRoom { conversation: "C1".into(), media };
    let none = rig.submit(accept_with(RoomMedia::Screens(Vec::new()))).unwrap_err();
    assert_eq!(none.kind, ErrorKind::Session);
    let camera = rig.submit(accept_with(RoomMedia::Both)).unwrap_err();
    assert_eq!(camera.kind, ErrorKind::InvalidOptions);
    let many = rig.submit(accept_with(screens(RoomMedia::MAX_SCREENS + 1))).unwrap_err();
    assert_eq!(many.kind, ErrorKind::Media);
    let command = accept(&mut rig, screens(1));
    rig.acknowledge();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)), "as if nothing had been");
    rig.media("connected");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap_err();
    assert_eq!(end.kind, ErrorKind::NotSupported);
    for muted in [true, false] {
        let mute = Command::SetVideoMute { conversation: "C1".into(), muted };
        assert_eq!(rig.submit(mute).unwrap_err().kind, ErrorKind::Session);
    }
    assert!(!rig.show().is_empty());
}

#[test]
fn video_5_a_recording_can_be_taken_in_silence_beside_a_call_of_the_same_conversation() {
    let mut rig =
        Rig::with_rooms_and(|config| config.auto_accept_pending_screen_recording_requests = true);
    rig.connected_call("M1", "C1");
    rig.propose_from(RECORDING, "R1", "C1", SDP);
    assert!(rig.told().is_empty());
    assert!(rig.take_sent("<proceed").is_some());
    rig.offer_from(RECORDING, "R1", "C1", &room_sdp(&[("video", "recvonly")]));
    assert_eq!(rig.told(), ["SessionStarted R1 C1"]);
    accept(&mut rig, screens(1));
    rig.acknowledge();
    rig.media("connected");
    assert!(rig.asked.iter().any(|asked| asked.what == METADATA));
    // The call is ended, and it alone.
    rig.forget();
    rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    assert!(rig.sent().is_empty());
    rig.conv("C1", "inbound", "disconnected");
    rig.rpc("terminate", &json!({"sessionId": "M1"}));
    assert!(rig.told().iter().all(|told| !told.contains("R1")));
    assert!(!rig.show().is_empty());
}

#[test]
fn video_5_a_jwt_posts_the_screens_as_an_assistant_in_the_background() {
    let mut rig = jwt_client();
    rig.propose_from(RECORDING, "R1", "C1", SDP);
    assert_eq!(rig.told(), ["PendingSession R1 C1"]);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(RECORDING, "R1", "C1", &room_sdp(&[("video", "recvonly")]));
    accept(&mut rig, screens(1));
    rig.media("connected");
    let asked = rig.expect_http("POST /recordings/screensessions/metadata/backgroundassistant");
    assert!(asked.authorized);
}

#[test]
fn video_6_our_own_screens_are_monitored_without_a_word_before_and_are_not_ended_here() {
    let mut rig = Rig::with_rooms();
    rig.propose_from(MONITOR, "L1", "C1", &format!(r#"{SDP} inin-user-id="user-1""#));
    assert!(rig.told().is_empty());
    assert!(rig.take_sent("<proceed").is_some());
    let lines = [("video", "recvonly"), ("video", "recvonly")];
    rig.offer_from(MONITOR, "L1", "C1", &room_sdp(&lines));
    assert_eq!(rig.told(), ["SessionStarted L1 C1"]);
    let nothing = Command::AcceptRoom { conversation: "C1".into(), media: RoomMedia::Nothing };
    assert_eq!(rig.submit(nothing).unwrap_err().kind, ErrorKind::Session);
    rig.forget();
    accept(&mut rig, screens(1));
    assert_eq!(directions(&rig.acknowledge()[0]), ["a=sendonly", "a=inactive"]);
    rig.media("connected");
    assert!(rig.asked.is_empty(), "no REST");
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap_err();
    assert_eq!(end.kind, ErrorKind::NotSupported);
}

#[test]
fn video_6_def_11_who_watches_is_asked_brings_nothing_and_may_leave() {
    let mut rig = Rig::with_rooms();
    rig.propose_from(MONITOR, "L1", "C1", &format!(r#"{SDP} inin-user-id="user-2""#));
    // Ours is monitored at the same time: each session has a role of its own.
    rig.propose_from(MONITOR, "L2", "C2", &format!(r#"{SDP} inin-user-id="user-1""#));
    assert_eq!(rig.told(), ["PendingSession L1 C1"]);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(MONITOR, "L2", "C2", &room_sdp(&[("video", "recvonly")]));
    rig.offer_from(MONITOR, "L1", "C1", &room_sdp(&[("video", "sendonly"); 2]));
    let screens = Command::AcceptRoom { conversation: "C1".into(), media: screens(1) };
    assert_eq!(rig.submit(screens).unwrap_err().kind, ErrorKind::InvalidOptions);
    rig.forget();
    accept(&mut rig, RoomMedia::Nothing);
    assert_eq!(directions(&rig.acknowledge()[0]), ["a=recvonly", "a=recvonly"]);
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    rig.acknowledge();
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    let end = rig.submit(Command::EndSession { conversation: "C2".into() }).unwrap_err();
    assert_eq!(end.kind, ErrorKind::NotSupported);
}
