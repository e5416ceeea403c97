//! Orders of a far end that is played outside: another offer, and its candidates (`calls/{cid}/far`
//! of the control API).

use serde_json::Value;

use super::calls::Calls;
use super::external::{Description, sayable};
use super::lines;
use super::session::Phase;
use super::signaling::Signaling;
use super::streams::Streams;
use super::world::World;

/// Takes the far end's description, or another one.
pub(super) fn far_offer(
    calls: &mut Calls,
    call: &str,
    new: &Description,
    streams: &Streams,
    world: &mut World,
) -> Result<(), String> {
    let id = calls.calls.get(call).map(|call| call.session.clone()).unwrap_or_default();
    let session = calls.sessions.get_mut(&id).ok_or("the call is over")?;
    let (phase, signaling) = (session.phase, session.about.plan.signaling);
    let external = session.external().ok_or("the far end is the emulator's")?;
    sayable(&new.sdp, signaling)?;
    match phase {
        Phase::Proposed { .. } | Phase::Proceeding => {
            external.renew(&new.sdp, false);
            session.offer_outside(streams, world);
        }
        // The client could not use the one before.
        Phase::Offered if external.is_refused() => {
            external.renew(&new.sdp, true);
            session.offer_outside_anew(streams, world);
        }
        Phase::Active if new.reinvite && signaling == Signaling::Jingle => {
            return Err("Jingle has no re-invites".to_owned());
        }
        Phase::Active if new.new_session => {
            external.renew(&new.sdp, true);
            let id = lines::succeed(calls, &id, world.base.rng.uuid(), world)
                .ok_or("not as it stands")?;
            let session = calls.sessions.get_mut(&id).ok_or("not as it stands")?;
            session.offer_outside(streams, world);
        }
        Phase::Active if new.reinvite => {
            external.renew(&new.sdp, true);
            session.reinvite_outside(streams, world);
        }
        Phase::Active => session.renegotiate_outside(&new.sdp, streams, world)?,
        Phase::Offered => return Err("an offer waits for its answer".to_owned()),
        Phase::Replaced | Phase::Elsewhere | Phase::Over => {
            return Err("the session is not the emulator's to offer on".to_owned());
        }
    }
    Ok(())
}

/// Candidates of the far end's; how many words it were.
pub(super) fn far_candidates(
    calls: &mut Calls,
    call: &str,
    body: &Value,
    streams: &Streams,
    world: &mut World,
) -> Result<usize, &'static str> {
    let id = calls.calls.get(call).map(|call| call.session.clone()).unwrap_or_default();
    let session = calls.sessions.get_mut(&id).ok_or("the call is over")?;
    let external = session.external().ok_or("the far end is the emulator's")?;
    let count = external.wait(body)?;
    let ready = match session.phase {
        Phase::Active => true,
        // Streaming clients before 19 lose what comes before they have made the session of an
        // SDP offer (wire notes 6.14): it waits for their accept or answer.
        Phase::Offered => session.about.plan.signaling == Signaling::Jingle,
        _ => false,
    };
    if ready {
        session.pass_on(streams, world);
    }
    Ok(count)
}
