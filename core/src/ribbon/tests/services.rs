//! Services of a subscription.

use serde_json::json;

use crate::ribbon::Service;

#[test]
fn rt_033_services_are_known_by_their_names_in_any_case() {
    for (text, service, shown) in [
        ("CALL", Service::Call, "call"),
        ("presence", Service::Presence, "Presence"),
        ("im", Service::Im, "IM"),
        ("Custom", Service::Custom, "custom"),
        ("Event:dialog", Service::Event("DIALOG".to_owned()), "event:dialog"),
        ("CallLog", Service::Other("calllog".to_owned()), "CallLog"),
    ] {
        let read = Service::from(text);
        assert_eq!(read, service);
        assert_eq!((read.to_string(), read.requested()), (shown.to_owned(), json!(shown)));
    }
    assert_ne!(Service::Call, Service::Im);
    assert_eq!(Service::Other("event:x".to_owned()), Service::Event("X".to_owned()));
    assert_eq!(Service::from("\u{e9}\u{e9}\u{e9}\u{e9}").to_string(), "\u{e9}\u{e9}\u{e9}\u{e9}");
}

#[test]
fn rt_034_text_messages_are_asked_for_with_their_number() {
    let sms = Service::SmsInbound { destination: "16135550100".to_owned() };
    let expected =
        json!({"service": "smsinbound", "params": {"destinationAddress": "16135550100"}});
    assert_eq!(sms.requested(), expected);
}
