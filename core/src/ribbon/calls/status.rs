//! The gateway's own view of a call: audits, and the state that it tells when it is asked (w4.16, w4.17).

use super::call::Call;
use super::desk::Desk;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::error::ErrorCode;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::OperationId;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wire::resources::calls::{SessionRequest, is_answered};

impl Call {
    pub(super) fn audit_timeout(&mut self, desk: &mut Desk<'_>) {
        if let Some(session) = &self.session
            && self.audit.take_due(desk.out.now())
        {
            let resource = desk.out.resources().session(session, SessionRequest::Audit);
            desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Audit), resource);
        }
    }

    pub(super) fn audited(&mut self, result: Result<(), Fault>, desk: &mut Desk<'_>) {
        let error = result.err().map(Fault::of_call);
        if error.as_ref().is_some_and(|error| error.code == ErrorCode::Gateway(42)) {
            self.forgotten(desk);
            return;
        }
        let interval = desk.out.config.call.audit_interval;
        self.audit.answered(error.is_none(), interval, desk.out.now());
    }

    /// Asks the gateway for its state.
    pub(super) fn ask_status(&mut self, op: Option<OperationId>, desk: &mut Desk<'_>) {
        if let Some(session) = &self.session {
            let resource = desk.out.resources().status(session);
            desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Status(op)), resource);
        }
    }

    /// Takes the gateway's word on its state (w4.16).
    pub(super) fn status(
        &mut self,
        op: Option<&OperationId>,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        desk: &mut Desk<'_>,
    ) {
        let state =
            result.and_then(|body| Ok(is_answered(request, &body)?)).map_err(Fault::of_call);
        let elsewhere = matches!(&state, Ok(true));
        let gone = matches!(&state, Err(error) if error.code == ErrorCode::Gateway(47));
        // What is under way by now knows better.
        let settled = self.ops.ids().iter().all(|running| Some(running) == op);
        if let Some(op) = op {
            let result = state.as_ref().map(|_| Outcome::Done).map_err(Clone::clone);
            self.finish(op, result, desk);
        }
        match state {
            Ok(_) if elsewhere && settled && self.is_incoming() && !self.info.state.is_up() => {
                self.cancelled(None, desk);
            }
            Err(error) if gone && settled => {
                self.session = None;
                self.broken(error, desk);
            }
            Ok(_) | Err(_) => {}
        }
    }
}
