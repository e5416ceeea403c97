//! Calls by a relay that others wrote, which takes credentials for a limited time, on either runtime: `sim/relay/run`
//! installs it.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use offhook::audio::wav;
use offhook::genesys::Phone as _;
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook::ribbon::{
    CallConfigPatch, CallState, ConfigPatch, Event, MediaConnectionState, PeerConfigPatch,
    Phone as _,
};
use offhook_examples::demo;
use offhook_examples::voice::say;
use offhook_runtime::{Audio, Sockets};
use offhook_sim::serve::{Emulator, FarEnd};
use serde_json::json;

use common::relay::{Coturn, unix_time};
use common::{Desk, gateway, on_both_runtimes, within};

/// The relay's secret, which the service knows.
const SECRET: &str = "a shared secret";

/// Has the emulated service name this relay, and nothing else, from now on.
fn names(emulator: &Emulator, relay: &Coturn, given: &IceServer) {
    let service = json!({
        "type": "turn", "host": "127.0.0.1", "port": relay.port(), "transport": "udp",
        "username": given.username, "password": given.credential.as_ref().map(|own| own.expose()),
    });
    emulator.control("POST", "options", &json!({"iceServices": [service]})).expect("options");
}

/// Waits until credentials that were given for so many seconds are of no use any more.
async fn run_out<R: Sockets>(until: Duration) {
    within::<R, _>("expiry", async {
        while unix_time() < until + Duration::from_secs(1) {
            R::sleep_until(Instant::now() + Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// The times at which an end hears something.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Instant>>>);

impl Ear {
    fn heard(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    }

    fn times(&self) -> Vec<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many frames came after that: when the first of them did.
    async fn after<R: Sockets>(&self, then: Instant, frames: usize) -> Instant {
        within::<R, _>("frames", async {
            loop {
                let came: Vec<_> = self.times().into_iter().filter(|at| *at > then).collect();
                if came.len() >= frames {
                    return came[0];
                }
                R::sleep_until(Instant::now() + Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// The longest time without anything.
    fn silence(&self) -> Duration {
        let times = self.times();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Duration::MAX)
    }
}

/// A caller who speaks without end, and an agent who says back what they hear.
struct Talk {
    agent: Ear,
    caller: Ear,
    stop: Arc<AtomicBool>,
}

impl Talk {
    fn begin<R: Sockets>(audio: Audio, far: FarEnd) -> Self {
        let FarEnd { speak, mut heard } = far;
        let (agent, caller, stop) =
            (Ear::default(), Ear::default(), Arc::new(AtomicBool::new(false)));
        let ear = agent.clone();
        R::spawn(async move {
            let Audio { mut stream, mut sink, .. } = audio;
            while let Some(frame) = stream.next().await {
                ear.heard();
                let _ = sink.send(frame).await;
            }
        })
        .expect("a task");
        let ear = caller.clone();
        std::thread::spawn(move || {
            while heard.blocking_recv().is_some() {
                ear.heard();
            }
        });
        let stops = Arc::clone(&stop);
        std::thread::spawn(move || {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/customer.wav");
            let words = wav::read(std::fs::File::open(file).expect("a file")).expect("speech");
            let goes = || !stops.load(Ordering::Relaxed);
            while goes() && !speak.is_closed() {
                say(&words, |frame| goes() && speak.blocking_send(frame).is_ok()).expect("a codec");
            }
        });
        Self { agent, caller, stop }
    }

    fn silence(&self) -> Duration {
        self.agent.silence().max(self.caller.silence())
    }

    /// Waits until both ends heard so many frames after that: when the later of them did first.
    async fn both<R: Sockets>(&self, then: Instant, frames: usize) -> Instant {
        let agent = self.agent.after::<R>(then, frames).await;
        agent.max(self.caller.after::<R>(then, frames).await)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Waits until the relay has lent an address by these credentials.
async fn lends<R: Sockets>(relay: &Coturn, given: &IceServer) {
    let user = format!("user <{}>", given.username.as_deref().expect("a name"));
    let lent = |line: &str| line.contains(&user) && line.contains("ALLOCATE processed, success");
    within::<R, _>("an address", async {
        while !relay.log().lines().any(lent) {
            R::sleep_until(Instant::now() + Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn xep_0215_a_call_goes_on_by_new_credentials_when_its_relay_begins_anew_and_the_old_ran_out<
    R: Sockets,
>() {
    goes_on::<R>(Coturn::start_with_secret(SECRET, &[])).await;
}

/// It remembers the old user name of our address for a minute, also where it lends nothing.
async fn rfc_8656_7_4_a_relay_of_udp_alone_that_remembers_the_old_credentials_lends_to_another_port<
    R: Sockets,
>() {
    let log = goes_on::<R>(Coturn::start_with_secret(SECRET, &["--no-tcp"])).await;
    assert!(log.contains("error 437"), "it remembered nothing:\n{log}");
}

/// A call whose relay begins anew while its credentials have run out: the relay's log.
async fn goes_on<R: Sockets>(mut relay: Coturn) -> String {
    let emulator = demo::emulator(41).expect("a free port");
    let (old, until) = relay.lends_for(SECRET, Duration::from_secs(8));
    names(&emulator, &relay, &old);
    let mut desk = Desk::<R>::at(emulator, NetOptions::default().loopback(true), |config| {
        config.timing.gathering = Duration::from_secs(5);
    });
    within::<R, _>("login", desk.phone.connect()).await.expect("a service");
    let (call, far) = desk.ring().await;
    within::<R, _>("answer", call.answer()).await.expect("connected");
    let audio = within::<R, _>("audio", call.audio()).await.expect("a session");
    let talk = Talk::begin::<R>(audio, far);
    talk.both::<R>(Instant::now(), 50).await;
    run_out::<R>(until).await;
    let (new, _) = relay.lends_for(SECRET, Duration::from_secs(3600));
    names(&desk.emulator, &relay, &new);

    let gone = Instant::now();
    relay.restart();
    let back = Instant::now();
    lends::<R>(&relay, &new).await;
    let lent = back.elapsed();
    // It is the service's to begin ICE anew, which is told the new address.
    desk.far(call.conversation().as_str(), "ice-restart", &json!({}));
    talk.both::<R>(Instant::now(), 50).await;
    let (away, silence) = (back - gone, talk.silence());
    println!("{silence:?} without sound; the relay was away {away:?}, and lent {lent:?} later");
    within::<R, _>("hang up", call.hang_up()).await.expect("done");
    within::<R, _>("the end", call.ended()).await;
    desk.close().await;
    assert!(silence > Duration::from_millis(100), "it did not go by the relay");
    assert!(silence <= away + Duration::from_secs(4), "{silence:?}, away {away:?}");
    relay.log()
}

/// Settings by which media goes by this relay alone.
fn by_relay(given: IceServer) -> ConfigPatch {
    let peer = PeerConfigPatch::default().ice_servers(vec![given]).relay_only(true);
    // The gateway's credentials are for relays of its own (RP-5).
    let call = CallConfigPatch::default().peer(peer).server_turn_credentials(false);
    ConfigPatch::default().call(call.ice_max(Duration::from_secs(8)))
}

async fn rp_5_credentials_that_were_set_and_ran_out_are_told_and_new_ones_go_on<R: Sockets>() {
    let mut relay = Coturn::start_with_secret(SECRET, &[]);
    let (old, until) = relay.lends_for(SECRET, Duration::from_secs(8));
    let mut desk = gateway::Desk::<R>::open_over(42, NetOptions::default()).await;
    let set = desk.phone.update_config(by_relay(old));
    within::<R, _>("settings", set).await.expect("taken");
    let (theirs, call, far) = desk.answered().await;
    let info = within::<R, _>("the call", desk.phone.call(call.clone())).await.expect("an answer");
    let media = info.and_then(|info| info.media).expect("media");
    let talk = Talk::begin::<R>(desk.phone.audio(media), far);
    talk.both::<R>(Instant::now(), 50).await;
    run_out::<R>(until).await;

    relay.restart();
    let back = Instant::now();
    desk.until("a word on the relay", |event| match event {
        Event::NoRelay { call: of, code, .. } => {
            (*of == call).then(|| assert_eq!(*code, Some(401)))
        }
        _ => None,
    })
    .await;
    println!("{:?} until it is told that the credentials are of no use", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
    // It looks for another path, finds none, and does not ask the relay again and again.
    desk.until("no media", |event| match event {
        Event::MediaConnection { call: of, state: MediaConnectionState::Failed, .. } => {
            (*of == call).then_some(())
        }
        _ => None,
    })
    .await;
    let refused = relay.log().matches("error 401").count();
    println!("{:?} until media is given up; the relay refused {refused} times", back.elapsed());

    let (new, _) = relay.lends_for(SECRET, Duration::from_secs(3600));
    let set = desk.phone.update_config(by_relay(new));
    within::<R, _>("settings", set).await.expect("taken");
    let began = Instant::now();
    let restart = desk.phone.restart_media(call.clone());
    within::<R, _>("restart", restart).await.expect("another path");
    let heard = talk.both::<R>(began, 50).await - began;
    println!("{heard:?} until it is heard by new credentials");
    drop((talk, desk.emulator.far_end(&theirs)));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
    assert!(refused <= 12, "{refused}");
    assert!(heard < Duration::from_secs(5), "{heard:?}");
}

on_both_runtimes! {
    xep_0215_a_call_goes_on_by_new_credentials_when_its_relay_begins_anew_and_the_old_ran_out
    rfc_8656_7_4_a_relay_of_udp_alone_that_remembers_the_old_credentials_lends_to_another_port
    rp_5_credentials_that_were_set_and_ran_out_are_told_and_new_ones_go_on
}
