//! A line that is typed.

use std::collections::BTreeMap;

use super::draw::fit;
use super::keys::Key;
use crate::ask::{Act, Ask};
use crate::history::History;
use crate::news::CallKey;

/// The most characters of a line.
pub(crate) const MAX_TEXT: usize = 256;

/// The thing that is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    Dial,
    Meet,
    Transfer(CallKey),
    Consult(CallKey),
    WrapUp(WrapUp),
}

/// The calls of which it may be said what they were about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrapUp {
    /// With the names of the others, the newest first. There is one at least.
    pub(super) calls: Vec<(CallKey, String)>,
    /// The one that it is about.
    pub(super) at: usize,
    /// The codes that have names.
    pub(super) names: BTreeMap<String, String>,
}

impl WrapUp {
    fn label(&self) -> String {
        let who = self.calls.get(self.at).map_or("", |(_, who)| who.as_str());
        let who = fit(who, 20);
        let of = match self.calls.len() {
            0 | 1 => String::new(),
            count => format!(" ({} of {count})", self.at + 1),
        };
        let names: Vec<_> = self.names.keys().map(String::as_str).collect();
        let names = match names.is_empty() {
            true => String::new(),
            false => format!(" ({})", fit(&names.join(", "), 24)),
        };
        format!("{who}{of}: code{names}, then notes: ")
    }
}

/// A line that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    about: About,
    text: String,
    /// The place in the history, 0 for none, and what had been typed before it.
    back: usize,
    draft: String,
}

/// The outcome of a key.
pub(super) enum Typed {
    More,
    /// It does nothing, for this reason.
    No(String),
    Left,
    Done(Ask, String),
}

impl Prompt {
    pub(super) fn new(about: About) -> Self {
        Self { about, text: String::new(), back: 0, draft: String::new() }
    }

    /// The words before the line.
    pub(super) fn label(&self) -> String {
        match &self.about {
            About::Dial => "dial: ".to_owned(),
            About::Meet => "room or meeting: ".to_owned(),
            About::Transfer(_) => "transfer to: ".to_owned(),
            About::Consult(_) => "ask whom: ".to_owned(),
            About::WrapUp(wrap_up) => wrap_up.label(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True if it makes no sense without that call.
    pub(super) fn is_about(&self, call: &CallKey) -> bool {
        match &self.about {
            About::Transfer(about) | About::Consult(about) => about == call,
            About::Dial | About::Meet | About::WrapUp(..) => false,
        }
    }

    pub(super) fn key(&mut self, key: Key, history: &History) -> Typed {
        match key {
            Key::Char(char) if self.text.chars().count() < MAX_TEXT => {
                self.text.push(char);
                Typed::More
            }
            Key::Char(_) => Typed::No("it is long enough".to_owned()),
            Key::Backspace => {
                self.text.pop();
                Typed::More
            }
            Key::Clear => {
                self.text.clear();
                Typed::More
            }
            Key::Up => self.remember(self.back + 1, history),
            Key::Down => match self.back.checked_sub(1) {
                Some(back) => self.remember(back, history),
                None => Typed::No("there is nothing newer".to_owned()),
            },
            Key::Esc => Typed::Left,
            Key::Enter => self.done(),
            Key::Tab | Key::PageUp | Key::PageDown | Key::Interrupt => {
                Typed::No(format!("{key} does nothing here: Enter is yes, Esc is no"))
            }
        }
    }

    fn remember(&mut self, back: usize, history: &History) -> Typed {
        if let About::WrapUp(wrap_up) = &mut self.about {
            if back >= wrap_up.calls.len() {
                return Typed::No("there is no call before that".to_owned());
            }
            (wrap_up.at, self.back) = (back, back);
            return Typed::More;
        }
        if self.back == 0 {
            self.draft.clone_from(&self.text);
        }
        match (back, history.back(back)) {
            (0, _) => self.text.clone_from(&self.draft),
            (_, Some(text)) => self.text.clone_from(text),
            (_, None) => return Typed::No("nothing older was typed".to_owned()),
        }
        self.back = back;
        Typed::More
    }

    fn done(&self) -> Typed {
        let text = self.text.trim();
        if text.is_empty() {
            return Typed::No("type something first; Esc goes back".to_owned());
        }
        let to = text.to_owned();
        let (ask, words) = match &self.about {
            About::Dial => (Ask::Dial(to), format!("dialling {text} …")),
            About::Meet => (Ask::Meet(to), format!("joining {text} …")),
            About::Transfer(call) => {
                (Ask::Call(call.clone(), Act::Transfer(to)), format!("giving the call to {text} …"))
            }
            About::Consult(call) => {
                (Ask::Call(call.clone(), Act::Consult(to)), format!("asking {text} …"))
            }
            About::WrapUp(WrapUp { calls, at, names }) => {
                let Some((call, _)) = calls.get(*at) else { return Typed::Left };
                // A name may have spaces.
                let named = names.iter().filter(|(name, _)| {
                    let rest = text.strip_prefix(name.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                });
                let named = named.max_by_key(|(name, _)| name.len());
                let first = text.split(' ').next().unwrap_or(text);
                let (code, id) =
                    named.map_or((first, first), |(name, id)| (name.as_str(), id.as_str()));
                let notes = text[code.len()..].trim();
                let notes = Some(notes.to_owned()).filter(|notes| !notes.is_empty());
                let id = id.to_owned();
                let words = format!("wrapping up as {code} …");
                (Ask::Call(call.clone(), Act::WrapUp(id, notes)), words)
            }
        };
        Typed::Done(ask, words)
    }
}
