//! The screen by its keys and its drawings.
//!
//! `OFFHOOK_SHOTS=write cargo test` draws the files in `shots` anew, to be looked at before they are kept.

mod shots;

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::media::PathState;
use offhook::report::QualityMeter;
use offhook_tokio::Tokio;

use super::calls::Call;
use super::keys::{ALWAYS, HELP};
use super::*;
use crate::ask::Act;
use crate::cloud::Cloud;
use crate::gateway::Gateway;
use crate::news::{Person, Phase, PresenceView, Who};
use crate::phone::Phone;

const GENESYS: Offers = <Cloud<Tokio> as Phone<Tokio>>::OFFERS;
const RIBBON: Offers = <Gateway<Tokio> as Phone<Tokio>>::OFFERS;

const SECOND: fn(u64) -> Duration = Duration::from_secs;

fn screen(offers: Offers) -> Screen {
    let wrap_up = BTreeMap::from([("sold".to_owned(), "code-7".to_owned())]);
    let title = "ada on lab.test".to_owned();
    let history = History::default();
    let mut screen = Screen::new(Opening { offers, title, wrap_up, colours: true, history });
    screen.told(News::Network(Network::Up));
    screen
}

fn told(screen: &mut Screen, call: &str, change: Change) {
    screen.told(News::Call(call.into(), change));
}

/// Somebody calls.
fn rings(screen: &mut Screen, call: &str, name: &str) {
    told(screen, call, Change::Phase(Phase::Rings));
    let who = Who {
        name: Some(name.to_owned()),
        number: Some("+1 555 0100".to_owned()),
        queue: Some("Support".to_owned()),
    };
    told(screen, call, Change::Who(who));
}

/// A call is answered, and heard.
fn talks(screen: &mut Screen, call: &str, name: &str) {
    rings(screen, call, name);
    told(screen, call, Change::Phase(Phase::Up));
    told(screen, call, Change::Sound(true));
}

fn person(name: &str) -> Person {
    Person {
        id: format!("id of {name}"),
        name: name.to_owned(),
        us: false,
        speaks: false,
        seen: false,
        pinned: false,
        muted: false,
        hidden: false,
        shows_screen: false,
    }
}

/// We are in a meeting with others.
fn meets(screen: &mut Screen, call: &str) {
    told(screen, call, Change::Phase(Phase::Up));
    told(screen, call, Change::Meeting);
    told(screen, call, Change::Who(Who::of("standup@conference.lab.test")));
    told(screen, call, Change::Sound(true));
    let people = vec![
        Person { us: true, hidden: true, ..person("Ada") },
        Person { muted: true, ..person("Lin") },
        Person { speaks: true, seen: true, shows_screen: true, ..person("Grace") },
    ];
    told(screen, call, Change::People(people));
}

fn type_in(screen: &mut Screen, text: &str) {
    for char in text.chars() {
        assert_eq!(screen.key(Key::Char(char)), None);
    }
}

fn act(call: &str, act: Act) -> Option<Ask> {
    Some(Ask::Call(call.into(), act))
}

/// The states that a phone can be in, by name.
fn states(offers: Offers) -> Vec<(&'static str, Screen)> {
    let of = |make: &dyn Fn(&mut Screen)| {
        let mut screen = screen(offers);
        make(&mut screen);
        screen
    };
    let devices = |screen: &mut Screen| {
        let device = DeviceView {
            place: Place::Speaker,
            name: None,
            words: "the system's default".to_owned(),
            chosen: true,
        };
        screen.hears(SoundView { devices: vec![device], ..SoundView::default() });
    };
    vec![
        ("no call", of(&|_| {})),
        ("no sound", of(&|screen| screen.hears(SoundView { off: true, ..SoundView::default() }))),
        ("devices", of(&devices)),
        ("ringing", of(&|screen| rings(screen, "1", "Grace"))),
        ("dialling", of(&|screen| told(screen, "1", Change::Phase(Phase::Dials)))),
        (
            "connecting",
            of(&|screen| {
                rings(screen, "1", "Grace");
                told(screen, "1", Change::Phase(Phase::Up));
            }),
        ),
        ("talking", of(&|screen| talks(screen, "1", "Grace"))),
        (
            "muted and held",
            of(&|screen| {
                talks(screen, "1", "Grace");
                told(screen, "1", Change::Muted(true));
                told(screen, "1", Change::Held(true));
            }),
        ),
        (
            "consulting",
            of(&|screen| {
                talks(screen, "1", "Grace");
                told(screen, "1", Change::Consults(Some("carol".to_owned())));
            }),
        ),
        (
            "two calls",
            of(&|screen| {
                talks(screen, "1", "Grace");
                talks(screen, "2", "Bob");
            }),
        ),
        ("meeting", of(&|screen| meets(screen, "1"))),
        (
            "a meeting that is filmed",
            of(&|screen| {
                meets(screen, "1");
                told(screen, "1", Change::Film(Some("films/meeting-3.webm".into())));
            }),
        ),
        (
            "over",
            of(&|screen| {
                talks(screen, "1", "Grace");
                told(screen, "1", Change::Over("hung up".to_owned()));
            }),
        ),
    ]
}

