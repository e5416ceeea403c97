//! Asynchronous programs in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offhook::genesys::{Command, Error, Event, Phone as _};
use offhook::machine::{Track, TrackId};
use offhook_runtime::genesys::{Call, Client};
use offhook_runtime::{NoRuntime, Runtime};
use offhook_sim::program::Program;
use offhook_sim::scenario::{Customers, FaultKind, Report, StationKind};
use offhook_sim::world::{Fidelity, Observer, Seen, World};
use offhook_sim::{Scenario, Simulated, check};
use serde_json::json;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Answers every call and says back what it hears, on any runtime.
async fn bot<R: Runtime>(phone: Client<R>) -> Result<(), Error> {
    let mut calls = phone.calls();
    phone.connect().await?;
    while let Some(call) = calls.next().await {
        let _ = R::spawn(echo(call));
    }
    Ok(())
}

async fn echo<R: Runtime>(call: Call<R>) {
    if call.answer().await.is_err() {
        return;
    }
    while let Ok(mut audio) = call.audio().await {
        while let Some(frame) = audio.stream.next().await {
            let _ = audio.sink.send(frame).await;
        }
    }
}

/// The same by the tracks of each session; pictures are there none.
async fn tracks<R: Runtime>(phone: Client<R>) -> Result<(), Error> {
    let (mut calls, mut events) = (phone.calls(), phone.events());
    phone.connect().await?;
    let answering = R::spawn(async move {
        while let Some(call) = calls.next().await {
            let _ = R::spawn(async move {
                let _ = call.answer().await;
            });
        }
    });
    answering.expect("there is a runtime");
    while let Some(event) = events.next().await {
        let Event::SessionStarted(session) = event else { continue };
        let media = session.media;
        let mut sound = phone.track(TrackId::audio(media));
        let mut pictures = phone.track(TrackId { media, track: Track::video(0) });
        let echo = R::spawn(async move {
            while let Some(frame) = sound.stream.next().await {
                let _ = sound.sink.send(frame).await;
            }
            assert_eq!(pictures.stream.next().await, None, "it ends with its session");
        });
        echo.expect("there is a runtime");
    }
    Ok(())
}

/// A calm hour of three such bots, one line each.
fn bots() -> Scenario {
    Scenario::calm().named("bots").agents(3).program(bot)
}

/// The same with connections that break.
fn unlucky_bots() -> Scenario {
    let kinds = vec![StationKind { lines: 100, persistent: false }];
    let customers = Customers { at_once: 2, ..Customers::default() };
    let scenario = bots().stations(kinds).customers(customers);
    scenario
        .fault(FaultKind::Reset, s(300))
        .fault(FaultKind::StreamError, s(600))
        .fault(FaultKind::Sleep, s(900))
        .fault(FaultKind::Move, s(1200))
}

