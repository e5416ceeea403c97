//! Finds out whether calls will work from here, and if not, what is wrong and what to do: names, REST, WebSocket,
//! log-in, STUN and TURN servers by each transport, the kind of NAT, and packets by each relay.
//!
//! Try it against the emulator:
//!
//! ```text
//! cargo run -p offhook-examples --bin diagnose -- --emulator
//! ```
//!
//! and against a service:
//!
//! ```text
//! OFFHOOK_TOKEN=… cargo run -p offhook-examples --bin diagnose -- genesys --host mypurecloud.de
//! OFFHOOK_PASSWORD=… cargo run -p offhook-examples --bin diagnose -- ribbon --user ada@lab.test \
//!     --rest-url https://gateway.example --ws-url wss://gateway.example --turn turn:relay.example,ada,secret
//! ```
//!
//! The exit status is 0 if calls will work, 1 if something is wrong that makes them fail, 2 if it was called wrongly.

mod advice;
mod checks;
mod cloud;
mod emulated;
mod gateway;
mod media;
mod table;

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use offhook::Secret;
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook::ribbon::Config;
use offhook_runtime::Sockets;
use serde_json::{Value, json};

use self::cloud::Cloud;
use self::emulated::Emulated;
use self::gateway::Gateway;
use self::table::{Findings, Standing};

/// Finds out whether calls will work from here.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Look at the embedded emulator of both services.
    #[arg(long)]
    emulator: bool,
    #[command(flatten)]
    usual: Usual,
    #[command(subcommand)]
    service: Option<Service>,
}

