//! The whole client in a hostile world: a script of everything that can happen to it.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use offhook::machine::{Input, NetError, NetErrorKind, TrackId, WsEvent};
use offhook::media::{AudioCodec, AudioFrame, Digit};
use offhook::ribbon::{
    AnswerOptions, CallId, CallMedia, Command, ConfigPatch, ConnectivityPatch, Credentials,
    CustomParameter, MakeOptions, NoticeChannel, Service,
};
use serde_json::{Value, json};

use super::desk::Desk;
use super::office::{USER, description, leg, notification};
use crate::agent::{response, tells_a_secret};
use crate::cloud::Twist;
use crate::service::{TOKEN, fake_media, word};
use crate::watch::Watch;

/// Bit 8 of the settings: every message is told.
const TRACED: u16 = 1 << 8;
/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 120;

const KINDS: [&str; 16] = [
    "call",
    "ringing",
    "sessionProgress",
    "respondCallUpdate",
    "startCallUpdate",
    "callEnd",
    "callCancel",
    "sessionComplete",
    "sessionFail",
    "IM",
    "presenceWatcher",
    "mwi",
    "event:dialog",
    "gone",
    "websocketOverridden",
    "trying",
];
/// The first of them are about calls.
const LEGS: usize = 9;
/// Sessions: of calls that we place, and that come.
const SESSIONS: [&str; 8] = ["S1", "S2", "S3", "R1", "R2", "R3", "S4", ""];
/// Status codes of the gateway's, as numbers or as text.
const CODES: [u16; 16] = [0, 4, 26, 27, 35, 37, 39, 42, 47, 49, 55, 62, 65, 491, 503, 1004];
const STATUSES: [u16; 16] =
    [200, 201, 202, 204, 400, 401, 403, 404, 409, 429, 500, 502, 503, 100, 304, 299];
/// Places that a redirection leads to.
const PLACES: [&str; 8] = [
    "https://gw.test:443/rest/version/1/user/alice@example.com/subscription",
    "https://evil.test/rest",
    "http://gw.test:443/rest",
    "https://gw.test:8443/rest",
    "/elsewhere",
    "//evil.test/x",
    "https://gw.test@evil.test/",
    "\u{7f}:",
];

/// The end of an HTTP request.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Answer {
    Good,
    Refused {
        status: u8,
        code: u8,
        top: bool,
    },
    /// A status that asks for patience, in milliseconds.
    Later(u16),
    Elsewhere {
        status: u8,
        place: u8,
    },
    /// A good answer with one byte changed.
    Twisted(u16, u8),
    NoJson,
    Lost(u8),
    /// After the answer, the same again.
    Twice,
}

#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Notice { kind: u8, session: u8, sdp: u8, code: u8, again: bool, push: bool, twist: Twist },
    Command { which: u8, call: u8, flag: bool },
    Http { which: u8, answer: Answer },
    Socket { which: u8 },
    Media { which: u8, word: u8 },
    MediaSockets { good: bool },
    Speak { call: u8, good: bool },
    Serve(u8),
    Ring(u8),
    Talk,
    PickUp(u8),
    Wait(u16),
    WaitServed(u16),
    Sleep(u16),
    Text(String),
}

/// A client with settings by the first two bytes; then a script.
///
/// Whatever happens, in whatever order: every command is answered once, calls go through their states as the table has
/// it and nothing is told of one that is over, operations and tracks begin before they end, the client neither spins nor
/// floods, remembers only so much, shows no secret and sends none elsewhere; with a good gateway it is subscribed again,
/// a call can be placed, and in the end nothing is left.
///
/// # Panics
///
/// One of these does not hold.
pub fn ribbon_client(data: &[u8], watch: Watch) {
    if tells_a_secret(data) {
        return;
    }
    let mut script = Unstructured::new(data);
    let Ok(bits) = u16::arbitrary(&mut script) else { return };
    let watched = watch.is_on(data);
    let settings = if watched { bits } else { bits & !TRACED };
    let mut desk = Desk::new(settings, fake_media());
    if !watched {
        desk = desk.unwatched();
    }
    desk.log_in(settings);
    desk.serve();
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        play(&mut desk, &step);
    }
    desk.put_to_rest(settings);
}

fn pick<T: Copy>(list: &[T], which: u8) -> T {
    list[usize::from(which) % list.len()]
}

