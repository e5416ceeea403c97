//! Calls on media sessions: which one carries a call, who is heard on it, and how long it stays
//! (behaviour notes 3; wire notes 5.9, 8.2).

use offhook::jingle::Reason;
use serde_json::json;

use super::call::{ANSWERING, Call, Stage};
use super::calls::Calls;
use super::conversation::{CallDirection, LegState};
use super::directory::Station;
use super::session::{Line, OnAir, Phase, Seen, Session, Step};
use super::signaling::Signaling;
use super::silence::Silence;
use super::streams::Streams;
use super::world::World;

fn station<'a>(user: &str, world: &'a World) -> Option<&'a Station> {
    world.directory.user(user)?.station.as_ref()
}

/// The session that a new call of the user's would ride on. One line carries all its calls,
/// one of several lines at most one.
pub(super) fn line_of(calls: &Calls, user: &str, world: &World) -> Option<String> {
    let station = station(user, world).filter(|station| station.shares())?;
    let line = calls.lines_of(user).find(|session| {
        session.line.shared
            && session.is_up()
            && (station.has_one_line() || !is_busy(calls, &session.riders))
    })?;
    Some(line.about.id.clone())
}

fn is_busy(calls: &Calls, riders: &[String]) -> bool {
    riders.iter().filter_map(|id| calls.calls.get(id)).any(|call| !call.eager)
}

/// Goes where a session went.
pub(super) fn follow(
    calls: &mut Calls,
    id: &str,
    step: Step,
    streams: &Streams,
    world: &mut World,
) {
    match step {
        Step::Goes => {}
        Step::Answered => answered(calls, id, streams, world),
        Step::Lost => look_for(calls, id, streams, world),
        Step::Over(reason) => end_session(calls, id, reason, streams, world),
    }
}

/// Lets the calls that waited for media go on: it is made.
fn answered(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(session) = calls.sessions.get(id) else { return };
    let user = session.about.user.clone();
    let riders = session.riders.clone();
    // A far end that is played outside is one call's.
    let shares = !session.is_outside() && station(&user, world).is_some_and(Station::shares);
    if shares && !calls.lines_of(&user).any(|other| other.line.shared && other.is_up()) {
        share(calls, id, &user, streams, world);
    }
    if riders.is_empty() && calls.sessions.get(id).is_some_and(|session| !session.line.shared) {
        // Another became the line while this one was made anew.
        return end_session(calls, id, Some(Reason::Gone), streams, world);
    }
    for rider in riders {
        let Some(call) = calls.calls.get_mut(&rider) else { continue };
        if !matches!(call.stage, Stage::Ringing { .. }) {
            continue;
        }
        match call.conversation.direction {
            CallDirection::Inbound => connect(calls, &rider, streams, world),
            CallDirection::Outbound => {
                call.stage = Stage::Dialing { answer: world.base.now + ANSWERING };
                call.enter(LegState::Dialing, streams, world);
            }
        }
    }
}

/// A session becomes the user's line; an idle one that is no use any more ends.
fn share(calls: &mut Calls, id: &str, user: &str, streams: &Streams, world: &mut World) {
    let mut useless = Vec::new();
    let own: Vec<_> = calls.lines_of(user).map(|session| session.about.id.clone()).collect();
    for other in own {
        let Some(other) = calls.sessions.get_mut(&other) else { continue };
        if other.about.id == id {
            other.line.shared = true;
            continue;
        }
        other.line = Line::default();
        if other.riders.is_empty() && other.phase == Phase::Active {
            useless.push(other.about.id.clone());
        }
    }
    for other in useless {
        end_session(calls, &other, Some(Reason::Gone), streams, world);
    }
}

/// Ends a session, and with it what it carries.
pub(super) fn end_session(
    calls: &mut Calls,
    id: &str,
    reason: Option<Reason>,
    streams: &Streams,
    world: &mut World,
) {
    let Some(session) = calls.sessions.get_mut(id) else { return };
    let riders = session.riders.clone();
    let replaced = session.replaces.take();
    session.line.shared = false;
    if reason.is_none() {
        // The client ended it, and knows.
        session.end(None, streams, world);
    }
    for rider in riders {
        let talks = calls.calls.get(&rider).is_some_and(Call::is_talking);
        let is_told = !talks || !world.keeps(Silence::EndOfTalk);
        finish(calls, &rider, reason.clone(), is_told, streams, world);
    }
    let_go(calls, id, reason.clone(), streams, world);
    if let Some(replaced) = replaced {
        end_session(calls, &replaced, reason, streams, world);
    }
}

