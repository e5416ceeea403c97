//! The screen of the phone, as a machine without a terminal: keys, news and the time go in, wishes come out, and it is
//! drawn as it is.

mod calls;
mod draw;
mod keys;
mod log;
mod prompt;
#[cfg(test)]
mod tests;
mod worn;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use self::calls::Calls;
pub(crate) use self::keys::Key;
use self::keys::{Deed, Menu};
use self::log::{Log, Page};
pub(crate) use self::prompt::MAX_TEXT;
use self::prompt::Prompt;
use crate::ask::{Ask, Place};
use crate::bell::Ring;
use crate::history::History;
use crate::news::{CallKey, Change, Network, News, Phase, SPEECHLESS};
use crate::phone::Offers;

/// See the [module](self).
pub(crate) struct Screen {
    offers: Offers,
    /// The user and the place of the service, as far as is known.
    title: String,
    /// Codes of wrap-up by the names that a person gives them.
    wrap_up: BTreeMap<String, String>,
    /// True if words and signs may have colours besides.
    colours: bool,
    /// The time since the screen was made.
    now: Duration,
    calls: Calls,
    network: Network,
    presence: Option<String>,
    sound: SoundView,
    /// The headset and its state in words, if there is one.
    headset: Option<String>,
    log: Log,
    history: History,
    status: Status,
    mode: Mode,
    /// The key that was pressed last.
    last: Option<Key>,
}

/// The thing that keys are about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// The calls.
    Calls,
    Help,
    Log(Page),
    Prompt(Prompt),
    Menu(Menu),
    /// A line or a menu about a call that is over meanwhile: what is still typed for it is no keys.
    Stale,
    /// All is over: the phone logs out.
    Ends,
}

/// The line that says what came of the last key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Said(String),
    /// It does nothing, or did not work.
    No(String),
}

/// The devices and the sound, as they are now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SoundView {
    /// True if none is wanted.
    pub(crate) off: bool,
    /// The volume of what is heard, up to 100.
    pub(crate) volume: u8,
    pub(crate) microphone: Meter,
    pub(crate) speaker: Meter,
    /// The words for the device that rings; none for the system's default.
    pub(crate) bell: Option<String>,
    /// All that there are.
    pub(crate) devices: Vec<DeviceView>,
    /// The parts that make a voice better, as far as they are built in.
    pub(crate) voice: Vec<PartView>,
}

/// A part that makes a voice better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartView {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) on: bool,
}

/// A way of the sound.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Meter {
    /// The words for the device that is open.
    pub(crate) device: Option<String>,
    /// The loudness in dB of full scale.
    pub(crate) level: f32,
    pub(crate) late: Duration,
    pub(crate) glitches: u64,
}

/// A device that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceView {
    pub(crate) place: Place,
    /// Its name; none for the system's default.
    pub(crate) name: Option<String>,
    pub(crate) words: String,
    /// True if it is the one that was chosen.
    pub(crate) chosen: bool,
}

/// The things that a screen is made with.
pub(crate) struct Opening {
    pub(crate) offers: Offers,
    pub(crate) title: String,
    pub(crate) wrap_up: BTreeMap<String, String>,
    pub(crate) colours: bool,
    pub(crate) history: History,
}

