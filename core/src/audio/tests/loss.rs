//! Copies of lost frames, pauses that are left out, and who says so.

use super::*;
use crate::media::Agreement;
use crate::sdp::Direction;

#[test]
fn a_lost_frame_is_had_of_the_next_one_where_that_has_a_copy() {
    let source = babble(60);
    for (expected_loss, copies) in [(20, true), (0, false)] {
        let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
        encoder.set_expected_loss(expected_loss).unwrap();
        let mut listener = Listener::new(RATE).unwrap();
        let (mut heard, mut lost, mut with_copy) = (0, 0, 0);
        for (n, pcm) in source.chunks(FRAME).enumerate() {
            let mut frame = encoder.encode(pcm).unwrap();
            if n % 10 == 8 || n % 10 == 9 {
                lost += 1;
                continue;
            }
            assert!(copies || !has_fec(&frame.data));
            frame.lost_before = if n > 0 && n % 10 == 0 { 2 } else { 0 };
            // A pause is not worth one.
            with_copy += u64::from(frame.lost_before > 0 && has_fec(&frame.data));
            heard += listener.hear(epoch() + 20 * MS * n as u32, &frame).unwrap().len();
        }
        assert_eq!(heard, 58 * FRAME, "the last two were not missed yet");
        let counts = listener.counts();
        assert_eq!((counts.decoded, counts.concealed + counts.recovered), (48, lost - 2));
        assert_eq!((counts.recovered, counts.recovered > 2), (with_copy, copies), "{counts:?}");
    }
}

#[test]
fn of_a_long_loss_the_last_frame_is_the_copy_and_the_middle_is_silence() {
    let source = babble(60);
    let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
    let mut frames = source.chunks(FRAME).map(|pcm| encoder.encode(pcm).unwrap());
    let mut listener = Listener::new(RATE).unwrap();
    listener.hear(epoch(), &frames.next().unwrap()).unwrap();
    let mut next = frames.find(|frame| frame.time >= 40 * 960 && has_fec(&frame.data)).unwrap();
    let missing = next.time / 960 - 1;
    next.lost_before = missing as u32;
    let pcm = listener.hear(epoch() + 40 * 20 * MS, &next).unwrap();
    assert_eq!(pcm.len() as u64, (missing + 1) * 960);
    let counts = listener.counts();
    assert_eq!((counts.concealed, counts.recovered), (10, 1));
    assert!(pcm[20 * FRAME..21 * FRAME].iter().all(|sample| *sample == 0));
    // Where the gap is shorter than a frame, or nothing was lost, nothing is had of a copy.
    let before = listener.counts();
    let mut odd = next.clone();
    odd.time += 960 + 100;
    odd.lost_before = 1;
    assert_eq!(listener.hear(epoch() + 1_000 * MS, &odd).unwrap().len(), FRAME + 100);
    assert_eq!(listener.counts().recovered, before.recovered);
}

#[test]
fn rfc_7587_frames_of_a_pause_are_not_sent_and_a_talkspurt_begins_after_it() {
    let mut source = babble(50);
    // No digital silence, which is left out without a codec.
    source.extend((0..100 * FRAME).map(|n| (n as i64 * 7919 % 41 - 20) as i16));
    source.extend(babble(50));
    for dtx in [false, true] {
        let mut speaker = speaker(RATE, AudioCodec::Opus);
        speaker.set_dtx(dtx);
        speaker.write(epoch(), &source).unwrap();
        let said = said(&mut speaker, epoch());
        assert_eq!(said.len() < 140, dtx, "{}", said.len());
        assert!(said.iter().all(|(_, frame)| frame.data.len() > 2));
        let mut expected = 0;
        for (_, frame) in &said {
            assert_eq!(frame.talkspurt, frame.time == 0 || frame.time > expected);
            expected = frame.time + 960;
        }
        // Nothing of the time is missed by whoever hears it.
        let mut listener = Listener::new(RATE).unwrap();
        let heard: usize = said.iter().map(|(at, f)| listener.hear(*at, f).unwrap().len()).sum();
        assert_eq!(heard, 200 * FRAME);
        assert_eq!(listener.counts().decoded, said.len() as u64);
    }
    let mut encoder = AudioEncoder::new(AudioCodec::Opus).unwrap();
    encoder.set_dtx(true).unwrap();
    let frames: Vec<_> = source.chunks(FRAME).map(|pcm| encoder.encode(pcm).unwrap()).collect();
    let nothing = |frame: &AudioFrame| frame.data.len() <= 2;
    assert!(frames.iter().any(nothing));
    assert!(frames.windows(2).all(|w| w[1].talkspurt == (nothing(&w[0]) && !nothing(&w[1]))));
    assert!(frames[0].talkspurt);
}

/// Terms of Opus.
fn terms(expected_loss: u8, dtx: bool) -> Agreement {
    let codec = AudioCodec::Opus;
    let codecs = [codec].into_iter().collect();
    Agreement { direction: Direction::SendRecv, codec, codecs, keys: true, expected_loss, dtx }
}

#[test]
fn a_speaker_follows_the_terms_unless_the_application_has_its_own_way() {
    let mut source = babble(40);
    source.resize(100 * FRAME, 0);
    // The terms, what the application says, and whether copies and pauses are sent.
    for (asked, own_loss, own_dtx, copies, pauses) in [
        (terms(20, false), None, None, true, true),
        (terms(0, true), None, None, false, false),
        (terms(0, true), Some(20), Some(false), true, true),
        (terms(20, false), Some(0), Some(true), false, false),
    ] {
        let mut speaker = Speaker::new(RATE).unwrap();
        speaker.set_expected_loss(own_loss);
        speaker.set_dtx(own_dtx);
        speaker.follow(&asked);
        speaker.write(epoch(), &source).unwrap();
        let said = said(&mut speaker, epoch());
        assert_eq!(said.iter().any(|(_, frame)| has_fec(&frame.data)), copies, "{asked:?}");
        assert_eq!(said.len() == 100, pauses, "{asked:?}");
    }
}

#[test]
fn other_terms_count_from_the_next_frame_on_and_so_does_the_word_of_the_application() {
    let source = babble(120);
    let mut speaker = Speaker::new(RATE).unwrap();
    let mut copies = Vec::new();
    for (n, piece) in source.chunks(30 * FRAME).enumerate() {
        match n {
            0 => speaker.follow(&terms(0, false)),
            1 => speaker.follow(&terms(20, false)),
            2 => speaker.set_expected_loss(0),
            _ => speaker.set_expected_loss(None),
        }
        let now = epoch() + 600 * MS * n as u32;
        speaker.write(now, piece).unwrap();
        let said = said(&mut speaker, now);
        // The first one of a span may bring the copy that the last span had made.
        copies.push(said[1..].iter().any(|(_, frame)| has_fec(&frame.data)));
    }
    assert_eq!(copies, [false, true, false, true]);
}

proptest! {
    #[test]
    fn any_payload_can_be_asked_for_a_copy(
        packet in proptest::collection::vec(any::<u8>(), 0..40),
        samples in 0..7_000_usize,
    ) {
        let mut decoder = OpusDecoder::new().unwrap();
        if let Ok(pcm) = decoder.recover(&packet, samples) {
            prop_assert_eq!(pcm.len(), samples);
        }
        let has = has_fec(&packet);
        prop_assert!(!has || (packet.len() > 1 && packet[0] < 0x80));
    }
}
