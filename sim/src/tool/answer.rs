//! What the tool answers: whether something was found, or why it could not look.

use std::io;
use std::path::PathBuf;

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Clean,
    /// Something is.
    Finding,
    /// Somebody ended it before it was through; nothing is wrong so far.
    Interrupted,
}

/// Why the tool could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// No scenario has that name.
    #[error("there is no scenario {name:?}; there are {known}")]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No call, or more than one, has an id that begins so.
    #[error(
        "{found} calls have an id that begins with {call:?}; `ladder` without --call lists all"
    )]
    UnknownCall {
        /// What was asked for.
        call: String,
        /// How many there are.
        found: usize,
    },
    /// Nothing is wrong with a seed that should be made smaller.
    #[error("nothing is wrong with seed {0} in this plan, so there is nothing to shrink")]
    NoFinding(u64),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The terminal, or whatever stands for it, is gone.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}
