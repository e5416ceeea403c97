//! A softphone on the command line, against any environment of either service.
//!
//! Commands come from the keyboard, one a line: `help` lists them. Speech goes by the loudspeaker and the microphone
//! of this computer (on Linux by PulseAudio or PipeWire); where there are none, that is said, and calls are silent.
//! With `--features voice` echo is cancelled, noise suppressed and the gain controlled.
//!
//! Try it against the emulator, which tells a user's password when it is asked for one:
//!
//! ```text
//! cargo run -p offhook-sim -- serve
//! curl -X POST http://127.0.0.1:8080/control/ribbon/users -d '{"user": "ada@lab.test", "password": "secret"}'
//! OFFHOOK_PASSWORD=secret cargo run -p offhook-examples --bin softphone -- --service ribbon \\
//!     --user ada@lab.test --api-host http://127.0.0.1:8080 --ws-host ws://127.0.0.1:8080 --loopback
//! ```

mod board;
mod cloud;
mod gateway;
mod phone;
mod sound;
mod terminal;
mod voice;

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use console::style;
use futures_util::StreamExt as _;
use futures_util::future::{self, Either};
use futures_util::stream::{self, select};
use offhook::net::NetOptions;
use offhook_runtime::{Drive, Events, Sockets};

use self::cloud::Cloud;
use self::gateway::Gateway;
use self::phone::Phone;
use self::sound::Sound;
use self::terminal::{complain, ctrl_c, keyboard, tell};

/// A phone for the keyboard.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The service.
    #[arg(long, value_enum, default_value_t = Choice::Genesys)]
    service: Choice,
    /// The service's domain. Of Genesys.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token; better from the environment than from the command line. Of Genesys.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The user. Of a Ribbon gateway.
    #[arg(long)]
    user: Option<String>,
    /// Their password; better from the environment. Of a Ribbon gateway.
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true)]
    password: Option<String>,
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
    /// The name of the loudspeaker; without it, or while it is not there, the system's default.
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// The name of the microphone, likewise.
    #[arg(long, value_name = "NAME")]
    microphone: Option<String>,
    /// The file to say on each call, in the place of the microphone.
    #[arg(long, value_name = "FILE")]
    wav_in: Option<PathBuf>,
    /// The file for what is heard; later calls overwrite it.
    #[arg(long, value_name = "FILE")]
    wav_out: Option<PathBuf>,
    /// The runtime that carries the phone.
    #[arg(long, value_enum, default_value_t = Carrier::Tokio)]
    runtime: Carrier,
}

impl Cli {
    fn net(&self) -> NetOptions {
        NetOptions::default().loopback(self.loopback)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
    let result = match cli.runtime {
        Carrier::Tokio => tokio::runtime::Runtime::new()
            .context("tokio")
            .and_then(|tokio| tokio.block_on(on::<offhook_tokio::Tokio>(&cli))),
        Carrier::Smol => smol::block_on(on::<offhook_smol::Smol>(&cli)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", style("softphone:").red());
            ExitCode::FAILURE
        }
    }
}

async fn on<R: Sockets>(cli: &Cli) -> anyhow::Result<()> {
    match cli.service {
        Choice::Genesys => run::<R, Cloud<R>>(cli).await,
        Choice::Ribbon => run::<R, Gateway<R>>(cli).await,
    }
}

async fn run<R: Sockets, P: Phone<R>>(cli: &Cli) -> anyhow::Result<()> {
    let sound = Sound::new(cli)?;
    let (mut phone, events) = P::new(cli, sound.clone())?;
    let presses = ctrl_c();
    tell("logging in …");
    match future::select(pin!(phone.log_in()), pin!(presses.recv())).await {
        Either::Left((logged_in, _)) => logged_in.context("cannot log in")?,
        Either::Right(_) => return Ok(()),
    }
    tell(format_args!("ready; {} lists the commands", style("help").bold()));

    let interrupted =
        match future::select(pin!(work(&mut phone, events, &sound)), pin!(presses.recv())).await {
            Either::Left((worked, _)) => {
                worked?;
                false
            }
            Either::Right(_) => true,
        };
    if interrupted && let Err(error) = phone.hang_up().await {
        complain(&error);
    }
    phone.log_out().await.context("logging out")?;
    tell("bye");
    Ok(())
}

/// The next thing that the phone has to react to.
enum Next<E> {
    Event(E),
    Line(String),
    /// The keyboard is closed.
    End,
}

/// Does what the events and the keyboard ask for, until either wants to end.
async fn work<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    events: Events<P::Machine>,
    sound: &Sound,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let lines = keyboard().map(Next::Line).chain(stream::iter([Next::End]));
    let mut next = pin!(select(events.map(Next::Event), lines));
    while let Some(next) = next.next().await {
        let line = match next {
            Next::Event(event) => {
                phone.told(event)?;
                continue;
            }
            Next::Line(line) => line,
            Next::End => break,
        };
        let (word, rest) = line.trim().split_once(' ').unwrap_or_else(|| (line.trim(), ""));
        match word {
            "" => {}
            "help" | "?" => tell(format_args!(
                "{}\n  {}{}\n  calls             list the calls\n  help\n  \
                 quit              hang up nothing, log out, end\n\
                 Ctrl-C hangs up, logs out and ends; once more ends at once.",
                P::KEYS,
                sound::KEYS,
                voice::KEYS
            )),
            "quit" | "q" => break,
            "calls" => phone.list().iter().for_each(|call| tell(format_args!("  {call}"))),
            word => {
                match sound.command(word, rest.trim()) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        complain(&error);
                        continue;
                    }
                }
                if let Err(error) = phone.command(word, rest.trim()).await {
                    complain(&error);
                }
            }
        }
    }
    Ok(())
}
