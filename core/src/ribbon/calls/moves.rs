//! Ends of calls that are part of a transfer or a join (w4.12 to w4.14).

use super::Calls;
use super::decide::Coming;
use super::transfer;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::ribbon::info::EndReason;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;

impl Calls {
    /// A call ends, whether that is how a transfer goes well or not.
    pub(super) fn end_told(&mut self, id: &CallId, reason: EndReason, out: &mut Outbox) {
        if self.pairs.may_just_end(id) {
            self.moved(id, Coming::Complete, &reason, out);
            return;
        }
        self.with(id, out, |call, desk| call.ended(reason, desk));
    }

    /// A transfer or a join is decided for one of its calls.
    pub(super) fn moved(
        &mut self,
        id: &CallId,
        coming: Coming,
        reason: &EndReason,
        out: &mut Outbox,
    ) {
        if coming == Coming::Complete {
            self.with(id, out, |call, desk| call.moved(desk));
            let pair = self.pairs.over(id);
            if let Some(command) = pair.and_then(|pair| pair.command) {
                out.complete(command, Ok(Outcome::Done));
            }
            return;
        }
        let error = self.live.get(id).map(|call| call.move_error(reason));
        self.move_failed(id, error.unwrap_or_else(transfer::overdue), out);
    }

    /// A call is over, however that came: what it was part of has failed.
    pub(super) fn leave_pair(&mut self, id: &CallId, out: &mut Outbox) {
        if let Some(other) = self.pairs.lost_with(id) {
            let error = Error::new(CallCode::Generic, "one of the calls ended");
            self.move_failed(&other, error, out);
        }
    }

    /// A transfer or a join failed: all of its calls are as before.
    pub(super) fn move_failed(&mut self, id: &CallId, error: Error, out: &mut Outbox) {
        let pair = self.pairs.failed(id);
        let calls = pair.as_ref().map_or_else(|| vec![id.clone()], |pair| pair.calls.to_vec());
        for call in &calls {
            self.with(call, out, |call, desk| call.move_failed(error.clone(), desk));
        }
        let Some(pair) = pair else { return };
        if let Some(joined) = &pair.joined {
            self.with(joined, out, |call, desk| call.broken(error.clone(), desk));
        }
        if let Some(command) = pair.command {
            out.complete(command, Err(error));
        }
    }
}
