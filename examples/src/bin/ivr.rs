//! An answering machine in sixty lines: it greets every caller, records what both say, presses keys,
//! hands the call on and logs how it sounded. The same source runs on tokio, on smol
//! (`OFFHOOK_RUNTIME=smol`) and in the simulator (`tests/simulated.rs`).
//!
//! ```text
//! OFFHOOK_TOKEN=... cargo run -p offhook-examples --bin ivr -- greeting.wav +15550123
//! ```

use std::time::Duration;
use std::{env, fs, path};

use anyhow::{Context as _, Result};
use offhook::audio::Tracks;
use offhook::genesys::{Config, Phone as _, Target};
use offhook::net::NetOptions;
use offhook_runtime::genesys::{Call, Client};
use offhook_runtime::{Runtime, Sockets};

fn main() -> Result<()> {
    match env::var("OFFHOOK_RUNTIME").as_deref() {
        Ok("smol") => smol::block_on(run::<offhook_smol::Smol>()),
        _ => tokio::runtime::Runtime::new()?.block_on(run::<offhook_tokio::Tokio>()),
    }
}

async fn run<R: Sockets>() -> Result<()> {
    let [greeting, operator] = [1, 2].map(|n| env::args().nth(n).context("GREETING.wav NUMBER"));
    let var = |name: &str| env::var(format!("OFFHOOK_{name}")).ok();
    let service = var("ENVIRONMENT").unwrap_or_else(|| "mypurecloud.com".to_owned());
    let mut config = Config::agent(service, var("TOKEN").context("OFFHOOK_TOKEN")?);
    (config.api_host, config.ws_host) = (var("API_HOST"), var("WS_HOST"));
    let net = NetOptions::default().loopback(var("LOOPBACK").is_some());
    let (phone, _) = Client::<R>::builder(config).net(net).build()?;
    work(phone, (fs::read(greeting?)?, operator?, path::PathBuf::new())).await
}

/// A greeting, whom to hand calls on to, and the folder of recordings.
type Orders = (Vec<u8>, String, path::PathBuf);

pub(crate) async fn work<R: Runtime>(phone: Client<R>, orders: Orders) -> Result<()> {
    let mut calls = phone.calls();
    phone.connect().await?;
    println!("ready");
    while let Some(call) = calls.next().await {
        let orders = orders.clone();
        R::spawn(async move {
            if let Err(error) = attend(&call, orders).await {
                println!("{call:?}: {error:#}");
            }
            let end = call.ended().await;
            println!("{call:?}: {}, {:?}", end.reason, end.report.and_then(|r| r.quality));
        })?;
    }
    Ok(())
}

async fn attend<R: Runtime>(call: &Call<R>, (greeting, operator, into): Orders) -> Result<()> {
    call.answer().await?;
    let mut audio = call.audio().await?;
    let recording = audio.record();
    audio.play(&*greeting).await?;
    call.send_dtmf("42#").await?;
    recording.wait(Duration::from_secs(5)).await;
    let wav = recording.wav(Tracks::Stereo, 16_000)?;
    fs::write(into.join(format!("{}.wav", call.conversation())), wav)?;
    Ok(call.blind_transfer(Target::Address(operator)).await?)
}
