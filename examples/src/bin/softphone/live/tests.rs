//! Phones with headsets at the emulator: the real loop, calls by real sockets, and a terminal and a headset in memory.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use clap::Parser as _;
use offhook::headset::{Hook, Key as Button, Lamps};
use offhook_hid::memory::Memory;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_tokio::Tokio;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};
use smol::channel::Sender;

use super::*;
use crate::cloud::Cloud;
use crate::gateway::Gateway;

/// The most that any wait here may take.
const LIMIT: Duration = Duration::from_secs(60);

const DARK: Lamps = Lamps { ring: false, off_hook: false, mute: false, hold: false };
const RING: Lamps = Lamps { ring: true, ..DARK };
const TALK: Lamps = Lamps { off_hook: true, ..DARK };
const MUTED: Lamps = Lamps { mute: true, ..TALK };

/// The words on a screen.
#[derive(Default)]
struct Shown {
    words: Mutex<String>,
    changed: Condvar,
}

/// A person at a phone.
struct Person {
    headset: Memory,
    shown: Arc<Shown>,
    keys: Sender<Told>,
    phone: JoinHandle<anyhow::Result<()>>,
}

impl Person {
    /// Logs in, with a headset that is not plugged in yet.
    fn at<P: Phone<Tokio>>(emulator: &Emulator, who: &[&str]) -> Self
    where
        P::Machine: Drive,
    {
        let config = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let (rest, socket) = (emulator.http_url(), emulator.ws_url());
        let words = ["softphone", "--loopback", "--no-sound", "--environment", "lab.test"];
        let places = ["--api-host", &rest, "--ws-host", &socket];
        let words = words.iter().chain(&places).chain(who).copied();
        let words = words.chain(["--config", config.to_str().unwrap()]);
        let settings = Settings::new(crate::Cli::try_parse_from(words).unwrap()).unwrap();
        let (headset, shown) = (Memory::default(), Arc::new(Shown::default()));
        headset.set_echoing(true);
        let (keys, terminal) = smol::channel::bounded(8);
        let (bus, screen) = (headset.clone(), Arc::clone(&shown));
        let phone = std::thread::spawn(move || {
            let tokio = tokio::runtime::Runtime::new().unwrap();
            tokio.block_on(phone::<P>(&settings, bus, terminal, &screen))
        });
        let person = Self { headset, shown, keys, phone };
        person.sees("network: up");
        person
    }

    /// Waits until the screen shows this.
    #[track_caller]
    fn sees(&self, what: &str) {
        let words = self.shown.words.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.shown.changed.wait_timeout_while(words, LIMIT, |words| !words.contains(what));
        let (words, out) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!out.timed_out(), "no {what} in\n{words}");
    }

    #[track_caller]
    fn shows(&self, lamps: Lamps) {
        let is = self.headset.shows(lamps, LIMIT);
        assert!(is, "{:?} in the place of {lamps:?}", self.headset.lamps());
    }

    /// Takes a call that rings, mutes it and hangs up, by the headset alone.
    fn talks(&self) {
        self.shows(RING);
        self.headset.press(Button::Hook(Hook::Up));
        self.shows(TALK);
        self.sees("* TALKING");
        self.headset.press(Button::Mute);
        self.shows(MUTED);
        self.sees("MUTED");
        // It is somewhere else for a while.
        self.headset.unplug();
        self.sees("the headset is gone");
        self.headset.plug();
        self.shows(MUTED);
        self.headset.press(Button::Hook(Hook::Down));
        self.shows(DARK);
        self.sees("no calls");
    }

    fn leaves(self) {
        self.keys.send_blocking(Told::Key(Key::Interrupt)).unwrap();
        self.phone.join().unwrap().unwrap();
    }
}

async fn phone<P: Phone<Tokio>>(
    settings: &Settings,
    bus: Memory,
    terminal: Receiver<Told>,
    shown: &Shown,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let (sender, news) = smol::channel::bounded(NEWS);
    let tell: Tell = Arc::new(move |news| drop(sender.try_send(news)));
    let sound = Sound::new(settings, Arc::clone(&tell))?;
    let (mut phone, events) = P::new(settings, sound.clone(), tell)?;
    let opening = Opening {
        offers: P::OFFERS,
        title: title(settings, P::OFFERS.service),
        wrap_up: settings.wrap_up.clone(),
        colours: false,
    };
    let (worn, headset) = Worn::new(settings, P::OFFERS, bus)?;
    let ticks = futures_util::StreamExt::map(smol::Timer::interval(TICK), |_| Told::Tick);
    let outside = Outside { events, news, headset, terminal: select(terminal, ticks) };
    let mut drawn = Terminal::new(TestBackend::new(80, 24))?;
    let draw = |screen: &Screen| {
        let drawn = drawn.draw(|frame| screen.draw(frame)).map_err(io::Error::other)?;
        let rows = drawn.buffer.content.chunks(80);
        let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
        let words = rows.collect::<Vec<_>>().join("\n");
        *shown.words.lock().unwrap_or_else(PoisonError::into_inner) = words;
        shown.changed.notify_all();
        Ok(())
    };
    let bell = Bell::new(settings, &sound);
    work(&mut phone, &mut Screen::new(opening), draw, outside, (&sound, &bell), worn).await
}

#[test]
fn at_genesys_calls_go_by_the_headset_of_whichever_client_has_it() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let call = json!({"kind": "inbound", "userId": user});
    let who = ["--token", token.as_str()];
    let first = Person::at::<Cloud<Tokio>>(&emulator, &who);
    first.headset.plug();
    first.sees("headset (ready)");
    emulator.control("POST", "calls", &call).unwrap();
    first.talks();
    first.sees("headset (ready)");
    let second = Person::at::<Cloud<Tokio>>(&emulator, &who);
    second.headset.plug();
    second.sees("headset (ready)");
    first.sees("headset (another client has it)");
    let written = first.headset.written();
    emulator.control("POST", "calls", &call).unwrap();
    second.talks();
    assert_eq!(first.headset.written(), written, "another client's calls are not shown");
    second.headset.unplug();
    first.sees("headset (ready)");
    second.leaves();
    first.leaves();
}

#[test]
fn at_a_gateway_calls_go_by_the_headset() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let user = emulator.control("POST", "ribbon/users", &json!({})).unwrap();
    let text = |key: &str| user[key].as_str().unwrap().to_owned();
    let (name, password) = (text("user"), text("password"));
    let who = ["--service", "ribbon", "--user", &name, "--password", &password];
    let ada = Person::at::<Gateway<Tokio>>(&emulator, &who);
    ada.headset.plug();
    ada.sees("headset (ready)");
    let call: Value = json!({"to": name, "from": {"address": "grace@far.test"}});
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    ada.talks();
    // Two calls by one key: the first is held, and then the second answered.
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    ada.shows(RING);
    ada.headset.press(Button::Hook(Hook::Up));
    ada.sees("* TALKING");
    emulator.control("POST", "ribbon/calls", &call).unwrap();
    ada.shows(Lamps { ring: true, ..TALK });
    ada.headset.press(Button::Flash);
    ada.sees("1 = ON HOLD");
    // Not at once: right after its lamp has changed, that key is the device's echo.
    ada.sees("2 * TALKING         0:01");
    ada.headset.press(Button::Flash);
    ada.sees("1 * TALKING");
    ada.sees("2 = ON HOLD");
    ada.leaves();
}
