//! The keys, and what each does while the calls are shown.

use std::fmt;

use super::calls::{Call, Meeting};
use super::log::Page;
use super::prompt::{About, Prompt, WrapUp};
use super::{Mode, Screen, Status};
use crate::ask::{Act, Ask};
use crate::news::{CallKey, Phase, PresenceView};
use crate::phone::Consult;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    Up,
    Down,
    PageUp,
    PageDown,
    Backspace,
    /// Ctrl-U: all that was typed goes.
    Clear,
    /// Ctrl-C.
    Interrupt,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(char) => return write!(f, "{char}"),
            Self::Enter => "Enter",
            Self::Esc => "Esc",
            Self::Tab => "Tab",
            Self::Up => "Up",
            Self::Down => "Down",
            Self::PageUp => "PageUp",
            Self::PageDown => "PageDown",
            Self::Backspace => "Backspace",
            Self::Clear => "Ctrl-U",
            Self::Interrupt => "Ctrl-C",
        }
        .fmt(f)
    }
}

/// A line of the help.
pub(super) struct Entry {
    /// The keys, as the help shows them.
    pub(super) keys: &'static str,
    /// One of them.
    pub(super) key: Key,
    /// The word for the bar at the bottom.
    pub(super) word: &'static str,
    pub(super) about: &'static str,
}

const fn entry(keys: &'static str, key: Key, word: &'static str, about: &'static str) -> Entry {
    Entry { keys, key, word, about }
}

/// All keys.
pub(super) const HELP: [Entry; 18] = [
    entry("a r", Key::Char('a'), "answer, reject", "answer what rings, or decline it"),
    entry("h", Key::Char('h'), "hold", "hold the call, or resume it"),
    entry("m", Key::Char('m'), "mute", "the far side does not hear you, or does again"),
    entry("e", Key::Char('e'), "end", "end the call"),
    entry("d", Key::Char('d'), "dial", "call somebody; Up and Down find numbers of before"),
    entry("t", Key::Char('t'), "transfer", "give the call away without a word"),
    entry("T", Key::Char('T'), "consult", "ask somebody first; once more connects both"),
    entry("o x", Key::Char('o'), "other, back", "in a consult: the other side; the end of it"),
    entry("c", Key::Char('c'), "conference", "all speak with each other"),
    entry("w", Key::Char('w'), "wrap up", "say what the call was about"),
    entry("M", Key::Char('M'), "meet", "join a meeting; in one: who is there, whom to see"),
    entry("f", Key::Char('f'), "film", "write a meeting's pictures and sound to a file"),
    entry("0-9 * #", Key::Char('5'), "keys", "are sent to the call"),
    entry("Up Down Tab", Key::Down, "choose", "choose the call that keys are about"),
    entry("p", Key::Char('p'), "presence", "say whether you are there"),
    entry("v", Key::Char('v'), "voicemail", "look at the mailbox"),
    entry("s", Key::Char('s'), "sound", "choose speaker, microphone, bell; + - volume"),
    entry("l", Key::Char('l'), "log", "log, ladder and report of the last call"),
];

/// The keys that are always there, at the end of the help and of the bar.
pub(super) const ALWAYS: [Entry; 2] = [
    entry("?", Key::Char('?'), "help", "this"),
    entry("q Ctrl-C", Key::Char('q'), "quit", "end the calls, log out and leave"),
];

/// The thing that a key does.
pub(super) enum Deed {
    /// It asks for something, which is said in words.
    Ask(Ask, String),
    Open(Mode),
    /// It makes keys be about another call.
    Choose(isize),
    /// It wants to be pressed once more.
    Warn(String),
    Quit,
}

/// The part of all volume that a key changes.
const STEP: i8 = 10;

/// The kind of things to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Presence,
    Devices,
    People,
}

impl Kind {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Presence => "Presence",
            Self::Devices => "Devices (* is chosen)",
            Self::People => "People: Enter asks for the pictures of",
        }
    }
}

