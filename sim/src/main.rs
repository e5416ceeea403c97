//! The model cloud on the command line: served on real sockets, or simulated in virtual time.

mod emulator;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use offhook_sim::tool::{self, Tool};

/// A model Genesys Cloud: log in to it with offhook or with the vendor's own SDK, or run whole
/// contact centres against it in virtual time.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the model cloud on real sockets, until Ctrl-C.
    Serve(emulator::Serve),
    #[command(flatten)]
    Simulate(tool::Command),
}

const CALLED: &str = if cfg!(debug_assertions) {
    "cargo run -p offhook-sim --"
} else {
    "cargo run --release -p offhook-sim --"
};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => {
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
                .with_writer(std::io::stderr)
                .init();
            match emulator::run(serve) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("Error: {error:?}");
                    ExitCode::FAILURE
                }
            }
        }
        Command::Simulate(command) => Tool::new(CALLED).presets().finish(&command),
    }
}
