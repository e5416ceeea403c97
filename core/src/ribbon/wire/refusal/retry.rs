//! The time that a gateway wants to be left alone (w2.5; RFC 9110 section 10.2.3).

use std::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time of a header: seconds, or a date that ends in ` GMT`. How far off a date is tells the
/// response's own date, or else `now` in milliseconds since 1970.
pub(crate) fn retry_after(headers: &HeaderMap, now: Option<u64>) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = unix(wanted)?;
    let now = text(DATE).and_then(unix).or_else(|| now.map(|now| now / 1000))?;
    Some(Duration::from_secs(at.saturating_sub(now)))
}

/// The seconds since 1970 of a date of HTTP (RFC 9110 section 5.6.7), in the form that is to be written.
fn unix(date: &str) -> Option<u64> {
    let (_, rest) = date.strip_suffix(" GMT")?.split_once(", ")?;
    let mut words = rest.split(' ');
    let mut word = || words.next();
    let (day, month, year) = (word()?, word()?, word()?);
    let time = word()?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = time::Month::try_from(u8::try_from(month).ok()? + 1).ok()?;
    let date = time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut parts = time.split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // A leap second is the one before it.
    let at = date.with_hms(hour, minute, second.min(59)).ok()?.assume_utc();
    at.unix_timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9110_5_6_7_dates() {
        assert_eq!(unix("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(unix("Thu, 01 Jan 1970 00:00:60 GMT"), Some(59));
        for odd in ["", "GMT", "Sun, 06 Nov 1994 08:49:37", "x, 31 Feb 2026 00:00:00 GMT", "x, GMT"]
        {
            assert_eq!(unix(odd), None, "{odd}");
        }
    }
}
