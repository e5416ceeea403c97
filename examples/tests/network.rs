//! Calls over a network of the kernel's that loses, delays, hides, goes and comes back: `sim/network/run` makes it
//! (`sim/network/lab` says how it looks), and these tests run where the agent is. `OFFHOOK_NETWORK` is the file that
//! takes a line on each story.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream::{Stream, StreamExt as _, poll_fn};
use offhook::audio::{RATE, Side, Tape, compare, wav};
use offhook::genesys::{Cause, Config, ErrorKind, Event, Phone};
use offhook::machine::NetErrorKind;
use offhook::media::AudioFrame;
use offhook::net::NetOptions;
use offhook::rest::FailureKind;
use offhook::ribbon::Phone as _;
use offhook_examples::voice::say;
use offhook_runtime::genesys::Call;
use offhook_runtime::{Audio, Sockets};
use offhook_sim::serve::{Emulator, EmulatorOptions, FarEnd};
use offhook_smol::Smol;
use offhook_tokio::Tokio;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::json;
use smol::Timer;
use tokio::sync::oneshot;

use common::{PATIENCE, gateway, within};

type Desk = common::Desk<Tokio>;

const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);
/// The address that the service sees instead of the agent's.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 1);

// The network

/// Does it in another network namespace. Sockets stay where they were made, and threads start where their maker is.
fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let path = format!("/run/netns/{namespace}");
    let there = File::open(&path).unwrap_or_else(|_| panic!("{path}: see sim/network/run"));
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(there.as_fd(), network).expect("we are root");
            work()
        });
        work.join().expect("no panic")
    })
}

/// Runs a command that looks at or changes the network.
fn ip(arguments: &str) -> String {
    let done = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2");
    assert!(done.status.success(), "ip {arguments}: {done:?}");
    String::from_utf8(done.stdout).expect("text")
}

/// The wire between the agent and their router. It ends with this.
struct Wire {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Wire {
    fn new(seed: u64) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/network/wire.py");
        let seed = seed.to_string();
        let mut process = Command::new("nsenter")
            .args(["--net=/run/netns/wire", "python3", program, "w0", "w1", &seed])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut wire = Self { process, answers };
        wire.set("all");
        wire
    }

