//! The decisions about a headset: whether it is this phone's, what its keys ask for, and what it shows.

use std::time::Instant;

use offhook::headset::{Ask as Wish, CallState, Effect as Follows, Headset, Lamps, Options};
use offhook_hid::{DeviceError, Input};

use super::cradle::Told;
use crate::news::{CallKey, Owner};

/// A call as a headset sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) call: CallKey,
    pub(crate) state: CallState,
    pub(crate) muted: bool,
}

/// Something that follows, to be done in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A key asks for something.
    Ask(Wish<CallKey>),
    /// The headset shows these lamps.
    Show(Lamps),
    /// It is to be this phone's, or left to the user's other clients.
    Claim(bool),
    /// A line for people.
    Say(String),
    /// Something does not work.
    Fail(String),
}

/// The plug of the headset.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Plug {
    Out,
    /// It is in, and the headset has this name.
    In(String),
    /// It is in, and the headset cannot be used: in short why.
    Refused(&'static str),
}

/// See the [module](self).
pub(super) struct Handset {
    /// It has a device while there is one and it is ours.
    machine: Headset<CallKey>,
    /// The calls as the machine knows them.
    calls: Vec<Seen>,
    plug: Plug,
    /// None where there are no other clients to agree with.
    owner: Option<Owner>,
    /// The other clients can be asked.
    online: bool,
    /// They were, and the headset was not left to them since.
    claimed: bool,
}

impl Handset {
    /// No headset and no call. `shared` at a service whose clients agree who has it.
    pub(super) fn new(shared: bool) -> Self {
        Self {
            machine: Headset::new(Options::default()),
            calls: Vec::new(),
            plug: Plug::Out,
            owner: shared.then_some(Owner::Nobody),
            online: false,
            claimed: false,
        }
    }

    /// Takes what is told of a headset.
    pub(super) fn told(&mut self, now: Instant, told: Told) -> Vec<Effect> {
        let mut effects = Vec::new();
        match told {
            Told::Came(name) => {
                // It may be another one in the place of the one before.
                self.machine.plugged_out();
                effects.push(Effect::Say(format!("headset: {name}")));
                self.plug = Plug::In(name);
            }
            Told::Went => {
                if let Plug::In(_) = std::mem::replace(&mut self.plug, Plug::Out) {
                    effects.push(Effect::Say("the headset is gone; calls go on".to_owned()));
                }
            }
            Told::Refused(error) => {
                let (short, why, hint) = refusal(&error);
                self.plug = Plug::Refused(short);
                effects.push(Effect::Fail(why));
                effects.extend(hint.map(Effect::Say));
            }
            Told::Unlit(error) => {
                effects.push(Effect::Fail(format!("headset: its lamps stay as they are: {error}")));
            }
            Told::Input(Input::Key(key)) => {
                effects.extend(self.machine.key(now, key).into_iter().map(Effect::from));
            }
            // Whoever dials again does so on the keyboard, and of a busy line the calls tell.
            Told::Input(_) => {}
        }
        effects.extend(self.settled(now));
        effects
    }

