//! Everything but success: refusals, answers that cannot be used.

use std::time::Duration;

use http::Response;
use proptest::prelude::*;
use serde_json::json;

use crate::ribbon::wire::answer::{Answer, Wanted};
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::{AuthCode, ErrorCode};

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Vec<u8>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.as_bytes().to_vec()).unwrap()
}

fn refused(status: u16, body: &str) -> Refused {
    Refused::read(&response(status, &[], body), "PUT x", None)
}

#[test]
fn w1_5_the_first_status_code_at_the_top_or_one_level_down_counts() {
    for (body, code) in [
        (r#"{"statusCode": 4}"#, Some(4)),
        (r#"{"callControlResponse": {"statusCode": "42"}}"#, Some(42)),
        (r#"{"a": 1, "b": {"statusCode": 5}, "c": {"statusCode": 6}}"#, Some(5)),
        (r#"{"b": {"statusCode": 5}, "statusCode": 7}"#, Some(7)),
        (r#"{"a": {"b": {"statusCode": 5}}}"#, None),
        (r#"{"a": [{"statusCode": 5}]}"#, None),
        (r#"{"statusCode": "x"}"#, None),
        ("", None),
        ("<html>", None),
        ("[]", None),
        ("{", None),
    ] {
        assert_eq!(refused(400, body).code, code, "{body}");
    }
    let said = refused(400, r#"{"x": {"statusCode": 37, "reason": "bad\u0000 value"}}"#);
    assert_eq!(said.reason.as_deref(), Some("bad\u{fffd} value"));
    assert!(said.of_call().to_string().contains("bad\u{fffd} value"));
}

#[test]
fn re_001_w1_5_what_is_about_the_credentials_is_told_besides() {
    let code = |code: i32| json!({"callControlResponse": {"statusCode": code}}).to_string();
    let watch = |status, body: &str| refused(status, body).unauthorized();
    assert!(
        watch(401, "").is_some() && watch(401, &code(35)).is_some() && watch(403, "").is_some()
    );
    for about in [4, 27, 61, 65] {
        let error = watch(403, &code(about)).unwrap();
        assert_eq!(error.code, AuthCode::InvalidCredentials.into());
        assert!(error.message.ends_with(&format!("Status code: {about}")), "{}", error.message);
        assert_eq!(error.status(), Some(403));
    }
    for other in [29, 35, 37, 45, 46, 62, 63, 64] {
        assert_eq!(watch(403, &code(other)), None, "{other}");
    }
    assert_eq!(watch(403, "{}"), None, "a body that says nothing");
    assert_eq!((watch(404, &code(4)), watch(500, "")), (None, None));
    // A page for people counts as no body.
    let page = response(403, &[("content-type", "text/HTML; charset=x")], "<html>");
    let page = Refused::read(&page, "GET x", None);
    assert!(page.unauthorized().is_some() && !page.has_body);
}

#[test]
fn w1_7_a_request_of_a_call_fails_with_the_gateways_number_or_the_status() {
    let error = refused(404, r#"{"callControlResponse": {"statusCode": 42}}"#).of_call();
    assert_eq!((error.code, error.status()), (ErrorCode::Gateway(42), Some(404)));
    assert!(error.message.contains("no such resource"));
    let error = refused(500, "<html>").of_call();
    assert_eq!(error.code, ErrorCode::Gateway(500));
    assert_eq!(error.message, "Request failed: Internal Server Error");
    assert_eq!(refused(400, r#"{"statusCode": 0}"#).of_call().code, ErrorCode::Gateway(400));
    let odd = refused(400, r#"{"statusCode": 777}"#).of_call();
    assert_eq!((odd.code, &*odd.message), (ErrorCode::Gateway(777), "unknown error"));
}

#[test]
fn w1_8_w2_5_a_subscription_that_was_not_made() {
    let of = |status, headers: &[(&str, &str)], body: &str| {
        Refused::read(&response(status, headers, body), "POST subscription", None)
    };
    let wait = [("retry-after", "3")];
    let error = of(403, &[], r#"{"subscribeResponse": {"statusCode": 4}}"#).of_subscribe();
    assert_eq!(error.code, AuthCode::SubscribeFailed.into());
    assert_eq!(error.message, "Failed to subscribe user. Status Code: 4.");
    for (status, headers, body, unavailable, seconds) in [
        (503, &wait[..], "{}", true, Some(3.0)),
        (503, &wait[..], "", true, Some(3.0)),
        (503, &wait[..], "<html>", true, Some(3.0)),
        (503, &wait[..], r#"{"subscribeResponse": {"retryAfter": 1500}}"#, true, Some(1.5)),
        (503, &[], r#"{"retryAfter": "250"}"#, true, Some(0.25)),
        (503, &wait[..], r#"{"retryAfter": 0}"#, true, Some(3.0)),
        (500, &[], r#"{"statusCode": 53, "retryAfter": 1000}"#, true, Some(1.0)),
        (503, &[], "{}", false, None),
        (503, &[], r#"{"retryAfter": -5}"#, false, None),
        (503, &[("retry-after", "0")], "{}", false, None),
        (503, &[("retry-after", "soon")], "{}", false, None),
        (500, &wait[..], "{}", false, Some(3.0)),
    ] {
        let said = of(status, headers, body);
        assert_eq!(said.is_unavailable(), unavailable, "{status} {body}");
        assert_eq!(said.retry_after.map(|wait| wait.as_secs_f64()), seconds, "{status} {body}");
        let (code, number) = match unavailable {
            true => (AuthCode::SubscribeUnavailable, 503),
            false => (AuthCode::SubscribeFailed, 500),
        };
        let error = said.of_subscribe();
        assert_eq!(error.code, code.into());
        assert!(error.message.ends_with(&format!("{number}.")), "{}", error.message);
    }
    let gone = of(404, &[], r#"{"subscribeResponse": {"statusCode": 39}}"#);
    assert!(gone.is_gone() && gone.of_update().code == AuthCode::UpdateFailed.into());
    assert!(!of(404, &[], "").is_gone());
    assert_eq!(gone.of_unsubscribe().code, ErrorCode::Gateway(39));
}

#[test]
fn w2_5_a_date_is_so_far_off_as_the_gateways_own_date_or_the_clock_says() {
    let at = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
    let of = |headers: &[(&str, &str)], now| {
        Refused::read(&response(503, headers, "{}"), "POST x", now).retry_after
    };
    let date = ("date", "Sun, 06 Nov 1994 08:49:27 GMT");
    assert_eq!(of(&[at, date], None), Some(Duration::from_secs(10)));
    assert_eq!(of(&[at], Some(784_111_775_000)), Some(Duration::from_secs(2)));
    assert_eq!((of(&[at], Some(784_111_780_000)), of(&[at], None)), (None, None));
}

#[test]
fn w1_4_answers_of_success() {
    let of =
        |status, body: &str, wanted| Answer::of(response(status, &[], body), "PUT x", wanted, None);
    assert_eq!(of(204, "", Wanted::Json), Ok(Answer::Empty));
    assert_eq!(of(200, "{}", Wanted::Json), Ok(Answer::Body(b"{}".to_vec())));
    assert_eq!(of(200, "", Wanted::Nothing), Ok(Answer::Empty));
    assert_eq!(of(200, "<html>", Wanted::Nothing), Ok(Answer::Empty));
    for odd in
        ["", "  ", "<html>", "{", &"[".repeat(1 << 20), &format!("\"{}\"", "x".repeat(1 << 20))]
    {
        let error = of(200, odd, Wanted::Json).unwrap_err();
        assert_eq!(error.code, ErrorCode::Protocol);
    }
    let Ok(Answer::Refused(refusal)) = of(500, "", Wanted::Nothing) else { panic!("refused") };
    assert_eq!((refusal.http, &*refusal.request), (500, "PUT x"));
}

proptest! {
    #[test]
    fn whatever_is_refused_is_an_error_of_each_kind(status in 300_u16..600, body in "\\PC{0,60}",
                                                    wait in "[ -~]{0,30}") {
        let Ok(value) = http::HeaderValue::from_str(&wait) else { return Ok(()) };
        let mut response = response(status, &[], &body);
        response.headers_mut().insert("retry-after", value);
        let refused = Refused::read(&response, "GET x", Some(0));
        let _ = (refused.unauthorized(), refused.of_call(), refused.of_subscribe());
        let _ = (refused.of_update(), refused.of_unsubscribe(), refused.is_unavailable());
    }
}
