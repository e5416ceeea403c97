//! Beginnings of calls: somebody calls the agent, or the agent calls somebody.

use serde_json::json;

use super::call::{ANSWERING, Call, DIALING, RINGING, Stage};
use super::caller::Caller;
use super::calls::Calls;
use super::conversation::{CallDirection, Conversation};
use super::directory::User;
use super::external::External;
use super::lines;
use super::session::{About, Plan, Session};
use super::signaling::Signaling;
use super::streams::Streams;
use super::world::World;
use crate::service::FarEndMode;

/// A call to be made.
pub(super) struct Wish {
    pub(super) plan: Plan,
    pub(super) far_end: FarEndMode,
    /// The far end, where somebody outside is that: such a call has a session of its own.
    pub(super) external: Option<External>,
    /// True if it is told before it is proposed.
    pub(super) event_first: bool,
}

/// Calls the user from outside.
pub(super) fn ring(
    calls: &mut Calls,
    user: &User,
    wish: Wish,
    from: Caller,
    purpose: &str,
    streams: &Streams,
    world: &mut World,
) -> Option<String> {
    let conversation = Conversation::new(world, user, CallDirection::Inbound, from, purpose)?;
    add(calls, user, conversation, wish, streams, world)
}

/// Calls somebody for the user.
pub(super) fn dial(
    calls: &mut Calls,
    user: &User,
    number: &str,
    signaling: Signaling,
    external: Option<External>,
    streams: &Streams,
    world: &mut World,
) -> Option<String> {
    let to = Caller::of_number(number);
    let conversation = Conversation::new(world, user, CallDirection::Outbound, to, "agent")?;
    let plan = Plan {
        signaling,
        trickle: signaling == Signaling::Jingle,
        auto_answer: true,
        eager: false,
        also_jingle: None,
    };
    let far_end = world.options.far_end;
    let wish = Wish { plan, far_end, external, event_first: true };
    add(calls, user, conversation, wish, streams, world)
}

fn add(
    calls: &mut Calls,
    user: &User,
    conversation: Conversation,
    wish: Wish,
    streams: &Streams,
    world: &mut World,
) -> Option<String> {
    if !calls.make_room() {
        return None;
    }
    let id = conversation.id.clone();
    let (now, direction) = (world.base.now, conversation.direction);
    world.base.log(format!("{} call {} for {}", direction.name(), &id[..8], user.name));
    let alone = wish.plan.eager || wish.external.is_some();
    let line = if alone { None } else { lines::line_of(calls, &user.id, world) };
    let stage = match (&line, direction) {
        (Some(_), CallDirection::Outbound) => Stage::Contacting { dial: now + DIALING },
        (Some(_), CallDirection::Inbound) if wish.plan.auto_answer => {
            Stage::Answering { at: now + ANSWERING }
        }
        _ => Stage::Ringing { until: now + RINGING },
    };
    let session = line.clone().unwrap_or_else(|| world.base.rng.uuid());
    let call = Call {
        stage,
        session: session.clone(),
        far_end: wish.far_end,
        eager: wish.plan.eager,
        consult: None,
        seen: None,
        conversation,
    };
    if line.is_some() {
        if let Some(session) = calls.sessions.get_mut(&session) {
            session.riders.push(id.clone());
        }
        call.publish(streams, world);
    } else {
        let peer = call.conversation.peer.clone();
        let about = About {
            id: session.clone(),
            user: user.id.clone(),
            conversation: id.clone(),
            peer,
            client: None,
            plan: wish.plan,
        };
        let new = Session::new(about, wish.external, now);
        if wish.event_first {
            call.publish(streams, world);
            new.propose(streams, world);
        } else {
            new.propose(streams, world);
            call.publish(streams, world);
        }
        calls.open(new);
    }
    world.base.happened("call-ringing", call.about(json!({})));
    calls.keep(call);
    Some(id)
}
