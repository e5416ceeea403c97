//! The end that has the media: it does what its twin was asked to.

use std::time::{Duration, Instant};

use super::order::{Act, Expected, Order};
use super::report::{News, Report};
use crate::media::{Digit, Engine, EngineConfig, EngineEvent, MediaError};

/// An order that cannot be carried out: it is none of a twin's.
#[derive(Debug)]
pub(crate) struct NoOrder(pub(crate) &'static str);

/// The settings of an engine, if the order is to make one.
///
/// # Errors
///
/// They can be no engine's.
pub(crate) fn settings(order: &Order) -> Result<Option<EngineConfig>, NoOrder> {
    let Act::Create(settings) = &order.0 else { return Ok(None) };
    settings.clone().config().map(Some).ok_or(NoOrder("settings that cannot work"))
}

/// True if the order is the last one.
pub(crate) fn is_last(order: &Order) -> bool {
    matches!(order.0, Act::Close)
}

/// The report of what an engine tells; none for what its twin tells by itself, and for media.
pub(crate) fn report(event: &EngineEvent) -> Option<Report> {
    Some(Report(match event {
        EngineEvent::State(state) => News::State { state: *state },
        EngineEvent::Dtmf { digit, duration } => News::Key {
            key: digit.as_char(),
            ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        },
        EngineEvent::ComfortNoise { level } => News::Noise { level: *level },
        EngineEvent::LocalCandidate(_)
        | EngineEvent::GatheringComplete
        | EngineEvent::TrackAdded(_)
        | EngineEvent::TrackChanged(_)
        | EngineEvent::TrackRemoved(_)
        | EngineEvent::Agreed(_)
        | EngineEvent::Frame { .. }
        | EngineEvent::KeyframeWanted(_)
        | EngineEvent::BitrateLimit { .. }
        | EngineEvent::ChannelOpened { .. }
        | EngineEvent::ChannelMessage { .. }
        | EngineEvent::ChannelClosed(_)
        | EngineEvent::Failed(_) => return None,
    }))
}

/// Carries an order out. What the engine refuses, it has refused to the twin.
///
/// # Errors
///
/// The order cannot be read, or the engine describes itself otherwise than its twin.
pub(crate) fn carry_out(
    order: Order,
    engine: &mut dyn Engine,
    now: Instant,
) -> Result<(), NoOrder> {
    let same = |made: Result<String, MediaError>, expected: Expected| {
        let same = made.ok() == expected;
        same.then_some(()).ok_or(NoOrder("another description than its twin's"))
    };
    match order.0 {
        Act::Create(_) => return Err(NoOrder("a second engine of one name")),
        Act::AddLocal { local, kind } => engine.add_local(now, &local, kind),
        Act::RemoveLocal { address } => engine.remove_local(now, address),
        Act::LocalDone => engine.local_done(now),
        Act::CreateOffer { wishes, expects } => {
            return same(engine.create_offer(now, &wishes), expects);
        }
        Act::Rollback => drop(engine.rollback(now)),
        Act::AcceptAnswer { sdp } => drop(engine.accept_answer(now, &sdp)),
        Act::AcceptOffer { sdp } => drop(engine.accept_offer(now, &sdp)),
        Act::CreateAnswer { expects } => return same(engine.create_answer(now), expects),
        Act::AddRemoteCandidate { candidate } => {
            drop(engine.add_remote_candidate(now, &candidate));
        }
        Act::RestartIce { expects } => return same(engine.restart_ice(now), expects),
        Act::Send { track, frame } => {
            let frame = frame.frame().ok_or(NoOrder("a frame that is none"))?;
            drop(engine.send(now, track, &frame));
        }
        Act::SetMuted { track, muted } => engine.set_muted(track, muted),
        Act::RequestKeyframe { track } => drop(engine.request_keyframe(now, track)),
        Act::LimitBitrate { track, limit } => drop(engine.limit_bitrate(now, track, limit)),
        Act::SendDtmf { keys, ms } => {
            let keys: Result<Vec<_>, _> = keys.chars().map(Digit::try_from).collect();
            let keys = keys.map_err(|_| NoOrder("a key that is none"))?;
            drop(engine.send_dtmf(now, &keys, Duration::from_millis(ms)));
        }
        Act::SetDirection { track, direction } => engine.set_direction(track, direction),
        Act::Close => engine.close(now),
    }
    Ok(())
}
