//! Guesses about what nobody has seen of a real gateway. Each guess stands here
//! alone, with the row of the table in w8 that it is from (w8.19), so that what is seen one day changes one line.

use std::time::Duration;

use offhook::Rng;
use serde_json::{Value, json};

/// HTTP statuses of successes: what is made, what is changed or asked for, what is taken away
/// (w8.1).
pub(super) const MADE: u16 = 201;
pub(super) const DONE: u16 = 200;
pub(super) const GONE: u16 = 204;

/// The HTTP status of a refusal by its code (w8.2).
pub(super) const fn http_status(code: u16) -> u16 {
    match code {
        4 | 27 | 35 | 61 | 62 | 63 | 65 => 403,
        39 | 42 | 47 => 404,
        19 | 55 => 409,
        26 => 500,
        503 => 503,
        _ => 400,
    }
}

/// Milliseconds that an offerer is asked to wait after a 491 (w8.5, w8.6).
pub(super) fn retry_after(rng: &mut Rng) -> u64 {
    1000 + rng.next_u64() % 3001
}

/// The code of an offer that was refused because another is under way, and that of its refusal
/// (w8.6).
pub(super) const BUSY_WITH_OFFER: u16 = 49;
pub(super) const REQUEST_PENDING: u16 = 491;

/// The answer to a ping (w8.9).
pub(super) const PONG: &str = r#"{"message_type":"pong"}"#;
/// The code with which a socket that fell silent is closed, after so many missed pings (w8.10).
pub(super) const SILENT_CLOSE: u16 = 1001;
pub(super) const PING_MISSES: u32 = 3;

/// Audits missed before a call ends, their interval until one is known, and the code of the end
/// (w8.11).
pub(super) const AUDIT_MISSES: u32 = 3;
pub(super) const AUDIT_INTERVAL: Duration = Duration::from_secs(25);
pub(super) const AUDIT_END: (u16, &str) = (480, "Session audit failed");

/// The longest correlator, and its alphabet (w8.16).
pub(super) fn is_correlator(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// The time between the last word to an overridden or dead socket and its close (w8.17, w8.20),
/// and the code.
pub(super) const LAST_WORD: Duration = Duration::from_millis(50);
pub(super) const LAST_CLOSE: u16 = 1000;

/// Sessions of a user, where nothing else is said (w8.18).
pub(super) const MAX_SESSIONS: usize = 10;

/// The shortest and the longest life of a subscription in seconds (w8.19).
pub(super) const EXPIRES: (u64, u64) = (60, 86_400);

/// The activity of a user who is in a call (w8.38).
pub(super) const ON_THE_PHONE: &str = "on-the-phone";
/// The life time of an event subscription that says none, in seconds (w8.24).
pub(super) const EVENT_EXPIRES: u64 = 3600;

/// The counters of one kind of mail (w8.30).
pub(super) fn mail_counts() -> Value {
    json!({"newMessages": "0", "oldMessages": "0", "urgentNewMessages": "0"})
}

/// The key of a device's path in the answer to its registration (no row: w5.5 only says that there
/// is a path). The registration may be below the user's path or beside it.
pub(super) const DEVICE_PATH: &str = "registration";

/// The status of an upgrade whose token is not the user's (no row: w2.6 only says that there are such).
pub(super) const SOCKET_REFUSED: u16 = 401;
/// The code of a socket that another one of the same subscription replaced (no row: nobody says).
pub(super) const REPLACED_CLOSE: u16 = 1001;
/// The time that a client has to close its socket after it deleted the subscription; after that, the
/// deletion was somebody else's, and the client is told (w1.8, w8.20).
pub(super) const DELETED_GRACE: Duration = Duration::from_millis(500);
