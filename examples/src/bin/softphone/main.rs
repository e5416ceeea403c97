//! A softphone on a terminal, against any environment of either service.
//!
//! On a terminal it has a screen, worked by single keys: `?` lists them. Elsewhere, or with `--plain`, commands come from
//! the standard input, one a line: `help` lists them. Speech goes by the loudspeaker and the microphone of this computer
//! (on Linux by PulseAudio or PipeWire); where there are none, that is said, and calls are silent. With `--features voice`
//! echo is cancelled, noise suppressed and the gain controlled. The keys of a telephony headset work it, too.
//!
//! Try it against the emulator, which tells a user's password when it is asked for one:
//!
//! ```text
//! cargo run -p offhook-sim -- serve
//! curl -X POST http://127.0.0.1:8080/control/ribbon/users -d '{"user": "ada@lab.test", "password": "secret"}'
//! OFFHOOK_PASSWORD=secret cargo run -p offhook-examples --bin softphone -- --service ribbon \\
//!     --user ada@lab.test --api-host http://127.0.0.1:8080 --ws-host ws://127.0.0.1:8080 --loopback
//! ```

mod ask;
mod away;
mod bell;
mod board;
mod cloud;
mod film;
mod gateway;
mod headset;
mod history;
mod live;
mod meeting;
mod news;
mod phone;
mod plain;
mod report;
mod screen;
mod settings;
mod sound;
mod terminal;
mod voice;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use console::style;
use offhook_runtime::Sockets;
use serde::Deserialize;

use self::cloud::Cloud;
use self::gateway::Gateway;
use self::phone::Phone;
use self::settings::Settings;

/// A phone for the terminal.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The file of settings; without it, `offhook/softphone.toml` where such files are, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The screen, also where this is no terminal.
    #[arg(long, conflicts_with = "plain")]
    screen: bool,
    /// Lines in the place of the screen: for pipes and scripts.
    #[arg(long)]
    plain: bool,
    /// The service. Genesys Cloud unless said.
    #[arg(long, value_enum)]
    service: Option<Choice>,
    /// The service's domain; `mypurecloud.com` unless said. Of Genesys.
    #[arg(long)]
    environment: Option<String>,
    /// An OAuth access token, of Genesys; better in OFFHOOK_TOKEN, or in a file. A flag counts more than the environment.
    #[arg(long)]
    token: Option<String>,
    /// The file that it is in, which only its owner may read.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The user. Of a Ribbon gateway.
    #[arg(long)]
    user: Option<String>,
    /// Their password, of a Ribbon gateway; better in OFFHOOK_PASSWORD, or in a file.
    #[arg(long)]
    password: Option<String>,
    /// The file that it is in, likewise.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The REST host with its scheme: the gateway, or an emulator.
    #[arg(long, value_name = "URL")]
    api_host: Option<String>,
    /// The WebSocket host with its scheme: the gateway, or an emulator.
    #[arg(long, value_name = "URL")]
    ws_host: Option<String>,
    /// Let media use loopback, for an emulator on this machine.
    #[arg(long)]
    loopback: bool,
    /// Uses no devices: neither a loudspeaker nor a microphone.
    #[arg(long)]
    no_sound: bool,
    /// Leaves telephony headsets alone: neither their keys nor their lamps are used.
    #[arg(long)]
    no_headset: bool,
    /// Forgets the numbers that were typed, instead of keeping them for the next time.
    #[arg(long)]
    no_history: bool,
    /// The name of the loudspeaker; without it, or while it is not there, the system's default.
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// The name of the microphone, likewise.
    #[arg(long, value_name = "NAME")]
    microphone: Option<String>,
    /// The name of the loudspeaker that rings, likewise. Of the screen: by lines nothing rings.
    #[arg(long, value_name = "NAME")]
    ring: Option<String>,
    /// The file to say on each call, in the place of the microphone.
    #[arg(long, value_name = "FILE")]
    wav_in: Option<PathBuf>,
    /// The folder for films of meetings, of Genesys; the current one unless said. None is written over.
    #[arg(long, value_name = "FOLDER")]
    films: Option<PathBuf>,
    /// The file for what is heard; later calls overwrite it.
    #[arg(long, value_name = "FILE")]
    wav_out: Option<PathBuf>,
    /// The runtime that carries the phone.
    #[arg(long, value_enum, default_value_t = Carrier::Tokio)]
    runtime: Carrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Genesys,
    Ribbon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Tokio,
    Smol,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let screen = cli.screen || (terminal && !cli.plain);
    let carrier = cli.runtime;
    let result = Settings::new(cli).and_then(|settings| match carrier {
        Carrier::Tokio => tokio::runtime::Runtime::new()
            .context("tokio")
            .and_then(|tokio| tokio.block_on(on::<offhook_tokio::Tokio>(settings, screen))),
        Carrier::Smol => smol::block_on(on::<offhook_smol::Smol>(settings, screen)),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", style("softphone:").red());
            ExitCode::FAILURE
        }
    }
}

async fn on<R: Sockets>(settings: Settings, screen: bool) -> anyhow::Result<()> {
    match settings.service {
        Choice::Genesys => with::<R, Cloud<R>>(settings, screen).await,
        Choice::Ribbon => with::<R, Gateway<R>>(settings, screen).await,
    }
}

async fn with<R: Sockets, P: Phone<R>>(settings: Settings, screen: bool) -> anyhow::Result<()> {
    if screen { live::run::<R, P>(settings).await } else { plain::run::<R, P>(&settings).await }
}
