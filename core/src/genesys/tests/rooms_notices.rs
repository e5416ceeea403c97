//! People in a meeting, those who are seen and heard, and its data channel (video notes 2).

use std::time::Duration;

use serde_json::json;

use super::rig::{MEETING, ROOM, Rig, participant, room_sdp};
use crate::genesys::{Command, ContentType, ErrorKind, Event, Outcome, RoomMedia, SpeakerActivity};
use crate::machine::WsEvent;
use crate::media::Track;

const VIDEO_TOPIC: &str = "v2.conversations.C1.media";

fn pin(participant: Option<&str>) -> Command {
    let participant = participant.map(Into::into);
    Command::PinParticipant { conversation: "C1".into(), participant }
}

#[test]
fn cv_15_each_notice_tells_who_is_there_who_came_and_who_left() {
    let mut rig = Rig::ready();
    rig.meeting();
    let ours = || participant("P1", "user-1", "connected");
    rig.people("C1", &json!([ours()]));
    rig.people("C1", &json!([ours(), participant("P2", "user-2", "connected")]));
    rig.people("C1", &json!([ours(), participant("P2", "user-2", "connected")]));
    let other = json!({"id": "P3", "videos": [{"state": "connected"}]});
    rig.people("C1", &json!([ours(), other, participant("P2", "user-2", "disconnected")]));
    rig.people("C2", &json!([ours()]));
    assert_eq!(
        rig.told(),
        [
            "ParticipantsUpdate =P1 +P1 -",
            "ParticipantsUpdate =P1,P2 +P2 -",
            "ParticipantsUpdate =P1,P2 + -",
            "ParticipantsUpdate =P1,P3 +P3 -P2",
        ]
    );
    rig.people("C1", &json!([participant("P2", "user-2", "connected")]));
    let Some(Event::ParticipantsUpdate(update)) = rig.events.pop_front() else { panic!() };
    let one = &update.active[0];
    assert_eq!((one.audio_muted, one.video_muted, one.sharing_screen), (true, false, false));
    assert_eq!(one.user.as_ref().map(|user| user.as_str()), Some("user-2"));
    assert_eq!((update.session.as_str(), update.conversation.as_str()), ("V1", "C1"));
    assert_eq!(update.own, Some("P1".into()), "also where this notice has nothing of ours");
}

#[test]
fn cv_15_names_are_those_of_people_and_numbers_stay_out_of_logs() {
    let mut rig = Rig::ready();
    rig.meeting();
    let named = |id: &str, name: serde_json::Value| {
        let mut one = participant(id, id, "connected");
        one["name"] = name;
        one
    };
    let long = "x".repeat(256);
    let all = [json!("Lin\u{7}da"), json!("+15550100"), json!(""), json!(7), json!(long)];
    let all = all.into_iter().enumerate().map(|(n, name)| named(&format!("P{n}"), name));
    rig.people("C1", &all.collect());
    let Some(Event::ParticipantsUpdate(update)) = rig.events.pop_front() else { panic!() };
    let names: Vec<_> = update.active.iter().map(|one| one.name.as_deref()).collect();
    let [Some(first), Some("+15550100"), None, None, None] = names[..] else { panic!("{names:?}") };
    assert!(first.starts_with("Lin") && !first.contains('\u{7}'), "{first:?}");
    assert!(!format!("{update:?}").contains("5550100"));
}

#[test]
fn vc_9_a_notice_in_which_our_part_has_no_video_is_told_all_the_same() {
    let mut rig = Rig::ready();
    rig.meeting();
    for ours in [
        json!({"id": "P1", "userId": "user-1"}),
        json!({"id": "P1", "userId": "user-1", "videos": []}),
        json!({"id": "P1", "userId": "user-1", "videos": null, "calls": 7}),
        json!({"id": "P1", "userId": "user-1", "videos": [{"state": 7}]}),
    ] {
        rig.people("C1", &json!([ours, participant("P2", "user-2", "connected")]));
        let told = rig.told();
        assert!(told.iter().any(|told| told.starts_with("ParticipantsUpdate =P2")), "{told:?}");
    }
}

