//! Two real engines with several tracks and data channels, over a network of virtual time.

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::Seed;
use offhook::media::{
    AudioFrame, ChannelId, ChannelMessage, Digit, EngineConfig, EngineEvent, Frame, MAX_CHANNELS,
    MAX_TRACKS, MediaError, MediaKind, MediaState, Track, TrackInfo, VideoCodec, VideoFrame, Wish,
};
use offhook::sdp::Direction;

const MS: fn(u64) -> Duration = Duration::from_millis;
const CAMERA: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendRecv };
const SCREEN: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendOnly };
const VIDEO: Track = Track::video(0);

fn meets(config: &mut EngineConfig) {
    config.video = vec![VideoCodec::Vp8, VideoCodec::H264];
    config.channels = true;
}

/// A offers that, both connect, and the news of it is forgotten.
fn meeting(wishes: &[Wish]) -> Pair {
    let mut pair = Pair::with(meets);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, wishes).unwrap();
    pair.answer_to(&offer).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.run(MS(500));
    pair
}

/// A renegotiation by a side, of which the other's answer is changed.
fn renegotiate(pair: &mut Pair, by: Side, wishes: &[Wish], change: impl Fn(&str) -> String) {
    let now = pair.now;
    let offer = pair.engine(by).create_offer(now, wishes).unwrap();
    pair.engine(by.other()).accept_offer(now, &offer).unwrap();
    let answer = pair.engine(by.other()).create_answer(now).unwrap();
    pair.engine(by).accept_answer(now, &change(&answer)).unwrap();
    pair.run(MS(100));
}

fn vp8(n: u64, key: bool) -> VideoFrame {
    let mut data = vec![n as u8; 500 + (n as usize * 977) % 5000];
    data[0] = u8::from(!key);
    VideoFrame::new(VideoCodec::Vp8, n * 3000, key, data)
}

fn h264(n: u64, key: bool) -> VideoFrame {
    let mut data = Vec::new();
    for unit in if key { &[0x67, 0x68, 0x65][..] } else { &[0x41] } {
        data.extend([0, 0, 0, 1, *unit]);
        data.extend(vec![n as u8 + 2; 400 + (n as usize * 577) % 3000]);
    }
    VideoFrame::new(VideoCodec::H264, n * 3000, key, data)
}

/// A side shows pictures, thirty in a second.
fn show(pair: &mut Pair, from: Side, track: Track, frames: impl Iterator<Item = VideoFrame>) {
    for frame in frames {
        let now = pair.now;
        pair.engine(from).send(now, track, &frame.into()).unwrap();
        pair.run(MS(33));
    }
    pair.run(MS(600));
}

/// The pictures that a side saw on a track; forgets all else that was told.
fn seen(pair: &mut Pair, side: Side, track: Track) -> Vec<VideoFrame> {
    let events = std::mem::take(&mut pair.events[side as usize]);
    let frame = |event| match event {
        EngineEvent::Frame { track: on, frame: Frame::Video(frame) } if on == track => Some(frame),
        _ => None,
    };
    events.into_iter().filter_map(frame).collect()
}

fn count(pair: &Pair, side: Side, is: impl Fn(&EngineEvent) -> bool) -> usize {
    pair.events[side as usize].iter().filter(|event| is(event)).count()
}

fn wanted(pair: &Pair, side: Side) -> usize {
    count(pair, side, |event| matches!(event, EngineEvent::KeyframeWanted(VIDEO)))
}

fn news(pair: &mut Pair, side: Side) -> Vec<String> {
    let events = std::mem::take(&mut pair.events[side as usize]);
    let news = |event| match event {
        EngineEvent::TrackAdded(info) => Some(format!("+{:?} {}", info.track, info.direction)),
        EngineEvent::TrackChanged(info) => Some(format!("~{:?} {}", info.track, info.direction)),
        EngineEvent::TrackRemoved(track) => Some(format!("-{track:?}")),
        _ => None,
    };
    events.into_iter().filter_map(news).collect()
}