/// All keys that the help lists, and one of the digits.
fn keys() -> impl Iterator<Item = Key> {
    let words = HELP.iter().chain(&ALWAYS).flat_map(|entry| entry.keys.split(' '));
    words.map(|word| match word {
        "0-9" => Key::Char('5'),
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Tab" => Key::Tab,
        "Ctrl-C" => Key::Interrupt,
        word => Key::Char(word.parse().unwrap()),
    })
}

#[test]
fn every_key_of_the_help_does_something_in_each_state_or_says_why_not() {
    for offers in [GENESYS, RIBBON] {
        let names: Vec<_> = states(offers).into_iter().map(|(name, _)| name).collect();
        for (n, name) in names.iter().enumerate() {
            for key in keys() {
                let mut screen = states(offers).swap_remove(n).1;
                let before = (screen.mode.clone(), screen.calls.current().map(|c| c.key.clone()));
                let says = screen.deed(key).err();
                let asked = screen.key(key);
                let after = (screen.mode.clone(), screen.calls.current().map(|c| c.key.clone()));
                let does = asked.is_some() || before != after;
                match &screen.status {
                    Status::No(why) => {
                        assert!(why.len() > 8, "{name}: {key} says {why:?}");
                        assert!(says.is_none_or(|says| says == *why));
                    }
                    Status::Said(_) => assert!(does, "{name}: {key} does nothing"),
                }
            }
        }
    }
}

#[test]
fn every_key_of_the_help_does_something_in_some_state_of_some_service() {
    // Ctrl-C is for what lies over the calls, too.
    for key in keys().filter(|key| *key != Key::Interrupt) {
        let works = [GENESYS, RIBBON]
            .into_iter()
            .flat_map(states)
            .any(|(_, screen)| screen.deed(key).is_ok());
        assert!(works, "{key} never does anything");
    }
}

#[test]
fn keys_that_the_help_does_not_list_say_that_it_lists_them() {
    let listed = |char: char| {
        let all: String = HELP.iter().chain(&ALWAYS).map(|entry| entry.keys).collect();
        all.contains(char) || char.is_ascii_digit()
    };
    for char in (' '..='~').filter(|char| !listed(*char)) {
        let mut screen = screen(GENESYS);
        assert_eq!(screen.key(Key::Char(char)), None);
        assert_eq!(screen.status, Status::No(format!("{char} does nothing: ? lists the keys")));
    }
}

#[test]
fn a_call_that_rings_is_answered_whichever_is_chosen_and_takes_no_keys_from_it() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    rings(&mut screen, "2", "Bob");
    assert_eq!(screen.key(Key::Char('m')), act("1", Act::Mute(true)));
    assert_eq!(screen.key(Key::Char('a')), act("2", Act::Answer));
    told(&mut screen, "2", Change::Phase(Phase::Up));
    assert_eq!(screen.key(Key::Char('h')), act("2", Act::Hold(true)));
    screen.key(Key::Up);
    assert_eq!(screen.key(Key::Char('5')), act("1", Act::Press("5".to_owned())));
    assert_eq!(screen.key(Key::Char('#')), act("1", Act::Press("#".to_owned())));
    assert_eq!(screen.calls.current().unwrap().pressed, "5#");
}

