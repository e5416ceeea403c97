//! Transfers: a leg leaves a call, and somebody else has its place (w4.12, w4.13, w9.3).

use std::time::Duration;

use serde_json::json;

use super::agenda::Job;
use super::call::{CallState, Handover};
use super::guesses;
use super::house::House;
use super::leg::{Leg, LegState};
use super::news::News;
use super::setup::{self, Reason, happened, invite, place, reason};
use super::tell::tell;
use super::updates;

/// The longest that a transfer may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The time until an end that was busy with its own offer is asked again, and how often.
const AGAIN: Duration = Duration::from_millis(1500);
const TRIES: u8 = 5;

fn call_of(house: &House, session: &str) -> Option<String> {
    house.calls.call_of(session).map(|call| call.id.clone())
}

fn set(house: &mut House, call: &str, handover: Handover) {
    let Some(call) = house.calls.call_mut(call) else { return };
    call.handover = Some(handover);
    call.handovers += 1;
    let job = Job::HandoverLimit { call: call.id.clone(), number: call.handovers };
    house.world.agenda.add(house.world.base.now + LIMIT, job);
}

/// A client sends its call to somebody else.
pub(super) fn direct(house: &mut House, session: &str, to: &str) -> Result<(), &'static str> {
    let call = house.calls.call_of(session).filter(|call| call.handover.is_none());
    let call = call.ok_or("another transfer is under way")?.id.clone();
    let end = house.calls.leg(session).map_or(0, |leg| leg.end);
    match place(house, &call, end, to) {
        Ok(sessions) => {
            set(house, &call, Handover::Calling { leaving: session.to_owned() });
            invite(house, &sessions, None);
        }
        Err((code, text)) => tell(house, session, News::Fail(code, text)),
    }
    Ok(())
}

/// A client puts the other ends of its two calls together.
pub(super) fn consultative(
    house: &mut House,
    session: &str,
    second: &str,
) -> Result<(), &'static str> {
    let (first_call, second_call) = (call_of(house, session), call_of(house, second));
    let (Some(call), Some(from)) = (first_call, second_call) else { return Err("no such call") };
    let is_busy = |id: &str| house.calls.call(id).is_none_or(|call| call.handover.is_some());
    if call == from || is_busy(&call) || is_busy(&from) {
        return Err("two calls are wanted that are not being transferred");
    }
    if house.calls.call(&call).is_none_or(|call| call.legs().count() >= setup::MAX_LEGS) {
        return Err("the call was handed on too often");
    }
    let remaining = house.calls.peer(session).map(|leg| leg.session.clone());
    let came = house.calls.peer(second);
    let (Some(remaining), Some(came)) = (remaining, came) else {
        return Err("both calls have to be answered");
    };
    let (came, end) = (came.session.clone(), came.end);
    let place = house.calls.leg(session).map_or(0, |leg| leg.end);
    house.calls.seat(&came, &call, place);
    for id in [&call, &from] {
        if let Some(call) = house.calls.call_mut(id) {
            call.offers = [None, None];
        }
    }
    let (leaving, second) = (session.to_owned(), second.to_owned());
    set(house, &call, Handover::Joining { leaving, second, came: came.clone(), from, end });
    let scripted = |leg: &str| house.calls.leg(leg).is_some_and(|leg| leg.scripted().is_some());
    if scripted(&remaining) && scripted(&came) {
        // Nobody is there to whom it would make a difference.
        finish(house, &call);
    } else {
        updates::offer_for(house, &remaining, None);
    }
    Ok(())
}

/// The leg that a call's pending leg is to take the place of.
fn pending(house: &House, session: &str) -> Option<(String, String)> {
    let call = house.calls.call_of(session)?;
    let Some(Handover::Calling { leaving }) = &call.handover else { return None };
    let is_there = |leg: &&Leg| leg.state == LegState::Answered || leg.session == *leaving;
    let own = house.calls.leg(session)?;
    let at = house.calls.leg(leaving)?;
    (!is_there(&own) && own.end == at.end).then(|| (call.id.clone(), leaving.clone()))
}

