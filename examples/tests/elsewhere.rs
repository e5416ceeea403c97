//! Calls at the emulated gateway whose media is in a second process, on either runtime.

mod common;

use std::process::Command;

use offhook::audio::compare;
use offhook::ribbon::{CallState, HoldState, Phone as _};
use offhook_examples::elsewhere::media_elsewhere;
use offhook_runtime::Sockets;
use serde_json::json;

use common::gateway::{Desk, spoken_back};
use common::{on_both_runtimes, within};

async fn ra_090_a_second_process_has_the_media_of_a_call<R: Sockets>() {
    let mut desk = Desk::<R>::open(34).await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_media_host"));
    let elsewhere = media_elsewhere(&desk.phone, program.arg("--loopback"));
    let elsewhere = within::<R, _>("the process", elsewhere).await.expect("it is fit for it");
    let proxy = within::<R, _>("proxy", desk.phone.proxy()).await.expect("an answer");
    assert!(proxy.mode && proxy.remote.is_some_and(|remote| remote.name == "offhook"));

    let (theirs, call, far) = desk.answered().await;

    // What the caller says comes back by the other process.
    let (said, ear) = spoken_back::<R>(far).await;

    desk.control("POST", &format!("calls/{theirs}/hold"), &json!({}));
    assert_eq!(desk.state(&call, CallState::OnHold).await, HoldState::RemoteHold);
    desk.control("POST", &format!("calls/{theirs}/unhold"), &json!({}));
    desk.state(&call, CallState::Connected).await;
    // The emulator keeps the ear until somebody else takes the far end.
    drop(desk.emulator.far_end(&theirs));
    within::<R, _>("end", desk.phone.end(call.clone())).await.expect("ended");
    desk.state(&call, CallState::Ended).await;
    drop(elsewhere);
    desk.close().await;
    let alike = compare::similarity(&said, &ear.finish().expect("an ear"));
    assert!(alike.correlation >= 0.9, "{alike:?}");
}

on_both_runtimes! {
    ra_090_a_second_process_has_the_media_of_a_call
}
