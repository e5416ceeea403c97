//! What agents and customers say: frames that are numbered, so that whoever hears one knows which
//! it is and whether it is what was said.
//!
//! At full fidelity a frame is real Opus: 20 ms of a melody, encoded once in a process. Its number
//! is in the packet's padding (RFC 6716 section 3.2.5), which decoders skip; the sound belongs to
//! the number, so that one with another's sound, or with a broken one, is noticed.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use offhook::audio::{FRAME, OpusEncoder, RATE};
use offhook::media::{AudioCodec, AudioFrame};

use super::Fidelity;

/// Different frames; who says more begins again.
const VOCABULARY: u64 = 100;
/// The number, in bytes.
const NUMBER: usize = 8;
/// Opus at 20 ms, alone in its packet: what a frame of the model's is said to be.
const MODEL: u8 = 0xf8;
/// One frame, of constant size, with padding (RFC 6716 section 3.2.5: M is 1, p is set).
const PADDED: u8 = 0x41;
/// "Code 3": the next byte says how many frames there are.
const CODE: u8 = 3;
/// Between two frames of a spurt.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// How real speech is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voice(pub(crate) Fidelity);

impl Voice {
    /// Frames of a talk spurt: the model takes one for all.
    pub(crate) const fn spurt(self) -> u32 {
        match self.0 {
            Fidelity::Signaling => 1,
            Fidelity::Full => 10,
        }
    }

    /// The frame of that number, said at that time; `first` of its spurt.
    pub(crate) fn frame(self, at: Duration, number: u64, first: bool) -> AudioFrame {
        let mut data = match self.0 {
            Fidelity::Signaling => vec![MODEL],
            Fidelity::Full => {
                let sound = sound(number);
                let mut data = vec![sound[0] | CODE, PADDED, NUMBER as u8];
                data.extend_from_slice(&sound[1..]);
                data
            }
        };
        data.extend_from_slice(&number.to_be_bytes());
        let time = (at.as_micros() * u128::from(RATE) / 1_000_000) as u64;
        AudioFrame {
            codec: AudioCodec::Opus,
            time,
            lost_before: 0,
            talkspurt: first,
            data: Bytes::from(data),
        }
    }
}

/// Which frame it is; none for one of somebody else's.
///
/// # Errors
///
/// It has the number of one and the sound of another.
pub(crate) fn frame_number(frame: &AudioFrame) -> Result<Option<u64>, String> {
    let Some((rest, number)) = frame.data.split_last_chunk::<NUMBER>() else { return Ok(None) };
    let number = u64::from_be_bytes(*number);
    match rest {
        [MODEL] => Ok(Some(number)),
        [toc, PADDED, padding, heard @ ..] if toc & CODE == CODE && *padding == NUMBER as u8 => {
            let said = sound(number);
            if *toc == said[0] | CODE && *heard == said[1..] {
                Ok(Some(number))
            } else {
                Err(format!("word {number} does not sound as it was said"))
            }
        }
        _ => Ok(None),
    }
}

/// The sound that belongs to a number: an Opus packet of one frame.
fn sound(number: u64) -> &'static [u8] {
    static SOUNDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let mut encoder = OpusEncoder::new().expect("the codec takes its own settings");
        let pcm = melody();
        let encode = |frame| encoder.encode(frame).expect("a frame of the codec's size");
        pcm.chunks_exact(FRAME).map(encode).collect()
    });
    &SOUNDS[(number % VOCABULARY) as usize]
}

/// A melody that never repeats itself: each 20 ms a tone of its own, with an overtone.
fn melody() -> Vec<i16> {
    let mut phase = 0.0_f64;
    (0..VOCABULARY as usize * FRAME)
        .map(|n| {
            let tone = 200.0 + 17.0 * (n / FRAME * 37 % VOCABULARY as usize) as f64;
            phase += tone / f64::from(RATE) * std::f64::consts::TAU;
            ((phase.sin() + 0.4 * (2.0 * phase).sin()) * 9_000.0) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use offhook::audio::{OpusDecoder, compare};

    use super::*;

    #[test]
    fn every_frame_is_opus_and_says_which_it_is() {
        let mut sounds = BTreeSet::new();
        let mut decoder = OpusDecoder::new().unwrap();
        let mut heard = Vec::new();
        for number in 0..VOCABULARY {
            let at = STEP * number as u32;
            let frame =
                Voice(Fidelity::Full).frame(at, (7 << 32) * VOCABULARY + number, number == 0);
            assert_eq!(frame.time, number * FRAME as u64);
            assert_eq!(frame_number(&frame), Ok(Some((7 << 32) * VOCABULARY + number)));
            heard.extend(decoder.decode(&frame.data).unwrap());
            sounds.insert(sound(number).to_vec());
        }
        assert_eq!(sounds.len() as u64, VOCABULARY, "each sounds differently");
        let likeness = compare::similarity(&melody(), &heard);
        assert!(likeness.correlation > 0.95, "{likeness:?}");
    }

    #[test]
    fn a_frame_with_the_sound_of_another_is_noticed() {
        let voice = Voice(Fidelity::Full);
        let frame = voice.frame(STEP, 5, false);
        for spoilt in 3..frame.data.len() {
            let mut data = frame.data.to_vec();
            data[spoilt] ^= 1;
            let frame = AudioFrame { data: data.into(), ..frame.clone() };
            assert!(frame_number(&frame).is_err(), "byte {spoilt}");
        }
    }

    #[test]
    fn the_models_frames_are_only_numbered() {
        let frame = Voice(Fidelity::Signaling).frame(STEP, 5, true);
        assert_eq!((frame_number(&frame), frame.data.len()), (Ok(Some(5)), 9));
        for foreign in [&b""[..], b"other", b"somebody else's frame"] {
            let frame = AudioFrame { data: Bytes::from_static(foreign), ..frame.clone() };
            assert_eq!(frame_number(&frame), Ok(None));
        }
    }
}
