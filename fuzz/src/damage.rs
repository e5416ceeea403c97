//! Damage to good messages, for the oracle "what cannot be used costs only itself": a message of which
//! optional parts are broken, stand twice or have foreign company is worth as much as without them.
//!
//! An input that begins with NUL, which no text from a peer does, is a script of damages: a number that
//! chooses a message, and three bytes for each part that is damaged.

use offhook::xmpp::{Element, Node};
use serde_json::Value;

/// Parts damaged at once; what follows is not read.
const MAX_DAMAGES: usize = 3;
/// Values of JSON that nothing has.
const ODD: [&str; 4] = ["[7]", r#"{"odd":1}"#, "[{}]", "{}"];
/// Neither a number, nor a text that a description can hold, nor a name that anything has.
const JUNK: [&str; 3] = ["x\ny", "\u{7f}", "a\tb\u{202e}"];

/// A message as it comes, and what it must be worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair<T> {
    pub(crate) odd: T,
    pub(crate) without: T,
}

/// The damage done to a part.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A value, or all that an element holds, is something that cannot be read.
    Broken(u8),
    /// Written twice.
    Doubled,
    /// Something that nobody knows stands beside it.
    Foreign,
}

/// A script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'d> {
    message: u8,
    damages: &'d [u8],
}

impl<'d> Script<'d> {
    /// The script, if the input is one.
    pub(crate) fn read(data: &'d [u8]) -> Option<Self> {
        match data {
            [0, message, damages @ ..] => Some(Self { message: *message, damages }),
            _ => None,
        }
    }

    /// The index of the chosen message, of so many.
    pub(crate) fn message(&self, of: usize) -> usize {
        usize::from(self.message) % of
    }

    /// A tree, damaged, as XML.
    pub(crate) fn tree(&self, good: &Element<'static>, doubles: bool) -> Pair<String> {
        let damaged = self.work(doubles, |work| work.element(good, &mut Vec::new()));
        let xml = |roots: &[Element<'_>]| roots.iter().map(Element::to_xml).collect();
        Pair { odd: xml(&damaged.odd), without: xml(&damaged.without) }
    }

    /// A document, damaged, as JSON. `needed` are pointers to what is not optional.
    pub(crate) fn json(&self, good: &Value, needed: &[&str]) -> Pair<String> {
        self.work(true, |work| work.value(good, "", needed))
    }

    /// Twice: the first time to count the parts.
    fn work<T>(&self, doubles: bool, visit: impl Fn(&mut Work) -> T) -> T {
        let mut count = Work::default();
        visit(&mut count);
        let mut work = Work::default();
        for damage in self.damages.chunks_exact(3).take(MAX_DAMAGES) {
            let part = usize::from(u16::from_be_bytes([damage[0], damage[1]])) % count.parts.max(1);
            let kind = match damage[2] {
                kind @ 0..=127 => Damage::Broken(kind),
                128..=191 if doubles => Damage::Doubled,
                _ => Damage::Foreign,
            };
            work.chosen.push((part, kind));
        }
        visit(&mut work)
    }
}

/// True if the rule calls it needed: without it there is nothing that could be used.
fn is_needed(path: &[&str], attribute: Option<&str>) -> bool {
    let element = path.last().copied().unwrap_or_default();
    if path.contains(&"group") {
        return false;
    }
    match (element, attribute) {
        // Whose it is, and which.
        ("iq", Some("type" | "id" | "from"))
        | ("message", Some("from"))
        | ("jingle", Some("action" | "sid"))
        | ("propose" | "reject" | "proceed", Some("id" | "inin-cid"))
        // Names for people may be any text: none is broken.
        | ("propose", Some("inin-ofrom" | "inin-user-id" | "inin-meeting-id"))
        | ("items", Some("node"))
        | ("content", Some("name"))
        // Without a path, a certificate and a codec there is no media.
        | ("transport", Some("ufrag" | "pwd"))
        | ("description", Some("media"))
        // A parameter is one part: half of one says something else.
        | ("parameter", Some(_))
        | ("forwarded" | "received" | "event" | "json", Some(_)) => true,
        (_, Some(_)) => false,
        (
            "iq" | "message" | "jingle" | "propose" | "event" | "items" | "item" | "json" | "received"
            | "forwarded" | "reject" | "proceed" | "transport" | "description" | "content",
            None,
        ) => true,
        _ => false,
    }
}

/// A walk through a message.
#[derive(Default)]
struct Work {
    chosen: Vec<(usize, Damage)>,
    /// Optional parts so far.
    parts: usize,
}

impl Work {
    /// The damage done to the part that comes now.
    fn next(&mut self) -> Option<Damage> {
        self.parts += 1;
        let part = self.parts - 1;
        self.chosen.iter().find(|(chosen, _)| *chosen == part).map(|(_, damage)| *damage)
    }

