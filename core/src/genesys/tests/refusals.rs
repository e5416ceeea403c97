//! Refusals in the service's words: they reach the application, and mean what they say (behaviour
//! notes 1.5, API-5, API-6; wire notes 3.3, 8).

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Asked, LA1P, LA100, PEER, Rig};
use crate::genesys::wire::{Frame, Iq};
use crate::genesys::{CallControl, Cause, Command, Dial, Error, ErrorKind, Event, SpeakTo, Target};
use crate::machine::{CommandId, Input};
use crate::xmpp::StanzaError;

/// Refuses a request with all that an error body has.
fn refuse(rig: &mut Rig, asked: &Asked, status: u16) {
    let body = json!({"code": "bad.day", "message": "Not today.", "status": status});
    let response = http::Response::builder()
        .status(status)
        .header("Retry-After", "30")
        .body(body.to_string().into_bytes())
        .unwrap();
    rig.input(Input::Http { id: asked.id, result: Ok(response) });
}

/// True if an error carries the refusal.
fn said(error: &Error, status: u16) -> bool {
    let shown = format!("status {status}: bad.day: Not today.: retry after 30 s");
    (error.status(), error.service_code(), error.service_message())
        == (Some(status), Some("bad.day"), Some("Not today."))
        && error.retry_after() == Some(Duration::from_secs(30))
        && matches!(error.cause(), Some(Cause::Rest(failure))
            if failure.refusal().is_some_and(|refusal| refusal.to_string() == shown))
}

/// The kind of a failure with this status.
type KindOf = fn(u16) -> ErrorKind;

/// The commands that are one request, each with the kind of its failure where the service says
/// why.
fn commands() -> Vec<(Command, KindOf)> {
    let control = |control| Command::ControlCall { conversation: "C1".into(), control };
    let http: KindOf = ErrorKind::Http;
    vec![
        (Command::SetAudioMute { conversation: "C1".into(), muted: true }, |_| ErrorKind::Generic),
        (Command::SetConversationHeld { conversation: "C1".into(), held: true }, |_| {
            ErrorKind::Call
        }),
        (Command::StartSoftphoneSession(Dial::number("+1555")), http),
        (Command::ClaimAlertingLeader, http),
        (Command::FetchPresenceDefinitions, http),
        (Command::FetchPresence, http),
        (Command::SetPresence { presence: "p1".into() }, http),
        (Command::FetchVoicemail, http),
        (control(CallControl::Transfer { to: Target::Queue("q".to_owned()) }), http),
        (control(CallControl::PressKeys("1".to_owned())), http),
        (control(CallControl::SetRecording(true)), http),
        (control(CallControl::SetConfined(true)), http),
        (control(CallControl::WrapUp { code: "w".to_owned(), notes: None }), http),
        // These ask for the other party first.
        (
            control(CallControl::Consult {
                to: Target::Queue("q".to_owned()),
                speak_to: SpeakTo::Both,
            }),
            http,
        ),
        (control(CallControl::SpeakTo(SpeakTo::Both)), http),
        (control(CallControl::CancelConsult), http),
    ]
}

fn failed(rig: &Rig, command: CommandId) -> Error {
    rig.completion(command).expect("an answer").expect_err("a refusal")
}

#[test]
fn api_5_code_message_and_retry_after_of_each_refused_command_reach_the_application() {
    for status in [400, 403, 404, 409, 429, 500, 503] {
        for (command, kind) in commands() {
            let mut rig = Rig::on(LA100);
            rig.connected_call("M1", "C1");
            let id = rig.submit(command.clone()).unwrap();
            let asked = rig.asked.pop_front().expect("a request");
            refuse(&mut rig, &asked, status);
            let error = failed(&rig, id);
            assert_eq!(error.kind, kind(status), "{command:?}");
            assert!(said(&error, status), "{command:?}: {error:?}");
            assert!(error.message.contains("bad.day: Not today."), "{error}");
        }
    }
}

#[test]
fn api_6_only_401_of_call_control_is_an_invalid_token() {
    for (command, kind) in commands() {
        for status in [401, 403] {
            let mut rig = Rig::on(LA100);
            rig.connected_call("M1", "C1");
            let id = rig.submit(command.clone()).unwrap();
            let asked = rig.asked.pop_front().expect("a request");
            rig.respond(asked.id, status, &Value::Null);
            let expected = if status == 401 { ErrorKind::InvalidToken } else { kind(403) };
            assert_eq!(failed(&rig, id).kind, expected, "{command:?} {status}");
            assert!(rig.client.is_connected());
        }
    }
}