fn play(desk: &mut Desk, step: &Step) {
    let millis = |ms: &u16| Duration::from_millis(u64::from(*ms));
    match step {
        Step::Notice { kind, session, sdp, code, again, push, twist } => {
            let session = pick(&SESSIONS, *session);
            let message = message(session, *sdp, *code);
            // A message that nobody here reads is the application's as it is.
            desk.spoilt |= twist.is_some() || usize::from(*kind) % KINDS.len() >= LEGS;
            let id = (!again).then(|| desk.notice_id());
            let text = twist.of(&notification(pick(&KINDS, *kind), id, message));
            if *push {
                let channel = NoticeChannel::Push;
                desk.submit(Command::ProcessNotification { message: text, channel });
            } else {
                desk.text(text);
            }
        }
        Step::Command { which, call, flag } => {
            let named = desk.ledger.nth(*call).unwrap_or_else(|| "none".into());
            let other = desk.ledger.nth(call.wrapping_add(1)).unwrap_or_else(|| "none".into());
            desk.submit(command(*which, named, other, *flag));
        }
        Step::Http { which, answer } => http(desk, *which, *answer),
        Step::Socket { which } => socket(desk, *which),
        Step::Media { which, word: byte } => desk.datagram(*which, word(*byte)),
        Step::MediaSockets { good } => desk.open_udp(*good),
        Step::Speak { call, good } => {
            let call = desk.ledger.nth(*call).and_then(|call| desk.client.call(&call));
            if let Some(media) = call.and_then(|call| call.media) {
                let codec = if *good { AudioCodec::Opus } else { AudioCodec::Pcmu };
                let data = Bytes::from_static(b"near");
                let frame = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: false, data };
                desk.input(Input::Frame { track: TrackId::audio(media), frame: frame.into() });
            }
        }
        Step::Serve(times) => {
            for _ in 0..*times {
                if !desk.serve_one() {
                    break;
                }
            }
        }
        Step::Ring(session) => drop(desk.ring(pick(&SESSIONS, *session))),
        Step::Talk => drop(desk.talk()),
        Step::PickUp(call) => {
            if let Some(call) = desk.ledger.nth(*call) {
                desk.pick_up(call);
            }
        }
        Step::Wait(ms) => desk.wait(millis(ms)),
        Step::WaitServed(ms) => desk.wait_served(millis(ms)),
        Step::Sleep(s) => desk.sleep(millis(s) * 100),
        Step::Text(text) => desk.text(text.clone()),
    }
}

/// What a notification says.
fn message(session: &str, sdp: u8, code: u8) -> Value {
    let direction = pick(&["sendrecv", "inactive", "sendonly", "recvonly"], sdp);
    let setup = pick(&["actpass", "active", "passive"], sdp / 4);
    let text = match sdp / 16 {
        // A slow start, or a refusal.
        0 => None,
        1 => Some("a=refuse\r\n".to_owned()),
        2 => Some(description(setup, direction).replace("opus", "none")),
        // Another end of theirs (w4.10).
        3 => Some(description(setup, direction).replace("o=- 1 ", "o=- 9 ")),
        4 => Some(description(setup, direction) + "a=x-answer-fails-once\r\n"),
        _ => Some(description(setup, direction)),
    };
    let mut message = leg(session, text.as_deref());
    if code & 16 != 0 {
        let number = pick(&CODES, code);
        let number = if code & 32 == 0 { json!(number) } else { json!(number.to_string()) };
        message["statusCode"] = number.clone();
        message["sessionParams"]["statusCode"] = number;
        message["sessionParams"]["reasonText"] = "t".into();
        message["sessionParams"]["retryAfter"] = json!(u32::from(code) * 50);
        message["customParameters"] = json!([{"name": "X-A", "value": "1"}, 7, {"name": ""}]);
    }
    message
}

