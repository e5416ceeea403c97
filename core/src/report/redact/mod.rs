//! Redaction of messages for show: no secret, and of somebody's number its last two digits.
//!
//! A text is read as what it is, XML, JSON or a session description, also one inside the other,
//! and written out again with the values of named attributes and keys replaced: how a peer spells
//! them does not matter then. What cannot be read is shown by its length only. Texts that are none
//! of these are searched for what is said like a secret ([`prose`]), and everything for the secrets
//! that are known ([`known`]). It costs a second reading, for whoever wants a trace.

mod known;
mod names;
mod numbers;
mod prose;
mod rewritten;
#[cfg(test)]
mod tests;
mod unescape;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub(crate) use self::numbers::{shortened, whole as hidden_number};

use self::known::{HIDDEN, Known};
use self::names::{Role, is_secret, role};
use crate::Secret;
use crate::xmpp::{Element, Node, ns};

/// The end of the text that tells the length of something that cannot be read.
const LENGTH: &str = " bytes)";
/// The longest text that is looked into.
const MAX_SHOWN: usize = 1 << 20;
/// The most documents that may lie in one another.
const MAX_NESTED: usize = 8;

/// Removes secrets and numbers from what is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactor {
    known: Known,
    /// Elements whose text is JSON.
    json_in: &'static [&'static str],
}

