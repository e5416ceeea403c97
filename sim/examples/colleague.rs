//! A client of a user's beside another one: offhook, where `sim/js-sdk/run` has the vendor's SDK log in as the
//! same user. They are to agree on who has the user's headset.
//!
//! It tells JSON, one object a line, `{"name": …, "args": […]}`: `connected`, `headset` (its
//! part in who has it, by the SDK's word for it), `refused` (the reason), `rings` (the conversation),
//! and `error`. It is asked by lines, too:
//!
//! | line | what it does |
//! | --- | --- |
//! | `ask` | asks for the headset |
//! | `answer CONVERSATION` | answers the call that rings |
//! | `offline`, `online` | the network is gone, and back |

use std::future::Future;
use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, bail};
use clap::Parser;
use offhook::genesys::{Config, Error, Event, HeadsetControls, HeadsetRank, Phone as _};
use offhook::net::NetOptions;
use offhook_tokio::{Client, Events};
use serde_json::json;

/// Wants the headset of a user who has another client, too.
#[derive(Debug, Parser)]
struct Cli {
    /// The emulator's URL, with TLS.
    #[arg(long, value_name = "URL")]
    service: String,
    /// The user's token.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: String,
    /// The resource of its address: one that begins with `mediahelper` is a media helper's.
    #[arg(long)]
    resource: String,
    /// Comes before ordinary clients.
    #[arg(long)]
    prioritized: bool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let host = cli.service.strip_prefix("https://").context("a URL with TLS is wanted")?;
    let rank = if cli.prioritized { HeadsetRank::Prioritized } else { HeadsetRank::Standard };
    let config = Config::agent("lab.test", cli.token)
        .api_host(format!("https://{host}"))
        .ws_host(format!("wss://{host}"))
        .jid_resource(cli.resource)
        .headset_rank(rank);
    // The emulator signed its certificate itself.
    let net = NetOptions::default().loopback(true).danger_accept_any_certificate();
    let tokio = tokio::runtime::Runtime::new()?;
    let _inside = tokio.enter();
    let (phone, events) = Client::builder(config).net(net).build()?;
    tokio.spawn(narrate(events));
    tokio.block_on(phone.connect()).context("cannot log in")?;
    for line in std::io::stdin().lock().lines() {
        obey(&phone, &line?)?;
    }
    Ok(())
}

/// Does what a line says, and waits for nothing.
fn obey(phone: &Client, line: &str) -> anyhow::Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "ask" => drop(tokio::spawn(ask(phone.request_headset()))),
        "answer" => drop(tokio::spawn(must(phone.accept_pending(rest)))),
        "offline" => drop(tokio::spawn(must(phone.went_offline()))),
        "online" => drop(tokio::spawn(must(phone.network_changed()))),
        _ => bail!("no such word: {word}"),
    }
    Ok(())
}

/// Tells why another client keeps the headset.
async fn ask(reply: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = reply.await {
        tell("refused", error.service_code());
    }
}

async fn must(reply: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = reply.await {
        tell("error", Some(&error.to_string()));
    }
}

/// Tells what happens.
async fn narrate(mut events: Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::Connected { .. } => tell("connected", None),
            Event::HeadsetControls(controls) => tell("headset", Some(word(controls))),
            Event::PendingSession(call) => tell("rings", Some(call.conversation.as_str())),
            Event::Error(error) => tell("error", Some(&error.to_string())),
            _ => {}
        }
    }
}

/// The SDK's word for a part in who has the headset (HS-2).
fn word(controls: HeadsetControls) -> &'static str {
    match controls {
        HeadsetControls::NotStarted => "notStarted",
        HeadsetControls::Negotiating => "negotiating",
        HeadsetControls::AlternativeClient => "alternativeClient",
        HeadsetControls::HasControls => "hasControls",
        _ => "unknown",
    }
}

/// Says a line; whoever listened may have gone.
fn tell(name: &str, about: Option<&str>) {
    let args: Vec<_> = about.into_iter().collect();
    let _ = writeln!(std::io::stdout(), "{}", json!({"name": name, "args": args}));
}