fn command(which: u8, call: CallId, other: CallId, flag: bool) -> Command {
    let services = vec![if flag { Service::Call } else { Service::Im }];
    let parameters = vec![CustomParameter::new("X-A", "b")];
    match which % 27 {
        0 => Command::SetCredentials(Credentials::password(USER, TOKEN)),
        1 => Command::SetCredentials(Credentials::bearer(if flag { USER } else { "b@c" }, TOKEN)),
        2 => Command::Subscribe { services, correlator: flag.then(|| "abc".to_owned()) },
        3 => Command::Unsubscribe { services },
        4 => Command::CheckConnectivity(flag),
        5 => Command::ResetConnection,
        6 => Command::UpdateConfig(Box::new(
            ConfigPatch::default()
                .rest_timeout(Duration::from_secs(if flag { 2 } else { 0 }))
                .connectivity(ConnectivityPatch::default().auto_reconnect(flag)),
        )),
        7 | 8 => Command::Make {
            to: if flag { "bob".to_owned() } else { "\u{1}@\r\n".to_owned() },
            media: CallMedia::AUDIO,
            options: MakeOptions::default().parameters(parameters),
        },
        9 | 10 => Command::Answer {
            call,
            media: CallMedia::AUDIO,
            options: AnswerOptions::default().parameters(parameters),
        },
        11 => Command::Reject { call },
        12 => Command::Ignore { call },
        13 => Command::Forward { call, to: "carol".to_owned() },
        14 => Command::End { call },
        15 | 16 => Command::Hold { call },
        17 | 18 => Command::Unhold { call },
        19 => Command::RestartMedia { call },
        20 => Command::SendRingingFeedback { call },
        21 if flag => Command::SendCustomParameters { call },
        21 => Command::SetCustomParameters { call, parameters: Some(parameters) },
        22 if flag => {
            let duration = Duration::from_millis(100);
            Command::SendDtmf {
                call,
                tones: vec![Digit::from_event(1).expect("a key")].into(),
                duration,
                gap: Duration::from_millis(50),
            }
        }
        22 => Command::GetStats { call, track: None },
        23 => Command::DirectTransfer { call, to: "carol".to_owned() },
        24 => Command::ConsultativeTransfer { call, other },
        25 => Command::Join { call, other },
        _ => Command::Resync { call },
    }
}

fn http(desk: &mut Desk, which: u8, answer: Answer) {
    let at = usize::from(which) % desk.asked.len().max(1);
    let Some(asked) = desk.asked.remove(at) else { return };
    let id = asked.id;
    match answer {
        Answer::Good => desk.answer(&asked),
        Answer::Twice => {
            desk.answer(&asked);
            desk.answer(&asked);
        }
        Answer::Refused { status, code, top } => {
            let code = json!({"statusCode": pick(&CODES, code)});
            let body = if top { code } else { json!({"callControlResponse": code}) };
            desk.respond(id, response(pick(&STATUSES, status), &body));
        }
        Answer::Later(ms) => {
            let body = json!({"subscribeResponse": {"statusCode": 503, "retryAfter": ms}});
            desk.respond(id, response(503, &body));
        }
        Answer::Elsewhere { status, place } => {
            let mut elsewhere = response(pick(&[301, 302, 303, 307, 308], status), &Value::Null);
            if let Ok(place) = pick(&PLACES, place).parse() {
                elsewhere.headers_mut().insert(http::header::LOCATION, place);
            }
            desk.respond(id, elsewhere);
        }
        Answer::Twisted(at, with) => desk.answer_twisted(&asked, at, with),
        Answer::NoJson => {
            let mut response = http::Response::new(b"<html>".to_vec());
            *response.status_mut() = http::StatusCode::FORBIDDEN;
            let html = http::HeaderValue::from_static("text/html");
            response.headers_mut().insert(http::header::CONTENT_TYPE, html);
            desk.respond(id, response);
        }
        Answer::Lost(kind) => {
            use NetErrorKind::{Connect, Local, Lost, Timeout};
            desk.fail(id, pick(&[Connect, Local, Lost, Timeout], kind));
        }
    }
}

fn socket(desk: &mut Desk, which: u8) {
    let closed = |code| WsEvent::Closed { code, reason: "closed".to_owned() };
    match which % 8 {
        0 => desk.socket_event(closed(None)),
        1 => desk.socket_event(closed(Some(1000))),
        2 => desk.socket_event(closed(Some(1006))),
        3 | 4 => desk.open_socket(Ok(())),
        5 => desk.open_socket(Err(NetError::new(NetErrorKind::Connect, "refused"))),
        6 => desk.text("{\"message_type\":\"pong\"}".to_owned()),
        _ => desk.open_socket(Err(NetError::new(NetErrorKind::Refused(403), "refused"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook::ribbon::CallState;

    #[test]
    fn a_call_of_each_kind_can_be_brought_up() {
        let mut desk = Desk::subscribed(0, fake_media());
        let placed = desk.talk().expect("a call");
        assert_eq!(desk.ledger.state(&placed), CallState::Connected);
        let came = desk.ring("R1").expect("a call");
        desk.pick_up(came.clone());
        assert!(
            [&placed, &came].iter().any(|call| desk.ledger.state(call) == CallState::Connected)
        );
        desk.put_to_rest(0);
    }
}