    fn element<'t>(
        &mut self,
        e: &'t Element<'static>,
        path: &mut Vec<&'t str>,
    ) -> Pair<Vec<Element<'static>>> {
        let foreign = || Element::new("odd", "urn:example:odd").attr("id", "x").text("odd");
        path.push(&e.name);
        let damage = if is_needed(path, None) { None } else { self.next() };
        let mut odd = Element::new(e.name.clone(), e.namespace.clone());
        let mut without = odd.clone();
        for (name, value) in &e.attributes {
            let damage = if is_needed(path, Some(name)) { None } else { self.next() };
            match damage {
                Some(Damage::Broken(junk)) => {
                    odd.attributes.push((name.clone(), junk_of(junk).into()));
                    continue;
                }
                Some(Damage::Foreign) if odd.attribute("odd").is_none() => {
                    odd.attributes.push(("odd".into(), "odd".into()));
                }
                _ => {}
            }
            odd.attributes.push((name.clone(), value.clone()));
            without.attributes.push((name.clone(), value.clone()));
        }
        for child in &e.children {
            match child {
                Node::Element(child) => {
                    let child = self.element(child, path);
                    odd.children.extend(child.odd.into_iter().map(Node::Element));
                    without.children.extend(child.without.into_iter().map(Node::Element));
                }
                text @ Node::Text(_) => {
                    odd.children.push(text.clone());
                    without.children.push(text.clone());
                }
            }
        }
        path.pop();
        match damage {
            // What tells by being there cannot be broken.
            Some(Damage::Broken(junk)) if !e.attributes.is_empty() => {
                for (_, value) in &mut odd.attributes {
                    *value = junk_of(junk).into();
                }
                odd.children = vec![Node::Text(junk_of(junk).into())];
                Pair { odd: vec![odd], without: Vec::new() }
            }
            Some(Damage::Doubled) => Pair { odd: vec![odd.clone(), odd], without: vec![without] },
            Some(Damage::Foreign) => Pair { odd: vec![odd, foreign()], without: vec![without] },
            Some(Damage::Broken(_)) | None => Pair { odd: vec![odd], without: vec![without] },
        }
    }

    fn value(&mut self, value: &Value, at: &str, needed: &[&str]) -> Pair<String> {
        let (open, close, parts): (_, _, Vec<_>) = match value {
            Value::Object(map) => {
                let head = |key: &String| format!("{}:", Value::from(key.as_str()));
                let parts = map.iter().map(|(key, inner)| (head(key), key.clone(), inner));
                ('{', '}', parts.collect())
            }
            Value::Array(list) => {
                let parts = list.iter().enumerate();
                ('[', ']', parts.map(|(n, inner)| (String::new(), n.to_string(), inner)).collect())
            }
            plain => return Pair { odd: plain.to_string(), without: plain.to_string() },
        };
        let (mut odd, mut without) = (Vec::new(), Vec::new());
        for (head, name, inner) in parts {
            let at = format!("{at}/{name}");
            let damage = if needed.contains(&at.as_str()) { None } else { self.next() };
            let inner = self.value(inner, &at, needed);
            let whole = format!("{head}{}", inner.odd);
            match damage {
                Some(Damage::Broken(kind)) => {
                    odd.push(format!("{head}{}", ODD[usize::from(kind) % ODD.len()]));
                    continue;
                }
                Some(Damage::Doubled) => odd.extend([whole.clone(), whole]),
                Some(Damage::Foreign) if open == '{' => {
                    odd.extend([r#""odd":{"odd":[1]}"#.to_owned(), whole]);
                }
                Some(Damage::Foreign) => odd.extend([r#"{"odd":[1]}"#.to_owned(), whole]),
                None => odd.push(whole),
            }
            without.push(format!("{head}{}", inner.without));
        }
        let join = |parts: Vec<String>| format!("{open}{}{close}", parts.join(","));
        Pair { odd: join(odd), without: join(without) }
    }
}

fn junk_of(kind: u8) -> &'static str {
    JUNK[usize::from(kind) % JUNK.len()]
}

/// Every part of every message once with each damage, for tests.
#[cfg(test)]
pub(crate) fn all(messages: u8, parts: u16) -> impl Iterator<Item = Vec<u8>> {
    (0..messages).flat_map(move |message| {
        (0..parts).flat_map(move |part| {
            let [high, low] = part.to_be_bytes();
            [0, 1, 2, 3, 128, 255].map(|kind| vec![0, message, high, low, kind])
        })
    })
}
