mod loss;

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::machine::{AudioCodec, AudioFrame};
use crate::testing::epoch;

/// Something speech-like: a few swept tones with pauses.
fn babble(frames: usize) -> Vec<i16> {
    (0..frames * FRAME)
        .map(|n| {
            let t = n as f64 / f64::from(RATE);
            let envelope = (t * 3.0).sin().abs() * (t * 0.9).cos().abs();
            let tone = (t * 1300.0 + (t * 7.0).sin() * 40.0).sin()
                + 0.5 * (t * 2900.0 + (t * 5.0).cos() * 30.0).sin();
            (tone * envelope * 9000.0) as i16
        })
        .collect()
}

fn through(codec: AudioCodec) -> compare::Similarity {
    let source = babble(100);
    let mut encoder = AudioEncoder::new(codec).unwrap();
    let mut decoder = AudioDecoder::new();
    let mut heard = vec![0; 1234];
    for (n, pcm) in source.chunks(FRAME).enumerate() {
        let frame = encoder.encode(pcm).unwrap();
        assert_eq!(frame.time, n as u64 * u64::from(codec.clock_rate()) / 50);
        heard.extend(decoder.decode(&frame).unwrap());
    }
    heard.extend([0; 5000]);
    compare::similarity(&source, &heard)
}

#[test]
fn what_is_said_is_heard() {
    for codec in [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma] {
        let similarity = through(codec);
        assert!(similarity.correlation > 0.95, "{codec:?}: {similarity:?}");
        // The resamplers keep a part of the last frame.
        assert!(similarity.longest_gap.as_millis() <= 20, "{codec:?}: {similarity:?}");
    }
}

#[test]
fn lost_frames_are_made_up_within_bounds() {
    let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
    let mut decoder = AudioDecoder::new();
    let mut frame = encoder.encode(&babble(1)).unwrap();
    assert_eq!(decoder.decode(&frame).unwrap().len(), FRAME);
    frame.lost_before = 3;
    assert_eq!(decoder.decode(&frame).unwrap().len(), 4 * FRAME);
    frame.lost_before = u32::MAX;
    assert_eq!(decoder.decode(&frame).unwrap().len(), 11 * FRAME);
}

#[test]
fn frames_of_the_wrong_size_and_junk_are_typed_errors() {
    let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
    assert_eq!(encoder.encode(&[0; 10]), Err(AudioError::FrameSize(10)));
    let mut frame = encoder.encode(&[0; FRAME]).unwrap();
    frame.data = Bytes::from_static(&[0xff; 3]);
    let mut decoder = AudioDecoder::new();
    assert!(matches!(decoder.decode(&frame), Err(AudioError::Codec { codec: "opus", .. })));
    assert!(decoder.decode(&encoder.encode(&[0; FRAME]).unwrap()).is_ok());
}

const CODECS: [AudioCodec; 3] = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];
const MS: Duration = Duration::from_millis(1);

/// All that a speaker says, each frame when it is due, and when.
fn said(speaker: &mut Speaker, mut now: Instant) -> Vec<(Instant, AudioFrame)> {
    let mut frames = Vec::new();
    while let Some(at) = speaker.next_wake(now) {
        now = now.max(at);
        frames.extend(speaker.frame(now).unwrap().map(|frame| (now, frame)));
    }
    frames
}

fn speaker(rate: u32, codec: AudioCodec) -> Speaker {
    let mut speaker = Speaker::new(rate).unwrap();
    speaker.set_codec(codec);
    speaker
}

/// A recording at some rate.
fn babble_at(rate: u32, frames: usize) -> Vec<i16> {
    resample(&babble(frames), RATE, rate).unwrap()
}

