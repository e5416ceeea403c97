//! Clients that no longer say that they have a call (w4.17, w8.11).

use super::guesses;
use super::house::House;
use super::setup::{self, reason};

pub(super) fn handle_timeout(house: &mut House) {
    for session in house.calls.audits.up_to(&house.world.base.now) {
        setup::happened(house, "audit-missed", &session, &serde_json::json!({}));
        let (code, text) = guesses::AUDIT_END;
        let call = house.calls.call_of(&session).map(|call| call.id.clone());
        house.calls.audits.set(&session, None);
        if let Some(call) = call {
            setup::end(house, &call, &reason(i64::from(code), text), None);
        }
    }
}
