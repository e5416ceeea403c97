//! Calls at the emulated gateway whose media goes by a relay that others wrote, on either runtime: `sim/relay/run`
//! installs it.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offhook::audio::compare;
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook::ribbon::{
    AnswerOptions, CallConfigPatch, CallId, CallState, ConfigPatch, PeerConfigPatch, Phone as _,
};
use offhook_runtime::Sockets;
use serde_json::json;

use common::gateway::{Desk, spoken_back};
use common::relay::{Coturn, certificates};
use common::{on_both_runtimes, within};

/// Settings by which media goes by a relay alone.
fn relayed(relay: IceServer) -> ConfigPatch {
    let peer = PeerConfigPatch::default().ice_servers(vec![relay]).relay_only(true);
    // The gateway's credentials are for relays of its own (RP-5).
    let call = CallConfigPatch::default().peer(peer).server_turn_credentials(false);
    let call = call.ice_max(Duration::from_secs(8));
    ConfigPatch::default().call(call)
}

async fn desk<R: Sockets>(seed: u64, relay: IceServer) -> Desk<R> {
    let root = std::fs::read(certificates().join("ca.der")).expect("a certificate");
    let desk = Desk::<R>::open_over(seed, NetOptions::default().extra_roots(vec![root])).await;
    let settings = desk.phone.update_config(relayed(relay));
    within::<R, _>("settings", settings).await.expect("taken");
    desk
}

/// Has a phone say back what a caller says. The longest time, in milliseconds, in which nothing came.
async fn echo<R: Sockets>(desk: &Desk<R>, call: &CallId) -> Arc<AtomicU64> {
    let info = within::<R, _>("the call", desk.phone.call(call.clone())).await.expect("an answer");
    let media = info.and_then(|info| info.media).expect("media");
    let mut audio = desk.phone.audio(media);
    let longest = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&longest);
    R::spawn(async move {
        let mut last: Option<Instant> = None;
        while let Some(frame) = audio.stream.next().await {
            let silent = last.map_or(0, |last| last.elapsed().as_millis());
            told.fetch_max(u64::try_from(silent).unwrap_or(u64::MAX), Ordering::Relaxed);
            last = Some(Instant::now());
            let _ = audio.sink.send(frame).await;
        }
    })
    .expect("a task");
    longest
}

