//! The bell: a loudspeaker of its own that rings while a call does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use offhook_sound::{Card, Desk, Direction, FRAME, RATE};

use crate::settings::Settings;
use crate::sound::Sound;

/// The two tones together, in Hz, as telephones have them.
const TONES: [f64; 2] = [440.0, 480.0];
/// The loudness of each, of full scale.
const LOUDNESS: f64 = 0.15;
/// The time of a ring and of the pause after it.
const RING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(2));
/// The time of a frame.
const PACE: Duration = Duration::from_millis(20);

/// True while it rings; none when it is over.
type State = Arc<(Mutex<Option<bool>>, Condvar)>;

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
        let state: State = Arc::new((Mutex::new(Some(false)), Condvar::new()));
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
    pub(crate) fn rings(&self, rings: bool) {
        set(&self.state, Some(rings));
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
        set(&self.state, None);
    }
}

fn set(state: &State, to: Option<bool>) {
    let (rings, changed) = &**state;
    *rings.lock().unwrap_or_else(PoisonError::into_inner) = to;
    changed.notify_all();
}

/// Waits until it is to ring, and does so until it is not. False when it is over.
fn ring_once(desk: &Desk, (rings, changed): &(Mutex<Option<bool>>, Condvar)) -> bool {
    let waits = rings.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_while(waits, |rings| *rings == Some(false));
    if waited.unwrap_or_else(PoisonError::into_inner).is_none() {
        return false;
    }
    // The device is open as long as this is there.
    let Some(line) = desk.ear() else { return true };
    let began = Instant::now();
    for frame in 0_u32.. {
        line.play(&tone(frame));
        let due = began + PACE * frame;
        loop {
            let state = rings.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = due.saturating_duration_since(Instant::now());
            if *state != Some(true) {
                return state.is_some();
            }
            if wait.is_zero() {
                break;
            }
            drop(changed.wait_timeout(state, wait));
        }
    }
    true
}

/// A frame of the ring, by its number.
fn tone(frame: u32) -> [i16; FRAME] {
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
        *sample = (wave * LOUDNESS * f64::from(i16::MAX)) as i16;
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
        let loud = |frame| Level::of(&tone(frame)).rms > -30.0;
        assert!((0..50).all(loud) && !(50..150).any(loud) && (150..200).all(loud));
        assert!((0..50).all(|frame| Level::of(&tone(frame)).peak < -6.0), "it clips");
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
        bell.rings(true);
        until(Some("lamp"));
        bell.want(None);
        until(Some("desk"));
        bell.rings(false);
        until(None);
        bell.rings(true);
        until(Some("desk"));
    }
}
