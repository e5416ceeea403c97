//! The choice of devices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::card::{Card, CardError, Changes, Devices, Direction};
use crate::ends::Hall;

/// The time after which a device that could not be opened, or a server that was missing, is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The devices of a way that are remembered as such that could not be opened.
const MAX_REFUSED: usize = 64;

/// Something that happened to the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A device is in use from now on, for a call.
    Uses {
        /// Its way.
        direction: Direction,
        /// The words for it.
        description: String,
    },
    /// No device is in use any more although there is a call: there is silence, and others are looked for.
    Silent {
        /// The way that has none.
        direction: Direction,
    },
    /// A device was left out.
    Refused(CardError),
    /// There is no sound at all.
    NoCard(CardError),
    /// There is, after there was none.
    CardFound,
}

/// The devices of one way, as they are and as they are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name or the description of the device that is wanted; without one, the system's default.
    pub wanted: Option<String>,
    /// The name of the device that is open.
    pub open: Option<String>,
}

/// One way.
#[derive(Default)]
struct Way {
    place: Place,
    /// Those that could not be opened, and when.
    refused: Vec<(String, Instant)>,
    /// Those of which that was told since they were open last.
    complained: Vec<String>,
    /// The last that was told of it.
    told: Option<bool>,
}

impl Way {
    /// The device that should be open: the one that is wanted, or the default; none that was refused lately.
    fn pick<'a>(&'a self, direction: Direction, devices: &'a Devices) -> Option<&'a str> {
        let there = |name: &&str| {
            devices.of(direction).iter().any(|device| device.name == *name)
                && self.refused.iter().all(|(refused, _)| refused != name)
        };
        let called = |wanted: &str| {
            let mut all = devices.of(direction).iter();
            all.find(|one| one.name == wanted || one.description == wanted)
        };
        let wanted = self.place.wanted.as_deref().and_then(called);
        let wanted = wanted.map(|device| device.name.as_str()).filter(there);
        wanted.or_else(|| devices.default_of(direction).filter(there))
    }
}

/// Opens and closes the devices of a card, as they are wanted and as they are there.
pub(crate) struct Keeper {
    card: Box<dyn Card>,
    hall: Arc<Hall>,
    output: Way,
    input: Way,
    devices: Option<Devices>,
    /// The time at which the card is asked again.
    retry: Option<Instant>,
    /// The reason why there is no sound at all, while there is none.
    missing: Option<CardError>,
    news: Vec<News>,
}

const BOTH: [Direction; 2] = [Direction::Output, Direction::Input];

impl Keeper {
    pub(crate) fn new(card: Box<dyn Card>, hall: Arc<Hall>) -> Self {
        Self {
            card,
            hall,
            output: Way::default(),
            input: Way::default(),
            devices: None,
            retry: None,
            missing: None,
            news: Vec::new(),
        }
    }

    pub(crate) fn place(&self, direction: Direction) -> &Place {
        match direction {
            Direction::Output => &self.output.place,
            Direction::Input => &self.input.place,
        }
    }

    pub(crate) fn devices(&self) -> Option<&Devices> {
        self.devices.as_ref()
    }

    pub(crate) fn missing(&self) -> Option<&CardError> {
        self.missing.as_ref()
    }

    pub(crate) fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Output => &mut self.output,
            Direction::Input => &mut self.input,
        }
    }

    /// Wants a device of this name, or the default.
    pub(crate) fn want(&mut self, direction: Direction, name: Option<String>) {
        let way = self.way(direction);
        if way.place.wanted != name {
            way.place.wanted = name;
            // Whoever asks again wants it tried again.
            way.refused.clear();
            way.complained.clear();
        }
    }

    /// Brings the devices into the state that is wanted, then waits for news of them.
    pub(crate) fn turn(&mut self, now: Instant, wait: Duration) {
        self.forgive(now);
        if self.devices.is_none() && self.retry.is_none_or(|at| at <= now) {
            self.ask(now);
        }
        for direction in BOTH {
            self.settle(now, direction);
        }
        match self.card.turn(wait) {
            Ok(Changes { devices, stopped }) => {
                // A device that stops is on its way out: the list is old.
                if devices || !stopped.is_empty() {
                    self.devices = None;
                    self.retry = None;
                }
                for direction in stopped {
                    self.closed(direction);
                }
            }
            // It was said when it was asked for its devices.
            Err(_) if self.missing.is_some() => {}
            Err(error) => self.lost(now, error),
        }
    }

    /// Asks for the devices.
    fn ask(&mut self, now: Instant) {
        match self.card.devices() {
            Ok(devices) => {
                self.devices = Some(devices);
                self.retry = None;
                if self.missing.take().is_some() {
                    self.news.push(News::CardFound);
                }
            }
            Err(error) => self.lost(now, error),
        }
    }

    /// Opens what should be open of one way, and closes what should not.
    fn settle(&mut self, now: Instant, direction: Direction) {
        let used = self.hall.is_used();
        while let Some(devices) = self.devices.clone() {
            let pick = self.way(direction).pick(direction, &devices).filter(|_| used);
            let pick = pick.map(str::to_owned);
            if self.way(direction).place.open == pick {
                break;
            }
            let Some(name) = pick else {
                self.card.close(direction);
                self.closed(direction);
                break;
            };
            let opened = match direction {
                Direction::Output => self.card.open_playback(&name, self.hall.speaker()),
                Direction::Input => self.card.open_capture(&name, self.hall.microphone()),
            };
            match opened {
                Ok(()) => {
                    let named = devices.of(direction).iter().find(|device| device.name == name);
                    let description = named.map_or(&name, |device| &device.description).clone();
                    self.news.push(News::Uses { direction, description });
                    let way = self.way(direction);
                    way.complained.retain(|complained| *complained != name);
                    way.place.open = Some(name);
                    way.told = Some(true);
                }
                Err(error @ CardError::Refused { .. }) => {
                    let way = self.way(direction);
                    way.refused.truncate(MAX_REFUSED - 1);
                    way.refused.push((name.clone(), now));
                    if !way.complained.contains(&name) {
                        way.complained.truncate(MAX_REFUSED - 1);
                        way.complained.push(name);
                        self.news.push(News::Refused(error));
                    }
                }
                Err(error) => self.lost(now, error),
            }
        }
        let open = self.way(direction).place.open.is_some();
        if !used {
            self.way(direction).told = None;
        } else if !open && self.way(direction).told != Some(false) {
            self.way(direction).told = Some(false);
            self.news.push(News::Silent { direction });
        }
    }

    fn closed(&mut self, direction: Direction) {
        self.way(direction).place.open = None;
        self.hall.silent(direction);
    }

    /// The whole card is gone, and all that was open with it.
    fn lost(&mut self, now: Instant, error: CardError) {
        for direction in BOTH {
            self.closed(direction);
        }
        self.devices = None;
        self.retry = Some(now + RETRY);
        if self.missing.replace(error.clone()).is_none() {
            self.news.push(News::NoCard(error));
        }
    }

    /// Devices that were refused are tried again after a while.
    fn forgive(&mut self, now: Instant) {
        for way in [&mut self.output, &mut self.input] {
            way.refused.retain(|(_, at)| now.saturating_duration_since(*at) < RETRY);
        }
    }
}