#[test]
fn pictures_of_both_codecs_arrive_whole_and_in_order() {
    let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
    for (from, make) in [(Side::A, vp8 as fn(u64, bool) -> _), (Side::B, h264)] {
        show(&mut pair, from, VIDEO, (0..30).map(|n| make(n, n.is_multiple_of(15))));
        let seen = seen(&mut pair, from.other(), VIDEO);
        assert_eq!(seen.len(), 30, "{from:?}");
        for (n, frame) in seen.iter().enumerate() {
            let sent = make(n as u64, n.is_multiple_of(15));
            assert_eq!((frame.keyframe, frame.codec), (sent.keyframe, sent.codec));
            assert!(frame.data == sent.data && !frame.lost_before, "{n}");
        }
        assert!(seen.windows(2).all(|two| two[1].time - two[0].time == 3000));
    }
    let stats = pair.engine(Side::B).track_stats(VIDEO).unwrap();
    assert_eq!((stats.frames_sent, stats.frames_received), (30, 30));
    assert_eq!((stats.keyframes_sent, stats.breaks), (2, 0));
    pair.talk(20, MS(20));
    assert_eq!(pair.heard(Side::A).len(), 20, "and audio beside them");
}

#[test]
fn rfc_4588_what_is_lost_comes_again() {
    for seed in 1..4 {
        let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
        pair.lossy(seed, 10);
        let mut answered = 0;
        for n in 0..150_u64 {
            // An application does as it is asked.
            let asked = wanted(&pair, Side::A);
            let key = n.is_multiple_of(50) || asked > std::mem::replace(&mut answered, asked);
            let now = pair.now;
            pair.engine(Side::A).send(now, VIDEO, &vp8(n, key).into()).unwrap();
            pair.run(MS(33));
        }
        pair.run(MS(600));
        let seen = seen(&mut pair, Side::B, VIDEO);
        assert!(seen.len() > 135, "{} of 150", seen.len());
        for frame in seen {
            let mut sent = (0..150).map(|n| vp8(n, frame.keyframe));
            assert!(sent.any(|sent| sent.data == frame.data), "whole");
        }
    }
}

#[test]
fn what_comes_out_of_order_and_twice_is_seen_once_and_in_order() {
    let mut pair = meeting(&[CAMERA]);
    pair.rough(5);
    show(&mut pair, Side::A, VIDEO, (0..90).map(|n| h264(n, n.is_multiple_of(30))));
    let seen = seen(&mut pair, Side::B, VIDEO);
    assert_eq!(seen.len(), 90);
    assert!(
        seen.iter().enumerate().all(|(n, f)| f.data == h264(n as u64, n.is_multiple_of(30)).data)
    );
}

#[test]
fn a_hole_that_is_not_filled_ends_with_the_next_key_frame_which_is_asked_for() {
    let mut pair = meeting(&[CAMERA]);
    show(&mut pair, Side::A, VIDEO, (0..10).map(|n| vp8(n, n == 0)));
    pair.events = [Vec::new(), Vec::new()];
    pair.cut();
    show(&mut pair, Side::A, VIDEO, (10..20).map(|n| vp8(n, false)));
    // Longer than packets are kept to be sent again.
    pair.run(MS(4000));
    pair.mend();
    show(&mut pair, Side::A, VIDEO, (20..40).map(|n| vp8(n, false)));
    assert!((1..=4).contains(&wanted(&pair, Side::A)), "{}", wanted(&pair, Side::A));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 0);
    show(&mut pair, Side::A, VIDEO, (40..50).map(|n| vp8(n, n == 40)));
    let seen = seen(&mut pair, Side::B, VIDEO);
    assert_eq!(seen.len(), 10);
    assert!(seen[0].keyframe && seen[0].lost_before && !seen[1].lost_before);
}

#[test]
fn rfc_4585_6_3_1_key_frames_are_asked_for_at_most_so_often() {
    let mut pair = meeting(&[CAMERA]);
    let now = pair.now;
    let none = Err(MediaError::NotNegotiated("audio"));
    assert_eq!(pair.engine(Side::B).request_keyframe(now, Track::AUDIO), none);
    show(&mut pair, Side::A, VIDEO, (0..3).map(|n| vp8(n, n == 0)));
    pair.events = [Vec::new(), Vec::new()];
    for _ in 0..100 {
        let now = pair.now;
        pair.engine(Side::B).request_keyframe(now, VIDEO).unwrap();
        pair.run(MS(10));
    }
    pair.run(MS(1000));
    assert!((3..=5).contains(&wanted(&pair, Side::A)), "{} in a second", wanted(&pair, Side::A));
}