#[test]
fn what_is_muted_and_held_by_the_service_is_undone_by_the_same_key() {
    let mut screen = screen(RIBBON);
    talks(&mut screen, "1", "Grace");
    told(&mut screen, "1", Change::Muted(true));
    told(&mut screen, "1", Change::Held(true));
    assert_eq!(screen.key(Key::Char('m')), act("1", Act::Mute(false)));
    assert_eq!(screen.key(Key::Char('h')), act("1", Act::Hold(false)));
}

#[test]
fn numbers_are_found_again_by_the_arrows() {
    let mut screen = screen(GENESYS);
    for number in ["100", "200", "100"] {
        screen.key(Key::Char('d'));
        type_in(&mut screen, number);
        assert_eq!(screen.key(Key::Enter), Some(Ask::Dial(number.to_owned())));
    }
    screen.key(Key::Char('d'));
    type_in(&mut screen, "3");
    let text = |screen: &Screen| match &screen.mode {
        Mode::Prompt(prompt) => prompt.text().to_owned(),
        mode => panic!("{mode:?}"),
    };
    for (key, expected) in [
        (Key::Up, "100"),
        (Key::Up, "200"),
        (Key::Up, "200"),
        (Key::Down, "100"),
        (Key::Down, "3"),
        (Key::Backspace, ""),
    ] {
        screen.key(key);
        assert_eq!(text(&screen), expected);
    }
    assert_eq!(screen.key(Key::Enter), None);
    assert!(matches!(&screen.status, Status::No(why) if why.contains("type something")));
    type_in(&mut screen, "9");
    screen.key(Key::Clear);
    assert_eq!(text(&screen), "");
    screen.key(Key::Esc);
    assert_eq!(screen.mode, Mode::Calls);
}

#[test]
fn a_prompt_about_a_call_goes_with_it_and_others_stay() {
    for (key, stays) in [('t', false), ('T', false), ('d', true), ('w', true)] {
        let mut screen = screen(GENESYS);
        talks(&mut screen, "1", "Grace");
        screen.key(Key::Char(key));
        told(&mut screen, "1", Change::Over("hung up".to_owned()));
        assert_eq!(matches!(screen.mode, Mode::Prompt(_)), stays, "{key}");
    }
}

#[test]
fn the_rest_of_what_is_typed_about_a_call_that_is_over_is_no_keys() {
    let all = || (' '..='~').map(Key::Char).chain([Key::Up, Key::Tab, Key::Backspace, Key::Clear]);
    let mut screen = screen(GENESYS);
    for call in ["1", "2", "3"] {
        talks(&mut screen, call, "Grace");
        rings(&mut screen, "4", "Bob");
    }
    for closes in [Key::Enter, Key::Esc] {
        let call = screen.calls.current().unwrap().key.clone();
        screen.key(Key::Char('t'));
        type_in(&mut screen, "use");
        told(&mut screen, call.as_str(), Change::Over("hung up".to_owned()));
        for key in all() {
            assert_eq!(screen.key(key), None, "{key}");
            assert!(matches!(&screen.status, Status::No(why) if why.contains("Esc")), "{key}");
        }
        screen.pasted("queue:abc");
        assert_eq!(screen.key(closes), None);
        assert_eq!(screen.mode, Mode::Calls);
    }
    assert_eq!(screen.key(Key::Char('m')), act("3", Act::Mute(true)));
}

#[test]
fn of_calls_that_are_over_those_that_were_answered_are_wrapped_up() {
    let mut screen = screen(GENESYS);
    rings(&mut screen, "0", "Carol");
    told(&mut screen, "0", Change::Over("withdrawn".to_owned()));
    screen.key(Key::Char('w'));
    assert!(matches!(&screen.status, Status::No(why) if why.contains("no call to wrap up")));
    talks(&mut screen, "1", "Grace");
    told(&mut screen, "1", Change::Over("hung up".to_owned()));
    rings(&mut screen, "2", "Bob");
    told(&mut screen, "2", Change::Over("withdrawn".to_owned()));
    told(&mut screen, "3", Change::Phase(Phase::Dials));
    told(&mut screen, "3", Change::Over("busy".to_owned()));
    screen.key(Key::Char('w'));
    type_in(&mut screen, "sold");
    assert_eq!(screen.key(Key::Enter), act("1", Act::WrapUp("code-7".to_owned(), None)));
}

