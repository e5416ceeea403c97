//! A headset at the screen: its reports go in, and what the phone is asked for and what the headset shows comes out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use offhook::headset::{Hook, Key, Lamps};
use offhook_hid::Input;
use offhook_hid::memory::Memory;
use offhook_tokio::Tokio;

use super::*;
use crate::cloud::Cloud;
use crate::gateway::Gateway;
use crate::history::History;
use crate::news::{Change, Owner, Phase};
use crate::phone::Phone;
use crate::screen::{Key as Pressed, Opening, Screen};

const GENESYS: Offers = <Cloud<Tokio> as Phone<Tokio>>::OFFERS;
const RIBBON: Offers = <Gateway<Tokio> as Phone<Tokio>>::OFFERS;

/// The time in which everything happens.
const LIMIT: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(1);

const DARK: Lamps = Lamps { ring: false, off_hook: false, mute: false, hold: false };
const RING: Lamps = Lamps { ring: true, ..DARK };
const TALK: Lamps = Lamps { off_hook: true, ..DARK };
const MUTED: Lamps = Lamps { mute: true, ..TALK };
const HELD: Lamps = Lamps { hold: true, ..TALK };

/// A screen, a headset at it, and the hand that wears it.
struct Desk {
    memory: Memory,
    told: Receiver<Told>,
    worn: Worn,
    screen: Screen,
    now: Instant,
    /// The wishes that were not granted yet.
    wanted: VecDeque<Wanted>,
}

impl Desk {
    /// A desk without a headset. What it tells of its hook it says of itself, too.
    fn new(offers: Offers) -> Self {
        let memory = Memory::default();
        memory.set_echoing(true);
        let (cradle, told) = Cradle::with(memory.clone(), AGAIN).unwrap();
        let (title, wrap_up) = ("ada".to_owned(), BTreeMap::new());
        let history = History::default();
        let screen = Screen::new(Opening { offers, title, wrap_up, colours: false, history });
        let worn = Worn::with(offers, Some(cradle));
        let mut desk =
            Self { memory, told, worn, screen, now: Instant::now(), wanted: VecDeque::new() };
        desk.news(News::Network(Network::Up));
        desk
    }

    /// One with a headset, at a service that asks nobody for it.
    fn with_headset() -> Self {
        let mut desk = Self::new(RIBBON);
        desk.memory.plug();
        desk.hears("Came(\"Headset in memory\")");
        desk
    }

    fn takes(&mut self, wanted: Vec<Wanted>) {
        self.wanted.extend(wanted);
        let wanted = self.worn.looks(self.now, &mut self.screen);
        self.wanted.extend(wanted);
    }

    fn news(&mut self, news: News) {
        let wanted = self.worn.news(self.now, &news, &mut self.screen);
        self.screen.told(news);
        self.takes(wanted);
    }

    /// The service tells of a call.
    fn call(&mut self, call: &str, change: Change) {
        self.news(News::Call(call.into(), change));
    }

    fn talks(&mut self, call: &str) {
        self.call(call, Change::Phase(Phase::Rings));
        self.call(call, Change::Phase(Phase::Up));
        assert!(self.memory.shows(TALK, LIMIT));
    }

    /// Takes the next thing that is told of the headset, a second after the one before.
    fn hears(&mut self, expected: &str) {
        self.now += Duration::from_secs(1);
        let told = async {
            smol::Timer::after(LIMIT).await;
            panic!("nothing is told: {expected}")
        };
        let told =
            smol::block_on(smol::future::or(async { self.told.recv().await.unwrap() }, told));
        assert_eq!(format!("{told:?}"), expected);
        let wanted = self.worn.told(self.now, told, &mut self.screen);
        self.takes(wanted);
    }

    /// Presses a key of the headset, which is heard.
    fn press(&mut self, key: Key) {
        self.memory.press(key);
        self.hears(&format!("{:?}", Told::Input(Input::Key(key))));
    }

    /// The wish that the phone is asked for next.
    fn asked(&mut self) -> Option<(CallKey, Act)> {
        match self.wanted.front()?.ask.clone() {
            Ask::Call(call, act) => Some((call, act)),
            other => panic!("{other:?}"),
        }
    }

