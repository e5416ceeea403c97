//! Deeds of those without a client: they ring, answer, decline, meet offers and make some.

use std::net::SocketAddr;
use std::time::Duration;

use offhook::machine::UdpId;
use offhook::sdp::Direction;
use serde_json::json;

use super::agenda::{Act, Job};
use super::broker;
use super::conference;
use super::far::{Change, Far};
use super::guesses;
use super::house::House;
use super::leg::LegState;
use super::media;
use super::news::{News, Speed, words};
use super::party::{Script, Scripted};
use super::setup::{self, Reason, reason};
use super::tell::tell;
use super::transfer;
use super::updates;
use crate::service::FarEndMode;

/// The time until a phone rings.
const RINGS: Duration = Duration::from_millis(20);
/// The time until a place in a conference is offered again.
const AGAIN: Duration = Duration::from_millis(1500);
/// The time for which somebody is heard before they answer.
const EARLY: Duration = Duration::from_secs(3);

/// Media sockets are there: whoever waited for them begins.
pub(super) fn ready(house: &mut House, id: UdpId, local: Vec<SocketAddr>) {
    let Some(session) = house.world.base.owner_of(id).map(str::to_owned) else { return };
    if broker::ready(house, &session, id, &local) {
        return;
    }
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(&session) else { return };
    let is_up = leg.state == LegState::Answered;
    let Some(scripted) = leg.scripted_mut().filter(|scripted| scripted.far.is_none()) else {
        return;
    };
    scripted.far = Some(Far::new(&session, id, local, world));
    let (script, after, now) = (scripted.script, scripted.after, world.base.now);
    let mut plan = |at: Duration, act: Act| {
        world.agenda.add(now + at, Job::Act { leg: session.clone(), act });
    };
    match script {
        Script::Calls => call(house, &session),
        Script::Answer => {
            plan(RINGS.min(after), Act::Ring);
            plan(after, Act::Answer);
        }
        Script::Ring => plan(RINGS, Act::Ring),
        Script::EarlyMedia => {
            plan(RINGS.min(after), Act::Ring);
            plan(after, Act::Progress);
            plan(after + EARLY, Act::Answer);
        }
        Script::Busy => plan(after, Act::Decline),
        Script::Decline => {
            plan(RINGS.min(after), Act::Ring);
            plan(after, Act::Decline);
        }
        Script::Slow => {
            plan(after, Act::Ring);
            plan(after * 2, Act::Answer);
        }
        Script::Bridge if is_up => take_place(house, &session),
        Script::Bridge => plan(Duration::ZERO, Act::Answer),
        Script::Silent => {}
    }
}

/// Somebody who is in a call already is offered a place in a conference.
fn take_place(house: &mut House, session: &str) {
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session);
    let Some(far) = leg.and_then(|leg| leg.scripted_mut()?.far.as_mut()) else { return };
    match far.first_offer(false, world) {
        Ok(offer) => updates::offer(house, session, Some(offer), Speed::Usual),
        Err(why) => house.world.base.log(format!("no offer: {why}")),
    }
    media::settle(house, session);
}

/// Somebody calls: with an offer, or without one.
fn call(house: &mut House, session: &str) {
    let world = &mut house.world;
    let scripted = house.calls.leg_mut(session).and_then(|leg| leg.scripted_mut());
    let Some(scripted) = scripted else { return };
    scripted.calling = true;
    let offer = match (&mut scripted.far, scripted.slow_start) {
        (_, true) => Ok(None),
        (Some(far), false) => far.first_offer(scripted.video, world).map(Some),
        (None, false) => return,
    };
    let offer = match offer {
        Ok(offer) => offer,
        Err(why) => {
            house.world.base.log(format!("no offer: {why}"));
            return setup::hang_up(house, session, &reason(500, "No media"));
        }
    };
    if let Some(leg) = house.calls.leg_mut(session) {
        leg.sdp.clone_from(&offer);
    }
    let Some(call) = house.calls.call_of_mut(session) else { return };
    call.offer.clone_from(&offer);
    let callees = call.ends[1].legs.clone();
    setup::invite(house, &callees, offer.as_deref());
    media::settle(house, session);
}

