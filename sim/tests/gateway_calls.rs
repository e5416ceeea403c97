//! Calls at the model gateway: two clients, or one and somebody by script, with real media in virtual
//! time (w4, w9).

mod common;

use std::time::Duration;

use common::phones::{Lab, sdp, session};
use offhook::media::MediaState;
use offhook::sdp::Direction;
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;
const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

fn status(notice: &Value) -> (i64, i64) {
    let at = |value: &Value| value.as_i64().unwrap();
    (at(&notice["statusCode"]), at(&notice["sessionParams"]["statusCode"]))
}

/// Alice calls Bob, who answers: both sessions.
fn talking(lab: &mut Lab) -> (String, String) {
    let a = lab.call(0, BOB);
    let call = lab.wait(1, "call");
    let b = session(&call);
    assert_eq!(lab.put(1, &b, &json!({"type": "ringing"})), (200, 0));
    lab.wait(0, "ringing");
    let answer = lab.answer(1, &sdp(&call));
    assert_eq!(lab.put(1, &b, &json!({"type": "callAnswer", "sdp": answer})), (200, 0));
    let answered = lab.wait(0, "respondCallUpdate");
    assert_eq!(session(&answered), a);
    lab.take(0, &sdp(&answered));
    lab.run(S(2));
    lab.told(0);
    lab.told(1);
    (a, b)
}

#[test]
fn w4_1_w9_3_two_clients_ring_answer_and_hear_each_other() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    assert_ne!(a, b);
    assert_eq!(lab.phones[0].state, MediaState::Connected);
    let heard = lab.talk();
    assert!(heard.iter().all(|frames| *frames > 45), "{heard:?}");
    let call = lab.only_call();
    assert_eq!(call["state"], "connected");
    assert_eq!(call["legs"][0]["sessionData"], a);
    assert_eq!(
        (&call["legs"][1]["user"], &call["legs"][1]["party"]),
        (&json!(BOB), &json!("client"))
    );
    assert_eq!((lab.state(0, &a), lab.state(1, &b)), ("ANSWERED".into(), "ANSWERED".into()));
    assert_eq!(lab.delete(0, &a), 204);
    let end = lab.wait(1, "callEnd");
    assert_eq!(status(&end), (200, 200));
    assert_eq!(lab.state(1, &b), "47");
    assert_eq!(lab.told(0), Vec::<String>::new(), "who ended it is not told");
    assert_eq!(lab.only_call()["state"], "ended");
    lab.gate.assert_tidy();
}

#[test]
fn w3_3_people_and_parameters_stand_in_the_notifications() {
    let mut lab = Lab::of_two();
    let sdp_ = lab.offer(0, Direction::SendRecv);
    let parameters = json!([{"name": "X-GPS", "value": "42"}]);
    let body = json!({"callControlRequest": {
        "type": "callStart", "to": "sip:bob@example.com", "from": "Al<sip:alice@example.com>",
        "sdp": sdp_, "customParameters": parameters,
    }});
    lab.rest(0, "POST", "callControl", &body);
    let call = lab.wait(1, "call");
    let people = &call["callNotificationParams"];
    assert_eq!(
        (&people["callerName"], &people["callerDisplayNumber"]),
        (&json!("Al"), &json!("alice@example.com"))
    );
    assert_eq!(people["calleeDisplayNumber"], BOB);
    assert_eq!(call["customParameters"], parameters);
    assert_eq!(call["sessionParams"]["actions"], json!(["answer", "reject", "forward"]));
    let b = session(&call);
    lab.put(
        1,
        &b,
        &json!({"type": "sendCustomHeaders", "customParameters": [{"name": "a", "value": "b"}]}),
    );
    lab.put(1, &b, &json!({"type": "ringing"}));
    let ringing = lab.wait(0, "ringing");
    assert_eq!(ringing["callNotificationParams"]["remoteName"], "BOB");
    assert_eq!(ringing["customParameters"], json!([{"name": "a", "value": "b"}]));
    assert_eq!(lab.gate.events("custom").len(), 1);
    lab.gate.assert_tidy();
}

#[test]
fn w9_3_nobody_there_is_480_or_404() {
    let mut lab = Lab::of_two();
    lab.gate.user("carol", &json!({}));
    for (to, code) in [("carol@example.com", 480), ("nobody@example.com", 404)] {
        lab.renew(0);
        let a = lab.call(0, to);
        let end = lab.wait(0, "callEnd");
        assert_eq!((session(&end), status(&end)), (a, (code, code)));
    }
    lab.gate.assert_tidy();
}