/// Ends a session that nothing is on, unless it is the user's and stays.
pub(super) fn let_go(
    calls: &mut Calls,
    id: &str,
    reason: Option<Reason>,
    streams: &Streams,
    world: &mut World,
) -> Option<Seen> {
    let session = calls.sessions.get_mut(id)?;
    let stays = session.line.shared
        && session.is_up()
        && station(&session.about.user, world).is_some_and(|station| station.persistent);
    let left = session.riders.is_empty() && session.line.shared && session.is_up();
    if left && !stays && reason == Some(Reason::Success) && world.keeps(Silence::EndOfIdle) {
        return Some(session.seen());
    }
    if session.riders.is_empty() && !stays {
        session.end(reason.clone(), streams, world);
        let gone = calls.sessions.remove(id)?;
        if let Some(replaced) = &gone.replaces {
            // What it was to take the place of ends with it.
            end_session(calls, replaced, reason, streams, world);
        }
        return Some(gone.seen());
    }
    Some(session.seen())
}

pub(super) fn connect(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(call) = calls.calls.get_mut(id) else { return };
    call.stage = Stage::Talking;
    let session = call.session.clone();
    let elsewhere = |session: &Session| session.phase == Phase::Elsewhere;
    if calls.sessions.get(&session).is_some_and(elsewhere)
        && world.keeps(Silence::ConnectedElsewhere)
    {
        call.conversation.enter(LegState::Connected, world);
    } else {
        call.enter(LegState::Connected, streams, world);
    }
    world.base.happened("call-connected", call.about(json!({})));
    world.base.log(format!("call {} connected", &id[..8]));
    hold_others(calls, id, streams, world);
    tune(calls, &session, streams, world);
}

/// On one line, one call is heard: the service holds the others (PC-13).
pub(super) fn hold_others(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(call) = calls.calls.get(id) else { return };
    let Some(session) = calls.sessions.get(&call.session) else { return };
    for rider in session.riders.iter().filter(|rider| *rider != id) {
        if let Some(other) = calls.calls.get_mut(rider).filter(|other| other.is_talking()) {
            other.set_held(true, streams, world);
        }
    }
}

/// Finds who is heard on a session.
pub(super) fn tune(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(session) = calls.sessions.get_mut(id) else { return };
    let mut riders = session.riders.iter().rev().filter_map(|id| calls.calls.get(id));
    let talks = |call: &&Call| call.stage == Stage::Talking && !call.conversation.agent.held;
    // What only brings media up is heard while there is no call.
    let heard = match riders.clone().any(Call::is_talking) {
        true => riders.find(|call| !call.eager && talks(call)),
        false => riders.find(talks),
    };
    let on_air = heard.map(|call| OnAir {
        conversation: call.conversation.id.clone(),
        mode: call.far_end,
        heard: !call.conversation.agent.muted,
    });
    session.set_on_air(on_air, world.base.now);
    let persists = station(&session.about.user, world).is_some_and(|s| s.persistent);
    if session.line.shared && persists {
        let calls = session.riders.iter().filter_map(|id| calls.calls.get(id));
        let busy = calls.into_iter().any(|call| !call.eager);
        let state = if busy { "ACTIVE_CALL" } else { "PERSISTED" };
        session.tell_line(state, streams, world);
    }
}

/// Ends a call. `reason` is what the client is told if its session ends with it.
pub(super) fn end(
    calls: &mut Calls,
    id: &str,
    reason: Option<Reason>,
    streams: &Streams,
    world: &mut World,
) {
    let Some(call) = calls.calls.get(id).filter(|call| !call.is_over()) else { return };
    let phase = calls.sessions.get(&call.session).map(|session| session.phase);
    // Where only the notification could tell, it does.
    let is_told = match (call.stage, phase) {
        (Stage::Ringing { .. }, Some(Phase::Proposed { .. })) => {
            !world.keeps(Silence::EndOfRinging)
        }
        (Stage::Ringing { .. }, Some(Phase::Active)) => !world.keeps(Silence::EndOfRingingOnLine),
        _ => true,
    };
    finish(calls, id, reason, is_told, streams, world);
}