/// The limits that a side was told.
fn limits(pair: &mut Pair, side: Side) -> Vec<u64> {
    let told = std::mem::take(&mut pair.events[side as usize]);
    let limit = |event: &EngineEvent| match event {
        EngineEvent::BitrateLimit { track: VIDEO, limit } => Some(*limit),
        _ => None,
    };
    told.iter().filter_map(limit).collect()
}

#[test]
fn remb_fewer_bits_are_asked_for_again_and_told_once() {
    let mut pair = meeting(&[CAMERA]);
    let frames = |from: u64, count: u64| (from..from + count).map(|n| vp8(n, n == 0));
    let now = pair.now;
    pair.engine(Side::B).limit_bitrate(now, VIDEO, Some(200_000)).unwrap();
    pair.run(MS(500));
    assert!(limits(&mut pair, Side::A).is_empty(), "nothing is seen yet");
    show(&mut pair, Side::A, VIDEO, frames(0, 100));
    let told = limits(&mut pair, Side::A);
    assert!(told.len() == 1 && told[0].abs_diff(200_000) < 1_000, "{told:?}");
    let now = pair.now;
    pair.engine(Side::B).limit_bitrate(now, VIDEO, None).unwrap();
    show(&mut pair, Side::A, VIDEO, frames(100, 5));
    let told = limits(&mut pair, Side::A);
    assert!(told.len() == 1 && told[0] > 1_000_000_000, "{told:?}");
    for n in 0..100 {
        let now = pair.now;
        pair.engine(Side::B).limit_bitrate(now, VIDEO, Some(100_000 + n * 10_000)).unwrap();
        pair.run(MS(10));
    }
    pair.run(MS(400));
    let told = limits(&mut pair, Side::A);
    assert!((3..=5).contains(&told.len()), "{told:?}");
    assert!(told.last().unwrap().abs_diff(1_090_000) < 10_000, "the newest is told: {told:?}");
}

#[test]
fn remb_is_said_to_whoever_listens() {
    let mut pair = Pair::with(meets);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[CAMERA]).unwrap();
    assert!(offer.contains(" goog-remb"));
    let deaf: String = offer.split_inclusive('\n').filter(|l| !l.contains("goog-remb")).collect();
    pair.answer_to(&deaf).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    let now = pair.now;
    let limited = pair.engine(Side::B).limit_bitrate(now, VIDEO, Some(1));
    assert_eq!(limited, Err(MediaError::NotNegotiated("goog-remb")));
    let limited = pair.engine(Side::A).limit_bitrate(now, VIDEO, Some(1));
    assert_eq!(limited, Err(MediaError::NotNegotiated("goog-remb")), "the answer has none, either");
    for (other, what) in [(Track::AUDIO, "audio"), (Track::video(7), "video")] {
        let limited = pair.engine(Side::B).limit_bitrate(now, other, None);
        assert_eq!(limited, Err(MediaError::NotNegotiated(what)));
    }
}

