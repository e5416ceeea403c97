//! Troubles of media in the middle of a call, as the control API orders them (wire notes 3.8, 6.6,
//! 6.14). Each answers whether it could be done.

use offhook::jingle::Reason;
use offhook::sdp::Direction;

use super::call::{DIALING, Stage};
use super::calls::Calls;
use super::conversation::CallDirection;
use super::lines;
use super::session::Phase;
use super::signaling::Signaling;
use super::streams::Streams;
use super::world::World;

/// Proposes again.
pub(super) fn repropose(
    calls: &mut Calls,
    call: &str,
    streams: &Streams,
    world: &mut World,
) -> bool {
    let session = calls.session_of(call);
    let Some(session) = session.filter(|s| matches!(s.phase, Phase::Proposed { .. })) else {
        return false;
    };
    session.propose(streams, world);
    true
}

/// Speaks to the user's newest connection from now on.
pub(super) fn rebind(calls: &mut Calls, call: &str, streams: &Streams) -> bool {
    let Some(session) = calls.session_of(call) else { return false };
    match streams.resources(&session.about.user).pop() {
        Some((_, jid)) if session.about.client.is_some() => {
            session.about.client = Some(jid);
            true
        }
        Some(_) | None => false,
    }
}

/// A new offer on the connection that is there: as it is, or for another call of the same
/// user, which is on it from then on (wire notes 6.14).
pub(super) fn renegotiate(
    calls: &mut Calls,
    call: &str,
    other: Option<&str>,
    streams: &Streams,
    world: &mut World,
) -> bool {
    let Some(id) = calls.calls.get(call).map(|call| call.session.clone()) else { return false };
    let Some(session) = calls.sessions.get_mut(&id) else { return false };
    let Some(other) = other else { return session.renegotiate(streams, world) };
    let Some(moved) = calls.calls.get_mut(other) else { return false };
    if moved.is_over() || moved.user() != Some(&session.about.user) || !session.can_renegotiate() {
        return false;
    }
    other.clone_into(&mut session.about.conversation);
    session.renegotiate(streams, world);
    let before = std::mem::replace(&mut moved.session, id.clone());
    if let (Stage::Ringing { .. }, CallDirection::Outbound) =
        (moved.stage, moved.conversation.direction)
    {
        // It waited for media.
        moved.stage = Stage::Contacting { dial: world.base.now + DIALING };
    }
    if before != id {
        session.riders.push(other.to_owned());
        if let Some(before) = calls.sessions.get_mut(&before) {
            before.riders.retain(|rider| rider != other);
        }
        lines::let_go(calls, &before, Some(Reason::Success), streams, world);
        lines::tune(calls, &before, streams, world);
    }
    lines::tune(calls, &id, streams, world);
    true
}

/// A new connection: under the name of the old one, or under its own.
pub(super) fn reinvite(calls: &mut Calls, call: &str, renamed: bool, world: &mut World) -> bool {
    let new = world.base.rng.uuid();
    let Some(session) = calls.session_of(call) else { return false };
    if !renamed {
        return session.reinvite(world);
    }
    let old = session.about.id.clone();
    lines::succeed(calls, &old, new, world).is_some()
}

/// Takes the far side offline, which is all that is said of the session; the call is over.
pub(super) fn leave(calls: &mut Calls, call: &str, streams: &Streams, world: &mut World) {
    let session = calls.session_of(call).filter(|session| !session.line.shared && session.is_up());
    if let Some(signal) = session.and_then(|session| session.signal()) {
        signal.leave(streams, world);
        lines::end(calls, call, None, streams, world);
    }
}

/// Offers again by the far end that is there: with another direction, or with other codecs.
pub(super) fn offer_again(
    calls: &mut Calls,
    call: &str,
    direction: Option<Direction>,
    streams: &Streams,
    world: &mut World,
) -> bool {
    let session = calls.session_of(call);
    session.is_some_and(|session| session.offer_again(direction, streams, world))
}

/// Puts another far end in its place under the same name, with a certificate of its own.
pub(super) fn replace_far_end(calls: &mut Calls, call: &str, world: &mut World) -> bool {
    calls.session_of(call).is_some_and(|session| session.replace_far_end(world))
}

/// Sends, as the far end, what clients answer and have no use for.
pub(super) fn say_odd_words(
    calls: &mut Calls,
    call: &str,
    streams: &Streams,
    world: &mut World,
) -> bool {
    let session = calls.session_of(call).filter(|session| session.phase == Phase::Active);
    let Some(signal) = session.and_then(|session| session.signal()) else { return false };
    signal.odd_words(streams, world);
    true
}

/// Takes the far end's media away, and nobody says so.
pub(super) fn kill_media(calls: &mut Calls, call: &str, world: &mut World) -> bool {
    let session = calls.session_of(call);
    let Some(session) = session.filter(|s| s.about.plan.signaling == Signaling::Sdp) else {
        return false;
    };
    session.kill_media(world);
    true
}

/// New ICE credentials at both ends.
pub(super) fn restart_ice(
    calls: &mut Calls,
    call: &str,
    streams: &Streams,
    world: &mut World,
) -> bool {
    calls.session_of(call).is_some_and(|session| session.restart_ice(streams, world))
}
