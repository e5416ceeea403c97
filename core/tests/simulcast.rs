//! Several encodings of one track at once (RFC 8853), for a far end that takes them, and of one that sends them.

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

/// A picture that the far end sends, in parts; it needs no other at multiples of 30.
fn shown(rid: &str, n: u8, parts: usize) -> Vec<Vec<u8>> {
    let mut parts: Vec<_> =
        (0..parts).map(|part| [rid.as_bytes(), &[n, part as u8]].concat()).collect();
    parts[0].insert(0, u8::from(!n.is_multiple_of(30)));
    parts
}

/// Has the far end show so many pictures of each encoding. Whether each came once, in order and by its name.
fn see(call: &mut FarCall, rids: &[&str], numbers: std::ops::Range<u8>) {
    for n in numbers.clone() {
        if n + 3 == numbers.end {
            // Nobody knows that the last one is lost.
            call.loses_one_of = 0;
        }
        for (parts, rid) in (1..).zip(rids) {
            call.show(rid, 3000 * u32::from(n), &shown(rid, n, parts));
        }
        call.run(PICTURE);
    }
    call.run(Duration::from_secs(1));
    let seen = std::mem::take(&mut call.seen);
    for (parts, name) in (1..).zip(rids) {
        let of_it = seen.iter().filter(|frame| frame.rid == Some(rid(name)));
        let came: Vec<_> = of_it.map(|frame| frame.data.to_vec()).collect();
        let sent: Vec<_> = numbers.clone().map(|n| shown(name, n, parts).concat()).collect();
        assert_eq!(came, sent, "{name}");
    }
    assert_eq!(seen.len(), rids.len() * numbers.len());
}

#[test]
fn rfc_8853_encodings_that_are_offered_are_received_each_by_its_name() {
    let rids = ["q", "h", "f"];
    let mut call = FarCall::with_encodings_both_ways(&rids, &[], |_| true);
    let (_, video) = call.answer.split_once("m=video").unwrap();
    assert!(video.contains("a=simulcast:recv q;h;f\r\n"), "{video}");
    for name in rids {
        assert!(video.contains(&format!("a=rid:{name} recv\r\n")), "{video}");
    }
    assert!(video.contains("a=ssrc-group:FID"), "we send one, whose source is told: {video}");
    let info = call.engine.tracks().into_iter().find(|info| info.track == VIDEO).unwrap();
    assert_eq!((info.received, info.encodings), (rids.map(rid).to_vec(), Vec::new()));
    see(&mut call, &rids, 0..40);
    let stats = call.engine.track_stats(VIDEO).unwrap();
    let figures = (stats.frames_received, stats.keyframes_received, stats.packets_received);
    assert_eq!(figures, (120, 6, 240), "all of the track");
}

#[test]
fn rfc_8852_4_2_what_is_lost_of_an_encoding_is_sent_again() {
    let rids = ["q", "h", "f"];
    let all: [fn(&str) -> bool; 2] = [|_| true, |line| !line.starts_with("a=ssrc")];
    // Also where nobody was told the sources.
    for line in all {
        let mut call = FarCall::with_encodings_both_ways(&rids, &[], line);
        see(&mut call, &rids, 0..5);
        call.loses_one_of = 7;
        see(&mut call, &rids, 5..60);
        let stats = call.engine.track_stats(VIDEO).unwrap();
        assert_eq!((stats.frames_received, stats.breaks), (180, 0));
    }
}

#[test]
fn encodings_go_both_ways_on_one_track() {
    let mut call = FarCall::with_encodings_both_ways(&["q", "f"], &["h", "l"], |_| true);
    let (_, video) = call.answer.split_once("m=video").unwrap();
    assert!(video.contains("a=simulcast:send h;l recv q;f\r\n"), "{video}");
    assert!(!video.contains("a=ssrc"), "{video}");
    see(&mut call, &["q", "f"], 0..10);
    send(&mut call, picture(0, true, 500).in_encoding(rid("l"))).unwrap();
    assert_eq!(came(&mut call), [("l".to_owned(), 500)]);
}

#[test]
fn rfc_4585_6_3_1_a_picture_that_needs_no_other_is_asked_of_each_encoding() {
    let rids = ["q", "h", "f"];
    let mut call = FarCall::with_encodings_both_ways(&rids, &[], |_| true);
    see(&mut call, &rids, 0..3);
    let now = call.now;
    call.engine.request_keyframe(now, VIDEO).unwrap();
    call.run(Duration::from_millis(100));
    call.asked.sort();
    assert_eq!(call.asked, ["f", "h", "q"]);
}

#[test]
fn where_packets_cannot_name_what_is_sent_one_encoding_is_seen() {
    let line = |line: &str| !line.contains("sdes:rtp-stream-id");
    let call = FarCall::with_encodings_both_ways(&["q", "h"], &[], line);
    assert!(!call.answer.contains("a=simulcast"), "{}", call.answer);
    let info = call.engine.tracks().into_iter().find(|info| info.track == VIDEO).unwrap();
    assert_eq!(info.received, []);
}