#[test]
fn a_consult_within_a_call_has_sides_and_an_end_of_each_kind() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    screen.key(Key::Char('T'));
    type_in(&mut screen, "carol");
    assert_eq!(screen.key(Key::Enter), act("1", Act::Consult("carol".to_owned())));
    told(&mut screen, "1", Change::Consults(Some("carol".to_owned())));
    assert_eq!(screen.key(Key::Char('o')), act("1", Act::SpeakToThem(false)));
    assert_eq!(screen.key(Key::Char('o')), act("1", Act::SpeakToThem(false)), "not done yet");
    told(&mut screen, "1", Change::SpeaksToThem(false));
    assert_eq!(screen.key(Key::Char('o')), act("1", Act::SpeakToThem(true)));
    assert_eq!(screen.key(Key::Char('c')), act("1", Act::Conference("1".into())));
    assert_eq!(screen.key(Key::Char('x')), act("1", Act::CancelConsult));
    assert_eq!(screen.key(Key::Char('e')), None);
    assert!(matches!(&screen.status, Status::No(why) if why.contains("gives the caller away")));
    assert_eq!(screen.ours(), [("1".into(), true)]);
    assert_eq!(screen.key(Key::Char('T')), act("1", Act::Connect("1".into())));
    // Whoever was asked hangs up.
    told(&mut screen, "1", Change::Consults(None));
    assert_eq!(screen.key(Key::Char('e')), act("1", Act::End));
}

#[test]
fn a_consult_by_two_calls_connects_them_and_nobody_else() {
    let mut screen = screen(RIBBON);
    talks(&mut screen, "0", "Ada");
    talks(&mut screen, "1", "Grace");
    screen.key(Key::Down);
    screen.key(Key::Char('T'));
    type_in(&mut screen, "carol");
    assert_eq!(screen.key(Key::Enter), act("1", Act::Consult("carol".to_owned())));
    told(&mut screen, "2", Change::Phase(Phase::Dials));
    told(&mut screen, "2", Change::About("1".into()));
    told(&mut screen, "2", Change::Phase(Phase::Up));
    assert_eq!(screen.key(Key::Char('T')), act("2", Act::Connect("1".into())));
    screen.key(Key::Up);
    assert_eq!(screen.key(Key::Char('T')), act("1", Act::Connect("2".into())));
    screen.key(Key::Up);
    assert_eq!(screen.key(Key::Char('T')), None, "Ada is asked about nobody");
    assert!(matches!(screen.mode, Mode::Prompt(_)));
}

#[test]
fn a_call_is_wrapped_up_by_the_name_of_a_code_also_when_it_is_over() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    told(&mut screen, "1", Change::Over("hung up".to_owned()));
    screen.wrap_up.insert("sold out".to_owned(), "code-8".to_owned());
    for (typed, code, notes) in [
        ("sold two of them", "code-7", Some("two of them")),
        ("sold out", "code-8", None),
        ("sold out  of it", "code-8", Some("of it")),
        ("sold outside", "code-7", Some("outside")),
        ("soldier", "soldier", None),
        ("code-9", "code-9", None),
    ] {
        screen.key(Key::Char('w'));
        type_in(&mut screen, typed);
        let wraps = Act::WrapUp(code.to_owned(), notes.map(str::to_owned));
        assert_eq!(screen.key(Key::Enter), act("1", wraps));
    }
}

#[test]
fn of_several_calls_that_are_over_each_is_wrapped_up() {
    let mut screen = screen(GENESYS);
    for (call, name) in [("1", "Grace"), ("2", "Bob")] {
        talks(&mut screen, call, name);
        told(&mut screen, call, Change::Over("hung up".to_owned()));
    }
    meets(&mut screen, "3");
    told(&mut screen, "3", Change::Over("left".to_owned()));
    screen.key(Key::Char('w'));
    let label = |screen: &Screen| match &screen.mode {
        Mode::Prompt(prompt) => prompt.label(),
        mode => panic!("{mode:?}"),
    };
    assert!(label(&screen).starts_with("Bob"), "{}", label(&screen));
    assert_eq!((screen.key(Key::Up), screen.key(Key::Up)), (None, None));
    assert!(label(&screen).starts_with("Grace"), "{}", label(&screen));
    type_in(&mut screen, "sold");
    assert_eq!(screen.key(Key::Enter), act("1", Act::WrapUp("code-7".to_owned(), None)));
}

