//! The speech of agents and customers: frames that are numbered, so that whoever hears one knows
//! which it is and whether it is what was said.
//!
//! At full fidelity a frame is real Opus or G.711, by what was agreed on: a piece of a melody, encoded
//! once in a process. Its number is at its end; with Opus in the packet's padding (RFC 6716 section 3.2.5), which decoders skip; the sound belongs to
//! the number, so that one with another's sound, or with a broken one, is noticed.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use offhook::audio::{FRAME, OpusEncoder, RATE};
use offhook::media::{AudioCodec, AudioFrame};

use super::Fidelity;
use crate::service::FarVoice;

/// Different frames; who says more begins again.
const VOCABULARY: u64 = 100;
/// The number, in bytes.
const NUMBER: usize = 8;
/// Opus at 20 ms, alone in its packet: what a frame of the model's is said to be.
const MODEL: u8 = 0xf8;
/// With padding (RFC 6716 section 3.2.5: p is set).
const PADDED: u8 = 0x40;
/// Frames of different sizes (v is set).
const VARY: u8 = 0x80;
/// The bits that tell the number of frames (M).
const COUNT: u8 = 0x3f;
/// "Code 3": the next byte says how many frames there are.
const CODE: u8 = 3;
/// Between two frames of a spurt.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// The speech of a world, as real as its fidelity wants.
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
    pub(crate) fn frame(
        self,
        at: Duration,
        number: u64,
        first: bool,
        codec: AudioCodec,
    ) -> AudioFrame {
        self.long_frame(at, number, first, codec, 20)
    }

    /// The frames that a far end says in that step of a spurt.
    pub(crate) fn step(
        self,
        at: Duration,
        nth: u32,
        far: FarVoice,
        mut number: impl FnMut() -> u64,
    ) -> Vec<AudioFrame> {
        let length = match (far.codec, far.ptime) {
            (AudioCodec::Opus, 40 | 60) => far.ptime,
            (AudioCodec::Opus, _) => 20,
            _ => far.ptime,
        };
        let begun = nth * 20;
        let frames = begun.div_ceil(length)..(begun + 20).div_ceil(length);
        let frame = |k: u32| {
            let later = Duration::from_millis(u64::from(k * length - begun));
            self.long_frame(at + later, number(), k == 0, far.codec, length)
        };
        frames.filter(|k| !far.pauses || k % 3 != 1).map(frame).collect()
    }

    fn long_frame(
        self,
        at: Duration,
        number: u64,
        first: bool,
        codec: AudioCodec,
        ms: u32,
    ) -> AudioFrame {
        let data = match (self.0, codec) {
            (Fidelity::Signaling, _) => [&[MODEL], &number.to_be_bytes()[..]].concat(),
            (Fidelity::Full, AudioCodec::Opus) => opus(number, ms as usize / 20),
            (Fidelity::Full, codec) => g711(codec, number, ms as usize * 8),
        };
        let rate = u128::from(codec.clock_rate());
        let time = (at.as_micros() * rate / 1_000_000) as u64;
        AudioFrame { codec, time, lost_before: 0, talkspurt: first, data: Bytes::from(data) }
    }
}

/// The number of a frame; none for one of somebody else's.
///
/// # Errors
///
/// It has the number of one and the sound of another.
pub(crate) fn frame_number(frame: &AudioFrame) -> Result<Option<u64>, String> {
    let Some((rest, number)) = frame.data.split_last_chunk::<NUMBER>() else { return Ok(None) };
    let number = u64::from_be_bytes(*number);
    let said = match (frame.codec, rest) {
        (_, [MODEL]) => return Ok(Some(number)),
        (AudioCodec::Opus, [toc, count, padding, ..])
            if toc & CODE == CODE && count & PADDED != 0 && *padding == NUMBER as u8 =>
        {
            opus(number, usize::from(count & COUNT))
        }
        (AudioCodec::Opus, _) => return Ok(None),
        (codec, _) => g711(codec, number, frame.data.len()),
    };
    if said == frame.data {
        Ok(Some(number))
    } else {
        Err(format!("word {number} does not sound as it was said"))
    }
}