#[test]
fn api_5_so_do_those_of_answers_declines_and_hang_ups() {
    // An answer through the service.
    let mut rig = Rig::idle(LA1P);
    rig.conv("C1", "inbound", "alerting");
    let accept = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    refuse(&mut rig, &asked, 409);
    let error = failed(&rig, accept);
    assert!(error.kind == ErrorKind::Session && said(&error, 409), "{error:?}");
    // A decline.
    let reject = rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("PATCH /conversations/calls/C1/participants/P-C1");
    refuse(&mut rig, &asked, 403);
    let error = failed(&rig, reject);
    assert!(error.kind == ErrorKind::Session && said(&error, 403), "{error:?}");
    // The question who we are.
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", "");
    let reject = rig.submit(Command::RejectPendingSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    refuse(&mut rig, &asked, 404);
    assert!(said(&failed(&rig, reject), 404));
    let end = rig.submit(Command::EndSession { conversation: "C1".into() }).unwrap();
    let asked = rig.expect_http("GET /conversations/C1");
    refuse(&mut rig, &asked, 503);
    assert!(said(&failed(&rig, end), 503));
}

#[test]
fn api_6_so_do_those_of_a_login() {
    let requests = [
        ("GET /organizations/me", 404, ErrorKind::Initialization),
        ("GET /users/me?expand=station", 403, ErrorKind::InvalidToken),
        ("POST /notifications/channels?connectionType=streaming", 401, ErrorKind::InvalidToken),
        ("PUT /notifications/channels/channel-1/subscriptions", 403, ErrorKind::InvalidToken),
    ];
    for (what, status, kind) in requests {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        let asked = loop {
            if let Some(at) = rig.asked.iter().position(|asked| asked.what == what) {
                break rig.asked.remove(at).unwrap();
            }
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        };
        // `Retry-After` would have it asked again.
        rig.respond(asked.id, status, &json!({"code": "bad.day", "message": "Not today."}));
        let error = failed(&rig, connect);
        assert_eq!(error.kind, kind, "{what}");
        assert_eq!(error.service_code(), Some("bad.day"), "{what}");
        let told = rig.events.iter().any(|event| {
            matches!(event, Event::Disconnected { error: Some(told), .. } if *told == error)
        });
        assert!(told, "{what}");
    }
}

#[test]
fn wire_3_3_so_does_what_a_channel_that_is_refused_for_a_while_says() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    while rig.asked.front().is_none_or(|asked| !asked.what.starts_with("POST /notifications")) {
        rig.answer_login_step();
    }
    let asked = rig.asked.pop_front().unwrap();
    refuse(&mut rig, &asked, 429);
    let told = rig.events.iter().find_map(|event| match event {
        Event::Disconnected { reconnecting: true, error } => error.clone(),
        _ => None,
    });
    assert!(said(&told.unwrap(), 429));
}

#[test]
fn so_do_the_words_of_refusals_in_xmpp() {
    let words = |error: &Error| {
        let text = |said: Option<&str>| said.unwrap().to_owned();
        (text(error.service_code()), text(error.service_message()))
    };
    // The answer to an offer.
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.forget();
    let accept = rig.submit(Command::AcceptSession { conversation: "C1".into() }).unwrap();
    let answer = rig.take_sent(r#""method":"answer""#).unwrap();
    let Ok(Frame::Iq(iq)) = Frame::parse(&answer) else { panic!("{answer}") };
    let error = StanzaError { text: Some("Full.".to_owned()), ..StanzaError::not_allowed() };
    let mut reply = Iq::error_to(&iq, error);
    reply.from = Some(PEER.parse().unwrap());
    rig.frame(&Frame::Iq(reply).to_xml());
    let error = failed(&rig, accept);
    assert_eq!(words(&error), ("not-allowed".to_owned(), "Full.".to_owned()));
    // A stream's.
    rig.forget();
    rig.frame(r#"<stream:error xmlns:stream="http://etherx.jabber.org/streams"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/><text xmlns="urn:ietf:params:xml:ns:xmpp-streams">Twice.</text></stream:error>"#);
    match rig.events.pop_front() {
        Some(Event::Error(error)) => {
            assert_eq!(words(&error), ("conflict".to_owned(), "Twice.".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    // A call's.
    rig.forget();
    let busy = json!({"errorInfo": {"code": "error.busy", "message": "Later."}});
    rig.conv_with("C1", "inbound", "connected", &busy, "agent");
    match rig.events.pop_front() {
        Some(Event::Error(error)) => {
            assert_eq!(words(&error), ("error.busy".to_owned(), "Later.".to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn wire_3_3_so_do_those_of_sasl() {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    while rig.auth_sent().is_none() {
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    rig.frame(r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><credentials-expired/><text>Yesterday.</text></failure>"#);
    let error = failed(&rig, connect);
    assert_eq!(error.kind, ErrorKind::InvalidToken);
    assert_eq!(error.service_code(), Some("credentials-expired"));
    assert_eq!(error.service_message(), Some("Yesterday."));
}

#[test]
fn an_error_quotes_a_refusal_without_its_secrets() {
    for said in [
        "<x xmlns='urn:x'><client_secret><![CDATA[Wq4n1gHtj4r]]></client_secret></x>",
        "<x xmlns='urn:x'><field var='pwd'><value>Wq4n1gHtj4r</value></field></x>",
        r#"{"name":"jwt","value":"Wq4n1gHtj4r"}"#,
        // Cut off, so that it is no document.
        "<x xmlns='urn:x'><client_secret><![CDATA[Wq4n1gHtj4r",
    ] {
        let mut rig = Rig::on(LA100);
        let id = rig.submit(Command::StartSoftphoneSession(Dial::number("+1555"))).unwrap();
        let asked = rig.asked.pop_front().expect("a request");
        rig.respond(asked.id, 400, &json!({"code": "odd", "message": said}));
        let error = failed(&rig, id);
        assert!(error.message.contains("status 400: odd: "), "{error:?}");
        assert!(!format!("{error:?}").contains("n1gHtj4r"), "{error:?}");
    }
}
