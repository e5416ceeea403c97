//! Nothing that is shown contains a token, a JWT or an ICE password (issue of every log).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::rig::{JINGLE_OFFER, Rig};
use crate::Secret;
use crate::genesys::{Command, Config, Dial, Event};
use crate::machine::Input;

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
        *config = Config::agent("lab.test", token(0));
        config.trace = true;
    });
    rig.submit(Command::Connect).unwrap();
    rig.login();
    for n in 1..TOKENS {
        rig.submit(Command::SetAccessToken(Secret::new(token(n)))).unwrap();
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
        assert_eq!(error.status(), Some(401));
    }
    let text: Vec<_> = rig.events.iter().map(|event| format!("{event:?}")).collect();
    assert!(text.iter().filter(|text| text.contains("Trace")).count() > 3 * TOKENS);
    let lines = text.iter().chain(rig.log());
    for line in lines {
        assert!(!line.contains("t0ken-of-day"), "{line}");
    }
    assert!(!format!("{:?}", rig.client).contains("t0ken-of-day"));
}

/// Spellings of a secret that nobody knows of, one in each: frames and bodies.
fn spellings(secret: &str) -> [Vec<String>; 2] {
    let by_number: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let entities: String = secret.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect();
    let coded = BASE64_STANDARD.encode(format!("\0u1@org.example\0authKey:{secret}"));
    let bodies = vec![
        format!(r#"{{"jwt" : "{secret}"}}"#),
        format!(r#""{secret}-is-no-object""#),
        format!(r#"{{"message":"your password={secret} is odd","code":"jwt: {secret}"}}"#),
        format!(r#"{{"message":"Authorization: bearer {secret}"}}"#),
        format!(r#"{{"message":"wss://h/stream/jwt/{secret}?access_token={secret}"}}"#),
        format!(r#"{{"t\u006fken":"{by_number}","credential" :"{secret}"}}"#),
        format!("<html pwd={secret}>"),
    ];
    let mut frames = vec![
        format!("<a pwd='{secret}' <"),
        format!("<transport xmlns='urn:x'\npwd=\n'{secret}'/>"),
        format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{coded}</response>"),
        format!("<message xmlns='jabber:client'><body>see {coded}</body></message>"),
        format!(
            "<message xmlns='jabber:client'><x xmlns='urn:x' credential='{entities}'/></message>"
        ),
        format!(
            "<message xmlns='jabber:client'><x xmlns='urn:x'><secret>{entities}</secret></x></message>"
        ),
    ];
    // A text alone is no secret by its place, unless it is the whole of an answer.
    for body in bodies.iter().filter(|body| !body.starts_with('"')) {
        let escaped: String = body.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        frames.push(format!(
            r#"<message xmlns="jabber:client"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="v2.users.user-1.conversations"><item id="1"><json xmlns="urn:xmpp:json:0">{escaped}</json></item></items></event></message>"#
        ));
        frames.push(format!(
            r#"<iq xmlns="jabber:client" type="set" id="x" from="call@gjoll.example/i-1"><genesys-webrtc xmlns="genesys">{{"jsonrpc":"2.0","method":"x","params":{}}}</genesys-webrtc></iq>"#,
            body.replace('<', "&lt;")
        ));
    }
    [frames, bodies]
}

#[test]
fn lg_2_a_secret_that_nobody_knows_of_is_hidden_in_any_spelling() {
    let secret = "Zx81SinclairQL";
    let [frames, bodies] = spellings(secret);
    for upload in [false, true] {
        let mut rig = Rig::ready_with(|config| {
            config.trace = true;
            config.upload_logs = upload;
        });
        for frame in &frames {
            rig.frame(frame);
        }
        for (body, status) in bodies.iter().flat_map(|body| [(body, 200), (body, 400), (body, 500)])
        {
            rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
            let asked = rig.asked.pop_back().unwrap();
            let mut response = http::Response::new(body.clone().into_bytes());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            rig.input(Input::Http { id: asked.id, result: Ok(response) });
        }
        rig.offer_with(
            "M3",
            "C3",
            &format!("a=ice-pwd {secret}\r\na=fmtp:0 password={secret}\r\n"),
        );
        for line in rig.log() {
            assert!(!line.contains("Sinclair"), "{line}");
        }
        for event in &rig.events {
            let text = format!("{event:?}");
            assert!(!text.contains("Sinclair"), "{text}");
        }
    }
}

#[test]
fn lg_2_a_guests_jwt_is_hidden_from_the_first_trace() {
    for body in [
        r#"{"jwt" : "odd.SecretJwtOfGuest.x"}"#,
        r#"{ "jwt":["odd.SecretJwtOfGuest.x"]}"#,
        r#""odd.SecretJwtOfGuest.x""#,
        r#"{"JWT":"odd.SecretJwtOfGuest.x"}"#,
        "odd.SecretJwtOfGuest.x",
    ] {
        let mut rig = Rig::with(|config| {
            *config = Config::guest("lab.test", "org-1", "a-c0de");
            config.trace = true;
        });
        rig.submit(Command::Connect).unwrap();
        let asked = rig.expect_http("POST /conversations/codes");
        let response = http::Response::new(body.as_bytes().to_vec());
        rig.input(Input::Http { id: asked.id, result: Ok(response) });
        let lines = rig.log();
        assert!(lines.iter().any(|line| line.contains("conversations/codes")));
        for line in lines {
            assert!(!line.contains("SecretJwt") && !line.contains("a-c0de"), "{line}");
        }
    }
}

#[test]
fn a_token_that_was_ever_used_stays_hidden_however_often_it_was_refreshed() {
    let mut rig = Rig::ready_with(|config| config.trace = true);
    let token = |n: usize| format!("refreshed-{n}-token");
    for n in 0..1000 {
        rig.submit(Command::SetAccessToken(Secret::new(token(n)))).unwrap();
    }
    for n in [0, 1, 500, 999] {
        let text = token(n);
        rig.frame(&format!("<message xmlns='jabber:client'><body>{text}</body></message>"));
        rig.frame(&format!("<x{text}/>"));
        rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.asked.pop_back().unwrap();
        rig.respond(asked.id, 400, &json!({"message": format!("a{text}b"), "code": text}));
    }
    rig.frame("<message xmlns='jabber:client'><body>t0ken</body></message>");
    for line in rig.log() {
        assert!(!line.contains("refreshed-") && !line.contains(TOKEN), "{line}");
    }
    let bytes = format!("{:?}", rig.client);
    assert!(!bytes.contains("refreshed-"));
}