#[test]
fn w9_3_of_a_users_clients_one_answers_and_the_rest_are_cancelled() {
    for when in ["before", "after"] {
        let mut lab = Lab::of_two();
        let second = lab.another_phone("bob");
        lab.control("POST", "options", &json!({"cancelToAnswerer": when}));
        lab.call(0, BOB);
        let (first, other) = (lab.wait(1, "call"), lab.wait(second, "call"));
        assert_ne!(session(&first), session(&other));
        lab.put(1, &session(&first), &json!({"type": "ringing"}));
        lab.put(second, &session(&other), &json!({"type": "ringing"}));
        let answer = lab.answer(1, &sdp(&first));
        let request = json!({"type": "callAnswer", "sdp": answer});
        assert_eq!(lab.put(1, &session(&first), &request), (200, 0));
        assert_eq!(session(&lab.wait(1, "callCancel")), session(&first));
        lab.wait(second, "callCancel");
        assert_eq!(lab.told(0), ["ringing", "respondCallUpdate"], "told once that it rings");
        // Too late (w1.6, w4.16).
        assert_eq!(lab.put(second, &session(&other), &request), (409, 55));
        assert_eq!(lab.state(second, &session(&other)), "ANSWERED");
        assert_eq!(lab.put(second, &session(&other), &json!({"type": "audit"})), (404, 42));
        lab.gate.assert_tidy();
    }
}

#[test]
fn w4_5_w4_7_a_call_that_rings_is_turned_down_given_up_or_sent_on() {
    let mut lab = Lab::of_two();
    let carol = lab.phone("carol");
    // Turned down.
    lab.call(0, BOB);
    let b = session(&lab.wait(1, "call"));
    assert_eq!(lab.dispose(1, &json!({"action": "reject", "sessionData": b})), 200);
    assert_eq!(status(&lab.wait(0, "callEnd")).0, 603);
    lab.wait(1, "callCancel");
    // Deleted by whom it rang at.
    lab.renew(0);
    lab.call(0, BOB);
    let b = session(&lab.wait(1, "call"));
    assert_eq!(lab.delete(1, &b), 204);
    lab.wait(0, "callEnd");
    // Given up.
    lab.renew(0);
    let a = lab.call(0, BOB);
    let b = session(&lab.wait(1, "call"));
    assert_eq!(lab.delete(0, &a), 204);
    assert_eq!(session(&lab.wait(1, "callCancel")), b);
    // Sent on.
    lab.renew(0);
    lab.call(0, BOB);
    let b = session(&lab.wait(1, "call"));
    let request =
        json!({"action": "forward", "sessionData": b, "address": "sip:carol@example.com"});
    assert_eq!(lab.dispose(1, &request), 200);
    lab.wait(1, "callCancel");
    let call = lab.wait(carol, "call");
    let answer = lab.answer(carol, &sdp(&call));
    lab.put(carol, &session(&call), &json!({"type": "callAnswer", "sdp": answer}));
    let answered = lab.wait(0, "respondCallUpdate");
    assert_eq!(answered["callNotificationParams"]["remoteDisplayNumber"], "carol@example.com");
    lab.gate.assert_tidy();
}

#[test]
fn w4_9_an_offer_is_answered_and_holds_are_seen_on_both_legs() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    let update = |lab: &mut Lab, from: usize, direction: Direction| {
        let (own, other) = if from == 0 { (&a, &b) } else { (&b, &a) };
        let offer = lab.offer(from, direction);
        assert_eq!(lab.put(from, own, &json!({"type": "startCallUpdate", "sdp": offer})), (200, 0));
        let asked = lab.wait(1 - from, "startCallUpdate");
        let answer = lab.answer(1 - from, &sdp(&asked));
        lab.put(1 - from, other, &json!({"type": "respondCallUpdate", "sdp": answer}));
        let answered = lab.wait(from, "respondCallUpdate");
        assert!(answered.get("statusCode").is_none());
        lab.take(from, &sdp(&answered));
        let legs = lab.only_call()["legs"].clone();
        (legs[0]["held"].clone(), legs[1]["held"].clone())
    };
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(update(&mut lab, 0, Direction::Inactive), (yes.clone(), no.clone()));
    assert_eq!(lab.talk(), [0, 0]);
    assert_eq!(update(&mut lab, 1, Direction::Inactive), (yes.clone(), yes.clone()));
    assert_eq!(update(&mut lab, 0, Direction::SendRecv), (no.clone(), yes));
    assert_eq!(update(&mut lab, 1, Direction::SendRecv), (no.clone(), no));
    assert!(lab.talk().iter().all(|frames| *frames > 45));
    assert_eq!(lab.gate.events("updated-media").len(), 4);
    lab.gate.assert_tidy();
}

