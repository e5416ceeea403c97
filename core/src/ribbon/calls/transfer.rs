//! Calls that move: transfers, and two calls that become one (w4.12 to w4.14).

use std::time::Duration;

use super::call::{Call, Move};
use super::change::invalid_state;
use super::desk::Desk;
use crate::machine::CommandId;
use crate::rest::Resource;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::{CallCode, Error, ErrorCode};
use crate::ribbon::ids::OperationId;
use crate::ribbon::info::EndReason;
use crate::ribbon::outcome::Outcome;

/// The time that the end of a transfer or a join is waited for beyond its request's own.
const LATE_END: Duration = Duration::from_secs(60);

impl Call {
    /// Checks that a held call can be moved.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidState`] unless it is held here, [`CallCode::Glare`] while another operation is
    /// under way.
    pub(super) fn may_move(&self, kind: OperationKind) -> Result<(), Error> {
        if self.info.state != CallState::OnHold || !self.info.hold.local() {
            return Err(invalid_state(self.info.state));
        }
        if self.moving.is_some() {
            return Err(Error::new(CallCode::Glare, "the call is being moved"));
        }
        self.may_change(kind)
    }

    /// Begins to move it. Its command is the first call's, if there are two.
    pub(super) fn begin_move(
        &mut self,
        kind: OperationKind,
        command: Option<CommandId>,
        desk: &mut Desk<'_>,
    ) -> OperationId {
        let op = self.start(kind, true, command, desk);
        let until = desk.out.now() + desk.out.config.rest_timeout + LATE_END;
        self.moving = Some(Move { op: op.clone(), kind, until });
        self.update(&op, desk);
        op
    }

    /// Asks the gateway to transfer it.
    pub(super) fn request_transfer(
        &mut self,
        op: OperationId,
        resource: Resource,
        desk: &mut Desk<'_>,
    ) {
        desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Transfer(op)), resource);
    }

    /// It was moved: its session here is over.
    pub(super) fn moved(&mut self, desk: &mut Desk<'_>) {
        let Some(Move { op, kind, .. }) = self.moving.take() else { return };
        let (status, text) = if kind == OperationKind::DirectTransfer {
            (9905, "Direct Transfer Successful")
        } else if kind == OperationKind::Join {
            (9906, "Join Successful")
        } else {
            (9905, "Transfer Successful")
        };
        self.hang_up(desk);
        let gone = self.close(CallState::Ended, desk);
        self.tell_tracks(gone, desk.out);
        self.tell(Some(EndReason::new(status, text)), None, desk.out);
        self.finish(&op, Ok(Outcome::Done), desk);
        self.abandon(None, desk);
    }

    /// It was not moved: it is as before.
    pub(super) fn move_failed(&mut self, error: Error, desk: &mut Desk<'_>) {
        if let Some(Move { op, .. }) = self.moving.take() {
            self.fail(&op, error, desk);
        }
    }

    /// The error of a move that failed for this reason.
    pub(super) fn move_error(&self, reason: &EndReason) -> Error {
        let (text, status) = match self.moving.as_ref().map(|moving| moving.kind) {
            Some(OperationKind::Join) => ("Join Failed", -2),
            Some(OperationKind::DirectTransfer) => ("Direct Transfer Failed", -1),
            Some(_) | None => ("Transfer Failed", -1),
        };
        let status = reason.status.unwrap_or(status);
        let text = reason.text.as_deref().unwrap_or(text);
        Error::new(CallCode::Generic, format!("the call was not moved: {text} ({status})"))
    }

    /// True if it waits in vain.
    pub(super) fn is_move_overdue(&self, desk: &Desk<'_>) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.until <= desk.out.now())
    }
}

/// The error of a move whose end nobody told.
pub(super) fn overdue() -> Error {
    Error::new(ErrorCode::Timeout, "the gateway did not say in time what became of it")
}
