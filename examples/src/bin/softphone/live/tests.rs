//! Phones with headsets at the emulator: the real loop, calls by real sockets, and a terminal and a headset in memory.

mod days;
mod rows;

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use clap::Parser as _;
use offhook::headset::{Hook, Key as Button, Lamps};
use offhook::media::MediaKind;
use offhook::video::WebmReader;
use offhook_examples::meeting::ROOM;
use offhook_hid::memory::Memory;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_sound::Direction;
use offhook_sound::memory::Memory as Devices;
use offhook_tokio::Tokio;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};
use smol::channel::Sender;

use super::*;
use crate::cloud::Cloud;
use crate::gateway::Gateway;
use crate::history::History;

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
    /// Logs in, without sound, and with a headset that is not plugged in yet.
    fn at<P: Phone<Tokio>>(emulator: &Emulator, who: &[&str]) -> Self
    where
        P::Machine: Drive,
    {
        Self::with::<P>(Devices::default(), emulator, &[who, &["--no-sound"]].concat())
    }

    /// The same with these devices.
    fn with<P: Phone<Tokio>>(devices: Devices, emulator: &Emulator, who: &[&str]) -> Self
    where
        P::Machine: Drive,
    {
        let config = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let (rest, socket) = (emulator.http_url(), emulator.ws_url());
        let words = ["softphone", "--loopback", "--environment", "lab.test"];
        let places = ["--api-host", &rest, "--ws-host", &socket];
        let words = words.iter().chain(&places).chain(who).copied();
        let words = words.chain(["--config", config.to_str().unwrap()]);
        let settings = Settings::new(crate::Cli::try_parse_from(words).unwrap()).unwrap();
        let (headset, shown) = (Memory::default(), Arc::new(Shown::default()));
        headset.set_echoing(true);
        let (keys, terminal) = smol::channel::bounded(8);
        let (bus, screen, card) = (headset.clone(), Arc::clone(&shown), devices);
        let phone = std::thread::spawn(move || {
            let tokio = tokio::runtime::Runtime::new().unwrap();
            tokio.block_on(phone::<P>(&settings, (bus, card), terminal, &screen))
        });
        let person = Self { headset, shown, keys, phone };
        person.sees("network: up");
        person
    }

    /// Waits until the screen shows this.
    #[track_caller]
    fn sees(&self, what: &str) {
        self.waits(&format!("no {what}"), |words| words.contains(what));
    }

    /// Waits until the screen shows this no more.
    #[track_caller]
    fn misses(&self, what: &str) {
        self.waits(&format!("still {what}"), |words| !words.contains(what));
    }

    #[track_caller]
    fn waits(&self, otherwise: &str, is: impl Fn(&str) -> bool) {
        let words = self.shown.words.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shown.changed.wait_timeout_while(words, LIMIT, |words| !is(words));
        let (words, out) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!out.timed_out(), "{otherwise} in\n{words}");
    }

    /// Waits until the row of this shows a time that is so many seconds later than now.
    #[track_caller]
    fn goes_on(&self, row: &str, seconds: u32) {
        let time = |words: &str| {
            let (_, after) = words.split_once(row)?;
            let (minutes, seconds) = after.split_whitespace().next()?.split_once(':')?;
            Some(60 * minutes.parse::<u32>().ok()? + seconds.parse::<u32>().ok()?)
        };
        let now = time(&self.words()).unwrap_or_else(|| panic!("no time of {row}"));
        self.waits(&format!("{row} does not go on"), |words| time(words) >= Some(now + seconds));
    }

    /// True if the screen shows this within a time.
    fn shows_within(&self, limit: Duration, what: &str) -> bool {
        let words = self.shown.words.lock().unwrap_or_else(PoisonError::into_inner);
        let is_not = |words: &mut String| !words.contains(what);
        let waited = self.shown.changed.wait_timeout_while(words, limit, is_not);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until the screen is drawn again.
    fn waits_a_tick(&self) {
        let words = self.shown.words.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.shown.changed.wait_timeout(words, 4 * TICK));
    }

    fn words(&self) -> String {
        self.shown.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a row of the screen shows all of these.
    #[track_caller]
    fn sees_row(&self, what: &[&str]) {
        let is_it = |row: &str| what.iter().all(|what| row.contains(what));
        self.waits(&format!("no row with {what:?}"), |words| words.lines().any(is_it));
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

    fn presses(&self, key: Key) {
        self.keys.send_blocking(Told::Key(key)).unwrap();
    }

    /// Types a line.
    fn types(&self, text: &str) {
        self.keys.send_blocking(Told::Pasted(text.to_owned())).unwrap();
        self.presses(Key::Enter);
    }

    fn leaves(self) {
        self.presses(Key::Interrupt);
        self.phone.join().unwrap().unwrap();
    }
}

async fn phone<P: Phone<Tokio>>(
    settings: &Settings,
    (bus, devices): (Memory, Devices),
    terminal: Receiver<Told>,
    shown: &Shown,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let (sender, news) = smol::channel::bounded(NEWS);
    let tell: Tell = Arc::new(move |news| drop(sender.try_send(news)));
    let sound = Sound::at(move || Box::new(devices.card()), settings, Arc::clone(&tell))?;
    let (mut phone, events) = P::new(settings, sound.clone(), sound.overhears(tell))?;
    let opening = Opening {
        offers: P::OFFERS,
        title: title(settings, P::OFFERS.service),
        wrap_up: settings.wrap_up.clone(),
        colours: false,
        history: History::default(),
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
    let bell = Bell::at(|| Box::new(Devices::default().card()), None);
    work(&mut phone, &mut Screen::new(opening), draw, outside, (&sound, &bell), |_: &str| {}, worn)
        .await
}

#[test]
fn a_character_that_a_keyboard_has_with_altgr_only_is_typed() {
    let pressed = |modifiers| KeyEvent::new(KeyCode::Char('@'), modifiers);
    let both = KeyModifiers::CONTROL | KeyModifiers::ALT;
    assert_eq!(key(pressed(both), true), Some(Key::Char('@')));
    assert_eq!(key(pressed(KeyModifiers::NONE), true), Some(Key::Char('@')));
    for (modifiers, alt_gr) in
        [(both, false), (KeyModifiers::CONTROL, true), (KeyModifiers::ALT, true)]
    {
        assert_eq!(key(pressed(modifiers), alt_gr), None, "{modifiers:?}");
    }
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(key(interrupt, true), Some(Key::Interrupt));
}

/// A loudspeaker and a microphone.
fn desk() -> Devices {
    let devices = Devices::default();
    plugs(&devices, Direction::Output, "desk");
    plugs(&devices, Direction::Input, "mouth");
    devices
}

/// A device that is the default from now on.
fn plugs(devices: &Devices, direction: Direction, name: &str) {
    devices.plug(direction, name);
    devices.set_default(direction, Some(name));
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

/// MH-10 and MD-18: whoever has no microphone is muted for all to see, and is heard again when they say so.
#[test]
fn a_call_whose_last_microphone_goes_is_muted_and_speaks_by_the_next_one() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let (name, password) = emulator.add_gateway_user("ada@lab.test", None).unwrap();
    let devices = desk();
    let calls = |person: &Person, ring: &dyn Fn()| {
        ring();
        person.sees("RINGING");
        person.presses(Key::Char('a'));
        person.sees("* TALKING");
        person.sees_row(&["mic", "The mouth"]);
        devices.unplug("mouth");
        person.sees("there is no microphone");
        person.sees_row(&["TALKING", "MUTED"]);
        plugs(&devices, Direction::Input, "lamp");
        person.sees_row(&["mic", "The lamp"]);
        person.sees_row(&["TALKING", "MUTED"]);
        person.presses(Key::Char('m'));
        person.misses("MUTED");
        person.presses(Key::Char('s'));
        person.sees("volume 100");
        person.presses(Key::Char('-'));
        person.sees("volume 90");
        person.presses(Key::Esc);
        person.presses(Key::Char('e'));
        person.sees("no calls");
        person.sees("mic  not in use");
        assert!(devices.open(Direction::Input).is_empty());
        devices.unplug("lamp");
        plugs(&devices, Direction::Input, "mouth");
    };
    let ada = Person::with::<Cloud<Tokio>>(devices.clone(), &emulator, &["--token", &token]);
    calls(&ada, &|| {
        let call = json!({"kind": "inbound", "userId": user});
        emulator.control("POST", "calls", &call).unwrap();
    });
    ada.leaves();
    let who = ["--service", "ribbon", "--user", &name, "--password", &password];
    let ada = Person::with::<Gateway<Tokio>>(devices.clone(), &emulator, &who);
    calls(&ada, &|| {
        let call = json!({"to": name, "from": {"address": "grace@far.test"}});
        emulator.control("POST", "ribbon/calls", &call).unwrap();
    });
    ada.leaves();
}

/// One session carries both: the one that it carries now is the one that nobody hears.
#[test]
fn of_two_calls_by_one_session_the_one_that_is_spoken_on_is_muted() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let devices = desk();
    let ada = Person::with::<Cloud<Tokio>>(devices.clone(), &emulator, &["--token", &token]);
    for rows in [["1 *", "TALKING"], ["2 *", "TALKING"]] {
        let call = json!({"kind": "inbound", "userId": user});
        emulator.control("POST", "calls", &call).unwrap();
        ada.sees("RINGING");
        ada.presses(Key::Char('a'));
        ada.sees_row(&rows);
    }
    ada.sees_row(&["1 =", "ON HOLD"]);
    devices.unplug("mouth");
    ada.sees_row(&["2 *", "TALKING", "MUTED"]);
    ada.sees("mic  NO DEVICE");
    devices.plug(Direction::Input, "mouth");
    ada.sees("mic  [");
    ada.presses(Key::Char('e'));
    ada.sees("Calls: 1");
    ada.presses(Key::Char('h'));
    ada.sees_row(&["1 *", "TALKING"]);
    // It was never muted.
    ada.misses("MUTED");
    devices.unplug("mouth");
    ada.sees_row(&["1 *", "TALKING", "MUTED"]);
    ada.leaves();
}

#[test]
fn an_agent_goes_on_queue_and_looks_at_the_mailbox() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let changes = |body: &Value| {
        emulator.control("PATCH", &format!("users/{user}"), body).unwrap();
    };
    changes(&json!({"voicemail": {"total": 3, "unread": 2}}));
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    ada.sees("you: Available");
    ada.presses(Key::Char('v'));
    ada.sees("voicemail: 2 not heard, 3 in all");
    ada.presses(Key::Char('p'));
    ada.sees("> * Available");
    ada.sees("Coffee");
    ada.misses("Nap");
    while !ada.words().contains(">   On Queue") {
        ada.presses(Key::Down);
        ada.waits_a_tick();
    }
    ada.presses(Key::Enter);
    ada.sees("you: On Queue");
    ada.sees("you are On Queue now");
    // Somebody else sets it, too.
    changes(&json!({"presence": "Meal"}));
    ada.sees("you: Meal");
    ada.leaves();
}

