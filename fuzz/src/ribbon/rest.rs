//! REST answers: the n-th answer that a client gets is a bad one.

use std::time::Duration;

use offhook::machine::WsEvent;
use offhook::ribbon::{CallMedia, Command, MakeOptions, Service};

use super::desk::Desk;
use super::office::{description, leg};
use crate::agent::tells_a_secret;
use crate::service::fake_media;

/// Redirections in a row are followed so often (w1.4).
const MAX_REDIRECTS: usize = 5;

/// One answer: at which request, how often, with which status, headers and body.
///
/// The first byte is the number of the request, the second says how many answers in a row it is, and which
/// credentials the client has; the third and fourth are its settings, the fifth and sixth the status. Then come
/// `Retry-After`, `Location` and `Content-Type`, each up to a line break, and the body.
///
/// Whatever comes: credentials go to the gateway alone, every command is answered, the client is subscribed in the
/// end, a call can be placed, and nothing is left.
///
/// # Panics
///
/// One of these does not hold.
pub fn ribbon_rest(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let [number, times, bits @ ..] = data else { return };
    let [high, low, hundreds, status, rest @ ..] = bits else { return };
    let bits = u16::from_be_bytes([*high, *low]);
    let mut parts = rest.splitn(4, |byte| *byte == b'\n');
    let mut header = || http::HeaderValue::from_bytes(parts.next().unwrap_or_default()).ok();
    let (retry_after, location, content_type) = (header(), header(), header());
    let answer = Answer {
        first: usize::from(number % 48),
        times: [1, 2, MAX_REDIRECTS + 2, 40][usize::from(times % 4)],
        status: 100 + u16::from_be_bytes([*hundreds, *status]) % 500,
        headers: [
            ("retry-after", retry_after),
            ("location", location),
            ("content-type", content_type),
        ],
        body: parts.next().unwrap_or_default(),
        answered: 0,
    };
    let mut desk = Desk::new(bits, fake_media());
    desk.spoilt = true;
    day(&mut desk, bits, answer);
    desk.put_to_rest(bits);
}

struct Answer<'a> {
    first: usize,
    times: usize,
    status: u16,
    headers: [(&'static str, Option<http::HeaderValue>); 3],
    body: &'a [u8],
    answered: usize,
}

impl Answer<'_> {
    fn response(&self) -> http::Response<Vec<u8>> {
        let mut response = http::Response::new(self.body.to_vec());
        *response.status_mut() = http::StatusCode::from_u16(self.status).expect("a status");
        for (name, value) in &self.headers {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                response.headers_mut().insert(*name, value.clone());
            }
        }
        response
    }

    /// Serves until nothing is asked; the answers whose turn it is are this one.
    fn serve(&mut self, desk: &mut Desk) {
        for _ in 0..1_000 {
            let Some(asked) = desk.asked.pop_front() else {
                if desk.serve_one() {
                    continue;
                }
                return;
            };
            let turn = (self.first..self.first + self.times).contains(&self.answered);
            self.answered += 1;
            if turn {
                desk.respond(asked.id, self.response());
            } else {
                desk.answer(&asked);
            }
        }
        panic!("a gateway that answers everything is asked without end");
    }

    /// Time passes, second by second.
    fn pass(&mut self, desk: &mut Desk, seconds: u32) {
        self.serve(desk);
        for _ in 0..seconds {
            desk.wait(Duration::from_secs(1));
            self.serve(desk);
        }
    }
}

/// Takes a client through a day, in short: each kind of request is made.
fn day(desk: &mut Desk, bits: u16, mut answer: Answer<'_>) {
    desk.log_in(bits);
    answer.pass(desk, 3);
    desk.submit(Command::Subscribe { services: vec![Service::Custom], correlator: None });
    answer.pass(desk, 1);
    for session in ["R1", "R2", "R3"] {
        if desk.is_up() {
            desk.notify("call", leg(session, Some(&description("actpass", "sendrecv"))));
        }
    }
    answer.pass(desk, 1);
    let ringing = desk.ledger.live();
    let to = || "carol".to_owned();
    let (media, options) = (CallMedia::AUDIO, MakeOptions::default());
    for (n, call) in ringing.into_iter().enumerate() {
        desk.submit(Command::SendRingingFeedback { call: call.clone() });
        answer.pass(desk, 0);
        desk.submit(match n {
            0 => Command::Reject { call },
            1 => Command::Forward { call, to: to() },
            _ => Command::Answer { call, media, options: Default::default() },
        });
        answer.pass(desk, 1);
    }
    desk.submit(Command::Make { to: to(), media, options });
    answer.pass(desk, 1);
    let mut calls = desk.ledger.live().into_iter();
    if let Some(call) = calls.next() {
        let id = || call.clone();
        desk.submit(Command::Resync { call: id() });
        desk.submit(Command::Hold { call: id() });
        answer.pass(desk, 1);
        desk.submit(Command::DirectTransfer { call: id(), to: to() });
        answer.pass(desk, 1);
        desk.submit(Command::RestartMedia { call: id() });
        answer.pass(desk, 5);
        // An audit or two.
        answer.pass(desk, 30);
        desk.submit(Command::End { call });
        answer.pass(desk, 0);
    }
    desk.submit(Command::Unsubscribe { services: vec![Service::Im] });
    answer.pass(desk, 1);
    desk.socket_event(WsEvent::Closed { code: Some(1006), reason: "reset".to_owned() });
    answer.pass(desk, 20);
}
