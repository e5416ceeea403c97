//! `cargo demo`: a contact-centre call that really happens, heard in two WAV files and seen in a
//! ladder diagram.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use console::style;
use offhook_examples::demo::{self, Outcome, Plan, Screen, Signaling};
use offhook_runtime::Sockets;
use offhook_sim::serve::Emulator;

/// Plays an agent's call against the built-in emulator, over real sockets and real media.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The service that the phone belongs to.
    #[arg(long, value_enum, default_value_t = Service::Genesys)]
    service: Service,
    /// The runtime that carries the phone.
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    runtime: Runtime,
    /// The signaling of the inbound call; the outbound call uses the other. Of Genesys alone.
    #[arg(long, value_enum, default_value_t = Signaling::Jingle)]
    signaling: Signaling,
    /// The seed of all ids.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder of the recordings and the diagram.
    #[arg(long, default_value = "target/demo", value_name = "FOLDER")]
    out: PathBuf,
    /// Leave the emulator running afterwards, until Ctrl-C.
    #[arg(long)]
    keep_serving: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Runtime {
    Tokio,
    Smol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Service {
    /// Genesys Cloud.
    Genesys,
    /// A Ribbon WebRTC Gateway.
    Ribbon,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let plan = Plan::new(cli.signaling, cli.seed)?;
    let emulator = demo::emulator(cli.seed)?;
    println!("{} serves at {}", style("the emulator").bold(), emulator.http_url());
    let outcome = play(&cli, &emulator, &plan)?;
    let written = demo::write(&outcome, &cli.out)?;

    println!("\n{}", outcome.report.table());
    for path in written {
        println!("  wrote {}", path.display());
    }
    let faults = outcome.report.faults();
    if !faults.is_empty() {
        bail!("the call was not good enough: {}", faults.join("; "));
    }
    println!("\n{}", style("every word arrived, both ways").green().bold());
    if cli.keep_serving {
        println!("the emulator goes on serving at {}; Ctrl-C ends it", emulator.http_url());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tokio::signal::ctrl_c()).context("waiting for Ctrl-C")?;
    }
    emulator.shutdown();
    Ok(())
}

fn play(cli: &Cli, emulator: &Emulator, plan: &Plan) -> anyhow::Result<Outcome> {
    let screen = Screen::new();
    match cli.runtime {
        Runtime::Tokio => {
            let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            tokio.block_on(play_on::<offhook_tokio::Tokio>(cli.service, emulator, plan, &screen))
        }
        Runtime::Smol => {
            smol::block_on(play_on::<offhook_smol::Smol>(cli.service, emulator, plan, &screen))
        }
    }
}

async fn play_on<R: Sockets>(
    service: Service,
    emulator: &Emulator,
    plan: &Plan,
    screen: &Screen,
) -> anyhow::Result<Outcome> {
    match service {
        Service::Genesys => demo::play::<R>(emulator, plan, screen).await,
        Service::Ribbon => demo::play_gateway::<R>(emulator, plan, screen).await,
    }
}
