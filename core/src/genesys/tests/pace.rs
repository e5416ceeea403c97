//! The pace of sessions' signaling (SG-8, wire notes 1.6).

use std::time::{Duration, Instant};

use super::rig::{FULL, LA100, Rig};
use crate::genesys::{Command, ErrorKind, Outcome};
use crate::machine::WsEvent;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Calls that answer themselves, offered all at once: four stanzas each and more.
fn flood(rig: &mut Rig, calls: usize) {
    for n in 0..calls {
        let (session, conversation) = (format!("M{n}"), format!("C{n}"));
        rig.propose(&session, &conversation, r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
        rig.offer(&session, &conversation);
    }
}

fn is_paced(rig: &Rig) -> bool {
    rig.wake.as_ref().is_some_and(|wake| wake.reason == "pace of signaling")
}

/// The stanzas that come out until nothing waits, each with its time.
fn drain(rig: &mut Rig) -> Vec<(Instant, String)> {
    let mut all: Vec<_> = rig.sent().into_iter().map(|text| (rig.now, text)).collect();
    while is_paced(rig) {
        rig.wait_for_timer();
        all.extend(rig.sent().into_iter().map(|text| (rig.now, text)));
    }
    all
}

#[test]
fn sg_8_an_ordinary_call_never_waits() {
    let mut rig = Rig::on(LA100);
    flood(&mut rig, 2);
    rig.media("connected");
    assert!(!is_paced(&rig));
    rig.acknowledge();
    let end = Command::ForceTerminateSession {
        session: "M1".into(),
        reason: crate::jingle::Reason::Success,
    };
    rig.submit(end).unwrap();
    assert!(rig.take_sent("terminate").is_some(), "at once");
}

#[test]
fn sg_8_many_calls_at_once_go_out_in_order_25_a_second_and_none_is_lost() {
    let mut rig = Rig::on(LA100);
    let begun = rig.now;
    flood(&mut rig, 12);
    let sent = drain(&mut rig);
    let at_once = sent.iter().filter(|(at, _)| *at == begun).count();
    assert_eq!(at_once, 25);
    let last = sent.last().unwrap().0;
    assert_eq!(last - begun, MS(40) * (sent.len() - 25) as u32);
    for n in 0..12 {
        let of_it: Vec<_> =
            sent.iter().filter(|(_, text)| text.contains(&format!("\"M{n}\""))).collect();
        let words = ["<proceed", "<accept", r#""answer""#, "a=candidate", "end-of-candidates"];
        assert_eq!(of_it.len(), words.len(), "{of_it:?}");
        for ((_, text), word) in of_it.iter().zip(words) {
            assert!(text.contains(word), "{text} is not {word}");
        }
    }
}

#[test]
fn sg_8_at_the_bound_the_oldest_does_not_wait_any_longer() {
    let mut rig = Rig::on(LA100);
    let begun = rig.now;
    flood(&mut rig, 60);
    let sent = drain(&mut rig);
    assert_eq!(sent.len(), 300, "nothing is lost");
    let proceeds = sent.iter().filter(|(_, text)| text.contains("<proceed"));
    let order: Vec<_> =
        proceeds.map(|(_, text)| text.split(r#"id="M"#).nth(1).unwrap().to_owned()).collect();
    let number = |text: &String| text.split('"').next().unwrap().parse::<usize>().unwrap();
    assert!(order.iter().map(number).eq(0..60));
    assert!(sent.last().unwrap().0 - begun < Duration::from_secs(2));
}

#[test]
fn sg_8_what_belongs_to_the_connection_does_not_wait() {
    let mut rig = Rig::on(LA100);
    flood(&mut rig, 12);
    rig.forget();
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="get" id="p1" from="hawk" to="{FULL}"><ping xmlns="urn:xmpp:ping"/></iq>"#
    ));
    assert!(rig.sent().iter().any(|text| text.contains("p1")), "a ping is answered at once");
    assert!(is_paced(&rig));
}

#[test]
fn sg_8_before_a_polite_end_everything_is_said() {
    for transfer in [false, true] {
        let mut rig = Rig::on(LA100);
        flood(&mut rig, 12);
        if transfer {
            rig.frame(&format!(
                r#"<iq xmlns="jabber:client" type="set" id="cx" to="{FULL}"><query xmlns="urn:xmpp:cxfr"/></iq>"#
            ));
        } else {
            rig.submit(Command::Disconnect).unwrap();
        }
        let sent = rig.sent();
        assert_eq!(sent.len(), 12 * 5 + 1, "at once, however many");
        assert!(sent.last().unwrap().starts_with("<close"));
        assert!(!is_paced(&rig));
    }
}

#[test]
fn sg_8_what_waits_when_the_connection_is_lost_is_answered_as_lost() {
    let mut rig = Rig::ready_with(|config| config.auto_connect_sessions = false);
    flood(&mut rig, 20);
    let conversation = "C19".into();
    let accept = rig.submit(Command::AcceptSession { conversation }).unwrap();
    assert!(rig.take_sent(r#""answer""#).is_none(), "it waits");
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    assert_eq!(rig.failure(accept), Some(ErrorKind::Network));
    rig.forget();
    rig.login();
    rig.acknowledge();
    assert!(!is_paced(&rig) && rig.take_sent("M19").is_none(), "not on another connection");
    // It can be tried again (DEF-16), on a fresh bucket.
    let conversation = "C18".into();
    let accept = rig.submit(Command::AcceptSession { conversation }).unwrap();
    rig.acknowledge();
    assert_eq!(rig.completion(accept), Some(Ok(Outcome::Done)));
}
