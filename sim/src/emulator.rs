//! `serve`: the model cloud on real sockets.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc;

use anyhow::{Context as _, bail};
use clap::Args;
use console::style;
use offhook_sim::serve::{Emulator, EmulatorOptions};

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to serve: plain HTTP and WebSocket, or TLS with --tls.
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
    let (log, lines) = mpsc::channel();
    let emulator = Emulator::start(EmulatorOptions {
        listen: (!serve.tls).then_some(serve.listen),
        tls_listen: if serve.tls { Some(serve.listen) } else { serve.tls_listen },
        certificate: serve.cert.zip(serve.key),
        public_ip: serve.public_ip,
        seed: serve.seed,
        prompt: None,
        log: Some(log),
    })?;
    println!("{}", style("offhook's model cloud is serving").bold());
    println!("  service API   {}", emulator.http_url());
    if let (false, Some(https)) = (serve.tls, emulator.https_url()) {
        println!("  over TLS      {https}");
    }
    println!("  WebSocket     {}", emulator.ws_url());
    println!("  control API   {}", emulator.control_url());
    let first = make_users(&emulator, &serve.users)?;
    if let Some((id, token)) = first {
        log_in_help(&emulator, &id, &token);
    }
    println!("{}\n", style("Ctrl-C ends it.").dim());

    if !serve.quiet {
        // Ends with the emulator, which holds the other side.
        std::thread::spawn(move || {
            for line in lines {
                println!("{} {line}", style("·").cyan());
            }
        });
    }
    wait_for_ctrl_c()?;
    println!("\nbye");
    emulator.shutdown();
    Ok(())
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
        println!("  user          {name}, token {}", body.1);
        first.get_or_insert(body);
    }
    Ok(first)
}

fn log_in_help(emulator: &Emulator, user: &str, token: &str) {
    println!("\n{}", style("Log in with offhook:").bold());
    println!(
        "  cargo run -p offhook-examples --bin softphone -- --environment lab.test \\\n    \
         --api-host {} --ws-host {} --loopback --token {token}",
        emulator.http_url(),
        emulator.ws_url(),
    );
    println!("{}", style("or with the vendor's SDK (serve with --tls for a browser):").bold());
    println!(
        "  new GenesysCloudWebrtcSdk({{ accessToken: '{token}', environment: 'lab.test' }})\n  \
         in a browser that maps *.lab.test to this address",
    );
    println!("{}", style("Then let a customer call:").bold());
    println!(
        "  curl -X POST {}/calls -H 'content-type: application/json' \\\n    \
         -d '{{\"kind\":\"inbound\",\"userId\":\"{user}\"}}'",
        emulator.control_url(),
    );
}
