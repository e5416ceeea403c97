//! Several encodings of one track at once (RFC 8853), for a far end that takes them.

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use common::far::FarCall;
use offhook::media::{MediaError, Rid, Track, VideoCodec, VideoFrame};

const VIDEO: Track = Track::video(0);
const PICTURE: Duration = Duration::from_millis(33);

fn rid(name: &str) -> Rid {
    name.parse().unwrap()
}

/// A picture of so many bytes.
fn picture(n: u64, key: bool, bytes: usize) -> VideoFrame {
    let mut data = vec![7; bytes];
    data[0] = u8::from(!key);
    VideoFrame::new(VideoCodec::Vp8, n * 3000, key, data)
}

fn send(call: &mut FarCall, frame: VideoFrame) -> Result<(), MediaError> {
    let sent = call.engine.send(call.now, VIDEO, &frame.into());
    call.drain_engine();
    sent
}

/// The bytes of pictures that came of each encoding.
fn came(call: &mut FarCall) -> Vec<(String, usize)> {
    call.run(Duration::from_millis(100));
    let mut came: Vec<(String, usize)> = Vec::new();
    for got in std::mem::take(&mut call.got) {
        let Some(name) = got.rid else { continue };
        // Without the descriptor of VP8, a byte of each packet (RFC 7741 section 4.2).
        let bytes = got.payload.len() - 1;
        match came.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => *all += bytes,
            None => came.push((name, bytes)),
        }
    }
    came
}

fn encodings(call: &FarCall) -> Vec<Rid> {
    let tracks = call.engine.tracks();
    tracks.into_iter().find(|info| info.track == VIDEO).unwrap().encodings
}

#[test]
fn rfc_8853_encodings_that_are_asked_for_are_sent_each_by_its_name() {
    let mut call = FarCall::with_encodings(&["h", "m", "l"], |_| true);
    assert_eq!(encodings(&call), ["h", "m", "l"].map(rid));
    let (_, video) = call.answer.split_once("m=video").unwrap();
    assert!(video.contains("a=simulcast:send h;m;l\r\n"), "{video}");
    for name in ["h", "m", "l"] {
        assert!(video.contains(&format!("a=rid:{name} send\r\n")), "{video}");
    }
    assert!(!video.contains("a=ssrc"), "who names encodings announces no source: {video}");
    for n in 0..10 {
        for (name, bytes) in [("h", 5000), ("m", 2000), ("l", 300)] {
            send(&mut call, picture(n, n == 0, bytes).in_encoding(rid(name))).unwrap();
        }
        call.run(PICTURE);
    }
    let all = [("h", 50_000), ("m", 20_000), ("l", 3000)];
    assert_eq!(came(&mut call), all.map(|(name, bytes)| (name.to_owned(), bytes)));
    send(&mut call, picture(10, false, 1234)).unwrap();
    assert_eq!(came(&mut call), [("h".to_owned(), 1234)], "what has no name is the first one's");
    let stats = call.engine.track_stats(VIDEO).unwrap();
    assert_eq!((stats.frames_sent, stats.keyframes_sent), (31, 3), "all of the track");
}

#[test]
fn each_encoding_begins_with_a_picture_that_needs_no_other() {
    let mut call = FarCall::with_encodings(&["h", "l"], |_| true);
    send(&mut call, picture(0, true, 500).in_encoding(rid("h"))).unwrap();
    send(&mut call, picture(0, false, 100).in_encoding(rid("l"))).unwrap();
    assert_eq!(came(&mut call), [("h".to_owned(), 500)]);
    assert_eq!(call.wanted, 1, "for the other one");
    send(&mut call, picture(1, true, 100).in_encoding(rid("l"))).unwrap();
    send(&mut call, picture(1, false, 500).in_encoding(rid("h"))).unwrap();
    assert_eq!(came(&mut call).len(), 2);
    call.run(Duration::from_millis(400));
    assert!(call.ask_keyframe("l"));
    call.run(Duration::from_millis(100));
    assert_eq!(call.wanted, 2, "the far end asks for one of an encoding");
}

#[test]
fn a_name_that_was_not_agreed_on_is_refused_and_harms_nothing() {
    let mut call = FarCall::with_encodings(&["h", "l"], |_| true);
    send(&mut call, picture(0, true, 500)).unwrap();
    let refused = send(&mut call, picture(1, false, 500).in_encoding(rid("m")));
    assert!(matches!(refused, Err(MediaError::NotNegotiated(_))), "{refused:?}");
    send(&mut call, picture(1, false, 400)).unwrap();
    assert_eq!(came(&mut call), [("h".to_owned(), 900)]);
}

#[test]
fn where_packets_cannot_name_an_encoding_there_is_one() {
    let mut call =
        FarCall::with_encodings(&["h", "l"], |line| !line.contains("sdes:rtp-stream-id"));
    assert_eq!(encodings(&call), []);
    assert!(!call.answer.contains("a=simulcast"), "{}", call.answer);
    let (_, video) = call.answer.split_once("m=video").unwrap();
    assert!(video.contains("a=ssrc-group:FID"), "its source is told: {video}");
    let refused = send(&mut call, picture(0, true, 500).in_encoding(rid("h")));
    assert!(matches!(refused, Err(MediaError::NotNegotiated(_))), "{refused:?}");
    send(&mut call, picture(0, true, 500)).unwrap();
}

#[test]
fn rfc_4585_6_3_1_a_request_that_waits_is_kept_while_pictures_go_on() {
    let mut call = FarCall::with_encodings(&["h"], |_| true);
    send(&mut call, picture(0, true, 500)).unwrap();
    call.run(PICTURE);
    for n in 1..=20 {
        // Twice within the time in which one is told.
        if n == 1 || n == 4 {
            assert!(call.ask_keyframe("h"));
        }
        send(&mut call, picture(n, false, 500)).unwrap();
        call.run(PICTURE);
    }
    assert_eq!(call.wanted, 2);
    assert!(call.ask_keyframe("h"));
    call.run(Duration::from_millis(60));
    assert_eq!(call.wanted, 3);
    assert!(call.ask_keyframe("h"));
    call.run(PICTURE);
    send(&mut call, picture(21, true, 500)).unwrap();
    call.run(Duration::from_secs(1));
    assert_eq!(call.wanted, 3, "it came");
}
