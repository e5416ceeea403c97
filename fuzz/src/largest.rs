//! Messages of the largest accepted size, and how long a client takes for each.
//!
//! A peer may send so much at once; a client that is busy with one message answers nobody meanwhile.
//! Inputs are small ones, recorded or well made, of which some part comes again and again: a line, a
//! section, an element, an entry of a list, a character.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys::Command;
use offhook::media::{Engine, EngineConfig, EngineFactory, LocalKind, WebRtcFactory, Wish};
use serde_json::json;

use crate::agent::{Agent, ring};
use crate::service::{self, PEER};

/// The longest message that runtimes hand over.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// The longest description that is read.
pub const MAX_SDP: usize = 64 * 1024;
/// The longest that one message may take.
pub const LIMIT: Duration = Duration::from_millis(20);
/// A slow one is tried again and the best counts, since the machine may have had other work.
const TRIES: usize = 12;
/// Everything that agents can have on, traces among it.
const BITS: u16 = 1 << 10;

const CONTENT: &str = r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"><rtcp-mux/><payload-type id="111" name="opus" clockrate="48000" channels="2"><parameter name="minptime" value="10"/><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="transport-cc"/></payload-type><source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="1234"><parameter name="cname" value="c"/></source><rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef01234567"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA</fingerprint><candidate component="1" foundation="1" generation="0" id="a1" ip="192.0.2.1" port="5000" priority="2130706431" protocol="udp" type="host"/></transport></content>"#;

thread_local! {
    static FACTORY: RefCell<WebRtcFactory> = RefCell::new(WebRtcFactory::deterministic());
}

/// Real media, from the one factory of the thread.
struct Shared;

impl EngineFactory for Shared {
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        FACTORY.with_borrow_mut(|factory| factory.create(now, config))
    }
}

/// An input, and what became of it.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The kind of message.
    pub kind: &'static str,
    /// The time that the client took, at best.
    pub took: Duration,
    /// The message.
    pub text: String,
}

/// Draws inputs, the same for the same seed and corpus.
#[derive(Debug)]
pub struct Largest {
    dice: u64,
    frames: Vec<String>,
    descriptions: Vec<String>,
}

/// A message that is about to be said to a client, and the client's state then.
struct Message {
    kind: &'static str,
    frame: String,
    /// The frames said before it.
    before: Vec<String>,
}

impl Largest {
    /// Inputs that grow from recorded frames and descriptions.
    #[must_use]
    pub fn new(seed: u64, frames: Vec<String>, mut descriptions: Vec<String>) -> Self {
        descriptions.push(offered());
        Self { dice: seed | 1, frames, descriptions }
    }

    /// Tries one more.
    pub fn step(&mut self) -> Tried {
        let message = self.message();
        let mut took = Duration::MAX;
        for _ in 0..TRIES {
            took = took.min(time(&message));
            if took <= LIMIT / 2 {
                break;
            }
        }
        Tried { kind: message.kind, took, text: message.frame }
    }

    fn message(&mut self) -> Message {
        let plain = |kind, frame| Message { kind, frame, before: Vec::new() };
        let params = |sdp: &str| json!({"sessionId": "M0", "conversationId": "C0", "sdp": sdp, "reinvite": false});
        let initiate = || service::jingle(PEER, "j1", "session-initiate", "M0", CONTENT);
        match self.below(7) {
            0 | 1 => {
                let seed = self.one_of(Source::Descriptions);
                let sdp = self.grown(&seed, Shape::Lines, MAX_SDP);
                plain("SDP offer", service::rpc(PEER, "o1", "offer", &params(&sdp)))
            }
            2 => {
                let content = self.grown(CONTENT, Shape::Elements, MAX_MESSAGE - 1024);
                let frame = service::jingle(PEER, "j1", "session-initiate", "M0", &content);
                plain("session-initiate", frame)
            }
            3 => {
                let content = self.grown(CONTENT, Shape::Elements, MAX_MESSAGE - 1024);
                let frame = service::jingle(PEER, "j2", "transport-info", "M0", &content);
                Message { kind: "transport-info", frame, before: vec![initiate()] }
            }
            4 => {
                let body = service::conversation("C0", "connected", 0);
                let node = "v2.users.u1.conversations";
                let text = json!({"topicName": node, "eventBody": body}).to_string();
                // Quotes are longer as XML.
                let text = self.grown(&text, Shape::Entries, MAX_MESSAGE * 2 / 5);
                plain("notification", service::notification(node, &text))
            }
            _ => {
                let seed = self.one_of(Source::Frames);
                plain("frame", self.grown(&seed, Shape::Elements, MAX_MESSAGE))
            }
        }
    }