#[test]
fn vc_4_the_service_is_asked_where_it_said_nothing_for_half_a_second() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.wait(Duration::from_millis(399));
    assert!(rig.asked.iter().all(|asked| !asked.what.starts_with("GET /conv")));
    rig.wait(Duration::from_millis(1));
    let asked = rig.asked.iter().position(|asked| asked.what == "GET /conversations/C1").unwrap();
    let asked = rig.asked.remove(asked).unwrap();
    let all = json!([participant("P1", "user-1", "connected")]);
    rig.respond(asked.id, 200, &json!({"id": "C1", "participants": all}));
    assert_eq!(rig.told(), ["ParticipantsUpdate =P1 +P1 -"]);
    // One that came first makes the question needless, or its answer old.
    let mut rig = Rig::ready();
    rig.meeting();
    rig.people("C1", &all);
    rig.wait(Duration::from_secs(2));
    assert!(rig.asked.iter().all(|asked| !asked.what.starts_with("GET /conv")));
    let mut rig = Rig::ready();
    rig.meeting();
    rig.wait(Duration::from_millis(500));
    let asked = rig.asked.pop_back().unwrap();
    rig.people("C1", &all);
    rig.forget();
    rig.respond(asked.id, 200, &json!({"id": "C1", "participants": []}));
    assert!(rig.told().is_empty());
}

#[test]
fn def_10_after_a_reconnect_the_people_of_a_meeting_are_asked_for() {
    let mut rig = Rig::ready();
    rig.meeting();
    let ours = || participant("P1", "user-1", "connected");
    rig.people("C1", &json!([ours(), participant("P2", "user-2", "connected")]));
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    let who = "GET /conversations/C1";
    for _ in 0..40 {
        if rig.asked.front().is_some_and(|asked| asked.what == who) {
            break;
        }
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    let asked = rig.expect_http(who);
    rig.told();
    rig.respond(asked.id, 200, &json!({"id": "C1", "participants": [ours()]}));
    assert_eq!(rig.told(), ["ParticipantsUpdate =P1 + -P2"]);
}

#[test]
fn vc_6_pinning_needs_our_own_part_and_is_told_when_the_service_took_it() {
    let mut rig = Rig::ready();
    rig.meeting();
    assert_eq!(rig.submit(pin(Some("P2"))).unwrap_err().kind, ErrorKind::Session);
    // Of two parts of ours the one that is seen.
    let gone = participant("P0", "user-1", "disconnected");
    let all = json!([
        gone,
        participant("P1", "user-1", "connected"),
        participant("P2", "u2", "connected")
    ]);
    rig.people("C1", &all);
    rig.forget();
    let command = rig.submit(pin(Some("P2"))).unwrap();
    let asked = rig.expect_http("POST /conversations/videos/C1/participants/P1/pin");
    assert_eq!(asked.body, json!({"targetParticipantId": "P2", "streamType": "video"}));
    assert!(rig.told().is_empty());
    rig.respond(asked.id, 200, &json!({}));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["PinnedParticipant P2"]);
    let command = rig.submit(pin(None)).unwrap();
    let asked = rig.expect_http("DELETE /conversations/videos/C1/participants/P1/pin");
    assert!(asked.body.is_null());
    rig.respond(asked.id, 404, &json!({}));
    assert_eq!(rig.failure(command), Some(ErrorKind::Http(404)));
    assert!(rig.told().is_empty());
}

#[test]
fn mh_13_who_is_seen_and_heard_is_known_by_the_tracks_that_go_to_ours() {
    let mut rig = Rig::ready();
    rig.offered_meeting(&MEETING);
    rig.forget();
    let media = RoomMedia::Both;
    rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap();
    assert!(rig.take_sent("answer").is_some(), "no topic is waited for");
    rig.wait(Duration::from_millis(100));
    let asked = rig.asked.pop_front().unwrap();
    assert!(asked.body.to_string().contains("v2.conversations.C1.media"), "{}", asked.body);
    rig.respond(asked.id, 200, &json!({"entities": []}));
    rig.forget();
    let tracks = |sink: &str| {
        json!({"id": "C1", "participants": [{"userId": "u2", "tracks": [
            {"mediaType": "video", "sinks": [sink]}, {"mediaType": "audio", "sinks": ["t0"]}]}]})
    };
    rig.notify(VIDEO_TOPIC, &tracks("t1"));
    assert_eq!(rig.told(), ["ActiveVideoParticipants u2", "Speakers u2"]);
    rig.notify(VIDEO_TOPIC, &tracks("t1"));
    assert_eq!(rig.told(), ["Speakers u2"], "who is seen is told when it changes");
    rig.notify(VIDEO_TOPIC, &tracks("t0"));
    assert_eq!(rig.told(), ["ActiveVideoParticipants ", "Speakers u2"], "of its own kind");
    rig.notify(VIDEO_TOPIC, &json!({"participants": [7, {"userId": 7}, {"tracks": {}}]}));
    assert_eq!(rig.told(), ["Speakers "]);
    // The topic ends with the session.
    rig.rpc_from(ROOM, "terminate", &json!({"sessionId": "V1"}));
    rig.wait(Duration::from_millis(100));
    let asked = rig.asked.pop_front().unwrap();
    assert!(!asked.body.to_string().contains("C1"), "{}", asked.body);
    rig.forget();
    rig.notify(VIDEO_TOPIC, &tracks("t1"));
    assert!(rig.told().is_empty());
}

