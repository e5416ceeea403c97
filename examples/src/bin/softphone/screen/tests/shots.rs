//! Drawings at 80 by 24, kept as texts.

use std::path::Path;
use std::time::Instant;

use offhook::media::MediaStats;
use offhook::report::{Channel, TraceDirection, TraceRecord};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::*;

/// Draws a screen of a size.
fn drawn(screen: &Screen, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of a drawing.
fn text(of: &Buffer) -> String {
    let width = usize::from(of.area.width);
    let rows = of.content.chunks(width);
    rows.map(|row| {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        format!("{}\n", line.trim_end())
    })
    .collect()
}

/// Compares a drawing with the one that is kept.
fn shot(name: &str, screen: &Screen) {
    let is = text(&drawn(screen, 80, 24));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/softphone/screen/shots");
    let path = path.join(format!("{name}.txt"));
    if std::env::var_os("OFFHOOK_SHOTS").is_some_and(|what| what == "write") {
        std::fs::write(&path, &is).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(is == kept, "{name} is drawn otherwise than {} has it:\n{is}", path.display());
}

/// A day's work, as far as it has come.
fn busy(offers: Offers) -> Screen {
    let mut screen = screen(offers);
    let stats = |received, lost| {
        let mut stats = MediaStats::default();
        stats.packets_received = received;
        stats.packets_lost = lost;
        stats.jitter = Duration::from_millis(3);
        stats.round_trip = Some(Duration::from_millis(42));
        stats
    };
    screen.hears(SoundView {
        microphone: Meter {
            device: Some("Headset Mono".to_owned()),
            level: -18.0,
            late: Duration::from_millis(70),
            glitches: 1,
        },
        speaker: Meter {
            device: Some("Headset Stereo".to_owned()),
            level: -41.0,
            late: Duration::from_millis(110),
            glitches: 0,
        },
        bell: Some("Built-in Speaker".to_owned()),
        ..SoundView::default()
    });
    screen.tick(SECOND(5));
    screen.told(News::Said("\u{1b}[33mringing\u{1b}[0m from Grace Hopper".to_owned()));
    talks(&mut screen, "1", "Grace Hopper");
    told(&mut screen, "1", Change::Path(PathState::Good));
    let mut meter = QualityMeter::new(&stats(0, 0));
    told(&mut screen, "1", Change::Quality(meter.sample(&stats(990, 10))));
    screen.tick(SECOND(64));
    screen.told(News::Said("talking".to_owned()));
    talks(&mut screen, "2", "Alan Turing");
    told(&mut screen, "2", Change::Held(true));
    screen.tick(SECOND(3725));
    told(&mut screen, "1", Change::Muted(true));
    screen.calls.asked(&"1".into(), &Act::Press("42#".to_owned()));
    screen
}

/// A call that is over, with what went over the wire.
fn over() -> Screen {
    let mut screen = screen(GENESYS);
    let at = Instant::now();
    let mut message = |second, direction, channel, summary| {
        screen.tick(SECOND(second));
        let record = TraceRecord::new(at, direction, channel, summary);
        screen.told(News::Wire(record));
        if second == 10 {
            rings(&mut screen, "1", "Grace Hopper");
        }
        if second == 13 {
            told(&mut screen, "1", Change::Phase(Phase::Up));
        }
    };
    use Channel::{Media, Rest, Xmpp};
    use TraceDirection::{Received, Sent};
    message(2, Received, Xmpp, "not of this call");
    message(10, Received, Xmpp, "propose");
    message(12, Sent, Xmpp, "proceed");
    message(13, Received, Xmpp, "session-initiate");
    message(13, Sent, Xmpp, "session-accept");
    message(14, Received, Media, "connected");
    message(30, Sent, Rest, "PATCH participants");
    told(&mut screen, "1", Change::Over("success".to_owned()));
    let report = ["timeline.answered.after_ms  2000", "quality.mos  4.380"];
    told(&mut screen, "1", Change::Report(report.map(str::to_owned).to_vec()));
    screen
}

#[test]
fn the_ladder_has_nothing_of_the_call_before() {
    let mut screen = screen(GENESYS);
    let at = Instant::now();
    // Both within a second.
    for (call, millis) in [("first", 10_100), ("second", 10_500)] {
        screen.tick(Duration::from_millis(millis));
        let record = TraceRecord::new(at, TraceDirection::Sent, Channel::Rest, call);
        screen.told(News::Wire(record));
        talks(&mut screen, call, "Alan Turing");
        screen.tick(Duration::from_millis(millis + 200));
        told(&mut screen, call, Change::Over("success".to_owned()));
    }
    screen.key(Key::Char('l'));
    let shown = text(&drawn(&screen, 80, 24));
    assert!(shown.contains("second") && !shown.contains("first"), "{shown}");
}

#[test]
fn calls() {
    shot("no-call", &screen(GENESYS));
    shot("busy", &busy(GENESYS));
    let mut ringing = screen(RIBBON);
    rings(&mut ringing, "1", "Grace Hopper");
    ringing.tick(SECOND(7));
    shot("ringing", &ringing);
    let mut consulting = busy(GENESYS);
    told(&mut consulting, "1", Change::Consults(Some("carol".to_owned())));
    shot("consulting", &consulting);
    shot("over", &over());
}

#[test]
fn a_meeting() {
    let mut screen = busy(GENESYS);
    meets(&mut screen, "3");
    told(&mut screen, "3", Change::Film(Some("films/meeting-3.webm".into())));
    screen.tick(SECOND(3730));
    shot("meeting", &screen);
    screen.key(Key::Char('M'));
    screen.key(Key::Down);
    shot("people", &screen);
    screen.key(Key::Esc);
    let people = (0..40).map(|n| person(&format!("Participant number {n} of a large crowd")));
    told(&mut screen, "3", Change::People(people.collect()));
    let shown = text(&drawn(&screen, 80, 24));
    assert!(shown.contains("People: 40 (M shows all)"), "{shown}");
    for _ in 0..2 {
        told(&mut screen, "3", Change::Over("left".to_owned()));
    }
    screen.key(Key::Char('w'));
    assert!(screen.calls.to_wrap_up().iter().all(|(call, _)| call.as_str() != "3"));
    let mut several = over();
    talks(&mut several, "2", "Alan Turing");
    told(&mut several, "2", Change::Over("success".to_owned()));
    several.key(Key::Char('w'));
    type_in(&mut several, "sold tw");
    shot("wrap-up", &several);
}

#[test]
fn trouble() {
    let mut screen = busy(GENESYS);
    screen.told(News::Network(Network::Lost("trying again: no route".to_owned())));
    told(&mut screen, "1", Change::Sound(false));
    told(&mut screen, "1", Change::Path(PathState::Lost));
    screen.failed("hold: the service does not answer");
    shot("trouble", &screen);
    let mut silent = self::screen(GENESYS);
    silent.hears(SoundView { off: true, ..SoundView::default() });
    silent.key(Key::Char('e'));
    shot("nothing-to-end", &silent);
}

#[test]
fn what_lies_over_the_calls() {
    let mut help = busy(RIBBON);
    help.key(Key::Char('?'));
    shot("help", &help);
    let shown = text(&drawn(&help, 80, 24));
    assert!(HELP.iter().chain(&ALWAYS).all(|entry| shown.contains(entry.about)), "{shown}");
    rings(&mut help, "3", "Katherine Johnson");
    shot("help-while-it-rings", &help);
    let mut log = over();
    for name in ["ladder", "report", "said"] {
        if name == "ladder" {
            log.key(Key::Char('l'));
        } else {
            log.key(Key::Tab);
        }
        shot(name, &log);
    }
    let mut dials = busy(GENESYS);
    dials.key(Key::Char('d'));
    type_in(&mut dials, "+1 555 0199");
    shot("dial", &dials);
    let mut presence = busy(RIBBON);
    presence.key(Key::Char('p'));
    presence.key(Key::Down);
    shot("presence", &presence);
    let mut presences = busy(GENESYS);
    presences.told(News::Presence("Coffee".to_owned()));
    presences.key(Key::Char('p'));
    presences.told(super::presences());
    shot("presences", &presences);
}

#[test]
fn a_headset() {
    let mut screen = busy(GENESYS);
    screen.wears(Some("headset (off hook, muted): Jabra Evolve2 65 MS".to_owned()));
    shot("headset", &screen);
    let view = |place, words: &str, chosen: bool| DeviceView {
        place,
        name: (!chosen).then(|| words.to_owned()),
        words: words.to_owned(),
        chosen,
    };
    let devices = vec![
        view(Place::Speaker, "the system's default: Headset Stereo", true),
        view(Place::Speaker, "Built-in Speaker", false),
        view(Place::Microphone, "the system's default: Headset Mono", true),
        view(Place::Bell, "the system's default: Headset Stereo", true),
    ];
    let part = |name, words, on| PartView { name, words, on };
    let voice = vec![part("echo", "echo cancellation", true), part("gain", "gain control", false)];
    screen.hears(SoundView { devices, voice, volume: 100, ..SoundView::default() });
    screen.key(Key::Char('s'));
    shot("devices", &screen);
    let mut presence = busy(RIBBON);
    presence.wears(Some("headset (ready): Jabra Evolve2 65 MS".to_owned()));
    presence.key(Key::Char('p'));
    assert!(!text(&drawn(&presence, 80, 24)).contains("Jabra"), "it is no device of presence");
}

#[test]
fn what_colours_say_words_say_too() {
    for (name, screen) in [("busy", busy(GENESYS)), ("over", over())] {
        let with = drawn(&screen, 80, 24);
        let without = drawn(&Screen { colours: false, ..screen }, 80, 24);
        assert_eq!(text(&with), text(&without), "{name}");
        let coloured = |buffer: &Buffer| {
            buffer.content.iter().any(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset))
        };
        assert!(coloured(&with) && !coloured(&without), "{name}");
    }
}

#[test]
fn a_window_that_is_too_small_says_so_and_keeps_its_keys() {
    let mut screen = busy(GENESYS);
    rings(&mut screen, "3", "Katherine Johnson");
    for (width, height) in [(79, 24), (80, 23), (30, 5)] {
        let text = text(&drawn(&screen, width, height));
        assert!(text.contains(&format!("This window is {width} by {height}")), "{text}");
        assert!(text.contains("80 by 24") && text.contains("A CALL RINGS"), "{text}");
    }
    drawn(&screen, 1, 1);
    assert_eq!(screen.key(Key::Char('a')), act("3", Act::Answer));
}

/// Names of many characters that take two columns each, and no end of them.
#[test]
fn long_and_wide_names_leave_room_for_what_is_said_of_them() {
    let wide = "\u{65e5}\u{672c}\u{8a9e}".repeat(30);
    let mut screen = busy(GENESYS);
    meets(&mut screen, "3");
    told(&mut screen, "3", Change::Who(Who::of(wide.as_str())));
    let people = vec![
        Person { speaks: true, pinned: true, ..person(&wide) },
        Person { muted: true, ..person("\u{674e}\u{660e}") },
        Person { hidden: true, ..person(&"Bartholomew ".repeat(20)) },
    ];
    told(&mut screen, "3", Change::People(people));
    screen.failed(&format!("the pictures of {wide} cannot be had"));
    shot("wide-names", &screen);
    screen.key(Key::Char('M'));
    shot("wide-people", &screen);
    screen.key(Key::Esc);
    // What rings is told over whatever lies over the calls, with the way to answer it.
    screen.key(Key::Char('?'));
    rings(&mut screen, "4", &wide);
    let shown = text(&drawn(&screen, 80, 24));
    assert!(shown.lines().next().unwrap().ends_with("(Esc, then a answers)"), "{shown}");
    screen.key(Key::Esc);
    screen.key(Key::Char('d'));
    type_in(&mut screen, &"\u{8a9e}".repeat(200));
    type_in(&mut screen, "+1 555");
    let line = |screen: &Screen| text(&drawn(screen, 80, 24)).lines().nth(21).unwrap().to_owned();
    assert!(line(&screen).starts_with(" dial: \u{8a9e}"), "{}", line(&screen));
    assert!(line(&screen).ends_with("+1 555"), "the end is what is typed: {}", line(&screen));
    type_in(&mut screen, &"0".repeat(50));
    screen.key(Key::Char('9'));
    assert!(line(&screen).ends_with("! it is long enough"), "{}", line(&screen));
}

#[test]
fn a_long_line_of_the_log_goes_on_below() {
    let mut screen = screen(GENESYS);
    screen.tick(SECOND(61));
    let path = "/home/ada/films/".to_owned() + &"deep/".repeat(20) + "meeting-1.webm";
    screen.told(News::Said(format!("wrote {path}: 31 pictures, 208 packets of sound")));
    screen.failed(
        "hold: the service says that this is not possible while somebody is asked about the call",
    );
    let wide = "\u{65e5}\u{672c}\u{8a9e}".repeat(30);
    screen.told(News::Said(format!("{wide} is in the meeting")));
    for key in [Key::Char('l'), Key::Tab, Key::Tab] {
        screen.key(key);
    }
    shot("long-lines", &screen);
    let shown = text(&drawn(&screen, 80, 24));
    let joined: String = shown.split(['\n', '│', ' ']).collect();
    for whole in [path.as_str(), &wide, "208packetsofsound", "askedaboutthecall"] {
        // A wide character takes two cells, of which the second is blank.
        assert!(joined.contains(whole), "{whole} in {shown}");
    }
}

#[test]
fn nothing_is_drawn_that_breaks_whatever_is_told() {
    let mut screen = busy(GENESYS);
    for n in 0..40 {
        rings(
            &mut screen,
            &format!("more {n}"),
            &"\u{65e5}\u{672c}\u{8a9e} \u{1f469}\u{200d}\u{1f4bb}\u{1b}[31m".repeat(40),
        );
    }
    for key in [Key::Down, Key::Up, Key::Up, Key::Up] {
        screen.key(key);
        drawn(&screen, 80, 24);
        drawn(&screen, 300, 100);
    }
    for key in "?\u{1b}ldps".chars() {
        screen.key(Key::Char(key));
        screen.key(Key::PageDown);
        drawn(&screen, 80, 24);
        screen.key(Key::Esc);
    }
}
