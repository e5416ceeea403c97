//! The things that one kind of media waits for.

use super::choice::Choice;
use super::constraints::Constraints;
use super::desk::Origin;
use super::effect::{CommandId, RequestId};
use super::error::OpenError;
use super::ladder::Rung;

/// The matter of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    /// A choice of a device. The system's default may be another one by now.
    Choice,
    /// The settings of the device that is in use.
    Settings,
}

/// Something to be done once nothing is being opened.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) choice: Choice,
    pub(super) matter: Matter,
    pub(super) commands: Vec<CommandId>,
}

/// A request to open a source.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) request: RequestId,
    pub(super) rung: Rung,
    pub(super) choice: Choice,
    /// The place where that came from when it was asked for.
    pub(super) origin: Origin,
    pub(super) constraints: Constraints,
    pub(super) commands: Vec<CommandId>,
    /// The reason why what was asked for did not open, once what was before is opened again.
    pub(super) failed: Option<OpenError>,
}

/// A request to change the size of pictures.
#[derive(Debug)]
pub(super) struct Resizing {
    pub(super) request: RequestId,
    /// The wishes that were met before.
    pub(super) before: Constraints,
    pub(super) commands: Vec<CommandId>,
}