/// Things to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Menu {
    pub(super) kind: Kind,
    /// The wish that each stands for, and its line.
    pub(super) items: Vec<(Ask, String)>,
    pub(super) at: usize,
}

/// The outcome of a key in a menu.
pub(super) enum Picks {
    Moved,
    Nothing,
    One(Ask, String),
    /// The volume is to be changed by so much.
    Louder(i8),
}

impl Menu {
    /// True if it makes no sense without that call.
    pub(super) fn is_about(&self, call: &CallKey) -> bool {
        self.items.iter().any(|(ask, _)| matches!(ask, Ask::Call(about, _) if about == call))
    }

    pub(super) fn key(&mut self, key: Key) -> Picks {
        let count = self.items.len().max(1);
        match key {
            Key::Up => self.at = (self.at + count - 1) % count,
            Key::Down | Key::Tab => self.at = (self.at + 1) % count,
            Key::Enter => {
                return self.items.get(self.at).map_or(Picks::Nothing, |(ask, line)| {
                    Picks::One(ask.clone(), line.trim().to_owned())
                });
            }
            Key::Char('+') if self.kind == Kind::Devices => return Picks::Louder(STEP),
            Key::Char('-') if self.kind == Kind::Devices => return Picks::Louder(-STEP),
            _ => return Picks::Nothing,
        }
        Picks::Moved
    }
}

/// The words for a key that does nothing, and why.
pub(super) fn no<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

impl Screen {
    /// The thing that a key would do now; or why it does nothing.
    pub(super) fn deed(&self, key: Key) -> Result<Deed, String> {
        match key {
            Key::Char('a') => self.ringing(Act::Answer, "answering"),
            Key::Char('r') => self.ringing(Act::Reject, "declining"),
            Key::Char('h') => {
                let call = self.call()?;
                let act = Act::Hold(!call.held);
                self.may(call, &act)?;
                Ok(ask(call, act, if call.held { "resuming" } else { "holding" }))
            }
            Key::Char('m') => {
                let call = self.up()?;
                let words = if call.muted { "unmuting" } else { "muting" };
                Ok(ask(call, Act::Mute(!call.muted), words))
            }
            Key::Char('e') => self.end_call(),
            Key::Char('d') => Ok(prompt(About::Dial)),
            Key::Char('t') => Ok(prompt(About::Transfer(self.call()?.key.clone()))),
            Key::Char('T') => self.consult(),
            Key::Char('o') => {
                let call = self.consulting()?;
                let to_them = call.consults.as_ref().is_some_and(|(_, to_them)| *to_them);
                Ok(ask(call, Act::SpeakToThem(!to_them), "changing sides with"))
            }
            Key::Char('x') => Ok(ask(self.consulting()?, Act::CancelConsult, "taking back")),
            Key::Char('c') => self.conference(),
            Key::Char('w') => self.wrap(),
            Key::Char(digit @ ('0'..='9' | '*' | '#')) => {
                Ok(ask(self.call()?, Act::Press(digit.to_string()), &format!("{digit} to")))
            }
            Key::Char('M') => self.meet(),
            Key::Char('f') => self.film(),
            Key::Char('p') => Ok(self.presences()),
            Key::Char('v') => Ok(Deed::Ask(Ask::Voicemail, "asking for the mailbox …".to_owned())),
            Key::Char('s') => self.devices(),
            Key::Char('l') => Ok(Deed::Open(Mode::Log(Page::first()))),
            Key::Char('?') => Ok(Deed::Open(Mode::Help)),
            Key::Char('q') => Ok(self.quit()),
            Key::Up | Key::Down | Key::Tab if self.calls.all().len() < 2 => {
                no("there is no other call to choose")
            }
            Key::Up => Ok(Deed::Choose(-1)),
            Key::Down | Key::Tab => Ok(Deed::Choose(1)),
            Key::Char(_)
            | Key::Enter
            | Key::Esc
            | Key::PageUp
            | Key::PageDown
            | Key::Backspace
            | Key::Clear
            | Key::Interrupt => no(format!("{key} does nothing: ? lists the keys")),
        }
    }

