//! A meeting over real sockets and real media: joined, shown to, recorded, left. Both runtimes, both signalings.

mod common;

use std::time::Duration;

use common::{Desk, on_both_runtimes, within};
use offhook::genesys::Phone as _;
use offhook::media::{Frame, VideoCodec};
use offhook::video::{Clip, IvfWriter, Player, Size, WebmReader, pattern};
use offhook_examples::meeting;
use offhook_runtime::Sockets;
use serde_json::json;

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
    let told = ["screen-start", "screen-stop"].map(|kind| ask(&format!("events?type={kind}")));
    within::<R, _>("leaving", desk.phone.end(shown.conversation)).await.expect("left");
    desk.close().await;

    assert!(shown.pictures > 10, "{} pictures", shown.pictures);
    let lines = media["lines"].as_array().expect("lines");
    let received = lines.iter().filter_map(|line| line["framesReceived"].as_u64()).sum::<u64>();
    // The last may be on their way.
    assert!(received + 2 >= u64::from(shown.pictures), "{received} of {}", shown.pictures);
    let times = told.map(|told| told["events"].as_array().map(Vec::len));
    assert_eq!(times, [Some(1), Some(1)]);
}

async fn a_meeting_by_sdp_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(21, "sdp").await;
}

async fn a_meeting_by_jingle_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(22, "jingle").await;
}

on_both_runtimes! {
    a_file_is_presented
    a_meeting_by_sdp_is_seen_shown_to_and_recorded
    a_meeting_by_jingle_is_seen_shown_to_and_recorded
}