/// Does one thing, if it can still be done.
pub(super) fn perform(house: &mut House, session: &str, act: Act) {
    let Some(leg) = house.calls.leg(session).filter(|leg| !leg.state.is_over()) else { return };
    let is_set_up = leg.state != LegState::Answered;
    match act {
        Act::Ring if is_set_up => setup::ring(house, session),
        Act::Progress if is_set_up => {
            if let Some(sdp) = first_answer(house, session) {
                setup::progress(house, session, &sdp);
            }
        }
        Act::Answer if is_set_up => {
            if let Some(sdp) = first_answer(house, session)
                && !transfer::answered(house, session, &sdp)
            {
                setup::answer(house, session, &sdp);
                conference::answered(house, session);
            }
        }
        Act::Decline if is_set_up => decline(house, session, None),
        Act::Ring | Act::Progress | Act::Answer | Act::Decline => {}
        Act::Meet(Some(offer)) => meet(house, session, &offer),
        Act::Meet(None) => {
            if let Ok(sdp) = make(house, session, Change::Anew) {
                transfer::respond(house, session, &sdp);
            } else {
                transfer::refuse(house, session, guesses::REQUEST_PENDING);
            }
        }
        Act::TakeFirst(sdp) => take_first(house, session, &sdp),
        Act::Take(sdp) => take(house, session, &sdp),
        Act::TakePlace => take_place(house, session),
        Act::Retreat => retreat(house, session),
    }
    media::settle(house, session);
}

/// Turns a call down with a code of its own, or that of the script.
pub(super) fn decline(house: &mut House, session: &str, status: Option<i64>) {
    let Some(scripted) = house.calls.leg(session).and_then(|leg| leg.scripted()) else { return };
    let (code, text) = scripted.script.refusal();
    match status.or(scripted.status) {
        Some(other) if other != code => turn_down(house, session, &reason(other, words(other))),
        _ => turn_down(house, session, &reason(code, text)),
    }
}

fn turn_down(house: &mut House, session: &str, why: &Reason) {
    if !transfer::declined(house, session, why) {
        setup::reject(house, session, why);
    }
}

fn scripted<'h>(house: &'h mut House, session: &str) -> Option<&'h mut Scripted> {
    house.calls.leg_mut(session)?.scripted_mut()
}

/// The answer to the offer that a call came with, or an offer where it came with none; the same each
/// time.
fn first_answer(house: &mut House, session: &str) -> Option<String> {
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session)?;
    let known = leg.sdp.clone();
    let scripted = leg.scripted_mut()?;
    if known.is_some() {
        return known;
    }
    let offer = scripted.offered.take();
    let far = scripted.far.as_mut()?;
    // Whoever is called without an offer makes one.
    let answered = match &offer {
        Some(offer) => far.answer(offer, world),
        None => far.first_offer(false, world),
    };
    match answered {
        Ok(sdp) => Some(sdp),
        Err(why) => {
            house.world.base.log(format!("an offer that cannot be used: {why}"));
            turn_down(house, session, &reason(488, words(488)));
            None
        }
    }
}

/// Meets an offer on a call that is up.
fn meet(house: &mut House, session: &str, offer: &str) {
    if !updates::is_offered(house, session, offer) {
        // Another took its place meanwhile.
        return;
    }
    let_go(house, session);
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session);
    let Some(scripted) = leg.and_then(|leg| leg.scripted_mut()) else { return };
    let crosses = std::mem::take(&mut scripted.crosses);
    let Some(far) = scripted.far.as_mut() else { return };
    if crosses || far.is_offering() {
        transfer::refuse(house, session, guesses::REQUEST_PENDING);
        return;
    }
    match far.answer(offer, world) {
        Ok(sdp) => {
            transfer::respond(house, session, &sdp);
        }
        Err(why) => {
            house.world.base.log(format!("an offer that cannot be used: {why}"));
            transfer::refuse(house, session, 488);
        }
    }
}

/// Takes the first answer, or the first offer where it had made none; once.
fn take_first(house: &mut House, session: &str, sdp: &str) {
    let Some(scripted) = scripted(house, session) else { return };
    if std::mem::take(&mut scripted.calling) {
        scripted.asked = scripted.slow_start;
        take(house, session, sdp);
    }
}

/// Takes an answer, or the offer that it asked for.
fn take(house: &mut House, session: &str, sdp: &str) {
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session);
    let Some(scripted) = leg.and_then(|leg| leg.scripted_mut()) else { return };
    let asked = std::mem::take(&mut scripted.asked);
    let Some(far) = &mut scripted.far else { return };
    if !asked {
        if far.is_offering()
            && let Err(why) = far.take_answer(sdp, world)
        {
            give_up(house, session, &why);
        }
        return;
    }
    match far.answer(sdp, world) {
        Ok(answer) => {
            updates::agree(house, session, sdp, &answer);
            let peer = house.calls.peer(session).map(|leg| leg.session.clone());
            if let Some(peer) = peer {
                tell(house, &peer, News::Response(answer));
            }
        }
        Err(why) => give_up(house, session, &why),
    }
}

