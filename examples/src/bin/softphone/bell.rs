//! The bell: a loudspeaker of its own that rings while a call does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use offhook_sound::{Card, Desk, Direction, FRAME, RATE};

use crate::settings::Settings;
use crate::sound::Sound;

/// The two tones together, in Hz, as telephones have them.
const TONES: [f64; 2] = [440.0, 480.0];
/// The loudness of each, of full scale: alone, and for a person who speaks already.
const LOUDNESS: f64 = 0.15;
const SOFT: f64 = 0.015;
/// The time of a ring and of the pause after it.
const RING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(2));
/// The time of a frame.
const PACE: Duration = Duration::from_millis(20);

/// A way to ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Loud,
    /// Somebody speaks already.
    Soft,
}

/// The state of a bell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bells {
    #[default]
    Still,
    Rings(Ring),
    /// There are none any more.
    Over,
}

type State = Arc<(Mutex<Bells>, Condvar)>;

/// See the [module](self). Rings on a thread of its own.
pub(crate) struct Bell {
    /// None where there is no sound.
    desk: Option<Arc<Desk>>,
    state: State,
}

impl Bell {
    /// The bell of some settings.
    pub(crate) fn new(settings: &Settings, sound: &Sound) -> Self {
        if sound.is_off() {
            return Self { desk: None, state: State::default() };
        }
        Self::at(offhook_sound::system, settings.bell.clone())
    }

    /// A bell at a card, on the device that is wanted.
    pub(crate) fn at(
        card: impl FnOnce() -> Box<dyn Card> + Send + 'static,
        wanted: Option<String>,
    ) -> Self {
        let state = State::default();
        // Without a thread to be had there is no bell: the screen says that a call rings.
        let desk = Desk::open(card, |_| {}).ok().map(Arc::new);
        if let Some(desk) = &desk {
            desk.want(Direction::Output, wanted);
            let (desk, state) = (Arc::clone(desk), Arc::clone(&state));
            std::thread::spawn(move || while ring_once(&desk, &state) {});
        }
        Self { desk, state }
    }

    /// Rings from now on, or no longer.
    pub(crate) fn rings(&self, ring: Option<Ring>) {
        set(&self.state, ring.map_or(Bells::Still, Bells::Rings));
    }

    /// The name of the device that is wanted.
    pub(crate) fn wanted(&self) -> Option<String> {
        self.desk.as_ref()?.place(Direction::Output).wanted
    }

    /// Wants a device, or the system's default.
    pub(crate) fn want(&self, name: Option<String>) {
        if let Some(desk) = &self.desk {
            desk.want(Direction::Output, name);
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        set(&self.state, Bells::Over);
    }
}

fn set(state: &State, to: Bells) {
    let (bells, changed) = &**state;
    *bells.lock().unwrap_or_else(PoisonError::into_inner) = to;
    changed.notify_all();
}

/// Waits until it is to ring, and does so until it is not. False when it is over.
fn ring_once(desk: &Desk, (bells, changed): &(Mutex<Bells>, Condvar)) -> bool {
    let waits = bells.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_while(waits, |bells| *bells == Bells::Still);
    if *waited.unwrap_or_else(PoisonError::into_inner) == Bells::Over {
        return false;
    }
    // The device is open as long as this is there.
    let Some(line) = desk.ear() else { return true };
    let began = Instant::now();
    for frame in 0_u32.. {
        let due = began + PACE * frame;
        let ring = loop {
            let bells = bells.lock().unwrap_or_else(PoisonError::into_inner);
            let ring = match *bells {
                Bells::Still => return true,
                Bells::Over => return false,
                Bells::Rings(ring) => ring,
            };
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break ring;
            }
            drop(changed.wait_timeout(bells, wait));
        };
        line.play(&tone(frame, ring));
    }
    true
}

/// A frame of the ring, by its number.
fn tone(frame: u32, ring: Ring) -> [i16; FRAME] {
    let loudness = match ring {
        Ring::Loud => LOUDNESS,
        Ring::Soft => SOFT,
    };
    let period = RING.0 + RING.1;
    let at = (PACE * frame).as_millis() % period.as_millis();
    let mut pcm = [0; FRAME];
    if at >= RING.0.as_millis() {
        return pcm;
    }
    let begin = f64::from(frame) * FRAME as f64;
    for (n, sample) in pcm.iter_mut().enumerate() {
        let time = (begin + n as f64) / f64::from(RATE);
        let wave: f64 = TONES.iter().map(|hz| (time * hz * std::f64::consts::TAU).sin()).sum();
        *sample = (wave * loudness * f64::from(i16::MAX)) as i16;
    }
    pcm
}

#[cfg(test)]
mod tests {
    use offhook_sound::Level;
    use offhook_sound::memory::Memory;

    use super::*;

    #[test]
    fn it_rings_for_a_second_and_is_silent_for_two() {
        let level = |frame, ring| Level::of(&tone(frame, ring));
        for (ring, bar) in [(Ring::Loud, -30.0), (Ring::Soft, -50.0)] {
            let loud = |frame| level(frame, ring).rms > bar;
            assert!((0..50).all(loud) && !(50..150).any(loud) && (150..200).all(loud));
        }
        assert!((0..50).all(|frame| level(frame, Ring::Loud).peak < -6.0), "it clips");
        assert!((0..50).all(|frame| level(frame, Ring::Soft).peak < -26.0), "it is loud");
    }

    #[test]
    fn it_has_its_device_open_while_it_rings_and_never_a_microphone() {
        let memory = Memory::default();
        memory.plug(Direction::Output, "desk");
        memory.plug(Direction::Output, "lamp");
        memory.plug(Direction::Input, "mouth");
        memory.set_default(Direction::Output, Some("desk"));
        memory.set_default(Direction::Input, Some("mouth"));
        let card = memory.clone();
        let bell = Bell::at(move || Box::new(card.card()), Some("lamp".to_owned()));
        let until = |device: Option<&str>| {
            let since = Instant::now();
            while !memory.open(Direction::Output).iter().map(String::as_str).eq(device) {
                assert!(memory.open(Direction::Input).is_empty());
                assert!(since.elapsed() < Duration::from_secs(20), "not {device:?}");
                std::thread::yield_now();
            }
        };
        bell.rings(Some(Ring::Loud));
        until(Some("lamp"));
        bell.want(None);
        until(Some("desk"));
        bell.rings(None);
        until(None);
        bell.rings(Some(Ring::Loud));
        until(Some("desk"));
    }
}
