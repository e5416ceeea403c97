//! Forms of devices, and the way between them and ours.

use std::ops::RangeInclusive;

use dasp_sample::{FromSample, Sample};
use proptest::prelude::*;

use crate::RATE;
use crate::form::{FromDevice, Offer, ToDevice};

/// A bluetooth headset's, a microphone's on Windows, and others'.
const RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 44_100, 96_000, 192_000];

/// A second of a tone of 500 Hz at half of what is loudest, at some rate.
fn tone(rate: u32) -> Vec<f32> {
    let wave = |n: u32| (f64::from(n) * 500.0 / f64::from(rate) * std::f64::consts::TAU).sin();
    (0..rate).map(|n| (wave(n) / 2.0) as f32).collect()
}

/// Sees that all of it but its beginning is that tone, whose sine it follows within a hundredth of it.
fn is_tone(pcm: &[f32], rate: u32) {
    let pcm = &pcm[pcm.len() / 10..];
    let part = |phase: f64| {
        let turn = |n: usize| n as f64 * 500.0 / f64::from(rate) * std::f64::consts::TAU + phase;
        let sum: f64 = pcm.iter().enumerate().map(|(n, s)| f64::from(*s) * turn(n).sin()).sum();
        2.0 * sum / pcm.len() as f64
    };
    let (sine, cosine) = (part(0.0), part(std::f64::consts::FRAC_PI_2));
    let loud = sine.hypot(cosine);
    assert!((loud - 0.5).abs() < 0.01, "{rate} Hz: {loud}");
    // Nothing else is in it: no step between two pieces, no alias.
    let all = pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / pcm.len() as f64;
    let rest = (all - loud * loud / 2.0).max(0.0).sqrt();
    assert!(rest < 0.005, "{rate} Hz: {rest} beside the tone");
}

