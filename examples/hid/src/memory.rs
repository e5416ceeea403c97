//! A headset in memory, for tests: with a descriptor and reports as others have them, and without USB.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use offhook::headset::{Hook, Key, Lamps};

use crate::bus::Bus;
use crate::device::{Device, DeviceError, Found, PATIENCE, Port};
use crate::watch::Change;

/// Changes that wait to be looked at, of which more are left out; and reports, of which the newest are kept.
const WAITING: usize = 64;

/// One byte each way: hook (a state), mute, flash and drop (presses); off-hook, mute, ring and hold.
const DESCRIPTOR: [u8; 51] = [
    0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, // telephony, headset, application
    0x15, 0x00, 0x25, 0x01, 0x75, 0x01, // bits
    0x95, 0x01, 0x09, 0x20, 0x81, 0x22, // hook
    0x95, 0x03, 0x09, 0x2f, 0x09, 0x21, 0x09, 0x26, 0x81, 0x06, // mute, flash, drop
    0x95, 0x04, 0x81, 0x03, // padding
    0x05, 0x08, 0x95, 0x04, // lamps
    0x09, 0x17, 0x09, 0x09, 0x09, 0x18, 0x09, 0x20, 0x91, 0x22, // off-hook, mute, ring, hold
    0x95, 0x04, 0x91, 0x03, // padding
    0xc0,
];

/// The hand that plugs one headset in and pulls it out, presses its keys and sees its lamps.
#[derive(Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    watchers: Vec<Sender<Change>>,
    /// The number of times that it was plugged in or pulled out: odd while it is there.
    turns: u64,
    refused: bool,
    /// Its lamps cannot be set.
    stuck: bool,
    echoes: bool,
    /// The keys that are down, as its report says them.
    keys: u8,
    /// Reports that were not read yet.
    reports: VecDeque<[u8; 1]>,
    lamps: Lamps,
    /// The times that lamps were written.
    written: u64,
}

impl State {
    fn is_there(&self) -> bool {
        self.turns % 2 == 1
    }

    fn tell(&mut self, change: &Change) {
        self.watchers.retain(|watcher| !watcher.is_closed());
        for watcher in &self.watchers {
            let _ = watcher.try_send(change.clone());
        }
    }

    fn report(&mut self, keys: u8) {
        if self.is_there() {
            if self.reports.len() == WAITING {
                self.reports.pop_front();
            }
            self.reports.push_back([keys]);
        }
    }
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs it in, on hook and dark.
    pub fn plug(&self) {
        let mut state = self.state();
        if !state.is_there() {
            state.turns += 1;
            (state.keys, state.lamps) = (0, Lamps::default());
            state.tell(&Change::Came(found()));
        }
        self.0.changed.notify_all();
    }

    /// Pulls it out.
    pub fn unplug(&self) {
        let mut state = self.state();
        if state.is_there() {
            state.turns += 1;
            state.reports.clear();
            state.tell(&Change::Went(found()));
        }
        self.0.changed.notify_all();
    }

    /// Has the system give no permission for it, or give it again.
    pub fn refuse(&self, refused: bool) {
        self.state().refused = refused;
    }

    /// Has its lamps fail to be set, or work again.
    pub fn set_stuck(&self, stuck: bool) {
        self.state().stuck = stuck;
    }

    /// Has it say of its hook what its lamp is told, as many headsets do, or no longer.
    pub fn set_echoing(&self, echoes: bool) {
        self.state().echoes = echoes;
    }

    /// Moves its hook, or presses another key and lets it go. It keeps no mute of its own.
    pub fn press(&self, key: Key) {
        let mut state = self.state();
        let bit = match key {
            Key::Hook(Hook::Up) => {
                state.keys = 1;
                0
            }
            Key::Hook(Hook::Down) => {
                state.keys = 0;
                0
            }
            Key::Mute => 1 << 1,
            Key::Flash => 1 << 2,
            Key::Drop => 1 << 3,
            _ => return,
        };
        let keys = state.keys;
        state.report(keys | bit);
        if bit != 0 {
            state.report(keys);
        }
        self.0.changed.notify_all();
    }

    /// The lamps that it shows.
    #[must_use]
    pub fn lamps(&self) -> Lamps {
        self.state().lamps
    }

