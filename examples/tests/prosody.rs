//! Jingle calls through an XMPP server that others wrote, by a relay that others wrote, with the credentials that the
//! server gives, on either runtime: `sim/prosody/run` installs both.

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join;
use offhook::audio::{FRAME, compare, wav};
use offhook::jingle::CandidateKind;
use offhook::media::{Connection, IceServer};
use offhook_examples::voice::{Ear, say};
use offhook_runtime::Sockets;

use common::aiortc::Aiortc;
use common::jingle::{Call, Turn, User};
use common::prosody::{PASSWORD, Prosody};
use common::relay::Coturn;
use common::stream::Refusal;
use common::{on_both_runtimes, within};

/// The secret that the relay and the XMPP server share.
const SECRET: &str = "a shared secret";

async fn user<R: Sockets>(server: &Prosody, name: &str) -> User {
    User::log_in::<R>(server, name, PASSWORD).await.expect("logged in")
}

/// One user calls the other by the relay that the server names, and both stand there.
async fn called<R: Sockets>(server: &Prosody) -> (IceServer, Call, Call) {
    let (alice, bob) = join(user::<R>(server, "alice"), user::<R>(server, "bob")).await;
    let (relay, other) = join(alice.relay::<R>(), bob.relay::<R>()).await;
    let to = bob.own.clone();
    let (alice, bob) = join(alice.call::<R>(to, relay.clone()), bob.answer::<R>(other)).await;
    (relay, alice, bob)
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{name}.wav"))
}

fn speech(name: &str) -> Vec<i16> {
    wav::read(std::fs::File::open(recording(name)).expect("a file")).expect("speech")
}

/// Has an end say something: the ear with what it hears meanwhile.
fn talks<R: Sockets>(call: &Call, words: Vec<i16>) -> Ear {
    let mut audio = call.media.audio(Connection::MEDIA);
    let (heard, hears) = std::sync::mpsc::channel();
    R::spawn(async move {
        while let Some(frame) = audio.stream.next().await {
            let _ = heard.send(frame);
        }
    })
    .expect("a task");
    let mut sink = audio.sink;
    std::thread::spawn(move || {
        let said = say(&words, |frame| smol::block_on(sink.send(frame)).is_ok());
        said.expect("speech");
    });
    Ear::listen(move || hears.recv().ok())
}

/// The time until which credentials are good, which is their user name.
fn expiry(relay: &IceServer) -> Duration {
    let name = relay.username.as_deref().expect("a user name");
    let seconds = name.split(':').next().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.expect("a time"))
}