/// Whoever may not see presences has a phone all the same.
#[test]
fn without_the_permission_for_presence_all_else_works() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let fault = json!({"path": "presence", "status": 403, "times": 1000});
    emulator.control("POST", "faults", &fault).unwrap();
    let fault = json!({"path": "voicemail", "status": 404, "times": 1000});
    emulator.control("POST", "faults", &fault).unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    ada.presses(Key::Char('p'));
    ada.sees("you may not see which presences there are");
    ada.presses(Key::Char('v'));
    ada.sees("voicemail/mailbox: status 404");
    let call = json!({"kind": "inbound", "userId": user});
    emulator.control("POST", "calls", &call).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("* TALKING");
    ada.leaves();
}

#[test]
fn a_meeting_shows_who_is_there_and_who_speaks_and_is_filmed() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let films = tempfile::tempdir().unwrap();
    let folder = films.path().to_str().unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token, "--films", folder]);
    ada.headset.plug();
    ada.sees("headset (ready)");
    ada.presses(Key::Char('M'));
    ada.sees("room or meeting:");
    ada.types(ROOM);
    ada.sees("1 * MEETING");
    // There is nothing to say without a microphone.
    ada.shows(MUTED);
    ada.sees("Ada                       you, muted, camera off");
    let room = ROOM.split_once('@').unwrap().0;
    let post = |what: &str, body: &Value| {
        emulator.control("POST", &format!("rooms/{room}/{what}"), body).unwrap()
    };
    let lin = post("participants", &json!({"name": "Lin", "userId": "lin"}));
    ada.sees("Lin  ");
    let app = json!({"sourceUserId": "lin"});
    let speaker = json!({"id": "1", "activity": "speaking", "appId": app});
    let status = json!({"method": "member.notify.status", "params": {"speakers": [speaker]}});
    post("data", &json!({"userId": user, "message": status}));
    ada.sees("* Lin                       SPEAKS");
    // The one who speaks is asked for.
    ada.presses(Key::Char('M'));
    ada.presses(Key::Down);
    ada.sees("> * Lin");
    ada.presses(Key::Enter);
    ada.sees("SPEAKS, pinned");
    // Not at once: right after its lamp has changed, that key is the device's echo.
    ada.goes_on("MEETING", 2);
    ada.headset.press(Button::Mute);
    ada.shows(TALK);
    ada.sees("you, camera off");
    ada.presses(Key::Char('h'));
    ada.sees("! this is a meeting");
    ada.presses(Key::Char('f'));
    ada.sees("FILMED");
    ada.sees("film: meeting-1.webm");
    // Pictures come, and some time is filmed.
    ada.goes_on("MEETING", 4);
    ada.presses(Key::Char('f'));
    ada.sees("meeting-1.webm: ");
    ada.presses(Key::Char('f'));
    ada.sees("film: meeting-2.webm");
    let lin = lin["participantId"].as_str().unwrap();
    let away = json!({"state": "disconnected"});
    emulator.control("PATCH", &format!("rooms/{room}/participants/{lin}"), &away).unwrap();
    ada.sees("People: 1");
    ada.goes_on("MEETING", 4);
    // Whoever leaves has all of it.
    ada.leaves();
    for n in 1..=2 {
        let film = std::fs::read(films.path().join(format!("meeting-{n}.webm"))).unwrap();
        let kinds = WebmReader::new(&film[..]).unwrap().map(|block| block.unwrap().frame.kind());
        let (pictures, sounds) = kinds.fold((0, 0), |(pictures, sounds), kind| match kind {
            MediaKind::Video => (pictures + 1, sounds),
            MediaKind::Audio => (pictures, sounds + 1),
        });
        assert!(pictures > 5 && sounds > 20, "film {n}: {pictures} pictures, {sounds} packets");
    }
}

