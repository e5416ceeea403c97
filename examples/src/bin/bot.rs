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

use anyhow::Context as _;
use clap::Parser;
use offhook::genesys::{Config, Event, Phone as _};
use offhook::net::NetOptions;
use offhook_tokio::{Audio, Client};

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
    phone.connect().await.context("cannot log in")?;
    println!("ready for calls");

    let mut calls = 0;
    while let Some(event) = events.next().await {
        match event {
            Event::PendingSession(call) => {
                println!("{} rings", call.conversation);
                // The reply comes with the session; nothing here has to wait for it.
                let reply = phone.accept_pending(&call.conversation);
                tokio::spawn(async move {
                    if let Err(error) = reply.await {
                        println!("not answered: {error}");
                    }
                });
            }
            Event::SessionStarted(session) => {
                tokio::spawn(echo(phone.audio(session.media)));
            }
            Event::SessionEnded { session, reason } => {
                println!("{} is over: {reason}", session.conversation);
                calls += 1;
                if cli.calls == Some(calls) {
                    break;
                }
            }
            Event::Disconnected { reconnecting: false, error } => {
                println!("disconnected: {}", error.map_or_else(String::new, |e| e.to_string()));
                break;
            }
            _ => {}
        }
    }
    phone.disconnect().await?;
    Ok(())
}

/// Says back what is heard, until the session ends.
async fn echo(mut audio: Audio) {
    while let Some(frame) = audio.stream.next().await {
        if audio.sink.send(frame).await.is_err() {
            return;
        }
    }
}