    /// Grants what was asked for last, and only that, as a service does.
    fn grants(&mut self, call: &str, act: Act) {
        assert_eq!(self.asked(), Some((call.into(), act.clone())));
        let Wanted { by, .. } = self.wanted.pop_front().unwrap();
        assert!(self.wanted.is_empty(), "{:?}", self.wanted);
        match act {
            Act::Answer => self.call(call, Change::Phase(Phase::Up)),
            Act::Mute(muted) => self.call(call, Change::Muted(muted)),
            Act::Hold(held) => self.call(call, Change::Held(held)),
            Act::End | Act::Reject => self.call(call, Change::Over("hung up".to_owned())),
            other => panic!("{other:?}"),
        }
        let wanted = self.worn.done(self.now, vec![(by, Outcome::Done)], &mut self.screen);
        self.takes(wanted);
    }

    #[track_caller]
    fn shows(&self, lamps: Lamps) {
        assert!(
            self.memory.shows(lamps, LIMIT),
            "{:?} in the place of {lamps:?}",
            self.memory.lamps()
        );
    }

    fn words(&self) -> String {
        self.worn.words().unwrap_or_default()
    }
}

#[test]
fn the_hook_answers_what_rings_and_ends_it() {
    let mut desk = Desk::with_headset();
    desk.shows(DARK);
    desk.call("1", Change::Phase(Phase::Rings));
    desk.shows(RING);
    desk.press(Key::Hook(Hook::Up));
    desk.grants("1", Act::Answer);
    desk.shows(TALK);
    desk.hears("Input(Key(Hook(Up)))");
    assert_eq!(desk.asked(), None, "its echo is no key");
    assert_eq!(desk.words(), "headset (off hook): Headset in memory");
    desk.press(Key::Hook(Hook::Down));
    desk.grants("1", Act::End);
    desk.shows(DARK);
    desk.hears("Input(Key(Hook(Down)))");
    assert_eq!(desk.asked(), None, "its echo is no key");
    assert_eq!(desk.words(), "headset (ready): Headset in memory");
}

#[test]
fn its_other_keys_mute_hold_and_decline() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.press(Key::Mute);
    desk.grants("1", Act::Mute(true));
    desk.shows(MUTED);
    desk.press(Key::Mute);
    desk.grants("1", Act::Mute(false));
    desk.shows(TALK);
    desk.press(Key::Flash);
    desk.grants("1", Act::Hold(true));
    desk.shows(HELD);
    desk.press(Key::Flash);
    desk.grants("1", Act::Hold(false));
    desk.shows(TALK);
    desk.call("2", Change::Phase(Phase::Rings));
    desk.shows(Lamps { ring: true, ..TALK });
    desk.press(Key::Drop);
    desk.grants("2", Act::Reject);
    desk.shows(TALK);
}

/// Two calls by one key: the first is held.
#[test]
fn answering_a_second_call_holds_the_first() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.call("2", Change::Phase(Phase::Rings));
    desk.press(Key::Flash);
    let wanted: Vec<_> = desk.wanted.drain(..).map(|wanted| wanted.ask).collect();
    let asks = [("1", Act::Hold(true)), ("2", Act::Answer)];
    assert_eq!(wanted, asks.map(|(call, act)| Ask::Call(call.into(), act)));
    desk.call("1", Change::Held(true));
    desk.call("2", Change::Phase(Phase::Up));
    desk.shows(TALK);
}

/// Nobody is answered while somebody else hears it, and the wishes of a key come one after the other.
#[test]
fn a_second_call_is_not_answered_where_the_first_cannot_be_held() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.call("2", Change::Phase(Phase::Rings));
    desk.press(Key::Flash);
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let refuses = |ask: Ask| {
        let asked = std::sync::Arc::clone(&asked);
        async move {
            asked.lock().unwrap().push(ask);
            anyhow::bail!("no")
        }
        .boxed_local()
    };
    desk.worn.begin(desk.wanted.drain(..).collect(), refuses);
    let outcomes = smol::block_on(desk.worn.under_way.select_next_some());
    assert!(matches!(&outcomes[..], [(_, Outcome::Failed(_)), (_, Outcome::LeftOut)]));
    assert_eq!(*asked.lock().unwrap(), [Ask::Call("1".into(), Act::Hold(true))]);
    let wanted = desk.worn.done(desk.now, outcomes, &mut desk.screen);
    desk.takes(wanted);
    desk.shows(Lamps { ring: true, ..TALK });
    // Nor where the screen says that it cannot be.
    desk.call("1", Change::Consults(Some("carol".to_owned())));
    desk.press(Key::Flash);
    assert_eq!(desk.asked(), None);
}