/// Somebody who was called for a transfer answers, with an offer. False if it is no such answer.
pub(super) fn answered(house: &mut House, session: &str, sdp: &str) -> bool {
    let Some((call, leaving)) = pending(house, session) else { return false };
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let others = house.calls.call(&call).map(|call| call.ends[end].legs.clone());
    for other in others.into_iter().flatten().filter(|leg| leg != session && *leg != leaving) {
        setup::cancel(house, &other, LegState::Elsewhere, &reason(9904, "Answered elsewhere"));
    }
    if let Some(leg) = house.calls.leg_mut(session) {
        leg.state = LegState::Answered;
        leg.sdp = Some(sdp.to_owned());
    }
    house.calls.seat(session, &call, end);
    if let Some(call) = house.calls.call_mut(&call) {
        call.offers = [None, None];
        let (leg, sdp) = (session.to_owned(), sdp.to_owned());
        call.handover = Some(Handover::Placing { leg, sdp, tries: 0 });
    }
    tell(house, &leaving, News::Complete(200, "Direct Transfer Successful".to_owned()));
    house.calls.finish_leg(&leaving, LegState::Ended, &mut house.world);
    happened(house, "transferred", session, &json!({"from": leaving, "kind": "direct"}));
    setup::phones(house, session);
    setup::phones(house, &leaving);
    let remaining = house.calls.peer(session).is_some_and(|peer| peer.scripted().is_some());
    let own = house.calls.leg(session).is_some_and(|leg| leg.scripted().is_some());
    if remaining && own {
        finish(house, &call);
    } else {
        updates::offer_for(house, session, Some(sdp.to_owned()));
    }
    true
}

/// Somebody who was called for a transfer does not come. False if they were not.
pub(super) fn declined(house: &mut House, session: &str, why: &Reason) -> bool {
    let Some((call, leaving)) = pending(house, session) else { return false };
    take_back(house, &call, &leaving);
    tell(house, &leaving, News::Fail(why.0, why.1.clone()));
    true
}

/// Somebody who was called for a transfer sends that on. False if they were not.
pub(super) fn forwarded(house: &mut House, session: &str, to: &str) -> bool {
    let Some((call, leaving)) = pending(house, session) else { return false };
    take_back(house, &call, &leaving);
    // It is a transfer to somebody else from now on.
    direct(house, &leaving, to).is_ok()
}

/// Those who were called for a transfer are called no more.
fn take_back(house: &mut House, call: &str, leaving: &str) {
    let Some(end) = house.calls.leg(leaving).map(|leg| leg.end) else { return };
    let Some(call) = house.calls.call_mut(call) else { return };
    call.handover = None;
    let there = &mut call.ends[end];
    let called: Vec<_> = there.legs.extract_if(.., |leg| leg != leaving).collect();
    there.past.extend(called.iter().cloned());
    for leg in called {
        setup::cancel(house, &leg, LegState::Ended, &reason(487, "Request Terminated"));
    }
}

/// A leg answers an offer: one of the other end's, or of a transfer.
pub(super) fn respond(house: &mut House, session: &str, sdp: &str) -> bool {
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    let id = call.id.clone();
    let own = call.offers[1 - end].take_if(|offer| offer.own);
    match own {
        None => updates::respond(house, session, sdp),
        // It was asked for an offer, which is the other end's to answer.
        Some(offer) if offer.sdp.is_none() => {
            updates::offer_for(house, session, Some(sdp.to_owned()));
            true
        }
        Some(offer) => {
            updates::agree(house, session, offer.sdp.as_deref().unwrap_or_default(), sdp);
            for peer in house.calls.peers(session) {
                tell(house, &peer, News::Response(sdp.to_owned()));
            }
            finish(house, &id);
            true
        }
    }
}