#[test]
fn a_meeting_has_keys_of_its_own_and_takes_none_of_a_call() {
    let mut screen = screen(GENESYS);
    screen.key(Key::Char('M'));
    type_in(&mut screen, "standup@conference.lab.test");
    let room = "standup@conference.lab.test".to_owned();
    assert_eq!(screen.key(Key::Enter), Some(Ask::Meet(room)));
    meets(&mut screen, "1");
    // Told late by whoever joined it.
    told(&mut screen, "1", Change::Phase(Phase::Dials));
    assert_eq!(screen.calls.current().map(Call::state), Some(('*', "MEETING")));
    for key in ['h', 't', 'T', 'o', 'x', 'c', '5'] {
        assert_eq!(screen.key(Key::Char(key)), None);
        assert!(matches!(&screen.status, Status::No(why) if why.contains("this is a meeting")));
    }
    assert_eq!(screen.key(Key::Char('m')), act("1", Act::Mute(true)));
    assert_eq!(screen.key(Key::Char('f')), act("1", Act::Film(true)));
    told(&mut screen, "1", Change::Film(Some("meeting-1.webm".into())));
    assert_eq!(screen.key(Key::Char('f')), act("1", Act::Film(false)));
    told(&mut screen, "1", Change::Film(None));
    // Whoever speaks is on top of the list.
    screen.key(Key::Char('M'));
    screen.key(Key::Down);
    let grace = Some("id of Grace".to_owned());
    assert_eq!(screen.key(Key::Enter), act("1", Act::See(grace)));
    assert_eq!(screen.key(Key::Char('e')), act("1", Act::End));
}

#[test]
fn whoever_is_in_a_call_is_asked_before_it_ends_with_the_phone() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    rings(&mut screen, "2", "Bob");
    assert_eq!(screen.ours(), [("1".into(), false)]);
    assert_eq!(screen.key(Key::Char('q')), None);
    assert_eq!(screen.key(Key::Char('m')), act("1", Act::Mute(true)));
    assert_eq!(screen.key(Key::Char('q')), None, "not twice in a row");
    assert_eq!(screen.key(Key::Char('q')), Some(Ask::Quit));
    for mode in ['?', 'l', 'd', 's'] {
        let mut screen = states(GENESYS).swap_remove(2).1;
        screen.key(Key::Char(mode));
        assert_eq!(screen.key(Key::Interrupt), Some(Ask::Quit), "from {mode}");
    }
}

#[test]
fn a_call_that_is_over_stays_over_whatever_is_told_of_it_but_may_ring_again() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    told(&mut screen, "1", Change::Over("hung up".to_owned()));
    for change in [Change::Phase(Phase::Up), Change::Sound(true), Change::Held(true)] {
        told(&mut screen, "1", change);
        assert!(screen.calls.all().is_empty());
    }
    told(&mut screen, "1", Change::Report(vec!["first".to_owned()]));
    assert_eq!(screen.calls.last().unwrap().report, ["first"]);
    rings(&mut screen, "1", "Grace");
    assert_eq!(screen.rings(), Some(Ring::Loud));
}

#[test]
fn whoever_speaks_already_is_rung_softly() {
    let mut screen = screen(GENESYS);
    assert_eq!(screen.rings(), None);
    talks(&mut screen, "1", "Grace");
    assert_eq!(screen.rings(), None);
    rings(&mut screen, "2", "Alan");
    assert_eq!(screen.rings(), Some(Ring::Soft));
    told(&mut screen, "1", Change::Held(true));
    assert_eq!(screen.rings(), Some(Ring::Loud));
    told(&mut screen, "1", Change::Held(false));
    told(&mut screen, "1", Change::Over("hung up".to_owned()));
    assert_eq!(screen.rings(), Some(Ring::Loud));
}