impl Screen {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            offers: opening.offers,
            title: opening.title,
            wrap_up: opening.wrap_up,
            colours: opening.colours,
            now: Duration::ZERO,
            calls: Calls::default(),
            network: Network::Lost("logging in".to_owned()),
            presence: None,
            sound: SoundView::default(),
            headset: None,
            log: Log::default(),
            history: opening.history,
            status: Status::Said("logging in …".to_owned()),
            mode: Mode::Calls,
            last: None,
        }
    }

    /// Takes the time.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// Takes the sound as it is.
    pub(crate) fn hears(&mut self, sound: SoundView) {
        self.sound = sound;
    }

    /// Takes what happened.
    pub(crate) fn told(&mut self, news: News) {
        match news {
            News::Said(line) => {
                let line = console::strip_ansi_codes(&line).into_owned();
                self.log.say(self.now, line);
            }
            News::Done(line) => {
                self.log.say(self.now, line.clone());
                self.status = Status::Said(line);
            }
            News::Failed(line) => self.failed(&line),
            News::Speechless(_) => self.failed(SPEECHLESS),
            News::Call(call, change) => self.changed(&call, change),
            News::Network(network) => {
                if network == Network::Up {
                    self.status = Status::Said("ready: ? lists the keys".to_owned());
                }
                self.network = network;
            }
            News::Presence(presence) => self.presence = Some(presence),
            News::Presences(presences) => self.offers_presences(&presences),
            // Its state is told with the headset.
            News::Headset(_) => {}
            News::Wire(record) => self.log.wire(self.now, &record),
        }
    }

    /// Takes that something did not work.
    pub(crate) fn failed(&mut self, why: &str) {
        self.status = Status::No(why.to_owned());
        self.log.say(self.now, format!("! {why}"));
    }

    /// The words for what was asked for last.
    pub(crate) fn begun(&self) -> String {
        match &self.status {
            Status::Said(words) => words.clone(),
            Status::No(_) => String::new(),
        }
    }

    /// Takes that something was done, unless something else is said by now.
    pub(crate) fn done(&mut self, begun: &str) {
        if let Status::Said(words) = &mut self.status
            && words == begun
            && let Some(words) = begun.strip_suffix(" …")
        {
            self.status = Status::Said(format!("{words}: done"));
        }
    }

    /// The way in which a call rings here, while one does: whoever speaks already is not to be drowned.
    pub(crate) fn rings(&self) -> Option<Ring> {
        let _ = self.calls.ringing()?;
        let speaks = self.calls.all().iter().any(|call| call.phase != Phase::Rings && !call.held);
        Some(if speaks { Ring::Soft } else { Ring::Loud })
    }

    /// The calls that end with the phone: one that only rings is left to the user's other phones.
    /// With whether somebody is asked about it.
    pub(crate) fn ours(&self) -> Vec<(CallKey, bool)> {
        self.calls.ours()
    }

    fn changed(&mut self, call: &CallKey, change: Change) {
        let over = match &change {
            Change::Over(why) => Some(why.clone()),
            _ => None,
        };
        let who = self.calls.who(call);
        if !self.calls.told(self.now, call, change) {
            return;
        }
        if let Some(why) = over {
            let who = who.unwrap_or_default();
            self.status = Status::Said(format!("{who}: over ({why})"));
            let is_about = match &self.mode {
                Mode::Prompt(prompt) => prompt.is_about(call),
                Mode::Menu(menu) => menu.is_about(call),
                Mode::Calls | Mode::Help | Mode::Log(_) | Mode::Stale | Mode::Ends => false,
            };
            if is_about {
                self.mode = Mode::Stale;
            }
        }
    }

    /// Takes what is pasted: into a line that is typed, and nowhere else.
    pub(crate) fn pasted(&mut self, text: &str) {
        let Mode::Prompt(prompt) = &mut self.mode else {
            self.status =
                Status::No("what is pasted is no keys: d, t or T asks for a number".to_owned());
            return;
        };
        for char in text.chars().filter(|char| !char.is_control()) {
            if let prompt::Typed::No(why) = prompt.key(Key::Char(char), &self.history) {
                self.status = Status::No(why);
                return;
            }
        }
    }

    /// Takes a key, and returns what is asked for by it.
    pub(crate) fn key(&mut self, key: Key) -> Option<Ask> {
        if key == Key::Interrupt {
            return Some(self.end());
        }
        let again = self.last.replace(key) == Some(key);
        let moved = self.mode == Mode::Calls && self.calls.take_moved();
        if moved
            && again
            && let Key::Char('e' | 'r') = key
        {
            // It was meant for the one that is over.
            self.status = Status::No(format!("this is another call by now: {key} once more"));
            return None;
        }
        match &mut self.mode {
            Mode::Calls => match self.deed(key) {
                Ok(deed) => self.does(deed),
                Err(why) => {
                    self.status = Status::No(why);
                    None
                }
            },
            Mode::Help => {
                self.leaves(key, matches!(key, Key::Esc | Key::Enter | Key::Char('?' | 'q')));
                None
            }
            Mode::Log(page) => {
                let mut page = *page;
                if page.key(key) {
                    page.from = page.from.min(self.last_row(page.what));
                    self.mode = Mode::Log(page);
                } else {
                    let closes = matches!(key, Key::Esc | Key::Enter | Key::Char('l' | 'q'));
                    self.leaves(key, closes);
                }
                None
            }
            Mode::Menu(menu) => match menu.key(key) {
                keys::Picks::Moved => None,
                keys::Picks::Nothing => {
                    self.leaves(key, matches!(key, Key::Esc | Key::Char('q')));
                    None
                }
                keys::Picks::Louder(change) => {
                    let volume = self.sound.volume.saturating_add_signed(change).min(100);
                    self.sound.volume = volume;
                    self.status = Status::Said(format!("volume {volume}"));
                    Some(Ask::Volume(volume))
                }
                keys::Picks::One(ask, words) => {
                    self.mode = Mode::Calls;
                    self.status = Status::Said(words);
                    Some(ask)
                }
            },
            Mode::Prompt(prompt) => match prompt.key(key, &self.history) {
                prompt::Typed::More => None,
                prompt::Typed::No(why) => {
                    self.status = Status::No(why);
                    None
                }
                prompt::Typed::Left => {
                    self.mode = Mode::Calls;
                    self.status = Status::Said("never mind".to_owned());
                    None
                }
                prompt::Typed::Done(ask, words) => {
                    if let Some(number) = ask.number() {
                        self.history.note(number);
                    }
                    self.mode = Mode::Calls;
                    self.status = Status::Said(words);
                    Some(ask)
                }
            },
            Mode::Stale => {
                self.leaves(key, matches!(key, Key::Esc | Key::Enter));
                None
            }
            Mode::Ends => {
                self.status =
                    Status::No("the phone is logging out; Ctrl-C ends it at once".to_owned());
                None
            }
        }
    }

    /// Closes what lies over the calls, or says that the key does nothing there.
    fn leaves(&mut self, key: Key, closes: bool) {
        if closes {
            self.mode = Mode::Calls;
            self.status = Status::Said(String::new());
        } else {
            self.status =
                Status::No(format!("{key} does nothing here: Esc goes back to the calls"));
        }
    }

    fn does(&mut self, deed: Deed) -> Option<Ask> {
        match deed {
            Deed::Ask(ask, words) => {
                if let Ask::Call(call, act) = &ask {
                    self.calls.asked(call, act);
                }
                self.status = Status::Said(words);
                Some(ask)
            }
            Deed::Open(mode) => {
                self.status = Status::Said(String::new());
                self.mode = mode;
                None
            }
            Deed::Choose(by) => {
                self.calls.choose(by);
                self.status = Status::Said(String::new());
                None
            }
            Deed::Warn(words) => {
                self.status = Status::No(words);
                None
            }
            Deed::Quit => Some(self.end()),
        }
    }

    fn end(&mut self) -> Ask {
        self.mode = Mode::Ends;
        self.status = Status::Said("ending the calls and logging out …".to_owned());
        Ask::Quit
    }
}