    fn one_of(&mut self, source: Source) -> String {
        let len = match source {
            Source::Frames => self.frames.len(),
            Source::Descriptions => self.descriptions.len(),
        };
        let at = self.below(len.max(1));
        let list = match source {
            Source::Frames => &self.frames,
            Source::Descriptions => &self.descriptions,
        };
        list.get(at).cloned().unwrap_or_default()
    }

    /// xorshift: what is drawn need only be the same again.
    fn below(&mut self, bound: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as usize % bound.max(1)
    }

    /// The seed with one part of it so often that it has the wanted length.
    fn grown(&mut self, seed: &str, shape: Shape, limit: usize) -> String {
        let starts: Vec<_> = seed.char_indices().filter(|(_, c)| shape.begins(*c)).collect();
        let whole = (0, seed.len(), "");
        let part = match (self.below(8), starts.as_slice()) {
            // A single character, which makes a long word.
            (0, _) => {
                let letters = seed.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric());
                let letters: Vec<_> = letters.map(|(at, _)| at).collect();
                match letters.get(self.below(letters.len())) {
                    Some(at) => (*at, at + 1, ""),
                    None => whole,
                }
            }
            (_, []) => whole,
            (_, starts) => {
                let (at, _) = starts[self.below(starts.len())];
                shape.part(seed, at).unwrap_or(whole)
            }
        };
        let (from, to, between) = part;
        let numbered = self.below(2) == 0;
        let mut out = String::with_capacity(limit + 64);
        out.push_str(&seed[..to]);
        let part = &seed[from..to];
        let rest = limit.saturating_sub(seed.len());
        let mut n = 0_u32;
        while !part.is_empty() && out.len() + part.len() + between.len() + 8 < to + rest {
            out.push_str(between);
            n += 1;
            if numbered { out.push_str(&renumbered(part, n)) } else { out.push_str(part) }
        }
        out.push_str(&seed[to..]);
        out
    }
}

#[derive(Clone, Copy)]
enum Source {
    Frames,
    Descriptions,
}

/// The parts of a text.
#[derive(Clone, Copy)]
enum Shape {
    /// Lines, and sections of them.
    Lines,
    /// XML elements.
    Elements,
    /// JSON objects.
    Entries,
}

impl Shape {
    fn begins(self, c: char) -> bool {
        match self {
            Self::Lines => c == '=',
            Self::Elements => c == '<',
            Self::Entries => c == '{',
        }
    }

    /// Beginning and end of the part that begins at a place, and what stands between two of them.
    fn part(self, text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
        let rest = &text[at..];
        match self {
            Self::Lines => {
                let from = text[..at].rfind('\n').map_or(0, |end| end + 1);
                let section = text[from..].starts_with("m=");
                let end = if section {
                    text[from + 1..].find("\nm=").map_or(text.len(), |end| from + 2 + end)
                } else {
                    rest.find('\n').map_or(text.len(), |end| at + end + 1)
                };
                Some((from, end, ""))
            }
            Self::Elements => {
                let name =
                    rest[1..].split([' ', '>', '/']).next().filter(|name| !name.is_empty())?;
                let head = rest.find('>')? + 1;
                let len = if rest[..head].ends_with("/>") {
                    head
                } else {
                    let end = format!("</{name}>");
                    rest.find(&end)? + end.len()
                };
                Some((at, at + len, ""))
            }
            Self::Entries => {
                let mut depth = 0;
                let end = rest.find(|c: char| {
                    depth += i32::from(matches!(c, '{' | '[')) - i32::from(matches!(c, '}' | ']'));
                    depth == 0
                })?;
                Some((at, at + end + 1, ","))
            }
        }
    }
}