/// The options of all services.
#[derive(Clone, Debug, Default, Args)]
struct Usual {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// A STUN server, besides those that the service names.
    #[arg(long, value_name = "URL")]
    stun: Vec<String>,
    /// A TURN server, besides those that the service names; the password may have commas. By its URL alone it gets the
    /// credentials that a Ribbon gateway gives.
    #[arg(long, value_name = "URL[,USER,PASSWORD]", value_parser = secret)]
    turn: Vec<Secret>,
    /// Trust this root besides those of the system: a certificate (DER).
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Let media use loopback, for servers on this machine.
    #[arg(long)]
    loopback: bool,
    /// The runtime.
    #[arg(long, value_enum, default_value_t = Carrier::Tokio)]
    runtime: Carrier,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Carrier {
    #[default]
    Tokio,
    Smol,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Genesys Cloud.
    Genesys {
        /// The region's domain.
        #[arg(long, default_value = "mypurecloud.com")]
        host: String,
        /// An OAuth access token; better from the environment than from the command line.
        #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true, value_parser = secret)]
        token: Secret,
        /// The REST host with its scheme, for an emulator.
        #[arg(long, value_name = "URL")]
        api_host: Option<String>,
        /// The WebSocket host with its scheme, for an emulator.
        #[arg(long, value_name = "URL")]
        ws_host: Option<String>,
        #[command(flatten)]
        usual: Usual,
    },
    /// A Ribbon WebRTC Gateway.
    Ribbon {
        /// The REST interface.
        #[arg(long, value_name = "URL")]
        rest_url: String,
        /// The WebSockets.
        #[arg(long, value_name = "URL")]
        ws_url: String,
        /// The user.
        #[arg(long)]
        user: String,
        /// Their password; better from the environment than from the command line.
        #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, value_parser = secret)]
        password: Secret,
        #[command(flatten)]
        usual: Usual,
    },
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// Reads a relay. What cannot be read is not shown: it may hold a password.
fn relay(text: &Secret) -> anyhow::Result<IceServer> {
    let parts: Vec<_> = text.expose().splitn(3, ',').collect();
    match parts[..] {
        [url, user, password] => Ok(IceServer::turn(url, user, password)),
        [url] => Ok(IceServer::stun(url)),
        _ => anyhow::bail!("--turn wants URL or URL,USER,PASSWORD"),
    }
}

impl Usual {
    fn net(&self) -> anyhow::Result<NetOptions> {
        let roots = self.root.iter().map(|file| {
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
        });
        let roots = roots.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(NetOptions::default().loopback(self.loopback).extra_roots(roots))
    }

    fn servers(&self) -> anyhow::Result<Vec<IceServer>> {
        let stun = self.stun.iter().map(|url| Ok(IceServer::stun(url)));
        stun.chain(self.turn.iter().map(relay)).collect()
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.emulator == cli.service.is_some() {
        let help = "a service, or --emulator, is wanted";
        Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, help).exit();
    }
    let usual = match &cli.service {
        Some(Service::Genesys { usual, .. } | Service::Ribbon { usual, .. }) => usual,
        None => &cli.usual,
    };
    let result = match usual.runtime {
        Carrier::Tokio => tokio::runtime::Runtime::new()
            .context("tokio")
            .and_then(|tokio| tokio.block_on(on::<offhook_tokio::Tokio>(&cli))),
        Carrier::Smol => smol::block_on(on::<offhook_smol::Smol>(&cli)),
    };
    match result.and_then(|all| show(&all, usual.json)) {
        Ok(Standing::Fail) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        // What cannot be begun was asked for wrongly.
        Err(error) => {
            eprintln!("diagnose: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn show(all: &[Findings], is_json: bool) -> anyhow::Result<Standing> {
    let worst = all.iter().map(Findings::worst).max().unwrap_or(Standing::Ok);
    if is_json {
        println!("{}", table::json(all)?);
        return Ok(worst);
    }
    all.iter().for_each(Findings::print);
    println!(
        "{}",
        match worst {
            Standing::Ok | Standing::Skipped => "calls will work",
            Standing::Warn => "calls will work; see the warnings",
            Standing::Fail => "calls will fail, some or all",
        }
    );
    Ok(worst)
}

async fn on<R: Sockets>(cli: &Cli) -> anyhow::Result<Vec<Findings>> {
    let Some(service) = &cli.service else { return emulator::<R>(&cli.usual).await };
    Ok(vec![match service {
        Service::Genesys { host, token, api_host, ws_host, usual } => {
            let cloud = Cloud {
                host: host.clone(),
                token: token.clone(),
                api_host: api_host.clone(),
                ws_host: ws_host.clone(),
                servers: usual.servers()?,
                net: usual.net()?,
            };
            checks::run::<R, _>(&cloud, &cloud.net).await?
        }
        Service::Ribbon { rest_url, ws_url, user, password, usual } => {
            let gateway = Gateway {
                config: Config::at(rest_url, ws_url)?,
                user: user.clone(),
                password: password.clone(),
                servers: usual.servers()?,
                net: usual.net()?,
            };
            checks::run::<R, _>(&gateway, &gateway.net).await?
        }
    }])
}

/// Looks at both services of the emulator.
async fn emulator<R: Sockets>(usual: &Usual) -> anyhow::Result<Vec<Findings>> {
    let Emulated { emulator, stun } = Emulated::start()?;
    let net = usual.net()?.loopback(true);
    let (_, token) = emulator.add_user("Ada", None).context("no user")?;
    let cloud = Cloud {
        host: "lab.test".to_owned(),
        token: Secret::new(token),
        api_host: Some(emulator.http_url()),
        ws_host: Some(emulator.ws_url()),
        servers: usual.servers()?,
        net: net.clone(),
    };
    let user = emulator.control("POST", "ribbon/users", &json!({})).context("no user")?;
    let text = |key: &str| user.get(key).and_then(Value::as_str).context("a user without that");
    let gateway = Gateway {
        config: Config::at(text("restUrl")?, text("wsUrl")?)?,
        user: text("user")?.to_owned(),
        password: Secret::new(text("password")?),
        servers: stun.into_iter().chain(usual.servers()?).collect(),
        net: net.clone(),
    };
    let all =
        vec![checks::run::<R, _>(&cloud, &net).await?, checks::run::<R, _>(&gateway, &net).await?];
    emulator.shutdown();
    Ok(all)
}