/// A headset that takes no lamps has keys all the same, and the user's other clients are not asked again and again.
#[test]
fn one_that_takes_no_lamps_is_used_by_its_keys() {
    let mut desk = Desk::new(GENESYS);
    desk.memory.set_stuck(true);
    desk.memory.plug();
    desk.hears("Came(\"Headset in memory\")");
    assert_eq!(desk.wanted.pop_front().unwrap().ask, Ask::Headset(true));
    desk.news(News::Headset(Owner::Us));
    desk.hears("Unlit(System(\"it takes no lamps\"))");
    desk.call("1", Change::Phase(Phase::Rings));
    desk.press(Key::Hook(Hook::Up));
    desk.grants("1", Act::Answer);
    desk.press(Key::Hook(Hook::Down));
    desk.grants("1", Act::End);
}

#[test]
fn the_keyboard_and_the_far_side_light_the_same_lamps() {
    let mut desk = Desk::with_headset();
    desk.call("1", Change::Phase(Phase::Rings));
    let asked = desk.screen.key(Pressed::Char('a'));
    assert_eq!(asked, Some(Ask::Call("1".into(), Act::Answer)));
    desk.call("1", Change::Phase(Phase::Up));
    desk.shows(TALK);
    assert_eq!(desk.screen.key(Pressed::Char('m')), Some(Ask::Call("1".into(), Act::Mute(true))));
    desk.call("1", Change::Muted(true));
    desk.shows(MUTED);
    desk.call("1", Change::Over("they hung up".to_owned()));
    desk.shows(DARK);
    assert_eq!(desk.asked(), None);
}

#[test]
fn what_cannot_be_done_is_said_and_shown() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.press(Key::Hook(Hook::Down));
    let Wanted { by, ask } = desk.wanted.pop_front().unwrap();
    assert_eq!(ask, Ask::Call("1".into(), Act::End));
    let failed = Outcome::Failed(anyhow::anyhow!("the service does not answer"));
    let wanted = desk.worn.done(desk.now, vec![(by, failed)], &mut desk.screen);
    desk.takes(wanted);
    desk.hears("Input(Key(Hook(Up)))");
    assert!(desk.screen.says_no("the service does not answer"));
    assert_eq!(desk.asked(), None, "it was taken off hook again, which is no key");
    desk.press(Key::Hook(Hook::Down));
    desk.grants("1", Act::End);
}

#[test]
fn a_consult_is_neither_held_nor_ended_by_a_key_either() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.call("1", Change::Consults(Some("carol".to_owned())));
    desk.press(Key::Flash);
    assert_eq!(desk.asked(), None);
    assert!(desk.screen.says_no("during a consult the caller waits: o speaks to them"));
    desk.press(Key::Mute);
    desk.grants("1", Act::Mute(true));
    desk.press(Key::Hook(Hook::Down));
    assert_eq!(desk.asked(), None);
    let why = "during a consult T gives the caller away, x takes them back";
    assert!(desk.screen.says_no(why));
    desk.hears("Input(Key(Hook(Up)))");
    assert_eq!(desk.asked(), None, "it was taken off hook again, which is no key");
}

#[test]
fn one_that_comes_and_goes_in_a_call_changes_no_call_and_is_shown_everything() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.memory.unplug();
    desk.hears("Went");
    assert_eq!((desk.asked(), desk.worn.words()), (None, None));
    desk.call("1", Change::Muted(true));
    desk.memory.plug();
    desk.hears("Came(\"Headset in memory\")");
    desk.shows(MUTED);
    desk.hears("Input(Key(Hook(Up)))");
    desk.press(Key::Mute);
    desk.grants("1", Act::Mute(false));
    assert_eq!(desk.screen.seen()[0].call, "1".into());
}