fn floats(pcm: &[i16]) -> Vec<f32> {
    pcm.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

/// All that becomes of frames that come in callbacks of these lengths, in turn.
fn from_device<S: Copy>(rate: u32, channels: u16, frames: &[S], lengths: &[usize]) -> Vec<i16>
where
    f32: FromSample<S>,
{
    let mut way = FromDevice::new(rate, channels).unwrap();
    let (mut out, mut rest) = (Vec::new(), frames);
    for length in lengths.iter().cycle() {
        let (callback, more) = rest.split_at((length * usize::from(channels)).min(rest.len()));
        out.extend(way.take(callback));
        if more.is_empty() {
            break;
        }
        rest = more;
    }
    out
}

/// A second of a loudspeaker that asks in callbacks of these lengths, in turn.
fn to_device<S: Sample + FromSample<f32>>(
    rate: u32,
    channels: u16,
    pcm: &[i16],
    lengths: &[usize],
) -> Vec<S> {
    let mut way = ToDevice::new(rate, channels).unwrap();
    let mut pcm = pcm.iter().copied().chain(std::iter::repeat(0));
    let mut out = Vec::new();
    for length in lengths.iter().cycle() {
        let mut callback = vec![S::EQUILIBRIUM; length * usize::from(channels)];
        way.give(&mut callback, |next| next.fill_with(|| pcm.next().unwrap_or(0)));
        out.extend(callback);
        let whole = rate as usize * usize::from(channels);
        if out.len() >= whole {
            out.truncate(whole);
            return out;
        }
    }
    out
}

fn offer(rates: RangeInclusive<u32>, channels: u16, format: usize) -> Offer {
    Offer { rates, channels, format }
}

#[test]
fn the_nearest_rate_is_taken_then_few_channels_then_a_good_format() {
    let taken = |offers: &[Offer]| {
        let best = offers.iter().min_by_key(|offer| offer.rank()).unwrap();
        (best.rate(), best.channels, best.format)
    };
    assert_eq!(taken(&[offer(16_000..=16_000, 1, 0)]), (16_000, 1, 0));
    let both = [offer(44_100..=44_100, 1, 0), offer(8_000..=192_000, 2, 1)];
    assert_eq!(taken(&both), (RATE, 2, 1));
    let several = [offer(16_000..=44_100, 8, 0), offer(8_000..=24_000, 1, 0)];
    assert_eq!(taken(&several), (44_100, 8, 0));
    let around = [offer(47_000..=47_000, 1, 0), offer(49_000..=49_000, 2, 0)];
    assert_eq!(taken(&around), (49_000, 2, 0));
    let like = [offer(RATE..=RATE, 2, 0), offer(RATE..=RATE, 1, 1), offer(RATE..=RATE, 1, 2)];
    assert_eq!(taken(&like), (RATE, 1, 1));
}

#[test]
fn a_tone_is_the_same_at_every_rate_that_a_device_has() {
    for rate in RATES {
        let heard = from_device(rate, 1, &tone(rate), &[480]);
        let short = (RATE as usize).abs_diff(heard.len());
        assert!(short <= RATE as usize / 200 + 2, "{rate} Hz: {short} samples too few or too many");
        is_tone(&floats(&heard), RATE);
        let pcm: Vec<i16> = tone(RATE).iter().map(|sample| (sample * 32_768.0) as i16).collect();
        is_tone(&to_device::<f32>(rate, 1, &pcm, &[480]), rate);
    }
}

#[test]
fn what_a_device_cannot_play_is_left_out_and_does_not_come_back_as_something_else() {
    // 7 kHz would come back as 1 kHz at 8 kHz.
    let wave = |n: u32| (f64::from(n) * 7_000.0 / f64::from(RATE) * std::f64::consts::TAU).sin();
    let pcm: Vec<i16> = (0..RATE).map(|n| (wave(n) * 16_000.0) as i16).collect();
    let played = to_device::<f32>(8_000, 1, &pcm, &[160]);
    let loudest = played[800..].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    assert!(loudest < 0.001, "{loudest}");
}

#[test]
fn each_format_and_any_channels_are_taken_and_given() {
    fn goes<S: Sample + FromSample<f32> + PartialEq + std::fmt::Debug>()
    where
        f32: FromSample<S>,
    {
        for channels in [1, 2, 6] {
            for rate in [44_100, RATE] {
                let frame = |sample: f32| {
                    // A microphone's other channels may be empty.
                    let rest = std::iter::repeat_n(S::EQUILIBRIUM, usize::from(channels) - 1);
                    std::iter::once(S::from_sample_(sample)).chain(rest)
                };
                let frames: Vec<S> = tone(rate).into_iter().flat_map(frame).collect();
                let heard = from_device(rate, channels, &frames, &[441]);
                is_tone(&floats(&heard), RATE);
                let played = to_device::<S>(rate, channels, &heard, &[441]);
                let frames = played.chunks(usize::from(channels));
                assert!({ frames }.all(|frame| frame.iter().all(|sample| *sample == frame[0])));
                let first = played.iter().step_by(usize::from(channels));
                let first: Vec<f32> = first.map(|sample| f32::from_sample_(*sample)).collect();
                // Its end was not heard yet.
                is_tone(&first[..first.len() - rate as usize / 10], rate);
            }
        }
    }
    goes::<f32>();
    goes::<f64>();
    goes::<i32>();
    goes::<dasp_sample::I24>();
    goes::<i16>();
}

#[test]
fn at_our_rate_nothing_is_changed_and_nothing_waits() {
    let pcm: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    assert_eq!(from_device(RATE, 1, &pcm, &[1, 7, 480]), pcm);
    assert_eq!(to_device::<i16>(RATE, 1, &pcm, &[7, 480])[..pcm.len() / 2], pcm[..pcm.len() / 2]);
    assert!(FromDevice::new(RATE, 2).unwrap().delay().is_zero());
    assert!(ToDevice::new(RATE, 2).unwrap().delay().is_zero());
}

#[test]
fn another_rate_takes_few_milliseconds() {
    for rate in RATES {
        let ways =
            [FromDevice::new(rate, 1).unwrap().delay(), ToDevice::new(rate, 1).unwrap().delay()];
        assert!(ways.iter().all(|way| way.as_millis() <= 13), "{rate} Hz: {ways:?}");
        // It is as late as it says.
        let mut step = vec![0.0_f32; rate as usize / 10];
        step.resize(rate as usize / 5, 0.5);
        let heard = from_device(rate, 1, &step, &[rate as usize / 100]);
        let at = heard.iter().position(|sample| *sample > 8_192).unwrap();
        let late = (at as f64 - f64::from(RATE) / 10.0) / f64::from(RATE);
        let said = ways[0].as_secs_f64() - 0.005;
        assert!((late - said).abs() < 0.001, "{rate} Hz: {late} s, not {said} s");
    }
}

#[test]
fn what_is_too_loud_stays_the_loudest() {
    let loud = [4.0_f32, -4.0, 1.0, -1.0];
    assert_eq!(from_device(RATE, 1, &loud, &[4]), [i16::MAX, i16::MIN, i16::MAX, i16::MIN]);
    // A square wave, of which a filter makes peaks above it.
    let square: Vec<i16> = (0..RATE).map(|n| [i16::MAX, i16::MIN][n as usize / 48 % 2]).collect();
    let played = to_device::<f32>(44_100, 1, &square, &[441]);
    assert!(played.iter().all(|sample| (-1.0..1.0).contains(sample)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The lengths of callbacks change nothing of what is heard and played.
    #[test]
    fn callbacks_may_have_any_length(
        rate in prop::sample::select(&RATES[..]),
        lengths in prop::collection::vec(1_usize..2_000, 1..20),
    ) {
        let said = tone(rate);
        let at_once = [said.len()];
        prop_assert_eq!(from_device(rate, 1, &said, &lengths), from_device(rate, 1, &said, &at_once));
        let pcm: Vec<i16> = tone(RATE).iter().map(|sample| (sample * 32_768.0) as i16).collect();
        let played = to_device::<f32>(rate, 2, &pcm, &lengths);
        prop_assert_eq!(played, to_device::<f32>(rate, 2, &pcm, &[rate as usize]));
    }
}
