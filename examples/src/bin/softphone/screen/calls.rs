//! The calls on the screen, and the one that keys are about.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use offhook::headset::CallState;
use offhook::media::PathState;
use offhook::report::CallQuality;

use crate::ask::Act;
use crate::headset::Seen;
use crate::news::{CallKey, Change, Person, Phase, Who};

/// The most calls that are shown.
const MAX_CALLS: usize = 64;
/// The calls that are remembered as over.
const MAX_GONE: usize = 32;

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) key: CallKey,
    pub(super) who: Who,
    pub(super) phase: Phase,
    /// The time at which it came into its phase.
    pub(super) since: Duration,
    /// The time at which it was first told of.
    pub(super) began: Duration,
    pub(super) sound: Sounds,
    pub(super) muted: bool,
    pub(super) held: bool,
    pub(super) held_by_them: bool,
    /// The one who is asked about it, and whether it is them who are spoken to.
    pub(super) consults: Option<(String, bool)>,
    /// The call that it was made to ask about.
    pub(super) about: Option<CallKey>,
    /// It is one of several people.
    pub(super) meeting: Option<Meeting>,
    pub(super) path: Option<PathState>,
    pub(super) quality: Option<CallQuality>,
    /// The keys that were sent.
    pub(super) pressed: String,
    /// True if it was up once.
    answered: bool,
}

/// The people in a meeting, and the file of its film, if one is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Meeting {
    /// Those who speak come first.
    pub(super) people: Vec<Person>,
    pub(super) film: Option<PathBuf>,
}

/// The sound of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sounds {
    NotYet,
    Flows,
    /// It did, and does no more.
    Stopped,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    pub(super) key: CallKey,
    pub(super) who: Who,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    /// True if it was answered, and no meeting.
    spoken: bool,
    pub(super) why: String,
    pub(super) report: Vec<String>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Calls {
    all: Vec<Call>,
    current: Option<CallKey>,
    /// Those that are over, the newest last.
    gone: VecDeque<Past>,
    /// True if keys are about another call than they were, by no wish of the user's.
    moved: bool,
}

impl Call {
    fn new(key: CallKey, phase: Phase, now: Duration) -> Self {
        Self {
            key,
            who: Who::default(),
            phase,
            since: now,
            began: now,
            sound: Sounds::NotYet,
            muted: false,
            held: false,
            held_by_them: false,
            consults: None,
            about: None,
            meeting: None,
            path: None,
            quality: None,
            pressed: String::new(),
            answered: phase == Phase::Up,
        }
    }

    /// The sign and the word for its state: what colours may say besides.
    pub(super) fn state(&self) -> (char, &'static str) {
        match (self.phase, self.sound) {
            (Phase::Rings, _) => ('!', "RINGING"),
            (Phase::Dials, _) => ('>', "DIALLING"),
            (Phase::Up, _) if self.consults.is_some() => ('?', "CONSULTING"),
            (Phase::Up, _) if self.held => ('=', "ON HOLD"),
            (Phase::Up, _) if self.held_by_them => ('=', "HELD BY THEM"),
            (Phase::Up, Sounds::Flows) if self.meeting.is_some() => ('*', "MEETING"),
            (Phase::Up, Sounds::Flows) => ('*', "TALKING"),
            (Phase::Up, Sounds::NotYet) => ('~', "CONNECTING"),
            (Phase::Up, Sounds::Stopped) => ('x', "NO SOUND"),
        }
    }

    fn seen(&self) -> Seen {
        let state = match self.phase {
            Phase::Rings => CallState::Ringing,
            Phase::Dials => CallState::Dialling,
            Phase::Up if self.held => CallState::Held,
            Phase::Up => CallState::Talking,
        };
        Seen { call: self.key.clone(), state, muted: self.muted }
    }

    fn enters(&mut self, phase: Phase, now: Duration) {
        if self.phase != phase {
            self.phase = phase;
            self.since = now;
            self.answered |= phase == Phase::Up;
        }
    }