#[test]
fn without_permission_the_rule_is_named_until_it_is_given() {
    let mut desk = Desk::new(RIBBON);
    desk.memory.refuse(true);
    desk.memory.plug();
    desk.hears("Refused(Permission { path: \"/dev/memory\", vendor: 2827 })");
    let why = "headset: no permission (/dev/memory): udev rule 70-offhook-headsets.rules";
    assert!(desk.screen.says_no(why));
    assert_eq!(desk.words(), "headset: NO PERMISSION (l, the log)");
    desk.memory.refuse(false);
    desk.hears("Came(\"Headset in memory\")");
    desk.talks("1");
    desk.hears("Input(Key(Hook(Up)))");
    desk.memory.unplug();
    desk.hears("Went");
    desk.memory.refuse(true);
    desk.memory.plug();
    desk.hears("Refused(Permission { path: \"/dev/memory\", vendor: 2827 })");
    desk.memory.unplug();
    desk.hears("Went");
    assert_eq!(desk.worn.words(), None);
}

/// Keys and lamps are used while this phone has the headset, and at no other time.
#[test]
fn the_user_s_clients_agree_who_has_it() {
    let mut desk = Desk::new(GENESYS);
    let claims = |desk: &mut Desk| {
        let asks: Vec<_> = desk.wanted.drain(..).map(|wanted| wanted.ask).collect();
        asks
    };
    assert_eq!(claims(&mut desk), [], "there is none");
    desk.memory.plug();
    desk.hears("Came(\"Headset in memory\")");
    assert_eq!(claims(&mut desk), [Ask::Headset(true)]);
    desk.news(News::Headset(Owner::Asking));
    assert_eq!(desk.words(), "headset (asking other clients): Headset in memory");
    desk.call("1", Change::Phase(Phase::Rings));
    desk.press(Key::Hook(Hook::Up));
    assert_eq!(claims(&mut desk), []);
    assert_eq!(desk.memory.written(), 0, "it is left alone");
    desk.news(News::Headset(Owner::Us));
    desk.shows(RING);
    desk.hears("Input(Key(Hook(Down)))");
    assert_eq!(claims(&mut desk), [], "it was put on hook, which is no key");
    desk.press(Key::Hook(Hook::Up));
    desk.grants("1", Act::Answer);
    desk.shows(TALK);
    // The connection was lost: the others are asked anew, and meanwhile it is ours.
    desk.news(News::Network(Network::Lost("trying again".to_owned())));
    desk.news(News::Headset(Owner::Asking));
    desk.news(News::Network(Network::Up));
    assert_eq!(claims(&mut desk), [Ask::Headset(true)]);
    desk.hears("Input(Key(Hook(Up)))");
    desk.press(Key::Mute);
    desk.grants("1", Act::Mute(true));
    desk.shows(MUTED);
    // Another client takes it in mid-call.
    desk.news(News::Headset(Owner::Other));
    desk.shows(DARK);
    assert_eq!(desk.words(), "headset (another client has it): Headset in memory");
    desk.hears("Input(Key(Hook(Down)))");
    desk.press(Key::Mute);
    let written = desk.memory.written();
    desk.call("1", Change::Muted(false));
    assert_eq!((claims(&mut desk), desk.memory.written()), (vec![], written));
    // Who has no headset leaves it to the others, but for a call, in which it may be back soon.
    desk.memory.unplug();
    desk.hears("Went");
    assert_eq!(claims(&mut desk), []);
    desk.memory.plug();
    desk.hears("Came(\"Headset in memory\")");
    desk.memory.unplug();
    desk.hears("Went");
    assert_eq!(claims(&mut desk), []);
    desk.call("1", Change::Over("hung up".to_owned()));
    assert_eq!(claims(&mut desk), [Ask::Headset(false)]);
}

#[test]
fn it_is_left_dark_with_the_phone() {
    let mut desk = Desk::with_headset();
    desk.talks("1");
    desk.worn = Worn::with(RIBBON, None);
    assert_eq!(desk.memory.lamps(), DARK);
    let written = desk.memory.written();
    desk.call("1", Change::Held(true));
    assert_eq!(desk.memory.written(), written);
}

#[test]
fn one_that_is_not_wanted_is_not_looked_for() {
    use clap::Parser as _;
    let config = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&config, "headset = false\n").unwrap();
    let cli = crate::Cli::try_parse_from([
        "softphone",
        "--token=sesame",
        "--config",
        config.to_str().unwrap(),
    ]);
    let settings = Settings::new(cli.unwrap()).unwrap();
    let memory = Memory::default();
    memory.plug();
    let (worn, told) = Worn::new(&settings, RIBBON, memory).unwrap();
    assert!(told.recv_blocking().is_err(), "nobody tells of any");
    assert_eq!(worn.words(), None);
}