fn give_up(house: &mut House, session: &str, why: &str) {
    house.world.base.log(format!("a description that cannot be used: {why}"));
    setup::hang_up(house, session, &reason(488, words(488)));
}

fn retreat(house: &mut House, session: &str) {
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session);
    let Some(scripted) = leg.and_then(|leg| leg.scripted_mut()) else { return };
    scripted.asked = false;
    let is_place = scripted.bridge.is_some();
    if let Some(far) = &mut scripted.far {
        far.roll_back(world);
        if is_place && !far.has_agreed() {
            let (leg, act) = (session.to_owned(), Act::TakePlace);
            world.agenda.add(world.base.now + AGAIN, Job::Act { leg, act });
        }
    }
    reset_mode(house, session);
}

/// The far end plays music while it holds and sends, and is as usual otherwise.
fn reset_mode(house: &mut House, session: &str) {
    let Some(scripted) = scripted(house, session) else { return };
    let direction = scripted.far.as_ref().map(Far::direction);
    let mode = match direction {
        Some(Direction::SendOnly) => FarEndMode::Prompt,
        _ => scripted.usual,
    };
    if mode != scripted.mode && scripted.mode != FarEndMode::External {
        media::set_mode(house, session, mode);
    }
}

/// Gives up an offer of its own that nobody has answered: the notification of it may be lost.
fn let_go(house: &mut House, session: &str) {
    if updates::give_up(house, session) {
        if let Some(scripted) = scripted(house, session) {
            scripted.crosses = false;
        }
        retreat(house, session);
    }
}

/// Nobody offers, or asks for an offer, while what they sent before waits for its answer (RFC 3261 section 14.1).
fn one_at_a_time(house: &House, session: &str) -> Result<(), String> {
    match updates::is_offering(house, session) {
        true => Err("an offer is under way".to_owned()),
        false => Ok(()),
    }
}

/// An offer of a change.
fn make(house: &mut House, session: &str, change: Change) -> Result<String, String> {
    let_go(house, session);
    one_at_a_time(house, session)?;
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session);
    let far = leg.and_then(|leg| leg.scripted_mut()?.far.as_mut()).ok_or("there is no media")?;
    if far.is_offering() {
        return Err("an offer is under way".to_owned());
    }
    far.offer(change, world)
}

/// Somebody without a client changes something in a call that is up.
pub(super) fn change(
    house: &mut House,
    session: &str,
    change: Change,
    speed: Speed,
) -> Result<(), String> {
    let is_up = house.calls.leg(session).is_some_and(|leg| leg.state == LegState::Answered);
    if !is_up {
        return Err("the call is not up".to_owned());
    }
    let sdp = make(house, session, change)?;
    updates::offer(house, session, Some(sdp), speed);
    reset_mode(house, session);
    media::settle(house, session);
    Ok(())
}

/// Somebody without a client offers while the other end's offer is on its way.
pub(super) fn cross(house: &mut House, session: &str, speed: Speed) {
    match change(house, session, Change::Nothing, speed) {
        Ok(()) => {
            if let Some(scripted) = scripted(house, session) {
                scripted.crosses = true;
            }
        }
        Err(why) => house.world.base.log(format!("no glare: {why}")),
    }
}

/// Somebody without a client asks the other end for an offer (slow start).
pub(super) fn ask(house: &mut House, session: &str) -> Result<(), String> {
    let_go(house, session);
    one_at_a_time(house, session)?;
    let leg = house.calls.leg_mut(session).filter(|leg| leg.state == LegState::Answered);
    let leg = leg.ok_or("the call is not up")?;
    let scripted = leg.scripted_mut().ok_or("a client is there")?;
    if scripted.far.as_ref().is_none_or(Far::is_offering) {
        return Err("an offer is under way".to_owned());
    }
    scripted.asked = true;
    updates::offer(house, session, None, Speed::Usual);
    Ok(())
}

/// Somebody without a client offers right when they have answered, or were (RP-2).
pub(super) fn offer_during_answer(house: &mut House, session: &str, answer: &str) {
    take_first(house, session, answer);
    let done = change(house, session, Change::Nothing, Speed::First);
    let data = match done {
        Ok(()) => json!({"during": "answer"}),
        Err(why) => json!({"why": why}),
    };
    setup::happened(house, "offer-during-answer", session, &data);
}
