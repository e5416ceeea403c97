//! Addresses: the table of w4.0.1.

use proptest::prelude::*;

use crate::ribbon::wire::address::{sender, with_domain, without_scheme};
use crate::ribbon::{CallCode, Destination, UserId};

fn address(entered: &str) -> String {
    Destination::new(entered).unwrap().address(&"alice@example.com".into())
}

#[test]
fn rt_002_w4_0_1_addresses_of_sip() {
    for (entered, expected) in [
        ("bob", "sip:bob@example.com"),
        ("sip:bob@other.com", "sip:bob@other.com"),
        ("sips:bob@other.com", "sip:bob@other.com"),
        ("a.b-c@x.y", "sip:a.b-c@x.y"),
        ("12-34ab", "sip:12-34ab@example.com"),
        ("bob@", "sip:bob@@example.com"),
        ("@bob", "sip:@bob@example.com"),
        ("  bob  ", "sip:bob@example.com"),
        ("a@b@c", "sip:a@b@c"),
        ("-", "sip:-@example.com"),
    ] {
        assert_eq!(address(entered), expected, "{entered}");
    }
    let nobody = UserId::from("alice");
    assert_eq!(Destination::new("bob").unwrap().address(&nobody), "sip:bob");
}

#[test]
fn rt_003_w4_0_1_telephone_numbers() {
    for (entered, expected) in [
        ("tel:+1 (613) 555-0100", "sip:+16135550100@example.com"),
        ("613.555.0100", "sip:6135550100@example.com"),
        ("*67 6135550100", "sip:*676135550100@example.com"),
        ("#31#6135550100", "sip:#31#6135550100@example.com"),
        ("sip:+1(613)5550100@pstn.net", "sip:+16135550100@pstn.net"),
        ("*98", "sip:*98@example.com"),
        ("+", "sip:+@example.com"),
        ("+x", "sip:+x@example.com"),
        ("*(1)", "sip:*1@example.com"),
    ] {
        assert_eq!(address(entered), expected, "{entered}");
    }
}

#[test]
fn rc_046_without_it_a_destination_goes_as_it_was_entered() {
    let bob = Destination::new(" tel:1 2").unwrap();
    let alice = UserId::from("alice@example.com");
    assert_eq!(bob.sent(&alice, false), " tel:1 2");
    assert_eq!(bob.sent(&alice, true), "sip:12@example.com");
}

#[test]
fn ra_015_what_nobody_can_call_is_refused() {
    let long = "1".repeat(513);
    for odd in ["", "  ", "bob\r\nX: y", &long] {
        assert_eq!(Destination::new(odd).unwrap_err().code, CallCode::InvalidParam.into());
    }
    assert!(Destination::new("1".repeat(512)).is_ok());
    assert_eq!(format!("{:?}", Destination::new("613").unwrap()), "Destination(3 bytes)");
}

#[test]
fn w4_0_1_who_calls_may_have_a_name() {
    let alice = UserId::from("alice@example.com");
    assert_eq!(sender(&alice, None), "sip:alice@example.com");
    assert_eq!(sender(&alice, Some("Alice B")), "Alice B<sip:alice@example.com>");
    assert_eq!(sender(&alice, Some("A<\">\n")), "A<sip:alice@example.com>");
    assert_eq!(sender(&alice, Some("")), "sip:alice@example.com");
}

#[test]
fn w3_3_a_far_side_without_a_domain_has_the_users() {
    assert_eq!(with_domain("100", Some("example.com")), "100@example.com");
    assert_eq!(with_domain("100@x", Some("example.com")), "100@x");
    assert_eq!(with_domain("100", None), "100");
    assert_eq!((without_scheme("sip:bob@x"), without_scheme("bob")), ("bob@x", "bob"));
}

proptest! {
    #[test]
    fn whatever_is_entered_has_an_address_and_an_address_stays_as_it_is(entered in "\\PC{1,40}") {
        if let Ok(destination) = Destination::new(entered) {
            let once = destination.address(&"alice@example.com".into());
            prop_assert!(once.starts_with("sip:"));
            if once.matches('@').count() == 1 && once.matches(':').count() == 1 && once == once.trim() {
                prop_assert_eq!(address(&once), once);
            }
        }
    }
}

#[test]
fn rt_035_a_user_has_a_name_and_the_domain_in_it() {
    for (name, domain) in [
        ("alice@example.com", Some("example.com")),
        ("a@b@c.test", Some("c.test")),
        ("alice", None),
        ("alice@", None),
    ] {
        let user = UserId::from(name);
        assert_eq!((user.as_str(), user.domain()), (name, domain));
        assert_eq!(user.to_string(), name);
        assert_eq!(serde_json::to_value(&user).unwrap(), serde_json::json!(name));
    }
}
