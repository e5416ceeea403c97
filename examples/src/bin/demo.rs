//! `cargo demo`: a contact-centre call that really happens, heard in two WAV files and seen in a
//! ladder diagram. `--act meeting` and `--act screens` play in rooms instead, and
//! leave a WebM file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use console::style;
use offhook_examples::demo::{self, Act, Outcome, Plan, Screen, Signaling};
use offhook_runtime::Sockets;
use offhook_sim::serve::Emulator;

/// The length of what is said in a meeting.
const SHORT: Duration = Duration::from_secs(3);

/// Plays an agent's call against the built-in emulator, over real sockets and real media; or a meeting.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The service that the phone belongs to.
    #[arg(long, value_enum, default_value_t = Service::Genesys)]
    service: Service,
    /// An act in rooms, instead of calls. Of Genesys alone.
    #[arg(long, value_enum, conflicts_with = "service")]
    act: Option<Rooms>,
    /// The runtime that carries the phone.
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    runtime: Runtime,
    /// The signaling of the inbound call, and of rooms; the outbound call uses the other. Of Genesys alone.
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

/// Acts in rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rooms {
    /// A video meeting: pictures, a mute, somebody who comes late, a pin, a shared screen.
    Meeting,
    /// Recorded screens, screens that somebody watches, and a guest who shows one.
    Screens,
}

/// The result of either.
enum Played {
    Calls(Outcome),
    Act(Act),
}

impl Played {
    fn table(&self) -> String {
        match self {
            Self::Calls(outcome) => outcome.report.table(),
            Self::Act(act) => act.checks.table(),
        }
    }

    fn faults(&self) -> Vec<String> {
        match self {
            Self::Calls(outcome) => outcome.report.faults(),
            Self::Act(act) => act.checks.faults(),
        }
    }

    fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        match self {
            Self::Calls(outcome) => demo::write(outcome, folder),
            Self::Act(act) => act.write(folder),
        }
    }

    fn praise(&self) -> &'static str {
        match self {
            Self::Calls(_) => "every word arrived, both ways",
            Self::Act(_) => "every picture arrived",
        }
    }
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut plan = Plan::new(cli.signaling, cli.seed)?;
    let emulator = match cli.act {
        None => demo::emulator(cli.seed)?,
        Some(_) => {
            plan.shorten(SHORT);
            demo::emulator_of_rooms(&plan)?
        }
    };
    println!("{} serves at {}", style("the emulator").bold(), emulator.http_url());
    let played = play(&cli, &emulator, &plan)?;
    let written = played.write(&cli.out)?;

    println!("\n{}", played.table());
    for path in written {
        println!("  wrote {}", path.display());
    }
    let faults = played.faults();
    if !faults.is_empty() {
        bail!("it was not good enough: {}", faults.join("; "));
    }
    println!("\n{}", style(played.praise()).green().bold());
    if cli.keep_serving {
        println!("the emulator goes on serving at {}; Ctrl-C ends it", emulator.http_url());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tokio::signal::ctrl_c()).context("waiting for Ctrl-C")?;
    }
    emulator.shutdown();
    Ok(())
}

fn play(cli: &Cli, emulator: &Emulator, plan: &Plan) -> anyhow::Result<Played> {
    let screen = Screen::new();
    match cli.runtime {
        Runtime::Tokio => {
            let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            tokio.block_on(play_on::<offhook_tokio::Tokio>(cli, emulator, plan, &screen))
        }
        Runtime::Smol => {
            smol::block_on(play_on::<offhook_smol::Smol>(cli, emulator, plan, &screen))
        }
    }
}

async fn play_on<R: Sockets>(
    cli: &Cli,
    emulator: &Emulator,
    plan: &Plan,
    screen: &Screen,
) -> anyhow::Result<Played> {
    Ok(match (cli.act, cli.service) {
        (Some(Rooms::Meeting), _) => {
            Played::Act(demo::play_meeting::<R>(emulator, plan, screen).await?)
        }
        (Some(Rooms::Screens), _) => {
            Played::Act(demo::play_screens::<R>(emulator, plan, screen).await?)
        }
        (None, Service::Genesys) => Played::Calls(demo::play::<R>(emulator, plan, screen).await?),
        (None, Service::Ribbon) => {
            Played::Calls(demo::play_gateway::<R>(emulator, plan, screen).await?)
        }
    })
}
