//! The model gateway in the middle of media: it ends that of each client itself (option `broker`).

mod common;

use std::time::Duration;

use common::phones::{Lab, sdp, session};
use offhook::sdp::Direction;
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;
const BOB: &str = "bob@example.com";

/// Alice calls Bob through the gateway, who answers: both sessions, Alice's offer, and what Bob was offered.
fn talking(lab: &mut Lab) -> ([String; 2], [String; 2]) {
    lab.control("POST", "options", &json!({"broker": true}));
    let a = lab.call(0, BOB);
    let call = lab.wait(1, "call");
    let (b, offered) = (session(&call), sdp(&call));
    assert_eq!(lab.put(1, &b, &json!({"type": "ringing"})), (200, 0));
    lab.wait(0, "ringing");
    let answer = lab.answer(1, &offered);
    assert_eq!(lab.put(1, &b, &json!({"type": "callAnswer", "sdp": answer})), (200, 0));
    let answered = sdp(&lab.wait(0, "respondCallUpdate"));
    lab.take(0, &answered);
    lab.run(S(2));
    lab.told(0);
    lab.told(1);
    ([a, b], [offered, answered])
}

fn ufrag(sdp: &str) -> &str {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap()
}

#[test]
fn two_clients_hear_each_other_and_see_the_gateway_alone() {
    let mut lab = Lab::of_two();
    let ([a, _], [offered, answered]) = talking(&mut lab);
    let heard = lab.talk();
    assert!(heard.iter().all(|frames| *frames > 45), "{heard:?}");
    let id = lab.only_call()["id"].as_str().unwrap().to_owned();
    let media = lab.control("GET", &format!("calls/{id}/media"), &Value::Null);
    let legs = media["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 2, "{media}");
    for leg in legs {
        assert_eq!(leg["connectionState"], "connected", "{media}");
        assert!(leg["packetsReceived"].as_u64().unwrap() >= 50, "{media}");
    }
    // What one is told is not what the other one said.
    let own = lab.offer(0, Direction::SendRecv);
    assert_ne!(ufrag(&offered), ufrag(&own));
    assert_ne!(ufrag(&offered), ufrag(&answered));
    lab.press(0, "1#");
    lab.run(S(1));
    assert_eq!(lab.phones[1].keys, "1#");
    lab.delete(0, &a);
    lab.wait(1, "callEnd");
    let media = lab.control("GET", &format!("calls/{id}/media"), &Value::Null);
    assert_eq!(media["legs"], json!([]), "its sockets are closed");
    lab.gate.assert_tidy();
}

#[test]
fn a_hold_and_a_resume_go_through_the_gateway() {
    let mut lab = Lab::of_two();
    let ([a, b], _) = talking(&mut lab);
    for (direction, flows) in [(Direction::Inactive, false), (Direction::SendRecv, true)] {
        let offer = lab.offer(0, direction);
        assert_eq!(lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer})), (200, 0));
        let offered = sdp(&lab.wait(1, "startCallUpdate"));
        assert_eq!(offered.contains("a=inactive"), !flows, "{offered}");
        let answer = lab.answer(1, &offered);
        lab.put(1, &b, &json!({"type": "respondCallUpdate", "sdp": answer}));
        let answered = sdp(&lab.wait(0, "respondCallUpdate"));
        assert_eq!(answered.contains("a=inactive"), !flows, "{answered}");
        lab.take(0, &answered);
        lab.run(S(1));
        assert!(lab.talk().iter().all(|frames| (*frames > 45) == flows));
    }
    lab.gate.assert_tidy();
}

#[test]
fn an_offer_that_is_refused_leaves_the_media_as_it_was() {
    let mut lab = Lab::of_two();
    let ([a, b], _) = talking(&mut lab);
    let offer = lab.offer(0, Direction::Inactive);
    lab.put(0, &a, &json!({"type": "startCallUpdate", "sdp": offer}));
    lab.wait(1, "startCallUpdate");
    lab.put(1, &b, &json!({"type": "respondCallUpdate", "statusCode": "491"}));
    assert_eq!(lab.wait(0, "respondCallUpdate")["statusCode"], 49);
    lab.roll_back(0, Direction::SendRecv);
    lab.run(S(1));
    assert!(lab.talk().iter().all(|frames| *frames > 45));
    // The next one works.
    let offer = lab.offer(1, Direction::Inactive);
    lab.put(1, &b, &json!({"type": "startCallUpdate", "sdp": offer}));
    let offered = sdp(&lab.wait(0, "startCallUpdate"));
    let answer = lab.answer(0, &offered);
    lab.put(0, &a, &json!({"type": "respondCallUpdate", "sdp": answer}));
    let answered = sdp(&lab.wait(1, "respondCallUpdate"));
    lab.take(1, &answered);
    lab.run(S(1));
    assert!(lab.talk().iter().all(|frames| *frames == 0));
    lab.gate.assert_tidy();
}
