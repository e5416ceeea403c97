use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::files::vp8;
use super::webm::{h264, opus};
use crate::machine::{VideoCodec, VideoFrame};
use crate::testing::epoch;
use crate::video::{
    AnnexBWriter, Clip, IvfWriter, MAX_FRAME, Player, Size, VideoError, WebmTrack, WebmWriter,
};

/// Ten pictures in a second, a key frame each second; each has its number.
fn clip(seconds: u64) -> Clip {
    let picture = |n: u64| vp8(n * 9_000, n.is_multiple_of(10), &[n as u8]);
    Clip::new((0..seconds * 10).map(picture)).unwrap()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn number(frame: &VideoFrame) -> u8 {
    *frame.data.last().unwrap()
}

/// The pictures that are had until then, by whoever comes when they are due.
fn play(player: &mut Player, until: Instant) -> Vec<(u64, u8)> {
    let mut seen = Vec::new();
    while player.due() <= until {
        let frame = player.poll(player.due()).unwrap();
        seen.push((frame.time, number(&frame)));
    }
    seen
}

#[test]
fn a_clip_is_played_over_and_over_and_media_time_goes_on() {
    let start = epoch();
    let mut player = Player::new(clip(2), start);
    assert_eq!(player.poll(start - millis(1)), None);
    let seen = play(&mut player, start + millis(4_050));
    let expected: Vec<_> = (0..41).map(|n| (n * 9_000, (n % 20) as u8)).collect();
    assert_eq!(seen, expected);
    assert_eq!(player.due(), start + millis(4_100));
    assert_eq!(player.clip().duration(), millis(2_000));
}

#[test]
fn rfc_3550_section_5_1_another_clip_goes_on_in_media_time_from_its_key_frame() {
    let start = epoch();
    let mut player = Player::new(clip(2), start);
    play(&mut player, start + millis(1_250));
    let screen = Clip::new((0..2).map(|n| vp8(n * 9_000, n == 0, &[100 + n as u8]))).unwrap();
    let now = start + millis(1_250);
    player.change(screen, now);
    let first = player.poll(now).unwrap();
    assert_eq!((first.time, number(&first), first.keyframe), (112_500, 100, true));
    let seen = play(&mut player, start + millis(1_450));
    assert_eq!(seen, [(121_500, 101), (130_500, 100)]);

    // Nothing is shown twice at one time.
    player.change(clip(1), start + millis(1_400));
    assert_eq!(player.poll(start + millis(1_451)).unwrap().time, 130_501);
}

#[test]
fn who_asks_is_given_the_next_key_frame_and_no_second_one_within_300_ms() {
    let start = epoch();
    let mut player = Player::new(clip(2), start);
    play(&mut player, start + millis(250));
    let asked = start + millis(260);
    player.want_keyframe(asked);
    assert_eq!(player.due(), asked);
    let frame = player.poll(asked).unwrap();
    assert_eq!((frame.time, frame.keyframe, number(&frame)), (23_400, true, 10));
    player.want_keyframe(asked + millis(299));
    assert_eq!(player.due(), asked + millis(100), "it is on its way");
    player.want_keyframe(asked + millis(300));
    // That jump passes the end.
    let frame = player.poll(asked + millis(300)).unwrap();
    assert_eq!((frame.time, number(&frame)), (50_400, 0));
}

#[test]
fn who_comes_late_is_given_the_next_key_frame_and_no_flood() {
    let start = epoch();
    let mut player = Player::new(clip(3), start);
    play(&mut player, start + millis(150));
    // A little: what was due is had at once.
    let late = start + millis(400);
    let had: Vec<_> = std::iter::from_fn(|| player.poll(late)).map(|f| number(&f)).collect();
    assert_eq!(had, [2, 3, 4]);
    let late = start + millis(1_800);
    let had: Vec<_> = std::iter::from_fn(|| player.poll(late)).collect();
    assert_eq!(had.iter().map(number).collect::<Vec<_>>(), [10]);
    assert_eq!((had[0].time, had[0].keyframe), (162_000, true));
    assert_eq!(player.due(), late + millis(100));
}

#[test]
fn a_clip_begins_with_its_first_key_frame_and_is_of_one_codec() {
    let frames = [vp8(0, false, &[1]), vp8(50_000, true, &[2]), vp8(53_000, false, &[3])];
    let clip = Clip::new(frames.clone()).unwrap();
    let seen: Vec<_> = clip.frames().map(|frame| (frame.time, number(frame))).collect();
    assert_eq!(seen, [(0, 2), (3_000, 3)]);
    assert_eq!(clip.duration(), Duration::from_nanos(66_666_666));
    assert_eq!(
        (clip.codec(), clip.size()),
        (VideoCodec::Vp8, Some(Size { width: 640, height: 360 }))
    );
    assert_eq!(Clip::new(frames[..1].to_vec()).err(), Some(VideoError::NotAKeyframe));
    let mixed = [frames[1].clone(), h264(60_000, true, true)];
    assert_eq!(Clip::new(mixed).err(), Some(VideoError::WrongTrack));
}

#[test]
fn a_clip_has_a_bounded_length() {
    let big = vp8(0, true, &vec![0; MAX_FRAME - 10]);
    assert_eq!(Clip::new(vec![big; 17]).err(), Some(VideoError::ClipTooLong));
    let far = [vp8(0, true, &[1]), vp8(u64::MAX, false, &[2])];
    let mut player = Player::new(Clip::new(far).unwrap(), epoch());
    let start = player.due();
    player.poll(start).unwrap();
    assert_eq!(player.due(), start + Duration::from_secs(60));
}

#[test]
fn clips_are_read_of_each_kind_of_file_also_when_it_is_cut_off() {
    let frames = [vp8(0, true, &[1]), vp8(3_600, false, &[2]), vp8(7_200, false, &[3])];
    let expected: Vec<_> = frames.iter().map(|frame| (frame.time, frame.data.clone())).collect();
    let seen =
        |clip: &Clip| -> Vec<_> { clip.frames().map(|f| (f.time, f.data.clone())).collect() };
    let size = Size { width: 640, height: 360 };
    let mut ivf = IvfWriter::new(Vec::new(), VideoCodec::Vp8, size).unwrap();
    let tracks = vec![WebmTrack::OPUS, WebmTrack::video(&frames[0]).unwrap()];
    let mut webm = WebmWriter::new(Vec::new(), tracks).unwrap();
    for frame in &frames {
        let time = millis(frame.time / 90);
        ivf.write(frame).unwrap();
        webm.write(0, time, &opus(0, b"sound")).unwrap();
        webm.write(1, time, &frame.clone().into()).unwrap();
    }
    let (ivf, webm) = (ivf.into_inner(), webm.into_inner());
    assert_eq!(seen(&Clip::from_ivf(&ivf[..]).unwrap()), expected);
    assert_eq!(seen(&Clip::from_webm(&webm[..]).unwrap()), expected);
    assert_eq!(seen(&Clip::from_ivf(&ivf[..ivf.len() - 1]).unwrap()), expected[..2]);
    assert_eq!(seen(&Clip::from_webm(&webm[..webm.len() - 1]).unwrap()), expected[..2]);
    let mut stream = AnnexBWriter::new(Vec::new());
    for frame in [h264(0, true, true), h264(0, false, false), h264(0, true, false)] {
        stream.write(&frame).unwrap();
    }
    let clip = Clip::from_annex_b(&stream.into_inner()[..], millis(40)).unwrap();
    let whole = h264(0, true, true).data;
    let expected = [(0, whole.clone()), (3_600, h264(0, false, false).data), (7_200, whole)];
    assert_eq!(seen(&clip), expected);
}

proptest! {
    #[test]
    fn media_time_only_goes_on_and_nothing_is_had_before_it_is_due(
        steps in prop::collection::vec((0..900_u64, any::<bool>()), 1..80),
    ) {
        let start = epoch();
        let mut player = Player::new(clip(2), start);
        let (mut now, mut last, mut broken) = (start, None, false);
        for (later, ask) in steps {
            now += millis(later);
            if ask {
                player.want_keyframe(now);
            }
            let mut had = 0;
            while let Some(frame) = player.poll(now) {
                prop_assert!(last.is_none_or(|(time, _)| time < frame.time));
                prop_assert!(Duration::from_nanos(frame.time * 100_000 / 9) <= now - start);
                // Each builds on the one before it, or on none.
                let follows = last.is_some_and(|(_, n)| (n + 1) % 20 == number(&frame));
                broken |= !follows && !frame.keyframe;
                last = Some((frame.time, number(&frame)));
                had += 1;
            }
            prop_assert!(had <= 4, "no flood: {}", had);
            prop_assert!(player.due() > now && player.due() <= now + millis(101));
        }
        prop_assert!(!broken);
    }
}
