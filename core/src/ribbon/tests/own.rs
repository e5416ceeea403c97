//! Requests of the application's own, and push.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use serde_json::json;

use super::rig::{Rig, sdp};
use crate::machine::{Input, NetError, NetErrorKind};
use crate::ribbon::{
    AuthCode, Command, ConfigPatch, ErrorCode, Event, FetchRequest, NoticeChannel,
    NotificationsPatch, Outcome, PushDevice, PushKind, PushServerPatch, PushToken,
};

fn fetch(request: FetchRequest) -> Command {
    Command::Fetch(request)
}

fn answer(rig: &mut Rig, status: u16, location: Option<&str>, body: Vec<u8>) -> http::HeaderMap {
    let asked = rig.take();
    let mut response = http::Response::builder().status(status).header("X-Odd", "1");
    if let Some(location) = location {
        response = response.header("Location", location);
    }
    rig.input(Input::Http { id: asked.id, result: Ok(response.body(body).unwrap()) });
    asked.headers
}

#[test]
fn ra_096_a_request_of_ones_own_has_our_credentials_and_any_answer_is_one() {
    let mut rig = Rig::up();
    for (status, body) in [(200, &b"plain"[..]), (404, b""), (500, b"<html>")] {
        let request = FetchRequest::post("/rest/version/1/x?a=1", r#"{"a": 1}"#)
            .header(HeaderName::from_static("x-own"), HeaderValue::from_static("1"))
            .header(http::header::AUTHORIZATION, HeaderValue::from_static("Basic mine"));
        let id = rig.submit(fetch(request)).unwrap();
        assert_eq!(rig.asked[0].uri.to_string(), "https://gw.test:443/rest/version/1/x?a=1");
        assert_eq!(rig.asked[0].body, json!({"a": 1}));
        let headers = answer(&mut rig, status, None, body.to_vec());
        assert_eq!(headers["x-own"], "1");
        assert_eq!(headers["accept"], "application/json");
        let credentials: Vec<_> = headers.get_all("authorization").iter().collect();
        assert_eq!(credentials, ["Basic YWxpY2VAZXhhbXBsZS5jb206cGE1NXdvcmQ="], "ours wins");
        let Some(Ok(Outcome::Response(response))) = rig.completion(id) else { panic!() };
        assert_eq!((response.status.as_u16(), &*response.body), (status, body));
        assert_eq!(response.headers["x-odd"], "1");
    }
}

#[test]
fn ra_096_re_001_its_refusal_for_who_we_are_is_told_and_its_redirects_followed() {
    let mut rig = Rig::up();
    let id = rig.submit(fetch(FetchRequest::get("x"))).unwrap();
    answer(&mut rig, 401, None, Vec::new());
    assert!(matches!(rig.completion(id), Some(Ok(Outcome::Response(_)))));
    let Some(Event::RequestRefused { error }) = rig.events.pop_front() else { panic!() };
    assert_eq!(error.code, AuthCode::InvalidCredentials.into());
    let own = HeaderName::from_static("x-own");
    let request = FetchRequest::get("x").header(own, HeaderValue::from_static("1"));
    let id = rig.submit(fetch(request)).unwrap();
    answer(&mut rig, 302, Some("https://other.test/y"), Vec::new());
    let away = answer(&mut rig, 200, None, Vec::new());
    assert!(away.get("authorization").is_none() && away.get("x-own").is_none(), "{away:?}");
    assert!(matches!(rig.completion(id), Some(Ok(Outcome::Response(_)))));
}

#[test]
fn ra_096_bound_of_bodies_headers_and_requests_at_once() {
    let mut rig = Rig::up();
    let big = vec![b' '; (1 << 20) + 1];
    let name = HeaderName::from_static("x");
    let value = HeaderValue::from_str(&"v".repeat(17 * 1024)).unwrap();
    let headers = FetchRequest::get("x").header(name, value);
    let odd = FetchRequest::new(Method::PUT, "a b");
    for odd in [FetchRequest::post("x", big.clone()), headers, odd, FetchRequest::get("")] {
        assert_eq!(rig.refused(fetch(odd)), ErrorCode::Options);
    }
    for _ in 0..16 {
        rig.submit(fetch(FetchRequest::get("x"))).unwrap();
    }
    assert_eq!(rig.submit(fetch(FetchRequest::get("x"))).unwrap_err().code, ErrorCode::Busy);
    answer(&mut rig, 200, None, Vec::new());
    let last = rig.submit(fetch(FetchRequest::get("x"))).unwrap();
    for _ in 0..15 {
        answer(&mut rig, 200, None, Vec::new());
    }
    answer(&mut rig, 200, None, big);
    assert_eq!(rig.completion(last).unwrap().unwrap_err().code, ErrorCode::Protocol);
    let lost = rig.submit(fetch(FetchRequest::get("x"))).unwrap();
    let asked = rig.take();
    let error = NetError::new(NetErrorKind::Lost, "reset");
    rig.input(Input::Http { id: asked.id, result: Err(error) });
    let code = rig.completion(lost).unwrap().unwrap_err().code;
    assert_eq!(code, ErrorCode::Network(NetErrorKind::Lost));
    let late = rig.submit(fetch(FetchRequest::get("x"))).unwrap();
    rig.take();
    rig.pass(Duration::from_secs(31));
    assert_eq!(rig.completion(late).unwrap().unwrap_err().code, ErrorCode::Timeout);
}

#[test]
fn w9_19_no_debug_shows_what_a_request_of_ones_own_holds() {
    let request = FetchRequest::post("x?token=s3cret", "s3cret")
        .header(HeaderName::from_static("x"), HeaderValue::from_static("s3cret"));
    assert!(!format!("{:?}", fetch(request)).contains("s3cret"));
    let google = PushToken::Google("s3cret".into());
    let device = PushDevice::new(google, "b", "r");
    assert!(!format!("{:?}", Command::RegisterPush(device)).contains("s3cret"));
}

fn device(token: PushToken) -> Command {
    Command::RegisterPush(PushDevice::new(token, "com.example.phone", "example"))
}

fn apple() -> PushToken {
    PushToken::Apple { voip: "t0ken-v".into(), standard: "t0ken-s".into() }
}

/// A client that knows where devices are registered.
fn pushed() -> Rig {
    let mut rig = Rig::up();
    let push = PushServerPatch::default().server(Some("push.test".to_owned())).port(8443);
    let patch = ConfigPatch::default().notifications(NotificationsPatch::default().push(push));
    rig.submit(Command::UpdateConfig(Box::new(patch))).unwrap();
    rig
}

#[test]
fn re_040_rc_020_rc_021_rc_022_rc_023_a_device_is_registered_for_push_and_no_longer() {
    let mut rig = pushed();
    for (token, kind, vendor, wrapper) in [
        (apple(), PushKind::Apple, "apple", "appleDeviceRegistration"),
        (
            PushToken::Google("t0ken-g".into()),
            PushKind::Google,
            "google",
            "googleDeviceRegistration",
        ),
    ] {
        let id = rig.submit(device(token)).unwrap();
        let asked = rig.take();
        let wanted = format!("https://push.test:8443/rest/version/1/push/{vendor}/devices/");
        assert_eq!((asked.uri.to_string(), &asked.what[..4]), (wanted, "POST"));
        let request = &asked.body[format!("{wrapper}Request")];
        assert_eq!(
            (&request["bundleID"], &request["clientCorrelator"]),
            (&json!("com.example.phone"), &json!("abc"))
        );
        assert!(asked.headers.contains_key("authorization"));
        let place = format!("/rest/version/1/user/alice@example.com/push/{vendor}/devices/7");
        rig.respond(asked.id, 201, &json!({format!("{wrapper}Response"): {"registration": place}}));
        assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
        let told = Event::PushChanged { channel: NoticeChannel::Push };
        assert_eq!(rig.events, std::slice::from_ref(&told));
        rig.events.clear();
        let id = rig.submit(Command::UnregisterPush(kind)).unwrap();
        let asked = rig.take();
        assert_eq!(asked.uri.to_string(), format!("https://push.test:8443{place}"));
        rig.respond(asked.id, 204, &json!(null));
        assert_eq!(rig.completion(id), Some(Ok(Outcome::Done)));
        assert_eq!(rig.events, [told]);
        rig.events.clear();
        assert_eq!(rig.refused(Command::UnregisterPush(kind)), ErrorCode::Options);
    }
    assert!(!format!("{:?}", rig.client).contains("t0ken"));
}

#[test]
fn re_041_what_cannot_be_registered_and_what_is_refused() {
    let mut rig = Rig::up();
    assert_eq!(rig.refused(device(apple())), ErrorCode::Options, "there is no place for it");
    let mut rig = pushed();
    let long = PushToken::Google("x".repeat(4097).into());
    for odd in [device(PushToken::Google("".into())), device(long)] {
        assert_eq!(rig.refused(odd), ErrorCode::Options);
    }
    let none = PushDevice::new(apple(), "b", "r").services(Vec::<String>::new());
    assert_eq!(rig.refused(Command::RegisterPush(none)), ErrorCode::Options);
    let refused = json!({"appleDeviceRegistrationResponse": {"statusCode": 37}});
    for (status, answer, code) in [
        (400, refused, ErrorCode::Gateway(37)),
        (201, json!({}), ErrorCode::Protocol),
        (
            201,
            json!({"appleDeviceRegistrationResponse": {"registration": "//x"}}),
            ErrorCode::Protocol,
        ),
    ] {
        let id = rig.submit(device(apple())).unwrap();
        let asked = rig.take();
        rig.respond(asked.id, status, &answer);
        assert_eq!(rig.completion(id).unwrap().unwrap_err().code, code, "{answer}");
    }
    assert!(rig.events.is_empty());
}

#[test]
fn ra_080_re_040_what_is_pushed_is_taken_or_left_alone() {
    let mut rig = Rig::up();
    let call = |session: &str| {
        let params = json!({"sessionData": session, "sdp": sdp("sendrecv")});
        let message = json!({"eventType": "call", "eventId": session, "sessionParams": params});
        let message = json!({"notificationMessage": message}).to_string();
        Command::ProcessNotification { message, channel: NoticeChannel::Push }
    };
    let count = |rig: &Rig| rig.client.calls().len();
    rig.submit(Command::EnablePush(false)).unwrap();
    rig.submit(Command::EnablePush(false)).unwrap();
    assert_eq!(rig.events, [Event::PushChanged { channel: NoticeChannel::Push }], "once");
    rig.submit(call("S1")).unwrap();
    assert_eq!(count(&rig), 0);
    rig.submit(Command::EnablePush(true)).unwrap();
    rig.submit(call("S2")).unwrap();
    assert_eq!(count(&rig), 1);
}