/// A packet of so many frames of Opus.
fn opus(number: u64, frames: usize) -> Vec<u8> {
    let sounds: Vec<_> = (number..).take(frames.min(3)).map(sound).collect();
    let Some((last, others)) = sounds.split_last() else { return Vec::new() };
    let vary = if others.is_empty() { 0 } else { VARY };
    let mut data = vec![last[0] | CODE, PADDED | vary | sounds.len() as u8, NUMBER as u8];
    for sound in others {
        // RFC 6716 section 3.2.1.
        match sound.len() - 1 {
            short @ ..252 => data.push(short as u8),
            long => data.extend([252 + (long % 4) as u8, ((long - 252) / 4) as u8]),
        }
    }
    for sound in &sounds {
        data.extend_from_slice(&sound[1..]);
    }
    data.extend_from_slice(&number.to_be_bytes());
    data
}

/// Makes this many samples of G.711; the last ones are the number.
fn g711(codec: AudioCodec, number: u64, samples: usize) -> Vec<u8> {
    static SOUNDS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
        let pcm: Vec<_> = melody().into_iter().step_by(6).collect();
        [AudioCodec::Pcmu, AudioCodec::Pcma].map(|codec| offhook::audio::g711::encode(codec, &pcm))
    });
    let sounds = &SOUNDS[usize::from(codec == AudioCodec::Pcma)];
    let from = (number % VOCABULARY) as usize * 160;
    let mut data: Vec<_> =
        sounds.iter().cycle().skip(from).take(samples.saturating_sub(NUMBER)).copied().collect();
    data.extend_from_slice(&number.to_be_bytes());
    data
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
            let frame = Voice(Fidelity::Full).frame(
                at,
                (7 << 32) * VOCABULARY + number,
                number == 0,
                AudioCodec::Opus,
            );
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
        let frame = voice.frame(STEP, 5, false, AudioCodec::Opus);
        for spoilt in 3..frame.data.len() {
            let mut data = frame.data.to_vec();
            data[spoilt] ^= 1;
            let frame = AudioFrame { data: data.into(), ..frame.clone() };
            assert!(frame_number(&frame).is_err(), "byte {spoilt}");
        }
    }

    #[test]
    fn far_ends_speak_as_they_have_agreed() {
        let voice = Voice(Fidelity::Full);
        for (codec, ptime, pauses, said, length) in [
            (AudioCodec::Opus, 20, false, 10, 20),
            (AudioCodec::Opus, 60, false, 4, 60),
            (AudioCodec::Opus, 10, false, 10, 20),
            (AudioCodec::Pcmu, 10, false, 20, 10),
            (AudioCodec::Pcma, 30, false, 7, 30),
            (AudioCodec::Pcma, 60, true, 3, 60),
        ] {
            let far = FarVoice { codec, ptime, pauses, ..FarVoice::default() };
            let mut number = 98;
            let frames: Vec<_> = (0..10)
                .flat_map(|nth| {
                    voice.step(STEP * nth, nth, far, || {
                        number += 1;
                        number
                    })
                })
                .collect();
            assert_eq!(frames.len(), said, "{far:?}");
            let mut decoder = offhook::audio::AudioDecoder::new();
            let mut loud = 0;
            for (frame, number) in frames.iter().zip(99..) {
                assert_eq!(frame_number(frame), Ok(Some(number)), "{far:?}");
                assert_eq!(frame.time % u64::from(codec.clock_rate() * length / 1000), 0);
                let mut spoilt = frame.data.to_vec();
                spoilt[20] ^= 1;
                let spoilt = AudioFrame { data: spoilt.into(), ..frame.clone() };
                assert!(frame_number(&spoilt).is_err(), "{far:?}");
                if codec != AudioCodec::Opus || length == 20 {
                    let pcm = decoder.decode(frame).unwrap();
                    loud += pcm.iter().filter(|sample| sample.unsigned_abs() > 2_000).count();
                }
            }
            assert!(loud > 2_000 || (codec == AudioCodec::Opus && length != 20), "{far:?}");
        }
    }

    #[test]
    fn the_models_frames_are_only_numbered() {
        let frame = Voice(Fidelity::Signaling).frame(STEP, 5, true, AudioCodec::Opus);
        assert_eq!((frame_number(&frame), frame.data.len()), (Ok(Some(5)), 9));
        for foreign in [&b""[..], b"other", b"somebody else's frame"] {
            let frame = AudioFrame { data: Bytes::from_static(foreign), ..frame.clone() };
            assert_eq!(frame_number(&frame), Ok(None));
        }
    }
}
