//! Spellings of secrets that others use, and any that can be made of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "Hq7s/3cretV+lue";
const TOKEN: &str = "t0ken-of-this-client";

fn redactor() -> Redactor {
    let mut redactor = Redactor::new(&["json", "genesys-webrtc"]);
    redactor.hide(&Secret::new(TOKEN));
    redactor
}

/// Text as it stands in XML, each character by its number if it can be.
fn entities(text: &str) -> String {
    text.chars().map(|c| format!("&#{};", u32::from(c))).collect()
}

/// Text as it stands in JSON, each character by its number.
fn escapes(text: &str) -> String {
    text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
}

#[test]
fn lg_2_no_secret_is_shown_however_it_is_spelled() {
    let basic = STANDARD.encode(format!("\0u@lab.test\0authKey:{SECRET}"));
    let json = |text: String| Value::String(text).to_string();
    let documents = [
        format!(r#"{{"jwt" : "{SECRET}"}}"#),
        format!("{{\n  \"JWT\"\t:\n\"{SECRET}\"}}"),
        format!(r#"{{"{}":"{}"}}"#, escapes("jwt"), escapes(SECRET)),
        format!(r#"{{"j\u0077t":"{}"}}"#, SECRET.replace('/', "\\/")),
        format!(r#"{{"credential":"{SECRET}"}}"#),
        format!(
            r#"{{"iceServers":[{{"urls":["turn:h"],"username":"u","Credential":"{SECRET}"}}]}}"#
        ),
        format!(r#"{{"access_token":["{SECRET}"],"expires":1}}"#),
        format!(r#"{{"headers":{{"aUTHORIZATION":"Bearer {SECRET}"}}}}"#),
        format!(r#"{{"rawHeaders":["Authorization","Bearer {SECRET}","Host","h"]}}"#),
        format!(r#"{{"name":"password","value":"{SECRET}"}}"#),
        format!(r#"{{"log":"GET /stream/jwt/{SECRET}x?y HTTP/1.1"}}"#).replace("/3", "_3"),
        format!(r#"{{"url":"wss://h/a?access_token={SECRET}&b=1"}}"#),
        format!(r#"{{"url":"https://user:{SECRET}@h/"}}"#).replace("s/3", "s_3"),
        format!(r#"{{"text":"pwd = '{SECRET}' and so on"}}"#),
        format!(r#"{{"text":"{{'jwt': '{SECRET}'}}"}}"#),
        format!(r#"{{"text":"it said &quot;jwt&quot;:&quot;{SECRET}&quot;"}}"#),
        format!(r#"{{"text":"it said %22jwt%22%3A%22{SECRET}%22"}}"#),
        format!(r#"{{"text":"<a><b password='{SECRET}'/></a>"}}"#),
        format!(r#"{{"text":"authorization: Basic {basic}"}}"#),
        format!(r#"{{"text":"sent {basic} just now"}}"#),
        format!(r#"{{"text":"as {}"}}"#, URL_SAFE_NO_PAD.encode(format!("x{TOKEN}y"))),
        format!(r#"{{"text":"as {} there"}}"#, STANDARD.encode(STANDARD.encode(TOKEN))),
        format!(r#"{{"sdp":"v=0\r\na=ice-ufrag:u\r\na=ice-pwd:{SECRET}\r\na=mid:0\r\n"}}"#),
        format!(r#"{{"sdp":"v=0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}|2^20\n"}}"#),
        format!(r#"{{"sdp":"v=0\nk=base64:{SECRET}\na=key-mgmt:mikey {SECRET}\n"}}"#),
        format!(r#"{{"sdp":"a=ICE-PWD : {SECRET}"}}"#),
        json(
            json!({"params": json!({"sdp": format!("a=ice-pwd:{SECRET}\r\n")}).to_string()})
                .to_string(),
        ),
        format!(r#"<transport xmlns="urn:x" ufrag="u" pwd="{SECRET}"/>"#),
        format!("<transport xmlns=\"urn:x\"\n\tpwd\n=\n'{SECRET}'/>"),
        format!("<a xmlns='urn:x' Pwd='{}'/>", entities(SECRET)),
        format!("<a xmlns='urn:x' {}/>", format_args!("x='pass&#119;ord={SECRET}'")),
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{basic}</auth>"),
        format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{SECRET}</response>"),
        format!("<a xmlns='urn:x'><password>{SECRET}</password></a>"),
        format!("<a xmlns='urn:x'><password><v>{SECRET}</v></password></a>"),
        format!("<a xmlns='urn:x'><field var='password'><value>{SECRET}</value></field></a>"),
        format!("<p xmlns='urn:x' name='jwt' value='{SECRET}'/>"),
        format!("<crypto xmlns='urn:x' crypto-suite='s' key-params='inline:{SECRET}'/>"),
        format!("<json xmlns='urn:x'>{}</json>", entities(&format!(r#"{{"jwt":"{SECRET}"}}"#))),
        format!("<json xmlns='urn:x'><![CDATA[{{\"jwt\":\"{SECRET}\"}}]]></json>"),
        format!("<json xmlns='urn:x'>{{\"jwt\": \"{SECRET}\" </json>"),
        format!("<json xmlns='urn:x'>{{\"{}\": \"{}\"}}</json>", escapes("token"), escapes(SECRET)),
        format!("<!-- {SECRET} --><a xmlns='urn:x'/>"),
        format!("<a xmlns='urn:x' xmlns:p='urn:p' p:pwd='{SECRET}'/>"),
        format!("<a pwd='{SECRET}' <"),
        format!("not a document: pwd={SECRET}"),
        format!("<a xmlns='urn:{TOKEN}' {TOKEN}='{TOKEN}'>{TOKEN}</a>"),
        format!(r#"{{"{TOKEN}":["{TOKEN}","{}"]}}"#, escapes(TOKEN)),
    ];
    let parts = |secret: &str| -> Vec<String> {
        secret.split(['/', '_']).filter(|part| part.len() > 5).map(str::to_owned).collect()
    };
    for document in &documents {
        let shown = redactor().document(document);
        for secret in [parts(SECRET), vec![TOKEN.to_owned(), basic.clone()]].concat() {
            assert!(!shown.contains(&secret), "{document}\n{shown}");
        }
        assert!(!unescape::unescaped(&shown).contains(TOKEN), "{document}\n{shown}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = redactor();
    let jingle = r#"<iq xmlns="jabber:client" type="set" id="j1" from="a@lab.test/i"><jingle xmlns="urn:xmpp:jingle:1" action="transport-info" sid="0b5e8c2a-9f1d-4c3b-8a7e-1234567890ab"><content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="abcd"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD:EF</fingerprint><candidate component="1" ip="192.0.2.1" port="5000" priority="2130706431"/></transport></content></jingle></iq>"#;
    assert_eq!(redactor.document(jingle), jingle);
    let json = r#"{"topicName":"v2.users.0b5e8c2a-9f1d-4c3b-8a7e-1234567890ab.conversations","eventBody":{"id":"C1","participants":[{"id":"P","calls":[{"state":"alerting","held":false,"selfUri":"/api/v2/conversations/calls/0b5e8c2a-9f1d-4c3b-8a7e-1234567890ab"}]}],"sdp":"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=ice-ufrag:abcd\r\na=fingerprint:sha-256 AB:CD\r\n","time":"2026-11-26T10:00:00.000Z","size":9007199254740993}}"#;
    assert_eq!(redactor.document(json), json);
    assert_eq!(redactor.document(" \n"), "");
    assert_eq!(redactor.document("<html>"), "(6 bytes)");
    for text in [
        "SASL: not-authorized",
        "users/me: status 401",
        "unusable JWT, not three segments",
        "notification v2.users.u1.x: missing field `token`",
        "a session error: the call is over",
        "line 12 of the SDP: no fingerprint",
        "the token is not a header",
        "",
    ] {
        assert_eq!(redactor.text(text), text);
    }
    let shown = redactor.document(r#"{"address":"tel:+15550177","ani":15550177,"ip":"192.0.2.1"}"#);
    assert_eq!(shown, r#"{"address":"…77","ani":"…77","ip":"192.0.2.1"}"#);
}

#[test]
fn a_token_is_known_by_its_look_too() {
    let redactor = Redactor::new(&["json", "genesys-webrtc"]);
    let token = "aB3_".repeat(20);
    let jwt = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"x"}"#), "e30");
    let shown = redactor.document(&json!({"a": token, "b": jwt}).to_string());
    assert_eq!(shown, r#"{"a":"(secret)","b":"(secret)"}"#);
}

#[test]
fn depth_and_size_are_bounded() {
    let redactor = redactor();
    let mut deep = format!(r#"{{"jwt":"{SECRET}"}}"#);
    for _ in 0..9 {
        deep = json!({ "a": deep }).to_string();
    }
    let shown = redactor.document(&deep);
    assert!(!shown.contains("cretV") && shown.contains(" bytes)"), "{shown}");
    let open = format!("{}{SECRET}", "[".repeat(100_000));
    assert_eq!(redactor.document(&open), format!("({} bytes)", open.len()));
    let long = format!("\"{}\"", "x".repeat(MAX_SHOWN));
    assert_eq!(redactor.document(&long), format!("({} bytes)", long.len()));
}

#[test]
fn a_word_that_nobody_reads_is_hidden_without_a_look() {
    let redactor = redactor();
    let word = "V".repeat(4095);
    assert_eq!(redactor.text(&word), word);
    assert_eq!(redactor.text(&format!("a {word}V, b")), format!("a {HIDDEN}, b"));
}

#[test]
fn an_escaped_document_in_another_one_shows_its_length() {
    let redactor = redactor();
    let escaped = |text: &str| format!("%3Ca%20xmlns='u'%3E{}%3C/a%3E", text.replace('%', "%25"));
    let one = escaped("x");
    assert_eq!(redactor.text(&one), one);
    let two = escaped(&one);
    assert_eq!(redactor.text(&two), format!("({} bytes)", two.len()));
}

/// A name of a secret in some spelling.
fn name() -> impl Strategy<Value = String> {
    let names =
        ["pwd", "password", "jwt", "access_token", "credential", "ice-pwd", "client-secret"];
    (prop::sample::select(names.to_vec()), any::<u16>()).prop_map(|(name, upper)| {
        let case = |(n, c): (usize, char)| {
            if upper & (1 << (n % 16)) != 0 { c.to_ascii_uppercase() } else { c }
        };
        name.chars().enumerate().map(case).collect()
    })
}

/// A text that says a secret.
fn saying(secret: &'static str) -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", " ", "\n", "\t", "\r\n "]);
    let quote = || prop::sample::select(vec!['"', '\'']);
    (0..9_u8, name(), space(), space(), quote()).prop_map(move |(kind, name, a, b, q)| match kind {
        0 => format!("{{{a}\"{name}\"{b}:{a}\"{secret}\"{b}}}"),
        1 => format!("{{\"{name}\":\"{}\"}}", escapes(secret)),
        2 => format!("<x xmlns='u' {name}{a}={b}{q}{secret}{q}/>"),
        3 => format!("<x xmlns='u'><{name}{a}>{b}{}</{name}></x>", entities(secret)),
        4 => format!("v=0\r\na={name}:{secret}\r\na=mid:0\r\n"),
        5 => format!("it was {name}{a}={b}{q}{secret}{q}, so it failed"),
        6 => format!("wss://lab.test/stream/jwt/{secret}?{name}={secret}&x=1"),
        7 => format!("{{\"name\":\"{name}\",\"value\":{a}\"{secret}\"}}"),
        _ => STANDARD.encode(format!("{{\"{name}\":\"{secret}\"}}")),
    })
}

/// The text in a document, in another, and so on.
fn wrapped(text: String, layers: &[u8]) -> String {
    let mut text = text;
    for layer in layers {
        text = match layer % 5 {
            0 => json!({ "text": text }).to_string(),
            1 => format!("{{\"text\":\"{}\"}}", escapes(&text)),
            2 => json!(["a", { "b": [text] }]).to_string(),
            3 => format!("<a xmlns='u'><b>{}</b></a>", entities(&text)),
            _ => format!("<a xmlns='u' b='{}'/>", entities(&text)),
        };
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn lg_2_no_secret_is_shown_in_any_spelling_at_any_depth(
        text in saying("s3cretV4lue"),
        layers in prop::collection::vec(any::<u8>(), 1..4),
    ) {
        let document = wrapped(text, &layers);
        let shown = redactor().document(&document);
        prop_assert!(!shown.contains("s3cret"), "{}\n{}", document, shown);
        prop_assert_eq!(redactor().document(&shown), shown.clone(), "once is enough");
        let is_document = Element::parse(&shown).is_ok()
            || serde_json::from_str::<Value>(&shown).is_ok();
        prop_assert!(is_document, "{}", shown);
    }

    #[test]
    fn any_text_is_shown_in_some_way_and_that_stays(text in any::<String>(), at in any::<prop::sample::Index>()) {
        let redactor = redactor();
        let at = text.floor_char_boundary(at.index(text.len() + 1));
        let text = format!("{}{TOKEN}{}", &text[..at], &text[at..]);
        for shown in [redactor.text(&text), redactor.document(&text)] {
            prop_assert!(!shown.contains(TOKEN), "{}", shown);
        }
        let shown = redactor.text(&text);
        prop_assert_eq!(redactor.text(&shown), shown);
    }
}

#[test]
fn a_hidden_name_of_an_attribute_stays_as_it_is_shown() {
    let redactor = redactor();
    let shown = redactor.text(&format!("a={TOKEN}\u{102a0}\u{ae}a"));
    assert_eq!(shown, "a=(secret)\u{102a0}\u{ae}a");
    assert_eq!(redactor.text(&shown), shown);
}

#[test]
fn a_certificates_fingerprint_is_shown_whatever_its_digits() {
    let mut rng = crate::Seed::from(1).rng();
    let redactor = Redactor::new(&["json", "genesys-webrtc"]);
    for _ in 0..300 {
        let pairs: Vec<String> = (0..32).map(|_| format!("{:02X}", rng.next_u64() as u8)).collect();
        let print = pairs.join(":");
        let sdp = format!("v=0\r\na=fingerprint:sha-256 {print}\r\na=setup:active\r\n");
        let json = serde_json::json!({"params": {"sdp": sdp}}).to_string();
        assert_eq!(redactor.document(&json), json);
        let xml = format!("<fingerprint hash=\"sha-256\" setup=\"active\">{print}</fingerprint>");
        assert_eq!(redactor.document(&xml), xml);
    }
}