    fn takes(&mut self, change: Change, now: Duration) {
        match change {
            // It may be up before whoever dialled is told that it was dialled.
            Change::Phase(Phase::Dials) if self.phase == Phase::Up => {}
            Change::Is(phase) | Change::Phase(phase) => self.enters(phase, now),
            Change::Words(_) | Change::Report(_) | Change::Over(_) => {}
            // The service may know less of somebody than whoever dialled.
            Change::Who(who) if who.is_nobody() => {}
            Change::Who(who) => self.who = who,
            Change::Sound(true) => self.sound = Sounds::Flows,
            Change::Sound(false) => {
                if self.sound == Sounds::Flows {
                    self.sound = Sounds::Stopped;
                }
            }
            Change::Muted(muted) => self.muted = muted,
            Change::Held(held) => self.held = held,
            Change::HeldByThem(held) => self.held_by_them = held,
            Change::Consults(whom) => self.consults = whom.map(|whom| (whom, true)),
            Change::SpeaksToThem(them) => {
                if let Some((_, to_them)) = &mut self.consults {
                    *to_them = them;
                }
            }
            Change::About(call) => self.about = Some(call),
            Change::Meeting => {
                self.meeting.get_or_insert_default();
            }
            Change::People(mut people) => {
                people.sort_by_key(|one| !one.speaks);
                self.meeting.get_or_insert_default().people = people;
            }
            Change::Film(file) => self.meeting.get_or_insert_default().film = file,
            Change::Path(path) => self.path = Some(path),
            Change::Quality(quality) => self.quality = Some(quality),
        }
    }
}

impl Calls {
    /// Takes a change; false if it is about no call that is known.
    pub(crate) fn told(&mut self, now: Duration, key: &CallKey, change: Change) -> bool {
        if let Change::Over(why) = change {
            return self.over(now, key, why);
        }
        if let Change::Report(lines) = change {
            let past = self.gone.iter_mut().find(|past| past.key == *key);
            return past.map(|past| past.report = lines).is_some();
        }
        if self.find(key).is_none() {
            let (phase, stale) = match change {
                Change::Is(phase) => (phase, false),
                // The service may go on telling of one that is over here. One that rings again is another matter.
                Change::Phase(phase) => {
                    let is_over = self.gone.iter().any(|past| past.key == *key);
                    (phase, is_over && phase != Phase::Rings)
                }
                _ => return false,
            };
            if stale || self.all.len() >= MAX_CALLS {
                return false;
            }
            self.gone.retain(|past| past.key != *key);
            self.all.push(Call::new(key.clone(), phase, now));
            // One that was dialled may be up already.
            if self.current.is_none() || phase != Phase::Rings {
                self.current = Some(key.clone());
            }
            return true;
        }
        let Some(call) = self.all.iter_mut().find(|call| call.key == *key) else { return false };
        call.takes(change, now);
        true
    }

    fn over(&mut self, now: Duration, key: &CallKey, why: String) -> bool {
        let Some(at) = self.all.iter().position(|call| call.key == *key) else { return false };
        let call = self.all.remove(at);
        let was_keyed = call.phase == Phase::Rings || self.current.as_ref() == Some(key);
        self.moved = (self.moved || was_keyed) && !self.all.is_empty();
        if self.current.as_ref() == Some(key) {
            // The one that is spoken on comes before others.
            let next = self.all.iter().find(|call| call.phase == Phase::Up && !call.held);
            self.current = next.or_else(|| self.all.last()).map(|call| call.key.clone());
        }
        let Call { key, who, began, meeting, answered, .. } = call;
        let spoken = answered && meeting.is_none();
        self.gone.push_back(Past { key, who, began, ended: now, spoken, why, report: Vec::new() });
        if self.gone.len() > MAX_GONE {
            self.gone.pop_front();
        }
        true
    }

