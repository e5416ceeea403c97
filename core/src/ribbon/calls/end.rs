//! The end of calls, whoever ends them (w4.5 to w4.8).

use super::call::Call;
use super::desk::Desk;
use crate::machine::CommandId;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::Error;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::OperationId;
use crate::ribbon::info::EndReason;
use crate::ribbon::outcome::Outcome;

/// The status of a call that the gateway knows no more (w4.0.2).
const AUDIT_FAILED: i64 = 9909;

/// A way to deal with an incoming call without answering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    Reject,
    Forward(String),
}

impl Call {
    /// Ends it from here, at once: the gateway is told in the background.
    pub(super) fn end(&mut self, command: Option<CommandId>, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::End, true, command, desk);
        self.update(&op, desk);
        self.hang_up(desk);
        let gone = self.close(CallState::Ended, desk);
        self.abandon(Some(&op), desk);
        self.tell_tracks(gone, desk.out);
        self.finish(&op, Ok(Outcome::Done), desk);
        self.tell(None, None, desk.out);
    }

    /// Asks the gateway to end its session, in the background. A session that it has not named yet is
    /// ended when it does.
    pub(super) fn hang_up(&mut self, desk: &mut Desk<'_>) {
        if let Some(session) = self.session.clone() {
            let resource = desk.out.resources().end(&session);
            desk.out.rest(Ask::Hangup, resource);
        }
    }

    /// The gateway, or the far side, ends it (`callEnd`).
    pub(super) fn ended(&mut self, reason: EndReason, desk: &mut Desk<'_>) {
        self.over(CallState::Ended, OperationKind::End, Some(reason), None, desk);
    }

    /// The call was withdrawn, or is taken by another client of the user (`callCancel`).
    pub(super) fn cancelled(&mut self, reason: Option<EndReason>, desk: &mut Desk<'_>) {
        self.over(CallState::Cancelled, OperationKind::CallCancel, reason, None, desk);
    }

    /// The gateway knows it no more.
    pub(super) fn forgotten(&mut self, desk: &mut Desk<'_>) {
        let reason = EndReason::new(AUDIT_FAILED, "the gateway does not know the call any more");
        self.over(CallState::Ended, OperationKind::End, Some(reason), None, desk);
    }

    /// It cannot go on, for this reason. The gateway is told, if it is not the one that says so.
    pub(super) fn broken(&mut self, error: Error, desk: &mut Desk<'_>) {
        if self.is_over() {
            return;
        }
        self.hang_up(desk);
        self.over(CallState::Ended, OperationKind::End, None, Some(error), desk);
    }

    fn over(
        &mut self,
        state: CallState,
        kind: OperationKind,
        reason: Option<EndReason>,
        error: Option<Error>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(kind, false, None, desk);
        let gone = self.close(state, desk);
        self.finish(&op, Ok(Outcome::Done), desk);
        self.tell_tracks(gone, desk.out);
        self.tell(reason, error, desk.out);
        self.abandon(None, desk);
    }

    /// Ends it here alone.
    pub(super) fn ignore(&mut self, command: CommandId, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::Ignore, true, Some(command), desk);
        let gone = self.close(CallState::Ended, desk);
        self.abandon(Some(&op), desk);
        self.finish(&op, Ok(Outcome::Done), desk);
        self.tell_tracks(gone, desk.out);
        self.tell(None, None, desk.out);
    }

    /// Declines it, or sends it on.
    pub(super) fn dispose(
        &mut self,
        command: CommandId,
        disposition: &Disposition,
        desk: &mut Desk<'_>,
    ) {
        let Some(session) = self.session.clone() else { return };
        let resources = desk.out.resources();
        let (kind, resource) = match disposition {
            Disposition::Reject => (OperationKind::Reject, resources.reject(&session)),
            Disposition::Forward(to) => {
                (OperationKind::ForwardCall, resources.forward(&session, to))
            }
        };
        let op = self.start(kind, true, Some(command), desk);
        self.update(&op, desk);
        desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Dispose(op)), resource);
    }

    /// Takes the gateway's reply to that.
    pub(super) fn disposed(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        match result {
            Ok(()) => {
                let gone = self.close(CallState::Ended, desk);
                self.finish(op, Ok(Outcome::Done), desk);
                self.abandon(None, desk);
                self.tell_tracks(gone, desk.out);
                self.tell(None, None, desk.out);
            }
            Err(fault) => self.fail(op, fault.of_call(), desk),
        }
    }
}
