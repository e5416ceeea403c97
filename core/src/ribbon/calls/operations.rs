//! The operations on a call: one at a time that blocks, any number that do not (w4.0.3).

use crate::machine::{CommandId, Rng};
use crate::ribbon::constants::{OperationKind, OperationStatus, Transition};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::ids::{CallId, OperationId};
use crate::ribbon::info::OperationInfo;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;

/// The most operations of one call at once; one more is refused.
pub(super) const MAX_OPERATIONS: usize = 32;

/// The greatest obstacle to another operation (w4.0.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blocked {
    /// Nothing is under way that blocks.
    Free,
    /// An operation of the far side.
    Remote,
    /// An operation of ours.
    Local,
    /// The call ends.
    Ending,
}

/// An operation under way.
#[derive(Clone, Debug)]
struct Operation {
    info: OperationInfo,
    /// The command to answer at its end.
    command: Option<CommandId>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Operations {
    running: Vec<Operation>,
}

impl Operations {
    /// The greatest obstacle that is under way.
    pub(super) fn blocked(&self) -> Blocked {
        let each = self.running.iter().map(|Operation { info, .. }| {
            if info.kind == OperationKind::End {
                Blocked::Ending
            } else if !info.blocking {
                Blocked::Free
            } else if info.local {
                Blocked::Local
            } else {
                Blocked::Remote
            }
        });
        each.max().unwrap_or(Blocked::Free)
    }

    /// Checks that an operation of ours can begin.
    ///
    /// # Errors
    ///
    /// [`CallCode::Glare`] while another one keeps it from running.
    pub(super) fn may_start(&self, kind: OperationKind) -> Result<(), Error> {
        let blocked = self.blocked();
        if blocked == Blocked::Ending || (kind.is_blocking() && blocked != Blocked::Free) {
            return Err(Error::new(CallCode::Glare, "another operation is under way"));
        }
        if self.running.len() >= MAX_OPERATIONS {
            return Err(Error::new(CallCode::Glare, "too many operations are under way"));
        }
        Ok(())
    }

    /// True while an operation of that kind is under way.
    pub(super) fn runs(&self, kind: OperationKind) -> bool {
        self.running.iter().any(|running| running.info.kind == kind)
    }

    pub(super) fn kind(&self, id: &OperationId) -> Option<OperationKind> {
        self.get(id).map(|running| running.info.kind)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// All of them, as an application reads them.
    pub(super) fn infos(&self) -> Vec<OperationInfo> {
        self.running.iter().map(|running| running.info.clone()).collect()
    }

    fn get(&self, id: &OperationId) -> Option<&Operation> {
        self.running.iter().find(|running| running.info.id == *id)
    }

    /// Begins an operation: START.
    pub(super) fn start(
        &mut self,
        call: &CallId,
        kind: OperationKind,
        local: bool,
        command: Option<CommandId>,
        rng: &mut Rng,
        out: &mut Outbox,
    ) -> OperationId {
        let id = OperationId::random(rng);
        let status = OperationStatus::Ongoing;
        let info = OperationInfo {
            id: id.clone(),
            kind: kind.told(),
            status,
            local,
            blocking: kind.is_blocking(),
        };
        out.event(told(call, &info, Transition::Start, None, None));
        self.running.push(Operation { info, command });
        id
    }

    /// Takes the next step of an operation: UPDATE, once, or RESUME, once and after it.
    pub(super) fn step(
        &mut self,
        call: &CallId,
        id: &OperationId,
        transition: Transition,
        out: &mut Outbox,
    ) {
        let status = transition.status();
        let running = self.running.iter_mut().find(|running| running.info.id == *id);
        if let Some(running) = running.filter(|running| running.info.status < status) {
            let previous = std::mem::replace(&mut running.info.status, status);
            out.event(told(call, &running.info, transition, Some(previous), None));
        }
    }

    /// Ends an operation, and answers its command: FINISH.
    pub(super) fn finish(
        &mut self,
        call: &CallId,
        id: &OperationId,
        result: Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        let Some(at) = self.running.iter().position(|running| running.info.id == *id) else {
            return;
        };
        let Operation { info, command } = self.running.remove(at);
        out.operation_over(id);
        let error = result.as_ref().err().map(|error| out.fit(error.clone()));
        let previous = Some(info.status);
        out.event(told(call, &info, Transition::Finish, previous, error));
        if let Some(command) = command {
            out.complete(command, result);
        }
    }

    /// Answers the command of an operation that goes on.
    pub(super) fn complete(
        &mut self,
        id: &OperationId,
        result: Result<Outcome, Error>,
        out: &mut Outbox,
    ) {
        let running = self.running.iter_mut().find(|running| running.info.id == *id);
        if let Some(command) = running.and_then(|running| running.command.take()) {
            out.complete(command, result);
        }
    }

    /// Takes note that an operation's command is answered already; which one, if it was one of these.
    pub(super) fn release(&mut self, command: CommandId) -> Option<OperationId> {
        let asked = |running: &&mut Operation| running.command == Some(command);
        let running = self.running.iter_mut().find(asked)?;
        running.command = None;
        Some(running.info.id.clone())
    }

    /// Takes the command away from an operation, which somebody else answers.
    pub(super) fn disown(&mut self, id: &OperationId) -> Option<CommandId> {
        self.running.iter_mut().find(|running| running.info.id == *id)?.command.take()
    }

    /// All that are under way, the oldest first.
    pub(super) fn ids(&self) -> Vec<OperationId> {
        self.running.iter().map(|running| running.info.id.clone()).collect()
    }
}

fn told(
    call: &CallId,
    info: &OperationInfo,
    transition: Transition,
    previous: Option<OperationStatus>,
    error: Option<Error>,
) -> Event {
    Event::Operation {
        call: call.clone(),
        id: info.id.clone(),
        kind: info.kind,
        transition,
        local: info.local,
        previous,
        error,
    }
}