/// The report of one program's quiet hour.
fn hour_of<F>(main: impl Fn(Client<Simulated>) -> F + Send + Sync + 'static) -> Report
where
    F: Future<Output: offhook_sim::program::Ending> + Send + 'static,
{
    Scenario::calm().agents(1).program(main).run_caught(0)
}

/// The finding of such an hour.
fn finding_of<F>(main: impl Fn(Client<Simulated>) -> F + Send + Sync + 'static) -> String
where
    F: Future<Output: offhook_sim::program::Ending> + Send + 'static,
{
    hour_of(main).finding.expect("a finding").to_string()
}

#[test]
fn a_bot_answers_and_says_back_what_it_hears() {
    let report = bots().run_caught(0);
    assert_eq!(report.finding, None);
    assert!(report.counts.get("calls connected") > 10, "{:?}", report.counts);
    assert!(report.counts.get("words heard") > 200, "{:?}", report.counts);
}

#[test]
fn a_bot_says_back_what_comes_on_its_tracks() {
    let report = Scenario::calm().named("tracks").agents(3).program(tracks).run_caught(0);
    assert_eq!(report.finding, None);
    assert!(report.counts.get("words heard") > 200, "{:?}", report.counts);
}

#[test]
fn bots_stay_true_while_connections_break_and_phones_sleep() {
    check(unlucky_bots()).seeds(0..2);
}

#[test]
fn users_have_second_phones_whose_programs_do_not_meet() {
    check(unlucky_bots().second_phones(1.0)).seeds(0..2);
}

#[test]
fn a_seed_gives_the_same_run_twice_and_another_seed_another() {
    let scenario = unlucky_bots().hours(0.5);
    let digest = |seed| {
        let report = scenario.run_caught(seed);
        assert_eq!(report.finding, None);
        (report.digest, report.happenings)
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn a_bot_is_the_same_at_full_fidelity() {
    let scenario = bots().agents(1).hours(0.1).fidelity(Fidelity::Full);
    check(scenario.customers(Customers { talk: (s(10), s(20)), ..Customers::default() }))
        .seeds(0..1);
}

#[test]
fn a_panic_in_a_task_is_a_finding() {
    let found = finding_of(|phone| async move {
        let _ = Simulated::spawn(async { panic!("the bot fell over") });
        bot(phone).await
    });
    assert!(found.contains("nothing panics") && found.contains("the bot fell over"), "{found}");
}

#[test]
fn a_task_that_ends_early_ends_no_program_whenever_it_was_spawned() {
    let found = finding_of(|_| {
        let _ = Simulated::spawn(async {});
        async {
            Simulated::sleep(Duration::from_secs(60)).await;
            work().await;
        }
    });
    assert!(found.contains("still at work"), "{found}");
}

async fn work() {
    panic!("still at work");
}

async fn stumble() {
    panic!("oh");
}

#[test]
#[should_panic(expected = "seed 3 of clumsy: nothing panics")]
fn a_panic_names_its_seed() {
    let clumsy = Scenario::calm().named("clumsy").program(|_| stumble());
    check(clumsy).seeds(3..4);
}

#[test]
fn a_program_that_fails_is_a_finding() {
    let found = finding_of(|phone| async move {
        phone.connect().await?;
        Simulated::sleep(s(60)).await;
        Err(Error::closed())
    });
    assert!(found.contains("the program on phone 0 failed: "), "{found}");
}

async fn never_at_rest() {
    loop {
        Simulated::sleep(Duration::ZERO).await;
    }
}

#[test]
fn a_program_that_turns_in_circles_is_a_finding() {
    let found = finding_of(|_| never_at_rest());
    assert!(found.contains("the program on phone 0 turns in circles"), "{found}");
}

#[test]
fn a_program_that_gives_commands_without_end_is_a_finding() {
    let found = finding_of(|phone| async move { while phone.connect().await.is_ok() {} });
    assert!(found.contains("the program on phone 0 turns in circles"), "{found}");
}

/// One phone with a program on it, and what was seen of it.
fn world<F>(main: impl FnOnce(Client<Simulated>) -> F + 'static) -> World<Log>
where
    F: Future<Output: offhook_sim::program::Ending> + Send + 'static,
{
    let mut world = World::new(1, Fidelity::Signaling, Log::default());
    world.add_user("ada", "token", &json!({}));
    let program = Program::new(1.into(), main);
    world.add_phone("ada", "token", Box::new(program), |_| {});
    world
}

/// The log of what applications did and were told, in short.
#[derive(Debug, Default)]
struct Log(Vec<(Duration, &'static str)>);

impl Observer for Log {
    fn see(&mut self, at: Duration, seen: Seen<'_>) {
        let what = match seen {
            Seen::Submitted { command: Command::Connect, .. } => "connect",
            Seen::Submitted { command: Command::Disconnect, .. } => "disconnect",
            Seen::Submitted { .. } => "command",
            Seen::Told { event: Event::Ready, .. } => "ready",
            Seen::Told { event: Event::Disconnected { .. }, .. } => "disconnected",
            _ => return,
        };
        self.0.push((at, what));
    }
}

impl Log {
    fn has(&self, what: &str) -> bool {
        self.0.iter().any(|(_, seen)| *seen == what)
    }
}

/// A number that a program tells a test.
#[derive(Clone, Default)]
struct Told(Arc<AtomicU64>);

impl Told {
    fn tell(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_program_sleeps_for_days_in_no_time() {
    let told = Told::default();
    let tell = told.clone();
    let begun = Instant::now();
    let mut world = world(move |phone| async move {
        let since = Simulated::now();
        Simulated::sleep(s(20 * 86_400)).await;
        tell.tell((Simulated::now() - since).as_secs());
        drop(phone);
    });
    world.run(s(30 * 86_400));
    assert_eq!(told.get(), 20 * 86_400);
    assert!(begun.elapsed() < s(30), "it waited in earnest");
}

#[test]
fn limits_of_handles_are_in_virtual_time() {
    let told = Told::default();
    let tell = told.clone();
    let mut world = world(move |phone| async move {
        let since = Simulated::now();
        let waited = phone.events().wait(s(3600), |_| None::<()>).await;
        assert_eq!(waited, Err(offhook_runtime::WaitError::TimedOut(s(3600))));
        tell.tell((Simulated::now() - since).as_secs());
    });
    world.run(s(3599));
    assert_eq!(told.get(), 0);
    world.run(s(3600));
    assert_eq!(told.get(), 3600);
}

#[test]
fn a_program_that_is_over_logs_out() {
    let mut world = world(|phone| async move {
        phone.connect().await.expect("a service");
        let _ = Simulated::spawn(async move {
            let _phone = phone.clone();
            std::future::pending::<()>().await;
        });
        Simulated::sleep(s(60)).await;
    });
    world.run(s(59));
    assert!(world.observer().has("ready") && !world.observer().has("disconnect"));
    world.run(s(70));
    assert!(world.observer().has("disconnected"), "{:?}", world.observer());
    assert_eq!(world.phones().map(|phone| world.open_sockets(phone)).sum::<usize>(), 0);
}

#[test]
fn a_phone_that_nobody_holds_logs_out_and_its_program_goes_on() {
    let told = Told::default();
    let tell = told.clone();
    let mut world = world(move |phone| async move {
        phone.connect().await.expect("a service");
        drop(phone);
        for minute in 1.. {
            Simulated::sleep(s(60)).await;
            tell.tell(minute);
        }
    });
    world.run(s(601));
    assert!(world.observer().has("disconnected"), "{:?}", world.observer());
    assert!(told.get() >= 9, "{}", told.get());
}

#[test]
fn a_program_does_nothing_while_its_phone_sleeps() {
    let at = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&at);
    let mut world = world(move |_phone| async move {
        let begun = Simulated::now();
        for _ in 0..100 {
            Simulated::sleep(s(10)).await;
            at.lock().unwrap().push((Simulated::now() - begun).as_secs());
        }
    });
    world.run(s(15));
    let phone = world.phones().next().expect("one");
    world.sleep(phone, s(95));
    world.run(s(120));
    assert_eq!(*seen.lock().unwrap(), [10, 95, 105, 115]);
}

#[test]
fn a_phone_that_is_switched_off_drops_its_program_where_it_waits() {
    let kept = Arc::new(());
    let held = Arc::clone(&kept);
    let mut world = world(move |phone| async move {
        let also = Arc::clone(&held);
        let _ = Simulated::spawn(async move {
            let _held = also;
            std::future::pending::<()>().await;
        });
        phone.connect().await.expect("a service");
        Simulated::sleep(s(3600)).await;
        drop(held);
    });
    world.run(s(60));
    assert_eq!(Arc::strong_count(&kept), 3);
    let phone = world.phones().next().expect("one");
    world.dismiss(phone);
    assert_eq!(Arc::strong_count(&kept), 1);
    world.run(s(7200));
}

#[test]
fn a_program_is_told_of_the_evening() {
    let told = Told::default();
    let tell = told.clone();
    let mut world = world(move |_phone| async move {
        let since = Simulated::now();
        Simulated::evening().await;
        tell.tell((Simulated::now() - since).as_secs());
        Simulated::evening().await;
        std::future::pending::<()>().await;
    });
    world.run(s(300));
    assert_eq!(told.get(), 0);
    world.evening();
    assert_eq!(told.get(), 300);
}

#[test]
fn each_phone_has_randomness_of_its_own_by_the_seed() {
    let drawn = |seed| {
        let all = Arc::new(Mutex::new(Vec::new()));
        let draw = Arc::clone(&all);
        let scenario = Scenario::calm().agents(2).hours(0.0).program(move |_phone| {
            let draw = Arc::clone(&draw);
            async move {
                let number = Simulated::seed().rng().next_u64();
                draw.lock().unwrap().push((Simulated::phone().0, number));
                std::future::pending::<()>().await;
            }
        });
        drop(scenario.run_caught(seed));
        std::mem::take(&mut *all.lock().unwrap())
    };
    let one = drawn(1);
    assert_eq!(one, drawn(1));
    assert_ne!(one, drawn(2));
    assert_eq!((one[0].0, one[1].0), (0, 1));
    assert_ne!(one[0].1, one[1].1);
}

#[test]
fn outside_of_a_program_there_is_no_runtime() {
    assert_eq!(Simulated::spawn(async {}), Err(NoRuntime));
}