#[test]
fn w8_6_w8_7_crossing_offers_are_refused_on_both_sides_and_the_next_one_works() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    for (phone, own) in [(0, &a), (1, &b)] {
        let offer = lab.offer(phone, Direction::Inactive);
        lab.put(phone, own, &json!({"type": "startCallUpdate", "sdp": offer}));
    }
    for (phone, own) in [(0, &a), (1, &b)] {
        lab.wait(phone, "startCallUpdate");
        let refused = json!({"type": "respondCallUpdate", "statusCode": "491"});
        assert_eq!(lab.put(phone, own, &refused), (200, 0));
    }
    for phone in [0, 1] {
        let refused = lab.wait(phone, "respondCallUpdate");
        assert_eq!(status(&refused), (49, 49));
        let ms = refused["sessionParams"]["retryAfter"].as_u64().unwrap();
        assert!((1000..=4000).contains(&ms), "{ms}");
        assert!(refused["sessionParams"].get("sdp").is_none());
        lab.roll_back(phone, Direction::SendRecv);
    }
    assert_eq!((lab.gate.events("glare").len(), lab.gate.events("refused-491").len()), (1, 2));
    let offer = lab.offer(0, Direction::SendRecv);
    lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
    let asked = lab.wait(1, "startCallUpdate");
    let answer = lab.answer(1, &sdp(&asked));
    lab.put(1, &b, &json!({"type": "respondCallUpdate", "sdp": answer}));
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    assert!(lab.talk().iter().all(|frames| *frames > 45));
    lab.gate.assert_tidy();
}

#[test]
fn w4_17_audits_keep_a_call_and_their_lack_ends_it() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    for _ in 0..10 {
        lab.run(S(25));
        assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (200, 0));
        assert_eq!(lab.put(1, &b, &json!({"type": "audit"})), (200, 0));
    }
    assert_eq!(lab.only_call()["legs"][0]["audits"], 10);
    for _ in 0..3 {
        lab.run(S(25));
        lab.put(0, &a, &json!({"type": "audit"}));
    }
    lab.run(S(1));
    for phone in [0, 1] {
        assert_eq!(status(&lab.wait(phone, "callEnd")).0, 480);
    }
    assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (404, 42));
    assert_eq!(lab.gate.events("audit-missed").len(), 1);
    lab.gate.assert_tidy();
}

#[test]
fn w4_17_a_forgotten_leg_is_found_by_its_audit() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    let id = lab.only_call()["id"].as_str().unwrap().to_owned();
    lab.control("POST", &format!("calls/{id}/forget"), &json!({}));
    lab.run(S(5));
    assert_eq!((lab.told(0), lab.told(1)), (vec![], vec![]));
    assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (404, 42));
    assert_eq!(lab.state(1, &b), "47");
    lab.gate.assert_tidy();
}

#[test]
fn w1_6_what_is_not_expected_is_refused_and_told() {
    let mut lab = Lab::of_two();
    let (a, b) = talking(&mut lab);
    for (request, code) in [
        (json!({"type": "ringing"}), 1004),
        (json!({"type": "callAnswer", "sdp": "v=0"}), 1004),
        (json!({"type": "respondCallUpdate", "sdp": "v=0"}), 1004),
        (json!({"type": "respondCallUpdate", "statusCode": "200"}), 37),
        (json!({"type": "startCallUpdate"}), 5),
        (json!({"type": "startCallUpdate", "sdp": "x".repeat(65_537)}), 5),
        (json!({"type": "sendCustomHeaders"}), 5),
        (json!({"type": "sendCustomHeaders", "customParameters": [7]}), 5),
        (json!({"type": "chess"}), 1004),
        (json!({}), 5),
    ] {
        assert_eq!(lab.put(0, &a, &request), (400, code), "{request:.80}");
    }
    assert_eq!(lab.gate.events("bad-request").len(), 10);
    // What is another's is nobody's.
    assert_eq!(lab.put(0, &b, &json!({"type": "audit"})), (404, 42));
    assert_eq!(lab.gate.events("bad-request").len(), 10);
}

