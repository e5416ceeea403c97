//! Credentials: the table of w1.3.

use crate::Secret;
use crate::ribbon::wire::credentials::{decide, header_of, session_header};
use crate::ribbon::{AuthCode, Credentials, ErrorCode, Supplied, UserId, hmac_token};

const INVALID: ErrorCode = ErrorCode::Auth(AuthCode::InvalidCredentials);

/// The name and the value of the header.
fn header(credentials: &Credentials) -> (String, String) {
    let (name, value) = header_of(credentials).unwrap();
    assert!(value.is_sensitive() && !format!("{value:?}").contains("secret"));
    (name.to_string(), value.to_str().unwrap().to_owned())
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn ra_012_a_password_goes_as_basic_and_may_have_a_name_of_its_own() {
    let alice = Credentials::password("alice@example.com", "secret");
    let basic = "Basic YWxpY2VAZXhhbXBsZS5jb206c2VjcmV0";
    assert_eq!(header(&alice), pair("authorization", basic));
    let supplied = Supplied::default().username("alice@example.com").password("secret");
    let other = Credentials::of(supplied.authname("a\u{e9}")).unwrap();
    assert_eq!(header(&other), pair("authorization", "Basic YcOpOnNlY3JldA=="));
    assert_eq!(other.username().as_str(), "alice@example.com", "paths keep the user");
    assert!(!format!("{other:?}").contains("secret"));
}

#[test]
fn ra_013_an_hmac_token_goes_by_itself_and_then_the_session_does() {
    let token = hmac_token(&Secret::new("secret key"), "alice", "example.com");
    assert!(token.expose().len() == 40 && token.expose().bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(token, hmac_token(&Secret::new("secret key"), "bob", "example.com"));
    let alice = Credentials::hmac("alice@example.com", token.clone());
    assert_eq!(header(&alice), pair("x-token", token.expose()));
    let (name, value) = session_header(&Secret::new("s1")).unwrap();
    assert!(value.is_sensitive());
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-session", "s1"));
    let odd = session_header(&Secret::new("s\n1")).unwrap_err();
    assert_eq!(odd.code, AuthCode::SubscribeFailed.into());
}

#[test]
fn ra_014_a_bearer_token_can_be_renewed_while_subscribed() {
    let alice = Credentials::bearer("alice@example.com", "secret2");
    assert_eq!(header(&alice), pair("authorization", "Bearer secret2"));
    let current = UserId::from("alice@example.com");
    assert!(decide(Some(&current), true, &alice).is_ok());
    let bob = Credentials::bearer("bob@example.com", "secret2");
    let refused = decide(Some(&current), true, &bob).unwrap_err();
    assert_eq!(refused.code, AuthCode::InvalidState.into());
    assert!(decide(Some(&current), false, &bob).is_ok() && decide(None, true, &bob).is_ok());
}

#[test]
fn ra_012_ra_013_ra_014_w1_3_of_every_combination_only_one_whole_kind_is_taken() {
    for bits in 0..32_u8 {
        let has = |bit: u8| bits & (1 << bit) != 0;
        let supplied = Supplied {
            username: has(0).then(|| "alice@example.com".to_owned()),
            password: has(1).then(|| "p".into()),
            authname: has(2).then(|| "auth".to_owned()),
            hmac_token: has(3).then(|| "h".into()),
            bearer_token: has(4).then(|| "b".into()),
        };
        let kind = Credentials::of(supplied).map(|credentials| match credentials {
            Credentials::Password { authname: None, .. } => "Basic username",
            Credentials::Password { authname: Some(_), .. } => "Basic authname",
            Credentials::Hmac { .. } => "x-token",
            Credentials::Bearer { .. } => "Bearer",
        });
        let expected = match (has(0), has(1), has(2), has(3), has(4)) {
            (true, false, _, true, false) => Ok("x-token"),
            (true, true, true, false, false) => Ok("Basic authname"),
            (true, false, _, false, true) => Ok("Bearer"),
            (true, true, false, false, false) => Ok("Basic username"),
            _ => Err(INVALID),
        };
        assert_eq!(kind.map_err(|error| error.code), expected, "{bits:05b}");
    }
}

#[test]
fn w1_3_what_no_request_can_carry_is_refused() {
    let long = "x".repeat(16 * 1024 + 1);
    for odd in [
        Credentials::password("", "p"),
        Credentials::password("a b", "p"),
        Credentials::password("a/b", "p"),
        Credentials::password("a?b", "p"),
        Credentials::password("a\u{7}b", "p"),
        Credentials::password("a".repeat(256), "p"),
        Credentials::password("alice", ""),
        Credentials::bearer("alice", "a\nb"),
        Credentials::bearer("alice", &*long),
        Credentials::hmac("alice", "a\u{0}"),
    ] {
        assert_eq!(header_of(&odd).unwrap_err().code, INVALID);
    }
}
