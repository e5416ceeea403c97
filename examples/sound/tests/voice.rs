//! Voices without the rest: recorded speech, no device.

use offhook::audio::wav;
use offhook_sound::{BLOCK, Processor as _, RATE, Voice, VoiceOptions};

const OFF: VoiceOptions = VoiceOptions { echo: false, noise: false, gain: false };

/// The far end's voice and ours, both ten seconds or more.
fn voices() -> (Vec<i16>, Vec<i16>) {
    let read = |wav: &[u8]| {
        let pcm = wav::read(wav).unwrap();
        pcm.repeat(2)
    };
    (read(include_bytes!("../../data/customer.wav")), read(include_bytes!("../../data/agent.wav")))
}

/// The loudness in decibels of full scale.
fn decibels(pcm: &[i16]) -> f64 {
    let energy: f64 = pcm.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
    10.0 * (energy / pcm.len() as f64).max(1e-12).log10()
}

fn by(pcm: &[i16], gain: f64) -> Vec<i16> {
    let factor = 10_f64.powf(gain / 20.0);
    pcm.iter().map(|sample| (f64::from(*sample) * factor) as i16).collect()
}

fn later(pcm: &[i16], milliseconds: usize) -> Vec<i16> {
    let mut late = vec![0; milliseconds * RATE as usize / 1000];
    late.extend(pcm);
    late.truncate(pcm.len());
    late
}

fn mixed(one: &[i16], other: &[i16]) -> Vec<i16> {
    one.iter().zip(other).map(|(one, other)| one.saturating_add(*other)).collect()
}

/// The voice that goes to the far end, of what is played and what the microphone hears.
fn process(options: VoiceOptions, played: &[i16], heard: &[i16]) -> Vec<i16> {
    let mut voice = Voice::new(options);
    let mut out = Vec::new();
    for (played, heard) in played.as_chunks::<BLOCK>().0.iter().zip(heard.as_chunks().0) {
        voice.render(played);
        let mut block = *heard;
        voice.capture(&mut block);
        out.extend(block);
    }
    out
}

/// The part after four seconds, in which it may learn.
fn learned(pcm: &[i16]) -> &[i16] {
    &pcm[4 * RATE as usize..]
}

#[test]
fn the_far_ends_own_voice_is_taken_out() {
    let (far, near) = voices();
    let echo = later(&by(&far, -10.0), 90);
    for options in [
        VoiceOptions { echo: true, ..OFF },
        VoiceOptions { gain: false, ..VoiceOptions::default() },
    ] {
        let out = process(options, &far, &echo);
        let (before, after) = (decibels(learned(&echo)), decibels(learned(&out)));
        println!("{options}: echo at {before:.1} dB, {after:.1} dB of it are left");
        assert!(before - after >= 25.0, "{options}: {before:.1} dB, {after:.1} dB");
    }
    // Both talk: ours is left.
    let out = process(VoiceOptions { echo: true, ..OFF }, &far, &mixed(&echo, &near));
    let loss = decibels(learned(&near)) - decibels(learned(&out));
    assert!(loss.abs() < 6.0, "{loss:.1} dB of our voice are lost");
}

#[test]
fn steady_noise_is_made_quieter_and_speech_is_not() {
    let (_, near) = voices();
    let mut state = 1_u32;
    let noise: Vec<i16> = (0..near.len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 160
        })
        .collect();
    let only = VoiceOptions { noise: true, ..OFF };
    let silence = vec![0; near.len()];
    let out = process(only, &silence, &noise);
    let quieter = decibels(learned(&noise)) - decibels(learned(&out));
    assert!(quieter >= 10.0, "noise is {quieter:.1} dB quieter");
    let out = process(only, &silence, &near);
    let loss = decibels(learned(&near)) - decibels(learned(&out));
    assert!(loss.abs() < 2.0, "speech lost {loss:.1} dB");
}

#[test]
fn who_speaks_softly_is_made_louder() {
    let (_, near) = voices();
    let soft = by(&near, -20.0);
    let silence = vec![0; near.len()];
    let out = process(VoiceOptions { gain: true, ..OFF }, &silence, &soft);
    let louder = decibels(learned(&out)) - decibels(learned(&soft));
    assert!(louder >= 6.0, "{louder:.1} dB");
}

#[test]
fn switched_off_nothing_is_done() {
    let (far, near) = voices();
    assert_eq!(process(OFF, &far, &near), near[..near.len() / BLOCK * BLOCK]);
    assert!(OFF.is_off());
}