/// There is one microphone: who is spoken to in a meeting is not to be heard in a call, nor the other way round.
#[test]
fn a_meeting_rings_in_a_call_which_is_held_for_it_and_is_muted_for_the_call() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let (lin, _) = emulator.add_user("Lin", None).unwrap();
    let speech = tempfile::NamedTempFile::new().unwrap();
    offhook::audio::wav::write(speech.as_file(), &[0; 1600]).unwrap();
    let speech = speech.path().to_str().unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token, "--wav-in", speech]);
    emulator.control("POST", "calls", &json!({"kind": "inbound", "userId": user})).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 * TALKING");
    let peer = json!({"kind": "peer", "userId": user, "fromUserId": lin});
    emulator.control("POST", "rooms", &peer).unwrap();
    ada.sees("2 ! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 = ON HOLD");
    ada.sees(">2 * MEETING");
    ada.sees("Ada                       you, camera off");
    ada.presses(Key::Up);
    ada.sees(">1 = ON HOLD");
    ada.presses(Key::Char('h'));
    ada.sees("1 * TALKING");
    ada.sees("MUTED");
    ada.presses(Key::Down);
    ada.sees("you, muted");
    // Whoever speaks in the meeting again does not speak in the call.
    ada.presses(Key::Char('m'));
    ada.sees("1 = ON HOLD");
    ada.sees("Ada                       you, camera off");
    ada.presses(Key::Char('e'));
    ada.sees("Calls: 1");
    // One that is proposed and taken back.
    let room = emulator.control("POST", "rooms", &peer).unwrap();
    ada.sees("! RINGING");
    let room = room["roomId"].as_str().unwrap();
    emulator.control("POST", &format!("rooms/{room}/retract"), &json!({})).unwrap();
    ada.sees("the caller gave up");
    ada.misses("RINGING");
    // One that is declined, of which the service tells no more.
    emulator.control("POST", "rooms", &peer).unwrap();
    ada.sees("! RINGING");
    ada.presses(Key::Char('r'));
    ada.misses("RINGING");
    ada.sees("Calls: 1");
    ada.leaves();
}