    /// The times that something was written to it.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.state().written
    }

    /// Waits until it shows these lamps, for so long at most. False if it did not.
    #[must_use]
    pub fn shows(&self, lamps: Lamps, limit: Duration) -> bool {
        let others = |state: &mut State| state.lamps != lamps;
        let waited = self.0.changed.wait_timeout_while(self.state(), limit, others);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Bus for Memory {
    fn watch(&mut self) -> Result<Receiver<Change>, DeviceError> {
        let (sender, changes) = async_channel::bounded(WAITING);
        let mut state = self.state();
        if state.is_there() {
            let _ = sender.try_send(Change::Came(found()));
        }
        state.watchers.push(sender);
        Ok(changes)
    }

    fn open(&mut self, found: &Found) -> Result<Device, DeviceError> {
        let state = self.state();
        if !state.is_there() {
            return Err(DeviceError::Gone);
        }
        if state.refused {
            return Err(DeviceError::Permission { path: found.path(), vendor: found.vendor() });
        }
        let port = || Box::new(Plugged { memory: self.clone(), turn: state.turns });
        Device::over(found.clone(), DESCRIPTOR.to_vec(), port(), port())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

fn found() -> Found {
    Found::new(c"/dev/memory".to_owned(), 0x0b0b, 0x0005, "Headset in memory".to_owned())
}

/// The headset, as long as it is not pulled out.
struct Plugged {
    memory: Memory,
    turn: u64,
}

impl Port for Plugged {
    fn read(&self, room: &mut [u8]) -> Result<usize, DeviceError> {
        let wait = Duration::from_millis(PATIENCE.unsigned_abs().into());
        let nothing = |state: &mut State| state.turns == self.turn && state.reports.is_empty();
        let waited = self.memory.0.changed.wait_timeout_while(self.memory.state(), wait, nothing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.turns != self.turn {
            return Err(DeviceError::Gone);
        }
        let Some(report) = state.reports.pop_front() else { return Ok(0) };
        room[..report.len()].copy_from_slice(&report);
        Ok(report.len())
    }

    fn write(&self, report: &[u8]) -> Result<(), DeviceError> {
        let mut state = self.memory.state();
        if state.turns != self.turn {
            return Err(DeviceError::Gone);
        }
        if state.stuck {
            return Err(DeviceError::System("it takes no lamps".to_owned()));
        }
        let byte = report.get(1).copied().unwrap_or_default();
        let is_lit = |bit: u8| byte >> bit & 1 == 1;
        let lamps =
            Lamps { off_hook: is_lit(0), mute: is_lit(1), ring: is_lit(2), hold: is_lit(3) };
        let before = std::mem::replace(&mut state.lamps, lamps);
        state.written += 1;
        let keys = u8::from(lamps.off_hook);
        if state.echoes && (before.off_hook != lamps.off_hook || state.keys != keys) {
            state.keys = keys;
            state.report(keys);
        }
        self.memory.0.changed.notify_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Event;
    use crate::reports::Input;

    const LIMIT: Duration = Duration::from_secs(20);

    /// The next things that it says.
    fn said(device: &mut Device) -> Vec<Input> {
        match device.events().recv_blocking() {
            Ok(Event::Report(report)) => device.read(&report).expect("a report"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn its_keys_and_lamps_are_those_of_the_usage_tables() {
        let mut memory = Memory::default();
        let changes = memory.watch().expect("a watch");
        assert!(matches!(memory.open(&found()), Err(DeviceError::Gone)));
        memory.plug();
        assert_eq!(changes.recv_blocking(), Ok(Change::Came(found())));
        memory.refuse(true);
        assert!(matches!(memory.open(&found()), Err(DeviceError::Permission { .. })));
        memory.refuse(false);
        let mut device = memory.open(&found()).expect("a headset");
        for key in [Key::Hook(Hook::Up), Key::Mute, Key::Flash, Key::Drop, Key::Hook(Hook::Down)] {
            memory.press(key);
            let mut inputs = said(&mut device);
            if !matches!(key, Key::Hook(_)) {
                inputs.extend(said(&mut device));
            }
            assert_eq!(inputs, [Input::Key(key)]);
        }
        let lamps = Lamps { off_hook: true, mute: true, ..Lamps::default() };
        memory.set_echoing(true);
        device.show(lamps).expect("a headset");
        assert!(memory.shows(lamps, LIMIT));
        assert_eq!((memory.lamps(), memory.written()), (lamps, 1));
        assert_eq!(said(&mut device), [Input::Key(Key::Hook(Hook::Up))], "an echo");
        memory.unplug();
        assert_eq!(device.events().recv_blocking(), Ok(Event::Gone));
        assert!(matches!(device.show(Lamps::default()), Err(DeviceError::Gone)));
        assert_eq!(changes.recv_blocking(), Ok(Change::Went(found())));
    }
}
