//! An estimated mean opinion score.

use std::time::Duration;

/// Estimates how a call sounded, 1.0 (unusable) to 5.0 (perfect).
///
/// The service's own formula (behaviour notes ST-3), a simplified E-model (ITU-T G.107).
/// `latency` is one way, `loss` a share from 0.0 to 1.0.
///
/// ```
/// use std::time::Duration;
/// use offhook::report::mos;
///
/// let good = mos(Duration::from_millis(100), Duration::from_millis(2), 0.0);
/// assert!((good - 4.83).abs() < 0.01);
/// ```
#[must_use]
pub fn mos(latency: Duration, jitter: Duration, loss: f64) -> f64 {
    let effective_ms = latency.as_secs_f64() * 1000.0 + 2.0 * jitter.as_secs_f64() * 1000.0 + 10.0;
    let r = if effective_ms < 160.0 {
        93.2 - effective_ms / 40.0
    } else {
        93.2 - (effective_ms - 120.0) / 10.0
    };
    let r = r - 250.0 * loss;
    if r < 0.0 {
        return 1.0;
    }
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)) * 5.0 / 4.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_3_check_values() {
        let s = Duration::from_secs_f64;
        assert!((mos(s(0.1), s(0.002), 0.0) - 4.83).abs() < 0.01);
        assert!((mos(s(0.2), s(0.002), 0.0) - 4.62).abs() < 0.01);
        assert!((mos(s(1.0), s(0.09), 6.0) - 1.0).abs() < f64::EPSILON);
    }
}
