//! Transfers and conferences at the model gateway, with real media in virtual time (w4.12-4.14, w9).

mod common;

use std::time::Duration;

use common::phones::{Lab, sdp, session};
use offhook::sdp::Direction;
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;

/// Two phones talk, and the first of them holds: both sessions. The first is a new peer.
fn held(lab: &mut Lab, from: usize, to: usize) -> (String, String) {
    lab.renew(from);
    let a = lab.call(from, &lab.phones[to].at.user.clone());
    let call = lab.wait(to, "call");
    let b = session(&call);
    let answer = lab.answer(to, &sdp(&call));
    lab.put(to, &b, &json!({"type": "callAnswer", "sdp": answer}));
    let answered = lab.wait(from, "respondCallUpdate");
    lab.take(from, &sdp(&answered));
    lab.run(S(2));
    let offer = lab.offer(from, Direction::Inactive);
    lab.put(from, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
    let asked = lab.wait(to, "startCallUpdate");
    let answer = lab.answer(to, &sdp(&asked));
    lab.put(to, &b, &json!({"type": "respondCallUpdate", "sdp": answer}));
    let answered = lab.wait(from, "respondCallUpdate");
    lab.take(from, &sdp(&answered));
    lab.told(from);
    lab.told(to);
    (a, b)
}

/// A phone meets the offer of a new peer.
fn meets(lab: &mut Lab, phone: usize, own: &str) -> Value {
    let asked = lab.wait(phone, "startCallUpdate");
    lab.renew(phone);
    let answer = lab.answer(phone, &sdp(&asked));
    lab.put(phone, own, &json!({"type": "respondCallUpdate", "sdp": answer}));
    asked
}

/// A phone answers a call that came without an offer.
fn answers_slowly(lab: &mut Lab, phone: usize) -> String {
    let call = lab.wait(phone, "call");
    assert!(call["sessionParams"].get("sdp").is_none());
    let own = session(&call);
    lab.renew(phone);
    let offer = lab.offer(phone, Direction::SendRecv);
    lab.put(phone, &own, &json!({"type": "callAnswer", "sdp": offer}));
    own
}

fn hear_each_other(lab: &mut Lab, phones: &[usize]) {
    lab.run(S(3));
    let heard = lab.talk();
    for phone in phones {
        assert!(heard[*phone] > 40, "{heard:?}");
    }
}

#[test]
fn w4_12_a_direct_transfer_leaves_the_other_two_talking() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    let (a, b) = held(&mut lab, 0, 1);
    let request = json!({"type": "transfer", "address": "sip:carol@example.com"});
    assert_eq!(lab.put(0, &a, &request), (200, 0));
    assert_eq!(lab.told(0), Vec::<String>::new());
    let c = answers_slowly(&mut lab, carol);
    let complete = lab.wait(0, "sessionComplete");
    assert_eq!(session(&complete), a);
    let asked = meets(&mut lab, 1, &b);
    assert_eq!(asked["callNotificationParams"]["remoteName"], "CAROL");
    let answered = lab.wait(carol, "respondCallUpdate");
    assert_eq!(answered["callNotificationParams"]["callerDisplayNumber"], "bob@example.com");
    lab.take(carol, &sdp(&answered));
    hear_each_other(&mut lab, &[1, carol]);
    assert_eq!(lab.delete(0, &a), 404);
    assert_eq!(lab.gate.events("transferred").len(), 1);
    lab.delete(carol, &c);
    lab.wait(1, "callEnd");
    lab.gate.assert_tidy();
}