    /// Changes what it does; see sim/network/wire.py.
    fn set(&mut self, settings: &str) {
        let input = self.process.stdin.as_mut().expect("a pipe");
        writeln!(input, "{settings}").expect("it lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it lives");
        assert_eq!(answer, "ok\n", "{settings}");
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers datagrams at a port of the service's, for as long as the tests run.
fn serve(port: u16, answer: impl Fn(&[u8], SocketAddr) -> Option<Vec<u8>> + Send + 'static) {
    let socket = inside("service", || UdpSocket::bind((SERVICE, port))).expect("a free port");
    std::thread::spawn(move || {
        let mut question = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length], from) {
                // Who has gone is answered in vain.
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

// The phone

fn emulator(seed: u64) -> Emulator {
    let listen = Some(SocketAddr::from((SERVICE, 0)));
    let options =
        EmulatorOptions { listen, public_ip: SERVICE.into(), seed, ..EmulatorOptions::default() };
    inside("service", || Emulator::start(options)).expect("a free port")
}

async fn log_in(seed: u64, net: NetOptions, set: impl FnOnce(&mut Config)) -> Desk {
    log_in_on::<Tokio>(seed, net, set).await
}

async fn log_in_on<R: Sockets>(
    seed: u64,
    net: NetOptions,
    set: impl FnOnce(&mut Config),
) -> common::Desk<R> {
    let desk = common::Desk::<R>::at(emulator(seed), net, set);
    within::<R, _>("login", desk.phone.connect()).await.expect("a service");
    desk
}

// What is said and heard, on whichever runtime: timers are smol's, which need none.

/// Somebody's speech.
struct Piece(LazyLock<Vec<i16>>);

static AGENT: Piece = Piece(LazyLock::new(|| piece("agent", "customer")));
static CUSTOMER: Piece = Piece(LazyLock::new(|| piece("customer", "agent")));

/// The speech of one, and then of the other.
fn piece(first: &str, second: &str) -> Vec<i16> {
    let read = |name: &str| {
        let file = format!("{}/data/{name}.wav", env!("CARGO_MANIFEST_DIR"));
        wav::read(File::open(file).expect("a file")).expect("speech")
    };
    [read(first), read(second)].concat()
}

impl Piece {
    /// A part of it.
    fn seconds(&'static self, seconds: Range<usize>) -> &'static [i16] {
        &self.0[seconds.start * RATE as usize..seconds.end * RATE as usize]
    }
}

/// The frames that an end hears, with the time when each comes.
#[derive(Clone)]
struct Ear(Arc<Mutex<Vec<(Instant, AudioFrame)>>>);

impl Ear {
    fn listen(mut frames: impl Stream<Item = AudioFrame> + Send + Unpin + 'static) -> Self {
        let ear = Self(Arc::default());
        let heard = Arc::clone(&ear.0);
        smol::spawn(async move {
            while let Some(frame) = frames.next().await {
                heard.lock().expect("no panic").push((Instant::now(), frame));
            }
        })
        .detach();
        ear
    }

    fn times(&self) -> Vec<Instant> {
        self.0.lock().expect("no panic").iter().map(|(at, _)| *at).collect()
    }

    /// Waits for the first frame after that.
    async fn after(&self, then: Instant) -> Instant {
        within::<Smol, _>("a frame", async {
            loop {
                if let Some(at) = self.times().into_iter().find(|at| *at > then) {
                    return at;
                }
                Timer::after(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Waits until nothing has come for a while.
    async fn quiet(&self) {
        let last = || self.times().last().copied();
        within::<Smol, _>("quiet", async {
            while last().is_none_or(|at| at.elapsed() < Duration::from_millis(500)) {
                Timer::after(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// The longest time without a frame.
    fn silence(&self) -> Duration {
        let times = self.times();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Duration::MAX)
    }

    fn pcm(&self) -> Vec<i16> {
        let frames = self.0.lock().expect("no panic");
        let mut tape = Tape::new(frames.first().expect("nothing is heard").0);
        for (at, frame) in frames.iter() {
            tape.record(*at, Side::Heard, frame.clone()).expect("short enough");
        }
        tape.pcm(Side::Heard, RATE).expect("a usual rate")
    }
}

/// Two ends that speak and hear at once.
struct Talk {
    agent: Ear,
    customer: Ear,
    mouths: oneshot::Receiver<()>,
}

impl Talk {
    /// Both speak for so many seconds.
    fn begin<R: Sockets>(audio: Audio, far: FarEnd, seconds: usize) -> Self {
        let FarEnd { speak, mut heard } = far;
        let agent = Ear::listen(audio.stream);
        let customer = Ear::listen(poll_fn(move |cx| heard.poll_recv(cx)));
        let mut sink = audio.sink.pcm(RATE).expect("a usual rate");
        let customers = smol::unblock(move || {
            let words = CUSTOMER.seconds(0..seconds);
            say(words, |frame| speak.blocking_send(frame).is_ok())
        });
        let (spoken, mouths) = oneshot::channel();
        R::spawn(async move {
            sink.write(AGENT.seconds(0..seconds)).await.expect("taken");
            sink.finish().await.expect("taken");
            customers.await.expect("a codec");
            let _ = spoken.send(());
        })
        .expect("a task");
        Self { agent, customer, mouths }
    }

    /// Waits until so many seconds after the first frame.
    async fn lasts(&self, seconds: u64) {
        let heard = within::<Smol, _>("audio", async {
            loop {
                match self.agent.times().first() {
                    Some(first) => return *first,
                    None => drop(Timer::after(Duration::from_millis(5)).await),
                }
            }
        });
        Timer::at(heard.await + Duration::from_secs(seconds)).await;
    }

    /// Both ends' first frames after something, as the time from then on, for the table.
    async fn back(&self, then: Instant, story: &str) -> Duration {
        let agent = self.agent.after(then).await - then;
        let customer = self.customer.after(then).await - then;
        note(&format!("{story}: agent hears"), None, agent);
        note(&format!("{story}: customer hears"), None, customer);
        agent.max(customer)
    }

    /// Waits until all is said and heard: the likeness to these seconds of what was said, and the longest silence. The
    /// worse of both ends.
    async fn end(self, seconds: Range<usize>, story: &str) -> (f64, Duration) {
        within::<Smol, _>("the speech", self.mouths).await.expect("no panic");
        let listen = async |ear: Ear, said: &'static Piece| {
            ear.quiet().await;
            let (said, silence) = (said.seconds(seconds.clone()), ear.silence());
            let alike = move || compare::similarity(said, &ear.pcm()).correlation;
            (smol::unblock(alike).await, silence)
        };
        let (agent, customer) =
            futures_util::join!(listen(self.agent, &CUSTOMER), listen(self.customer, &AGENT));
        note(&format!("{story}: agent hears"), Some(agent.0), agent.1);
        note(&format!("{story}: customer hears"), Some(customer.0), customer.1);
        (agent.0.min(customer.0), agent.1.max(customer.1))
    }
}

/// A customer calls, the agent answers, and both speak for so many seconds.
async fn talk<R: Sockets>(desk: &mut common::Desk<R>, seconds: usize) -> (Call<R>, Talk) {
    let (call, far) = desk.ring().await;
    within::<R, _>("answer", call.answer()).await.expect("connected");
    let audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    (call, Talk::begin::<R>(audio, far, seconds))
}

/// Ends it all: the share of the customer's packets that was lost.
async fn close<R: Sockets>(desk: common::Desk<R>, call: Call<R>) -> f64 {
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    let end = within::<R, _>("the end", call.ended()).await;
    desk.close().await;
    end.report.and_then(|report| report.quality).expect("figures").loss
}

/// A line of the table.
fn note(story: &str, alike: Option<f64>, time: Duration) {
    let alike = alike.map_or_else(|| "-".to_owned(), |alike| format!("{alike:.3}"));
    let line = format!("{story:<66} {alike:>11} {:>8} ms", time.as_millis());
    println!("{line}");
    if let Some(table) = std::env::var_os("OFFHOOK_NETWORK") {
        let mut table = File::options().create(true).append(true).open(table).expect("a file");
        writeln!(table, "{line}").expect("written");
    }
}

// The stories

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_clean_path_is_heard() {
    let _wire = Wire::new(1);
    let mut desk = log_in(1, NetOptions::default(), |_| {}).await;
    let (call, talk) = talk(&mut desk, 5).await;
    let (alike, silence) = talk.end(0..5, "a clean path").await;
    close(desk, call).await;
    assert!(alike >= 0.94, "{alike}");
    assert!(silence <= Duration::from_millis(200), "{silence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_survives_five_percent_of_loss() {
    is_heard_through_five_percent::<Tokio>("5 % lost, 50 ± 50 ms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_survives_ten_percent_of_loss() {
    is_heard::<Tokio>(
        3,
        "10 % lost, 50 ± 50 ms",
        "all loss=10 delay=50 jitter=50 reorder=1",
        0.88,
        0.05,
    )
    .await;
}

async fn is_heard_through_five_percent<R: Sockets>(story: &str) {
    is_heard::<R>(2, story, "all loss=5 delay=50 jitter=50", 0.92, 0.02).await;
}

async fn is_heard<R: Sockets>(seed: u64, story: &str, settings: &str, bar: f64, lost: f64) {
    let mut wire = Wire::new(seed);
    wire.set(settings);
    let mut desk = log_in_on::<R>(seed, NetOptions::default(), |_| {}).await;
    let (call, talk) = talk(&mut desk, 10).await;
    let (alike, _) = talk.end(0..10, story).await;
    wire.set("all");
    let loss = close(desk, call).await;
    assert!(alike >= bar, "{alike}");
    assert!(loss >= lost, "the wire lost {loss} only");
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_is_back_a_second_after_a_network_that_was_dead() {
    is_back::<Tokio>("3 s without a network").await;
}

async fn is_back<R: Sockets>(story: &str) {
    let mut wire = Wire::new(4);
    let mut desk = log_in_on::<R>(4, NetOptions::default(), |_| {}).await;
    let (call, talk) = talk(&mut desk, 8).await;
    // Two seconds of speech, three of nothing, and the rest.
    talk.lasts(2).await;
    wire.set("all loss=100");
    R::sleep(Duration::from_secs(3)).await;
    wire.set("all");
    let silence = talk.back(Instant::now(), &format!("{story}, from its return on")).await;
    let (alike, _) = talk.end(6..8, &format!("{story}, speech after it")).await;
    close(desk, call).await;
    assert!(silence <= Duration::from_secs(1), "{silence:?}");
    assert!(alike >= 0.92, "{alike}");
}

/// The second interface instead of the first one, until this is dropped.
struct Roaming;

impl Roaming {
    fn leave() -> Self {
        ip("link set a0 down");
        Self
    }

    fn arrive(&self) {
        ip("address add 10.77.3.2/24 dev a1");
        ip("link set a1 up");
        ip("route add default via 10.77.3.1");
        Self::carries(&["link show dev a1", "-n router link show dev r1"]);
    }

    /// Waits until the kernel has taken note of the carriers, at both ends of a cable: it takes its time.
    fn carries(ends: &[&str]) {
        let began = Instant::now();
        while !ends.iter().all(|end| ip(end).contains("state UP")) {
            assert!(began.elapsed() < PATIENCE, "{ends:?}: no carrier");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Roaming {
    fn drop(&mut self) {
        ip("link set a1 down");
        ip("address flush dev a1");
        ip("link set a0 up");
        ip("route add default via 10.77.1.1");
        Self::carries(&["link show dev a0", "-n wire link show dev w0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_over_another_interface_when_the_service_restarts_ice() {
    let _wire = Wire::new(5);
    let net = NetOptions::default().watch_interfaces(true);
    let mut desk = log_in(5, net, |_| {}).await;
    let (call, talk) = talk(&mut desk, 8).await;
    talk.lasts(1).await;
    let mut news = desk.phone.events();
    let roaming = Roaming::leave();
    tokio::time::sleep(Duration::from_millis(500)).await;
    roaming.arrive();
    let known = Instant::now();
    desk.phone.network_changed().await.expect("told");
    let connected = |event| matches!(event, Event::Connected { .. }).then_some(());
    news.wait(PATIENCE, connected).await.expect("a connection");
    note("another interface, until there is a connection", None, known.elapsed());
    let restarted = Instant::now();
    desk.far(call.conversation().as_str(), "rebind", &json!({}));
    desk.far(call.conversation().as_str(), "ice-restart", &json!({}));
    let silence = talk.back(restarted, "another interface, from a restart of ICE on").await;
    let (alike, _) = talk.end(5..8, "another interface, speech after it").await;
    close(desk, call).await;
    drop(roaming);
    assert!(silence <= Duration::from_millis(700), "{silence:?}");
    assert!(alike >= 0.92, "{alike}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_a_gateway_goes_on_over_another_interface() {
    roams::<Tokio>("another interface at a gateway").await;
}

async fn roams<R: Sockets>(story: &str) {
    let _wire = Wire::new(9);
    let mut desk = gateway::Desk::<R>::at(emulator(9), NetOptions::default()).await;
    let (_, call, far) = desk.answered().await;
    let info = within::<R, _>("the call", desk.phone.call(call.clone())).await;
    let media = info.expect("an answer").and_then(|info| info.media).expect("media");
    let talk = Talk::begin::<R>(desk.phone.audio(media), far, 8);
    talk.lasts(2).await;
    let roaming = Roaming::leave();
    R::sleep(Duration::from_millis(500)).await;
    roaming.arrive();
    // The system tells the application, and the application the client. Without a socket nobody would hear what the
    // gateway says of the restart.
    let known = Instant::now();
    within::<R, _>("reset", desk.phone.reset_connection()).await.expect("done");
    desk.phone.addresses_changed();
    let restart = desk.phone.restart_media(call.clone());
    within::<R, _>("restart", restart).await.expect("another path");
    let silence = talk.back(known, &format!("{story}, from its coming on")).await;
    let (alike, _) = talk.end(5..8, &format!("{story}, speech after it")).await;
    within::<R, _>("end", desk.phone.end(call)).await.expect("ended");
    desk.close().await;
    drop(roaming);
    assert!(silence <= Duration::from_millis(700), "{silence:?}");
    assert!(alike >= 0.92, "{alike}");
}

/// Answers one who asks for their address, as a STUN server does (RFC 8489).
fn binding(question: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

    let SocketAddr::V4(from) = from else { return None };
    let is_request = question.len() >= 20 && question.starts_with(&[0, 1]);
    let mut answer = vec![1, 1, 0, 12];
    answer.extend(question.get(4..20).filter(|_| is_request)?);
    answer.extend([0, 0x20, 0, 8, 0, 1]);
    let address = from.port().to_be_bytes().into_iter().zip(COOKIE);
    let address = address.chain(from.ip().octets().into_iter().zip(COOKIE));
    answer.extend(address.map(|(byte, key)| byte ^ key));
    Some(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_hidden_is_told_their_address_and_heard() {
    let _wire = Wire::new(6);
    serve(3478, binding);
    let mut desk = log_in(6, NetOptions::default(), |config| {
        config.trace = true;
        config.timing.gathering = Duration::from_secs(2);
    })
    .await;
    let mut news = desk.phone.events();
    let (call, talk) = talk(&mut desk, 4).await;
    let told = news.wait(PATIENCE, |event| match event {
        Event::Trace(record) if record.body.contains("srflx") => Some(record.body),
        _ => None,
    });
    let told = told.await.expect("an address that a server saw");
    assert!(told.contains(&ROUTER.to_string()), "{told}");
    let (alike, _) = talk.end(0..4, "hidden by a router, which STUN tells").await;
    close(desk, call).await;
    assert!(alike >= 0.92, "{alike}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_take_a_second_only_delay() {
    let mut wire = Wire::new(7);
    let mut desk = log_in(7, NetOptions::default(), |_| {}).await;
    wire.set("tcp delay=500");
    let began = Instant::now();
    let (call, talk) = talk(&mut desk, 5).await;
    note("requests that take 1 s, until the answer", None, began.elapsed());
    let (alike, _) = talk.end(0..5, "requests that take 1 s").await;
    wire.set("all");
    close(desk, call).await;
    assert!(alike >= 0.92, "{alike}");
}

/// The moods of a server of names.
const SILENT: u8 = 0;
const REFUSING: u8 = 1;
const ANSWERING: u8 = 2;
/// It answers with an address where nobody serves.
const LYING: u8 = 3;

/// Answers whoever asks for the IPv4 address of any name (RFC 1035): that is the service's, or so they say.
fn name(question: &[u8], mood: u8) -> Option<Vec<u8>> {
    if mood == SILENT || question.len() < 17 {
        return None;
    }
    // The name, its end, and what is asked.
    let end = 12 + question[12..].iter().position(|byte| *byte == 0)? + 5;
    let asked = question.get(12..end)?;
    let has_address = (mood == ANSWERING || mood == LYING) && asked.ends_with(&[0, 1, 0, 1]);
    let code = if mood == REFUSING { 5 } else { 0 };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
    answer.extend(asked);
    if has_address {
        // The name from above, for no time at all.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(if mood == LYING { ROUTER } else { SERVICE }.octets());
    }
    Some(answer)
}

/// The one server of names, in its mood.
static NAMES: LazyLock<Arc<AtomicU8>> = LazyLock::new(|| {
    let mood = Arc::new(AtomicU8::new(SILENT));
    let moods = Arc::clone(&mood);
    serve(53, move |question, _| name(question, moods.load(Ordering::SeqCst)));
    mood
});

/// Has the service be looked up by its name.
fn by_name(config: &mut Config) {
    let named = |url: &str| url.replace(&SERVICE.to_string(), "service.lab.test");
    config.api_host = config.api_host.as_deref().map(named);
    config.ws_host = config.ws_host.as_deref().map(named);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_fail_in_a_call_cost_it_nothing_and_are_known_again_to_a_connection_that_was_lost()
 {
    let _wire = Wire::new(10);
    NAMES.store(ANSWERING, Ordering::SeqCst);
    let mut desk = log_in(10, NetOptions::default(), |config| {
        by_name(config);
        config.timing.reconnect_first = Duration::from_millis(500);
        config.timing.reconnect_longest = Duration::from_secs(1);
    })
    .await;
    let (call, talk) = talk(&mut desk, 10).await;
    let mut news = desk.phone.events();
    talk.lasts(1).await;
    // Nobody answers, the answer is no, and the answer is wrong.
    NAMES.store(SILENT, Ordering::SeqCst);
    desk.emulator.control("POST", "connections/drop", &json!({})).expect("dropped");
    let lost = |event| matches!(event, Event::Disconnected { .. }).then_some(());
    news.wait(PATIENCE, lost).await.expect("the connection is lost");
    for (mood, seconds) in [(SILENT, 3), (REFUSING, 4), (LYING, 6)] {
        NAMES.store(mood, Ordering::SeqCst);
        talk.lasts(seconds).await;
    }
    NAMES.store(ANSWERING, Ordering::SeqCst);
    let began = Instant::now();
    let connected = |event| matches!(event, Event::Connected { .. }).then_some(());
    news.wait(PATIENCE, connected).await.expect("a connection");
    let known = began.elapsed();
    note("names that fail in a call, until there is a connection", None, known);
    let (alike, silence) = talk.end(0..10, "names that fail in a call").await;
    close(desk, call).await;
    assert!(known < Duration::from_secs(8), "{known:?}");
    assert!(alike >= 0.94, "{alike}");
    assert!(silence <= Duration::from_millis(300), "{silence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_known_is_an_error_in_time_and_waited_for() {
    let _wire = Wire::new(8);
    let mood = &*NAMES;
    let desk = Desk::at(emulator(8), NetOptions::default(), |config| {
        by_name(config);
        config.timing.connect = Duration::from_secs(3);
    });
    for (how, story) in [
        (SILENT, "no word of a name, until the error"),
        (REFUSING, "a name refused, until the error"),
    ] {
        mood.store(how, Ordering::SeqCst);
        let began = Instant::now();
        let login = within::<Tokio, _>("an error", desk.phone.connect()).await;
        let error = login.expect_err("nobody knows the service");
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        let Some(Cause::Rest(cause)) = error.cause() else { panic!("{error:?}") };
        let network = match &cause.kind {
            FailureKind::Network(network) => network,
            other => panic!("{other:?}"),
        };
        assert_eq!(network.kind, NetErrorKind::Resolve, "{error}");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        note(story, None, began.elapsed());
    }
    // It comes back while somebody waits.
    let login = tokio::spawn(desk.phone.connect());
    tokio::time::sleep(Duration::from_secs(1)).await;
    mood.store(ANSWERING, Ordering::SeqCst);
    let began = Instant::now();
    within::<Tokio, _>("login", login).await.expect("no panic").expect("a service");
    note("a name that is known again, until the login", None, began.elapsed());
    desk.close().await;
}

/// The stories whose parts a runtime does: packets, timers and addresses of its own.
mod on_smol {
    use super::*;

    #[test]
    fn speech_survives_five_percent_of_loss() {
        smol::block_on(is_heard_through_five_percent::<Smol>("5 % lost, 50 ± 50 ms (smol)"));
    }

    #[test]
    fn audio_is_back_a_second_after_a_network_that_was_dead() {
        smol::block_on(is_back::<Smol>("3 s without a network (smol)"));
    }

    #[test]
    fn a_call_at_a_gateway_goes_on_over_another_interface() {
        smol::block_on(roams::<Smol>("another interface at a gateway (smol)"));
    }
}