    /// Takes what was asked for: the call that is answered is the one that keys are about.
    pub(super) fn asked(&mut self, key: &CallKey, act: &Act) {
        if let Act::Answer = act {
            self.current = Some(key.clone());
        }
        let call = self.all.iter_mut().find(|call| call.key == *key);
        if let (Some(call), Act::Press(keys)) = (call, act) {
            call.pressed.push_str(keys);
            // The last few are enough to see that they went.
            while call.pressed.len() > 16 {
                call.pressed.remove(0);
            }
        }
    }

    /// True once after keys came to be about another call by no wish of the user's.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    pub(super) fn all(&self) -> &[Call] {
        &self.all
    }

    /// The end of the last call that was over before that time.
    pub(super) fn over_before(&self, time: Duration) -> Duration {
        let ends = self.gone.iter().map(|past| past.ended);
        ends.filter(|ended| *ended <= time).max().unwrap_or_default()
    }

    pub(super) fn last(&self) -> Option<&Past> {
        self.gone.back()
    }

    /// The calls of which it may be said what they were about, if they were answered: the one that keys are about, and
    /// those that are over, the newest first. With the names of the others.
    pub(super) fn to_wrap_up(&self) -> Vec<(CallKey, String)> {
        let is_call = |call: &&Call| call.phase == Phase::Up && call.meeting.is_none();
        let current = self.current().filter(is_call).map(|call| (&call.key, &call.who));
        let gone =
            self.gone.iter().rev().filter(|past| past.spoken).map(|past| (&past.key, &past.who));
        current.into_iter().chain(gone).map(|(key, who)| (key.clone(), who.to_string())).collect()
    }

    /// The calls as a headset sees them.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.all.iter().map(Call::seen).collect()
    }

    /// True if there is such a call.
    pub(crate) fn knows(&self, key: &CallKey) -> bool {
        self.find(key).is_some()
    }

    /// The people in a meeting, if it is one.
    pub(crate) fn people(&self, key: &CallKey) -> Option<&[Person]> {
        Some(&self.find(key)?.meeting.as_ref()?.people)
    }

    pub(super) fn find(&self, key: &CallKey) -> Option<&Call> {
        self.all.iter().find(|call| call.key == *key)
    }

    pub(super) fn who(&self, key: &CallKey) -> Option<Who> {
        self.find(key).map(|call| call.who.clone())
    }

    pub(super) fn current(&self) -> Option<&Call> {
        self.find(self.current.as_ref()?)
    }

    pub(super) fn is_current(&self, call: &Call) -> bool {
        self.current.as_ref() == Some(&call.key)
    }

    /// The call that rings: the one that keys are about, or the first that does.
    pub(super) fn ringing(&self) -> Option<&Call> {
        let rings = |call: &&Call| call.phase == Phase::Rings;
        self.current().filter(rings).or_else(|| self.all.iter().find(rings))
    }

    /// The call that was made to ask about this one, or the one that this was made to ask about, if it was answered.
    pub(super) fn consulted(&self, with: &Call) -> Option<&Call> {
        self.all.iter().find(|call| {
            let belongs =
                call.about.as_ref() == Some(&with.key) || with.about.as_ref() == Some(&call.key);
            call.phase == Phase::Up && belongs
        })
    }

    /// Another call that was answered.
    pub(super) fn other(&self, than: &Call) -> Option<&Call> {
        self.all.iter().find(|call| call.phase == Phase::Up && call.key != than.key)
    }

    /// Those that were dialled or taken here, and whether somebody is asked about them.
    pub(crate) fn ours(&self) -> Vec<(CallKey, bool)> {
        let ours = self.all.iter().filter(|call| call.phase != Phase::Rings);
        ours.map(|call| (call.key.clone(), call.consults.is_some())).collect()
    }

    /// Makes keys be about the next call, or the one before.
    pub(super) fn choose(&mut self, by: isize) {
        let Some(count) = isize::try_from(self.all.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let at = self.all.iter().position(|call| self.is_current(call)).unwrap_or(0);
        let next = (at.cast_signed() + by).rem_euclid(count);
        self.current = self.all.get(next.unsigned_abs()).map(|call| call.key.clone());
    }
}
