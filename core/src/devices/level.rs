//! The level of a microphone, as it is told.

/// The quietest level that is told apart from silence, in dBFS.
const SILENCE: f32 = -127.0;
/// The part of the level before that stays in the next one.
const SMOOTHING: f32 = 0.4;

/// The level of a microphone, smoothed (MD-25).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    last: Option<f32>,
}

impl Meter {
    /// Takes a level in dBFS; returns the volume, 0 to 255.
    pub(super) fn take(&mut self, dbfs: f32) -> u8 {
        let heard = if dbfs.is_nan() { SILENCE } else { dbfs.clamp(SILENCE, 0.0) };
        let now = (heard - SILENCE) / -SILENCE * 255.0;
        let before = self.last.unwrap_or(now);
        let smooth = SMOOTHING * before + (1.0 - SMOOTHING) * now;
        self.last = Some(smooth);
        smooth.round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md_25_levels_are_scaled_and_smoothed() {
        for (dbfs, volume) in [
            (0.0, 255),
            (12.0, 255),
            (-127.0, 0),
            (-200.0, 0),
            (-63.5, 128),
            (f32::NAN, 0),
            (f32::NEG_INFINITY, 0),
        ] {
            assert_eq!(Meter::default().take(dbfs), volume, "{dbfs}");
        }
        let mut meter = Meter::default();
        let volumes = [-127.0, 0.0, 0.0, -127.0].map(|dbfs| meter.take(dbfs));
        assert_eq!(volumes, [0, 153, 214, 86]);
    }
}
