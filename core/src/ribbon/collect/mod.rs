//! Collection of ICE candidates (w5.6): descriptions are sent once, with all candidates that were worth
//! waiting for.

mod check;
mod machine;

pub use check::{
    CheckReason, Collected, DefaultCheck, GatheringState, IceCheck, IceCollection, IceTimeouts,
    Verdict,
};
pub(crate) use machine::Collection;
