//! A screen in a meeting, and a meeting that the room offers anew (video notes 2).

use serde_json::json;

use super::rig::{FULL, MEETING, ROOM, Rig, room_sdp};
use crate::genesys::{Command, Outcome, RoomMedia};

fn share(on: bool) -> Command {
    let conversation = "C1".into();
    if on {
        Command::StartScreenShare { conversation }
    } else {
        Command::StopScreenShare { conversation }
    }
}

#[test]
fn def_22_a_screen_goes_by_the_track_of_the_camera_and_is_told_once_by_jingle_without_an_id() {
    let mut rig = Rig::ready();
    rig.meeting();
    let start = rig.submit(share(true)).unwrap();
    assert_eq!(rig.completion(start), Some(Ok(Outcome::Done)));
    let again = rig.submit(share(true)).unwrap();
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
    let [sent] = &rig.sent()[..] else { panic!("said once") };
    assert!(!sent.contains(" id="), "{sent}");
    assert!(
        sent.contains(&format!(r#"from="{FULL}""#)) && sent.contains(&format!(r#"to="{ROOM}""#))
    );
    assert!(sent.contains(r#"sid="V1""#) && sent.contains("<screen-start"), "{sent}");
    assert!(sent.contains(r#"action="session-info""#) && !sent.contains("genesys-webrtc"));
    assert_eq!(rig.show(), ["picture"]);
    for _ in 0..2 {
        let stop = rig.submit(share(false)).unwrap();
        assert_eq!(rig.completion(stop), Some(Ok(Outcome::Done)));
    }
    let sent = rig.sent();
    assert!(sent.len() == 1 && sent[0].contains("<screen-stop"), "{sent:?}");
    assert_eq!(rig.show(), ["picture"], "the camera was on before");
}

#[test]
fn vc_5_a_camera_that_was_off_is_off_again_after_the_screen() {
    let mut rig = Rig::ready();
    rig.meeting_of(&MEETING, RoomMedia::Audio);
    assert!(rig.show().is_empty());
    rig.submit(share(true)).unwrap();
    assert_eq!(rig.show(), ["picture"], "the screen is seen");
    let sent = rig.sent();
    assert!(sent.iter().all(|sent| !sent.contains("mute")), "and no camera is told of: {sent:?}");
    rig.submit(share(false)).unwrap();
    assert!(rig.show().is_empty());
    // One that is muted meanwhile is muted afterwards.
    let video = |muted| Command::SetVideoMute { conversation: "C1".into(), muted };
    rig.submit(video(false)).unwrap();
    rig.submit(share(true)).unwrap();
    rig.submit(video(true)).unwrap();
    rig.acknowledge();
    assert_eq!(rig.show(), ["picture"]);
    rig.submit(share(false)).unwrap();
    assert!(rig.show().is_empty());
}

#[test]
fn video_2_a_new_line_is_answered_at_once_and_told_as_a_track() {
    let mut rig = Rig::ready();
    rig.meeting();
    let mut sections = MEETING.to_vec();
    sections.push(("video", "sendonly"));
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&sections));
    let sent = rig.acknowledge();
    assert!(sent.len() == 1 && sent[0].contains("a=recvonly"), "{sent:?}");
    assert_eq!(rig.told(), ["TrackAdded video1 3 recvonly"]);
    assert_eq!(rig.show(), ["picture"], "the camera stays where it was");
    // It is turned off.
    sections[3] = ("off", "inactive");
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&sections));
    assert_eq!(rig.told(), ["TrackRemoved video1"]);
    assert_eq!(rig.acknowledge().len(), 1);
    // A camera that is muted is not seen by an offer.
    let mute = Command::SetVideoMute { conversation: "C1".into(), muted: true };
    rig.submit(mute).unwrap();
    sections[3] = ("video", "sendonly");
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&sections));
    assert!(rig.show().is_empty());
}

#[test]
fn bad_input_lines_that_vanish_and_65_tracks_cost_nothing_that_is_up() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&MEETING[..1]));
    assert_eq!(rig.told(), ["Error Media"]);
    assert!(rig.sent().is_empty());
    assert!(!rig.say().is_empty() && !rig.show().is_empty());
    let mut many = MEETING.to_vec();
    many.extend([("video", "sendonly"); 65]);
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&many));
    let told = rig.told();
    assert!(told.iter().all(|told| told.starts_with("TrackAdded")), "{told:?}");
    assert!(told.len() < 32, "{}", told.len());
    assert_eq!(rig.acknowledge().len(), 1);
    assert!(!rig.say().is_empty() && !rig.show().is_empty());
}

#[test]
fn vc_9_a_reinvite_takes_the_place_of_the_session_and_goes_on_as_it_was() {
    for session in ["V1", "V2"] {
        let mut rig = Rig::ready();
        rig.meeting();
        let mute = Command::SetVideoMute { conversation: "C1".into(), muted: true };
        rig.submit(mute).unwrap();
        rig.acknowledge();
        let before = rig.newest_media;
        let sdp = room_sdp(&MEETING).replace("ice-ufrag:ufra", "ice-ufrag:anew");
        let params =
            json!({"sessionId": session, "conversationId": "C1", "sdp": sdp, "reinvite": true});
        rig.rpc_from(ROOM, "offer", &params);
        let told = rig.told();
        assert_eq!(told[0], format!("SessionReplaced V1 {session}"), "{told:?}");
        assert!(told.iter().all(|told| !told.starts_with("SessionEnded")), "{told:?}");
        let sent = rig.acknowledge();
        let at = |word: &str| sent.iter().position(|sent| sent.contains(word));
        assert!(at("<accept").unwrap() < at("answer").unwrap(), "{sent:?}");
        assert!(at("answer").unwrap() < at("mute").unwrap(), "it is told as muted again");
        rig.media("connected");
        assert_eq!(rig.newest_media, before);
        assert!(rig.show().is_empty(), "nobody is seen while muted");
        assert!(!rig.say().is_empty());
        let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
        rig.acknowledge();
        assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
        assert_eq!(rig.client.size(), 0);
    }
}

#[test]
fn a_room_that_nobody_asked_for_gets_no_session_by_an_offer() {
    let mut rig = Rig::ready();
    rig.meeting();
    let sdp = room_sdp(&MEETING).replace("ice-ufrag:ufra", "ice-ufrag:anew");
    rig.offer_from(ROOM, "V9", "C1", &sdp);
    let stranger = "adhoc-9@conference.org.example";
    let params = json!({"sessionId": "V9", "conversationId": "C1", "sdp": sdp, "reinvite": true});
    rig.rpc_from(stranger, "offer", &params);
    rig.offer_from(stranger, "V1", "C1", &sdp);
    assert!(rig.told().is_empty() && rig.sent().is_empty());
    assert!(!rig.say().is_empty());
}
