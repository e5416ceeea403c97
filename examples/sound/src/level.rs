//! Loudness.

/// The level of silence, in dBFS: a 16-bit sample has no less but zero.
const SILENCE: f32 = -96.0;

/// The loudness of a stretch of sound, in decibels of full scale: 0 is the loudest there is, -96 silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The mean (RMS).
    pub rms: f32,
    /// The loudest sample.
    pub peak: f32,
}

impl Default for Level {
    fn default() -> Self {
        Self { rms: SILENCE, peak: SILENCE }
    }
}

impl Level {
    /// The level of these samples.
    #[must_use]
    pub fn of(pcm: &[i16]) -> Self {
        let energy: f64 = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let peak = pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        Self {
            rms: decibels((energy / pcm.len().max(1) as f64).sqrt()),
            peak: decibels(f64::from(peak)),
        }
    }
}

fn decibels(amplitude: f64) -> f32 {
    let full = f64::from(i16::MAX) + 1.0;
    ((amplitude / full).log10() * 20.0).max(f64::from(SILENCE)) as f32
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} dB (peak {:.0})", self.rms, self.peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_in_decibels_of_full_scale() {
        assert_eq!(Level::of(&[]), Level::default());
        assert_eq!(Level::of(&[0; 960]), Level::default());
        let half = Level::of(&[i16::MIN / 2; 960]);
        assert!((half.rms + 6.02).abs() < 0.01 && (half.peak + 6.02).abs() < 0.01, "{half:?}");
        let mut click = [0; 960];
        click[3] = i16::MIN;
        let click = Level::of(&click);
        assert!(click.peak.abs() < 0.01 && click.rms < -29.0, "{click:?}");
    }
}
