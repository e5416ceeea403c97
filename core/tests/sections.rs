//! The places of sections, which a session's descriptions keep for as long as it lives (RFC 3264
//! section 8).

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::{EngineConfig, MediaKind, MediaState, VideoCodec, Wish};
use offhook::sdp::Direction;

const CAMERA: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendRecv };

fn meets(config: &mut EngineConfig) {
    config.video = vec![VideoCodec::Vp8];
    config.channels = true;
}

/// The media lines of a description.
fn media(description: &str) -> Vec<&str> {
    description.lines().filter(|line| line.starts_with("m=")).collect()
}

#[test]
fn a_session_of_as_many_sections_as_there_may_be_is_renegotiated() {
    let mut pair = Pair::new();
    let now = pair.now;
    let off = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n";
    let offer = pair.offer() + &off.repeat(127);
    let far = pair.engine(Side::B);
    far.accept_offer(now, &offer).unwrap();
    far.create_answer(now).unwrap();
    let again = far.create_offer(now, &[]).unwrap();
    assert_eq!(media(&again).len(), 128);
}

#[test]
fn data_channels_that_are_turned_down_are_not_offered_again() {
    let mut pair = Pair::with_each(|side, config| {
        if side == Side::A {
            meets(config);
        }
    });
    pair.negotiate().unwrap();
    pair.run_until(Duration::from_secs(5), |p| p.both(MediaState::Connected));
    let now = pair.now;
    for _ in 0..3 {
        let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
        assert_eq!(media(&offer).len(), 2, "{offer}");
        pair.engine(Side::B).accept_offer(now, &offer).unwrap();
        let answer = pair.engine(Side::B).create_answer(now).unwrap();
        pair.engine(Side::A).accept_answer(now, &answer).unwrap();
    }
}

#[test]
fn sections_that_another_far_end_does_not_have_stay_what_they_were() {
    let mut pair = Pair::with(meets);
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO, CAMERA]).unwrap();
    pair.answer_to(&offer).unwrap();
    pair.run_until(Duration::from_secs(5), |p| p.both(MediaState::Connected));
    let now = pair.now;
    let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
    let (audio, _) = offer.split_once("m=video").unwrap();
    let group = offer.lines().find(|line| line.starts_with("a=group")).unwrap();
    let audio = audio.replace(group, "a=group:BUNDLE 0");
    let far = pair.engine(Side::B);
    far.accept_offer(now, &audio).unwrap();
    far.create_answer(now).unwrap();
    let again = far.create_offer(now, &[]).unwrap();
    let [audio, video, channels] = media(&again)[..] else { panic!("{again}") };
    assert!(audio.starts_with("m=audio 9 "), "{audio}");
    assert!(video.starts_with("m=video 0 "), "{video}");
    assert!(channels.starts_with("m=application 0 UDP/DTLS/SCTP"), "{channels}");
}
