//! Conferences: two calls of a client become one, in which three hear each other (w4.14). The
//! gateway ends the media of all of them, and lets one be heard at a time.

use serde_json::json;

use super::address::{self, Identity};
use super::house::House;
use super::leg::{Leg, LegState, Party};
use super::news::News;
use super::party::{Plan, Script, Scripted};
use super::setup::{self, happened, invite};
use super::tell::tell;
use crate::service::FarEndMode;

/// The name and the number of the far side of a joined call (w3.3).
const CONFERENCE: &str = "conference";

fn place(mode: FarEndMode, bridge: &str) -> Scripted {
    let plan = Plan {
        who: Identity::default(),
        script: Script::Bridge,
        after: std::time::Duration::ZERO,
        status: None,
        mode,
    };
    Scripted { bridge: Some(bridge.to_owned()), ..Scripted::new(&plan) }
}

/// Joins the calls of two legs of a client, whose new leg offers. That leg's session.
pub(super) fn join(
    house: &mut House,
    (first, second): (&str, &str),
    party: Party,
    sdp: &str,
) -> Result<String, &'static str> {
    let call = |session: &str| {
        let call = house.calls.call_of(session)?;
        let is_up = house.calls.leg(session)?.state == LegState::Answered;
        (is_up && call.handover.is_none()).then(|| call.id.clone())
    };
    let (Some(one), Some(other)) = (call(first), call(second)) else {
        return Err("both calls have to be answered");
    };
    if one == other {
        return Err("two calls are wanted");
    }
    let who = house.calls.leg(first).map(|leg| leg.who.clone()).unwrap_or_default();
    let number = format!("{CONFERENCE}@{}", address::domain(&who.address));
    // Somebody by script is heard by all as they are.
    let voices = [first, second].into_iter().filter_map(|leg| house.calls.peer(leg)?.scripted());
    let mode = voices.map(|voice| voice.usual).next().unwrap_or(FarEndMode::Silence);
    let (id, session) = setup::begin(house, who, party);
    if let Some(call) = house.calls.call_mut(&id) {
        call.offer = Some(sdp.to_owned());
        call.rang = true;
    }
    if let Some(leg) = house.calls.leg_mut(&session) {
        leg.sdp = Some(sdp.to_owned());
    }
    let leaving = vec![first.to_owned(), second.to_owned()];
    let host = seat(house, (&id, 1), &id, mode, &number);
    if let Some(scripted) = house.calls.leg_mut(&host).and_then(|leg| leg.scripted_mut()) {
        scripted.joins = leaving;
    }
    invite(house, &[host], Some(sdp));
    Ok(session)
}

/// A place at an end of a call; its leg's session.
fn seat(
    house: &mut House,
    (call, end): (&str, usize),
    bridge: &str,
    mode: FarEndMode,
    number: &str,
) -> String {
    let name = house.world.base.rng.uuid();
    let who = Identity::new(number, CONFERENCE);
    let party = Party::Scripted(Box::new(place(mode, bridge)));
    let leg = Leg::new(name.clone(), call, end, who, party, house.world.base.now);
    house.calls.keep(leg);
    house.calls.seat(&name, call, end);
    if call == bridge
        && let Some(call) = house.calls.call_mut(call)
    {
        // It has yet to answer.
        call.ends[end].chosen = None;
    }
    house.calls.bridges.entry(bridge.to_owned()).or_default().legs.push(name.clone());
    name
}

/// The host's place answered: the old legs are over, and their far ends are offered places of
/// their own (w8.14, w8.15).
pub(super) fn answered(house: &mut House, host: &str) {
    let Some(leg) = house.calls.leg_mut(host) else { return };
    let (id, number) = (leg.call.clone(), leg.who.address.clone());
    let Some(scripted) = leg.scripted_mut() else { return };
    let mode = scripted.mode;
    let leaving = std::mem::take(&mut scripted.joins);
    if leaving.is_empty() {
        return;
    }
    for leaving in leaving {
        let at = house.calls.leg(&leaving).filter(|leg| !leg.state.is_over());
        let Some((call, end)) = at.map(|leg| (leg.call.clone(), leg.end)) else { continue };
        tell(house, &leaving, News::Complete(200, "Join Successful".to_owned()));
        let name = seat(house, (&call, end), &id, mode, &number);
        house.calls.finish_leg(&leaving, LegState::Ended, &mut house.world);
        if let Some(call) = house.calls.call_mut(&call) {
            call.offers = [None, None];
        }
        let is_client = house.calls.peer(&name).is_some_and(|peer| peer.user().is_some());
        let udp = is_client.then(|| house.world.base.open_media(&name));
        if let Some(leg) = house.calls.leg_mut(&name) {
            leg.state = LegState::Answered;
            if let Some(scripted) = leg.scripted_mut() {
                scripted.udp = udp;
            }
        }
    }
    happened(house, "joined", host, &json!({}));
}