    /// Takes the calls as they are.
    pub(super) fn follow(&mut self, now: Instant, calls: Vec<Seen>) -> Vec<Effect> {
        if calls == self.calls {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for Seen { call, state, muted } in calls.iter().filter(|one| !self.calls.contains(one)) {
            effects.extend(self.machine.call(now, call, *state, *muted));
        }
        for Seen { call, .. } in &self.calls {
            if !calls.iter().any(|one| one.call == *call) {
                effects.extend(self.machine.call(now, call, CallState::Ended, false));
            }
        }
        self.calls = calls;
        effects.into_iter().map(Effect::from).chain(self.settled(now)).collect()
    }

    /// Takes who of the user's clients has it.
    pub(super) fn owned(&mut self, now: Instant, owner: Owner) -> Vec<Effect> {
        let Some(before) = &mut self.owner else { return Vec::new() };
        let changes = std::mem::replace(before, owner) != owner;
        let line = match owner {
            Owner::Us => Some("headset: this phone has it"),
            Owner::Other => Some("headset: another of your clients has it"),
            Owner::Nobody | Owner::Asking => None,
        };
        let line = line.filter(|_| changes).map(|line| Effect::Say(line.to_owned()));
        line.into_iter().chain(self.settled(now)).collect()
    }

    /// Takes whether the other clients can be asked.
    pub(super) fn network(&mut self, now: Instant, up: bool) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.online, up);
        if up && !before && self.is_there() {
            // What was asked just before the connection was lost may not have been heard.
            self.claimed = false;
        }
        self.settled(now)
    }

    /// Takes that something could not be done.
    pub(super) fn refused(&mut self, now: Instant, wish: &Wish<CallKey>) -> Vec<Effect> {
        self.machine.refused(now, wish).into_iter().map(Effect::from).collect()
    }

    /// The headset and its state in words, if there is one.
    pub(super) fn words(&self) -> Option<String> {
        let name = match &self.plug {
            Plug::Out => return None,
            Plug::Refused(short) => return Some(format!("headset: {short} (l, the log)")),
            Plug::In(name) => name,
        };
        let state = match self.owner {
            _ if self.machine.is_plugged_in() => lit(self.machine.lamps()),
            Some(Owner::Other) => "another client has it".to_owned(),
            Some(Owner::Asking) => "asking other clients".to_owned(),
            Some(Owner::Nobody | Owner::Us) | None => "not in use".to_owned(),
        };
        Some(format!("headset ({state}): {name}"))
    }

    fn is_there(&self) -> bool {
        matches!(self.plug, Plug::In(_))
    }

    /// Asks the other clients for a headset that is there, and leaves it to them without one: in a call it may be back soon.
    fn claim(&mut self) -> Option<Effect> {
        self.owner?;
        let claims = match self.is_there() {
            true => self.claimed || self.online,
            false => self.claimed && !self.calls.is_empty(),
        };
        let changes = std::mem::replace(&mut self.claimed, claims) != claims;
        changes.then_some(Effect::Claim(claims))
    }

    /// Uses the headset from now on, or no longer, if that has changed.
    fn settled(&mut self, now: Instant) -> Vec<Effect> {
        let claim = self.claim();
        self.used(now).into_iter().chain(claim).collect()
    }

    fn used(&mut self, now: Instant) -> Vec<Effect> {
        let before = self.machine.is_plugged_in();
        let is_ours = match self.owner {
            None | Some(Owner::Us) => true,
            // Whoever has it keeps it while the others are asked.
            Some(Owner::Asking) => before,
            Some(Owner::Nobody | Owner::Other) => false,
        };
        let is_there = self.is_there();
        match (before, is_there && is_ours) {
            (false, true) => self.machine.plugged_in(now).into_iter().map(Effect::from).collect(),
            (true, false) => {
                self.machine.plugged_out();
                // What we lit is not what the others' calls are. Dark lamps are left alone.
                let is_lit = self.machine.lamps() != Lamps::default();
                let dark = (is_there && is_lit).then(|| Effect::Show(Lamps::default()));
                dark.into_iter().collect()
            }
            (false, false) | (true, true) => Vec::new(),
        }
    }
}

impl From<Follows<CallKey>> for Effect {
    fn from(follows: Follows<CallKey>) -> Self {
        match follows {
            Follows::Ask(wish) => Self::Ask(wish),
            Follows::Show(lamps) => Self::Show(lamps),
        }
    }
}

/// The lamps that are lit, in words.
fn lit(lamps: Lamps) -> String {
    let all = [
        (lamps.ring, "rings"),
        (lamps.hold, "on hold"),
        (lamps.off_hook && !lamps.hold, "off hook"),
        (lamps.mute, "muted"),
    ];
    let lit: Vec<_> = all.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    if lit.is_empty() { "ready".to_owned() } else { lit.join(", ") }
}

/// The reason that a headset cannot be used: in short, in a line, and perhaps a line on what to do.
fn refusal(error: &DeviceError) -> (&'static str, String, Option<String>) {
    match error {
        DeviceError::Permission { path, vendor } => (
            "NO PERMISSION",
            format!("headset: no permission ({path}): udev rule 70-offhook-headsets.rules"),
            Some(format!(
                "its rule: KERNEL==\"hidraw*\", ATTRS{{idVendor}}==\"{vendor:04x}\", TAG+=\"uaccess\""
            )),
        ),
        error => ("CANNOT BE USED", format!("headset: {error}"), None),
    }
}
