//! A meeting over real sockets and real media: joined, shown to, recorded, left. Both runtimes, both signalings.

mod common;

use std::time::Duration;

use common::{Desk, on_both_runtimes, within};
use offhook::genesys::{Event, Phone as _, RoomMedia};
use offhook::machine::TrackId;
use offhook::media::{Frame, MediaState, Track, VideoCodec};
use offhook::video::{Clip, IvfWriter, Player, Size, WebmReader, pattern};
use offhook_examples::meeting;
use offhook_runtime::Sockets;
use serde_json::json;

/// The longest wait for the room.
const PATIENCE: Duration = Duration::from_secs(30);

async fn meets<R: Sockets>(seed: u64, signaling: &str) {
    let desk = Desk::<R>::open(seed).await;
    let options = json!({"room": {"signaling": signaling}});
    desk.emulator.control("POST", "options", &options).expect("an emulator with rooms");
    let mut file = Vec::new();
    let lasts = Duration::from_secs(4);
    let show = meeting::test_pictures().expect("pictures");
    let recorded = meeting::record(&desk.phone, meeting::ROOM, show, lasts, &mut file);
    let recorded = within::<R, _>("the meeting", recorded).await.expect("a recording");
    let room = format!("rooms/{}/media", recorded.conversation.as_str());
    let seen = desk.emulator.control("GET", &room, &json!({})).expect("a room");
    within::<R, _>("leaving", desk.phone.end(recorded.conversation.clone())).await.expect("left");
    desk.close().await;

    // Ten pictures a second, less what the beginning took.
    assert!((20..=45).contains(&recorded.pictures), "{recorded:?}");
    assert!(recorded.sounds > 100, "{recorded:?}");
    let blocks: Vec<_> = WebmReader::new(&file[..]).expect("a file").map(Result::unwrap).collect();
    let mut pictures = blocks.iter().filter_map(|block| match &block.frame {
        Frame::Video(picture) => Some(picture),
        _ => None,
    });
    let first = pictures.next().expect("a picture");
    assert!(first.keyframe);
    let size = Size::of(first.codec, &first.data).expect("a picture");
    assert_eq!((size.width, size.height), (64, 64));
    assert_eq!(pictures.count() as u64 + 1, recorded.pictures);
    // And the meeting has seen ours.
    let lines = seen["lines"].as_array().expect("lines");
    let video = lines.iter().find(|line| line["kind"] == "video").expect("a line of pictures");
    let received = video["framesReceived"].as_u64().expect("a number");
    assert!(
        received + 10 > u64::from(recorded.shown) && received > 20,
        "{received} of {recorded:?}"
    );
}

/// A file is shown as a screen, and the meeting is told so.
async fn a_file_is_presented<R: Sockets>() {
    let desk = Desk::<R>::open(23).await;
    let size = Size { width: 640, height: 360 };
    let mut file = IvfWriter::new(Vec::new(), VideoCodec::Vp8, size).expect("a file");
    for number in 0..20 {
        let picture = pattern::frame(size, number, u64::from(number) * 9_000).expect("a picture");
        file.write(&picture).expect("written");
    }
    let clip = Clip::from_ivf(&file.into_inner()[..]).expect("a clip");
    let mut player = Player::new(clip, std::time::Instant::now());
    let lasts = Duration::from_secs(2);
    let shown = meeting::present(&desk.phone, meeting::ROOM, &mut player, lasts);
    let shown = within::<R, _>("the meeting", shown).await.expect("shown");
    let ask = |path: &str| desk.emulator.control("GET", path, &json!({})).expect("an answer");
    let media = ask(&format!("rooms/{}/media", shown.conversation.as_str()));
    within::<R, _>("leaving", desk.phone.end(shown.conversation)).await.expect("left");
    // What was said before the end has come when that has.
    let told = ["screen-start", "screen-stop"].map(|kind| ask(&format!("events?type={kind}")));
    desk.close().await;

    assert!(shown.pictures > 10, "{} pictures", shown.pictures);
    let lines = media["lines"].as_array().expect("lines");
    let received = lines.iter().filter_map(|line| line["framesReceived"].as_u64()).sum::<u64>();
    // The last may be on their way.
    assert!(received + 2 >= u64::from(shown.pictures), "{received} of {}", shown.pictures);
    let times = told.map(|told| told["events"].as_array().map(Vec::len));
    assert_eq!(times, [Some(1), Some(1)]);
}

/// A room that asks for three encodings is sent three, and the client is told their names.
async fn a_meeting_that_wants_three_encodings_gets_them<R: Sockets>() {
    let desk = Desk::<R>::open(24).await;
    let room = json!({"roomJid": meeting::ROOM, "signaling": "sdp", "simulcast": true});
    desk.emulator.control("POST", "rooms", &room).expect("a room");
    let mut events = desk.phone.events();
    let begun = desk.phone.start_video_conference(meeting::ROOM, None);
    let conversation = within::<R, _>("a meeting", begun).await.expect("a meeting");
    let started = |event| match event {
        Event::SessionStarted(session) => Some(session),
        _ => None,
    };
    let session = events.wait(PATIENCE, started).await.expect("an offer");
    let accepted = desk.phone.accept_room(conversation.clone(), RoomMedia::Video);
    within::<R, _>("an answer", accepted).await.expect("answered");
    let track = TrackId { media: session.media, track: Track::video(0) };
    let (mut added, mut connected) = (None, false);
    while added.is_none() || !connected {
        match within::<R, _>("media", events.next()).await.expect("a phone") {
            Event::TrackAdded { track: of, info, .. } if of == track => added = Some(info),
            Event::MediaState { state: MediaState::Connected, .. } => connected = true,
            _ => {}
        }
    }
    let encodings = added.expect("a track").encodings;
    let names: Vec<&str> = encodings.iter().map(|rid| rid.as_str()).collect();
    assert_eq!(names, ["h", "m", "l"]);
    let mut sink = desk.phone.track(track).sink;
    for number in 0..20 {
        for (rid, size) in encodings.iter().zip([(320, 192), (160, 96), (80, 48)]) {
            let size = Size { width: size.0, height: size.1 };
            let picture =
                pattern::frame(size, number, u64::from(number) * 3000).expect("a picture");
            sink.send(picture.in_encoding(*rid).into()).await.expect("sent");
        }
        R::sleep(Duration::from_millis(33)).await;
    }
    let ask = |what: &str| {
        let path = format!("rooms/{}/{what}", conversation.as_str());
        desk.emulator.control("GET", &path, &json!({})).expect("an answer")
    };
    let (media, sdp) = (ask("media"), ask("sdp"));
    within::<R, _>("leaving", desk.phone.end(conversation.clone())).await.expect("left");
    desk.close().await;

    let answer = sdp["answer"].as_str().expect("an answer");
    assert!(answer.contains("a=simulcast:send h;m;l"), "{answer}");
    let lines = media["lines"].as_array().expect("lines");
    let received = lines.iter().filter_map(|line| line["framesReceived"].as_u64()).sum::<u64>();
    // The room shows one of them; the last may be on their way.
    assert!((18..=20).contains(&received), "{received} of 20: {media}");
}

async fn a_meeting_by_sdp_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(21, "sdp").await;
}

async fn a_meeting_by_jingle_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(22, "jingle").await;
}

on_both_runtimes! {
    a_file_is_presented
    a_meeting_that_wants_three_encodings_gets_them
    a_meeting_by_sdp_is_seen_shown_to_and_recorded
    a_meeting_by_jingle_is_seen_shown_to_and_recorded
}
