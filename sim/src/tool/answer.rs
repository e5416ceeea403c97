//! Answers of the tool: whether something was found, or why it could not look.

use std::io;
use std::path::PathBuf;

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Clean,
    /// Something is.
    Finding,
    /// Somebody ended it before it was through; nothing is wrong so far.
    Interrupted,
}

/// The reason why the tool could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// No scenario has that name.
    #[error("there is no scenario {name:?}; there are {known}")]
    UnknownScenario {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// No call, or more than one, has an id that begins so.
    #[error(
        "{found} calls have an id that begins with {call:?}; `ladder` without --call lists all"
    )]
    UnknownCall {
        /// The call asked for.
        call: String,
        /// The number of those that there are.
        found: usize,
    },
    /// Nothing is wrong with a seed that should be made smaller.
    #[error("nothing is wrong with seed {0} in this plan, so there is nothing to shrink")]
    NoFinding(u64),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The terminal, or whatever stands for it, is gone.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}
