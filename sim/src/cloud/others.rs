//! Changes of a call that everybody else makes, by the control API: the far end, and other clients
//! of the user.

use offhook::genesys::wire::{Dialect, Payload, SessionMessage};
use offhook::jingle::Reason;
use offhook::media::{AudioFrame, Digit};
use serde_json::{Map, Value};

use super::call::Stage;
use super::calls::Calls;
use super::lines;
use super::session::Phase;
use super::silence::Silence;
use super::streams::Streams;
use super::world::World;
use crate::service::FarEndMode;

/// Gives up or hangs up as the far end.
pub(super) fn hang_up(calls: &mut Calls, id: &str, streams: &Streams, world: &mut World) {
    lines::end(calls, id, Some(Reason::Success), streams, world);
}

/// Another client of the user accepts or rejects.
pub(super) fn elsewhere(
    calls: &mut Calls,
    id: &str,
    accepts: bool,
    streams: &Streams,
    world: &mut World,
) {
    let Some(call) = calls.calls.get(id) else { return };
    if !matches!(call.stage, Stage::Ringing { .. } | Stage::Answering { .. }) {
        return;
    }
    let Some(session) = calls.sessions.get_mut(&call.session) else { return };
    // On a line that is up there is nothing to take: the answer is the service's.
    if session.phase != Phase::Active {
        let user = world.directory.user(&session.about.user);
        let Some(other) = user.map(|user| user.jid.with_resource("another-client")) else {
            return;
        };
        let sid = session.about.id.clone();
        let message = if accepts {
            session.taken_elsewhere(other.clone());
            SessionMessage::Accept { id: sid }
        } else {
            SessionMessage::Reject { id: sid }
        };
        let payload = Payload::Extension(Dialect::SessionMessage(message));
        let taken = accepts && session.phase == Phase::Elsewhere;
        if !taken || !world.keeps(Silence::AcceptElsewhere) {
            streams.fan_out(&session.about.user, &other, &payload, None, world);
        }
    }
    if accepts {
        lines::connect(calls, id, streams, world);
    } else {
        lines::end(calls, id, None, streams, world);
    }
}

/// Changes fields of the user's leg, any of them, and tells it.
pub(super) fn set_leg(
    calls: &mut Calls,
    id: &str,
    fields: &Map<String, Value>,
    streams: &Streams,
    world: &mut World,
) {
    let Some(call) = calls.calls.get_mut(id) else { return };
    call.conversation.agent.set(fields);
    call.publish(streams, world);
    let session = call.session.clone();
    lines::tune(calls, &session, streams, world);
}

pub(super) fn set_far_end(
    calls: &mut Calls,
    id: &str,
    mode: FarEndMode,
    streams: &Streams,
    world: &mut World,
) {
    let Some(call) = calls.calls.get_mut(id) else { return };
    call.far_end = mode;
    let session = call.session.clone();
    lines::tune(calls, &session, streams, world);
}

pub(super) fn far_audio(calls: &mut Calls, id: &str, frame: &AudioFrame, world: &mut World) {
    let Some(call) = calls.calls.get(id) else { return };
    let session = calls.sessions.get_mut(&call.session);
    if let Some(session) = session.filter(|session| session.is_on_air(id)) {
        session.say(frame, world);
    }
}

/// The far end of a call presses keys, if it is on.
pub(super) fn far_keys(calls: &mut Calls, id: &str, digits: &[Digit], world: &mut World) {
    let Some(call) = calls.calls.get(id) else { return };
    let session = calls.sessions.get_mut(&call.session);
    if let Some(session) = session.filter(|session| session.is_on_air(id)) {
        session.press(digits, world);
    }
}
