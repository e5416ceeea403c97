//! Nothing that is shown contains a token, a JWT or an ICE password (issue of every log).

use serde_json::json;

use super::rig::{JINGLE_OFFER, Rig};
use crate::genesys::{Command, Dial, Event};

const TOKEN: &str = "t0ken";
const ICE_PASSWORD: &str = "0123456789abcdef0123";

/// A rig that traces everything, and has done one of everything.
fn busy() -> Rig {
    let mut rig = Rig::with(|config| config.trace = true);
    rig.submit(Command::Connect).unwrap();
    rig.login();
    rig.connected_call_keeping("M1", "C1");
    rig.propose("M2", "C2", r#"inin-autoanswer="true""#);
    rig.jingle("si", "session-initiate", "M2", JINGLE_OFFER);
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    let asked = rig.asked.pop_back().unwrap();
    rig.respond(asked.id, 500, &json!({"message": format!("your token {TOKEN} is odd")}));
    rig.frame(&format!("<not-xml token='{TOKEN}' <"));
    rig.offer_with("M3", "C3", "a=refuse\r\n");
    rig.rpc("oddity", &json!({"sessionId": "M1", "sdp": format!("a=ice-pwd:{ICE_PASSWORD}")}));
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="get" id="s" from="hawk"><services xmlns="urn:xmpp:extdisco:1"><service type="turn" host="h" username="u" password="{ICE_PASSWORD}"/></services></iq>"#
    ));
    rig
}

#[test]
fn lg_2_no_event_and_no_trace_shows_a_secret() {
    let rig = busy();
    assert!(rig.events.len() > 40, "something happened");
    let traced = rig.events.iter().filter(|e| matches!(e, Event::Trace(_))).count();
    assert!(traced > 30, "{traced} lines of trace");
    for event in &rig.events {
        let text = format!("{event:?} {event:#?}");
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.contains(ICE_PASSWORD), "{text}");
    }
}

#[test]
fn lg_2_no_output_and_no_machine_shows_a_secret() {
    let rig = busy();
    for line in rig.log() {
        assert!(!line.contains(TOKEN) && !line.contains(ICE_PASSWORD), "{line}");
    }
    let text = format!("{:?}", rig.client);
    assert!(!text.contains(TOKEN) && !text.contains(ICE_PASSWORD));
}

#[test]
fn cv_2_scenario_95_a_callers_number_is_in_no_trace() {
    let mut rig = Rig::ready_with(|config| config.trace = true);
    let body = json!({"id": "C1", "participants": [
        {"id": "X", "purpose": "customer", "address": "tel:+15550177", "calls": [
            {"id": "k", "state": "connected", "self": {"addressRaw": "+15550177",
             "addressNormalized": "+15550177", "addressDisplayable": "+15550177"}}]},
        {"id": "P", "purpose": "agent", "userId": "user-1", "calls": [
            {"id": "K", "state": "alerting", "direction": "inbound"}]}]});
    rig.notify("v2.users.user-1.conversations", &body);
    rig.submit(Command::StartSoftphoneSession(Dial::number("+15550177"))).unwrap();
    let escaped = body.to_string().replace('"', "&quot;");
    rig.frame(&format!(
        r#"<message xmlns="jabber:client"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="x"><item id="1"><json xmlns="urn:xmpp:json:0">{escaped}</json></item></items></event></message>"#
    ));
    let traced = rig.events.iter().filter(|event| matches!(event, Event::Trace(_))).count();
    assert!(traced >= 3, "{traced}");
    for event in &rig.events {
        let text = format!("{event:?}");
        assert!(!text.contains("15550177"), "{text}");
    }
}

#[test]
fn lg_2_no_token_that_was_ever_used_is_shown_however_many_came_after_it() {
    const TOKENS: usize = 100;
    let token = |n: usize| format!("t0ken-of-day-{n}-end");
    let mut rig = Rig::with(|config| {
        *config = crate::genesys::Config::agent("lab.test", token(0));
        config.trace = true;
    });
    rig.submit(Command::Connect).unwrap();
    rig.login();
    for n in 1..TOKENS {
        rig.submit(Command::SetAccessToken(crate::Secret::new(token(n)))).unwrap();
    }
    rig.forget();
    // The service quotes each of them: in frames, in notifications, and in answers.
    for n in 0..TOKENS {
        let token = token(n);
        rig.rpc("oddity", &json!({"sessionId": "M1", "what": &token}));
        rig.notify("v2.users.user-1.odd", &json!({"what": &token}));
        let dial = rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.asked.pop_back().unwrap();
        let body = json!({"code": &token, "message": format!("{token} has expired")});
        rig.respond(asked.id, 401, &body);
        let error = rig.completion(dial).unwrap().unwrap_err();
        assert!(error.refusal.is_some());
    }
    let text: Vec<_> = rig.events.iter().map(|event| format!("{event:?}")).collect();
    assert!(text.iter().filter(|text| text.contains("Trace")).count() > 3 * TOKENS);
    let lines = text.iter().chain(rig.log());
    for line in lines {
        assert!(!line.contains("t0ken-of-day"), "{line}");
    }
    assert!(!format!("{:?}", rig.client).contains("t0ken-of-day"));
}
