//! Errors that tell without being read who did wrong, from what they come, and which call they are
//! about (behaviour notes 1.5).

use std::error::Error as _;
use std::time::Duration;

use serde_json::json;

use super::rig::{Asked, LA1P, LA100, Rig};
use crate::genesys::{
    CallControl, Cause, Command, Error, ErrorKind, Event, Fault, SpeakTo, Target,
};
use crate::jingle::Reason;
use crate::machine::{Input, NetError, NetErrorKind, UdpEvent, WsEvent};
use crate::media::{Digit, MediaError};
use crate::rest::{Failure, FailureKind};
use crate::sdp::SdpError;

/// A mishap of a request, and what its error is to say.
#[derive(Clone, Copy, Debug)]
struct Mishap {
    happens: fn(&mut Rig, &Asked),
    fault: Fault,
    status: Option<u16>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    missing_permission: bool,
}

fn refuse(rig: &mut Rig, asked: &Asked, status: u16, retry: Option<&str>) {
    let mut response = http::Response::builder().status(status);
    if let Some(retry) = retry {
        response = response.header("Retry-After", retry);
    }
    let body = json!({"code": "bad.day", "message": "Not today."}).to_string();
    let result = Ok(response.body(body.into_bytes()).unwrap());
    rig.input(Input::Http { id: asked.id, result });
}

fn mishaps() -> Vec<Mishap> {
    let refused = |happens, status, fault| Mishap {
        happens,
        fault,
        status: Some(status),
        code: Some("bad.day"),
        retry_after: None,
        missing_permission: status == 403,
    };
    let silent = |happens, fault| Mishap {
        happens,
        fault,
        status: None,
        code: None,
        retry_after: None,
        missing_permission: false,
    };
    vec![
        refused(|rig, asked| refuse(rig, asked, 401, None), 401, Fault::Access),
        refused(|rig, asked| refuse(rig, asked, 403, None), 403, Fault::Access),
        refused(|rig, asked| refuse(rig, asked, 404, None), 404, Fault::Service),
        refused(|rig, asked| refuse(rig, asked, 409, None), 409, Fault::Service),
        Mishap {
            retry_after: Some(Duration::from_secs(7)),
            ..refused(|rig, asked| refuse(rig, asked, 429, Some("7")), 429, Fault::Service)
        },
        refused(|rig, asked| refuse(rig, asked, 500, None), 500, Fault::Service),
        silent(
            |rig, asked| rig.http_fails(asked.id, NetError::new(NetErrorKind::Lost, "reset")),
            Fault::Network,
        ),
        silent(
            |rig, asked| rig.http_fails(asked.id, NetError::new(NetErrorKind::Timeout, "late")),
            Fault::Network,
        ),
        // Nobody answers at all.
        silent(|rig, _| rig.wait(Duration::from_secs(31)), Fault::Service),
    ]
}

/// The commands about a call that ask something of the service by HTTP.
fn asking() -> Vec<Command> {
    let control = |control| Command::ControlCall { conversation: "C1".into(), control };
    vec![
        Command::SetAudioMute { conversation: "C1".into(), muted: true },
        Command::SetConversationHeld { conversation: "C1".into(), held: true },
        control(CallControl::Transfer { to: Target::Queue("q".to_owned()) }),
        control(CallControl::Consult {
            to: Target::Queue("q".to_owned()),
            speak_to: SpeakTo::Both,
        }),
        control(CallControl::SpeakTo(SpeakTo::Both)),
        control(CallControl::CancelConsult),
        control(CallControl::PressKeys("1".to_owned())),
        control(CallControl::SetRecording(true)),
        control(CallControl::SetConfined(true)),
        control(CallControl::WrapUp { code: "w".to_owned(), notes: None }),
    ]
}

fn check(error: &Error, mishap: &Mishap, command: &Command) {
    assert_eq!(error.fault(), mishap.fault, "{command:?}: {error:?}");
    assert_eq!(error.status(), mishap.status, "{command:?}: {error:?}");
    assert_eq!(error.service_code(), mishap.code, "{command:?}: {error:?}");
    assert_eq!(error.service_message(), mishap.code.map(|_| "Not today."), "{error:?}");
    assert_eq!(error.retry_after(), mishap.retry_after, "{command:?}: {error:?}");
    assert_eq!(error.is_missing_permission(), mishap.missing_permission, "{error:?}");
    assert_eq!(error.conversation(), Some(&"C1".into()), "{command:?}: {error:?}");
    assert_eq!(error.session(), Some(&"M1".into()), "{command:?}: {error:?}");
    let source = error.source().and_then(|source| source.downcast_ref::<Failure>());
    match (source.map(|failure| &failure.kind), mishap.status) {
        (Some(FailureKind::Refused(refusal)), Some(status)) => assert_eq!(refusal.status, status),
        (Some(FailureKind::Network(net)), None) => {
            let below = source.unwrap().source().unwrap();
            assert_eq!(below.downcast_ref(), Some(net));
        }
        (None, None) => assert_eq!(error.kind, ErrorKind::Timeout),
        other => panic!("{command:?}: {other:?}"),
    }
}

