//! A card without devices, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::FRAME;
use crate::card::{Card, CardError, Changes, Device, Devices, Direction, Stream};
use crate::ends::{Microphone, Speaker};

/// The hand that plugs devices of a [`MemoryCard`] in and out, speaks into its microphones and hears its loudspeakers.
#[derive(Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    devices: Devices,
    changes: Changes,
    /// Devices whose format cannot be had.
    refused: BTreeSet<String>,
    broken: Option<CardError>,
    /// The error of which nobody was told yet.
    untold: Option<CardError>,
    hangs: bool,
    speakers: BTreeMap<Stream, (String, Speaker)>,
    microphones: BTreeMap<Stream, (String, Microphone)>,
    turns: u64,
    opened: u64,
}

impl Memory {
    /// The card.
    #[must_use]
    pub fn card(&self) -> MemoryCard {
        MemoryCard(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs a device in.
    pub fn plug(&self, direction: Direction, name: &str) {
        self.add(direction, name, false);
    }

    /// Adds a device that records what a loudspeaker plays.
    pub fn plug_monitor(&self, name: &str) {
        self.add(Direction::Input, name, true);
    }

    fn add(&self, direction: Direction, name: &str, monitor: bool) {
        let mut state = self.state();
        let description = format!("The {name}");
        let device = Device { name: name.to_owned(), description, monitor };
        match direction {
            Direction::Output => state.devices.outputs.push(device),
            Direction::Input => state.devices.inputs.push(device),
        }
        state.changes.devices = true;
    }

    /// Pulls a device out.
    pub fn unplug(&self, name: &str) {
        let mut state = self.state();
        state.devices.outputs.retain(|device| device.name != name);
        state.devices.inputs.retain(|device| device.name != name);
        state.stop(name);
        state.changes.devices = true;
    }

    /// Makes another device the default, or none.
    pub fn set_default(&self, direction: Direction, name: Option<&str>) {
        let mut state = self.state();
        let default = name.map(str::to_owned);
        match direction {
            Direction::Output => state.devices.default_output = default,
            Direction::Input => state.devices.default_input = default,
        }
        state.changes.devices = true;
    }

    /// Ends what is open of a device, which stays.
    pub fn stop(&self, name: &str) {
        self.state().stop(name);
    }

    /// Has a device refuse the format, or no longer.
    pub fn refuse(&self, name: &str, refused: bool) {
        let mut state = self.state();
        if refused {
            state.refused.insert(name.to_owned());
        } else {
            state.refused.remove(name);
        }
    }

    /// Has the card fail with all it is asked, until it is none any more.
    pub fn set_broken(&self, broken: Option<CardError>) {
        let mut state = self.state();
        if broken.is_some() {
            state.close_all();
            state.untold.clone_from(&broken);
        }
        state.broken = broken;
    }

    /// Has the card not return from what it is asked, whatever was promised, or go on.
    pub fn set_hanging(&self, hangs: bool) {
        self.state().hangs = hangs;
        self.0.released.notify_all();
    }

    /// The names of the devices that are open, each as often as it is, in the order in which they were opened.
    #[must_use]
    pub fn open(&self, direction: Direction) -> Vec<String> {
        let state = self.state();
        match direction {
            Direction::Output => state.speakers.values().map(|(name, _)| name.clone()).collect(),
            Direction::Input => state.microphones.values().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Has a loudspeaker that is open play 20 ms, which are told; none if it is not open.
    #[must_use]
    pub fn hear(&self, device: &str) -> Option<[i16; FRAME]> {
        let mut state = self.state();
        let (_, speaker) = state.speakers.values_mut().find(|(open, _)| open == device)?;
        let mut frame = [0; FRAME];
        speaker.fill(&mut frame);
        Some(frame)
    }

    /// Speaks into a microphone, as far as it is open.
    pub fn say(&self, device: &str, pcm: &[i16]) {
        let mut state = self.state();
        let open = state.microphones.values_mut().filter(|(open, _)| open == device);
        open.for_each(|(_, microphone)| microphone.hear(pcm));
    }

    /// The number of times that the card was asked for something, or waited.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.state().turns
    }

    /// The number of times that a device was opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.state().opened
    }

    /// The state as a call of the card finds it.
    fn enter(&self) -> Result<MutexGuard<'_, State>, CardError> {
        let mut state = self.state();
        state.turns += 1;
        while state.hangs {
            state = self.0.released.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let untold = state.untold.take();
        match state.broken.clone().or(untold) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }
}

impl State {
    fn close_all(&mut self) {
        self.speakers.clear();
        self.microphones.clear();
        self.changes = Changes::default();
    }

    fn stop(&mut self, name: &str) {
        let of = |open: &str, stream: &Stream| (open == name).then_some(*stream);
        let speakers = self.speakers.iter().filter_map(|(stream, (open, _))| of(open, stream));
        let others = self.microphones.iter().filter_map(|(stream, (open, _))| of(open, stream));
        let stopped: Vec<_> = speakers.chain(others).collect();
        stopped.iter().for_each(|stream| self.close(*stream));
        self.changes.stopped.extend(stopped);
    }

    fn close(&mut self, stream: Stream) {
        self.speakers.remove(&stream);
        self.microphones.remove(&stream);
    }

    fn check(&self, direction: Direction, name: &str) -> Result<(), CardError> {
        let refuse =
            |why: &str| CardError::Refused { device: name.to_owned(), why: why.to_owned() };
        if self.refused.contains(name) {
            return Err(refuse("format"));
        }
        let there = self.devices.of(direction).iter().any(|device| device.name == name);
        if there { Ok(()) } else { Err(refuse("no such device")) }
    }
}

/// A card whose devices are in memory ([`Memory`]).
pub struct MemoryCard(Memory);

impl Card for MemoryCard {
    fn devices(&mut self) -> Result<Devices, CardError> {
        let mut state = self.0.enter()?;
        state.changes.devices = false;
        Ok(state.devices.clone())
    }

    fn play(&mut self, stream: Stream, device: &str, from: Speaker) -> Result<(), CardError> {
        let mut state = self.0.enter()?;
        state.check(Direction::Output, device)?;
        state.opened += 1;
        state.speakers.insert(stream, (device.to_owned(), from));
        Ok(())
    }

    fn record(&mut self, stream: Stream, device: &str, into: Microphone) -> Result<(), CardError> {
        let mut state = self.0.enter()?;
        state.check(Direction::Input, device)?;
        state.opened += 1;
        state.microphones.insert(stream, (device.to_owned(), into));
        Ok(())
    }

    fn close(&mut self, stream: Stream) {
        self.0.state().close(stream);
    }

    fn turn(&mut self, wait: Duration) -> Result<Changes, CardError> {
        // With its own time, a test has no need to wait; a thread would spin.
        if !wait.is_zero() {
            std::thread::park_timeout(wait);
        }
        Ok(std::mem::take(&mut self.0.enter()?.changes))
    }
}