#[test]
fn frames_of_pcm_are_paced_padded_and_heard() {
    let [opus, pcmu, pcma] = CODECS;
    for (codec, rate) in
        [(opus, 16_000), (opus, 44_100), (pcmu, 8_000), (pcmu, 48_000), (pcma, 22_050)]
    {
        let source = babble_at(rate, 50);
        let mut speaker = speaker(rate, codec);
        // The last frame is not whole.
        speaker.write(epoch(), &source[..source.len() - 7]).unwrap();
        speaker.finish(epoch());
        let frames = said(&mut speaker, epoch());
        assert!((50..=51).contains(&frames.len()), "{codec:?} at {rate}");
        let mut listener = Listener::new(rate).unwrap();
        let mut heard = Vec::new();
        for (n, (at, frame)) in frames.iter().enumerate() {
            assert_eq!(*at, epoch() + 20 * MS * n as u32);
            assert_eq!(frame.time, n as u64 * u64::from(codec.clock_rate()) / 50);
            assert_eq!((frame.talkspurt, frame.lost_before), (n == 0, 0));
            heard.extend(listener.hear(*at, frame).unwrap());
        }
        let up = |pcm: &[i16]| resample(pcm, rate, RATE).unwrap();
        let likeness = compare::similarity(&up(&source), &up(&heard));
        assert!(likeness.correlation > 0.95, "{codec:?} at {rate}: {likeness:?}");
        assert!(likeness.longest_gap.as_millis() <= 20, "{codec:?} at {rate}: {likeness:?}");
    }
}

#[test]
fn what_is_beyond_the_bound_is_refused_whole_and_nothing_is_lost() {
    let mut speaker = Speaker::new(8_000).unwrap();
    let minute = vec![1; 60 * 8_000];
    speaker.write(epoch(), &minute[..8_000]).unwrap();
    assert_eq!(speaker.write(epoch(), &minute), Err(AudioError::QueueFull { room: 59 * 8_000 }));
    speaker.write(epoch(), &minute[..59 * 8_000]).unwrap();
    assert_eq!((speaker.room(), speaker.waiting()), (0, Speaker::MAX_QUEUE));
    assert_eq!(speaker.write(epoch(), &[1]), Err(AudioError::QueueFull { room: 0 }));
    // Nothing is negotiated: all of it waits, and is said when something is.
    assert_eq!((speaker.next_wake(epoch()), speaker.frame(epoch())), (None, Ok(None)));
    speaker.set_codec(AudioCodec::Pcmu);
    assert_eq!(said(&mut speaker, epoch()).len(), 60 * 50);
    speaker.write(epoch(), &minute).unwrap();
    speaker.clear();
    assert_eq!(speaker.next_wake(epoch()), None);
}

#[test]
fn media_time_goes_on_with_the_clock_in_pauses() {
    let mut speaker = speaker(8_000, AudioCodec::Pcmu);
    let word = [500; 3 * 160];
    let mut now = epoch();
    speaker.write(now, &word).unwrap();
    let first = said(&mut speaker, epoch());
    // A little late is no pause, and costs nothing.
    now += 80 * MS;
    speaker.write(now, &word).unwrap();
    let second = said(&mut speaker, now);
    let times: Vec<_> = second.iter().map(|(at, f)| (*at, f.time, f.talkspurt)).collect();
    let at = |ms| epoch() + ms * MS;
    assert_eq!(times, [(at(80), 480, false), (at(80), 640, false), (at(100), 800, false)]);
    // A pause of half a second after the word that ended at 120 ms.
    now = at(620);
    speaker.write(now, &word).unwrap();
    let third = said(&mut speaker, now);
    let times: Vec<_> = third.iter().map(|(at, f)| (*at, f.time, f.talkspurt)).collect();
    let time = 960 + 25 * 160;
    assert_eq!(
        times,
        [(now, time, true), (at(640), time + 160, false), (at(660), time + 320, false)]
    );
    assert!(first[0].1.talkspurt);
}

#[test]
fn what_waits_is_said_late_rather_than_left_out_but_not_all_of_it_at_once() {
    let mut speaker = speaker(8_000, AudioCodec::Pcmu);
    speaker.write(epoch(), &[500; 100 * 160]).unwrap();
    let mut at = |ms| {
        std::iter::from_fn(|| speaker.frame(epoch() + ms * MS).unwrap())
            .map(|frame| (frame.time / 160, frame.talkspurt))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(0), [(0, true)]);
    // Whoever says it was busy for a while: it goes on without a gap.
    let late: Vec<_> = (1..=20).map(|n| (n, false)).collect();
    assert_eq!(at(400), late);
    // And then asleep for longer than anybody waits.
    assert_eq!(at(2_000), [(21 + 79, true)]);
    assert_eq!(at(2_020), [(22 + 79, false)]);
}

