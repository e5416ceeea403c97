//! Decisions about notifications, carried out.

use std::time::Duration;

use super::call::{Call, Word};
use super::decide::Decision;
use super::desk::Desk;
use super::told::Told;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::info::EndReason;

/// The code of an offer that met one of the far side (w1.6).
const BUSY_WITH_OFFER: i64 = 49;

/// Does what was decided.
pub(super) fn act(call: &mut Call, decision: Decision, told: Told, desk: &mut Desk<'_>) {
    match decision {
        Decision::Ring => {
            call.tell_parameters(told.parameters, desk);
            call.rings(desk);
        }
        Decision::Early => {
            call.tell_parameters(told.parameters, desk);
            if let Some(sdp) = &told.sdp {
                call.early(sdp, desk);
            }
        }
        Decision::Resume => {
            let word = match told.sdp {
                Some(sdp) => Word::Answer(sdp),
                None => Word::Refusal(refused(&told.reason, told.retry_after)),
            };
            call.tell_parameters(told.parameters, desk);
            call.word(word, desk);
        }
        Decision::Start => call.take_offer(told, desk),
        Decision::Wait => call.wait(told, desk),
        Decision::Refuse => call.refuse_offer(desk),
        Decision::Cancel => {
            let reason = Some(told.reason).filter(|reason| *reason != EndReason::default());
            call.cancelled(reason, desk);
        }
        Decision::Drop | Decision::End | Decision::Moved => {}
    }
}

/// The error of an offer of ours that the far side refused (RP-4).
fn refused(reason: &EndReason, retry_after: Option<Duration>) -> Error {
    let code = match reason.status {
        Some(BUSY_WITH_OFFER | 491) => CallCode::Glare,
        Some(_) | None => CallCode::Generic,
    };
    let text = reason.text.as_deref().unwrap_or("no reason was given");
    let status = reason.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let error = Error::new(code, format!("the far side refused the offer: {text}{status}"));
    error.retried_after(retry_after)
}