async fn ends<R: Sockets>(mut desk: Desk<R>, theirs: &str, call: CallId) {
    drop(desk.emulator.far_end(theirs));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_udp<R: Sockets>() {
    is_heard::<R>(&Coturn::start(&[]), "udp").await;
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_tcp<R: Sockets>() {
    is_heard::<R>(&Coturn::start(&[]), "tcp").await;
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_tls<R: Sockets>() {
    is_heard::<R>(&Coturn::start(&[]), "tls").await;
}

async fn rfc_8656_5_nonces_that_are_stale_after_seconds_are_renewed<R: Sockets>() {
    let relay = Coturn::start(&["--stale-nonce=2"]);
    is_heard::<R>(&relay, "udp").await;
}

async fn rfc_8656_7_a_lifetime_of_a_few_seconds_is_renewed<R: Sockets>() {
    let relay = Coturn::start(&["--max-allocate-lifetime=6"]);
    is_heard::<R>(&relay, "udp").await;
    let renewed = relay.log().matches("refreshed").count();
    assert!(renewed >= 2, "{renewed}: {}", relay.log());
}

async fn is_heard<R: Sockets>(relay: &Coturn, transport: &str) {
    let mut desk = desk::<R>(35, relay.over(transport, "secret")).await;
    let (theirs, call, far) = desk.answered().await;
    let silent = echo(&desk, &call).await;
    let (said, ear) = spoken_back::<R>(far).await;
    ends(desk, &theirs, call).await;
    assert!(relay.log().contains("ALLOCATE processed, success"), "it went by the relay");
    let alike = compare::similarity(&said, &ear.finish().expect("an ear"));
    assert!(alike.correlation >= 0.9, "{alike:?}, silent {silent:?} ms");
}

async fn rfc_8656_a_relay_over_udp_that_begins_anew_in_a_call_is_silent_for_a_moment<R: Sockets>() {
    survives::<R>("udp").await;
}

async fn rfc_8656_a_relay_over_tcp_that_begins_anew_in_a_call_is_silent_for_a_moment<R: Sockets>() {
    survives::<R>("tcp").await;
}

async fn rfc_8656_a_relay_over_tls_that_begins_anew_in_a_call_is_silent_for_a_moment<R: Sockets>() {
    survives::<R>("tls").await;
}

async fn survives<R: Sockets>(transport: &str) {
    let mut relay = Coturn::start(&[]);
    let mut desk = desk::<R>(37, relay.over(transport, "secret")).await;
    let (theirs, call, far) = desk.answered().await;
    let silent = echo(&desk, &call).await;
    let restarts = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        let began = Instant::now();
        relay.restart();
        (began.elapsed(), relay)
    });
    let (_, ear) = spoken_back::<R>(far).await;
    let (away, relay) = restarts.join().expect("no panic");
    ends(desk, &theirs, call).await;
    drop(ear);
    let silent = Duration::from_millis(silent.load(Ordering::Relaxed));
    println!("{transport}: {silent:?} without sound, of which the relay was away {away:?}");
    assert!(silent > Duration::from_millis(100), "it did not go by the relay");
    assert!(silent <= away + Duration::from_secs(3), "{silent:?}, away {away:?}");
    assert!(relay.log().contains("ALLOCATE processed, success"), "it was asked anew");
}

async fn rfc_8656_5_a_quota_that_is_used_up_is_asked_again_until_there_is_room<R: Sockets>() {
    let relay = Coturn::start(&["--user-quota=1"]);
    let mut desk = desk::<R>(38, relay.over("udp", "secret")).await;
    let (theirs, first, far) = desk.answered().await;
    desk.control("POST", "calls", &json!({"to": desk.user, "farEnd": "echo"}));
    let second = desk.rings().await;
    let answer = desk.phone.answer(second.clone(), AnswerOptions::default());
    drop((far, desk.emulator.far_end(&theirs)));
    within::<R, _>("end", desk.phone.end(first.clone())).await.expect("ended");
    desk.state(&first, CallState::Ended).await;
    within::<R, _>("answer", answer).await.expect("there is room now");
    desk.media(&second).await;
    assert!(relay.log().contains("error 486"), "{}", relay.log());
    within::<R, _>("end", desk.phone.end(second.clone())).await.expect("ended");
    desk.state(&second, CallState::Ended).await;
    desk.close().await;
}

async fn rfc_8489_9_2_a_wrong_password_is_an_error_at_once<R: Sockets>() {
    let relay = Coturn::start(&[]);
    let mut desk = desk::<R>(36, relay.over("udp", "wrong")).await;
    desk.control("POST", "calls", &json!({"to": desk.user, "farEnd": "echo"}));
    let call = desk.rings().await;
    let began = Instant::now();
    let answer = desk.phone.answer(call.clone(), AnswerOptions::default());
    let answered = within::<R, _>("answer", answer).await;
    assert!(answered.is_err(), "without a path: {answered:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    desk.close().await;
}

on_both_runtimes! {
    rfc_8656_a_caller_is_heard_by_a_relay_over_udp
    rfc_8656_a_caller_is_heard_by_a_relay_over_tcp
    rfc_8656_a_caller_is_heard_by_a_relay_over_tls
    rfc_8656_5_nonces_that_are_stale_after_seconds_are_renewed
    rfc_8656_7_a_lifetime_of_a_few_seconds_is_renewed
    rfc_8656_a_relay_over_udp_that_begins_anew_in_a_call_is_silent_for_a_moment
    rfc_8656_a_relay_over_tcp_that_begins_anew_in_a_call_is_silent_for_a_moment
    rfc_8656_a_relay_over_tls_that_begins_anew_in_a_call_is_silent_for_a_moment
    rfc_8656_5_a_quota_that_is_used_up_is_asked_again_until_there_is_room
    rfc_8489_9_2_a_wrong_password_is_an_error_at_once
}