#[test]
fn silence_is_left_out_only_where_that_is_asked_for() {
    for (dtx, frames) in [(false, 100), (true, 5 + 4 + 10)] {
        let mut speaker = speaker(8_000, AudioCodec::Pcma);
        speaker.set_dtx(dtx);
        speaker.write(epoch(), &[3; 90 * 160]).unwrap();
        speaker.write(epoch(), &[3_000; 10 * 160]).unwrap();
        let said = said(&mut speaker, epoch());
        assert_eq!(said.len(), frames, "{dtx}");
        let last = &said[frames - 10..];
        assert_eq!((last[0].1.time, last[0].1.talkspurt), (90 * 160, dtx));
        assert!(last[1..].iter().all(|(_, frame)| !frame.talkspurt));
        // Whoever hears it misses nothing of the time.
        let mut listener = Listener::new(8_000).unwrap();
        let heard: usize = said.iter().map(|(t, f)| listener.hear(*t, f).unwrap().len()).sum();
        assert_eq!(heard, 100 * 160);
    }
}

#[test]
fn the_codec_may_change_in_mid_speech() {
    let source = babble(40);
    let mut speaker = speaker(RATE, AudioCodec::Opus);
    let mut listener = Listener::new(RATE).unwrap();
    let mut heard = Vec::new();
    let mut now = epoch();
    for (piece, codec) in source.chunks(10 * FRAME).zip([0, 1, 2, 0].map(|n| CODECS[n])) {
        speaker.set_codec(codec);
        speaker.write(now, piece).unwrap();
        for (at, frame) in said(&mut speaker, now) {
            assert_eq!(frame.codec, codec);
            heard.extend(listener.hear(at, &frame).unwrap());
            now = at;
        }
    }
    assert!(heard.len().abs_diff(source.len()) < 3 * FRAME, "{}", heard.len());
    let likeness = compare::similarity(&source, &heard);
    assert!(likeness.longest_gap.as_millis() <= 40, "{likeness:?}");
}

#[test]
fn whoever_comes_hours_late_is_given_a_second_of_silence() {
    let mut listener = Listener::new(16_000).unwrap();
    let mut encoder = AudioEncoder::new(AudioCodec::Pcmu).unwrap();
    let start = epoch();
    let frame = encoder.encode(&[0; FRAME]).unwrap();
    listener.hear(start, &frame).unwrap();
    let later = start + Duration::from_secs(8 * 3600);
    let silence = std::iter::from_fn(|| listener.silence(later).unwrap()).map(|pcm| pcm.len());
    let given: usize = silence.sum();
    assert!((15_000..=17_600).contains(&given), "{given} samples of 16 000 a second");
    // What was missed is no gap either, when speech goes on.
    let mut next = frame.clone();
    next.time = frame.time + 8 * 3600 * 8_000;
    let pcm = listener.hear(later, &next).unwrap();
    assert!(pcm.len() < 3_000, "{} samples", pcm.len());
}

#[test]
fn silence_comes_while_nothing_does_and_counts_for_what_is_missing() {
    let mut encoder = AudioEncoder::new(AudioCodec::Pcmu).unwrap();
    let mut listener = Listener::new(8_000).unwrap();
    assert_eq!((listener.next_wake(), listener.silence(epoch())), (None, Ok(None)));
    let mut now = epoch();
    let mut heard = listener.hear(now, &encoder.encode(&[100; FRAME]).unwrap()).unwrap().len();
    for _ in 0..10 {
        encoder.skip();
        let due = listener.next_wake().unwrap();
        assert_eq!(listener.silence(due - MS), Ok(None));
        heard += listener.silence(due).unwrap().unwrap().len();
        now = due;
    }
    assert_eq!(heard, 11 * 160);
    // Five more are missing.
    (0..5).for_each(|_| encoder.skip());
    heard += listener.hear(now, &encoder.encode(&[100; FRAME]).unwrap()).unwrap().len();
    assert_eq!(heard, 17 * 160);
}

#[test]
fn whatever_frames_say_no_more_comes_out_than_time_has_passed() {
    let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
    let mut frame = encoder.encode(&[0; FRAME]).unwrap();
    let mut listener = Listener::new(RATE).unwrap();
    let mut heard = 0;
    for n in 0..100 {
        frame.time = n << 40;
        frame.lost_before = u32::MAX;
        heard += listener.hear(epoch(), &frame).unwrap().len();
    }
    assert!(heard <= RATE as usize + 100 * FRAME, "{heard}");
    // And time that goes back costs nothing.
    frame.time = 0;
    assert_eq!(listener.hear(epoch(), &frame).unwrap().len(), FRAME);
}

