//! REST responses: the n-th answer that a client gets is a bad one.

use std::time::Duration;

use offhook::genesys::{CallControl, Command, Dial, Target};
use offhook::machine::WsEvent;

use crate::agent::{Agent, ring, talk, tells_a_secret};

/// One answer: at which request, how often, with which status, `Retry-After` and body.
///
/// The first byte is the number of the request, the second chooses the client's settings and how
/// many answers in a row it is, the third and fourth are the status. Then comes the value of
/// `Retry-After`, up to the first line break, and the body.
///
/// Whatever comes: the client is ready in the end, every command is answered, and nothing is left.
///
/// # Panics
///
/// One of these does not hold.
pub fn rest(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let [number, settings, high, low, rest @ ..] = data else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (retry_after, body) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let answer = Answer {
        first: usize::from(number % 48),
        times: if settings & 4 == 0 { 1 } else { 12 },
        status: 100 + u16::from_be_bytes([*high, *low]) % 500,
        retry_after: http::HeaderValue::from_bytes(retry_after).ok(),
        body,
    };
    // All uploads and the leader; a guest where asked for.
    let guest = if settings & 8 == 0 { 0 } else { 0b11 << 14 };
    let bits = u16::from(settings & 3) | 0b111_1100_0000 | guest;
    day(&mut Agent::new(bits), &answer);
}

struct Answer<'a> {
    first: usize,
    times: usize,
    status: u16,
    retry_after: Option<http::HeaderValue>,
    body: &'a [u8],
}

impl Answer<'_> {
    fn response(&self) -> http::Response<Vec<u8>> {
        let mut response = http::Response::new(self.body.to_vec());
        *response.status_mut() = http::StatusCode::from_u16(self.status).expect("a status");
        if let Some(value) = &self.retry_after {
            response.headers_mut().insert(http::header::RETRY_AFTER, value.clone());
        }
        response
    }

    /// Serves until nothing is asked; the answers whose turn it is are this one.
    fn serve(&self, agent: &mut Agent, answered: &mut usize) {
        for _ in 0..500 {
            if agent.asked.is_empty() {
                if !agent.serve_one() {
                    return;
                }
                continue;
            }
            let turn = (self.first..self.first + self.times).contains(answered);
            *answered += 1;
            if turn && let Some(asked) = agent.asked.pop_front() {
                agent.respond(asked.id, self.response());
            } else {
                agent.serve_one();
            }
        }
        panic!("a service that answers everything is asked without end");
    }
}

/// Takes a client through a day, in short.
fn day(agent: &mut Agent, answer: &Answer<'_>) {
    let mut answered = 0;
    let mut pass = |agent: &mut Agent, command: Option<Command>, seconds: u64| {
        if let Some(command) = command {
            agent.submit(command);
        }
        answer.serve(agent, &mut answered);
        for _ in 0..seconds {
            agent.wait(Duration::from_secs(1));
            answer.serve(agent, &mut answered);
        }
    };
    pass(agent, Some(Command::Connect), 5);
    let topic = "v2.users.u1.presence".to_owned();
    pass(agent, Some(Command::Subscribe { topic }), 2);
    pass(agent, Some(Command::StartSoftphoneSession(Dial::number("1"))), 0);
    if agent.is_ready() {
        ring(agent, "M1", "C1");
        pass(agent, Some(Command::RejectPendingSession { conversation: "C1".into() }), 1);
        talk(agent, "M2", "C2");
        let conversation = || "C2".into();
        let held = Command::SetConversationHeld { conversation: conversation(), held: true };
        pass(agent, Some(held), 1);
        let to = Target::Queue("q".to_owned());
        let control = CallControl::Transfer { to };
        pass(agent, Some(Command::ControlCall { conversation: conversation(), control }), 30);
        pass(agent, Some(Command::EndSession { conversation: conversation() }), 1);
        for command in [
            Command::FetchPresenceDefinitions,
            Command::FetchPresence,
            Command::SetPresence { presence: "p1".into() },
            Command::FetchVoicemail,
        ] {
            pass(agent, Some(command), 0);
        }
    }
    agent.socket_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    pass(agent, None, 30);
    agent.put_to_rest();
}