impl Redactor {
    /// A redactor for a service that has JSON in elements of these names.
    pub(crate) fn new(json_in: &'static [&'static str]) -> Self {
        Self { known: Known::default(), json_in }
    }

    /// Adds a secret that is never shown, wherever it stands.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        self.known.add(secret);
    }

    /// A frame or a body, as it may be shown: XML or JSON.
    pub(crate) fn document(&self, text: &str) -> String {
        let shown = match text.trim_start().chars().next() {
            None => return String::new(),
            Some(_) if text.len() > MAX_SHOWN => None,
            // A text alone has no name that tells what it is.
            Some('"') => None,
            Some('<') => self.xml(text, 0),
            Some(_) => self.json(text, 0),
        };
        shown.unwrap_or_else(|| length(text))
    }

    /// Any other text, as it may be shown.
    pub(crate) fn text(&self, text: &str) -> String {
        self.nested(text, 0).into_owned()
    }

    fn nested<'t>(&self, text: &'t str, depth: usize) -> Cow<'t, str> {
        if text.len() > MAX_SHOWN || depth > MAX_NESTED {
            return length(text).into();
        }
        let begins = |c: char| !(c.is_whitespace() || c.is_control() || c == '\u{feff}');
        match text.chars().find(|c| begins(*c)) {
            Some('<') => self.xml(text, depth).unwrap_or_else(|| length(text)).into(),
            Some('{') => self.json(text, depth).unwrap_or_else(|| length(text)).into(),
            Some('[' | '"') => {
                self.json(text, depth).map_or_else(|| self.prose(text, depth), Cow::Owned)
            }
            Some(_) if is_description(text) => self.description(text, depth).into(),
            Some(_) => self.prose(text, depth),
            None => text.into(),
        }
    }

    /// A named value as it may be shown.
    fn named<'t>(&self, name: &str, text: &'t str, depth: usize) -> Cow<'t, str> {
        match role(name) {
            Role::Secret => HIDDEN.into(),
            Role::Number => numbers::whole(text).into(),
            Role::Open => self.nested(text, depth + 1),
        }
    }

    // XML

    fn xml(&self, text: &str, depth: usize) -> Option<String> {
        let mut element = Element::parse(text).ok()?;
        self.element(&mut element, depth);
        Some(element.to_xml())
    }

    fn element(&self, element: &mut Element<'_>, depth: usize) {
        let own = match (&*element.namespace, &*element.name) {
            // RFC 6120 section 6.4: what SASL exchanges is in these.
            (ns::SASL, "auth" | "challenge" | "response" | "success") => Role::Secret,
            (_, name) => role(name),
        };
        // `<parameter name="password" value="…"/>`
        let mut attributes = element.attributes.iter();
        let labelled = attributes.any(|(name, value)| names::is_label(name) && is_secret(value));
        for (name, value) in &mut element.attributes {
            replace(value, |value| match own {
                _ if name == "mechanism" => self.prose(value, depth),
                _ if labelled && names::is_content(name) => HIDDEN.into(),
                Role::Secret => HIDDEN.into(),
                Role::Open | Role::Number => self.named(name, value, depth),
            });
            replace(name, |name| self.known.hidden(name));
        }
        replace(&mut element.name, |name| self.known.hidden(name));
        replace(&mut element.namespace, |namespace| self.prose(namespace, depth));
        if (own == Role::Secret || labelled) && !element.children.is_empty() {
            element.children = vec![Node::Text(HIDDEN.into())];
        }
        for child in &mut element.children {
            match child {
                Node::Element(child) => self.element(child, depth),
                Node::Text(text) if own == Role::Number => *text = numbers::whole(text).into(),
                Node::Text(text) if **text == *HIDDEN => {}
                // What should be JSON and cannot be read may hold anything.
                Node::Text(text) if self.json_in.contains(&&*element.name) => {
                    *text = self.json(text, depth + 1).unwrap_or_else(|| length(text)).into();
                }
                Node::Text(text) => replace(text, |text| self.nested(text, depth + 1)),
            }
        }
    }

    // JSON

    fn json(&self, text: &str, depth: usize) -> Option<String> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        self.value(&mut value, Role::Open, depth);
        Some(value.to_string())
    }

    fn value(&self, value: &mut Value, own: Role, depth: usize) {
        match (own, &mut *value) {
            (_, Value::Null | Value::Bool(_)) => {}
            (Role::Secret, _) => *value = HIDDEN.into(),
            (Role::Number, Value::String(text)) => *text = numbers::whole(text),
            (Role::Number, Value::Number(number)) => {
                *value = numbers::whole(&number.to_string()).into();
            }
            (Role::Open, Value::String(text)) => {
                let shown = self.nested(text, depth + 1);
                if shown != *text {
                    *text = shown.into_owned();
                }
            }
            (Role::Open, Value::Number(number)) => {
                let text = number.to_string();
                let shown = self.known.hidden(&text);
                if shown != text {
                    *value = shown.into_owned().into();
                }
            }
            (_, Value::Array(items)) => {
                // `["Authorization", "…", "Host", "…"]`
                let mut labelled = false;
                for item in items {
                    let label = item.as_str().is_some_and(is_secret);
                    self.value(item, if labelled { Role::Secret } else { own }, depth);
                    labelled = label;
                }
            }
            (_, Value::Object(fields)) => self.object(fields, own, depth),
        }
    }

    fn object(&self, fields: &mut Map<String, Value>, own: Role, depth: usize) {
        // `{"name": "password", "value": "…"}`
        let labelled = fields
            .iter()
            .any(|(name, value)| names::is_label(name) && value.as_str().is_some_and(is_secret));
        let mut renamed = false;
        for (name, value) in fields.iter_mut() {
            let role = match role(name) {
                Role::Open if labelled && names::is_content(name) => Role::Secret,
                role @ (Role::Open | Role::Number | Role::Secret) => role.max(own),
            };
            self.value(value, role, depth);
            renamed |= self.prose(name, depth) != *name;
        }
        if renamed {
            let shown = std::mem::take(fields).into_iter();
            let shown = shown.map(|(name, value)| (self.prose(&name, depth).into_owned(), value));
            *fields = shown.collect();
        }
    }

    // Session descriptions

    /// A session description as it may be shown, line by line (RFC 8866 section 5).
    fn description(&self, text: &str, depth: usize) -> String {
        text.split_inclusive(['\r', '\n'])
            .map(|line| {
                let content = line.trim_end_matches(['\r', '\n']);
                (self.line(content, depth), &line[content.len()..])
            })
            .fold(String::with_capacity(text.len()), |shown, (line, end)| shown + &line + end)
    }

    fn line<'t>(&self, line: &'t str, depth: usize) -> Cow<'t, str> {
        let Some((kind, value)) = line.split_once('=') else { return self.prose(line, depth) };
        match kind.trim() {
            // A key, an address, a number (RFC 8866 sections 5.6 and 5.12).
            "k" | "K" => format!("{kind}={HIDDEN}").into(),
            "e" | "E" | "p" | "P" => format!("{kind}={}", numbers::whole(value)).into(),
            "a" | "A" => {
                let value = value.trim_start();
                let end = value.find(|c: char| c == ':' || c.is_whitespace());
                match value.split_at(end.unwrap_or(value.len())) {
                    // What is hidden is the name of nothing.
                    (name, _) if name.contains(HIDDEN) => self.prose(line, depth),
                    (name, "") if is_secret(name) => format!("{kind}={HIDDEN}").into(),
                    (name, _) if is_secret(name) || names::is_key_line(name) => {
                        format!("{kind}={name}:{HIDDEN}").into()
                    }
                    _ => self.prose(line, depth),
                }
            }
            "o" | "O" => match value.trim_start().split_once(' ') {
                Some((user, rest)) if numbers::is_number(user) => {
                    format!("{kind}={} {}", numbers::whole(user), self.prose(rest, depth)).into()
                }
                _ => self.prose(line, depth),
            },
            _ => self.prose(line, depth),
        }
    }
}

/// Puts something else in the place of a text, if something else is to be shown.
fn replace<'t>(text: &mut Cow<'t, str>, shown: impl Fn(&str) -> Cow<'_, str>) {
    let shown = shown(text);
    if shown != *text {
        *text = shown.into_owned().into();
    }
}

/// True if a text begins with a line of a session description: a letter and an equals sign.
fn is_description(text: &str) -> bool {
    let first = text.trim_start().split(['\r', '\n']).next().unwrap_or_default();
    let kind = first.split_once('=').map(|(kind, _)| kind.trim());
    kind.is_some_and(|kind| kind.len() == 1 && kind.as_bytes()[0].is_ascii_alphabetic())
}

/// The text shown of something that cannot be read.
fn length(text: &str) -> String {
    format!("({}{LENGTH}", text.len())
}