#[test]
fn a_lost_frame_of_g711_fades_and_then_there_is_silence() {
    let mut encoder = AudioEncoder::new(AudioCodec::Pcmu).unwrap();
    let mut listener = Listener::new(8_000).unwrap();
    for _ in 0..3 {
        let frame = encoder.encode(&[10_000; FRAME]).unwrap();
        listener.hear(epoch(), &frame).unwrap();
    }
    (0..2).for_each(|_| encoder.skip());
    let frame = AudioFrame { lost_before: 2, ..encoder.encode(&[10_000; FRAME]).unwrap() };
    let heard = listener.hear(epoch(), &frame).unwrap();
    assert_eq!(heard.len(), 3 * 160);
    assert!(heard[..160].is_sorted_by(|a, b| a >= b) && heard[0] > 9_000 && heard[159] < 100);
    assert!(heard[160..320].iter().all(|sample| *sample == 0));
}

#[test]
fn a_tape_has_both_sides_in_their_places() {
    let mut tape = Tape::new(epoch());
    let (ours, theirs) = (babble(50), babble(100)[50 * FRAME..].to_vec());
    for (side, pcm, start) in [(Side::Said, &ours, 200 * MS), (Side::Heard, &theirs, 700 * MS)] {
        let mut speaker = speaker(RATE, AudioCodec::Opus);
        speaker.write(epoch() + start, pcm).unwrap();
        for (at, frame) in said(&mut speaker, epoch() + start) {
            tape.record(at, side, frame).unwrap();
        }
    }
    for (side, pcm, start) in [(Side::Said, &ours, 200), (Side::Heard, &theirs, 700)] {
        assert_eq!(tape.frames(side), 50);
        assert_eq!(tape.starts(side), Some(start as u32 * MS));
        let likeness = compare::similarity(pcm, &tape.pcm(side, RATE).unwrap());
        assert!(likeness.correlation > 0.95, "{side:?}: {likeness:?}");
        assert!((likeness.offset - start * 48).unsigned_abs() < 20 * 48, "{likeness:?}");
    }
    for (tracks, channels) in
        [(Tracks::Only(Side::Heard), 1), (Tracks::Mixed, 1), (Tracks::Stereo, 2)]
    {
        let file = tape.wav(tracks, 16_000).unwrap();
        let reader = hound::WavReader::new(&file[..]).unwrap();
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (channels, 16_000));
        assert!((reader.duration() as usize).abs_diff(1_700 * 16) <= 320, "{tracks:?}");
    }
}

#[test]
fn a_tape_is_bounded_by_time_and_by_bytes_and_says_so() {
    let data = Bytes::from(vec![0; 4 << 20]);
    let frame =
        AudioFrame { codec: AudioCodec::Pcmu, time: 0, lost_before: 0, talkspurt: false, data };
    let mut tape = Tape::new(epoch());
    let recorded =
        (0..100).take_while(|_| tape.record(epoch(), Side::Heard, frame.clone()).is_ok()).count();
    assert!((15..=16).contains(&recorded) && tape.is_full());
    let mut tape = Tape::new(epoch());
    let small = AudioFrame { data: Bytes::new(), ..frame };
    tape.record(epoch() + Tape::MAX_LENGTH, Side::Said, small.clone()).unwrap();
    let late = epoch() + Tape::MAX_LENGTH + MS;
    assert_eq!(tape.record(late, Side::Said, small.clone()), Err(AudioError::TapeFull));
    assert_eq!(tape.record(epoch(), Side::Heard, small), Err(AudioError::TapeFull));
}

#[test]
fn odd_rates_are_refused() {
    for rate in [0, 50, 7_950, 11_025, 192_050, u32::MAX] {
        assert_eq!(Speaker::new(rate).err(), Some(AudioError::Rate(rate)));
        assert_eq!(Listener::new(rate).err(), Some(AudioError::Rate(rate)));
    }
}