#[test]
fn a_key_that_is_pressed_twice_ends_or_declines_no_other_call() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    talks(&mut screen, "2", "Bob");
    assert_eq!(screen.key(Key::Char('e')), act("1", Act::End));
    told(&mut screen, "1", Change::Over("hung up".to_owned()));
    assert_eq!(screen.key(Key::Char('e')), None);
    assert!(matches!(&screen.status, Status::No(why) if why.contains("e once more")));
    assert_eq!(screen.key(Key::Char('e')), act("2", Act::End));
    told(&mut screen, "2", Change::Over("hung up".to_owned()));
    for call in ["3", "4"] {
        rings(&mut screen, call, "Grace");
    }
    assert_eq!(screen.key(Key::Char('r')), act("3", Act::Reject));
    told(&mut screen, "3", Change::Over("declined".to_owned()));
    assert_eq!(screen.key(Key::Char('r')), None);
    assert_eq!(screen.key(Key::Char('r')), act("4", Act::Reject));
    told(&mut screen, "4", Change::Over("declined".to_owned()));
    // Another one that ends besides does not make it safe.
    for call in ["5", "6", "7"] {
        talks(&mut screen, call, "Grace");
    }
    assert_eq!(screen.key(Key::Char('e')), act("5", Act::End));
    told(&mut screen, "5", Change::Over("hung up".to_owned()));
    told(&mut screen, "7", Change::Over("hung up".to_owned()));
    assert_eq!(screen.key(Key::Char('e')), None);
    assert_eq!(screen.key(Key::Char('e')), act("6", Act::End));
}

#[test]
fn what_is_pasted_goes_into_lines_and_is_no_keys() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    screen.pasted("e555");
    assert!(matches!(&screen.status, Status::No(_)));
    screen.key(Key::Char('d'));
    screen.pasted("+1 555\n0100");
    assert_eq!(screen.key(Key::Enter), Some(Ask::Dial("+1 5550100".to_owned())));
}

#[test]
fn what_is_told_without_end_is_kept_within_bounds() {
    let mut screen = screen(GENESYS);
    for n in 0..5000 {
        rings(&mut screen, &n.to_string(), "Grace");
        screen.told(News::Said("x".repeat(if n > 4990 { 5000 } else { 400 })));
    }
    assert_eq!(screen.calls.all().len(), 64);
    assert_eq!(screen.log.lines().count(), 500);
    assert!(screen.log.lines().all(|(_, line)| line.chars().count() == 400));
    screen.key(Key::Char('d'));
    for _ in 0..1000 {
        screen.key(Key::Char('1'));
    }
    assert!(matches!(&screen.mode, Mode::Prompt(prompt) if prompt.text().len() == 256));
}

#[test]
fn the_list_of_people_goes_with_its_meeting() {
    let mut screen = screen(GENESYS);
    meets(&mut screen, "1");
    talks(&mut screen, "2", "Grace");
    screen.key(Key::Char('M'));
    assert!(matches!(screen.mode, Mode::Menu(_)));
    told(&mut screen, "2", Change::Over("hung up".to_owned()));
    assert!(matches!(screen.mode, Mode::Menu(_)), "it is not about that call");
    told(&mut screen, "1", Change::Over("left".to_owned()));
    assert_eq!(screen.mode, Mode::Stale);
    assert_eq!(screen.key(Key::Char('q')), None, "it was meant for the list");
    screen.key(Key::Esc);
    assert_eq!(screen.mode, Mode::Calls);
}

#[test]
fn what_was_scrolled_past_the_end_comes_back_by_one_key() {
    let mut screen = screen(GENESYS);
    for n in 0..40 {
        screen.told(News::Said(format!("line {n}")));
    }
    for key in [Key::Char('l'), Key::Tab, Key::Tab] {
        screen.key(key);
    }
    for _ in 0..50 {
        screen.key(Key::PageDown);
    }
    let from = |screen: &Screen| match screen.mode {
        Mode::Log(page) => page.from,
        _ => panic!("{:?}", screen.mode),
    };
    let end = from(&screen);
    assert_eq!(end, 40 - 18, "18 fit");
    screen.key(Key::Up);
    assert_eq!(from(&screen), end - 1);
}

