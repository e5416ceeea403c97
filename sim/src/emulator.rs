//! `serve`: the model cloud on real sockets.

use std::fmt::Display;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc;

use anyhow::{Context as _, bail};
use clap::Args;
use console::style;
use offhook_sim::serve::{Emulator, EmulatorOptions};

/// Options of serving.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address to serve at: plain HTTP and WebSocket, or TLS with --tls.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Serve TLS on --listen, with a self-signed certificate unless one is given.
    #[arg(long)]
    tls: bool,
    /// Serve TLS here besides plain HTTP on --listen.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "tls")]
    tls_listen: Option<SocketAddr>,
    /// The certificate chain, PEM.
    #[arg(long, requires = "key", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The certificate's key, PEM.
    #[arg(long, requires = "cert", value_name = "FILE")]
    key: Option<PathBuf>,
    /// The address that far ends' media is bound to and advertised at.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    public_ip: IpAddr,
    /// Another name and port that the control API is asked for at, as where a port is forwarded.
    /// May be repeated.
    #[arg(long = "control-host", value_name = "HOST:PORT")]
    control_hosts: Vec<String>,
    /// The seed of all its ids.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Make a user: a name, and a token if you want to choose it. May be repeated.
    #[arg(long = "user", value_name = "NAME[:TOKEN]", default_value = "Ada:ada-token")]
    users: Vec<String>,
    /// Say nothing about what happens.
    #[arg(long, short)]
    quiet: bool,
}

/// Serves until Ctrl-C.
pub(crate) fn run(serve: Serve) -> anyhow::Result<()> {
    warn_beyond_loopback(&serve);
    let (log, lines) = mpsc::channel();
    let emulator = Emulator::start(EmulatorOptions {
        listen: (!serve.tls).then_some(serve.listen),
        tls_listen: if serve.tls { Some(serve.listen) } else { serve.tls_listen },
        certificate: serve.cert.zip(serve.key),
        public_ip: serve.public_ip,
        seed: serve.seed,
        control_hosts: serve.control_hosts,
        log: Some(log),
        ..EmulatorOptions::default()
    })?;
    say(format_args!("{}", style("offhook's model cloud is serving").bold()));
    say(format_args!("  service API   {}", emulator.http_url()));
    if let (false, Some(https)) = (serve.tls, emulator.https_url()) {
        say(format_args!("  over TLS      {https}"));
    }
    say(format_args!("  WebSocket     {}", emulator.ws_url()));
    say(format_args!("  control API   {}", emulator.control_url()));
    let first = make_users(&emulator, &serve.users)?;
    if let Some((id, token)) = first {
        log_in_help(&emulator, &id, &token);
    }
    say(format_args!("{}\n", style("Ctrl-C ends it.").dim()));

    if !serve.quiet {
        // Ends with the emulator, which holds the other side.
        std::thread::spawn(move || {
            for line in lines {
                if !say(format_args!("{} {line}", style("·").cyan())) {
                    return;
                }
            }
        });
    }
    wait_for_ctrl_c()?;
    say("\nbye");
    emulator.shutdown();
    Ok(())
}

/// Says a line on the standard output. False when nobody reads that any more, which is no reason
/// to stop serving.
fn say(line: impl Display) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// Says it loudly when others than this machine can reach what it serves.
fn warn_beyond_loopback(serve: &Serve) {
    let beyond = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    for address in
        [Some(&serve.listen), serve.tls_listen.as_ref()].into_iter().flatten().filter(beyond)
    {
        let loud =
            style(format!("WARNING: serving on {address}, not only on loopback.")).red().bold();
        // Whoever closed the standard error does not want to know.
        let _ = writeln!(
            std::io::stderr(),
            "{}\nWhoever reaches this address can log in with made-up users, and place, hear and end calls.",
            loud.for_stderr()
        );
    }
}

fn wait_for_ctrl_c() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c()).context("waiting for Ctrl-C")
}

/// Makes the users asked for; the first one's id and token.
fn make_users(emulator: &Emulator, users: &[String]) -> anyhow::Result<Option<(String, String)>> {
    let mut first = None;
    for user in users {
        let (name, token) = match user.split_once(':') {
            Some((name, token)) => (name, Some(token.to_owned())),
            None => (user.as_str(), None),
        };
        if name.is_empty() {
            bail!("a user needs a name: {user:?}");
        }
        let body = emulator
            .add_user(name, token.as_deref())
            .with_context(|| format!("cannot make the user {name}"))?;
        say(format_args!("  user          {name}, token {}", body.1));
        first.get_or_insert(body);
    }
    Ok(first)
}

fn log_in_help(emulator: &Emulator, user: &str, token: &str) {
    say(format_args!("\n{}", style("Log in with offhook:").bold()));
    say(format_args!(
        "  cargo run -p offhook-examples --bin softphone -- --environment lab.test \\\n    \
         --api-host {} --ws-host {} --loopback --token {token}",
        emulator.http_url(),
        emulator.ws_url(),
    ));
    say(format_args!(
        "{}",
        style("or with the vendor's SDK (serve with --tls for a browser):").bold()
    ));
    say(format_args!(
        "  new GenesysCloudWebrtcSdk({{ accessToken: '{token}', environment: 'lab.test' }})\n  \
         in a browser that maps *.lab.test to this address",
    ));
    say(format_args!("{}", style("Then let a customer call:").bold()));
    say(format_args!(
        "  curl -X POST {}/calls -H 'content-type: application/json' \\\n    \
         -d '{{\"kind\":\"inbound\",\"userId\":\"{user}\"}}'",
        emulator.control_url(),
    ));
}