#[test]
fn every_command_about_a_call_says_who_did_wrong_and_which_call_it_is() {
    for mishap in mishaps() {
        for command in asking() {
            let mut rig = Rig::on(LA100);
            rig.connected_call("M1", "C1");
            let id = rig.submit(command.clone()).unwrap();
            let asked = rig.asked.pop_front().expect("a request");
            (mishap.happens)(&mut rig, &asked);
            let error = rig.completion(id).expect("an answer").unwrap_err();
            check(&error, &mishap, &command);
        }
        // An answer and a decline of a call that rings on the shared session.
        let answers: [fn(&mut Rig) -> Command; 2] = [
            |_| Command::AcceptPendingSession { conversation: "C1".into() },
            |_| Command::RejectPendingSession { conversation: "C1".into() },
        ];
        for command in answers {
            let mut rig = Rig::idle(LA1P);
            rig.conv("C1", "inbound", "alerting");
            let command = command(&mut rig);
            let id = rig.submit(command.clone()).unwrap();
            let asked = rig.asked.pop_front().expect("a request");
            (mishap.happens)(&mut rig, &asked);
            let error = rig.completion(id).expect("an answer").unwrap_err();
            check(&error, &mishap, &command);
        }
        // To hang up a call that only rings asks who we are.
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", "");
        let command = Command::EndSession { conversation: "C1".into() };
        let id = rig.submit(command.clone()).unwrap();
        let asked = rig.asked.pop_front().expect("a request");
        (mishap.happens)(&mut rig, &asked);
        let error = rig.completion(id).expect("an answer").unwrap_err();
        check(&error, &mishap, &command);
    }
}

#[test]
fn so_does_what_is_refused_at_once() {
    let dtmf = |keys| {
        let digits = vec![Digit::try_from('1').unwrap(); keys];
        let duration = Duration::from_millis(100);
        Command::SendDtmf { conversation: "C1".into(), digits, duration }
    };
    let mut all = asking();
    all.extend([
        Command::AcceptPendingSession { conversation: "C1".into() },
        Command::RejectPendingSession { conversation: "C1".into() },
        Command::AcceptSession { conversation: "C1".into() },
        Command::EndSession { conversation: "C1".into() },
        dtmf(1),
    ]);
    // Nothing is known of such a call; its wrap-up is the service's business.
    let mut rig = Rig::ready();
    for command in all {
        if let Err(error) = rig.submit(command.clone()) {
            assert_eq!(error.fault(), Fault::State, "{command:?}");
            assert_eq!(error.conversation(), Some(&"C1".into()), "{command:?}");
        } else {
            let Command::ControlCall { control, .. } = &command else { panic!("{command:?}") };
            assert!(control.outlives_call(), "{command:?}");
        }
    }
    let force = |session: &str| Command::ForceTerminateSession {
        session: session.into(),
        reason: Reason::Success,
    };
    let error = rig.submit(force("M9")).unwrap_err();
    assert_eq!((error.fault(), error.session()), (Fault::State, Some(&"M9".into())));
    // A bound of ours.
    rig.connected_call("M1", "C1");
    let error = rig.submit(dtmf(65)).unwrap_err();
    assert_eq!(error.fault(), Fault::Client);
    assert_eq!(error.cause(), Some(&Cause::Media(MediaError::TooMany("digits"))));
    assert_eq!(error.session(), Some(&"M1".into()));
    // What waits when the client is destroyed.
    let waiting = [force("M1"), asking().remove(0)].map(|command| rig.submit(command).unwrap());
    rig.submit(Command::Destroy).unwrap();
    for id in waiting {
        let error = rig.completion(id).unwrap().unwrap_err();
        assert_eq!((error.kind, error.fault()), (ErrorKind::Cancelled, Fault::State));
        assert_eq!(error.conversation(), Some(&"C1".into()));
        assert_eq!(error.session(), Some(&"M1".into()));
    }
}

