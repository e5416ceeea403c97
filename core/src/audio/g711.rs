//! G.711 (ITU-T G.711): 8 kHz speech in 8 bits a sample.

use crate::media::AudioCodec;

const BIAS: i32 = 0x84;
const CLIP: i32 = 32_635;

/// Encodes samples at 8 kHz, one byte each; µ-law unless A-law is asked for.
#[must_use]
pub fn encode(codec: AudioCodec, pcm: &[i16]) -> Vec<u8> {
    match codec {
        AudioCodec::Pcma => pcm.iter().map(|s| a_law(*s)).collect(),
        AudioCodec::Pcmu | AudioCodec::Opus => pcm.iter().map(|s| mu_law(*s)).collect(),
    }
}

/// Decodes bytes to samples at 8 kHz; µ-law unless A-law is asked for.
#[must_use]
pub fn decode(codec: AudioCodec, data: &[u8]) -> Vec<i16> {
    match codec {
        AudioCodec::Pcma => data.iter().map(|b| from_a_law(*b)).collect(),
        AudioCodec::Pcmu | AudioCodec::Opus => data.iter().map(|b| from_mu_law(*b)).collect(),
    }
}

/// One sample in µ-law.
#[must_use]
pub fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let segment = 24 - magnitude.leading_zeros() as i32;
    let step = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment << 4) as u8 | step as u8)
}

/// One sample from µ-law.
#[must_use]
pub fn from_mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let segment = (byte >> 4) & 7;
    let magnitude = ((i32::from(byte & 0x0f) << 3) + BIAS) << segment;
    let sample = magnitude - BIAS;
    (if byte & 0x80 == 0 { sample } else { -sample }) as i16
}

/// One sample in A-law.
#[must_use]
pub fn a_law(sample: i16) -> u8 {
    let (sign, magnitude) =
        if sample < 0 { (0, !i32::from(sample)) } else { (0x80, i32::from(sample)) };
    let magnitude = magnitude >> 4;
    let byte = if magnitude < 16 {
        magnitude
    } else {
        let segment = 28 - magnitude.leading_zeros() as i32;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
    };
    (byte as u8 | sign) ^ 0x55
}

/// One sample from A-law.
#[must_use]
pub fn from_a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let segment = (byte >> 4) & 7;
    let step = i32::from(byte & 0x0f);
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    (if byte & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_a_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(a_law(from_a_law(byte)), byte, "A-law {byte:#x}");
            // µ-law has two zeros; the negative one becomes the positive.
            let expected = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(mu_law(from_mu_law(byte)), expected, "µ-law {byte:#x}");
        }
    }

    #[test]
    fn itu_known_values() {
        assert_eq!((mu_law(0), from_mu_law(0xff)), (0xff, 0));
        assert_eq!((from_mu_law(0x80), from_mu_law(0x00)), (32_124, -32_124));
        assert_eq!((a_law(0), from_a_law(0xd5)), (0xd5, 8));
        assert_eq!((from_a_law(0xaa), from_a_law(0x2a)), (32_256, -32_256));
        assert_eq!((mu_law(i16::MIN), mu_law(i16::MAX)), (0x00, 0x80));
        assert_eq!((a_law(i16::MIN), a_law(i16::MAX)), (0x2a, 0xaa));
    }

    #[test]
    fn the_error_is_within_half_a_step() {
        for sample in (-32_000..32_000).step_by(7) {
            let limit = 16 + i32::from(sample as i16).abs() / 16;
            for back in [from_mu_law(mu_law(sample as i16)), from_a_law(a_law(sample as i16))] {
                assert!((i32::from(back) - sample).abs() <= limit, "{sample} became {back}");
            }
        }
    }
}