#[test]
fn vc_7_the_data_channel_tells_the_state_of_the_media() {
    let mut rig = Rig::ready();
    rig.meeting();
    let app = json!({"sourceJid": "a@b", "sourceParticipantId": "P2", "sourceUserId": "u2"});
    let status = json!({"jsonrpc": "2.0", "method": "member.notify.status", "params": {
        "speakers": [{"id": "s1", "activity": "speaking", "level": -20, "included": true, "appId": app},
            {"activity": "humming", "level": "loud"}, 7],
        "outgoingStreams": [{"outgoingStreamId": "o1", "viewers": [{"appId": app}]}],
        "incomingStreams": [{"sinkTrackId": "t1", "appId": app, "contentType": "screenshare"},
            {"sinkTrackId": "elsewhere"}],
        "bandwidthAndRates": {"bwToClient": 7, "rateToClient": "x"}}});
    rig.media(&format!("channel {status}"));
    let Some(Event::MemberStatus { status, .. }) = rig.events.pop_front() else { panic!() };
    let [speaker, humming, nobody] = &status.speakers[..] else { panic!("{status:?}") };
    assert_eq!((speaker.activity.clone(), speaker.level), (SpeakerActivity::Speaking, Some(-20.0)));
    assert_eq!(speaker.app.user, Some("u2".into()));
    assert_eq!(humming.activity, SpeakerActivity::Other("humming".to_owned()));
    assert_eq!((humming.level, nobody), (None, &Default::default()));
    assert_eq!(status.outgoing[0].viewers[0].participant, Some("P2".into()));
    let [incoming, elsewhere] = &status.incoming[..] else { panic!("{status:?}") };
    assert_eq!(
        (incoming.track, &incoming.content),
        (Some(Track::video(0)), &ContentType::ScreenShare)
    );
    assert_eq!((elsewhere.track, &elsewhere.content), (None, &ContentType::Camera));
    assert_eq!((status.rates.bw_to_client, status.rates.rate_to_client), (Some(7.0), None));
    // Other methods are handed on, what is no JSON is passed over.
    rig.media(r#"channel {"method":"other.method","params":{}}"#);
    rig.media("channel not json");
    rig.media(r#"channel {"method":"member.notify.status"}"#);
    assert_eq!(rig.told(), ["RoomMessage", "MemberStatus"]);
    // Nothing is sent on it; a room without one does without.
    let mut rig = Rig::ready();
    rig.meeting_of(&MEETING[..2], RoomMedia::Both);
    rig.media("channel {}");
    assert!(rig.told().is_empty());
}

#[test]
fn bad_input_a_flood_on_the_data_channel_is_cut_and_told_once() {
    let mut rig = Rig::ready();
    rig.meeting();
    rig.media("flood");
    let told = rig.told();
    let (messages, malformed): (Vec<_>, Vec<_>) =
        told.iter().partition(|told| *told == "RoomMessage");
    assert_eq!((messages.len(), malformed.len()), (256, 1));
    let long = format!("channel \"{}\"", "x".repeat(300 * 1024));
    rig.media(&long);
    assert_eq!(rig.told(), ["Malformed"]);
    assert!(!rig.say().is_empty());
}

#[test]
fn bad_input_a_crowd_is_counted_up_to_the_bound() {
    let mut rig = Rig::ready();
    rig.meeting();
    let all: Vec<_> =
        (0..1200).map(|n| participant(&format!("P{n}"), &format!("u{n}"), "connected")).collect();
    rig.people("C1", &json!(all));
    let update = rig.events.iter().find_map(|event| match event {
        Event::ParticipantsUpdate(update) => Some(update.clone()),
        _ => None,
    });
    assert_eq!(update.unwrap().active.len(), 1000);
    assert!(rig.told().contains(&"Malformed".to_owned()));
    let odd = json!([7, {"id": 7}, {"id": "x".repeat(300), "videos": [{"state": "connected"}]}]);
    rig.people("C1", &odd);
    assert!(rig.told().iter().any(|told| told.starts_with("ParticipantsUpdate = + -")));
    rig.offer_from(ROOM, "V1", "C1", &room_sdp(&MEETING));
}