#[test]
fn a_device_is_chosen_from_the_list() {
    let mut screen = screen(GENESYS);
    let view = |place, name: Option<&str>| DeviceView {
        place,
        name: name.map(str::to_owned),
        words: "words".to_owned(),
        chosen: name.is_none(),
    };
    let devices = vec![
        view(Place::Speaker, None),
        view(Place::Speaker, Some("desk")),
        view(Place::Bell, Some("lamp")),
    ];
    screen.hears(SoundView { devices, ..SoundView::default() });
    screen.key(Key::Char('s'));
    screen.key(Key::Down);
    let asked = screen.key(Key::Enter);
    assert_eq!(asked, Some(Ask::Device(Place::Speaker, Some("desk".to_owned()))));
    screen.key(Key::Char('s'));
    screen.key(Key::Up);
    let asked = screen.key(Key::Enter);
    assert_eq!(asked, Some(Ask::Device(Place::Bell, Some("lamp".to_owned()))));
    let part = PartView { name: "echo", words: "words", on: true };
    screen.hears(SoundView { voice: vec![part], volume: 95, ..screen.sound.clone() });
    screen.key(Key::Char('s'));
    assert_eq!(screen.key(Key::Char('+')), Some(Ask::Volume(100)));
    assert_eq!(screen.key(Key::Char('-')), Some(Ask::Volume(90)));
    screen.key(Key::Up);
    assert_eq!(screen.key(Key::Enter), Some(Ask::Voice("echo", false)));
    let mut presences = self::screen(RIBBON);
    presences.key(Key::Char('p'));
    assert_eq!(presences.key(Key::Char('+')), None, "nothing is louder there");
    screen.key(Key::Char('s'));
    assert_eq!(screen.key(Key::Char('z')), None);
    assert!(matches!(screen.status, Status::No(_)));
    screen.key(Key::Esc);
    assert_eq!(screen.mode, Mode::Calls);
}

#[test]
fn a_presence_is_chosen_from_the_list_and_shown_once_the_service_took_it() {
    let mut screen = screen(RIBBON);
    screen.key(Key::Char('p'));
    screen.key(Key::Down);
    assert_eq!(screen.key(Key::Enter), Some(Ask::Presence("busy".to_owned())));
    assert_eq!(screen.presence, None);
    screen.told(News::Presence("busy".to_owned()));
    assert_eq!(screen.presence.as_deref(), Some("busy"));
}

/// The presences of an organisation, of which the second is ours.
fn presences() -> News {
    let one = |id: &str, label: &str| PresenceView {
        id: id.to_owned(),
        label: label.to_owned(),
        ours: id == "p2",
    };
    News::Presences(vec![one("p1", "Available"), one("p2", "Coffee"), one("p3", "On Queue")])
}

#[test]
fn the_presences_of_an_organisation_are_asked_for_and_the_present_one_is_marked() {
    let mut screen = screen(GENESYS);
    screen.told(News::Presence("Coffee".to_owned()));
    assert_eq!(screen.presence.as_deref(), Some("Coffee"));
    assert_eq!(screen.status, Status::Said("ready: ? lists the keys".to_owned()), "it is no news");
    assert_eq!(screen.key(Key::Char('p')), Some(Ask::Presences));
    screen.done(&screen.begun());
    screen.told(presences());
    let Mode::Menu(menu) = &screen.mode else { panic!("{:?}", screen.mode) };
    assert_eq!(menu.at, 1);
    screen.key(Key::Down);
    assert_eq!(screen.key(Key::Enter), Some(Ask::Presence("p3".to_owned())));
    screen.told(News::Presence("On Queue".to_owned()));
    assert_eq!(screen.presence.as_deref(), Some("On Queue"));
}

#[test]
fn a_list_of_presences_that_comes_late_is_in_nobodys_way() {
    let mut screen = screen(GENESYS);
    screen.key(Key::Char('p'));
    screen.key(Key::Char('d'));
    screen.told(presences());
    assert!(matches!(screen.mode, Mode::Prompt(_)));
    screen.key(Key::Esc);
    screen.told(presences());
    assert_eq!(screen.mode, Mode::Calls);
    screen.key(Key::Char('p'));
    screen.told(News::Presences(Vec::new()));
    assert!(matches!(screen.status, Status::No(_)));
}

#[test]
fn what_was_asked_for_is_said_to_be_done_unless_something_else_was_said() {
    let mut screen = screen(GENESYS);
    talks(&mut screen, "1", "Grace");
    screen.key(Key::Char('m'));
    let begun = screen.begun();
    screen.done("of another key …");
    assert_eq!(screen.status, Status::Said(begun.clone()));
    screen.done(&begun);
    assert_eq!(
        screen.status,
        Status::Said("muting Grace (+1 555 0100), for Support: done".to_owned())
    );
}