#[test]
fn parties_answer_ring_are_busy_decline_and_keep_silent() {
    let mut lab = Lab::of_two();
    for (script, more, told) in [
        ("answer", json!({}), vec!["ringing", "respondCallUpdate"]),
        ("slow", json!({"afterMs": 800}), vec!["ringing", "respondCallUpdate"]),
        ("ring", json!({}), vec!["ringing"]),
        ("early-media", json!({}), vec!["ringing", "sessionProgress", "respondCallUpdate"]),
        ("busy", json!({}), vec!["callEnd"]),
        ("decline", json!({}), vec!["ringing", "callEnd"]),
        ("silent", json!({}), vec![]),
    ] {
        lab.renew(0);
        let mut party = json!({"address": "sip:+15550100@example.com", "script": script});
        party.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        lab.control("POST", "parties", &party);
        let a = lab.call(0, "+15550100@example.com");
        lab.run(S(5));
        assert_eq!(lab.told(0), told, "{script}");
        lab.delete(0, &a);
        lab.run(S(1));
    }
    lab.gate.assert_tidy();
}

#[test]
fn a_party_that_answers_is_heard_and_its_keys_too() {
    let mut lab = Lab::of_two();
    lab.control("POST", "parties", &json!({"address": "5550100", "script": "answer"}));
    lab.call(0, "5550100@example.com");
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    lab.run(S(2));
    assert!(lab.talk()[0] > 45);
    let id = lab.only_call()["id"].as_str().unwrap().to_owned();
    let media = lab.control("GET", &format!("calls/{id}/media"), &Value::Null);
    assert_eq!(media["connectionState"], "connected");
    assert!(media["packetsReceived"].as_u64().unwrap() >= 50, "{media}");
    lab.press(0, "1#");
    let keys: Vec<_> = lab.gate.events("dtmf").iter().map(|e| e["digit"].clone()).collect();
    assert_eq!(keys, ["1", "#"]);
    lab.control("POST", &format!("calls/{id}/dtmf"), &json!({"tones": "42"}));
    lab.run(S(1));
    assert_eq!(lab.phones[0].keys, "42");
    lab.control(
        "POST",
        &format!("calls/{id}/hangup"),
        &json!({"statusCode": 503, "reasonText": "x"}),
    );
    let end = lab.wait(0, "callEnd");
    assert_eq!((status(&end).0, &end["sessionParams"]["reasonText"]), (503, &json!("x")));
    lab.gate.assert_tidy();
}

