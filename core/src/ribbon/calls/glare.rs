//! Changes of ours that met one of the far side's, and are tried again (RP-4; RFC 3261 section 14.1).
//!
//! Each try is an operation of its own; between two nothing is under way, so that the far side's change can
//! be taken.

use std::time::{Duration, Instant};

use super::call::Call;
use super::desk::Desk;
use super::operations::Blocked;
use super::tracks::Source;
use crate::machine::{CommandId, Track};
use crate::ribbon::constants::OperationKind;
use crate::ribbon::error::{CallCode, Error, ErrorCode};
use crate::ribbon::ids::OperationId;

/// The time after which it is looked again whether the far side's change is done.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A change of ours, as it can be asked for once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Hold(bool),
    Restart,
    Add(OperationKind, Vec<Source>),
    Remove(OperationKind, Vec<Track>),
}

/// A change that waits for its next try.
#[derive(Clone, Debug)]
pub(super) struct Again {
    /// The command that asked for it.
    command: CommandId,
    change: Change,
    /// The tries after the first, with the one to come.
    tries: u32,
    pub(super) at: Instant,
}

impl Call {
    /// Ends an operation that lost by glare, and waits to try it again, if it may. True if so.
    pub(super) fn try_again(
        &mut self,
        op: &OperationId,
        error: &Error,
        desk: &mut Desk<'_>,
    ) -> bool {
        let lost = error.code == ErrorCode::from(CallCode::Glare);
        let Some((change, tries)) = self.asked.clone().filter(|_| lost) else { return false };
        let open = |command: &CommandId| desk.out.is_open(*command);
        if tries >= desk.out.config.call.glare_retries {
            return false;
        }
        let Some(command) = self.ops.disown(op).filter(open) else { return false };
        self.finish(op, Err(error.clone()), desk);
        let (from, to) = if self.is_incoming() { (0.0, 2.0) } else { (2.1, 4.0) };
        let pause = Duration::from_secs_f64(desk.rng.between(from, to));
        let at = desk.out.now() + pause;
        self.again = Some(Again { command, change, tries: tries + 1, at });
        true
    }

    /// Tries once more what waits for it, when the far side is done.
    pub(super) fn again_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        let blocked = self.ops.blocked();
        let Some(again) = self.again.as_mut().filter(|again| again.at <= now) else { return };
        if blocked == Blocked::Remote && desk.out.is_open(again.command) {
            again.at = now + LOOK_AGAIN;
            return;
        }
        let Some(Again { command, change, tries, .. }) = self.again.take() else { return };
        if !desk.out.is_open(command) {
            return;
        }
        if let Err(error) = self.may_again(&change) {
            desk.out.complete(command, Err(error));
            return;
        }
        match &change {
            Change::Hold(held) => self.hold(command, *held, desk),
            Change::Restart => self.restart(command, desk),
            Change::Add(kind, sources) => {
                self.add_media(command, *kind, sources.clone(), None, desk);
            }
            Change::Remove(kind, tracks) => self.remove_media(command, *kind, tracks, None, desk),
        }
        self.asked = Some((change, tries));
    }

    /// Checks that a change is still one.
    fn may_again(&self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Hold(true) => self.may_hold(),
            Change::Hold(false) => self.may_unhold(),
            Change::Restart => self.may_change(OperationKind::MediaRestart),
            Change::Add(kind, sources) => {
                self.may_add(sources)?;
                self.may_change_media(*kind)
            }
            Change::Remove(kind, _) => self.may_change_media(*kind),
        }
    }

    /// Answers a command that waits for another try: the call is over.
    pub(super) fn leave_again(&mut self, desk: &mut Desk<'_>) {
        if let Some(Again { command, .. }) = self.again.take() {
            let over = Error::new(CallCode::InvalidState, "the call is over");
            desk.out.complete(command, Err(over));
        }
    }
}
