//! Offers of rooms to the engine that real media has: the answers, section by section.

use super::rig::{MEETING, ROOM, Rig, room_sdp};
use crate::genesys::{Client, Command, Config, RoomMedia, Screen, SessionType};
use crate::machine::Seed;
use crate::media::WebRtcFactory;

const FINGERPRINT: &str = "0D:80:34:5D:F1:9C:AA:EF:D1:ED:89:F7:5F:F1:97:D8:85:BF:B1:C4:F9:CD:59:C5:6A:F3:C3:ED:16:DD:5F:DF";

/// An offer as a browser makes it.
fn offer(sections: &[(&str, &str)]) -> String {
    room_sdp(sections).replace("AB:CD", FINGERPRINT)
}

/// An agent with real media, logged in.
fn agent() -> Rig {
    let mut rig = Rig::new();
    let types = [SessionType::CollaborateVideo, SessionType::ScreenRecording];
    let mut config = Config::agent("lab.test", "t0ken").jid_resource("res-a");
    config = config.allowed_session_types(types);
    config.timing.gathering = std::time::Duration::ZERO;
    let media = Box::new(WebRtcFactory::new());
    rig.client = Client::new(config, media, Seed::from(1), rig.now).unwrap();
    rig.submit(Command::Connect).unwrap();
    rig.login();
    rig.forget();
    rig
}

/// Kind and direction of each section of the answer that was sent.
fn answered(rig: &mut Rig) -> Vec<String> {
    let sent = rig.take_sent("answer").expect("an answer");
    let sdp = sent.replace("\\r\\n", "\n");
    let mut found: Vec<String> = Vec::new();
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            let kind = media.split(' ').next().unwrap_or_default();
            found.push(kind.to_owned());
        } else if let ("a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive", Some(last)) =
            (line, found.last_mut())
        {
            *last += &line.replace("a=", " ");
        }
    }
    found
}

#[test]
fn video_2_the_lines_of_a_meeting_are_answered_as_they_are_and_a_new_one_at_once() {
    let mut rig = agent();
    rig.offered_meeting(&MEETING);
    assert!(rig.told().contains(&"Error Media".to_owned()), "no fingerprint is none");
    let mut rig = agent();
    let room = ROOM.to_owned();
    rig.submit(Command::StartVideoConference { room, invitee: None }).unwrap();
    rig.propose_from(ROOM, "V1", "C1", r#"inin-sdp-over-xmpp="true""#);
    rig.offer_from(ROOM, "V1", "C1", &offer(&MEETING));
    rig.forget();
    let accept = Command::AcceptRoom { conversation: "C1".into(), media: RoomMedia::Audio };
    rig.submit(accept).unwrap();
    assert_eq!(answered(&mut rig), ["audio sendrecv", "video sendrecv", "application"]);
    assert!(rig.take_sent("mute").is_some());
    let told = rig.told();
    for track in ["TrackAdded audio0 0 sendrecv", "TrackAdded video0 1 sendrecv"] {
        assert!(told.contains(&track.to_owned()), "{told:?}");
    }
    let more = [MEETING[0], MEETING[1], MEETING[2], ("video", "sendonly")];
    rig.offer_from(ROOM, "V1", "C1", &offer(&more));
    let expected = ["audio sendrecv", "video sendrecv", "application", "video recvonly"];
    assert_eq!(answered(&mut rig), expected);
    assert_eq!(rig.told(), ["TrackAdded video1 3 recvonly"]);
}

#[test]
fn video_5_the_lines_of_a_recording_are_answered_for_as_many_screens_as_there_are() {
    let mut rig = agent();
    let recording = "screenrecording-1@conference.org.example";
    rig.propose_from(recording, "R1", "C1", r#"inin-sdp-over-xmpp="true""#);
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(recording, "R1", "C1", &offer(&[("video", "recvonly"); 3]));
    rig.forget();
    let screens = vec![Screen::new("a", 640, 360), Screen::new("b", 640, 360)];
    let media = RoomMedia::Screens(screens);
    rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap();
    assert_eq!(answered(&mut rig), ["video sendonly", "video sendonly", "video inactive"]);
    let told = rig.told();
    assert!(told.contains(&"TrackAdded video1 1 sendonly".to_owned()), "{told:?}");
    // A line more is for nobody's screen.
    rig.offer_from(recording, "R1", "C1", &offer(&[("video", "recvonly"); 4]));
    assert_eq!(answered(&mut rig)[3], "video inactive");
}