/// Somebody calls Alice, who answers: the call's id, and her session.
fn called(lab: &mut Lab, more: &Value) -> (String, String) {
    let mut body = json!({"to": "alice@example.com"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = lab.control("POST", "calls", &body);
    let id = made["id"].as_str().unwrap().to_owned();
    let call = lab.wait(0, "call");
    let a = session(&call);
    lab.put(0, &a, &json!({"type": "ringing"}));
    let answer = lab.answer(0, &sdp(&call));
    lab.put(0, &a, &json!({"type": "callAnswer", "sdp": answer}));
    lab.run(S(2));
    lab.told(0);
    (id, a)
}

/// Alice answers what the far side offers.
fn meets(lab: &mut Lab, a: &str) -> String {
    let asked = lab.wait(0, "startCallUpdate");
    let offer = sdp(&asked);
    let answer = lab.answer(0, &offer);
    assert_eq!(lab.put(0, a, &json!({"type": "respondCallUpdate", "sdp": answer})), (200, 0));
    lab.run(MS(200));
    offer
}

#[test]
fn w4_10_the_far_side_holds_plays_music_resumes_refreshes_and_restarts() {
    let mut lab = Lab::new();
    lab.phone("alice");
    let (id, a) = called(&mut lab, &json!({"farEnd": "prompt"}));
    let far = |lab: &mut Lab, what: &str, body: &Value| {
        lab.control("POST", &format!("calls/{id}/{what}"), body);
    };
    assert!(lab.talk()[0] > 45);
    far(&mut lab, "hold", &json!({}));
    assert!(meets(&mut lab, &a).contains("a=inactive"));
    assert_eq!(lab.talk(), [0]);
    assert_eq!(lab.only_call()["legs"][0]["held"], true);
    far(&mut lab, "music", &json!({"on": true}));
    assert!(meets(&mut lab, &a).contains("a=sendonly"));
    assert!(lab.talk()[0] > 45, "music is heard");
    far(&mut lab, "music", &json!({"on": false}));
    meets(&mut lab, &a);
    assert_eq!(lab.talk(), [0]);
    far(&mut lab, "unhold", &json!({}));
    meets(&mut lab, &a);
    assert!(lab.talk()[0] > 45);
    assert_eq!(lab.only_call()["legs"][0]["held"], false);
    for what in ["refresh", "restart", "new-peer"] {
        far(&mut lab, what, &json!({}));
        if what == "new-peer" {
            let asked = lab.wait(0, "startCallUpdate");
            lab.renew(0);
            let answer = lab.answer(0, &sdp(&asked));
            lab.put(0, &a, &json!({"type": "respondCallUpdate", "sdp": answer}));
        } else {
            meets(&mut lab, &a);
        }
        lab.run(S(3));
        assert!(lab.talk()[0] > 45, "after {what}");
    }
    far(&mut lab, "parameters", &json!({"X-A": "1"}));
    far(&mut lab, "video", &json!({"on": true}));
    let asked = lab.wait(0, "startCallUpdate");
    assert!(sdp(&asked).contains("m=video"));
    assert_eq!(asked["customParameters"], json!([{"name": "X-A", "value": "1"}]));
    let refused = json!({"type": "respondCallUpdate", "statusCode": "491"});
    assert_eq!(lab.put(0, &a, &refused), (200, 0));
    lab.run(S(1));
    assert!(lab.talk()[0] > 45, "after a refusal all is as before");
    lab.gate.assert_tidy();
}

#[test]
fn w4_4_w4_10_slow_start_at_the_beginning_and_in_the_middle() {
    let mut lab = Lab::new();
    lab.phone("alice");
    let body = json!({"to": "alice@example.com", "slowStart": true});
    let id = lab.control("POST", "calls", &body)["id"].as_str().unwrap().to_owned();
    let call = lab.wait(0, "call");
    assert!(call["sessionParams"].get("sdp").is_none());
    let a = session(&call);
    let offer = lab.offer(0, Direction::SendRecv);
    lab.put(0, &a, &json!({"type": "callAnswer", "sdp": offer}));
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    lab.run(S(2));
    assert!(lab.talk()[0] > 45);
    lab.told(0);
    lab.control("POST", &format!("calls/{id}/slow-start"), &json!({}));
    let asked = lab.wait(0, "startCallUpdate");
    assert!(asked["sessionParams"].get("sdp").is_none());
    lab.renew(0);
    let offer = lab.offer(0, Direction::SendRecv);
    lab.put(0, &a, &json!({"type": "respondCallUpdate", "sdp": offer}));
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    lab.run(S(3));
    assert!(lab.talk()[0] > 45);
    lab.gate.assert_tidy();
}

#[test]
fn w4_0_4_glare_helper_meets_the_next_offer_in_three_ways() {
    for when in ["same-time", "before-reply", "after-reply"] {
        let mut lab = Lab::new();
        lab.phone("alice");
        let (id, a) = called(&mut lab, &json!({}));
        lab.control("POST", &format!("calls/{id}/glare"), &json!({"when": when}));
        let offer = lab.offer(0, Direction::Inactive);
        lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
        lab.wait(0, "startCallUpdate");
        lab.put(0, &a, &json!({"type": "respondCallUpdate", "statusCode": "491"}));
        assert_eq!(status(&lab.wait(0, "respondCallUpdate")).0, 49, "{when}");
        lab.roll_back(0, Direction::SendRecv);
        lab.run(S(1));
        // The next one works.
        let offer = lab.offer(0, Direction::Inactive);
        lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
        let answered = lab.wait(0, "respondCallUpdate");
        lab.take(0, &sdp(&answered));
        assert_eq!(lab.gate.events("glare").len(), 1, "{when}");
        lab.gate.assert_tidy();
    }
}

#[test]
fn rp_2_an_offer_comes_while_the_call_is_being_answered() {
    let mut lab = Lab::new();
    lab.phone("alice");
    lab.control("POST", "options", &json!({"offerDuringAnswer": true}));
    lab.control("POST", "calls", &json!({"to": "alice@example.com"}));
    let call = lab.wait(0, "call");
    let a = session(&call);
    let answer = lab.answer(0, &sdp(&call));
    lab.put(0, &a, &json!({"type": "callAnswer", "sdp": answer}));
    meets(&mut lab, &a);
    lab.run(S(2));
    assert!(lab.talk()[0] > 45);
    lab.gate.assert_tidy();
}

#[test]
fn w3_2_a_pushed_call_is_told_by_the_control_api_alone_or_by_both_channels() {
    let mut lab = Lab::new();
    lab.phone("alice");
    for (channel, on_socket) in [("push", 0), ("both", 1)] {
        lab.control("POST", "calls", &json!({"to": "alice@example.com", "channel": channel}));
        lab.run(S(1));
        let calls = lab.phones[0].notices.iter().filter(|n| n["eventType"] == "call").count();
        assert_eq!(calls, on_socket, "{channel}");
    }
    let pushed = lab.gate.events("pushed");
    let twice = pushed[1]["message"]["notificationMessage"]["eventId"].clone();
    assert_eq!((pushed.len(), &lab.phones[0].notices[0]["eventId"]), (2, &twice));
}

#[test]
fn w4_16_elsewhere_another_client_of_the_user_answers_rejects_or_forwards() {
    let mut lab = Lab::of_two();
    for (how, state, caller) in
        [("answer", "ANSWERED", None), ("reject", "47", Some("callEnd")), ("forward", "47", None)]
    {
        lab.renew(0);
        lab.call(0, BOB);
        let b = session(&lab.wait(1, "call"));
        lab.told(0);
        let id = lab.only_call_of(&b);
        lab.control("POST", &format!("calls/{id}/elsewhere"), &json!({"how": how}));
        lab.wait(1, "callCancel");
        assert_eq!(lab.state(1, &b), state, "{how}");
        lab.run(S(1));
        assert_eq!(lab.told(0), caller.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{how}");
    }
    lab.gate.assert_tidy();
}

#[test]
fn rp_1_a_reply_may_come_after_the_notification() {
    let mut lab = Lab::new();
    lab.phone("alice");
    let (_, a) = called(&mut lab, &json!({}));
    lab.control("POST", "weather", &json!({"notifyBeforeReply": 1}));
    let offer = lab.offer(0, Direction::Inactive);
    let credentials = common::gateway::basic("alice@example.com", "pw");
    let body = json!({"callControlRequest": {"type": "startCallUpdate", "sdp": offer}}).to_string();
    let path = common::gateway::path("alice@example.com", &format!("callControl/callSessions/{a}"));
    let id = lab.gate.ask_as("PUT", &path, &[("authorization", &credentials)], &body);
    assert_eq!(lab.gate.answer(id), None);
    lab.run(MS(100));
    let told = lab.told(0);
    assert_eq!((told, lab.gate.answer(id).unwrap().0), (vec!["respondCallUpdate".to_owned()], 200));
}

#[test]
fn faults_are_ordered_by_the_kind_of_request() {
    let mut lab = Lab::of_two();
    let (a, _) = talking(&mut lab);
    let fault = json!({"type": "startCallUpdate", "statusCode": 26, "effect": "after"});
    lab.control("POST", "faults", &fault);
    assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (200, 0));
    let offer = lab.offer(0, Direction::Inactive);
    assert_eq!(lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer})), (500, 26));
    lab.wait(1, "startCallUpdate");
    lab.control("POST", "faults", &json!({"type": "audit", "statusCode": 42}));
    assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (404, 42));
    assert_eq!(lab.put(0, &a, &json!({"type": "audit"})), (200, 0));
}

