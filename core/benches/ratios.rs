//! The signaling against the bare parsers on the same bytes, measured in turn in one run: a ratio
//! means the same on every machine.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark reads the clock and prints"
)]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Agent, baseline, ribbon, traffic};
use offhook::genesys::wire::Frame;
use traffic::Escaping;

/// Many short runs: of long ones something else on the machine hits most, and the longer of the two
/// more often.
const ROUNDS: usize = 1001;
const REPEATS: u32 = 6;
/// Clients with a call each that are told the same in turn, and how often there are such.
const BATCH: usize = 6;
const BATCHES: usize = 1001;
/// Whole calls.
const CALLS: usize = 101;

fn main() {
    let offer = traffic::session_initiate();
    let name = format!("session-initiate ({} bytes)", offer.len());
    let ours = || time(|| Frame::parse(black_box(&offer)));
    let bare = || time(|| baseline::scan(black_box(&offer)));
    compare(&name, "quick-xml", 3.5, ours, bare);

    for (escaping, what) in [(Escaping::Little, ""), (Escaping::Quotes, ", quotes escaped")] {
        let mut agent = Agent::ready();
        agent.play(Agent::script_to_connected());
        agent.forget();
        let texts = [false, true].map(|held| traffic::notification("connected", held, escaping));
        let name = format!("conversation event ({} bytes{what})", texts[0].len());
        let ours = || {
            let before = agent.events();
            let spent = time_each(&texts, |text| agent.frame(text));
            assert_eq!(agent.events() - before, REPEATS as usize, "one event for each");
            spent
        };
        let bare = || time_each(&texts, |text| drop(black_box(baseline::notification(&text))));
        compare(&name, "quick-xml, unescape and serde_json", 2.0, ours, bare);
    }

    ribbon_call();

    let script = Agent::script_of_a_call();
    let mut spent: Vec<_> = (0..CALLS)
        .map(|_| {
            let (mut agent, script) = (Agent::ready(), script.clone());
            let began = Instant::now();
            agent.play(script);
            began.elapsed()
        })
        .collect();
    let median = median(&mut spent);
    println!("inbound call ({} bytes): {median:.0?} (target 500µs)", script.xml_bytes());
}

/// The notifications of calls of a Ribbon gateway, from text to the application's events, against a bare
/// typed read of the same bytes: what a call that is placed is told, in turn.
fn ribbon_call() {
    let sdp = ribbon::description();
    let kinds = [("ringing", None), ("respondCallUpdate", Some(sdp.as_str())), ("callEnd", None)];
    let texts = kinds.map(|(kind, sdp)| vec![ribbon::notification(kind, 1, sdp); BATCH]);
    let mut ratios = [const { Vec::new() }; 4];
    let mut bytes = 0;
    for _ in 0..BATCHES {
        let mut users: Vec<_> = (0..BATCH).map(|_| ribbon::User::ready()).collect();
        users.iter_mut().for_each(ribbon::User::place);
        let (mut all, mut all_bare) = (Duration::ZERO, Duration::ZERO);
        for (texts, ratios) in texts.iter().zip(&mut ratios) {
            let told = |users: &[ribbon::User]| users.iter().map(|user| user.events).sum::<usize>();
            // Either is given a new text, as from a socket.
            let (before, given, same) = (told(&users), texts.clone(), texts.clone());
            let ours =
                span(|| users.iter_mut().zip(given).for_each(|(user, text)| user.hear(text)));
            assert!(told(&users) - before >= BATCH, "an event for each");
            let bare = span(|| {
                for text in same {
                    let read = serde_json::from_str::<ribbon::Envelope>(black_box(&text));
                    drop(black_box(read.expect("a notification")));
                }
            });
            ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
            (all, all_bare) = (all + ours, all_bare + bare);
        }
        ratios[3].push(all.as_secs_f64() / all_bare.as_secs_f64());
        bytes = texts.iter().map(|texts| texts[0].len()).sum();
    }
    let names = kinds.map(|(kind, _)| kind.to_owned()).into_iter();
    let names = names.chain([format!("a call's notifications ({bytes} bytes)")]);
    for (name, ratios) in names.zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[BATCHES / 2];
        println!("{name}: {ratio:.2}x serde_json, typed (target 3x)");
    }
}

fn span(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The time of one call, as the mean of many.
fn time<T>(mut work: impl FnMut() -> T) -> Duration {
    let began = Instant::now();
    for _ in 0..REPEATS {
        black_box(work());
    }
    began.elapsed() / REPEATS
}

/// The time of one call that is given one of the texts, each a new one as from a socket.
fn time_each(texts: &[String], mut work: impl FnMut(String)) -> Duration {
    let mut texts: Vec<_> = texts.iter().cycle().take(REPEATS as usize).cloned().collect();
    time(|| work(texts.pop().expect("one for each repeat")))
}

fn compare(
    name: &str,
    other: &str,
    target: f64,
    mut ours: impl FnMut() -> Duration,
    mut bare: impl FnMut() -> Duration,
) {
    let (mut times, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (ours, bare) = (ours(), bare());
        times.push(ours);
        bares.push(bare);
        ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let (ratio, ours, bare) = (ratios[ROUNDS / 2], median(&mut times), median(&mut bares));
    println!("{name}: {ratio:.2}x {other} (target {target}x; {ours:.2?} against {bare:.2?})");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
