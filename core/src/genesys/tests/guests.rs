//! Guests, who log in by a code that an agent has told them (wire notes 1.2, 1.3, 8.1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::rig::{Rig, fake_media};
use crate::genesys::{Client, Command, Config, ErrorKind, Outcome};
use crate::machine::{NetError, NetErrorKind, Seed, WsEvent};

const REDEEM: &str = "POST /conversations/codes";

fn jwt() -> String {
    let claims = r#"{"data":{"jid":"acd-1@conference.org.example"}}"#;
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn guest() -> Rig {
    Rig::with(|config| {
        *config = Config::guest("lab.test", "org-1", "123456");
        config.trace = true;
    })
}

fn log_in(rig: &mut Rig) {
    let ws = rig.take_opened().expect("a socket");
    rig.open(ws);
    rig.frame(
        r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="hawk" id="c1"/>"#,
    );
    rig.frame(r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>"#);
    assert!(rig.take_sent("ANONYMOUS").is_some());
    rig.frame(r#"<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#);
    rig.login();
}

#[test]
fn scenario_10_wire_8_1_a_code_is_redeemed_for_a_jwt_once() {
    let mut rig = guest();
    let connect = rig.submit(Command::Connect).unwrap();
    let asked = rig.expect_http(REDEEM);
    assert_eq!(asked.body, json!({"organizationId": "org-1", "addCommunicationCode": "123456"}));
    assert!(!asked.authorized, "a guest has nothing to authorize with");
    rig.respond(asked.id, 200, &json!({"conversation": {"id": "C1"}, "jwt": jwt()}));
    log_in(&mut rig);
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty(), "no REST besides");
    // A reconnect needs no code.
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.wait(Duration::from_secs(2));
    assert!(rig.asked.is_empty());
    log_in(&mut rig);
    for line in rig.log() {
        assert!(!line.contains("123456") && !line.contains(&jwt()), "{line}");
    }
    assert!(!format!("{:?}", rig.client).contains("123456"));
}

#[test]
fn a_code_that_is_worth_nothing_ends_the_login() {
    for (status, body, kind) in [
        (400, Value::Null, ErrorKind::Initialization),
        (401, Value::Null, ErrorKind::InvalidToken),
        (404, Value::Null, ErrorKind::Initialization),
        (200, json!({"jwt": "not one"}), ErrorKind::InvalidOptions),
        (200, json!({}), ErrorKind::Initialization),
    ] {
        let mut rig = guest();
        let connect = rig.submit(Command::Connect).unwrap();
        let asked = rig.expect_http(REDEEM);
        rig.respond(asked.id, status, &body);
        assert_eq!(rig.failure(connect), Some(kind), "{status} {body}");
        assert_eq!(rig.wake, None);
    }
}

#[test]
fn a_service_that_cannot_be_reached_is_asked_again() {
    let mut rig = guest();
    rig.submit(Command::Connect).unwrap();
    let asked = rig.expect_http(REDEEM);
    rig.http_fails(asked.id, NetError::new(NetErrorKind::Connect, "refused"));
    rig.wait(Duration::from_secs(15));
    rig.expect_http(REDEEM);
    let disconnect = rig.submit(Command::Disconnect).unwrap();
    assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)));
    assert_eq!(rig.wake, None);
}

/// A JWT client that is logged in.
pub(super) fn jwt_client() -> Rig {
    let claims =
        r#"{"data":{"jid":"agent-1@conference.org.example","uid":"user-1","conversationId":"C1"}}"#;
    let jwt = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let mut rig = Rig::with(|config| *config = Config::jwt("lab.test", jwt));
    rig.submit(Command::Connect).unwrap();
    log_in(&mut rig);
    rig.forget();
    rig
}

/// A guest who is logged in.
pub(super) fn guest_inside() -> Rig {
    let mut rig = guest();
    rig.submit(Command::Connect).unwrap();
    let asked = rig.expect_http(REDEEM);
    let reply = json!({
        "jwt": jwt(), "conversation": {"id": "C1"}, "sourceCommunicationId": "K1",
    });
    rig.respond(asked.id, 200, &reply);
    log_in(&mut rig);
    rig.forget();
    rig
}

#[test]
fn api_3_wire_9_a_jwt_client_or_a_guest_has_no_softphone() {
    for client in [jwt_client, guest_inside] {
        for eager in ["", r#"inin-autoanswer="true""#, r#"inin-priv-answer-mode="Auto""#] {
            let mut rig = client();
            rig.propose("M1", "C1", eager);
            rig.propose("M2", "C2", &format!(r#"{eager} inin-sdp-over-xmpp="true""#));
            rig.offer("M2", "C2");
            rig.reinvite("r1", "M3", "C3");
            let told: Vec<_> = rig.told().into_iter().filter(|told| told != "Trace").collect();
            assert!(told.is_empty(), "{told:?}");
            assert!(rig.sent().is_empty() && rig.udp.is_none());
            // Jingle wants a word (wire notes 6.2); its session is not known here.
            rig.jingle("j1", "session-initiate", "M1", super::rig::JINGLE_OFFER);
            assert!(rig.take_sent("item-not-found").is_some());
            assert_eq!(rig.client.size(), 0);
            let accept = Command::AcceptPendingSession { conversation: "C1".into() };
            assert_eq!(rig.submit(accept).unwrap_err().kind, ErrorKind::Session);
            let dial = Command::StartSoftphoneSession(crate::genesys::Dial::number("+1555"));
            assert_eq!(rig.submit(dial).unwrap_err().kind, ErrorKind::Generic, "scenario 107");
            assert!(rig.asked.is_empty());
        }
    }
}

#[test]
fn a_guest_without_a_code_is_no_guest() {
    for (organization, code) in [("", "1"), ("org-1", "")] {
        let config = Config::guest("lab.test", organization, code);
        let now = crate::testing::epoch();
        let made = Client::new(config, Box::new(fake_media()), Seed::from(1), now);
        assert_eq!(made.unwrap_err().kind, ErrorKind::InvalidOptions);
    }
    let mut rig = guest();
    let change = Command::SetAccessToken(crate::Secret::new("t"));
    assert_eq!(rig.submit(change).unwrap_err().kind, ErrorKind::NotSupported);
}