#[test]
fn bound_the_thousand_and_first_call_is_refused_and_ended_ones_are_forgotten() {
    let mut lab = Lab::new();
    lab.phone("alice");
    lab.control("POST", "parties", &json!({"address": "1", "script": "silent"}));
    lab.control("POST", "options", &json!({"auditMisses": 0}));
    let body = json!({"callControlRequest": {"type": "callStart", "to": "sip:1@x", "sdp": "v=0"}});
    let mut sessions = Vec::new();
    for _ in 0..1000 {
        let (status, body) = lab.gate.rest("alice@example.com", "POST", "callControl", &body);
        assert_eq!(status, 201);
        sessions.push(body["callControlResponse"]["sessionData"].as_str().unwrap().to_owned());
    }
    let (status, _) = lab.gate.rest("alice@example.com", "POST", "callControl", &body);
    assert_eq!(status, 503);
    for session in &sessions {
        let below = format!("callControl/callSessions/{session}");
        lab.gate.rest("alice@example.com", "DELETE", &below, &Value::Null);
    }
    let calls = lab.control("GET", "calls", &Value::Null);
    assert_eq!(calls.as_array().unwrap().len(), 100);
}

#[test]
fn a_call_that_is_sent_on_for_ever_gets_nowhere() {
    let mut lab = Lab::of_two();
    lab.call(0, BOB);
    for _ in 0..62 {
        let b = session(&lab.wait(1, "call"));
        let request =
            json!({"action": "forward", "sessionData": b, "address": "sip:bob@example.com"});
        assert_eq!(lab.dispose(1, &request), 200);
    }
    let b = session(&lab.wait(1, "call"));
    let request = json!({"action": "forward", "sessionData": b, "address": "sip:bob@example.com"});
    lab.dispose(1, &request);
    assert_eq!(status(&lab.wait(0, "callEnd")).0, 482);
}