/// Waits until credentials are of no use any more.
async fn run_out<R: Sockets>(relay: &IceServer) {
    within::<R, _>("expiry", async {
        while unix_time() < expiry(relay) + Duration::from_secs(1) {
            R::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

async fn xep_0166_0176_0215_speech_goes_both_ways_by_the_relay_that_the_server_names<R: Sockets>() {
    let relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), SECRET, 60);
    let began = Instant::now();
    let (given, mut alice, mut bob) = called::<R>(&server).await;
    let connected = join(alice.next::<R>(), bob.next::<R>()).await;
    assert!(matches!(connected, (Turn::Connected, Turn::Connected)), "{connected:?}");
    println!("media {:?} after the first login", began.elapsed());

    let (hers, his) = (speech("agent"), speech("customer"));
    let (her_ear, his_ear) = (talks::<R>(&alice, hers.clone()), talks::<R>(&bob, his.clone()));
    let enough = |ear: &Ear, said: &[i16]| ear.frames() >= said.len() / FRAME * 9 / 10;
    within::<R, _>("most of it", async {
        while !enough(&her_ear, &his) || !enough(&his_ear, &hers) {
            R::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // What is still under way.
    R::sleep(Duration::from_secs(1)).await;

    alice.hang_up::<R>().await;
    bob.is_ended::<R>().await;
    bob.close::<R>().await;
    for (end, said, ear) in [("bob", &hers, his_ear), ("alice", &his, her_ear)] {
        let alike = compare::similarity(said, &ear.finish().expect("an ear"));
        println!("{end} heard {alike:?}");
        assert!(alike.correlation >= 0.9, "{end}: {alike:?}");
    }
    for candidate in alice.candidates().iter().chain(bob.candidates()) {
        assert_eq!(candidate.kind, CandidateKind::Relayed, "{candidate:?}");
    }
    let until = expiry(&given);
    assert!(until > unix_time() && until < unix_time() + Duration::from_secs(61), "{until:?}");
    let name = format!("user <{}>", given.username.expect("a user name"));
    let lent = |line: &&str| line.contains(&name) && line.contains("ALLOCATE processed, success");
    let log = relay.log();
    assert!(log.lines().any(|line| lent(&line)), "no address was lent to {name}");
}

async fn xep_0166_aiortc_is_called_and_heard_through_the_server_and_its_relay<R: Sockets>() {
    let relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), SECRET, 60);
    let far = Aiortc::start(&server, "bob", &recording("customer"), None);
    let (alice, to) = join(user::<R>(&server, "alice"), far.online::<R>()).await;
    let given = alice.relay::<R>().await;
    let alice = alice.call::<R>(to, given).await;
    speak::<R>(alice, far, &relay).await;
}

async fn xep_0166_aiortc_calls_and_is_heard_through_the_server_and_its_relay<R: Sockets>() {
    let relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), SECRET, 60);
    let alice = user::<R>(&server, "alice").await;
    let far = Aiortc::start(&server, "bob", &recording("customer"), Some(&alice.own));
    let given = alice.relay::<R>().await;
    let alice = alice.answer::<R>(given).await;
    far.online::<R>().await;
    speak::<R>(alice, far, &relay).await;
}

/// A user and aiortc say something to each other, and hang up.
async fn speak<R: Sockets>(mut alice: Call, far: Aiortc, relay: &Coturn) {
    // Before they talk: reading takes its time.
    let (hers, his) = (speech("agent"), speech("customer"));
    let turn = alice.next::<R>().await;
    assert!(matches!(turn, Turn::Connected), "{turn:?}");
    let ear = talks::<R>(&alice, hers.clone());
    far.until::<R>("connected").await;
    within::<R, _>("all of it", async {
        while ear.frames() < hers.len().max(his.len()) / FRAME + 50 {
            R::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    alice.hang_up::<R>().await;
    let theirs = far.heard::<R>().await;
    let ours = ear.finish().expect("an ear");
    for (end, said, heard) in [("aiortc", &hers, theirs), ("alice", &his, ours)] {
        let alike = compare::similarity(said, &heard);
        println!("{end} heard {alike:?}");
        assert!(alike.correlation >= 0.9, "{end}: {alike:?}");
    }
    let lent = relay.log().matches("ALLOCATE processed, success").count();
    assert!(lent >= 2, "{lent}: both ends have an address of the relay");
}

/// Both ends learn at once that the relay refuses them, and use nothing else.
async fn are_refused<R: Sockets>(alice: &mut Call, bob: &mut Call) {
    let began = Instant::now();
    let turns = join(alice.next::<R>(), bob.next::<R>()).await;
    assert!(matches!(turns, (Turn::NoRelay(Some(401)), Turn::NoRelay(Some(401)))), "{turns:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(alice.candidates().is_empty() && bob.candidates().is_empty());
}

async fn rfc_8489_9_2_credentials_by_another_secret_than_the_relays_are_a_401<R: Sockets>() {
    let relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), "another secret", 60);
    let (_, mut alice, mut bob) = called::<R>(&server).await;
    are_refused::<R>(&mut alice, &mut bob).await;
    alice.hang_up::<R>().await;
    bob.is_ended::<R>().await;
}

async fn xep_0215_credentials_that_have_run_out_are_a_401_and_a_call_with_new_ones_connects<
    R: Sockets,
>() {
    let relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), SECRET, 3);
    let (alice, bob) = join(user::<R>(&server, "alice"), user::<R>(&server, "bob")).await;
    let old = alice.relay::<R>().await;
    run_out::<R>(&old).await;
    let to = bob.own.clone();
    let calls = join(alice.call::<R>(to.clone(), old.clone()), bob.answer::<R>(old.clone()));
    let (mut alice, mut bob) = calls.await;
    are_refused::<R>(&mut alice, &mut bob).await;
    alice.hang_up::<R>().await;
    bob.is_ended::<R>().await;
    let (alice, bob) = (alice.user, bob.user);
    let (new, other) = join(alice.relay::<R>(), bob.relay::<R>()).await;
    assert!(expiry(&new) > expiry(&old));
    let (mut alice, mut bob) = join(alice.call::<R>(to, new), bob.answer::<R>(other)).await;
    let connected = join(alice.next::<R>(), bob.next::<R>()).await;
    assert!(matches!(connected, (Turn::Connected, Turn::Connected)), "{connected:?}");
}

async fn rfc_8656_7_4_a_relay_that_begins_anew_lends_by_new_credentials_when_the_old_ran_out<
    R: Sockets,
>() {
    let mut relay = Coturn::start_with_secret(SECRET, &[]);
    let server = Prosody::start(relay.port(), SECRET, 4);
    let (old, mut alice, mut bob) = called::<R>(&server).await;
    let connected = join(alice.next::<R>(), bob.next::<R>()).await;
    assert!(matches!(connected, (Turn::Connected, Turn::Connected)), "{connected:?}");
    run_out::<R>(&old).await;
    relay.restart();
    alice.loses_its_relay::<R>().await;
    let began = Instant::now();
    let new = alice.user.relay::<R>().await;
    alice.turns_to::<R>(new).await;
    println!("an address {:?} after the loss", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

async fn rfc_4616_a_wrong_password_is_not_authorized<R: Sockets>() {
    let server = Prosody::start(1, SECRET, 60);
    let refused = User::log_in::<R>(&server, "alice", "guessed").await.err();
    let Some(Refusal::Sasl(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.condition, "not-authorized");
}

on_both_runtimes! {
    xep_0166_0176_0215_speech_goes_both_ways_by_the_relay_that_the_server_names
    xep_0166_aiortc_is_called_and_heard_through_the_server_and_its_relay
    xep_0166_aiortc_calls_and_is_heard_through_the_server_and_its_relay
    rfc_8489_9_2_credentials_by_another_secret_than_the_relays_are_a_401
    xep_0215_credentials_that_have_run_out_are_a_401_and_a_call_with_new_ones_connects
    rfc_8656_7_4_a_relay_that_begins_anew_lends_by_new_credentials_when_the_old_ran_out
    rfc_4616_a_wrong_password_is_not_authorized
}
