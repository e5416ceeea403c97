//! Offers between the two ends of a call that is up: passed on, answered, refused, crossing (w4.0.4,
//! w4.9-4.11).

use std::time::Duration;

use serde_json::json;

use super::call::Offer;
use super::descriptions::flows;
use super::guesses;
use super::house::House;
use super::news::{News, Speed};
use super::setup::happened;
use super::tell::{tell, tell_at};

/// After this an offer without an answer is given up by whoever made it.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// True while an offer of this leg's end waits that its client cannot have given up.
pub(super) fn is_offering(house: &House, session: &str) -> bool {
    let now = house.world.base.now;
    let (Some(leg), Some(call)) = (house.calls.leg(session), house.calls.call_of(session)) else {
        return false;
    };
    call.offers[leg.end].as_ref().is_some_and(|offer| now < offer.at + FORGOTTEN)
}

/// Forgets an offer of a leg's that was not answered in time. True if there was one.
pub(super) fn give_up(house: &mut House, session: &str) -> bool {
    let now = house.world.base.now;
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    call.offers[end].take_if(|offer| now >= offer.at + FORGOTTEN).is_some()
}

/// True while that very offer of the other end waits for this leg.
pub(super) fn is_offered(house: &House, session: &str, sdp: &str) -> bool {
    let (Some(leg), Some(call)) = (house.calls.leg(session), house.calls.call_of(session)) else {
        return false;
    };
    call.offers[1 - leg.end].as_ref().is_some_and(|offer| offer.sdp.as_deref() == Some(sdp))
}

/// A leg offers, or asks for an offer.
pub(super) fn offer(house: &mut House, session: &str, sdp: Option<String>, speed: Speed) {
    make(house, session, sdp, speed, false);
}

/// A handover offers in a leg's name, or asks for an offer.
pub(super) fn offer_for(house: &mut House, session: &str, sdp: Option<String>) {
    make(house, session, sdp, Speed::Usual, true);
}

fn make(house: &mut House, session: &str, sdp: Option<String>, speed: Speed, own: bool) {
    let at = house.world.base.now;
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return };
    let Some(call) = house.calls.call_of_mut(session) else { return };
    call.offers[end] = Some(Offer { sdp: sdp.clone(), at, own });
    if call.offers[1 - end].is_some() {
        happened(house, "glare", session, &json!({}));
    }
    for peer in house.calls.peers(session) {
        tell_at(house, &peer, News::Offer(sdp.clone()), speed);
    }
}

/// A leg answers the other end's offer. False if there is none.
pub(super) fn respond(house: &mut House, session: &str, sdp: &str) -> bool {
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    let Some(offer) = call.offers[1 - end].take() else { return false };
    if let Some(offered) = &offer.sdp {
        agree(house, session, offered, sdp);
    }
    for peer in house.calls.peers(session) {
        tell(house, &peer, News::Response(sdp.to_owned()));
    }
    happened(house, "updated-media", session, &json!({"slowStart": offer.sdp.is_none()}));
    true
}

/// Notes what an offer and its answer say: who holds whom.
pub(super) fn agree(house: &mut House, answerer: &str, offer: &str, answer: &str) {
    let (asked, given) = (flows(offer), flows(answer));
    let offerer = house.calls.peer(answerer).map(|leg| leg.session.clone());
    if let Some(leg) = offerer.and_then(|offerer| house.calls.leg_mut(&offerer)) {
        leg.held = !asked;
        leg.sdp = Some(offer.to_owned());
    }
    if let Some(leg) = house.calls.leg_mut(answerer) {
        // Who answers a hold does not hold by that.
        leg.held = if asked { !given } else { leg.held };
        leg.sdp = Some(answer.to_owned());
    }
}

/// A leg refuses the other end's offer. False if there is none.
pub(super) fn refuse(house: &mut House, session: &str, code: u16) -> bool {
    let Some(end) = house.calls.leg(session).map(|leg| leg.end) else { return false };
    let Some(call) = house.calls.call_of_mut(session) else { return false };
    if call.offers[1 - end].take().is_none() {
        return false;
    }
    let told = match code {
        guesses::REQUEST_PENDING => guesses::BUSY_WITH_OFFER,
        other => other,
    };
    let ms = match house.world.options.retry_after {
        Some(ms) => ms,
        None => guesses::retry_after(&mut house.world.dice),
    };
    happened(house, "refused-491", session, &json!({"statusCode": code}));
    for peer in house.calls.peers(session) {
        tell(house, &peer, News::Refused(i64::from(told), ms));
    }
    true
}
