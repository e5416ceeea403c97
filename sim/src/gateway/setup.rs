//! Calls come and go: who is called, rings, answers, turns it down or hangs up (w9.3).

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::address::{self, Identity};
use super::call::{Call, CallState, Handover};
use super::click;
use super::directory::User;
use super::house::House;
use super::leg::{Leg, LegState, Party, Reach};
use super::options::CancelToAnswerer;
use super::party::{Plan, Scripted};
use super::stores::presence;
use super::tell::{News, Speed, tell, tell_at};

/// Legs of one call, past ones too; it leads nowhere from there.
pub(super) const MAX_LEGS: usize = 64;

/// A code and its words.
pub(super) type Reason = (i64, String);

pub(super) fn reason(code: i64, text: &str) -> Reason {
    (code, text.to_owned())
}

/// An event of the control API about a leg.
pub(super) fn happened(house: &mut House, kind: &str, session: &str, more: &Value) {
    let Some(leg) = house.calls.leg(session) else { return };
    let mut data = json!({"call": leg.call, "sessionData": session, "user": leg.user()});
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more.clone());
    }
    house.world.base.happened(kind, data);
}

/// Begins a call of whoever that is, who has one end of it. Their leg's session.
pub(super) fn begin(house: &mut House, who: Identity, party: Party) -> (String, String) {
    let (id, session) = (house.world.base.rng.uuid(), house.world.base.rng.uuid());
    let now = house.world.base.now;
    house.calls.add(Call::new(id.clone(), &session, now));
    let leg = Leg::new(session.clone(), &id, 0, who, party, now);
    house.calls.add_leg(leg);
    happened(house, "call-created", &session, &json!({}));
    (id, session)
}

/// A leg is there that a client keeps alive.
pub(super) fn watch(house: &mut House, session: &str) {
    let Some(leg) = house.calls.leg(session) else { return };
    let misses = house.world.options.audit_misses;
    let lives = !leg.state.is_over() && misses > 0 && leg.user().is_some();
    let at = lives.then(|| leg.audit.last + leg.audit.every * misses);
    house.calls.audits.set(&session.to_owned(), at);
}

/// The people that an address leads to, as parties with their names.
fn people_at(house: &House, dialled: &str) -> Result<Vec<(Identity, Party)>, Reason> {
    let address = address::plain(dialled);
    let scripted = |plan: &Plan| (plan.who.clone(), Party::Scripted(Box::new(Scripted::new(plan))));
    if let Some(plan) = house.parties.at(address) {
        return Ok(vec![scripted(plan)]);
    }
    match house.world.directory.user(address) {
        Some(user) => {
            let all: Vec<_> = clients_of(house, user).collect();
            if all.is_empty() { Err(reason(480, "Temporarily Unavailable")) } else { Ok(all) }
        }
        None => match house.parties.anybody(address) {
            Some(plan) => Ok(vec![scripted(&plan)]),
            None => Err(reason(404, "Not Found")),
        },
    }
}

/// A user's clients, each a party.
fn clients_of<'h>(
    house: &'h House,
    user: &'h User,
) -> impl Iterator<Item = (Identity, Party)> + use<'h> {
    let all = house.subscriptions.of_user(&user.name).filter(|one| one.has("call"));
    all.map(|one| {
        let reach = Reach::One(one.correlator.clone());
        let party = Party::Client { user: user.name.clone(), reach };
        (Identity::new(&user.name, &user.display_name), party)
    })
}

/// Puts the people that an address leads to at an end of a call; nobody is told yet.
pub(super) fn place(
    house: &mut House,
    call: &str,
    end: usize,
    dialled: &str,
) -> Result<Vec<String>, Reason> {
    // One that is forwarded for ever gets nowhere.
    if house.calls.call(call).is_none_or(|call| call.legs().count() >= MAX_LEGS) {
        return Err(reason(482, "Loop Detected"));
    }
    let people = people_at(house, dialled)?;
    let mut sessions = Vec::new();
    for (who, party) in people {
        let session = house.world.base.rng.uuid();
        let mut leg = Leg::new(session.clone(), call, end, who, party, house.world.base.now);
        leg.called = true;
        house.calls.add_leg(leg);
        sessions.push(session);
    }
    Ok(sessions)
}

/// Lets it ring at legs that are placed.
pub(super) fn invite(house: &mut House, sessions: &[String], offer: Option<&str>) {
    for session in sessions {
        tell(house, session, News::Call(offer.map(str::to_owned)));
        if let Some(leg) = house.calls.leg_mut(session) {
            leg.audit.last = house.world.base.now;
        }
        watch(house, session);
    }
}

