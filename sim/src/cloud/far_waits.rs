//! Requests for what the client said to a far end, which wait until it says something.

use std::time::{Duration, Instant};

use offhook::machine::Wake;

use super::external::is_news;
use super::http::{Call, json as respond, not_found};
use super::{Cloud, RequestId};

/// Requests waiting at once; one more is answered at once.
const MAX_WAITING: usize = 256;
/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    call: String,
    after: Option<u64>,
    until: Instant,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct FarWaits {
    waiting: Vec<Waiting>,
}

impl FarWaits {
    pub(super) fn next_wake(&self) -> Option<Wake> {
        let at = self.waiting.iter().map(|waiting| waiting.until).min()?;
        Some(Wake { at, reason: "a far end's request's limit" })
    }
}

impl Cloud {
    /// What the client said, now or once it says something. None while it waits.
    pub(super) fn ask_far(
        &mut self,
        id: RequestId,
        call: &str,
        request: &Call<'_>,
    ) -> Option<http::Response<Vec<u8>>> {
        let Some(far) = self.calls.far_body(call) else { return Some(not_found()) };
        let number = |name| request.query(name).and_then(|value| value.parse::<u64>().ok());
        let after = number("after");
        let wait = Duration::from_millis(number("wait").unwrap_or_default()).min(MAX_WAIT);
        if wait.is_zero() || is_news(&far, after) || self.far_waits.waiting.len() >= MAX_WAITING {
            return Some(respond(200, &far));
        }
        let until = self.world.now + wait;
        self.far_waits.waiting.push(Waiting { id, call: call.to_owned(), after, until });
        None
    }

    /// Answers those who have waited long enough, or for something that has come.
    pub(super) fn answer_far_waits(&mut self) {
        for waiting in std::mem::take(&mut self.far_waits.waiting) {
            let far = self.calls.far_body(&waiting.call);
            let over = waiting.until <= self.world.now;
            match far {
                Some(far) if over || is_news(&far, waiting.after) => {
                    self.respond(waiting.id, respond(200, &far));
                }
                Some(_) => self.far_waits.waiting.push(waiting),
                None => self.respond(waiting.id, not_found()),
            }
        }
    }
}
