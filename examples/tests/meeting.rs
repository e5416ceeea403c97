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

/// The pictures that a room has had from us, once they are as many.
async fn pictures_there<R: Sockets>(desk: &Desk<R>, conversation: &str, enough: u64) -> u64 {
    let path = format!("rooms/{conversation}/media");
    let count = async {
        loop {
            let media = desk.emulator.control("GET", &path, &json!({})).expect("a room");
            let lines = media["lines"].as_array().expect("lines");
            let came = lines.iter().filter_map(|line| line["framesReceived"].as_u64()).sum();
            if came >= enough {
                return came;
            }
            R::sleep(Duration::from_millis(50)).await;
        }
    };
    within::<R, _>("our pictures", count).await
}

async fn meets<R: Sockets>(seed: u64, signaling: &str) {
    let desk = Desk::<R>::open(seed).await;
    let options = json!({"room": {"signaling": signaling}});
    desk.emulator.control("POST", "options", &options).expect("an emulator with rooms");
    let mut file = Vec::new();
    let lasts = Duration::from_secs(6);
    let show = meeting::test_pictures().expect("pictures");
    let recorded = meeting::record(&desk.phone, meeting::ROOM, show, lasts, &mut file);
    let recorded = within::<R, _>("the meeting", recorded).await.expect("a recording");
    // The meeting has seen ours, but perhaps for a few at the end.
    let enough = u64::from(recorded.shown).saturating_sub(9).max(21);
    pictures_there(&desk, recorded.conversation.as_str(), enough).await;
    within::<R, _>("leaving", desk.phone.end(recorded.conversation.clone())).await.expect("left");
    desk.close().await;

    // Ten pictures a second, less what the beginning took.
    assert!((20..=65).contains(&recorded.pictures), "{recorded:?}");
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
    let lasts = Duration::from_secs(4);
    let shown = meeting::present(&desk.phone, meeting::ROOM, &mut player, lasts);
    let shown = within::<R, _>("the meeting", shown).await.expect("shown");
    let ask = |path: &str| desk.emulator.control("GET", path, &json!({})).expect("an answer");
    // But for the last.
    let enough = u64::from(shown.pictures).saturating_sub(2);
    pictures_there(&desk, shown.conversation.as_str(), enough).await;
    within::<R, _>("leaving", desk.phone.end(shown.conversation)).await.expect("left");
    // What was said before the end has come when that has.
    let told = ["screen-start", "screen-stop"].map(|kind| ask(&format!("events?type={kind}")));
    desk.close().await;

    assert!(shown.pictures > 10, "{} pictures", shown.pictures);
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
    // The room shows one of them.
    let received = pictures_there(&desk, conversation.as_str(), 18).await;
    let path = format!("rooms/{}/sdp", conversation.as_str());
    let sdp = desk.emulator.control("GET", &path, &json!({})).expect("an answer");
    within::<R, _>("leaving", desk.phone.end(conversation.clone())).await.expect("left");
    desk.close().await;

    let answer = sdp["answer"].as_str().expect("an answer");
    assert!(answer.contains("a=simulcast:send h;m;l"), "{answer}");
    assert!(received <= 20, "{received} of 20");
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