#[test]
fn w4_12_a_direct_transfer_fails_and_all_is_as_before() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    let (a, b) = held(&mut lab, 0, 1);
    let transfer = |to: &str| json!({"type": "transfer", "address": to});
    lab.put(0, &a, &transfer("sip:nobody@example.com"));
    let fail = lab.wait(0, "sessionFail");
    assert_eq!(
        (&fail["statusCode"], &fail["sessionParams"]["statusCode"]),
        (&json!(404), &json!(404))
    );
    lab.put(0, &a, &transfer("sip:carol@example.com"));
    let c = session(&lab.wait(carol, "call"));
    lab.dispose(carol, &json!({"action": "reject", "sessionData": c}));
    assert_eq!(lab.wait(0, "sessionFail")["statusCode"], 603);
    // Nobody answers.
    lab.control("POST", "options", &json!({"auditMisses": 0}));
    lab.put(0, &a, &transfer("sip:carol@example.com"));
    lab.wait(carol, "call");
    assert_eq!(lab.wait(0, "sessionFail")["statusCode"], 408);
    lab.wait(carol, "callCancel");
    // Somebody sends it on, and is busy in the end.
    lab.control("POST", "parties", &json!({"address": "1", "script": "busy"}));
    lab.put(0, &a, &transfer("sip:carol@example.com"));
    let c = session(&lab.wait(carol, "call"));
    lab.dispose(carol, &json!({"action": "forward", "sessionData": c, "address": "sip:1@x"}));
    assert_eq!(lab.wait(0, "sessionFail")["statusCode"], 486);
    // The call goes on.
    let offer = lab.offer(0, Direction::SendRecv);
    lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
    let asked = lab.wait(1, "startCallUpdate");
    let answer = lab.answer(1, &sdp(&asked));
    lab.put(1, &b, &json!({"type": "respondCallUpdate", "sdp": answer}));
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    hear_each_other(&mut lab, &[0, 1]);
    lab.gate.assert_tidy();
}

#[test]
fn w4_12_a_far_end_that_is_busy_with_its_own_offer_is_asked_again() {
    let mut lab = Lab::of_two();
    lab.control("POST", "parties", &json!({"address": "1", "script": "answer"}));
    let (a, b) = held(&mut lab, 0, 1);
    lab.put(0, &a, &json!({"type": "transfer", "address": "sip:1@x"}));
    lab.wait(1, "startCallUpdate");
    lab.put(1, &b, &json!({"type": "respondCallUpdate", "statusCode": "491"}));
    meets(&mut lab, 1, &b);
    lab.run(S(3));
    assert!(lab.talk()[1] > 40);
    assert_eq!(lab.told(0), ["sessionComplete"]);
    lab.gate.assert_tidy();
}

/// Alice talks with Bob and with Carol, and holds both: her sessions, Bob's and Carol's.
fn two_calls(lab: &mut Lab, carol: usize) -> [String; 4] {
    let (a1, b) = held(lab, 0, 1);
    let (a2, c) = held(lab, 0, carol);
    [a1, a2, b, c]
}

#[test]
fn w4_13_a_consultative_transfer_puts_the_other_two_together() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    let [a1, a2, b, c] = two_calls(&mut lab, carol);
    let request =
        json!({"type": "transfer", "sessionData": a2, "address": "sip:carol@example.com"});
    assert_eq!(lab.put(0, &a1, &request), (200, 0));
    let asked = lab.wait(carol, "startCallUpdate");
    assert!(asked["sessionParams"].get("sdp").is_none());
    lab.renew(carol);
    let offer = lab.offer(carol, Direction::SendRecv);
    lab.put(carol, &c, &json!({"type": "respondCallUpdate", "sdp": offer}));
    meets(&mut lab, 1, &b);
    let answered = lab.wait(carol, "respondCallUpdate");
    lab.take(carol, &sdp(&answered));
    assert_eq!(session(&lab.wait(0, "sessionComplete")), a1);
    assert_eq!(session(&lab.wait(0, "callEnd")), a2);
    hear_each_other(&mut lab, &[1, carol]);
    lab.gate.assert_tidy();
}

