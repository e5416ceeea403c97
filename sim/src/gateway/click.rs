//! Calls that a user asks for without being in them (w5.2): one party is called, and when they have it, the
//! other one. Nobody says how a gateway does it: like a phone system of whoever has no offer yet.

use std::mem;

use super::address::Identity;
use super::house::House;
use super::leg::{LegState, Party};
use super::setup;

/// Calls one party, on behalf of the other.
pub(super) fn begin(house: &mut House, calling: &str, called: &str) {
    if !house.calls.has_room() {
        return;
    }
    let who = match house.world.directory.user(super::address::plain(called)) {
        Some(user) => Identity::new(&user.name, &user.display_name),
        None => Identity::new(called, ""),
    };
    // Somebody has to be at the other end until they are called.
    let (call, _) = setup::begin(house, who, Party::Phantom);
    if let Some(call) = house.calls.call_mut(&call) {
        call.then = Some(called.to_owned());
    }
    match setup::place(house, &call, 1, calling) {
        Ok(sessions) => setup::invite(house, &sessions, None),
        Err(why) => setup::end(house, &call, &why, None),
    }
}

/// The party that was called first has it, with an offer: the other one is called. False if the call
/// is none such.
pub(super) fn answered(house: &mut House, session: &str, offer: &str) -> bool {
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    let Some(called) = call.then.take() else { return false };
    let id = call.id.clone();
    call.offer = Some(offer.to_owned());
    let there = &mut call.ends[1 - end];
    let phantoms = mem::take(&mut there.legs);
    there.chosen = None;
    there.past.extend(phantoms.iter().cloned());
    for phantom in phantoms {
        house.calls.finish_leg(&phantom, LegState::Ended, &mut house.world);
    }
    if let Some(scripted) = house.calls.leg_mut(session).and_then(|leg| leg.scripted_mut()) {
        scripted.calling = true;
    }
    match setup::place(house, &id, 1 - end, &called) {
        Ok(sessions) => setup::invite(house, &sessions, Some(offer)),
        Err(why) => setup::end(house, &id, &why, None),
    }
    true
}
