//! Calls at the emulated gateway whose media goes by a relay that others wrote, on either runtime: what
//! `sim/relay/run` starts for the user `alice`. `OFFHOOK_TURN` has its ports for UDP with TCP, and for TLS;
//! `OFFHOOK_TURN_ROOT` is the file of the certificate (DER) that its own comes from.

mod common;

use std::time::{Duration, Instant};

use offhook::audio::compare;
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook::ribbon::{
    AnswerOptions, CallConfigPatch, CallState, ConfigPatch, PeerConfigPatch, Phone as _,
};
use offhook_runtime::Sockets;
use serde_json::json;

use common::gateway::{Desk, spoken_back};
use common::{on_both_runtimes, within};

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: see sim/relay/run"))
}

/// Settings by which media is relayed, over `udp`, `tcp` or `tls`.
fn relayed(password: &str, over: &str) -> ConfigPatch {
    let ports = var("OFFHOOK_TURN");
    let (port, secure) = ports.split_once(' ').expect("two ports");
    let relay = match over {
        // By its name, which its certificate has.
        "tls" => format!("turns:localhost:{secure}"),
        _ => format!("turn:127.0.0.1:{port}?transport={over}"),
    };
    let peer = PeerConfigPatch::default()
        .ice_servers(vec![IceServer::turn(relay, "alice", password)])
        .relay_only(true);
    // The gateway's credentials are for relays of its own (RP-5).
    let call = CallConfigPatch::default().peer(peer).server_turn_credentials(false);
    ConfigPatch::default().call(call)
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_udp<R: Sockets>() {
    is_heard::<R>("udp").await;
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_tcp<R: Sockets>() {
    is_heard::<R>("tcp").await;
}

async fn rfc_8656_a_caller_is_heard_by_a_relay_over_tls<R: Sockets>() {
    is_heard::<R>("tls").await;
}

async fn is_heard<R: Sockets>(transport: &str) {
    let root = std::fs::read(var("OFFHOOK_TURN_ROOT")).expect("a certificate");
    let mut desk = Desk::<R>::open_over(35, NetOptions::default().extra_roots(vec![root])).await;
    let settings = desk.phone.update_config(relayed("secret", transport));
    within::<R, _>("settings", settings).await.expect("taken");
    let (theirs, call, far) = desk.answered().await;
    let info = within::<R, _>("the call", desk.phone.call(call.clone())).await.expect("an answer");
    let media = info.and_then(|info| info.media).expect("media");
    let mut audio = desk.phone.audio(media);
    // What the caller says is said back to them.
    R::spawn(async move {
        while let Some(frame) = audio.stream.next().await {
            let _ = audio.sink.send(frame).await;
        }
    })
    .expect("a task");
    let (said, ear) = spoken_back::<R>(far).await;
    drop(desk.emulator.far_end(&theirs));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    desk.close().await;
    let alike = compare::similarity(&said, &ear.finish().expect("an ear"));
    assert!(alike.correlation >= 0.9, "{alike:?}");
}

async fn rfc_8489_9_2_a_wrong_password_is_an_error_at_once<R: Sockets>() {
    let mut desk = Desk::<R>::open(36).await;
    let settings = desk.phone.update_config(relayed("wrong", "udp"));
    within::<R, _>("settings", settings).await.expect("taken");
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
    rfc_8489_9_2_a_wrong_password_is_an_error_at_once
}