#[test]
fn w4_13_a_consultative_transfer_that_one_refuses_leaves_both_calls() {
    for refuses in [1, 2] {
        let mut lab = Lab::of_two();
        let carol = lab.phone("carol");
        let [a1, a2, b, c] = two_calls(&mut lab, carol);
        let request =
            json!({"type": "transfer", "sessionData": a2, "address": "sip:carol@example.com"});
        lab.put(0, &a1, &request);
        lab.wait(carol, "startCallUpdate");
        let refused = json!({"type": "respondCallUpdate", "statusCode": "491"});
        if refuses == carol {
            lab.put(carol, &c, &refused);
        } else {
            let offer = lab.offer(carol, Direction::SendRecv);
            lab.put(carol, &c, &json!({"type": "respondCallUpdate", "sdp": offer}));
            lab.wait(1, "startCallUpdate");
            lab.put(1, &b, &refused);
            assert_eq!(lab.wait(carol, "respondCallUpdate")["statusCode"], 49);
        }
        assert_eq!(session(&lab.wait(0, "sessionFail")), a1);
        for (phone, own) in [(0, &a1), (0, &a2), (1, &b), (carol, &c)] {
            assert_eq!(lab.state(phone, own), "ANSWERED");
        }
        // Each still has its own far end.
        lab.delete(1, &b);
        assert_eq!(session(&lab.wait(0, "callEnd")), a1);
        lab.delete(carol, &c);
        assert_eq!(session(&lab.wait(0, "callEnd")), a2);
        lab.gate.assert_tidy();
    }
}

#[test]
fn w4_14_a_join_lets_three_hear_each_other_and_ends_the_old_legs() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    let [a1, a2, b, c] = two_calls(&mut lab, carol);
    lab.renew(0);
    let offer = lab.offer(0, Direction::SendRecv);
    let body = json!({"callControlRequest": {
        "type": "join", "firstSessionData": a1, "secondSessionData": a2, "sdp": offer,
    }});
    let (status, body) = lab.rest(0, "POST", "callControl", &body);
    assert_eq!(status, 201, "{body}");
    let a3 = body["callControlResponse"]["sessionData"].as_str().unwrap().to_owned();
    lab.run(S(1));
    let kinds: Vec<_> = lab.phones[0].notices.iter().map(|n| n["eventType"].clone()).collect();
    assert_eq!(kinds, ["respondCallUpdate", "sessionComplete", "sessionComplete"]);
    let answered = lab.wait(0, "respondCallUpdate");
    let number = answered["callNotificationParams"]["remoteDisplayNumber"].as_str().unwrap();
    assert!(number.starts_with("conference@"), "{number}");
    lab.take(0, &sdp(&answered));
    for (phone, own) in [(1, &b), (carol, &c)] {
        let asked = meets(&mut lab, phone, own);
        let number = asked["callNotificationParams"]["remoteDisplayNumber"].as_str().unwrap();
        assert!(number.starts_with("conference@"), "{number}");
    }
    lab.run(S(3));
    for speaker in [0, 1, carol] {
        let heard = lab.talk_alone(speaker);
        for phone in [0, 1, carol].into_iter().filter(|phone| *phone != speaker) {
            assert!(heard[phone] > 40, "{speaker} speaks: {heard:?}");
        }
        assert_eq!(heard[speaker], 0);
    }
    assert_eq!(lab.gate.events("joined").len(), 1);
    lab.delete(0, &a3);
    lab.gate.assert_tidy();
}

#[test]
fn w4_14_parties_by_script_are_joined_and_heard() {
    let mut lab = Lab::new();
    lab.phone("alice");
    let mut sessions = Vec::new();
    for address in ["1", "2"] {
        lab.control("POST", "parties", &json!({"address": address, "farEnd": "prompt"}));
        lab.renew(0);
        sessions.push(lab.call(0, &format!("{address}@example.com")));
        let answered = lab.wait(0, "respondCallUpdate");
        lab.take(0, &sdp(&answered));
    }
    lab.renew(0);
    let offer = lab.offer(0, Direction::SendRecv);
    let body = json!({"callControlRequest": {
        "type": "join", "firstSessionData": sessions[0], "secondSessionData": sessions[1],
        "sdp": offer,
    }});
    lab.rest(0, "POST", "callControl", &body);
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    lab.run(S(2));
    assert!(lab.talk()[0] > 40);
    // Two of one's own calls are wanted.
    let body = json!({"callControlRequest": {
        "type": "join", "firstSessionData": sessions[0], "secondSessionData": sessions[1],
        "sdp": "v=0",
    }});
    assert_eq!(lab.rest(0, "POST", "callControl", &body).0, 404);
}
