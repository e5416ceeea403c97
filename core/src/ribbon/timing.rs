//! Times and limits that are no settings: the SDK's constants, and ours where it has none.

use std::time::Duration;

use super::config::Connectivity;
use crate::machine::Rng;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// The least time between two renewals of a subscription, before the random part (w2.4).
const LEAST_RENEWAL: Duration = s(30);
/// The least time that an attempt to open the socket is given (w2.6).
const LEAST_ATTEMPT: Duration = s(2);
/// The longest time that the gateway can ask for (`ribbon-api`, RA-098).
pub(crate) const MAX_RETRY_AFTER: Duration = s(3600);
/// The time for the end of everything when a client is destroyed (w7.1).
pub(crate) const DESTROY_LIMIT: Duration = s(5);
/// The time after which a call that is ended is over for the user (w4.8).
pub(crate) const END_LIMIT: Duration = s(1);
/// The time within which the end is told again, after the network failed (w4.8).
pub(crate) const END_AGAIN_WITHIN: Duration = s(60);
/// The time for the far side's answer, beside that for the request (w4.0.4).
pub(crate) const ANSWER_GRACE: Duration = s(15);
/// The time that a far side that never answers counts as having asked for (w4.0.4).
pub(crate) const NO_ANSWER_RETRY: Duration = s(10);
/// The time that an offer of the far side waits for another to be done (w4.0.4, RP-2).
pub(crate) const OFFER_WAIT: Duration = s(3);
/// The time that a restart of media waits for the socket (w4.9).
pub(crate) const SOCKET_WAIT: Duration = s(60);
/// The time for a transfer or a join beside that for the request (`ribbon-api`, RA-030).
pub(crate) const TRANSFER_GRACE: Duration = s(60);
/// The time after which a path that is lost has failed (w4.19).
pub(crate) const DISCONNECTED_LIMIT: Duration = s(10);
/// The times for which events of an unknown session are kept: after the reply (`ribbon-design` 2).
pub(crate) const EARLY_EVENTS_KEPT: Duration = s(5);
/// The time for which a key is pressed, and between two (w4.18).
pub(crate) const TONE: Duration = ms(100);
/// The time between two keys (w4.18).
pub(crate) const TONE_GAP: Duration = ms(70);
/// The pause that a comma stands for (RA-038).
pub(crate) const TONE_PAUSE: Duration = s(2);
/// The time for the other process of a proxy (w5.5).
pub(crate) const PROXY_LIMIT: Duration = s(12);
/// The time for the application to tell its devices (RA-072).
pub(crate) const DEVICES_LIMIT: Duration = s(60);
/// The time without media after which a remote source is muted (RE-036).
pub(crate) const SOURCE_SILENCE: Duration = s(2);

/// The time until a subscription is renewed (w2.4): half of what it lasts, half of that after each failure,
/// and a fifth more or less, so that many clients do not ask at once. The first attempt is 1.
pub(crate) fn renewal(expires: Duration, attempt: u32, rng: &mut Rng) -> Duration {
    let halves = 2_u32.saturating_pow(attempt.clamp(1, 31));
    let base = (expires / halves).max(LEAST_RENEWAL);
    base.mul_f64(between(rng, 0.8, 1.2))
}

/// The time from the start of the `k`th attempt to open the socket to the start of the next (w2.6). The
/// first is 1.
pub(crate) fn reconnect_gap(connectivity: &Connectivity, k: u32) -> Duration {
    let first = connectivity.reconnect_delay.max(LEAST_ATTEMPT).as_secs_f64();
    let exponent = i32::try_from(k.saturating_sub(1)).unwrap_or(i32::MAX);
    let gap = first * connectivity.reconnect_multiplier.powi(exponent);
    let limit = connectivity.reconnect_time_limit;
    if gap < limit.as_secs_f64() { Duration::from_secs_f64(gap) } else { limit }
}

/// The time after which the `k`th attempt is given up (w2.6).
pub(crate) fn attempt_limit(connectivity: &Connectivity, k: u32) -> Duration {
    let first = connectivity.reconnect_delay.max(LEAST_ATTEMPT);
    reconnect_gap(connectivity, k).min(first)
}

/// The time after which a sign of life of a call that failed is given again (w4.17).
pub(crate) fn audit_retry(interval: Duration) -> Duration {
    interval.mul_f64(0.45).min(s(5))
}

/// The time after which an operation that met one of the far side's is done again (RP-4; RFC 3261 section
/// 14.1): the caller's side waits longer, so that they do not meet again.
pub(crate) fn glare_pause(caller: bool, rng: &mut Rng) -> Duration {
    let (from, to) = if caller { (2.1, 4.0) } else { (0.0, 2.0) };
    Duration::from_secs_f64(between(rng, from, to))
}

/// A number from one on, and below another.
fn between(rng: &mut Rng, from: f64, to: f64) -> f64 {
    // 53 bits are all that a number of this kind can tell apart.
    let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    from + share * (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Seed;

    #[test]
    fn w2_4_a_subscription_is_renewed_at_half_its_time_and_sooner_after_failures() {
        let mut rng = Seed::from(1).rng();
        for (expires, attempt, low, high) in [
            (3600, 1, 1440, 2160),
            (3600, 2, 720, 1080),
            (3600, 6, 45, 68),
            (3600, 7, 24, 36),
            (3600, u32::MAX, 24, 36),
            (60, 1, 24, 36),
            (86400, 0, 34560, 51840),
        ] {
            let times: Vec<_> = (0..200).map(|_| renewal(s(expires), attempt, &mut rng)).collect();
            assert!(times.iter().all(|time| (s(low)..s(high)).contains(time)), "{times:?}");
            assert!(times.iter().max() != times.iter().min());
        }
    }

    #[test]
    fn w2_6_attempts_start_at_gaps_that_grow_to_their_limit() {
        let starts = |connectivity: &Connectivity| {
            let gaps = (1..5).map(|k| reconnect_gap(connectivity, k));
            let ends = gaps.scan(Duration::ZERO, |at, gap| {
                *at += gap;
                Some(at.as_secs())
            });
            ends.collect::<Vec<_>>()
        };
        let plain = Connectivity::default();
        assert_eq!(starts(&plain), [5, 10, 15, 20]);
        let growing = plain.clone().reconnect_delay(s(2)).reconnect_multiplier(3.0);
        assert_eq!(starts(&growing), [2, 8, 26, 80]);
        assert_eq!((attempt_limit(&growing, 1), attempt_limit(&growing, 4)), (s(2), s(2)));
        let limited = growing.reconnect_time_limit(s(7));
        assert_eq!(starts(&limited), [2, 8, 15, 22]);
        assert_eq!(reconnect_gap(&limited, u32::MAX), s(7));
    }

    #[test]
    fn rp_4_w4_17_pauses_before_something_is_done_again() {
        let mut rng = Seed::from(2).rng();
        for _ in 0..200 {
            assert!((ms(2100)..ms(4000)).contains(&glare_pause(true, &mut rng)));
            assert!(glare_pause(false, &mut rng) < s(2));
        }
        assert_eq!((audit_retry(s(10)), audit_retry(s(25))), (ms(4500), s(5)));
    }
}
