//! A bot that answers every call and says back what it hears.
//!
//! Try it against the emulator:
//!
//! ```text
//! cargo run -p offhook-sim -- serve --user Bot:bot-token
//! OFFHOOK_TOKEN=bot-token cargo run -p offhook-examples --bin bot -- \
//!     --environment lab.test --api-host http://127.0.0.1:8080 --ws-host ws://127.0.0.1:8080 --loopback
//! ```
//!
//! and let somebody call it, as the emulator tells.

use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use offhook::genesys::{Config, Event, Phone as _};
use offhook::net::NetOptions;
use offhook_tokio::{Call, Calls, Client};
use tokio::task::JoinSet;

/// Answers every call and echoes it.
#[derive(Debug, Parser)]
struct Cli {
    /// The service's domain.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: String,
    /// The REST host, for an emulator.
    #[arg(long)]
    api_host: Option<String>,
    /// The WebSocket host, for an emulator.
    #[arg(long)]
    ws_host: Option<String>,
    /// Let media use loopback, for an emulator on this machine.
    #[arg(long)]
    loopback: bool,
    /// Stop after so many calls.
    #[arg(long)]
    calls: Option<u32>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut config = Config::agent(cli.environment, cli.token);
    config.api_host = cli.api_host;
    config.ws_host = cli.ws_host;
    let net = NetOptions { loopback: cli.loopback, ..NetOptions::default() };
    let (phone, mut events) = Client::builder(config).net(net).build()?;
    let calls = phone.calls();
    phone.connect().await.context("cannot log in")?;
    println!("ready for calls");

    let stopped = events.wait(Duration::MAX, |event| match event {
        Event::Disconnected { reconnecting: false, error } => Some(error),
        _ => None,
    });
    tokio::select! {
        () = answer(calls, cli.calls) => {}
        error = stopped => {
            let error = error?.map_or_else(String::new, |error| error.to_string());
            println!("disconnected: {error}");
        }
    }
    phone.disconnect().await?;
    Ok(())
}

/// Answers every call, until so many are over.
async fn answer(mut calls: Calls, limit: Option<u32>) {
    let mut up = JoinSet::new();
    let mut over = 0;
    while limit != Some(over) {
        tokio::select! {
            Some(call) = calls.next() => drop(up.spawn(echo(call))),
            Some(_) = up.join_next() => over += 1,
            else => return,
        }
    }
}

/// Says back what is heard, until the call ends. What goes wrong with it is no other call's matter.
async fn echo(call: Call) {
    println!("{} rings", call.conversation());
    if let Err(error) = call.answer().await {
        println!("{} is not answered: {error}", call.conversation());
        return;
    }
    // Once more, where the call goes on with another session.
    while let Ok(mut audio) = call.audio().await {
        while let Some(frame) = audio.stream.next().await {
            if audio.sink.send(frame).await.is_err() {
                break;
            }
        }
    }
    println!("{} is over: {}", call.conversation(), call.ended().await.reason);
}
