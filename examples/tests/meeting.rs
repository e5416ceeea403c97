//! A meeting over real sockets and real media: joined, shown to, recorded, left. Both runtimes, both signalings.

mod common;

use std::time::Duration;

use common::{Desk, on_both_runtimes, within};
use offhook::genesys::Phone as _;
use offhook::media::Frame;
use offhook::video::{Size, WebmReader};
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

async fn a_meeting_by_sdp_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(21, "sdp").await;
}

async fn a_meeting_by_jingle_is_seen_shown_to_and_recorded<R: Sockets>() {
    meets::<R>(22, "jingle").await;
}

on_both_runtimes! {
    a_meeting_by_sdp_is_seen_shown_to_and_recorded
    a_meeting_by_jingle_is_seen_shown_to_and_recorded
}