/// A part with its last number replaced, so that no two are the same.
fn renumbered(part: &str, n: u32) -> String {
    let Some(end) = part.rfind(|c: char| c.is_ascii_digit()) else { return part.to_owned() };
    let digits = part[..=end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |before| before + part[before..].chars().next().map_or(1, char::len_utf8));
    format!("{}{n}{}", &part[..digits], &part[end + 1..])
}

/// The offer of a real engine.
fn offered() -> String {
    let now = Instant::now();
    let mut engine = Shared.create(now, EngineConfig::new(Seed::from(2)));
    let address: std::net::SocketAddr = "192.0.2.1:5000".parse().expect("an address");
    engine.add_local(now, &address.into(), LocalKind::Host);
    engine.create_offer(now, &[Wish::AUDIO]).expect("a new engine can offer")
}

fn time(message: &Message) -> Duration {
    let mut agent = Agent::with(BITS, Box::new(Shared)).logged_in();
    ring(&mut agent, "M0", "C0");
    agent.submit(Command::AcceptPendingSession { conversation: "C0".into() });
    agent.serve();
    for frame in &message.before {
        agent.hear_only(frame.clone());
    }
    let frame = message.frame.clone();
    let (began, worked) = (Instant::now(), worked());
    agent.hear_only(frame);
    let took = began.elapsed();
    match (worked, self::worked()) {
        (Some(before), Some(after)) => took.min(after.saturating_sub(before)),
        _ => took,
    }
}

/// The time that this thread has had a processor: other work of the machine does not count. Linux
/// tells.
fn worked() -> Option<Duration> {
    // It is counted when a thread is put to sleep.
    std::thread::sleep(Duration::from_nanos(1));
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_as_long_as_they_may_be_and_the_same_again() {
        let new = || Largest::new(5, vec!["<a><b c=\"1\"/>d</a>".to_owned()], Vec::new());
        let (mut one, mut other) = (new(), new());
        for _ in 0..40 {
            let (message, again) = (one.message(), other.message());
            // Fingerprints of descriptions are those of the certificate, and the same in a thread.
            assert_eq!(message.frame, again.frame);
            let most = if message.kind == "SDP offer" { MAX_SDP } else { MAX_MESSAGE };
            assert!(message.frame.len() > most / 3, "{}: {}", message.kind, message.frame.len());
            assert!(message.frame.len() <= MAX_MESSAGE * 5 / 4, "{}", message.kind);
        }
    }

    #[test]
    fn parts_are_whole() {
        let part = |shape: Shape, text: &str, at: usize| {
            shape.part(text, at).map(|(from, to, _)| text[from..to].to_owned())
        };
        assert_eq!(part(Shape::Elements, "<a><b/><c>d</c></a>", 3).as_deref(), Some("<b/>"));
        assert_eq!(part(Shape::Elements, "<a><b/><c>d</c></a>", 7).as_deref(), Some("<c>d</c>"));
        assert_eq!(
            part(Shape::Entries, r#"[{"a":{"b":1}},2]"#, 1).as_deref(),
            Some(r#"{"a":{"b":1}}"#)
        );
        let sdp = "v=0\r\nm=audio\r\na=b\r\nm=video\r\n";
        assert_eq!(part(Shape::Lines, sdp, 15).as_deref(), Some("a=b\r\n"));
        assert_eq!(part(Shape::Lines, sdp, 6).as_deref(), Some("m=audio\r\na=b\r\n"));
        assert_eq!(renumbered("a=1 b", 7), "a=7 b");
    }
}
