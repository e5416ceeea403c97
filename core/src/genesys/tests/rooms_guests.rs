//! Guests who show a screen or come to a meeting (video notes 3, 4).

use serde_json::json;

use super::guests::{guest_inside, jwt_client};
use super::rig::{MEETING, Rig, participant, room_sdp};
use crate::genesys::{Command, ErrorKind, Event, Outcome, RoomMedia};

const SCREEN: &str = "acd-1@conference.org.example";
const ROOM: &str = "agent-1@conference.org.example";
const SDP: &str = r#"inin-sdp-over-xmpp="true""#;

fn told(rig: &mut Rig) -> Vec<String> {
    rig.told().into_iter().filter(|told| told != "Trace").collect()
}

#[test]
fn video_4_a_guest_asks_to_be_let_in_and_the_screen_is_answered_by_itself() {
    let mut rig = guest_inside();
    let command = rig.submit(Command::StartGuestShare).unwrap();
    let sent = rig.take_sent("upgradeMedia").unwrap();
    for part in [
        r#"<presence xmlns="jabber:client""#,
        r#"to="acd-1@conference.org.example""#,
        r#"from="u1@org.example/res-a""#,
        r#"<x xmlns="orgspan:mediastream" conversationId="C1" sourceCommunicationId="K1">"#,
        r#"<mediastream screenShare="true"/>"#,
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    let twice = rig.submit(Command::StartGuestShare).unwrap_err();
    assert_eq!(twice.kind, ErrorKind::Session);
    rig.propose_from(SCREEN, "S1", "C1", SDP);
    let pending = rig.events.iter().find_map(|event| match event {
        Event::PendingSession(pending) => Some(pending.auto_answer),
        _ => None,
    });
    assert_eq!(pending, Some(true), "nobody is asked");
    assert!(rig.take_sent("<proceed").is_some());
    rig.offer_from(SCREEN, "S1", "C1", &room_sdp(&[("video", "recvonly")]));
    assert!(rig.take_sent("answer").unwrap().contains("a=sendonly"));
    assert_eq!(rig.completion(command), None);
    let begun = told(&mut rig);
    assert_eq!(
        begun[..3],
        ["PendingSession S1 C1", "HandledPendingSession S1 C1 Here", "SessionStarted S1 C1",]
    );
    // The answer was taken from the queue; whatever waits is granted.
    let mut rig = shared();
    assert_eq!(rig.show(), ["picture"]);
    let mute = Command::SetVideoMute { conversation: "C1".into(), muted: true };
    assert_eq!(rig.submit(mute).unwrap_err().kind, ErrorKind::NotSupported);
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    assert!(rig.acknowledge().concat().contains("success"));
    assert_eq!(rig.completion(end), Some(Ok(Outcome::Done)));
    assert_eq!(rig.client.size(), 0);
    assert!(rig.asked.is_empty(), "no REST");
}

/// A guest whose screen is shown.
fn shared() -> Rig {
    let mut rig = guest_inside();
    let command = rig.submit(Command::StartGuestShare).unwrap();
    rig.propose_from(SCREEN, "S1", "C1", SDP);
    rig.offer_from(SCREEN, "S1", "C1", &room_sdp(&[("video", "recvonly")]));
    rig.acknowledge();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig.media("connected");
    rig.forget();
    rig
}

#[test]
fn video_4_a_session_that_no_screen_is_for_is_taken_and_ended() {
    let mut rig = guest_inside();
    let command = rig.submit(Command::StartGuestShare).unwrap();
    rig.wait_acknowledging(std::time::Duration::from_secs(31));
    assert_eq!(rig.failure(command), Some(ErrorKind::Timeout));
    rig.forget();
    rig.propose_from(SCREEN, "S1", "C1", SDP);
    rig.offer_from(SCREEN, "S1", "C1", &room_sdp(&[("video", "recvonly")]));
    let sent = rig.acknowledge().concat();
    assert!(sent.contains("<proceed") && sent.contains("<accept") && sent.contains("terminate"));
    assert!(!sent.contains("answer"));
    assert!(told(&mut rig).contains(&"SessionEnded S1 success".to_owned()));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn wire_5_10_a_room_that_refuses_says_so() {
    let mut rig = guest_inside();
    let command = rig.submit(Command::StartGuestShare).unwrap();
    rig.frame(&format!(
        r#"<presence xmlns="jabber:client" type="error" from="{SCREEN}" to="u1@org.example/res-a"/>"#
    ));
    assert_eq!(rig.failure(command), Some(ErrorKind::Session));
    let conference = Command::StartVideoConference { room: ROOM.to_owned(), invitee: None };
    assert_eq!(rig.submit(conference).unwrap_err().kind, ErrorKind::NotSupported);
    for client in [Rig::ready, jwt_client] {
        let mut rig = client();
        let error = rig.submit(Command::StartGuestShare).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotSupported);
    }
}

#[test]
fn video_3_a_video_guest_asks_to_be_let_in_and_is_told() {
    let mut rig = jwt_client();
    let start = Command::StartVideoConference { room: "any".to_owned(), invitee: None };
    let command = rig.submit(start).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Conversation("C1".into()))));
    let sent = rig.take_sent("upgradeMedia").unwrap();
    assert!(
        sent.contains(r#"<mediastream video="true" audio="true" videoGuest="true"/>"#),
        "{sent}"
    );
    assert!(sent.contains(&format!(r#"to="{ROOM}""#)), "{sent}");
    rig.propose_from(ROOM, "V1", "C1", SDP);
    assert_eq!(told(&mut rig), ["PendingSession V1 C1"], "it is not accepted by itself");
    rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&MEETING));
    let accept = Command::AcceptRoom { conversation: "C1".into(), media: RoomMedia::Both };
    let accept = rig.submit(accept).unwrap();
    rig.acknowledge();
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
    rig.media("connected");
    rig.forget();
    rig.wait_acknowledging(std::time::Duration::from_secs(1));
    assert!(rig.asked.is_empty(), "no REST");
    let all = json!([participant("P1", "u1", "connected")]);
    rig.notify("v2.guest.conversations.C1", &json!({"id": "C1", "participants": all}));
    assert!(told(&mut rig).contains(&"ParticipantsUpdate =P1 +P1 -".to_owned()));
    let meeting = Command::StartVideoMeeting { meeting: "M".to_owned() };
    assert_eq!(rig.submit(meeting).unwrap_err().kind, ErrorKind::NotSupported);
}
