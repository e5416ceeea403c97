//! The devices of one person.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::card::{Card, CardError, Devices, Direction};
use crate::ends::{Figures, Hall, Line};
use crate::keeper::Keeper;
use crate::news::{News, Place};
use crate::voice_options::VoiceOptions;

/// The time within which something that is asked for is begun with.
const TURN: Duration = Duration::from_millis(20);

/// The loudspeakers and microphones of one person's calls.
///
/// A machine within it ([`offhook::devices::Devices`]) decides which of them a call uses; a thread of its own has the card do
/// it. Nothing here waits for it: a card that hangs silences the calls, and no more. Devices are open only while there is a [`Line`].
/// When it is dropped, the thread ends as soon as the card lets it.
pub struct Desk {
    hall: Arc<Hall>,
    shared: Arc<Mutex<Shared>>,
}

/// The things that both threads know.
struct Shared {
    ended: bool,
    voice: VoiceOptions,
    volume: u8,
    output: Place,
    input: Place,
    /// None while nothing answers.
    devices: Option<Devices>,
    missing: Option<CardError>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            ended: false,
            voice: VoiceOptions::OFF,
            volume: 100,
            output: Place::default(),
            input: Place::default(),
            devices: None,
            missing: None,
        }
    }
}

impl Shared {
    fn place(&mut self, direction: Direction) -> &mut Place {
        match direction {
            Direction::Output => &mut self.output,
            Direction::Input => &mut self.input,
        }
    }
}

impl Desk {
    /// Begins to look for devices. The card is made on the thread that keeps it, and what happens to the devices is told
    /// there, too.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub fn open(
        card: impl FnOnce() -> Box<dyn Card> + Send + 'static,
        mut told: impl FnMut(News) + Send + 'static,
    ) -> std::io::Result<Self> {
        let hall = Arc::new(Hall::default());
        let shared = Arc::new(Mutex::new(Shared::default()));
        let desk = Self { hall: Arc::clone(&hall), shared: Arc::clone(&shared) };
        std::thread::Builder::new().name("sound".to_owned()).spawn(move || {
            let mut keeper = Keeper::new(card(), hall);
            while exchange(&mut keeper, &shared) {
                keeper.turn(Instant::now(), TURN);
                keeper.news().into_iter().for_each(&mut told);
            }
        })?;
        Ok(desk)
    }

    /// A call's end of it; none while there are sixteen.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        self.hall.line(false)
    }

    /// The end of a call that needs no microphone, likewise.
    #[must_use]
    pub fn ear(&self) -> Option<Line> {
        self.hall.line(true)
    }

    /// Wants a device of this name, or the system's default. Where it is missing the system's default is used until it is
    /// there. Where it cannot be opened, a microphone that is in use stays, and else the default stands in; it is tried again
    /// each second. A [monitor](crate::Device::monitor) is used by whoever wants it by its name, and for nobody else.
    pub fn want(&self, direction: Direction, name: Option<String>) {
        self.shared().place(direction).wanted = name;
    }

    /// The device that is wanted, and the one that is open.
    #[must_use]
    pub fn place(&self, direction: Direction) -> Place {
        self.shared().place(direction).clone()
    }

    /// The devices that there are; none while nothing answers. Of monitors only the one that is wanted is among them.
    #[must_use]
    pub fn devices(&self) -> Option<Devices> {
        self.shared().devices.clone()
    }

    /// The reason why there is no sound at all; none while there is, or is being looked for.
    #[must_use]
    pub fn missing(&self) -> Option<CardError> {
        self.shared().missing.clone()
    }

    /// The loudness, delay and glitches of one way, of all calls together.
    #[must_use]
    pub fn figures(&self, direction: Direction) -> Figures {
        match direction {
            Direction::Output => self.hall.output(),
            Direction::Input => self.hall.input(),
        }
    }

    /// Has this be done to the voice on its way from the microphone, where it is built in; nothing unless said.
    pub fn improve(&self, voice: VoiceOptions) {
        self.shared().voice = voice;
    }

    /// The parts of that which are wished for.
    #[must_use]
    pub fn voice(&self) -> VoiceOptions {
        self.shared().voice
    }

    /// The volume of what is heard, up to 100.
    #[must_use]
    pub fn volume(&self) -> u8 {
        self.shared().volume
    }

    /// Has all calls be heard so loud: 0 to 100, which is all there is, and the default.
    pub fn set_volume(&self, volume: u8) {
        self.shared().volume = volume.min(100);
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the keeper what is wanted, and the desk what is there. False once that is over.
fn exchange(keeper: &mut Keeper, shared: &Mutex<Shared>) -> bool {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.devices.as_ref() != keeper.devices() {
        shared.devices = keeper.devices().cloned();
    }
    if shared.missing.as_ref() != keeper.missing() {
        shared.missing = keeper.missing().cloned();
    }
    for direction in [Direction::Output, Direction::Input] {
        let place = shared.place(direction);
        keeper.want(direction, place.wanted.clone());
        place.open = keeper.place(direction).open;
    }
    keeper.improve(shared.voice);
    keeper.set_volume(shared.volume);
    !shared.ended
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared().ended = true;
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("output", &self.place(Direction::Output))
            .finish_non_exhaustive()
    }
}
