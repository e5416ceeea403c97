//! Notifications: each row of w3.3, and what peers make of them.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ribbon::CustomParameter;
use crate::ribbon::wire::seen::Seen;
use crate::ribbon::wire::{
    Im, Leg, LegEvent, MAX_MESSAGE, Notice, NoticeError, Notification, PresenceNews, SipNews,
};

fn text(message: Value) -> String {
    json!({"notificationMessage": message}).to_string()
}

fn with_body<T>(message: Value, look: impl FnOnce(&Notification<'_>) -> T) -> T {
    let text = text(message);
    look(&Notice::read(&text).unwrap().unwrap().body)
}

fn with_leg<T>(message: Value, look: impl FnOnce(&Leg<'_>) -> T) -> T {
    with_body(message, |body| match body {
        Notification::Leg(leg) => look(leg),
        other => panic!("{other:?}"),
    })
}

#[test]
fn w3_1_the_whole_envelope_is_read() {
    let text = text(json!({
        "eventType": "call",
        "eventId": "f2a9",
        "time": 1_700_000_000_000_u64,
        "sessionParams": {"sessionData": "S1", "sdp": "v=0\r\n", "statusCode": "", "retryAfter": 0,
                          "actions": ["answer"], "referTo": "x"},
        "callNotificationParams": {"callerName": "Bob", "callerDisplayNumber": "bob@example.com",
                                   "calleeDisplayNumber": "alice@example.com", "primaryContact": "p"},
        "callDispositionParams": {},
        "customParameters": [{"name": "X-GPS", "value": "42.6,23.3"}],
        "statusCode": 0,
    }));
    let notice = Notice::read(&text).unwrap().unwrap();
    assert_eq!((notice.id.as_deref(), notice.time), (Some("f2a9"), Some(1_700_000_000_000)));
    assert_eq!(
        (notice.text(), notice.message()["notificationMessage"]["time"].as_u64()),
        (&*text, notice.time,)
    );
    let Notification::Leg(leg) = &notice.body else { panic!("{notice:?}") };
    assert_eq!((leg.event, leg.session.as_str()), (LegEvent::Call, "S1"));
    assert_eq!((leg.sdp.as_deref(), leg.status), (Some("v=0\r\n"), None));
    assert_eq!(leg.parties.callee_number.as_deref(), Some("alice@example.com"));
    assert_eq!(
        leg.parties.remote(true, None),
        (Some("Bob".into()), Some("bob@example.com".into()))
    );
    assert_eq!(leg.parameters, [CustomParameter::new("X-GPS", "42.6,23.3")]);
}

#[test]
fn w3_3_every_event_of_a_call() {
    for event in LegEvent::ALL {
        let message = json!({"eventType": event.as_str(), "sessionParams": {"sessionData": "S"}});
        with_leg(message, |leg| {
            assert_eq!((leg.event, &leg.sdp, leg.status), (*event, &None, None));
        });
        let message = text(json!({"eventType": event.as_str(), "sessionParams": {}}));
        assert_eq!(Notice::read(&message), Err(NoticeError::NoSession));
    }
}

#[test]
fn w3_1_where_the_status_stands_and_how_it_is_written() {
    let status = |event: &str, top: Value, inner: Value| {
        let params = json!({"sessionData": "S", "statusCode": inner});
        let message = json!({"eventType": event, "statusCode": top, "sessionParams": params});
        with_leg(message, |leg| leg.status)
    };
    assert_eq!(status("callEnd", json!(0), json!("486")), Some(486));
    assert_eq!(status("callEnd", json!(603), Value::Null), Some(603));
    assert_eq!(status("callEnd", json!(1), json!(9900)), Some(9900));
    assert_eq!(status("sessionFail", Value::Null, json!(-1)), Some(-1));
    assert_eq!(status("respondCallUpdate", json!("49"), json!(0)), Some(49));
    assert_eq!(status("respondCallUpdate", json!(0), json!(49)), Some(49));
    assert_eq!(status("respondCallUpdate", json!(0), json!("0")), None, "no failure");
    assert_eq!(status("callEnd", Value::Null, json!("busy")), None);
    let glare = json!({"eventType": "respondCallUpdate", "statusCode": 49,
                       "sessionParams": {"sessionData": "S", "retryAfter": "1500"}});
    let wait = with_leg(glare, |leg| leg.retry_after);
    assert_eq!(wait, Some(Duration::from_millis(1500)));
    let end = json!({"eventType": "callEnd", "sessionParams":
                     {"sessionData": "S", "statusCode": 486, "reasonText": "Busy\u{1b} Here"}});
    let told = with_leg(end, |leg| leg.transition());
    assert_eq!(told, (Some(486), Some("Busy\u{fffd} Here".to_owned())));
}

#[test]
fn w3_3_a_description_that_is_empty_asks_for_an_offer() {
    for sdp in [Value::Null, json!(""), json!(" \r\n"), json!({"x": 1})] {
        let message = json!({"eventType": "startCallUpdate",
                             "sessionParams": {"sessionData": "S", "sdp": sdp}});
        with_leg(message, |leg| assert_eq!(leg.sdp, None));
    }
}

#[test]
fn w3_3_who_the_far_side_is() {
    let params = json!({"callerName": "C", "callerDisplayNumber": "100",
                        "remoteName": "R", "remoteDisplayNumber": "sip:200@x"});
    let message = json!({"eventType": "ringing", "sessionParams": {"sessionData": "S"},
                         "callNotificationParams": params});
    with_leg(message, |leg| {
        let domain = Some("example.com");
        let incoming = leg.parties.remote(true, domain);
        assert_eq!(incoming, (Some("C".into()), Some("100@example.com".into())));
        let outgoing = leg.parties.remote(false, domain);
        assert_eq!(outgoing, (Some("R".into()), Some("sip:200@x".into())));
    });
    let params = json!({"callerDisplayNumber": "conference@example.com", "remoteName": "R"});
    let message = json!({"eventType": "startCallUpdate", "sessionParams": {"sessionData": "S"},
                         "callNotificationParams": params});
    with_leg(message, |leg| {
        assert!(leg.parties.is_conference());
        let (name, number) = leg.parties.remote(false, None);
        assert_eq!((name, number.as_deref()), (None, Some("conference@example.com")));
    });
}

#[test]
fn w3_3_messages_presence_mailbox_and_the_subscription() {
    let im = json!({"eventType": "IM", "imnotificationParams":
                    {"msgText": "hello", "primaryContact": "sip:bob@example.com"}});
    with_body(im, |body| {
        let Notification::Im(Im { text, sender, .. }) = body else { panic!("{body:?}") };
        assert_eq!((&**text, &**sender), ("hello", "bob@example.com"));
    });
    let presence = json!({"eventType": "presenceWatcher", "presenceWatcherNotificationParams":
                          {"name": "bob@example.com", "status": "open", "type": "SipTrunk"}});
    with_body(presence, |body| {
        let Notification::Presence(PresenceNews { user, status, activity, note, .. }) = body else {
            panic!("{body:?}")
        };
        assert_eq!((&**user, status.as_deref()), ("bob@example.com", Some("open")));
        assert_eq!((activity, note), (&None, &None));
    });
    let mwi = json!({"eventType": "mwi", "time": "1700000000000", "mwiNotificationParam":
                     {"mwi": "yes", "totalVoice": "3", "unheardVoice": 1,
                      "voice": {"newMessages": "1", "odd": ["x"]}}});
    with_body(mwi, |body| {
        let Notification::Mailbox(mailbox) = body else { panic!("{body:?}") };
        assert!(mailbox.waiting && mailbox.fax.is_empty());
        assert_eq!((mailbox.total_voice, mailbox.unheard_voice), (3, 1));
        assert_eq!(Value::Object(mailbox.voice.clone()), json!({"newMessages": "1"}));
    });
    with_body(json!({"eventType": "gone", "retryAfter": 2000}), |body| {
        let retry_after = Some(Duration::from_secs(2));
        assert_eq!(body, &Notification::Gone { retry_after });
    });
    with_body(json!({"eventType": "gone"}), |body| {
        assert_eq!(body, &Notification::Gone { retry_after: None });
    });
    with_body(json!({"eventType": "websocketOverridden"}), |body| {
        assert_eq!(body, &Notification::Overridden);
    });
}

#[test]
fn w3_3_events_of_sip_are_known_by_their_parameters_and_others_are_kept() {
    let generic = json!({"data": "d", "sessionData": "S", "sessionDataType": "call"});
    let event = json!({"eventType": "event:dialog", "genericNotificationParams": generic});
    with_body(event, |body| {
        let Notification::Sip(SipNews { event_type, call, .. }) = body else { panic!("{body:?}") };
        assert_eq!((&**event_type, call.as_ref().unwrap().as_str()), ("event:dialog", "S"));
    });
    let other = json!({"data": "d", "sessionData": "S", "sessionDataType": "im"});
    with_body(json!({"genericNotificationParams": other}), |body| {
        assert!(matches!(body, Notification::Sip(SipNews { call: None, .. })));
    });
    for kind in ["trying", "accepted", "startCallReplace", "IceCandidate", "custom", ""] {
        with_body(json!({"eventType": kind, "sessionParams": {"sessionData": "S"}}), |body| {
            assert_eq!(body, &Notification::Other(kind.into()));
        });
    }
}

#[test]
fn w2_6_frames_that_are_no_notifications_are_passed_over() {
    for frame in [r#"{"message_type":"pong"}"#, "{}", "[]", "7", r#"{"notificationMessage":null}"#]
    {
        assert_eq!(Notice::read(frame), Ok(None), "{frame}");
    }
    for frame in ["", "pong", "{", r#"{"notificationMessage":{"eventId":"secret"#] {
        let Err(NoticeError::Json(fault)) = Notice::read(frame) else { panic!("{frame}") };
        assert!(!fault.contains("secret"));
    }
    // What nobody looks into may be as deep as it likes.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Notice::read(&deep), Ok(None));
}

#[test]
fn re_015_of_parameters_only_so_many_and_none_too_long_are_taken() {
    let parameters: Vec<_> =
        (0..70).map(|n| json!({"name": format!("n{n}"), "value": n})).collect();
    let message = |parameters: Value| {
        json!({"eventType": "ringing", "sessionParams": {"sessionData": "S"},
               "customParameters": parameters})
    };
    with_leg(message(parameters.into()), |leg| {
        assert_eq!((leg.parameters.len(), leg.parameters_cut), (64, 6));
        assert_eq!(leg.parameters[7], CustomParameter::new("n7", "7"));
    });
    let odd = json!([{"name": "", "value": "x"}, {"name": "n".repeat(257)}, {"value": "x"}, 7,
                     {"name": "v", "value": "x".repeat(4097)}, {"name": "bare"}]);
    with_leg(message(odd), |leg| {
        assert_eq!(
            (&*leg.parameters, leg.parameters_cut),
            (&[CustomParameter::new("bare", "")][..], 5)
        );
    });
    with_leg(message(json!("none")), |leg| assert_eq!(leg.parameters_cut, 0));
}

#[test]
fn re_054_a_message_of_the_greatest_length_is_read_and_one_byte_more_is_not() {
    let frame = |length: usize| {
        let empty = text(json!({"eventType": "IM", "imnotificationParams": {"msgText": ""}}));
        let filler = "x".repeat(length - empty.len());
        text(json!({"eventType": "IM", "imnotificationParams": {"msgText": filler}}))
    };
    assert!(Notice::read(&frame(MAX_MESSAGE)).unwrap().is_some());
    assert_eq!(Notice::read(&frame(MAX_MESSAGE + 1)), Err(NoticeError::TooLong));
}

#[test]
fn rc_018_what_comes_again_is_known_by_its_id() {
    let mut seen = Seen::new(3);
    assert!(["a", "b", "c"].into_iter().all(|id| seen.is_new(Some(id))));
    assert!(["a", "b", "c"].into_iter().all(|id| !seen.is_new(Some(id))));
    assert!(seen.is_new(Some("d")) && seen.len() == 3);
    assert!(seen.is_new(Some("a")), "the oldest is forgotten first");
    assert!(!seen.is_new(Some("c")) && !seen.is_new(Some("d")));
    assert!(seen.is_new(None) && seen.is_new(None) && seen.is_new(Some("")));
    let long = "x".repeat(256);
    assert!(seen.is_new(Some(&long)) && seen.is_new(Some(&long)));
    seen.resize(1);
    assert!(seen.len() == 1 && seen.is_new(Some("d")));
    let mut off = Seen::new(0);
    assert!(off.is_new(Some("a")) && off.is_new(Some("a")) && off.len() == 0);
}

/// JSON of any shape, often with the keys that are read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("call")),
        Just(json!("respondCallUpdate")),
    ];
    let key = prop_oneof![
        Just("notificationMessage"),
        Just("eventType"),
        Just("eventId"),
        Just("sessionParams"),
        Just("sessionData"),
        Just("sdp"),
        Just("statusCode"),
        Just("retryAfter"),
        Just("customParameters"),
        Just("name"),
        Just("genericNotificationParams"),
        Just("mwiNotificationParam"),
        Just("voice"),
        Just("other"),
    ];
    leaf.prop_recursive(5, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_json_comes_it_is_a_notification_or_none_or_of_no_call(value in any_json()) {
        let message = json!({"notificationMessage": value}).to_string();
        match Notice::read(&message) {
            Ok(Some(notice)) => {
                prop_assert_eq!(notice.message(), serde_json::from_str::<Value>(&message).unwrap());
            }
            Ok(None) => prop_assert!(!value.is_object()),
            Err(error) => prop_assert_eq!(error, NoticeError::NoSession),
        }
    }

    #[test]
    fn whatever_text_comes_nothing_panics(text in "\\PC{0,200}|[{}\\[\\]\",:a-z0-9]{0,80}") {
        let _ = Notice::read(&text);
    }
}