#[test]
fn a_meeting_that_never_begins_can_be_left() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (_, token) = emulator.add_user("Ada", None).unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    // It is said to be there, and nobody ever asks us in.
    let nowhere = json!({"conversationId": "nowhere"});
    let fault = json!({"path": "conversations/videos", "status": 200, "body": nowhere});
    emulator.control("POST", "faults", &fault).unwrap();
    ada.presses(Key::Char('M'));
    ada.types(ROOM);
    ada.sees("1 > DIALLING");
    ada.presses(Key::Char('e'));
    ada.sees("over (it had not begun)");
    ada.sees("no calls");
    ada.presses(Key::Char('M'));
    ada.types(ROOM);
    ada.sees("1 * MEETING");
    ada.leaves();
}

/// The service may offer a meeting anew that we are in: the one before is no end of it.
#[test]
fn a_meeting_that_is_offered_anew_goes_on_by_its_new_session() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, token) = emulator.add_user("Ada", None).unwrap();
    let (lin, _) = emulator.add_user("Lin", None).unwrap();
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &["--token", &token]);
    let peer = json!({"kind": "peer", "userId": user, "fromUserId": lin});
    let room = emulator.control("POST", "rooms", &peer).unwrap();
    ada.sees("1 ! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 * MEETING");
    let propose = format!("rooms/{}/propose", room["roomId"].as_str().unwrap());
    emulator.control("POST", &propose, &json!({"userId": user})).unwrap();
    ada.sees("1 ! RINGING");
    ada.presses(Key::Char('a'));
    ada.sees("1 * MEETING");
    // By now the session before is over.
    ada.goes_on("MEETING", 2);
    ada.presses(Key::Char('m'));
    ada.sees("you, camera off");
    ada.presses(Key::Char('e'));
    ada.sees("no calls");
    ada.leaves();
}