#[test]
fn api_1_and_options_that_can_never_work_are_the_applications_fault() {
    let mut rig = Rig::ready();
    let nothing = Command::Subscribe { topic: String::new() };
    assert_eq!(rig.submit(nothing).unwrap_err().fault(), Fault::Application);
    let mut config = crate::genesys::Config::agent("lab.test", "t0ken");
    config.environment.clear();
    let media = Box::new(super::rig::fake_media());
    let seed = crate::machine::Seed::from(1);
    let made = crate::genesys::Client::new(config, media, seed, crate::testing::epoch());
    assert_eq!(made.unwrap_err().fault(), Fault::Application);
}

/// The errors that were told.
fn told(rig: &Rig) -> Vec<Error> {
    let errors = rig.events.iter().filter_map(|event| match event {
        Event::Error(error) => Some(error.clone()),
        _ => None,
    });
    errors.collect()
}

#[test]
fn each_error_of_a_call_that_is_told_names_it_and_its_cause() {
    let auto = r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#;
    let started = || {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", auto);
        rig.offer("M1", "C1");
        rig.forget();
        rig
    };
    let offered = |line: &str| {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", auto);
        rig.forget();
        rig.offer_with("M1", "C1", line);
        rig
    };
    let mut no_socket = started();
    let id = no_socket.udp.unwrap();
    let net = NetError::new(NetErrorKind::Local, "too many open files");
    no_socket.input(Input::Udp { id, event: UdpEvent::Failed(net.clone()) });
    let mut no_path = started();
    no_path.media("failed");
    let mut answered = started();
    answered.acknowledge();
    let sdp = super::rig::offer_sdp().replace("opus", "none");
    answered.rpc("offer", &json!({"sessionId": "M1", "conversationId": "C1", "sdp": sdp}));
    let mut complains = started();
    let busy = json!({"errorInfo": {"code": "error.busy", "message": "Later."}});
    complains.conv_with("C1", "inbound", "connected", &busy, "agent");
    for (rig, fault, cause) in [
        (no_socket, Fault::Network, Cause::Network(net)),
        (no_path, Fault::Media, Cause::Media(MediaError::Connection("no path".to_owned()))),
        (offered("a=refuse\r\n"), Fault::Media, Cause::Media(SdpError::NoAudio.into())),
        (offered("a=no-opus\r\n"), Fault::Media, Cause::Media(MediaError::NoCommonCodec)),
        (
            offered("a=x-answer-fails-once\r\n"),
            Fault::Media,
            Cause::Media(SdpError::BadValue("an answer for once").into()),
        ),
        (answered, Fault::Media, Cause::Media(MediaError::NoCommonCodec)),
    ] {
        let errors = told(&rig);
        let [error] = errors.as_slice() else { panic!("{cause:?}: {errors:?}") };
        assert_eq!((error.fault(), error.cause()), (fault, Some(&cause)));
        assert_eq!(error.conversation(), Some(&"C1".into()), "{error:?}");
        assert_eq!(error.session(), Some(&"M1".into()), "{error:?}");
    }
    let [error] = &told(&complains)[..] else { panic!() };
    assert_eq!((error.fault(), error.service_code()), (Fault::Service, Some("error.busy")));
    assert_eq!(error.conversation(), Some(&"C1".into()));
    assert_eq!(error.session(), Some(&"M1".into()));
}

#[test]
fn an_offer_that_cannot_be_used_is_the_cause_of_the_failed_answer() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
    let accept = rig.submit(Command::AcceptPendingSession { conversation: "C1".into() }).unwrap();
    rig.offer_with("M1", "C1", "a=no-opus\r\n");
    let error = rig.completion(accept).unwrap().unwrap_err();
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&MediaError::NoCommonCodec));
    assert_eq!(error.session(), Some(&"M1".into()));
}

#[test]
fn a_websocket_that_is_refused_is_the_services_doing_and_one_that_is_lost_the_networks() {
    for (kind, fault, status) in [
        (NetErrorKind::Refused(503), Fault::Service, Some(503)),
        (NetErrorKind::Tls, Fault::Network, None),
    ] {
        let mut rig = Rig::new();
        rig.submit(Command::Connect).unwrap();
        let ws = loop {
            if let Some(ws) = rig.take_opened() {
                break ws;
            }
            assert!(rig.answer_login_step());
        };
        rig.ws = Some(ws);
        rig.ws_event(WsEvent::Failed(NetError::new(kind, "no")));
        let error = rig.events.iter().find_map(|event| match event {
            Event::Disconnected { error, .. } => error.clone(),
            _ => None,
        });
        let error = error.unwrap();
        assert_eq!((error.fault(), error.status()), (fault, status));
        let net: &NetError = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(net.kind, kind);
    }
}