/// It rings at a leg; the caller is told once.
pub(super) fn ring(house: &mut House, session: &str) {
    let Some(leg) = house.calls.leg_mut(session) else { return };
    leg.state = LegState::Ringing;
    let Some(call) = house.calls.call_of_mut(session) else { return };
    if std::mem::replace(&mut call.rang, true) {
        return;
    }
    happened(house, "ringing", session, &json!({}));
    for peer in house.calls.peers(session) {
        if let Some(leg) = house.calls.leg_mut(&peer).filter(|leg| leg.state == LegState::Created) {
            leg.state = LegState::Ringing;
        }
        tell(house, &peer, News::Ringing);
    }
}

/// The caller hears something before the answer.
pub(super) fn progress(house: &mut House, session: &str, sdp: &str) {
    if let Some(leg) = house.calls.leg_mut(session) {
        leg.sdp = Some(sdp.to_owned());
    }
    for peer in house.calls.peers(session) {
        tell(house, &peer, News::Progress(sdp.to_owned()));
    }
}

/// A leg answers: it has its end, and the others of that end ring no more.
pub(super) fn answer(house: &mut House, session: &str, sdp: &str) {
    let now = house.world.base.now;
    let Some(leg) = house.calls.leg_mut(session) else { return };
    leg.state = LegState::Answered;
    leg.sdp = Some(sdp.to_owned());
    let (end, is_client) = (leg.end, leg.user().is_some());
    let Some(call) = house.calls.call_of_mut(session) else { return };
    let others: Vec<_> =
        call.ends[end].legs.iter().filter(|leg| *leg != session).cloned().collect();
    call.ends[end].chosen = Some(session.to_owned());
    if call.then.is_none() {
        call.state = CallState::Connected;
        call.connected = Some(now);
    }
    for other in others {
        cancel(house, &other, LegState::Elsewhere, &reason(9904, "Answered elsewhere"));
    }
    if is_client {
        let first = match house.world.options.cancel_to_answerer {
            CancelToAnswerer::Before => true,
            CancelToAnswerer::After => false,
            CancelToAnswerer::Random => house.world.chance(0.5),
        };
        let speed = if first { Speed::First } else { Speed::Usual };
        tell_at(house, session, News::Cancel(9904, "Answered".to_owned()), speed);
    }
    happened(house, "answered", session, &json!({}));
    if click::answered(house, session, sdp) {
        return;
    }
    for peer in house.calls.peers(session) {
        if let Some(leg) = house.calls.leg_mut(&peer) {
            leg.state = LegState::Answered;
        }
        tell(house, &peer, News::Answer(sdp.to_owned()));
    }
    phones(house, session);
}

/// A user is on the phone, or not any more.
fn phone(house: &mut House, user: &str) {
    let on = |leg: &Leg| leg.user() == Some(user) && leg.state == LegState::Answered;
    let talks = house.calls.all_legs().any(on);
    presence::phone(&mut house.watch(), user, talks);
}

/// Those at both ends of a leg's call are on the phone, or not any more.
pub(super) fn phones(house: &mut House, session: &str) {
    let peer = house.calls.peer(session).map(|leg| leg.session.clone());
    for leg in [Some(session.to_owned()), peer].into_iter().flatten() {
        let user = house.calls.leg(&leg).and_then(|leg| leg.user().map(str::to_owned));
        if let Some(user) = user {
            phone(house, &user);
        }
    }
}

/// A call as its history tells it to a user (w5.1).
fn record(
    house: &House,
    call: &str,
    user: &str,
    made: Instant,
    connected: Option<Instant>,
) -> Value {
    let clock = |at: Instant| house.world.base.clock.unix_ms(at);
    let now = house.world.base.now;
    let legs = || house.calls.call(call).into_iter().flat_map(Call::legs);
    let all = || legs().filter_map(|leg| house.calls.leg(leg));
    let is_caller = all().any(|leg| leg.user() == Some(user) && !leg.called);
    let took = all().any(|leg| {
        leg.user() == Some(user) && matches!(leg.state, LegState::Answered | LegState::Elsewhere)
    });
    let direction = match (is_caller, took && connected.is_some()) {
        (true, _) => "outgoing",
        (false, true) => "incoming",
        (false, false) => "missed",
    };
    let duration = connected.map_or(0, |at| clock(now) - clock(at));
    let domain = address::domain(user);
    let called = all().find(|leg| leg.called || leg.end == 1);
    let caller = all().find(|leg| !leg.called && leg.end == 0);
    let mut record = json!({
        "startTime": clock(made).to_string(), "duration": duration.to_string(),
        "direction": direction, "originalRemoteParticipant": Value::Null,
    });
    for (leg, key) in [(caller, "caller"), (called, "callee")] {
        if let Some(leg) = leg {
            record[format!("{key}Name")] = json!(leg.who.name);
            record[format!("{key}DisplayNumber")] = json!(leg.who.display_number(domain));
        }
    }
    record
}