/// [`Calls::end`]; true if that is notified.
fn finish(
    calls: &mut Calls,
    id: &str,
    reason: Option<Reason>,
    is_told: bool,
    streams: &Streams,
    world: &mut World,
) {
    let Some(call) = calls.calls.get_mut(id).filter(|call| !call.is_over()) else { return };
    let session = call.session.clone();
    call.stage = Stage::Over;
    let enter = |call: &mut Call, state, world: &mut World| match is_told {
        true => call.enter(state, streams, world),
        false => call.conversation.enter(state, world),
    };
    enter(call, LegState::Disconnected, world);
    if let Some(session) = calls.sessions.get_mut(&session) {
        session.riders.retain(|rider| rider != id);
    }
    let seen = let_go(calls, &session, reason, streams, world);
    tune(calls, &session, streams, world);
    let Some(call) = calls.calls.get_mut(id) else { return };
    call.seen = seen;
    enter(call, LegState::Terminated, world);
    world.base.happened("call-ended", call.about(json!({})));
    world.base.log(format!("call {} over", &id[..8]));
}

pub(super) fn handle_timeout(calls: &mut Calls, streams: &Streams, world: &mut World) {
    calls.settle();
    let mut steps = Vec::new();
    for id in calls.due_sessions(world.base.now) {
        let Some(session) = calls.sessions.get_mut(&id) else { continue };
        match session.handle_timeout(streams, world) {
            Step::Goes => {}
            step => steps.push((id, step)),
        }
    }
    for (id, step) in steps {
        follow(calls, &id, step, streams, world);
    }
    calls.settle();
    let idle =
        |session: &Session| session.is_lost() || session.riders.is_empty() && session.is_dead();
    let mut dead = calls.take_suspects();
    dead.retain(|id| calls.sessions.get(id).is_some_and(idle));
    for id in dead {
        end_session(calls, &id, Some(Reason::Gone), streams, world);
    }
    calls.settle();
    for id in calls.due_calls(world.base.now) {
        time(calls, &id, streams, world);
    }
    calls.settle();
}

/// A call does not stay as it is.
fn time(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(call) = calls.calls.get_mut(id) else { return };
    match call.stage {
        Stage::Ringing { .. } => end(calls, id, None, streams, world),
        Stage::Contacting { .. } => {
            call.stage = Stage::Dialing { answer: world.base.now + ANSWERING };
            call.enter(LegState::Dialing, streams, world);
        }
        Stage::Answering { .. } | Stage::Dialing { .. } => connect(calls, id, streams, world),
        Stage::Talking | Stage::Over => {}
    }
}

/// Looks for a client of which nothing comes any more, as its signaling can: by new ICE credentials (wire notes 6.6), or
/// by a new connection under a name of its own (wire notes 6.14).
fn look_for(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    let Some(session) = calls.sessions.get_mut(id) else { return };
    world.base.log(format!("session {id}: its client is looked for"));
    match session.about.plan.signaling {
        Signaling::Jingle => {
            session.restart_ice(streams, world);
        }
        Signaling::Sdp => {
            let (new, heard) = (world.base.rng.uuid(), session.heard());
            let new = succeed(calls, id, new, world);
            if let Some(session) = new.and_then(|new| calls.sessions.get_mut(&new)) {
                session.keep_consent(heard);
            }
        }
    }
}

/// Puts a session in another's place, with its calls, and returns which.
pub(super) fn succeed(
    calls: &mut Calls,
    old: &str,
    new: String,
    world: &mut World,
) -> Option<String> {
    let successor = calls.sessions.get_mut(old)?.successor(new.clone(), world)?;
    for rider in &successor.riders {
        if let Some(call) = calls.calls.get_mut(rider) {
            call.session.clone_from(&new);
        }
    }
    calls.open(successor);
    Some(new)
}
