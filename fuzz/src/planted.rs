//! Secrets that the service gives away in whatever spelling there is, for the oracle "no secret is
//! shown". The spellings are made here, without a look at how the client hides them.

use offhook::{Rng, Seed};
use serde_json::json;

/// The planted secret. Nobody but the spellings below writes it.
pub(crate) const PLANTED: &str = "Wq4/n1gHtj4r+Zu8Rk";
/// The part of it that stands together in every spelling, and must never be seen.
pub(crate) const PART: &str = "n1gHtj4r";

/// Names of secrets in what services say.
const NAMES: [&str; 16] = [
    "jwt",
    "token",
    "accessToken",
    "access_token",
    "refresh-token",
    "pwd",
    "ice-pwd",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "secret",
    "client_secret",
    "apiKey",
    "authorization",
];
const SPACES: [&str; 6] = ["", "", " ", "\n", "\t", " \r\n  "];

/// Draws a spelling.
struct Pen(Rng);

impl Pen {
    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).expect("small")]
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn space(&mut self) -> &'static str {
        self.pick(&SPACES)
    }

    /// A name, in some case.
    fn name(&mut self) -> String {
        let name = self.pick(&NAMES);
        match self.below(4) {
            0 => name.to_ascii_uppercase(),
            1 => name
                .chars()
                .map(|c| if self.one_in(2) { c.to_ascii_uppercase() } else { c })
                .collect(),
            _ => name.to_owned(),
        }
    }

    /// Text between the quotes of JSON.
    fn json(&mut self, text: &str) -> String {
        let often = self.pick(&[2, 4, 1000]);
        text.chars()
            .map(|c| match c {
                '/' if self.one_in(2) => "\\/".to_owned(),
                '"' | '\\' => format!("\\{c}"),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                c if c.is_ascii() && self.one_in(often) => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect()
    }

    /// Text of an element or of an attribute.
    fn xml(&mut self, text: &str) -> String {
        let often = self.pick(&[2, 4, 1000]);
        text.chars()
            .map(|c| match c {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '"' if self.one_in(2) => "&quot;".to_owned(),
                '"' | '\'' | '\n' | '\r' | '\t' => format!("&#{};", u32::from(c)),
                c if self.one_in(often) => format!("&#x{:X};", u32::from(c)),
                c => c.to_string(),
            })
            .collect()
    }

    /// The name and the secret, in one of the ways in which they are said.
    fn saying(&mut self) -> String {
        let (name, a, b) = (self.name(), self.space(), self.space());
        let quote = self.pick(&['"', '\'']);
        match self.below(13) {
            0 => {
                let (name, secret) = (self.json(&name), self.json(PLANTED));
                format!("{{{a}\"id\":1,\"{name}\"{b}:{a}\"{secret}\"{b}}}")
            }
            1 => json!({ "list": [{ "url": "turn:h" }, { name: [PLANTED, PLANTED] }] }).to_string(),
            2 => json!({ "name": name, "value": PLANTED }).to_string(),
            3 => format!(
                "<x xmlns='urn:x' a='1'{b} {name}{a}={b}{quote}{}{quote}/>",
                self.xml(PLANTED)
            ),
            4 => format!("<x xmlns='urn:x'><{name}{a}>{b}{}</{name}{a}></x>", self.xml(PLANTED)),
            5 => format!("<x xmlns='urn:x'><{name}><![CDATA[{PLANTED}]]></{name}></x>"),
            6 => {
                format!("<x xmlns='urn:x'><field var='{name}'><value>{PLANTED}</value></field></x>")
            }
            7 => format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\na=ice-ufrag:u\r\na=ice-pwd:{PLANTED}\r\n"
            ),
            8 => format!(
                "v=0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{PLANTED}|2^20|1:4\na=mid:0\n"
            ),
            9 => format!("refused, as {name}{a}={b}{quote}{PLANTED}{quote} is old"),
            10 => format!("GET wss://lab.test/stream?{name}={PLANTED}&x=1 failed"),
            11 => format!("Host: lab.test\r\n{name}: {PLANTED}\r\nAccept: */*"),
            _ => format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{PLANTED}</response>"),
        }
    }

    /// The saying, in up to three documents around it.
    fn document(&mut self) -> String {
        let mut text = self.saying();
        for _ in 0..self.below(4) {
            text = match self.below(4) {
                0 => json!({ "text": text }).to_string(),
                1 => format!("{{\"a\"{}:[\"{}\"]}}", self.space(), self.json(&text)),
                2 => format!("<y xmlns='urn:y'>{}</y>", self.xml(&text)),
                _ => format!("<y xmlns='urn:y' a='{}'/>", self.xml(&text)),
            };
        }
        text
    }
}

/// A frame with the secret in it, somewhere and somehow.
pub(crate) fn frame(bits: u64) -> String {
    let mut pen = Pen(Seed::from(bits).rng());
    let document = pen.document();
    let text = pen.xml(&document);
    match pen.below(6) {
        0 => document,
        1 => format!("<message xmlns='jabber:client'><body>{text}</body></message>"),
        2 => format!("<message xmlns='jabber:client'><y xmlns='urn:y' a='{text}'/></message>"),
        3 => crate::service::notification("v2.users.u1.conversations", &document),
        4 => {
            let params = json!({ "sessionId": "M0", "conversationId": "C0", "sdp": document });
            crate::service::rpc(crate::service::PEER, "p", "offer", &params)
        }
        _ => format!(
            "<iq xmlns='jabber:client' type='error' id='p'><error type='cancel'><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{text}</text></error></iq>"
        ),
    }
}

/// A body of a response with the secret in it.
pub(crate) fn body(bits: u64) -> String {
    let mut pen = Pen(Seed::from(bits).rng());
    let document = pen.document();
    match pen.below(3) {
        0 => document,
        1 => json!({ "message": document, "code": "odd" }).to_string(),
        _ => json!({ "errors": [document] }).to_string(),
    }
}