/// A leg refuses an offer: one of the other end's, or of a transfer.
pub(super) fn refuse(house: &mut House, session: &str, code: u16) -> bool {
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    let id = call.id.clone();
    let Some(offer) = call.offers[1 - end].take_if(|offer| offer.own) else {
        return updates::refuse(house, session, code);
    };
    happened(house, "refused-491", session, &json!({"statusCode": code}));
    let call = house.calls.call_mut(&id);
    match call.and_then(|call| call.handover.as_mut()) {
        Some(Handover::Placing { tries, .. }) if *tries < TRIES => {
            *tries += 1;
            let at = house.world.base.now + AGAIN;
            house.world.agenda.add(at, Job::OfferAgain { call: id });
        }
        Some(Handover::Joining { came, .. }) => {
            // Whoever made the offer takes it back.
            let came = came.clone();
            if offer.sdp.is_some() {
                let code = i64::from(guesses::BUSY_WITH_OFFER);
                tell(house, &came, News::Refused(code, 1000));
            }
            give_up(house, &id);
        }
        _ => setup::end(house, &id, &reason(500, "Transfer failed"), None),
    }
    true
}

/// Offers again to an end that was busy.
pub(super) fn offer_again(house: &mut House, call: &str) {
    let placing = house.calls.call(call).and_then(|call| call.handover.clone());
    if let Some(Handover::Placing { leg, sdp, .. }) = placing {
        updates::offer_for(house, &leg, Some(sdp));
    }
}

/// The time of a transfer is up.
pub(super) fn limit(house: &mut House, call: &str, number: u32) {
    if house.calls.call(call).is_some_and(|call| call.handovers == number) {
        give_up(house, call);
    }
}

/// A transfer did not come to its end in time, or cannot: all is as before.
fn give_up(house: &mut House, call: &str) {
    let Some(handover) = house.calls.call(call).and_then(|call| call.handover.clone()) else {
        return;
    };
    match handover {
        Handover::Calling { leaving } => {
            take_back(house, call, &leaving);
            tell(house, &leaving, News::Fail(408, "Request Timeout".to_owned()));
        }
        Handover::Placing { .. } => {
            setup::end(house, call, &reason(408, "Request Timeout"), None);
        }
        Handover::Joining { leaving, came, from, end, .. } => {
            let place = house.calls.leg(&leaving).map_or(0, |leg| leg.end);
            house.calls.seat(&came, &from, end);
            house.calls.seat(&leaving, call, place);
            if let Some(call) = house.calls.call_mut(call) {
                call.handover = None;
                call.offers = [None, None];
            }
            tell(house, &leaving, News::Fail(500, "Transfer Failed".to_owned()));
            // The call that it came from may be over by now: then nobody is left for it.
            if house.calls.call(&from).is_none_or(|call| call.state == CallState::Ended) {
                tell(house, &came, News::End(408, "Request Timeout".to_owned()));
                house.calls.finish_leg(&came, LegState::Ended, &mut house.world);
            }
        }
    }
}

/// A transfer came to its end: whoever asked for it leaves.
fn finish(house: &mut House, call: &str) {
    let handover = house.calls.call_mut(call).and_then(|call| call.handover.take());
    if let Some(Handover::Joining { leaving, second, came, from, .. }) = handover {
        let text = "Transfer Successful";
        tell(house, &leaving, News::Complete(200, text.to_owned()));
        house.calls.finish_leg(&leaving, LegState::Ended, &mut house.world);
        // The second call just ends (w8.13).
        tell(house, &second, News::End(200, text.to_owned()));
        house.calls.finish_leg(&second, LegState::Ended, &mut house.world);
        setup::end(house, &from, &reason(200, text), None);
        let data = json!({"from": leaving, "kind": "consultative"});
        happened(house, "transferred", &came, &data);
    }
}