    fn ringing(&self, act: Act, words: &str) -> Result<Deed, String> {
        match self.calls.ringing() {
            Some(call) => Ok(ask(call, act, words)),
            None => no("no call rings"),
        }
    }

    /// The call that keys are about, if it was answered.
    fn up(&self) -> Result<&Call, String> {
        match self.calls.current() {
            None => no("there is no call"),
            Some(call) => match call.phase {
                Phase::Rings => no("the call rings still: a answers it"),
                Phase::Dials => no("nobody has answered yet"),
                Phase::Up => Ok(call),
            },
        }
    }

    /// The call that keys are about, if it was answered and is no meeting.
    fn call(&self) -> Result<&Call, String> {
        let call = self.up()?;
        match call.meeting {
            Some(_) => no("this is a meeting: m mutes, M shows who is there, f films, e leaves it"),
            None => Ok(call),
        }
    }

    /// Checks that a thing may be asked of a call, also by a headset.
    ///
    /// # Errors
    ///
    /// It may not, for this reason.
    pub(super) fn may(&self, call: &Call, act: &Act) -> Result<(), String> {
        match act {
            Act::Hold(_) if call.meeting.is_some() => no("a meeting is not held: m mutes it"),
            Act::Hold(_) if call.consults.is_some() => {
                no("during a consult the caller waits: o speaks to them")
            }
            Act::End if call.consults.is_some() => {
                no("during a consult T gives the caller away, x takes them back")
            }
            _ => Ok(()),
        }
    }

    fn end_call(&self) -> Result<Deed, String> {
        match self.calls.current() {
            None => no("there is no call to end"),
            Some(call) if call.phase == Phase::Rings => {
                no("the call rings still: a answers it, r declines it")
            }
            Some(call) => {
                self.may(call, &Act::End)?;
                Ok(ask(call, Act::End, "ending"))
            }
        }
    }

    fn consult(&self) -> Result<Deed, String> {
        let call = self.call()?;
        let with = match self.offers.consult {
            Consult::Within => call.consults.as_ref().map(|_| call),
            Consult::TwoCalls => self.calls.consulted(call),
        };
        Ok(match with {
            Some(other) => ask(call, Act::Connect(other.key.clone()), "connecting both others:"),
            None => prompt(About::Consult(call.key.clone())),
        })
    }

    /// The call about which somebody is asked.
    fn consulting(&self) -> Result<&Call, String> {
        let call = self.call()?;
        match (self.offers.consult, &call.consults) {
            (Consult::Within, Some(_)) => Ok(call),
            (Consult::Within, None) => no("nobody is asked about this call: T asks somebody"),
            (Consult::TwoCalls, _) => {
                no("here a consult is a call of its own: h holds one, e ends it, Tab chooses")
            }
        }
    }

    fn conference(&self) -> Result<Deed, String> {
        let call = self.call()?;
        let other = match self.offers.consult {
            Consult::Within if call.consults.is_some() => call,
            Consult::Within => return no("a conference begins as a consult: T asks somebody"),
            Consult::TwoCalls => match self.calls.other(call) {
                Some(other) => other,
                None => return no("a conference wants two calls: d or T makes another"),
            },
        };
        Ok(ask(call, Act::Conference(other.key.clone()), "making a conference with"))
    }

    fn meet(&self) -> Result<Deed, String> {
        if !self.offers.meetings {
            return no(format!("{} has no meetings", self.offers.service));
        }
        let current = self.calls.current().filter(|call| call.phase == Phase::Up);
        let Some((call, meeting)) = current.and_then(|call| Some((call, call.meeting.as_ref()?)))
        else {
            return Ok(prompt(About::Meet));
        };
        let see = |whom| Ask::Call(call.key.clone(), Act::See(whom));
        let others = meeting.people.iter().filter(|one| !one.us);
        let others = others.map(|one| (see(Some(one.id.clone())), super::draw::person(one)));
        let chosen = (see(None), "  whomever the service chooses".to_owned());
        let items = [chosen].into_iter().chain(others).collect();
        Ok(Deed::Open(Mode::Menu(Menu { kind: Kind::People, items, at: 0 })))
    }

