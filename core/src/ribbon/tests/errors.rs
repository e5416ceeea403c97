//! Errors by their codes.

use std::error::Error as _;
use std::time::Duration;

use crate::machine::{NetError, NetErrorKind};
use crate::ribbon::{AuthCode, CallCode, Error, ErrorCode, HistoryCode, SubscriptionCode};

#[test]
fn rt_001_codes_are_written_as_the_family_and_its_number_or_the_gateways_bare_number() {
    for (code, text) in [
        (ErrorCode::from(CallCode::Glare), "call:12"),
        (AuthCode::SubscribeUnavailable.into(), "authentication:13"),
        (SubscriptionCode::Socket.into(), "subscription:1"),
        (HistoryCode::Forbidden.into(), "callHistory:5"),
        (ErrorCode::Gateway(42), "42"),
        (ErrorCode::Gateway(503), "503"),
        (ErrorCode::Timeout, "TimeoutError"),
        (ErrorCode::Pending, "pending"),
    ] {
        assert_eq!((code.to_string().as_str(), text.parse()), (text, Ok(code)));
        let written = serde_json::to_value(Error::new(code, "m")).unwrap();
        let basic = serde_json::json!({"name": "BasicError", "code": text, "message": "m"});
        assert_eq!(written, basic);
    }
    assert!("call:13".parse::<ErrorCode>().is_err() && "70000".parse::<ErrorCode>().is_err());
    let numbers: Vec<_> = CallCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
}

#[test]
fn rt_001_an_error_keeps_its_cause_its_status_and_how_long_to_wait() {
    let lost = NetError::new(NetErrorKind::Lost, "reset");
    let error = Error::from(lost.clone());
    assert_eq!(error.code, ErrorCode::Network(NetErrorKind::Lost));
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&lost));
    let late = Error::from(NetError::new(NetErrorKind::Timeout, "30 s"));
    assert_eq!(late.code, ErrorCode::Timeout);
    let refused = Error::from(NetError::new(NetErrorKind::Refused(403), "no"));
    assert_eq!(refused.status(), Some(403));
    let wait = Some(Duration::from_secs(4));
    let glare = Error::new(CallCode::Glare, "x\ny").retried_after(wait);
    assert_eq!((glare.retry_after(), glare.status()), (wait, None));
    assert_eq!(glare.to_string(), "call:12: x y");
    assert!(size_of::<Error>() <= 48, "{}", size_of::<Error>());
}