#[test]
fn bad_input_broken_pictures_and_a_storm_of_requests_cost_the_sound_nothing() {
    const FRAMES: u64 = 250;
    let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
    let mut dice = Seed::from(7).rng();
    pair.heard(Side::B);
    for n in 0..FRAMES {
        let (now, sound) = (pair.now, pair.frame(n, Side::A));
        pair.engine(Side::A).send(now, Track::AUDIO, &sound.into()).unwrap();
        let codec = [VideoCodec::Vp8, VideoCodec::H264][n as usize % 2];
        let bytes = (0..dice.next_u64() % 4000).map(|_| dice.next_u64() as u8);
        let picture = VideoFrame::new(codec, n * 1800, n % 3 == 0, bytes.collect::<Vec<_>>());
        pair.engine(Side::A).send(now, VIDEO, &picture.into()).unwrap();
        for _ in 0..20 {
            pair.engine(Side::B).request_keyframe(now, VIDEO).unwrap();
        }
        pair.run(MS(20));
    }
    pair.run(MS(500));
    assert_eq!(pair.heard(Side::B).len() as u64, FRAMES);
    assert!(wanted(&pair, Side::A) <= 20, "{} in 5 s", wanted(&pair, Side::A));
    seen(&mut pair, Side::B, VIDEO);
    show(&mut pair, Side::A, VIDEO, (FRAMES..FRAMES + 5).map(|n| vp8(n, n == FRAMES)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5, "good ones are seen again");
}

#[test]
fn muted_pictures_are_not_sent_and_go_on_with_a_key_frame() {
    let mut pair = meeting(&[CAMERA]);
    show(&mut pair, Side::A, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5);
    pair.engine(Side::A).set_muted(VIDEO, true);
    show(&mut pair, Side::A, VIDEO, (5..10).map(|n| vp8(n, n == 6)));
    assert_eq!(wanted(&pair, Side::A), 0, "nobody wants one now");
    pair.engine(Side::A).set_muted(VIDEO, false);
    show(&mut pair, Side::A, VIDEO, (10..12).map(|n| vp8(n, false)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 0);
    assert!((1..=3).contains(&wanted(&pair, Side::A)));
    show(&mut pair, Side::A, VIDEO, (12..15).map(|n| vp8(n, n == 12)));
    let seen = seen(&mut pair, Side::B, VIDEO);
    assert_eq!(seen.len(), 3);
    assert!(!seen[0].lost_before, "nothing was lost on the way");
}

#[test]
fn pictures_before_there_is_a_way_are_not_kept() {
    let mut pair = Pair::with(meets);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, CAMERA]).unwrap();
    let early = pair.engine(Side::A).send(now, VIDEO, &vp8(0, true).into());
    assert_eq!(early, Err(MediaError::NotNegotiated("VP8")));
    pair.answer_to(&offer).unwrap();
    pair.engine(Side::A).send(now, VIDEO, &vp8(0, true).into()).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    show(&mut pair, Side::A, VIDEO, (1..3).map(|n| vp8(n, false)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 0);
    assert!(wanted(&pair, Side::A) > 0);
    show(&mut pair, Side::A, VIDEO, (3..6).map(|n| vp8(n, n == 3)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 3);
}

#[test]
fn tracks_are_told_with_their_names_and_directions() {
    let mut pair = meeting(&[Wish::AUDIO, CAMERA, SCREEN]);
    assert_eq!(
        news(&mut pair, Side::A),
        ["+audio 0 sendrecv", "+video 0 sendrecv", "+video 1 sendonly"]
    );
    assert_eq!(
        news(&mut pair, Side::B),
        ["+audio 0 sendrecv", "+video 0 sendrecv", "+video 1 recvonly"]
    );
    for side in [Side::A, Side::B] {
        let tracks = pair.engine(side).tracks();
        let mids: Vec<_> = tracks.iter().map(|info| info.mid.as_deref().unwrap()).collect();
        assert_eq!(mids, ["0", "1", "2"]);
        assert!(tracks.iter().all(|info: &TrackInfo| !info.codecs.is_empty()));
    }
    show(&mut pair, Side::B, Track::video(1), (0..5).map(|n| vp8(n, true)));
    assert_eq!(seen(&mut pair, Side::A, Track::video(1)).len(), 0, "the direction forbids it");
    show(&mut pair, Side::A, Track::video(1), (0..5).map(|n| vp8(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::B, Track::video(1)).len(), 5);
}

#[test]
fn a_track_is_added_in_mid_call_taken_away_and_put_back() {
    let same = str::to_owned;
    let mut pair = meeting(&[Wish::AUDIO]);
    news(&mut pair, Side::A);
    renegotiate(&mut pair, Side::A, &[CAMERA], same);
    assert_eq!(news(&mut pair, Side::A), ["+video 0 sendrecv"]);
    show(&mut pair, Side::A, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5);
    // Held, as it were, and shown again.
    pair.engine(Side::A).set_direction(VIDEO, Direction::Inactive);
    renegotiate(&mut pair, Side::A, &[], same);
    assert_eq!(news(&mut pair, Side::B), ["~video 0 inactive"]);
    show(&mut pair, Side::A, VIDEO, (5..8).map(|n| vp8(n, n == 5)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 0);
    pair.engine(Side::A).set_direction(VIDEO, Direction::SendRecv);
    renegotiate(&mut pair, Side::A, &[], same);
    show(&mut pair, Side::A, VIDEO, (8..12).map(|n| vp8(n, n == 9)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 3, "from the next key frame on");
    // Turned off by the far side.
    news(&mut pair, Side::A);
    renegotiate(&mut pair, Side::A, &[], |answer| answer.replace("m=video 9", "m=video 0"));
    assert_eq!(news(&mut pair, Side::A), ["-video 0"]);
    let now = pair.now;
    let gone = pair.engine(Side::A).send(now, VIDEO, &vp8(12, true).into());
    assert_eq!(gone, Err(MediaError::NotNegotiated("VP8")));
    let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
    let sections: Vec<_> = offer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(sections.len(), 3);
    assert!(sections[2].starts_with("m=video 0 "), "it keeps its place: {sections:?}");
    pair.engine(Side::A).rollback(now).unwrap();
    // And put back by it, as what it was.
    renegotiate(&mut pair, Side::B, &[], same);
    assert_eq!(news(&mut pair, Side::A), ["+video 0 sendrecv"]);
    show(&mut pair, Side::A, VIDEO, (20..25).map(|n| vp8(n, n == 20)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5);
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10, "audio went on");
}

#[test]
fn either_side_adds_tracks_and_they_keep_their_numbers() {
    let same = str::to_owned;
    let mut pair = meeting(&[Wish::AUDIO, SCREEN]);
    renegotiate(&mut pair, Side::B, &[SCREEN, Wish::AUDIO], same);
    for side in [Side::A, Side::B] {
        let tracks: Vec<_> = pair.engine(side).tracks().iter().map(|info| info.track).collect();
        assert_eq!(tracks, [Track::AUDIO, VIDEO, Track::video(1), Track::audio(1)]);
    }
    show(&mut pair, Side::B, Track::video(1), (0..5).map(|n| h264(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::A, Track::video(1)).len(), 5);
    for n in 0..10 {
        let (now, frame) = (pair.now, pair.frame(n, Side::A));
        pair.engine(Side::A).send(now, Track::audio(1), &frame.into()).unwrap();
        pair.run(MS(20));
    }
    pair.run(MS(100));
    let heard: Vec<AudioFrame> = std::mem::take(&mut pair.events[Side::B as usize])
        .into_iter()
        .filter_map(|event| match event {
            EngineEvent::Frame { track, frame: Frame::Audio(frame) } => {
                assert_eq!(track, Track::audio(1));
                Some(frame)
            }
            _ => None,
        })
        .collect();
    assert_eq!(heard.len(), 10);
    assert_eq!(pair.heard(Side::B).len(), 0, "not on the first one");
    let now = pair.now;
    let many = vec![SCREEN; MAX_TRACKS];
    let refused = Err(MediaError::TooMany("tracks"));
    assert_eq!(pair.engine(Side::A).create_offer(now, &many), refused);
}

#[test]
fn rfc_8829_5_7_an_added_track_is_taken_back() {
    let mut pair = meeting(&[Wish::AUDIO]);
    let now = pair.now;
    let before = pair.engine(Side::A).tracks();
    pair.engine(Side::A).create_offer(now, &[CAMERA]).unwrap();
    pair.engine(Side::A).rollback(now).unwrap();
    assert_eq!(pair.engine(Side::A).tracks(), before);
    renegotiate(&mut pair, Side::B, &[CAMERA], str::to_owned);
    show(&mut pair, Side::A, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5);
}

#[test]
fn rfc_8829_5_7_a_direction_that_was_offered_is_taken_back() {
    let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
    let now = pair.now;
    let before = pair.engine(Side::A).tracks();
    for track in [Track::AUDIO, VIDEO] {
        pair.engine(Side::A).set_direction(track, Direction::Inactive);
    }
    pair.engine(Side::A).create_offer(now, &[]).unwrap();
    pair.engine(Side::A).rollback(now).unwrap();
    assert_eq!(pair.engine(Side::A).tracks(), before);
    renegotiate(&mut pair, Side::A, &[], str::to_owned);
    assert_eq!(pair.engine(Side::A).tracks(), before, "nor is it offered later");
}

#[test]
fn a_telephone_takes_audio_and_turns_the_rest_down() {
    let mut pair = Pair::with_each(|side, config| {
        if side == Side::A {
            meets(config);
        }
    });
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, CAMERA]).unwrap();
    pair.answer_to(&offer).unwrap();
    assert!(pair.answer.contains("m=video 0 ") && pair.answer.contains("m=application 0 "));
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    assert_eq!(news(&mut pair, Side::A), ["+audio 0 sendrecv"]);
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 5);
    let now = pair.now;
    let b = pair.engine(Side::B);
    let none = Err(MediaError::NotNegotiated("video"));
    assert_eq!(b.create_offer(now, &[CAMERA]), none);
    assert_eq!(b.create_offer(now, &[Wish::AUDIO]), Err(MediaError::TooMany("tracks")));
    let offer = b.create_offer(now, &[]).unwrap();
    assert_eq!(offer.matches("m=").count(), 3, "what is off keeps its place: {offer}");
    assert!(b.open_channel(now, "x").is_err());
}

#[test]
fn rfc_8843_9_2_pictures_whose_source_nobody_announced_are_seen() {
    let mut pair = Pair::with(meets);
    let silent = |sdp: &str| -> String {
        let lines = sdp.lines().filter(|line| !line.starts_with("a=ssrc"));
        lines.map(|line| format!("{line}\r\n")).collect()
    };
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, CAMERA]).unwrap();
    pair.answer_to(&silent(&offer)).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.lossy(3, 5);
    show(&mut pair, Side::A, VIDEO, (0..60).map(|n| vp8(n, n.is_multiple_of(20))));
    let seen = seen(&mut pair, Side::B, VIDEO).len();
    assert!(seen > 55, "{seen}");
}

#[test]
fn an_ice_restart_keeps_the_tracks() {
    let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
    let now = pair.now;
    pair.candidates = [Vec::new(), Vec::new()];
    let offer = pair.engine(Side::A).restart_ice(now).unwrap();
    pair.reoffer(&offer);
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    show(&mut pair, Side::A, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    assert_eq!(seen(&mut pair, Side::B, VIDEO).len(), 5);
    assert_eq!(pair.engine(Side::A).tracks().len(), 2);
}

#[test]
fn rfc_8842_4_a_new_association_keeps_the_tracks_and_ends_the_channels() {
    let mut pair = meeting(&[Wish::AUDIO, CAMERA]);
    let now = pair.now;
    let old = pair.engine(Side::B).open_channel(now, "old").unwrap();
    show(&mut pair, Side::A, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    show(&mut pair, Side::B, VIDEO, (0..5).map(|n| vp8(n, n == 0)));
    pair.events = [Vec::new(), Vec::new()];
    pair.renew_gateway();
    let offer = pair.replace_a_with(meets, &[Wish::AUDIO, CAMERA]);
    pair.reoffer_with_addresses(&offer);
    assert_eq!(
        count(
            &pair,
            Side::B,
            |event| matches!(event, EngineEvent::ChannelClosed(id) if *id == old)
        ),
        1
    );
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    assert!(news(&mut pair, Side::B).is_empty(), "the same tracks");
    show(&mut pair, Side::B, VIDEO, (5..8).map(|n| vp8(n, false)));
    assert_eq!(seen(&mut pair, Side::A, VIDEO).len(), 0, "it has seen nothing to build on");
    for (from, base) in [(Side::A, 0), (Side::B, 10)] {
        show(&mut pair, from, VIDEO, (base..base + 5).map(|n| vp8(n, n == base)));
        assert_eq!(seen(&mut pair, from.other(), VIDEO).len(), 5, "{from:?}");
    }
    pair.heard(Side::A);
    pair.heard(Side::B);
    pair.talk(10, MS(20));
    assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
    let now = pair.now;
    let message = ChannelMessage::Text("again".to_owned());
    let new = pair.engine(Side::B).open_channel(now, "new").unwrap();
    pair.run(MS(1000));
    let now = pair.now;
    pair.engine(Side::B).send_message(now, new, &message).unwrap();
    pair.run(MS(200));
    assert_eq!(messages(&mut pair, Side::A).len(), 1);
}

/// The same description with another payload type in its section of that place.
fn renumbered(sdp: &str, place: usize, from: u8, to: u8) -> String {
    let mut section = 0;
    let mut line = |line: &str| {
        section += usize::from(line.starts_with("m="));
        let named = ["m=", "a=rtpmap:", "a=fmtp:"].iter().any(|name| line.starts_with(name));
        let (from, to) = (from.to_string(), to.to_string());
        let line =
            if named && section == place + 1 { line.replace(&from, &to) } else { line.to_owned() };
        format!("{line}\r\n")
    };
    sdp.lines().map(&mut line).collect()
}

#[test]
fn numbers_of_audio_are_never_those_of_our_pictures() {
    // Telephone keys of the first track, and what is said on the second.
    for (keys, said) in [(96, 111), (97, 111), (114, 111), (110, 97), (110, 109)] {
        // The far side has no pictures, so these numbers are free there.
        let mut pair = Pair::with_each(|side, config| match side {
            Side::A => config.channels = true,
            Side::B => meets(config),
        });
        let now = pair.now;
        let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, Wish::AUDIO]).unwrap();
        let offer = renumbered(&renumbered(&offer, 0, 110, keys), 1, 111, said);
        pair.answer_to(&offer).unwrap();
        pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
        pair.talk(3, MS(20));
        for side in [Side::A, Side::B] {
            let (now, digit) = (pair.now, Digit::try_from('5').unwrap());
            pair.engine(side).send_dtmf(now, &[digit], MS(100)).unwrap();
            pair.run(MS(500));
            assert_eq!(pair.keys(side.other()), [digit], "{keys} {said} to {:?}", side.other());
            for n in 0..10 {
                let (now, frame) = (pair.now, pair.frame(n, side));
                pair.engine(side).send(now, Track::audio(1), &frame.into()).unwrap();
                pair.run(MS(20));
            }
            pair.run(MS(200));
            let second = |event: &EngineEvent| matches!(event, EngineEvent::Frame { track, .. } if *track == Track::audio(1));
            assert_eq!(
                count(&pair, side.other(), second),
                10,
                "{keys} {said} to {:?}",
                side.other()
            );
        }
        pair.heard(Side::A);
        pair.heard(Side::B);
        pair.talk(10, MS(20));
        assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
    }
}

fn opened(pair: &Pair, side: Side) -> Vec<(ChannelId, String)> {
    let opened = |event: &EngineEvent| match event {
        EngineEvent::ChannelOpened { channel, label } => Some((*channel, label.clone())),
        _ => None,
    };
    pair.events[side as usize].iter().filter_map(opened).collect()
}

fn messages(pair: &mut Pair, side: Side) -> Vec<(ChannelId, ChannelMessage)> {
    let events = std::mem::take(&mut pair.events[side as usize]);
    let message = |event| match event {
        EngineEvent::ChannelMessage { channel, message } => Some((channel, message)),
        _ => None,
    };
    events.into_iter().filter_map(message).collect()
}

#[test]
fn rfc_8831_messages_of_both_kinds_go_both_ways_in_order() {
    let mut pair = meeting(&[Wish::AUDIO]);
    let now = pair.now;
    let a = pair.engine(Side::A).open_channel(now, "control").unwrap();
    let early = ChannelMessage::Text("too early".to_owned());
    let unopened = MediaError::NotNegotiated("a data channel");
    assert_eq!(pair.engine(Side::A).send_message(now, a, &early), Err(unopened.clone()));
    pair.run(MS(1000));
    assert_eq!(opened(&pair, Side::A), [(a, "control".to_owned())]);
    let (b, label) = opened(&pair, Side::B).remove(0);
    assert_eq!(label, "control");
    pair.lossy(9, 20);
    let binary = |n: u8| ChannelMessage::Binary(vec![n; 3000].into());
    let text = |n: u8| ChannelMessage::Text(format!("message {n}"));
    for n in 0..20_u8 {
        let now = pair.now;
        let message = if n.is_multiple_of(2) { text(n) } else { binary(n) };
        pair.engine(Side::A).send_message(now, a, &message).unwrap();
        pair.engine(Side::B).send_message(now, b, &message).unwrap();
        pair.run(MS(20));
    }
    pair.run(MS(20_000));
    for (side, channel) in [(Side::A, a), (Side::B, b)] {
        let got = messages(&mut pair, side);
        assert_eq!(got.len(), 20, "{side:?}");
        for (n, (on, message)) in (0_u8..).zip(got) {
            assert_eq!(on, channel);
            assert_eq!(message, if n.is_multiple_of(2) { text(n) } else { binary(n) });
        }
    }
    let (now, long) = (pair.now, ChannelMessage::Binary(vec![0; 70_000].into()));
    let refused = Err(MediaError::TooMany("bytes in a message"));
    assert_eq!(pair.engine(Side::A).send_message(now, a, &long), refused);
}

#[test]
fn channels_are_bounded_on_both_sides() {
    let mut pair = meeting(&[Wish::AUDIO]);
    let now = pair.now;
    for n in 0..MAX_CHANNELS {
        pair.engine(Side::A).open_channel(now, &n.to_string()).unwrap();
    }
    let refused = Err(MediaError::TooMany("data channels"));
    assert_eq!(pair.engine(Side::A).open_channel(now, "more"), refused);
    pair.run(MS(2000));
    assert_eq!(opened(&pair, Side::B).len(), MAX_CHANNELS);
    assert_eq!(pair.engine(Side::B).open_channel(now, "more"), refused);
    // Turned off, they are gone.
    renegotiate(&mut pair, Side::A, &[], |answer| {
        answer.replace("m=application 9", "m=application 0")
    });
    let closed = count(&pair, Side::A, |event| matches!(event, EngineEvent::ChannelClosed(_)));
    assert_eq!(closed, MAX_CHANNELS);
    let now = pair.now;
    assert!(pair.engine(Side::A).open_channel(now, "x").is_err());
}

#[test]
fn a_buffer_that_is_full_refuses_messages_and_loses_none() {
    let mut pair = meeting(&[Wish::AUDIO]);
    let now = pair.now;
    let a = pair.engine(Side::A).open_channel(now, "bulk").unwrap();
    pair.run(MS(1000));
    let message = ChannelMessage::Binary(vec![7; 60_000].into());
    let now = pair.now;
    let mut taken = 0;
    while pair.engine(Side::A).send_message(now, a, &message).is_ok() {
        taken += 1;
        assert!(taken < 1000, "it has no end");
    }
    let refused = Err(MediaError::TooMany("messages"));
    assert_eq!(pair.engine(Side::A).send_message(now, a, &message), refused);
    pair.run(MS(20_000));
    assert_eq!(messages(&mut pair, Side::B).len(), taken);
}

/// Far ends that agreed on the extension that names sections, which our packets do not have, hear nobody else.
#[test]
fn rfc_8843_9_2_an_offer_tells_the_source_of_each_track_and_packets_come_from_it() {
    let mut pair = Pair::with(meets);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, CAMERA]).unwrap();
    let audio = offer.split("m=").find(|section| section.starts_with("audio")).unwrap();
    let source = audio.split("a=ssrc:").nth(1).expect("it is told").split(' ').next().unwrap();
    let source: u32 = source.parse().unwrap();
    pair.taps = true;
    pair.answer_to(&offer).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10);
    let packets = pair.tapped[Side::A as usize].iter().map(|(_, data)| data);
    // RTP, not RTCP (RFC 5761 section 4).
    let packets: Vec<_> =
        packets.filter(|data| data[0] >> 6 == 2 && !(192..224).contains(&data[1])).collect();
    assert_eq!(packets.len(), 10);
    assert!(packets.iter().all(|data| data[8..12] == source.to_be_bytes()));
}
