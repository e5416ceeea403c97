//! The simulator on the command line: many seeds at once, one again, the smallest that still
//! fails, a diagram of a call.
//!
//! A program of your own gets all of it for its scenarios:
//!
//! ```no_run
//! use offhook_sim::{Scenario, tool::Tool};
//!
//! fn main() -> std::process::ExitCode {
//!     Tool::new("cargo run --").scenario(Scenario::bad_wifi().named("my-bot")).main()
//! }
//! ```

mod answer;
mod bench;
mod file;
mod interrupt;
mod ladder;
mod menu;
mod panics;
mod plan;
mod progress;
mod replay;
mod report;
mod run;
mod shrink;
mod watcher;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::scenario::{Preset, Scenario};

use self::interrupt::Interrupt;
use self::menu::Menu;

pub use self::answer::{ToolError, Verdict};
pub use self::bench::{BenchArgs, bare_loop};
pub use self::ladder::LadderArgs;
pub use self::plan::{Faults, Plan, Seeds};
pub use self::replay::{DigestArgs, ReplayArgs};
pub use self::run::RunArgs;
pub use self::shrink::{Limits, ShrinkArgs, Shrunk, Step, shrink};

/// The commands of the tool. Its exit status is 0 without a finding, 1 with one, 2 when it could
/// not do it, 130 when Ctrl-C ended it before it found anything.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run many seeds and look whether anything is ever wrong.
    Run(RunArgs),
    /// Run one seed again and tell its story.
    Replay(ReplayArgs),
    /// Find the smallest plan in which a seed fails the same way.
    Shrink(ShrinkArgs),
    /// Draw a call of a run as a ladder diagram; without --call, list the calls.
    Ladder(LadderArgs),
    /// Print a fingerprint of each seed's run, to compare machines and builds.
    Digest(DigestArgs),
    /// Measure how fast the simulator is.
    Bench(BenchArgs),
}

/// The tool, for some scenarios. See the [module](self).
#[derive(Clone, Debug)]
pub struct Tool {
    menu: Menu,
}

/// Runs contact centres in virtual time.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

impl Tool {
    /// A tool without scenarios. `called` is how one calls this program, for the commands that it
    /// prints: `cargo run -p my-bot --`.
    #[must_use]
    pub fn new(called: impl Into<String>) -> Self {
        Self { menu: Menu { called: called.into(), scenarios: Vec::new() } }
    }

    /// One more scenario, known by its name. The first one is taken where none is asked for.
    #[must_use]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.menu.scenarios.push(scenario);
        self
    }

    /// All presets, `swarm` first.
    #[must_use]
    pub fn presets(self) -> Self {
        Preset::ALL.into_iter().rev().fold(self, |tool, preset| tool.scenario(preset.scenario()))
    }

    /// The whole program: reads the command line, does what it says, and tells how it ended.
    #[must_use]
    pub fn main(&self) -> ExitCode {
        self.finish(&Cli::parse().command)
    }

    /// Does what was asked, on the terminal, and tells how it ended.
    #[must_use]
    pub fn finish(&self, command: &Command) -> ExitCode {
        // Only `run` has something to tell when it is ended early; all else Ctrl-C ends at once.
        // Where nobody can listen, it does so here, too.
        let interrupt = match command {
            Command::Run(_) => Interrupt::listen().unwrap_or_default(),
            _ => Interrupt::default(),
        };
        match self.perform_until(command, &interrupt, &mut io::stdout()) {
            Ok(Verdict::Clean) => ExitCode::SUCCESS,
            Ok(Verdict::Finding) => ExitCode::from(1),
            Ok(Verdict::Interrupted) => ExitCode::from(interrupt::STATUS),
            Err(error) => {
                // A reader that has seen enough is no news.
                let pipe =
                    matches!(&error, ToolError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe);
                if !pipe {
                    // Where nobody can be told, the status must do.
                    let _ = writeln!(io::stderr(), "error: {error}");
                }
                ExitCode::from(2)
            }
        }
    }

    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// It cannot be done, or its answer not be written.
    pub fn perform(&self, command: &Command, out: &mut dyn Write) -> Result<Verdict, ToolError> {
        self.perform_until(command, &Interrupt::default(), out)
    }

    fn perform_until(
        &self,
        command: &Command,
        interrupt: &Interrupt,
        out: &mut dyn Write,
    ) -> Result<Verdict, ToolError> {
        let menu = &self.menu;
        match command {
            Command::Run(args) => run::run(menu, args, interrupt, out),
            Command::Replay(args) => replay::replay(menu, args, out),
            Command::Shrink(args) => shrink::perform(menu, args, out),
            Command::Ladder(args) => ladder::perform(menu, args, out),
            Command::Digest(args) => replay::digest(menu, args, out),
            Command::Bench(args) => bench::bench(args, out),
        }
    }
}
