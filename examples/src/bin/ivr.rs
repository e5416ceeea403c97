//! An answering machine: it greets every caller, records what both say, presses keys, hands the call
//! on and logs how it sounded. `OFFHOOK_TOKEN=... cargo run --bin ivr -- greeting.wav`

use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result};
use offhook::audio::Tracks;
use offhook::genesys::{Config, Phone as _, Target};
use offhook::net::NetOptions;
use offhook_runtime::Runtime;
use offhook_runtime::genesys::{Call, Client};

#[tokio::main]
async fn main() -> Result<()> {
    let greeting = fs::read(env::args().nth(1).context("a WAV file to greet with")?)?;
    let var = |name: &str| env::var(format!("OFFHOOK_{name}")).ok();
    let service = var("ENVIRONMENT").unwrap_or_else(|| "mypurecloud.com".to_owned());
    let mut config = Config::agent(service, var("TOKEN").context("OFFHOOK_TOKEN")?);
    (config.api_host, config.ws_host) = (var("API_HOST"), var("WS_HOST"));
    let net = NetOptions { loopback: var("LOOPBACK").is_some(), ..NetOptions::default() };
    let (phone, _) = Client::<offhook_tokio::Tokio>::builder(config).net(net).build()?;
    let save = |name: &str, wav: Vec<u8>| Ok(fs::write(name, wav)?);
    work(phone, greeting, save).await
}

type Save = fn(&str, Vec<u8>) -> Result<()>;

pub(crate) async fn work<R: Runtime>(phone: Client<R>, wav: Vec<u8>, save: Save) -> Result<()> {
    let mut calls = phone.calls();
    phone.connect().await?;
    println!("ready");
    while let Some(call) = calls.next().await {
        let wav = wav.clone();
        R::spawn(async move {
            if let Err(error) = attend(&call, &wav, save).await {
                println!("{call:?}: {error:#}");
            }
            let end = call.ended().await;
            println!("{call:?}: {}, {:?}", end.reason, end.report.and_then(|r| r.quality));
        })?;
    }
    Ok(())
}

async fn attend<R: Runtime>(call: &Call<R>, wav: &[u8], save: Save) -> Result<()> {
    call.answer().await?;
    let mut audio = call.audio().await?;
    let recording = audio.record();
    audio.play(wav).await?;
    call.send_dtmf("42#").await?;
    recording.wait(Duration::from_secs(5)).await;
    save(&format!("{}.wav", call.conversation()), recording.wav(Tracks::Stereo, 16_000)?)?;
    call.blind_transfer(Target::Address("+15550123".to_owned())).await?;
    Ok(())
}
