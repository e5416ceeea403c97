//! A headset and the calls on it.

use std::time::Instant;

use super::call::{Call, CallState};
use super::device::{Device, until};
use super::effect::{Action, Ask, Effect};
use super::key::{Hook, Key};
use super::lamps::Lamps;
use super::options::{Options, Second};

/// The call that keys are about, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    Idle,
    Talking(usize),
    Dialling(usize),
    Held(usize),
}

/// A headset and the calls on it, which `C` names. See the [module documentation](super).
///
/// ```
/// use std::time::Instant;
/// use offhook::headset::{Action, Ask, CallState, Effect, Headset, Hook, Key, Lamps, Options};
///
/// let now = Instant::now();
/// let mut headset = Headset::new(Options::default());
/// headset.plugged_in(now);
/// let rings = Lamps { ring: true, ..Lamps::default() };
/// assert_eq!(headset.call(now, &"c-1", CallState::Ringing, false), [Effect::Show(rings)]);
/// let answer = Ask { call: "c-1", action: Action::Answer };
/// assert_eq!(headset.key(now, Key::Hook(Hook::Up)), [Effect::Ask(answer)]);
/// let talks = Lamps { off_hook: true, ..Lamps::default() };
/// assert_eq!(headset.call(now, &"c-1", CallState::Talking, false), [Effect::Show(talks)]);
/// assert_eq!(headset.key(now, Key::Hook(Hook::Up)), [], "it is up already");
/// ```
#[derive(Debug)]
pub struct Headset<C> {
    options: Options,
    calls: Vec<Call<C>>,
    /// The device, while one is plugged in.
    device: Option<Device>,
    turn: u64,
}

impl<C: Clone + PartialEq> Headset<C> {
    /// The most calls that are followed; one more is not looked at until another one has ended.
    pub const MAX_CALLS: usize = 256;