    fn film(&self) -> Result<Deed, String> {
        let call = self.up()?;
        match &call.meeting {
            None => no("only a meeting is filmed"),
            Some(Meeting { film: None, .. }) => Ok(ask(call, Act::Film(true), "filming")),
            Some(_) => Ok(ask(call, Act::Film(false), "no more filming of")),
        }
    }

    fn wrap(&self) -> Result<Deed, String> {
        if !self.offers.wrap_up {
            return no(format!("{} has no wrap-up", self.offers.service));
        }
        let calls = self.calls.to_wrap_up();
        if calls.is_empty() {
            return no("there was no call to wrap up");
        }
        Ok(prompt(About::WrapUp(WrapUp { calls, at: 0, names: self.wrap_up.clone() })))
    }

    fn presences(&self) -> Deed {
        if self.offers.presences.is_empty() {
            return Deed::Ask(Ask::Presences, "asking which presences there are …".to_owned());
        }
        let items = self.offers.presences.iter();
        let items = items.map(|name| (Ask::Presence((*name).to_owned()), (*name).to_owned()));
        Deed::Open(Mode::Menu(Menu { kind: Kind::Presence, items: items.collect(), at: 0 }))
    }

    /// Opens the list that was asked for, unless another key was pressed meanwhile.
    pub(super) fn offers_presences(&mut self, presences: &[PresenceView]) {
        if self.mode != Mode::Calls || self.last != Some(Key::Char('p')) {
            return;
        }
        if presences.is_empty() {
            self.status = Status::No("there is no presence to choose".to_owned());
            return;
        }
        let item = |one: &PresenceView| {
            let mark = if one.ours { '*' } else { ' ' };
            (Ask::Presence(one.id.clone()), format!("{mark} {}", one.label))
        };
        let items = presences.iter().map(item).collect();
        let at = presences.iter().position(|one| one.ours).unwrap_or_default();
        self.status = Status::Said(String::new());
        self.mode = Mode::Menu(Menu { kind: Kind::Presence, items, at });
    }

    fn devices(&self) -> Result<Deed, String> {
        if self.sound.off {
            return no("there is no sound: it was switched off by --no-sound");
        }
        if self.sound.devices.is_empty() {
            return no("there are no devices: no sound server answers");
        }
        let item = |device: &super::DeviceView| {
            let mark = if device.chosen { '*' } else { ' ' };
            let line = format!("{mark} {:<11} {}", device.place.word(), device.words);
            (Ask::Device(device.place, device.name.clone()), line)
        };
        let part = |part: &super::PartView| {
            let mark = if part.on { '*' } else { ' ' };
            let line = format!("{mark} {:<11} {}", "voice", part.words);
            (Ask::Voice(part.name, !part.on), line)
        };
        let parts = self.sound.voice.iter().map(part);
        let items = self.sound.devices.iter().map(item).chain(parts).collect();
        Ok(Deed::Open(Mode::Menu(Menu { kind: Kind::Devices, items, at: 0 })))
    }

    fn quit(&self) -> Deed {
        let calls = self.calls.ours().len();
        let words = match calls {
            0 => return Deed::Quit,
            1 => "a call ends with this: q once more, or Ctrl-C".to_owned(),
            calls => format!("{calls} calls end with this: q once more, or Ctrl-C"),
        };
        // Pressed twice in a row: nothing else was said in between.
        if self.status == Status::No(words.clone()) { Deed::Quit } else { Deed::Warn(words) }
    }
}

pub(super) fn ask(call: &Call, act: Act, words: &str) -> Deed {
    Deed::Ask(Ask::Call(call.key.clone(), act), format!("{words} {} …", call.who))
}

fn prompt(about: About) -> Deed {
    Deed::Open(Mode::Prompt(Prompt::new(about)))
}
