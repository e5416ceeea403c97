//! A bot that answers every call and says back what it hears, on either runtime. What it does is in
//! `src/echo.rs`, and runs in the simulator as well.
//!
//! Try it against the emulator:
//!
//! ```text
//! cargo run -p offhook-sim -- serve --user Bot:bot-token
//! OFFHOOK_TOKEN=bot-token cargo run -p offhook-examples --bin bot -- \
//!     --environment lab.test --api-host http://127.0.0.1:8080 --ws-host ws://127.0.0.1:8080 --loopback
//! ```
//!
//! and let somebody call it, as the emulator tells. At a Ribbon WebRTC Gateway it is a user with a password:
//!
//! ```text
//! OFFHOOK_PASSWORD=secret cargo run -p offhook-examples --bin bot -- --service ribbon --user bot@lab.test \
//!     --api-host http://127.0.0.1:8080 --ws-host ws://127.0.0.1:8080 --loopback
//! ```

use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use futures_util::future::{Either, select};
use offhook::genesys::{Config, Event};
use offhook::net::NetOptions;
use offhook::ribbon::Credentials;
use offhook_examples::echo;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Client;
use offhook_smol::Smol;
use offhook_tokio::Tokio;

/// Answers every call and echoes it.
#[derive(Debug, Parser)]
struct Cli {
    /// The runtime.
    #[arg(long, value_enum, default_value_t = Carrier::Tokio)]
    runtime: Carrier,
    /// The service.
    #[arg(long, value_enum, default_value_t = Service::Genesys)]
    service: Service,
    /// The service's domain. Of Genesys.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token. Of Genesys.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The user. Of a Ribbon gateway.
    #[arg(long)]
    user: Option<String>,
    /// Their password. Of a Ribbon gateway.
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The REST host, for an emulator.
    #[arg(long)]
    api_host: Option<String>,
    /// The WebSocket host, for an emulator.
    #[arg(long)]
    ws_host: Option<String>,
    /// Let media use loopback, for an emulator on this machine.
    #[arg(long)]
    loopback: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Service {
    Genesys,
    Ribbon,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Carrier {
    Tokio,
    Smol,
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt::init();
    let cli = Cli::parse();
    match cli.runtime {
        Carrier::Tokio => tokio::runtime::Runtime::new()?.block_on(on::<Tokio>(cli)),
        Carrier::Smol => smol::block_on(on::<Smol>(cli)),
    }
}

async fn on<R: Sockets>(cli: Cli) -> anyhow::Result<()> {
    match cli.service {
        Service::Genesys => run::<R>(cli).await,
        Service::Ribbon => run_at_gateway::<R>(cli).await,
    }
}

/// Until the subscription is over for good.
async fn run_at_gateway<R: Sockets>(cli: Cli) -> anyhow::Result<()> {
    let (rest, socket) = (cli.api_host.context("--api-host")?, cli.ws_host.context("--ws-host")?);
    let user = cli.user.context("--user is wanted")?;
    let password = cli.password.context("--password, or OFFHOOK_PASSWORD, is wanted")?;
    let config = offhook::ribbon::Config::at(&rest, &socket)?;
    let net = NetOptions::default().loopback(cli.loopback);
    let (phone, events) = offhook_runtime::ribbon::Client::<R>::builder(config).net(net).build()?;
    echo::gateway_bot(phone, events, Credentials::password(user.as_str(), password)).await
}

/// Until the phone has logged out for good.
async fn run<R: Sockets>(cli: Cli) -> anyhow::Result<()> {
    let token = cli.token.context("--token, or OFFHOOK_TOKEN, is wanted")?;
    let mut config = Config::agent(cli.environment, token);
    config.api_host = cli.api_host;
    config.ws_host = cli.ws_host;
    let net = NetOptions::default().loopback(cli.loopback);
    let (phone, mut events) = Client::<R>::builder(config).net(net).build()?;
    let stopped = events.wait(Duration::MAX, |event| match event {
        Event::Disconnected { reconnecting: false, error } => Some(error),
        _ => None,
    });
    match select(pin!(echo::bot(phone)), pin!(stopped)).await {
        Either::Left((ended, _)) => ended,
        Either::Right((error, _)) => {
            let error = error?.map_or_else(String::new, |error| error.to_string());
            anyhow::bail!("disconnected: {error}")
        }
    }
}