    /// No device, and no call.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, calls: Vec::new(), device: None, turn: 0 }
    }

    /// The lamps of a device that shows how the calls are.
    #[must_use]
    pub fn lamps(&self) -> Lamps {
        let has = |state| self.calls.iter().any(|call| call.state == state);
        let busy = has(CallState::Talking) || has(CallState::Dialling);
        let held = has(CallState::Held);
        let front = self.front_by(|call| call.state);
        Lamps {
            ring: has(CallState::Ringing),
            off_hook: busy || held,
            mute: self.place_of(front).is_some_and(|at| self.calls[at].muted),
            hold: held && !busy,
        }
    }

    /// Takes a call as it is now, whoever changed it. One that is not known begins with it; one that has
    /// ended is forgotten.
    pub fn call(&mut self, now: Instant, id: &C, state: CallState, muted: bool) -> Vec<Effect<C>> {
        self.turn += 1;
        let at = self.calls.iter().position(|call| call.id == *id);
        match (at, state) {
            (Some(at), CallState::Ended) => {
                self.calls.remove(at);
            }
            (None, CallState::Ended) => {}
            (
                Some(at),
                CallState::Ringing | CallState::Dialling | CallState::Talking | CallState::Held,
            ) => self.calls[at].told(state, muted, self.turn),
            (
                None,
                CallState::Ringing | CallState::Dialling | CallState::Talking | CallState::Held,
            ) => {
                if self.calls.len() < Self::MAX_CALLS {
                    self.calls.push(Call::new(id.clone(), state, muted, self.turn));
                }
            }
        }
        self.settled(now, Vec::new())
    }

    /// Takes a key of the device. Without a device it is a late report, and nothing.
    pub fn key(&mut self, now: Instant, key: Key) -> Vec<Effect<C>> {
        let asks = match self.is_pressed(now, key) {
            true => self.pressed(key),
            false => Vec::new(),
        };
        self.settled(now, asks.into_iter().map(Effect::Ask).collect())
    }

    /// Takes note that what was asked for could not be done: the call is as it was, and the device shows
    /// it.
    pub fn refused(&mut self, now: Instant, ask: &Ask<C>) -> Vec<Effect<C>> {
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == ask.call) {
            match ask.action {
                Action::Mute | Action::Unmute => call.refused_mute(),
                Action::Answer | Action::Reject | Action::End | Action::Hold | Action::Resume => {
                    call.refused_state();
                }
            }
        }
        self.settled(now, Vec::new())
    }

    /// Takes a device that was plugged in, on hook and dark, in the place of another, if there was one: it
    /// is shown how the calls are.
    pub fn plugged_in(&mut self, now: Instant) -> Vec<Effect<C>> {
        self.device = Some(Device::default());
        self.settled(now, Vec::new())
    }

    /// Takes note that there is no device. The calls go on.
    pub fn plugged_out(&mut self) {
        self.device = None;
    }

    /// True if a device is plugged in.
    #[must_use]
    pub fn is_plugged_in(&self) -> bool {
        self.device.is_some()
    }

    /// True if a report is a key that the user has pressed, and neither an echo nor old.
    fn is_pressed(&mut self, now: Instant, key: Key) -> bool {
        let Some(device) = &mut self.device else { return false };
        match key {
            Key::Hook(hook) => device.hook_moved(hook, now),
            Key::Mute => device.mute_pressed(now),
            Key::Muted(muted) => device.mute_moved(muted, now),
            Key::Flash => device.hold_pressed(now),
            Key::Drop => true,
        }
    }

    /// The table of the [module documentation](super).
    fn pressed(&mut self, key: Key) -> Vec<Ask<C>> {
        let front = self.front_by(Call::meant);
        match (key, front, self.waiting()) {
            (Key::Mute, _, _) => self.mute(front, None),
            (Key::Muted(muted), _, _) => self.mute(front, Some(muted)),
            (Key::Drop, _, Some(waiting)) => self.want(waiting, CallState::Ended),
            (Key::Drop, Front::Talking(at) | Front::Dialling(at) | Front::Held(at), None)
            | (Key::Hook(Hook::Down), Front::Talking(at) | Front::Dialling(at), _) => {
                self.want(at, CallState::Ended)
            }
            (Key::Hook(Hook::Up), _, Some(waiting))
            | (
                Key::Flash,
                Front::Talking(_) | Front::Dialling(_) | Front::Held(_),
                Some(waiting),
            ) => self.answer(waiting),
            (Key::Hook(Hook::Up) | Key::Flash, Front::Held(at), None) => {
                self.want(at, CallState::Talking)
            }
            (Key::Flash, Front::Talking(at), None) => {
                let other = self.latest(Call::meant, CallState::Held);
                let mut asks = self.want(at, CallState::Held);
                asks.extend(other.into_iter().flat_map(|at| self.want(at, CallState::Talking)));
                asks
            }
            (Key::Hook(Hook::Up), Front::Idle | Front::Talking(_) | Front::Dialling(_), None)
            | (Key::Hook(Hook::Down), Front::Idle | Front::Held(_), _)
            | (Key::Flash, Front::Idle, _)
            | (Key::Flash, Front::Dialling(_), None)
            | (Key::Drop, Front::Idle, None) => Vec::new(),
        }
    }

    /// Answers the call that waits; what talks is held or ended first.
    fn answer(&mut self, waiting: usize) -> Vec<Ask<C>> {
        let fate = match self.options.second {
            Second::Holds => CallState::Held,
            Second::Ends => CallState::Ended,
        };
        let mut asks = Vec::new();
        for at in 0..self.calls.len() {
            match self.calls[at].meant() {
                CallState::Talking => asks.extend(self.want(at, fate)),
                CallState::Dialling => asks.extend(self.want(at, CallState::Ended)),
                CallState::Ringing | CallState::Held | CallState::Ended => {}
            }
        }
        asks.extend(self.want(waiting, CallState::Talking));
        asks
    }

    /// Asks for a call to be in another state.
    fn want(&mut self, at: usize, state: CallState) -> Vec<Ask<C>> {
        let call = &mut self.calls[at];
        let action = match (call.meant(), state) {
            (CallState::Ringing, CallState::Talking) => Action::Answer,
            (CallState::Ringing, CallState::Ended) => Action::Reject,
            (CallState::Talking, CallState::Held) => Action::Hold,
            (CallState::Held, CallState::Talking) => Action::Resume,
            (CallState::Dialling | CallState::Talking | CallState::Held, CallState::Ended) => {
                Action::End
            }
            // Nothing to ask for.
            (CallState::Ended, _)
            | (CallState::Dialling, CallState::Talking)
            | (CallState::Talking, CallState::Talking)
            | (CallState::Held | CallState::Ringing | CallState::Dialling, CallState::Held)
            | (_, CallState::Ringing | CallState::Dialling) => return Vec::new(),
        };
        self.turn += 1;
        call.ask(state, self.turn);
        vec![Ask { call: call.id.clone(), action }]
    }

    /// Asks for the front to be muted, unmuted, or whichever it is not.
    fn mute(&mut self, front: Front, muted: Option<bool>) -> Vec<Ask<C>> {
        let Some(at) = self.place_of(front) else { return Vec::new() };
        let call = &mut self.calls[at];
        let muted = muted.unwrap_or_else(|| !call.meant_muted());
        if muted == call.meant_muted() {
            return Vec::new();
        }
        call.ask_mute(muted);
        let ask = Ask {
            call: call.id.clone(),
            action: if muted { Action::Mute } else { Action::Unmute },
        };
        if let Some(device) = &mut self.device {
            device.mute_asked(muted);
        }
        vec![ask]
    }

    /// The call that rang first of those that ring.
    fn waiting(&self) -> Option<usize> {
        let ringing = |at: &usize| self.calls[*at].meant() == CallState::Ringing;
        (0..self.calls.len()).filter(ringing).min_by_key(|at| self.calls[*at].turn)
    }

    /// The call that came into a state last of those in it.
    fn latest(&self, of: impl Fn(&Call<C>) -> CallState, state: CallState) -> Option<usize> {
        let is = |at: &usize| of(&self.calls[*at]) == state;
        (0..self.calls.len()).filter(is).max_by_key(|at| self.calls[*at].turn)
    }

    fn front_by(&self, of: impl Fn(&Call<C>) -> CallState + Copy) -> Front {
        let talking = self.latest(of, CallState::Talking).map(Front::Talking);
        let dialling = || self.latest(of, CallState::Dialling).map(Front::Dialling);
        let held = || self.latest(of, CallState::Held).map(Front::Held);
        talking.or_else(dialling).or_else(held).unwrap_or(Front::Idle)
    }

    fn place_of(&self, front: Front) -> Option<usize> {
        match front {
            Front::Idle => None,
            Front::Talking(at) | Front::Dialling(at) | Front::Held(at) => Some(at),
        }
    }

    /// True if the device says of itself neither how the calls are nor how they were asked to be: then
    /// it is shown again how they are.
    fn contradicts(&self, device: &Device, lamps: Lamps) -> bool {
        let front = self.front_by(Call::meant);
        let hook = match (device.hook(), lamps.off_hook, front) {
            (Hook::Down, true, Front::Talking(_) | Front::Dialling(_)) => true,
            // It may have gone on hook by itself.
            (Hook::Down, true, Front::Held(_) | Front::Idle) => false,
            (Hook::Up, false, Front::Idle) => true,
            (Hook::Up, false, Front::Talking(_) | Front::Dialling(_) | Front::Held(_)) => false,
            (Hook::Down, false, _) | (Hook::Up, true, _) => false,
        };
        let muted = self.place_of(front).is_some_and(|at| self.calls[at].meant_muted());
        hook || device.is_muted() != lamps.mute && device.is_muted() != muted
    }

    /// The effects of an input, with the lamps, if they are to be shown.
    fn settled(&mut self, now: Instant, mut effects: Vec<Effect<C>>) -> Vec<Effect<C>> {
        let lamps = self.lamps();
        let contradicted =
            self.device.as_ref().is_some_and(|device| self.contradicts(device, lamps));
        if let Some(device) = &mut self.device
            && (!device.shows(lamps) || contradicted)
        {
            device.show(lamps, until(now, self.options.echo));
            effects.push(Effect::Show(lamps));
        }
        effects
    }
}