#[test]
fn frames_of_any_length_are_heard_whole() {
    for (codec, ms) in [AudioCodec::Pcmu, AudioCodec::Pcma]
        .into_iter()
        .flat_map(|codec| [5, 10, 20, 30, 60, 120].map(|ms| (codec, ms)))
    {
        let mut decoder = AudioDecoder::new();
        let mut listener = Listener::new(16_000).unwrap();
        let (mut decoded, mut heard) = (0, 0);
        for n in 0..20 {
            let data = Bytes::from(g711::encode(codec, &vec![99; ms * 8]));
            let time = n * ms as u64 * 8;
            let frame = AudioFrame { codec, time, lost_before: 0, talkspurt: false, data };
            decoded += decoder.decode(&frame).unwrap().len();
            let now = epoch() + MS * (n * ms as u64) as u32;
            heard += listener.hear(now, &frame).unwrap().len();
        }
        assert_eq!((decoded, heard), (20 * ms * 48, 20 * ms * 16), "{codec:?} of {ms} ms");
    }
}

fn any_rate() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![8_000, 11_050, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_chunking_of_pcm_gives_the_same_frames(
        rate in any_rate(),
        codec in prop::sample::select(CODECS.to_vec()),
        cuts in prop::collection::vec(1_usize..3_000, 1..40),
    ) {
        let pcm = babble_at(rate, 20);
        let mut whole = speaker(rate, codec);
        whole.write(epoch(), &pcm).unwrap();
        whole.finish(epoch());
        let mut pieces = speaker(rate, codec);
        let mut rest = &pcm[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.write(epoch(), piece).unwrap();
            rest = after;
        }
        pieces.finish(epoch());
        prop_assert_eq!(said(&mut whole, epoch()), said(&mut pieces, epoch()));
    }

    #[test]
    fn any_loss_gives_pcm_of_the_right_length(
        rate in any_rate(),
        codec in prop::sample::select(CODECS.to_vec()),
        lost in prop::collection::vec(any::<bool>(), 1..60),
    ) {
        let mut encoder = AudioEncoder::new(codec).unwrap();
        let mut listener = Listener::new(rate).unwrap();
        let (mut heard, mut frames, mut missing) = (0_usize, 0, 0);
        for (n, lost) in lost.iter().enumerate() {
            let frame = encoder.encode(&[50; FRAME]).unwrap();
            if *lost && n > 0 {
                missing += 1;
                continue;
            }
            let frame = AudioFrame { lost_before: missing, ..frame };
            frames += 1 + missing as usize;
            missing = 0;
            let now = epoch() + 20 * MS * n as u32;
            heard += listener.hear(now, &frame).unwrap().len();
            let expected = frames * rate as usize / 50;
            prop_assert!(heard.abs_diff(expected) <= rate as usize / 50, "{} {}", heard, expected);
        }
    }

    #[test]
    fn resampling_keeps_the_length(from in any_rate(), to in any_rate(), length in 0_usize..50_000) {
        let pcm = vec![100; length];
        let exact = length as f64 * f64::from(to) / f64::from(from);
        let whole = resample(&pcm, from, to).unwrap().len() as f64;
        prop_assert!((whole - exact).abs() < 1.0, "{} {}", whole, exact);
        // A stream keeps less than 20 ms.
        let mut resampler = Resampler::new(from, to).unwrap();
        let streamed: usize = pcm.chunks(777).map(|c| resampler.push(c).unwrap().len()).sum();
        let kept = exact - streamed as f64;
        prop_assert!(kept > -1.0 && kept < f64::from(to) / 50.0 + 1.0, "{}", kept);
    }

    #[test]
    fn no_bytes_make_it_panic(
        frames in prop::collection::vec(
            (
                prop::sample::select(CODECS.to_vec()),
                any::<u64>(),
                any::<u32>(),
                prop::collection::vec(any::<u8>(), 0..200),
                0_u32..100,
            ),
            1..12,
        ),
        rate in any_rate(),
    ) {
        let mut listener = Listener::new(rate).unwrap();
        let mut decoder = AudioDecoder::new();
        let mut now = epoch();
        for (codec, time, lost_before, data, later) in frames {
            let data = Bytes::from(data);
            let frame = AudioFrame { codec, time, lost_before, talkspurt: false, data };
            now += later * MS;
            prop_assert!(listener.hear(now, &frame).is_ok());
            prop_assert!(listener.silence(now).is_ok());
            let _ = decoder.decode(&frame);
        }
    }
}