#[test]
fn a_film_says_why_it_cannot_be_made_and_is_whole_when_the_terminal_goes() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (_, token) = emulator.add_user("Ada", None).unwrap();
    let films = tempfile::tempdir().unwrap();
    let folder = films.path().join("later");
    let who = ["--token", &token, "--films", folder.to_str().unwrap()];
    let ada = Person::at::<Cloud<Tokio>>(&emulator, &who);
    ada.presses(Key::Char('M'));
    ada.types(ROOM);
    ada.sees("1 * MEETING");
    ada.presses(Key::Char('f'));
    ada.sees("! /");
    std::fs::create_dir(&folder).unwrap();
    ada.presses(Key::Char('f'));
    ada.sees("film: meeting-1.webm");
    ada.goes_on("MEETING", 4);
    // By a signal, and as there are no keys any more.
    for _ in 0..2 {
        ada.keys.send_blocking(Told::Gone).unwrap();
    }
    ada.phone.join().unwrap().unwrap();
    let film = std::fs::read(folder.join("meeting-1.webm")).unwrap();
    let blocks = WebmReader::new(&film[..]).unwrap().map(Result::unwrap);
    assert!(blocks.count() > 20);
}

#[test]
fn at_a_gateway_calls_go_by_the_headset() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (name, password) = emulator.add_gateway_user("ada@lab.test", None).unwrap();
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
    ada.sees("2 * TALKING");
    ada.goes_on("2 * TALKING", 2);
    ada.headset.press(Button::Flash);
    ada.sees("1 * TALKING");
    ada.sees("2 = ON HOLD");
    ada.leaves();
}