/// A leg that rings does so no more.
pub(super) fn cancel(house: &mut House, session: &str, state: LegState, why: &Reason) {
    let Some(leg) = house.calls.leg(session) else { return };
    if leg.state.is_over() {
        return;
    }
    tell(house, session, News::Cancel(why.0, why.1.clone()));
    house.calls.finish_leg(session, state, &mut house.world);
}

/// A leg turns the call down, and so do all of its end.
pub(super) fn reject(house: &mut House, session: &str, why: &Reason) {
    let Some(call) = house.calls.call_of(session).map(|call| call.id.clone()) else { return };
    end(house, &call, why, None);
}

/// A leg sends the call on: its end is somebody else's now.
pub(super) fn forward(house: &mut House, session: &str, dialled: &str) {
    let Some(end_of) = house.calls.leg(session).map(|leg| leg.end) else { return };
    let Some(call) = house.calls.call_of_mut(session) else { return };
    let (id, offer) = (call.id.clone(), call.offer.clone());
    let before = std::mem::take(&mut call.ends[end_of]);
    for leg in &before.legs {
        cancel(house, leg, LegState::Ended, &reason(9908, "Forwarded"));
    }
    // Those who are there no more are still told.
    if let Some(call) = house.calls.call_mut(&id) {
        call.ends[end_of].past = [before.past, before.legs].concat();
    }
    match place(house, &id, end_of, dialled) {
        Ok(sessions) => invite(house, &sessions, offer.as_deref()),
        Err(why) => end(house, &id, &why, None),
    }
}

/// Another client of the user, which nobody sees, is at the callee's end from now on.
fn phantom(house: &mut House, call: &str, state: LegState, why: &Reason) {
    let Some(there) = house.calls.call(call).map(|call| call.ends[1].clone()) else { return };
    let Some(who) = there.legs.first().and_then(|leg| house.calls.leg(leg)) else { return };
    let (who, session) = (who.who.clone(), house.world.base.rng.uuid());
    for leg in &there.legs {
        cancel(house, leg, state, why);
    }
    let mut leg = Leg::new(session.clone(), call, 1, who, Party::Phantom, house.world.base.now);
    leg.state = LegState::Answered;
    house.calls.add_leg(leg);
    if let Some(call) = house.calls.call_mut(call) {
        call.ends[1].chosen = Some(session);
        call.state = CallState::Connected;
    }
}

/// Another client of the user answers.
pub(super) fn answer_elsewhere(house: &mut House, call: &str) {
    phantom(house, call, LegState::Elsewhere, &reason(9904, "Answered elsewhere"));
}

/// Another client of the user sends the call on.
pub(super) fn forward_elsewhere(house: &mut House, call: &str) {
    phantom(house, call, LegState::Ended, &reason(9908, "Forwarded"));
}

/// A call is gone, and nobody is told.
pub(super) fn forget(house: &mut House, id: &str) {
    let legs: Vec<_> = house.calls.call(id).into_iter().flat_map(Call::legs).cloned().collect();
    for leg in legs {
        house.calls.finish_leg(&leg, LegState::Ended, &mut house.world);
    }
    house.calls.finish(id);
}

/// A leg hangs up, or gives up.
pub(super) fn hang_up(house: &mut House, session: &str, why: &Reason) {
    let Some(call) = house.calls.call_of(session).map(|call| call.id.clone()) else { return };
    end(house, &call, why, Some(session));
}

/// A call ends; all are told but the leg that ended it.
pub(super) fn end(house: &mut House, id: &str, why: &Reason, silent: Option<&str>) {
    let Some(call) = house.calls.call_mut(id) else { return };
    if call.state == CallState::Ended {
        return;
    }
    call.reason = Some(why.clone());
    let (connected, made) = (call.connected, call.made);
    let other = match call.handover.take() {
        Some(Handover::Joining { from, .. }) => Some(from),
        Some(Handover::Calling { .. } | Handover::Placing { .. }) | None => None,
    };
    let legs: Vec<_> = call.legs().cloned().collect();
    let users: BTreeSet<_> =
        legs.iter().filter_map(|leg| house.calls.leg(leg)?.user().map(str::to_owned)).collect();
    for user in &users {
        let record = record(house, id, user, made, connected);
        house.stores.history.add(user, &record);
    }
    for session in &legs {
        let Some(leg) = house.calls.leg(session).filter(|leg| !leg.state.is_over()) else {
            continue;
        };
        let has_end = leg.state == LegState::Answered || !leg.called;
        if silent != Some(session) {
            let (code, text) = why.clone();
            let news = if has_end { News::End(code, text) } else { News::Cancel(code, text) };
            tell(house, session, news);
        }
        house.calls.finish_leg(session, LegState::Ended, &mut house.world);
    }
    house.calls.finish(id);
    let data = json!({"call": id, "statusCode": why.0, "reasonText": why.1});
    house.world.base.happened("call-ended", data);
    for user in &users {
        phone(house, user);
    }
    if let Some(other) = other {
        end(house, &other, why, None);
    }
}