/// Alice asks for a call of two others.
fn click(lab: &mut Lab, calling: &str, called: &str) {
    let click = json!({"clickToCallRequest": {"callingParty": calling, "calledParty": called}});
    let (status, body) = lab.rest(0, "POST", "clicktocall", &click);
    assert_eq!((status, body), (200, json!({"ctcResponse": {"statusCode": 0}})));
}

#[test]
fn w5_2_a_click_calls_one_and_then_the_other() {
    let mut lab = Lab::of_two();
    click(&mut lab, ALICE, BOB);
    let call = lab.wait(0, "call");
    assert!(call["sessionParams"].get("sdp").is_none(), "the offer is left to whoever is called");
    assert_eq!(call["callNotificationParams"]["callerDisplayNumber"], BOB);
    let a = session(&call);
    assert_eq!(lab.put(0, &a, &json!({"type": "ringing"})), (200, 0));
    assert_eq!(lab.told(1), Vec::<String>::new(), "one after the other");
    let offer = lab.offer(0, Direction::SendRecv);
    assert_eq!(lab.put(0, &a, &json!({"type": "callAnswer", "sdp": offer})), (200, 0));
    assert_eq!(lab.only_call()["state"], "ringing");
    let call = lab.wait(1, "call");
    let b = session(&call);
    let answer = lab.answer(1, &sdp(&call));
    assert_eq!(lab.put(1, &b, &json!({"type": "callAnswer", "sdp": answer})), (200, 0));
    let answered = lab.wait(0, "respondCallUpdate");
    lab.take(0, &sdp(&answered));
    lab.run(S(2));
    assert!(lab.talk().iter().all(|frames| *frames > 45));
    assert_eq!(lab.only_call()["state"], "connected");
    assert_eq!(lab.delete(0, &a), 204);
    assert_eq!(status(&lab.wait(1, "callEnd")).0, 200);
    lab.gate.assert_tidy();
}

#[test]
fn w5_2_a_click_reaches_people_without_a_client_and_ends_where_one_does_not_come() {
    let mut lab = Lab::of_two();
    lab.control("POST", "parties", &json!({"address": "5550100", "script": "answer"}));
    lab.control("POST", "parties", &json!({"address": "5550101", "script": "busy"}));
    click(&mut lab, "5550100", ALICE);
    let call = lab.wait(0, "call");
    let a = session(&call);
    let answer = lab.answer(0, &sdp(&call));
    assert_eq!(lab.put(0, &a, &json!({"type": "callAnswer", "sdp": answer})), (200, 0));
    lab.run(S(2));
    assert!(lab.talk()[0] > 45);
    lab.delete(0, &a);
    lab.told(0);
    lab.renew(0);
    click(&mut lab, ALICE, "5550101");
    let call = lab.wait(0, "call");
    let offer = lab.offer(0, Direction::SendRecv);
    lab.put(0, &session(&call), &json!({"type": "callAnswer", "sdp": offer}));
    assert_eq!(status(&lab.wait(0, "callEnd")).0, 486);
    click(&mut lab, "nobody@example.com", ALICE);
    assert_eq!(lab.gate.events("call-ended").last().unwrap()["statusCode"], 404);
    lab.gate.assert_tidy();
}
